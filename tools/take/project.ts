import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ACKNOWLEDGED } from '../../lib/acknowledgements';
import { sourceOf, WAYS } from '../../lib/ways';
import type { Compute } from '../../workload/contract';
import { ENTRY_POINTS } from '../build/entry-points';
import { ROOT } from '../command-line';

/**
 * A project with one column in it. Nearly all of it is copied as it stands here; which files, their imports say. What has to
 * differ, because here it is about all ways, is made from the files in `project/`.
 */

/** The content of each file by its path in the project; `copied` from the same path here. */
export type Project = ReadonlyMap<string, string | 'copied'>;

/** The commands of every project, and the tools behind them. */
const TOOLCHAIN = [
  ...['@biomejs/biome', '@swc/core', '@swc/jest', '@types/jest', '@types/node', 'aws-cdk', 'aws-cdk-lib', 'cdk-nag'],
  ...['constructs', 'esbuild', 'jest', 'sharp', 'tsx', 'typescript'],
];

/** Files that no import names. Not looked into: `start.cjs` names our command line. */
const BESIDES = ['.editorconfig', '.gitignore', '.nvmrc', '.swcrc', 'LICENSE', 'bin/start.cjs', 'cdk.json'];

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const isFile = (file: string) => existsSync(path.join(ROOT, file)) && statSync(path.join(ROOT, file)).isFile();
const testsIn = (folder: string) =>
  readdirSync(path.join(ROOT, folder)).flatMap((name) => (name.endsWith('.test.ts') ? `${folder}/${name}` : []));

/** What is copied with a change: a text that is there once, or all that fit a pattern, for another one. */
const CHANGED: readonly (readonly [file: string, from: string | RegExp, to: string])[] = [
  ['biome.json', /,\s*"!evidence\/[^"]*"/g, ''],
  ['biome.json', '["tools/**", "bin/four-ways.ts"]', '["tools/**"]'],
  ['bin/start.cjs', '`bin/four-ways.ts`', '`bin/run.ts`'],
  ['bin/start.cjs', "'four-ways.ts'", "'run.ts'"],
  ['tsconfig.json', ',\n  "exclude": ["tools/compare/page/browser"]', ''],
  // Of the AWS rights that it takes.
  ['tools/replay/command.ts', "'docs/lambda.md'", "'README.md'"],
  ['test/stacks/boot-script.test.ts', "synth('ec2')", 'synth()'],
];

/** Relative imports, and files that are read from beside the one that names them. */
const NAMED = /(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']*)'|\bpath\.(?:join|resolve)\(__dirname, '([^']+)'/g;

/**
 * The files that are reached by relative imports from these, these included.
 * @param made are not looked into: in the project they are others
 */
export function reached(from: readonly string[], made: ReadonlySet<string> = new Set()): Set<string> {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file) || made.has(file)) return;
    found.add(file);
    if (!/\.[cm]?[jt]s$/.test(file)) return;
    for (const [, imported, beside] of read(file).matchAll(NAMED)) {
      const name = path.posix.join(path.posix.dirname(file), imported ?? (beside as string));
      const next = [name, `${name}.ts`, `${name}/index.ts`].find(isFile);
      if (next) visit(next);
      else if (imported) throw new Error(`${file} imports ${imported}, which is not there`);
    }
  };
  for (const file of from) visit(file);
  return found;
}

/** @param name of the stack */
export function projectOf(way: Compute, name: string): Project {
  const { title, stack: ours, entry, unit, orchestrator, architecture } = WAYS[way];
  const kind = entry === 'function' ? 'lambda' : 'worker';
  const isImage = unit === 'task' || unit === 'pod';
  const packageName = packageNameOf(name);
  const flags: Readonly<Record<string, boolean>> = {
    [unit]: true,
    [entry]: true,
    [isImage ? 'image' : 'zip']: true,
    [orchestrator.toLowerCase()]: true,
  };
  const values: Readonly<Record<string, string>> = {
    ...{ way, title, ours, architecture, stack: name, package: packageName },
    class: /export class (\w+)/.exec(read(sourceOf(way)))?.[1] as string,
    bundle: `${isImage ? 'image' : kind}-${architecture}`,
    acknowledged: JSON.stringify(ACKNOWLEDGED[way]),
    entryPoints: JSON.stringify({ [kind]: ENTRY_POINTS[kind] }),
    images: JSON.stringify(isImage ? [kind] : []),
  };
  const fill = (template: string) =>
    template
      .split('\n')
      // `%flag%` at its beginning: a line of the ways that it is true of.
      .flatMap((line) => {
        const [, flag, rest] = /^%(\w+)%(.*)$/.exec(line) ?? [];
        return flag === undefined ? line : flags[flag] ? (rest as string) : [];
      })
      .join('\n')
      .replaceAll(/\{\{(\w+)\}\}/g, (_, value: string) => values[value] ?? `{{${value}}}`);
  const folder = 'tools/take/project';
  const templates = [...readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })].filter((file) =>
    file.endsWith('.template'),
  );
  const made = new Map(
    templates.map((file) => {
      const to = file
        .split(path.sep)
        .join('/')
        .replace(/\.template$/, '');
      return [to, fill(read(`${folder}/${file}`))] as const;
    }),
  );

  const own = new Set(made.keys());
  const product = reached(
    [
      ...[...made].flatMap(([file, text]) => importsOf(file, text)),
      ...[sourceOf(way), 'tools/build/build.ts', ...Object.values(ENTRY_POINTS[kind])],
      ...(kind === 'lambda' ? ['lambda/resize/credentials.ts'] : []),
      ...(isImage ? ['containers/resizer/Dockerfile'] : []),
      ...['workload/package.json', 'workload/package-lock.json', 'biome.json', 'tsconfig.json'],
      'test/support/global-setup.ts',
    ],
    own,
  );
  // Tests of what is here, and that need nothing else.
  const tests = [
    ...testsIn('test/workload'),
    ...testsIn('test/lambda'),
    ...['test/lockfile.test.ts', 'test/bin/switches.test.ts', 'test/stacks/boot-script.test.ts'],
  ]
    .map((file) => [...reached([file], own)])
    .filter((files) => files.every((file) => file.startsWith('test/') || product.has(file)))
    .flat();

  const project = new Map<string, string | 'copied'>();
  for (const file of [...BESIDES, ...product, ...tests]) project.set(file, 'copied');
  for (const [file, from, to] of CHANGED) {
    if (!project.has(file)) continue;
    const before = project.get(file) === 'copied' ? read(file) : (project.get(file) as string);
    const times = before.split(from).length - 1;
    if (times < 1 || (typeof from === 'string' && times > 1)) throw new Error(`${file} has ${times} times: ${from}`);
    project.set(
      file,
      before.replace(from, () => to),
    );
  }
  for (const [file, text] of made) project.set(file, text);
  project.set('test/__snapshots__/stack.test.ts.snap', read(`test/stacks/__snapshots__/${way}-stack.test.ts.snap`));
  project.set('package-lock.json', read('package-lock.json'));
  project.set('package.json', manifest(packageName, title, kind, project));
  return project;
}

/** What a file that is made imports, as paths from the root. */
function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(NAMED)].flatMap(([, imported]) => {
    if (!imported) return [];
    const name = path.posix.join(path.posix.dirname(file), imported);
    return [name, `${name}.ts`].filter(isFile);
  });
}

/** `ResizeOnEc2` is the package `resize-on-ec2`. */
export function packageNameOf(stack: string): string {
  return stack.replaceAll(/([a-z0-9])(?=[A-Z])/g, '$1-').toLowerCase();
}

/** The package.json: our versions, and of our packages those that are imported or run. */
function manifest(name: string, title: string, kind: string, project: Project): string {
  const { engines, devDependencies, optionalDependencies, allowScripts, overrides } = JSON.parse(read('package.json'));
  const imported = new Set<string>(TOOLCHAIN);
  for (const [file, text] of project) {
    if (!/\.ts$/.test(file)) continue;
    for (const [, named] of (text === 'copied' ? read(file) : text).matchAll(
      /(?:\bfrom|\bimport)\s*\(?\s*'([^.'][^']*)'/g,
    )) {
      const [scope = '', second] = (named as string).split('/');
      imported.add(scope.startsWith('@') ? `${scope}/${second}` : scope);
    }
  }
  const needed = Object.entries(devDependencies).filter(
    ([each]) => imported.has(each) || (each.startsWith('@types/') && imported.has(each.slice('@types/'.length))),
  );
  const run = (command: string) => `node bin/start.cjs ${command}`;
  const scripts = {
    build: run('build'),
    ...(kind === 'lambda' && { replay: run('replay') }),
    test: run('node_modules/jest/bin/jest.js'),
    synth: 'cdk synth --quiet',
    types: 'tsc --noEmit',
    lint: 'biome check --error-on-warnings',
    format: 'biome check --write',
    check: 'npm run types && npm run lint && npm test',
  };
  const description = `Resizes images: ${title}, deployed by the AWS CDK.`;
  const about = { name, version: '0.1.0', description, license: 'MIT-0', private: true, type: 'commonjs', engines };
  const dependencies = { devDependencies: Object.fromEntries(needed), optionalDependencies };
  return `${JSON.stringify({ ...about, scripts, ...dependencies, allowScripts, overrides }, undefined, 2)}\n`;
}
