import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildBundles } from '../../tools/build/build';
import { takeOut } from '../../tools/take/command';
import { COMPUTES, type Compute } from '../../workload/contract';

/** What somebody does with a column that was taken out: installs it, and runs its commands. */

const ROOT = path.resolve(__dirname, '../..');

// biome-ignore lint/style/noProcessEnv: npm's own settings, such as the cache, come from there.
const inherited = Object.entries(process.env).filter(
  ([name]) => !/^(npm_(?!config_(registry|cache|userconfig))|INIT_CWD|JEST_|NODE_ENV)/.test(name),
);
const env = Object.fromEntries(inherited);

let root: string;
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'taken-'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Takes a way out, under a name of its own. @returns a function that runs something there */
async function taken(way: Compute, name: string) {
  const cwd = path.join(root, name);
  await takeOut(way, cwd, name);
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1e9 });
  return { cwd, run };
}

test.each(COMPUTES)('%s, taken out, has types that fit and no fault that the linter knows', async (way) => {
  const { cwd, run } = await taken(way, `Lint-${way}`);
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(cwd, 'node_modules'), 'junction');
  expect(run('npx', 'tsc', '--noEmit')).toBe('');
  expect(run('npx', 'biome', 'check', '--error-on-warnings')).toContain('No fixes applied');
});

test.each(['lambda'] as const)(
  '%s, taken out, is installed, tested, built and synthesized by itself',
  async (way) => {
    const { cwd, run } = await taken(way, 'Thumbnails');
    run('npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund');
    run('npm', 'test', '--', '--ci');
    const built = run('npm', 'run', 'build');
    const bundles = await buildBundles(['arm64'], path.join(root, 'dist'));
    expect(built).toContain(bundles.find(({ name }) => name === 'lambda-arm64')?.hash);
    run('npx', 'cdk', 'synth', '--quiet', '-c', 'name=blue');
    const template = JSON.parse(readFileSync(path.join(cwd, 'cdk.out/Thumbnails-blue.template.json'), 'utf8'));
    expect(template.Resources.Worker11F36D0F.Properties.Environment.Variables.STACK).toBe('Thumbnails-blue');

    // The job of its README in place of its own.
    const [, example] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(path.join(cwd, 'README.md'), 'utf8')) ?? [];
    writeFileSync(path.join(cwd, 'workload/transform.ts'), example as string);
    expect(run('npm', 'run', 'check')).toContain('No fixes applied');
    // Bounds a hang, and nothing else.
  },
  1_200_000,
);
