import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FOUR_WAYS } from '../../../lib/ways';
import { compare } from '../../../tools/compare/comparison';
import type { Made } from '../../../tools/compare/markdown';
import { charts, markdown } from '../../../tools/compare/markdown';
import { makeComparison, readFaults } from '../../../tools/compare/run';
import { comparison, faults, sources } from './sources';

// The templates that the other test files read too.
jest.mock('../../../tools/templates', () => jest.requireActual('../../support/templates'));

const ROOT = path.resolve(__dirname, '../../..');
const MEASURED = existsSync(path.join(ROOT, 'evidence/bench/results.json'));

/** Which files are not what they should be, with the first lines of COMPARISON.md that differ. Empty when all are. */
function staleness(made: readonly Made[], read: (file: string) => string): string {
  const found = (file: string) => {
    try {
      return read(file);
    } catch {
      return '';
    }
  };
  const stale = made.filter(({ file, text }) => found(file) !== text);
  if (stale.length === 0) return '';
  const differing = stale
    .filter(({ file }) => file.endsWith('.md'))
    .flatMap(({ file, text }) => {
      const [before, after] = [found(file).split('\n'), text.split('\n')];
      return after.flatMap((line, i) =>
        line === before[i] ? [] : [`${file} line ${i + 1}\n${pair(before[i] ?? '', line)}`],
      );
    });
  return [`stale: ${stale.map(({ file }) => file).join(', ')}: run npm run compare`, ...differing.slice(0, 3)].join(
    '\n',
  );
}

/** Two lines, from shortly before they differ. */
function pair(before: string, after: string): string {
  const at = [...after].findIndex((character, i) => character !== before[i]);
  const from = Math.max(0, (at < 0 ? after.length : at) - 40);
  return [`- ${before.slice(from, from + 160)}`, `+ ${after.slice(from, from + 160)}`]
    .map((line) => `  ${line}`)
    .join('\n');
}

describe('COMPARISON.md', () => {
  (MEASURED ? test : test.skip)(
    'and its pictures are what npm run compare writes (needs evidence/bench/results.json)',
    async () => {
      const { files } = await makeComparison(ROOT);
      const committed = files.filter(({ file }) => !file.startsWith('dist/'));
      const message = staleness(committed, (file) => readFileSync(path.join(ROOT, file), 'utf8'));
      // Not by expect, which would print every picture.
      if (message !== '') throw new Error(message);
    },
  );

  test('that is stale is told in a few short lines, with the remedy', () => {
    const files = ['a', 'b', 'c'].map((name) => ({ file: `docs/${name}.svg`, text: '<svg>'.repeat(10_000) }));
    const line = (says: string) => `| ${'cell '.repeat(500)}${says}${' cell'.repeat(500)} |`;
    const made = [{ file: 'COMPARISON.md', text: [1, 2, 3, 4, 5].map((n) => line(`$${n}`)).join('\n') }, ...files];
    expect(staleness(made, (file) => made.find((each) => each.file === file)?.text ?? '')).toBe('');
    const message = staleness(made, (file) => (file === 'COMPARISON.md' ? `${line('$9')}\nold` : '<svg/>'));
    expect(message).toMatch(/^stale: COMPARISON\.md, docs\/a\.svg, docs\/b\.svg, docs\/c\.svg: run npm run compare\n/);
    expect(message).toMatch(/COMPARISON\.md line 1\n {2}- .*\$9.*\n {2}\+ .*\$1/);
    expect(message.split('\n').length).toBeLessThan(12);
    expect(message.length).toBeLessThan(1500);
    expect(
      staleness(made, () => {
        throw new Error('ENOENT');
      }),
    ).toMatch(/^stale: COMPARISON\.md, /);
  });

  test('cannot be made without measurements, and says what to do', async () => {
    await expect(makeComparison('/nowhere')).rejects.toThrow(
      /^there are no measurements in \S+results\.json: run npm run bench$/,
    );
  });

  test('has whole tables: as many cells in every row as in its head', async () => {
    const tables = markdown(await comparison())
      .split('\n\n')
      .filter((part) => part.startsWith('|') || part.includes('\n|'));
    expect(tables.length).toBeGreaterThan(8);
    for (const table of tables) {
      const rows = table.split('\n').filter((line) => line.startsWith('|'));
      const cells = rows.map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(cells).size).toBe(1);
    }
  });

  test('says what is not measured, and shows it when it is', async () => {
    expect(markdown(await comparison())).toContain('Not measured: `npm run faults`.');
    const measured = markdown(await compare({ ...sources(), faults }));
    expect(measured).toContain('Measured 2026-11-02 on endpoints that imitate AWS, seed 7');
    expect(measured).toContain('| kill | Lambda | yes | 200 | 12 |');
    expect(measured).toContain('Measured: 12 kills in 200 images, none lost.');
    // What was done, of what was done only.
    expect(measured).toContain('\n- kill: workers killed at seven points of a job;');
    expect(measured).not.toContain('\n- soak:');
    expect(measured).toMatch(/Not measured in this run: .*outage.*, soak\./);
  });

  test('says what ends a job on each way', async () => {
    const text = markdown(await comparison());
    const queued = (unit: string) => `12 h; 90 s once its ${unit} is stopped`;
    expect(text).toContain(
      `| longest job | ${queued('instance')}, after 7 days at the latest | 1 min; up to 15 min can be set | ${queued('task')} | ${queued('pod')} |`,
    );
    expect(text).toMatch(/^Longest job: .* decoding ends after 20 s of CPU, or 30 s in all\.$/m);
    expect(text).not.toContain('no limit');
  });

  test('says once what ways have in common', async () => {
    const rows = markdown(await comparison()).split('\n');
    expect(rows.find((row) => row.startsWith('| A corrupt image |'))).toMatch(/No retry\. (\| as on EC2 ){3}\|$/);
    expect(rows.find((row) => row.startsWith('| container base |'))).toMatch(
      /^\| container base \| none \| none \| public.* \| as on ECS on Fargate \|$/,
    );
  });

  test('names each picture that is made, and no other', async () => {
    const made = await comparison();
    const named = [...markdown(made).matchAll(/\]\((docs\/diagrams\/[^)]+)\)/g)].map(([, file]) => file);
    const drawn = [...charts(made).map(({ file }) => file), ...FOUR_WAYS.map((way) => `docs/diagrams/${way}.svg`)];
    expect([...named].sort()).toEqual(drawn.sort());
  });
});

describe('changes of a stack are followed', () => {
  test('a memory size: in the table, the curve and the diagram', async () => {
    const before = await comparison();
    const changed = sources();
    for (const [id, { Properties }] of Object.entries(changed.templates.lambda.Resources)) {
      if (id.startsWith('Worker1')) Properties.MemorySize = 4096;
    }
    const after = await compare(changed);
    expect(after.costs.lambda.usdPerMonth.high).toBeGreaterThan(before.costs.lambda.usdPerMonth.high);
    expect(after.costs.ec2.usdPerMonth).toEqual(before.costs.ec2.usdPerMonth);
    expect(charts(after)[0]?.text).not.toBe(charts(before)[0]?.text);
    expect(markdown(after)).toContain('4,096 MB');
    expect(JSON.stringify(after.resources)).toContain('MemorySize: 4096');
  });

  test('a scaling step: in the simulation and the diagram', async () => {
    const before = await comparison();
    const changed = sources();
    for (const { Type, Properties } of Object.values(changed.templates.ec2.Resources)) {
      if (Type !== 'AWS::AutoScaling::ScalingPolicy') continue;
      for (const step of Properties.StepAdjustments) if (step.ScalingAdjustment === 3) step.ScalingAdjustment = 2;
    }
    const after = await compare(changed);
    const [, backlog, units] = charts(after);
    expect([backlog?.text, units?.text]).not.toEqual(
      charts(before)
        .slice(1)
        .map(({ text }) => text),
    );
    expect(after.architectures[0]?.nodes.find(({ role }) => role === 'scaler')?.detail).toBe('+1, +2, \u22124');
  });

  test('a visibility timeout, an alarm, a circuit breaker: in what follows a failure', async () => {
    const changed = sources();
    for (const { Type, Properties } of Object.values(changed.templates['ecs-fargate'].Resources)) {
      if (Type === 'AWS::SQS::Queue' && Properties.RedrivePolicy) Properties.VisibilityTimeout = 77;
      if (Type === 'AWS::ECS::Service') Properties.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback = false;
      if (Properties?.MetricName === 'ApproximateAgeOfOldestMessage') Properties.Threshold = 600;
      const [container] = Properties?.ContainerDefinitions ?? [];
      container?.Environment.push({ Name: 'DECODE_CPU_SECONDS', Value: '11' });
    }
    for (const { Type, Properties } of Object.values(changed.templates.lambda.Resources)) {
      if (Type === 'AWS::Lambda::EventInvokeConfig') delete Properties.DestinationConfig;
    }
    const after = await compare(changed);
    expect(after.scenarios.map(({ ways }) => ways.lambda).join('\n')).toContain('2 more times, then drops them');
    const said = after.scenarios.map(({ ways }) => ways['ecs-fargate']).join('\n');
    expect(said).toContain('at most 77 s after its last heartbeat');
    expect(said).toContain('Tasks that do not start are tried again and again');
    expect(said).toContain('an alarm goes off when one has waited for 10 min');
    expect(said).toContain('11 s of CPU');
  });

  test('retries and what is scaled on: in what half an hour without S3 does', async () => {
    const row = async (changed: ReturnType<typeof sources>) =>
      (await compare(changed)).scenarios.find(({ title }) => title === 'S3 away for half an hour')?.ways;
    const before = await row(sources());
    expect(before?.ec2).toContain('left alone for 10 s, 1 min, 10 min and 20 min');
    expect(before?.ec2).toContain('instances that run stay until 5 min after the last message is gone');
    expect(before?.['eks-ec2']).toContain('pods running: one for every 25, 4 at most');
    expect(before?.lambda).toContain('again after 1 min and 2 min. After that, in an outage of more than about 3 min');
    const changed = sources();
    for (const { Type, Properties } of Object.values(changed.templates.ec2.Resources)) {
      if (Type === 'AWS::SQS::Queue' && Properties.RedrivePolicy) Properties.RedrivePolicy.maxReceiveCount = 4;
    }
    for (const { Type, Properties } of Object.values(changed.templates.lambda.Resources)) {
      if (Type === 'AWS::Lambda::EventInvokeConfig') Properties.MaximumRetryAttempts = 1;
    }
    const after = await row(changed);
    expect(after?.ec2).toContain('10 s, 1 min and 10 min, or up to a quarter longer. It is tried 4 times');
    expect(after?.ec2).toContain('it ends in the failure queue');
    expect(after?.lambda).toContain('again after 1 min. After that, in an outage of more than about 1 min');
  });

  test('a resource that is removed: in the count and the idle cost', async () => {
    const before = await comparison();
    const changed = sources();
    const resources = changed.templates.ec2.Resources as Record<string, unknown>;
    for (const id of Object.keys(resources)) if (id.startsWith('JobsTooOld')) delete resources[id];
    const after = await compare(changed);
    expect(after.costs.ec2.computeUsdPerMonth.low).toBeLessThan(before.costs.ec2.computeUsdPerMonth.low);
    expect(markdown(after)).not.toBe(markdown(before));
  });
});

test('fault results of another shape are refused, by name and with the remedy', () => {
  expect(readFaults('/nowhere/results.json')).toBeUndefined();
  expect(() => readFaults(path.join(ROOT, 'package.json'))).toThrow(
    /package\.json has schema undefined, expected 1.*: run npm run faults$/,
  );
});
