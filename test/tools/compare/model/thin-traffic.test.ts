import { tables } from '../../../../tools/compare/data/tables';
import { poisson } from '../../../../tools/compare/model/arrivals';
import { readFacts } from '../../../../tools/compare/model/facts';
import { LATE_SECONDS, simulate, simulateWay } from '../../../../tools/compare/model/scale';
import type { Arrivals, QueueMetric, ScaleInputs, WayFacts } from '../../../../tools/compare/model/types';
import { Random } from '../../../../tools/faults/random';
import { templates } from '../../../support/templates';
import { inputs } from './fixtures';

/**
 * Images that come by chance and few at a time, by the scaling rules of the templates and the delays and prices of the
 * tables: how often the last unit goes although more is to come, who waits for it, and what it costs.
 */

const WAYS = ['ec2', 'ecs-fargate'] as const;
const facts = readFacts(templates());

const DAY = 86_400;
const HOURS_PER_MONTH = 730;

/** Images a second, and the days that are simulated: more where less happens. */
const RATES = [
  [0.003, 60],
  [0.01, 30],
  [0.2, 4],
  [1, 1],
] as const;

/** What has to be nothing for five minutes before units are taken away: as it was before, and as the templates have it. */
const RULES = {
  'what is in the queue, a sample a minute': ['notVisible', 'visible'],
  'what is in the queue, and what was received': ['notVisible', 'received', 'visible'],
} as const satisfies Record<string, readonly QueueMetric[]>;
type Rule = keyof typeof RULES;

function scalingIn(way: WayFacts, metrics: readonly QueueMetric[]): WayFacts {
  if (way.scaling.kind !== 'steps') throw new Error(`${way.way} does not scale by alarms`);
  const rules = way.scaling.rules.map((rule) => (rule.direction === 'in' ? { ...rule, metrics } : rule));
  return { ...way, scaling: { ...way.scaling, rules } };
}

/** Half a second of work for each image. */
const given = (arrivals: Arrivals, afterIdle = false): ScaleInputs => ({
  ...inputs,
  work: { ...inputs.work, cpuSeconds: { low: 0.5, high: 0.5 } },
  arrivals,
  afterIdle,
});

/** With every delay at its low end, and with every delay at its high end. */
function figures(way: WayFacts, perSecond: number, days: number) {
  const random = new Random(1);
  const arrivals = poisson(perSecond, days * DAY, () => random.next());
  const { low, high, usd } = simulateWay(way, tables, given(arrivals));
  const ends = [low, high];
  return {
    // The last one is when nothing comes any more.
    scaleInsPerDay: ends.map(({ scaleIns }) => (scaleIns - 1) / days),
    latePercent: ends.map(({ late, points }) => (100 * (late ?? Number.NaN)) / (points.at(-1)?.done ?? 0)),
    usdPerMonth: [usd?.low, usd?.high].map((amount = Number.NaN) => (amount * HOURS_PER_MONTH) / (days * 24)),
  };
}

const found = WAYS.flatMap((way) =>
  RATES.flatMap(([perSecond, days]) =>
    (Object.keys(RULES) as Rule[]).map((rule) => ({
      way,
      perSecond,
      rule,
      ...figures(scalingIn(facts[way], RULES[rule]), perSecond, days),
    })),
  ),
);
const of = (...[way, perSecond, rule]: readonly [(typeof WAYS)[number], number, Rule]) =>
  found.find(
    (each) => each.way === way && each.perSecond === perSecond && each.rule === rule,
  ) as (typeof found)[number];

const [SAMPLES, RECEIVED] = Object.keys(RULES) as [Rule, Rule];

test.each(WAYS)('%s scales in when nothing is in the queue, and nothing was received', (way) => {
  const { scaling } = facts[way];
  const [rule] = scaling.kind === 'steps' ? scaling.rules.filter(({ direction }) => direction === 'in') : [];
  expect([...(rule?.metrics ?? [])].sort()).toEqual(RULES[RECEIVED]);
  expect(rule).toMatchObject({ threshold: 0, periodSeconds: 60, evaluationPeriods: 5, datapointsToAlarm: 5 });
});

test.each(WAYS.flatMap((way) => [0.2, 1].map((perSecond) => [way, perSecond] as const)))(
  'on %s, %d images a second do not look idle: under 5 scale-ins a day, under 3 %% wait for more than half a minute',
  (way, perSecond) => {
    expect(LATE_SECONDS).toBe(30);
    const { scaleInsPerDay, latePercent } = of(way, perSecond, RECEIVED);
    expect(Math.max(...scaleInsPerDay)).toBeLessThan(5);
    expect(Math.max(...latePercent)).toBeLessThan(3);
    // By samples alone they would.
    const before = of(way, perSecond, SAMPLES);
    expect(Math.min(...before.scaleInsPerDay)).toBeGreaterThan(10);
    expect(Math.max(...before.latePercent)).toBeGreaterThan(5);
  },
);

test('the figures', () => {
  const range = (ends: readonly number[], digits: number) => {
    const [from, to] = [Math.min(...ends), Math.max(...ends)].map((value) => value.toFixed(digits));
    return from === to ? from : `${from} to ${to}`;
  };
  const lines = found.map(
    ({ way, perSecond, rule, scaleInsPerDay, latePercent, usdPerMonth }) =>
      `${way}, ${perSecond} a second, by ${rule}: ${range(scaleInsPerDay, 0)} scale-ins a day, ${range(latePercent, 1)} % late, $${range(usdPerMonth, 0)} a month`,
  );
  expect(`\n${lines.join('\n')}\n`).toMatchSnapshot();
});

test.each([
  // 60 s until S3 delivers, 60 s until the next sample, 60 s until it is known, then a unit starts, and works for 0.5 s.
  ['ec2', 360.5],
  ['ecs-fargate', 242.5],
] as const)('on %s, the first result after a quiet night is there after %d s at the latest', (way, seconds) => {
  const first = (facts: WayFacts) =>
    simulate(facts, tables, given({ kind: 'burst', images: 1, overSeconds: 0 }, true), 'high').firstResultSeconds;
  expect(first(facts[way])).toBeLessThanOrEqual(seconds);
  // Without the schedule SQS may have fallen asleep.
  expect(first({ ...facts[way], queueAccessSeconds: null })).toBeGreaterThan(15 * 60);
});
