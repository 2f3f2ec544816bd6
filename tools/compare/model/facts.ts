import { COMPUTES, type Compute, DEFAULTS } from '../../../workload/contract';
import { decodeSlots } from '../../../workload/platform';
import type { Template } from '../../templates';
import { delays, instanceTypes } from '../data/tables';
import { Reader, type Resources } from './reader';
import type {
  Facts,
  FargateSize,
  HostFacts,
  InstanceType,
  QueueMetric,
  ScalingRule,
  StepRule,
  WayFacts,
} from './types';

/**
 * What the templates say, as far as the model needs it. Nothing of it is repeated by hand: what changes in a stack
 * changes here. Whatever cannot be found, or is there and not known, ends with an error that names it.
 */

// biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as CloudFormation and Kubernetes.
type Any = any;

/** Reads all of them. @throws Error, in one line, naming what is missing from which template, or what is not known of it */
export const readFacts = (all: Readonly<Record<Compute, Template>>): Facts =>
  Object.fromEntries(COMPUTES.map((way) => [way, readWayFacts(way, all[way])])) as unknown as Facts;

/** Reads one of them. @throws Error, likewise */
export const readWayFacts = (way: Compute, template: Template): WayFacts => readWay(new Reader(way, template));

function readWay(reader: Reader): WayFacts {
  const unitOf = {
    ec2,
    lambda,
    'ecs-fargate': ecsFargate,
    'ecs-ec2': ecsEc2,
    'eks-ec2': eksEc2,
    'eks-fargate': eksFargate,
  };
  return { ...common(reader), ...unitOf[reader.way](reader) };
}

// --- What all have --------------------------------------------------------------------------------------------------

type Common = Pick<
  WayFacts,
  | 'way'
  | 'queue'
  | 'alarmMetrics'
  | 'dashboards'
  | 'natGateways'
  | 'interfaceEndpoints'
  | 'controlPlane'
  | 'sourceExpirationDays'
  | 'outputExpirationDays'
  | 'resources'
  | 'withoutLine'
>;
type Own = Omit<WayFacts, keyof Common>;

function common(reader: Reader): Common {
  const alarms = reader.all('AWS::CloudWatch::Alarm');
  for (const { Period, Metrics = [] } of alarms) {
    // Of shorter periods an alarm costs more.
    const period = Math.min(Period ?? 60, ...Metrics.map(({ MetricStat }: Any) => MetricStat?.Period ?? 60));
    if (period < 60) reader.unknown(`an alarm with a Period of ${period}`, 'periods below a minute');
  }
  const metrics = ({ Metrics }: Any) => Metrics?.filter((metric: Any) => metric.MetricStat).length ?? 1;
  const endpoints = reader
    .all('AWS::EC2::VPCEndpoint')
    .filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface');
  const expiration = (bucket: string) =>
    reader.number(
      reader.one('AWS::S3::Bucket', (_, id) => id.startsWith(bucket)),
      'LifecycleConfiguration.Rules.0.ExpirationInDays',
    );
  const [queue] = reader.all('AWS::SQS::Queue').filter(isJobQueue);
  const [cluster] = reader.all('AWS::EKS::Cluster');
  return {
    way: reader.way,
    queue: queue
      ? { longPollSeconds: reader.number(queue, 'ReceiveMessageWaitTimeSeconds'), accessSeconds: queueAccess(reader) }
      : null,
    // An alarm on an expression is billed by the metrics in it. Of a capacity provider, ECS makes two of its own.
    alarmMetrics:
      alarms.reduce((sum, alarm) => sum + metrics(alarm), 0) + 2 * reader.all('AWS::ECS::CapacityProvider').length,
    dashboards: reader.all('AWS::CloudWatch::Dashboard').length,
    natGateways: reader.all('AWS::EC2::NatGateway').length,
    // Billed in every zone it is in.
    interfaceEndpoints: endpoints.reduce((sum, { SubnetIds }) => sum + (SubnetIds?.length ?? 1), 0),
    controlPlane: cluster
      ? {
          version: reader.text(cluster, 'Version'),
          logTypes: cluster.Logging?.ClusterLogging?.EnabledTypes?.length ?? 0,
        }
      : null,
    sourceExpirationDays: expiration('ImagesSource'),
    outputExpirationDays: expiration('ImagesOutput'),
    resources: Object.values(reader.counted()).reduce((sum, count) => sum + count, 0),
    withoutLine: reader.strangers(),
  };
}

/** How often a schedule accesses the job queue, if one does. Anything else on a schedule is not known here. */
function queueAccess(reader: Reader): number | null {
  const [found, another] = reader.all('AWS::Scheduler::Schedule');
  if (!found) return null;
  if (another) reader.unknown('several schedules', 'more than one');
  const { State = 'ENABLED', ScheduleExpression, FlexibleTimeWindow, Target } = found;
  const action = reader.joined(Target?.Arn).split(':scheduler:::')[1];
  if (action !== 'aws-sdk:sqs:tagQueue') reader.unknown(`a schedule that calls ${action}`, 'what that starts or stops');
  const [, every, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(ScheduleExpression) ?? [];
  if (!every || State !== 'ENABLED' || FlexibleTimeWindow?.Mode !== 'OFF') {
    reader.unknown(
      `a schedule with ${JSON.stringify({ State, ScheduleExpression, FlexibleTimeWindow })}`,
      'when that is',
    );
  }
  return Number(every) * ({ minute: 60, hour: 3600, day: 86_400 }[unit as string] ?? 1);
}

const isJobQueue = ({ RedrivePolicy }: Any) => RedrivePolicy !== undefined;

/** What the ways with a queue of their own share. */
const queued = (reader: Reader) => ({
  // The worker extends the time for which its message is hidden, and SQS does so for that long at most.
  longestJobSeconds: delays['sqs-longest-receive'].low,
  waitsSeconds: reader.number(reader.one('AWS::SQS::Queue', isJobQueue), 'MessageRetentionPeriod'),
});

/** A box that works on as many images at a time as `workload/platform.ts` finds room for in it. */
function box(kind: Own['unit']['kind'], vcpus: number, memoryMib: number, architecture: Own['unit']['architecture']) {
  // A machine has a little less memory than its size says, so that a whole number of slots never quite fits.
  const bytes = memoryMib * 1024 ** 2 - (kind === 'instance' ? 1 : 0);
  const slots = decodeSlots(Math.max(1, Math.floor(vcpus)), bytes);
  return { kind, vcpus, memoryMib, architecture, slots, held: DEFAULTS.messagesPerSlot * slots };
}

/** Whether machines get public addresses where nothing is said of themselves. */
function inPublicSubnets(reader: Reader): boolean {
  const subnets = reader.all('AWS::EC2::Subnet');
  return subnets.length > 0 && subnets.every(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch === true);
}

function disk(reader: Reader, data: Any): Pick<HostFacts, 'diskGib' | 'diskType'> {
  const [{ Ebs: ebs }, another] = data.BlockDeviceMappings ?? [{}];
  if (another) reader.unknown(`a second disk at ${another.DeviceName}`, 'more than one');
  reader.lacks(ebs, 'Iops', 'Throughput');
  return { diskGib: reader.number(ebs, 'VolumeSize'), diskType: reader.text(ebs, 'VolumeType') };
}

function instanceType(reader: Reader, type: string): InstanceType {
  const found = instanceTypes.find((known) => known.type === type);
  if (found) return found;
  throw new Error(`the template of ${reader.way} uses ${type}: add it to tools/compare/data/instance-types.json`);
}

/** An Auto Scaling group's instances, of the launch template that says what they are. */
function instances(reader: Reader) {
  const { LaunchTemplateData: data } = reader.one(
    'AWS::EC2::LaunchTemplate',
    ({ LaunchTemplateData }) => LaunchTemplateData?.ImageId,
  );
  const group = reader.one('AWS::AutoScaling::AutoScalingGroup');
  reader.lacks(group, 'MixedInstancesPolicy');
  const type = instanceType(reader, reader.text(data, 'InstanceType'));
  const hooks: Any[] = group.LifecycleHookSpecificationList ?? [];
  const starting = hooks.find(({ LifecycleTransition: at }) => !/TERMINATING$/.test(at));
  if (starting) reader.unknown(`a lifecycle hook at ${starting.LifecycleTransition}`, 'how long it takes');
  return {
    data,
    group,
    type,
    hook: hooks[0],
    spot: data.InstanceMarketOptions?.MarketType === 'spot',
    architecture: /arm64/.test(JSON.stringify(data.ImageId)) ? ('arm64' as const) : ('x64' as const),
    publicIpv4: data.NetworkInterfaces?.[0]?.AssociatePublicIpAddress ?? inPublicSubnets(reader),
    lifetimeDays: group.MaxInstanceLifetime === undefined ? null : Number(group.MaxInstanceLifetime) / 86_400,
    sizes: { min: reader.number(group, 'MinSize'), max: reader.number(group, 'MaxSize') },
    host: { instanceTypes: [type.type], vcpus: type.vcpus, ...disk(reader, data) },
  };
}

// --- Nobody orchestrates ----------------------------------------------------------------------------------------------

function ec2(reader: Reader): Own {
  const { data, group, type, hook, spot, architecture, publicIpv4, lifetimeDays, sizes, host } = instances(reader);
  const grace = Number(/STOP_GRACE_SECONDS=(\d+)/.exec(reader.joined(data.UserData['Fn::Base64']))?.[1] ?? 0);
  return {
    ...queued(reader),
    unit: box('instance', type.vcpus, type.memoryMib, architecture),
    capacity: sizes,
    spot,
    hosts: { ...host, unitsPerHost: 1, ...sizes, scaling: null },
    fargate: null,
    resident: null,
    publicIpv4,
    scaling: stepRules(
      reader,
      'AWS::AutoScaling::ScalingPolicy',
      (policy) => policy,
      // Without one of its own, a policy has the group's, and without that the group's cooldown.
      ({ EstimatedInstanceWarmup: own }, direction) => {
        const warmup = own ?? group.DefaultInstanceWarmup ?? group.Cooldown ?? delays['scaling-cooldown'].high;
        return direction === 'out' ? { warmupSeconds: Number(warmup) } : {};
      },
    ),
    leaveSeconds: hook ? reader.number(hook, 'HeartbeatTimeout') : grace,
    stopGraceSeconds: grace,
    lifetimeDays,
  };
}

function lambda(reader: Reader): Own {
  const worker = reader.one('AWS::Lambda::Function', ({ Environment }) => Environment?.Variables?.COMPUTE);
  const asynchronous = reader.one('AWS::Lambda::EventInvokeConfig');
  reader.lacks(worker, 'EphemeralStorage', 'SnapStart');
  const reserved = worker.ReservedConcurrentExecutions ?? null;
  return {
    unit: {
      kind: 'function',
      // What comes with the memory is a limit of the platform: `lambda-vcpu-mib` of the table of delays says it.
      vcpus: 1,
      memoryMib: reader.number(worker, 'MemorySize'),
      architecture: worker.Architectures?.[0] === 'arm64' ? 'arm64' : 'x64',
      slots: 1,
      held: 0,
    },
    capacity: { min: 0, max: reserved },
    spot: false,
    hosts: null,
    fargate: null,
    resident: null,
    publicIpv4: false,
    scaling: { kind: 'concurrency' },
    longestJobSeconds: reader.number(worker, 'Timeout'),
    waitsSeconds: reader.number(asynchronous, 'MaximumEventAgeInSeconds'),
    leaveSeconds: 0,
    stopGraceSeconds: 0,
    lifetimeDays: null,
  };
}

// --- ECS --------------------------------------------------------------------------------------------------------------

/** What both ECS ways say of their tasks. */
function tasks(reader: Reader, architecture: Own['unit']['architecture']) {
  const task = reader.one('AWS::ECS::TaskDefinition');
  const target = reader.one('AWS::ApplicationAutoScaling::ScalableTarget');
  reader.lacks(task, 'EphemeralStorage');
  const grace = reader.number(task, 'ContainerDefinitions.0.StopTimeout');
  return {
    ...queued(reader),
    unit: box('task', reader.number(task, 'Cpu') / 1024, reader.number(task, 'Memory'), architecture),
    capacity: { min: reader.number(target, 'MinCapacity'), max: reader.number(target, 'MaxCapacity') },
    resident: null,
    scaling: stepRules(
      reader,
      'AWS::ApplicationAutoScaling::ScalingPolicy',
      (policy) => policy.StepScalingPolicyConfiguration,
      ({ Cooldown }) => ({ cooldownSeconds: Number(Cooldown ?? delays['scaling-cooldown'].high) }),
    ),
    leaveSeconds: grace,
    stopGraceSeconds: grace,
  };
}

function ecsFargate(reader: Reader): Own {
  const task = reader.one('AWS::ECS::TaskDefinition');
  const { CapacityProviderStrategy, NetworkConfiguration } = reader.one('AWS::ECS::Service');
  const providers = (CapacityProviderStrategy ?? []).map(({ CapacityProvider }: Any) => CapacityProvider);
  if (providers.length > 1) reader.unknown(`tasks on ${providers.join(' and ')}`, 'more than one capacity provider');
  const own = tasks(reader, task.RuntimePlatform?.CpuArchitecture === 'ARM64' ? 'arm64' : 'x64');
  return {
    ...own,
    spot: providers.includes('FARGATE_SPOT'),
    hosts: null,
    fargate: { vcpus: own.unit.vcpus, memoryGib: own.unit.memoryMib / 1024 },
    publicIpv4: NetworkConfiguration?.AwsvpcConfiguration?.AssignPublicIp === 'ENABLED',
    lifetimeDays: null,
  };
}

function ecsEc2(reader: Reader): Own {
  const { type, spot, architecture, publicIpv4, lifetimeDays, sizes, host } = instances(reader);
  const { ManagedScaling } = reader.one('AWS::ECS::CapacityProvider').AutoScalingGroupProvider;
  if (ManagedScaling?.Status !== 'ENABLED' || ManagedScaling.TargetCapacity !== 100) {
    reader.unknown(`managed scaling ${JSON.stringify(ManagedScaling)}`, 'any but an instance for each task');
  }
  const own = tasks(reader, architecture);
  const { vcpus, memoryMib } = own.unit;
  // Beside the system and the agent, about as much room is left as beside those of a node.
  const unitsPerHost = Math.floor(Math.min(type.vcpus / vcpus, type.allocatableMib / memoryMib));
  if (unitsPerHost < 1) reader.unknown(`instances (${type.type}) that no task fits on`, 'what runs there');
  return {
    ...own,
    capacity: { ...own.capacity, max: Math.min(own.capacity.max, sizes.max * unitsPerHost) },
    spot,
    hosts: {
      ...host,
      unitsPerHost,
      ...sizes,
      scaling: {
        by: 'capacity-provider',
        first: delays['ecs-first-instances'].high,
        warmupSeconds: ManagedScaling.InstanceWarmupPeriod ?? delays['ecs-instance-warmup'].high,
        unneededSeconds: delays['ecs-instance-idle'].high,
        delayAfterAddSeconds: 0,
      },
    },
    fargate: null,
    publicIpv4,
    lifetimeDays,
  };
}

// --- EKS --------------------------------------------------------------------------------------------------------------

/** What the model knows of a ScaledObject and of its trigger: anything else would scale otherwise than it is shown. */
const SCALED_OBJECT = [
  'scaleTargetRef',
  'pollingInterval',
  'cooldownPeriod',
  'minReplicaCount',
  'maxReplicaCount',
  'triggers',
];
const TRIGGER = ['type', 'metadata', 'authenticationRef'];
const SQS_TRIGGER = ['queueURL', 'queueLength', 'awsRegion', 'identityOwner'];
/** Of the Cluster Autoscaler. That nodes with system pods may go is what the model takes for granted. */
const NODE_SCALING = ['scale-down-unneeded-time', 'scale-down-delay-after-add', 'skip-nodes-with-system-pods'];

/** What both EKS ways say of their pods. */
function podsOf(reader: Reader, architecture: Own['unit']['architecture']) {
  const scaler = reader.manifest('ScaledObject').spec;
  const spec = reader.manifest('Deployment').spec.template.spec;
  const limits = spec.containers[0].resources?.limits;
  const [trigger, ...others] = scaler.triggers;
  const beyond = (object: object, known: readonly string[]) =>
    Object.keys(object).filter((key) => !known.includes(key));
  const unread = [
    ...beyond(scaler, SCALED_OBJECT),
    ...beyond(trigger, TRIGGER),
    ...beyond(trigger.metadata, SQS_TRIGGER),
    ...[trigger, ...others].flatMap(({ type }, i) => (i === 0 && type === 'aws-sqs-queue' ? [] : [type])),
  ];
  if (unread.length > 0) reader.unknown(`pods that are scaled by ${unread.join(', ')}`, 'what that does');
  const grace = reader.number(spec, 'terminationGracePeriodSeconds');
  return {
    spec,
    own: {
      ...queued(reader),
      unit: box('pod', reader.cpu(limits?.cpu), reader.mib(limits?.memory), architecture),
      capacity: { min: reader.number(scaler, 'minReplicaCount'), max: reader.number(scaler, 'maxReplicaCount') },
      scaling: {
        kind: 'keda' as const,
        pollingSeconds: reader.number(scaler, 'pollingInterval'),
        cooldownSeconds: reader.number(scaler, 'cooldownPeriod'),
        messagesPerUnit: reader.number(trigger, 'metadata.queueLength'),
      },
      leaveSeconds: grace,
      stopGraceSeconds: grace,
      lifetimeDays: null,
    },
  };
}

function eksEc2(reader: Reader): Own {
  const group = reader.one('AWS::EKS::Nodegroup');
  const { LaunchTemplateData: nodes } = reader.one('AWS::EC2::LaunchTemplate');
  const { own, spec } = podsOf(reader, /ARM_64/.test(group.AmiType) ? 'arm64' : 'x64');
  const types = (group.InstanceTypes as readonly string[]).map((type) => instanceType(reader, type));
  const sizes = {
    min: reader.number(group, 'ScalingConfig.MinSize'),
    max: reader.number(group, 'ScalingConfig.MaxSize'),
  };
  const { extraArgs = {} } = reader.values('cluster-autoscaler');
  reader.lacks(extraArgs, ...Object.keys(extraArgs).filter((name) => !NODE_SCALING.includes(name)));
  const patience = (name: string) =>
    extraArgs[name] === undefined ? delays['node-autoscaler-scale-down'].high : reader.seconds(name, extraArgs[name]);
  const unitsPerHost = podsPerNode(reader, types, spec);
  return {
    ...own,
    // A pod that finds no room on the last node waits for ever.
    capacity: { ...own.capacity, max: Math.min(own.capacity.max, sizes.max * unitsPerHost) },
    spot: group.CapacityType === 'SPOT',
    hosts: {
      instanceTypes: types.map(({ type }) => type),
      vcpus: (types[0] as InstanceType).vcpus,
      ...disk(reader, nodes),
      unitsPerHost,
      ...sizes,
      scaling: {
        by: 'cluster-autoscaler',
        first: 1,
        warmupSeconds: 0,
        unneededSeconds: patience('scale-down-unneeded-time'),
        delayAfterAddSeconds: patience('scale-down-delay-after-add'),
      },
    },
    fargate: null,
    resident: null,
    publicIpv4: inPublicSubnets(reader),
  };
}

/** Pods of the worker that find room on a node, beside what the stack itself puts on every node. */
function podsPerNode(reader: Reader, types: readonly InstanceType[], pods: Any): number {
  const requests = (spec: Any) => spec.containers.map(({ resources }: Any) => resources?.requests ?? {});
  const sum = (spec: Any, of: (request: Resources) => number): number =>
    requests(spec).reduce((total: number, request: Resources) => total + of(request), 0);
  const everywhere = reader
    .manifests()
    .filter(({ kind }) => kind === 'DaemonSet')
    .map(({ spec }) => spec.template.spec);
  const cpu = ({ cpu: of }: Resources) => (of === undefined ? 0 : reader.cpu(of));
  const memory = ({ memory: of }: Resources) => (of === undefined ? 0 : reader.mib(of));
  const used = (of: typeof cpu) => everywhere.reduce((total, spec) => total + sum(spec, of), 0);
  const fits = Math.min(
    ...types.flatMap(({ allocatableMillicpu, allocatableMib }) => [
      Math.floor((allocatableMillicpu / 1000 - used(cpu)) / sum(pods, cpu)),
      Math.floor((allocatableMib - used(memory)) / sum(pods, memory)),
    ]),
  );
  if (fits < 1)
    throw new Error(`the template of ${reader.way} has nodes (${types.map(({ type }) => type)}) that no pod fits on`);
  return fits;
}

function eksFargate(reader: Reader): Own {
  const { own, spec } = podsOf(reader, 'x64');
  const profile = reader.one('AWS::EKS::FargateProfile');
  if (!profile.Selectors?.length) reader.unknown('a Fargate profile without selectors', 'what runs there');
  const { requests } = spec.containers[0].resources;
  // What the cluster itself runs: name resolution in two copies, and KEDA's three programs.
  const { resources: keda } = reader.values('keda');
  const dns = JSON.parse(
    reader.text(
      reader.one('AWS::EKS::Addon', ({ AddonName }) => AddonName === 'coredns'),
      'ConfigurationValues',
    ),
  );
  const others = [keda.operator, keda.metricServer, keda.webhooks, dns.resources, dns.resources];
  const sizes = others.map(({ requests: of }) => billedSize(reader, of));
  const total = (of: (size: FargateSize) => number) => sizes.reduce((sum, size) => sum + of(size), 0);
  return {
    ...own,
    spot: false,
    hosts: null,
    fargate: billedSize(reader, requests),
    resident: { vcpus: total(({ vcpus }) => vcpus), memoryGib: total(({ memoryGib }) => memoryGib) },
    publicIpv4: false,
  };
}

/**
 * What Fargate bills a pod of EKS as, by what it asks for: it adds 256 MB for the kubelet and rounds up to the next size
 * that it sells. Sizes up to 1 vCPU; a larger pod is not known here.
 *
 * @see https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html (2026-11-28)
 */
function billedSize(reader: Reader, asks: Resources): FargateSize {
  const [vcpus, memory] = [reader.cpu(asks.cpu), (reader.mib(asks.memory) + 256) / 1024];
  const sizes: readonly (readonly [vcpus: number, from: number, to: number])[] = [
    [0.25, 1, 2],
    [0.5, 1, 4],
    [1, 2, 8],
  ];
  // The smallest has half a GB; from there on they go up by one.
  if (vcpus <= 0.25 && memory <= 0.5) return { vcpus: 0.25, memoryGib: 0.5 };
  const [size, from] = sizes.find(([most, , to]) => vcpus <= most && Math.ceil(memory) <= to) ?? [];
  if (size === undefined || from === undefined)
    return reader.unknown(`a pod of ${asks.cpu} vCPU and ${asks.memory}`, 'as what Fargate bills it');
  return { vcpus: size, memoryGib: Math.max(from, Math.ceil(memory)) };
}

// --- Step scaling -----------------------------------------------------------------------------------------------------

/** The metrics of a queue that the model knows, and the statistic that it knows of each. */
const QUEUE_METRICS: Readonly<Record<string, readonly [metric: QueueMetric, statistic: string]>> = {
  ApproximateNumberOfMessagesVisible: ['visible', 'Maximum'],
  ApproximateNumberOfMessagesNotVisible: ['notVisible', 'Maximum'],
  NumberOfMessagesReceived: ['received', 'Sum'],
};

/** What an alarm watches: metrics of the job queue that are added up, a missing one as none: `FILL(id, 0)`, `IF(id, id, sum)`. */
function watched(reader: Reader, id: string, alarm: Any): Pick<StepRule, 'metrics' | 'periodSeconds'> {
  const parts: readonly Any[] = alarm.Metrics ?? [];
  // The metrics that an expression adds up: its own, and those of expressions that it names.
  const added = ({ Expression, MetricStat }: Any): Any[] => {
    if (!Expression) return [MetricStat];
    const plain = Expression.replace(/^IF\(\s*(\w+)\s*,\s*\1\s*,(.*)\)$/, '$1 + $2').replace(
      /FILL\(\s*(\w+)\s*,\s*0\s*\)/g,
      '$1',
    );
    return plain.split('+').flatMap((name: string) => {
      const part = parts.find(({ Id }) => Id === name.trim());
      return part ? added(part) : reader.unknown(`${id} by ${Expression}`, 'any expression but sums of metrics');
    });
  };
  const metrics = alarm.Metrics
    ? [...new Set(added(parts.find(({ ReturnData }) => ReturnData !== false)))]
    : [{ Metric: alarm, Stat: alarm.Statistic, Period: alarm.Period }];
  const queues = reader.entries('AWS::SQS::Queue').flatMap(([name, queue]) => (isJobQueue(queue) ? [name] : []));
  const found = metrics.map(({ Metric, Stat }: Any): QueueMetric => {
    const [metric, statistic] = QUEUE_METRICS[Metric.MetricName] ?? [];
    const of = Metric.Dimensions?.[0]?.Value?.['Fn::GetAtt']?.[0];
    if (!metric || Stat !== statistic || !queues.includes(of)) {
      reader.unknown(
        `${id} by the ${Stat} of ${Metric.MetricName}`,
        `any but ${Object.keys(QUEUE_METRICS).join(', ')}, of the job queue`,
      );
    }
    return metric as QueueMetric;
  });
  const [period, another] = new Set(metrics.map(({ Period }: Any) => Number(Period)));
  if (another) reader.unknown(`${id}, which adds up periods of ${period} and ${another} s`, 'what that is');
  return { metrics: found, periodSeconds: reader.number({ period }, 'period') };
}

/** The step scaling policies and their alarms. The two services name the same things differently. */
function stepRules(
  reader: Reader,
  type: string,
  configuration: (policy: Any) => Any,
  pause: (policy: Any, direction: StepRule['direction']) => Pick<StepRule, 'warmupSeconds' | 'cooldownSeconds'>,
): ScalingRule {
  const alarms = reader.all('AWS::CloudWatch::Alarm');
  const rules = reader.entries(type).map(([id, properties]): StepRule => {
    const policy = configuration(properties);
    const alarm = alarms.find(({ AlarmActions }) => AlarmActions?.some((action: Any) => action.Ref === id));
    if (!alarm) throw new Error(`the template of ${reader.way} has a scaling policy without an alarm: ${id}`);
    if (!policy?.StepAdjustments) reader.unknown(`${id} without steps`, 'any scaling policy but one of steps');
    if (policy.AdjustmentType !== 'ChangeInCapacity')
      reader.unknown(`${id} by ${policy.AdjustmentType}`, 'any but ChangeInCapacity');
    const threshold = reader.number(alarm, 'Threshold');
    const bound = (interval: number | undefined) => (interval === undefined ? null : threshold + interval);
    const steps = policy.StepAdjustments.map((step: Any) => ({
      from: bound(step.MetricIntervalLowerBound),
      to: bound(step.MetricIntervalUpperBound),
      change: reader.number(step, 'ScalingAdjustment'),
    }));
    const comparison = alarm.ComparisonOperator;
    const direction = comparison === 'GreaterThanOrEqualToThreshold' ? 'out' : 'in';
    if (direction === 'in' && comparison !== 'LessThanOrEqualToThreshold')
      reader.unknown(`${id}, ${comparison}`, 'that comparison');
    const evaluationPeriods = reader.number(alarm, 'EvaluationPeriods');
    const datapointsToAlarm = Number(alarm.DatapointsToAlarm ?? evaluationPeriods);
    const looks = { ...watched(reader, id, alarm), threshold, evaluationPeriods, datapointsToAlarm };
    return { direction, ...looks, steps, ...pause(policy, direction) };
  });
  for (const direction of ['out', 'in'] as const) {
    const alike = rules.filter((rule) => rule.direction === direction).length;
    if (alike !== 1) reader.unknown(`${alike} alarms that scale ${direction}`, 'any number but one');
  }
  return { kind: 'steps', rules };
}
