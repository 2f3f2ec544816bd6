import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { FOUR_WAYS } from '../../lib/ways';
import { COMPUTES, type Compute, ENV } from '../../workload/contract';
import { type RenditionSettings, readSettings } from '../../workload/env';
import { decodeSlots } from '../../workload/platform';
import { list } from '../command-line';
import type { Template } from '../templates';
import { readAccess } from './access';
import { type Deployment, type Names, readDeployment } from './deployment';
import type { Endpoints } from './endpoints';
import { startLambdaService } from './lambda-service';
import { ACCOUNT, LOCAL_CREDENTIALS } from './permissions';

/**
 * The ways on one machine: the same bundles that are deployed, started as the platform starts them, each process with
 * credentials of its own and the role that its template gives it.
 */

export const LOCAL_REGION = 'us-east-1';

/** Lambda retries after one and two minutes. Nobody waits that long at a terminal. */
const FUNCTION_RETRY_DELAYS_MS = [1000, 2000];

/** One way, running. */
export interface Way {
  readonly compute: Compute;
  readonly sourceBucket: string;
  readonly outputBucket: string;
  /** What it makes of a picture. */
  readonly renditions: RenditionSettings;
  /** Its failure queue: what no retry could help. */
  readonly failureQueue: string;
  /** Of the ways with workers: the queue that they ask. */
  readonly jobQueue?: string;
  /** Of Lambda: hands the function an event, as S3 does. */
  invoke?(event: unknown): void;
  /** The processes that would be the platform's, the workers or the execution environments, by access key id. */
  processes(): ReadonlyMap<string, number>;
  /** How many of them ended that nobody had asked to. */
  deaths(): number;
  /** Events that have not come to an end: the messages of its queue, or Lambda's invocations. */
  outstanding(): number;
  /** Ends it as the platform does, SIGTERM first. */
  stop(): Promise<void>;
}

export interface WayOptions {
  /** Where the host bundles are. */
  readonly dist: string;
  /** Called with each line a way writes. */
  readonly onLine: (line: string) => void;
  /** Changes what the template says, such as a timeout that nobody wants to wait for. */
  readonly adjust?: (deployment: Deployment) => Deployment;
  /** Worker processes. Default 1. */
  readonly workers?: number;
  /** Until a worker that has ended is replaced, in ms. Default 1,000, which keeps a broken one from spinning. */
  readonly restartMs?: number;
  /** Called when a process has ended. */
  readonly onExit?: (exit: { accessKeyId: string; code: number | null; signal: string | null }) => void;
  /** Lambda: whether there is no capacity for this event now. */
  readonly throttled?: (event: unknown) => boolean;
}

/** The ways that are named; the four when the option is not given. @throws UsageError */
export function chosenWays(value: string | undefined): Compute[] {
  if (value === undefined) return [...FOUR_WAYS];
  const named = list(value, [...COMPUTES, 'all'] as const, '--ways');
  return COMPUTES.filter((way) => named.includes(way) || named.includes('all'));
}

/** What endpoints at this address call things. */
export function namesAt(url: string): Names {
  return {
    region: LOCAL_REGION,
    account: ACCOUNT,
    queueUrl: (name) => `${url}/${ACCOUNT}/${name}`,
    queueArn: (name) => `arn:aws:sqs:${LOCAL_REGION}:${ACCOUNT}:${name}`,
  };
}

/**
 * Starts one way as its template says, on endpoints of its own names, with the permissions that the template gives.
 * Resolves when it can take work.
 *
 * @throws Error naming the call, the policy and the statement when a permission is missing that it takes to start
 */
export async function startWay(
  compute: Compute,
  template: Template,
  endpoints: Endpoints,
  options: WayOptions,
): Promise<Way> {
  const names = namesAt(endpoints.url);
  const read = readDeployment(compute, template, names);
  endpoints.permissions.add(compute, readAccess(compute, template, names));
  const deployment = options.adjust?.(read) ?? read;
  for (const bucket of deployment.buckets) endpoints.createBucket(bucket);
  for (const { name, redrive, ...queue } of deployment.queues) endpoints.createQueue(name, { ...queue, ...redrive });
  const start = deployment.function ? startFunction : startWorkers;
  return start(compute, deployment, endpoints, options);
}

type Start = (compute: Compute, deployment: Deployment, endpoints: Endpoints, options: WayOptions) => Promise<Way>;

const startFunction: Start = async (compute, deployment, endpoints, { dist, onLine, onExit, throttled }) => {
  const { arn, handler, memoryMib, timeoutSeconds, retries } = deployment.function as NonNullable<
    Deployment['function']
  >;
  const { sourceBucket, outputBucket, failureQueue } = deployment;
  // Lambda itself sends to the failure queue, and as the function's role, which it looks at when the stack is deployed.
  endpoints.permissions.checkDestination(compute, endpoints.queueArn(failureQueue));
  endpoints.permissions.signIn(`service-${compute}`, compute);
  const sqs = new SQSClient(clientConfig(endpoints, `service-${compute}`));
  const running = new Map<number, string>();
  /** Records on their way to the failure queue. */
  const telling = new Set<Promise<unknown>>();
  let started = 0;
  let deaths = 0;
  const service = await startLambdaService({
    taskRoot: path.join(dist, 'lambda-host'),
    handler,
    environment: { ...deployment.environment, ...awsEnvironment(endpoints) },
    ownEnvironment: () => {
      const accessKeyId = `${compute}-${++started}`;
      endpoints.permissions.signIn(accessKeyId, compute);
      return { AWS_ACCESS_KEY_ID: accessKeyId };
    },
    functionName: arn.split(':').at(-1) as string,
    memoryMib,
    timeoutSeconds,
    // On AWS there would be one environment per event; here there are as many as a worker has slots.
    maxConcurrency: decodeSlots(),
    retryDelaysMs: FUNCTION_RETRY_DELAYS_MS.slice(0, retries),
    ...(throttled && { throttled }),
    onFailure: (record) => {
      const QueueUrl = endpoints.queueUrl(failureQueue);
      const sent = sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(record) }));
      const told = sent.catch(() => {}).finally(() => telling.delete(told));
      telling.add(told);
    },
    onLog: onLine,
    onStart: ({ pid, ownEnvironment }) => running.set(pid, ownEnvironment.AWS_ACCESS_KEY_ID as string),
    onExit: ({ pid, code, signal, expected }) => {
      onExit?.({ accessKeyId: running.get(pid) as string, code, signal });
      running.delete(pid);
      if (!expected) deaths += 1;
    },
  });
  endpoints.registerFunction(arn, (event) => service.invokeAsync(event));
  await notify(compute, endpoints, deployment);
  return {
    compute,
    sourceBucket,
    outputBucket,
    renditions: readSettings(deployment.environment).renditions,
    failureQueue,
    invoke: (event) => service.invokeAsync(event),
    processes: () => new Map([...running].map(([pid, accessKeyId]) => [accessKeyId, pid])),
    deaths: () => deaths,
    outstanding: () => service.outstanding() + telling.size,
    stop: () => service.stop(),
  };
};

const startWorkers: Start = async (compute, deployment, endpoints, options) => {
  const { workers = 1, restartMs = 1000, dist, onLine, onExit } = options;
  const { sourceBucket, outputBucket, failureQueue } = deployment;
  const jobQueue = deployment.queues.find(({ redrive }) => redrive)?.name as string;
  await notify(compute, endpoints, deployment);
  const env = { ...deployment.environment, ...awsEnvironment(endpoints) };
  const running = new Map<string, ChildProcess>();
  const restarts = new Set<NodeJS.Timeout>();
  let started = 0;
  let deaths = 0;
  let stopping = false;

  const start = (onReady?: () => void, onFailed?: (lastLine: string) => void) => {
    const accessKeyId = `${compute}-${++started}`;
    endpoints.permissions.signIn(accessKeyId, compute);
    let lastLine = 'the worker ended before it had started';
    const worker = spawnWorker(
      path.join(dist, 'worker-host/index.js'),
      { ...env, AWS_ACCESS_KEY_ID: accessKeyId },
      (line) => {
        lastLine = line;
        // Its first line says that it is ready; without one, its last words say why not.
        if (line.startsWith('{')) onReady?.();
        onLine(line);
      },
    );
    running.set(accessKeyId, worker);
    worker.once('close', () => onFailed?.(lastLine));
    worker.once('exit', (code, signal) => {
      running.delete(accessKeyId);
      onExit?.({ accessKeyId, code, signal });
      if (stopping) return;
      deaths += 1;
      // systemd, ECS and the kubelet start another one.
      const restart = setTimeout(() => {
        restarts.delete(restart);
        start();
      }, restartMs);
      restarts.add(restart);
    });
  };
  const stop = async () => {
    stopping = true;
    for (const restart of restarts) clearTimeout(restart);
    await Promise.all(
      [...running.values()].map(async (worker) => {
        const exited = once(worker, 'exit');
        worker.kill('SIGTERM');
        const killer = setTimeout(() => worker.kill('SIGKILL'), Number(env[ENV.stopGraceSeconds]) * 1000);
        await exited;
        clearTimeout(killer);
      }),
    );
  };
  try {
    await Promise.all(
      Array.from(
        { length: workers },
        () => new Promise<void>((resolve, reject) => start(resolve, (lastLine) => reject(new Error(lastLine)))),
      ),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    compute,
    sourceBucket,
    outputBucket,
    renditions: readSettings(deployment.environment).renditions,
    failureQueue,
    jobQueue,
    processes: () => new Map([...running].map(([accessKeyId, { pid }]) => [accessKeyId, pid as number])),
    deaths: () => deaths,
    outstanding: () => {
      const { visible, inFlight, delayed } = endpoints.queueDepth(jobQueue);
      return visible + inFlight + delayed;
    },
    stop,
  };
};

/** By itself or by a signal. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Tells the bucket where its events go, as CDK's handler does when the stack is deployed. */
async function notify(compute: Compute, endpoints: Endpoints, { notification }: Deployment): Promise<void> {
  const accessKeyId = `notifications-${compute}`;
  endpoints.permissions.signInNotifier(accessKeyId, compute);
  const s3 = new S3Client(clientConfig(endpoints, accessKeyId));
  try {
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: notification.bucket,
        NotificationConfiguration: notification.configuration,
      }),
    );
  } catch (error) {
    const [refusal] = endpoints.permissions.refusals(compute);
    if (!refusal) throw error;
    throw new Error(`${compute} would not deploy: ${refusal.explanation}`);
  } finally {
    s3.destroy();
  }
}

/** Ends the worker when this process is gone, however it went: its end of the pipe closes. */
const END_WITH_PARENT = 'data:text/javascript,process.stdin.on("close",()=>process.exit(1)).resume()';

/** Starts the real worker bundle as a process of its own. */
export function spawnWorker(entry: string, env: Record<string, string>, onLine: (line: string) => void): ChildProcess {
  const worker = spawn(process.execPath, ['--import', END_WITH_PARENT, entry], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  for (const stream of [worker.stdout, worker.stderr]) createInterface(stream as Readable).on('line', onLine);
  return worker;
}

/** For clients in this process: the reader's own, or with the access key of somebody else. */
export function clientConfig(endpoints: Endpoints, accessKeyId: string = LOCAL_CREDENTIALS.accessKeyId) {
  const credentials = { ...LOCAL_CREDENTIALS, accessKeyId };
  return { endpoint: endpoints.url, region: LOCAL_REGION, credentials, forcePathStyle: true };
}

/** AWS's own variables, and none of the reader's configuration. The access key id is the process's own. */
export function awsEnvironment(endpoints: Endpoints): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoints.url,
    AWS_REGION: LOCAL_REGION,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AWS_CONFIG_FILE: path.join(__dirname, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(__dirname, 'no-credentials'),
  };
}
