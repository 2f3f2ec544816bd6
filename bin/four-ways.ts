import { type Command, UsageError } from '../tools/command-line';
import { SCENARIO_NAMES } from '../tools/faults/scenario';
import { COMPUTES } from '../workload/contract';

/** The command line for everything that runs on the reader's own machine. */

interface Entry {
  /** What may stand behind `npm run <name> --`. */
  readonly synopsis?: string;
  readonly does: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Loaded when it is called: the build does without what the others need. */
  readonly load: () => Promise<Command>;
}

const WAYS = `which ways, separated by commas: ${COMPUTES.join(',')}; all by default`;
const JSON_LINE = 'print the results as one line of JSON, the last line of stdout';

const COMMANDS: Readonly<Record<string, Entry>> = {
  build: {
    synopsis: '[--target LIST]',
    does: 'writes dist/{lambda,worker,image}-{arm64,x64} and -host, the bundles that are deployed (host: for this machine)',
    options: { '--target': 'which bundles to build: arm64,x64,host; all by default' },
    load: async () => (await import('../tools/build/command')).build,
  },
  local: {
    synopsis: '[FILE|FOLDER ...] [--ways LIST] [--count N] [--keep] [--json] [--out FOLDER]',
    does: 'runs the workload four ways on this machine, on the pictures given or on a built-in set',
    options: {
      '--ways': WAYS,
      '--count': 'process the set N times',
      '--keep': 'leave the endpoints and the ways up until Ctrl-C, and print how to use the AWS CLI against them',
      '--json': JSON_LINE,
      '--out': 'where results go; out by default',
    },
    load: async () => (await import('../tools/local/command')).local,
  },
  faults: {
    synopsis: '[FILE|FOLDER ...] [--seed N] [--scenario LIST] [--ways LIST] [--scale X] [--json] [--save]',
    does: 'breaks the ways on purpose and counts what is lost; a full run takes half an hour or more, --scale 0.02 minutes',
    options: {
      '--seed': 'what every choice follows from; 1 by default',
      '--scenario': `which scenarios, separated by commas: ${SCENARIO_NAMES.join(',')}; all by default`,
      '--ways': WAYS,
      '--scale': 'part of a full run, such as 0.1',
      '--images': "pictures per scenario and way, in place of each scenario's own number",
      '--kills': 'signals per scenario and way, likewise',
      '--json': JSON_LINE,
      '--save': 'write the results to evidence/faults/results.json, which npm run compare reads',
    },
    load: async () => (await import('../tools/faults/command')).faults,
  },
  bench: {
    synopsis: '[--quick] [--gate] [--photos FOLDER] [--out FOLDER]',
    does: 'measures the workload beside the alternatives on pictures that it draws; writes results.json and results.svg',
    options: {
      '--quick': 'about a minute, few rounds: to see whether a change is worth a whole run',
      '--gate': 'exit with 1 when a target is missed',
      '--photos': 'measure the JPEGs of 10 to 24 megapixels in this folder too',
      '--out': 'where results go; evidence/bench by default, out/bench for a quick run',
    },
    load: async () => (await import('../tools/bench/command')).bench(process.env.PATH ?? ''),
  },
  compare: {
    synopsis: '[--json]',
    does: 'writes COMPARISON.md, its pictures in docs/diagrams, and dist/compare/index.html: the four ways compared',
    options: { '--json': 'print costs, break-even volumes and times as one line of JSON, the last line of stdout' },
    load: async () => (await import('../tools/compare/command')).compare,
  },
  prices: {
    does: "reads AWS's public price list files, no account needed, into the table that compare uses (a large download)",
    load: async () => (await import('../tools/prices/command')).prices,
  },
  doctor: {
    does: 'says which versions in the stacks leave support, and when',
    load: async () => (await import('../tools/doctor')).doctor,
  },
  replay: {
    synopsis: '<Stack> [--region REGION]',
    does: 'sends what is in the failure queue of a deployed ResizeOnLambda to the function again',
    options: { '--region': 'where the stack is; the AWS configuration says by default' },
    load: async () => (await import('../tools/replay/command')).replay,
  },
  sbom: {
    does: 'writes dist/<bundle>.cdx.json, what is in each bundle that is deployed (CycloneDX)',
    load: async () => (await import('../tools/sbom')).sbom,
  },
};

function usage(name: string, { synopsis, does, options = {} }: Entry): string {
  const flags = Object.entries(options).map(([flag, text]) => `  ${flag.padEnd(10)}  ${text}`);
  return [`npm run ${name}${synopsis ? ` -- ${synopsis}` : ''}`, `  ${does}`, '', ...flags].join('\n').trimEnd();
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(width)}  ${does}`);
  return ['npm run <command>', '', ...lines, '', 'npm run <command> -- --help lists its options'].join('\n');
}

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const help = [name, ...args].some((arg) => arg === '--help' || arg === '-h');
  if (help) {
    console.log(command ? usage(name, command) : overview());
    return 0;
  }
  if (!command) {
    throw new UsageError(`unknown command "${name}": expected one of ${Object.keys(COMMANDS).join(', ')}`);
  }
  return (await command.load())(args);
}

main(process.argv.slice(2)).then(
  // Explicit: a kept connection must not keep the process.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`four-ways: ${error instanceof Error ? error.message : error}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
