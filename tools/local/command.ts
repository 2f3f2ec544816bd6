import path from 'node:path';
import { buildBundles } from '../build/build';
import { allOf, type Command, parse, print, printJson, ROOT, say, UsageError, whole } from '../command-line';
import { claimOrRefuse, realPath } from '../files';
import { builtInInputs, fileInputs, repeat } from './inputs';
import { howToUse, succeeded, summaryTable, toJson, verdict } from './report';
import { checkResultsFolder, RESULTS, runLocal } from './run';
import { chosenWays } from './ways';

/** `npm run local` */
export const local: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('local', args, {
    ways: { type: 'string' },
    count: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: RESULTS },
  });
  const ways = chosenWays(values.ways);
  const count = whole(values.count, '--count', 1, 10_000) as number;
  const out = path.resolve(values.out);
  const real = realPath(out);
  const inside = positionals.find((given) => {
    const relative = path.relative(real, realPath(path.resolve(given)));
    return !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
  });
  if (inside !== undefined) {
    throw new UsageError(`${inside} is in ${out}, where the results go: name another folder with --out FOLDER`);
  }
  const given = positionals.length > 0 ? await fileInputs(positionals) : undefined;
  for (const line of given?.skipped ?? []) say(`skipped ${line}`);
  if (given?.inputs.length === 0) throw new UsageError(`no file to process in ${positionals.join(', ')}`);
  checkResultsFolder(out, ways);
  await claimOrRefuse('results', out, `another run is writing to ${out}: name another folder with --out FOLDER`);
  const signal = stopSignal();
  say(`building the bundles for this machine${given ? '' : ', generating pictures'} …`);
  const [{ inputs }] = await allOf([given ?? builtInInputs(signal), buildBundles(['host'], undefined, signal)]);

  const set = repeat(inputs, count);
  say(
    `${set.length === 1 ? '1 picture' : `${set.length} pictures`}, ${ways.length === 1 ? 'one way' : `${ways.length} ways, one after the other`}`,
  );
  const results = await runLocal({
    inputs: set,
    ways,
    dist: path.join(ROOT, 'dist'),
    out,
    signal,
    progress: process.stderr,
    onResults: (found) => {
      const [folder, sheet] = [out, found.sheet].map((each) => path.relative('.', each) || '.');
      print(...summaryTable(found.ways).split('\n'), ...verdict(found).split('\n'));
      print(`results in ${folder}/<way>/, side by side in ${sheet}`);
      if (values.json) printJson(toJson(found));
    },
    ...(values.keep && { onKept: (endpoints, kept) => howToUse(endpoints, kept).split('\n').forEach(say) }),
    onRefused: (compute, explanation) => say(`${compute}, refused: ${explanation}`),
  });
  return succeeded(results) ? 0 : 1;
};
