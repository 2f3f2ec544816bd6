import { type Choice, choose, WORTH } from '../../../../tools/compare/model/choose';
import { type Needs, ordinary } from '../../../../tools/compare/model/needs';
import { COMPUTES } from '../../../../workload/contract';
import { model } from './fixtures';

/**
 * Forty situations, and what should be said of each: written down before the chooser was. The way, or `null` and what to
 * look at instead; and why, in the words of somebody who knows.
 */
type Situation = readonly [what: string, needs: Partial<Needs>, answer: string, why: string];

const nobody = { people: 'nobody' } as const;
const team = { people: 'platform team' } as const;
const kubernetes = { kubernetes: 'has to be' } as const;

const SITUATIONS: readonly Situation[] = [
  [
    'thumbnails of a small shop',
    { ...nobody, imagesPerMonth: 1e4, imagesPerBurst: 10 },
    'lambda',
    'cents a month, and nothing to look after',
  ],
  ['a picture now and then', { ...nobody, imagesPerMonth: 1000 }, 'lambda', 'nothing runs while nothing happens'],
  ['a platform team, and little work', { ...team, imagesPerMonth: 1000 }, 'lambda', 'a team has better things to do'],
  [
    'a magazine, in batches',
    { ...nobody, imagesPerMonth: 1e6, imagesPerBurst: 1000 },
    'lambda',
    'what containers would save is less than the work they make',
  ],
  ['a million a month, one by one', { imagesPerMonth: 1e6 }, 'lambda', 'a machine that waits for them costs as much'],
  [
    'ten million a month, in batches',
    { ...nobody, imagesPerMonth: 1e7, imagesPerBurst: 1e4 },
    'ecs-fargate',
    'invocations cost more than a hundred dollars more',
  ],
  [
    'a hundred million a month, in batches',
    { ...nobody, imagesPerMonth: 1e8, imagesPerBurst: 1e4 },
    'ecs-fargate',
    'a fraction of the price of invocations',
  ],
  [
    'the same, and somebody is there',
    { imagesPerMonth: 1e8, imagesPerBurst: 1e4 },
    'ecs-fargate',
    'an instance saves little over a task of its size',
  ],
  [
    'two hundred images a second',
    { imagesPerMonth: 525e6 },
    'ecs-fargate',
    'and the ceiling of the stack has to be raised',
  ],
  [
    'a billion a month, with a team',
    { ...team, imagesPerMonth: 1e9, imagesPerBurst: 1e4 },
    'ec2',
    'the cheapest hour, and a team to look after it',
  ],
  [
    'jobs of minutes, some of them',
    { ...nobody, lasts: 'minutes', imagesPerMonth: 1000 },
    'lambda',
    'they fit into an invocation',
  ],
  [
    'jobs of minutes, many of them',
    { ...nobody, lasts: 'minutes', imagesPerMonth: 1e5 },
    'ecs-fargate',
    'minutes of an invocation cost twice those of a task',
  ],
  [
    'jobs that come near fifteen minutes',
    { ...nobody, lasts: 'near 15 minutes', imagesPerMonth: 1000 },
    'ecs-fargate',
    'an invocation that comes near its limit fails on its slow day',
  ],
  ['jobs of hours', { ...nobody, lasts: 'hours', imagesPerMonth: 1000 }, 'ecs-fargate', 'no invocation takes hours'],
  [
    'jobs of hours, on Kubernetes',
    { ...kubernetes, lasts: 'hours', imagesPerMonth: 1000 },
    'eks-fargate',
    'Kubernetes, and no machines for one person to look after',
  ],
  [
    'jobs of a day',
    { lasts: 'over 12 hours', imagesPerMonth: 100 },
    'AWS Batch',
    'SQS hands a message out again after 12 hours',
  ],
  ['12 GB of memory', { ...nobody, memoryGb: 12 }, 'ecs-fargate', 'a function has 10,240 MB at most'],
  ['12 GB of memory, on Kubernetes', { ...kubernetes, memoryGb: 12 }, 'eks-fargate', 'a pod may have 120 GB'],
  ['200 GB of memory', { memoryGb: 200 }, 'ecs-ec2', 'Fargate ends at 120 GB; instances do not'],
  [
    '200 GB of memory, and nobody',
    { ...nobody, memoryGb: 200 },
    'Amazon ECS Managed Instances',
    'large machines that AWS looks after',
  ],
  ['20 GB of scratch disk', { ...nobody, diskGb: 20 }, 'ecs-fargate', 'a function has 10,240 MB at most'],
  ['500 GB of scratch disk', { diskGb: 500 }, 'ecs-ec2', 'Fargate ends at 200 GiB'],
  ['a model of 10 GB, on CPUs', { ...nobody, memoryGb: 16, diskGb: 12 }, 'ecs-fargate', 'neither fits into a function'],
  [
    'deep learning, and nobody',
    { ...nobody, host: 'gpu', lasts: 'minutes' },
    'AWS Batch',
    'it brings the machine with the GPU and looks after its number',
  ],
  [
    'deep learning, and somebody',
    { host: 'gpu', lasts: 'minutes' },
    'ecs-ec2',
    'instances with a GPU, and an orchestrator that places the work on them',
  ],
  [
    'deep learning on the cluster that is there',
    { ...team, host: 'gpu', kubernetes: 'there already' },
    'eks-ec2',
    'a node group more',
  ],
  ['a kernel module', { host: 'kernel or device' }, 'ec2', 'the kernel is yours'],
  [
    'a kernel module, and nobody',
    { ...nobody, host: 'kernel or device' },
    'null',
    'a kernel of your own needs somebody',
  ],
  ['a Windows program', { ...nobody, host: 'windows' }, 'Windows on Fargate and EC2', 'all six are Linux'],
  ['a person at a desktop', { host: 'desktop' }, 'Amazon WorkSpaces', 'a desktop is not a job'],
  ['a library for x86 only', { ...nobody, x86: true }, 'lambda', 'functions run on either; it is a line of the stack'],
  ['a library for x86 only, on Kubernetes', { ...kubernetes, x86: true }, 'eks-fargate', 'Fargate for EKS is x86'],
  [
    'no way to the internet',
    { ...nobody, internet: false },
    'lambda',
    'a function in a VPC needs the endpoint of S3 only',
  ],
  [
    'no way to the internet, jobs of hours',
    { ...nobody, internet: false, lasts: 'hours', imagesPerMonth: 1000 },
    'ecs-fargate',
    'with endpoints for what a task asks',
  ],
  [
    'somebody waits for the answer',
    { ...nobody, answer: 'at once' },
    'Lambda function URL or API Gateway with response streaming',
    'an upload that triggers a job does not answer',
  ],
  [
    'somebody waits for the answer for minutes',
    { answer: 'at once', lasts: 'minutes' },
    'Amazon ECS Express Mode',
    'a service that is there and has an address',
  ],
  [
    'Kubernetes has to be, and nobody',
    { ...nobody, ...kubernetes },
    'Amazon EKS Auto Mode',
    'a cluster needs somebody; the less of it is yours, the better',
  ],
  [
    'Kubernetes is there, with its team',
    { ...team, kubernetes: 'there already', imagesPerMonth: 1e6 },
    'eks-ec2',
    'one deployment more, for people who know it',
  ],
  [
    'Kubernetes is there, and one person',
    { kubernetes: 'there already', imagesPerMonth: 1000 },
    'lambda',
    'a trigger and a function are less than a deployment',
  ],
  [
    'a burst, in a new account',
    { ...nobody, imagesPerMonth: 1e5, imagesPerBurst: 1e4, account: 'new' },
    'lambda',
    'ten at a time take minutes, which is soon enough; the quota can be raised',
  ],
];

const chosen = (needs: Partial<Needs>): Choice => choose(model, { ...ordinary, ...needs });

test('there are forty situations', () => {
  expect(SITUATIONS).toHaveLength(40);
});

test.each(SITUATIONS)('%s', (_, needs, answer) => {
  const { way, instead } = chosen(needs);
  expect(way ?? instead.service?.name ?? 'null').toBe(answer);
});

/** Answers at random, from a seed: the same in every run. */
function* answers(count: number): Generator<Needs> {
  let seed = 20;
  const one = <Value>(...of: readonly Value[]): Value => {
    seed = (seed * 48_271) % 2_147_483_647;
    return of[seed % of.length] as Value;
  };
  for (let i = 0; i < count; i += 1) {
    yield {
      lasts: one('seconds', 'seconds', 'minutes', 'near 15 minutes', 'hours', 'over 12 hours'),
      memoryGb: one(0.5, 2, 4, 12, 200),
      diskGb: one(0, 0.4, 20, 500),
      host: one('nothing special', 'nothing special', 'gpu', 'kernel or device', 'windows', 'desktop'),
      x86: one(true, false),
      internet: one(true, true, false),
      answer: one('later', 'later', 'later', 'at once'),
      people: one('nobody', 'somebody', 'platform team'),
      kubernetes: one('no', 'there already', 'has to be'),
      account: one('new', 'grown'),
      imagesPerMonth: one(1e3, 1e5, 1e6),
      imagesPerBurst: one(1, 1000),
    };
  }
}

describe('whatever is answered', () => {
  const all = [...answers(400)].map((needs) => [needs, choose(model, needs)] as const);

  test('there is a way that nothing rules out, or something else to look at', () => {
    for (const [, { way, against, instead }] of all) {
      if (way) expect(against[way]).toBeUndefined();
      else
        expect({ text: instead.text.length > 0, left: COMPUTES.filter((each) => !against[each]) }).toEqual({
          text: true,
          left: [],
        });
    }
  });

  test('no other way is cheaper, by the model, by more than its care is worth', () => {
    for (const [needs, { way, usd }] of all) {
      const own = way ? usd[way]?.compute : undefined;
      if (own === undefined) continue;
      for (const each of Object.values(usd)) expect(own - each.compute).toBeLessThanOrEqual(WORTH[needs.people] * 7);
    }
  });

  test('nobody gets machines or a cluster, and Kubernetes is not bought for one job', () => {
    for (const [{ people, kubernetes }, { orchestrator, servers }] of all) {
      if (people === 'nobody' && servers) expect({ orchestrator, servers }).not.toMatchObject({ servers: 'yours' });
      if (kubernetes === 'no' || people === 'nobody') expect(orchestrator).not.toBe('EKS');
      if (kubernetes === 'has to be' && orchestrator) expect(orchestrator).toBe('EKS');
    }
  });

  test('every reason says something, and names what it rests on', () => {
    const reasons = all.flatMap(([, { because, against }]) => [...because, ...Object.values(against).flat()]);
    expect(
      reasons.filter(({ text, restsOn }) => !/\.$/.test(text) || !/^(fact|limit|price|owned|figure):/.test(restsOn)),
    ).toEqual([]);
  });
});

test('the ceiling of the template is known: more work than it does is told', () => {
  expect(chosen({ imagesPerMonth: 525e6 }).notes.join()).toMatch(
    /run 4\d tasks at once, not 4: unit\.max in lib\/config\.ts\.,Ask for a quota of 4\d vCPUs or more: an account has 6/,
  );
  expect(chosen({ ...nobody, imagesPerMonth: 1e4 }).notes).toEqual([]);
});

test('the runner-up is named, with what would tip it', () => {
  const { runnerUp, tips } = chosen({ ...nobody, imagesPerMonth: 1e6, imagesPerBurst: 1000 });
  expect(runnerUp).toBe('ecs-fargate');
  expect(tips).toMatch(
    /^about \$[\d.]+ a month (dearer, and more work|cheaper, which does not pay for the extra work: that counts as \$75 a month here)\.$/,
  );
});
