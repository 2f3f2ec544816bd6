import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { scripts as SCRIPTS } from '../../package.json';
import { cornered } from '../support/pictures';

/** The command line, as a process. */

const ROOT = path.resolve(__dirname, '../..');

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'four-ways-'));
  for (const name of ['empty/folder', 'pictures', 'checkout']) mkdirSync(path.join(folder, name), { recursive: true });
  await cornered(200, 100).png().toFile(path.join(folder, 'pictures/a.png'));
  writeFileSync(path.join(folder, 'pictures/b.txt'), 'not a picture');
  // What builds into dist does so in a checkout of its own.
  for (const name of ['bin', 'tools', 'lib', 'cdk.json', 'workload', 'lambda', 'package.json', 'tsconfig.json']) {
    cpSync(path.join(ROOT, name), path.join(folder, 'checkout', name), { recursive: true });
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'checkout/node_modules'), 'junction');
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(args: readonly string[], root = ROOT): ChildProcess {
  return spawn(process.execPath, ['bin/start.cjs', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
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

describe('four-ways', () => {
  test('explains itself', async () => {
    const { code, stdout, stderr } = await end(start(['--help']));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const scripts = Object.entries(SCRIPTS).filter(
      ([, script]) => script.startsWith('node bin/start.cjs ') && !script.includes('/jest'),
    );
    for (const [name] of scripts) expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
  });

  test('explains each command', async () => {
    const { code, stdout, stderr } = await end(start(['local', '--help']));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^npm run local -- /);
    for (const word of ['--ways', '--count', '--keep', '--json', '--out', 'ec2,lambda,ecs-fargate,eks-ec2']) {
      expect(stdout).toContain(word);
    }
    expect(stdout).not.toContain('--target');
  });

  test('says in one line what is wrong and what to do instead', async () => {
    const mistakes: [args: string[], message: string][] = [
      [
        ['deploy'],
        'unknown command "deploy": expected one of build, local, faults, bench, compare, prices, doctor, sbom',
      ],
      [['local', '--way=ec2'], "Unknown option '--way'; npm run local -- --help lists the options"],
      [['local', '--count', '-1'], "Option '--count' argument is ambiguous; npm run local -- --help lists the options"],
      [['local', '--count=0'], '--count is "0": expected a whole number from 1 to 10000'],
      [['local', '--ways=ec2, fargate'], '--ways names "fargate": expected some of ec2,lambda,ecs-fargate,eks-ec2'],
      [['faults', '--seed=-'], '--seed is "-": expected a whole number from 0 to 2147483648'],
      [['faults', '--scale=0'], '--scale is "0": expected a number above 0, up to 10'],
      [
        ['faults', '--scenario=crash'],
        '--scenario names "crash": expected some of kill,lambda,stop,poison,slow,storage,fuzz,soak',
      ],
      [
        ['faults', '--scenario=kill', '--ways=lambda'],
        'kill has nothing to do on lambda: choose another way or scenario',
      ],
      [['bench', 'photo.jpg'], 'unexpected "photo.jpg"; npm run bench -- --help lists the options'],
      [['bench', '--fast'], "Unknown option '--fast'; npm run bench -- --help lists the options"],
      [['build', '--target=arm'], '--target names "arm": expected some of arm64,x64,host'],
      [['compare', 'ec2'], 'unexpected "ec2"; npm run compare -- --help lists the options'],
      [['build', 'arm64'], 'unexpected "arm64"; npm run build -- --help lists the options'],
      [['doctor', 'x'], 'unexpected "x"; npm run doctor -- --help lists the options'],
    ];
    const ends = await Promise.all(mistakes.map(([args]) => end(start(args))));
    expect(ends).toEqual(mistakes.map(([, message]) => ({ code: 2, stdout: '', stderr: `four-ways: ${message}\n` })));
  });

  test('asks for other pictures when there are none, before it builds anything', async () => {
    const checkout = path.join(folder, 'checkout');
    const [empty, missing] = [path.join(folder, 'empty'), path.join(folder, 'missing.jpg')];
    expect(await end(start(['local', empty, missing], checkout))).toEqual({
      code: 2,
      stdout: '',
      stderr: `skipped ${missing}: no such file or folder\nfour-ways: no file to process in ${empty}, ${missing}\n`,
    });
    expect(existsSync(path.join(checkout, 'dist'))).toBe(false);
  });

  test('runs, and prints the results as the last line, for a program', async () => {
    const out = path.join(folder, 'out');
    const args = ['local', path.join(folder, 'pictures'), '--count=2', '--ways=lambda', '--json', `--out=${out}`];
    const { code, stdout, stderr } = await end(start(args, path.join(folder, 'checkout')));
    const lines = stdout.trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      ways: { lambda: { done: 2, rejected: 2, failed: 0 } },
      byteEqual: true,
    });
    expect(lines.at(-3)).toBe('byte-equal: one way, nothing to compare');
    expect(lines.at(-2)).toContain(path.join('out', 'index.html'));
    expect(stderr).toContain('4 pictures, one way');
    expect(existsSync(path.join(out, 'lambda/renditions/incoming/0002/a.png/160.webp'))).toBe(true);
    expect(code).toBe(0);
  });

  test('breaks the ways from a seed, and prints what it found as the last line, for a program', async () => {
    const args = ['faults', '--scenario=poison', '--ways=ec2', '--images=20', '--seed=3', '--json'];
    const { code, stdout, stderr } = await end(start(args, path.join(folder, 'checkout')));
    const json = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string);
    expect(json).toMatchObject({
      schema: 1,
      seed: 3,
      rows: [{ scenario: 'poison', way: 'ec2', images: 20, lost: 0, ok: true }],
    });
    expect(stdout).toMatch(/poison +ec2 .* holds/);
    expect(stderr).toMatch(/holds {2}poison ec2, \d/);
    expect(code).toBe(0);
  });

  test('ends by a signal with 130, says so, and has run nothing', async () => {
    const run = start(
      ['local', path.join(folder, 'pictures'), '--out', path.join(folder, 'stopped')],
      path.join(folder, 'checkout'),
    );
    run.stderr?.once('data', () => run.kill('SIGTERM'));
    const { code, stdout, stderr } = await end(run);
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/\nstopped by SIGTERM; nothing is left running\n$/);
    expect(existsSync(path.join(folder, 'stopped'))).toBe(false);
  });
});
