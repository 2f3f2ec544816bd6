import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { claim } from '../../tools/files';
import { childrenOf } from '../../tools/local/processes';
import { isRunning, until } from '../support/waiting';

/** What a person meets at a terminal besides the results: npm in between, a second run, Ctrl-C. */

const ROOT = path.resolve(__dirname, '../..');

let folder: string;
let checkout: string;
let temporary: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'at-the-terminal-'));
  [checkout, temporary] = [path.join(folder, 'checkout'), path.join(folder, 'tmp')];
  for (const name of ['empty', 'pictures', 'checkout', 'tmp']) mkdirSync(path.join(folder, name));
  writeFileSync(path.join(folder, 'pictures/a.txt'), 'not a picture');
  for (const name of ['bin', 'tools', 'lib', 'cdk.json', 'workload', 'lambda', 'package.json', 'tsconfig.json']) {
    cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(checkout, 'node_modules'), 'junction');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** In a process group of its own, as a shell starts it. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['bin/start.cjs', ...args], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    // biome-ignore lint/style/noProcessEnv: what a child inherits.
    env: { ...process.env, ...env, TMPDIR: temporary },
  });
}

async function end(child: ChildProcess) {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}

/** None where there is no /proc. */
const descendants = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);

const refused = (line: string) => ({ code: 2, stdout: '', stderr: `four-ways: ${line}\n` });

describe('through npm run', () => {
  const npm = (name: string, env: NodeJS.ProcessEnv) => ({ npm_lifecycle_event: name, INIT_CWD: folder, ...env });

  test('an option that npm took for itself is missed, and the run is not begun without it', async () => {
    expect(await end(start(['local', 'empty'], npm('local', { npm_config_keep: 'true' })))).toEqual(
      refused('npm took --keep for itself: write npm run local -- --keep'),
    );
    expect(await end(start(['bench'], npm('bench', { npm_config_out: 'x' })))).toEqual(
      refused('npm took --out for itself: write npm run bench -- --out'),
    );
  });

  test('a relative path is one from where the person stands', async () => {
    // Also when npm has an option of the same name, which was given to us all the same.
    const env = npm('local', { npm_config_json: 'true' });
    expect(await end(start(['local', 'empty', '--json'], env))).toEqual(refused('no file to process in empty'));
    const unrelated = npm('test', { npm_config_keep: 'true' });
    expect((await end(start(['local', 'empty'], unrelated))).stderr).toContain('empty: no such file or folder');
  });
});

test('pictures are not taken from the folder that results go to', async () => {
  const { code, stderr } = await end(start(['local', path.join(folder, 'empty'), '--out', folder]));
  expect(stderr).toBe(
    `four-ways: ${path.join(folder, 'empty')} is in ${folder}, where the results go: name another folder with --out FOLDER\n`,
  );
  expect(code).toBe(2);
});

// Processes are watched through /proc.
(process.platform === 'linux' ? test : test.skip).each(['launcher', 'shell'])(
  'a run whose %s is killed ends by itself: npm ends its shell and no more when it is ended by a signal',
  async (killed) => {
    const args = ['local', path.join(folder, 'pictures'), '--keep', '--ways=ec2', `--out=${path.join(folder, killed)}`];
    const shell = spawn('sh', ['-c', '"$@"; true', 'sh', process.execPath, 'bin/start.cjs', ...args], {
      cwd: checkout,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { TMPDIR: temporary, npm_lifecycle_event: 'local' },
    });
    let said = '';
    shell.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    await until(() => said.includes('stay up at'));
    const [launcher = 0, ...others] = descendants(shell.pid as number);
    expect(others.length).toBeGreaterThan(1);
    process.kill(killed === 'shell' ? (shell.pid as number) : launcher, 'SIGKILL');
    await until(() => ![launcher, ...others].some(isRunning));
  },
);

test('a name of a file commands no terminal', async () => {
  const { stderr } = await end(start(['local', 'a\x1b[2J\nb']));
  expect(stderr).toBe('four-ways: a[U+001B][2J[U+000A]b: no such file or folder\n');
});

test('photographs that are not there are missed before anything is drawn or built', async () => {
  const { code, stderr } = await end(start(['bench', '--photos', '/nope', '--out', path.join(folder, 'bench')]));
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /four-ways: --photos: \/nope is not a folder that can be read; name one with photographs in it\n$/,
  );
  expect(stderr).not.toContain('JPEG');
});

test('a second run does not write where another one does', async () => {
  const out = path.join(folder, 'out');
  const release = await claim('results', out);
  const second = await end(start(['local', path.join(folder, 'pictures'), '--out', out]));
  expect(second).toEqual(refused(`another run is writing to ${out}: name another folder with --out FOLDER`));
  release?.();
});

// No signals on Windows.
(process.platform === 'win32' ? describe.skip : describe)('Ctrl-C', () => {
  const STOPPED = { code: 130, stderr: 'stopped by SIGINT; nothing is left running\n' };
  /** As a terminal does: to every process of the group. */
  const interrupt = ({ pid }: ChildProcess) => process.kill(-(pid as number), 'SIGINT');
  const left = () => readdirSync(temporary).filter((name) => name.startsWith('four-ways'));

  // The processes of another one are listed in /proc.
  (process.platform === 'linux' ? test : test.skip)(
    'while a command is loaded ends it, and one line says so',
    async () => {
      const run = start(['doctor']);
      const ended = end(run);
      await until(() => childrenOf(run.pid as number).length > 0);
      interrupt(run);
      expect(await ended).toMatchObject({ ...STOPPED, stdout: '' });
      expect(left()).toEqual([]);
    },
  );

  test('in a build leaves nothing half finished', async () => {
    const run = start(['build', '--target=host']);
    run.stdout?.once('data', () => interrupt(run));
    expect(await end(run)).toMatchObject(STOPPED);
    const dist = path.join(checkout, 'dist');
    expect(
      readdirSync(checkout).includes('dist') ? readdirSync(dist).filter((name) => /unfinished/.test(name)) : [],
    ).toEqual([]);
    expect(left()).toEqual([]);
  });

  test('ends what is kept up, too', async () => {
    const run = start([
      'local',
      path.join(folder, 'pictures'),
      '--ways=ec2',
      '--keep',
      `--out=${path.join(folder, 'kept')}`,
    ]);
    let pids: number[] = [];
    run.stderr?.on('data', (said) => {
      if (!String(said).includes('WAY=ec2')) return;
      pids = descendants(run.pid as number);
      run.kill('SIGINT');
    });
    const { code, stderr } = await end(run);
    expect(code).toBe(130);
    expect(stderr).toMatch(/\nstopped by SIGINT; nothing is left running\n$/);
    if (process.platform === 'linux') expect(pids.length).toBeGreaterThan(1);
    await until(() => !pids.some(isRunning));
  });
});
