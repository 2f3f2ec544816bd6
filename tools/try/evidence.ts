import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { devDependencies, version } from '../../package.json';
import type { Compute } from '../../workload/contract';
import { ROOT } from '../command-line';
import type { Estimate } from '../compare/model/types';
import { replaceFile, why } from '../files';

/** What was seen of deployments: a file for each, `evidence/deployments/<day>-<region>-<stack>.json`. */

/** One figure of a run, beside what the comparison predicts for its load. */
export interface SeenFigure {
  readonly name: string;
  readonly unit: 'seconds' | 'count';
  /** `null`: nothing came to an end, or nobody says. */
  readonly measured: number | null;
  readonly predicted: Estimate | null;
  /** `null` where one of the two is missing. */
  readonly inside: boolean | null;
}

export interface Deployment {
  readonly schema: 1;
  /** ISO 8601, of the end of the run. */
  readonly date: string;
  readonly way: Compute;
  readonly stack: string;
  readonly region: string;
  /** SHA-256 of the deployed template, in hexadecimal digits. */
  readonly template: string;
  /** Of this repository, and of what deploys and measures. `commit` only in a git checkout; `-dirty` where that was changed. */
  readonly versions: Readonly<Record<string, string>>;
  readonly load: { readonly uploads: number; readonly pictures: number; readonly perSecond: number | null };
  readonly figures: readonly SeenFigure[];
  /** What was not as it should be, one line each. */
  readonly problems: readonly string[];
  /** What `npm run leftovers` found after the stack was destroyed, and when; absent until then. */
  readonly leftovers?: { readonly date: string; readonly lines: readonly string[] };
}

/** Where what was seen on AWS is; and where what an imitation of it did, which is no evidence. */
export const DEPLOYMENTS = path.join(ROOT, 'evidence/deployments');
export const IMITATED = path.join(ROOT, 'out/try');

/** A word of twelve digits is taken for an account's id, wherever it stands. */
const withoutAccounts = (text: string): string =>
  text.replaceAll(/(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])/g, '<account>');

/** Where what was seen is, or goes. */
export const fileOf = ({ date, region, stack }: Pick<Deployment, 'date' | 'region' | 'stack'>, folder = DEPLOYMENTS) =>
  path.join(folder, `${date.slice(0, 10)}-${region}-${stack}.json`);

/** Writes it, in place of what was seen of this stack on the same day. @returns the file */
export function saveDeployment(seen: Deployment, folder = DEPLOYMENTS): string {
  const file = fileOf(seen, folder);
  write(file, seen);
  return file;
}

/**
 * Adds what was left of a stack to what was seen of it, in place of what the file had of that.
 * @throws Error, in one line, when it cannot be read
 */
export function addLeftovers(file: string, stack: string, leftovers: NonNullable<Deployment['leftovers']>): void {
  const anew = `npm run try -- ${stack} --save writes it anew`;
  let saved: unknown;
  try {
    saved = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`cannot read ${file} (${why(error)}): ${anew}`);
  }
  if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) {
    throw new Error(`${file} is no JSON object: ${anew}`);
  }
  write(file, { ...saved, leftovers });
}

const write = (file: string, seen: object): void =>
  replaceFile(file, withoutAccounts(`${JSON.stringify(seen, undefined, 2)}\n`));

/** @throws Error, in one line, naming the file */
export function readDeployment(file: string): Deployment {
  try {
    const seen = JSON.parse(readFileSync(file, 'utf8')) as Deployment;
    const isOne = seen.schema === 1 && !Number.isNaN(Date.parse(seen.date)) && Array.isArray(seen.figures);
    if (isOne && Array.isArray(seen.problems)) return seen;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Error(`${file} is not what npm run try -- <Stack> --save writes: remove it, or run that again`);
}

/** The last one of a way, of which nothing may be known: see {@link seenText}. */
export function newestDeployment(way: Compute, folder = DEPLOYMENTS): Deployment | undefined {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return names
    .map((name) => readDeployment(path.join(folder, name)))
    .filter((seen) => seen.way === way)
    .toSorted((a, b) => Date.parse(a.date) - Date.parse(b.date))
    .at(-1);
}

/** What may be said of a way on AWS. */
export function seenText(seen: Deployment | undefined): string {
  if (!seen) return 'not yet seen on AWS';
  const { date, region, problems } = seen;
  const found =
    problems.length === 0
      ? 'nothing was wrong'
      : problems.length === 1
        ? 'one thing was wrong'
        : `${problems.length} things were wrong`;
  return `seen on AWS on ${date.slice(0, 10)}, in ${region}: ${found}`;
}

/** Of this checkout. */
export function versions(): Record<string, string> {
  const commit = () => {
    try {
      const run = { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };
      return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], run)
        .toString()
        .trim();
    } catch {
      return undefined;
    }
  };
  const found = commit();
  const { 'aws-cdk-lib': library, 'aws-cdk': cli, '@aws-sdk/client-s3': sdk } = devDependencies;
  return {
    'four-ways': version,
    'aws-cdk-lib': library,
    'aws-cdk': cli,
    '@aws-sdk/client-s3': sdk,
    node: process.versions.node,
    ...(found && { commit: found }),
  };
}
