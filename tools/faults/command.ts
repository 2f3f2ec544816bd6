import path from 'node:path';
import { buildBundles } from '../build/build';
import { type Command, list, parse, print, printJson, ROOT, say, UsageError, whole } from '../command-line';
import { checkNoLinks, checkWritable, claimOrRefuse, replaceFile } from '../files';
import { fileInputs } from '../local/inputs';
import { chosenWays } from '../local/ways';
import { Progress } from './progress';
import { report, toJson } from './report';
import { runFaults, SCENARIOS } from './run';
import { SCENARIO_NAMES } from './scenario';

/** `npm run faults` */
export const faults: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('faults', args, {
    seed: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    ways: { type: 'string' },
    scale: { type: 'string', default: '1' },
    images: { type: 'string' },
    kills: { type: 'string' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  });
  const names = list(values.scenario, SCENARIO_NAMES, '--scenario');
  const ways = chosenWays(values.ways);
  const options = {
    seed: whole(values.seed, '--seed', 0, 2 ** 31) as number,
    images: whole(values.images, '--images', 1, 1_000_000),
    kills: whole(values.kills, '--kills', 0, 100_000),
    scale: Number(values.scale),
  };
  if (!(options.scale > 0 && options.scale <= 10)) {
    throw new UsageError(`--scale is "${values.scale}": expected a number above 0, up to 10`);
  }
  const scenarios = SCENARIOS.filter(({ name }) => names.includes(name));
  if (!scenarios.some(({ computes }) => computes.some((compute) => ways.includes(compute)))) {
    throw new UsageError(`${names.join(', ')} has nothing to do on ${ways.join(', ')}: choose another way or scenario`);
  }
  const given = positionals.length > 0 ? await fileInputs(positionals) : undefined;
  for (const line of given?.skipped ?? []) say(`skipped ${line}`);
  if (given?.inputs.length === 0) throw new UsageError(`no file to process in ${positionals.join(', ')}`);
  const pictures = await Promise.all(
    (given?.inputs ?? []).map(async (input) => ({ name: input.key, bytes: await input.read() })),
  );
  const file = path.join(ROOT, 'evidence/faults/results.json');
  if (values.save) {
    const remedy = 'make it writable, or run without --save';
    checkWritable(path.dirname(file), remedy);
    checkNoLinks(ROOT, [path.relative(ROOT, file)], 'run without --save');
    await claimOrRefuse('results', file, `another run will write ${file}: wait for its end, or run without --save`);
  }
  const signal = stopSignal();
  say('building the bundles for this machine …');
  await buildBundles(['host'], undefined, signal);
  const progress = new Progress(process.stderr);
  try {
    const rows = await runFaults({
      ...options,
      pictures,
      scenarios,
      ways,
      dist: path.join(ROOT, 'dist'),
      signal,
      onProgress: progress.update,
      onRow: progress.end,
    });
    progress.stop();
    print(...report(rows).split('\n'));
    const json = toJson(options.seed, new Date(), rows);
    if (values.save) {
      replaceFile(file, json);
      say(`written to ${path.relative('.', file)}`);
    }
    if (values.json) printJson(JSON.stringify(JSON.parse(json)));
    return rows.every(({ ok }) => ok) ? 0 : 1;
  } finally {
    progress.stop();
  }
};
