import { type Json, SETTINGS, type Settings, synth, type Template, WAYS, type Way } from '../support/synth';
import { Column } from './column';
import { COLUMNS } from './column-checks';
import { PARITY } from './parity-checks';

/** A mistake somebody could make, and the checks that report it: these, and no other. */
interface Mutation {
  readonly way: Way;
  readonly settings?: Settings;
  readonly make: (column: Column) => void;
  /** By name, in their order. */
  readonly reported: readonly string[];
}

/** The names of all checks that a column does not pass. */
function reported(column: Column): string[] {
  const checks = { ...PARITY, ...COLUMNS[column.way] };
  return Object.entries(checks).flatMap(([name, check]) => {
    try {
      check(column);
      return [];
    } catch {
      return [name];
    }
  });
}

/** A resource that may be changed, by the beginning of its id. */
const resource = (column: Column, type: string, idPrefix = ''): Json =>
  column.template.Resources[column.id(type, idPrefix)];

const add = (column: Column, id: string, Type: string, Properties: Json = {}) => {
  Object.assign(column.template.Resources, { [id]: { Type, Properties } });
};

/** Changes an object on its way to Kubernetes. */
function edit(column: Column, kind: string, name: string, change: (object: Json) => void): void {
  for (const [, properties] of column.all('Custom::AWSCDK-EKS-KubernetesResource')) {
    const objects: Json[] = JSON.parse(properties.Manifest);
    objects.filter((object) => object.kind === kind && object.metadata.name === name).forEach(change);
    properties.Manifest = JSON.stringify(objects);
  }
}

const fluentBit = (column: Column, from: string | RegExp, to: string) =>
  edit(column, 'ConfigMap', 'fluent-bit', ({ data }) => {
    data['fluent-bit.conf'] = data['fluent-bit.conf'].replace(from, to);
  });
const logSettings = (column: Column, file: string, from: string | RegExp, to: string) =>
  edit(column, 'ConfigMap', 'aws-logging', ({ data }) => {
    data[file] = data[file].replace(from, to);
  });
const bucket = (column: Column, name: 'Source' | 'Output') => column.one('AWS::S3::Bucket', `Images${name}`);
const queue = (column: Column, id: string) => column.one('AWS::SQS::Queue', id);
const launch = (column: Column) => column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
const worker = (column: Column) => column.one('AWS::Lambda::Function', 'Worker');
const service = (column: Column) => column.one('AWS::ECS::Service');
const container = (column: Column, change: (spec: Json) => void) =>
  edit(column, 'Deployment', 'resizer', (deployment) => change(deployment.spec.template.spec.containers[0]));
const script = (column: Column, change: (text: string) => string) => {
  const data = launch(column);
  data.UserData = change(data.UserData);
};
const allow = (column: Column, idPrefix: string, Action: string, Resource: string) =>
  column.one('AWS::IAM::Policy', idPrefix).PolicyDocument.Statement.push({ Effect: 'Allow', Action, Resource });
const without = (column: Column, type: string, idPrefix: string, pattern: RegExp) => {
  const it = resource(column, type, idPrefix);
  it.DependsOn = [it.DependsOn].flat().filter((id: string) => !pattern.test(id));
};

const BUCKETS = 'the buckets are private, encrypted and their owner’s';
const BUCKET_POLICIES = 'the buckets answer over TLS only, and to nobody else than CDK’s own clean-up';
const EXPIRY = 'objects expire, uploads after the failure queue has forgotten their events';
const UPLOADS = 'an upload is stored as the bucket does it by itself, or not at all';
const TRIGGER = 'nobody but the source bucket of this account can start work';
const QUEUES = 'the queues are encrypted with a key S3 can use, and answer over TLS only';
const FAILED = 'failed work goes to the failure queue, after five receives or three invocations';
const WORKER = 'the worker may do exactly this';
const STARTS = 'the workload starts with the variables it is handed, and they say what the platform does';
const VARIABLES = 'exactly these variables are handed over, by the names of the contract';
const SELECTED = 'every pod has a selector of the one profile, or it would wait for a node for ever';
const SIZES =
  'pods ask for what they may have, as Fargate wants it: the worker is billed as 1 vCPU and 3 GB, the others as little as can be';
const TOKENS = 'two service accounts have a role, each by tokens of its own, that this cluster signs for AWS';
const AS_THEY_ARE = 'the log router sends lines as they are, or CloudWatch would find no metrics in them';
const UNIT = 'one unit of work is one box: 1 vCPU, 2 GiB, arm64 where there is any';
const LISTED = 'no role may touch every resource, but for actions that are listed';
const EGRESS = 'the worker’s security group, where it has one, lets HTTPS out and nothing else';
const ADDRESSES =
  'workers have public addresses by default, and nothing but the NAT gateway has one where they are private';
const ALARMS = 'an alarm tells of the first failure, and one of work that waits';
const DESCRIBED = 'every alarm says what it means and what to do';
const DASHBOARD = 'one dashboard shows the same in the same places, by metrics that there are';
const AWAKE = 'the queue is kept awake where alarms start the workers, and nothing else is on a schedule';
const LOG_GROUPS = 'no function can make a log group, as long as it has a role';
const NAT = 'a NAT gateway with a fixed address only where workers are in private subnets, and then one';
const INSTANCES = 'instances need a token for their metadata, one hop away, and have encrypted disks and no key pair';
const NODES = 'pods get no credentials of their node, and nodes have encrypted disks and no key pair';
const UNPRIVILEGED = 'the worker runs as a user that may do next to nothing';
const DRAIN =
  'the drain waits for the word Terminated, stops the worker, and then says so of the hook of this template';
const HOOK = 'the group waits 180 s for the worker to stop';
const UPDATE = 'an update replaces instances, and is not disturbed by the alarms';
const ENDED = 'a boot tells the rollout of this group how it has ended, and gives up when it has not come to its end';
const WAY_OUT = 'workers start when there is a way out, and are gone before it is taken away';
const RIGHTS = 'workers start with the rights that they and their platform need, and keep them to the end';
const FUNCTION = 'the function is Node 24 on arm64, with 2,048 MB and a minute';
const CONTAINER = 'the container gives up every privilege';
const POD = 'the worker’s pod keeps to the restricted standard, and its namespace admits no other';
const TOKEN = 'the worker’s pod cannot talk to Kubernetes';
const POLICY = 'pods reach name resolution, the Pod Identity agent and HTTPS, and nothing reaches them';
const SCALED =
  'there are four pods from 76 messages on, or 83 where there are three, and none after five minutes without';
const SETTINGS_ARRIVE = 'settings of the shipper that change reach the pods that run';
const DELETION = 'a deletion cannot hang: each goes while what it needs is still there';

const MUTATIONS: Record<string, Mutation> = {
  'a public bucket': {
    way: 'ec2',
    make: (column) => {
      bucket(column, 'Output').PublicAccessBlockConfiguration.BlockPublicPolicy = false;
    },
    reported: [BUCKETS],
  },
  'a third bucket': {
    way: 'lambda',
    make: (column) => add(column, 'Third', 'AWS::S3::Bucket', structuredClone(bucket(column, 'Output'))),
    reported: ['there are two buckets, of the same ids', EXPIRY],
  },
  'a bucket without encryption': {
    way: 'lambda',
    make: (column) => delete bucket(column, 'Source').BucketEncryption,
    reported: [BUCKETS],
  },
  'a bucket that answers without TLS': {
    way: 'ecs-fargate',
    make: (column) => column.one('AWS::S3::BucketPolicy', 'ImagesSource').PolicyDocument.Statement.shift(),
    reported: [BUCKET_POLICIES],
  },
  'results that anybody may read': {
    way: 'eks-ec2',
    make: (column) =>
      column.one('AWS::S3::BucketPolicy', 'ImagesOutput').PolicyDocument.Statement.push({
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 's3:GetObject',
        Resource: '<ImagesOutput03B43628.Arn>/*',
      }),
    reported: [BUCKET_POLICIES],
  },
  'uploads under any key': {
    way: 'ecs-fargate',
    make: (column) => column.one('AWS::S3::BucketPolicy', 'ImagesSource').PolicyDocument.Statement.pop(),
    reported: [BUCKET_POLICIES, UPLOADS],
  },
  'uploads that have to name their storage class': {
    way: 'lambda',
    make: (column) => {
      const { Statement } = column.one('AWS::S3::BucketPolicy', 'ImagesSource').PolicyDocument;
      delete Statement.find(({ Condition }: Json) => Condition?.StringNotEquals?.['s3:x-amz-storage-class']).Condition
        .Null;
    },
    reported: [BUCKET_POLICIES, UPLOADS],
  },
  'uploads that expire before their failures': {
    way: 'lambda',
    make: (column) => {
      bucket(column, 'Source').LifecycleConfiguration.Rules[0].ExpirationInDays = 7;
    },
    reported: [EXPIRY],
  },
  'a notification of every object': {
    way: 'ec2',
    make: (column) =>
      delete column.one('Custom::S3BucketNotifications').NotificationConfiguration.QueueConfigurations[0].Filter,
    reported: ['only new objects under incoming/ are announced, to the worker’s side of the stack'],
  },
  'a queue to which a bucket of another account may send': {
    way: 'ecs-fargate',
    make: (column) =>
      delete column.one('AWS::SQS::QueuePolicy', 'JobsQueuePolicy').PolicyDocument.Statement[1].Condition.StringEquals,
    reported: [TRIGGER],
  },
  'a function that a bucket of another account may invoke': {
    way: 'lambda',
    make: (column) => delete column.one('AWS::Lambda::Permission').SourceAccount,
    reported: [TRIGGER],
  },
  'a queue with a key that S3 cannot use': {
    way: 'eks-ec2',
    make: (column) => {
      queue(column, 'JobsQueue').KmsMasterKeyId = 'alias/aws/sqs';
    },
    reported: [QUEUES],
  },
  'a queue without redrive': {
    way: 'ec2',
    make: (column) => delete queue(column, 'JobsQueue').RedrivePolicy,
    reported: [FAILED],
  },
  'a function whose failures are lost': {
    way: 'lambda',
    make: (column) => delete column.one('AWS::Lambda::EventInvokeConfig').DestinationConfig,
    reported: [FAILED],
  },
  'failures that are forgotten after four days': {
    way: 'ecs-fargate',
    make: (column) => delete queue(column, 'JobsFailuresQueue').MessageRetentionPeriod,
    reported: [EXPIRY, 'what cannot be processed waits two weeks in the failure queue'],
  },
  'a visibility timeout that is shorter than a job': {
    way: 'eks-ec2',
    make: (column) => {
      queue(column, 'JobsQueue').VisibilityTimeout = 30;
    },
    reported: ['the job queue hides messages for 120 s, keeps them for 4 days and is asked by long polls', STARTS],
  },
  'failures that nobody is reported of': {
    way: 'lambda',
    make: (column) => {
      column.one('AWS::CloudWatch::Alarm', 'FailuresNotEmpty').Threshold = 100;
    },
    reported: [ALARMS],
  },
  'an alarm that does not say what to do': {
    way: 'eks-ec2',
    make: (column) => {
      column.one('AWS::CloudWatch::Alarm', 'JobsTooOld').AlarmDescription = 'Uploads wait.';
    },
    reported: [DESCRIBED],
  },
  'an alarm that scales and seems to call somebody': {
    way: 'ecs-fargate',
    make: (column) => {
      column.one('AWS::CloudWatch::Alarm', 'ServiceTaskCountTargetScaleIn').AlarmDescription =
        'Lower threshold scaling alarm';
    },
    reported: [DESCRIBED],
  },
  'a dashboard that shows a metric that nobody writes': {
    way: 'lambda',
    make: (column) => {
      const dashboard = column.one('AWS::CloudWatch::Dashboard');
      dashboard.DashboardBody = dashboard.DashboardBody.replace('"Rejected"', '"Refused"');
    },
    reported: [DASHBOARD],
  },
  'a dashboard that shows the metrics of all stacks': {
    way: 'ec2',
    make: (column) => {
      const dashboard = column.one('AWS::CloudWatch::Dashboard');
      dashboard.DashboardBody = dashboard.DashboardBody.replaceAll(',"Stack","ResizeOnEc2"', '');
    },
    reported: [DASHBOARD],
  },
  'a queue that falls asleep': {
    way: 'ec2',
    make: (column) => {
      column.one('AWS::Scheduler::Schedule').ScheduleExpression = 'rate(7 hours)';
    },
    reported: [AWAKE],
  },
  'a schedule that changes the queue': {
    way: 'ecs-fargate',
    make: (column) => {
      const queues = column.one('AWS::SQS::Queue', 'JobsQueue');
      queues.Tags = queues.Tags.filter(({ Key }: Json) => Key === 'project');
    },
    reported: [AWAKE],
  },
  'a schedule that may tag every queue': {
    way: 'ec2',
    make: (column) => allow(column, 'SchedulerRole', 'sqs:TagQueue', 'arn:<AWS::Partition>:sqs:*:*:*'),
    reported: [AWAKE],
  },
  'a schedule where KEDA asks': {
    way: 'eks-ec2',
    make: (column) => add(column, 'Again', 'AWS::Scheduler::Schedule'),
    reported: [AWAKE],
  },
  'a worker that may write where it is triggered': {
    way: 'ecs-fargate',
    make: (column) => allow(column, 'TaskTaskRole', 's3:PutObject', '<ImagesSource3216CA9E.Arn>/incoming/*'),
    reported: [WORKER],
  },
  'a worker that may delete results': {
    way: 'lambda',
    make: (column) => allow(column, 'RoleDefaultPolicy', 's3:DeleteObject', '<ImagesOutput03B43628.Arn>/renditions/*'),
    reported: [WORKER],
  },
  'a worker with a broad managed policy': {
    way: 'eks-ec2',
    make: (column) => {
      resource(column, 'AWS::IAM::Role', 'Role1').Properties.ManagedPolicyArns = [
        'arn:<AWS::Partition>:iam::aws:policy/AmazonS3FullAccess',
      ];
    },
    reported: [WORKER],
  },
  'an instance that may read every parameter of the account': {
    way: 'ec2',
    make: (column) => {
      resource(column, 'AWS::IAM::Role', 'Role1').Properties.ManagedPolicyArns = [
        'arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore',
      ];
    },
    reported: [WORKER],
  },
  'an instance that nobody can look into': {
    way: 'ec2',
    make: (column) => {
      const { PolicyDocument } = column.one('AWS::IAM::Policy', 'RoleDefaultPolicy');
      PolicyDocument.Statement = PolicyDocument.Statement.filter(({ Resource }: Json) => Resource !== '*');
    },
    reported: [WORKER, LISTED],
  },
  'a worker that cannot tell deleted from forbidden': {
    way: 'ec2',
    make: (column) => {
      const { PolicyDocument } = column.one('AWS::IAM::Policy', 'RoleDefaultPolicy');
      PolicyDocument.Statement = PolicyDocument.Statement.filter(({ Action }: Json) => Action !== 's3:ListBucket');
    },
    reported: [WORKER],
  },
  'a role that anybody in the account may take': {
    way: 'lambda',
    make: (column) => {
      const { Statement } = resource(column, 'AWS::IAM::Role', 'Role1').Properties.AssumeRolePolicyDocument;
      Statement[0].Principal = { AWS: '<AWS::AccountId>' };
    },
    reported: [WORKER],
  },
  'a wildcard action': {
    way: 'ec2',
    make: (column) => allow(column, 'ImagesSourceNotifications', 's3:Put*', '<ImagesSource3216CA9E.Arn>'),
    reported: ['no role has an action with a wildcard'],
  },
  'a wildcard resource': {
    way: 'lambda',
    make: (column) => allow(column, 'ImagesSourceNotifications', 's3:PutBucketNotification', '*'),
    reported: [LISTED],
  },
  'a missing variable without a default': {
    way: 'lambda',
    make: (column) => delete worker(column).Environment.Variables.OUTPUT_BUCKET,
    reported: [STARTS, VARIABLES],
  },
  'a missing variable with a default': {
    way: 'eks-ec2',
    make: (column) =>
      container(column, (spec) => {
        spec.env = spec.env.filter(({ name }: Json) => name !== 'STOP_GRACE_SECONDS');
      }),
    reported: [VARIABLES],
  },
  'a misspelt variable': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('SOURCE_PREFIX=', 'SRC_PREFIX=')),
    reported: [VARIABLES],
  },
  'a worker that is reported another way': {
    way: 'ecs-fargate',
    make: (column) => {
      column.container.Environment[0].Value = 'ec2';
    },
    reported: [STARTS],
  },
  'an x64 function for an arm64 bundle': {
    way: 'lambda',
    make: (column) => {
      worker(column).Architectures = ['x86_64'];
    },
    reported: [UNIT, FUNCTION],
  },
  'an x64 task for an arm64 image': {
    way: 'ecs-fargate',
    make: (column) => {
      column.one('AWS::ECS::TaskDefinition').RuntimePlatform.CpuArchitecture = 'X86_64';
    },
    reported: [UNIT, 'the task is Fargate’s, on arm64, with 1 vCPU and 2 GiB'],
  },
  'a larger box for one of them': {
    way: 'ec2',
    make: (column) => {
      launch(column).InstanceType = 'c7g.large';
    },
    reported: [UNIT],
  },
  'pods without end': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'ScaledObject', 'resizer', ({ spec }) => {
        spec.maxReplicaCount = 100;
      }),
    reported: ['there are four units at most, where the account does not decide', SCALED],
  },
  'a log group that never forgets': {
    way: 'ecs-fargate',
    make: (column) => delete column.one('AWS::Logs::LogGroup', 'Logs').RetentionInDays,
    reported: ['every log group forgets after a week'],
  },
  'a retained log group': {
    way: 'lambda',
    make: (column) => {
      resource(column, 'AWS::Logs::LogGroup', 'Logs').DeletionPolicy = 'Retain';
    },
    reported: ['nothing is retained, and buckets are emptied before they are deleted'],
  },
  'a function that makes a log group of its own': {
    way: 'eks-ec2',
    make: (column) =>
      delete column.one('AWS::Lambda::Function', 'ClusterKubectlProviderframework').LoggingConfig.LogGroup,
    reported: ['every function writes to a log group of the stack'],
  },
  'a handler that may make a log group': {
    way: 'lambda',
    make: (column) => delete column.one('AWS::IAM::Role', 'CustomS3AutoDeleteObjects').Policies,
    reported: [LOG_GROUPS],
  },
  'a handler that may make a log group when a policy is gone': {
    way: 'ec2',
    make: (column) => {
      const role = column.one('AWS::IAM::Role', 'BucketNotificationsHandler');
      const [{ PolicyName, PolicyDocument }] = role.Policies;
      delete role.Policies;
      const Roles = [`<${column.id('AWS::IAM::Role', 'BucketNotificationsHandler')}>`];
      add(column, 'Beside', 'AWS::IAM::Policy', { PolicyName, PolicyDocument, Roles });
    },
    reported: [LOG_GROUPS],
  },
  'a bucket with a name': {
    way: 'ec2',
    make: (column) => {
      bucket(column, 'Source').BucketName = 'pictures';
    },
    reported: ['nothing has a name of its own, but the EKS cluster'],
  },
  'an ingress rule': {
    way: 'ec2',
    make: (column) => {
      column.one('AWS::EC2::SecurityGroup').SecurityGroupIngress = [
        { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 22, ToPort: 22 },
      ];
    },
    reported: ['nothing is reached from outside'],
  },
  'instances that connect to any port': {
    way: 'ec2',
    make: (column) => {
      column.one('AWS::EC2::SecurityGroup').SecurityGroupEgress = [{ CidrIp: '0.0.0.0/0', IpProtocol: '-1' }];
    },
    reported: [EGRESS],
  },
  'tasks in a security group that is not ours': {
    way: 'ecs-fargate',
    settings: SETTINGS.production,
    make: (column) => {
      service(column).NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = [
        '<NetworkVpc7FB7348F.DefaultSecurityGroup>',
      ];
    },
    reported: [EGRESS],
  },
  'one more way out': {
    way: 'ecs-fargate',
    make: (column) =>
      add(column, 'Ssh', 'AWS::EC2::SecurityGroupEgress', { IpProtocol: 'tcp', FromPort: 22, ToPort: 22 }),
    reported: [EGRESS],
  },
  'a NAT gateway by default': {
    way: 'eks-ec2',
    make: (column) => add(column, 'Nat', 'AWS::EC2::NatGateway'),
    reported: [NAT],
  },
  'a NAT gateway for each zone in production': {
    way: 'ecs-fargate',
    settings: SETTINGS.production,
    make: (column) => add(column, 'Nat', 'AWS::EC2::NatGateway'),
    reported: [NAT],
  },
  'a task with a public address in production': {
    way: 'ecs-fargate',
    settings: SETTINGS.production,
    make: (column) => {
      service(column).NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp = 'ENABLED';
    },
    reported: [ADDRESSES],
  },
  'a subnet that gives out public addresses in production': {
    way: 'eks-ec2',
    settings: SETTINGS.production,
    make: (column) => {
      column.one('AWS::EC2::Subnet', 'NetworkVpcPublicSubnet1').MapPublicIpOnLaunch = true;
    },
    reported: [ADDRESSES],
  },
  'a private subnet that soon is full': {
    way: 'eks-ec2',
    settings: SETTINGS.production,
    make: (column) => {
      column.one('AWS::EC2::Subnet', 'NetworkVpcPrivateSubnet1').CidrBlock = '10.0.32.0/28';
    },
    reported: ['every subnet has the same 4,096 addresses: each node, pod, task and handler takes one'],
  },
  'pictures that pass the NAT gateway': {
    way: 'ec2',
    settings: SETTINGS.production,
    make: (column) => column.one('AWS::EC2::VPCEndpoint').RouteTableIds.shift(),
    reported: ['pictures reach S3 from every subnet without the NAT gateway'],
  },
  'tasks that start before there is a way out': {
    way: 'ecs-fargate',
    make: (column) => without(column, 'AWS::ECS::Service', '', /DefaultRoute/),
    reported: [WAY_OUT],
  },
  'instances that lose their way to S3 in the middle': {
    way: 'ec2',
    make: (column) => without(column, 'AWS::AutoScaling::AutoScalingGroup', '', /^NetworkVpcS3/),
    reported: [WAY_OUT],
  },
  'a queue whose policy goes before the tasks that poll it': {
    way: 'ecs-fargate',
    make: (column) => without(column, 'AWS::ECS::Service', '', /^JobsQueuePolicy/),
    reported: ['workers start when their queue is there, with its policy, and are gone before it'],
  },
  'a function that writes into a bucket that is being emptied': {
    way: 'lambda',
    make: (column) => without(column, 'AWS::Lambda::Function', 'Worker', /ImagesOutput/),
    reported: ['workers are gone before the bucket they write to is emptied'],
  },
  'outputs of another name': {
    way: 'lambda',
    make: (column) => Reflect.deleteProperty(column.template.Outputs, 'UploadCommand'),
    reported: ['the outputs say how to try it and where to look'],
  },

  IMDSv1: {
    way: 'ec2',
    make: (column) => {
      launch(column).MetadataOptions.HttpTokens = 'optional';
    },
    reported: [INSTANCES],
  },
  'an unencrypted volume': {
    way: 'ec2',
    make: (column) => {
      launch(column).BlockDeviceMappings[0].Ebs.Encrypted = false;
    },
    reported: [INSTANCES],
  },
  'a key pair': {
    way: 'ec2',
    make: (column) => {
      launch(column).KeyName = 'mine';
    },
    reported: [INSTANCES],
  },
  'instances that are never patched': {
    way: 'ec2',
    make: (column) => delete column.one('AWS::AutoScaling::AutoScalingGroup').MaxInstanceLifetime,
    reported: ['instances are replaced after a week, and come and go with the queue'],
  },
  'an image of the day of the deployment': {
    way: 'ec2',
    make: (column) => {
      launch(column).ImageId = 'ami-0123456789-arm64';
    },
    reported: ['instances start from that day’s image'],
  },
  'a dashboard without instances': {
    way: 'ec2',
    make: (column) => delete column.one('AWS::AutoScaling::AutoScalingGroup').MetricsCollection,
    reported: ['the group says by the minute how many instances there are'],
  },
  'instances that are taken away in the middle': {
    way: 'ec2',
    make: (column) => {
      column.one('AWS::AutoScaling::AutoScalingGroup').LifecycleHookSpecificationList[0].HeartbeatTimeout = 30;
    },
    reported: [HOOK],
  },
  'a hook that is deleted before its group': {
    way: 'ec2',
    make: (column) => add(column, 'Hook', 'AWS::AutoScaling::LifecycleHook'),
    reported: [HOOK],
  },
  'instances that stop and stay': {
    way: 'ec2',
    make: (column) => delete launch(column).InstanceInitiatedShutdownBehavior,
    reported: ['an instance that shuts itself down is gone, and not stopped'],
  },
  'instances that cannot read their tags': {
    way: 'ec2',
    make: (column) => delete launch(column).MetadataOptions.InstanceMetadataTags,
    reported: [INSTANCES],
  },
  'a rollout that does not wait': {
    way: 'ec2',
    make: (column) =>
      delete resource(column, 'AWS::AutoScaling::AutoScalingGroup').UpdatePolicy.AutoScalingRollingUpdate
        .WaitOnResourceSignals,
    reported: [UPDATE],
  },
  'a boot that tells no rollout': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('/opt/aws/bin/cfn-signal', 'true')),
    reported: [ENDED],
  },
  'a boot that fails and does not give up': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('[ "$exitCode" = 0 ] || give_up\n', '')),
    reported: [ENDED],
  },
  'a boot that forgets what to do at its end': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('\nset -euo', "\ntrap 'shutdown -h now' EXIT\nset -euo")),
    reported: [ENDED],
  },
  'instances that lose their rights before they are gone': {
    way: 'ec2',
    make: (column) => {
      without(column, 'AWS::AutoScaling::AutoScalingGroup', '', /^RoleDefaultPolicy/);
      without(column, 'AWS::EC2::LaunchTemplate', '', /^RoleDefaultPolicy/);
    },
    reported: [RIGHTS],
  },
  'code that cannot be fetched any more during an update': {
    way: 'ec2',
    make: (column) => without(column, 'AWS::AutoScaling::AutoScalingGroup', '', /^BootDownload/),
    reported: [RIGHTS],
  },
  'tasks whose last lines are not shipped': {
    way: 'ecs-fargate',
    make: (column) => without(column, 'AWS::ECS::Service', '', /^TaskExecutionRoleDefaultPolicy/),
    reported: [RIGHTS],
  },
  'a variable that the boot script is not handed': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace(/^BUNDLE_URL=.*\n/m, '')),
    reported: ['the boot script is handed every variable it reads, and no other'],
  },
  'a placeholder that CloudFormation would fill in': {
    way: 'ec2',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: That is the mistake.
    make: (column) => script(column, (text) => text.replace('$BUNDLE_URL', '${BUNDLE_URL}')),
    reported: ['the boot script contains no placeholder that nobody fills in'],
  },
  'a boot script that is no script': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('chmod 0755', 'if chmod 0755')),
    reported: ['the boot script is a script, and fits into what an instance can be told'],
  },
  'a drain of a hook that is not there': {
    way: 'ec2',
    make: (column) =>
      script(column, (text) => text.replace('--lifecycle-hook-name Drain', '--lifecycle-hook-name End')),
    reported: [DRAIN],
  },
  'a drain that stops nothing': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('systemctl stop worker', 'true')),
    reported: [DRAIN],
  },
  'a drain that waits for a word that is never said': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('= Terminated ]', '= Terminating ]')),
    reported: [DRAIN],
  },
  'an agent that stops before the worker': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace(/^(After=.*) amazon-cloudwatch-agent\.service$/m, '$1')),
    reported: ['the worker stops before the agent does, which ships its last lines'],
  },
  'a log that goes on under another name': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('  copytruncate\n', '')),
    reported: ['the log is cut where it is, because the worker keeps its file open'],
  },
  'instances that are started while others boot': {
    way: 'ec2',
    make: (column) => delete column.one('AWS::AutoScaling::ScalingPolicy', 'WorkersScaleOut').EstimatedInstanceWarmup,
    reported: ['an instance that boots is counted as one that works, so that no other is started in its place'],
  },
  'a worker that runs as root': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('User=worker\n', '')),
    reported: [UNPRIVILEGED],
  },
  'a worker that may make namespaces': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('RestrictNamespaces=yes\n', '')),
    reported: [UNPRIVILEGED],
  },
  'a worker that may call all of the kernel': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('SystemCallFilter=@system-service seccomp\n', '')),
    reported: [UNPRIVILEGED],
  },
  'a worker that may read the memory of other processes': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace(' process_vm_readv ', ' ')),
    reported: [UNPRIVILEGED],
  },
  'a worker that a forbidden call kills': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('SystemCallErrorNumber=EPERM\n', '')),
    reported: [UNPRIVILEGED],
  },
  'scaling in while work is under way': {
    way: 'ec2',
    make: (column) => {
      column.one('AWS::CloudWatch::Alarm', 'WorkersScaleIn').Metrics[0].Expression = 'visible';
    },
    reported: ['the group scales out on what waits and in when nothing is done'],
  },

  'scaling in between two quick pictures': {
    way: 'ecs-fargate',
    make: (column) => {
      const [sum] = column.one('AWS::CloudWatch::Alarm', 'ServiceTaskCountTargetScaleIn').Metrics;
      sum.Expression = 'IF(visible, visible, FILL(held, 0))';
    },
    reported: ['the service scales out on what waits and in when nothing is done'],
  },
  'scaling in before the last minute is known': {
    way: 'ec2',
    make: (column) => {
      const [sum] = column.one('AWS::CloudWatch::Alarm', 'WorkersScaleIn').Metrics;
      // In a sum, what is missing counts as 0.
      sum.Expression = 'visible + FILL(held, 0) + FILL(received, 0)';
    },
    reported: ['the group scales out on what waits and in when nothing is done'],
  },

  'an update that the alarms undo': {
    way: 'ec2',
    make: (column) =>
      delete resource(column, 'AWS::AutoScaling::AutoScalingGroup').UpdatePolicy.AutoScalingRollingUpdate
        .SuspendProcesses,
    reported: [UPDATE],
  },
  'lines that are written where no agent looks': {
    way: 'ec2',
    make: (column) => script(column, (text) => text.replace('append:/var/log/worker/worker.log', 'journal')),
    reported: ['the agent ships the worker’s lines and the boot’s to the log group of the stack'],
  },
  'Spot instances that nobody has chosen': {
    way: 'ec2',
    make: (column) => {
      launch(column).InstanceMarketOptions = { MarketType: 'spot' };
    },
    reported: ['instances are on demand, or Spot where that is chosen'],
  },

  'a loop that is not ended': {
    way: 'lambda',
    make: (column) => {
      worker(column).RecursiveLoop = 'Allow';
    },
    reported: ['a loop is ended'],
  },
  'reserved concurrency': {
    way: 'lambda',
    make: (column) => {
      worker(column).ReservedConcurrentExecutions = 4;
    },
    reported: ['no concurrency is reserved, which new accounts refuse'],
  },
  'a function in a VPC': {
    way: 'lambda',
    make: (column) => {
      worker(column).VpcConfig = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] };
    },
    reported: ['there is no network of ours, in production neither'],
  },
  'logs that are no JSON': {
    way: 'lambda',
    make: (column) => delete worker(column).LoggingConfig.LogFormat,
    reported: ['the function logs JSON to the log group of the stack'],
  },
  'events that are never retried': {
    way: 'lambda',
    make: (column) => {
      column.one('AWS::Lambda::EventInvokeConfig').MaximumRetryAttempts = 0;
    },
    reported: [FAILED, 'events are retried twice, for six hours at most'],
  },

  'a container that sees the memory of the host': {
    way: 'ecs-fargate',
    make: (column) => delete column.container.Memory,
    reported: ['the container can tell how much memory it has'],
  },
  'a root container': {
    way: 'ecs-fargate',
    make: (column) => delete column.container.User,
    reported: [CONTAINER],
  },
  'a container with its capabilities': {
    way: 'ecs-fargate',
    make: (column) => delete column.container.LinuxParameters.Capabilities.Drop,
    reported: [CONTAINER],
  },
  'no stopTimeout': {
    way: 'ecs-fargate',
    make: (column) => delete column.container.StopTimeout,
    reported: [STARTS, 'a worker has 90 s to stop'],
  },
  'an init process that nobody needs': {
    way: 'ecs-fargate',
    make: (column) => {
      column.container.LinuxParameters.InitProcessEnabled = true;
    },
    reported: [CONTAINER],
  },
  'a deployment that is tried for ever': {
    way: 'ecs-fargate',
    make: (column) => delete service(column).DeploymentConfiguration.DeploymentCircuitBreaker,
    reported: ['a deployment that does not start is rolled back'],
  },
  'capacity providers that are deleted too early': {
    way: 'ecs-fargate',
    make: (column) => add(column, 'Providers', 'AWS::ECS::ClusterCapacityProviderAssociations'),
    reported: ['the cluster itself has the capacity providers, or it could not be deleted'],
  },
  'a desired count': {
    way: 'ecs-fargate',
    make: (column) => {
      service(column).DesiredCount = 0;
    },
    reported: ['the first task proves the image; then there are none when there is nothing to do'],
  },

  'tasks that are moved while they work': {
    way: 'ecs-fargate',
    make: (column) => delete service(column).AvailabilityZoneRebalancing,
    reported: ['a task that works is not stopped to have one in each zone'],
  },
  'an instance of ECS that stops, and is billed for its disk': {
    way: 'ecs-ec2',
    make: (column) => delete launch(column).InstanceInitiatedShutdownBehavior,
    reported: ['an instance that shuts itself down is gone, and not stopped'],
  },
  'a container that logs elsewhere': {
    way: 'ecs-fargate',
    make: (column) => {
      column.container.LogConfiguration.Options['awslogs-group'] = '/ecs/resizer';
    },
    reported: ['the container logs to the log group of the stack'],
  },
  'on-demand tasks where Spot is chosen': {
    way: 'ecs-fargate',
    settings: SETTINGS.spot,
    make: (column) => {
      service(column).CapacityProviderStrategy[0].CapacityProvider = 'FARGATE';
    },
    reported: ['tasks are on demand, or Spot where that is chosen'],
  },
  'scaling out after a hundred messages': {
    way: 'ecs-fargate',
    make: (column) => {
      column.one('AWS::CloudWatch::Alarm', 'ServiceTaskCountTargetScaleOut').Threshold = 100;
    },
    reported: ['the service scales out on what waits and in when nothing is done'],
  },
  'a task that may fetch any image': {
    way: 'ecs-fargate',
    make: (column) =>
      allow(column, 'TaskExecutionRole', 'ecr:BatchGetImage', 'arn:<AWS::Partition>:ecr:<AWS::Region>:*:repository/*'),
    reported: ['who starts the task may fetch its image and write its log'],
  },

  'a task with the role of its instance': {
    way: 'ecs-ec2',
    make: (column) => {
      column.one('AWS::ECS::TaskDefinition').NetworkMode = 'host';
    },
    reported: ['the task is behind the address of its instance, with the box of the others'],
  },
  'an instance that has no room for a task beside its agent': {
    way: 'ecs-ec2',
    make: (column) => {
      launch(column).InstanceType = 'c7g.medium';
    },
    reported: ['one task fits on an instance beside system and agent, and two do not'],
  },
  'fewer instances than tasks': {
    way: 'ecs-ec2',
    make: (column) => {
      column.one('AWS::AutoScaling::AutoScalingGroup').MaxSize = '2';
    },
    reported: ['one task fits on an instance beside system and agent, and two do not'],
  },
  'a disk that is smaller than the image': {
    way: 'ecs-ec2',
    make: (column) => {
      launch(column).BlockDeviceMappings[0].Ebs.VolumeSize = 8;
    },
    reported: ['instances need a token for their metadata, one hop away, and have encrypted disks and no key pair'],
  },
  'metadata that a task can reach': {
    way: 'ecs-ec2',
    make: (column) => {
      launch(column).MetadataOptions.HttpPutResponseHopLimit = 2;
    },
    reported: ['instances need a token for their metadata, one hop away, and have encrypted disks and no key pair'],
  },
  'an instance for ever': {
    way: 'ecs-ec2',
    make: (column) => delete column.one('AWS::AutoScaling::AutoScalingGroup').MaxInstanceLifetime,
    reported: ['instances start from that day’s image, are replaced after a week, and come and go with the tasks'],
  },
  'instances that nobody may terminate': {
    way: 'ecs-ec2',
    make: (column) => {
      column.one('AWS::ECS::CapacityProvider').AutoScalingGroupProvider.ManagedTerminationProtection = 'ENABLED';
      column.one('AWS::AutoScaling::AutoScalingGroup').NewInstancesProtectedFromScaleIn = true;
    },
    reported: ['ECS starts, drains and ends instances, and nobody else is asked to'],
  },
  'a second hook beside that of ECS': {
    way: 'ecs-ec2',
    make: (column) => {
      column.one('AWS::AutoScaling::AutoScalingGroup').LifecycleHookSpecificationList = [
        { LifecycleHookName: 'Drain' },
      ];
    },
    reported: ['ECS starts, drains and ends instances, and nobody else is asked to'],
  },
  'instances that nobody starts': {
    way: 'ecs-ec2',
    make: (column) => {
      column.one('AWS::ECS::CapacityProvider').AutoScalingGroupProvider.ManagedScaling.Status = 'DISABLED';
    },
    reported: ['ECS starts, drains and ends instances, and nobody else is asked to'],
  },
  'a service that waits for instances of somebody else': {
    way: 'ecs-ec2',
    make: (column) => {
      service(column).LaunchType = 'EC2';
      delete service(column).CapacityProviderStrategy;
    },
    reported: ['the service takes the capacity of the group, and no other'],
  },
  'an update that waits for room that there is not': {
    way: 'ecs-ec2',
    make: (column) => {
      service(column).DeploymentConfiguration.MinimumHealthyPercent = 100;
    },
    reported: ['an update stops tasks first: there is no room for a second one beside each'],
  },
  'a second task while the first instance boots': {
    way: 'ecs-ec2',
    make: (column) => {
      const policy = column.one('AWS::ApplicationAutoScaling::ScalingPolicy', 'ServiceTaskCountTargetScaleOut');
      policy.StepScalingPolicyConfiguration.Cooldown = 60;
    },
    reported: ['another task is asked for when the instance of the first has had the time to boot'],
  },
  'Spot instances that nobody drains': {
    way: 'ecs-ec2',
    settings: SETTINGS.spot,
    make: (column) => script(column, (text) => text.replace(/\n.*SPOT_INSTANCE_DRAINING.*/, '')),
    reported: ['instances are on demand, or Spot where that is chosen; then the agent drains what is announced to go'],
  },
  'an agent that may write to any log group': {
    way: 'ecs-ec2',
    make: (column) =>
      allow(column, 'InstanceRole', 'logs:PutLogEvents', `arn:<AWS::Partition>:logs:<AWS::Region>:*:log-group:x`),
    reported: ['the agent may join its cluster and be told what to run, and cannot write to a log group'],
  },

  'extended support': {
    way: 'eks-ec2',
    make: (column) => delete column.one('AWS::EKS::Cluster').UpgradePolicy,
    reported: ['the cluster is in standard support, and never in the dear one'],
  },
  'an administrator by accident': {
    way: 'eks-ec2',
    make: (column) => delete column.one('AWS::EKS::Cluster').AccessConfig.BootstrapClusterCreatorAdminPermissions,
    reported: ['only access entries let somebody in: CDK’s handler, and the reader where one is named'],
  },
  'an audit log that nobody keeps': {
    way: 'eks-ec2',
    make: (column) => column.one('AWS::EKS::Cluster').Logging.ClusterLogging.EnabledTypes.splice(1, 1),
    reported: ['the cluster is named after the stack, and says what it does in a log group of the stack'],
  },
  'EKS Auto Mode': {
    way: 'eks-ec2',
    make: (column) => {
      column.one('AWS::EKS::Cluster').ComputeConfig = { Enabled: true, NodePools: ['general-purpose'] };
    },
    reported: ['no nodes are those of EKS Auto Mode'],
  },
  'on-demand nodes where Spot is chosen': {
    way: 'eks-ec2',
    settings: SETTINGS.spot,
    make: (column) => delete column.one('AWS::EKS::Nodegroup').CapacityType,
    reported: ['nodes are on demand, or Spot where that is chosen'],
  },
  'a scaler that may read messages': {
    way: 'eks-ec2',
    make: (column) => allow(column, 'KedaRole', 'sqs:ReceiveMessage', '<JobsQueue24944186.Arn>'),
    reported: ['what scales the pods only asks the queue, and what ships the logs only writes them'],
  },
  'an autoscaler that may end the instances of others': {
    way: 'eks-ec2',
    make: (column) =>
      delete column.one('AWS::IAM::Policy', 'ClusterAutoscalerRole').PolicyDocument.Statement[1].Condition,
    reported: ['the Cluster Autoscaler looks after the nodes of this cluster, and can change no others'],
  },
  'an endpoint that is open in production': {
    way: 'eks-ec2',
    settings: SETTINGS.production,
    make: (column) => {
      column.one('AWS::EKS::Cluster').ResourcesVpcConfig.EndpointPublicAccess = true;
    },
    reported: ['the cluster’s endpoint is closed to the internet in production'],
  },
  'network policies that are not enforced': {
    way: 'eks-ec2',
    make: (column) => delete column.one('AWS::EKS::Addon', 'NodeAddonsNetworking').ConfigurationValues,
    reported: ['network policies are enforced'],
  },
  'nodes of Amazon Linux 2': {
    way: 'eks-ec2',
    make: (column) => {
      column.one('AWS::EKS::Nodegroup').AmiType = 'AL2_ARM_64';
    },
    reported: ['nodes are AL2023 on arm64, one to four of them, and repaired'],
  },
  'pods that reach the credentials of their node': {
    way: 'eks-ec2',
    make: (column) => {
      launch(column).MetadataOptions.HttpPutResponseHopLimit = 2;
    },
    reported: [NODES],
  },
  'a pod that may gain privileges': {
    way: 'eks-ec2',
    make: (column) => container(column, (spec) => delete spec.securityContext.allowPrivilegeEscalation),
    reported: [POD],
  },
  'a namespace that admits anything': {
    way: 'eks-ec2',
    make: (column) => edit(column, 'Namespace', 'resizer', ({ metadata }) => delete metadata.labels),
    reported: [POD],
  },
  'a pod with a token': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'Deployment', 'resizer', ({ spec }) => delete spec.template.spec.automountServiceAccountToken),
    reported: [TOKEN],
  },
  'a pod without a memory limit': {
    way: 'eks-ec2',
    make: (column) => container(column, (spec) => delete spec.resources.limits.memory),
    reported: [UNIT, 'the worker’s pod is sure of 1 vCPU and 2 GiB, and gets no more'],
  },
  'no grace period': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'Deployment', 'resizer', ({ spec }) => delete spec.template.spec.terminationGracePeriodSeconds),
    reported: [STARTS, 'a worker has 90 s to stop'],
  },
  'a budget for other pods': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'PodDisruptionBudget', 'resizer', ({ spec }) => {
        spec.selector.matchLabels.app = 'worker';
      }),
    reported: ['pods are spread, and moved one at a time'],
  },
  'pods that may go anywhere': {
    way: 'eks-ec2',
    make: (column) => edit(column, 'NetworkPolicy', 'resizer', ({ spec }) => spec.egress.push({})),
    reported: [POLICY],
  },
  'a policy in another namespace': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'NetworkPolicy', 'resizer', ({ metadata }) => {
        metadata.namespace = 'default';
      }),
    reported: ['everything about the worker is in one namespace'],
  },
  'a worker without an identity': {
    way: 'eks-ec2',
    make: (column) => {
      column.one('AWS::EKS::PodIdentityAssociation', 'Keda').ServiceAccount = 'keda';
    },
    reported: ['four service accounts have a role, by Pod Identity'],
  },
  'KEDA without a pin': {
    way: 'eks-ec2',
    make: (column) => delete column.one('Custom::AWSCDK-EKS-HelmChart', 'Keda').Version,
    reported: ['KEDA is pinned'],
  },
  'an autoscaler without a pin': {
    way: 'eks-ec2',
    make: (column) => delete column.one('Custom::AWSCDK-EKS-HelmChart', 'ClusterAutoscaler').Version,
    reported: ['charts and images of others are pinned'],
  },
  'pods that never end': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'ScaledObject', 'resizer', ({ spec }) => {
        spec.minReplicaCount = 1;
      }),
    reported: ['KEDA keeps as many pods as the queue needs, down to none'],
  },
  'pods that come later than the column says': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'ScaledObject', 'resizer', ({ spec }) => {
        spec.triggers[0].metadata.queueLength = '50';
      }),
    reported: [SCALED],
  },
  'log lines that go elsewhere': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'DaemonSet', 'fluent-bit', ({ spec }) => {
        spec.template.spec.containers[0].env[1].value = '/aws/eks/worker';
      }),
    reported: ['the shipper reads the worker’s lines on every node, and writes them to the log group of the stack'],
  },
  'log lines that are wrapped': {
    way: 'eks-ec2',
    make: (column) => fluentBit(column, 'json/emf', 'json'),
    reported: [
      'the shipper sends the worker’s lines as they are, or CloudWatch would find no metrics in them',
      SETTINGS_ARRIVE,
    ],
  },
  'first log lines that are not read': {
    way: 'eks-ec2',
    make: (column) => fluentBit(column, /.*Read_from_Head.*\n/, ''),
    reported: ['the shipper finds a new file within a second, and reads it from its beginning', SETTINGS_ARRIVE],
  },
  'log lines that are given up after a second try': {
    way: 'eks-ec2',
    make: (column) => fluentBit(column, /.*Retry_Limit.*\n/, ''),
    reported: [
      'the shipper keeps what CloudWatch does not take, and how far it has read, on the disk of the node',
      'the shipper gives up an answer that does not come, and asks again',
      SETTINGS_ARRIVE,
    ],
  },
  'log lines that wait for an answer that never comes': {
    way: 'eks-ec2',
    make: (column) => fluentBit(column, /.*net.io_timeout.*\n/, ''),
    reported: ['the shipper gives up an answer that does not come, and asks again', SETTINGS_ARRIVE],
  },
  'log lines that wait inside a pod': {
    way: 'eks-ec2',
    make: (column) => fluentBit(column, 'storage.path             /var/lib/fluent-bit/', 'storage.path /tmp/'),
    reported: [
      'the shipper keeps what CloudWatch does not take, and how far it has read, on the disk of the node',
      SETTINGS_ARRIVE,
    ],
  },
  'a DNS server that nobody manages': {
    way: 'eks-ec2',
    make: (column) => {
      column.one('AWS::EKS::Addon', 'ClusterDns').AddonName = 'metrics-server';
    },
    reported: ['all that EKS installs in a cluster is an add-on of the stack, which takes over what is there'],
  },
  'an add-on that stops at what is there': {
    way: 'eks-ec2',
    make: (column) => delete column.one('AWS::EKS::Addon', 'NodeAddonsKubeProxy').ResolveConflicts,
    reported: ['all that EKS installs in a cluster is an add-on of the stack, which takes over what is there'],
  },
  'a shipper that is killed while it ends': {
    way: 'eks-ec2',
    make: (column) =>
      edit(column, 'DaemonSet', 'fluent-bit', ({ spec }) => {
        spec.template.spec.terminationGracePeriodSeconds = 30;
      }),
    reported: ['the shipper has longer to end than it takes, and cannot write where it is not meant to'],
  },
  'a reader who cannot help a deletion that hangs': {
    way: 'eks-ec2',
    settings: { clusterAdmin: 'arn:aws:iam::123456789012:role/reader' },
    make: (column) => without(column, 'Custom::AWSCDK-EKS-KubernetesResource', 'Namespace0', /ClusterAdmin/),
    reported: ['whoever may use kubectl may do so as long as the namespace is there, which a deletion could hang at'],
  },
  'an autoscaler without requests': {
    way: 'eks-ec2',
    make: (column) => {
      const autoscaler = column.one('Custom::AWSCDK-EKS-HelmChart', 'ClusterAutoscaler');
      const { resources: _, ...values } = JSON.parse(autoscaler.Values);
      autoscaler.Values = JSON.stringify(values);
    },
    reported: ['the Cluster Autoscaler is not the first pod to be evicted'],
  },
  'nodes that Kubernetes keeps for itself': {
    way: 'eks-ec2',
    make: (column) => {
      const autoscaler = column.one('Custom::AWSCDK-EKS-HelmChart', 'ClusterAutoscaler');
      const { extraArgs, ...values } = JSON.parse(autoscaler.Values);
      delete extraArgs['skip-nodes-with-system-pods'];
      autoscaler.Values = JSON.stringify({ ...values, extraArgs });
    },
    reported: ['a node goes when nothing is left on it but what Kubernetes itself runs'],
  },
  'KEDA gone before what it scales': {
    way: 'eks-ec2',
    make: (column) => without(column, 'Custom::AWSCDK-EKS-KubernetesResource', 'KedaScaler', /KedaChart/),
    reported: [DELETION],
  },
  'nodes gone before KEDA': {
    way: 'eks-ec2',
    make: (column) => without(column, 'Custom::AWSCDK-EKS-HelmChart', 'Keda', /ClusterDns/),
    reported: [DELETION],
  },
  'a worker that no profile selects': {
    way: 'eks-fargate',
    make: (column) => {
      column.one('AWS::EKS::FargateProfile').Selectors[0].Namespace = 'default';
    },
    reported: [SELECTED],
  },
  'a selector by a label that name resolution does not have': {
    way: 'eks-fargate',
    make: (column) => {
      column.one('AWS::EKS::FargateProfile').Selectors[2].Labels[0].Value = 'coredns';
    },
    reported: [SELECTED],
  },
  'name resolution that waits for EC2': {
    way: 'eks-fargate',
    make: (column) => {
      const addon = column.one('AWS::EKS::Addon');
      const { computeType: _, ...settings } = JSON.parse(addon.ConfigurationValues);
      addon.ConfigurationValues = JSON.stringify(settings);
    },
    reported: ['name resolution is told that it runs on Fargate'],
  },
  'a KEDA as its chart comes, with limits above what it asks for': {
    way: 'eks-fargate',
    make: (column) => {
      const chart = column.one('Custom::AWSCDK-EKS-HelmChart', 'Keda');
      const values = JSON.parse(chart.Values);
      values.resources.operator.limits.memory = '1000Mi';
      chart.Values = JSON.stringify(values);
    },
    reported: [SIZES],
  },
  'a worker of 3 GiB, which is billed as 4 GB': {
    way: 'eks-fargate',
    make: (column) =>
      container(column, ({ resources }) => {
        for (const each of Object.values<Json>(resources)) each.memory = '3072Mi';
      }),
    reported: [UNIT, 'the worker’s pod is sure of 1 vCPU and 2 GiB, and gets no more', SIZES],
  },
  'a network policy that nobody enforces': {
    way: 'eks-fargate',
    make: (column) => {
      const rules = column.one('Custom::AWSCDK-EKS-KubernetesResource', 'NamespaceRules');
      const policy = { kind: 'NetworkPolicy', metadata: { name: 'resizer', namespace: 'resizer' }, spec: {} };
      rules.Manifest = JSON.stringify([...JSON.parse(rules.Manifest), policy]);
    },
    reported: ['no pod needs what Fargate does not have'],
  },
  'a role for whoever runs in the cluster': {
    way: 'eks-fargate',
    make: (column) => {
      const role = resource(column, 'AWS::IAM::Role', 'Role1').Properties;
      role.AssumeRolePolicyDocument = role.AssumeRolePolicyDocument.replace(/,"<\w+>:sub":"[^"]+"/, '');
    },
    reported: [WORKER, TOKENS],
  },
  'KEDA without its role': {
    way: 'eks-fargate',
    make: (column) => {
      const chart = column.one('Custom::AWSCDK-EKS-HelmChart', 'Keda');
      const { podIdentity: _, ...values } = JSON.parse(chart.Values);
      chart.Values = JSON.stringify(values);
    },
    reported: [TOKENS],
  },
  'an execution role that profiles of other clusters may use': {
    way: 'eks-fargate',
    make: (column) =>
      delete resource(column, 'AWS::IAM::Role', 'PodExecutionRole').Properties.AssumeRolePolicyDocument.Statement[0]
        .Condition,
    reported: [
      'what scales the pods only asks the queue; what starts them only fetches images and writes logs, for this cluster',
    ],
  },
  'log settings that no router looks for': {
    way: 'eks-fargate',
    make: (column) =>
      edit(column, 'Namespace', 'aws-observability', ({ metadata }) => delete metadata.labels['aws-observability']),
    reported: ['the log router finds its settings, and sends the lines of pods to the log group of the stack'],
  },
  'a log group that comes by itself': {
    way: 'eks-fargate',
    make: (column) => logSettings(column, 'output.conf', 'auto_create_group false', 'auto_create_group true'),
    reported: ['the log router makes no group, of its own lines neither'],
  },
  'log lines that the router wraps': {
    way: 'eks-fargate',
    make: (column) => logSettings(column, 'output.conf', /.*log_key.*\n/, ''),
    reported: [AS_THEY_ARE],
  },
  'log lines that the router sends with their time in front': {
    way: 'eks-fargate',
    make: (column) => logSettings(column, 'filters.conf', 'Parser   crio', 'Parser   json'),
    reported: [AS_THEY_ARE],
  },
  'pods that Fargate may move all at once': {
    way: 'eks-fargate',
    make: (column) =>
      edit(column, 'PodDisruptionBudget', 'resizer', ({ spec }) => {
        spec.maxUnavailable = '100%';
      }),
    reported: ['pods are moved one at a time, when Fargate is patched'],
  },
  'handlers whose network interfaces outlive a sandbox': {
    way: 'eks-fargate',
    make: (column) => {
      column.one('AWS::Lambda::Function', 'ClusterKubectlProviderHandler').VpcConfig = { SubnetIds: [] };
    },
    reported: ['CDK’s handlers for kubectl are in the network only where the cluster answers nowhere else'],
  },
  'first pods before the settings of their log router': {
    way: 'eks-fargate',
    make: (column) => without(column, 'AWS::EKS::Addon', 'ClusterDns', /FargateLogs/),
    reported: ['a deletion cannot hang, and no pod starts too early: each goes while what it needs is still there'],
  },
  'pods in a subnet without a NAT gateway': {
    way: 'eks-fargate',
    make: (column) => {
      const profile = column.one('AWS::EKS::FargateProfile');
      profile.Subnets = column.one('AWS::EKS::Cluster').ResourcesVpcConfig.SubnetIds;
    },
    reported: [ADDRESSES, 'workers start when there is a way out, and are gone before it is taken away'],
  },
};

function broken({ way, settings, make }: Mutation): Column {
  const template: Template = structuredClone(synth(way, settings).template);
  const column = new Column(way, settings ?? {}, template);
  make(column);
  expect(JSON.stringify(template)).not.toBe(JSON.stringify(synth(way, settings).template));
  return column;
}

describe('a template with', () => {
  test.each(Object.entries(MUTATIONS))(
    '%s is reported by the checks that are about it, and by no other',
    (_name, mutation) => {
      expect(reported(broken(mutation))).toEqual(mutation.reported);
    },
  );
});

test('every check reports something', () => {
  const tested = new Set(Object.values(MUTATIONS).flatMap((mutation) => mutation.reported));
  const checks = [PARITY, ...WAYS.map((way) => COLUMNS[way])].flatMap(Object.keys);
  expect(checks.filter((name) => !tested.has(name))).toEqual([]);
});
