import { FOUR_WAYS } from '../../../../lib/ways';
import {
  amount,
  breakEvens,
  cost,
  costCurves,
  findPrice,
  idleCosts,
  showUsd,
  unitsForBurst,
  volumes,
} from '../../../../tools/compare/model/cost';
import { simulate, simulateWay } from '../../../../tools/compare/model/scale';
import type { Cost, CostInputs, End, Price } from '../../../../tools/compare/model/types';
import { facts, inputs, tables } from './fixtures';

/** Prices, sizes and delays are the fixture's: round, so that every case can be followed with a pencil. */

const of = (way: (typeof FOUR_WAYS)[number], changed: Partial<CostInputs> = {}, ways = facts): Cost =>
  cost(ways[way], tables, { ...inputs, ...changed });

const usd = (found: Cost, id: string) => {
  const item = found.items.find((one) => one.id === id);
  if (!item) throw new Error(`no line ${id}`);
  return item.usdPerMonth;
};

const exactly = (value: number) => ({ low: expect.closeTo(value, 8), high: expect.closeTo(value, 8) });

describe('ten cases computed by hand', () => {
  test('1. EC2, idle: five metrics under alarms', () => {
    // 5 x $0.10 = $0.50; no instance, no message.
    expect(of('ec2', { imagesPerMonth: 0 }).usdPerMonth).toEqual(exactly(0.5));
  });

  test('2. Lambda, idle: one metric under an alarm', () => {
    // 1 x $0.10
    expect(of('lambda', { imagesPerMonth: 0 }).usdPerMonth).toEqual(exactly(0.1));
  });

  test('3. EKS, idle: control plane, one node with its disk and address, KEDA, alarms', () => {
    // control plane   730 h x $0.10               = $73.00
    // node            730 h x $0.08               = $58.40
    // disk            20 GiB x $0.08              = $ 1.60
    // address         730 h x $0.005              = $ 3.65
    // KEDA            2,628,000 s / 15 s x 4e-7   = $ 0.07008
    // alarms          2 x $0.10                   = $ 0.20
    expect(of('eks-ec2', { imagesPerMonth: 0 }).usdPerMonth).toEqual(exactly(73 + 58.4 + 1.6 + 3.65 + 0.07008 + 0.2));
  });

  test('4. Lambda, a million images: duration and invocations', () => {
    // 2,048 MB are one vCPU here. An image: 1 s of CPU and 1 + 3 requests to S3 of 0.1 to 0.2 s = 1.4 to 1.8 s.
    // low:  1e6 x 1.4 s x 2 GB              = 2,800,000 GB-s x 1e-5 = $28.00
    // high: 1e6 x (1.8 s + 1 % x 1 s) x 2 GB = 3,620,000 GB-s x 1e-5 = $36.20
    const found = of('lambda', { imagesPerMonth: 1e6 });
    expect(usd(found, 'function.duration')).toEqual({ low: expect.closeTo(28, 8), high: expect.closeTo(36.2, 8) });
    // 1e6 x 2e-7
    expect(usd(found, 'function.requests')).toEqual(exactly(0.2));
  });

  test('5. Lambda beyond a tier: the first 1e9 GB-seconds at one price, the rest at another', () => {
    // low: 1e9 images x 1.4 s x 2 GB = 2.8e9 GB-s: 1e9 x 1e-5 + 1.8e9 x 8e-6 = $10,000 + $14,400
    expect(usd(of('lambda', { imagesPerMonth: 1e9 }), 'function.duration').low).toBeCloseTo(24_400, 6);
  });

  test('6. EC2, one burst of 10 a month: start, work and leaving of one instance', () => {
    // low:  10 s of work + 20 s boot + five empty samples, a minute apart: 4 x 60 s        = 270 s
    // high: a second one comes at 180 s: the first boots as long as its warm-up allows, 180 s, and has done nothing.
    //       10 s + 2 x (180 s + 5 x 60 s + 60 s late metric + 60 s late evaluation + 180 s drain) = 1,570 s
    // instance hours x $0.04
    const found = of('ec2', { imagesPerMonth: 10, imagesPerBurst: 10 });
    expect(usd(found, 'hosts.called')).toEqual({
      low: expect.closeTo((270 / 3600) * 0.04, 10),
      high: expect.closeTo((1570 / 3600) * 0.04, 10),
    });
    // and its disk: 270 s of a month of 2,628,000 s x 10 GiB x $0.08
    expect(usd(found, 'disks.called').low).toBeCloseTo((270 / 2_628_000) * 10 * 0.08, 10);
  });

  test('7. Fargate, one image every 100 seconds: the task never leaves, unless no sample ever sees an image', () => {
    // 26,280 bursts of one. high: each would take 1 + 60 + 420 + 90 s, longer than the 100 s until the next: all month.
    // 730 h x 1 vCPU x $0.03 = $21.90; 730 h x 2 GB x $0.003 = $4.38; 730 h x $0.005 = $3.65
    // low: it works 1 s of 100. Of the rest it is there 30 + 240 s, and gone until an image has come, 100 s, and is
    // seen, 60 s: 0.01 + 0.99 x 270 / (270 + 160) of the month
    const found = of('ecs-fargate', { imagesPerMonth: 26_280 });
    const low = 0.01 + (0.99 * 270) / 430;
    const range = (month: number) => ({ low: expect.closeTo(month * low, 8), high: expect.closeTo(month, 8) });
    expect(usd(found, 'tasks.vcpu.called')).toEqual(range(21.9));
    expect(usd(found, 'tasks.memory.called')).toEqual(range(4.38));
    expect(usd(found, 'ipv4.called')).toEqual(range(3.65));
  });

  test('8. EC2, more than one instance can do: two at best, and as many as the rule adds at worst', () => {
    // 2,628,000 s a month; 3,942,000 images of 1 s are 1.5 instances: 2 x 730 h x $0.04 = $58.40
    // The rule adds while anything waits, up to 4: 4 x 730 h x $0.04 = $116.80
    expect(usd(of('ec2', { imagesPerMonth: 3_942_000 }), 'hosts.called')).toEqual({
      low: expect.closeTo(58.4, 8),
      high: expect.closeTo(116.8, 8),
    });
  });

  test('9. EKS, a burst of 60 calls three pods, and two nodes besides the one that is there', () => {
    // 60 / 25 -> 3 pods. Work 60 s in all, 20 s on each. low: each also joins 50 s and stays 300 s from a poll that was
    // 15 s before the end, and its node 300 s more.
    // Of the three, two are on nodes of their own: 2 x (20 + 50 + 585) s = 1,310 s x $0.08 / 3600
    const found = of('eks-ec2', { imagesPerMonth: 60, imagesPerBurst: 60 });
    expect(usd(found, 'hosts.called').low).toBeCloseTo((1310 / 3600) * 0.08, 10);
    // high: they join in 150 s; a poll 15 s late, 300 + 300 s, and 10 s until the scan: 2 x (20 + 150 + 625) s = 1,590 s
    expect(usd(found, 'hosts.called').high).toBeCloseTo((1590 / 3600) * 0.08, 10);
  });

  test('10. what is around it: messages, log lines, buckets', () => {
    // 1000 images: 3 messages each x 4e-7; 1 KiB of log each = 1000/1024^2 GB x $0.50;
    // upload and three renditions: 4 x 1000 x 5e-6; one read: 1000 x 4e-7;
    // originals: 1000 MiB for 16 of 30.41667 days x $0.02 a GiB
    const found = of('ec2');
    expect(usd(found, 'queue')).toEqual(exactly(3000 * 4e-7));
    expect(usd(found, 'logs')).toEqual(exactly((1000 / 1024 ** 2) * 0.5));
    expect(usd(found, 's3.upload').low + usd(found, 's3.put').low).toBeCloseTo(0.02, 10);
    expect(usd(found, 's3.get')).toEqual(exactly(0.0004));
    expect(usd(found, 's3.source')).toEqual(exactly((1000 / 1024) * (16 / (730 / 24)) * 0.02));
  });
});

describe('a bill', () => {
  test.each(FOUR_WAYS)('of %s is the sum of its lines, and every line is its arithmetic', (way) => {
    const found = of(way, { imagesPerMonth: 123_456, imagesPerBurst: 500 });
    for (const end of ['low', 'high'] as const) {
      expect(found.usdPerMonth[end]).toBeCloseTo(
        found.items.reduce((total, item) => total + item.usdPerMonth[end], 0),
        8,
      );
      for (const { quantity, usdPerUnit, usdPerMonth } of found.items) {
        expect(quantity.low).toBeLessThanOrEqual(quantity.high);
        expect(usdPerMonth.low).toBeLessThanOrEqual(usdPerMonth.high);
        expect(quantity[end] * usdPerUnit[end]).toBeCloseTo(usdPerMonth[end], 8);
      }
    }
    expect(found.items.map(({ arithmetic }) => arithmetic).every((text) => / \u00d7 .* = \$/.test(text))).toBe(true);
  });

  test('grows with every image, and its low end is never above its high end', () => {
    const shrinks: string[] = [];
    for (const way of FOUR_WAYS) {
      for (const imagesPerBurst of [1, 150, 10_000]) {
        let last = { low: 0, high: 0 };
        for (const imagesPerMonth of volumes(1, 1e10, 16)) {
          const { computeUsdPerMonth } = of(way, { imagesPerMonth, imagesPerBurst, slowdown: { low: 1, high: 3 } });
          for (const end of ['low', 'high'] as const) {
            if (computeUsdPerMonth[end] < last[end] * (1 - 1e-12))
              shrinks.push(`${way} ${imagesPerBurst} ${imagesPerMonth} ${end}`);
          }
          if (computeUsdPerMonth.low > computeUsdPerMonth.high * (1 + 1e-12))
            shrinks.push(`${way} ${imagesPerBurst} ${imagesPerMonth} low above high`);
          last = computeUsdPerMonth;
        }
      }
    }
    expect(shrinks).toEqual([]);
  });

  test('says what has no price in the region, and leaves it out of the sum', () => {
    const found = cost(facts.lambda, tables, { ...inputs, region: 'eu-west-1' });
    expect(found.items).toEqual([]);
    expect(found.unknown.map(({ why }) => why)).toContain('no price for lambda.gb-second in eu-west-1');
  });

  test('of Spot is a range', () => {
    const found = of('ecs-fargate', { imagesPerMonth: 26_280, spot: true });
    // 730 h x $0.01 to $0.015, the low end for as much of the month as in case 7
    const low = 7.3 * (0.01 + (0.99 * 270) / 430);
    expect(usd(found, 'tasks.vcpu.called')).toEqual({ low: expect.closeTo(low, 8), high: expect.closeTo(10.95, 8) });
  });

  test('says when there are more images than the template lets in', () => {
    // 4 instances x 2,628,000 s / 1 s = 10,512,000
    const found = of('ec2', { imagesPerMonth: 10_512_001 });
    expect(found.ceilingImagesPerMonth).toEqual(exactly(10_512_000));
    expect(found.overCeiling).toBe(true);
    expect(of('ec2', { imagesPerMonth: 10_512_000 }).overCeiling).toBe(false);
    expect(of('lambda').ceilingImagesPerMonth).toBeNull();
  });

  test('of EC2, bursts that find instances: no more at best; at worst all the rule can add', () => {
    // 10,000 bursts of 120, one every 262.8 s: shorter than the 300 s of the alarm. The first look asks for three.
    // low:  1,200,000 s of work are b = 0.456621 instances. Of the rest of three they are there 20 + 240 s, and gone for
    //       as long and until they are seen, 260 + 60 s: b + (3 - b) x 260 / 580 = 1.596756 x 730 h x $0.04 = $46.62529
    // high: 120 are more than the 9 that three take at once, so each burst adds, up to 4: 4 x 730 h x $0.04 = $116.80
    expect(usd(of('ec2', { imagesPerMonth: 1.2e6, imagesPerBurst: 120 }), 'hosts.called')).toEqual({
      low: expect.closeTo(46.62529, 5),
      high: expect.closeTo(116.8, 8),
    });
  });

  test('counts receives that find nothing for as long as there is somebody to receive', () => {
    // One burst of 10, 10 s of work, one instance with 3 loops and a poll of 20 s.
    // low:  240 s of the alarm                                                          -> 240 x 3 / 20 = 36
    // high: two, 10 + 2 x (300 + 60 late metric + 60 late evaluation) = 850 s, the drain not -> 850 x 3 / 20 = 127.5
    const burst = { imagesPerMonth: 10, imagesPerBurst: 10 };
    const receives = (found: Cost) => found.items.find(({ id }) => id === 'queue.empty')?.quantity;
    expect(receives(of('ec2', burst))).toEqual({ low: expect.closeTo(36, 8), high: expect.closeTo(127.5, 8) });
    // A pod asks for the 285 s until it goes, not for the 300 s more that its node is left alone: 285 x 3 / 20.
    expect(receives(of('eks-ec2', burst))?.low).toBeCloseTo(42.75, 8);
    // An instance that always runs asks all month, images or not: 2,628,000 x 3 / 20
    const always = { ...facts.ec2, capacity: { min: 1, max: 4 } };
    const idle = cost(always, tables, { ...inputs, imagesPerMonth: 0 }).items.find(({ id }) => id === 'queue.idle');
    expect(idle).toMatchObject({ idle: true, quantity: exactly(394_200) });
  });

  test('of Fargate with one task that always runs: the others come with the burst', () => {
    // One burst of 120: 3 tasks, low: 120 s of work in all + 3 x (30 s start + 240 s) = 930 s; two thirds are called.
    const always = { ...facts['ecs-fargate'], capacity: { min: 1, max: 4 } };
    const found = cost(always, tables, { ...inputs, imagesPerMonth: 120, imagesPerBurst: 120 });
    expect(usd(found, 'tasks.vcpu.idle')).toEqual(exactly(21.9));
    expect(usd(found, 'tasks.vcpu.called').low).toBeCloseTo(((930 * 2) / 3 / 3600) * 0.03, 10);
  });

  test('of Lambda, bursts that find no environment left: all of them start, but none more often than it is kept', () => {
    const seconds = (changed: Partial<CostInputs>) =>
      of('lambda', changed).items.find(({ id }) => id === 'function.duration')?.quantity;
    // 100 bursts of 100 in a month, of 1.4 to 1.8 s and 2 GB; at worst each of the 100 x 100 starts, in 1 s
    expect(seconds({ imagesPerMonth: 1e4, imagesPerBurst: 100 })).toEqual({
      low: expect.closeTo(1e4 * 1.4 * 2, 6),
      high: expect.closeTo((1e4 * 1.8 + 100 * 100) * 2, 6),
    });
    // 100,000 bursts of ten, kept for 300 s: 2,628,000 / 300 = 8,760 times ten
    expect(seconds({ imagesPerMonth: 1e6, imagesPerBurst: 10 })?.high).toBeCloseTo((1e6 * 1.8 + 87_600) * 2, 6);
    // No more start than the account has: 1,000 of 5,000
    expect(seconds({ imagesPerMonth: 5000, imagesPerBurst: 5000 })?.high).toBeCloseTo((5000 * 1.8 + 1000) * 2, 6);
  });

  test('of a job that would be ended before it has ended is not known', () => {
    const work = { ...inputs.work, cpuSeconds: { low: 1, high: 61 } };
    expect(() => of('lambda', { work })).toThrow('an image may take 62 s on lambda, where a job has 60 s');
    expect(of('ec2', { work }).usdPerMonth.high).toBeGreaterThan(0);
    // Twelve hours after its receive the message is another worker's too.
    const long = { ...inputs.work, cpuSeconds: { low: 1, high: 50_000 } };
    expect(() => of('ec2', { work: long })).toThrow('an image may take 50000 s on ec2, where a job has 43200 s');
  });

  test('of a NAT gateway has its public address, and of interface endpoints their hours', () => {
    // 730 h x $0.045, 730 h x $0.005
    const found = cost({ ...facts.ec2, natGateways: 1, interfaceEndpoints: 2 }, tables, inputs);
    expect(usd(found, 'nat')).toEqual(exactly(32.85));
    expect(usd(found, 'nat.ipv4')).toEqual(exactly(3.65));
    expect(found.unknown.map(({ why }) => why)).toContain('no price for vpc-endpoint.hour in us-east-1');
  });

  test('names what costs nothing up to what an account has of it, and counts none of it', () => {
    const price = {
      ...tables.prices.prices[0],
      id: 'cloudwatch.dashboard-month',
      unit: 'month',
      tiers: [{ from: 0, usd: 3 }],
    };
    const prices = { ...tables.prices, prices: [...tables.prices.prices, price as Price] };
    const resources = { 'AWS::CloudWatch::Dashboard': 1, 'AWS::Scheduler::Schedule': 1, 'AWS::SNS::Topic': 1 };
    const with3 = cost({ ...facts.ec2, resources }, { ...tables, prices }, inputs);
    const named = with3.unknown.map(({ label }) => label);
    expect(named).toContain('the dashboard, at $3.00 a month');
    expect(named).toContain('the schedule that keeps metrics of the queue coming');
    expect(named).toContain('mails of alarms');
    expect(with3.usdPerMonth).toEqual(of('ec2', {}).usdPerMonth);
  });

  test('does not price one architecture as the other', () => {
    const x64 = (way: 'lambda' | 'ecs-fargate') => {
      const unit = { ...facts[way].unit, architecture: 'x64' as const };
      return cost({ ...facts[way], unit }, tables, inputs).unknown.map(({ why }) => why);
    };
    expect(x64('lambda')).toContain('no price for lambda.gb-second.x64 in us-east-1');
    expect(x64('ecs-fargate')).toContain('no price for fargate.vcpu-hour.x64 in us-east-1');
  });

  test('with no images has no cost of a million of them', () => {
    expect(idleCosts(facts, tables, inputs).map(({ usdPerMillionImages }) => usdPerMillionImages)).toEqual([
      null,
      null,
      null,
      null,
    ]);
    // $0.50 of alarms and 3 messages, a log line, requests, storage for each of a million
    expect(of('lambda', { imagesPerMonth: 1e6 }).usdPerMillionImages).toEqual(
      of('lambda', { imagesPerMonth: 1e6 }).usdPerMonth,
    );
  });
});

test('units for a burst: what the first look asks for, and more while something waits', () => {
  const units = (way: (typeof FOUR_WAYS)[number], images: number, end: End = 'low') =>
    unitsForBurst(facts[way], tables.delays, images, 1, end);
  // low: below 100 one at a time, every 180 s; the first boots 20 s and works off 160 images in the rest
  expect([units('ec2', 1), units('ec2', 99)]).toEqual([1, 1]);
  // from 100 on three at once; they work off 480 until the next look
  expect([units('ec2', 480), units('ec2', 481)]).toEqual([3, 4]);
  // high: it boots 180 s, and a look finds the queue as it was 60 s ago. The one at 180 s sees nothing done, the one at
  // 360 s sees 120 s of work.
  expect([units('ec2', 1, 'high'), units('ec2', 100, 'high')]).toEqual([2, 4]);
  // Fargate, high: the cooldown begins when the task runs, 60 + 180 s; 120 s of work are seen then.
  expect([units('ecs-fargate', 99, 'high'), units('ecs-fargate', 361, 'high')]).toEqual([1, 4]);
  expect([units('eks-ec2', 26), units('eks-ec2', 1e6)]).toEqual([2, 4]);
});

test('an amount goes through the tiers', () => {
  const tiers = [
    { from: 0, usd: 3 },
    { from: 10, usd: 2 },
    { from: 100, usd: 1 },
  ];
  // 10 x 3 + 90 x 2 + 50 x 1
  expect(amount(tiers, 150)).toBe(260);
  expect(amount(tiers, 0)).toBe(0);
});

/** With alarms that scale in by what was received too: units stay a little longer, at best. */
const counting: typeof facts = JSON.parse(
  JSON.stringify(facts).replaceAll('["visible","notVisible"]', '["visible","notVisible","received"]'),
);

describe.each([
  ['the queue alone', facts],
  ['what was received too', counting],
])('the bill has in it what the simulation bills, scaling in by %s', (_, ways) => {
  /** What a burst adds: nothing that is paid anyway, and nothing that {@link simulateWay} leaves out. */
  const adds = (found: Cost, end: End) =>
    found.items
      .filter(({ id, idle }) => !idle && !/^(alarms|metrics|queue\.autoscaler|s3\.(upload|source|output))$/.test(id))
      .reduce((total, item) => total + item.usdPerMonth[end], 0);

  test.each(FOUR_WAYS)('for one burst, on %s', (way) => {
    for (const images of [1, 10, 99, 100, 500, 1000, 3000, 20_000]) {
      const bill = of(way, { imagesPerMonth: images, imagesPerBurst: images }, ways);
      const arrivals = { kind: 'burst', images, overSeconds: 0 } as const;
      const { usd: simulated } = simulateWay(ways[way], tables, { ...inputs, arrivals });
      // Off by a hundredth of a cent, and by the pods that the pod autoscaler takes before the last image is done.
      const [low, high] = [simulated?.low ?? 0, simulated?.high ?? 0];
      expect({ images, low: adds(bill, 'low') <= low * 1.02 + 1e-4 }).toEqual({ images, low: true });
      expect({ images, high: adds(bill, 'high') >= high - 1e-4 }).toEqual({ images, high: true });
    }
  });

  test.each(['ec2', 'ecs-fargate'] as const)('for a trickle all day, on %s', (way) => {
    for (const imagesPerDay of [100, 1000, 5000, 20_000, 50_000, 100_000]) {
      const bill = of(way, { imagesPerMonth: (imagesPerDay * 730) / 24 }, ways);
      const hours = bill.items.find(({ id }) => id === 'hosts.called' || id === 'tasks.vcpu.called')?.quantity;
      const arrivals = { kind: 'daily', imagesPerDay, peakToMean: 1 } as const;
      const units = (end: End) => {
        const { unitSeconds, endSeconds } = simulate(ways[way], tables, { ...inputs, arrivals }, end);
        // A day begins and ends with nobody there; the last ones leave after it.
        return unitSeconds / (end === 'low' ? 86_400 : endSeconds);
      };
      expect({ imagesPerDay, low: (hours?.low ?? 0) / 730 <= units('low') }).toEqual({ imagesPerDay, low: true });
      expect({ imagesPerDay, high: (hours?.high ?? 0) / 730 >= units('high') }).toEqual({ imagesPerDay, high: true });
    }
  });
});

describe('break-even', () => {
  test('is exact to the image: the order changes there and not one before', () => {
    const found = breakEvens(facts, tables, inputs);
    expect(found.length).toBeGreaterThan(0);
    for (const { cheaperBelow, cheaperAbove, end, imagesPerMonth } of found) {
      const at = (way: (typeof FOUR_WAYS)[number], images: number) =>
        of(way, { imagesPerMonth: images }).computeUsdPerMonth[end];
      // What is left out of the comparison is the same on both: it rounds differently, by less than a billionth.
      expect(at(cheaperBelow, imagesPerMonth - 1)).toBeLessThanOrEqual(
        at(cheaperAbove, imagesPerMonth - 1) * (1 + 1e-9),
      );
      expect(at(cheaperAbove, imagesPerMonth)).toBeLessThanOrEqual(at(cheaperBelow, imagesPerMonth) * (1 + 1e-9));
    }
  });

  test('by hand: an instance that hardly ever leaves against invocations', () => {
    // Low end. An instance for a month is 730 x ($0.04 + $0.005) + 10 GiB x $0.08 = $33.65. It works b = n / 2,628,000 of
    // it; of the rest it is there 20 + 240 s and gone until an image comes and is seen, 2,628,000 / n + 60 s. It asks
    // an empty queue 240 s of that; a month of asking is 2,628,000 s x 3 / 20 s x 4e-7 = $0.15768.
    // 4 alarms more are $0.40, and messages 3 x 4e-7 = $1.2e-6 an image.
    const instance = (n: number) => {
      const [b, gone] = [n / 2_628_000, 2_628_000 / n + 60];
      const [there, asks] = [b + ((1 - b) * 260) / (260 + gone), ((1 - b) * 240) / (240 + gone)];
      return 33.65 * there + 0.15768 * asks + 0.4 + 1.2e-6 * n;
    };
    // Invocations: each 1.4 s x 2 GB x 1e-5 + 2e-7 = $2.82e-5. At n = 1,126,015 both are $31.7536.
    const invocations = (n: number) => 2.82e-5 * n;
    expect(instance(1_126_014)).toBeGreaterThan(invocations(1_126_014));
    expect(instance(1_126_015)).toBeLessThan(invocations(1_126_015));
    const found = breakEvens(facts, tables, inputs).filter(
      ({ cheaperBelow, cheaperAbove, end }) => cheaperBelow === 'lambda' && cheaperAbove === 'ec2' && end === 'low',
    );
    expect(found.map(({ imagesPerMonth }) => imagesPerMonth)).toEqual([1_126_015]);
  });
});

test('a way of which something has no price has no curve and no break-even', () => {
  const prices = tables.prices.prices.filter(({ id }) => id !== 'ec2.m7g.large.hour');
  const without = { ...tables, prices: { ...tables.prices, prices } };
  expect(costCurves(facts, without, inputs, [1e6])['eks-ec2']).toEqual([]);
  expect(costCurves(facts, without, inputs, [1e6]).ec2).toHaveLength(1);
  const ways = breakEvens(facts, without, inputs).flatMap(({ cheaperBelow, cheaperAbove }) => [
    cheaperBelow,
    cheaperAbove,
  ]);
  expect(new Set(ways)).toEqual(new Set(['ec2', 'lambda', 'ecs-fargate']));
});

test('curves cover every way at every volume', () => {
  const curves = costCurves(facts, tables, inputs, [100, 10_000]);
  expect(Object.keys(curves).sort()).toEqual([...FOUR_WAYS].sort());
  for (const points of Object.values(curves))
    expect(points.map(({ imagesPerMonth }) => imagesPerMonth)).toEqual([100, 10_000]);
});

test('curves do not make a number format for every figure: that would take longer than a slider moves', () => {
  const made = jest.spyOn(Number.prototype, 'toLocaleString');
  costCurves(facts, tables, inputs, [1e6]);
  expect(made).not.toHaveBeenCalled();
  made.mockRestore();
});

test('amounts are shown as one figure only where both ends are the same', () => {
  expect(showUsd({ low: 0.104, high: 0.1 })).toBe('$0.10');
  expect(showUsd({ low: 1, high: 1200.5 })).toBe('$1.00 to $1,200.50');
  expect(findPrice(tables.prices, 'nothing', 'us-east-1')).toBeUndefined();
});
