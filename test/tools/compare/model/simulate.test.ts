import { readFileSync } from 'node:fs';
import type { BenchResults } from '../../../../tools/bench/results';
import { type Arrivals, burst, bursts, daily, even, poisson, total } from '../../../../tools/compare/model/arrivals';
import { heldTogether, serviceOf, startSeconds } from '../../../../tools/compare/model/service';
import { leftOut, type SimulateOptions, simulate } from '../../../../tools/compare/model/simulate';
import type { Assumptions, WayFacts } from '../../../../tools/compare/model/types';
import { COMPUTES } from '../../../../workload/contract';
import { aFunction, assumptions, delays, facts, inputs, measured, tasks } from './fixtures';

/** An image takes a quarter of a second, a task 60 s to start, an environment 1 s. The rule looks when the first image comes. */
const own = { 'fargate-task-start': 60, 'lambda-cold-start': 1 };

const run = (way: WayFacts, arrivals: Arrivals, given: Partial<Assumptions> = {}, options: SimulateOptions = {}) =>
  simulate(way, delays(), assumptions({ ...own, ...given }), inputs, arrivals, options);

describe('by hand', () => {
  test('one image: the sample sees it at once, the task works 60 s later', () => {
    const trace = run(tasks, burst(1));
    expect(trace).toMatchObject({
      firstResultSeconds: 60.25,
      lastResultSeconds: 60.25,
      peakUnits: 1,
      starts: 1,
      done: 1,
    });
    // The first sample has a message that waits, the second (60 s) still; from 120 s on there are five empty ones.
    expect(trace.unitSeconds).toBe(360);
    expect(trace.settled).toBe(true);
  });

  test('a sample that is late, and a moment that is bad, delay all of it', () => {
    const late = { moment: 1, 'sqs-metric': 30, 's3-event-delivery': 10 };
    expect(run(tasks, burst(1), late).firstResultSeconds).toBe(10 + 60 + 30 + 60 + 0.25);
  });

  test('a hundred images: three tasks at once, 33 images each and one more', () => {
    const trace = run(tasks, burst(100));
    expect(trace).toMatchObject({ peakUnits: 3, peakWaiting: 100, done: 100 });
    expect(trace.lastResultSeconds).toBeCloseTo(60 + 34 * 0.25, 9);
  });

  test('what waits when the cooldown is over calls one more, and no more than the maximum', () => {
    const trace = run(tasks, burst(10_000));
    expect(trace.peakUnits).toBe(4);
    // Three tasks from 60 s on; at 120 s the cooldown is over and the fourth is asked for, and works from 180 s on.
    expect(trace.lastResultSeconds).toBeCloseTo(180 + (10_000 - 3 * 4 * 120) / 16, 0);
  });

  test('a function has an environment for each image, up to what the account has, and so many a second more', () => {
    expect(run(aFunction, burst(1000))).toMatchObject({ peakUnits: 1000, lastResultSeconds: 1.25 });
    const limited = simulate(aFunction, delays(), assumptions(own), { ...inputs, account: 'new' }, burst(100));
    // Ten at a time, ten times.
    expect(limited).toMatchObject({ peakUnits: 10, lastResultSeconds: 1 + 10 * 0.25 });
    const ramp = run(aFunction, burst(3000), { 'lambda-concurrency-quota': 5000, 'image-cpu': 60, 'cpu-speed': 0.9 });
    expect(ramp.peakUnits).toBe(3000);
    expect(ramp.lastResultSeconds).toBeCloseTo(20 + 1 + 54, 0);
  });

  test('a function is billed for its work and its starts, and a late image finds no environment', () => {
    const once = run(aFunction, burst(10));
    expect(once.unitSeconds).toBeCloseTo(10 * 0.25 + 10 * 1, 9);
    const idle = { 'lambda-idle': 300 };
    expect(run(aFunction, bursts(10, 100, 3), idle).starts).toBe(10);
    expect(run(aFunction, bursts(10, 400, 3), idle).starts).toBe(30);
  });

  test('what waits for longer than the queue keeps it is given up', () => {
    const trace = run({ ...tasks, waitsSeconds: 600 }, burst(10_000));
    expect(trace.expired).toBeGreaterThan(0);
    expect(trace.done + trace.expired).toBe(10_000);
  });

  test('a worker that holds six messages waits for S3 and works at the same time', () => {
    expect(heldTogether(0.25, 0.2, 6)).toEqual({ slotSeconds: 0.25, jobSeconds: 0.45 });
    expect(heldTogether(0.05, 0.4, 6)).toEqual({ slotSeconds: 0.075, jobSeconds: 0.45 });
    const waits = { 's3-request': 0.1 };
    expect(serviceOf(aFunction, assumptions(waits), inputs).slotSeconds).toBeCloseTo(0.45, 9);
    expect(run(tasks, burst(1), waits).firstResultSeconds).toBeCloseTo(60.45, 9);
  });

  test('a job that the platform would end is named', () => {
    const long = { 'image-cpu': 61 };
    expect(() => run(aFunction, burst(1), long)).toThrow('an image may take 61 s on lambda, where a job has 60 s');
  });
});

describe('of the stacks', () => {
  test('each way starts as its platform does', () => {
    const a = assumptions({
      'ec2-boot': 20,
      'ec2-boot-script': 0.5,
      'pod-start': 10,
      'eks-fargate-pod-start': 70,
      ...own,
    });
    const starts = COMPUTES.map((way) => [way, startSeconds(facts()[way], a)]);
    // The warm-up of the instances' policy is 180 s: the boot, and half of what is left of it.
    expect(Object.fromEntries(starts)).toEqual({
      ec2: 100,
      lambda: 1,
      'ecs-fargate': 60,
      'eks-ec2': 10,
      'ecs-ec2': 10,
      'eks-fargate': 70,
    });
  });

  const given = assumptions({
    'eks-node-join': 100,
    'node-autoscaler-scan': 5,
    'pod-start': 10,
    'ecs-instance-start': 200,
  });

  test('a pod that finds no room waits for a node, and a node that is empty stays for a while', () => {
    const trace = simulate(facts()['eks-ec2'], delays(), given, inputs, burst(100));
    // KEDA starts one pod at once, on the node that is there; the autoscaler of pods wants four, and three nodes.
    expect(trace).toMatchObject({ peakUnits: 4, firstResultSeconds: 10.25 });
    expect(trace.hostSeconds).toBeGreaterThan(trace.endSeconds + 3 * 600);
  });

  test('KEDA wants a pod for every 25 messages, and one for the rest', () => {
    const pods = (images: number) => simulate(facts()['eks-fargate'], delays(), given, inputs, burst(images)).peakUnits;
    expect([1, 25, 40, 60].map(pods)).toEqual([1, 1, 2, 3]);
  });

  test('ECS starts two instances from none, and more when those are five minutes old', () => {
    const way = facts()['ecs-ec2'];
    const one = simulate(way, delays(), given, inputs, burst(1));
    expect(one.firstResultSeconds).toBe(200.25);
    // Billed two minutes after the wish, and until a quarter of an hour after the task: the second, after itself.
    expect(one.hostSeconds).toBeGreaterThan(2 * 900);
    const many = simulate(way, delays(), given, inputs, burst(10_000), { record: true });
    const third = many.points.find(({ unitsRunning }) => unitsRunning === 3);
    expect(third?.seconds).toBeCloseTo(300 + 200, -1);
  });
});

describe('passing over time', () => {
  const cases: readonly (readonly [string, Arrivals])[] = [
    ['a burst of 10', burst(10)],
    ['a burst of 1,000', burst(1000)],
    ['a burst of 30,000', burst(30_000)],
    ['two a second for an hour', even(7200, 3600)],
    ['ten a second for half an hour', even(18_000, 1800)],
    ['one every seven minutes', even(20, 8400)],
    ['bursts that meet', bursts(2000, 300, 10)],
    ['a day with a peak', daily(20_000, 2)],
  ];

  test.each(cases)('gives what every image on its own gives: %s', (_, arrivals) => {
    for (const way of COMPUTES) {
      const [quick, exact] = [false, true].map((each) =>
        simulate(facts()[way], delays(), assumptions({ ...own, moment: 0.5 }), inputs, arrivals, { exact: each }),
      ) as [ReturnType<typeof simulate>, ReturnType<typeof simulate>];
      expect(quick.done).toBe(exact.done);
      // Within four in a hundred, or the next look of a rule for each of four units: whether a poll meets an image is chance.
      for (const key of [
        'firstResultSeconds',
        'lastResultSeconds',
        'unitSeconds',
        'hostSeconds',
        'busySeconds',
      ] as const) {
        const off = Math.abs((quick[key] as number) - (exact[key] as number));
        expect({ way, key, off: off <= Math.max(60 * 4, 0.04 * (exact[key] as number)) }).toEqual({
          way,
          key,
          off: true,
        });
      }
    }
  });

  test('loses no image, at any moment', () => {
    for (const way of COMPUTES) {
      for (const { arrived, done, waiting, inService, expired } of simulate(
        facts()[way],
        delays(),
        assumptions(own),
        inputs,
        burst(50_000),
        { record: true },
      ).points.filter((_, i) => i % 7 === 0)) {
        expect(Math.abs(arrived - done - waiting - inService - expired)).toBeLessThanOrEqual(waiting);
      }
    }
  });
});

describe('arrivals', () => {
  const random = () => {
    let seed = 7;
    return () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
  };

  test('of a kind bring as many images as they say', () => {
    expect([burst(7), bursts(3, 10, 4), even(50, 100), daily(1000, 2)].map(total)).toEqual([7, 12, 50, 1000]);
    expect(total(poisson(2, 1000, random()))).toBeGreaterThan(1800);
  });

  test('that do not know of each other keep a task for less time when they are rare, and never less than one when not', () => {
    const uneven = (every: number) => run(tasks, poisson(1 / every, 40 * every, random()));
    const evenly = (every: number) => run(tasks, even(40, 40 * every));
    // One every four minutes: evenly spaced, the task never sees five empty minutes; else it does now and then.
    expect(evenly(240).starts).toBe(1);
    expect(uneven(240).starts).toBeGreaterThan(3);
    expect(uneven(10).starts).toBe(1);
  });

  test('a day has its peak in the middle', () => {
    const { streams } = daily(96_000, 2) as Extract<Arrivals, { streams: unknown }>;
    const busiest = streams.toSorted((a, b) => a.every - b.every)[0];
    expect(busiest?.from).toBeCloseTo(43_200, -4);
  });
});

test('what is left out is said with the numbers of the table', () => {
  expect(leftOut(delays({ 'lambda-retry-interval': 3 })).join(' ')).toContain('again after 3 to 3 s');
  expect(measured.perImage.length).toBeGreaterThan(2);
});

describe('beside what the bench measured', () => {
  const { billed, throughput, lambda } = JSON.parse(
    readFileSync('evidence/bench/results.json', 'utf8'),
  ) as BenchResults;

  test.each(throughput.filter(({ delayMs }) => delayMs > 0))(
    'a slot that holds $messagesPerSlot messages with $delayMs ms for each S3 request does $picture as often as the model says',
    ({ picture, delayMs, messagesPerSlot, picturesPerSecond }) => {
      // What it takes of CPU: where it did the most of these, it waited for nothing else.
      const all = throughput.filter((other) => other.picture === picture);
      const cpu = 1 / Math.max(...all.map((other) => other.picturesPerSecond));
      const predicted = 1 / heldTogether(cpu, (inputs.job.s3Waits * delayMs) / 1000, messagesPerSlot).slotSeconds;
      expect(predicted / picturesPerSecond).toBeGreaterThan(0.9);
      expect(predicted / picturesPerSecond).toBeLessThan(1.35);
    },
  );

  test.each(billed.filter(({ design }) => design === 'this workload'))(
    'a function is billed for its CPU and its waiting: $memoryMb MB, $delayMs ms per S3 request',
    ({ memoryMb, delayMs, billedMs }) => {
      const way = { ...aFunction, unit: { ...aFunction.unit, memoryMib: memoryMb } };
      const a = assumptions({ 'image-cpu': (lambda?.warmCpuMs ?? 0) / 1000, 's3-request': delayMs / 1000 });
      const predicted = serviceOf(way, a, inputs).slotSeconds * 1000;
      expect(billedMs / predicted).toBeGreaterThan(0.8);
      expect(billedMs / predicted).toBeLessThan(1.25);
    },
  );
});
