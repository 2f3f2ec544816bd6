import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { hostOf, isAws, openAccount } from '../aws';
import { type Command, parse, print, ROOT, say, UsageError } from '../command-line';
import { checkNoLinks, checkWritable, replaceFile, why } from '../files';
import { isBilled, type Leftovers, leftoversOf } from './leftovers';
import { wayOf } from './names';
import { lines, report } from './report';

/** Where `npm run try -- <Stack> --save` writes what it has seen. */
const EVIDENCE = 'evidence/deployments';
/** Where it writes what it has seen of an imitation of AWS, which is no evidence. */
const IMITATED = 'out/try';

/** `npm run leftovers`. Region and credentials come from where the AWS CLI has them too. */
export const leftovers: Command = async (args) => {
  const { values, positionals } = parse('leftovers', args, {
    region: { type: 'string' },
    save: { type: 'boolean', default: false },
  });
  const [stack, second] = positionals;
  if (!stack) throw new UsageError('which stack? npm run leftovers -- ResizeOnLambda');
  if (second !== undefined) throw new UsageError(`one stack at a time: ${stack}, then ${second}`);
  wayOf(stack);
  const account = await openAccount(values.region);
  const file = values.save
    ? fileToSaveIn(stack, account.region, isAws(await hostOf(account)) ? EVIDENCE : IMITATED)
    : undefined;
  say(`looking for what ${stack} has left in ${account.region} …`);
  const left = await leftoversOf(account, stack);
  print(...report(left).split('\n'));
  if (file) {
    saveLeftovers(file, withoutAccount(left));
    say(`written to ${path.relative('.', file)}`);
  }
  return left.deletionFailed || left.found.some(isBilled) || left.notLookedAt.length > 0 ? 1 : 0;
};

/** The newest file of that stack in that region, by its name. @throws UsageError when there is none that can be written */
export function fileToSaveIn(stack: string, region: string, place = EVIDENCE, root = ROOT): string {
  const folder = path.join(root, place);
  const end = `-${region}-${stack}.json`;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new UsageError(`cannot read ${folder} (${why(error)}): make it readable, or run without --save`);
    }
    names = [];
  }
  const newest = names
    .filter((name) => /^\d{4}-\d{2}-\d{2}/.test(name) && name.endsWith(end))
    .sort()
    .at(-1);
  if (newest === undefined) {
    throw new UsageError(
      `nothing in ${place} is of ${stack} in ${region}: npm run try -- ${stack} --save writes it, before the stack is destroyed`,
    );
  }
  checkWritable(folder, 'make it writable, or run without --save');
  checkNoLinks(root, [path.join(place, newest)], 'run without --save');
  return path.join(folder, newest);
}

/** Puts them into a file of `npm run try`, in place of what it had there. @throws Error in one line */
export function saveLeftovers(file: string, left: Leftovers): void {
  let saved: unknown;
  try {
    saved = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`cannot read ${file} (${why(error)}): npm run try -- ${left.stack} --save writes it anew`);
  }
  if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) {
    throw new Error(`${file} is no JSON object: npm run try -- ${left.stack} --save writes it anew`);
  }
  replaceFile(file, `${JSON.stringify({ ...saved, leftovers: { ...left, lines: lines(left) } }, undefined, 2)}\n`);
}

/** Evidence is for others to read, who need not know whose account it was. */
function withoutAccount(left: Leftovers): Leftovers {
  return JSON.parse(JSON.stringify(left).replaceAll(/(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])/g, '<account>'));
}
