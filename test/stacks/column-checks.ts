import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { WAYS } from '../../lib/ways';
import type { Json, Way } from '../support/synth';
import { type Column, referenced } from './column';
import { byToken, type Checks, instance, trust } from './parity-checks';

/**
 * What Linux keeps of an instance's memory, and what the ECS agent takes. AWS's example keeps 207 MiB of 8 GiB, before the
 * agent.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html
 */
const SYSTEM_AND_AGENT_MIB = 384;

/** What the instances of all ways have in common: tokens, one hop, an encrypted disk, no key pair. */
function hardened(column: Column, gibibytes: number, metadata: Json = {}): void {
  const { LaunchTemplateData } = column.one('AWS::EC2::LaunchTemplate');
  const metadataOptions = { HttpTokens: 'required', HttpPutResponseHopLimit: 1, ...metadata };
  expect(LaunchTemplateData.MetadataOptions).toEqual(metadataOptions);
  expect(LaunchTemplateData.BlockDeviceMappings).toEqual([
    { DeviceName: '/dev/xvda', Ebs: { Encrypted: true, VolumeSize: gibibytes, VolumeType: 'gp3' } },
  ]);
  expect(LaunchTemplateData).not.toHaveProperty('KeyName');
}

/** What EC2 and ECS do by alarms: out on what waits, in when nothing was done any more. */
function scalesOnTheQueue(column: Column, step: (policy: Json) => Json): void {
  const policies = ['AWS::AutoScaling::ScalingPolicy', 'AWS::ApplicationAutoScaling::ScalingPolicy'];
  const alarms = column
    .all('AWS::CloudWatch::Alarm')
    .filter(([, { AlarmActions }]) => AlarmActions)
    .map(([, { AlarmActions, ...alarm }]) => {
      const [policy] = policies.flatMap((type) => column.all(type)).filter(([id]) => AlarmActions[0] === `<${id}>`);
      const { AdjustmentType, StepAdjustments } = step(policy?.[1]);
      return { ...alarm, AdjustmentType, StepAdjustments };
    });
  const queue = [{ Name: 'QueueName', Value: '<JobsQueue24944186.QueueName>' }];
  const metric = (id: string, MetricName: string, Stat: string) => ({
    Id: id,
    MetricStat: { Metric: { Dimensions: queue, MetricName, Namespace: 'AWS/SQS' }, Period: 60, Stat },
    ReturnData: false,
  });
  const either = { AdjustmentType: 'ChangeInCapacity', AlarmDescription: expect.any(String) };
  expect(alarms).toEqual([
    {
      ...either,
      Namespace: 'AWS/SQS',
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: queue,
      Statistic: 'Maximum',
      Period: 60,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      EvaluationPeriods: 1,
      StepAdjustments: [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 99, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 99, ScalingAdjustment: 3 },
      ],
    },
    {
      ...either,
      Metrics: [
        // Only what waits is always reported. A minute of which it is not yet known is no idle minute.
        expect.objectContaining({
          Expression: 'IF(visible, visible, FILL(held, 0) + FILL(received, 0))',
          ReturnData: true,
        }),
        metric('visible', 'ApproximateNumberOfMessagesVisible', 'Maximum'),
        {
          ...metric('held', 'ApproximateNumberOfMessagesNotVisible', 'Maximum'),
          Label: 'Messages held, those that wait for another try included',
        },
        metric('received', 'NumberOfMessagesReceived', 'Sum'),
      ],
      ComparisonOperator: 'LessThanOrEqualToThreshold',
      Threshold: 0,
      EvaluationPeriods: 5,
      StepAdjustments: [{ MetricIntervalUpperBound: 0, ScalingAdjustment: -4 }],
    },
  ]);
}

/** What stands between `<<NAME` or `<<'NAME'` and `NAME`. */
export const heredoc = (script: string, name: string) =>
  new RegExp(`<<'?${name}'?\n(.*?)\n${name}$`, 'ms').exec(script)?.[1] ?? '';

/** What `name='value'` lines at the head of the script assign. */
const assigned = (script: string) =>
  Object.fromEntries([...script.matchAll(/^([A-Z_]+)='([^']*)'$/gm)].map(([, name, value]) => [name, value]));

/** The variables of ours that a shell script reads. */
const read = (script: string) => [
  ...new Set([...script.matchAll(/\$\{?([A-Z_]+)/g)].map(([, name]) => name as string)),
];

const parsed = new Map<string, string>();

/** What bash says about a script without running it. */
function syntaxErrors(script: string): string {
  const known = parsed.get(script);
  if (known !== undefined) return known;
  const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
  const errors = stderr || (status === 0 ? '' : `status ${status}`);
  parsed.set(script, errors);
  return errors;
}

const EC2: Checks = {
  'instances need a token for their metadata, one hop away, and have encrypted disks and no key pair': (column) =>
    // Tags, because of the name of the group.
    hardened(column, 8, { InstanceMetadataTags: 'enabled' }),

  'instances start from that day’s image': (column) => {
    expect(column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData.ImageId).toBe(
      'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64',
    );
  },

  'instances are replaced after a week, and come and go with the queue': (column) => {
    const group = column.one('AWS::AutoScaling::AutoScalingGroup');
    expect(group).toMatchObject({ MaxInstanceLifetime: 7 * 86_400, MinSize: '0' });
    expect(group).not.toHaveProperty('DesiredCapacity');
    const launchTemplate = column.id('AWS::EC2::LaunchTemplate');
    expect(group.LaunchTemplate).toEqual({
      LaunchTemplateId: `<${launchTemplate}>`,
      Version: `<${launchTemplate}.LatestVersionNumber>`,
    });
  },

  'an update replaces instances, and is not disturbed by the alarms': (column) => {
    const id = column.id('AWS::AutoScaling::AutoScalingGroup');
    expect(column.template.Resources[id]?.UpdatePolicy.AutoScalingRollingUpdate).toEqual({
      MinInstancesInService: 0,
      SuspendProcesses: ['AlarmNotification', 'AZRebalance'],
      WaitOnResourceSignals: true,
      PauseTime: 'PT10M',
    });
  },

  'a boot tells the rollout of this group how it has ended, and gives up when it has not come to its end': (column) => {
    const group = column.id('AWS::AutoScaling::AutoScalingGroup');
    const [trap = ''] = /^function exitTrap\(\)\{\n.*?\n\}\ntrap exitTrap EXIT$/ms.exec(column.userData) ?? [];
    expect(trap.split('\n').slice(1, -2)).toEqual([
      'exitCode=$?',
      '[ "$exitCode" = 0 ] || give_up',
      `/opt/aws/bin/cfn-signal --stack ResizeOnEc2 --resource ${group} --region <AWS::Region> -e $exitCode || echo 'Failed to send Cloudformation Signal'`,
    ]);
    // Nothing may set another one.
    expect(column.userData.match(/^ *trap .*/gm)).toEqual(['trap exitTrap EXIT']);
  },

  'an instance that shuts itself down is gone, and not stopped': (column) => {
    const { InstanceInitiatedShutdownBehavior } = column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
    expect(InstanceInitiatedShutdownBehavior).toBe('terminate');
  },

  'the group says by the minute how many instances there are': (column) => {
    expect(column.one('AWS::AutoScaling::AutoScalingGroup').MetricsCollection).toEqual([
      { Granularity: '1Minute', Metrics: ['GroupInServiceInstances'] },
    ]);
  },

  'the group waits 180 s for the worker to stop': (column) => {
    expect(column.one('AWS::AutoScaling::AutoScalingGroup').LifecycleHookSpecificationList).toEqual([
      {
        LifecycleHookName: 'Drain',
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
        HeartbeatTimeout: 180,
        DefaultResult: 'CONTINUE',
      },
    ]);
    // A resource of its own would be deleted before the group, which then would not wait.
    expect(column.all('AWS::AutoScaling::LifecycleHook')).toEqual([]);
  },

  'the boot script is handed every variable it reads, and no other': (column) => {
    const drain = heredoc(column.userData, 'DRAIN');
    const boot = column.userData.replace(drain, '');
    expect(Object.keys(assigned(column.userData)).sort()).toEqual(read(boot).sort());
    // The drain runs later, with what its unit hands it.
    const handed = /^Environment=(.*)$/m.exec(boot)?.[1]?.split(' ') ?? [];
    expect(handed).toEqual(['AWS_DEFAULT_REGION=$AWS_REGION']);
    expect(read(drain)).toEqual([]);
  },

  'the boot script contains no placeholder that nobody fills in': (column) => {
    // The shell's own would be $NAME. A placeholder of CloudFormation is a reference to something in this template.
    expect(column.userData).not.toContain('${');
    const references = [...column.userData.matchAll(/<([A-Za-z][\w:]*)(\.\w+)?>/g)].map(([, name]) => name as string);
    const known = (name: string) => name.startsWith('AWS::') || name in column.template.Resources;
    expect(references.filter((name) => !known(name))).toEqual([]);
  },

  'the boot script is a script, and fits into what an instance can be told': (column) => {
    expect(column.userData).toMatch(/^#!\/bin\/bash\n/);
    for (const script of [column.userData, heredoc(column.userData, 'DRAIN')]) {
      expect(syntaxErrors(script)).toBe('');
    }
    // 16 KB; references take a little more room when they are filled in.
    expect(Buffer.byteLength(column.userData)).toBeLessThan(15_000);
  },

  // That it does as it says is in boot-script.test.ts, where it runs.
  'the drain waits for the word Terminated, stops the worker, and then says so of the hook of this template': (
    column,
  ) => {
    const drain = heredoc(column.userData, 'DRAIN');
    const [{ LifecycleHookName }] = column.one('AWS::AutoScaling::AutoScalingGroup').LifecycleHookSpecificationList;
    expect(drain).toContain('taken_away() { [ "$(imds autoscaling/target-lifecycle-state)" = Terminated ]; }\n');
    expect(drain).toMatch(
      new RegExp(
        `^systemctl stop worker\\nuntil taken_away; .*\\naws autoscaling complete-lifecycle-action .* --lifecycle-hook-name ${LifecycleHookName} `,
        'm',
      ),
    );
  },

  'the worker stops before the agent does, which ships its last lines': (column) => {
    expect(heredoc(column.userData, 'UNIT')).toMatch(/^After=.*\bamazon-cloudwatch-agent\.service\b/m);
  },

  'the log is cut where it is, because the worker keeps its file open': (column) => {
    expect(heredoc(column.userData, 'ROTATE')).toMatch(/^\/var\/log\/worker\/worker\.log \{$[^}]*^ +copytruncate$/m);
  },

  'the worker runs as a user that may do next to nothing': (column) => {
    const unit = heredoc(column.userData, 'UNIT').split('\n');
    expect(unit).toEqual(
      expect.arrayContaining([
        'Type=exec',
        'User=worker',
        'ExecStart=/usr/bin/node-24 /opt/worker/index.js',
        'Restart=always',
        'KillMode=mixed',
        'NoNewPrivileges=yes',
        'CapabilityBoundingSet=',
        'PrivateDevices=yes',
        'PrivateTmp=yes',
        'ProtectClock=yes',
        'ProtectControlGroups=yes',
        'ProtectHome=yes',
        'ProtectHostname=yes',
        'ProtectKernelLogs=yes',
        'ProtectKernelModules=yes',
        'ProtectKernelTunables=yes',
        'ProtectSystem=strict',
        'RestrictNamespaces=yes',
        'RestrictRealtime=yes',
        'RestrictSUIDSGID=yes',
        'SystemCallArchitectures=native',
        'SystemCallFilter=@system-service seccomp',
        'SystemCallFilter=~@aio @keyring kcmp migrate_pages move_pages process_madvise process_vm_readv process_vm_writev userfaultfd',
        'SystemCallErrorNumber=EPERM',
        'TasksMax=1024',
      ]),
    );
  },

  'the agent ships the worker’s lines and the boot’s to the log group of the stack': (column) => {
    const agent = JSON.parse(heredoc(column.userData, 'AGENT'));
    const files: Json[] = agent.logs.logs_collected.files.collect_list;
    expect(files.map(({ file_path, log_group_name }) => [file_path, log_group_name])).toEqual([
      ['/var/log/worker/worker.log', '$LOG_GROUP'],
      ['/var/log/cloud-init-output.log', '$LOG_GROUP'],
    ]);
    expect(assigned(column.userData)).toMatchObject({ LOG_GROUP: '<Logs6819BB44>' });
    expect(heredoc(column.userData, 'UNIT')).toContain('StandardOutput=append:/var/log/worker/worker.log');
  },

  'instances are on demand, or Spot where that is chosen': (column) => {
    expect(column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData.InstanceMarketOptions).toEqual(
      column.settings.spot ? { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } } : undefined,
    );
  },

  'the group scales out on what waits and in when nothing is done': (column) =>
    scalesOnTheQueue(column, (policy) => policy),

  'an instance that boots is counted as one that works, so that no other is started in its place': (column) => {
    const warmups = column
      .all('AWS::AutoScaling::ScalingPolicy')
      .filter(([, { StepAdjustments }]) => StepAdjustments.some(({ ScalingAdjustment }: Json) => ScalingAdjustment > 0))
      .map(([, { EstimatedInstanceWarmup }]) => EstimatedInstanceWarmup);
    expect(warmups).toEqual([180]);
  },
};

const LAMBDA: Checks = {
  'the function is Node 24 on arm64, with 2,048 MB and a minute': (column) => {
    expect(column.one('AWS::Lambda::Function', 'Worker')).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      MemorySize: 2048,
      Timeout: 60,
    });
  },

  'the function logs JSON to the log group of the stack': (column) => {
    expect(column.one('AWS::Lambda::Function', 'Worker').LoggingConfig).toEqual({
      LogFormat: 'JSON',
      LogGroup: '<Logs6819BB44>',
    });
  },

  'events are retried twice, for six hours at most': (column) => {
    expect(column.one('AWS::Lambda::EventInvokeConfig')).toMatchObject({
      FunctionName: `<${column.id('AWS::Lambda::Function', 'Worker')}>`,
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 6 * 3600,
    });
  },

  'a loop is ended': (column) => {
    expect(column.one('AWS::Lambda::Function', 'Worker').RecursiveLoop).toBe('Terminate');
  },

  'no concurrency is reserved, which new accounts refuse': (column) => {
    expect(column.one('AWS::Lambda::Function', 'Worker')).not.toHaveProperty('ReservedConcurrentExecutions');
  },

  'there is no network of ours, in production neither': (column) => {
    expect(column.one('AWS::Lambda::Function', 'Worker')).not.toHaveProperty('VpcConfig');
    expect(column.resources.filter(([, { Type }]) => Type.startsWith('AWS::EC2::'))).toEqual([]);
  },
};

/** What ECS makes of the job, on whoever’s servers. */
const ECS: Checks = {
  'the container can tell how much memory it has': (column) => {
    expect(column.container.Memory).toBe(2048);
  },

  'the container gives up every privilege': (column) => {
    expect(column.container).toMatchObject({
      User: '1000:1000',
      ReadonlyRootFilesystem: true,
    });
    expect(column.container.LinuxParameters).toEqual({ Capabilities: { Drop: ['ALL'] } });
    expect(column.container.Privileged ?? false).toBe(false);
    expect(column.container).not.toHaveProperty('Secrets');
    expect(column.one('AWS::ECS::TaskDefinition')).not.toHaveProperty('Volumes');
  },

  'the container logs to the log group of the stack': (column) => {
    expect(column.container.LogConfiguration).toEqual({
      LogDriver: 'awslogs',
      Options: {
        'awslogs-group': '<Logs6819BB44>',
        'awslogs-region': '<AWS::Region>',
        'awslogs-stream-prefix': 'resizer',
      },
    });
  },

  'the first task proves the image; then there are none when there is nothing to do': (column) => {
    expect(column.one('AWS::ECS::Service')).not.toHaveProperty('DesiredCount');
    expect(column.one('AWS::ApplicationAutoScaling::ScalableTarget')).toMatchObject({
      MinCapacity: 0,
      ScalableDimension: 'ecs:service:DesiredCount',
      ServiceNamespace: 'ecs',
    });
  },

  'a task that works is not stopped to have one in each zone': (column) => {
    expect(column.one('AWS::ECS::Service').AvailabilityZoneRebalancing).toBe('DISABLED');
  },

  'the service scales out on what waits and in when nothing is done': (column) =>
    scalesOnTheQueue(column, (policy) => policy.StepScalingPolicyConfiguration),

  'who starts the task may fetch its image and write its log': (column) => {
    const { ExecutionRoleArn } = column.one('AWS::ECS::TaskDefinition');
    const images = 'cdk-hnb659fds-container-assets-<AWS::AccountId>-<AWS::Region>';
    const repository = `arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/${images}`;
    expect(column.grants(referenced(ExecutionRoleArn))).toEqual([
      `ecr:BatchCheckLayerAvailability ${repository}`,
      `ecr:BatchGetImage ${repository}`,
      'ecr:GetAuthorizationToken *',
      `ecr:GetDownloadUrlForLayer ${repository}`,
      'logs:CreateLogStream <Logs6819BB44.Arn>',
      'logs:PutLogEvents <Logs6819BB44.Arn>',
    ]);
  },
};

const ECS_FARGATE: Checks = {
  ...ECS,

  'the task is Fargate’s, on arm64, with 1 vCPU and 2 GiB': (column) => {
    expect(column.one('AWS::ECS::TaskDefinition')).toMatchObject({
      RequiresCompatibilities: ['FARGATE'],
      NetworkMode: 'awsvpc',
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      Cpu: '1024',
      Memory: '2048',
    });
  },

  'a deployment that does not start is rolled back': (column) => {
    expect(column.one('AWS::ECS::Service').DeploymentConfiguration).toMatchObject({
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      MinimumHealthyPercent: 100,
    });
  },

  'the cluster itself has the capacity providers, or it could not be deleted': (column) => {
    expect(column.one('AWS::ECS::Cluster').CapacityProviders).toEqual(['FARGATE', 'FARGATE_SPOT']);
    expect(column.all('AWS::ECS::ClusterCapacityProviderAssociations')).toEqual([]);
  },

  'tasks are on demand, or Spot where that is chosen': (column) => {
    const { CapacityProviderStrategy, LaunchType } = column.one('AWS::ECS::Service');
    const provider = column.settings.spot ? 'FARGATE_SPOT' : 'FARGATE';
    expect(CapacityProviderStrategy).toEqual([{ CapacityProvider: provider, Weight: 1 }]);
    expect(LaunchType).toBeUndefined();
  },
};

const ECS_EC2: Checks = {
  ...ECS,

  'the task is behind the address of its instance, with the box of the others': (column) => {
    expect(column.one('AWS::ECS::TaskDefinition')).toMatchObject({
      RequiresCompatibilities: ['EC2'],
      // Not `awsvpc`, which has no public address there, and not `host`, which has the role of the instance.
      NetworkMode: 'bridge',
      Cpu: '1024',
      Memory: '2048',
    });
    expect(column.one('AWS::ECS::Service')).not.toHaveProperty('NetworkConfiguration');
  },

  'one task fits on an instance beside system and agent, and two do not': (column) => {
    const { Cpu, Memory } = column.one('AWS::ECS::TaskDefinition');
    const { vcpus, memory } = instance(column);
    const fit = Math.min(Math.floor((vcpus * 1024) / Cpu), Math.floor((memory - SYSTEM_AND_AGENT_MIB) / Memory));
    expect(fit).toBe(1);
    // So every task needs an instance.
    const { MaxCapacity } = column.one('AWS::ApplicationAutoScaling::ScalableTarget');
    expect(Number(column.one('AWS::AutoScaling::AutoScalingGroup').MaxSize)).toBe(MaxCapacity);
  },

  'instances need a token for their metadata, one hop away, and have encrypted disks and no key pair': (column) =>
    // The image's snapshot is as large as this.
    hardened(column, 30),

  'instances start from that day’s image, are replaced after a week, and come and go with the tasks': (column) => {
    expect(column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData.ImageId).toBe(
      'resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id',
    );
    const group = column.one('AWS::AutoScaling::AutoScalingGroup');
    expect(group).toMatchObject({ MaxInstanceLifetime: 7 * 86_400, MinSize: '0' });
    expect(group).not.toHaveProperty('DesiredCapacity');
  },

  'ECS starts, drains and ends instances, and nobody else is asked to': (column) => {
    const { AutoScalingGroupProvider } = column.one('AWS::ECS::CapacityProvider');
    expect(AutoScalingGroupProvider).toMatchObject({
      AutoScalingGroupArn: `<${column.id('AWS::AutoScaling::AutoScalingGroup')}>`,
      ManagedDraining: 'ENABLED',
      ManagedScaling: { Status: 'ENABLED', TargetCapacity: 100 },
      // A protected instance outlives its stack, which then cannot be deleted.
      ManagedTerminationProtection: 'DISABLED',
    });
    expect(column.one('AWS::AutoScaling::AutoScalingGroup')).not.toHaveProperty('NewInstancesProtectedFromScaleIn');
    // A second hook would hold an instance that is drained already; a second policy would fight over its number.
    expect(column.one('AWS::AutoScaling::AutoScalingGroup')).not.toHaveProperty('LifecycleHookSpecificationList');
    expect(column.all('AWS::AutoScaling::LifecycleHook')).toEqual([]);
    expect(column.all('AWS::AutoScaling::ScalingPolicy')).toEqual([]);
  },

  'the service takes the capacity of the group, and no other': (column) => {
    const provider = `<${column.id('AWS::ECS::CapacityProvider')}>`;
    const { CapacityProviderStrategy, LaunchType } = column.one('AWS::ECS::Service');
    expect(CapacityProviderStrategy).toEqual([{ CapacityProvider: provider, Weight: 1 }]);
    expect(LaunchType).toBeUndefined();
    expect(column.one('AWS::ECS::ClusterCapacityProviderAssociations').CapacityProviders).toEqual([provider]);
  },

  'an instance that shuts itself down is gone, and not stopped': (column) => {
    const { InstanceInitiatedShutdownBehavior } = column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
    expect(InstanceInitiatedShutdownBehavior).toBe('terminate');
  },

  'an update stops tasks first: there is no room for a second one beside each': (column) => {
    expect(column.one('AWS::ECS::Service').DeploymentConfiguration).toMatchObject({
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      MinimumHealthyPercent: 0,
    });
  },

  'another task is asked for when the instance of the first has had the time to boot': (column) => {
    const { StepScalingPolicyConfiguration } = column.one(
      'AWS::ApplicationAutoScaling::ScalingPolicy',
      'ServiceTaskCountTargetScaleOut',
    );
    expect(StepScalingPolicyConfiguration.Cooldown).toBe(300);
  },

  'instances are on demand, or Spot where that is chosen; then the agent drains what is announced to go': (column) => {
    const { InstanceMarketOptions, UserData } = column.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
    const { spot = false } = column.settings;
    expect(InstanceMarketOptions).toEqual(
      spot ? { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } } : undefined,
    );
    expect(UserData.split('\n')).toEqual([
      '#!/bin/bash',
      'echo ECS_CLUSTER=<ClusterEB0386A7> >> /etc/ecs/ecs.config',
      ...(spot ? ['echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config'] : []),
    ]);
  },

  'the agent may join its cluster and be told what to run, and cannot write to a log group': (column) => {
    const [{ Roles }] = column.all('AWS::IAM::InstanceProfile').map(([, profile]) => profile);
    const inCluster = '{"ArnEquals":{"ecs:cluster":"<ClusterEB0386A7.Arn>"}}';
    const drain = `ecs:UpdateContainerInstancesState arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:container-instance/<ClusterEB0386A7>/*`;
    expect(column.grants(referenced(Roles[0]))).toEqual([
      'ecs:DeregisterContainerInstance <ClusterEB0386A7.Arn>',
      'ecs:DiscoverPollEndpoint *',
      `ecs:Poll * ${inCluster}`,
      'ecs:RegisterContainerInstance <ClusterEB0386A7.Arn>',
      `ecs:StartTelemetrySession * ${inCluster}`,
      'ecs:SubmitContainerStateChange <ClusterEB0386A7.Arn>',
      'ecs:SubmitTaskStateChange <ClusterEB0386A7.Arn>',
      ...(column.settings.spot ? [drain] : []),
    ]);
  },
};

/** EKS: who makes what of the cluster, by the ids in the template. */
const CLUSTER = 'ClusterEB0386A7';
const NODES = 'ClusterNodegroupWorkersA3EA85B0';
const PODS = 'ClustermanifestPodsAE128BF0';
const KEDA = 'KedaChart2A6A9DE2';
const SCALER = 'KedaScaler0A16FDFD';
const NODE_AUTOSCALER = 'ClusterAutoscalerChartCB4AC47F';
const NAMESPACE = 'Namespace0EADFF4F';
const RULES = 'NamespaceRulesAA14A333';
const SHIPPER = 'FluentBitPods38DCF407';

/** What Fluent Bit is told, by section. */
function fluentBit(column: Column): Record<string, Record<string, string>> {
  const settings: string = column.object('ConfigMap', 'fluent-bit').data['fluent-bit.conf'];
  const sections = [...settings.matchAll(/^\[(\w+)\]\n((?: .*\n)+)/gm)];
  const words = (lines: string) => [...lines.matchAll(/^ +(\S+) +(.+)$/gm)].map(([, key, value]) => [key, value]);
  return Object.fromEntries(sections.map(([, name, lines]) => [name, Object.fromEntries(words(lines ?? ''))]));
}

const chart = (column: Column, release: string) =>
  column.all('Custom::AWSCDK-EKS-HelmChart').find(([, { Release }]) => Release === release)?.[1];

/** What EKS makes of the job, on whoever’s servers. */
const EKS: Checks = {
  'the cluster is in standard support, and never in the dear one': (column) => {
    const { Version, UpgradePolicy } = column.one('AWS::EKS::Cluster');
    expect({ Version, UpgradePolicy }).toEqual({ Version: '1.35', UpgradePolicy: { SupportType: 'STANDARD' } });
  },

  'the cluster is named after the stack, and says what it does in a log group of the stack': (column) => {
    const { stack } = WAYS[column.way];
    expect(column.one('AWS::EKS::Cluster').Name).toBe(stack);
    expect(column.one('AWS::Logs::LogGroup', 'ControlPlaneLogs').LogGroupName).toBe(`/aws/eks/${stack}/cluster`);
    expect(column.one('AWS::EKS::Cluster').Logging.ClusterLogging.EnabledTypes).toEqual([
      { Type: 'api' },
      { Type: 'audit' },
      { Type: 'authenticator' },
    ]);
  },

  'only access entries let somebody in: CDK’s handler, and the reader where one is named': (column) => {
    expect(column.one('AWS::EKS::Cluster').AccessConfig).toEqual({
      AuthenticationMode: 'API',
      BootstrapClusterCreatorAdminPermissions: false,
    });
    const { clusterAdmin } = column.settings;
    const entries = column.all('AWS::EKS::AccessEntry').map(([, { PrincipalArn, AccessPolicies }]) => {
      expect(AccessPolicies).toEqual([
        {
          AccessScope: { Type: 'cluster' },
          PolicyArn: 'arn:<AWS::Partition>:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy',
        },
      ]);
      return PrincipalArn;
    });
    const handler = '<ClusterKubectlProviderHandlerServiceRoleB460AA6D.Arn>';
    expect(entries).toEqual(clusterAdmin ? [handler, clusterAdmin] : [handler]);
  },

  'the cluster’s endpoint is closed to the internet in production': (column) => {
    const { EndpointPublicAccess, EndpointPrivateAccess } = column.one('AWS::EKS::Cluster').ResourcesVpcConfig;
    expect({ EndpointPublicAccess, EndpointPrivateAccess }).toEqual({
      EndpointPublicAccess: !column.settings.production,
      EndpointPrivateAccess: true,
    });
  },

  'no nodes are those of EKS Auto Mode': (column) => {
    const { ComputeConfig, StorageConfig, KubernetesNetworkConfig } = column.one('AWS::EKS::Cluster');
    expect(ComputeConfig).toEqual({ Enabled: false });
    expect(StorageConfig).toEqual({ BlockStorage: { Enabled: false } });
    expect(KubernetesNetworkConfig.ElasticLoadBalancing).toEqual({ Enabled: false });
  },

  'all that EKS installs in a cluster is an add-on of the stack, which takes over what is there': (column) => {
    const addons = column
      .all('AWS::EKS::Addon')
      .map(([, { AddonName, ResolveConflicts, PreserveOnDelete = false }]) => {
        expect({ ResolveConflicts, PreserveOnDelete }).toEqual({
          ResolveConflicts: 'OVERWRITE',
          PreserveOnDelete: false,
        });
        return AddonName;
      });
    // What the others do on every node, Fargate does by itself.
    const onNodes =
      column.all('AWS::EKS::Nodegroup').length > 0 ? ['eks-pod-identity-agent', 'kube-proxy', 'vpc-cni'] : [];
    expect(addons.sort()).toEqual(['coredns', ...onNodes]);
  },

  'the worker’s pod keeps to the restricted standard, and its namespace admits no other': (column) => {
    const { pod } = column;
    expect(pod.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.containers.map(({ securityContext }: Json) => securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ]);
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes', 'initContainers']) {
      expect(pod).not.toHaveProperty(key);
    }
    expect(column.object('Namespace', 'resizer').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  },

  'the worker’s pod cannot talk to Kubernetes': (column) => {
    expect(column.pod).toMatchObject({ serviceAccountName: 'resizer', automountServiceAccountToken: false });
    expect(column.object('ServiceAccount', 'resizer').automountServiceAccountToken).toBe(false);
  },

  'the worker’s pod is sure of 1 vCPU and 2 GiB, and gets no more': (column) => {
    const unit = { cpu: '1', memory: '2048Mi' };
    expect(column.pod.containers[0].resources).toEqual({ requests: unit, limits: unit });
  },

  'everything about the worker is in one namespace': (column) => {
    const own = column.objects.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.name === 'resizer');
    expect(own.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['Deployment', 'ServiceAccount', 'PodDisruptionBudget', 'ScaledObject']),
    );
    expect(own.map(({ metadata }) => metadata.namespace)).toEqual(own.map(() => 'resizer'));
  },

  'whoever may use kubectl may do so as long as the namespace is there, which a deletion could hang at': (column) => {
    const { clusterAdmin } = column.settings;
    const entries = column.all('AWS::EKS::AccessEntry').filter(([, entry]) => entry.PrincipalArn === clusterAdmin);
    expect(entries).toHaveLength(clusterAdmin ? 1 : 0);
    const waits = column.waitsFor(column.id('Custom::AWSCDK-EKS-KubernetesResource', 'Namespace0'));
    expect(entries.filter(([id]) => !waits.has(id))).toEqual([]);
  },

  'KEDA is pinned': (column) => {
    expect(chart(column, 'keda')).toMatchObject({
      Repository: 'https://kedacore.github.io/charts',
      Chart: 'keda',
      Version: '2.20.2',
      Namespace: 'keda',
    });
  },

  'KEDA keeps as many pods as the queue needs, down to none': (column) => {
    const { scaleTargetRef, minReplicaCount, triggers } = column.object('ScaledObject', 'resizer').spec;
    expect({ scaleTargetRef, minReplicaCount }).toEqual({ scaleTargetRef: { name: 'resizer' }, minReplicaCount: 0 });
    expect(triggers).toEqual([
      {
        type: 'aws-sqs-queue',
        metadata: { queueURL: '<JobsQueue24944186>', queueLength: expect.any(String), awsRegion: '<AWS::Region>' },
        authenticationRef: { name: column.object('TriggerAuthentication', 'resizer').metadata.name },
      },
    ]);
    expect(column.object('TriggerAuthentication', 'resizer').spec).toEqual({ podIdentity: { provider: 'aws' } });
    // A number of replicas here would be restored with every deployment.
    expect(column.object('Deployment', 'resizer').spec).not.toHaveProperty('replicas');
  },

  'there are four pods from 76 messages on, or 83 where there are three, and none after five minutes without': (
    column,
  ) => {
    const { pollingInterval, cooldownPeriod, maxReplicaCount, triggers } = column.object(
      'ScaledObject',
      'resizer',
    ).spec;
    expect({ pollingInterval, cooldownPeriod }).toEqual({ pollingInterval: 15, cooldownPeriod: 300 });
    const enoughForThree = (maxReplicaCount - 1) * Number(triggers[0].metadata.queueLength);
    expect(enoughForThree + 1).toBe(76);
    // The autoscaler of Kubernetes, which KEDA works by, does nothing within a tenth of what it aims at.
    expect(Math.floor(enoughForThree * 1.1) + 1).toBe(83);
  },
};

const EKS_EC2: Checks = {
  ...EKS,

  'network policies are enforced': (column) => {
    const { ConfigurationValues = '{}' } = column.one('AWS::EKS::Addon', 'NodeAddonsNetworking');
    expect(JSON.parse(ConfigurationValues)).toEqual({ enableNetworkPolicy: 'true' });
  },

  'nodes are AL2023 on arm64, one to four of them, and repaired': (column) => {
    expect(column.one('AWS::EKS::Nodegroup')).toMatchObject({
      AmiType: 'AL2023_ARM_64_STANDARD',
      InstanceTypes: ['m7g.large', 'm6g.large'],
      ScalingConfig: { MinSize: 1, DesiredSize: 1, MaxSize: 4 },
      NodeRepairConfig: { Enabled: true },
      LaunchTemplate: { Id: `<${column.id('AWS::EC2::LaunchTemplate')}>` },
    });
  },

  'nodes are on demand, or Spot where that is chosen': (column) => {
    expect(column.one('AWS::EKS::Nodegroup').CapacityType).toBe(column.settings.spot ? 'SPOT' : 'ON_DEMAND');
  },

  'pods get no credentials of their node, and nodes have encrypted disks and no key pair': (column) =>
    hardened(column, 20),

  'four service accounts have a role, by Pod Identity': (column) => {
    const identities = column
      .all('AWS::EKS::PodIdentityAssociation')
      .map(([, { ClusterName, Namespace, ServiceAccount, RoleArn }]) => {
        expect(ClusterName).toBe(`<${CLUSTER}>`);
        expect(column.template.Resources[referenced(RoleArn)]?.Properties.AssumeRolePolicyDocument.Statement).toEqual([
          {
            Action: ['sts:AssumeRole', 'sts:TagSession'],
            Effect: 'Allow',
            Principal: { Service: 'pods.eks.amazonaws.com' },
          },
        ]);
        return [`${Namespace}/${ServiceAccount}`, referenced(RoleArn)];
      });
    expect(Object.fromEntries(identities)).toEqual({
      'resizer/resizer': 'Role1ABCC5F0',
      'keda/keda-operator': 'KedaRoleE0286FF8',
      'logging/fluent-bit': 'FluentBitRole2DE5A0C4',
      'kube-system/cluster-autoscaler': 'ClusterAutoscalerRole4E89723B',
    });
    const agents = column.all('AWS::EKS::Addon').map(([, { AddonName }]) => AddonName);
    expect(agents).toContain('eks-pod-identity-agent');
  },

  'what scales the pods only asks the queue, and what ships the logs only writes them': (column) => {
    expect(column.grants('KedaRoleE0286FF8')).toEqual(['sqs:GetQueueAttributes <JobsQueue24944186.Arn>']);
    expect(column.grants('FluentBitRole2DE5A0C4')).toEqual([
      'logs:CreateLogStream <Logs6819BB44.Arn>',
      'logs:PutLogEvents <Logs6819BB44.Arn>',
    ]);
  },

  'pods are spread, and moved one at a time': (column) => {
    const { spec } = column.object('Deployment', 'resizer');
    const { labels } = spec.template.metadata;
    expect(spec.selector.matchLabels).toEqual(labels);
    expect(spec.template.spec.topologySpreadConstraints).toMatchObject([
      { topologyKey: 'topology.kubernetes.io/zone', labelSelector: { matchLabels: labels } },
    ]);
    expect(column.object('PodDisruptionBudget', 'resizer').spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: labels },
    });
  },

  'pods reach name resolution, the Pod Identity agent and HTTPS, and nothing reaches them': (column) => {
    expect(column.object('NetworkPolicy', 'resizer').spec).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
        { to: [{ ipBlock: { cidr: '169.254.170.23/32' } }], ports: [{ protocol: 'TCP', port: 80 }] },
        { ports: [{ protocol: 'TCP', port: 443 }] },
      ],
    });
  },

  'charts and images of others are pinned': (column) => {
    expect(chart(column, 'cluster-autoscaler')).toMatchObject({
      Repository: 'https://kubernetes.github.io/autoscaler',
      Chart: 'cluster-autoscaler',
      Version: '9.59.0',
      Namespace: 'kube-system',
    });
    const [shipper] = column.object('DaemonSet', 'fluent-bit').spec.template.spec.containers;
    expect(shipper.image).toMatch(/:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
  },

  'the Cluster Autoscaler looks after the nodes of this cluster, and can change no others': (column) => {
    const groups =
      'arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/eks-*';
    const ours = `${groups} {"StringEquals":{"aws:ResourceTag/eks:cluster-name":"<${CLUSTER}>"}}`;
    expect(column.grants('ClusterAutoscalerRole4E89723B').filter((grant) => !grant.endsWith(' *'))).toEqual([
      `autoscaling:SetDesiredCapacity ${ours}`,
      `autoscaling:TerminateInstanceInAutoScalingGroup ${ours}`,
      `eks:DescribeNodegroup <${NODES}.Arn>`,
    ]);
    expect(JSON.parse(chart(column, 'cluster-autoscaler').Values)).toMatchObject({
      autoDiscovery: { clusterName: `<${CLUSTER}>` },
      awsRegion: '<AWS::Region>',
      rbac: { serviceAccount: { name: 'cluster-autoscaler' } },
    });
  },

  'the shipper reads the worker’s lines on every node, and writes them to the log group of the stack': (column) => {
    const { spec } = column.object('DaemonSet', 'fluent-bit').spec.template;
    expect(spec).toMatchObject({ serviceAccountName: 'fluent-bit', tolerations: [{ operator: 'Exists' }] });
    const { INPUT, OUTPUT } = fluentBit(column);
    expect(INPUT).toMatchObject({ Path: '/var/log/containers/resizer-*_resizer_*.log' });
    expect(OUTPUT).toMatchObject({
      region: `\${AWS_REGION}`,
      log_group_name: `\${LOG_GROUP}`,
      auto_create_group: 'Off',
    });
    expect(spec.containers[0].env).toEqual([
      { name: 'AWS_REGION', value: '<AWS::Region>' },
      { name: 'LOG_GROUP', value: '<Logs6819BB44>' },
    ]);
  },

  'the shipper sends the worker’s lines as they are, or CloudWatch would find no metrics in them': (column) => {
    expect(fluentBit(column).OUTPUT).toMatchObject({ log_key: 'log', log_format: 'json/emf' });
  },

  'the shipper finds a new file within a second, and reads it from its beginning': (column) => {
    expect(fluentBit(column).INPUT).toMatchObject({ Read_from_Head: 'On', Refresh_Interval: '1' });
  },

  'the shipper keeps what CloudWatch does not take, and how far it has read, on the disk of the node': (column) => {
    const { SERVICE, INPUT, OUTPUT } = fluentBit(column);
    expect(OUTPUT).toMatchObject({ Retry_Limit: 'no_limits', 'storage.total_limit_size': '500M' });
    // A piece that waits may need an open file: with a piece a second, the default, 1,024 do not last for half an hour.
    // Pieces in memory, of 2 MB at most: half of what the pod may have.
    expect(SERVICE).toMatchObject({ 'scheduler.cap': '30', Flush: '5', 'storage.max_chunks_up': '32' });
    expect(INPUT).toMatchObject({ 'storage.type': 'filesystem' });
    const { containers, volumes } = column.object('DaemonSet', 'fluent-bit').spec.template.spec;
    const [state] = volumes.filter(({ hostPath }: Json) => hostPath?.type === 'DirectoryOrCreate');
    const [{ mountPath, readOnly }] = containers[0].volumeMounts.filter(({ name }: Json) => name === state.name);
    expect(readOnly).toBeUndefined();
    expect([SERVICE?.['storage.path'], INPUT?.DB].map((file) => path.dirname(file ?? ''))).toEqual([
      mountPath,
      mountPath,
    ]);
  },

  'the shipper gives up an answer that does not come, and asks again': (column) => {
    expect(fluentBit(column).OUTPUT).toMatchObject({ 'net.io_timeout': '30', Retry_Limit: 'no_limits' });
  },

  'the shipper has longer to end than it takes, and cannot write where it is not meant to': (column) => {
    const { terminationGracePeriodSeconds, containers } = column.object('DaemonSet', 'fluent-bit').spec.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(Number(fluentBit(column).SERVICE?.Grace));
    expect(containers[0].securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  },

  'settings of the shipper that change reach the pods that run': (column) => {
    const settings = column.object('ConfigMap', 'fluent-bit').data['fluent-bit.conf'];
    expect(column.object('DaemonSet', 'fluent-bit').spec.template.metadata.annotations).toEqual({
      'checksum/config': createHash('sha256').update(settings).digest('hex'),
    });
  },

  'a node goes when nothing is left on it but what Kubernetes itself runs': (column) => {
    const { extraArgs } = JSON.parse(chart(column, 'cluster-autoscaler').Values);
    expect(extraArgs).toEqual({ 'scale-down-unneeded-time': '5m', 'skip-nodes-with-system-pods': false });
  },

  'the Cluster Autoscaler is not the first pod to be evicted': (column) => {
    const { resources } = JSON.parse(chart(column, 'cluster-autoscaler').Values);
    expect(resources).toEqual({ requests: { cpu: '100m', memory: '300Mi' } });
  },

  // What depends on another is made after it, and deleted before it.
  'a deletion cannot hang: each goes while what it needs is still there': (column) => {
    const addon = (id: string) => column.id('AWS::EKS::Addon', id);
    const [CNI, DNS] = [addon('NodeAddonsNetworking'), addon('ClusterDns')];
    const before: [first: string, then: string, why: string][] = [
      [SCALER, KEDA, 'KEDA removes the finalizer'],
      [SCALER, PODS, 'nobody scales what is gone'],
      [KEDA, NODES, 'KEDA runs on them'],
      [NODE_AUTOSCALER, NODES, 'it runs on them'],
      [SHIPPER, NODES, 'it runs on them'],
      [PODS, NODES, 'they run on them'],
      [PODS, NAMESPACE, 'they live in it'],
      [PODS, RULES, 'they are admitted by them'],
      [PODS, 'RoleAssociationFC7AD27D', 'credentials are put into a pod when it starts'],
      [KEDA, 'KedaRoleAssociationA690888B', 'credentials are put into a pod when it starts'],
      [SHIPPER, 'FluentBitRoleAssociation4E3C1D7E', 'credentials are put into a pod when it starts'],
      [NODE_AUTOSCALER, 'ClusterAutoscalerRoleAssociation1333CFE5', 'credentials are put into a pod when it starts'],
      [NODES, CNI, 'pods need addresses'],
      [NODES, addon('NodeAddonsPodIdentity'), 'pods need credentials'],
      [NODES, addon('NodeAddonsKubeProxy'), 'pods need services'],
      [DNS, NODES, 'its pods run on them, and EKS waits for those'],
      [KEDA, DNS, 'it asks by name'],
      [SHIPPER, DNS, 'it sends by name'],
      [NODE_AUTOSCALER, DNS, 'it asks by name'],
      [NAMESPACE, SHIPPER, 'the last lines of the last pod are sent'],
      [NAMESPACE, NODES, 'whoever deletes it waits until their kubelets have ended its pods'],
      [RULES, NAMESPACE, 'they are in it'],
      [RULES, CNI, 'the add-on removes the finalizer of a network policy'],
      [CLUSTER, 'ControlPlaneLogs95F30E24', 'EKS would make the group itself'],
    ];
    const late = before.filter(([first, then]) => !column.waitsFor(first).has(then));
    expect(late).toEqual([]);
    // And whatever goes through kubectl, while kubectl is let in.
    const through = ['Custom::AWSCDK-EKS-KubernetesResource', 'Custom::AWSCDK-EKS-HelmChart'];
    for (const [id] of through.flatMap((type) => column.all(type))) {
      expect([...column.waitsFor(id)]).toContain('ClusterClusterAdminRoleAccessF2BFF759');
    }
  },
};

/** EKS on Fargate: who makes what, by the ids in the template. */
const PROFILE = 'Profile6F32097C';
const LOG_SETTINGS = 'FargateLogsSettings0BC82BE5';
const CORE_DNS = 'ClusterDnsCoreDns351E6B9E';
const EXECUTION_ROLE = 'PodExecutionRole4ECEFC7D';
const PROVIDER = 'Identity2D60E2CC';

/** In MiB: `2048Mi`, or `256M`. */
function mebibytes(quantity: string): number {
  const [, amount, unit] = /^(\d+)(Mi|M)$/.exec(quantity) ?? [];
  return unit === 'M' ? (Number(amount) * 1e6) / 2 ** 20 : Number(amount);
}

const vcpus = (quantity: string) => (quantity.endsWith('m') ? Number.parseInt(quantity, 10) / 1000 : Number(quantity));

/** What Fargate sells to EKS, up to 2 vCPU: vCPU, and GB from one number to another in steps of one. */
const FARGATE_SIZES: [vcpus: number, gigabytes: number[]][] = [
  [0.25, [0.5, 1, 2]],
  [0.5, [1, 2, 3, 4]],
  [1, [2, 3, 4, 5, 6, 7, 8]],
  [2, [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]],
];

/**
 * What is billed for a pod that asks for this: 256 MB more, and then the next size.
 * @see https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html (2026-11-28)
 */
export function fargateSize({ cpu, memory }: { cpu: string; memory: string }): [vcpus: number, gigabytes: number] {
  const gigabytes = (mebibytes(memory) + 256) / 1024;
  for (const [size, memories] of FARGATE_SIZES) {
    const fits = memories.find((each) => each >= gigabytes);
    if (size >= vcpus(cpu) && fits !== undefined) return [size, fits];
  }
  throw new Error(`${cpu}, ${memory}: a size that is not in this table`);
}

/** All pods of the cluster: where they are, what they are called by, and what their container asks for. */
export function podsOf(column: Column): { name: string; namespace: string; labels: Json; resources: Json }[] {
  const { metadata, spec } = column.object('Deployment', 'resizer');
  const { Namespace, Values } = chart(column, 'keda');
  const { operator, metricServer, webhooks } = JSON.parse(Values).resources;
  const keda = (name: string, resources: Json) => ({ name, namespace: Namespace, labels: { app: name }, resources });
  const { resources } = JSON.parse(column.one('AWS::EKS::Addon').ConfigurationValues);
  const dns = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, resources };
  return [
    {
      name: 'worker',
      namespace: metadata.namespace,
      labels: spec.template.metadata.labels,
      resources: spec.template.spec.containers[0].resources,
    },
    keda('keda-operator', operator),
    keda('keda-operator-metrics-apiserver', metricServer),
    keda('keda-admission-webhooks', webhooks),
    // Two, unless the add-on is told another number.
    { name: 'coredns-1', ...dns },
    { name: 'coredns-2', ...dns },
  ];
}

/** What the log router is told, by file. */
function logRouter(column: Column): Record<string, Record<string, string>> {
  const { data } = column.object('ConfigMap', 'aws-logging');
  return Object.fromEntries(
    ['filters.conf', 'output.conf', 'parsers.conf'].map((file) => {
      const [head, ...lines] = data[file].trimEnd().split('\n');
      expect(head).toBe({ 'filters.conf': '[FILTER]', 'output.conf': '[OUTPUT]', 'parsers.conf': '[PARSER]' }[file]);
      // Fargate wants one indentation, and no variables.
      expect(lines.filter((line: string) => !/^ {4}\S+ +[^$ ][^{]*$|^ {4}Regex /.test(line))).toEqual([]);
      return [
        file,
        Object.fromEntries(
          lines.map((line: string) =>
            line
              .trim()
              .split(/ +(.*)/s)
              .slice(0, 2),
          ),
        ),
      ];
    }),
  );
}

const EKS_FARGATE: Checks = {
  ...EKS,

  'every pod has a selector of the one profile, or it would wait for a node for ever': (column) => {
    const { Selectors } = column.one('AWS::EKS::FargateProfile');
    const selects = ({ Namespace, Labels }: Json, { namespace, labels }: Json) =>
      Namespace === namespace && Labels.every(({ Key, Value }: Json) => labels[Key] === Value);
    const pods = podsOf(column);
    expect(pods.length).toBe(6);
    expect(pods.filter((pod) => !Selectors.some((each: Json) => selects(each, pod)))).toEqual([]);
    expect(Selectors.filter((each: Json) => !pods.some((pod) => selects(each, pod)))).toEqual([]);
    expect(column.all('AWS::EKS::Nodegroup')).toEqual([]);
  },

  'name resolution is told that it runs on Fargate': (column) => {
    const { AddonName, ConfigurationValues = '{}' } = column.one('AWS::EKS::Addon');
    expect([AddonName, JSON.parse(ConfigurationValues).computeType]).toEqual(['coredns', 'Fargate']);
  },

  'pods ask for what they may have, as Fargate wants it: the worker is billed as 1 vCPU and 3 GB, the others as little as can be':
    (column) => {
      for (const { resources } of podsOf(column)) expect(resources.limits).toEqual(resources.requests);
      const sizes = podsOf(column).map(({ resources }) => fargateSize(resources.requests));
      expect(sizes).toEqual([[1, 3], ...Array(5).fill([0.25, 0.5])]);
    },

  'no pod needs what Fargate does not have': (column) => {
    expect(column.objects.map(({ kind }) => kind)).not.toContain('DaemonSet');
    // Accepted and not enforced, it would only look like one.
    expect(column.objects.map(({ kind }) => kind)).not.toContain('NetworkPolicy');
    for (const key of ['topologySpreadConstraints', 'nodeSelector', 'affinity', 'hostNetwork']) {
      expect(column.pod).not.toHaveProperty(key);
    }
    expect(column.pod.containers[0]).not.toHaveProperty('ports');
    expect(column.one('AWS::EKS::FargateProfile').Subnets).toHaveLength(2);
  },

  'two service accounts have a role, each by tokens of its own, that this cluster signs for AWS': (column) => {
    expect(column.all('AWS::EKS::PodIdentityAssociation')).toEqual([]);
    expect(column.one('AWS::IAM::OIDCProvider')).toEqual({
      ClientIdList: ['sts.amazonaws.com'],
      Url: `<${CLUSTER}.OpenIdConnectIssuerUrl>`,
    });
    expect(column.object('ServiceAccount', 'resizer').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': '<Role1ABCC5F0.Arn>',
    });
    const { podIdentity } = JSON.parse(chart(column, 'keda').Values);
    expect(podIdentity).toEqual({ aws: { irsa: { enabled: true, roleArn: '<KedaRoleE0286FF8.Arn>' } } });
    expect(trust(column, 'Role1ABCC5F0')).toEqual(byToken(`<${PROVIDER}>`, 'resizer:resizer'));
    expect(trust(column, 'KedaRoleE0286FF8')).toEqual(byToken(`<${PROVIDER}>`, 'keda:keda-operator'));
  },

  'what scales the pods only asks the queue; what starts them only fetches images and writes logs, for this cluster': (
    column,
  ) => {
    expect(column.grants('KedaRoleE0286FF8')).toEqual(['sqs:GetQueueAttributes <JobsQueue24944186.Arn>']);
    expect(column.one('AWS::EKS::FargateProfile').PodExecutionRoleArn).toBe(`<${EXECUTION_ROLE}.Arn>`);
    expect(column.grants(EXECUTION_ROLE)).toEqual([
      'AmazonEKSFargatePodExecutionRolePolicy',
      'logs:CreateLogStream <Logs6819BB44.Arn>',
      'logs:PutLogEvents <Logs6819BB44.Arn>',
    ]);
    const profiles = 'arn:<AWS::Partition>:eks:<AWS::Region>:<AWS::AccountId>:fargateprofile/ResizeOnEksFargate/*';
    expect(trust(column, EXECUTION_ROLE)).toEqual({
      Action: 'sts:AssumeRole',
      Effect: 'Allow',
      Principal: { Service: 'eks-fargate-pods.amazonaws.com' },
      Condition: { ArnLike: { 'aws:SourceArn': profiles } },
    });
  },

  'the log router finds its settings, and sends the lines of pods to the log group of the stack': (column) => {
    expect(column.object('Namespace', 'aws-observability').metadata.labels).toMatchObject({
      'aws-observability': 'enabled',
    });
    const { metadata, data } = column.object('ConfigMap', 'aws-logging');
    expect(metadata.namespace).toBe('aws-observability');
    expect(JSON.stringify(data).length).toBeLessThan(5300);
    expect(logRouter(column)['output.conf']).toMatchObject({
      Name: 'cloudwatch_logs',
      Match: 'kube.*',
      region: '<AWS::Region>',
      log_group_name: '<Logs6819BB44>',
    });
  },

  'the log router makes no group, of its own lines neither': (column) => {
    expect(column.object('ConfigMap', 'aws-logging').data.flb_log_cw).toBe('false');
    expect(logRouter(column)['output.conf']?.auto_create_group).toBe('false');
  },

  'the log router sends lines as they are, or CloudWatch would find no metrics in them': (column) => {
    const { 'filters.conf': filter, 'output.conf': output, 'parsers.conf': parser } = logRouter(column);
    expect(filter).toEqual({ Name: 'parser', Match: '*', Key_name: 'log', Parser: parser?.Name });
    expect(parser?.Format).toBe('Regex');
    // The parser takes a line of the container runtime apart, and its part of this name is what is sent.
    const line = '{"_aws":{"Timestamp":1},"Done":1} <';
    // A whole line, and the beginning of one that the container runtime has cut.
    for (const mark of ['F', 'P']) {
      const parts = new RegExp(parser?.Regex as string).exec(
        `2026-11-28T05:00:00.123456789Z stderr ${mark} ${line}`,
      )?.groups;
      expect(parts?.[output?.log_key as string]).toBe(line);
      expect(parts?.[parser?.Time_Key as string]).toBe('2026-11-28T05:00:00.123456789Z');
    }
    expect(parser?.Time_Format).toBe('%Y-%m-%dT%H:%M:%S.%L%z');
    expect(output).not.toHaveProperty('log_format');
  },

  'pods are moved one at a time, when Fargate is patched': (column) => {
    const { labels } = column.object('Deployment', 'resizer').spec.template.metadata;
    expect(column.object('PodDisruptionBudget', 'resizer').spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: labels },
    });
  },

  'CDK’s handlers for kubectl are in the network only where the cluster answers nowhere else': (column) => {
    const handlers = column.all('AWS::Lambda::Function').filter(([, { VpcConfig }]) => VpcConfig);
    expect(handlers).toHaveLength(column.settings.production ? 2 : 0);
    const { SubnetIds } = column.one('AWS::EKS::Cluster').ResourcesVpcConfig;
    const kind = column.settings.production ? 'Private' : 'Public';
    expect(SubnetIds).toEqual([expect.stringContaining(kind), expect.stringContaining(kind)]);
  },

  // What depends on another is made after it, and deleted before it.
  'a deletion cannot hang, and no pod starts too early: each goes while what it needs is still there': (column) => {
    const before: [first: string, then: string, why: string][] = [
      [SCALER, KEDA, 'KEDA removes the finalizer'],
      [SCALER, PODS, 'nobody scales what is gone'],
      [KEDA, PROFILE, 'KEDA runs on it'],
      [PODS, PROFILE, 'they run on it'],
      [NAMESPACE, PROFILE, 'whoever deletes it waits until the last pod has ended'],
      [CORE_DNS, PROFILE, 'its pods run on it, and EKS waits for those'],
      // A pod that comes before a profile selects it is never tried again.
      [CORE_DNS, LOG_SETTINGS, 'its pods are the first, and the router reads the settings when a pod starts'],
      [KEDA, CORE_DNS, 'it asks by name'],
      [PODS, CORE_DNS, 'they ask by name'],
      [NAMESPACE, LOG_SETTINGS, 'the last lines of the last pod are sent'],
      [PROFILE, EXECUTION_ROLE, 'it fetches images and writes logs'],
      [PODS, NAMESPACE, 'they live in it'],
      [PODS, RULES, 'their account has to be annotated when they start'],
      [RULES, NAMESPACE, 'they are in it'],
      [PODS, PROVIDER, 'IAM has to know who signs their tokens'],
      [NAMESPACE, PROVIDER, 'and as long as one runs'],
      [KEDA, PROVIDER, 'IAM has to know who signs its tokens'],
      [KEDA, 'KedaRoleDefaultPolicy6E19AD46', 'it has to be let in'],
      [PROVIDER, CLUSTER, 'it is of this cluster'],
      [CLUSTER, 'ControlPlaneLogs95F30E24', 'EKS would make the group itself'],
    ];
    const late = before.filter(([first, then]) => !column.waitsFor(first).has(then));
    expect(late).toEqual([]);
    // One is made, and deleted, at a time.
    expect(column.all('AWS::EKS::FargateProfile').map(([id]) => id)).toEqual([PROFILE]);
  },
};

/** What makes each column itself. */
export const COLUMNS: Record<Way, Checks> = {
  ec2: EC2,
  lambda: LAMBDA,
  'ecs-fargate': ECS_FARGATE,
  'eks-ec2': EKS_EC2,
  'ecs-ec2': ECS_EC2,
  'eks-fargate': EKS_FARGATE,
};
