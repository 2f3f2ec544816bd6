import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FOUR_WAYS, type FourWay, POLLING, pageOf, sourceOf, WAYS } from '../lib/ways';
import { tables } from '../tools/compare/data/tables';
import { findPrice, usdAt } from '../tools/compare/model/cost';
import { readFacts } from '../tools/compare/model/facts';
import type { Price } from '../tools/compare/model/types';
import { COMPUTES, DEFAULTS, ENV, RETRY_SECONDS } from '../workload/contract';
import { templates } from './support/templates';

const ROOT = path.resolve(__dirname, '..');
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const PACKAGE = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

/** The cells of the table under a heading, without its head. */
function table(heading: string): string[][] {
  const section = README.split(new RegExp(`^#+ ${heading}$`, 'm'))[1]?.split(/^#+ /m)[0] as string;
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const quoted = (cell: string | undefined) => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

describe('the README', () => {
  test('lists every environment variable, with its default', () => {
    const listed = Object.fromEntries(
      table('Environment variables').map(([name, fallback]) => [quoted(name)[0], fallback]),
    );
    const defaults = Object.fromEntries(Object.entries(DEFAULTS).map(([key, value]) => [key, `\`${value}\``]));
    const expected = Object.entries(ENV).map(([key, name]) => [name, defaults[key] ?? '']);
    expect(listed).toEqual({ ...Object.fromEntries(expected), DECODE_SLOTS: 'one per vCPU and 2 GiB' });
  });

  test('says of every dependency why it is there', () => {
    const { devDependencies, optionalDependencies } = PACKAGE;
    const listed = table('Dependencies').flatMap(([names]) => quoted(names));
    const covered = (name: string) =>
      listed.includes(name) ||
      (name.startsWith('@types/') && listed.includes('@types/*')) ||
      name in optionalDependencies;
    expect(Object.keys(devDependencies).filter((name) => !covered(name))).toEqual([]);
    expect(
      listed.filter((name) => !(name in devDependencies || name in optionalDependencies || name === '@types/*')),
    ).toEqual([]);
  });

  test('names only commands and files that exist', () => {
    const commands = [...README.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name as string);
    expect(commands.filter((name) => name !== 'use' && !(name in PACKAGE.scripts))).toEqual([]);
    const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target]) => target as string);
    expect(links.filter((target) => !existsSync(path.join(ROOT, target)))).toEqual([]);
  });

  test('is told exact versions only', () => {
    const versions = Object.values({ ...PACKAGE.devDependencies, ...PACKAGE.optionalDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version as string))).toEqual([]);
  });
});

test.each(COMPUTES)('the README has %s in its grid, and its stack with its page', (way) => {
  expect(README).toContain(`\`${way}\``);
  expect(README).toContain(`[${WAYS[way].stack}](${pageOf(way)}) | \`${sourceOf(way)}\``);
});

describe('the comparison in the README', () => {
  const SECTIONS = ['Data', 'Network', 'Logs', 'Package', 'Compute', 'Trigger', 'Permissions', 'Scaling', 'Outputs'];

  test('has a row for each of the nine sections, in their order, and four columns', () => {
    const rows = table('Compare them');
    expect(rows.map(([section]) => section).slice(0, 9)).toEqual(SECTIONS);
    expect(rows.filter((row) => row.length !== 5 || row.some((cell) => cell === ''))).toEqual([]);
  });

  test.each(readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md')))(
    'is followed by a page whose links lead somewhere: %s',
    (page) => {
      const text = readFileSync(path.join(ROOT, 'docs', page), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target]) => target as string);
      expect(links.filter((target) => !existsSync(path.join(ROOT, 'docs', target)))).toEqual([]);
    },
  );
});

describe('how long a job may take is said as it is', () => {
  const facts = readFacts(templates());
  const minutes = tables.delays['lambda-longest-job'].high / 60;
  const said = (way: FourWay) => {
    const { longestJobSeconds, queue, stopGraceSeconds, unit, lifetimeDays: days } = facts[way];
    if (!queue) return `${longestJobSeconds} s; up to ${minutes} minutes can be set`;
    const lifetime = days ? `, after ${days} days at the latest` : '';
    return `${longestJobSeconds / 3600} hours; ${stopGraceSeconds} s once its ${unit.kind} is stopped${lifetime}`;
  };
  const decoding = `decoding ends after ${DEFAULTS.decodeCpuSeconds} s of CPU, or ${DEFAULTS.decodeWallSeconds} s in all`;

  test('in the README', () => {
    const [row] = table('Compare them').filter(([name]) => name === '*longest job*');
    expect(row?.slice(1)).toEqual(FOUR_WAYS.map(said));
    expect(README).toContain(decoding);
    expect(README).not.toContain('no limit |');
  });

  test.each(FOUR_WAYS)('on the page of %s', (way) => {
    const text = readFileSync(path.join(ROOT, 'docs', `${way}.md`), 'utf8').replaceAll('\n', ' ');
    const { longestJobSeconds, queue, stopGraceSeconds, lifetimeDays: days } = facts[way];
    const parts = queue
      ? [`**Longest job.** ${longestJobSeconds / 3600} hours`, `gives a job ${stopGraceSeconds} s`, decoding]
      : [`${minutes} minutes per invocation, and ${longestJobSeconds} s as deployed`];
    for (const part of days ? [...parts, `after ${days} days at the latest`] : parts) expect(text).toContain(part);
  });
});

test.each(POLLING)('the page of %s says how long a failed job waits', (page) => {
  const text = readFileSync(path.join(ROOT, 'docs', `${page}.md`), 'utf8').replaceAll('\n', ' ');
  const [first, ...others] = RETRY_SECONDS;
  const minutes = others.map((seconds) => seconds / 60);
  const sum = RETRY_SECONDS.reduce<number>((all, seconds) => all + seconds, 0);
  expect(text).toContain(
    `${first} s later, then after ${minutes.slice(0, -1).join(', ')} and ${minutes.at(-1)} minutes`,
  );
  // The longest waits are a quarter longer.
  expect(text).toContain(`${Math.floor(sum / 60)} to ${Math.ceil((sum * 1.25) / 60)} minutes after the first`);
});

test.each([
  ['ec2', 'Four CloudWatch alarms'],
  ['lambda', 'One CloudWatch alarm'],
  ['ecs-fargate', 'Four CloudWatch alarms'],
  ['ecs-ec2', 'Four CloudWatch alarms'],
] as const)('the page of %s counts the alarms that its template has', (compute, said) => {
  const all = Object.values(templates()[compute].Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  expect(readFileSync(path.join(ROOT, 'docs', `${compute}.md`), 'utf8')).toContain(said);
  expect(all).toHaveLength(said.startsWith('Four') ? 4 : 1);
});

test('what ECS on EC2 costs idle is what its page says: alarms, those of ECS too, and nothing by the hour', () => {
  const resources = Object.values(templates()['ecs-ec2'].Resources);
  const hourly = ['AWS::EC2::NatGateway', 'AWS::EC2::EIP', 'AWS::EC2::Instance', 'AWS::EKS::Cluster'];
  expect(resources.filter(({ Type }) => hourly.includes(Type))).toEqual([]);
  for (const { Type, Properties } of resources) {
    if (Type === 'AWS::AutoScaling::AutoScalingGroup') expect(Properties.MinSize).toBe('0');
    if (Type === 'AWS::EC2::VPCEndpoint') expect(Properties.VpcEndpointType).toBe('Gateway');
  }
  const alarms = resources.filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  const metrics = alarms.reduce(
    (sum, { Properties: { Metrics } }) =>
      sum + (Metrics?.filter((metric: { MetricStat?: object }) => metric.MetricStat).length ?? 1),
    0,
  );
  // ECS makes two for the managed scaling of a capacity provider, on a metric each.
  const price = findPrice(tables.prices, 'cloudwatch.alarm-metric-month', 'us-east-1') as Price;
  const usd = usdAt(price, metrics + 2);
  const page = readFileSync(path.join(ROOT, 'docs/ecs-ec2.md'), 'utf8').replaceAll('\n', ' ');
  expect(page).toContain(`in us-east-1 US$${usd.toFixed(2)} a month in all`);
});
