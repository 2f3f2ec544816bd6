import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CpuShare } from './cpu-share';
import type { BenchWorker, Stage, WorkerOptions } from './end-to-end';
import type { BilledResult, ThroughputResult } from './results';
import { type Contestant, contestant, FEW_ROUNDS } from './rounds';
import { median, spread } from './statistics';

/** What is measured by the clock, with S3 as far away as it is on AWS. */

/** What every S3 request takes longer than on the local endpoints, in ms. */
export const DELAYS_MS = [0, 30, 100, 200];

/** How many messages a worker holds per slot: these, around the default. */
export const MESSAGES_PER_SLOT = [1, 2, 3, 4, 6, 8];

/** Pictures are processed in waves of as many as the worker holds: so many of them are measured. */
const WAVES = 12;

/** And at least so many pictures. */
const LEAST_PICTURES = 24;

const copies = (body: Buffer, count: number) => Array.from({ length: count }, () => body);

/** A picture at hand. */
export interface Subject {
  readonly name: string;
  readonly body: Buffer;
}

/** By delay: pictures per second of one slot. */
type Rates = ReadonlyMap<number, number>;

export type Throughput = Contestant<Rates> & Pick<ThroughputResult, 'picture' | 'messagesPerSlot'>;

/**
 * One slot of the worker, with this number of messages held.
 * @param withWorker starts a worker, and ends it afterwards
 * @param warmUps pictures before any that count, so that V8 has compiled what it compiles
 */
export function throughputOf(
  { name, body }: Subject,
  messagesPerSlot: number,
  delays: readonly number[],
  warmUps: number,
  stage: Stage,
  withWorker: <Result>(options: WorkerOptions, use: (worker: BenchWorker) => Promise<Result>) => Promise<Result>,
): Throughput {
  const count = Math.max(WAVES * messagesPerSlot, LEAST_PICTURES);
  const sample = () =>
    withWorker({ slots: 1, messagesPerSlot }, async (worker) => {
      await worker.batch(copies(body, warmUps));
      const rates = new Map<number, number>();
      try {
        for (const delayMs of delays) {
          stage.delayMs = delayMs;
          // The first two waves fill the worker, and with the last one the queue is empty: neither counts.
          const first = 2 * messagesPerSlot;
          const { doneAt } = await worker.batch(copies(body, first + count + messagesPerSlot));
          const milliseconds = (doneAt[first + count - 1] as number) - (doneAt[first - 1] as number);
          rates.set(delayMs, (count * 1000) / milliseconds);
        }
      } finally {
        stage.delayMs = 0;
      }
      return rates;
    });
  const about = `throughput of a slot, ${name}, ${messagesPerSlot} messages held`;
  return { ...contestant(about, FEW_ROUNDS, sample), picture: name, messagesPerSlot };
}

/** One row for each delay and number of messages. */
export function throughputResults(measured: readonly Throughput[]): ThroughputResult[] {
  return measured.flatMap(({ picture, messagesPerSlot, samples }) =>
    [...(samples[0]?.keys() ?? [])].map((delayMs) => {
      const picturesPerSecond = median(samples.map((rates) => rates.get(delayMs) as number));
      return { picture, delayMs, messagesPerSlot, picturesPerSecond };
    }),
  );
}

/** The functions that are measured beside each other, by what their bundle calls them. */
const HANDLERS = { 'this workload': 'index.handler', naive: 'naive-handler.handler' } as const;

/** Invocations of each environment before any that count, the cold one among them; and those that count. */
const [FIRST, COUNTED] = [4, 5];

/** Billed duration in ms, the median of one round. */
type BilledSample = Readonly<Record<BilledResult['design'], number>>;

export type Billed = Contestant<BilledSample> & Pick<BilledResult, 'picture' | 'memoryMb' | 'delayMs'>;

/**
 * Warm invocations of both functions, in turns, each in an environment of its own with a function's share of the CPU.
 * @param taskRoot the folder that has both handlers
 */
export function billedOf(
  { name, body }: Subject,
  memoryMb: number,
  delayMs: number,
  stage: Stage,
  taskRoot: string,
): Billed {
  const sample = async () => {
    const designs = Object.keys(HANDLERS) as BilledResult['design'][];
    const environments = [];
    const billed = { 'this workload': [] as number[], naive: [] as number[] };
    stage.delayMs = delayMs;
    try {
      for (const design of designs) {
        const share = CpuShare.ofFunction(memoryMb);
        const environment = await stage.startFunction(taskRoot, {
          handler: HANDLERS[design],
          memoryMib: memoryMb,
          share,
        });
        environments.push({ design, environment });
      }
      for (let turn = 0; turn < FIRST + COUNTED; turn += 1) {
        for (const { design, environment } of environments) {
          const { wallMs } = await environment.invoke(body);
          if (turn >= FIRST) billed[design].push(Math.ceil(wallMs));
        }
      }
    } finally {
      stage.delayMs = 0;
      for (const { environment } of environments) await environment.stop();
    }
    return { 'this workload': median(billed['this workload']), naive: median(billed.naive) };
  };
  const about = `billed duration, ${memoryMb} MB, ${delayMs} ms per S3 request`;
  return { ...contestant(about, FEW_ROUNDS, sample), picture: name, memoryMb, delayMs };
}

export function billedResults(measured: readonly Billed[]): BilledResult[] {
  return measured.flatMap(({ picture, memoryMb, delayMs, samples }) =>
    (Object.keys(HANDLERS) as BilledResult['design'][]).map((design) => {
      const { value, low, high } = spread(samples.map((sample) => sample[design]));
      return { picture, design, memoryMb, delayMs, billedMs: value, low, high };
    }),
  );
}

/** @returns why no function can be held to its share of the CPU here, in one line; `undefined` when it can */
export async function noCpuShare(): Promise<string | undefined> {
  try {
    const share = CpuShare.ofFunction(2048);
    const idle = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const ended = once(idle, 'exit');
    try {
      share.add(idle.pid as number);
    } finally {
      idle.kill('SIGKILL');
      await ended;
      await share.close();
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
