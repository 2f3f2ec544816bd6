import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Compute, ENV } from '../../workload/contract';
import { decodeSlots } from '../../workload/platform';
import type { Template } from '../templates';
import { type Deployment, readDeployment } from './deployment';
import type { Endpoints } from './endpoints';
import { startLambdaService } from './lambda-service';

/** The four ways on one machine: the same bundles that are deployed, started as the platform starts them. */

/** Any will do: the local endpoints check none. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;
export const LOCAL_REGION = 'us-east-1';

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
  deaths(): number;
  /** Ends it as the platform does, SIGTERM first. */
  stop(): Promise<void>;
}

/** Called with each line a way writes. */
export type OnLine = (line: string) => void;

/** Starts one way as its template says, on endpoints of its own names. Resolves when it can take work. */
export async function startWay(
  compute: Compute,
  template: Template,
  endpoints: Endpoints,
  dist: string,
  onLine: OnLine,
): Promise<Way> {
  const deployment = readDeployment(compute, template, {
    region: LOCAL_REGION,
    queueUrl: (name) => endpoints.queueUrl(name),
    queueArn: (name) => endpoints.queueArn(name),
  });
  for (const bucket of deployment.buckets) endpoints.createBucket(bucket);
  for (const { name, redrive, ...queue } of deployment.queues) endpoints.createQueue(name, { ...queue, ...redrive });
  const start = deployment.function ? startFunction : startWorker;
  return start(compute, deployment, endpoints, dist, onLine);
}

type Start = (
  compute: Compute,
  deployment: Deployment,
  endpoints: Endpoints,
  dist: string,
  onLine: OnLine,
) => Promise<Way>;

const startFunction: Start = async (compute, deployment, endpoints, dist, onLine) => {
  const { arn, handler, memoryMib, timeoutSeconds, retries } = deployment.function as NonNullable<
    Deployment['function']
  >;
  const { sourceBucket, outputBucket, failureQueue } = deployment;
  const sqs = new SQSClient(clientConfig(endpoints));
  let deaths = 0;
  const service = await startLambdaService({
    taskRoot: path.join(dist, 'lambda-host'),
    handler,
    environment: { ...deployment.environment, ...awsEnvironment(endpoints) },
    functionName: arn.split(':').at(-1) as string,
    memoryMib,
    timeoutSeconds,
    // On AWS there would be one environment per event; here there are as many as a worker has slots.
    maxConcurrency: decodeSlots(),
    retryDelaysMs: FUNCTION_RETRY_DELAYS_MS.slice(0, retries),
    onFailure: (record) => {
      const QueueUrl = endpoints.queueUrl(failureQueue);
      sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(record) })).catch(() => {});
    },
    onLog: onLine,
    onExit: ({ expected }) => {
      if (!expected) deaths += 1;
    },
  });
  endpoints.registerFunction(arn, (event) => service.invokeAsync(event));
  await notify(endpoints, deployment);
  return {
    compute,
    sourceBucket,
    outputBucket,
    failureQueue,
    pids: () => service.pids(),
    deaths: () => deaths,
    stop: () => service.stop(),
  };
};

const startWorker: Start = async (compute, deployment, endpoints, dist, onLine) => {
  const { sourceBucket, outputBucket, failureQueue } = deployment;
  await notify(endpoints, deployment);
  const env = { ...deployment.environment, ...awsEnvironment(endpoints) };
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
  // It may have gone between its first line and this one.
  if (hasEnded(worker)) restart();
  return {
    compute,
    sourceBucket,
    outputBucket,
    failureQueue,
    pids: () => (worker.pid === undefined ? [] : [worker.pid]),
    deaths: () => deaths,
    stop: async () => {
      stopping = true;
      if (hasEnded(worker)) return;
      const exited = once(worker, 'exit');
      worker.kill('SIGTERM');
      const killer = setTimeout(() => worker.kill('SIGKILL'), Number(env[ENV.stopGraceSeconds]) * 1000);
      await exited;
      clearTimeout(killer);
    },
  };
};

/** By itself or by a signal. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function notify(endpoints: Endpoints, { notification }: Deployment): Promise<void> {
  const s3 = new S3Client(clientConfig(endpoints));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: notification.bucket,
      NotificationConfiguration: notification.configuration,
    }),
  );
  s3.destroy();
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
