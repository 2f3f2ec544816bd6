import path from 'node:path';
import { COMPUTES } from '../../workload/contract';
import { buildBundles } from '../build/build';
import { type Command, interruptible, list, parse, ROOT, say, UsageError, whole } from '../command-line';
import { builtInInputs, fileInputs, repeat } from './inputs';
import { howToUse, succeeded, summaryTable, toJson, verdict } from './report';
import { runLocal } from './run';

/** `npm run local` */
export const local: Command = (args) =>
  interruptible(async (signal) => {
    const { values, positionals } = parse('local', args, {
      ways: { type: 'string' },
      count: { type: 'string', default: '1' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      out: { type: 'string', default: path.join(ROOT, 'out') },
    });
    const ways = list(values.ways, COMPUTES, '--ways');
    const count = whole(values.count, '--count', 1, 10_000) as number;
    const given = positionals.length > 0 ? await fileInputs(positionals) : undefined;
    for (const line of given?.skipped ?? []) say(`skipped ${line}`);
    if (given?.inputs.length === 0) throw new UsageError(`no file to process in ${positionals.join(', ')}`);
    say(`building the bundles for this machine${given ? '' : ', generating pictures'} …`);
    const [{ inputs }] = await Promise.all([given ?? builtInInputs(), buildBundles(['host'])]);

    const set = repeat(inputs, count);
    say(`${set.length} pictures, ${ways.length === 1 ? 'one way' : `${ways.length} ways, one after the other`}`);
    const out = path.resolve(values.out);
    const results = await runLocal({
      inputs: set,
      ways,
      dist: path.join(ROOT, 'dist'),
      out,
      signal,
      progress: process.stderr,
      onResults: (found) => {
        console.log(summaryTable(found.ways));
        console.log(verdict(found));
        console.log(
          `results in ${path.relative('.', out) || '.'}/<way>/, side by side in ${path.relative('.', found.sheet)}`,
        );
        if (values.json) console.log(toJson(found));
      },
      ...(values.keep && { onKept: (endpoints, kept) => say(howToUse(endpoints, kept)) }),
    });
    return succeeded(results) ? 0 : 1;
  });
