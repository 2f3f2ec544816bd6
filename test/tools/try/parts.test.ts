import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { tables } from '../../../tools/compare/data/tables';
import { burst } from '../../../tools/compare/model/arrivals';
import { readFacts } from '../../../tools/compare/model/facts';
import { outcome } from '../../../tools/compare/page/results';
import { START } from '../../../tools/compare/page/state';
import { outstanding, sparks, stepped } from '../../../tools/try/chart';
import {
  addLeftovers,
  type Deployment,
  newestDeployment,
  readDeployment,
  saveDeployment,
  seenText,
} from '../../../tools/try/evidence';
import { inputsOf, measuredWork, mostUsd, predict, workOf } from '../../../tools/try/predict';
import { ANOTHER_CPU, difference } from '../../../tools/try/verify';
import { COMPUTES } from '../../../workload/contract';
import { cornered } from '../../support/pictures';
import { templates } from '../../support/templates';

describe('a prediction', () => {
  const facts = readFacts(templates());
  const measured = measuredWork();
  const work = workOf(measured, { megapixels: START.megapixels, format: 'jpeg' }, 'webp');

  test.each(COMPUTES)('of one photograph to %s is what the comparison shows', async (way) => {
    const inputs = await inputsOf([work], 'us-east-1');
    const model = { facts: { sandbox: facts, production: facts }, tables, job: inputs.job, measured };
    const { first, units } = outcome(model, START, way, burst(1)).figures;
    const { figures } = predict(facts[way], inputs, { moments: [0], works: [work] });
    for (const name of ['first', 'last', 'p50', 'p95'] as const) {
      for (const end of ['low', 'typical', 'high'] as const)
        expect(figures[name]?.[end]).toBeCloseTo(first?.[end] ?? 0, 1);
    }
    expect(figures.units?.high).toBe(units?.high);
    expect(figures.outstanding?.high).toBe(1);
  });

  test('says of small pictures among large ones that they are done sooner', async () => {
    const small = workOf(measured, { megapixels: 0.1, format: 'jpeg' }, 'webp');
    const works = [work, small, work, small];
    const { figures } = predict(facts.lambda, await inputsOf(works, 'us-east-1'), { moments: [0, 0, 0, 0], works });
    expect(figures.first?.typical).toBeLessThan(figures.last?.typical ?? 0);
    expect(figures.p50).toEqual(figures.first);
    expect(figures.p95).toEqual(figures.last);
  });

  test('costs more the longer it lasts, and in a region without prices as much as in the dearest', async () => {
    const works = Array.from({ length: 100 }, () => work);
    const inputs = await inputsOf(works, 'us-east-1');
    const moments = works.map((_, index) => index * 60);
    const cost = (region: string, arrivals = burst(100) as Parameters<typeof mostUsd>[3]) =>
      mostUsd(facts.ec2, inputs, region, arrivals);
    expect(cost('us-east-1', { moments }).usd).toBeGreaterThan(cost('us-east-1').usd);
    const all = ['us-east-1', 'eu-west-1', 'ap-northeast-2'].map((region) => cost(region));
    expect(cost('eu-central-1').usd).toBe(Math.max(...all.map(({ usd }) => usd)));
  });
});

describe('two renditions', () => {
  const rendition = async (change: (image: Sharp) => Sharp = (image) => image) => ({
    width: 160,
    height: 100,
    bytes: await change(cornered(160, 100)).webp({ lossless: true }).toBuffer(),
  });

  test('are the same when no pixel is further off than another CPU may bring about', async () => {
    const here = await rendition();
    expect(await difference(here.bytes, here)).toBeUndefined();
    const brighter = (by: number) => rendition((image) => image.linear(1, by));
    // Red and green are not at their end, so all of the change is seen.
    const within = Math.floor(ANOTHER_CPU.mean);
    expect(await difference((await brighter(within)).bytes, here)).toBeUndefined();
    expect(await difference((await brighter(ANOTHER_CPU.most + 1)).bytes, here)).toMatch(
      /^differs from here by up to \d+ of/,
    );
  });

  test('differ in size, or one of them is no picture', async () => {
    const here = await rendition();
    const turned = await sharp(here.bytes).rotate(90).webp().toBuffer();
    expect(await difference(turned, here)).toBe('is 100 x 160 px, and here 160 x 100');
    expect(await difference(Buffer.from('no'), here)).toBe('is no picture');
  });
});

test('what is open at a time is what came and has no result, until the end of the run', () => {
  const open = outstanding([0, 0, 1], [2, 5], 6);
  expect([0, 1, 2, 4, 5, 6].map(open)).toEqual([2, 3, 2, 2, 1, 1]);
  expect(open(7)).toBeNaN();
  const at = stepped(
    [
      { seconds: 0, n: 1 },
      { seconds: 3, n: 2 },
    ],
    ({ n }) => n,
  );
  expect([0, 2, 3].map(at)).toEqual([1, 1, 2]);
  expect(at(4)).toBeNaN();
});

test('the course of a load fits the terminal', () => {
  const course = { title: 'Tasks', label: 'tasks', measured: (at: number) => at, simulated: () => 4 };
  for (const [columns, widest] of [
    [60, 60],
    [80, 68],
    [200, 68],
  ] as const) {
    const lines = sparks(course, 4, columns);
    expect(lines[0]).toBe('Tasks, at most 4');
    expect(Math.max(...lines.map((line) => line.length))).toBe(widest);
  }
});

describe('what was seen of deployments', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'evidence-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const seen = (date: string, problems: string[] = []): Deployment => ({
    schema: 1,
    date,
    way: 'lambda',
    stack: 'ResizeOnLambda',
    region: 'eu-west-1',
    template: '0'.repeat(64),
    versions: { node: '24.0.0' },
    load: { uploads: 1, pictures: 1, perSecond: null },
    figures: [],
    problems,
  });

  test('is nothing at first, and then the last of a way', () => {
    expect(seenText(newestDeployment('lambda', root))).toBe('not yet seen on AWS');
    saveDeployment(seen('2026-12-02T10:00:00.000Z', ['a', 'b']), root);
    saveDeployment(seen('2026-12-01T10:00:00.000Z'), root);
    expect(newestDeployment('ec2', root)).toBeUndefined();
    expect(seenText(newestDeployment('lambda', root))).toBe(
      'seen on AWS on 2026-12-02, in eu-west-1: 2 things were wrong',
    );
  });

  test('counts what was wrong', () => {
    expect(seenText(seen('2026-12-02T10:00:00.000Z', ['a']))).toMatch(/: one thing was wrong$/);
    expect(seenText(seen('2026-12-02T10:00:00.000Z'))).toMatch(/: nothing was wrong$/);
  });

  test('has room for what was left of it, and none for an account', () => {
    const file = saveDeployment(seen('2026-12-02T10:00:00.000Z', ['arn:aws:sqs:eu-west-1:123456789012:q']), root);
    addLeftovers(file, 'ResizeOnLambda', { date: '2026-12-03T00:00:00.000Z', lines: ['a bucket in 123456789012'] });
    expect(readDeployment(file)).toEqual({
      ...seen('2026-12-02T10:00:00.000Z', ['arn:aws:sqs:eu-west-1:<account>:q']),
      leftovers: { date: '2026-12-03T00:00:00.000Z', lines: ['a bucket in <account>'] },
    });
    expect(readFileSync(file, 'utf8')).not.toContain('123456789012');
  });

  test('is refused, by its name, where it is something else', () => {
    const file = saveDeployment(seen('2026-12-02T10:00:00.000Z'), root);
    for (const text of ['{', '{}', '{"schema":2}']) {
      writeFileSync(file, text);
      expect(() => newestDeployment('lambda', root)).toThrow(
        `${file} is not what npm run try -- <Stack> --save writes`,
      );
    }
  });
});
