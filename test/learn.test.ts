import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { config } from '../lib/config';
import { WAYS } from '../lib/ways';
import { tables } from '../tools/compare/data/tables';
import { COMPUTES } from '../workload/contract';
import { Column } from './stacks/column';
import { fences, misplaced, ROOT, readPage, sections } from './support/pages';
import { assemble, type Change, refusals } from './support/synth';

/** The page is a walk that somebody takes alone: each step is tried here, as its text says it, and comes to what it says. */

const PAGE = readPage('docs/learn.md');
const WORDS = ['none', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
const BEFORE = 'npm run synth -- --output dist/before';
const STEPS = [...sections(PAGE)].filter(([title]) => /^\d\. /.test(title));

/** What a step says to change, as the lines before and after; nothing where it is done by a switch. */
function changeOf(step: string): Change | undefined {
  const [block] = fences(step).filter(({ language }) => language === 'diff');
  if (!block) return undefined;
  const lines = (sign: string) =>
    block.text
      .split('\n')
      .filter((line) => line.startsWith(sign))
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  const file = /in `(lib\/[^`]+)`:\n\n$/.exec(step.slice(0, block.index))?.[1] ?? 'no file is named';
  return { file, from: lines('-'), to: lines('+') };
}

/** A command of a step, and what it prints. */
function runsOf(step: string): [command: string, output: string][] {
  const blocks = fences(step);
  return blocks.flatMap(({ language, text: command }, index): [string, string][] => {
    const next = blocks[index + 1];
    return language === 'sh' && next?.language === 'text' ? [[command, next.text]] : [];
  });
}

const RUNS = STEPS.flatMap(([title, step]) =>
  runsOf(step).map(([command, output]) => ({ title, command, output, change: changeOf(step) })),
);

let home: string;
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'four-ways-'));
});
afterAll(() => rmSync(home, { recursive: true }));

/** Runs CDK's own command line where there is no account, no network that it would need, and no configuration. */
async function cdk(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [path.join(ROOT, 'node_modules/aws-cdk/bin/cdk'), ...args], {
    cwd: home,
    env: { HOME: home, NO_COLOR: '1', CDK_DISABLE_CLI_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return `${out}${err}`;
}

const wayOf = (stack: string) => {
  const way = COMPUTES.find((each) => WAYS[each].stack === stack);
  if (!way) throw new Error(`no way has the stack ${stack}`);
  return way;
};

/** As the page shows it: without the count of stacks at the end, and spaces at the ends of lines. */
const shown = (output: string) =>
  output
    .replace(/\n✨.*\n*$/, '')
    .replaceAll(/ +$/gm, '')
    .trim();

describe('docs/learn.md', () => {
  test('has seven steps of the same parts, and an idea in three sentences', () => {
    expect(STEPS).toHaveLength(7);
    for (const [title, step] of STEPS) {
      expect([title, step.match(/^\*\*[^*]+\*\*/gm)]).toEqual([
        title,
        ['**The idea.**', '**Where you see it.**', '**Change it.**', '**Question.**'],
      ]);
      expect(step).toMatch(/<details><summary>Answer<\/summary>\n\n.+\n\n<\/details>/s);
      const [, idea = ''] = /^\*\*The idea\.\*\* (.+?)\n\n/ms.exec(step) ?? [];
      expect([title, idea.match(/[.?!](?=\s|$)/g)]).toEqual([title, ['.', '.', '.']]);
      expect(runsOf(step).length).toBeGreaterThan(0);
      expect(step).toMatch(/#L\d/);
    }
  });

  test.each(['docs/learn.md', 'docs/learn.ko.md'])('%s points at the lines that it means', (page) => {
    expect(misplaced(page)).toEqual([]);
  });

  test('says which line is meant when one has moved', () => {
    const moved = PAGE.replaceAll(/#L(\d+)/g, (_, line) => `#L${Number(line) + 1}`);
    const right = PAGE.match(/\(\.\.\/[^)#]+#L\d+(-L\d+)?\)/g) ?? [];
    const messages = misplaced('docs/learn.md', moved);
    expect(messages).toHaveLength(right.length);
    for (const [index, link] of right.entries()) expect(messages[index]).toContain(`is at ${link.slice(1, -1)}, and`);
    expect(misplaced('docs/learn.md', '[`nowhere at all`](../lib/config.ts#L1)')).toEqual([
      'docs/learn.md: `nowhere at all` is in 0 lines of lib/config.ts: one is wanted',
    ]);
  });

  test('says numbers that the stacks have', () => {
    const said = (title: RegExp) => STEPS.find(([name]) => title.test(name))?.[1].replaceAll('\n', ' ');
    const { max } = config.unit;
    expect(said(/Serverless/)).toContain(`${tables.delays['lambda-longest-job'].high / 60} minutes for one call`);
    // All but one at once, when much waits.
    expect(said(/Serverless/)).toContain(`adds ${WORDS[max - 1]} instances when`);
    expect(said(/Serverless/)).toContain(`has ${WORDS[max]} at most`);
    expect(said(/choose/)).toContain(`Allow ${WORDS[2 * max]} machines instead of ${WORDS[max]},`);
    const [trigger] = Column.of('eks-ec2').object('ScaledObject', 'resizer').spec.triggers;
    const { pollingInterval } = Column.of('eks-ec2').object('ScaledObject', 'resizer').spec;
    expect(said(/EKS/)).toContain(`every ${pollingInterval} seconds`);
    expect(said(/EKS/)).toContain(`queueLength: ${trigger.metadata.queueLength}`);
  });

  test('keeps the templates before it changes anything', () => {
    expect(fences(PAGE)[0]?.text.split('\n')).toContain(BEFORE);
  });

  // CDK says there what the command line says again, from the folder: it is looked at there.
  let errors: jest.SpyInstance;
  beforeEach(() => {
    errors = jest.spyOn(console, 'error').mockImplementation();
  });
  afterEach(() => errors.mockRestore());

  test.each(RUNS)('step $title: $command', async ({ command, output, change }) => {
    const refused = /^npm run synth -- (\w+)$/.exec(command)?.[1];
    if (refused) {
      expect(refusals(wayOf(refused), change as Change)).toEqual([expect.stringContaining(output)]);
      return;
    }
    const [, stack = '', name, value, template] =
      /^npx cdk diff (\w+)(?: -c (\w+)=(\w+))? --template dist\/before\/(.+)$/.exec(command) ?? [];
    expect(template).toBe(`${stack}.template.json`);
    const before = assemble(wayOf(stack));
    const after = assemble(wayOf(stack), name ? { [name]: value === 'true' } : {}, change);
    const said = await cdk('diff', stack, '--app', after, '--template', path.join(before, `${template}`));
    expect(shown(said)).toBe(output);
  });
});
