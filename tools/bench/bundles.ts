import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { buildBundles, ENTRY_POINTS, filesBelow, type Kind, SCRIPT_OPTIONS } from '../build/build';

/** The bundles as they are deployed, and beside them what only the bench runs. */

/** How many messages the worker holds per slot, besides its own number, which is in the middle. */
export const IN_FLIGHT = [1, 3, 6] as const;
export type InFlight = (typeof IN_FLIGHT)[number];

export interface BenchBundles {
  readonly lambda: string;
  /** The measuring process, {@link Task}. It stands in the worker's bundle, so that it runs what is shipped. */
  readonly child: string;
  /** The function's cold start by itself, {@link ColdTask}; and what it is held against. */
  readonly cold: string;
  readonly sharpAlone: string;
  /** The worker, by how many messages it holds per slot. */
  readonly workers: Readonly<Record<InFlight, string>>;
  /** Bytes of JavaScript in the bundle, without sharp's. */
  readonly scriptBytes: { readonly lambda: number; readonly worker: number };
  /** Bytes of the function's zip file. */
  readonly zipBytes: number;
}

/** Builds everything into `dist`, a folder of the bench's own: nobody's `dist` is touched. */
export async function buildForBench(dist: string, signal?: AbortSignal): Promise<BenchBundles> {
  await buildBundles(['host'], dist, signal);
  const bundle = async (entryPoint: string, outfile: string, options: BuildOptions = {}) => {
    await build({ ...SCRIPT_OPTIONS, entryPoints: [entryPoint], outfile: path.join(dist, outfile), ...options });
    return path.join(dist, outfile);
  };
  const holds = (inFlight: InFlight) => ({ plugins: [...SCRIPT_OPTIONS.plugins, holding(inFlight)] });
  const bytes = async (kind: Kind) => {
    const files = Object.keys(ENTRY_POINTS[kind]).map((file) => readFile(path.join(dist, `${kind}-host`, file)));
    return (await Promise.all(files)).reduce((sum, { length }) => sum + length, 0);
  };
  const scriptBytes = { lambda: await bytes('lambda'), worker: await bytes('worker') };
  // Before the bench's own scripts lie among it.
  const zipBytes = await zippedBytes(path.join(dist, 'lambda-host'));
  await bundle('tools/bench/cold-handler.ts', 'lambda-host/cold-handler.js');
  return {
    lambda: path.join(dist, 'lambda-host'),
    child: await bundle('tools/bench/child.ts', 'worker-host/bench-child.js'),
    cold: await bundle('tools/bench/cold.ts', 'lambda-host/bench-cold.js', { external: ['./cold-handler'] }),
    sharpAlone: await bundle('tools/bench/sharp-alone.ts', 'lambda-host/sharp-alone.js'),
    workers: {
      1: await bundle('workload/worker.ts', 'worker-host/bench-worker-1.js', holds(1)),
      3: path.join(dist, 'worker-host/index.js'),
      6: await bundle('workload/worker.ts', 'worker-host/bench-worker-6.js', holds(6)),
    },
    scriptBytes,
    zipBytes,
  };
}

/** The worker has one constant that the bench varies and that nobody else should. */
function holding(inFlight: InFlight): Plugin {
  return {
    name: 'messages held per slot',
    setup: ({ onLoad }) => {
      onLoad({ filter: /[\\/]workload[\\/]worker\.ts$/ }, async ({ path: file }) => {
        return { contents: withInFlight(await readFile(file, 'utf8'), inFlight), loader: 'ts' };
      });
    },
  };
}

/** @throws Error when the worker has no such constant any more */
export function withInFlight(source: string, inFlight: number): string {
  const changed = source.replace(/^(const IN_FLIGHT_PER_SLOT = )\d+;$/m, `$1${inFlight};`);
  if (!changed.includes(`const IN_FLIGHT_PER_SLOT = ${inFlight};`)) {
    throw new Error('workload/worker.ts has no line "const IN_FLIGHT_PER_SLOT = <number>;", which the bench varies');
  }
  return changed;
}

/** What a zip file of a folder takes, in bytes: each file deflated, and twice its name and 60 bytes of headers. */
async function zippedBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await filesBelow(folder)) {
    const contents = await readFile(path.join(folder, name));
    sum += deflateRawSync(contents).length + 2 * (Buffer.byteLength(name) + 60);
  }
  return sum;
}
