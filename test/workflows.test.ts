import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { scripts } from '../package.json';

/** What GitHub is told to do. Nobody can run it here, so it is read. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const FILES = readdirSync(path.join(ROOT, '.github/workflows'));

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

const stepsOf = (file: string): Step[] =>
  Object.values(parse(read(`.github/workflows/${file}`)).jobs as Record<string, { steps: Step[] }>).flatMap(
    ({ steps }) => steps,
  );

/** The lines of a shell script that call npm. */
const npmLines = (text: string) => text.split('\n').filter((line) => line.startsWith('npm '));

test('the gate on GitHub is the gate here: the same commands, in the same order', () => {
  const commands = stepsOf('check.yml').flatMap(({ run }) => (run ? npmLines(run) : []));
  expect(commands).toEqual(npmLines(read('.ci/run')));
  expect(commands.length).toBeGreaterThan(3);
});

describe.each(FILES)('.github/workflows/%s', (file) => {
  test('may read the repository and nothing else', () => {
    const { permissions, jobs } = parse(read(`.github/workflows/${file}`));
    expect(permissions).toEqual({ contents: 'read' });
    expect(Object.values(jobs as object).filter((job) => 'permissions' in job)).toEqual([]);
    const kept = stepsOf(file).filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(kept.map((step) => step.with?.['persist-credentials'])).toEqual(kept.map(() => false));
  });

  test('runs scripts of package.json and npm ci, and nothing else', () => {
    const lines = stepsOf(file).flatMap(({ run }) => (run ? run.trim().split('\n') : []));
    const isKnown = (line: string) => line === 'npm ci' || (/^npm run ([\w:-]+)$/.exec(line)?.[1] ?? '') in scripts;
    expect(lines.filter((line) => !isKnown(line))).toEqual([]);
  });

  test('names actions by commit, with the version behind it for people', () => {
    const used = read(`.github/workflows/${file}`).match(/uses: .*/g) ?? [];
    expect(used.length).toBe(stepsOf(file).filter(({ uses }) => uses).length);
    expect(used.filter((line) => !/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
  });

  test('runs on the Node of the project', () => {
    const node = stepsOf(file).filter(({ uses }) => uses?.startsWith('actions/setup-node@'));
    expect(node.map((step) => step.with?.['node-version-file'])).toEqual(['.nvmrc']);
    expect(read('.nvmrc').trim()).toBe(/^const NEEDED = (\d+);$/m.exec(read('bin/start.cjs'))?.[1]);
  });
});

test('new versions of packages and actions wait for a week at least', () => {
  const { updates } = parse(read('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; directories?: string[]; cooldown: Record<string, number> }[];
  };
  expect(updates.map((each) => each['package-ecosystem'])).toEqual(['npm', 'github-actions']);
  // Every folder with a lock of its own.
  expect(updates[0]?.directories).toEqual(['/', '/workload']);
  for (const { cooldown } of updates) {
    expect(cooldown['default-days']).toBeGreaterThanOrEqual(7);
    expect(Object.values(cooldown).filter((days) => days < 7)).toEqual([]);
  }
});
