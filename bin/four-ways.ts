import { constants } from 'node:os';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type Command, print, say, UsageError } from '../tools/command-line';
import { SCENARIO_NAMES } from '../tools/faults/scenario';
import { definitions, screenOf, TIED, wrapped } from '../tools/terminal';
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

const WAYS = `which ways, separated by commas: ${COMPUTES.join(',')}, or all; the first four by default`;
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
    does: 'runs the workload on this machine, way by way, on the pictures given or on a built-in set',
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
    synopsis:
      '[FILE|FOLDER ...] [--seed N] [--scenario LIST] [--ways LIST] [--scale X] [--images N] [--kills N] [--json] [--save]',
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
      '--quick': 'about two minutes, fewer rows: to see whether a change is worth a whole run',
      '--gate': 'exit with 1 when a target is missed',
      '--photos': 'measure the JPEGs of 10 to 24 megapixels in this folder too',
      '--out': 'where results go; evidence/bench by default, out/bench for a quick run',
    },
    load: async () => (await import('../tools/bench/command')).bench(process.env.PATH ?? ''),
  },
  compare: {
    synopsis: '[--json]',
    does: 'writes COMPARISON.md, docs/comparison.md with pictures, and dist/compare/index.html: the ways compared',
    options: { '--json': 'print costs, times and what is owned as one line of JSON, the last line of stdout' },
    load: async () => (await import('../tools/compare/command')).compare,
  },
  prices: {
    does: "reads AWS's public price list files, no account needed, into the table that compare uses (a large download)",
    load: async () => (await import('../tools/prices/command')).prices,
  },
  manifests: {
    synopsis: '[eks-ec2|eks-fargate] [-c SWITCH=VALUE ...] [--endpoint URL]',
    does: 'prints what the stack gives to its cluster, in order, as YAML: objects, and charts with their values; eks-ec2 by default',
    options: {
      '-c': 'a switch of the stacks, such as production=true; may be given again',
      '--endpoint': 'for a cluster without AWS: where its pods find the endpoints of "npm run local -- --keep"',
    },
    load: async () => (await import('../tools/manifests')).manifests((await import('./switches')).readSwitches),
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
  try: {
    synopsis:
      '<Stack> [FILE|FOLDER ...] [--count N] [--rate R] [--region REGION] [--deadline SECONDS] [--keep] [--yes] [--save]',
    does: 'uploads pictures to a deployed stack, compares what comes back with this machine and with what the comparison predicts, and removes all of it',
    options: {
      '--count': 'so many uploads, the pictures over and over; each once by default',
      '--rate': 'uploads per second; as fast as it goes by default',
      '--region': 'where the stack is; the AWS configuration says by default',
      '--deadline': 'how long to wait after the last upload; as predicted, with all retries, by default',
      '--keep': 'leave what was uploaded, and what came of it',
      '--yes': 'do not ask, also where it costs more than a dollar',
      '--save': 'write what was seen to evidence/deployments',
    },
    load: async () => (await import('../tools/try/command')).tryStack,
  },
  leftovers: {
    synopsis: '<Stack> [--region REGION] [--save]',
    does: 'says what a stack has left in its account and region after cdk destroy, what that costs, and how to remove it',
    options: {
      '--region': 'where the stack was; the AWS configuration says by default',
      '--save':
        'add it to the newest file of the stack in evidence/deployments, which npm run try -- <Stack> --save writes',
    },
    load: async () => (await import('../tools/leftovers/command')).leftovers,
  },
  take: {
    synopsis: '<way> <folder> [--name NAME]',
    does: 'writes a project of its own with one way in it and nothing else, to start from',
    options: { '--name': 'what its stack is called; as here by default' },
    load: async () => (await import('../tools/take/command')).take,
  },
  sbom: {
    does: 'writes dist/<bundle>.cdx.json, what is in each bundle that is deployed (CycloneDX)',
    load: async () => (await import('../tools/sbom')).sbom,
  },
};

function usage(name: string, { synopsis, does, options = {} }: Entry): string {
  const { columns } = screenOf(process.stdout);
  // An option and its value stay on one line.
  const parts = synopsis?.replaceAll(/\[[^\]]+\]/g, (part) => part.replaceAll(' ', TIED));
  const call = wrapped(`npm run ${name}${parts ? ` -- ${parts}` : ''}`, columns);
  return [call, wrapped(does, columns, '  '), '', definitions(Object.entries(options), columns)].join('\n').trimEnd();
}

function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { does }]) => [name, does] as const);
  const list = definitions(commands, screenOf(process.stdout).columns);
  return ['npm run <command>', '', list, '', 'npm run <command> -- --help lists its options'].join('\n');
}

/** An option of the command that `npm run` has read as one of its own, which it hands on in the environment. */
function takenByNpm({ options = {} }: Entry, args: readonly string[]): string | undefined {
  // `yes` may be a setting of theirs, in ~/.npmrc, and says nothing of this command then.
  const taken = (option: string) => option !== '--yes' && process.env[`npm_config_${option.slice(2)}`] !== undefined;
  const given = (option: string) => args.some((arg) => arg.split('=')[0] === option);
  return Object.keys(options).find((option) => taken(option) && !given(option));
}

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const help = [name, ...args].some((arg) => arg === '--help' || arg === '-h');
  if (help) {
    print(...(command ? usage(name, command) : overview()).split('\n'));
    return 0;
  }
  if (!command) {
    throw new UsageError(`unknown command "${name}": expected one of ${Object.keys(COMMANDS).join(', ')}`);
  }
  if (process.env.npm_lifecycle_event === name) {
    const option = takenByNpm(command, args);
    if (option) throw new UsageError(`npm took ${option} for itself: write npm run ${name} -- ${option}`);
    // npm runs us at the root of the repository. A relative path is meant from where the person stands.
    process.chdir(process.env.INIT_CWD ?? '.');
  }
  return (await command.load())(args, stopSignal);
}

/** By which signal the person has ended the command, and when. */
let stopped: NodeJS.Signals | undefined;
let stoppedAt = 0;

/** A signal that comes so much later, in ms, is a second one of the person's, and not the same one by another way. */
const AGAIN_MS = 1000;

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopped && performance.now() - stoppedAt > AGAIN_MS) exit(1);
      stoppedAt ||= performance.now();
      stopped ??= signal;
      stop.abort(new Error(`stopped by ${signal}`));
    });
  }
  return stop.signal;
}

/** Ends this process. Explicit, because a kept connection must not keep it. `start.cjs` says by which signal it was. */
function exit(code: number): never {
  process.exit(stopped ? 128 + constants.signals[stopped] : code);
}

/** Until a signal that is on its way has come, in ms. */
const SIGNAL_MS = 100;

async function failed(error: unknown): Promise<void> {
  // Ctrl-C ends our helpers too, such as esbuild's. What that breaks here may be noticed before the signal is.
  await sleep(SIGNAL_MS);
  if (stopped) return;
  const message = error instanceof Error ? error.message : String(error);
  // What other packages throw can have several lines. One line can be told from what others may write here.
  say(`four-ways: ${error instanceof UsageError ? message : message.trim().replaceAll(/\s*\n\s*/g, ' ')}`);
  exit(error instanceof UsageError ? 2 : 1);
}

process.on('uncaughtException', failed);
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Nobody reads on: `| head`, or a terminal that was closed. Anything else loses results: a disk that is full.
    if (!['EPIPE', 'EIO'].includes(error.code ?? ''))
      void failed(new Error(`cannot write the output: ${error.message}`));
  });
}
// `start.cjs` is gone, killed perhaps. Nobody could end this any more.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();

main(process.argv.slice(2)).then(
  // A signal that came while something was computed is only noticed when that is over.
  async (code) => exit(await turn(code)),
  async (error: unknown) => {
    await failed(error);
    exit(1);
  },
);
