import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { SingleBar } from 'cli-progress';
import sharp from 'sharp';
import { DEFAULTS, ENV, RENDITION_FORMATS, type RenditionFormat } from '../../workload/contract';
import { replaceFile, temporaryFolder } from '../files';
import { barFormat } from '../terminal';
import { buildForBench, IN_FLIGHT } from './bundles';
import type { Measured, Task } from './child';
import type { ColdStart, ColdTask } from './cold-handler';
import { type BenchPicture, drawCorpus, type PictureSet, photographs } from './corpus';
import { defaults, type Making } from './designs';
import { type BenchWorker, SLOTS, Stage } from './end-to-end';
import { LIMIT, missing, PEERS } from './peers';
import { plot } from './plot';
import type { Quality } from './quality';
import type { BenchResults, DesignResult, PerImage, WorkerResult } from './results';
import { median, ratio, type Spread, spread } from './statistics';
import { held, type Ratio, TARGETS, type TargetId, unmeasured } from './targets';

/**
 * Measures the workload beside the alternatives: one sample of each in every round, round after round, so that what
 * disturbs this machine disturbs all of them. CPU-seconds, because a clock also measures the neighbours.
 */

export interface BenchOptions {
  readonly quick: boolean;
  /** A folder of the reader's photographs. */
  readonly photos: string | undefined;
  /** Where the bench builds bundles of its own. */
  readonly dist: string;
  /** Where `results.json` and `results.svg` go. */
  readonly out: string;
  /** The PATH, to find the peers on. */
  readonly searchPath: string;
  readonly signal: AbortSignal;
  readonly progress: Writable;
}

/** Something that gives one sample a round. */
interface Contestant<Sample> {
  readonly name: string;
  /** In the first round only. */
  readonly once?: boolean;
  readonly sample: () => Promise<Sample>;
  readonly samples: Sample[];
}

interface DesignSample {
  readonly cpuMs: number;
  readonly peakMib: number | undefined;
  readonly decoderCpuMs?: number | undefined;
  readonly bytesOut?: number;
}

type Compared = Contestant<DesignSample> & Pick<DesignResult, 'set' | 'design' | 'outputFormat'>;

const OURS = 'this workload, in process';
const OURS_ISOLATED = 'this workload, in its decoder';
const NAIVE = 'naive sharp, a pipeline per rendition';
const FLOOR = "sharp's floor, decode and first resize";

const SET_NAMES: Readonly<Record<Exclude<PictureSet, 'size'>, string>> = {
  camera: 'camera JPEGs',
  mixed: 'mixed inputs',
  photograph: 'photographs',
};

/** What a rendition more costs: the first so many of these, in px. */
const GROWING_WIDTHS = [160, 320, 640, 960, 1280, 1920];

/** Messages per slot, and what comes out. */
const WORKERS = [...IN_FLIGHT.map((inFlight) => [inFlight, DEFAULTS.renditionFormat] as const), [3, 'jpeg'] as const];

const MIB = 2 ** 20;

/** What the function does not load without. */
const FUNCTION_ENVIRONMENT = {
  [ENV.compute]: 'lambda',
  [ENV.sourceBucket]: 'source',
  [ENV.outputBucket]: 'output',
  AWS_REGION: 'us-east-1',
};

/** @throws the signal's reason when it ends the run; Error with one line when something cannot be measured at all */
export async function runBench(options: BenchOptions): Promise<BenchResults> {
  const scratch = temporaryFolder();
  const bar = new SingleBar({
    stream: options.progress as NodeJS.WriteStream,
    format: barFormat(options.progress, '{bar} {percentage} %  {note}'),
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    linewrap: null,
  });
  const bench = new Bench(options, scratch, bar);
  try {
    bar.start(100, 0, { note: 'drawing the corpus, building the bundles' });
    const results = await bench.run();
    bar.stop();
    replaceFile(path.join(options.out, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
    replaceFile(path.join(options.out, 'results.svg'), plot(results));
    return results;
  } catch (error) {
    // Whatever the signal interrupts fails with an error of its own.
    options.signal.throwIfAborted();
    throw error;
  } finally {
    bar.stop();
    await bench.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

class Bench {
  private stage: Stage | undefined;
  private readonly workers = new Set<BenchWorker>();
  private readonly rows: Ratio[] = [];
  private readonly absent: string[] = [];
  private readonly compared: Compared[] = [];

  constructor(
    private readonly options: BenchOptions,
    private readonly scratch: string,
    private readonly bar: SingleBar,
  ) {}

  private readonly rounds = () => (this.options.quick ? 2 : 5);

  async run(): Promise<BenchResults> {
    const { quick, photos, dist } = this.options;
    const hasProc = existsSync('/proc/self/stat');
    if (!hasProc) this.absent.push('the worker, the function, isolation, memory: this system has no /proc');
    const given = photos === undefined ? [] : await photographs(photos);
    const bundles = await buildForBench(dist, this.options.signal);
    const own = await drawCorpus(path.join(this.scratch, 'corpus'), quick, (note) => {
      this.options.signal.throwIfAborted();
      this.bar.update({ note });
    });
    if (photos === undefined) this.absent.push('photographs: none given (--photos FOLDER)');
    const child = <Result = Measured>(task: Partial<Task> & Pick<Task, 'design' | 'files'>) =>
      this.child<Result>(bundles.child, task);
    const stage = hasProc ? await Stage.open() : undefined;
    this.stage = stage;

    await this.compare([...own, ...given], child);
    const perPicture = this.perPicture(own, child);
    const twelve = own.find(({ name }) => name === 'JPEG 12 MP') as BenchPicture;
    const isolation = (['product', 'isolated'] as const).map((design) =>
      contestant(`isolation: ${design}`, () =>
        child({ design, files: [twelve.file], repeats: quick ? 6 : 20, warmUps: 5 }),
      ),
    );
    const bodies = await Promise.all(own.filter(({ set }) => set === 'camera').map(({ file }) => readFile(file)));
    const batch = Array.from({ length: quick ? 3 : 6 }, () => bodies).flat();
    const workers = !stage
      ? []
      : WORKERS.filter(([inFlight]) => !quick || inFlight === 3).map(([inFlight, format]) => ({
          inFlight,
          format,
          ...contestant(`worker, ${inFlight} in flight per slot, ${format}`, async () => {
            const worker = await this.worker(stage, bundles.workers[inFlight], format);
            const { startWallMs, startCpuMs } = worker;
            // Its code is compiled as it goes: a worker lives longer than one batch.
            await worker.batch(batch);
            const found = await worker.batch(batch);
            await this.end(worker);
            return { ...found, startWallMs, startCpuMs };
          }),
        }));
    const ceilings = (['webp', 'jpeg'] as const).map((format) => ({
      format,
      ...contestant(`pixel path on all cores, ${format}`, async () => {
        const files = own.filter(({ set }) => set === 'camera').map(({ file }) => file);
        const task = { design: 'product', files, format, repeats: quick ? 2 : 3 } as const;
        const found = await Promise.all(Array.from({ length: SLOTS }, () => child(task)));
        return { cpuMs: found.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / SLOTS };
      }),
    }));
    // CPU of the whole job, by what was made of which picture.
    const jobs = new Map<string, number[]>();
    const everyPicture =
      !stage || quick
        ? []
        : [
            ...RENDITION_FORMATS.map((format) =>
              contestant(`worker, picture by picture, ${format}`, async () => {
                const worker = await this.worker(stage, bundles.workers[3], format);
                await worker.batch(bodies);
                for (const { name, file, width, height } of picturesFor(format, own)) {
                  // A clock tick of the kernel is 10 ms: of small pictures it takes more to see anything.
                  const copies = Math.max(4, Math.round(12 / Math.max(0.3, (width * height) / 1e6)));
                  const body = await readFile(file);
                  const { jobCpuMs } = await worker.batch(Array.from({ length: copies }, () => body));
                  const key = `${name}, ${format}`;
                  jobs.set(key, [...(jobs.get(key) ?? []), jobCpuMs]);
                }
                await this.end(worker);
              }),
            ),
          ];
    const oneWidth = [DEFAULTS.renditionWidths[0]];
    const functions = !stage
      ? []
      : [
          contestant('function, cold', async () => {
            const alone = await least(() => this.cold(bundles.sharpAlone, twelve, oneWidth));
            const loaded = await least(() => this.cold(bundles.cold, twelve, oneWidth));
            const job = await least(async () => (await stage.lambda(bundles.lambda, twelve, oneWidth, 0)).cold);
            return {
              coldStart: loaded.wallMs / alone.wallMs,
              coldStartCpu: loaded.cpuMs / alone.cpuMs,
              coldStartJob: job.wallMs / alone.wallMs,
            };
          }),
        ];
    const environments = !stage
      ? []
      : [contestant('function, warm', () => stage.lambda(bundles.lambda, twelve, DEFAULTS.renditionWidths, 4))];

    const everything: Contestant<unknown>[] = [
      ...this.compared,
      ...isolation,
      ...perPicture,
      ...ceilings,
      ...workers,
      ...everyPicture,
      ...functions,
      ...environments,
    ];
    await this.takeRounds(everything);

    this.compareRows();
    if (hasProc) this.row('isolation', ratio(cpus(isolation[1]), cpus(isolation[0])));
    const workerResults: WorkerResult[] = [];
    for (const { inFlight, format, samples } of workers) {
      const worker = await this.worker(stage as Stage, bundles.workers[inFlight], format);
      await worker.batch(batch);
      const peakPssMib = await worker.peakPssMib(batch);
      await this.end(worker);
      workerResults.push({
        inFlightPerSlot: inFlight,
        slots: SLOTS,
        outputFormat: format,
        jobCpuMs: median(samples.map(({ jobCpuMs }) => jobCpuMs)),
        picturesPerSecond: median(samples.map(({ picturesPerSecond }) => picturesPerSecond)),
        peakPssMib,
      });
      if (inFlight !== 3) continue;
      const ceiling = ceilings.find((one) => one.format === format);
      const share = ratio(
        cpus(ceiling),
        samples.map(({ jobCpuMs }) => jobCpuMs),
      );
      this.row(format === 'jpeg' ? 'workerJpeg' : 'worker', share);
      if (format === DEFAULTS.renditionFormat) this.row('workerPeak', alone((peakPssMib * MIB) / 1e6));
    }
    for (const id of ['coldStart', 'coldStartCpu', 'coldStartJob'] as const) {
      const ratios = functions.flatMap(({ samples }) => samples.map((sample) => sample[id]));
      if (ratios.length > 0) this.row(id, spread(ratios));
    }
    const kilobytes = bundles.scriptBytes;
    this.row('lambdaBundle', alone(kilobytes.lambda / 1000));
    this.row('workerBundle', alone(kilobytes.worker / 1000));
    this.row('zip', alone(bundles.zipBytes / 1e6));
    await this.quality([...own, ...given], child);

    const starts = workers.filter(({ inFlight }) => inFlight === 3).flatMap(({ samples }) => samples);
    const lives = environments.flatMap(({ samples }) => samples);
    const of = (figures: readonly number[]) => median(figures);
    const order = Object.values(TARGETS).map(({ name }) => name as string);
    return {
      schema: 1,
      date: new Date().toISOString().slice(0, 10),
      quick,
      rounds: this.rounds(),
      photographs: given.length,
      machine: {
        cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
        cores: os.availableParallelism(),
        memoryGib: Math.round(os.totalmem() / 2 ** 30),
        os: process.platform,
        arch: process.arch,
      },
      versions: {
        node: process.versions.node,
        sharp: sharp.versions.sharp as string,
        libvips: sharp.versions.vips as string,
      },
      perImage: perPicture.map((one) => perImage(one, one.samples, jobs)),
      designs: this.compared.map(designResult),
      workers: workerResults,
      lambda:
        lives.length === 0
          ? null
          : {
              coldCpuMs: of(lives.map(({ cold }) => cold.cpuMs)),
              coldWallMs: of(lives.map(({ cold }) => cold.wallMs)),
              // The first warm ones still compile.
              warmCpuMs: of(lives.map(({ warm }) => warm.at(-1)?.cpuMs as number)),
              warmWallMs: of(lives.map(({ warm }) => warm.at(-1)?.wallMs as number)),
            },
      worker:
        starts.length === 0
          ? null
          : {
              startWallMs: of(starts.map(({ startWallMs }) => startWallMs)),
              startCpuMs: of(starts.map(({ startCpuMs }) => startCpuMs)),
              peakPssMib: Math.max(...workerResults.map(({ peakPssMib }) => peakPssMib)),
            },
      ratios: this.rows.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name)),
      absent: [...this.absent, ...unmeasured(this.rows).map((name) => `target "${name}"`)],
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers].map((worker) => worker.stop()));
    await this.stage?.close();
  }

  /** Every design on every set. */
  private async compare(pictures: readonly BenchPicture[], child: RunChild): Promise<void> {
    const widths = DEFAULTS.renditionWidths;
    const add = (set: keyof typeof SET_NAMES, design: string, format: RenditionFormat, sample: Compared['sample']) => {
      const name = `${SET_NAMES[set]}: ${design}, ${format} out`;
      this.compared.push({ ...contestant(name, sample), set: SET_NAMES[set], design, outputFormat: format });
    };
    for (const set of ['camera', 'mixed', 'photograph'] as const) {
      const chosen = pictures.filter((picture) => picture.set === set);
      if (chosen.length === 0) continue;
      const files = chosen.map(({ file }) => file);
      for (const format of ['jpeg', 'webp'] as const) {
        add(set, OURS, format, () => child({ design: 'product', files, format }));
        // A decoder lives long: only after a while its memory is what it will be.
        const repeats = this.options.quick ? 1 : 5;
        if (set === 'camera')
          add(set, OURS_ISOLATED, format, () => child({ design: 'isolated', files, format, repeats }));
        if (set !== 'mixed' && format === 'jpeg')
          add(set, FLOOR, format, () => child({ design: 'floor', files, format }));
        add(set, NAIVE, format, () => child({ design: 'naive', files, format }));
      }
      if (set === 'mixed') continue;
      for (const peer of PEERS) {
        if ((set === 'photograph' || this.options.quick) && peer.name !== LIMIT) continue;
        const lacking = await missing(peer.programs, this.options.searchPath);
        const absent = (why: string) => this.absent.push(`${peer.name}, on ${SET_NAMES[set]}: ${why}`);
        if (lacking.length > 0) {
          absent(`${lacking.join(' and ')} not installed`);
          continue;
        }
        try {
          const sample = await peer.prepare(chosen, widths, this.scratch);
          // Once beforehand: what is installed may be another program of that name, or built without JPEG.
          await sample();
          add(set, peer.name, 'jpeg', sample);
        } catch (error) {
          absent((error as Error).message);
        }
      }
    }
  }

  private compareRows(): void {
    const against = (
      id: TargetId,
      set: keyof typeof SET_NAMES,
      design: string,
      format: RenditionFormat,
      other: string = OURS,
    ) => {
      const [theirs, ours] = [this.samples(set, design, format), this.samples(set, other, format)];
      if (theirs.length > 0) this.row(id, ratio(theirs.map(cpuOf), ours.map(cpuOf)));
    };
    against('naiveJpeg', 'camera', NAIVE, 'jpeg');
    against('naiveWebp', 'camera', NAIVE, 'webp');
    against('floor', 'camera', FLOOR, 'jpeg');
    against('limit', 'camera', LIMIT, 'jpeg');
    against('vipsthumbnail', 'camera', (PEERS[0] as { name: string }).name, 'jpeg');
    against('imageMagick', 'camera', (PEERS[1] as { name: string }).name, 'jpeg');
    against('photoNaive', 'photograph', NAIVE, 'jpeg');
    against('photoFloor', 'photograph', FLOOR, 'jpeg');
    against('photoLimit', 'photograph', LIMIT, 'jpeg');
    against('photoCeiling', 'photograph', LIMIT, 'jpeg', FLOOR);
    against('mixedJpeg', 'mixed', NAIVE, 'jpeg');
    against('mixedWebp', 'mixed', NAIVE, 'webp');
    const peaks = this.samples('camera', OURS_ISOLATED, 'jpeg').flatMap(({ peakMib }) => peakMib ?? []);
    const webp = this.samples('camera', OURS_ISOLATED, 'webp').flatMap(({ peakMib }) => peakMib ?? []);
    // The format that takes more counts.
    const larger = median(webp) > median(peaks) ? webp : peaks;
    if (larger.length > 0) this.row('decoderPeak', spread(larger.map((mib) => (mib * MIB) / 1e6)));
  }

  /** Each picture of the corpus by itself, in every format, and one of them with more and more renditions. */
  private perPicture(pictures: readonly BenchPicture[], child: RunChild) {
    const { quick } = this.options;
    const widths: readonly number[] = DEFAULTS.renditionWidths;
    const each = RENDITION_FORMATS.filter((format) => !quick || format === DEFAULTS.renditionFormat).flatMap((format) =>
      picturesFor(format, pictures).map((picture): Made => ({ picture, widths, format })),
    );
    const twelve = pictures.find(({ name }) => name === 'JPEG 12 MP') as BenchPicture;
    const growing = GROWING_WIDTHS.map(
      (_, index): Made => ({
        picture: twelve,
        widths: GROWING_WIDTHS.slice(0, index + 1),
        format: DEFAULTS.renditionFormat,
      }),
    );
    return [...each, ...(quick ? [] : growing)].map((made) => {
      const { picture, ...making } = made;
      return {
        ...made,
        once: quick,
        ...contestant(`${picture.name}, ${making.widths.length} renditions, ${making.format}`, () =>
          child({ design: 'isolated', files: [picture.file], ...making, repeats: quick ? 1 : 3 }),
        ),
      };
    });
  }

  /** Not a matter of rounds: it is the same every time. */
  private async quality(pictures: readonly BenchPicture[], child: RunChild): Promise<void> {
    const files = pictures.filter(({ width, height }) => width * height < 25e6).map(({ file }) => file);
    let [mismatches, worse] = [0, 0];
    for (const format of ['jpeg', 'webp'] as const) {
      if (this.options.quick && format !== DEFAULTS.renditionFormat) continue;
      this.bar.update({ note: `comparing pixels with a full decode, ${format}` });
      const found = await child<Quality[]>({ design: 'quality', files, format });
      mismatches += found.reduce((sum, { sizeMismatches }) => sum + sizeMismatches.product, 0);
      for (const width of DEFAULTS.renditionWidths) {
        const ofWidth = found.flatMap(({ ssim }) => ssim.filter(({ side }) => side === width));
        if (median(ofWidth.map(({ product, naive }) => product - naive)) < -0.001) worse += 1;
      }
    }
    this.row('sizes', alone(mismatches));
    this.row('ssim', alone(worse));
  }

  /** One sample of each, round after round. */
  private async takeRounds(contestants: readonly Contestant<unknown>[]): Promise<void> {
    const inRound = (round: number) => contestants.filter(({ once }) => round === 1 || !once);
    this.bar.setTotal(inRound(1).length + (this.rounds() - 1) * inRound(2).length);
    for (let round = 1; round <= this.rounds(); round += 1) {
      for (const { name, sample, samples } of inRound(round)) {
        this.options.signal.throwIfAborted();
        this.bar.update({ note: `round ${round} of ${this.rounds()}: ${name}` });
        samples.push(await sample());
        this.bar.increment();
      }
    }
  }

  private async cold(script: string, { file }: BenchPicture, widths: readonly number[]): Promise<ColdStart> {
    const { limits } = defaults();
    const task: ColdTask = { file, renditions: { widths, format: DEFAULTS.renditionFormat }, limits };
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)], {
      signal: this.options.signal,
      env: { PATH: this.options.searchPath, ...FUNCTION_ENVIRONMENT },
    });
    return JSON.parse(stdout) as ColdStart;
  }

  private async child<Result>(script: string, task: Partial<Task> & Pick<Task, 'design' | 'files'>): Promise<Result> {
    const whole: Task = { widths: DEFAULTS.renditionWidths, format: DEFAULTS.renditionFormat, repeats: 1, ...task };
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(whole)], {
      signal: this.options.signal,
      // Nothing of the reader's settings, but what sharp is run with on all four ways.
      env: { PATH: this.options.searchPath, ...(task.design === 'naive' ? {} : { MALLOC_ARENA_MAX: '2' }) },
    });
    return JSON.parse(stdout) as Result;
  }

  private async worker(stage: Stage, entry: string, format: RenditionFormat): Promise<BenchWorker> {
    this.options.signal.throwIfAborted();
    const worker = await stage.worker(entry, format);
    this.workers.add(worker);
    return worker;
  }

  private async end(worker: BenchWorker): Promise<void> {
    await worker.stop();
    this.workers.delete(worker);
  }

  private samples(set: keyof typeof SET_NAMES, design: string, format: RenditionFormat): readonly DesignSample[] {
    const found = this.compared.find(
      (one) => one.set === SET_NAMES[set] && one.design === design && one.outputFormat === format,
    );
    return found?.samples ?? [];
  }

  private row(id: TargetId, measured: Spread): void {
    this.rows.push(held(id, measured));
  }
}

type RunChild = <Result = Measured>(task: Partial<Task> & Pick<Task, 'design' | 'files'>) => Promise<Result>;

function contestant<Sample>(name: string, sample: () => Promise<Sample>): Contestant<Sample> {
  return { name, sample, samples: [] };
}

/** The quickest of three: what disturbs a start only ever makes it longer. */
async function least<Sample extends { readonly wallMs: number }>(sample: () => Promise<Sample>): Promise<Sample> {
  const samples = [await sample(), await sample(), await sample()];
  return samples.reduce((a, b) => (b.wallMs < a.wallMs ? b : a));
}

const cpuOf = ({ cpuMs }: { readonly cpuMs: number }) => cpuMs;
const cpus = (one: Contestant<{ readonly cpuMs: number }> | undefined) => one?.samples.map(cpuOf) ?? [];
/** Of what is the same in every round, or was measured once. */
const alone = (value: number): Spread => ({ value, low: value, high: value });

function designResult({ set, design, outputFormat, samples }: Compared): DesignResult {
  const { value, low, high } = spread(samples.map(cpuOf));
  const peaks = samples.flatMap(({ peakMib }) => peakMib ?? []);
  return { set, design, outputFormat, cpuMs: value, low, high, peakMib: peaks.length > 0 ? median(peaks) : null };
}

/** What was made of one picture. */
interface Made extends Making {
  readonly picture: BenchPicture;
}

/** In the default format everything; in the others the JPEGs, which photographs are. */
function picturesFor(format: RenditionFormat, own: readonly BenchPicture[]): readonly BenchPicture[] {
  if (format === DEFAULTS.renditionFormat) return own;
  return own.filter((picture) => picture.format === 'jpeg');
}

function perImage(
  { picture, widths, format }: Made,
  samples: readonly Measured[],
  jobs: ReadonlyMap<string, readonly number[]>,
): PerImage {
  const isDefault = widths === DEFAULTS.renditionWidths;
  const job = isDefault ? (jobs.get(`${picture.name}, ${format}`) ?? []) : [];
  const peaks = samples.flatMap(({ peakMib }) => peakMib ?? []);
  return {
    name: isDefault ? picture.name : `${picture.name}, up to ${widths.at(-1)} px`,
    megapixels: (picture.width * picture.height) / 1e6,
    inputFormat: picture.format === 'heif' ? 'avif' : picture.format,
    outputFormat: format,
    renditions: widths.length,
    bytesIn: picture.bytes,
    bytesOut: samples[0]?.bytesOut ?? 0,
    cpuMs: median(samples.map(({ decoderCpuMs }) => decoderCpuMs as number)),
    jobCpuMs: job.length > 0 ? median(job) : null,
    decoderPeakMib: peaks.length > 0 ? median(peaks) : null,
  };
}
