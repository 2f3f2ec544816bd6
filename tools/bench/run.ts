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
import { type BenchBundles, buildForBench } from './bundles';
import type { Measured, Task } from './child';
import type { ColdStart, ColdTask } from './cold-handler';
import { type BenchPicture, drawCorpus, type PictureSet, photographs } from './corpus';
import { defaults, type Making } from './designs';
import { type BenchWorker, SLOTS, Stage, type WorkerOptions } from './end-to-end';
import { IMAGE_MAGICK, LIMIT, missing, PEERS, PILLOW_SIMD, VIPSTHUMBNAIL } from './peers';
import { plot } from './plot';
import type { Quality } from './quality';
import type { BenchResults, DesignResult, PerImage } from './results';
import { type Contestant, contestant, FEW_ROUNDS, ROUNDS, takeRounds } from './rounds';
import { median, ratio, type Spread, spread } from './statistics';
import { held, type Ratio, TARGETS, type TargetId, unmeasured } from './targets';
import {
  billedOf,
  billedResults,
  DELAYS_MS,
  MESSAGES_PER_SLOT,
  noCpuShare,
  throughputOf,
  throughputResults,
} from './timed';

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

const SET_NAMES: Readonly<Record<Exclude<PictureSet, 'size' | 'stream'>, string>> = {
  camera: 'camera JPEGs',
  mixed: 'mixed inputs',
  photograph: 'photographs',
};

/** What a rendition more costs: the first so many of these, in px. */
const GROWING_WIDTHS = [160, 320, 640, 960, 1280, 1920];

/** A worker's first pictures, before any that count: of small ones, and of large ones. V8 compiles as it goes. */
const [SMALL_WARM_UPS, LARGE_WARM_UPS] = [48, 12];

/** So many small pictures for the CPU of one; and for memory, which levels off after about 1,500 of them. */
const [STREAM_PICTURES, LEVEL_PICTURES] = [240, 2000];

const MIB = 2 ** 20;

/** Where the function's billed duration is measured: as it is deployed, and with one whole vCPU. */
const BILLED = [
  { id: 'billed2048', memoryMb: 2048, delayMs: 30 },
  { id: 'billed1769', memoryMb: 1769, delayMs: 30 },
  { id: 'billed2048Far', memoryMb: 2048, delayMs: 100 },
  { id: 'billed1769Far', memoryMb: 1769, delayMs: 100 },
] as const satisfies readonly { id: TargetId; memoryMb: number; delayMs: number }[];

/** What the function does not load without. */
const FUNCTION_ENVIRONMENT = {
  [ENV.compute]: 'lambda',
  [ENV.stack]: 'bench',
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
  private readonly rows: Ratio[] = [];
  private readonly absent: string[] = [];
  private readonly compared: Compared[] = [];

  constructor(
    private readonly options: BenchOptions,
    private readonly scratch: string,
    private readonly bar: SingleBar,
  ) {}

  /**
   * A quick run has fewer rows than a full one. Those that it has are measured on the same pictures, in the same way and
   * in as many rounds, so that both forms say the same of them.
   */
  async run(): Promise<BenchResults> {
    const { quick, photos, dist, signal } = this.options;
    const hasProc = existsSync('/proc/self/stat');
    if (!hasProc) this.absent.push('the worker, the function, isolation, memory: this system has no /proc');
    const given = photos === undefined ? [] : await photographs(photos);
    const bundles = await buildForBench(dist, signal);
    const sets: readonly PictureSet[] = quick ? ['camera', 'stream'] : ['camera', 'mixed', 'size', 'stream'];
    const own = await drawCorpus(path.join(this.scratch, 'corpus'), sets, (note) => {
      signal.throwIfAborted();
      this.bar.update({ note });
    });
    if (photos === undefined) this.absent.push('photographs: none given (--photos FOLDER)');
    const child: RunChild = (task) => this.child(bundles.child, task);
    const stage = hasProc ? await Stage.open(signal) : undefined;
    this.stage = stage;

    await this.compare([...own, ...given], child);
    const job = stage ? await this.wholeJob(stage, bundles, own, child) : undefined;
    const full = quick ? undefined : this.onlyInFull(own, child, job, stage, bundles);
    const everything: Contestant<unknown>[] = [
      ...this.compared,
      ...(job?.workers ?? []),
      ...(job?.cold ?? []),
      ...(job?.throughput ?? []),
      ...(job?.billed ?? []),
      ...(full?.isolation ?? []),
      ...(full?.perPicture ?? []),
      ...(full?.everyPicture ?? []),
      ...(full?.environments ?? []),
      ...(full?.stream ?? []),
    ];
    await takeRounds(everything, (note, total) => {
      signal.throwIfAborted();
      this.bar.setTotal(total);
      this.bar.update(
        everything.reduce((sum, { samples }) => sum + samples.length, 0),
        { note },
      );
    });

    this.compareRows();
    for (const { id, samples } of job?.workers ?? []) {
      this.row(id, spread(samples.map(({ ceilingMs, jobCpuMs }) => ceilingMs / jobCpuMs)));
    }
    for (const id of ['coldStart', 'coldStartCpu', 'coldStartJob'] as const) {
      const ratios = (job?.cold ?? []).flatMap(({ samples }) => samples.map((sample) => sample[id]));
      if (ratios.length > 0) this.row(id, spread(ratios));
    }
    for (const { id, samples } of job?.billed ?? []) {
      this.row(id, spread(samples.map((sample) => sample['this workload'] / sample.naive)));
    }
    const { scriptBytes, zipBytes } = bundles;
    this.row('lambdaBundle', alone(scriptBytes.lambda / 1000));
    this.row('workerBundle', alone(scriptBytes.worker / 1000));
    this.row('zip', alone(zipBytes / 1e6));
    const isolation = full?.isolation.flatMap(({ samples }) => samples) ?? [];
    if (isolation.length > 0) this.row('isolation', spread(isolation));
    const peaks = job && !quick ? await this.peaks(job, bundles.worker) : undefined;
    if (!quick) await this.quality([...own, ...given], child);

    const starts = job?.workers.flatMap(({ samples }) => samples) ?? [];
    const lives = full?.environments.flatMap(({ samples }) => samples) ?? [];
    const small = full?.stream.flatMap(({ samples }) => samples) ?? [];
    const order = Object.values(TARGETS).map(({ name }) => name as string);
    const targets = unmeasured(this.rows).map((name) => `target "${name}"`);
    return {
      schema: 1,
      date: new Date().toISOString().slice(0, 10),
      quick,
      rounds: ROUNDS,
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
      perImage: full?.perPicture.map((one) => perImage(one, one.samples, full.jobs)) ?? [],
      designs: this.compared.map(designResult),
      workers: (job?.workers ?? []).map(({ format, samples }) => ({
        messagesPerSlot: DEFAULTS.messagesPerSlot,
        slots: SLOTS,
        outputFormat: format,
        jobCpuMs: median(samples.map(({ jobCpuMs }) => jobCpuMs)),
        picturesPerSecond: median(samples.map(({ picturesPerSecond }) => picturesPerSecond)),
        peakPssMib: peaks?.camera.get(format) ?? null,
      })),
      throughput: throughputResults(job?.throughput ?? []),
      billed: billedResults(job?.billed ?? []),
      stream:
        peaks && job
          ? {
              picture: job.small.name,
              jobCpuMs: median(small.map(({ jobCpuMs }) => jobCpuMs)),
              decoderCpuMs: median(small.map(({ decoderCpuMs }) => decoderCpuMs)),
              ...peaks.stream,
            }
          : null,
      lambda:
        lives.length === 0
          ? null
          : {
              coldCpuMs: median(lives.map(({ cold }) => cold.cpuMs)),
              coldWallMs: median(lives.map(({ cold }) => cold.wallMs)),
              warmCpuMs: median(lives.map(({ warm }) => warm.cpuMs)),
              warmWallMs: median(lives.map(({ warm }) => warm.wallMs)),
            },
      worker:
        starts.length === 0
          ? null
          : {
              startWallMs: median(starts.map(({ startWallMs }) => startWallMs)),
              startCpuMs: median(starts.map(({ startCpuMs }) => startCpuMs)),
              peakPssMib: peaks ? Math.max(...peaks.camera.values()) : null,
            },
      ratios: this.rows.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name)),
      absent: quick
        ? [...this.absent, `${targets.length} targets that take a full run (npm run bench)`]
        : [...this.absent, ...targets],
    };
  }

  /** What both forms measure of the whole job, on the local endpoints. */
  private async wholeJob(stage: Stage, bundles: BenchBundles, own: readonly BenchPicture[], child: RunChild) {
    const { quick } = this.options;
    const files = own.filter(({ set }) => set === 'camera').map(({ file }) => file);
    const bodies = await Promise.all(files.map((file) => readFile(file)));
    const batch = Array.from({ length: 6 }, () => bodies).flat();
    const formats = quick ? ([DEFAULTS.renditionFormat] as const) : ([DEFAULTS.renditionFormat, 'jpeg'] as const);
    const workers = formats.map((format) => ({
      id: format === 'jpeg' ? ('workerJpeg' as const) : ('worker' as const),
      format,
      // The share is a ratio, so the pixel path alone and the worker take turns without anything between them.
      ...contestant(`worker, ${format} out, beside the pixel path alone`, ROUNDS, async () => {
        const task = { design: 'product', files, format, repeats: 3 } as const;
        const paths = await Promise.all(Array.from({ length: SLOTS }, () => child(task)));
        const ceilingMs = paths.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / SLOTS;
        return this.withWorker(stage, bundles.worker, { format }, async (worker) => {
          const { startWallMs, startCpuMs } = worker;
          await worker.batch(batch);
          return { ...(await worker.batch(batch)), ceilingMs, startWallMs, startCpuMs };
        });
      }),
    }));

    const subject = async (name: string) => {
      const picture = own.find((one) => one.name === name) as BenchPicture;
      return { ...picture, body: await readFile(picture.file) };
    };
    const [twelve, small] = await Promise.all([subject('JPEG 12 MP'), subject('JPEG 640 x 480')]);
    const oneWidth = [DEFAULTS.renditionWidths[0]];
    const cold = [
      contestant('function, cold', FEW_ROUNDS, async () => {
        const alone = await least(() => this.cold(bundles.sharpAlone, twelve, oneWidth));
        const loaded = await least(() => this.cold(bundles.cold, twelve, oneWidth));
        const first = await least(async () => (await life(stage, bundles.lambda, twelve.body, oneWidth, 0)).cold);
        return {
          coldStart: loaded.wallMs / alone.wallMs,
          coldStartCpu: loaded.cpuMs / alone.cpuMs,
          coldStartJob: first.wallMs / alone.wallMs,
        };
      }),
    ];

    const use: WithWorker = (options, work) => this.withWorker(stage, bundles.worker, options, work);
    const held = DEFAULTS.messagesPerSlot;
    const throughput = quick
      ? [throughputOf(small, held, [30, 100], SMALL_WARM_UPS, stage, use)]
      : [
          ...MESSAGES_PER_SLOT.map((each) => throughputOf(small, each, DELAYS_MS, SMALL_WARM_UPS, stage, use)),
          throughputOf(twelve, held, DELAYS_MS, LARGE_WARM_UPS, stage, use),
        ];

    const refused = await noCpuShare();
    if (refused) this.absent.push(`billed duration: ${refused}`);
    const cells = BILLED.filter(({ delayMs }) => !refused && (!quick || delayMs === 30));
    const billed = cells.map(({ id, memoryMb, delayMs }) => ({
      id,
      ...billedOf(twelve, memoryMb, delayMs, stage, bundles.lambda),
    }));
    return { stage, twelve, small, batch, workers, cold, throughput, billed };
  }

  /** What takes too long for a quick run. */
  private onlyInFull(
    own: readonly BenchPicture[],
    child: RunChild,
    job: WholeJob | undefined,
    stage: Stage | undefined,
    bundles: BenchBundles,
  ) {
    const perPicture = this.perPicture(own, child);
    // CPU of the whole job, by what was made of which picture.
    const jobs = new Map<string, number[]>();
    if (!job || !stage) return { perPicture, jobs, isolation: [], everyPicture: [], environments: [], stream: [] };
    const { twelve, small, batch } = job;
    const isolation = [
      contestant('isolation', ROUNDS, async () => {
        const cpuMs = { product: 0, isolated: 0 };
        // In short turns: what is to be seen is less than what a busy minute does to a machine.
        for (let turn = 0; turn < 3; turn += 1) {
          for (const design of ['product', 'isolated'] as const) {
            const found = await child({ design, files: [twelve.file], repeats: 12, warmUps: 5 });
            cpuMs[design] += found.cpuMs;
          }
        }
        return cpuMs.isolated / cpuMs.product;
      }),
    ];
    const everyPicture = RENDITION_FORMATS.map((format) =>
      contestant(`worker, picture by picture, ${format}`, FEW_ROUNDS, () =>
        this.withWorker(stage, bundles.worker, { format }, async (worker) => {
          await worker.batch(batch.slice(0, 4));
          for (const { name, file, width, height } of picturesFor(format, own)) {
            // A clock tick of the kernel is 10 ms: of small pictures it takes more to see anything.
            const copies = Math.max(4, Math.round(12 / Math.max(0.3, (width * height) / 1e6)));
            const body = await readFile(file);
            const { jobCpuMs } = await worker.batch(Array.from({ length: copies }, () => body));
            const key = `${name}, ${format}`;
            jobs.set(key, [...(jobs.get(key) ?? []), jobCpuMs]);
          }
        }),
      ),
    );
    const environments = [
      contestant('function, warm', FEW_ROUNDS, () =>
        life(stage, bundles.lambda, twelve.body, DEFAULTS.renditionWidths, 4),
      ),
    ];
    const stream = [
      contestant(`worker, ${small.name} by the hundred`, FEW_ROUNDS, async () => {
        const { decoderCpuMs = 0 } = await child({
          design: 'isolated',
          files: [small.file],
          repeats: 100,
          warmUps: 20,
        });
        return this.withWorker(stage, bundles.worker, {}, async (worker) => {
          await worker.batch(Array.from({ length: SMALL_WARM_UPS }, () => small.body));
          const { jobCpuMs } = await worker.batch(Array.from({ length: STREAM_PICTURES }, () => small.body));
          return { jobCpuMs, decoderCpuMs };
        });
      }),
    ];
    return { perPicture, jobs, isolation, everyPicture, environments, stream };
  }

  /** Memory of a worker at its busiest. Apart from the rounds: looking takes time of its own. */
  private async peaks({ stage, workers, batch, small }: WholeJob, entry: string) {
    const camera = new Map<RenditionFormat, number>();
    for (const { format } of workers) {
      this.bar.update({ note: `memory of the worker, camera JPEGs, ${format} out` });
      const { peakPssMib } = await this.withWorker(stage, entry, { format }, async (worker) => {
        await worker.batch(batch);
        return worker.peakPss(batch);
      });
      camera.set(format, peakPssMib);
      if (format === DEFAULTS.renditionFormat) this.row('workerPeak', alone((peakPssMib * MIB) / 1e6));
    }
    this.bar.update({ note: `memory of the worker, ${small.name}` });
    const stream = await this.withWorker(stage, entry, {}, (worker) =>
      worker.peakPss(Array.from({ length: LEVEL_PICTURES }, () => small.body)),
    );
    this.row('streamPeak', alone((stream.peakPssMib * MIB) / 1e6));
    return { camera, stream };
  }

  async close(): Promise<void> {
    await this.stage?.close();
  }

  /** Every design on every set. */
  private async compare(pictures: readonly BenchPicture[], child: RunChild): Promise<void> {
    const { quick, searchPath } = this.options;
    const widths = DEFAULTS.renditionWidths;
    const add = (set: keyof typeof SET_NAMES, design: string, format: RenditionFormat, sample: Compared['sample']) => {
      const name = `${SET_NAMES[set]}: ${design}, ${format} out`;
      this.compared.push({ ...contestant(name, ROUNDS, sample), set: SET_NAMES[set], design, outputFormat: format });
    };
    for (const set of ['camera', 'mixed', 'photograph'] as const) {
      const chosen = pictures.filter((picture) => picture.set === set);
      if (chosen.length === 0) continue;
      const files = chosen.map(({ file }) => file);
      // Of few pictures more of each: one reading of half a second says little.
      const repeats = set === 'camera' ? 3 : 1;
      for (const format of quick ? (['jpeg'] as const) : (['jpeg', 'webp'] as const)) {
        add(set, OURS, format, () => child({ design: 'product', files, format, repeats }));
        if (set !== 'mixed' && format === 'jpeg')
          add(set, FLOOR, format, () => child({ design: 'floor', files, format, repeats }));
        add(set, NAIVE, format, () => child({ design: 'naive', files, format, repeats }));
        if (set !== 'mixed') {
          for (const peer of PEERS) {
            // The others are so far behind that one set, in a full run, shows it.
            const isNear = peer.name === LIMIT || peer.name === PILLOW_SIMD;
            if (!peer.formats.includes(format) || ((set === 'photograph' || quick) && !isNear)) continue;
            const lacking = await missing(peer.programs, searchPath);
            const absent = (why: string) =>
              this.absent.push(`${peer.name}, on ${SET_NAMES[set]}, ${format} out: ${why}`);
            if (lacking.length > 0) {
              absent(`${lacking.join(' and ')} not installed`);
              continue;
            }
            try {
              const sample = await peer.prepare(chosen, widths, this.scratch, format);
              // Once beforehand: what is installed may be another program of that name, or built without JPEG.
              await sample();
              add(set, peer.name, format, sample);
            } catch (error) {
              absent((error as Error).message);
            }
          }
        }
        // A decoder lives long: only after a while its memory is what it will be.
        if (set === 'camera' && !quick)
          add(set, OURS_ISOLATED, format, () => child({ design: 'isolated', files, format, repeats: 5 }));
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
    against('pillowSimd', 'camera', PILLOW_SIMD, 'jpeg');
    against('pillowSimdWebp', 'camera', PILLOW_SIMD, 'webp');
    against('vipsthumbnail', 'camera', VIPSTHUMBNAIL, 'jpeg');
    against('imageMagick', 'camera', IMAGE_MAGICK, 'jpeg');
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
    const widths = DEFAULTS.renditionWidths;
    const measured = pictures.filter(({ set }) => set !== 'stream');
    const each = RENDITION_FORMATS.flatMap((format) =>
      picturesFor(format, measured).map((picture): Made => ({ picture, widths, format })),
    );
    const twelve = pictures.find(({ name }) => name === 'JPEG 12 MP') as BenchPicture;
    const growing = GROWING_WIDTHS.map(
      (_, index): Made => ({
        picture: twelve,
        widths: GROWING_WIDTHS.slice(0, index + 1),
        format: DEFAULTS.renditionFormat,
      }),
    );
    return [...each, ...growing].map((made) => {
      const { picture, ...making } = made;
      const name = `${picture.name}, ${making.widths.length} renditions, ${making.format}`;
      const task = { design: 'isolated', files: [picture.file], ...making, repeats: 3 } as const;
      return { ...made, ...contestant(name, FEW_ROUNDS, () => child(task)) };
    });
  }

  /** Not a matter of rounds: it is the same every time. */
  private async quality(pictures: readonly BenchPicture[], child: RunChild): Promise<void> {
    const files = pictures.filter(({ width, height }) => width * height < 25e6).map(({ file }) => file);
    let [mismatches, worse] = [0, 0];
    for (const format of ['jpeg', 'webp'] as const) {
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

  /** Starts a worker, and ends it whatever happens. */
  private async withWorker<Result>(
    stage: Stage,
    entry: string,
    options: WorkerOptions,
    use: (worker: BenchWorker) => Promise<Result>,
  ): Promise<Result> {
    this.options.signal.throwIfAborted();
    const worker = await stage.worker(entry, options);
    try {
      return await use(worker);
    } finally {
      await worker.stop();
    }
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

type WholeJob = Awaited<ReturnType<Bench['wholeJob']>>;
type WithWorker = Parameters<typeof throughputOf>[5];

/** One environment of the function: the first picture of its life, and the last of `warm` more. */
async function life(stage: Stage, taskRoot: string, body: Buffer, widths: readonly number[], warm: number) {
  const environment = await stage.startFunction(taskRoot, { handler: 'index.handler', memoryMib: 2048, widths });
  try {
    const cold = await environment.invoke(body);
    let last = cold;
    // The first warm ones still compile.
    for (let count = 0; count < warm; count += 1) last = await environment.invoke(body);
    return { cold, warm: last };
  } finally {
    await environment.stop();
  }
}

/** The quickest of three: what disturbs a start only ever makes it longer. */
async function least<Sample extends { readonly wallMs: number }>(sample: () => Promise<Sample>): Promise<Sample> {
  const samples = [await sample(), await sample(), await sample()];
  return samples.reduce((a, b) => (b.wallMs < a.wallMs ? b : a));
}

const cpuOf = ({ cpuMs }: { readonly cpuMs: number }) => cpuMs;
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
