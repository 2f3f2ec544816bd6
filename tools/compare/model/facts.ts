import type { FourWay } from '../../../lib/ways';
import { DEFAULTS } from '../../../workload/contract';
import { decodeSlots } from '../../../workload/platform';
import type { Resource, Template } from '../../templates';
import { delays, instanceTypes } from '../data/tables';
import type {
  Facts,
  HostFacts,
  InstanceType,
  QueueMetric,
  ScalingRule,
  ScalingStep,
  StepRule,
  WayFacts,
} from './types';

/**
 * What the four templates say, as far as the model needs it. Nothing of it is repeated by hand: what changes in a stack
 * changes here. Whatever cannot be found ends with an error that names it.
 */

// biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as CloudFormation and Kubernetes.
type Any = any;

/** Reads all four. @throws Error, in one line, naming what is missing from which template, or what is not known of it */
export function readFacts(all: Readonly<Record<FourWay, Template>>): Facts {
  return {
    ec2: ec2(new Reader('ec2', all.ec2)),
    lambda: lambda(new Reader('lambda', all.lambda)),
    'ecs-fargate': ecsFargate(new Reader('ecs-fargate', all['ecs-fargate'])),
    'eks-ec2': eksEc2(new Reader('eks-ec2', all['eks-ec2'])),
  };
}

/** Services that start, stop or trigger units. What of them is not read here might do so unseen. */
const SCALING_SERVICES = /^AWS::(?:ApplicationAutoScaling|AutoScaling|Batch|ECS|EKS|Lambda|Pipes|Scheduler)::/;

/**
 * Types of resources that are read here, and types that neither cost anything by themselves nor scale anything. Any
 * other may be billed, and is told to be.
 */
const KNOWN = new Set(
  Object.entries({
    'AWS::ApplicationAutoScaling': 'ScalableTarget ScalingPolicy',
    'AWS::AutoScaling': 'AutoScalingGroup ScalingPolicy',
    'AWS::CloudWatch': 'Alarm Dashboard',
    'AWS::EC2':
      'EIP InternetGateway LaunchTemplate NatGateway Route RouteTable SecurityGroup SecurityGroupEgress SecurityGroupIngress Subnet SubnetRouteTableAssociation VPC VPCEndpoint VPCGatewayAttachment',
    'AWS::ECS': 'Cluster Service TaskDefinition',
    'AWS::EKS': 'AccessEntry Addon Cluster Nodegroup PodIdentityAssociation',
    'AWS::IAM': 'InstanceProfile ManagedPolicy Policy Role',
    'AWS::Lambda': 'EventInvokeConfig Function LayerVersion Permission',
    'AWS::Logs': 'LogGroup',
    'AWS::S3': 'Bucket BucketPolicy',
    'AWS::SNS': 'Subscription Topic TopicPolicy',
    'AWS::SQS': 'Queue QueuePolicy',
    'AWS::Scheduler': 'Schedule',
    'AWS::SSM': 'Parameter',
    Custom:
      'AWSCDK-EKS-HelmChart AWSCDK-EKS-KubernetesResource S3AutoDeleteObjects S3BucketNotifications VpcRestrictDefaultSG',
  }).flatMap(([service, types]) => types.split(' ').map((type) => `${service}::${type}`)),
);

/** One template, asked by type. */
class Reader {
  constructor(
    readonly way: FourWay,
    private readonly template: Template,
  ) {
    const scaling = this.strangers().find((type) => SCALING_SERVICES.test(type));
    if (scaling) this.unknown(scaling, 'whether it starts or stops anything');
  }

  /** Types that the model has no line for. */
  strangers(): string[] {
    return Object.keys(this.counted()).filter((type) => !KNOWN.has(type));
  }

  /** @throws Error: what the template has would cost or scale otherwise than is shown */
  unknown(found: string, what: string): never {
    throw new Error(`the template of ${this.way} has ${found}: the model does not know ${what}`);
  }

  /** @throws Error when properties are there that the model does not count with */
  lacks(from: Any, ...properties: readonly string[]): void {
    for (const property of properties) if (from?.[property] !== undefined) this.unknown(property, 'what it changes');
  }

  all(type: string): [string, Resource][] {
    return Object.entries(this.template.Resources).filter(([, resource]) => resource.Type === type);
  }

  /** How many resources there are of each type. */
  counted(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { Type } of Object.values(this.template.Resources)) counts[Type] = (counts[Type] ?? 0) + 1;
    return counts;
  }

  /** The only one that fits. */
  one(type: string, fits: (properties: Any, id: string) => boolean = () => true): Any {
    const [found, other] = this.all(type).filter(([id, { Properties }]) => fits(Properties ?? {}, id));
    if (!found) throw new Error(`the template of ${this.way} has no ${type} that the model can read`);
    if (other) this.unknown(`${found[0]} and ${other[0]}, of type ${type}`, 'more than one');
    return found[1].Properties ?? {};
  }

  /** A number at a path, which CloudFormation may have written as text. */
  number(from: Any, ...path: readonly string[]): number {
    const value = path.reduce((inner, key) => inner?.[key], from);
    const number = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof number !== 'number' || Number.isNaN(number)) {
      throw new Error(`the template of ${this.way} has no number ${path.join('.')}: found ${JSON.stringify(value)}`);
    }
    return number;
  }

  text(from: Any, ...path: readonly string[]): string {
    const value = path.reduce((inner, key) => inner?.[key], from);
    if (typeof value !== 'string') {
      throw new Error(`the template of ${this.way} has no text ${path.join('.')}: found ${JSON.stringify(value)}`);
    }
    return value;
  }

  /** Every Kubernetes object the stack applies. References are left as names: nothing here depends on them. */
  manifests(): Any[] {
    return this.all('Custom::AWSCDK-EKS-KubernetesResource').flatMap(([, { Properties }]) =>
      JSON.parse(joined(Properties.Manifest)),
    );
  }

  manifest(kind: string): Any {
    const [found, other] = this.manifests().filter((object) => object.kind === kind);
    if (!found) throw new Error(`the template of ${this.way} applies no Kubernetes object of kind ${kind}`);
    if (other) this.unknown(`${found.metadata.name} and ${other.metadata.name}, of kind ${kind}`, 'more than one');
    return found;
  }

  chart(name: string): Any {
    return this.one('Custom::AWSCDK-EKS-HelmChart', ({ Chart }) => Chart === name);
  }
}

/** Text of a property that CloudFormation would put together, with references left as words. */
function joined(value: Any): string {
  if (typeof value === 'string') return value;
  const [separator, parts] = value?.['Fn::Join'] ?? [];
  if (!parts) return 'reference';
  return parts.map(joined).join(separator);
}

/** `5m`, `90s` or `1h` in seconds. */
function seconds(way: FourWay, name: string, text: string): number {
  const [, number, unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (!number) throw new Error(`the template of ${way} has ${name} "${text}": expected a duration such as 5m`);
  return Number(number) * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1);
}

function instanceType(way: FourWay, type: string): InstanceType {
  const found = instanceTypes.find((known) => known.type === type);
  if (!found) {
    throw new Error(`the template of ${way} uses ${type}: add it to tools/compare/data/instance-types.json`);
  }
  return found;
}

// --- What all four have ------------------------------------------------------------------------------------------------

function common(reader: Reader) {
  const alarms = reader.all('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
  for (const { Period, Metrics = [] } of alarms) {
    // Of shorter periods an alarm costs more.
    const period = Math.min(Period ?? 60, ...Metrics.map(({ MetricStat }: Any) => MetricStat?.Period ?? 60));
    if (period < 60) reader.unknown(`an alarm with a Period of ${period}`, 'periods below a minute');
  }
  const logs = reader.one('AWS::Logs::LogGroup', (_, id) => id.startsWith('Logs'));
  const endpoints = reader.all('AWS::EC2::VPCEndpoint').map(([, { Properties }]) => Properties);
  const gateways = endpoints.filter(({ VpcEndpointType = 'Gateway' }) => VpcEndpointType === 'Gateway').length;
  const expiration = (bucket: string) => {
    const properties = reader.one('AWS::S3::Bucket', (_, id) => id.startsWith(bucket));
    return reader.number(properties, 'LifecycleConfiguration', 'Rules', '0', 'ExpirationInDays');
  };
  return {
    way: reader.way,
    alarms: alarms.length,
    // An alarm on an expression is billed by the metrics in it.
    alarmMetrics: alarms.reduce(
      (sum, { Metrics }) => sum + (Metrics?.filter((metric: Any) => metric.MetricStat).length ?? 1),
      0,
    ),
    logRetentionDays: reader.number(logs, 'RetentionInDays'),
    natGateways: reader.all('AWS::EC2::NatGateway').length,
    gatewayEndpoints: gateways,
    // Billed in every zone it is in.
    interfaceEndpoints: endpoints
      .filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface')
      .reduce((sum, { SubnetIds }) => sum + (SubnetIds?.length ?? 1), 0),
    sourceExpirationDays: expiration('ImagesSource'),
    outputExpirationDays: expiration('ImagesOutput'),
    queueAccessSeconds: queueAccess(reader),
    resources: reader.counted(),
    withoutLine: reader.strangers(),
  };
}

/** How often a schedule accesses the job queue, if one does. Anything else on a schedule is not known here. */
function queueAccess(reader: Reader): number | null {
  const [found, another] = reader.all('AWS::Scheduler::Schedule');
  if (!found) return null;
  const [id, { Properties }] = found;
  if (another) reader.unknown(`${id} and ${another[0]}, of type AWS::Scheduler::Schedule`, 'more than one');
  const { State = 'ENABLED', ScheduleExpression, FlexibleTimeWindow, Target } = Properties;
  const action = joined(Target?.Arn).split(':scheduler:::')[1];
  if (action !== 'aws-sdk:sqs:tagQueue') reader.unknown(`${id}, which calls ${action}`, 'what that starts or stops');
  const [, every, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(ScheduleExpression) ?? [];
  if (!every || State !== 'ENABLED' || FlexibleTimeWindow?.Mode !== 'OFF') {
    reader.unknown(`${id} with ${JSON.stringify({ State, ScheduleExpression, FlexibleTimeWindow })}`, 'when that is');
  }
  return Number(every) * ({ minute: 60, hour: 3600, day: 86_400 }[unit as string] ?? 1);
}

const isJobQueue = ({ RedrivePolicy }: Any) => RedrivePolicy !== undefined;

/** What the three ways with a queue of their own share. */
function queued(reader: Reader) {
  const queue = reader.one('AWS::SQS::Queue', isJobQueue);
  return {
    usesJobQueue: true,
    longPollSeconds: reader.number(queue, 'ReceiveMessageWaitTimeSeconds'),
    // The worker extends the time for which its message is hidden, and SQS does so for that long at most.
    longestJobSeconds: delays['sqs-longest-receive'].low,
    waits: { seconds: reader.number(queue, 'MessageRetentionPeriod'), afterwards: 'lost' as const },
    controlPlane: null,
  };
}

/** Messages that a worker asks for at a time. */
const receivers = (slots: number) => DEFAULTS.messagesPerSlot * slots;

/** The metrics of a queue that the model knows, and the statistic that it knows of each. */
const QUEUE_METRICS: Readonly<Record<string, readonly [metric: QueueMetric, statistic: string]>> = {
  ApproximateNumberOfMessagesVisible: ['visible', 'Maximum'],
  ApproximateNumberOfMessagesNotVisible: ['notVisible', 'Maximum'],
  NumberOfMessagesReceived: ['received', 'Sum'],
};

/** What an alarm watches: a metric of the job queue, or a sum of them. */
function watched(reader: Reader, id: string, alarm: Any) {
  const one = (what: string, found: Any, known: Readonly<Record<string, Any>>) => {
    if (found in known) return known[found];
    throw new Error(
      `the template of ${reader.way} scales by ${id}, ${what} ${found}: the model knows ${Object.keys(known).join(', ')}`,
    );
  };
  const jobQueues = reader.all('AWS::SQS::Queue').filter(([, { Properties }]) => isJobQueue(Properties));
  const single = ({ Metric, Stat, Period }: Any) => {
    const [metric, statistic] = one('metric', Metric.MetricName, QUEUE_METRICS);
    one('statistic', Stat, { [statistic]: true });
    one('queue', Metric.Dimensions?.[0]?.Value?.['Fn::GetAtt']?.[0], Object.fromEntries(jobQueues));
    return { metric: metric as QueueMetric, periodSeconds: reader.number({ Period }, 'Period') };
  };
  const terms = (
    alarm.Metrics ? added(reader, id, alarm.Metrics) : [{ ...alarm, Metric: alarm, Stat: alarm.Statistic }]
  ).map(single);
  const periods = [...new Set(terms.map(({ periodSeconds }) => periodSeconds))];
  if (periods.length > 1) reader.unknown(`${id}, which adds up periods of ${periods.join(' and ')} s`, 'what that is');
  return {
    direction: one('comparison', alarm.ComparisonOperator, {
      GreaterThanOrEqualToThreshold: 'out',
      LessThanOrEqualToThreshold: 'in',
    } as const) as StepRule['direction'],
    metrics: terms.map(({ metric }) => metric),
    periodSeconds: periods[0] as number,
  };
}

/**
 * The metrics that the expression of an alarm adds up. A term is the id of a metric or of another such expression, or
 * `FILL(id, 0)`: a metric that is missing counts as none, and in the model none is ever missing. `IF(id, id, sum)` is 0 when
 * all of them are, and that is what is asked of it.
 */
function added(reader: Reader, id: string, metrics: readonly Any[]): Any[] {
  const find = (name: string | undefined) => metrics.find(({ Id }) => Id === name);
  const terms = ({ Expression, MetricStat }: Any): Any[] =>
    MetricStat
      ? [MetricStat]
      : String(Expression)
          .replace(/^IF\(\s*(\w+)\s*,\s*\1\s*,(.*)\)$/, '$1 + $2')
          .split('+')
          .flatMap((term) => {
            const [, filled, plain] = /^\s*(?:FILL\(\s*(\w+)\s*,\s*0\s*\)|(\w+))\s*$/.exec(term) ?? [];
            const found = find(filled ?? plain);
            if (found) return terms(found);
            throw new Error(
              `the template of ${reader.way} scales by ${id}, expression ${Expression}: the model knows sums of metrics, each by its id or as FILL(id, 0), and IF(id, id, such a sum)`,
            );
          });
  return metrics.filter(({ ReturnData }) => ReturnData !== false).flatMap(terms);
}

/** The step scaling policies and their alarms. The two services name the same things differently. */
function stepRules(
  reader: Reader,
  type: string,
  configuration: (policy: Any) => Any,
  pause: (policy: Any, direction: StepRule['direction']) => Pick<StepRule, 'warmupSeconds' | 'cooldownSeconds'>,
): ScalingRule {
  const alarms = reader.all('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
  const rules = reader.all(type).flatMap(([id, { Properties }]): StepRule[] => {
    const policy = configuration(Properties);
    const alarm = alarms.find(({ AlarmActions }) => AlarmActions?.some((action: Any) => action.Ref === id));
    if (!alarm) throw new Error(`the template of ${reader.way} has a scaling policy without an alarm: ${id}`);
    if (!policy.StepAdjustments) reader.unknown(`${id} without steps`, 'any scaling policy but one of steps');
    if (policy.AdjustmentType !== 'ChangeInCapacity') {
      throw new Error(
        `the template of ${reader.way} scales by ${policy.AdjustmentType}: the model knows ChangeInCapacity`,
      );
    }
    const threshold = reader.number(alarm, 'Threshold');
    const steps: ScalingStep[] = policy.StepAdjustments.map((step: Any) => ({
      fromMetric: step.MetricIntervalLowerBound === undefined ? null : threshold + step.MetricIntervalLowerBound,
      toMetric: step.MetricIntervalUpperBound === undefined ? null : threshold + step.MetricIntervalUpperBound,
      change: reader.number(step, 'ScalingAdjustment'),
    }));
    const watches = watched(reader, id, alarm);
    const evaluationPeriods = reader.number(alarm, 'EvaluationPeriods');
    return [
      {
        ...watches,
        threshold,
        evaluationPeriods,
        datapointsToAlarm: Number(alarm.DatapointsToAlarm ?? evaluationPeriods),
        steps,
        ...pause(policy, watches.direction),
      },
    ];
  });
  for (const direction of ['out', 'in'] as const) {
    const alike = rules.filter((rule) => rule.direction === direction).length;
    if (alike !== 1) {
      throw new Error(
        `the template of ${reader.way} has ${alike || 'no'} alarm${alike > 1 ? 's' : ''} that scale${alike > 1 ? '' : 's'} ${direction}: the model knows one`,
      );
    }
  }
  return { kind: 'steps', rules };
}

// --- The four ---------------------------------------------------------------------------------------------------------

function ec2(reader: Reader): WayFacts {
  const template = reader.one('AWS::EC2::LaunchTemplate', ({ LaunchTemplateData }) => LaunchTemplateData?.ImageId);
  const data = template.LaunchTemplateData;
  const type = instanceType(reader.way, reader.text(data, 'InstanceType'));
  const group = reader.one('AWS::AutoScaling::AutoScalingGroup');
  const capacity = { min: reader.number(group, 'MinSize'), max: reader.number(group, 'MaxSize') };
  // A machine has a little less memory than its size says, so that a whole number of slots never quite fits.
  const slots = decodeSlots(type.vcpus, type.memoryMib * 1024 ** 2 - 1);
  reader.lacks(group, 'MixedInstancesPolicy');
  const hooks: Any[] = group.LifecycleHookSpecificationList ?? [];
  for (const { LifecycleTransition: at } of hooks)
    if (!/TERMINATING$/.test(at)) reader.unknown(`a lifecycle hook at ${at}`, 'how long it takes');
  const [hook] = hooks;
  const script = joined(data.UserData['Fn::Base64']);
  return {
    ...common(reader),
    ...queued(reader),
    unit: {
      kind: 'instance',
      vcpus: type.vcpus,
      memoryMib: type.memoryMib,
      architecture: /arm64/.test(JSON.stringify(data.ImageId)) ? 'arm64' : 'x64',
      slots,
    },
    capacity,
    spot: data.InstanceMarketOptions?.MarketType === 'spot',
    hosts: {
      instanceTypes: [type.type],
      ...disk(reader, data),
      publicIpv4: data.NetworkInterfaces?.[0]?.AssociatePublicIpAddress ?? inPublicSubnets(reader),
      unitsPerHost: 1,
      ...capacity,
    },
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
    receiversPerUnit: receivers(slots),
    stopGraceSeconds: Number(/STOP_GRACE_SECONDS=(\d+)/.exec(script)?.[1] ?? 0),
    drainSeconds: hook ? reader.number(hook, 'HeartbeatTimeout') : 0,
    versions: {
      'operating system': `Amazon Linux ${/al(\d{4})-ami/.exec(JSON.stringify(data.ImageId))?.[1] ?? 'unknown'}`,
      node: /node-(\d+)/.exec(script)?.[1] ?? 'unknown',
      'instance lifetime, days': String(reader.number(group, 'MaxInstanceLifetime') / 86_400),
    },
  };
}

/** Whether machines get public addresses where nothing is said of themselves. */
function inPublicSubnets(reader: Reader): boolean {
  const subnets = reader.all('AWS::EC2::Subnet').map(([, { Properties }]) => Properties);
  return subnets.length > 0 && subnets.every(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch === true);
}

function disk(reader: Reader, data: Any): Pick<HostFacts, 'diskGib' | 'diskType'> {
  const [{ Ebs: ebs }, another] = data.BlockDeviceMappings ?? [{}];
  if (another) reader.unknown(`a second disk at ${another.DeviceName}`, 'more than one');
  reader.lacks(ebs, 'Iops', 'Throughput');
  return { diskGib: reader.number(ebs, 'VolumeSize'), diskType: reader.text(ebs, 'VolumeType') };
}

function lambda(reader: Reader): WayFacts {
  const worker = reader.one('AWS::Lambda::Function', ({ Environment }) => Environment?.Variables?.COMPUTE);
  const asynchronous = reader.one('AWS::Lambda::EventInvokeConfig');
  reader.lacks(worker, 'EphemeralStorage', 'SnapStart');
  const memoryMib = reader.number(worker, 'MemorySize');
  return {
    ...common(reader),
    unit: {
      kind: 'environment',
      // What comes with the memory is a limit of the platform: `lambda-vcpu-mib` of the table of delays says it.
      vcpus: 1,
      memoryMib,
      architecture: worker.Architectures?.[0] === 'arm64' ? 'arm64' : 'x64',
      slots: 1,
    },
    capacity: { min: 0, max: worker.ReservedConcurrentExecutions ?? null },
    spot: false,
    scaling: {
      kind: 'concurrency',
      reserved: worker.ReservedConcurrentExecutions ?? null,
      retries: reader.number(asynchronous, 'MaximumRetryAttempts'),
      maxEventAgeSeconds: reader.number(asynchronous, 'MaximumEventAgeInSeconds'),
    },
    longestJobSeconds: reader.number(worker, 'Timeout'),
    waits: {
      seconds: reader.number(asynchronous, 'MaximumEventAgeInSeconds'),
      afterwards: asynchronous.DestinationConfig?.OnFailure ? 'failure queue' : 'lost',
    },
    usesJobQueue: false,
    longPollSeconds: 0,
    receiversPerUnit: 0,
    controlPlane: null,
    stopGraceSeconds: 0,
    drainSeconds: 0,
    versions: { runtime: reader.text(worker, 'Runtime') },
  };
}

function ecsFargate(reader: Reader): WayFacts {
  const task = reader.one('AWS::ECS::TaskDefinition');
  const service = reader.one('AWS::ECS::Service');
  const target = reader.one('AWS::ApplicationAutoScaling::ScalableTarget');
  const vcpus = reader.number(task, 'Cpu') / 1024;
  const memoryMib = reader.number(task, 'Memory');
  const slots = decodeSlots(vcpus, memoryMib * 1024 ** 2);
  reader.lacks(task, 'EphemeralStorage');
  const providers = (service.CapacityProviderStrategy ?? []).map(({ CapacityProvider }: Any) => CapacityProvider);
  if (providers.length > 1) reader.unknown(`tasks on ${providers.join(' and ')}`, 'more than one capacity provider');
  return {
    ...common(reader),
    ...queued(reader),
    unit: {
      kind: 'task',
      vcpus,
      memoryMib,
      architecture: task.RuntimePlatform?.CpuArchitecture === 'ARM64' ? 'arm64' : 'x64',
      slots,
    },
    capacity: { min: reader.number(target, 'MinCapacity'), max: reader.number(target, 'MaxCapacity') },
    spot: providers.includes('FARGATE_SPOT'),
    taskPublicIpv4: service.NetworkConfiguration?.AwsvpcConfiguration?.AssignPublicIp === 'ENABLED',
    scaling: stepRules(
      reader,
      'AWS::ApplicationAutoScaling::ScalingPolicy',
      (policy) => policy.StepScalingPolicyConfiguration,
      ({ Cooldown }) => ({ cooldownSeconds: Number(Cooldown ?? delays['scaling-cooldown'].high) }),
    ),
    receiversPerUnit: receivers(slots),
    stopGraceSeconds: reader.number(task, 'ContainerDefinitions', '0', 'StopTimeout'),
    drainSeconds: 0,
    versions: {},
  };
}

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
const SQS_TRIGGER = ['queueURL', 'queueLength', 'awsRegion'];
/** Of the Cluster Autoscaler. That nodes with system pods may go is what the model takes for granted. */
const NODE_SCALING = ['scale-down-unneeded-time', 'scale-down-delay-after-add', 'skip-nodes-with-system-pods'];

function eksEc2(reader: Reader): WayFacts {
  const cluster = reader.one('AWS::EKS::Cluster');
  const group = reader.one('AWS::EKS::Nodegroup');
  const nodes = reader.one('AWS::EC2::LaunchTemplate').LaunchTemplateData;
  const scaler = reader.manifest('ScaledObject').spec;
  const pods = reader.manifest('Deployment').spec.template.spec;
  const limits = pods.containers[0].resources?.limits;
  const vcpus = cpu(reader, limits?.cpu);
  const memoryMib = mib(reader, limits?.memory);
  const slots = decodeSlots(Math.max(1, Math.floor(vcpus)), memoryMib * 1024 ** 2);
  const types = group.InstanceTypes as readonly string[];
  const [trigger, ...others] = scaler.triggers;
  const unread = [
    ...Object.keys(scaler).filter((key) => !SCALED_OBJECT.includes(key)),
    ...Object.keys(trigger).filter((key) => !TRIGGER.includes(key)),
    ...Object.keys(trigger.metadata).filter((key) => !SQS_TRIGGER.includes(key)),
    ...[trigger, ...others].flatMap(({ type }, i) => (i === 0 && type === 'aws-sqs-queue' ? [] : [type])),
  ];
  if (unread.length > 0) {
    throw new Error(`the template of ${reader.way} scales pods by ${unread.join(', ')}, which the model does not know`);
  }
  const sizes = {
    min: reader.number(group, 'ScalingConfig', 'MinSize'),
    max: reader.number(group, 'ScalingConfig', 'MaxSize'),
  };
  const { extraArgs } = JSON.parse(joined(reader.chart('cluster-autoscaler').Values));
  reader.lacks(extraArgs, ...Object.keys(extraArgs ?? {}).filter((name) => !NODE_SCALING.includes(name)));
  const patience = (name: string) =>
    extraArgs?.[name] === undefined ? undefined : seconds(reader.way, name, reader.text(extraArgs, name));
  const unitsPerHost = podsPerNode(reader, types, pods);
  return {
    ...common(reader),
    ...queued(reader),
    unit: {
      kind: 'pod',
      vcpus,
      memoryMib,
      architecture: /ARM_64/.test(group.AmiType) ? 'arm64' : 'x64',
      slots,
    },
    // A pod that finds no room on the last node waits for ever.
    capacity: {
      min: reader.number(scaler, 'minReplicaCount'),
      max: Math.min(reader.number(scaler, 'maxReplicaCount'), sizes.max * unitsPerHost),
    },
    spot: group.CapacityType === 'SPOT',
    hosts: {
      instanceTypes: types,
      ...disk(reader, nodes),
      publicIpv4: inPublicSubnets(reader),
      unitsPerHost,
      ...sizes,
    },
    scaling: {
      kind: 'keda',
      pollingSeconds: reader.number(scaler, 'pollingInterval'),
      cooldownSeconds: reader.number(scaler, 'cooldownPeriod'),
      messagesPerUnit: reader.number(trigger, 'metadata', 'queueLength'),
      nodes: {
        unneededSeconds: patience('scale-down-unneeded-time') ?? delays['node-autoscaler-scale-down'].high,
        delayAfterAddSeconds: patience('scale-down-delay-after-add') ?? delays['node-autoscaler-scale-down'].high,
      },
    },
    receiversPerUnit: receivers(slots),
    controlPlane: {
      version: reader.text(cluster, 'Version'),
      supportType: cluster.UpgradePolicy?.SupportType ?? 'EXTENDED',
      logTypes: cluster.Logging?.ClusterLogging?.EnabledTypes?.length ?? 0,
    },
    stopGraceSeconds: reader.number(pods, 'terminationGracePeriodSeconds'),
    drainSeconds: 0,
    versions: {
      cluster: reader.text(cluster, 'Version'),
      'node image': reader.text(group, 'AmiType'),
      ...Object.fromEntries(
        reader
          .all('AWS::EKS::Addon')
          .map(([, { Properties }]) => [
            `add-on ${Properties.AddonName}`,
            Properties.AddonVersion ?? 'the default of the cluster version',
          ]),
      ),
      ...Object.fromEntries(
        reader
          .all('Custom::AWSCDK-EKS-HelmChart')
          .map(([, { Properties }]) => [`chart ${Properties.Chart}`, Properties.Version]),
      ),
      'log shipper': reader.manifest('DaemonSet').spec.template.spec.containers[0].image.split('@')[0],
    },
  };
}

/** Pods of the worker that find room on a node, beside what the stack itself puts on every node. */
function podsPerNode(reader: Reader, types: readonly string[], pods: Any): number {
  const requests = (spec: Any) => spec.containers.map(({ resources }: Any) => resources?.requests ?? {});
  const sum = (spec: Any, key: 'cpu' | 'memory') =>
    requests(spec).reduce(
      (total: number, request: Any) =>
        total +
        (request[key] === undefined ? 0 : key === 'cpu' ? cpu(reader, request.cpu) : mib(reader, request.memory)),
      0,
    );
  const everywhere = reader
    .manifests()
    .filter(({ kind }) => kind === 'DaemonSet')
    .map(({ spec }) => spec.template.spec);
  const room = types.map((name) => {
    const type = instanceType(reader.way, name);
    const used = (key: 'cpu' | 'memory') => everywhere.reduce((total, spec) => total + sum(spec, key), 0);
    return Math.min(
      Math.floor((type.allocatableMillicpu / 1000 - used('cpu')) / sum(pods, 'cpu')),
      Math.floor((type.allocatableMib - used('memory')) / sum(pods, 'memory')),
    );
  });
  const fits = Math.min(...room);
  if (fits < 1) throw new Error(`the template of ${reader.way} has nodes (${types.join(', ')}) that no pod fits on`);
  return fits;
}

/** `1`, `500m` in vCPUs. */
function cpu(reader: Reader, text: unknown): number {
  const [, number, milli] = /^([\d.]+)(m?)$/.exec(String(text)) ?? [];
  if (!number)
    throw new Error(`the template of ${reader.way} has a cpu of "${text}": expected vCPUs such as 1 or 500m`);
  return Number(number) / (milli ? 1000 : 1);
}

/** `2048Mi`, `2Gi` in MiB. */
function mib(reader: Reader, text: unknown): number {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(String(text)) ?? [];
  if (!number)
    throw new Error(`the template of ${reader.way} has a memory of "${text}": expected a size such as 2048Mi`);
  return Number(number) * (unit === 'Gi' ? 1024 : 1);
}
