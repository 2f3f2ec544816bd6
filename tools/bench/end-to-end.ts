import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutBucketNotificationConfigurationCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ENV, type RenditionFormat } from '../../workload/contract';
import { type Endpoints, startEndpoints } from '../local/endpoints';
import { startLambdaService } from '../local/lambda-service';
import { awsEnvironment, clientConfig, hasEnded, spawnWorker } from '../local/ways';
import type { BenchPicture } from './corpus';
import { treeCpuMs, treePssMib } from './usage';

/** The whole job, from an event to written renditions, on S3 and SQS in this process. */

const [SOURCE, OUTPUT, JOBS] = ['bench-source', 'bench-output', 'bench-jobs'];

/** How often memory is summed up, in ms. Reading it costs the kernel time, so nothing else is measured meanwhile. */
const MEMORY_INTERVAL_MS = 50;

/** Nothing came to an end for so long, in ms: nothing will. */
const STALLED_MS = 60_000;

/** Two, as on the smallest machine with two vCPUs; the targets are for that. */
export const SLOTS = 2;

export interface BatchSample {
  /** CPU of the worker's processes per picture, in ms. */
  readonly jobCpuMs: number;
  readonly picturesPerSecond: number;
}

/** S3 and SQS for the bench, with one pair of buckets. */
export class Stage {
  private readonly s3: S3Client;
  private counter = 0;

  private constructor(private readonly endpoints: Endpoints) {
    this.s3 = new S3Client(clientConfig(endpoints));
  }

  static async open(): Promise<Stage> {
    const endpoints = await startEndpoints();
    const stage = new Stage(endpoints);
    for (const bucket of [SOURCE, OUTPUT]) endpoints.createBucket(bucket as string);
    endpoints.createQueue(JOBS as string, { visibilityTimeoutSeconds: 120, receiveWaitSeconds: 20 });
    return stage;
  }

  async close(): Promise<void> {
    this.s3.destroy();
    await this.endpoints.close();
  }

  private environment(format: RenditionFormat): Record<string, string> {
    return {
      [ENV.compute]: 'ec2',
      [ENV.sourceBucket]: SOURCE as string,
      [ENV.outputBucket]: OUTPUT as string,
      [ENV.queueUrl]: this.endpoints.queueUrl(JOBS as string),
      [ENV.renditionFormat]: format,
      [ENV.decodeSlots]: String(SLOTS),
      ...awsEnvironment(this.endpoints),
    };
  }

  /** Uploads under keys of their own, at most four at a time. @returns the keys */
  private async upload(bodies: readonly Buffer[]): Promise<string[]> {
    const keys = bodies.map((_, index) => `incoming/${this.counter + index}`);
    this.counter += bodies.length;
    const queue = [...keys.entries()];
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const [index, Key] = next;
          await this.s3.send(new PutObjectCommand({ Bucket: SOURCE, Key, Body: bodies[index] }));
        }
      }),
    );
    return keys;
  }

  private evict(keys: readonly string[]): void {
    for (const key of keys) this.endpoints.evict(SOURCE as string, key);
    for (const { key } of this.endpoints.listObjects(OUTPUT as string)) this.endpoints.evict(OUTPUT as string, key);
  }

  /** Starts the worker bundle and waits until it polls. */
  async worker(entry: string, format: RenditionFormat): Promise<BenchWorker> {
    const QueueArn = this.endpoints.queueArn(JOBS as string);
    await this.s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: SOURCE,
        NotificationConfiguration: { QueueConfigurations: [{ QueueArn, Events: ['s3:ObjectCreated:*'] }] },
      }),
    );
    const worker = new BenchWorker(
      entry,
      this.environment(format),
      (bodies) => this.upload(bodies),
      (keys) => this.evict(keys),
    );
    await worker.started;
    return worker;
  }

  /** The function in one environment: the first picture of its life, then `warm` more of them. */
  async lambda(taskRoot: string, picture: BenchPicture, widths: readonly number[], warm: number) {
    await this.s3.send(
      new PutBucketNotificationConfigurationCommand({ Bucket: SOURCE, NotificationConfiguration: {} }),
    );
    const body = await readFile(picture.file);
    const keys = await this.upload(Array.from({ length: warm + 1 }, () => body));
    const etags = new Map(this.endpoints.listObjects(SOURCE as string).map(({ key, etag }) => [key, etag]));
    const lines: string[] = [];
    const service = await startLambdaService({
      taskRoot,
      handler: 'index.handler',
      environment: { ...this.environment('webp'), [ENV.compute]: 'lambda', [ENV.renditionWidths]: widths.join(',') },
      functionName: 'bench',
      memoryMib: 2048,
      timeoutSeconds: 60,
      maxConcurrency: 1,
      retryDelaysMs: [],
      onFailure: () => {},
      onLog: (line) => lines.push(line),
    });
    const samples: { cpuMs: number; wallMs: number }[] = [];
    let cpuBefore = 0;
    try {
      for (const key of keys) {
        const began = performance.now();
        const { functionError } = await service.invoke(event(key, body.length, etags.get(key) as string));
        const wallMs = performance.now() - began;
        if (functionError) throw new Error(`the function failed: ${lines.at(-1)}`);
        const cpu = treeCpuMs(service.pids()[0] as number);
        samples.push({ cpuMs: cpu - cpuBefore, wallMs });
        cpuBefore = cpu;
      }
    } finally {
      await service.stop();
      this.evict(keys);
    }
    const [cold, ...rest] = samples as [(typeof samples)[0], ...typeof samples];
    return { cold, warm: rest };
  }
}

/** An event as S3 writes it, as far as the workload reads it. */
function event(key: string, size: number, eTag: string): object {
  const s3 = { bucket: { name: SOURCE }, object: { key, size, eTag, sequencer: '01' } };
  return { Records: [{ eventVersion: '2.1', eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] };
}

/** The worker bundle, running. */
export class BenchWorker {
  /** Resolves when it polls. */
  readonly started: Promise<void>;
  /** From the start of the process until then. */
  startWallMs = 0;
  startCpuMs = 0;
  private readonly process: ChildProcess;
  private done = 0;
  private lastLine = 'it ended before it had started';

  constructor(
    entry: string,
    environment: Record<string, string>,
    private readonly upload: (bodies: readonly Buffer[]) => Promise<string[]>,
    private readonly evict: (keys: readonly string[]) => void,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const began = performance.now();
    this.started = promise;
    this.process = spawnWorker(entry, environment, (line) => {
      this.lastLine = line;
      if (line.includes('"State":"done"')) this.done += 1;
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

  /** Processes these pictures once. @throws Error with the worker's last line when one of them is not done */
  async batch(bodies: readonly Buffer[]): Promise<BatchSample> {
    const [cpuBefore, doneBefore, began] = [this.cpuMs, this.done, performance.now()];
    const keys = await this.upload(bodies);
    let [seen, progressed] = [this.done, performance.now()];
    while (this.done - doneBefore < bodies.length) {
      if (this.done > seen) [seen, progressed] = [this.done, performance.now()];
      if (performance.now() - progressed > STALLED_MS || hasEnded(this.process)) {
        throw new Error(`the worker came to a standstill: ${this.lastLine}`);
      }
      await sleep(5);
    }
    const seconds = (performance.now() - began) / 1000;
    // Its message is deleted after its line is written.
    await sleep(30);
    const sample = {
      jobCpuMs: (this.cpuMs - cpuBefore) / bodies.length,
      picturesPerSecond: bodies.length / seconds,
    };
    this.evict(keys);
    return sample;
  }

  /** @returns the highest sum of memory while these pictures were processed, in MiB */
  async peakPssMib(bodies: readonly Buffer[]): Promise<number> {
    let peak = 0;
    const sampler = setInterval(() => {
      peak = Math.max(peak, treePssMib(this.process.pid as number));
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
