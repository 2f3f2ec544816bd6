import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { WAYS } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import { type Command, parse, print, ROOT, say, UsageError } from '../command-line';
import { checkWritable, claimOrRefuse, realPath, why } from '../files';
import { quoted } from '../terminal';
import { type Project, packageNameOf, projectOf } from './project';

/** `npm run take`: one column as a project of its own. */

/**
 * What CloudFormation takes for the name of a stack, and no longer than a name is. An EKS cluster is called like its stack,
 * and may have 100 characters: 59 are left for the end that `-c name=` gives.
 */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}(?<!-)$/;

export interface Taken {
  readonly folder: string;
  readonly files: number;
  /** Of everything but the locks and the snapshot. */
  readonly lines: number;
  /** Named in package.json, and installed with all that they need, those for other machines included. */
  readonly packages: readonly [named: number, locked: number];
}

export const take: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('take', args, { name: { type: 'string' } });
  const [way, to, third] = positionals;
  if (way === undefined || to === undefined) {
    throw new UsageError('which way, and into which folder? npm run take -- lambda ../my-resizer');
  }
  if (third !== undefined) throw new UsageError(`one folder at a time: ${to}, and not ${third} as well`);
  if (!isWay(way)) throw new UsageError(`there is no way "${way}": expected one of ${COMPUTES.join(', ')}`);
  const name = values.name ?? WAYS[way].stack;
  const taken = await takeOut(way, path.resolve(to), name, stopSignal());
  const folder = path.relative(process.cwd(), taken.folder);
  print(
    `${name} is in ${folder}: ${taken.files} files, ${taken.lines.toLocaleString('en')} lines`,
    `${taken.packages[0]} packages, ${taken.packages[1]} with what they need; the versions are those of this repository`,
    '',
    'next:',
    `  cd ${quoted(folder)} && npm ci && npm test`,
    `  npm run build && npx cdk deploy ${name}`,
  );
  return 0;
};

const isWay = (way: string): way is Compute => (COMPUTES as readonly string[]).includes(way);

/**
 * Writes the project beside the folder, and gives it its name when it is whole.
 * @throws UsageError when the folder is not empty, or the name cannot be
 */
export async function takeOut(way: Compute, folder: string, name: string, signal?: AbortSignal): Promise<Taken> {
  if (!NAME.test(name)) {
    throw new UsageError(
      `--name is "${name}": expected up to 40 letters, digits and hyphens, first a letter, such as Thumbnails`,
    );
  }
  checkFree(folder);
  const project = projectOf(way, name);
  const { devDependencies, optionalDependencies } = JSON.parse(project.get('package.json') as string);
  const named = [devDependencies, optionalDependencies].flatMap(Object.keys);
  if (named.includes(packageNameOf(name))) {
    throw new UsageError(`--name is "${name}", and one of its packages is called like this: take another name`);
  }
  const parent = path.dirname(folder);
  checkWritable(parent, 'name a folder elsewhere');
  await claimOrRefuse('take', folder, `another run writes to ${folder}: wait until it is done`);
  // What a killed run has left is gone with this.
  const unfinished = path.join(parent, `.${path.basename(folder)}.four-ways-unfinished`);
  try {
    rmSync(unfinished, { recursive: true, force: true });
    write(project, unfinished);
    say('locking its packages …');
    await npm(unfinished, signal);
    const locked = onlyLocked(unfinished);
    await format(unfinished, signal);
    signal?.throwIfAborted();
    // Only an empty folder can be removed like this.
    if (existsSync(folder)) rmdirSync(folder);
    renameSync(unfinished, folder);
    const texts = [...project.keys()].filter((file) => !/-lock\.json$|\.snap$/.test(file));
    const lines = texts.reduce(
      (sum, file) => sum + readFileSync(path.join(folder, file), 'utf8').split('\n').length - 1,
      0,
    );
    return { folder, files: project.size, lines, packages: [named.length, locked] };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error && 'errno' in error) throw new Error(`cannot write ${folder}: ${why(error)}`);
    throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** @throws UsageError */
function checkFree(folder: string): void {
  const there = lstatSync(folder, { throwIfNoEntry: false });
  if (!there) return;
  const other = 'name one that is not there yet';
  if (!there.isDirectory()) throw new UsageError(`${folder} is no folder: ${other}`);
  if (realPath(folder) === realPath(process.cwd())) throw new UsageError(`you are in ${folder}: ${other}`);
  try {
    if (readdirSync(folder).length > 0) throw new UsageError(`${folder} is not empty: ${other}`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot look into ${folder} (${why(error)}): ${other}`);
  }
}

function write(project: Project, folder: string): void {
  for (const [file, text] of project) {
    const to = path.join(folder, file);
    mkdirSync(path.dirname(to), { recursive: true });
    if (text === 'copied') copyFileSync(path.join(ROOT, file), to);
    else writeFileSync(to, text);
  }
}

/** Takes out of the lock, which is ours, what is not needed. It holds all there is to know: nobody is asked. */
async function npm(folder: string, signal: AbortSignal | undefined): Promise<void> {
  const options = ['--package-lock-only', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    await promisify(execFile)('npm', ['install', ...options], { cwd: folder, ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    const said = (error as { stderr?: string }).stderr?.match(/npm error (?!code)(.+)/)?.[1] ?? String(error);
    throw new Error(`npm cannot lock its packages: ${said}`);
  }
}

/** Drops permissions of packages that are not there. @returns how many are */
function onlyLocked(folder: string): number {
  const file = path.join(folder, 'package.json');
  const { packages } = JSON.parse(readFileSync(path.join(folder, 'package-lock.json'), 'utf8'));
  const { allowScripts, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  const there = Object.entries(allowScripts).filter(([name]) => `node_modules/${name}` in packages);
  writeFileSync(file, `${JSON.stringify({ ...rest, allowScripts: Object.fromEntries(there) }, undefined, 2)}\n`);
  return Object.keys(packages).length - 1;
}

/** As its own linter wants it: what is made here is made of parts. */
async function format(folder: string, signal: AbortSignal | undefined): Promise<void> {
  const biome = path.join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
  await promisify(execFile)(process.execPath, [biome, 'format', '--write'], { cwd: folder, ...(signal && { signal }) });
}
