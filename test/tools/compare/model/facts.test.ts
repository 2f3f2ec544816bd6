import { readFacts } from '../../../../tools/compare/model/facts';
import { readJob } from '../../../../tools/compare/model/job';
import { templates as synthesized, type Template } from '../../../../tools/templates';
import { COMPUTES, type Compute } from '../../../../workload/contract';
import { templates } from '../../../support/templates';

const all = templates();

// biome-ignore lint/suspicious/noExplicitAny: as varied as CloudFormation.
type Any = any;
/** What somebody edits in a stack. */
type Change = (template: Template) => Template;

/** Other properties of all resources of a type. */
const edit =
  (type: string, change: (properties: Any) => void): Change =>
  (template) => {
    for (const { Type, Properties } of Object.values(template.Resources)) if (Type === type) change(Properties);
    return template;
  };

/** Another value at a path in all resources of a type that have what it is in; `undefined`: none. */
const put = (type: string, path: string, value: unknown): Change =>
  edit(type, (properties) => {
    const keys = path.split('.');
    const parent = keys.slice(0, -1).reduce((inner, key) => inner?.[key], properties);
    if (parent) parent[keys.at(-1) as string] = value;
  });

/** Another text, wherever it is: manifests are JSON in JSON, and quotes in them are left out here. */
const say =
  (text: string, by: string): Change =>
  (template) => {
    const json = JSON.stringify(template);
    const quoted = (plain: string) => plain.replace(/'/g, '\\"');
    if (!json.includes(quoted(text))) throw new Error(`no template says ${text}`);
    return JSON.parse(json.replaceAll(quoted(text), quoted(by)));
  };

const add =
  (Type: string, Properties: object = {}): Change =>
  ({ Resources }) => ({ Resources: { ...Resources, Another: { Type, Properties } } });

const both =
  (one: Change, other: Change): Change =>
  (template) =>
    other(one(template));

/** The facts of a way after a change of its template. */
const after = (way: Compute, change: Change) => readFacts({ ...all, [way]: change(structuredClone(all[way])) })[way];

const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
const LAUNCH = 'AWS::EC2::LaunchTemplate';
const EC2_POLICY = 'AWS::AutoScaling::ScalingPolicy';
const ECS_POLICY = 'AWS::ApplicationAutoScaling::ScalingPolicy';
const ALARM = 'AWS::CloudWatch::Alarm';
const NODES = 'AWS::EKS::Nodegroup';
const TARGET = 'AWS::ApplicationAutoScaling::ScalableTarget';
const TASK = 'AWS::ECS::TaskDefinition';
const SCHEDULE = 'AWS::Scheduler::Schedule';
const PROVIDER = 'AWS::ECS::CapacityProvider';
const STEPS = 'ec2, ecs-fargate, ecs-ec2';
const PODS = 'eks-ec2, eks-fargate';

/** A change of the alarms that scale. */
const watching = (change: (alarm: Any) => void) => edit(ALARM, (alarm) => alarm.AlarmActions && change(alarm));
const summing = (Expression: string) => put(ALARM, 'Metrics.0.Expression', Expression);
const disks = (change: (disks: Any[]) => void) =>
  edit(LAUNCH, ({ LaunchTemplateData }) => change(LaunchTemplateData.BlockDeviceMappings));

test('facts are read from all six templates, and one unit is the same box everywhere', () => {
  const facts = readFacts(all);
  expect(Object.keys(facts)).toEqual(COMPUTES);
  for (const { unit, resources, withoutLine } of Object.values(facts)) {
    expect(unit).toMatchObject({ vcpus: 1, memoryMib: 2048, slots: 1 });
    expect([resources > 20, withoutLine]).toEqual([true, []]);
  }
  expect(facts['eks-fargate']).toMatchObject({ unit: { architecture: 'x64' }, resident: { vcpus: 1.25 } });
  expect(facts.ec2.lifetimeDays).toBe(7);
});

test('as for production, machines have no public addresses, and what is in the VPC has a NAT gateway', () => {
  for (const { way, natGateways, publicIpv4 } of Object.values(readFacts(synthesized({ production: true })))) {
    expect([way, natGateways > 0, publicIpv4]).toEqual([way, way !== 'lambda', false]);
  }
});

// biome-ignore format: a table.
const FOLLOWED: readonly [what: string, ways: string, change: Change, expected: object][] = [
  ['memory of the function', 'lambda', put('AWS::Lambda::Function', 'MemorySize', 4096), { unit: { memoryMib: 4096 } }],
  ['its time-out', 'lambda', put('AWS::Lambda::Function', 'Timeout', 300), { longestJobSeconds: 300 }],
  ['its architecture', 'lambda', put('AWS::Lambda::Function', 'Architectures', ['x86_64']), { unit: { architecture: 'x64' } }],
  ['reserved concurrency', 'lambda', put('AWS::Lambda::Function', 'ReservedConcurrentExecutions', 50), { capacity: { max: 50 } }],
  ['age of events', 'lambda', put('AWS::Lambda::EventInvokeConfig', 'MaximumEventAgeInSeconds', 60), { waitsSeconds: 60 }],
  ['size of a task', 'ecs-fargate', edit(TASK, (p) => Object.assign(p, { Cpu: '2048', Memory: '4096' })),
    { unit: { vcpus: 2, memoryMib: 4096, slots: 2, held: 12 }, fargate: { vcpus: 2, memoryGib: 4 } }],
  ['size of a task', 'ecs-ec2', put(TASK, 'Memory', '1024'), { unit: { memoryMib: 1024 }, fargate: null }],
  ['instance type', 'ec2', put(LAUNCH, 'LaunchTemplateData.InstanceType', 'c7g.xlarge'),
    { unit: { vcpus: 4, slots: 3 }, hosts: { instanceTypes: ['c7g.xlarge'], vcpus: 4 } }],
  ['instance type', 'ecs-ec2', put(LAUNCH, 'LaunchTemplateData.InstanceType', 'm7g.large'), { unit: { vcpus: 1 }, hosts: { vcpus: 2, unitsPerHost: 2 } }],
  ['types of nodes', 'eks-ec2', put(NODES, 'InstanceTypes', ['m7g.xlarge', 'm7g.large']),
    { hosts: { instanceTypes: ['m7g.xlarge', 'm7g.large'], vcpus: 4, unitsPerHost: 1 } }],
  ['types of nodes', 'eks-ec2', put(NODES, 'InstanceTypes', ['m7g.xlarge']), { hosts: { unitsPerHost: 3 } }],
  ['disk size', 'ec2, ecs-ec2, eks-ec2', disks(([disk]) => Object.assign(disk.Ebs, { VolumeSize: 99, VolumeType: 'gp2' })),
    { hosts: { diskGib: 99, diskType: 'gp2' } }],
  ['a scaling step', STEPS, say('"ScalingAdjustment":3', '"ScalingAdjustment":6'),
    { scaling: { rules: [{ steps: [{ change: 1 }, { from: 100, to: null, change: 6 }] }, {}] } }],
  ['the bound of a step', STEPS, say('IntervalLowerBound":99', 'IntervalLowerBound":49'), { scaling: { rules: [{ steps: [{}, { from: 50 }] }, {}] } }],
  ['a threshold', STEPS, put(ALARM, 'Threshold', 11), { scaling: { rules: [{ direction: 'out', threshold: 11 }, {}] } }],
  ['evaluation periods', STEPS, put(ALARM, 'EvaluationPeriods', 7), { scaling: { rules: [{}, { evaluationPeriods: 7, datapointsToAlarm: 7 }] } }],
  ['data points of an alarm', STEPS, put(ALARM, 'DatapointsToAlarm', 1), { scaling: { rules: [{}, { evaluationPeriods: 5, datapointsToAlarm: 1 }] } }],
  ['a period', STEPS, watching((alarm) => alarm.Period && Object.assign(alarm, { Period: 300 })),
    { scaling: { rules: [{ periodSeconds: 300 }, { periodSeconds: 60 }] } }],
  ['the warm-up', 'ec2', put(EC2_POLICY, 'EstimatedInstanceWarmup', 77), { scaling: { rules: [{ warmupSeconds: 77 }, {}] } }],
  ['the warm-up of the group', 'ec2', both(put(EC2_POLICY, 'EstimatedInstanceWarmup', undefined), put(GROUP, 'DefaultInstanceWarmup', 240)),
    { scaling: { rules: [{ warmupSeconds: 240 }, {}] } }],
  ['the cooldown', 'ecs-fargate, ecs-ec2', put(ECS_POLICY, 'StepScalingPolicyConfiguration.Cooldown', 77),
    { scaling: { rules: [{ cooldownSeconds: 77 }, { cooldownSeconds: 77 }] } }],
  ['no cooldown: that of the service', 'ecs-fargate', put(ECS_POLICY, 'StepScalingPolicyConfiguration.Cooldown', undefined),
    { scaling: { rules: [{ cooldownSeconds: 300 }, {}] } }],
  ['the largest group', 'ec2', put(GROUP, 'MaxSize', '40'), { capacity: { min: 0, max: 40 }, hosts: { max: 40 } }],
  ['the smallest group', 'ec2', put(GROUP, 'MinSize', '2'), { capacity: { min: 2 }, hosts: { min: 2 } }],
  ['tasks', 'ecs-fargate', edit(TARGET, (p) => Object.assign(p, { MinCapacity: 1, MaxCapacity: 40 })), { capacity: { min: 1, max: 40 } }],
  ['tasks, as far as there are instances', 'ecs-ec2', edit(TARGET, (p) => Object.assign(p, { MinCapacity: 1, MaxCapacity: 40 })),
    { capacity: { min: 1, max: 4 } }],
  ['fewer instances than tasks', 'ecs-ec2', put(GROUP, 'MaxSize', '2'), { capacity: { max: 2 }, hosts: { max: 2 } }],
  ['warm-up of a capacity provider', 'ecs-ec2', put(PROVIDER, 'AutoScalingGroupProvider.ManagedScaling.InstanceWarmupPeriod', 60),
    { hosts: { scaling: { warmupSeconds: 60 } } }],
  ['pods', 'eks-fargate', say("maxReplicaCount':4", "maxReplicaCount':10"), { capacity: { min: 0, max: 10 } }],
  ['pods, as far as there are nodes', 'eks-ec2', say("ReplicaCount':0,'maxReplicaCount':4", "ReplicaCount':1,'maxReplicaCount':10"),
    { capacity: { min: 1, max: 4 } }],
  ['nodes', 'eks-ec2', put(NODES, 'ScalingConfig', { MinSize: 2, MaxSize: 3 }), { hosts: { min: 2, max: 3 }, capacity: { max: 3 } }],
  ['how often KEDA asks', PODS, say("pollingInterval':15", "pollingInterval':45"), { scaling: { pollingSeconds: 45 } }],
  ['how long KEDA waits', PODS, say("cooldownPeriod':300", "cooldownPeriod':60"), { scaling: { cooldownSeconds: 60 } }],
  ['messages for a pod', PODS, say("queueLength':'25'", "queueLength':'5'"), { scaling: { messagesPerUnit: 5 } }],
  ['patience of the Cluster Autoscaler', 'eks-ec2', say("unneeded-time':'5m'", "unneeded-time':'1h'"),
    { hosts: { scaling: { unneededSeconds: 3600, delayAfterAddSeconds: 600 } } }],
  ['grace of a pod', PODS, say("terminationGracePeriodSeconds':90", "terminationGracePeriodSeconds':30"), { stopGraceSeconds: 30, leaveSeconds: 30 }],
  // Fargate goes by what a pod asks for. 7,936 MiB and 256 MiB are 8 GB, the largest with 1 vCPU; 7,168 MiB and 256 are rounded up to it.
  ['memory of a pod', 'eks-fargate', say("'1','memory':'2048Mi'", "'1','memory':'7936Mi'"), { unit: { memoryMib: 7936 }, fargate: { vcpus: 1, memoryGib: 8 } }],
  ['memory of a pod', 'eks-fargate', say("'1','memory':'2048Mi'", "'1','memory':'7168Mi'"), { fargate: { vcpus: 1, memoryGib: 8 } }],
  ['request of a pod', 'eks-fargate', say("'requests':{'cpu':'1','memory':'2048Mi'}", "'requests':{'cpu':'1','memory':'1024Mi'}"), { fargate: { memoryGib: 2 } }],
  ['CPU of a pod', 'eks-fargate', say("'1','memory':'2048Mi'", "'300m','memory':'768Mi'"), { unit: { vcpus: 0.3 }, fargate: { vcpus: 0.5, memoryGib: 1 } }],
  ['a little pod', 'eks-fargate', say("'1','memory':'2048Mi'", "'250m','memory':'257Mi'"), { fargate: { vcpus: 0.25, memoryGib: 1 } }],
  ['pods that are always there', 'eks-fargate', say("'250m','memory':'256M'", "'500m','memory':'1Gi'"), { resident: { vcpus: 2.5, memoryGib: 10 } }],
  ['address of a task', 'ecs-fargate', put('AWS::ECS::Service', 'NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp', 'DISABLED'), { publicIpv4: false }],
  ['address of an instance', 'ec2, ecs-ec2', put(LAUNCH, 'LaunchTemplateData.NetworkInterfaces.0.AssociatePublicIpAddress', false), { publicIpv4: false }],
  ['addresses, where only subnets say so', 'ec2, ecs-ec2', both(put(LAUNCH, 'LaunchTemplateData.NetworkInterfaces', undefined), put('AWS::EC2::Subnet', 'MapPublicIpOnLaunch', false)),
    { publicIpv4: false }],
  ['subnets without addresses', 'eks-ec2', put('AWS::EC2::Subnet', 'MapPublicIpOnLaunch', false), { publicIpv4: false }],
  ['a NAT gateway more', 'eks-fargate', add('AWS::EC2::NatGateway'), { natGateways: 2 }],
  ['an interface endpoint', 'ec2', add('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Interface', SubnetIds: ['a', 'b'] }), { interfaceEndpoints: 2 }],
  ['an alarm more', 'lambda', add(ALARM, { Period: 60 }), { alarmMetrics: 2 }],
  ['an alarm on a sum', 'ec2', add(ALARM, { Metrics: [{ Expression: 'a + b' }, { MetricStat: {} }, { MetricStat: {} }] }), { alarmMetrics: 8 }],
  ['a dashboard more', 'ec2', add('AWS::CloudWatch::Dashboard'), { dashboards: 2, resources: 51 }],
  ['rate of the schedule', STEPS, put(SCHEDULE, 'ScheduleExpression', 'rate(90 minutes)'), { queue: { accessSeconds: 5400 } }],
  ['retention of the queue', `${STEPS}, ${PODS}`, put('AWS::SQS::Queue', 'MessageRetentionPeriod', 60), { waitsSeconds: 60 }],
  ['expiration of pictures', 'lambda', put('AWS::S3::Bucket', 'LifecycleConfiguration.Rules.0.ExpirationInDays', 3),
    { sourceExpirationDays: 3, outputExpirationDays: 3 }],
  ['version of the cluster', PODS, put('AWS::EKS::Cluster', 'Version', '1.34'), { controlPlane: { version: '1.34', logTypes: 3 } }],
  ['Spot', 'ec2, ecs-ec2', put(LAUNCH, 'LaunchTemplateData.InstanceMarketOptions', { MarketType: 'spot' }), { spot: true }],
  ['Spot', 'ecs-fargate', put('AWS::ECS::Service', 'CapacityProviderStrategy', [{ CapacityProvider: 'FARGATE_SPOT' }]), { spot: true }],
  ['Spot', 'eks-ec2', put(NODES, 'CapacityType', 'SPOT'), { spot: true }],
  ['a type that has no line', 'ec2', add('AWS::KMS::Key'), { withoutLine: ['AWS::KMS::Key'] }],
];

const eachWay = FOLLOWED.flatMap(([what, ways, change, expected]) =>
  ways.split(', ').map((way) => [what, way as Compute, change, expected] as const),
);

test.each(eachWay)('facts follow the template: %s, %s', (_, way, change, expected) => {
  expect(readFacts(all)[way]).not.toMatchObject(expected);
  expect(after(way, change)).toMatchObject(expected);
});

test.each([
  ['visible', ['visible']],
  ['visible + FILL(held, 0)', ['visible', 'notVisible']],
  ['IF(visible, visible, FILL( held,0 ) + received)', ['visible', 'notVisible', 'received']],
])('an alarm watches the sum that its expression is: %s', (expression, metrics) => {
  expect(after('ec2', summing(expression)).scaling).toMatchObject({ rules: [{ metrics: ['visible'] }, { metrics }] });
});

// biome-ignore format: a table.
const UNKNOWN: readonly (readonly [what: string, way: Compute, change: Change, said: string])[] = [
  ['a second disk', 'ecs-ec2', disks((own) => own.push({ DeviceName: '/dev/b' })), 'has a second disk at /dev/b'],
  ['a mixed group', 'ecs-ec2', put(GROUP, 'MixedInstancesPolicy', {}), 'has MixedInstancesPolicy'],
  ['a hook when an instance starts', 'ec2', put(GROUP, 'LifecycleHookSpecificationList.0.LifecycleTransition', 'autoscaling:EC2_INSTANCE_LAUNCHING'),
    'has a lifecycle hook at autoscaling:EC2_INSTANCE_LAUNCHING'],
  ['an instance type', 'ec2', put(LAUNCH, 'LaunchTemplateData.InstanceType', 'x1.huge'), 'uses x1.huge: add it to tools/compare/data/instance-types.json'],
  ['nodes that are too small', 'eks-ec2', put(NODES, 'InstanceTypes', ['t4g.small']), 'has nodes (t4g.small) that no pod fits on'],
  ['instances that are too small', 'ecs-ec2', put(LAUNCH, 'LaunchTemplateData.InstanceType', 'c7g.medium'), 'has instances (c7g.medium) that no task fits on'],
  ['a capacity provider with spare room', 'ecs-ec2', put(PROVIDER, 'AutoScalingGroupProvider.ManagedScaling.TargetCapacity', 80),
    'has managed scaling {"Status":"ENABLED","TargetCapacity":80}'],
  ['Spot and On-Demand', 'ecs-fargate', put('AWS::ECS::Service', 'CapacityProviderStrategy', [{ CapacityProvider: 'FARGATE' }, { CapacityProvider: 'FARGATE_SPOT' }]),
    'has tasks on FARGATE and FARGATE_SPOT'],
  ['more room for a task', 'ecs-fargate', put(TASK, 'EphemeralStorage', {}), 'has EphemeralStorage'],
  ['a large pod', 'eks-fargate', say("'1','memory':'2048Mi'", "'2','memory':'2048Mi'"), 'has a pod of 2 vCPU and 2048Mi'],
  ['much memory for a pod', 'eks-fargate', say("'1','memory':'2048Mi'", "'1','memory':'7937Mi'"), 'has a pod of 1 vCPU and 7937Mi'],
  ['a key of a ScaledObject', 'eks-fargate', say("'pollingInterval'", "'idleReplicaCount':0,'pollingInterval'"),
    'has pods that are scaled by idleReplicaCount'],
  ['a setting of its trigger', 'eks-ec2', say("'queueLength'", "'scaleOnInFlight':'false','queueLength'"), 'has pods that are scaled by scaleOnInFlight'],
  ['an argument of the autoscaler', 'eks-ec2', say('skip-nodes-with-system-pods', 'scale-down-enabled'), 'has scale-down-enabled'],
  ['a policy without steps', 'ec2', put(EC2_POLICY, 'StepAdjustments', undefined), 'has WorkersScaleOutUpperPolicy62D05970 without steps'],
  ['a policy in percent', 'ec2', put(EC2_POLICY, 'AdjustmentType', 'PercentChangeInCapacity'), 'by PercentChangeInCapacity'],
  ['a metric', 'ec2', watching((alarm) => alarm.MetricName && Object.assign(alarm, { MetricName: 'ApproximateAgeOfOldestMessage' })),
    'by the Maximum of ApproximateAgeOfOldestMessage'],
  ['a statistic', 'ecs-ec2', watching((alarm) => alarm.Statistic && Object.assign(alarm, { Statistic: 'Average' })),
    'by the Average of ApproximateNumberOfMessagesVisible'],
  ['another queue', 'ec2', watching((alarm) => alarm.Dimensions && Object.assign(alarm, { Dimensions: [{ Value: { 'Fn::GetAtt': ['Elsewhere', 'QueueName'] } }] })),
    'by the Maximum of ApproximateNumberOfMessagesVisible: the model does not know any but'],
  ['a comparison', 'ec2', watching((alarm) => Object.assign(alarm, { ComparisonOperator: 'GreaterThanThreshold' })), ', GreaterThanThreshold'],
  ['two alarms that scale out', 'ec2', watching((alarm) => Object.assign(alarm, { ComparisonOperator: 'GreaterThanOrEqualToThreshold' })),
    'has 2 alarms that scale out'],
  ['a sum of other periods', 'ec2', put(ALARM, 'Metrics.1.MetricStat.Period', 300), ', which adds up periods of 300 and 60 s'],
  ['a quick alarm, which costs more', 'lambda', put(ALARM, 'Period', 10), 'has an alarm with a Period of 10'],
  ...['visible / held', 'visible + 2', 'visible + elsewhere', 'visible + FILL(held, 1)', 'IF(held, visible, received)'].map((expression) =>
    [`the expression ${expression}`, 'ecs-fargate', summing(expression), `by ${expression}`] as const),
  ['a schedule that starts something', 'ec2', put(SCHEDULE, 'Target.Arn', 'arn:aws:scheduler:::aws-sdk:ecs:updateService'),
    'has a schedule that calls aws-sdk:ecs:updateService'],
  ['a schedule that is off', 'ec2', put(SCHEDULE, 'State', 'DISABLED'), 'has a schedule with {"State":"DISABLED"'],
  ['a type that may scale', 'ec2', add('AWS::AutoScaling::WarmPool'), 'has AWS::AutoScaling::WarmPool'],
  ['an event source', 'lambda', add('AWS::Lambda::EventSourceMapping'), 'has AWS::Lambda::EventSourceMapping'],
  ['a second node group', 'eks-ec2', add(NODES), 'and Another, of type AWS::EKS::Nodegroup'],
  ['a text for a number', 'ec2', put(GROUP, 'MaxSize', 'many'), 'has no number MaxSize: found "many"'],
];

test.each(UNKNOWN)('what the model does not know ends with one line that names it: %s', (_, way, change, said) => {
  const read = () => after(way, change);
  expect(read).toThrow(said);
  expect(read).toThrow(/^the template of .*$/);
});

test('what one image makes the job do is found by running it', async () => {
  // A read, and a write for each of the three default widths; a line that carries its metrics under one dimension.
  const job = await readJob();
  expect(job).toMatchObject({ s3Gets: 1, s3Puts: 3, s3Waits: 2 });
  expect(job.customMetrics).toBeGreaterThan(3);
  expect(job.logBytes).toBeGreaterThan(300);
});
