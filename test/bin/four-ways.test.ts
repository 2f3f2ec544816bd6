import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { scripts as SCRIPTS } from '../../package.json';
import { checkout, end, start } from '../support/command-line';
import { cornered } from '../support/pictures';

/** The command line, as a process. */

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'four-ways-'));
  for (const name of ['empty/folder', 'pictures']) mkdirSync(path.join(folder, name), { recursive: true });
  await cornered(200, 100).png().toFile(path.join(folder, 'pictures/a.png'));
  writeFileSync(path.join(folder, 'pictures/b.txt'), 'not a picture');
  // What builds into dist does so in a checkout of its own.
  checkout(path.join(folder, 'checkout'));
});
afterAll(() => rmSync(folder, { recursive: true }));

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
        'unknown command "deploy": expected one of build, local, faults, bench, compare, prices, manifests, doctor, replay, try, leftovers, take, sbom',
      ],
      [['build', '--target=arm'], '--target names "arm": expected some of arm64,x64,host'],
    ];
    const ends = await Promise.all(mistakes.map(([args]) => end(start(args))));
    expect(ends).toEqual(mistakes.map(([, message]) => ({ code: 2, stdout: '', stderr: `four-ways: ${message}\n` })));
  });

  test('asks for other pictures when there are none, before it builds anything', async () => {
    const here = path.join(folder, 'checkout');
    const [empty, missing] = [path.join(folder, 'empty'), path.join(folder, 'missing.jpg')];
    const refused = (why: string) => ({ code: 2, stdout: '', stderr: `four-ways: ${why}\n` });
    expect(await end(start(['local', empty], here))).toEqual(refused(`no file to process in ${empty}`));
    expect(await end(start(['local', empty, missing], here))).toEqual(refused(`${missing}: no such file or folder`));
    expect(existsSync(path.join(here, 'dist'))).toBe(false);
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
    expect(lines).toContain('byte-equal: one way, nothing to compare');
    expect(lines.at(-2)).toContain(path.join('out', 'index.html'));
    expect(stderr).toContain('4 pictures, one way');
    expect(existsSync(path.join(out, 'lambda/renditions/incoming/0002/a.png/160.webp'))).toBe(true);
    expect(code).toBe(0);
  });

  test.each<[args: string[], link: string]>([
    [['local', 'PICTURES', '--out', 'OUT'], 'OUT/lambda'],
    [['local', 'PICTURES', '--out', 'OUT'], 'OUT/index.html'],
    [['bench', '--out', 'OUT'], 'OUT/results.svg'],
    [['build', '--target', 'host'], 'DIST/lambda-host'],
    [['sbom'], 'DIST/worker-arm64.cdx.json'],
  ])('%j writes through no link at %s, and says so in one line', async (args, link) => {
    const here = checkout(path.join(folder, `links ${args[0]} ${path.basename(link)}`));
    const elsewhere = path.join(here, 'elsewhere');
    for (const name of ['renditions', 'rejected']) mkdirSync(path.join(elsewhere, name), { recursive: true });
    writeFileSync(path.join(elsewhere, 'renditions/mine'), 'mine');
    const placed = (text: string) =>
      text
        .replace('PICTURES', path.join(folder, 'pictures'))
        .replace('OUT', path.join(here, 'out'))
        .replace('DIST', path.join(here, 'dist'));
    mkdirSync(path.dirname(placed(link)), { recursive: true });
    symlinkSync(elsewhere, placed(link), 'junction');
    const { code, stderr } = await end(start(args.map(placed), here));
    expect(stderr).toContain(
      `four-ways: ${placed(link)} is a link, and what is written there would go elsewhere: remove`,
    );
    expect(stderr.match(/^four-ways: /gm)).toHaveLength(1);
    expect(code).toBe(2);
    expect(readdirSync(elsewhere, { recursive: true }).sort()).toEqual([
      'rejected',
      'renditions',
      path.join('renditions', 'mine'),
    ]);
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
