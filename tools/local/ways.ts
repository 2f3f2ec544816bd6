import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import {
  type NotificationConfiguration,
  PutBucketNotificationConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Compute, DEFAULTS, ENV } from '../../workload/contract';
import { decodeSlots } from '../../workload/platform';
import type { Endpoints } from './endpoints';
import { startLambdaService } from './lambda-service';

/** The four ways on one machine: the same bundles that are deployed, started as the platform starts them. */

/** Any will do: the local endpoints check none. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;
export const LOCAL_REGION = 'us-east-1';

/** What the stacks configure, as far as it matters on one machine. */
const MAX_RECEIVE_COUNT = 5;
const FUNCTION_MEMORY_MIB = 2048;
const FUNCTION_TIMEOUT_SECONDS = 60;
/** Lambda retries after one and two minutes. Nobody waits that long at a terminal. */
const FUNCTION_RETRY_DELAYS_MS = [1000, 2000];

/** One way, running. */
export interface Way {
  readonly compute: Compute;
  readonly sourceBucket: string;
  readonly outputBucket: string;
  /** Its failure queue: what no retry could help. */
  readonly failureQueue: string;
  /** The processes that would be the platform's: the worker, or the execution environments. */
  pids(): readonly number[];
  /** How many of them ended that nobody had asked to. */
  readonly deaths: () => number;
  /** Ends it as the platform does, SIGTERM first. */
  stop(): Promise<void>;
}

/** Called with each line a way writes. */
export type OnLine = (line: string) => void;

/** Starts one way, with buckets and queues of its own. Resolves when it can take work. */
export async function startWay(compute: Compute, endpoints: Endpoints, dist: string, onLine: OnLine): Promise<Way> {
  const names = {
    compute,
    sourceBucket: `${compute}-source`,
    outputBucket: `${compute}-output`,
    jobs: `${compute}-jobs`,
    failureQueue: `${compute}-failed`,
  };
  endpoints.createBucket(names.sourceBucket);
  endpoints.createBucket(names.outputBucket);
  endpoints.createQueue(names.failureQueue, { visibilityTimeoutSeconds: 30 });
  const environment = {
    [ENV.compute]: compute,
    [ENV.sourceBucket]: names.sourceBucket,
    [ENV.outputBucket]: names.outputBucket,
    ...awsEnvironment(endpoints),
  };
  return compute === 'lambda'
    ? startFunction(names, environment, endpoints, dist, onLine)
    : startWorker(names, environment, endpoints, dist, onLine);
}

type Names = Pick<Way, 'compute' | 'sourceBucket' | 'outputBucket' | 'failureQueue'> & { readonly jobs: string };

async function startFunction(
  { jobs: _, ...names }: Names,
  environment: Record<string, string>,
  endpoints: Endpoints,
  dist: string,
  onLine: OnLine,
): Promise<Way> {
  const sqs = new SQSClient(clientConfig(endpoints));
  let deaths = 0;
  const service = await startLambdaService({
    taskRoot: path.join(dist, 'lambda-host'),
    handler: 'index.handler',
    environment,
    functionName: `${names.compute}-resize`,
    memoryMib: FUNCTION_MEMORY_MIB,
    timeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
    // On AWS there would be one environment per event; here there are as many as a worker has slots.
    maxConcurrency: decodeSlots(),
    retryDelaysMs: FUNCTION_RETRY_DELAYS_MS,
    onFailure: (record) => {
      const QueueUrl = endpoints.queueUrl(names.failureQueue);
      sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(record) })).catch(() => {});
    },
    onLog: onLine,
    onExit: ({ expected }) => {
      if (!expected) deaths += 1;
    },
  });
  const arn = `arn:aws:lambda:${LOCAL_REGION}:000000000000:function:${names.compute}-resize`;
  endpoints.registerFunction(arn, (event) => service.invokeAsync(event));
  await notify(endpoints, names.sourceBucket, {
    LambdaFunctionConfigurations: [{ LambdaFunctionArn: arn, ...onCreated }],
  });
  return { ...names, pids: () => service.pids(), deaths: () => deaths, stop: () => service.stop() };
}

async function startWorker(
  { jobs, ...names }: Names,
  environment: Record<string, string>,
  endpoints: Endpoints,
  dist: string,
  onLine: OnLine,
): Promise<Way> {
  endpoints.createQueue(jobs, {
    visibilityTimeoutSeconds: DEFAULTS.visibilityTimeoutSeconds,
    deadLetterQueue: names.failureQueue,
    maxReceiveCount: MAX_RECEIVE_COUNT,
  });
  await notify(endpoints, names.sourceBucket, {
    QueueConfigurations: [{ QueueArn: endpoints.queueArn(jobs), ...onCreated }],
  });
  const env = { ...environment, [ENV.queueUrl]: endpoints.queueUrl(jobs) };
  let deaths = 0;
  let stopping = false;
  // Its first line says that it is ready; without one, its last words say why not.
  const ready = Promise.withResolvers<void>();
  let lastLine = 'the worker ended before it had started';
  const start = () =>
    spawnWorker(path.join(dist, 'worker-host/index.js'), env, (line) => {
      lastLine = line;
      if (line.startsWith('{')) ready.resolve();
      onLine(line);
    });
  let worker = start();
  worker.once('close', () => ready.reject(new Error(lastLine)));
  await ready.promise;
  const restart = () => {
    if (stopping) return;
    deaths += 1;
    // systemd, ECS and the kubelet start another one, after a pause that keeps a broken one from spinning.
    setTimeout(() => {
      if (stopping) return;
      worker = start();
      worker.once('exit', restart);
    }, 1000);
  };
  worker.once('exit', restart);
  return {
    ...names,
    pids: () => (worker.pid === undefined ? [] : [worker.pid]),
    deaths: () => deaths,
    stop: async () => {
      stopping = true;
      if (worker.exitCode !== null || worker.signalCode !== null) return;
      const exited = once(worker, 'exit');
      worker.kill('SIGTERM');
      const killer = setTimeout(() => worker.kill('SIGKILL'), DEFAULTS.stopGraceSeconds * 1000);
      await exited;
      clearTimeout(killer);
    },
  };
}

/** Ends the worker when this process is gone, however it went: its end of the pipe closes. */
const END_WITH_PARENT = 'data:text/javascript,process.stdin.on("close",()=>process.exit(1)).resume()';

/** Starts the real worker bundle as a process of its own. */
export function spawnWorker(entry: string, env: Record<string, string>, onLine: OnLine): ChildProcess {
  const worker = spawn(process.execPath, ['--import', END_WITH_PARENT, entry], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  for (const stream of [worker.stdout, worker.stderr]) createInterface(stream as Readable).on('line', onLine);
  return worker;
}

const onCreated = {
  Events: ['s3:ObjectCreated:*'],
  Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: DEFAULTS.sourcePrefix }] } },
} satisfies Partial<NonNullable<NotificationConfiguration['QueueConfigurations']>[number]>;

async function notify(
  endpoints: Endpoints,
  Bucket: string,
  NotificationConfiguration: NotificationConfiguration,
): Promise<void> {
  const s3 = new S3Client(clientConfig(endpoints));
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  s3.destroy();
}

/** For clients in this process. */
export function clientConfig(endpoints: Endpoints) {
  return { endpoint: endpoints.url, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS, forcePathStyle: true };
}

/** AWS's own variables, and none of the reader's configuration. */
export function awsEnvironment(endpoints: Endpoints): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoints.url,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AWS_CONFIG_FILE: path.join(__dirname, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(__dirname, 'no-credentials'),
  };
}
