/**
 * What a bundle can tell of the Lambda service: a queue of events, and execution environments, here child processes,
 * that ask a Runtime API for their invocations (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownRequests } from './own-requests';

/** The function's configuration: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html */
export interface LambdaServiceOptions {
  /** Directory of the bundle, and the function's working directory. */
  readonly taskRoot: string;
  /** `file.export` in the bundle, such as `index.handler`. */
  readonly handler: string;
  /** The function's whole environment, to which the service adds only the variables that Lambda sets itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Called for each execution environment: variables of its own, as its credentials are on Lambda. */
  readonly ownEnvironment?: () => Readonly<Record<string, string>>;
  readonly functionName: string;
  /** MiB; told to the function, not enforced. */
  readonly memoryMib: number;
  /** An environment that takes longer for one invocation is killed. */
  readonly timeoutSeconds: number;
  /** Execution environments at most. They start on demand and stay warm until `stop`. */
  readonly maxConcurrency: number;
  /** One further attempt at a failed asynchronous invocation after each of these; on Lambda one and two minutes. */
  readonly retryDelaysMs: readonly number[];
  /** Asked before each attempt: whether there is no capacity for it now. It is made later and does not count. */
  readonly throttled?: (event: unknown) => boolean;
  /** The on-failure destination: called once for each event whose last attempt has failed. */
  readonly onFailure: (record: AsyncFailure) => void;
  /** Called with each line that the function writes, without its line break. */
  readonly onLog: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called when an environment has been started, with the variables that are its own. */
  readonly onStart?: (details: { pid: number; ownEnvironment: Readonly<Record<string, string>> }) => void;
  /** Called when an environment has ended; `expected` if the service ended it, for a timeout or `stop`. */
  readonly onExit?: (details: { pid: number; code: number | null; signal: string | null; expected: boolean }) => void;
}

/** An on-failure record: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
export interface AsyncFailure {
  readonly version: '1.0';
  /** ISO 8601. */
  readonly timestamp: string;
  readonly requestContext: {
    requestId: string;
    functionArn: string;
    condition: 'RetriesExhausted';
    approximateInvokeCount: number;
  };
  /** The event. */
  readonly requestPayload: unknown;
  readonly responseContext: { statusCode: 200; executedVersion: '$LATEST'; functionError: string };
  /** The last attempt's `{ errorType, errorMessage, trace? }`. */
  readonly responsePayload: unknown;
}

/** What https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html answers. */
export interface InvocationResult {
  /** The handler's result or, with `functionError`, `{ errorType, errorMessage, trace? }`. */
  readonly payload: unknown;
  readonly functionError?: string;
}

/** One function's service: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html */
export interface LambdaService {
  /** Queues an event as S3 does, at least once and with retries. Throws a RangeError if it is over 1 MB. */
  invokeAsync(event: unknown): void;
  /** Makes one attempt. Rejects with a RangeError if the event is over 6 MB. */
  invoke(event: unknown): Promise<InvocationResult>;
  /** Process ids of the live environments. */
  pids(): number[];
  /** Invocations that are queued, running or waiting for a retry. */
  outstanding(): number;
  /** Resolves when there are none. */
  idle(): Promise<void>;
  /** Ends every environment with all its processes. Unfinished events are dropped, and so are any that come later. */
  stop(): Promise<void>;
}

interface Invocation {
  readonly requestId: string;
  readonly payload: string;
  readonly settle: (result: InvocationResult) => void;
}

interface Environment {
  readonly server: Server;
  child?: ChildProcess | undefined;
  /** Assigned at the start or when idle; kept until the environment asks for the next one. */
  invocation?: Invocation | undefined;
  /** The unanswered request for an invocation. */
  next?: ServerResponse | undefined;
  result?: InvocationResult | undefined;
  timer?: NodeJS.Timeout;
  ending?: boolean;
}

// Lambda's documentation counts 1,024 KB as 1 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const MAX_SYNC_PAYLOAD_BYTES = 6 * 1024 * 1024;
const MAX_ASYNC_PAYLOAD_BYTES = 1024 * 1024; // a quarter of it until October 2025

// Lambda repeats a longer initialization within the function's timeout; here one gets the longer of the two.
const INIT_SECONDS = 10;
const SHUTDOWN_MS = 500;

/** Lambda waits from one second up to five minutes. */
const THROTTLE_DELAY_MS = 1000;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

function failure(errorType: string, errorMessage: string, requestId?: string): InvocationResult {
  return {
    payload: { errorType, errorMessage: `RequestId: ${requestId} Error: ${errorMessage}` },
    functionError: 'Unhandled',
  };
}

function serialize(event: unknown, maximumBytes: number): string {
  const payload = JSON.stringify(event ?? null);
  const bytes = Buffer.byteLength(payload);
  if (bytes > maximumBytes) throw new RangeError(`The event has ${bytes} bytes; Lambda accepts ${maximumBytes}.`);
  return payload;
}

/** Not node:readline, which ends a line at U+2028 as well and so cuts JSON that contains one. */
function forwardLines(stream: Readable, forward: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) forward(line);
  });
  stream.on('close', () => rest && forward(rest));
}

function killGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // the group has ended, or this is Windows, which has none
  }
}

/** Starts the service of one function; environments start with the events. Rejects if `taskRoot` does not exist. */
export async function startLambdaService(options: LambdaServiceOptions): Promise<LambdaService> {
  await access(options.taskRoot);
  const region = options.environment.AWS_REGION ?? 'us-east-1';
  const functionArn = `arn:aws:lambda:${region}:000000000000:function:${options.functionName}`;
  const queue: Invocation[] = [];
  const environments = new Set<Environment>();
  const jobs = new Set<Promise<unknown>>();
  const stopping = new AbortController();

  function dispatch(): void {
    while (queue.length > 0) {
      let environment = [...environments].find(({ next, invocation }) => next && !invocation);
      if (!environment && environments.size < options.maxConcurrency) environment = startEnvironment();
      if (!environment) return;
      environment.invocation = queue.shift();
      deliver(environment);
    }
  }

  function deliver(environment: Environment): void {
    const { invocation, next } = environment;
    if (!invocation || !next) return;
    environment.next = undefined;
    limit(environment, options.timeoutSeconds);
    next.writeHead(200, {
      'Content-Type': 'application/json',
      'Lambda-Runtime-Aws-Request-Id': invocation.requestId,
      'Lambda-Runtime-Deadline-Ms': Date.now() + options.timeoutSeconds * 1000,
      'Lambda-Runtime-Invoked-Function-Arn': functionArn,
      'Lambda-Runtime-Trace-Id': `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${hex(12)};Sampled=0`,
    });
    next.end(invocation.payload);
  }

  function limit(environment: Environment, seconds: number): void {
    clearTimeout(environment.timer);
    environment.timer = setTimeout(() => {
      const message = `Task timed out after ${seconds.toFixed(2)} seconds`;
      environment.result ??= failure('Sandbox.Timedout', message, environment.invocation?.requestId);
      environment.ending = true;
      killGroup(environment.child);
    }, seconds * 1000);
  }

  function settle(environment: Environment, result: InvocationResult): void {
    const { invocation } = environment;
    clearTimeout(environment.timer);
    environment.invocation = undefined;
    environment.result = undefined;
    invocation?.settle(result);
  }

  async function answer(environment: Environment, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const resource = request.url?.replace('/2018-06-01/runtime/', '');
    if (resource === 'invocation/next') {
      // An invocation ends with the request for the next one, so that its environment is the one to be chosen again.
      if (environment.result) settle(environment, environment.result);
      environment.next = response;
      response.on('close', () => {
        if (environment.next === response) environment.next = undefined;
      });
      deliver(environment);
      return dispatch();
    }
    const payload: unknown = JSON.parse(await text(request));
    const id = environment.invocation?.requestId;
    const succeeded = resource === `invocation/${id}/response`;
    const failed = resource === `invocation/${id}/error` || resource === 'init/error';
    if (succeeded || failed) environment.result ??= failed ? { payload, functionError: 'Unhandled' } : { payload };
    response.writeHead(succeeded || failed ? 202 : 400).end();
  }

  function startEnvironment(): Environment {
    // A server each, because AWS_LAMBDA_RUNTIME_API is a host and a port: nothing in a request tells environments apart.
    // Nor has it timeouts: its one client is silent for as long as there is no event.
    const timeouts = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 };
    const listener: RequestListener = (request, response) => {
      answer(environment, request, response).catch(() => response.destroy());
    };
    const server = createServer(timeouts, ownRequests(listener));
    const environment: Environment = { server };
    environments.add(environment);
    server.listen(0, '127.0.0.1', () => {
      if (stopping.signal.aborted) remove(environment, 'Stopped');
      else spawnRuntime(environment);
    });
    return environment;
  }

  function spawnRuntime(environment: Environment): void {
    const ownEnvironment = options.ownEnvironment?.() ?? {};
    const child = spawn(process.execPath, [join(__dirname, 'lambda-bootstrap.cjs')], {
      cwd: options.taskRoot,
      detached: true, // leader of a process group, which can be ended as a whole
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; TZ is not reserved
      env: {
        TZ: ':UTC',
        ...options.environment,
        ...ownEnvironment,
        _HANDLER: options.handler,
        LAMBDA_TASK_ROOT: options.taskRoot,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(environment.server.address() as AddressInfo).port}`,
        AWS_REGION: region,
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        AWS_LAMBDA_FUNCTION_NAME: options.functionName,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memoryMib),
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${options.functionName}`,
        AWS_LAMBDA_LOG_STREAM_NAME: `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${hex(16)}`,
      },
    });
    environment.child = child;
    if (child.pid !== undefined) options.onStart?.({ pid: child.pid, ownEnvironment });
    limit(environment, Math.max(INIT_SECONDS, options.timeoutSeconds));
    forwardLines(child.stdout, (line) => options.onLog(line, 'stdout'));
    forwardLines(child.stderr, (line) => options.onLog(line, 'stderr'));
    child.on('error', (error) => child.pid ?? remove(environment, error.message));
    child.on('exit', (code, signal) => {
      clearTimeout(environment.timer);
      environment.child = undefined;
      killGroup(child);
      // A process that has left the group and holds the pipes open would put off 'close' for as long as it lives.
      setTimeout(() => child.stdout.destroy() && child.stderr.destroy(), SHUTDOWN_MS).unref();
      options.onExit?.({ pid: child.pid as number, code, signal, expected: environment.ending === true });
    });
    child.on('close', (code, signal) => {
      const error = signal ? `signal: ${signal}` : `exit status ${code}`;
      remove(environment, `Runtime exited ${code === 0 ? 'without providing a reason' : `with error: ${error}`}`);
    });
  }

  function remove(environment: Environment, reason: string): void {
    environment.server.close(() => {
      environments.delete(environment);
      const result = environment.result ?? failure('Runtime.ExitError', reason, environment.invocation?.requestId);
      settle(environment, result);
      dispatch();
    });
    environment.server.closeAllConnections();
  }

  function attempt(requestId: string, payload: string): Promise<InvocationResult> {
    if (stopping.signal.aborted) return Promise.resolve(failure('ServiceException', 'Stopped', requestId));
    return new Promise((settle) => {
      queue.push({ requestId, payload, settle });
      dispatch();
    });
  }

  // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html; the request id stays the same.
  async function attemptWithRetries(requestId: string, payload: string): Promise<void> {
    for (let count = 1; ; count += 1) {
      while (options.throttled?.(JSON.parse(payload)) && !stopping.signal.aborted) {
        await sleep(THROTTLE_DELAY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
      const { payload: responsePayload, functionError } = await attempt(requestId, payload);
      if (functionError === undefined || stopping.signal.aborted) return;
      const delay = options.retryDelaysMs[count - 1];
      if (delay !== undefined) {
        await sleep(delay, undefined, { signal: stopping.signal }).catch(() => undefined);
        continue;
      }
      return options.onFailure({
        version: '1.0',
        timestamp: new Date().toISOString(),
        requestContext: {
          requestId,
          functionArn: `${functionArn}:$LATEST`,
          condition: 'RetriesExhausted',
          approximateInvokeCount: count,
        },
        requestPayload: JSON.parse(payload),
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError },
        responsePayload,
      });
    }
  }

  function track<T>(job: Promise<T>): Promise<T> {
    const tracked = job.finally(() => jobs.delete(tracked));
    jobs.add(tracked);
    return tracked;
  }

  async function idle(): Promise<void> {
    while (jobs.size > 0) await Promise.all(jobs);
  }

  async function stop(): Promise<void> {
    stopping.abort();
    for (const { requestId, settle } of queue.splice(0)) settle(failure('ServiceException', 'Stopped', requestId));
    for (const environment of environments) {
      environment.ending = true;
      environment.child?.kill('SIGTERM'); // alone, or the function would take its children's end for a failure
    }
    const force = setTimeout(() => {
      for (const { child } of environments) killGroup(child);
    }, SHUTDOWN_MS);
    await Promise.all([...environments].map(({ server }) => once(server, 'close')));
    clearTimeout(force);
    await idle();
  }

  return {
    invokeAsync: (event) => void track(attemptWithRetries(randomUUID(), serialize(event, MAX_ASYNC_PAYLOAD_BYTES))),
    invoke: async (event) => track(attempt(randomUUID(), serialize(event, MAX_SYNC_PAYLOAD_BYTES))),
    pids: () => [...environments].flatMap(({ child }) => child?.pid ?? []),
    outstanding: () => jobs.size,
    idle,
    stop,
  };
}
