import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Compute, DEFAULTS, ENV, type RenditionFormat } from '../../workload/contract';
import { readAccess } from '../local/access';
import { type Endpoints, startEndpoints } from '../local/endpoints';
import { startLambdaService } from '../local/lambda-service';
import { awsEnvironment, clientConfig, hasEnded, namesAt, spawnWorker } from '../local/ways';
import { templates } from '../templates';
import type { CpuShare } from './cpu-share';
import { treeCpuMs, treePssMib } from './usage';

/** The whole job, from an event to written renditions, on S3 and SQS in this process. */

const PREFIX = 'bench';
const SOURCE = `${PREFIX}-source`;
const OUTPUT = `${PREFIX}-output`;
const JOBS = `${PREFIX}-jobs`;

/** How often memory is summed up, in ms. Reading it costs the kernel time, so nothing else is measured meanwhile. */
const MEMORY_INTERVAL_MS = 50;

/** When nothing has come to an end for so long, in ms, nothing will. */
const STALLED_MS = 60_000;

/** Two, as on the smallest machine with two vCPUs; the targets are for that. */
export const SLOTS = 2;

/** By this the measured process is told apart from the bench itself, whose uploads nobody waits for. */
const MEASURED_KEY_ID = 'measured';

export interface WorkerOptions {
  readonly format?: RenditionFormat;
  readonly slots?: number;
  readonly messagesPerSlot?: number;
}

export interface FunctionOptions {
  /** Of the bundle, such as `index.handler`. */
  readonly handler: string;
  readonly memoryMib: number;
  readonly widths?: readonly number[];
  /** Holds the function and its children to a share of the CPU. It is closed with the function. */
  readonly share?: CpuShare | undefined;
}

/** S3 and SQS for the bench, with one pair of buckets. */
export class Stage {
  /** What every S3 request of the measured process takes longer, in ms. */
  delayMs = 0;
  private readonly s3: S3Client;
  private readonly sqs: SQSClient;
  private counter = 0;

  private constructor(
    private readonly endpoints: Endpoints,
    private readonly signal: AbortSignal,
  ) {
    this.s3 = new S3Client(clientConfig(endpoints));
    this.sqs = new SQSClient(clientConfig(endpoints));
  }

  /** @param signal ends what is being measured, with its reason */
  static async open(signal: AbortSignal): Promise<Stage> {
    let stage: Stage | undefined;
    const endpoints = await startEndpoints({
      hooks: {
        before: async ({ caller, bucket }) => {
          const delayed = stage && stage.delayMs > 0 && bucket !== undefined && caller === MEASURED_KEY_ID;
          if (delayed) await sleep(stage?.delayMs);
          return undefined;
        },
      },
    });
    for (const bucket of [SOURCE, OUTPUT]) endpoints.createBucket(bucket);
    endpoints.createQueue(JOBS, { visibilityTimeoutSeconds: 120, receiveWaitSeconds: 20 });
    // Every call is judged, as it is by AWS.
    const deployed = templates({}, '', ['ec2', 'lambda']);
    for (const compute of ['ec2', 'lambda'] as const) {
      endpoints.permissions.add(compute, readAccess(compute, deployed[compute], namesAt(endpoints.url), PREFIX));
    }
    stage = new Stage(endpoints, signal);
    return stage;
  }

  async close(): Promise<void> {
    this.s3.destroy();
    this.sqs.destroy();
    await this.endpoints.close();
  }

  private environment(compute: Compute, format: RenditionFormat): Record<string, string> {
    this.endpoints.permissions.signIn(MEASURED_KEY_ID, compute);
    return {
      ...awsEnvironment(this.endpoints),
      [ENV.compute]: compute,
      AWS_ACCESS_KEY_ID: MEASURED_KEY_ID,
      [ENV.stack]: 'bench',
      [ENV.sourceBucket]: SOURCE,
      [ENV.outputBucket]: OUTPUT,
      [ENV.renditionFormat]: format,
    };
  }

  /** Uploads under keys of their own, at most four at a time, without telling anybody. @returns the events */
  async put(bodies: readonly Buffer[]): Promise<object[]> {
    const events: object[] = [];
    const queue = [...bodies.entries()];
    const upload = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        this.signal.throwIfAborted();
        const [index, Body] = next;
        const Key = `${DEFAULTS.sourcePrefix}${this.counter++}`;
        const { ETag } = await this.s3.send(new PutObjectCommand({ Bucket: SOURCE, Key, Body }));
        events[index] = event(Key, (bodies[index] as Buffer).length, (ETag as string).replaceAll('"', ''));
      }
    };
    await Promise.all(Array.from({ length: 4 }, upload));
    return events;
  }

  /** Sends the events to the queue of the workers. */
  async enqueue(events: readonly object[]): Promise<void> {
    const QueueUrl = this.endpoints.queueUrl(JOBS);
    for (let first = 0; first < events.length; first += 10) {
      const Entries = events
        .slice(first, first + 10)
        .map((body, index) => ({ Id: String(index), MessageBody: JSON.stringify(body) }));
      await this.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  /** Frees the memory of all that was uploaded and written. */
  clear(): void {
    for (const bucket of [SOURCE, OUTPUT]) {
      for (const { key } of this.endpoints.listObjects(bucket)) this.endpoints.evict(bucket, key);
    }
  }

  /** Starts the worker bundle and waits until it polls. */
  async worker(entry: string, options: WorkerOptions = {}): Promise<BenchWorker> {
    const { format = DEFAULTS.renditionFormat, slots = SLOTS, messagesPerSlot = DEFAULTS.messagesPerSlot } = options;
    const worker = new BenchWorker(this, this.signal, entry, {
      ...this.environment('ec2', format),
      [ENV.queueUrl]: this.endpoints.queueUrl(JOBS),
      [ENV.decodeSlots]: String(slots),
      [ENV.messagesPerSlot]: String(messagesPerSlot),
    });
    await worker.started;
    return worker;
  }

  /** Starts the service of a function, with one environment, which begins its life with the first invocation. */
  async startFunction(taskRoot: string, options: FunctionOptions): Promise<BenchFunction> {
    const { handler, memoryMib, widths = DEFAULTS.renditionWidths, share } = options;
    let lastLine = 'it has written nothing';
    const service = await startLambdaService({
      taskRoot,
      handler,
      environment: {
        ...this.environment('lambda', DEFAULTS.renditionFormat),
        [ENV.renditionWidths]: widths.join(','),
      },
      functionName: 'bench',
      memoryMib,
      timeoutSeconds: 60,
      maxConcurrency: 1,
      retryDelaysMs: [],
      onFailure: () => {},
      onLog: (line) => {
        lastLine = line;
      },
      // At its very start: its children are held to the share too.
      onStart: ({ pid }) => share?.add(pid),
    });
    let cpuBefore = 0;
    return {
      invoke: async (body) => {
        const [one] = await this.put([body]);
        const began = performance.now();
        const { functionError } = await service.invoke(one);
        const wallMs = performance.now() - began;
        if (functionError) throw new Error(`the function failed: ${lastLine}`);
        const cpu = treeCpuMs(service.pids()[0] as number);
        const cpuMs = cpu - cpuBefore;
        cpuBefore = cpu;
        return { cpuMs, wallMs };
      },
      stop: async () => {
        await service.stop();
        await share?.close();
        this.clear();
      },
    };
  }
}

export interface Invoked {
  /** Of the environment's processes, in ms. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** One environment of the function. */
export interface BenchFunction {
  /** One event, of this picture under a key of its own. @throws Error with the function's last line when it fails */
  invoke(body: Buffer): Promise<Invoked>;
  stop(): Promise<void>;
}

/** An event as S3 writes it, as far as the workload reads it. */
function event(key: string, size: number, eTag: string): object {
  const s3 = { bucket: { name: SOURCE }, object: { key, size, eTag, sequencer: '01' } };
  return { Records: [{ eventVersion: '2.1', eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] };
}

export interface BatchSample {
  /** CPU of the worker's processes per picture, in ms. */
  readonly jobCpuMs: number;
  /** From the moment when all messages were on the queue. */
  readonly picturesPerSecond: number;
  /** When each picture was done, in ms, in that order. */
  readonly doneAt: readonly number[];
}

/** The worker bundle, running. */
export class BenchWorker {
  /** Resolves when it polls. */
  readonly started: Promise<void>;
  /** From the start of the process until then. */
  startWallMs = 0;
  startCpuMs = 0;
  private readonly process: ChildProcess;
  private doneAt: number[] = [];
  private lastLine = 'it ended before it had started';

  constructor(
    private readonly stage: Stage,
    private readonly signal: AbortSignal,
    entry: string,
    environment: Record<string, string>,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const began = performance.now();
    this.started = promise;
    this.process = spawnWorker(entry, environment, (line) => {
      this.lastLine = line;
      if (line.includes('"State":"done"')) this.doneAt.push(performance.now());
      if (!line.includes('"State":"started"')) return;
      this.startWallMs = performance.now() - began;
      this.startCpuMs = this.cpuMs;
      resolve();
    });
    this.process.once('close', () => reject(new Error(`the worker: ${this.lastLine}`)));
  }

  private get cpuMs(): number {
    return treeCpuMs(this.process.pid as number);
  }

  /**
   * Processes these pictures once. All are uploaded before the clock starts.
   * @throws Error with the worker's last line when one of them is not done
   */
  async batch(bodies: readonly Buffer[]): Promise<BatchSample> {
    const events = await this.stage.put(bodies);
    const cpuBefore = this.cpuMs;
    this.doneAt = [];
    await this.stage.enqueue(events);
    const began = performance.now();
    while (this.doneAt.length < bodies.length) {
      this.signal.throwIfAborted();
      if (performance.now() - (this.doneAt.at(-1) ?? began) > STALLED_MS || hasEnded(this.process)) {
        throw new Error(`the worker came to a standstill: ${this.lastLine}`);
      }
      await sleep(5);
    }
    const { doneAt } = this;
    // A message is deleted after its line is written.
    await sleep(30);
    const sample = {
      jobCpuMs: (this.cpuMs - cpuBefore) / bodies.length,
      picturesPerSecond: (bodies.length * 1000) / ((doneAt.at(-1) as number) - began),
      doneAt,
    };
    this.stage.clear();
    return sample;
  }

  /** Processes these pictures once. @returns the highest sum of memory, in MiB, and how many were done by then */
  async peakPss(bodies: readonly Buffer[]): Promise<{ peakPssMib: number; pictures: number }> {
    let peak = { peakPssMib: 0, pictures: 0 };
    const sampler = setInterval(() => {
      const peakPssMib = treePssMib(this.process.pid as number);
      if (peakPssMib > peak.peakPssMib) peak = { peakPssMib, pictures: this.doneAt.length };
    }, MEMORY_INTERVAL_MS);
    try {
      await this.batch(bodies);
    } finally {
      clearInterval(sampler);
    }
    return peak;
  }

  async stop(): Promise<void> {
    if (hasEnded(this.process)) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await exited;
  }
}
