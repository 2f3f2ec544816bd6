import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compare } from '../../../tools/compare/comparison';
import { charts, markdown } from '../../../tools/compare/markdown';
import { makeComparison, readFaults } from '../../../tools/compare/run';
import type { Resource } from '../../../tools/templates';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { comparison, faults, sources } from './sources';

// The templates that the other test files read too.
jest.mock('../../../tools/templates', () => jest.requireActual('../../support/templates'));

const ROOT = path.resolve(__dirname, '../../..');
const MEASURED = existsSync(path.join(ROOT, 'evidence/bench/results.json'));

/** What is committed; `git diff` shows what differs once it is made anew. */
const committed = (file: string) =>
  existsSync(path.join(ROOT, file)) ? readFileSync(path.join(ROOT, file), 'utf8') : '';

describe('COMPARISON.md', () => {
  (MEASURED ? test : test.skip)(
    'and its pictures are what npm run compare writes (needs evidence/bench/results.json)',
    async () => {
      const { files } = await makeComparison(ROOT);
      const stale = files.filter(({ file, text }) => !file.startsWith('dist/') && committed(file) !== text);
      expect(stale.map(({ file }) => `${file} is stale: run npm run compare`)).toEqual([]);
    },
  );

  test('cannot be made without measurements, and says what to do', async () => {
    await expect(makeComparison('/nowhere')).rejects.toThrow(
      /^there are no measurements in \S+results\.json: run npm run bench$/,
    );
  });

  test('is three screens: at most 80 lines, and what is longer stands behind it', async () => {
    const [short, long] = await made();
    expect(short?.file).toBe('COMPARISON.md');
    expect(short?.text.split('\n').length).toBeLessThanOrEqual(80);
    const headings = [...(long?.text ?? '').matchAll(/^## (.*)$/gm)].map(([, said = '']) => anchorOf(said));
    const links = [...(short?.text ?? '').matchAll(/\]\(docs\/comparison\.md#([^)]+)\)/g)].map(([, to = '']) => to);
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((to) => !headings.includes(to))).toEqual([]);
  });

  test('has whole tables, and every way in each that is of the ways', async () => {
    const text = (await made()).map((each) => each.text).join('\n');
    const tables = text.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables.length).toBeGreaterThan(5);
    for (const table of tables) {
      const cells = table
        .trim()
        .split('\n')
        .map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(cells).size).toBe(1);
    }
    expect(
      text.match(/^\|.* \| EC2 \| Lambda \| ECS on Fargate \| EKS on EC2 \| ECS on EC2 \| EKS on Fargate \|$/gm),
    ).toHaveLength(3);
  });

  test('has a grid of six ways, each with its lesson, what it costs and when it begins', async () => {
    const [short] = await made();
    const [grid = ''] = (short?.text ?? '')
      .split('\n\n')
      .filter((part) => part.includes('| nobody orchestrates | ECS | EKS |'));
    const cell = (way: Compute) => grid.split('|').find((each) => each.includes(`(docs/${way}.md)`)) ?? '';
    for (const way of COMPUTES) {
      expect(cell(way)).toMatch(
        /\.<br>\$\S+ idle<br>\$\S+ this volume<br>\$\S+ per million<br>\d\S* (s|min|ms) first result<br>not yet seen on AWS /,
      );
    }
  });

  test('says what is not measured, and shows it when it is', async () => {
    const [, without] = await made();
    expect(without?.text).toContain('Not measured: `npm run faults`.');
    const [, { text: measured } = { text: '' }] = markdown(await compare({ ...sources(), faults }));
    expect(measured).toContain('On 2026-11-02, on endpoints that imitate AWS, seed 7');
    expect(measured).toContain('| kill | Lambda | yes | 200 | 12 |');
    expect(measured).toContain('Measured: 12 kills in 200 images, none lost.');
    expect(measured).toMatch(/\n- kill: workers killed at seven points of a job;/);
    expect(measured).toMatch(/Not measured in this run: .*outage.*, soak\./);
  });

  test('says once what ways have in common, what ends a job, and names each picture that is made', async () => {
    const comparing = await comparison();
    const [, { text } = { text: '' }] = markdown(comparing);
    expect(text).toMatch(/### A corrupt image\n\n- \*\*All\*\*: .*tries it again\.\n/);
    expect(text).toMatch(/### container base\n\n- \*\*EC2, Lambda\*\*: none\n- \*\*/);
    expect(text).toContain('decoding ends after 20 s of CPU, or 30 s in all.');
    expect(text).toMatch(
      /\| longest job \| 12 h; 90 s once its instance is stopped.* \| 1 min; up to 15 min can be set \|/,
    );
    const named = [...text.matchAll(/\]\((diagrams\/[^)]+)\)/g)].map(([, file]) => `docs/${file}`);
    const drawn = [...charts(comparing).map(({ file }) => file), ...COMPUTES.map((way) => `docs/diagrams/${way}.svg`)];
    expect(named.sort()).toEqual(drawn.sort());
    expect(
      readdirSync(path.join(ROOT, 'docs/diagrams'))
        .map((name) => `docs/diagrams/${name}`)
        .sort(),
    ).toEqual(drawn);
  });
});

const made = async () => markdown(await comparison());
/** As a code host makes it of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');

/** What is made of the sources after a change of all resources of a type. */
function changed(way: Compute, type: string, change: (properties: Resource['Properties']) => void) {
  const given = sources();
  for (const { Type, Properties } of Object.values(given.sandbox[way].Resources)) if (Type === type) change(Properties);
  return compare(given);
}

test('a scaling step that is changed is followed: in the simulation, the costs and the diagram', async () => {
  const before = await comparison();
  const after = await changed('ec2', 'AWS::AutoScaling::ScalingPolicy', ({ StepAdjustments }) => {
    for (const step of StepAdjustments) if (step.ScalingAdjustment === 3) step.ScalingAdjustment = 2;
  });
  for (const [i, { text }] of charts(after).entries()) expect(text).not.toBe(charts(before)[i]?.text);
  expect(after.costs.lambda).toEqual(before.costs.lambda);
  expect(markdown(after)).not.toEqual(markdown(before));
  expect(after.architectures[0]?.nodes.find(({ role }) => role === 'scaler')?.detail).toBe('+1, +2, \u22124');
});

test('a visibility timeout is followed by whoever rewrites what is said of it: until then there is no comparison', async () => {
  const made = changed('ecs-fargate', 'AWS::SQS::Queue', (queue) => {
    if (queue.RedrivePolicy) queue.VisibilityTimeout = 77;
  });
  await expect(made).rejects.toThrow(
    'tools/compare/data/failure.json: "A killed worker" is no longer true of ecs-fargate: it rests on AWS::SQS::Queue VisibilityTimeout 120, but the template says 77',
  );
});

test('fault results of another shape are refused, by name and with the remedy', () => {
  expect(readFaults('/nowhere/results.json')).toBeUndefined();
  expect(() => readFaults(path.join(ROOT, 'package.json'))).toThrow(
    /package\.json has schema undefined, expected 1.*: run npm run faults$/,
  );
});
