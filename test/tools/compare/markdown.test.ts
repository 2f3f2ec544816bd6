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

  test('has whole tables, and every way in each that is of the ways', async () => {
    const text = markdown(await comparison());
    const tables = text.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables.length).toBeGreaterThan(5);
    for (const table of tables) {
      const cells = table.split('\n').map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(cells).size).toBe(1);
    }
    expect(
      text.match(/^\|.* \| EC2 \| Lambda \| ECS on Fargate \| EKS on EC2 \| ECS on EC2 \| EKS on Fargate \|$/gm),
    ).toHaveLength(2);
  });

  test('has a grid of six ways, each with what it costs, when it begins and what ends its jobs', async () => {
    const text = markdown(await comparison());
    const [grid = ''] = text.split('\n\n').filter((part) => part.includes('| nobody orchestrates | ECS | EKS |'));
    const cell = (way: Compute) => grid.split('|').find((each) => each.includes(`(docs/${way}.md)`)) ?? '';
    for (const way of COMPUTES) {
      expect(cell(way)).toMatch(
        /\$\S+ .*idle a month<br>\$\S+ \(.* a million images, at 1M a month, without S3 and the dashboard<br>first result after \d/,
      );
    }
    expect(cell('ec2')).toContain('<br>12 h; 90 s once its instance is stopped, after 7 days at the latest');
    expect(cell('eks-fargate')).toMatch(/<br>12 h; 90 s once its pod is stopped $/);
    expect(cell('lambda')).toContain('<br>1 min; up to 15 min can be set');
    expect(text).toContain('decoding ends after 20 s of CPU, or 30 s in all.');
  });

  test('says what is not measured, and shows it when it is', async () => {
    expect(markdown(await comparison())).toContain('Not measured: `npm run faults`.');
    const measured = markdown(await compare({ ...sources(), faults }));
    expect(measured).toContain('On 2026-11-02, on endpoints that imitate AWS, seed 7');
    expect(measured).toContain('| kill | Lambda | yes | 200 | 12 |');
    expect(measured).toContain('Measured: 12 kills in 200 images, none lost.');
    expect(measured).toMatch(/\n- kill: workers killed at seven points of a job;/);
    expect(measured).toMatch(/Not measured in this run: .*outage.*, soak\./);
  });

  test('says once what ways have in common, and names each picture that is made', async () => {
    const made = await comparison();
    const text = markdown(made);
    expect(text).toMatch(/### A corrupt image\n\n- \*\*All\*\*: .*tries it again\.\n/);
    expect(text).toMatch(/### container base\n\n- \*\*EC2, Lambda\*\*: none\n- \*\*/);
    const named = [...text.matchAll(/\]\((docs\/diagrams\/[^)]+)\)/g)].map(([, file]) => file);
    const drawn = [...charts(made).map(({ file }) => file), ...COMPUTES.map((way) => `docs/diagrams/${way}.svg`)];
    expect(named.sort()).toEqual(drawn.sort());
    expect(
      readdirSync(path.join(ROOT, 'docs/diagrams'))
        .map((name) => `docs/diagrams/${name}`)
        .sort(),
    ).toEqual(drawn);
  });
});

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
  expect(markdown(after)).not.toBe(markdown(before));
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
