import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FOUR_WAYS, type FourWay, POLLING, pageOf, sourceOf, WAYS } from '../lib/ways';
import { tables } from '../tools/compare/data/tables';
import { cost, findPrice, HOURS_PER_MONTH, usdAt } from '../tools/compare/model/cost';
import { readFacts } from '../tools/compare/model/facts';
import type { Price, WayFacts } from '../tools/compare/model/types';
import { COMPUTES, DEFAULTS, ENV, RETRY_SECONDS } from '../workload/contract';
import { fences, links, prose, ROOT, readPage, sections, table } from './support/pages';
import { synth } from './support/synth';
import { templates } from './support/templates';
import { inputs } from './tools/compare/model/fixtures';

const README = readPage('README.md');
const PACKAGE = JSON.parse(readPage('package.json'));

/** All pages for people, but those that a command writes. */
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md') && name !== 'COMPARISON.md'),
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md') && name !== 'comparison.md')
    .map((name) => `docs/${name}`),
];

const quoted = (cell: string | undefined) => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

/** The anchors of a page, as GitHub makes them of its headings. */
function anchors(file: string): string[] {
  const headings = prose(readPage(file)).match(/(?<=^#+ ).+/gm) ?? [];
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(PAGES)('%s', (page) => {
  test('leads only to what exists', () => {
    const broken = links(readPage(page)).filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [file = '', anchor] = target.split('#');
      const there = file ? path.join(path.dirname(page), file) : page;
      if (!existsSync(path.join(ROOT, there))) return true;
      // Lines of code are for `test/learn.test.ts`.
      return anchor !== undefined && !/^L\d/.test(anchor) && !anchors(there).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('names only commands that exist', () => {
    const named = [...readPage(page).matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name as string);
    expect(named.filter((name) => !(name in PACKAGE.scripts))).toEqual([]);
  });
});

describe('the README', () => {
  test('is short, and in the order in which people need it', () => {
    expect(README.split('\n').length - 1).toBeLessThanOrEqual(200);
    expect([...sections(README).keys()]).toEqual([
      'Two commands',
      'The grid',
      'Deploy one',
      'Compare them',
      'Learn',
      'Take one home',
      'Change it',
      'More',
    ]);
    // What comes of it is seen before anything is asked of the reader.
    expect(README.slice(0, README.indexOf('## '))).toContain('](docs/diagrams/backlog.svg)');
    expect(fences(README)[0]?.text).toBe('npm ci\nnpm run local');
  });

  test('leads to every other page', () => {
    const missed = PAGES.filter((page) => !links(README).some((target) => target.split('#')[0] === page));
    expect(missed.filter((page) => page !== 'README.md' && page !== 'docs/learn.ko.md')).toEqual([]);
  });

  test('is told exact versions only', () => {
    const versions = Object.values({ ...PACKAGE.devDependencies, ...PACKAGE.optionalDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version as string))).toEqual([]);
  });
});

test('the page of the job lists every environment variable, with its default', () => {
  const listed = Object.fromEntries(
    table(readPage('docs/job.md'), 'Environment variables').map(([name, fallback]) => [quoted(name)[0], fallback]),
  );
  const defaults = Object.fromEntries(Object.entries(DEFAULTS).map(([key, value]) => [key, `\`${value}\``]));
  const expected = Object.entries(ENV).map(([key, name]) => [name, defaults[key] ?? '']);
  expect(listed).toEqual({ ...Object.fromEntries(expected), DECODE_SLOTS: 'one per vCPU and 2 GiB' });
});

test('the page of the dependencies says of each why it is there', () => {
  const { devDependencies, optionalDependencies } = PACKAGE;
  const listed = table(readPage('docs/dependencies.md'), 'Dependencies').flatMap(([names]) => quoted(names));
  const covered = (name: string) =>
    listed.includes(name) ||
    (name.startsWith('@types/') && listed.includes('@types/*')) ||
    name in optionalDependencies;
  expect(Object.keys(devDependencies).filter((name) => !covered(name))).toEqual([]);
  expect(
    listed.filter((name) => !(name in devDependencies || name in optionalDependencies || name === '@types/*')),
  ).toEqual([]);
});

test('the page of the commands lists each', () => {
  const listed = table(readPage('docs/commands.md'), 'Commands').flatMap(([names]) => quoted(names));
  // Those of CDK, of the gate and of a deployed account are elsewhere.
  const elsewhere = ['synth', 'test:all', 'types', 'lint', 'format', 'take', 'try', 'leftovers'];
  expect(
    Object.keys(PACKAGE.scripts)
      .filter((name) => !elsewhere.includes(name))
      .sort(),
  ).toEqual(listed.map((command) => command.replace(/^npm (run )?/, '')).sort());
});

test.each(COMPUTES)('the README has %s in its grid, and its stack with its page', (way) => {
  expect(README).toContain(`\`${way}\``);
  expect(README).toContain(`[${WAYS[way].stack}](${pageOf(way)}) | \`${sourceOf(way)}\``);
});

test('the comparison in the README has a row for each of the nine sections, in their order, and four columns', () => {
  const SECTIONS = ['Data', 'Network', 'Logs', 'Package', 'Compute', 'Trigger', 'Permissions', 'Scaling', 'Outputs'];
  const rows = table(README, 'Compare them');
  expect(rows.map(([section]) => section).slice(0, 9)).toEqual(SECTIONS);
  expect(rows.filter((row) => row.length !== 5 || row.some((cell) => cell === ''))).toEqual([]);
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
    const [row] = table(README, 'Compare them').filter(([name]) => name === '*longest job*');
    expect(row?.slice(1)).toEqual(FOUR_WAYS.map(said));
    expect(README).toContain(decoding);
    expect(README).not.toContain('no limit |');
  });

  test.each(FOUR_WAYS)('on the page of %s', (way) => {
    const text = readPage(pageOf(way)).replaceAll('\n', ' ');
    const { longestJobSeconds, queue, stopGraceSeconds, lifetimeDays: days } = facts[way];
    const parts = queue
      ? [`**Longest job.** ${longestJobSeconds / 3600} hours`, `gives a job ${stopGraceSeconds} s`, decoding]
      : [`${minutes} minutes per invocation, and ${longestJobSeconds} s as deployed`];
    for (const part of days ? [...parts, `after ${days} days at the latest`] : parts) expect(text).toContain(part);
  });
});

test('the page of the job says how long a failed one waits, and the page of each way that polls leads there', () => {
  const text = readPage('docs/job.md').replaceAll('\n', ' ');
  const [first, ...others] = RETRY_SECONDS;
  const minutes = others.map((seconds) => seconds / 60);
  const sum = RETRY_SECONDS.reduce<number>((all, seconds) => all + seconds, 0);
  expect(text).toContain(
    `${first} s later, then after ${minutes.slice(0, -1).join(', ')} and ${minutes.at(-1)} minutes`,
  );
  // The longest waits are a quarter longer.
  expect(text).toContain(`${Math.floor(sum / 60)} to ${Math.ceil((sum * 1.25) / 60)} minutes after the first`);
  for (const way of POLLING) expect(links(readPage(pageOf(way)))).toContain('job.md#when-s3-is-away');
});

test.each([
  ['ec2', 'Four CloudWatch alarms'],
  ['lambda', 'One CloudWatch alarm'],
  ['ecs-fargate', 'Four CloudWatch alarms'],
  ['ecs-ec2', 'Four CloudWatch alarms'],
] as const)('the page of %s counts the alarms that its template has', (compute, said) => {
  const all = Object.values(templates()[compute].Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  expect(readPage(pageOf(compute))).toContain(said);
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
  const page = readPage(pageOf('ecs-ec2')).replaceAll('\n', ' ');
  expect(page).toContain(`in us-east-1 US$${usd.toFixed(2)} a month in all`);
});

describe('the evening in a sandbox', () => {
  const text = readFileSync(path.join(ROOT, 'docs/sandbox.md'), 'utf8');
  const flat = text.replaceAll('\n', ' ');
  const facts = readFacts(templates());
  const usd = (id: string, quantity: number) => usdAt(findPrice(tables.prices, id, 'us-east-1') as Price, quantity);

  /** What a worker is billed in an hour beyond what is billed anyway: its machine, or its share of Fargate or Lambda. */
  function workerHour({ unit, hosts, fargate, publicIpv4 }: WayFacts): number {
    const address = publicIpv4 ? usd('ipv4.hour', 1) : 0;
    if (hosts) {
      const disk = usd(`ebs.${hosts.diskType}.gib-month`, hosts.diskGib / HOURS_PER_MONTH);
      return usd(`ec2.${hosts.instanceTypes[0]}.hour`, 1) + disk + address;
    }
    if (!fargate) return usd('lambda.gb-second', (unit.memoryMib / 1024) * 3600);
    const x64 = unit.architecture === 'x64' ? '.x64' : '';
    const box = usd(`fargate.vcpu-hour${x64}`, fargate.vcpus) + usd(`fargate.gb-hour${x64}`, fargate.memoryGib);
    return box + address;
  }

  test.each(COMPUTES)('costs what its page says: %s', (way) => {
    const { idleUsdPerMonth } = cost(facts[way], tables, { ...inputs, imagesPerMonth: 0 });
    const [idle, worker] = [idleUsdPerMonth.typical / HOURS_PER_MONTH, workerHour(facts[way])];
    // A node that is always there has a worker on it, and is idle's.
    const more = 4 - (facts[way].hosts?.min ?? 0) * (facts[way].hosts?.unitsPerHost ?? 0);
    const figures = [idle.toFixed(4), worker.toFixed(3), (4 * idle + more * worker).toFixed(2)];
    expect(text).toContain(`| ${WAYS[way].stack} | ${figures.map((figure) => `US$${figure}`).join(' | ')} |\n`);
  });

  test('quotes the comparison as it is', () => {
    const quotes = [...text.matchAll(/^> (.*)$/gm)].map(([, quote]) => quote as string);
    const comparison = readPage('COMPARISON.md') + readPage('docs/comparison.md');
    expect(quotes.length).toBeGreaterThan(1);
    expect(quotes.filter((quote) => !comparison.includes(quote))).toEqual([]);
  });

  test('says of the templates what they say', () => {
    const { max } = facts['ecs-fargate'].capacity;
    expect(COMPUTES.filter((way) => ![max, null].includes(facts[way].capacity.max))).toEqual([]);
    expect([max, flat.includes('go up to four workers')]).toEqual([4, true]);
    const { stopGraceSeconds } = facts['ecs-fargate'];
    expect(flat).toContain(`It has ${stopGraceSeconds} s to finish`);
    expect(flat).toContain(`The first has ${facts['eks-ec2'].stopGraceSeconds} s,`);
    expect(flat).toContain(`visibility timeout of ${DEFAULTS.visibilityTimeoutSeconds} s ends`);
    const { scaling } = facts['eks-ec2'];
    expect(flat).toContain(`every ${scaling.kind === 'keda' ? scaling.pollingSeconds : '?'} seconds`);
    // So many at once start all but one.
    for (const way of ['ec2', 'ecs-fargate', 'ecs-ec2'] as const) {
      const rules = facts[way].scaling.kind === 'steps' ? facts[way].scaling.rules : [];
      const last = rules.flatMap(({ threshold, steps }) => steps.map(({ from }) => threshold + (from ?? 0)));
      expect(Math.max(...last)).toBeLessThan(150);
      const quiet = rules.find(({ direction }) => direction === 'in');
      expect((quiet?.periodSeconds ?? 0) * (quiet?.evaluationPeriods ?? 0)).toBe(300);
    }
    expect(flat).toContain(
      `up to ${tables.delays['lambda-retry-interval'].high / 60 === 5 ? 'five' : '?'} before it tries again`,
    );
    expect(facts['ecs-ec2'].hosts?.scaling?.first).toBe(2);
  });

  const blocks = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(([, block]) => block as string);

  test('has commands that a shell can read, and that there are', () => {
    expect(blocks.length).toBeGreaterThan(10);
    for (const block of blocks) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
      expect([block, status, stderr]).toEqual([block, 0, '']);
    }
    const scripts = [...text.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name as string);
    expect(scripts.filter((name) => !(name in PACKAGE.scripts))).toEqual([]);
    const registry = JSON.parse(
      readFileSync(path.join(ROOT, 'node_modules/aws-cdk/lib/cli/cli-type-registry.json'), 'utf8'),
    );
    const verbs = [...text.matchAll(/npx cdk ([a-z-]+)/g)].map(([, verb]) => verb as string);
    expect(verbs.filter((verb) => !(verb in registry.commands))).toEqual([]);
    // What is read from the stack is there by that name.
    const outputs = Object.keys(synth('lambda').template.Outputs);
    const read = [...text.matchAll(/output ([A-Z]\w+)/g)].map(([, name]) => name as string);
    expect(read.filter((name) => !outputs.includes(name))).toEqual([]);
  });

  test('has links that lead to a heading', () => {
    const slug = (heading: string) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-');
    for (const [, file, anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)) {
      const target = readFileSync(path.join(ROOT, 'docs', file || 'sandbox.md'), 'utf8');
      const headings = [...target.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading as string));
      expect([anchor, headings.includes(anchor as string)]).toEqual([anchor, true]);
    }
  });

  test('claims no deployment', () => {
    expect(text.split('\n## ')[0]).toContain('**We have deployed none of these stacks.**');
    for (const way of COMPUTES) expect(text).toMatch(new RegExp(`^## ${WAYS[way].stack}$`, 'm'));
  });
});
