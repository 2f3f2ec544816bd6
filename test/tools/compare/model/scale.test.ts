import { readFileSync } from 'node:fs';
import { FOUR_WAYS } from '../../../../lib/ways';
import type { BenchResults } from '../../../../tools/bench/results';
import { arrivedBy, moments, poisson } from '../../../../tools/compare/model/arrivals';
import { Heap } from '../../../../tools/compare/model/heap';
import { MOST_EVENTS, simulate, simulateWay, work } from '../../../../tools/compare/model/scale';
import { idleSeconds, serviceSeconds, slotSeconds } from '../../../../tools/compare/model/service';
import type {
  Arrivals,
  Facts,
  HostFacts,
  ScaleInputs,
  StepRule,
  Tables,
  Trace,
  WayFacts,
} from '../../../../tools/compare/model/types';
import { Random } from '../../../../tools/faults/random';
import { facts, inputs, tables } from './fixtures';

/** Sizes, rules and delays are the fixture's: one image is one second of work, and every delay is round. */

const burst = (images: number, overSeconds = 0): Arrivals => ({ kind: 'burst', images, overSeconds });
const daily = (imagesPerDay: number, peakToMean = 1.5): Arrivals => ({ kind: 'daily', imagesPerDay, peakToMean });

const given = (arrivals: Arrivals, changed: Partial<ScaleInputs> = {}): ScaleInputs => ({
  ...inputs,
  arrivals,
  ...changed,
});

const run = (
  way: keyof Facts,
  arrivals: Arrivals,
  end: 'low' | 'high' = 'low',
  { mode, ...changed }: Partial<ScaleInputs> & { mode?: 'events' | 'fluid' } = {},
) => simulate(facts[way], tables, given(arrivals, changed), end, mode ? { mode } : {});

/** A way with this many units from the beginning, which never change, and nothing in front of them. */
function fixed(units: number): { way: WayFacts; tables: Tables } {
  const way: WayFacts = {
    ...facts['ecs-fargate'],
    capacity: { min: units, max: units },
  };
  const delays = { ...tables.delays, 's3-event-delivery': { ...tables.delays['s3-event-delivery'], low: 0, high: 0 } };
  return { way, tables: { ...tables, delays } };
}

describe('ten cases computed by hand', () => {
  test('1. Lambda, one image: delivery, cold start, work', () => {
    // low: 1 + 0.1 + 1 s of CPU + 4 x 0.1 s of requests = 2.5 s
    // high: 60 + 1 + 1 + 4 x 0.2 = 62.8 s
    expect(simulateWay(facts.lambda, tables, given(burst(1))).firstResultSeconds).toEqual({
      low: expect.closeTo(2.5, 9),
      high: expect.closeTo(62.8, 9),
    });
  });

  test('2. EC2, one image', () => {
    // low: 1 s delivery, sampled at once, 20 s boot, 1 s of work = 22 s
    // high: 60 s delivery, 60 s until the next sample, known 60 s later, 180 s warm-up allowed for, 1 s = 361 s
    const found = simulateWay(facts.ec2, tables, given(burst(1)));
    expect(found.firstResultSeconds).toEqual({ low: expect.closeTo(22, 9), high: expect.closeTo(361, 9) });
    // The sample of 300 s is known at 360 s, when the first no longer warms up: it still waits there, so a second comes.
    expect([found.low.starts, found.high.starts]).toEqual([1, 2]);
  });

  test('3. Fargate, one image, on a queue that slept for hours', () => {
    // high: 60 s delivery, 900 s until CloudWatch hears of it, known 60 s later, 60 s start, 1 s of work
    expect(run('ecs-fargate', burst(1), 'high', { afterIdle: true }).firstResultSeconds).toBeCloseTo(
      60 + 900 + 60 + 60 + 1,
      9,
    );
    expect(run('ecs-fargate', burst(1), 'high').firstResultSeconds).toBeCloseTo(60 + 60 + 60 + 60 + 1, 9);
  });

  test('4. EKS, one image: the pod finds room on the node that is there', () => {
    // low: 1 + poll at once + 5 + 1 = 7; high: 60 + 15 s until the poll + 60 s pod + 1 = 136
    const found = simulateWay(facts['eks-ec2'], tables, given(burst(1)));
    expect(found.firstResultSeconds).toEqual({ low: expect.closeTo(7, 9), high: expect.closeTo(136, 9) });
    expect(found.low.peakUnits).toBe(1);
  });

  test('5. EC2, 99 images: one instance works them off before the next look', () => {
    // 1 + 20 s, then 99 s of work on one instance: the last result at 120 s. A second one would come at 181 s.
    const found = run('ec2', burst(99));
    expect(found.lastResultSeconds).toBeCloseTo(120, 9);
    expect(found.starts).toBe(1);
  });

  test('6. EC2, 100 images: three at once', () => {
    // 100 images on 3 instances: 34 rounds of one second; 1 + 20 + 34 = 55 s
    const found = run('ec2', burst(100));
    expect(found.lastResultSeconds).toBeCloseTo(55, 9);
    expect(found.starts).toBe(3);
  });

  test('7. Fargate, 1000 images: three, and a fourth when the cooldown of 180 s is over', () => {
    // From 1 + 30 = 31 s three tasks do 3 images a second. The look at 181 s, the cooldown just over, adds one,
    // which works from 211 s on: 3 x 180 = 540 are done then, 460 are left to four: 115 s more, 326 s.
    const found = run('ecs-fargate', burst(1000));
    expect(found.starts).toBe(4);
    expect(found.lastResultSeconds).toBeCloseTo(326, 9);
  });

  test('8. EKS, 100 images: four pods, three of them on nodes that come', () => {
    // 100 / 25 = 4 pods, wished for at 1 s. One on the node that is there, from 6 s; three from 1 + 50 = 51 s on.
    // One pod does 45 by then; four do the other 55 in 14 rounds: 51 + 14 = 65 s.
    const found = run('eks-ec2', burst(100));
    expect(found.peakUnits).toBe(4);
    expect(found.lastResultSeconds).toBeCloseTo(65, 9);
    expect(Math.max(...found.points.map(({ hosts }) => hosts))).toBe(4);
  });

  test('9. Fargate, what a burst of one is billed', () => {
    // Started at 1 s. Nothing is outstanding at the samples of 61, 121, 181, 241 and 301 s: gone at 301 s.
    // (The one at 1 s saw the image; it was done at 32 s.)
    expect(run('ecs-fargate', burst(1)).unitSeconds).toBeCloseTo(300, 9);
    // 300 s x ($0.03 + 2 x $0.003 + $0.005) / 3600 h, 3 messages, 3 receivers that wait for 299 s with polls of 20 s,
    // a read, three writes, 1 KiB of log
    const found = simulateWay(facts['ecs-fargate'], tables, given(burst(1)));
    const task = (300 / 3600) * 0.041;
    const queue = (3 + (299 * 3) / 20) * 4e-7;
    const rest = 4e-7 + 3 * 5e-6 + (1 / 1024 ** 2) * 0.5;
    expect(found.usd?.low).toBeCloseTo(task + queue + rest, 12);
  });

  test('10. Lambda, 3000 images at once: three rounds of a thousand', () => {
    // The account has 1000 environments: 1 + 0.1 cold + 3 x 1.4 s = 5.3 s. Billed: 3000 x 1.4 s and 1000 x 0.1 s.
    const found = run('lambda', burst(3000));
    expect(found.lastResultSeconds).toBeCloseTo(5.3, 9);
    expect(found.unitSeconds).toBeCloseTo(4200 + 100, 6);
    // With 2000, further ones come at 100 a second, about 430 until the end. The first thousand are free together and
    // take the rest in the third round all the same: the last result comes no sooner, those before it do.
    const more = run('lambda', burst(3000), 'low', { accountConcurrency: 2000 });
    expect(more.peakUnits).toBeGreaterThan(1000);
    expect(more.peakUnits).toBeLessThan(1000 + 100 * 4.3);
    expect(more.lastResultSeconds).toBeCloseTo(5.3, 9);
    expect(more.sojournSeconds).toBeLessThan((found.sojournSeconds ?? 0) - 100);
  });
});

describe('rules of the templates, computed by hand', () => {
  const [out, into] = facts['ecs-fargate'].scaling.kind === 'steps' ? facts['ecs-fargate'].scaling.rules : [];
  const stepped = (changedOut: Partial<StepRule>, changedIn: Partial<StepRule>): WayFacts => ({
    ...facts['ecs-fargate'],
    scaling: {
      kind: 'steps',
      rules: [
        { ...(out as StepRule), ...changedOut },
        { ...(into as StepRule), ...changedIn },
      ],
    },
  });
  const pods = (
    changed: Partial<Extract<WayFacts['scaling'], { kind: 'keda' }>>,
    max: number,
    hosts: Partial<HostFacts>,
  ): WayFacts => {
    const way = facts['eks-ec2'];
    if (way.scaling.kind !== 'keda' || !way.hosts) throw new Error('the fixture has changed');
    return {
      ...way,
      capacity: { min: 0, max },
      scaling: { ...way.scaling, ...changed },
      hosts: { ...way.hosts, ...hosts },
    };
  };
  const low = (way: WayFacts, arrivals: Arrivals) => simulate(way, tables, given(arrivals), 'low');

  test('an alarm looks at each of its periods, once a minute', () => {
    // The sample at 1 s sees the image. Two periods of five minutes are empty at the tenth sample after it, at 601 s.
    const slow = stepped({}, { periodSeconds: 300, evaluationPeriods: 2, datapointsToAlarm: 2 });
    expect(low(slow, burst(1)).unitSeconds).toBeCloseTo(600, 9);
    // A long period does not make an alarm slower to see the most of it: 1 + 30 s + 1 s of work.
    expect(low(stepped({ periodSeconds: 300 }, {}), burst(1)).firstResultSeconds).toBeCloseTo(32, 9);
  });

  test('what was received counts in the minute in which it was: thin traffic does not look idle', () => {
    // An image every 70 s takes 1 s. Samples a minute apart, from 1 s on, find one in the queue at 1, 421, 841 s …, and
    // six empty ones between. But something is received in at least one minute of two.
    const scaledIn = (metrics: StepRule['metrics'], every: number) => {
      const way = stepped({}, { metrics });
      const arrivals = { kind: 'moments', seconds: Float64Array.from({ length: 100 }, (_, i) => i * every) } as const;
      // The last one is when all is done.
      return low(way, arrivals).scaleIns - 1;
    };
    expect(scaledIn(['visible', 'notVisible'], 70)).toBeGreaterThan(5);
    expect(scaledIn(['visible', 'notVisible', 'received'], 70)).toBe(0);
    // Five empty minutes: the one in which the last message was received is not empty.
    const idle = (metrics: StepRule['metrics']) => idleSeconds(stepped({}, { metrics }), tables.delays, 'low');
    expect([idle(['visible', 'notVisible']), idle(['visible', 'notVisible', 'received'])]).toEqual([240, 300]);
    // Nothing for more than five minutes: gone every time.
    expect(scaledIn(['visible', 'notVisible', 'received'], 700)).toBe(99);
  });

  test('what a worker holds does not wait: a second one comes for what is more than that', () => {
    // One image is 1 s of work, and a worker holds three. One task works from 31 s on: at the look of 61 s it has done 30
    // images and holds three. A 34th waits.
    const eager = stepped({ cooldownSeconds: 0, steps: [{ fromMetric: 1, toMetric: null, change: 1 }] }, {});
    expect(low(eager, burst(33)).starts).toBe(1);
    expect(low(eager, burst(34)).starts).toBe(2);
  });

  test('two data points of three: one look more', () => {
    // Seen at 1 s and at 61 s; 30 s to start, 1 s of work.
    const careful = stepped({ evaluationPeriods: 3, datapointsToAlarm: 2 }, {});
    expect(low(careful, burst(1)).firstResultSeconds).toBeCloseTo(92, 9);
  });

  test('a cooldown holds tasks back that go one by one', () => {
    // Three tasks from 1 s on; 100 images are done at 31 + 34 = 65 s. The samples from 121 to 361 s are the five empty
    // ones: one task goes then, the others 300 s and 600 s later: 360 + 660 + 960 s.
    const one = stepped({}, { steps: [{ fromMetric: null, toMetric: 0, change: -1 }], cooldownSeconds: 300 });
    expect(low(one, burst(100)).unitSeconds).toBeCloseTo(1980, 9);
  });

  test.each([
    // 27 / 25 = 1.08 and 28 / 25 = 1.12: up to a tenth off the target nothing is done.
    [27, 1],
    [28, 2],
  ])('%i messages, of which a pod has 25: %i pods', (images, expected) => {
    expect(low(facts['eks-ec2'], burst(images)).starts).toBe(expected);
  });

  test('a hundred pods come by four, and then by as many as there are', () => {
    // 1, and at the same look 4 more; every 15 s as many again: 10, 20, 40, 80; then what is missing of 100.
    const trace = low(pods({}, 100, { max: 100 }), burst(1_000_000));
    const at = (seconds: number) => {
      const point = trace.points.findLast((each) => each.seconds <= seconds);
      return (point?.unitsRunning ?? 0) + (point?.unitsStarting ?? 0);
    };
    expect([2, 17, 32, 47, 62, 77, 200].map(at)).toEqual([5, 10, 20, 40, 80, 100, 100]);
  });

  test('two pods share a node: the second one of a new node waits for it as the first does', () => {
    // Two pods from 6 s on the node that is there, two from 51 s on: 90 images by then, 10 more in three rounds.
    const found = low(pods({}, 4, { unitsPerHost: 2, max: 2 }), burst(100));
    expect(found.lastResultSeconds).toBeCloseTo(54, 9);
  });

  test('nodes stay ten minutes after one was added, however soon they are empty', () => {
    // Active at the poll of 61 s, no pods from 361 s on. A minute later the nodes could go; the last was added at 1 s.
    const end = (unneededSeconds: number) =>
      low(pods({ nodes: { unneededSeconds, delayAfterAddSeconds: 600 } }, 4, {}), burst(100)).endSeconds;
    expect(end(60)).toBeCloseTo(601, 9);
    expect(end(300)).toBeCloseTo(661, 9);
  });

  test('reserved concurrency is the ceiling of the function', () => {
    // 300 images in three rounds of a hundred: 1 + 0.1 + 3 x 1.4 s
    const scaling = { kind: 'concurrency', reserved: 100, retries: 2, maxEventAgeSeconds: 21_600 } as const;
    const found = low({ ...facts.lambda, scaling }, burst(300));
    expect([found.peakUnits, found.lastResultSeconds]).toEqual([100, expect.closeTo(5.3, 9)]);
  });

  test('the last of the throttled events may just have missed its turn', () => {
    // High end of 3000 at once: 60 + 1 + 3 x 1.8 = 66.4 s. The last round waited 3.6 s: tried at the latest 4.6 s later.
    const last = (images: number) => simulateWay(facts.lambda, tables, given(burst(images))).lastResultSeconds;
    expect(last(3000)).toEqual({ low: expect.closeTo(5.3, 9), high: expect.closeTo(71, 9) });
    // Nobody waits: 60 + 1 + 1.8 s.
    expect(last(1000)?.high).toBeCloseTo(62.8, 9);
    // 300 rounds: 60 + 1 + 540 s, and never more than five minutes besides.
    expect(last(300_000)?.high).toBeCloseTo(601 + 300, 6);
  });
});

describe('what must hold', () => {
  const cases: [keyof Facts, Arrivals, 'low' | 'high', 'events' | 'fluid'][] = FOUR_WAYS.flatMap((way) =>
    [burst(1), burst(777, 300), burst(5000), daily(4000, 2)].flatMap((arrivals) =>
      (['low', 'high'] as const).flatMap((end) =>
        (['events', 'fluid'] as const).map((mode): [keyof Facts, Arrivals, 'low' | 'high', 'events' | 'fluid'] => [
          way,
          arrivals,
          end,
          mode,
        ]),
      ),
    ),
  );

  const traces = (): Trace[] => cases.map(([way, arrivals, end, mode]) => run(way, arrivals, end, { mode }));

  test('nothing is lost and nothing is made up, at any moment', () => {
    for (const trace of traces()) {
      const off = trace.points.filter(
        ({ arrived, done, waiting, inService, expired }) =>
          Math.abs(arrived - done - waiting - inService - expired) > 1e-6 * Math.max(1, arrived),
      );
      const backwards = trace.points.filter(({ seconds, done }, index) => {
        const before = trace.points[index - 1];
        return before && (seconds < before.seconds || done < before.done - 1e-9);
      });
      const overworked = trace.points.filter(({ inService, unitsRunning }) => inService > unitsRunning + 1e-9);
      expect({ way: trace.way, mode: trace.mode, off, backwards, overworked }).toMatchObject({
        off: [],
        backwards: [],
        overworked: [],
      });
    }
  });

  test('what waits is told from the first second, however many points are left out', () => {
    for (const way of ['ec2', 'ecs-fargate', 'eks-ec2'] as const) {
      for (const mode of ['events', 'fluid'] as const) {
        // More events than points; nobody works in the first five seconds.
        const { points } = run(way, burst(10_000), 'low', { mode });
        expect(points.length).toBeLessThanOrEqual(1001);
        for (const seconds of [1, 2, 5]) {
          const at = points.findLast((each) => each.seconds <= seconds);
          expect([way, mode, seconds, at?.waiting]).toEqual([way, mode, seconds, 10_000]);
        }
      }
    }
  });

  test('without images nothing comes, nothing goes and nothing is billed', () => {
    for (const way of FOUR_WAYS) {
      for (const mode of ['events', 'fluid'] as const) {
        for (const arrivals of [burst(0), burst(0, 60), daily(0)]) {
          expect(run(way, arrivals, 'high', { mode })).toMatchObject({
            firstResultSeconds: null,
            lastResultSeconds: null,
            starts: 0,
            unitSeconds: 0,
            expired: 0,
          });
        }
      }
    }
  });

  test("Little's law: images in the system, over time, are images times their stay", () => {
    for (const way of FOUR_WAYS) {
      // Few enough for every event to be a point, so that the integral is exact.
      const trace = run(way, burst(200, 60), 'low', { mode: 'events' });
      let integral = 0;
      for (const [index, point] of trace.points.entries()) {
        const next = trace.points[index + 1];
        if (next) integral += (point.waiting + point.inService) * (next.seconds - point.seconds);
      }
      const stay = trace.sojournSeconds ?? Number.NaN;
      expect(Math.abs(integral - stay) / stay).toBeLessThan(1e-9);
    }
  });

  test('work done is images times the time of one', () => {
    for (const way of FOUR_WAYS) {
      const trace = run(way, burst(500), 'low', { mode: 'events' });
      expect(trace.busySeconds).toBeCloseTo(500 * (way === 'lambda' ? 1.4 : 1), 6);
    }
  });

  test('D/D/c: c units and constant arrivals below what they do: nobody waits', () => {
    const { way, tables: free } = fixed(3);
    // One image every 0.5 s is 2 a second, of which 3 units do 3: an image stays 1 s, and 2 are at work on average.
    const trace = simulate(way, free, given(burst(2000, 1000)), 'low', { mode: 'events' });
    expect(trace.peakWaiting).toBeLessThanOrEqual(1);
    expect((trace.sojournSeconds ?? 0) / 2000).toBeCloseTo(1, 6);
    expect(trace.lastResultSeconds).toBeCloseTo(999.5 + 1, 6);
  });

  test('D/D/c: more than c units do: the backlog grows by the difference, and is worked off at the speed of c', () => {
    const { way, tables: free } = fixed(2);
    // 3 a second for 100 s, 2 a second done: 300 images take 150 s.
    for (const mode of ['events', 'fluid'] as const) {
      const trace = simulate(way, free, given(burst(300, 100)), 'low', { mode });
      expect(Math.abs((trace.lastResultSeconds ?? 0) - 150) / 150).toBeLessThan(0.02);
      expect(Math.abs(trace.peakWaiting - 100)).toBeLessThan(4);
    }
  });

  test('capacity without limit: every image stays as long as it takes', () => {
    const trace = run('lambda', burst(900), 'low', { mode: 'events' });
    // all at once: cold start and work for each
    expect(trace.sojournSeconds).toBeCloseTo(900 * 1.5, 6);
    expect(trace.peakUnits).toBe(900);
  });

  test('figures span what neither end shows: a fast start with slow work', () => {
    // Fargate starts in 30 to 62 s; an image is 0.1 to 0.5 s of work. 1000 at once, three tasks.
    // all short: done 34 s after the start; all long: the cooldown ends at 180 + 62 + 180 = 422 s, the look at 480 s
    // finds the queue of 420 s, when 178 s of work have done 1068. Three do it.
    // short start, long work: at 181 s, the cooldown over, 150 s of work have done 900: a fourth comes.
    const { 'fargate-task-start': task } = tables.delays;
    const delays = { ...tables.delays, 'fargate-task-start': { ...task, high: 62 } };
    const work = { ...inputs.work, cpuSeconds: { low: 0.1, high: 0.5 } };
    const found = simulateWay(facts['ecs-fargate'], { ...tables, delays }, given(burst(1000), { work }));
    expect([found.low.peakUnits, found.high.peakUnits]).toEqual([3, 3]);
    expect(found.peakUnits).toEqual({ low: 3, high: 4 });
  });

  test('twice the units are never slower', () => {
    for (const images of [10, 500, 20_000]) {
      const last = (max: number) =>
        simulate({ ...facts['ecs-fargate'], capacity: { min: 0, max } }, tables, given(burst(images)), 'low')
          .lastResultSeconds ?? 0;
      expect(last(8)).toBeLessThanOrEqual(last(4));
    }
  });

  test('what waits longer than the queue keeps it is gone, and counted', () => {
    // 4 days are 345,600 s: four units do about 1.4 million of 10 million
    const trace = run('ec2', burst(1e7), 'low');
    expect(trace.mode).toBe('fluid');
    expect(trace.expired / 1e7).toBeCloseTo(1 - (4 * 345_600) / 1e7, 2);
    const few = simulate(
      { ...facts.ec2, waits: { seconds: 60, afterwards: 'lost' } },
      tables,
      given(burst(1000)),
      'low',
    );
    // from 21 s until 61 s three instances do 3 a second; 3 more are at work then
    expect(few.expired).toBeGreaterThan(1000 - 3 * 41 - 4);
    expect(few.expired).toBeLessThan(1000 - 3 * 39);
  });
});

describe('the fluid agrees with the events', () => {
  test.each(FOUR_WAYS)('on %s', (way) => {
    // Down to nothing at night, and as many as there are events at most: the last image comes long before midnight.
    for (const arrivals of [burst(5000), burst(10_000, 3600), daily(20_000, 1.8), daily(MOST_EVENTS, 2)]) {
      for (const end of ['low', 'high'] as const) {
        const [events, fluid] = [
          run(way, arrivals, end, { mode: 'events' }),
          run(way, arrivals, end, { mode: 'fluid' }),
        ];
        const near = (of: (trace: Trace) => number | null, by: number, least: number) => {
          const [a, b] = [of(events) ?? 0, of(fluid) ?? 0];
          expect({ way, end, arrivals, a, b, near: Math.abs(a - b) <= Math.max(by * a, least) }).toMatchObject({
            near: true,
          });
        };
        near((trace) => trace.firstResultSeconds, 0.01, 2);
        near((trace) => trace.lastResultSeconds, 0.005, 2);
        near((trace) => trace.peakUnits, 0, 1);
        near((trace) => trace.peakWaiting, 0.05, 50);
        near((trace) => trace.unitSeconds, 0.05, 1);
        near((trace) => trace.hostSeconds, 0.05, 1);
        near((trace) => trace.busySeconds, 0.001, 1);
        near((trace) => trace.points.at(-1)?.done ?? 0, 0.0001, 1);
      }
    }
  });
});

test.each([
  ['the most that are simulated one by one', daily(MOST_EVENTS), 'events'],
  ['a thousand million', daily(1e9), 'fluid'],
])('a day of images is told in a thousand points: %s', (_, arrivals, mode) => {
  const found = FOUR_WAYS.map((way) => simulateWay(facts[way], tables, given(arrivals)));
  expect(found.map(({ low }) => low.mode)).toEqual(FOUR_WAYS.map(() => mode));
  expect(found.every(({ low }) => low.points.length <= 1001)).toBe(true);
});

describe('beside the measured local run', () => {
  const { lambda, workers, billed, throughput } = JSON.parse(
    readFileSync('evidence/bench/results.json', 'utf8'),
  ) as BenchResults;
  /** Nothing between the endpoints and the unit, as on one machine. */
  const near = fixed(1).tables.delays;
  const local: Tables = { ...tables, delays: { ...near, 's3-request': { ...near['s3-request'], low: 0, high: 0 } } };
  const work = (cpuMs: number) => ({ ...inputs.work, cpuSeconds: { low: cpuMs / 1000, high: cpuMs / 1000 } });

  const cpuMs = lambda?.warmCpuMs ?? 0;

  test.each(billed.filter(({ design }) => design === 'this workload'))(
    'a function is billed for its CPU and its waiting: $memoryMb MB, $delayMs ms per S3 request',
    (measured) => {
      const way = { ...facts.lambda, unit: { ...facts.lambda.unit, memoryMib: measured.memoryMb } };
      const vcpu = { ...local.delays['lambda-vcpu-mib'], low: 1769, high: 1769 };
      const request = { ...near['s3-request'], low: measured.delayMs / 1000, high: measured.delayMs / 1000 };
      const delays = { ...local.delays, 'lambda-vcpu-mib': vcpu, 's3-request': request };
      // It waits twice: for the source, and for all renditions at the same time.
      const seconds = serviceSeconds(way, delays, { work: work(cpuMs), slowdown: { low: 1, high: 1 } }, 'low', {
        s3Waits: 2,
      });
      expect(measured.billedMs / 1000 / seconds).toBeGreaterThan(0.8);
      expect(measured.billedMs / 1000 / seconds).toBeLessThan(1.25);
    },
  );

  test.each(throughput.filter(({ delayMs }) => delayMs > 0))(
    'a slot that holds $messagesPerSlot messages with $delayMs ms for each request does $picture as often as the model says',
    ({ picture, delayMs, messagesPerSlot, picturesPerSecond }) => {
      // What it takes without waiting. With one message nothing overlaps, and so it is not the CPU alone.
      const alone = throughput.filter((other) => other.picture === picture && other.delayMs === 0);
      const cpu = 1 / Math.max(...alone.map((other) => other.picturesPerSecond));
      const predicted = 1 / slotSeconds(cpu, (2 * delayMs) / 1000, messagesPerSlot);
      expect(predicted / picturesPerSecond).toBeGreaterThan(0.9);
      expect(predicted / picturesPerSecond).toBeLessThan(1.35);
    },
  );

  test('the cold start of a function is in the range', () => {
    const { firstResultSeconds } = simulateWay(facts.lambda, local, given(burst(1), { work: work(cpuMs) }));
    const coldSeconds = (lambda?.coldWallMs ?? 0) / 1000;
    expect(coldSeconds).toBeGreaterThan(firstResultSeconds?.low ?? Number.POSITIVE_INFINITY);
    expect(coldSeconds).toBeLessThan(firstResultSeconds?.high ?? 0);
  });

  test('a worker that shares its cores with the endpoints is slower than the model, not faster', () => {
    for (const { slots, jobCpuMs, picturesPerSecond } of workers) {
      const way = { ...fixed(1).way, unit: { ...facts['ecs-fargate'].unit, vcpus: slots, slots } };
      const { lastResultSeconds } = simulate(way, local, given(burst(1000), { work: work(jobCpuMs) }), 'low');
      const modelled = 1000 / (lastResultSeconds ?? 0);
      expect(modelled).toBeGreaterThan(picturesPerSecond);
      expect(modelled).toBeLessThan(2 * picturesPerSecond);
    }
  });
});

test('a region without prices is simulated, and has no bill', () => {
  expect(simulateWay(facts.ec2, tables, given(burst(10), { region: 'eu-west-1' })).usd).toBeNull();
});

test('arrivals: the day adds up, and its moments lie on its curve', () => {
  const day = daily(1000, 2);
  expect(arrivedBy(day, 86_400)).toBe(1000);
  expect(arrivedBy(day, 43_200)).toBeCloseTo(500, 6);
  const times = moments(day);
  expect(times).toHaveLength(1000);
  expect(times[0]).toBe(0);
  for (const index of [1, 400, 999]) expect(arrivedBy(day, times[index] as number)).toBeCloseTo(index, 4);
});

test('arrivals by chance: so many a second, and as many more or less as chance has it', () => {
  const random = new Random(1);
  const arrivals = poisson(0.2, 1e6, () => random.next());
  const times = moments(arrivals);
  expect(times[0]).toBe(0);
  expect(Math.abs(times.length / 200_000 - 1)).toBeLessThan(0.01);
  const minutes = new Float64Array(Math.floor(1e6 / 60));
  for (const time of times)
    if (time < minutes.length * 60) minutes[Math.floor(time / 60)] = (minutes[Math.floor(time / 60)] ?? 0) + 1;
  const mean = minutes.reduce((sum, count) => sum + count, 0) / minutes.length;
  const variance = minutes.reduce((sum, count) => sum + (count - mean) ** 2, 0) / minutes.length;
  expect([mean, variance / mean]).toEqual([expect.closeTo(12, 0), expect.closeTo(1, 1)]);
});

test('M/D/1: one unit that is busy half of the time keeps an image for half of its own time, on average', () => {
  const { way, tables: free } = fixed(1);
  const random = new Random(1);
  const arrivals = poisson(0.5, 100_000, () => random.next());
  const { mode, sojournSeconds, late } = simulate(way, free, given(arrivals), 'low');
  // Pollaczek and Khinchine: 1 s of work, and 0.5 x 1 / (2 x (1 - 0.5)) s before it.
  expect([mode, late]).toEqual(['events', 0]);
  expect((sojournSeconds ?? 0) / moments(arrivals).length).toBeCloseTo(1.5, 1);
  expect(() => simulate(way, free, given(arrivals), 'low', { mode: 'fluid' })).toThrow('are no fluid');
});

test('an image is late when it waits for more than half a minute', () => {
  const { way, tables: free } = fixed(1);
  // One a second: they wait for 0, 1, … 99 s. Those of 31 s and more are late.
  expect(simulate(way, free, given(burst(100)), 'low').late).toBe(69);
});

test('the fluid between two moments, in closed form', () => {
  // all units work: 10 waiting, 2 a second in, 3 a second out, for 4 s
  expect(work(10, 2, 3, 1, 4)).toEqual({ backlog: 6, done: 12 });
  // some have nothing to do: towards 2 x 1 s = 2 images
  const { backlog, done } = work(0, 2, 10, 1, 3);
  expect(backlog).toBeCloseTo(2 * (1 - Math.exp(-3)), 12);
  expect(done).toBeCloseTo(6 - backlog, 12);
  // nobody works
  expect(work(5, 1, 0, 1, 10)).toEqual({ backlog: 15, done: 0 });
});

test('the heap gives back what is put in, by time', () => {
  const heap = new Heap<number>();
  const times = [5, 3, 9, 3, 1, 7, 1];
  for (const [index, time] of times.entries()) heap.push(time, index);
  const order: number[] = [];
  while (heap.nextTime < Number.POSITIVE_INFINITY) order.push(heap.pop() as number);
  expect(order).toEqual([4, 6, 1, 3, 0, 5, 2]);
  expect(heap.pop()).toBeUndefined();
});
