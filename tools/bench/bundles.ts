import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { type BuildOptions, build } from 'esbuild';
import { buildBundles, ENTRY_POINTS, filesBelow, type Kind, SCRIPT_OPTIONS, scriptOptions } from '../build/build';

/** The bundles as they are deployed, and beside them what only the bench runs. */

export interface BenchBundles {
  /** The function's folder, and in it a `naive-handler.js` that it is measured beside. */
  readonly lambda: string;
  /** The worker's script. */
  readonly worker: string;
  /** The measuring process, {@link Task}. It stands in the worker's bundle, so that it runs what is shipped. */
  readonly child: string;
  /** The function's cold start by itself, {@link ColdTask}; and what it is held against. */
  readonly cold: string;
  readonly sharpAlone: string;
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
  const bytes = async (kind: Kind) => {
    const files = Object.keys(ENTRY_POINTS[kind]).map((file) => readFile(path.join(dist, `${kind}-host`, file)));
    return (await Promise.all(files)).reduce((sum, { length }) => sum + length, 0);
  };
  const scriptBytes = { lambda: await bytes('lambda'), worker: await bytes('worker') };
  // Before the bench's own scripts lie among it.
  const zipBytes = await zippedBytes(path.join(dist, 'lambda-host'));
  await bundle('tools/bench/cold-handler.ts', 'lambda-host/cold-handler.js', scriptOptions('lambda'));
  await bundle('tools/bench/naive-handler.ts', 'lambda-host/naive-handler.js');
  return {
    lambda: path.join(dist, 'lambda-host'),
    worker: path.join(dist, 'worker-host/index.js'),
    child: await bundle('tools/bench/child.ts', 'worker-host/bench-child.js'),
    cold: await bundle('tools/bench/cold.ts', 'lambda-host/bench-cold.js', { external: ['./cold-handler'] }),
    sharpAlone: await bundle('tools/bench/sharp-alone.ts', 'sharp-alone.js'),
    scriptBytes,
    zipBytes,
  };
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
