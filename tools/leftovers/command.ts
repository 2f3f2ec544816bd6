import { readdirSync } from 'node:fs';
import path from 'node:path';
import { hostOf, isAws, openAccount } from '../aws';
import { type Command, parse, print, ROOT, say, UsageError } from '../command-line';
import { checkNoLinks, checkWritable, why } from '../files';
import { addLeftovers, DEPLOYMENTS, IMITATED } from '../try/evidence';
import { isBilled, leftoversOf } from './leftovers';
import { wayOf } from './names';
import { lines, report } from './report';

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
    ? fileToSaveIn(stack, account.region, isAws(await hostOf(account)) ? DEPLOYMENTS : IMITATED)
    : undefined;
  say(`looking for what ${stack} has left in ${account.region} …`);
  const left = await leftoversOf(account, stack);
  print(...report(left).split('\n'));
  if (file) {
    addLeftovers(file, stack, { ...left, lines: lines(left) });
    say(`written to ${path.relative('.', file)}`);
  }
  return left.deletionFailed || left.found.some(isBilled) || left.notLookedAt.length > 0 ? 1 : 0;
};

/** The newest file of that stack in that region, by its name. @throws UsageError when there is none that can be written */
function fileToSaveIn(stack: string, region: string, folder: string): string {
  const place = path.relative(ROOT, folder);
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
  checkNoLinks(ROOT, [path.join(place, newest)], 'run without --save');
  return path.join(folder, newest);
}
