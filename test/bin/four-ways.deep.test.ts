import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkout, end, start } from '../support/command-line';

/** The command line, as a process: every kind of mistake, and a run of `npm run faults`. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'four-ways-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('four-ways', () => {
  test('says of every mistake in one line what is wrong and what to do instead', async () => {
    const mistakes: [args: string[], message: string][] = [
      [
        ['deploy'],
        'unknown command "deploy": expected one of build, local, faults, bench, compare, prices, manifests, doctor, replay, try, leftovers, take, sbom',
      ],
      [['local', '--way=ec2'], "Unknown option '--way'; npm run local -- --help lists the options"],
      [['local', '--count', '-1'], "Option '--count' argument is ambiguous; npm run local -- --help lists the options"],
      [['local', '--count=0'], '--count is "0": expected a whole number from 1 to 10000'],
      [
        ['local', '--ways=ec2, fargate'],
        '--ways names "fargate": expected some of ec2,lambda,ecs-fargate,eks-ec2,ecs-ec2,eks-fargate,all',
      ],
      [['faults', '--seed=-'], '--seed is "-": expected a whole number from 0 to 2147483648'],
      [['faults', '--scale=0'], '--scale is "0": expected a number above 0, up to 10'],
      [
        ['faults', '--scenario=crash'],
        '--scenario names "crash": expected some of kill,lambda,stop,poison,slow,storage,outage,fuzz,soak',
      ],
      [
        ['faults', '--scenario=kill', '--ways=lambda'],
        'kill has nothing to do on lambda: choose another way or scenario',
      ],
      [['bench', 'photo.jpg'], 'unexpected "photo.jpg"; npm run bench -- --help lists the options'],
      [['bench', '--fast'], "Unknown option '--fast'; npm run bench -- --help lists the options"],
      [['build', '--target=arm'], '--target names "arm": expected some of arm64,x64,host'],
      [['compare', 'ec2'], 'unexpected "ec2"; npm run compare -- --help lists the options'],
      [['doctor', 'x'], 'unexpected "x"; npm run doctor -- --help lists the options'],
      [['sbom', 'x'], 'unexpected "x"; npm run sbom -- --help lists the options'],
      [['prices', 'x'], 'unexpected "x"; npm run prices -- --help lists the options'],
      [['build', 'arm64'], 'unexpected "arm64"; npm run build -- --help lists the options'],
    ];
    const ends = await Promise.all(mistakes.map(([args]) => end(start(args))));
    expect(ends).toEqual(mistakes.map(([, message]) => ({ code: 2, stdout: '', stderr: `four-ways: ${message}\n` })));
  });

  test('breaks the ways from a seed, and prints what it found as the last line, for a program', async () => {
    const args = ['faults', '--scenario=poison', '--ways=ec2', '--images=20', '--seed=3', '--json'];
    const { code, stdout, stderr } = await end(start(args, checkout(path.join(folder, 'checkout'))));
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
});
