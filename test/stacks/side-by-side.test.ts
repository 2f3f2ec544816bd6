import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { WAYS as LIST, POLLING, sourceOf } from '../../lib/ways';
import { WAYS, type Way } from '../support/synth';

/** The rows of the comparison: a section that a service makes unnecessary keeps its heading and says why. */
const SECTIONS = [
  'Data',
  'Network',
  'Logs',
  'Package',
  'Compute',
  'Trigger',
  'Permissions',
  'Scaling',
  'Outputs',
] as const;
type Section = (typeof SECTIONS)[number];

const SOURCES = Object.fromEntries(
  WAYS.map((way) => [way, readFileSync(path.resolve(__dirname, '../..', sourceOf(way)), 'utf8')]),
) as Record<Way, string>;

const HEADING = /^ {4}\/\/ (\d)\. (\w+)$/gm;

const headings = (way: Way) => [...SOURCES[way].matchAll(HEADING)].map(([, number, name]) => `${number}. ${name}`);

/** What stands under a heading. */
function section(way: Way, name: Section): string {
  const [, ...parts] = SOURCES[way].split(HEADING);
  const text = parts[parts.indexOf(name) + 1] ?? '';
  // The last one ends with the constructor.
  return text
    .replace(/\n {2}\}\n\}\n$/, '')
    .replace(/^\n/, '')
    .trimEnd();
}

/** Without comments. */
const code = (text: string) => text.replace(/^ *\/\/.*\n?/gm, '');

/** The variables that a section declares. */
const variables = (text: string) => [...text.matchAll(/^ {4}const (\w+) =/gm)].map(([, name]) => name as string);

/** By alarms on the job queue. EC2 is the first of them. */
const SCALED_BY_ALARMS = POLLING.filter((way) => LIST[way].orchestrator !== 'EKS');

describe.each(WAYS)('%s', (way) => {
  test('has the nine sections, in order', () => {
    expect(headings(way)).toEqual(SECTIONS.map((name, index) => `${index + 1}. ${name}`));
  });

  test.each(SECTIONS)('says something under %s', (name) => {
    expect(section(way, name)).toMatch(/^ {4}(\/\/ )?\w.{10}/);
  });

  test('introduces itself as the others do: what it is, when to choose it, what to compare it with', () => {
    const [, comment = ''] =
      /\/\*\*\n((?: \*.*\n)+) \*\/\nexport class \w+Stack extends cdk\.Stack \{/.exec(SOURCES[way]) ?? [];
    const paragraphs = comment.split(/^ \*$/m).map((text) => text.replace(/^ \* /gm, '').trim().replaceAll('\n', ' '));
    expect(paragraphs).toEqual([
      expect.stringMatching(/^Resizes images [^.]+\.$/),
      expect.stringMatching(
        /^[A-Z].+\. Choose it when .+\. Compare section by section with the other `\*-stack\.ts` files\.$/,
      ),
    ]);
  });

  test('fits on a few screens', () => {
    const lines = SOURCES[way].split('\n').length - 1;
    expect(lines).toBeLessThanOrEqual(
      { ec2: 150, lambda: 95, 'ecs-fargate': 135, 'eks-ec2': 190, 'ecs-ec2': 205, 'eks-fargate': 195 }[way],
    );
  });

  test('has a snapshot of its template', () => {
    expect(existsSync(path.join(__dirname, `__snapshots__/${way}-stack.test.ts.snap`))).toBe(true);
  });

  test('stands alone: no base class, no pattern, no other stack', () => {
    const imports = [...SOURCES[way].matchAll(/from '([^']+)'/g)].map(([, name]) => name as string);
    expect(imports.filter((name) => /-stack$|-patterns$/.test(name))).toEqual([]);
    expect(SOURCES[way].match(/extends .*/g)).toEqual(['extends cdk.Stack {']);
  });

  test('calls what plays the same part by the same name, and makes it in the same section', () => {
    const queue = way === 'lambda' ? 'failures' : 'jobs';
    expect(variables(section(way, 'Data'))).toEqual(['buckets', queue]);
    expect(variables(section(way, 'Logs'))).toContain('logGroup');
    expect(variables(section(way, 'Compute'))).toContain('role');
    expect(variables(section(way, 'Trigger'))).toEqual(['prefix']);
    expect(section(way, 'Data')).toContain("const buckets = new ImageBuckets(this, 'Images');");
    expect(section(way, 'Logs')).toContain("const logGroup = new logs.LogGroup(this, 'Logs', ownedLogGroup);");
    expect(section(way, 'Permissions')).toContain('buckets.grantResize(role);');
  });

  test('says in the same words, subject first, what outlives the workers', () => {
    const text = section(way, 'Compute').replace(/(\/\/.*)\n {4}\/\/ /g, '$1 ');
    expect(text).toMatch(
      /^ {4}\/\/ The [a-z, ]+ exists? before the first worker and (is|are) deleted after the last\.\n.*\.node\.addDependency\(.*\bbuckets\.output\);$/m,
    );
  });
});

describe('the ways that poll', () => {
  test.each(['Data', 'Trigger', 'Outputs'] as const)('have the same %s', (name) => {
    const [first, ...others] = POLLING.map((way) => code(section(way, name)));
    for (const other of others) expect(other).toBe(first);
  });

  test('have the same network, and all but EKS the same security group in it', () => {
    const network =
      /^ {4}const \{ vpc, vpcSubnets,.* route \} = new Network\(this, 'Network', \{ production(: true)?, zones \}\);$/m;
    for (const way of POLLING) expect(code(section(way, 'Network'))).toMatch(network);
    for (const way of SCALED_BY_ALARMS) expect(code(section(way, 'Network'))).toBe(code(section('ec2', 'Network')));
  });

  test('give the worker the same permissions first, and then what the platform does not do by itself', () => {
    for (const way of POLLING) {
      expect(code(section(way, 'Permissions'))).toMatch(
        /^ {4}buckets\.grantResize\(role\);\n {4}jobs\.grantWork\(role\);/,
      );
    }
  });
});

test('EC2 and ECS scale by the same words', () => {
  const [ec2, ...ecs] = SCALED_BY_ALARMS.map((way) =>
    code(section(way, 'Scaling'))
      .split('\n')
      // What scales is another thing, and how long that takes to start.
      .filter((line) => !/autoScaleTaskCount|estimatedInstanceWarmup|cooldown/.test(line))
      .map((line) => line.replace(/\b(group|scaling)\.scaleOnMetric/, 'it.scaleOnMetric'))
      .map((line) => line.replace(/\b(autoscaling|appscaling)\./, ''))
      .map((line) => line.replace(/ *\/\/.*/, '')),
  );
  for (const lines of ecs) expect(lines).toEqual(ec2);
  expect(ec2).toContain("    it.scaleOnMetric('ScaleIn', {");
});
