import type { Compute } from '../../../workload/contract';
import { kubernetesObjects, NOWHERE, openTemplate } from '../../local/deployment';
import type { Template } from '../../templates';

/** The parts, and their places in every diagram, in px: left who scales and hosts, in the middle the work, right its results. */
export const ROLES = {
  source: ['Uploads', 340, 6],
  queue: ['Queue', 296, 106],
  scaler: ['Scaling', 6, 106],
  ageAlarm: ['Age alarm', 6, 6],
  failures: ['Failure queue', 601, 106],
  failureAlarm: ['Failure alarm', 601, 6],
  orchestrator: ['Orchestrator', 6, 206],
  hostScaler: ['Host scaling', 6, 406],
  worker: ['Worker', 296, 206],
  host: ['Host', 6, 306],
  shipper: ['Log shipper', 296, 406],
  output: ['Results', 601, 256],
  logs: ['Logs', 601, 406],
} as const;
export type Role = keyof typeof ROLES;

export interface Architecture {
  readonly way: Compute;
  /** What plays a part, and its most telling settings. */
  readonly nodes: readonly Readonly<{ role: Role; title: string; detail: string }>[];
  /** Who does what to whom, and what in the template says so. */
  readonly edges: readonly Readonly<{ from: Role; to: Role; verb: string; because: string }>[];
  /** The parts that nothing plays. */
  readonly absent: readonly Readonly<{ role: Role; reason: string }>[];
}

/** What is read of a template. What is not there is empty. */
type Reader = ReturnType<typeof reader>;
function reader(way: Compute, template: Template) {
  const open = openTemplate(way, template, NOWHERE);
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation and Kubernetes, as deep and as varied as they are.
  type Json = any;
  const all = (type: string): Json[] => open.ofType(type).map(([, { Properties }]) => Properties ?? {});
  /** The first of a type, or of those that the local run calls so. */
  const one = (type: string, name = ''): Json =>
    open.ofType(`AWS::${type}`).find(([id]) => open.local[id]?.startsWith(`${way}-${name}`))?.[1].Properties ?? {};
  const object = (kind: string): Json => kubernetesObjects(open).find((each) => each.kind === kind) ?? {};
  return {
    one,
    object,
    event: Object.values(all('Custom::S3BucketNotifications')[0]?.NotificationConfiguration ?? {}).flat()[0] as Json,
    jobs: one('SQS::Queue', 'jobs'),
    output: one('S3::Bucket', 'output'),
    lambda: one('Lambda::Function', 'worker'),
    invoked: one('Lambda::EventInvokeConfig'),
    group: one('AutoScaling::AutoScalingGroup'),
    instance: one('EC2::LaunchTemplate').LaunchTemplateData ?? {},
    service: one('ECS::Service'),
    tasks: one('ApplicationAutoScaling::ScalableTarget'),
    task: one('ECS::TaskDefinition'),
    managed: one('ECS::CapacityProvider').AutoScalingGroupProvider?.ManagedScaling ?? {},
    nodes: one('EKS::Nodegroup'),
    pod: object('Deployment').spec?.template.spec.containers[0].resources.limits ?? {},
    keda: object('ScaledObject').spec ?? {},
    chart: (name: string): Json => all('Custom::AWSCDK-EKS-HelmChart').find(({ Chart }) => Chart === name) ?? {},
    steps: [...all('AWS::AutoScaling::ScalingPolicy'), ...all('AWS::ApplicationAutoScaling::ScalingPolicy')]
      .flatMap((policy) => (policy.StepScalingPolicyConfiguration ?? policy).StepAdjustments ?? [])
      .map(({ ScalingAdjustment: by }) => (by > 0 ? `+${by}` : `−${-by}`)),
    alarm: (queue: string, metric = 'ApproximateNumberOfMessagesVisible'): Json =>
      all('AWS::CloudWatch::Alarm').find(
        (each) => each.MetricName === metric && open.resolve(each.Dimensions?.[0].Value) === `${way}-${queue}`,
      ) ?? {},
  };
}

/** A text with what was read; nothing where that is not there. */
type Text = (t: Reader) => string | false | undefined;
const told = (texts: TemplateStringsArray, ...values: readonly unknown[]) =>
  values.some((value) => /undefined|NaN/.test(String(value))) ? undefined : String.raw(texts, ...values);
/** `2048Mi` as `2,048 Mi`. */
const amount = (value: unknown) =>
  String(value).replace(/^(\d+)(\D*)$/, (_, count, unit) => `${Number(count).toLocaleString('en')} ${unit}`);
const days = (count: unknown) => told`keeps for ${count} days` ?? 'keeps for ever';
const sizes = (group: Reader['group']) => told`${group?.MinSize} to ${group?.MaxSize}`;
const rollback = ({ service }: Reader) => service.DeploymentConfiguration?.DeploymentCircuitBreaker?.Rollback;
const attempts = ({ invoked }: Reader) => told`after ${invoked.MaximumRetryAttempts + 1} attempts`;
const age = (t: Reader) => t.alarm('jobs', 'ApproximateAgeOfOldestMessage').Threshold / 60;

/** Of each part, the first that is on a way and has something to tell. Without a text: why nothing plays the part. */
const PARTS: readonly (readonly [role: Role, ways: RegExp, title: string, detail?: Text])[] = [
  ['source', /./, 'S3 bucket', (t) => told`under ${t.event?.Filter?.Key.FilterRules[0].Value}`],
  ['queue', /lambda/, 'events wait inside Lambda'],
  ['queue', /./, 'SQS queue', (t) => told`hides a message for ${t.jobs.VisibilityTimeout} s`],
  ['scaler', /lambda/, 'Lambda decides by itself'],
  ['scaler', /eks/, 'KEDA', (t) => told`a pod per ${t.keda.triggers?.[0].metadata.queueLength} messages`],
  ['scaler', /^ec/, 'Step scaling', (t) => t.steps.join(', ')],
  ['scaler', /./, 'as many run as somebody sets'],
  ['ageAlarm', /lambda/, 'no queue of yours'],
  ['ageAlarm', /./, 'CloudWatch alarm', (t) => told`after ${age(t)} min`],
  ['ageAlarm', /./, 'nobody watches how long messages wait'],
  ['failures', /./, 'SQS queue', (t) => days(t.one('SQS::Queue', 'failed').MessageRetentionPeriod / 86_400)],
  ['failureAlarm', /./, 'CloudWatch alarm', (t) => told`at ${t.alarm('failed').Threshold} message`],
  ['failureAlarm', /./, 'nobody watches failures'],
  ['orchestrator', /lambda/, 'Lambda does it by itself'],
  ['orchestrator', /^ec2/, 'Auto Scaling group', (t) => told`${sizes(t.group)} instances`],
  ['orchestrator', /ecs/, 'ECS service', (t) => (rollback(t) ? 'rolls bad updates back' : 'keeps bad updates')],
  ['orchestrator', /eks/, 'EKS Deployment', (t) => told`Kubernetes ${t.one('EKS::Cluster').Version}`],
  ['hostScaler', /lambda/, 'no hosts of yours'],
  ['hostScaler', /^ec2/, 'the workers are the hosts'],
  ['hostScaler', /ecs-fargate/, 'AWS brings a host with every task'],
  ['hostScaler', /eks-fargate/, 'AWS brings a host with every pod'],
  ['hostScaler', /ecs/, 'Capacity provider', (t) => told`managed scaling to ${t.managed.TargetCapacity} %`],
  ['hostScaler', /eks/, 'Cluster Autoscaler', (t) => told`chart ${t.chart('cluster-autoscaler').Version}`],
  ['hostScaler', /./, 'as many hosts run as somebody sets'],
  ['worker', /lambda/, 'Lambda function', (t) => told`${amount(t.lambda.MemorySize)}MB, at most ${t.lambda.Timeout} s`],
  ['worker', /^ec2/, 'EC2 instance', (t) => t.instance.InstanceType],
  ['worker', /ecs/, 'ECS task', (t) => told`${t.task.Cpu / 1024} vCPU, ${amount(t.task.Memory)}MiB`],
  ['worker', /eks/, 'Pod', (t) => told`${t.pod.cpu} vCPU, ${amount(t.pod.memory)}B`],
  ['host', /lambda/, 'Lambda brings its own'],
  ['host', /^ec2/, 'a worker is its own host'],
  ['host', /ecs-fargate/, 'Fargate', (t) => t.service.CapacityProviderStrategy && 'a machine of AWS per task'],
  ['host', /eks-fargate/, 'Fargate', (t) => t.one('EKS::FargateProfile').Selectors && 'a machine of AWS per pod'],
  ['host', /ecs/, 'Auto Scaling group', (t) => told`${sizes(t.group)} × ${t.instance.InstanceType}`],
  ['host', /eks/, 'Managed node group', (t) => told`${sizes(t.nodes.ScalingConfig)} × ${t.nodes.InstanceTypes?.[0]}`],
  ['shipper', /lambda/, 'Lambda writes the logs'],
  ['shipper', /^ec2/, 'CloudWatch agent', (t) => /cloudwatch/.test(JSON.stringify(t.instance)) && 'on the instance'],
  ['shipper', /ecs/, 'Log driver', (t) => t.task.ContainerDefinitions?.[0].LogConfiguration?.LogDriver],
  ['shipper', /eks-ec2/, 'DaemonSet', (t) => told`${t.object('DaemonSet').metadata?.name} on every node`],
  ['shipper', /eks-fargate/, 'Fargate log router', (t) => told`ConfigMap ${t.object('ConfigMap').metadata?.name}`],
  ['shipper', /./, 'nobody ships the logs'],
  ['output', /./, 'S3 bucket', (t) => days(t.output.LifecycleConfiguration?.Rules[0].ExpirationInDays)],
  ['logs', /./, 'CloudWatch Logs', (t) => days(t.one('Logs::LogGroup', 'logs').RetentionInDays)],
];

/** Drawn where both ends are, and the template has what is told. The permissions are held to be there by the tests. */
const ARROWS: readonly (readonly [from: Role, to: Role, verb: string | Text, because: string])[] = [
  ['source', 'queue', (t) => t.event.QueueArn && 'sends events', 'the bucket’s notification'],
  ['source', 'worker', (t) => t.event.LambdaFunctionArn && 'invokes', 'the bucket’s notification'],
  ['worker', 'source', 'reads', 'the permission s3:GetObject'],
  ['worker', 'queue', 'receives', 'the permission sqs:ReceiveMessage'],
  ['worker', 'output', 'writes', 'the permission s3:PutObject'],
  ['worker', 'shipper', 'log lines', 'the settings of the shipper'],
  ['shipper', 'logs', 'writes', 'the permission logs:PutLogEvents'],
  ['worker', 'logs', (t) => t.lambda.LoggingConfig && 'writes', 'the permission logs:PutLogEvents'],
  ['queue', 'failures', (t) => told`after ${t.jobs.RedrivePolicy?.maxReceiveCount} receives`, 'its redrive policy'],
  ['worker', 'failures', (t) => t.invoked.DestinationConfig && attempts(t), 'its on-failure destination'],
  ['failureAlarm', 'failures', 'watches', 'the alarm on its length'],
  ['ageAlarm', 'queue', 'watches', 'the alarm on the age of its oldest message'],
  ['scaler', 'queue', (t) => told`watches every ${t.alarm('jobs').Period} s`, 'the alarms on its length'],
  ['scaler', 'queue', (t) => told`asks every ${t.keda.pollingInterval} s`, 'the permission sqs:GetQueueAttributes'],
  ['scaler', 'orchestrator', (t) => told`${t.keda.minReplicaCount} to ${t.keda.maxReplicaCount}`, 'the ScaledObject'],
  ['scaler', 'orchestrator', (t) => told`${t.tasks.MinCapacity} to ${t.tasks.MaxCapacity}`, 'the scalable target'],
  ['scaler', 'orchestrator', (t) => !t.service.Cluster && sizes(t.group), 'the size of the group'],
  ['orchestrator', 'worker', 'starts, replaces', 'its template of a worker'],
  ['worker', 'orchestrator', (t) => t.group.LifecycleHookSpecificationList && 'ends its drain', 'its lifecycle hook'],
  ['host', 'worker', 'runs', 'the capacity of the cluster'],
  ['hostScaler', 'host', (t) => t.managed.Status === 'ENABLED' && 'adds, removes', 'its managed scaling'],
  ['hostScaler', 'host', (t) => t.nodes.Subnets && 'adds, removes', 'the permission autoscaling:SetDesiredCapacity'],
];

/** Reads the architecture out of a template. @throws Error naming a part that no template of this workload lacks */
export function architecture(way: Compute, template: Template): Architecture {
  const t = reader(way, template);
  const parts = (Object.keys(ROLES) as Role[]).map((role) => {
    for (const [part, ways, title, detail] of PARTS) {
      if (part !== role || !ways.test(way)) continue;
      const said = detail?.(t);
      if (said || !detail) return { role, title, said };
    }
    throw new Error(`the template of ${way} has nothing for ${ROLES[role][0].toLowerCase()}: expected it, see lib/`);
  });
  const nodes = parts.flatMap(({ role, title, said }) => (said ? [{ role, title, detail: said }] : []));
  const edges = ARROWS.flatMap(([from, to, verb, because]) => {
    const said = typeof verb === 'string' ? verb : verb(t);
    const there = [from, to].every((end) => nodes.some(({ role }) => role === end));
    return said && there ? [{ from, to, verb: said, because }] : [];
  });
  const absent = parts.flatMap(({ role, title, said }) => (said ? [] : [{ role, reason: title }]));
  return { way, nodes, edges, absent };
}
