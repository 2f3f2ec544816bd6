import { FOUR_WAYS, type FourWay } from '../../../../lib/ways';
import { tables } from '../../../../tools/compare/data/tables';
import { cost, costCurves } from '../../../../tools/compare/model/cost';
import { readFacts } from '../../../../tools/compare/model/facts';
import { readJob } from '../../../../tools/compare/model/job';
import { readOwned } from '../../../../tools/compare/model/owned';
import { simulate } from '../../../../tools/compare/model/scale';
import type { Resource, Template } from '../../../../tools/templates';
import { templates } from '../../../support/templates';
import { inputs } from './fixtures';

let all: Record<FourWay, Template>;
beforeAll(() => {
  all = templates();
});

/** The facts of copies of the templates, in one of which the resources of a type were changed. */
function changed(way: FourWay, type: string, change: (properties: Resource['Properties']) => void) {
  const copy = structuredClone(all);
  for (const { Type, Properties } of Object.values(copy[way].Resources)) if (Type === type) change(Properties);
  return readFacts(copy);
}

/** The same, in which a text within a template was replaced. */
function replaced(way: FourWay, text: string, by: string) {
  const json = JSON.stringify(all[way]);
  expect(json.includes(text)).toBe(true);
  return readFacts({ ...all, [way]: JSON.parse(json.replaceAll(text, by)) });
}

describe('facts', () => {
  test('are read from all four templates', () => {
    const facts = readFacts(all);
    expect(Object.keys(facts).sort()).toEqual([...FOUR_WAYS].sort());
    // The ways are held equal in `lib/config.ts`: one unit is the same box everywhere.
    for (const way of FOUR_WAYS)
      expect(facts[way].unit).toMatchObject({ vcpus: 1, memoryMib: 2048, architecture: 'arm64', slots: 1 });
    expect(facts['eks-ec2'].hosts?.unitsPerHost).toBe(1);
    expect(facts['eks-ec2'].controlPlane).toMatchObject({ supportType: 'STANDARD' });
    expect(facts.ec2.scaling).toMatchObject({ kind: 'steps' });
    expect(facts.lambda.waits).toEqual({ seconds: 21_600, afterwards: 'failure queue' });
  });

  test.each<[string, () => unknown, unknown]>([
    [
      'memory of the function',
      () =>
        changed(
          'lambda',
          'AWS::Lambda::Function',
          (p) => (p.MemorySize = p.Environment?.Variables?.COMPUTE ? 4096 : p.MemorySize),
        ).lambda.unit.memoryMib,
      4096,
    ],
    [
      'size of the task',
      () =>
        changed('ecs-fargate', 'AWS::ECS::TaskDefinition', (p) => Object.assign(p, { Cpu: '2048', Memory: '4096' }))[
          'ecs-fargate'
        ].unit,
      expect.objectContaining({ vcpus: 2, memoryMib: 4096, slots: 2 }),
    ],
    [
      'instance type',
      () =>
        changed('ec2', 'AWS::EC2::LaunchTemplate', (p) => (p.LaunchTemplateData.InstanceType = 'c7g.xlarge')).ec2.unit,
      expect.objectContaining({ vcpus: 4, memoryMib: 8192, slots: 3 }),
    ],
    [
      'a scaling step',
      () =>
        changed('ec2', 'AWS::AutoScaling::ScalingPolicy', (p) => (p.StepAdjustments.at(-1).ScalingAdjustment *= 2)).ec2
          .scaling,
      expect.objectContaining({
        rules: expect.arrayContaining([
          expect.objectContaining({ steps: [expect.anything(), { fromMetric: 100, toMetric: null, change: 6 }] }),
        ]),
      }),
    ],
    [
      'a threshold',
      () => changed('ecs-fargate', 'AWS::CloudWatch::Alarm', (p) => (p.Threshold += 10))['ecs-fargate'].scaling,
      expect.objectContaining({
        rules: expect.arrayContaining([expect.objectContaining({ direction: 'out', threshold: 11 })]),
      }),
    ],
    [
      'an evaluation period',
      () => changed('ec2', 'AWS::CloudWatch::Alarm', (p) => (p.EvaluationPeriods += 2)).ec2.scaling,
      expect.objectContaining({
        rules: expect.arrayContaining([expect.objectContaining({ direction: 'in', evaluationPeriods: 7 })]),
      }),
    ],
    [
      'the cooldown',
      () =>
        changed(
          'ecs-fargate',
          'AWS::ApplicationAutoScaling::ScalingPolicy',
          (p) => (p.StepScalingPolicyConfiguration.Cooldown = 77),
        )['ecs-fargate'].scaling,
      expect.objectContaining({ rules: expect.arrayContaining([expect.objectContaining({ cooldownSeconds: 77 })]) }),
    ],
    [
      'the largest group',
      () => changed('ec2', 'AWS::AutoScaling::AutoScalingGroup', (p) => (p.MaxSize = '40')).ec2.capacity,
      { min: 0, max: 40 },
    ],
    [
      'nodes',
      () => changed('eks-ec2', 'AWS::EKS::Nodegroup', (p) => (p.ScalingConfig.MinSize = 3))['eks-ec2'].hosts?.min,
      3,
    ],
    [
      'poll interval of KEDA',
      () => replaced('eks-ec2', '\\"pollingInterval\\":15', '\\"pollingInterval\\":45')['eks-ec2'].scaling,
      expect.objectContaining({ pollingSeconds: 45 }),
    ],
    [
      'messages for a pod',
      () => replaced('eks-ec2', '\\"queueLength\\":\\"25\\"', '\\"queueLength\\":\\"5\\"')['eks-ec2'].scaling,
      expect.objectContaining({ messagesPerUnit: 5 }),
    ],
    [
      'patience of the Cluster Autoscaler',
      () =>
        replaced('eks-ec2', 'scale-down-unneeded-time\\":\\"5m', 'scale-down-unneeded-time\\":\\"20m')['eks-ec2']
          .scaling,
      expect.objectContaining({ nodes: expect.objectContaining({ unneededSeconds: 1200 }) }),
    ],
    [
      'retention of the logs',
      () => changed('lambda', 'AWS::Logs::LogGroup', (p) => (p.RetentionInDays = 30)).lambda.logRetentionDays,
      30,
    ],
    [
      'retention of the queue',
      () => changed('ec2', 'AWS::SQS::Queue', (p) => (p.MessageRetentionPeriod = 60)).ec2.waits.seconds,
      60,
    ],
    [
      'public addresses',
      () =>
        changed(
          'ecs-fargate',
          'AWS::ECS::Service',
          (p) => (p.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp = 'DISABLED'),
        )['ecs-fargate'].taskPublicIpv4,
      false,
    ],
    [
      'a period',
      () => changed('ec2', 'AWS::CloudWatch::Alarm', (p) => (p.Period &&= 300)).ec2.scaling,
      expect.objectContaining({
        rules: [expect.objectContaining({ periodSeconds: 300 }), expect.objectContaining({ periodSeconds: 60 })],
      }),
    ],
    [
      'data points of an alarm',
      () => changed('ec2', 'AWS::CloudWatch::Alarm', (p) => (p.DatapointsToAlarm = 3)).ec2.scaling,
      expect.objectContaining({
        rules: expect.arrayContaining([expect.objectContaining({ evaluationPeriods: 5, datapointsToAlarm: 3 })]),
      }),
    ],
    [
      'no cooldown: that of the service',
      () =>
        changed(
          'ecs-fargate',
          'AWS::ApplicationAutoScaling::ScalingPolicy',
          (p) => delete p.StepScalingPolicyConfiguration.Cooldown,
        )['ecs-fargate'].scaling,
      expect.objectContaining({ rules: [1, 2].map(() => expect.objectContaining({ cooldownSeconds: 300 })) }),
    ],
    [
      'no warm-up: that of the group',
      () => {
        const copy = structuredClone(all);
        for (const { Type, Properties } of Object.values(copy.ec2.Resources)) {
          if (Type === 'AWS::AutoScaling::ScalingPolicy') delete Properties.EstimatedInstanceWarmup;
          if (Type === 'AWS::AutoScaling::AutoScalingGroup') Properties.DefaultInstanceWarmup = 240;
        }
        return readFacts(copy).ec2.scaling;
      },
      expect.objectContaining({ rules: expect.arrayContaining([expect.objectContaining({ warmupSeconds: 240 })]) }),
    ],
    [
      'reserved concurrency',
      () =>
        changed('lambda', 'AWS::Lambda::Function', (p) => {
          if (p.Environment?.Variables?.COMPUTE) p.ReservedConcurrentExecutions = 50;
        }).lambda.scaling,
      expect.objectContaining({ reserved: 50 }),
    ],
    [
      'pods, as far as there are nodes',
      () => replaced('eks-ec2', '\\"maxReplicaCount\\":4', '\\"maxReplicaCount\\":10')['eks-ec2'].capacity,
      { min: 0, max: 4 },
    ],
    [
      'fewer pods',
      () => replaced('eks-ec2', '\\"maxReplicaCount\\":4', '\\"maxReplicaCount\\":2')['eks-ec2'].capacity,
      { min: 0, max: 2 },
    ],
    [
      'where events go that nobody could take',
      () => changed('lambda', 'AWS::Lambda::EventInvokeConfig', (p) => delete p.DestinationConfig).lambda.waits,
      { seconds: 21_600, afterwards: 'lost' },
    ],
    [
      'addresses, where only the subnets say so',
      () => changed('ec2', 'AWS::EC2::LaunchTemplate', (p) => delete p.LaunchTemplateData.NetworkInterfaces).ec2.hosts,
      expect.objectContaining({ publicIpv4: true }),
    ],
    ['Spot', () => changed('eks-ec2', 'AWS::EKS::Nodegroup', (p) => (p.CapacityType = 'SPOT'))['eks-ec2'].spot, true],
  ])('follow the template: %s', (_, read, expected) => {
    expect(read()).toEqual(expected);
  });

  test('a NAT gateway more is counted', () => {
    const copy = structuredClone(all);
    (copy.ec2.Resources as Record<string, Resource>).Nat = { Type: 'AWS::EC2::NatGateway', Properties: {} };
    const found = cost(readFacts(copy).ec2, tables, { ...inputs, imagesPerMonth: 0 });
    // 730 h x $0.045, in us-east-1
    expect(found.items.find(({ id }) => id === 'nat')?.usdPerMonth.low).toBeCloseTo(32.85, 6);
  });

  test('say in one line what is missing', () => {
    const without = (way: FourWay, type: string) => {
      const copy = structuredClone(all);
      for (const [id, { Type }] of Object.entries(copy[way].Resources)) {
        if (Type === type) delete (copy[way].Resources as Record<string, Resource>)[id];
      }
      return () => readFacts(copy);
    };
    expect(without('ec2', 'AWS::AutoScaling::AutoScalingGroup')).toThrow(
      'the template of ec2 has no AWS::AutoScaling::AutoScalingGroup that the model can read',
    );
    expect(without('ec2', 'AWS::CloudWatch::Alarm')).toThrow(
      /^the template of ec2 has a scaling policy without an alarm: \w+$/,
    );
    expect(without('eks-ec2', 'Custom::AWSCDK-EKS-KubernetesResource')).toThrow(
      /^the template of eks-ec2 applies no Kubernetes object of kind \w+$/,
    );
    expect(() =>
      changed('ec2', 'AWS::EC2::LaunchTemplate', (p) => (p.LaunchTemplateData.InstanceType = 'x1.huge')),
    ).toThrow('the template of ec2 uses x1.huge: add it to tools/compare/data/instance-types.json');
    expect(() => changed('ec2', 'AWS::AutoScaling::AutoScalingGroup', (p) => (p.MaxSize = 'many'))).toThrow(
      'the template of ec2 has no number MaxSize: found "many"',
    );
  });
});

test('scaling that the model does not know is named, and not taken for another', () => {
  const alarm = (change: (properties: Resource['Properties']) => void) => () =>
    changed('ec2', 'AWS::CloudWatch::Alarm', (p) => {
      if (p.AlarmActions && p.MetricName) change(p);
    });
  expect(alarm((p) => (p.Statistic = 'Average'))).toThrow(
    /^the template of ec2 scales by \w+, statistic Average: the model knows Maximum$/,
  );
  expect(alarm((p) => (p.MetricName = 'ApproximateAgeOfOldestMessage'))).toThrow(
    /metric ApproximateAgeOfOldestMessage/,
  );
  expect(alarm((p) => (p.ComparisonOperator = 'GreaterThanThreshold'))).toThrow(/comparison GreaterThanThreshold/);
  expect(() =>
    replaced('eks-ec2', '\\"queueLength\\":', '\\"scaleOnInFlight\\":\\"false\\",\\"queueLength\\":'),
  ).toThrow('the template of eks-ec2 scales pods by scaleOnInFlight, which the model does not know');
});

/** With one resource more. */
function added(way: FourWay, Type: string, Properties: Resource['Properties'] = {}) {
  const copy = structuredClone(all);
  (copy[way].Resources as Record<string, Resource>).Another = { Type, Properties };
  return readFacts(copy);
}

test('a resource that is not known to be free is said to be billed, and not counted', () => {
  const { resources, withoutLine } = added('ec2', 'AWS::KMS::Key').ec2;
  expect(resources['AWS::KMS::Key']).toBe(1);
  expect(withoutLine).toEqual(['AWS::KMS::Key']);
  expect(readFacts(all).ec2.withoutLine).toEqual([]);
});

/** With a schedule that accesses the job queue, changed in part. */
function scheduled(changed: Resource['Properties'] = {}) {
  const Properties = {
    ScheduleExpression: 'rate(5 hours)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: { Arn: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':scheduler:::aws-sdk:sqs:tagQueue']] } },
    ...changed,
  };
  const others = Object.entries(all.ec2.Resources).filter(([, { Type }]) => Type !== 'AWS::Scheduler::Schedule');
  const Resources = { ...Object.fromEntries(others), Touch: { Type: 'AWS::Scheduler::Schedule', Properties } };
  return readFacts({ ...all, ec2: { Resources } });
}

test('a schedule that accesses the queue keeps its metrics awake', () => {
  expect(scheduled().ec2.queueAccessSeconds).toBe(5 * 3600);
  const arrivals = { kind: 'burst', images: 1, overSeconds: 0 } as const;
  const first = (facts: ReturnType<typeof readFacts>, afterIdle: boolean) =>
    simulate(facts.ec2, tables, { ...inputs, arrivals, afterIdle }, 'high').firstResultSeconds;
  expect(first(scheduled(), true)).toBe(first(scheduled(), false));
  // Too seldom: SQS falls asleep after six hours.
  const seldom = scheduled({ ScheduleExpression: 'rate(6 hours)' });
  expect(first(seldom, true)).toBe((first(seldom, false) ?? 0) + 840);
});

test.each([
  ['visible + notVisible', ['visible', 'notVisible']],
  ['visible + FILL(notVisible, 0) + FILL( received,0 )', ['visible', 'notVisible', 'received']],
  ['IF(visible, visible, FILL(notVisible, 0) + received)', ['visible', 'notVisible', 'received']],
  ['outstanding+received', ['visible', 'notVisible', 'received']],
])('an alarm watches the sum that its expression is: %s', (expression, metrics) => {
  const { scaling } = watches((alarm) => {
    if (!alarm.Metrics) return;
    const [queue] = alarm.Metrics.flatMap(({ MetricStat }: Resource['Properties']) => MetricStat?.Metric ?? []);
    const stat = (Id: string, MetricName: string, Stat: string) => ({
      Id,
      MetricStat: { Metric: { ...queue, MetricName }, Period: 60, Stat },
      ReturnData: false,
    });
    alarm.Metrics = [
      { Id: 'sum', Expression: expression, ReturnData: true },
      { Id: 'outstanding', Expression: 'visible + notVisible', ReturnData: false },
      stat('visible', 'ApproximateNumberOfMessagesVisible', 'Maximum'),
      stat('notVisible', 'ApproximateNumberOfMessagesNotVisible', 'Maximum'),
      stat('received', 'NumberOfMessagesReceived', 'Sum'),
    ];
  }).ec2;
  expect(scaling).toMatchObject({ rules: [{ metrics: ['visible'] }, { direction: 'in', metrics }] });
});

/** A change of one of the alarms that scale EC2 in or out. */
const watches = (change: (properties: Resource['Properties']) => void) =>
  changed('ec2', 'AWS::CloudWatch::Alarm', (p) => {
    if (p.AlarmActions) change(p);
  });

const watchesSum = (Expression: string) =>
  watches(({ Metrics = [] }) =>
    Object.assign(Metrics.find(({ ReturnData }: Resource['Properties']) => ReturnData !== false) ?? {}, { Expression }),
  );

/** A change of the first metric of a sum. */
const watchesMetric = (changed: Resource['Properties']) =>
  watches(({ Metrics = [] }) => {
    const [first] = Metrics.flatMap(({ MetricStat }: Resource['Properties']) => MetricStat ?? []);
    if (first) Object.assign(first, changed);
  });

test.each<[string, () => unknown, RegExp]>([
  [
    'a resource of a type that may scale',
    () => added('ec2', 'AWS::AutoScaling::WarmPool'),
    /^the template of ec2 has AWS::AutoScaling::WarmPool: the model does not know whether it starts or stops anything$/,
  ],
  [
    'an event source of the function',
    () => added('lambda', 'AWS::Lambda::EventSourceMapping'),
    /has AWS::Lambda::EventSourceMapping/,
  ],
  [
    'a second node group',
    () => added('eks-ec2', 'AWS::EKS::Nodegroup'),
    /and Another, of type AWS::EKS::Nodegroup: the model does not know more than one$/,
  ],
  [
    'a policy without steps',
    () => changed('ec2', 'AWS::AutoScaling::ScalingPolicy', (p) => delete p.StepAdjustments),
    /any scaling policy but one of steps$/,
  ],
  [
    'an alarm on another queue',
    () =>
      watches((p) => {
        if (p.Dimensions) p.Dimensions = [{ Name: 'QueueName', Value: { 'Fn::GetAtt': ['Elsewhere', 'QueueName'] } }];
      }),
    /^the template of ec2 scales by \w+, queue Elsewhere: the model knows JobsQueue\w+$/,
  ],
  [
    'another expression',
    () => watchesSum('visible / notVisible'),
    /expression visible \/ notVisible: the model knows sums of metrics, each by its id or as FILL\(id, 0\), and IF\(id, id, such a sum\)$/,
  ],
  ...['visible + 2', 'visible + FILL(notVisible, 1)', 'visible + elsewhere', 'MAX([visible, notVisible])'].map(
    (expression): [string, () => unknown, RegExp] => [
      `the expression ${expression}`,
      () => watchesSum(expression),
      /^the template of ec2 scales by \w+, expression .*: the model knows sums of metrics/,
    ],
  ),
  [
    'a sum of what is measured over different times',
    () => watchesMetric({ Period: 300 }),
    /^the template of ec2 has \w+, which adds up periods of 300 and 60 s: the model does not know what that is$/,
  ],
  [
    'an average in a sum',
    () => watchesMetric({ Stat: 'Average' }),
    /^the template of ec2 scales by \w+, statistic Average: the model knows Maximum$/,
  ],
  [
    'a schedule that may start something',
    () => scheduled({ Target: { Arn: 'arn:aws:scheduler:::aws-sdk:ecs:updateService' } }),
    /has Touch, which calls aws-sdk:ecs:updateService: the model does not know what that starts or stops$/,
  ],
  [
    'a schedule that is off',
    () => scheduled({ State: 'DISABLED' }),
    /has Touch with \{"State":"DISABLED",.*\}: the model does not know when that is$/,
  ],
  [
    'two alarms that scale out',
    () =>
      watches((p) => {
        delete p.Metrics;
        const one = Object.values(all.ec2.Resources).find(({ Properties }) => Properties?.Statistic)?.Properties;
        const queue = Object.keys(all.ec2.Resources).find((id) => id.startsWith('JobsQueue') && !id.includes('Policy'));
        const Dimensions = [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }];
        Object.assign(p, { ...one, Dimensions, AlarmActions: p.AlarmActions });
      }),
    /^the template of ec2 has 2 alarms that scale out: the model knows one$/,
  ],
  [
    'an alarm of ten seconds, which costs more',
    () => changed('lambda', 'AWS::CloudWatch::Alarm', (p) => (p.Period = 10)),
    /has an alarm with a Period of 10: the model does not know periods below a minute$/,
  ],
  [
    'a mixed group',
    () => changed('ec2', 'AWS::AutoScaling::AutoScalingGroup', (p) => (p.MixedInstancesPolicy = {})),
    /has MixedInstancesPolicy/,
  ],
  [
    'a hook when an instance starts',
    () =>
      changed(
        'ec2',
        'AWS::AutoScaling::AutoScalingGroup',
        (p) => (p.LifecycleHookSpecificationList[0].LifecycleTransition = 'autoscaling:EC2_INSTANCE_LAUNCHING'),
      ),
    /has a lifecycle hook at autoscaling:EC2_INSTANCE_LAUNCHING/,
  ],
  [
    'a faster disk',
    () =>
      changed(
        'ec2',
        'AWS::EC2::LaunchTemplate',
        (p) => (p.LaunchTemplateData.BlockDeviceMappings[0].Ebs.Throughput = 500),
      ),
    /has Throughput: the model does not know what it changes$/,
  ],
  [
    'more room in /tmp',
    () =>
      changed('lambda', 'AWS::Lambda::Function', (p) => {
        if (p.Environment?.Variables?.COMPUTE) p.EphemeralStorage = { Size: 4096 };
      }),
    /has EphemeralStorage/,
  ],
  [
    'more room for a task',
    () => changed('ecs-fargate', 'AWS::ECS::TaskDefinition', (p) => (p.EphemeralStorage = { SizeInGiB: 100 })),
    /has EphemeralStorage/,
  ],
  [
    'a mix of Spot and On-Demand',
    () =>
      changed(
        'ecs-fargate',
        'AWS::ECS::Service',
        (p) =>
          (p.CapacityProviderStrategy = ['FARGATE', 'FARGATE_SPOT'].map((CapacityProvider) => ({ CapacityProvider }))),
      ),
    /has tasks on FARGATE and FARGATE_SPOT: the model does not know more than one capacity provider$/,
  ],
  [
    'another setting of the Cluster Autoscaler',
    () => replaced('eks-ec2', 'skip-nodes-with-system-pods', 'scale-down-enabled'),
    /has scale-down-enabled: the model does not know what it changes$/,
  ],
])('a change that the model cannot follow is an error: %s', (_, read, message) => {
  expect(read).toThrow(message);
});

describe('cost and scale follow a changed template, without another edit', () => {
  test('twice the memory of the function: twice the GB-seconds, and another curve', () => {
    const before = readFacts(all);
    const after = changed('lambda', 'AWS::Lambda::Function', (p) => {
      if (p.Environment?.Variables?.COMPUTE) p.MemorySize = 4096;
    });
    const duration = (facts: typeof before) =>
      cost(facts.lambda, tables, { ...inputs, imagesPerMonth: 1e6 }).items.find(({ id }) => id === 'function.duration')
        ?.quantity;
    // High end: one core does the work, so the time is the same and the memory doubles.
    expect(duration(after)?.high).toBeCloseTo(2 * (duration(before)?.high ?? 0), 6);
    const at = (facts: typeof before) => costCurves(facts, tables, inputs, [1e7]).lambda[0]?.usdPerMonth.high ?? 0;
    expect(at(after)).toBeGreaterThan(at(before));
  });

  test('another scaling step: another simulation', () => {
    const arrivals = { kind: 'burst', images: 1000, overSeconds: 0 } as const;
    const starts = (facts: ReturnType<typeof readFacts>) =>
      simulate(facts.ec2, tables, { ...inputs, arrivals }, 'low').starts;
    const slower = changed('ec2', 'AWS::AutoScaling::ScalingPolicy', (p) => {
      for (const step of p.StepAdjustments) if (step.ScalingAdjustment > 0) step.ScalingAdjustment = 1;
    });
    expect(starts(readFacts(all))).toBeGreaterThan(starts(slower));
  });
});

test('what one image makes the job do is found by running it', async () => {
  // A read, and a write for each of the three default widths; a line that carries its metrics under one dimension.
  const job = await readJob();
  expect(job).toMatchObject({ s3Gets: 1, s3Puts: 3, s3Waits: 2 });
  expect(job.customMetrics).toBeGreaterThan(3);
  expect(job.logBytes).toBeGreaterThan(300);
});

describe('what you own', () => {
  const today = new Date('2026-11-23');

  test('has a row for every concern of every way, and sources for its dates', () => {
    const rows = readOwned(readFacts(all), all, today);
    expect(rows).toHaveLength(4 * 8);
    for (const row of rows) {
      if (row.supportedUntil) {
        expect(row.supportedUntil).toMatch(/^\d{4}-\d{2}-\d{2}$/);
        expect(row.source).toEqual({
          source: expect.stringMatching(/^https:/),
          date: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/),
        });
      }
      if (row.what !== null) expect(row.restsOn.length).toBeGreaterThan(0);
    }
    const of = (way: FourWay, concern: string) => rows.find((row) => row.way === way && row.concern === concern);
    expect(of('lambda', 'container base')).toMatchObject({ what: null, who: 'nobody' });
    expect(of('ec2', 'operating system')).toMatchObject({
      what: 'Amazon Linux 2023',
      who: 'you',
      supportedUntil: '2029-06-30',
    });
    expect(of('ecs-fargate', 'container base')?.what).toMatch(/node:24/);
    expect(of('eks-ec2', 'cluster version')).toMatchObject({ what: 'Kubernetes 1.35', supportedUntil: '2027-03-27' });
    expect(of('eks-ec2', 'add-ons')?.what).toContain('keda (2.20.2)');
  });

  test('follows the template', () => {
    const copy = structuredClone(all);
    for (const { Type, Properties } of Object.values(copy['eks-ec2'].Resources))
      if (Type === 'AWS::EKS::Cluster') Properties.Version = '1.34';
    const [row] = readOwned(readFacts(copy), copy, today).filter(
      ({ concern, way }) => concern === 'cluster version' && way === 'eks-ec2',
    );
    expect(row).toMatchObject({ what: 'Kubernetes 1.34', supportedUntil: '2026-12-02' });
  });
});
