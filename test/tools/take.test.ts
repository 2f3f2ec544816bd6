import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { STACKS } from '../../lib/stacks';
import { pageOf, sourceOf, WAYS } from '../../lib/ways';
import { buildBundles } from '../../tools/build/build';
import { takeOut } from '../../tools/take/command';
import { COMPUTES, type Compute } from '../../workload/contract';
import { end, start } from '../support/command-line';
import { SETTINGS, synth, type Template, templateOf } from '../support/synth';

/** One column as a project of its own. Here with the packages of this one; take.deep.test.ts installs its own. */

const ROOT = path.resolve(__dirname, '../..');
const OURS = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));

let root: string;
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'take-'));
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterAll(() => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true });
});

/** What is in a project as it is written, without what is installed. */
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));

/** Logical ids. One is CDK's after the path of the function, which begins with the name of the stack. */
const ids = ({ Resources }: Template) =>
  Object.keys(Resources).map((id) => id.replace(/(?<=AllowBucketNotificationsTo).+/, 'Function'));

describe.each(COMPUTES)('%s, taken out', (way) => {
  let folder: string;
  let files: string[];
  const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');
  const json = (file: string) => JSON.parse(read(file));
  beforeAll(async () => {
    folder = path.join(root, way);
    await takeOut(way, folder, WAYS[way].stack);
    files = filesOf(folder);
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  });

  test('makes the template of this repository, whatever is chosen and whatever it is called', async () => {
    const { [STACKS[way].name]: Taken } = await import(path.join(folder, sourceOf(way)));
    expect(Taken).not.toBe(STACKS[way]);
    const [ours, other] = [WAYS[way].stack, 'Thumbnails'];
    for (const settings of Object.values(SETTINGS)) {
      expect(templateOf(Taken, ours, settings)).toEqual(templateOf(STACKS[way], ours, settings));
    }
    const renamed = templateOf(Taken, other, {});
    expect(renamed).toEqual(templateOf(STACKS[way], other, {}));
    expect(ids(renamed)).toEqual(ids(synth(way).template));
  });

  test('tests the template that is tested here', async () => {
    const { synth: taken } = await import(path.join(folder, 'test/support/synth.ts'));
    expect(taken().template).toEqual(synth(way).template);
    const snapshot = readFileSync(path.join(ROOT, `test/stacks/__snapshots__/${way}-stack.test.ts.snap`), 'utf8');
    expect(read('test/__snapshots__/stack.test.ts.snap')).toBe(snapshot);
  });

  test('has nothing of other columns, of their comparison, or of what measures and breaks them', () => {
    const others = COMPUTES.filter((each) => each !== way);
    const theirs = (other: Compute) => [sourceOf(other), pageOf(other), STACKS[other].name, WAYS[other].stack];
    const foreign = [
      ...others.flatMap(theirs),
      ...['lib/ways', 'lib/stacks', 'tools/compare', 'tools/bench', 'tools/faults', 'tools/local', 'evidence/'],
      ...['bin/four-ways', 'npm run local', 'npm run bench', 'npm run faults', 'npm run compare', 'docs/', 'fauxqs'],
    ];
    const texts = files.filter((file) => !/-lock\.json$/.test(file));
    const found = texts.flatMap((file) =>
      // An address is nobody's file. The example of a name in a message is one of ours.
      foreign
        .filter((each) => new RegExp(`(?<![\\w-])${each}`).test(`${file}\n${read(file).replace(/https:\S+/g, '')}`))
        .map((each) => `${file}: ${each}`),
    );
    expect(found).toEqual([]);
  });

  test('names exactly what it needs, in the versions of this repository, and locks nothing else', () => {
    const { devDependencies, optionalDependencies, allowScripts } = json('package.json');
    const { packages } = json('package-lock.json');
    const named = { ...devDependencies, ...optionalDependencies };
    const known = { ...OURS.packages[''].devDependencies, ...OURS.packages[''].optionalDependencies };
    for (const [name, version] of Object.entries(named)) expect(`${name} ${known[name]}`).toBe(`${name} ${version}`);
    const versions = (all: Record<string, { version?: string; integrity?: string }>) =>
      Object.entries(all).map(([location, { version, integrity }]) => [location, version, integrity].join(' '));
    const [, ...locked] = versions(packages);
    const ours = new Set(versions(OURS.packages));
    expect(locked.filter((each) => !ours.has(each))).toEqual([]);
    expect(Object.keys(allowScripts).filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
    const imported = files
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [
        ...read(file).matchAll(
          /^(?:import [^'\n]*|\} from |export [^'\n]* from )'((?:@[^/'\n]+\/)?[^./'\n][^/'\n]*)/gm,
        ),
      ])
      .map(([, name]) => name as string)
      .filter((name) => !name.startsWith('node:'));
    expect(imported).toContain('esbuild');
    expect(imported.filter((name) => !(name in named) && !(`@types/${name}` in named))).toEqual([]);
    const unused = ['@kubernetes-models/keda', 'kubernetes-models', 'fastify', '@observablehq/plot', 'fauxqs'];
    expect(unused.filter((name) => name in named)).toEqual(WAYS[way].orchestrator === 'EKS' ? unused.slice(0, 2) : []);
  });

  test('has a README of one screen, with nothing left to fill in, whose files and commands are there', () => {
    const made = files.filter((file) => !/\.test\.ts$|-lock\.json$/.test(file));
    expect(made.filter((file) => /\{\{\w+\}\}|^%\w+%/m.test(read(file)))).toEqual([]);
    const readme = read('README.md');
    expect(readme.split('\n').length).toBeLessThan(60);
    const named = [...readme.matchAll(/`((?:lib|bin|test|tools|workload)\/[\w./-]+)`/g)].map(
      ([, file]) => file as string,
    );
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((file) => !existsSync(path.join(folder, file)))).toEqual([]);
    const commands = [...readme.matchAll(/npm run (\w+)/g)].map(([, name]) => name as string);
    expect(commands.filter((name) => !(name in json('package.json').scripts))).toEqual([]);
  });
});

test.each(['lambda', 'ec2'] as const)('%s builds the bundle of this repository, to the byte', async (way) => {
  const folder = path.join(root, way);
  const { buildBundles: build } = (await import(path.join(folder, 'tools/build/build.ts'))) as {
    buildBundles: typeof buildBundles;
  };
  const [taken, ours] = [await build(['host']), await buildBundles(['host'], path.join(root, 'ours'))];
  const kind = way === 'lambda' ? 'lambda-host' : 'worker-host';
  expect(taken.map(({ name, hash }) => [name, hash])).toEqual([[kind, ours.find(({ name }) => name === kind)?.hash]]);
});

describe('npm run take', () => {
  const run = (...args: string[]) => end(start(['take', ...args], ROOT));

  test('says what it wrote and what comes next, in 80 columns', async () => {
    const { code, stdout, stderr } = await end(
      start(['take', 'ecs-fargate', 'new/Thumbs', '--name=Thumbs'], ROOT, {
        npm_lifecycle_event: 'take',
        INIT_CWD: root,
      }),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'locking its packages …\n' });
    expect(stdout).toMatch(/^Thumbs is in new\/Thumbs: \d+ files, [\d,]+ lines\n\d+ packages, \d+ with what they need/);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toMatch(/\n {2}cd new\/Thumbs && npm ci && npm test\n {2}npm run build && npx cdk deploy Thumbs\n$/);
  });

  test('fills a folder that is there and empty', async () => {
    const folder = path.join(root, 'empty');
    mkdirSync(folder);
    expect(await run('ec2', folder)).toMatchObject({ code: 0 });
    expect(existsSync(path.join(folder, 'package.json'))).toBe(true);
  });

  test.each<[what: string, args: string[], said: string]>([
    ['no folder', ['lambda'], 'which way, and into which folder? npm run take -- lambda ../my-resizer'],
    ['another way', ['fargate', 'ROOT/x'], `there is no way "fargate": expected one of ${COMPUTES.join(', ')}`],
    ['two folders', ['ec2', 'ROOT/x', 'y'], 'one folder at a time: ROOT/x, and not y as well'],
    ['a folder with something in it', ['ec2', 'ROOT/full'], 'ROOT/full is not empty: name one that is not there yet'],
    ['a file', ['ec2', 'ROOT/full/a'], 'ROOT/full/a is no folder: name one that is not there yet'],
    ['where one is', ['ec2', ROOT], `you are in ${ROOT}: name one that is not there yet`],
    [
      'a name that cannot be',
      ['ec2', 'ROOT/x', '--name=1st'],
      '--name is "1st": expected up to 40 letters, digits and hyphens, first a letter, such as Thumbnails',
    ],
    [
      'a name of a package',
      ['ec2', 'ROOT/x', '--name=Sharp'],
      '--name is "Sharp", and one of its packages is called like this: take another name',
    ],
  ])('refuses %s, in one line, and writes nothing', async (_, args, said) => {
    mkdirSync(path.join(root, 'full'), { recursive: true });
    writeFileSync(path.join(root, 'full/a'), 'mine');
    const placed = (text: string) => text.replaceAll('ROOT/', `${root}/`);
    expect(await run(...args.map(placed))).toEqual({ code: 2, stdout: '', stderr: `four-ways: ${placed(said)}\n` });
    expect(existsSync(path.join(root, 'x'))).toBe(false);
    expect(readdirSync(path.join(root, 'full'))).toEqual(['a']);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('that is ended by %s leaves no half of a project', async (signal) => {
    const parent = path.join(root, signal);
    mkdirSync(parent);
    const child = start(['take', 'lambda', path.join(parent, 'mine')], ROOT);
    child.stderr?.once('data', () => child.kill(signal));
    await end(child);
    expect(existsSync(path.join(parent, 'mine'))).toBe(false);
    expect(readdirSync(parent)).toEqual([]);
  });

  test('takes away what a run has left that could not clean up', async () => {
    const parent = path.join(root, 'left');
    mkdirSync(path.join(parent, '.mine.four-ways-unfinished/lib'), { recursive: true });
    writeFileSync(path.join(parent, '.mine.four-ways-unfinished/lib/other-stack.ts'), 'half');
    expect(await run('lambda', path.join(parent, 'mine'))).toMatchObject({ code: 0 });
    expect(readdirSync(parent)).toEqual(['mine']);
    expect(existsSync(path.join(parent, 'mine/lib/other-stack.ts'))).toBe(false);
  });
});
