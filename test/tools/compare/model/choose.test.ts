import { FOUR_WAYS } from '../../../../lib/ways';
import { tables } from '../../../../tools/compare/data/tables';
import { choose, QUESTIONS } from '../../../../tools/compare/model/choose';
import { findPrice } from '../../../../tools/compare/model/cost';
import { readFacts } from '../../../../tools/compare/model/facts';
import type { Answers, Choice, Reason } from '../../../../tools/compare/model/types';
import { START } from '../../../../tools/compare/page/state';
import { templates } from '../../../support/templates';

const every: Answers[] = Object.entries(QUESTIONS).reduce<Partial<Answers>[]>(
  (partial, [key, { answers }]) => partial.flatMap((chosen) => answers.map((answer) => ({ ...chosen, [key]: answer }))),
  [{}],
) as Answers[];

const choices: [Answers, Choice][] = every.map((answers) => [answers, choose(answers)]);

const where = (bad: (answers: Answers, choice: Choice) => boolean) =>
  choices.filter(([answers, choice]) => bad(answers, choice)).map(([answers]) => answers);

test('every combination of answers is tried', () => {
  expect(every).toHaveLength(5 * 3 * 3 * 3 * 4 * 3);
});

test('one or two ways, or none of these four and what instead', () => {
  expect(where((_, { ways, instead }) => (ways.length === 0 ? !instead : instead !== null || ways.length > 2))).toEqual(
    [],
  );
  expect(where((_, { ways }) => new Set(ways).size !== ways.length)).toEqual([]);
});

test('jobs near or over 15 minutes, and deep learning, never land on Lambda', () => {
  const never = ({ job, host }: Answers) =>
    job === 'over 15 minutes' || job === 'close to 15 minutes' || host === 'gpu';
  expect(where((answers, { ways }) => never(answers) && ways.includes('lambda'))).toEqual([]);
});

test('jobs that outlive the receive of their message land on none of these four', () => {
  expect(where(({ job }, { ways }) => job === 'over 12 hours' && ways.length > 0)).toEqual([]);
  const answers = { ...START, job: 'over 12 hours' } as const;
  expect(choose(answers).instead).toMatch(/^A job that takes longer than SQS hides a message/);
});

test('nothing that needs a host of its own lands where there is none', () => {
  expect(
    where(
      ({ host }, { ways }) => host !== 'nothing special' && (ways.includes('lambda') || ways.includes('ecs-fargate')),
    ),
  ).toEqual([]);
});

test('nobody on call never gets machines or clusters', () => {
  expect(
    where(({ onCall }, { ways }) => onCall === 'nobody' && (ways.includes('ec2') || ways.includes('eks-ec2'))),
  ).toEqual([]);
});

test('Kubernetes is not bought for one job, and not left out where it has to be', () => {
  expect(where(({ kubernetes }, { ways }) => kubernetes === 'no' && ways.includes('eks-ec2'))).toEqual([]);
  expect(
    where(({ kubernetes }, { ways }) => kubernetes === 'has to be' && ways.some((way) => way !== 'eks-ec2')),
  ).toEqual([]);
});

test('each of the four is the first answer to something, and none of them is the answer to something', () => {
  const first = new Set(choices.map(([, { ways }]) => ways[0]));
  expect([...first].filter(Boolean).sort()).toEqual([...FOUR_WAYS].sort());
  expect(first.has(undefined)).toBe(true);
});

test('no way is both chosen and ruled out, and every reason is for one that is chosen', () => {
  expect(where((_, { ways, against }) => ways.some((way) => against[way]))).toEqual([]);
  const reasoned = ({ reasons }: Choice) => [...new Set(reasons.map(({ way }) => way))].sort();
  expect(where((_, choice) => reasoned(choice).join() !== [...choice.ways].sort().join())).toEqual([]);
});

test('every reason rests on something that is there', () => {
  const facts = readFacts(templates());
  const figures =
    /^(idle-cost\.(lambda|ecs-fargate|ec2|eks-ec2)|cost-curves|break-even|owned\.(lambda|ecs-fargate|ec2|eks-ec2)\.[\w -]+)$/;
  const there = ({ restsOn }: Reason) => {
    const [, kind, name = ''] = /^(\w+):(.+)$/.exec(restsOn) ?? [];
    if (kind === 'delay') return name in tables.delays;
    if (kind === 'price') return findPrice(tables.prices, name, 'us-east-1') !== undefined;
    if (kind === 'figure') return figures.test(name);
    const value = name
      .split('.')
      .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], facts);
    return kind === 'fact' && value !== undefined;
  };
  const reasons = choices.flatMap(([, { reasons: found, against }]) => [...found, ...Object.values(against).flat()]);
  expect([...new Set(reasons.filter((reason) => !there(reason)).map(({ restsOn }) => restsOn))]).toEqual([]);
});

test('a picture now and then, and nobody there: Lambda', () => {
  const answers = {
    job: 'seconds',
    arrival: 'rare',
    idle: 'mostly',
    onCall: 'nobody',
    host: 'nothing special',
    kubernetes: 'no',
  } as const;
  expect(choose(answers).ways[0]).toBe('lambda');
});
