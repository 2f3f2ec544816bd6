import type { Ratio } from './targets';

/** `evidence/bench/results.json`. Other commands read it; a field changes its meaning only with `schema`. */

/** CPU is in ms, memory in MiB, everything per picture and the median of all rounds. */
export interface PerImage {
  readonly name: string;
  /** Million pixels of the source. */
  readonly megapixels: number;
  readonly inputFormat: string;
  readonly outputFormat: string;
  /** How many. */
  readonly renditions: number;
  readonly bytesIn: number;
  /** Of all renditions together. */
  readonly bytesOut: number;
  /** Of the decoder: the pixel path. */
  readonly cpuMs: number;
  /** Of the whole worker, all its processes, from receiving the message to deleting it. `null`: not measured. */
  readonly jobCpuMs: number | null;
  /** Of a fresh decoder. `null` without /proc. */
  readonly decoderPeakMib: number | null;
}

/** One design on one set of pictures. */
export interface DesignResult {
  readonly set: string;
  readonly design: string;
  readonly outputFormat: string;
  readonly cpuMs: number;
  /** Lowest and highest round. */
  readonly low: number;
  readonly high: number;
  /** Of its largest process; `null` where it cannot be known. */
  readonly peakMib: number | null;
}

/** The queue worker on the local endpoints, which share this machine with it, on camera JPEGs. */
export interface WorkerResult {
  readonly messagesPerSlot: number;
  readonly slots: number;
  readonly outputFormat: string;
  /** Of all its processes, per picture. */
  readonly jobCpuMs: number;
  /** By the clock. The endpoints and whatever else runs here take their share of the machine. */
  readonly picturesPerSecond: number;
  /** Sum of its processes, shared pages counted once. `null`: not measured. */
  readonly peakPssMib: number | null;
}

/** What one slot of the worker gets done, by the clock, from a queue that does not run empty. */
export interface ThroughputResult {
  readonly picture: string;
  /** What every S3 request takes longer than on the local endpoints, in ms. */
  readonly delayMs: number;
  /** How many messages the worker holds for its slot. */
  readonly messagesPerSlot: number;
  readonly picturesPerSecond: number;
}

/** What a warm invocation is billed: its time by the clock, rounded up to 1 ms, with a function's share of the CPU. */
export interface BilledResult {
  readonly picture: string;
  readonly design: 'this workload' | 'naive';
  /** As configured; its share of the CPU follows from it. */
  readonly memoryMb: number;
  /** As in {@link ThroughputResult}. */
  readonly delayMs: number;
  readonly billedMs: number;
  /** Lowest and highest round. */
  readonly low: number;
  readonly high: number;
}

/** A worker with two slots on many small pictures. */
export interface StreamResult {
  readonly picture: string;
  /** CPU per picture, of the whole worker and of its decoder alone. */
  readonly jobCpuMs: number;
  readonly decoderCpuMs: number;
  /** How many pictures the worker had processed when its memory was the highest, of how many. */
  readonly pictures: number;
  /** Sum of its processes, shared pages counted once. */
  readonly peakPssMib: number;
}

export interface BenchResults {
  readonly schema: 1;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** A quick run: fewer rows, and each of them measured as in a full run. */
  readonly quick: boolean;
  /** Of what is measured in CPU-seconds. What takes long has fewer. */
  readonly rounds: number;
  /** How many photographs of the reader's were measured besides the corpus. */
  readonly photographs: number;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGib: number;
    readonly os: string;
    readonly arch: string;
  };
  readonly versions: { readonly node: string; readonly sharp: string; readonly libvips: string };
  readonly perImage: readonly PerImage[];
  readonly designs: readonly DesignResult[];
  readonly workers: readonly WorkerResult[];
  /** Empty or `null`: not measured. */
  readonly throughput: readonly ThroughputResult[];
  readonly billed: readonly BilledResult[];
  readonly stream: StreamResult | null;
  /** One environment, from its start (cold) and afterwards (warm), one picture of 12 MP each. `null` without /proc. */
  readonly lambda: {
    readonly coldCpuMs: number;
    readonly coldWallMs: number;
    readonly warmCpuMs: number;
    readonly warmWallMs: number;
  } | null;
  /** Until it polls the queue, and at its busiest (`null` in a quick run). `null` without /proc. */
  readonly worker: {
    readonly startWallMs: number;
    readonly startCpuMs: number;
    readonly peakPssMib: number | null;
  } | null;
  readonly ratios: readonly Ratio[];
  /** What could not be measured here, one line each with the reason. */
  readonly absent: readonly string[];
}
