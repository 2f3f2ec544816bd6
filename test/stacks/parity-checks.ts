import { WAYS } from '../../lib/ways';
import { ENV, METRIC_NAMESPACE, TERMINAL_STATES } from '../../workload/contract';
import { type Environment, readSettings, readWorkerSettings } from '../../workload/env';
import type { Json, Way } from '../support/synth';
import { type Column, referenced } from './column';

/** What a column promises, by name. Throws where it does not keep it. */
export type Checks = Readonly<Record<string, (column: Column) => void>>;

/** The ids that are the same in all templates. */
const SOURCE = 'ImagesSource3216CA9E';
const OUTPUT = 'ImagesOutput03B43628';
const LOGS = 'Logs6819BB44';
const failures = ({ way }: Column) => (way === 'lambda' ? 'FailuresQueueB0898B50' : 'JobsFailuresQueueC3E1218F');
const JOBS = 'JobsQueue24944186';

const DAY = 86_400;

/** What every worker may do. */
const WORKER = [
  `s3:GetObject <${OUTPUT}.Arn>/rejected/*`,
  `s3:GetObject <${OUTPUT}.Arn>/renditions/*`,
  `s3:GetObject <${SOURCE}.Arn>/incoming/*`,
  `s3:ListBucket <${OUTPUT}.Arn>`,
  `s3:ListBucket <${SOURCE}.Arn>`,
  `s3:PutObject <${OUTPUT}.Arn>/rejected/*`,
  `s3:PutObject <${OUTPUT}.Arn>/renditions/*`,
];
/** And every worker that polls. */
const POLLER = [
  ...WORKER,
  `sqs:ChangeMessageVisibility <${JOBS}.Arn>`,
  `sqs:DeleteMessage <${JOBS}.Arn>`,
  `sqs:ReceiveMessage <${JOBS}.Arn>`,
];
/** What AWS documents as the minimum for Session Manager. */
const SESSIONS = [
  'ssm:UpdateInstanceInformation',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
];
/** The group of the stack, by its name: a reference would be a circle. */
const GROUP =
  'arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/<AWS::StackName>-WorkersASG*';
const WRITE_LOGS = [`logs:CreateLogStream <${LOGS}.Arn>`, `logs:PutLogEvents <${LOGS}.Arn>`];

/** What the worker may do, and who may take its role. The rest, on EC2 and Lambda, is the platform's work. */
const PERMISSIONS: Record<Way, { trusts: string; may: string[] }> = {
  ec2: {
    trusts: 'ec2.amazonaws.com',
    may: [
      ...POLLER,
      ...WRITE_LOGS,
      ...SESSIONS.map((action) => `${action} *`),
      ...['autoscaling:CompleteLifecycleAction', 'autoscaling:SetInstanceHealth'].map((action) => `${action} ${GROUP}`),
      's3:GetObject arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/(asset).zip',
    ],
  },
  lambda: {
    trusts: 'lambda.amazonaws.com',
    // CDK's `SqsDestination` grants three on the failure queue, where the last would do.
    may: [...WORKER, ...WRITE_LOGS, 'sqs:SendMessage <FailuresQueueB0898B50.Arn>'],
  },
  'ecs-fargate': { trusts: 'ecs-tasks.amazonaws.com', may: POLLER },
  'eks-ec2': { trusts: 'pods.eks.amazonaws.com', may: POLLER },
  'ecs-ec2': { trusts: 'ecs-tasks.amazonaws.com', may: POLLER },
  // Whoever has a token of the worker's account, signed by the cluster.
  'eks-fargate': { trusts: '<Identity2D60E2CC>', may: POLLER },
};

/** In the stack's cluster only. */
const OWN_CLUSTER = '{"ArnEquals":{"ecs:cluster":"<ClusterEB0386A7.Arn>"}}';

/** Actions that are allowed on every resource, because they know none or only list. */
const ON_EVERYTHING: Record<Way, string[]> = {
  ec2: SESSIONS,
  lambda: [],
  'ecs-fargate': ['ecr:GetAuthorizationToken'],
  'eks-ec2': [
    'autoscaling:DescribeAutoScalingGroups',
    'autoscaling:DescribeAutoScalingInstances',
    'autoscaling:DescribeLaunchConfigurations',
    'autoscaling:DescribeScalingActivities',
    'ec2:DescribeImages',
    'ec2:DescribeInstanceTypes',
    'ec2:DescribeLaunchTemplateVersions',
    'ec2:GetInstanceTypesFromInstanceRequirements',
  ],
  'eks-fargate': [],
  'ecs-ec2': [
    'ecr:GetAuthorizationToken',
    'ecs:DiscoverPollEndpoint',
    `ecs:Poll ${OWN_CLUSTER}`,
    `ecs:StartTelemetrySession ${OWN_CLUSTER}`,
  ],
};

/** Names that are written in the template. CDK makes the ones of ECS from the name of the stack. */
const NAMES: Record<Way, string[]> = {
  ec2: [],
  lambda: [],
  'ecs-fargate': [
    'AWS::ApplicationAutoScaling::ScalingPolicy ResizeOnEcsFargateServiceTaskCountTargetScaleInLowerPolicy33A20641',
    'AWS::ApplicationAutoScaling::ScalingPolicy ResizeOnEcsFargateServiceTaskCountTargetScaleOutUpperPolicyDE1CF854',
    'AWS::ECS::TaskDefinition ResizeOnEcsFargateTask45C12932',
  ],
  'eks-ec2': ['AWS::EKS::Cluster ResizeOnEksEc2', 'AWS::Logs::LogGroup /aws/eks/ResizeOnEksEc2/cluster'],
  'eks-fargate': ['AWS::EKS::Cluster ResizeOnEksFargate', 'AWS::Logs::LogGroup /aws/eks/ResizeOnEksFargate/cluster'],
  'ecs-ec2': [
    'AWS::ApplicationAutoScaling::ScalingPolicy ResizeOnEcsEc2ServiceTaskCountTargetScaleInLowerPolicyC9DF0048',
    'AWS::ApplicationAutoScaling::ScalingPolicy ResizeOnEcsEc2ServiceTaskCountTargetScaleOutUpperPolicy6E40B9F4',
    'AWS::ECS::TaskDefinition ResizeOnEcsEc2TaskBE1184D7',
  ],
};

/** Type and name of every resource that is not named by CloudFormation, sorted. */
export function physicalNames({ resources }: Column): string[] {
  // An inline policy, a metric, an add-on and an AWS service have names too: these are no names of resources.
  const others = ['AWS::IAM::Policy', 'AWS::CloudWatch::Alarm', 'AWS::EKS::Addon', 'AWS::EC2::VPCEndpoint'];
  const named = resources.flatMap(([, { Type, Properties = {} }]) =>
    Object.entries(Properties)
      .filter(([key, value]) => /^Family$|Name$/.test(key) && typeof value === 'string' && !value.startsWith('<'))
      .flatMap(([key, value]) => (others.includes(Type) && key !== 'AlarmName' ? [] : `${Type} ${value}`)),
  );
  return named.sort();
}

/** What AWS sells under the name. */
const INSTANCE_TYPES: Record<string, Json> = {
  'c7g.medium': { vcpus: 1, memory: 2048, architecture: 'arm64' },
  'm7g.medium': { vcpus: 1, memory: 4096, architecture: 'arm64' },
};

/** What one of the stack's own instances is. */
export function instance(column: Column): Json {
  const { InstanceType, ImageId } = column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
  expect(ImageId).toMatch(/[-/]arm64\b/);
  return INSTANCE_TYPES[InstanceType];
}

/** The box of one worker, memory in MiB. */
function unit(column: Column): Json {
  switch (WAYS[column.way].unit) {
    case 'instance':
      return instance(column);
    case 'function': {
      const { MemorySize, Architectures } = column.one('AWS::Lambda::Function', 'Worker');
      // 1,769 MB is one vCPU.
      return { vcpus: Math.floor(MemorySize / 1769), memory: MemorySize, architecture: Architectures?.join() };
    }
    case 'task': {
      const { Cpu, Memory, RuntimePlatform } = column.one('AWS::ECS::TaskDefinition');
      const architecture = onInstances(column)
        ? instance(column).architecture
        : RuntimePlatform.CpuArchitecture.toLowerCase();
      return { vcpus: Cpu / 1024, memory: Number(Memory), architecture };
    }
    case 'pod': {
      const { requests, limits } = column.pod.containers[0].resources;
      expect(limits).toEqual(requests);
      // On Fargate pods of EKS have x64, and there is nothing to choose.
      const arm = column.all('AWS::EKS::Nodegroup').some(([, { AmiType }]) => AmiType.includes('ARM_64'));
      const architecture = arm ? 'arm64' : 'x64';
      return { vcpus: Number(requests.cpu), memory: Number(/^(\d+)Mi$/.exec(requests.memory)?.[1]), architecture };
    }
  }
}

/** Whether workers run on a group of the stack's own. */
const onInstances = (column: Column) => column.all('AWS::AutoScaling::AutoScalingGroup').length > 0;

/** Whether alarms on the job queue start the workers, as on EC2 and ECS. */
const scaledByAlarms = ({ way }: Column) => WAYS[way].entry === 'worker' && WAYS[way].orchestrator !== 'EKS';

/** How many units there are at most. On Lambda that is up to the account. */
function ceiling(column: Column): number | undefined {
  switch (WAYS[column.way].unit) {
    case 'instance':
      return Number(column.one('AWS::AutoScaling::AutoScalingGroup').MaxSize);
    case 'function':
      return undefined;
    case 'task':
      return column.one('AWS::ApplicationAutoScaling::ScalableTarget').MaxCapacity;
    case 'pod':
      return column.object('ScaledObject', 'resizer').spec.maxReplicaCount;
  }
}

/** Seconds between SIGTERM and SIGKILL. */
function stopGrace(column: Column): number {
  if (column.way === 'ec2') return Number(/^TimeoutStopSec=(\d+)$/m.exec(column.userData)?.[1]);
  return WAYS[column.way].unit === 'task' ? column.container.StopTimeout : column.pod.terminationGracePeriodSeconds;
}

/** Whether workers are in private subnets: where that is chosen, and where nothing else is to be had. */
export const isPrivate = ({ way, settings }: Column) => Boolean(settings.production) || way === 'eks-fargate';

/** The subnets that workers run in. */
function workerSubnets(column: Column): string[] {
  if (onInstances(column)) return column.one('AWS::AutoScaling::AutoScalingGroup').VPCZoneIdentifier.map(referenced);
  switch (WAYS[column.way].orchestrator) {
    case 'ECS':
      return column.one('AWS::ECS::Service').NetworkConfiguration.AwsvpcConfiguration.Subnets.map(referenced);
    case 'EKS':
      return ['AWS::EKS::Nodegroup', 'AWS::EKS::FargateProfile']
        .flatMap((type) => column.all(type))
        .flatMap(([, { Subnets }]) => Subnets.map(referenced));
    case 'nobody':
      return [];
  }
}

/** The security groups that workers are in. On EKS those are the cluster's, which it makes itself. */
function securityGroups(column: Column): string[] {
  if (onInstances(column)) {
    return column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData.NetworkInterfaces[0].Groups.map(referenced);
  }
  switch (WAYS[column.way].orchestrator) {
    case 'ECS':
      return column.one('AWS::ECS::Service').NetworkConfiguration.AwsvpcConfiguration.SecurityGroups.map(referenced);
    case 'EKS':
      for (const [, { LaunchTemplateData }] of column.all('AWS::EC2::LaunchTemplate')) {
        expect(LaunchTemplateData).not.toHaveProperty('NetworkInterfaces');
        expect(LaunchTemplateData).not.toHaveProperty('SecurityGroupIds');
      }
      return [];
    case 'nobody':
      return [];
  }
}

/** Whether a worker is given a public address by what starts it. On EKS its subnet decides. */
function publicAddress(column: Column): boolean {
  if (onInstances(column)) {
    const { NetworkInterfaces } = column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
    return NetworkInterfaces[0].AssociatePublicIpAddress;
  }
  if (WAYS[column.way].orchestrator === 'ECS') {
    return column.one('AWS::ECS::Service').NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp === 'ENABLED';
  }
  return workerSubnets(column).some((id) => column.template.Resources[id]?.Properties.MapPublicIpOnLaunch);
}

/** The id of what starts workers, or is the worker itself. */
function starter(column: Column): string {
  switch (WAYS[column.way].unit) {
    case 'instance':
      return column.id('AWS::AutoScaling::AutoScalingGroup');
    case 'function':
      return column.id('AWS::Lambda::Function', 'Worker');
    case 'task':
      return column.id('AWS::ECS::Service');
    case 'pod':
      return column.id('Custom::AWSCDK-EKS-KubernetesResource', 'ClustermanifestPods');
  }
}

/** What a dashboard shows of a queue. */
const ofQueue = (queue: string, MetricName: string) => ['AWS/SQS', MetricName, 'QueueName', `<${queue}.QueueName>`];

/** Of a group, how many instances there are. */
function ofGroup(column: Column): [waits: string[], runs: string[]] {
  const group = `<${column.id('AWS::AutoScaling::AutoScalingGroup')}>`;
  return [
    ofQueue(JOBS, 'ApproximateNumberOfMessagesVisible'),
    ['AWS/AutoScaling', 'GroupInServiceInstances', 'AutoScalingGroupName', group],
  ];
}

/** Where the platform does not say for nothing what runs: what waits, and what is held. */
function ofTheQueue(): [waits: string[], runs: string[]] {
  return [ofQueue(JOBS, 'ApproximateNumberOfMessagesVisible'), ofQueue(JOBS, 'ApproximateNumberOfMessagesNotVisible')];
}

/** What waits and what runs, as each platform says it. */
const WAITS_AND_RUNS: Record<Way, (column: Column) => [waits: string[], runs: string[]]> = {
  ec2: ofGroup,
  'ecs-ec2': ofGroup,
  lambda: (column) => {
    const worker = ['FunctionName', `<${column.id('AWS::Lambda::Function', 'Worker')}>`];
    return [
      ['AWS/Lambda', 'AsyncEventAge', ...worker],
      ['AWS/Lambda', 'ConcurrentExecutions', ...worker],
    ];
  },
  'ecs-fargate': ofTheQueue,
  'eks-ec2': ofTheQueue,
  'eks-fargate': ofTheQueue,
};

/** The failure queue, and the job queue where there is one. */
const queues = (column: Column) => (column.way === 'lambda' ? [failures(column)] : [JOBS, failures(column)]);

const withoutTls = (action: string, ...resources: string[]) => ({
  Action: action,
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Resource: resources.length === 1 ? resources[0] : resources,
});

/** What uploads may not ask for by a header. */
const UPLOADS_REFUSED = [
  { Null: { 's3:x-amz-storage-class': 'false' }, StringNotEquals: { 's3:x-amz-storage-class': 'STANDARD' } },
  {
    Null: { 's3:x-amz-server-side-encryption': 'false' },
    StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' },
  },
  { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' } },
].map((Condition) => ({
  Action: 's3:PutObject',
  Condition,
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Resource: `<${SOURCE}.Arn>/*`,
}));

/** The operators that bucket policies here use, as IAM documents them: a key that is absent equals nothing. */
const OPERATORS: Readonly<Record<string, (actual: string | undefined, expected: string) => boolean>> = {
  Bool: (actual, expected) => actual === expected,
  Null: (actual, expected) => String(actual === undefined) === expected,
  StringNotEquals: (actual, expected) => actual !== expected,
};

/** Whether a policy denies everybody to put an object into the source bucket with these headers. */
function deniesUpload(statements: Json[], headers: Readonly<Record<string, string>>): boolean {
  const keys = Object.entries(headers).map(([name, value]) => [`s3:${name}`, value]);
  const request: Record<string, string> = { 'aws:SecureTransport': 'true', ...Object.fromEntries(keys) };
  const covers = (patterns: string | string[], value: string) =>
    [patterns].flat().some((each) => (each.endsWith('*') ? value.startsWith(each.slice(0, -1)) : value === each));
  return statements.some(({ Effect, Principal, Action, Resource, Condition = {} }) => {
    const conditions = Object.entries<Json>(Condition).flatMap(([operator, keys]) => {
      expect(Object.keys(OPERATORS)).toContain(operator);
      return Object.entries<string>(keys).map(([key, value]) => OPERATORS[operator]?.(request[key], value));
    });
    return (
      Effect === 'Deny' &&
      Principal.AWS === '*' &&
      covers(Action, 's3:PutObject') &&
      covers(Resource, `<${SOURCE}.Arn>/incoming/photo.jpg`) &&
      conditions.every(Boolean)
    );
  });
}

/** The one statement of a role's trust policy, which may be written as text. */
export function trust(column: Column, role: string): Json {
  const { AssumeRolePolicyDocument: document } = properties(column, role);
  const { Statement } = typeof document === 'string' ? JSON.parse(document) : document;
  expect(Statement).toHaveLength(1);
  return Statement[0];
}

/** Of a role for whoever has a token of one service account, for AWS, signed by the cluster. */
export const byToken = (provider: string, account: string) => ({
  Action: 'sts:AssumeRoleWithWebIdentity',
  Effect: 'Allow',
  Principal: { Federated: provider },
  Condition: {
    StringEquals: { [`${provider}:aud`]: 'sts.amazonaws.com', [`${provider}:sub`]: `system:serviceaccount:${account}` },
  },
});

const properties = (column: Column, id: string) => column.template.Resources[id]?.Properties;
const resource = (column: Column, reference: string) => column.template.Resources[referenced(reference)];

/** What all four keep. */
export const PARITY: Checks = {
  'there are two buckets, of the same ids': (column) => {
    expect(column.all('AWS::S3::Bucket').map(([id]) => id)).toEqual([SOURCE, OUTPUT]);
  },

  'the buckets are private, encrypted and their owner’s': (column) => {
    for (const [, bucket] of column.all('AWS::S3::Bucket')) {
      expect(bucket).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      });
    }
  },

  'the buckets answer over TLS only, and to nobody else than CDK’s own clean-up': (column) => {
    const policies = column.all('AWS::S3::BucketPolicy');
    expect(policies.map(([, { Bucket }]) => referenced(Bucket))).toEqual([SOURCE, OUTPUT]);
    for (const [, { Bucket, PolicyDocument }] of policies) {
      const bucket = `<${referenced(Bucket)}.Arn>`;
      const cleanUp = '<CustomS3AutoDeleteObjectsCustomResourceProviderRole3B1BD092.Arn>';
      expect(PolicyDocument.Statement).toEqual([
        withoutTls('s3:*', bucket, `${bucket}/*`),
        {
          Action: ['s3:DeleteObject*', 's3:GetBucket*', 's3:List*', 's3:PutBucketPolicy'],
          Effect: 'Allow',
          Principal: { AWS: cleanUp },
          Resource: [bucket, `${bucket}/*`],
        },
        ...(bucket === `<${SOURCE}.Arn>` ? UPLOADS_REFUSED : []),
      ]);
    }
  },

  'an upload is stored as the bucket does it by itself, or not at all': (column) => {
    const { Statement } = column.one('AWS::S3::BucketPolicy', 'ImagesSource').PolicyDocument;
    const denied = (headers: Readonly<Record<string, string>>) => [headers, deniesUpload(Statement, headers)];
    const storedAs = (storageClass: string) => ({ 'x-amz-storage-class': storageClass });
    const encrypted = (algorithm: string) => ({ 'x-amz-server-side-encryption': algorithm });
    // The first is what the AWS CLI and the SDKs send, presigned or not, for an object, a copy, a part.
    const ordinary = [
      {},
      storedAs('STANDARD'),
      encrypted('AES256'),
      { ...storedAs('STANDARD'), ...encrypted('AES256') },
    ];
    expect(ordinary.map(denied)).toEqual(ordinary.map((headers) => [headers, false]));
    const slow = ['GLACIER', 'DEEP_ARCHIVE'].map(storedAs);
    const dear = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'REDUCED_REDUNDANCY'].map(storedAs);
    const foreign = {
      ...encrypted('aws:kms'),
      'x-amz-server-side-encryption-aws-kms-key-id': 'arn:aws:kms:eu-west-1:111122223333:key/foreign',
    };
    const unreadable = [
      encrypted('aws:kms'),
      encrypted('aws:kms:dsse'),
      foreign,
      { ...storedAs('STANDARD'), ...foreign },
      { ...storedAs('GLACIER'), ...encrypted('AES256') },
      { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' },
    ];
    const hostile = [...slow, ...dear, ...unreadable];
    expect(hostile.map(denied)).toEqual(hostile.map((headers) => [headers, true]));
  },

  'objects expire, uploads after the failure queue has forgotten their events': (column) => {
    const days = Object.fromEntries(
      column.all('AWS::S3::Bucket').map(([id, { LifecycleConfiguration }]) => {
        const [rule, ...others] = LifecycleConfiguration.Rules;
        expect(others).toEqual([]);
        expect(rule).toEqual({
          Status: 'Enabled',
          ExpirationInDays: expect.any(Number),
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
        });
        return [id, rule.ExpirationInDays];
      }),
    );
    expect(days).toEqual({ [SOURCE]: 16, [OUTPUT]: 30 });
    expect(days[SOURCE] * DAY).toBeGreaterThan(properties(column, failures(column)).MessageRetentionPeriod);
  },

  'only new objects under incoming/ are announced, to the worker’s side of the stack': (column) => {
    const { BucketName, NotificationConfiguration } = column.one('Custom::S3BucketNotifications');
    const announcement = {
      Events: ['s3:ObjectCreated:*'],
      Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'incoming/' }] } },
    };
    expect(BucketName).toBe(`<${SOURCE}>`);
    expect(NotificationConfiguration).toEqual(
      column.way === 'lambda'
        ? {
            LambdaFunctionConfigurations: [
              { ...announcement, LambdaFunctionArn: `<${column.id('AWS::Lambda::Function', 'Worker')}.Arn>` },
            ],
          }
        : { QueueConfigurations: [{ ...announcement, QueueArn: `<${JOBS}.Arn>` }] },
    );
  },

  'nobody but the source bucket of this account can start work': (column) => {
    const invokes = column.all('AWS::Lambda::Permission').map(([, permission]) => permission);
    const sends = column
      .all('AWS::SQS::QueuePolicy')
      .flatMap(([, { PolicyDocument }]) => PolicyDocument.Statement)
      .filter(({ Effect }) => Effect === 'Allow');
    if (column.way === 'lambda') {
      expect(sends).toEqual([]);
      expect(invokes).toEqual([
        {
          Action: 'lambda:InvokeFunction',
          FunctionName: `<${column.id('AWS::Lambda::Function', 'Worker')}.Arn>`,
          Principal: 's3.amazonaws.com',
          SourceAccount: '<AWS::AccountId>',
          SourceArn: `<${SOURCE}.Arn>`,
        },
      ]);
    } else {
      expect(invokes).toEqual([]);
      expect(sends).toEqual([
        {
          Action: 'sqs:SendMessage',
          Condition: {
            ArnLike: { 'aws:SourceArn': `<${SOURCE}.Arn>` },
            StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' },
          },
          Effect: 'Allow',
          Principal: { Service: 's3.amazonaws.com' },
          Resource: `<${JOBS}.Arn>`,
        },
      ]);
    }
  },

  'the queues are encrypted with a key S3 can use, and answer over TLS only': (column) => {
    const all = column.all('AWS::SQS::Queue').map(([id]) => id);
    expect(all.sort()).toEqual(queues(column).sort());
    for (const id of queues(column)) {
      expect(properties(column, id)).toMatchObject({ SqsManagedSseEnabled: true });
      expect(properties(column, id)).not.toHaveProperty('KmsMasterKeyId');
      const policy = column.all('AWS::SQS::QueuePolicy').find(([, { Queues }]) => Queues.includes(`<${id}>`))?.[1];
      expect(policy.PolicyDocument.Statement).toContainEqual(withoutTls('sqs:*', `<${id}.Arn>`));
    }
  },

  'what cannot be processed waits two weeks in the failure queue': (column) => {
    expect(properties(column, failures(column)).MessageRetentionPeriod).toBe(14 * DAY);
    expect(properties(column, failures(column))).not.toHaveProperty('RedrivePolicy');
  },

  'failed work goes to the failure queue, after five receives or three invocations': (column) => {
    const arn = `<${failures(column)}.Arn>`;
    if (column.way === 'lambda') {
      const { MaximumRetryAttempts, DestinationConfig } = column.one('AWS::Lambda::EventInvokeConfig');
      expect({ MaximumRetryAttempts, DestinationConfig }).toEqual({
        MaximumRetryAttempts: 2,
        DestinationConfig: { OnFailure: { Destination: arn } },
      });
    } else {
      expect(properties(column, JOBS).RedrivePolicy).toEqual({ deadLetterTargetArn: arn, maxReceiveCount: 5 });
    }
  },

  'the job queue hides messages for 120 s, keeps them for 4 days and is asked by long polls': (column) => {
    if (column.way === 'lambda') return;
    expect(properties(column, JOBS)).toMatchObject({
      VisibilityTimeout: 120,
      MessageRetentionPeriod: 4 * DAY,
      ReceiveMessageWaitTimeSeconds: 20,
    });
  },

  'an alarm tells of the first failure, and one of work that waits': (column) => {
    const alarm = (queue: string, MetricName: string, Threshold: number) => ({
      Namespace: 'AWS/SQS',
      Dimensions: [{ Name: 'QueueName', Value: `<${queue}.QueueName>` }],
      MetricName,
      Statistic: 'Maximum',
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
    const alarms = column.all('AWS::CloudWatch::Alarm').map(([, properties]) => properties);
    expect(alarms).toContainEqual(
      expect.objectContaining(alarm(failures(column), 'ApproximateNumberOfMessagesVisible', 1)),
    );
    if (column.way === 'lambda') return;
    expect(alarms).toContainEqual(expect.objectContaining(alarm(JOBS, 'ApproximateAgeOfOldestMessage', 1800)));
  },

  'every alarm says what it means and what to do': (column) => {
    const { Outputs } = column.template;
    for (const [id, { AlarmDescription = '', AlarmActions = [] }] of column.all('AWS::CloudWatch::Alarm')) {
      const scales = AlarmActions.some((action: string) => /ScalingPolicy$/.test(resource(column, action)?.Type ?? ''));
      const named = Object.keys(Outputs).filter((output) => AlarmDescription.includes(output));
      expect([id, scales, AlarmDescription.startsWith('No fault, and nothing to do: ')]).toEqual([id, scales, scales]);
      if (!scales) expect([id, named.length]).toEqual([id, 2]);
    }
  },

  'one dashboard shows the same in the same places, by metrics that there are': (column) => {
    const { widgets } = JSON.parse(column.one('AWS::CloudWatch::Dashboard').DashboardBody);
    const { stack } = WAYS[column.way];
    const logged = (name: string) => [METRIC_NAMESPACE, name, 'Stack', stack];
    const [waits, runs] = WAITS_AND_RUNS[column.way](column);
    const shown = widgets.map(({ x, y, width, properties: { title, metrics } }: Json) => [
      [x, y, width],
      title,
      metrics.map((metric: Json[]) => metric.filter((part) => typeof part === 'string')),
      metrics.map((metric: Json[]) => metric.at(-1).stat),
    ]);
    expect(shown).toEqual([
      [[0, 0, 8], 'Waiting', [waits], ['Maximum']],
      [[8, 0, 8], 'Running', [runs], ['Maximum']],
      [
        [16, 0, 8],
        'Failed',
        [logged('Failed'), ofQueue(failures(column), 'ApproximateNumberOfMessagesVisible')],
        ['Sum', 'Maximum'],
      ],
      [[0, 6, 12], 'Done and rejected', [logged('Done'), logged('Rejected')], ['Sum', 'Sum']],
      [[12, 6, 12], 'Duration, ms', [logged('Duration'), logged('Duration')], ['p50', 'p95']],
    ]);
    expect(TERMINAL_STATES).toEqual(expect.arrayContaining(['done', 'rejected']));
  },

  'the queue is kept awake where alarms start the workers, and nothing else is on a schedule': (column) => {
    const schedules = column.all('AWS::Scheduler::Schedule');
    expect(schedules).toHaveLength(scaledByAlarms(column) ? 1 : 0);
    for (const [, { ScheduleExpression, State, Target }] of schedules) {
      // CloudWatch forgets a queue that nothing has accessed for six hours.
      expect([ScheduleExpression, State]).toEqual(['rate(5 hours)', 'ENABLED']);
      expect(Target.Arn).toBe('arn:<AWS::Partition>:scheduler:::aws-sdk:sqs:tagQueue');
      const { QueueUrl, Tags } = JSON.parse(Target.Input);
      expect(QueueUrl).toBe(`<${JOBS}>`);
      // What the queue has anyway, or the stack would drift.
      const tags = Object.entries(Tags).map(([Key, Value]) => ({ Key, Value }));
      expect(tags).toHaveLength(1);
      expect(properties(column, JOBS).Tags).toEqual(expect.arrayContaining(tags));
      const role = referenced(Target.RoleArn);
      expect(column.grants(role)).toEqual([`sqs:TagQueue <${JOBS}.Arn>`]);
      expect(properties(column, role).AssumeRolePolicyDocument.Statement).toEqual([
        {
          Action: 'sts:AssumeRole',
          Effect: 'Allow',
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: {
            StringEquals: {
              'aws:SourceAccount': '<AWS::AccountId>',
              'aws:SourceArn': 'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule-group/default',
            },
          },
        },
      ]);
    }
  },

  'the worker may do exactly this': (column) => {
    const { trusts, may } = PERMISSIONS[column.way];
    const byPlatform = {
      Action: column.way === 'eks-ec2' ? ['sts:AssumeRole', 'sts:TagSession'] : 'sts:AssumeRole',
      Effect: 'Allow',
      Principal: { Service: trusts },
    };
    expect(trust(column, column.workerRole)).toEqual(
      column.way === 'eks-fargate' ? byToken(trusts, 'resizer:resizer') : byPlatform,
    );
    const grants = column.grants(column.workerRole).map((grant) => grant.replace(/[0-9a-f]{64}/, '(asset)'));
    expect(grants).toEqual([...may].sort());
  },

  'no role has an action with a wildcard': (column) => {
    const roles = column.all('AWS::IAM::Role').map(([id]) => id);
    const wild = roles.flatMap((role) => column.grants(role).filter((grant) => grant.split(' ')[0]?.includes('*')));
    expect(wild).toEqual([]);
  },

  'no role may touch every resource, but for actions that are listed': (column) => {
    const roles = column.all('AWS::IAM::Role').map(([id]) => id);
    const grants = roles.flatMap((role) => column.grants(role)).filter((grant) => grant.split(' ')[1] === '*');
    expect(grants.map((grant) => grant.replace(' *', '')).sort()).toEqual(ON_EVERYTHING[column.way]);
  },

  'the workload starts with the variables it is handed, and they say what the platform does': (column) => {
    // What CloudFormation puts in for a reference.
    const deployed: Environment = Object.fromEntries(
      Object.entries(column.environment).map(([name, value]) => [
        name,
        value === `<${JOBS}>` ? 'https://sqs.eu-west-1.amazonaws.com/123456789012/jobs' : value,
      ]),
    );
    const { stack } = WAYS[column.way];
    const settings = { compute: column.way, stack, sourceBucket: `<${SOURCE}>`, sourcePrefix: 'incoming/' };
    if (column.way === 'lambda') {
      expect(readSettings(deployed)).toMatchObject({ ...settings, outputBucket: `<${OUTPUT}>` });
      return;
    }
    expect(readWorkerSettings(deployed)).toMatchObject({
      ...settings,
      outputBucket: `<${OUTPUT}>`,
      queueUrl: expect.stringContaining('/jobs'),
      visibilityTimeoutSeconds: properties(column, JOBS).VisibilityTimeout,
      stopGraceSeconds: stopGrace(column),
    });
  },

  'exactly these variables are handed over, by the names of the contract': (column) => {
    const { compute, stack, sourceBucket, sourcePrefix, outputBucket } = ENV;
    const job = [compute, stack, sourceBucket, sourcePrefix, outputBucket];
    const { queueUrl, visibilityTimeoutSeconds, stopGraceSeconds } = ENV;
    // Lambda sets the region by itself.
    const loop = [queueUrl, visibilityTimeoutSeconds, stopGraceSeconds, 'AWS_REGION'];
    expect(Object.keys(column.environment)).toEqual(column.way === 'lambda' ? job : [...job, ...loop]);
  },

  'one unit of work is one box: 1 vCPU, 2 GiB, arm64 where there is any': (column) => {
    expect(unit(column)).toEqual({ vcpus: 1, memory: 2048, architecture: WAYS[column.way].architecture });
  },

  'there are four units at most, where the account does not decide': (column) => {
    expect(ceiling(column)).toBe(column.way === 'lambda' ? undefined : 4);
  },

  'a worker has 90 s to stop': (column) => {
    if (column.way !== 'lambda') expect(stopGrace(column)).toBe(90);
  },

  'every log group forgets after a week': (column) => {
    const groups = column.all('AWS::Logs::LogGroup').map(([id, { RetentionInDays }]) => [id, RetentionInDays]);
    expect(Object.fromEntries(groups)).toEqual({
      [LOGS]: 7,
      CustomResourceLogsE45D40F0: 7,
      ...(WAYS[column.way].orchestrator === 'EKS' && { ControlPlaneLogs95F30E24: 7 }),
    });
  },

  'every function writes to a log group of the stack': (column) => {
    const groups = column.all('AWS::Lambda::Function').map(([id, { LoggingConfig }]) => {
      const group = LoggingConfig?.LogGroup ?? 'a group that Lambda makes, and nobody deletes';
      return [id, column.template.Resources[referenced(group)]?.Type ?? group];
    });
    expect(groups).toEqual(groups.map(([id]) => [id, 'AWS::Logs::LogGroup']));
  },

  'no function can make a log group, as long as it has a role': (column) => {
    const functions = column.all('AWS::Lambda::Function').map(([id, { Role }]) => [id, referenced(Role)] as const);
    // A managed policy of AWS's lets it, whatever it is called.
    const might = functions.filter(([, role]) =>
      column.grants(role).some((grant) => !/^[\w-]+:\w+ |^Deny /.test(grant) || grant.includes('CreateLogGroup')),
    );
    expect(might.length).toBeGreaterThan(0);
    // In the role itself, which outlives the function. A policy of its own might not.
    const denies = might.filter(([, role]) =>
      (properties(column, role).Policies ?? [])
        .flatMap(({ PolicyDocument }: Json) => PolicyDocument.Statement)
        .some(
          ({ Effect, Action, Resource, Condition }: Json) =>
            [Effect, Action, Resource, Condition].join() === ['Deny', 'logs:CreateLogGroup', '*', undefined].join(),
        ),
    );
    expect(denies).toEqual(might);
    for (const [id, role] of functions) expect([...column.waitsFor(id)]).toContain(role);
  },

  'nothing is retained, and buckets are emptied before they are deleted': (column) => {
    const retained = column.resources.filter(
      ([, { DeletionPolicy = 'Delete', UpdateReplacePolicy = 'Delete' }]) =>
        DeletionPolicy !== 'Delete' || UpdateReplacePolicy !== 'Delete',
    );
    expect(retained.map(([id]) => id)).toEqual([]);
    const emptied = column.all('Custom::S3AutoDeleteObjects').map(([, { BucketName }]) => BucketName);
    expect(emptied).toEqual([`<${SOURCE}>`, `<${OUTPUT}>`]);
  },

  'nothing has a name of its own, but the EKS cluster': (column) => {
    expect(physicalNames(column)).toEqual(NAMES[column.way]);
  },

  'nothing is reached from outside': (column) => {
    const open = column.all('AWS::EC2::SecurityGroup').filter(([, group]) => group.SecurityGroupIngress?.length);
    expect(open.map(([id]) => id)).toEqual([]);
    expect(column.all('AWS::EC2::SecurityGroupIngress').map(([id]) => id)).toEqual([]);
    expect(column.all('AWS::Lambda::Url')).toEqual([]);
  },

  'the worker’s security group, where it has one, lets HTTPS out and nothing else': (column) => {
    const https = { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 443, ToPort: 443 };
    const rules = securityGroups(column).map((id) => properties(column, id)?.SecurityGroupEgress);
    expect(rules).toEqual(scaledByAlarms(column) ? [[expect.objectContaining(https)]] : []);
    expect(column.all('AWS::EC2::SecurityGroupEgress').map(([id]) => id)).toEqual([]);
  },

  'a NAT gateway with a fixed address only where workers are in private subnets, and then one': (column) => {
    const expected = isPrivate(column) && column.way !== 'lambda' ? 1 : 0;
    expect(column.all('AWS::EC2::NatGateway')).toHaveLength(expected);
    expect(column.all('AWS::EC2::EIP')).toHaveLength(expected);
  },

  'workers have public addresses by default, and nothing but the NAT gateway has one where they are private': (
    column,
  ) => {
    if (column.way === 'lambda') return;
    expect(publicAddress(column)).toBe(!isPrivate(column));
    const routes = column.all('AWS::EC2::Route').map(([, route]) => route);
    const tables = column.all('AWS::EC2::SubnetRouteTableAssociation').map(([, association]) => association);
    for (const subnet of workerSubnets(column)) {
      const table = tables.find(({ SubnetId }) => SubnetId === `<${subnet}>`).RouteTableId;
      const [way, ...others] = routes.filter(({ RouteTableId }) => RouteTableId === table);
      expect(others).toEqual([]);
      expect(Object.keys(way)).toContain(isPrivate(column) ? 'NatGatewayId' : 'GatewayId');
    }
    if (isPrivate(column)) {
      const subnets = column.all('AWS::EC2::Subnet').filter(([, { MapPublicIpOnLaunch }]) => MapPublicIpOnLaunch);
      expect(subnets.map(([id]) => id)).toEqual([]);
    }
  },

  'every subnet has the same 4,096 addresses: each node, pod, task and handler takes one': (column) => {
    const sizes = column.all('AWS::EC2::Subnet').map(([id, { CidrBlock }]) => [id, CidrBlock.split('/')[1]]);
    expect(sizes).toEqual(sizes.map(([id]) => [id, '20']));
  },

  'pictures reach S3 from every subnet without the NAT gateway': (column) => {
    if (column.way === 'lambda') {
      expect(column.all('AWS::EC2::VPC')).toEqual([]);
      return;
    }
    const endpoint = column.one('AWS::EC2::VPCEndpoint');
    expect(endpoint).toMatchObject({ VpcEndpointType: 'Gateway', ServiceName: 'com.amazonaws.<AWS::Region>.s3' });
    const tables = column.all('AWS::EC2::RouteTable').map(([id]) => `<${id}>`);
    expect([...endpoint.RouteTableIds].sort()).toEqual(tables.sort());
  },

  'workers start when there is a way out, and are gone before it is taken away': (column) => {
    const waits = column.waitsFor(starter(column));
    for (const subnet of workerSubnets(column)) {
      const wayOut = ['DefaultRoute', 'RouteTableAssociation'].map((part) => subnet.replace(/Subnet\w{8}$/, part));
      for (const part of wayOut) expect([...waits]).toContainEqual(expect.stringContaining(part));
    }
    const endpoints = column.all('AWS::EC2::VPCEndpoint').map(([id]) => id);
    expect(endpoints.filter((id) => !waits.has(id))).toEqual([]);
  },

  'workers start when their queue is there, with its policy, and are gone before it': (column) => {
    if (column.way === 'lambda') return;
    const waits = column.waitsFor(starter(column));
    const policies = column.all('AWS::SQS::QueuePolicy').filter(([, { Queues }]) => Queues.includes(`<${JOBS}>`));
    expect(policies).toHaveLength(1);
    expect([JOBS, ...policies.map(([id]) => id)].filter((id) => !waits.has(id))).toEqual([]);
  },

  'workers start with the rights that they and their platform need, and keep them to the end': (column) => {
    const platform = [
      ...column.all('AWS::ECS::TaskDefinition').map(([, { ExecutionRoleArn }]) => ExecutionRoleArn),
      ...column.all('AWS::IAM::InstanceProfile').flatMap(([, { Roles }]) => Roles),
      ...column.all('AWS::EKS::FargateProfile').map(([, { PodExecutionRoleArn }]) => PodExecutionRoleArn),
    ];
    const roles = [column.workerRole, ...platform.map(referenced)];
    const policies = column
      .all('AWS::IAM::Policy')
      .filter(([, { Roles }]) => Roles.some((role: string) => roles.includes(referenced(role))))
      .map(([id]) => id);
    expect(policies.length).toBeGreaterThan(0);
    const waits = column.waitsFor(starter(column));
    expect([...roles, ...policies].filter((id) => !waits.has(id))).toEqual([]);
    // What they say is shipped to the end, too. On EKS by others, whose manifest names the group.
    if (WAYS[column.way].orchestrator !== 'EKS') expect([...waits]).toContain(LOGS);
  },

  'workers are gone before the bucket they write to is emptied': (column) => {
    expect([...column.waitsFor(starter(column))]).toContain('ImagesOutputAutoDeleteObjectsCustomResourceA4D2B2F6');
  },

  'the outputs say how to try it and where to look': (column) => {
    const outputs = Object.entries(column.template.Outputs).map(([id, { Value }]) => [id, Value]);
    for (const { Value, Description } of Object.values(column.template.Outputs)) {
      expect(Description).toMatch(Value.startsWith('aws ') ? /\. AWS CLI v2$/ : /./);
    }
    const region = '--region <AWS::Region>';
    const onLambda = column.way === 'lambda';
    expect(Object.fromEntries(outputs)).toEqual({
      UploadCommand: `aws s3 cp PICTURE s3://<${SOURCE}>/incoming/ ${region}`,
      ResultsCommand: `aws s3 ls --recursive s3://<${OUTPUT}>/ ${region}`,
      LogsCommand: `aws logs tail --follow <${LOGS}> ${region}`,
      ReplayCommand: onLambda
        ? `npm run replay -- ResizeOnLambda ${region}`
        : `aws sqs start-message-move-task --source-arn <${failures(column)}.Arn> ${region}`,
      DashboardUrl: `https://<AWS::Region>.console.aws.amazon.com/cloudwatch/home?region=<AWS::Region>#dashboards/dashboard/<${column.id('AWS::CloudWatch::Dashboard')}>`,
      SourceBucket: `<${SOURCE}>`,
      ResultBucket: `<${OUTPUT}>`,
      EventTarget: `<${onLambda ? column.id('AWS::Lambda::Function', 'Worker') : JOBS}.Arn>`,
      FailureQueue: `<${failures(column)}>`,
    });
  },
};
