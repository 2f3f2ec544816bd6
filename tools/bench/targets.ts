import type { Spread } from './statistics';

/** What the workload is held to: ratios and sizes, no times, because times are this machine's. */

/** `x`: a ratio of CPU-seconds of one run, or of seconds by the clock where its name says so. MB and kB are decimal. */
export type Unit = 'x' | 'MB' | 'kB' | 'renditions' | 'widths';

export interface Target {
  readonly name: string;
  readonly unit: Unit;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure that was measured. */
export interface Ratio extends Spread {
  readonly name: string;
  readonly unit: Unit;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** `null` when nothing is asked of it. */
  readonly met: boolean | null;
}

/** By what `npm run bench` calls it inside. Those without a bound are for the reader. */
export const TARGETS = {
  naiveJpeg: { name: 'camera JPEGs, JPEG out: naive sharp / ours', unit: 'x', atLeast: 1.9 },
  naiveWebp: { name: 'camera JPEGs, WebP out: naive sharp / ours', unit: 'x' },
  floor: { name: "camera JPEGs, JPEG out: sharp's decode floor / ours", unit: 'x', atLeast: 0.75 },
  limit: { name: 'camera JPEGs, JPEG out: libjpeg-turbo limit / ours', unit: 'x' },
  vipsthumbnail: { name: 'camera JPEGs, JPEG out: vipsthumbnail / ours', unit: 'x' },
  pillowSimd: { name: 'camera JPEGs, JPEG out: Pillow-SIMD / ours', unit: 'x' },
  pillowSimdWebp: { name: 'camera JPEGs, WebP out: Pillow-SIMD / ours', unit: 'x' },
  imageMagick: { name: 'camera JPEGs, JPEG out: ImageMagick / ours', unit: 'x' },
  photoNaive: { name: 'photographs, JPEG out: naive sharp / ours', unit: 'x', atLeast: 1.9 },
  photoFloor: { name: "photographs, JPEG out: sharp's decode floor / ours", unit: 'x', atLeast: 0.75 },
  photoLimit: { name: 'photographs, JPEG out: libjpeg-turbo limit / ours', unit: 'x', atLeast: 0.8 },
  // What is left to a design on sharp if everything behind its floor were free.
  photoCeiling: { name: "photographs, JPEG out: libjpeg-turbo limit / sharp's decode floor", unit: 'x' },
  mixedJpeg: { name: 'mixed inputs, JPEG out: naive sharp / ours', unit: 'x', atLeast: 2.0 },
  mixedWebp: { name: 'mixed inputs, WebP out: naive sharp / ours', unit: 'x', atLeast: 1.6 },
  isolation: { name: 'isolation, 12 MP: in a decoder / in process', unit: 'x', atMost: 1.06 },
  worker: { name: 'worker, WebP out: pixel path on all cores / whole worker', unit: 'x', atLeast: 0.8 },
  workerJpeg: { name: 'worker, JPEG out: pixel path on all cores / whole worker', unit: 'x' },
  // By the clock, because that is what somebody waits for: the function's two processes load at the same time.
  coldStart: { name: 'cold start to a first rendition, by the clock: function / sharp alone', unit: 'x', atMost: 1.5 },
  coldStartCpu: { name: 'cold start to a first rendition, CPU: function / sharp alone', unit: 'x' },
  coldStartJob: { name: 'cold start to the end of a job, by the clock: function with S3 / sharp alone', unit: 'x' },
  // By the clock, and with a share of the CPU as Lambda gives it: this is what is billed.
  billed2048: { name: 'billed, 2,048 MB, 30 ms per S3 request: ours / naive function', unit: 'x', atMost: 0.8 },
  billed1769: { name: 'billed, 1,769 MB, 30 ms per S3 request: ours / naive function', unit: 'x', atMost: 0.8 },
  billed2048Far: { name: 'billed, 2,048 MB, 100 ms per S3 request: ours / naive function', unit: 'x' },
  billed1769Far: { name: 'billed, 1,769 MB, 100 ms per S3 request: ours / naive function', unit: 'x' },
  decoderPeak: { name: 'peak memory of a decoder, JPEG up to 24 MP', unit: 'MB', atMost: 170 },
  workerPeak: { name: 'peak memory of a worker, two slots, camera JPEGs (PSS)', unit: 'MB', atMost: 450 },
  streamPeak: { name: 'peak memory of a worker, two slots, small JPEGs (PSS)', unit: 'MB', atMost: 380 },
  lambdaBundle: { name: 'lambda bundle, minified JavaScript', unit: 'kB', atMost: 500 },
  workerBundle: { name: 'worker bundle, minified JavaScript', unit: 'kB', atMost: 530 },
  zip: { name: 'zipped lambda bundle', unit: 'MB', atMost: 9.5 },
  sizes: { name: 'renditions of another size than a full decode gives', unit: 'renditions', atMost: 0 },
  // By width and format, over all pictures: a single rendition can fall to either side.
  ssim: { name: 'rendition widths with a median SSIM more than 0.001 below naive', unit: 'widths', atMost: 0 },
} as const satisfies Record<string, Target>;

export type TargetId = keyof typeof TARGETS;

/** Holds what was measured to its target. */
export function held(id: TargetId, measured: Spread): Ratio {
  const target: Target = TARGETS[id];
  const { atLeast, atMost } = target;
  const bounded = atLeast !== undefined || atMost !== undefined;
  const inside = measured.value >= (atLeast ?? -Infinity) && measured.value <= (atMost ?? Infinity);
  return { ...target, ...measured, met: bounded ? inside : null };
}

/** Names of targets with a bound that no row says anything about. */
export function unmeasured(rows: readonly Ratio[]): string[] {
  const names = Object.values<Target>(TARGETS).filter(
    ({ atLeast, atMost }) => atLeast !== undefined || atMost !== undefined,
  );
  return names.map(({ name }) => name).filter((name) => !rows.some((row) => row.name === name));
}
