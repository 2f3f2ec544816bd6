import type { FourWay } from '../../../lib/ways';
import type { Resource, Template } from '../../templates';

/** What plays a part in an architecture. The same part has the same place in every diagram. */
export const ROLES = {
  source: 'Uploads',
  queue: 'Queue',
  scaler: 'Scaling',
  ageAlarm: 'Age alarm',
  failures: 'Failure queue',
  failureAlarm: 'Failure alarm',
  orchestrator: 'Orchestrator',
  hostScaler: 'Host scaling',
  worker: 'Worker',
  host: 'Host',
  shipper: 'Log shipper',
  output: 'Results',
  logs: 'Logs',
} as const;
export type Role = keyof typeof ROLES;

/** What a diagram says where a template has nothing that plays the part. */
const ABSENT: Readonly<Record<Role, string>> = {
  source: 'nothing is uploaded',
  queue: 'events wait inside the service',
  scaler: 'the service decides by itself',
  ageAlarm: 'no queue of yours to watch',
  failures: 'failures go nowhere',
  failureAlarm: 'nobody watches failures',
  orchestrator: 'the service does it by itself',
  hostScaler: 'no hosts of yours apart from the workers',
  worker: 'nothing works',
  host: 'no host of yours apart from the worker',
  shipper: 'the worker or the platform writes the logs',
  output: 'nothing is written',
  logs: 'nothing is logged',
};

/** And where the template has what would need it: nobody does it. */
const MISSING: Readonly<Partial<Record<Role, readonly [beside: Role, reason: string]>>> = {
  ageAlarm: ['queue', 'nobody watches how long messages wait'],
  scaler: ['orchestrator', 'as many run as somebody sets'],
  hostScaler: ['shipper', 'as many hosts run as somebody sets'],
};

/** A box: what in the template plays a part. */
export interface Node {
  readonly role: Role;
  /** What it is, for example `SQS queue`. */
  readonly title: string;
  /** Its most telling settings, with units. */
  readonly detail: string;
  /** Logical ids of what it stands for. */
  readonly ids: readonly string[];
  /** Runs on machines of AWS that are in no template. */
  readonly theirs?: true;
}

/** An arrow: who does what to whom. */
export interface Edge {
  readonly from: Role;
  readonly to: Role;
  /** Fits on an arrow. */
  readonly verb: string;
  /** What in the template says so. */
  readonly because: string;
}

export interface Architecture {
  readonly way: FourWay;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  /** The parts that nothing in the template plays. */
  readonly absent: readonly { readonly role: Role; readonly reason: string }[];
}

// biome-ignore lint/suspicious/noExplicitAny: CloudFormation, as deep and as varied as it is.
type Json = any;
type Entry = readonly [id: string, resource: Resource];

/** Reads the architecture out of a template. @throws Error naming what no template of this workload lacks */
export function architecture(way: FourWay, template: Template): Architecture {
  const entries: readonly Entry[] = Object.entries(template.Resources);
  const ofType = (type: string) => entries.filter(([, { Type }]) => Type === type);
  const objects = manifests(ofType('Custom::AWSCDK-EKS-KubernetesResource'));
  const kind = (name: string) => objects.find(({ object }) => object.kind === name);

  const nodes: Node[] = [];
  const edges: Edge[] = [];
  const roleOf = new Map<string, Role>();
  const add = (role: Role, title: string, detail: string, ids: readonly string[], theirs?: true) => {
    nodes.push({ role, title, detail, ids, ...(theirs && { theirs }) });
    for (const id of ids) roleOf.set(id, role);
  };
  const link = (from: Role, to: Role, verb: string, because: string) => {
    const known = edges.findIndex((edge) => edge.from === from && edge.to === to);
    const edge = edges[known];
    if (!edge) edges.push({ from, to, verb, because });
    else edges[known] = { ...edge, because: `${edge.because}; ${because}` };
  };

  // Who triggers.
  const [, notification] = required(way, ofType('Custom::S3BucketNotifications')[0], 'Custom::S3BucketNotifications');
  const { BucketName, NotificationConfiguration } = notification.Properties;
  const [configuration] = Object.values(NotificationConfiguration).flat() as Json[];
  const source = idIn(BucketName);
  const destination = idIn(configuration.QueueArn ?? configuration.LambdaFunctionArn);
  const prefix = configuration.Filter?.Key?.FilterRules?.[0]?.Value ?? '';
  add('source', 'S3 bucket', prefix ? `under ${prefix}` : 'all keys', [source]);
  for (const [id] of ofType('AWS::S3::Bucket')) {
    if (id !== source) add('output', 'S3 bucket', days(template, id), [id]);
  }

  // Queues: one that S3 sends to, one that failures go to.
  for (const [id, { Properties }] of ofType('AWS::SQS::Queue')) {
    if (id === destination) add('queue', 'SQS queue', `hides a message for ${Properties.VisibilityTimeout} s`, [id]);
    else add('failures', 'SQS queue', `keeps for ${Properties.MessageRetentionPeriod / 86_400} days`, [id]);
  }
  for (const [id, { Properties }] of ofType('AWS::SQS::Queue')) {
    const redrive = Properties.RedrivePolicy;
    if (!redrive) continue;
    const to = roleOf.get(idIn(redrive.deadLetterTargetArn));
    const from = roleOf.get(id);
    if (from && to) link(from, to, `after ${redrive.maxReceiveCount} receives`, 'its redrive policy');
  }

  // Who works, who starts it, and on what.
  const principals = new Map<string, Role>();
  for (const [id, { Properties }] of ofType('AWS::Lambda::Function')) {
    if (id !== destination) continue;
    const { Runtime, MemorySize, Timeout, Role: role } = Properties;
    add('worker', 'Lambda function', `${Runtime}, ${number(MemorySize)} MB, ${Timeout} s`, [id]);
    principals.set(idIn(role), 'worker');
  }
  for (const [id, { Properties }] of ofType('AWS::AutoScaling::AutoScalingGroup')) {
    add('orchestrator', 'Auto Scaling group', `${Properties.MinSize} to ${Properties.MaxSize} instances`, [id]);
    const launch = idIn(Properties.LaunchTemplate?.LaunchTemplateId ?? Properties.MixedInstancesPolicy);
    const { LaunchTemplateData } = required(way, template.Resources[launch], launch).Properties;
    add('worker', 'EC2 instance', LaunchTemplateData.InstanceType, [launch]);
    const profile = template.Resources[idIn(LaunchTemplateData.IamInstanceProfile)];
    principals.set(idIn(profile?.Properties.Roles), 'worker');
    link('orchestrator', 'worker', 'starts, replaces', 'its launch template');
  }
  for (const [id, { Properties }] of ofType('AWS::ECS::Service')) {
    const breaker = Properties.DeploymentConfiguration?.DeploymentCircuitBreaker;
    const detail = breaker?.Rollback ? 'rolls a bad deployment back' : 'keeps a bad deployment';
    add('orchestrator', 'ECS service', detail, [id, idIn(Properties.Cluster)]);
    const task = idIn(Properties.TaskDefinition);
    const definition = required(way, template.Resources[task], task).Properties;
    add('worker', 'ECS task', `${Number(definition.Cpu) / 1024} vCPU, ${number(Number(definition.Memory))} MiB`, [
      task,
    ]);
    principals.set(idIn(definition.TaskRoleArn), 'worker');
    principals.set(idIn(definition.ExecutionRoleArn), 'orchestrator');
    link('orchestrator', 'worker', 'starts, replaces', 'its task definition');
    const providers = (Properties.CapacityProviderStrategy ?? []).map((each: Json) => each.CapacityProvider);
    if (providers.some((name: string) => name.startsWith('FARGATE'))) {
      add('host', 'Fargate', 'a machine of AWS per task', [], true);
      link('host', 'worker', 'runs', `the capacity provider ${providers.join(', ')}`);
    }
  }
  const deployment = kind('Deployment');
  if (deployment) {
    const pod = deployment.object.spec.template.spec;
    const { cpu, memory } = pod.containers[0].resources.limits;
    const clusters = ofType('AWS::EKS::Cluster').map(([id]) => id);
    const version = template.Resources[clusters[0] as string]?.Properties.Version;
    add('orchestrator', 'Kubernetes Deployment', `EKS ${version}`, clusters);
    add('worker', 'Pod', `${cpu} vCPU, ${memory.replace(/Mi$/, ' MiB').replace(/\B(?=(\d{3})+ )/g, ',')}`, [
      deployment.id,
    ]);
    link('orchestrator', 'worker', 'starts, replaces', 'the Deployment');
    for (const [id, { Properties }] of ofType('AWS::EKS::Nodegroup')) {
      const { MinSize, MaxSize } = Properties.ScalingConfig;
      add('host', 'EC2 nodes', `${MinSize} to ${MaxSize} x ${Properties.InstanceTypes[0]}`, [id]);
      link('host', 'worker', 'runs', 'the node group');
    }
    const shipper = kind('DaemonSet');
    if (shipper) {
      add('shipper', 'Pod on every node', shipper.object.metadata.name, [shipper.id]);
      link('worker', 'shipper', 'log lines', 'the DaemonSet, which reads them on the node');
    }
    const accounts: Readonly<Record<string, Role>> = {
      [pod.serviceAccountName]: 'worker',
      ...(shipper && { [shipper.object.spec.template.spec.serviceAccountName]: 'shipper' }),
      'keda-operator': 'scaler',
      'cluster-autoscaler': 'hostScaler',
    };
    for (const [, { Properties }] of ofType('AWS::EKS::PodIdentityAssociation')) {
      const role = accounts[Properties.ServiceAccount];
      if (role) principals.set(idIn(Properties.RoleArn), role);
    }
  }
  for (const [id] of ofType('AWS::Logs::LogGroup')) {
    if (usesLogs(entries, id)) add('logs', 'CloudWatch log group', days(template, id), [id]);
  }

  // Who scales.
  const actions = ofType('AWS::CloudWatch::Alarm').filter(([, { Properties }]) => Properties.AlarmActions);
  const policies = actions.map(([, { Properties }]) => template.Resources[idIn(Properties.AlarmActions)]);
  if (policies.length > 0) {
    const steps = policies.flatMap((policy) => stepsOf(policy?.Properties));
    add(
      'scaler',
      `${actions.length} alarms, ${policies.length} policies`,
      steps.join(', '),
      actions.map(([id]) => id),
    );
    const period = Math.max(...actions.map(([, { Properties }]) => Properties.Period ?? 60));
    link('queue', 'scaler', `watched every ${period} s`, 'the alarms on its length');
    const target = ofType('AWS::ApplicationAutoScaling::ScalableTarget')[0]?.[1].Properties;
    const group = ofType('AWS::AutoScaling::AutoScalingGroup')[0]?.[1].Properties;
    const [low, high] = target ? [target.MinCapacity, target.MaxCapacity] : [group?.MinSize, group?.MaxSize];
    link('scaler', 'orchestrator', `${low} to ${high}`, 'the alarms’ actions');
  }
  const scaled = kind('ScaledObject');
  if (scaled) {
    const { pollingInterval, minReplicaCount, maxReplicaCount, triggers } = scaled.object.spec;
    add('scaler', 'KEDA', `a pod for every ${triggers[0].metadata.queueLength} messages`, [scaled.id]);
    // Without the right it would ask in vain.
    const asks = ofType('AWS::IAM::Policy').some(
      ([, { Properties }]) =>
        principals.get(idIn(Properties.Roles)) === 'scaler' &&
        Properties.PolicyDocument.Statement.some((statement: Json) =>
          [statement.Action].flat().includes('sqs:GetQueueAttributes'),
        ),
    );
    if (asks) {
      link(
        'queue',
        'scaler',
        `asked every ${pollingInterval} s`,
        'the ScaledObject; the permission sqs:GetQueueAttributes',
      );
    }
    link('scaler', 'orchestrator', `${minReplicaCount} to ${maxReplicaCount}`, 'the ScaledObject');
  }
  for (const [id, { Properties }] of ofType('Custom::AWSCDK-EKS-HelmChart')) {
    if (Properties.Chart !== 'cluster-autoscaler') continue;
    add('hostScaler', 'Cluster Autoscaler', `chart ${Properties.Version}`, [id]);
  }

  // Who is watched without anything following from it.
  for (const [id, { Properties }] of ofType('AWS::CloudWatch::Alarm')) {
    if (Properties.AlarmActions) continue;
    const watched = roleOf.get(idIn(Properties.Dimensions));
    if (watched === 'failures') {
      add('failureAlarm', 'CloudWatch alarm', `at ${Properties.Threshold} message`, [id]);
      link('failures', 'failureAlarm', 'watched', 'the alarm on its length');
    } else if (watched === 'queue') {
      add('ageAlarm', 'CloudWatch alarm', `after ${Properties.Threshold / 60} min`, [id]);
      link('queue', 'ageAlarm', 'watched', 'the alarm on the age of its oldest message');
    }
  }

  // Who hands over to whom.
  const to = roleOf.get(destination);
  if (to) link('source', to, to === 'queue' ? 'sends events' : 'invokes', 'the bucket’s notification');
  for (const [, { Properties }] of ofType('AWS::Lambda::EventInvokeConfig')) {
    const failure = roleOf.get(idIn(Properties.DestinationConfig?.OnFailure?.Destination));
    const attempts = 1 + Properties.MaximumRetryAttempts;
    if (failure) link('worker', failure, `after ${attempts} attempts`, 'its on-failure destination');
  }
  for (const [, { Properties }] of ofType('AWS::IAM::Policy')) {
    const from = principals.get(idIn(Properties.Roles));
    if (!from) continue;
    for (const statement of Properties.PolicyDocument.Statement) {
      for (const { to, verb, action } of rights(statement, roleOf)) {
        if (from !== to) link(from, to, verb, `the permission ${action}`);
      }
    }
  }

  const present = new Set(nodes.map(({ role }) => role));
  const hosted = nodes.some(({ role, theirs }) => role === 'host' && theirs);
  const absent = (Object.keys(ROLES) as Role[]).filter((role) => !present.has(role));
  return {
    way,
    nodes: (Object.keys(ROLES) as Role[]).flatMap((role) => nodes.filter((node) => node.role === role).slice(0, 1)),
    // An arrow needs both its ends.
    edges: edges.filter(({ from, to: end }) => present.has(from) && present.has(end)),
    absent: absent.map((role) => ({
      role,
      reason: hosted && role === 'hostScaler' ? 'AWS brings a host with every task' : reasonOf(role, present),
    })),
  };
}

function reasonOf(role: Role, present: ReadonlySet<Role>): string {
  const [beside, missing] = MISSING[role] ?? [];
  return beside && missing && present.has(beside) ? missing : ABSENT[role];
}

/** What a diagram shows of what a policy allows; the rest is bookkeeping. */
const VERBS: readonly (readonly [action: string, verb: string])[] = [
  ['s3:PutObject', 'writes'],
  ['s3:GetObject', 'reads'],
  ['sqs:ReceiveMessage', 'receives'],
  ['logs:PutLogEvents', 'writes'],
  ['autoscaling:CompleteLifecycleAction', 'ends its drain'],
  ['autoscaling:SetDesiredCapacity', 'adds, removes'],
];

function rights(statement: Json, roleOf: ReadonlyMap<string, Role>) {
  const granted = [statement.Action].flat();
  const resources: readonly string[] = idsIn(statement.Resource);
  const ends = new Set([
    ...resources.flatMap((id) => roleOf.get(id) ?? []),
    ...groupsByName(statement.Resource, roleOf),
  ]);
  return VERBS.flatMap(([action, verb]) =>
    granted.includes(action) ? [...ends].map((to) => ({ to, verb, action })) : [],
  );
}

/**
 * Auto Scaling groups are named in policies, and not referred to. `eks-…` are those that EKS makes of node groups, and
 * `<stack>-Workers…` is the group of the stack whose logical id begins like this.
 */
function groupsByName(resource: Json, roleOf: ReadonlyMap<string, Role>): readonly Role[] {
  const text = JSON.stringify(resource ?? '');
  if (text.includes('autoScalingGroupName/eks-')) return ['host'];
  const [, logicalId] = /autoScalingGroupName\/.*?-(\w+)\*/.exec(text) ?? [];
  const ours = [...roleOf].some(([id, role]) => role === 'orchestrator' && logicalId && id.startsWith(logicalId));
  return ours ? ['orchestrator'] : [];
}

/** The steps of step scaling: `+1`, `−4`. */
function stepsOf(policy: Json): readonly string[] {
  const adjustments = policy?.StepAdjustments ?? policy?.StepScalingPolicyConfiguration?.StepAdjustments ?? [];
  return adjustments.map(
    (step: Json) => (step.ScalingAdjustment > 0 ? '+' : '\u2212') + Math.abs(step.ScalingAdjustment),
  );
}

/** How long a bucket or log group keeps what is in it. */
function days(template: Template, id: string): string {
  const properties = template.Resources[id]?.Properties;
  const kept = properties?.RetentionInDays ?? properties?.LifecycleConfiguration?.Rules?.[0]?.ExpirationInDays;
  return kept === undefined ? 'keeps for ever' : `keeps for ${kept} days`;
}

/** Whether anything but CDK's own helpers writes to a log group. */
function usesLogs(entries: readonly Entry[], id: string): boolean {
  return entries.some(
    ([, { Type, Properties }]) =>
      Type === 'AWS::IAM::Policy' &&
      Properties.PolicyDocument.Statement.some(
        (statement: Json) =>
          [statement.Action].flat().includes('logs:PutLogEvents') && idsIn(statement.Resource).includes(id),
      ),
  );
}

/** The Kubernetes objects in a template, with references as their logical ids. */
function manifests(entries: readonly Entry[]): readonly { readonly id: string; readonly object: Json }[] {
  return entries.flatMap(([id, { Properties }]) => {
    const text = joined(Properties.Manifest);
    return (JSON.parse(text) as Json[]).map((object) => ({ id, object }));
  });
}

function joined(value: Json): string {
  if (typeof value === 'string') return value;
  const [separator, parts] = value['Fn::Join'];
  return parts.map((part: Json) => (typeof part === 'string' ? part : (idsIn(part)[0] ?? 'value'))).join(separator);
}

/** Logical ids that a value refers to, in order. */
function idsIn(value: Json): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (typeof value.Ref === 'string') return [value.Ref];
  if (value['Fn::GetAtt']) return [value['Fn::GetAtt'][0]];
  return Object.values(value).flatMap(idsIn);
}

const idIn = (value: Json): string => idsIn(value)[0] ?? '';

const number = (value: number) => value.toLocaleString('en');

function required<Value>(way: FourWay, value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`the template of ${way} has no ${what}: expected one, see lib/`);
  return value;
}
