import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { CallHooks } from '../../tools/local/call-hooks';
import { type Endpoints, startEndpoints } from '../../tools/local/endpoints';
import { type LambdaService, startLambdaService } from '../../tools/local/lambda-service';
import { awsEnvironment, clientConfig, hasEnded, spawnWorker } from '../../tools/local/ways';
import { s3Body, s3Record } from './events';
import { TEST_DIST } from './host-bundles';
import { until } from './waiting';

/** One line of a worker's or function's log. */
export interface LogLine {
  readonly State: string;
  readonly Key?: string;
  readonly Reason?: string;
  readonly Detail?: string;
  readonly ReceiveCount?: number;
  readonly [other: string]: unknown;
}

/** Buckets and queues of one test, and the real worker bundle on them. */
export class Fleet {
  readonly source: string;
  readonly output: string;
  readonly jobs: string;
  readonly failed: string;
  /** All lines of all workers, in order. */
  readonly lines: LogLine[] = [];
  /** What was no JSON. */
  readonly noise: string[] = [];
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  private readonly workers: ChildProcess[] = [];

  private constructor(
    readonly endpoints: Endpoints,
    /** Calls that have been answered, such as `GetObject`, in order. */
    readonly answered: readonly string[],
    name: string,
    visibilityTimeoutSeconds: number,
  ) {
    this.source = `${name}-source`;
    this.output = `${name}-output`;
    this.jobs = `${name}-jobs`;
    this.failed = `${name}-failed`;
    endpoints.createBucket(this.source);
    endpoints.createBucket(this.output);
    endpoints.createQueue(this.failed, { visibilityTimeoutSeconds: 30 });
    endpoints.createQueue(this.jobs, { visibilityTimeoutSeconds, deadLetterQueue: this.failed, maxReceiveCount: 5 });
    this.s3 = new S3Client(clientConfig(endpoints));
    this.sqs = new SQSClient(clientConfig(endpoints));
  }

  /** The hooks see, and may disturb, every call of the workers and the function. */
  static async start(
    name: string,
    { visibilityTimeoutSeconds = 30, ...hooks }: { visibilityTimeoutSeconds?: number } & Omit<CallHooks, 'sent'> = {},
  ): Promise<Fleet> {
    const answered: string[] = [];
    const sent: CallHooks['sent'] = ({ action }) => answered.push(action);
    const endpoints = await startEndpoints({ hooks: { ...hooks, sent } });
    return new Fleet(endpoints, answered, name, visibilityTimeoutSeconds);
  }

  get environment(): Record<string, string> {
    return {
      COMPUTE: 'ec2',
      STACK: 'test',
      SOURCE_BUCKET: this.source,
      OUTPUT_BUCKET: this.output,
      QUEUE_URL: this.endpoints.queueUrl(this.jobs),
      DECODE_SLOTS: '1',
      ...awsEnvironment(this.endpoints),
      AWS_ACCESS_KEY_ID: 'fleet',
    };
  }

  readonly onLine = (line: string): void => {
    if (line.startsWith('{')) this.lines.push(JSON.parse(line));
    else this.noise.push(line);
  };

  /** Starts the worker bundle and waits until it polls. */
  async worker(environment: Record<string, string> = {}): Promise<ChildProcess> {
    const before = this.count('started');
    const worker = this.spawn({ ...this.environment, ...environment }, this.onLine);
    await this.until(() => this.count('started') > before);
    return worker;
  }

  /** Starts the worker bundle. */
  spawn(environment: Record<string, string>, onLine: (line: string) => void): ChildProcess {
    const worker = spawnWorker(path.join(TEST_DIST, 'worker-host/index.js'), environment, onLine);
    this.workers.push(worker);
    return worker;
  }

  /** Starts the function's bundle on the same buckets, one environment at a time, and without retries. */
  startFunction(environment: Record<string, string> = {}): Promise<LambdaService> {
    return startLambdaService({
      taskRoot: path.join(TEST_DIST, 'lambda-host'),
      handler: 'index.handler',
      environment: { ...this.environment, COMPUTE: 'lambda', ...environment },
      functionName: 'resize',
      memoryMib: 2048,
      timeoutSeconds: 60,
      maxConcurrency: 1,
      retryDelaysMs: [],
      onFailure: () => {},
      onLog: this.onLine,
    });
  }

  /** Uploads an object, without an event. @returns its etag, as events carry it */
  async put(key: string, body: Buffer): Promise<string> {
    const { ETag } = await this.s3.send(new PutObjectCommand({ Bucket: this.source, Key: key, Body: body }));
    return (ETag as string).replaceAll('"', '');
  }

  /** Uploads an object and queues its event. */
  async submit(key: string, body: Buffer, sequencer = '01'): Promise<void> {
    const eTag = await this.put(key, body);
    await this.send(this.event({ key: encodeURIComponent(key), size: body.length, eTag, sequencer }));
  }

  event(options: Parameters<typeof s3Record>[0]): string {
    return s3Body(s3Record({ bucket: this.source, ...options }));
  }

  async send(body: string): Promise<void> {
    const QueueUrl = this.endpoints.queueUrl(this.jobs);
    await this.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  }

  count(state: string): number {
    return this.lines.filter((line) => line.State === state).length;
  }

  /** Lines that tell of an object's end, without the worker's own. */
  get outcomes(): LogLine[] {
    return this.lines.filter(({ State }) => !['started', 'stopping', 'stopped', 'error'].includes(State));
  }

  /** Waits for a condition; fails with the log when it does not come true. */
  until(condition: () => boolean): Promise<void> {
    return until(condition, () => JSON.stringify([this.lines.slice(-5), this.noise.slice(-5)]));
  }

  /** Messages on the queue, held or not. */
  get outstanding(): number {
    const { visible, inFlight, delayed } = this.endpoints.queueDepth(this.jobs);
    return visible + inFlight + delayed;
  }

  outputs(): string[] {
    return this.endpoints.listObjects(this.output).map(({ key }) => key);
  }

  async close(): Promise<void> {
    for (const worker of this.workers) {
      if (hasEnded(worker)) continue;
      const exited = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exited;
    }
    this.s3.destroy();
    this.sqs.destroy();
    await this.endpoints.close();
  }
}
