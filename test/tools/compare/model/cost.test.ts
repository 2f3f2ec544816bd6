import { tables as real } from '../../../../tools/compare/data/tables';
import { figures, ranges } from '../../../../tools/compare/model/assumptions';
import {
  amount,
  BURSTS,
  type Cost,
  cell,
  computeRange,
  cost,
  costMap,
  usdAt,
  VOLUMES,
} from '../../../../tools/compare/model/cost';
import type { Inputs, Price, Tables, WayFacts } from '../../../../tools/compare/model/types';
import { COMPUTES } from '../../../../workload/contract';
import { aFunction, delays, facts, inputs, tasks } from './fixtures';

/** Round prices and delays, so that every case can be followed with a pencil. */
const USD: Readonly<Record<string, number>> = {
  'lambda.gb-second': 1e-5,
  'lambda.request': 2e-7,
  'fargate.vcpu-hour': 0.04,
  'fargate.gb-hour': 0.005,
  'fargate.vcpu-hour.x64': 0.05,
  'fargate.gb-hour.x64': 0.006,
  'fargate.vcpu-hour.spot': 0.01,
  'fargate.gb-hour.spot': 0.001,
  'ec2.c7g.medium.hour': 0.04,
  'ec2.m7g.medium.hour': 0.05,
  'ec2.m7g.large.hour': 0.08,
  'ebs.gp3.gib-month': 0.08,
  'ipv4.hour': 0.005,
  'nat.hour': 0.045,
  'eks.cluster-hour': 0.1,
  'sqs.request': 4e-7,
  'cloudwatch.alarm-metric-month': 0.1,
  'cloudwatch.dashboard-month': 3,
  'cloudwatch.logs-gb': 0.5,
  'cloudwatch.metric-month': 0.3,
  's3.put': 5e-6,
  's3.get': 4e-7,
  's3.gb-month': 0.02,
};
const from = { source: 'https://example.com', date: '2026-01-01', confidence: 'price list' } as const;
const prices = Object.entries(USD).map(
  ([id, usd]): Price => ({ id, region: 'us-east-1', unit: 'one', tiers: [{ from: 0, usd }], ...from }),
);

const quick = {
  's3-event-delivery': 0,
  's3-request': 0,
  'sqs-metric': 0,
  'fargate-task-start': 60,
  'lambda-cold-start': 1,
  'lambda-cold-share': 0,
  'control-plane-logs': 4,
};
const tables: Tables = {
  prices: {
    schema: 1,
    currency: 'USD',
    prices: prices.map((price) => (price.id === 'fargate.vcpu-hour.spot' ? { ...price, highUsd: 0.03 } : price)),
  },
  delays: delays(quick),
  allowances: [
    { id: 'lambda.gb-second', perMonth: 400_000, what: '', ...from },
    { id: 'cloudwatch.dashboard-month', perMonth: 3, what: '', ...from },
  ],
  savings: ['fargate.vcpu-hour', 'ipv4.hour'].map((id) => ({
    id,
    region: 'us-east-1',
    discount: 0.25,
    what: '',
    ...from,
  })),
};

const of = (way: WayFacts, changed: Partial<Inputs> = {}, given = tables): Cost =>
  cost(way, given, { ...inputs, ...changed });
const typical = (found: Cost, id: string) => found.items.find((one) => one.id === id)?.usdPerMonth.typical ?? 0;

describe('by hand', () => {
  test('idle: alarms; the control plane with its logs, a node with disk and address, KEDA', () => {
    expect(of(tasks, { imagesPerMonth: 0 }).idleUsdPerMonth.typical).toBeCloseTo(5 * 0.1, 9);
    const eks = of(facts()['eks-ec2'], { imagesPerMonth: 0 });
    const keda = (730 * 240 * 4e-7).toFixed(6);
    expect(eks.idleUsdPerMonth.typical).toBeCloseTo(73 + 4 * 0.5 + 58.4 + 1.6 + 3.65 + Number(keda) + 2 * 0.1, 6);
    expect(eks.usdPerMillion).toBeNull();
  });

  test('a cluster on Fargate: five small pods, day and night, and the NAT gateway', () => {
    const eks = of(facts()['eks-fargate'], { imagesPerMonth: 0 });
    expect(typical(eks, 'fargate.vcpu.idle')).toBeCloseTo(5 * 0.25 * 730 * 0.05, 9);
    expect(typical(eks, 'fargate.memory.idle')).toBeCloseTo(5 * 0.5 * 730 * 0.006, 9);
    expect(typical(eks, 'nat') + typical(eks, 'nat.ipv4')).toBeCloseTo(730 * 0.05, 9);
  });

  test('a function: duration with starts, invocations', () => {
    // 1,000 bursts of 1,000: each starts 1,000 environments for a second, and works for 250 s.
    const found = of(aFunction);
    const seconds = 1000 * (1000 * 1 + 250);
    expect(typical(found, 'function.duration')).toBeCloseTo((seconds * 1769 * 1e-5) / 1024, 4);
    expect(typical(found, 'function.requests')).toBeCloseTo(0.2, 9);
  });

  test('tasks: a burst of 10, on its own, runs one task until five empty minutes are over', () => {
    // Of the samples, one a minute, the first sees ten images, the second four that the six held hide not, the third that
    // they were received, and then five see nothing.
    const found = of(tasks, { imagesPerMonth: 1000, imagesPerBurst: 10 });
    const one = 60 * 7 + 0.1 * 90;
    expect(typical(found, 'fargate.vcpu.called')).toBeCloseTo((100 * one * 0.04) / 3600, 6);
    expect(typical(found, 'ipv4.called')).toBeCloseTo((100 * one * 0.005) / 3600, 6);
    expect(typical(found, 'queue')).toBeCloseTo(3000 * 4e-7, 12);
    // Six loops that ask every 20 s while the task is there and does nothing.
    expect(typical(found, 'queue.empty')).toBeCloseTo(((100 * one - 1000 * 0.25) * 6 * 4e-7) / 20, 9);
  });

  test('tasks: one image every 26 s keeps one all month', () => {
    const found = of(tasks, { imagesPerMonth: 1e5, imagesPerBurst: 1 });
    expect(typical(found, 'fargate.memory.called')).toBeCloseTo(730 * 2 * 0.005, 3);
  });

  test('the pictures in S3 are apart: uploads, reads, writes, and what is kept for how long', () => {
    const found = of(tasks);
    expect(typical(found, 's3.upload') + typical(found, 's3.put')).toBeCloseTo(1e6 * 4 * 5e-6, 9);
    expect(typical(found, 's3.get')).toBeCloseTo(1e6 * 4e-7, 9);
    expect(typical(found, 's3.source')).toBeCloseTo(((1e6 * 4e6 * 16) / (730 / 24) / 1024 ** 3) * 0.02, 6);
    const shared = found.items.filter((item) => item.shared).reduce((sum, item) => sum + item.usdPerMonth.typical, 0);
    expect(found.usdPerMonth.typical - found.computeUsdPerMonth.typical).toBeCloseTo(shared, 9);
  });

  test('tiers, and a market price', () => {
    const tiers = [
      { from: 0, usd: 3 },
      { from: 10, usd: 2 },
    ];
    expect([5, 10, 15].map((quantity) => amount(tiers, quantity))).toEqual([15, 30, 40]);
    const market = { ...(prices[0] as Price), tiers: [{ from: 0, usd: 2 }], highUsd: 4 };
    expect([0, 0.5, 1].map((part) => usdAt(market, 10, part))).toEqual([20, 30, 40]);
  });
});

describe('switches', () => {
  test('free tier: what an account has for nothing is taken off, and no more', () => {
    const free = of(aFunction, { freeTier: true });
    expect(typical(of(aFunction), 'function.duration') - typical(free, 'function.duration')).toBeCloseTo(4, 9);
    expect(typical(free, 'dashboards')).toBe(0);
    expect(
      typical(of(aFunction, { freeTier: true, imagesPerMonth: 1000, imagesPerBurst: 1 }), 'function.duration'),
    ).toBe(0);
  });

  test('savings plan: only what runs in every hour', () => {
    const vcpu = (changed: Partial<Inputs>) => typical(of(tasks, changed), 'fargate.vcpu.called');
    const hourly = { imagesPerMonth: 1e5, imagesPerBurst: 1 };
    expect(vcpu({ ...hourly, savingsPlan: true })).toBeCloseTo(0.75 * vcpu(hourly), 9);
    // A plan is for compute, and an address is none.
    const addresses = (changed: Partial<Inputs>) => typical(of(tasks, changed), 'ipv4.called');
    expect(addresses({ ...hourly, savingsPlan: true })).toBe(addresses(hourly));
    const rare = { imagesPerMonth: 1000, imagesPerBurst: 100 };
    expect(vcpu({ ...rare, savingsPlan: true })).toBe(vcpu(rare));
  });

  test('Spot: its price, in the middle of what was seen; none for pods on Fargate', () => {
    const spot = of(tasks, { spot: true });
    expect(typical(spot, 'fargate.vcpu.called') / typical(of(tasks), 'fargate.vcpu.called')).toBeCloseTo(
      0.02 / 0.04,
      9,
    );
    expect(spot.items.find(({ id }) => id === 'fargate.vcpu.called')?.usdPerMonth.high).toBeGreaterThan(
      typical(spot, 'fargate.vcpu.called'),
    );
    const pods = facts()['eks-fargate'];
    expect(of(pods, { spot: true }).computeUsdPerMonth).toEqual(of(pods).computeUsdPerMonth);
  });

  test('a new account: ten environments at a time', () => {
    const most = (account: Inputs['account']) => of(aFunction, { account }).ceilingImagesPerMonth?.typical as number;
    expect(most('grown') / most('new')).toBeCloseTo(100, 6);
  });

  test('production: a NAT gateway and its address, and no addresses of instances', () => {
    const private_: WayFacts = { ...tasks, natGateways: 1, publicIpv4: false };
    const more = of(private_).computeUsdPerMonth.typical - of(tasks).computeUsdPerMonth.typical;
    expect(more).toBeCloseTo(730 * 0.05 - typical(of(tasks), 'ipv4.called'), 9);
  });
});

test('what has no price is named, and in no sum', () => {
  const without = {
    ...tables,
    prices: { ...tables.prices, prices: tables.prices.prices.filter(({ id }) => id !== 'ipv4.hour') },
  };
  const found = of(tasks, {}, without);
  expect(found.unknown[0]).toEqual({
    label: 'a public IPv4 address for each that comes with the work',
    why: 'no price for ipv4.hour in us-east-1',
  });
  expect(found.computeUsdPerMonth.typical).toBeCloseTo(
    of(tasks).computeUsdPerMonth.typical - typical(of(tasks), 'ipv4.called'),
    9,
  );
});

test('more than the maximum does is told, and billed with a raised one', () => {
  const much = of(tasks, { imagesPerMonth: 1e8, imagesPerBurst: 1 });
  expect(much.ceilingImagesPerMonth?.typical).toBeCloseTo(4 * 4 * 730 * 3600, 0);
  expect(much.overCeiling).toBe(true);
  // 38 a second are 9.5 tasks; ten of them, and a tenth more.
  expect(typical(much, 'fargate.vcpu.called')).toBeCloseTo(11 * 730 * 0.04, 0);
  expect(of(tasks).overCeiling).toBe(false);
});

describe('a figure', () => {
  const estimates = ranges(delays(quick), { ...inputs, cpuSpeed: { low: 0.5, typical: 1, high: 2 } });

  test('has what is typical between its ends, and names what moves it most', () => {
    const { sum } = figures(estimates, (a) => ({ sum: 10 * a['cpu-speed'] + a.moment }));
    expect(sum).toEqual({ low: 5, typical: 10.5, high: 21, dominatedBy: 'cpu-speed' });
    expect(figures(estimates, () => ({ sum: 3 })).sum).toEqual({ low: 3, typical: 3, high: 3, dominatedBy: null });
  });

  test('spans what one assumption alone does, also where others undo it', () => {
    const { difference } = figures(estimates, (a) => ({ difference: a['cpu-speed'] - 2 * a.moment }));
    expect(difference).toEqual({ low: -1, typical: 0, high: 1, dominatedBy: 'moment' });
  });

  test('of every way at several volumes is in order', () => {
    for (const way of COMPUTES) {
      for (const imagesPerMonth of [0, 1e4, 1e6]) {
        const { usdPerMonth, idleUsdPerMonth, computeUsdPerMonth } = cost(facts()[way], real, {
          ...inputs,
          imagesPerMonth,
        });
        for (const { low, typical: middle, high } of [usdPerMonth, idleUsdPerMonth, computeUsdPerMonth]) {
          expect(low <= middle && middle <= high).toBe(true);
        }
        expect(usdPerMonth.typical).toBeGreaterThanOrEqual(idleUsdPerMonth.typical);
      }
    }
  });
});

describe('the map', () => {
  const wide: Inputs = { ...inputs, cpuSpeed: { low: 0.5, typical: 1, high: 2 } };

  test('names those that come within a tenth of the cheapest at one end or another, the cheapest first', () => {
    for (const [imagesPerMonth, imagesPerBurst] of [
      [1e4, 1],
      [1e6, 1000],
      [1e7, 1e4],
    ] as const) {
      const given = { ...wide, imagesPerMonth, imagesPerBurst };
      const { contenders } = cell(facts(), real, given);
      const usd = COMPUTES.map((way) => ({ way, range: computeRange(facts()[way], real, given) }));
      const near = (['typical', 'low', 'high'] as const).flatMap((end) => {
        const best = Math.min(...usd.map(({ range }) => range[end]));
        return usd.filter(({ range }) => range[end] <= 1.1 * best).toSorted((x, y) => x.range[end] - y.range[end]);
      });
      expect(contenders).toEqual([...new Set(near.map(({ way }) => way))]);
    }
  });

  test('has no bursts that are more than a month brings, and every other cell', () => {
    const cells = costMap(facts(), real, wide, { volumes: [1e3, 1e5], bursts: [1, 1e4] });
    expect(cells.map(({ imagesPerMonth, imagesPerBurst }) => [imagesPerMonth, imagesPerBurst])).toEqual([
      [1e3, 1],
      [1e5, 1],
      [1e5, 1e4],
    ]);
    expect([VOLUMES, BURSTS].map(({ length }) => length)).toEqual([11, 7]);
  });
});
