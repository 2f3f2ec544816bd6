import path from 'node:path';
import { parseArgs } from 'node:util';
import { ARCHITECTURES, type Architecture, buildBundles } from '../tools/build/build';
import { COMPUTES, type Compute } from '../workload/contract';

const USAGE = `Usage: npm run build [-- --target arm64,x64,host]
       npm run local [-- [FILE|FOLDER ...] [--ways ${COMPUTES.join(',')}] [--count N] [--keep] [--json] [--out FOLDER]]
       npm run bench [-- [--quick] [--gate] [--photos FOLDER] [--out FOLDER]]
       npm run doctor

build   writes dist/{lambda,worker,image}-{arm64,x64} and -host, the bundles that are deployed (host: for this machine)
local   runs the workload four ways on this machine, on the pictures given or on a built-in set
bench   measures the workload beside the alternatives on pictures that it draws, and writes results.json and results.svg
doctor  says which versions in the stacks leave support, and when

  --ways    which ways, separated by commas; all four by default
  --count   process the set N times
  --keep    leave the endpoints and the ways up until Ctrl-C, and print how to use the AWS CLI against them
  --json    print the results as one line of JSON, the last line of stdout
  --out     where results go; out by default. Of the bench: bench, or out/bench for a quick run
  --quick   under a minute, few rounds: to see whether a change is worth a whole run
  --gate    exit with 1 when a target is missed
  --photos  measure the JPEGs of 10 to 24 megapixels in this folder too
  --target  which bundles to build; all by default`;

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
  const count = Number(values.count);
  if (!/^\d+$/.test(values.count) || count < 1 || count > 10_000) {
    throw new UsageError(`--count is "${values.count}": expected a whole number from 1 to 10000`);
  }
  // Loaded here: the build does without.
  const [{ builtInInputs, fileInputs, repeat }, { runLocal }, report] = await Promise.all([
    import('../tools/local/inputs'),
    import('../tools/local/run'),
    import('../tools/local/report'),
  ]);
  const stop = stopOnSignals();
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
      signal: stop,
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

async function bench(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    quick: { type: 'boolean', default: false },
    gate: { type: 'boolean', default: false },
    photos: { type: 'string' },
    out: { type: 'string' },
  });
  if (positionals.length > 0) {
    throw new UsageError(`unexpected "${positionals[0]}"; npm run bench -- --help lists the options`);
  }
  const [{ runBench }, { tables, missed }] = await Promise.all([
    import('../tools/bench/run'),
    import('../tools/bench/report'),
  ]);
  const stop = stopOnSignals();
  // A quick run is not what the committed results are of.
  const out = path.resolve(values.out ?? path.join(ROOT, values.quick ? 'out/bench' : 'bench'));
  try {
    const results = await runBench({
      quick: values.quick,
      photos: values.photos,
      dist: path.join(ROOT, 'node_modules/.cache/four-ways/bench-dist'),
      out,
      searchPath: process.env.PATH ?? '',
      signal: stop,
      progress: process.stderr,
    });
    console.log(tables(results));
    console.log(`written to ${path.relative('.', out) || '.'}/results.json, drawn in results.svg`);
    const failures = missed(results);
    for (const line of failures) say(line);
    return values.gate && failures.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    say(`stopped by ${error.message}; nothing is left running`);
    return 130;
  }
}

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Aborts, with {@link Stopped} as the reason, when this process is asked to end. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Stopped(signal)));
  }
  return stop.signal;
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
  if (command === 'bench') return bench(args);
  if (command === 'doctor') return (await import('../tools/doctor')).doctor();
  throw new UsageError(
    `unknown command "${command ?? ''}": expected build, local, bench or doctor; --help explains them`,
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
