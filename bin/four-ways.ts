import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ARCHITECTURES, type Architecture, buildBundles } from '../tools/build/build';
import { SCENARIO_NAMES } from '../tools/faults/scenario';
import { COMPUTES, type Compute } from '../workload/contract';

const USAGE = `Usage: npm run build [-- --target arm64,x64,host]
       npm run local [-- [FILE|FOLDER ...] [--ways ${COMPUTES.join(',')}] [--count N] [--keep] [--json] [--out FOLDER]]
       npm run faults [-- [FILE|FOLDER ...] [--seed N] [--scenario LIST] [--ways LIST] [--scale X] [--json] [--save]]
       npm run doctor
       npm run sbom

build   writes dist/{lambda,worker,image}-{arm64,x64} and -host, the bundles that are deployed (host: for this machine)
local   runs the workload four ways on this machine, on the pictures given or on a built-in set
faults  breaks the ways on purpose and counts what is lost; a full run takes most of an hour, --scale 0.02 two minutes
doctor  says which versions in the stacks leave support, and when
sbom    writes dist/<bundle>.cdx.json, what is in each bundle that is deployed (CycloneDX)

  --ways    which ways, separated by commas; all four by default
  --count   process the set N times
  --keep    leave the endpoints and the ways up until Ctrl-C, and print how to use the AWS CLI against them
  --json    print the results as one line of JSON, the last line of stdout
  --out     where results go; out by default
  --target  which bundles to build; all by default
  --seed    what every choice of a fault run follows from; 1 by default
  --scenario  which scenarios, separated by commas: ${SCENARIO_NAMES.join(', ')}; all by default
  --scale   part of a full fault run, such as 0.1
  --images  pictures per scenario and way, in place of each scenario's own number
  --kills   signals per scenario and way, likewise
  --save    write the results of a fault run to faults/results.json, which npm run compare reads`;

/** What a person typed cannot be done. One line: what, and what to do instead. Exit code 2. */
class UsageError extends Error {}

const ROOT = path.resolve(__dirname, '..');

// Reading the templates makes CDK warn of a deprecation of its own making; `cdk synth` is the place to see it.
process.env.JSII_DEPRECATED = 'quiet';

async function build(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { target: { type: 'string' } });
  if (positionals.length > 0) {
    throw new UsageError(`unexpected "${positionals[0]}"; npm run build -- --help lists the options`);
  }
  const targets = list(values.target, ARCHITECTURES, '--target');
  console.log(`building ${targets.join(', ')} …`);
  const bundles = await buildBundles(targets as readonly Architecture[]);
  const width = Math.max(...bundles.map(({ name }) => name.length));
  for (const { name, files, bytes, hash } of bundles) {
    console.log(`dist/${name.padEnd(width)}  ${(bytes / 1e6).toFixed(1)} MB  ${files} files  sha256 ${hash}`);
  }
  return 0;
}

async function local(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ways: { type: 'string' },
    count: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: path.join(ROOT, 'out') },
  });
  const ways = list(values.ways, COMPUTES, '--ways') as readonly Compute[];
  const count = whole(values.count, '--count', 1, 10_000) as number;
  // Loaded here: the build does without.
  const [{ builtInInputs, fileInputs, repeat }, { runLocal }, report] = await Promise.all([
    import('../tools/local/inputs'),
    import('../tools/local/run'),
    import('../tools/local/report'),
  ]);
  const say = (line: string) => process.stderr.write(`${line}\n`);

  const stop = stopSignal();
  const given = positionals.length > 0 ? await fileInputs(positionals) : undefined;
  for (const line of given?.skipped ?? []) say(`skipped ${line}`);
  if (given?.inputs.length === 0) throw new UsageError(`no file to process in ${positionals.join(', ')}`);
  say(`building the bundles for this machine${given ? '' : ', generating pictures'} …`);
  const [{ inputs }] = await Promise.all([given ?? builtInInputs(), buildBundles(['host'])]);

  const set = repeat(inputs, count);
  say(`${set.length} pictures, ${ways.length === 1 ? 'one way' : `${ways.length} ways, one after the other`}`);
  const out = path.resolve(values.out);
  try {
    const results = await runLocal({
      inputs: set,
      ways,
      dist: path.join(ROOT, 'dist'),
      out,
      signal: stop.signal,
      progress: process.stderr,
      onResults: (found) => {
        console.log(report.summaryTable(found.ways));
        console.log(report.verdict(found));
        console.log(
          `results in ${path.relative('.', out) || '.'}/<way>/, side by side in ${path.relative('.', found.sheet)}`,
        );
        if (values.json) console.log(report.toJson(found));
      },
      ...(values.keep && { onKept: (endpoints, kept) => say(report.howToUse(endpoints, kept)) }),
    });
    return report.succeeded(results) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    say(`stopped by ${error.message}; nothing is left running`);
    return 130;
  }
}

async function faults(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
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
  const ways = list(values.ways, COMPUTES, '--ways') as readonly Compute[];
  const options = {
    seed: whole(values.seed, '--seed', 0, 2 ** 31) as number,
    images: whole(values.images, '--images', 1, 1_000_000),
    kills: whole(values.kills, '--kills', 0, 100_000),
    scale: Number(values.scale),
  };
  if (!(options.scale > 0 && options.scale <= 10)) {
    throw new UsageError(`--scale is "${values.scale}": expected a number above 0, up to 10`);
  }
  const [{ fileInputs }, { runFaults, SCENARIOS }, report, { Progress }] = await Promise.all([
    import('../tools/local/inputs'),
    import('../tools/faults/run'),
    import('../tools/faults/report'),
    import('../tools/faults/progress'),
  ]);
  const scenarios = SCENARIOS.filter(({ name }) => names.includes(name));
  if (!scenarios.some(({ computes }) => computes.some((compute) => ways.includes(compute)))) {
    throw new UsageError(`${names.join(', ')} has nothing to do on ${ways.join(', ')}: choose another way or scenario`);
  }
  const given = positionals.length > 0 ? await fileInputs(positionals) : undefined;
  for (const line of given?.skipped ?? []) process.stderr.write(`skipped ${line}\n`);
  if (given?.inputs.length === 0) throw new UsageError(`no file to process in ${positionals.join(', ')}`);
  const pictures = await Promise.all(
    (given?.inputs ?? []).map(async (input) => ({ name: input.key, bytes: await input.read() })),
  );
  const stop = stopSignal();
  process.stderr.write('building the bundles for this machine …\n');
  await buildBundles(['host']);
  const progress = new Progress(process.stderr);
  try {
    const rows = await runFaults({
      ...options,
      pictures,
      scenarios,
      ways,
      dist: path.join(ROOT, 'dist'),
      signal: stop.signal,
      onProgress: progress.update,
      onRow: progress.end,
    });
    progress.stop();
    console.log(report.table(rows));
    const json = report.toJson(options.seed, new Date(), rows);
    if (values.save) {
      const file = path.join(ROOT, 'faults/results.json');
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, json);
      process.stderr.write(`written to ${path.relative('.', file)}\n`);
    }
    if (values.json) console.log(JSON.stringify(JSON.parse(json)));
    return rows.every(({ ok }) => ok) ? 0 : 1;
  } catch (error) {
    progress.stop();
    if (!(stop.signal.reason instanceof Stopped)) throw error;
    process.stderr.write(`stopped by ${stop.signal.reason.message}; nothing is left running\n`);
    return 130;
  }
}

/** Aborted by the signals that end a command. */
function stopSignal(): AbortController {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Stopped(signal)));
  }
  return stop;
}

/** @returns undefined when the option is not given */
function whole(value: string | undefined, option: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new UsageError(`${option} is "${value}": expected a whole number from ${least} to ${most}`);
  }
  return number;
}

/** The reason of an interrupted run: the signal's name. */
class Stopped extends Error {}

function parse<Options extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message.split(/\.\s/)[0]}; npm run ${process.argv[2]} -- --help lists the options`,
    );
  }
}

function list(value: string | undefined, known: readonly string[], option: string): readonly string[] {
  const chosen = value === undefined ? known : value.split(',').map((item) => item.trim());
  const unknown = chosen.find((item) => !known.includes(item));
  if (unknown !== undefined) throw new UsageError(`${option} names "${unknown}": expected some of ${known.join(',')}`);
  return known.filter((item) => chosen.includes(item));
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  const [major] = process.versions.node.split('.');
  if (Number(major) < 24) {
    throw new UsageError(
      `this is Node ${process.versions.node}: run it by npm run, which uses the Node 24 that npm ci installed`,
    );
  }
  if (command === '--help' || command === '-h' || args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  if (command === 'build') return build(args);
  if (command === 'local') return local(args);
  if (command === 'faults') return faults(args);
  if (command === 'doctor') return (await import('../tools/doctor')).doctor();
  if (command === 'sbom') return (await import('../tools/sbom')).sbom();
  throw new UsageError(
    `unknown command "${command ?? ''}": expected build, local, faults, doctor or sbom; --help explains them`,
  );
}

main(process.argv.slice(2)).then(
  // Explicit: a kept connection must not keep the process.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`four-ways: ${error instanceof Error ? error.message : error}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
