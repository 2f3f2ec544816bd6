import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AsyncFailure,
  type LambdaService,
  type LambdaServiceOptions,
  startLambdaService,
} from '../../tools/local/lambda-service';
import { rawRequest, refusal } from '../support/raw-request';
import { isRunning, until } from '../support/waiting';

// A child that outlives its parent unless somebody ends it: it neither reads its stdin nor handles a signal.
const START_CHILD = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])`;

let directory: string;
let services: LambdaService[];

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-service-')));
  services = [];
});

afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  rmSync(directory, { recursive: true, force: true });
});

function bundle(source: string): string {
  const taskRoot = join(directory, 'bundle');
  mkdirSync(taskRoot, { recursive: true });
  writeFileSync(join(taskRoot, 'index.js'), source);
  return taskRoot;
}

async function start(source: string, options: Partial<LambdaServiceOptions> = {}) {
  const failures: AsyncFailure[] = [];
  const logs: [line: string, stream: string][] = [];
  const exits: { pid: number; code: number | null; signal: string | null; expected: boolean }[] = [];
  const service = await startLambdaService({
    taskRoot: bundle(source),
    handler: 'index.handler',
    environment: { AWS_REGION: 'eu-central-1', STATE: join(directory, 'state') },
    functionName: 'resize',
    memoryMib: 512,
    // Nothing here takes as long, on any machine.
    timeoutSeconds: 200,
    maxConcurrency: 2,
    retryDelaysMs: [1, 1],
    onFailure: (record) => failures.push(record),
    onLog: (line, stream) => logs.push([line, stream]),
    onExit: (details) => exits.push(details),
    ...options,
  });
  services.push(service);
  return { service, failures, logs, exits };
}

const lines = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);

describe('the Runtime API', () => {
  const RUNTIME_API = 'exports.handler = async () => process.env.AWS_LAMBDA_RUNTIME_API;';

  test('listens on 127.0.0.1 only', async () => {
    const { service } = await start(RUNTIME_API);
    const [host, port] = String((await service.invoke({})).payload).split(':');
    expect(host).toBe('127.0.0.1');
    // All of 127 is this machine, and another address than the one that is listened on.
    const others = process.platform === 'linux' ? ['127.0.0.2', '::1'] : ['::1'];
    for (const other of others) {
      const socket = connect({ host: other, port: Number(port) });
      const outcome = await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
      socket.destroy();
      expect({ other, outcome }).toEqual({ other, outcome: expect.objectContaining({ syscall: 'connect' }) });
    }
  });

  test('answers nobody but its own environment: no other host, and no web page', async () => {
    const { service } = await start(RUNTIME_API);
    const { payload } = await service.invoke({});
    const port = Number(String(payload).split(':')[1]);
    const next = 'GET /2018-06-01/runtime/invocation/next HTTP/1.1';
    expect(await rawRequest(port, next, `Host: evil.example:${port}`)).toEqual(refusal(port, 'this host is not ours'));
    const page = [`Host: 127.0.0.1:${port}`, 'Sec-Fetch-Site: cross-site'];
    expect(await rawRequest(port, next, ...page)).toEqual(refusal(port, 'this request comes from a web page'));
    await expect(service.invoke({})).resolves.toEqual({ payload });
  });
});

describe('a synchronous invocation', () => {
  test("returns the handler's result", async () => {
    const { service } = await start('exports.handler = async (event) => ({ echo: event });');
    const event = { key: 'a+b%20é\u2028🖼', n: [1, null, true] };
    await expect(service.invoke(event)).resolves.toEqual({ payload: { echo: event } });
  });

  test('returns null for a handler without a result', async () => {
    const { service } = await start('exports.handler = () => {};');
    await expect(service.invoke({})).resolves.toEqual({ payload: null });
  });

  test('gives the handler the context and the environment of Lambda and nothing of this process', async () => {
    const { service } = await start(`exports.handler = async (event, context) => ({
      context, remaining: context.getRemainingTimeInMillis(), cwd: process.cwd(), env: process.env });`);
    const { payload } = (await service.invoke({})) as { payload: Record<string, Record<string, string>> };
    expect(payload.context).toMatchObject({
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      functionName: 'resize',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:eu-central-1:000000000000:function:resize',
      memoryLimitInMB: '512',
      logGroupName: '/aws/lambda/resize',
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
    });
    expect(payload.remaining).toBeGreaterThan(100_000);
    expect(payload.remaining).toBeLessThanOrEqual(200_000);
    expect(payload.cwd).toBe(join(directory, 'bundle'));
    expect(Object.keys(payload.env ?? {}).sort()).toEqual([
      'AWS_EXECUTION_ENV',
      'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
      'AWS_LAMBDA_FUNCTION_NAME',
      'AWS_LAMBDA_FUNCTION_VERSION',
      'AWS_LAMBDA_LOG_GROUP_NAME',
      'AWS_LAMBDA_LOG_STREAM_NAME',
      'AWS_LAMBDA_RUNTIME_API',
      'AWS_REGION',
      'LAMBDA_TASK_ROOT',
      'STATE',
      'TZ',
      '_HANDLER',
      '_X_AMZN_TRACE_ID',
    ]);
  });

  test('reports what the handler throws and keeps its environment', async () => {
    const { service } = await start(`exports.handler = async (event) => {
      if (event.fail) throw new TypeError('no such picture');
      return process.pid;
    };`);
    const { payload: pid } = await service.invoke({});
    await expect(service.invoke({ fail: true })).resolves.toEqual({
      functionError: 'Unhandled',
      payload: {
        errorType: 'TypeError',
        errorMessage: 'no such picture',
        trace: expect.arrayContaining(['TypeError: no such picture']),
      },
    });
    await expect(service.invoke({})).resolves.toEqual({ payload: pid });
  });
});

describe('an execution environment', () => {
  test('stays warm: the next invocation finds its module state', async () => {
    const { service } = await start('let count = 0; exports.handler = async () => [process.pid, (count += 1)];');
    const { payload: first } = await service.invoke({});
    const [pid] = service.pids();
    expect(first).toEqual([pid, 1]);
    await expect(service.invoke({})).resolves.toEqual({ payload: [pid, 2] });
  });

  test('has one invocation at a time, and there are never more than maxConcurrency', async () => {
    const { service } = await start(
      `let running = 0;
      exports.handler = async () => {
        running += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return { pid: process.pid, running: running-- };
      };`,
      { maxConcurrency: 2 },
    );
    const results = await Promise.all(Array.from({ length: 12 }, () => service.invoke({})));
    const payloads = results.map(({ payload }) => payload as { pid: number; running: number });
    expect(payloads.every(({ running }) => running === 1)).toBe(true);
    expect(new Set(payloads.map(({ pid }) => pid)).size).toBe(2);
    expect(service.pids()).toHaveLength(2);
  });

  test('is killed with its children when an invocation takes longer than the timeout', async () => {
    const { service, logs, exits } = await start(
      `exports.handler = async () => { console.log(${START_CHILD}.pid); await new Promise(() => {}); };`,
      // Time to start a child and to say so, also on a busy machine.
      { timeoutSeconds: 4 },
    );
    const { payload, functionError } = await service.invoke({});
    expect(functionError).toBe('Unhandled');
    expect(payload).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: [0-9a-f-]{36} Error: Task timed out after 4\.00 seconds$/),
    });
    expect(exits).toEqual([{ pid: expect.any(Number), code: null, signal: 'SIGKILL', expected: true }]);
    const grandchild = Number(logs[0]?.[0]);
    expect(grandchild).toBeGreaterThan(0);
    await until(() => !isRunning(grandchild));
    expect(service.pids()).toEqual([]);
  });

  test.each([
    ['exits', 'process.exit(3);', 'Runtime.ExitError', /Runtime exited with error: exit status 3$/],
    ['is killed', `process.kill(process.pid, 'SIGKILL');`, 'Runtime.ExitError', /signal: SIGKILL$/],
    ['waits for nothing', 'await new Promise(() => {});', 'Runtime.ExitError', /exited without providing a reason$/],
    [
      'throws outside of the handler',
      `setTimeout(() => { throw new RangeError('late'); }); await new Promise(() => {});`,
      'RangeError',
      /^late$/,
    ],
    [
      'leaves a rejection unhandled',
      `void Promise.reject(new Error('lost')); await new Promise((resolve) => setTimeout(resolve, 1000));`,
      'Runtime.UnhandledPromiseRejection',
      /^Error: lost$/,
    ],
  ])('that %s fails its invocation, and the next gets a fresh one', async (_, statement, errorType, errorMessage) => {
    const { service, exits } = await start(
      `exports.handler = async (event) => { if (event.fail) { ${statement} } return process.pid; };`,
    );
    const { payload: pid } = await service.invoke({});
    await expect(service.invoke({ fail: true })).resolves.toMatchObject({
      functionError: 'Unhandled',
      payload: { errorType, errorMessage: expect.stringMatching(errorMessage) },
    });
    expect(exits).toMatchObject([{ pid, expected: false }]);
    const { payload: fresh } = await service.invoke({});
    expect(fresh).toEqual(expect.any(Number));
    expect(fresh).not.toBe(pid);
  });

  test.each([
    ['throws', `throw new Error('no bucket configured');`, 'Error', /^no bucket configured$/],
    ['has no handler', '', 'Runtime.HandlerNotFound', /^index\.handler is not a function$/],
    [
      'has a callback handler',
      'exports.handler = (event, context, callback) => callback(null, 1);',
      'Runtime.CallbackHandlerDeprecated',
      /callback/,
    ],
  ])('whose bundle %s reports that and exits', async (_, source, errorType, errorMessage) => {
    const { service, exits, logs } = await start(source);
    await expect(service.invoke({})).resolves.toMatchObject({
      functionError: 'Unhandled',
      payload: { errorType, errorMessage: expect.stringMatching(errorMessage) },
    });
    expect(exits).toEqual([{ pid: expect.any(Number), code: 1, signal: null, expected: false }]);
    expect(logs).toEqual([[expect.stringContaining(errorType), 'stderr']]);
  });
});

describe('an asynchronous invocation', () => {
  test('is tried again with the same request id until it succeeds', async () => {
    const { service, failures } = await start(`const fs = require('node:fs');
      exports.handler = async (event, context) => {
        fs.appendFileSync(process.env.STATE, context.awsRequestId + '\\n');
        if (fs.readFileSync(process.env.STATE, 'utf8').split('\\n').length < 4) process.exit(1);
      };`);
    service.invokeAsync({});
    await service.idle();
    const attempts = lines(join(directory, 'state'));
    expect(attempts).toHaveLength(3);
    expect(new Set(attempts).size).toBe(1);
    expect(failures).toEqual([]);
  });

  test.each([
    { retryDelaysMs: [], attempts: 1 },
    { retryDelaysMs: [1, 1], attempts: 3 },
  ])('that fails $attempts times gives the failure destination one record', async ({ retryDelaysMs, attempts }) => {
    const { service, failures } = await start(
      `exports.handler = async (event, context) => {
        require('node:fs').appendFileSync(process.env.STATE, context.awsRequestId + '\\n');
        throw new TypeError('no such picture');
      };`,
      { retryDelaysMs },
    );
    service.invokeAsync({ Records: [{ s3: 'é' }] });
    await service.idle();
    const requestIds = lines(join(directory, 'state'));
    expect(requestIds).toHaveLength(attempts);
    expect(failures).toEqual([
      {
        version: '1.0',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        requestContext: {
          requestId: requestIds[0],
          functionArn: 'arn:aws:lambda:eu-central-1:000000000000:function:resize:$LATEST',
          condition: 'RetriesExhausted',
          approximateInvokeCount: attempts,
        },
        requestPayload: { Records: [{ s3: 'é' }] },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        responsePayload: { errorType: 'TypeError', errorMessage: 'no such picture', trace: expect.any(Array) },
      },
    ]);
  });

  test('is not tried again after stop, and stop does not wait for the delay', async () => {
    const { service, failures } = await start(`exports.handler = async () => { throw new Error('no'); };`, {
      maxConcurrency: 1,
      retryDelaysMs: [3_600_000],
    });
    service.invokeAsync({});
    await service.invoke({}); // comes after the first attempt
    await service.stop();
    service.invokeAsync({});
    await service.idle();
    expect(service.pids()).toEqual([]);
    expect(failures).toEqual([]);
  });

  test('is refused over 1 MB, a synchronous one over 6 MB', async () => {
    const { service } = await start('exports.handler = async (event) => event.length;');
    const ofBytes = (bytes: number) => 'a'.repeat(bytes - 2); // two quotes
    expect(() => service.invokeAsync(ofBytes(1_048_577))).toThrow(RangeError);
    service.invokeAsync(ofBytes(1_048_576));
    await expect(service.invoke(ofBytes(6_291_457))).rejects.toThrow(RangeError);
    await expect(service.invoke(ofBytes(6_291_456))).resolves.toEqual({ payload: 6_291_454 });
  });
});

test('log lines arrive whole, across chunks, characters and line separators of Unicode', async () => {
  const { service, logs } = await start(`exports.handler = async () => {
    const bytes = Buffer.from('{"picture":"🖼\\u2028é"}\\n\\n');
    for (const byte of bytes) {
      process.stdout.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await new Promise((resolve) => process.stdout.write('x'.repeat(200_000) + '\\nno line break', resolve));
    await new Promise((resolve) => process.stderr.write('a\\nb\\n', resolve));
  };`);
  await service.invoke({});
  await service.stop();
  const of = (name: string) => logs.filter(([, stream]) => stream === name).map(([line]) => line);
  expect(of('stdout')).toEqual(['{"picture":"🖼\u2028é"}', '', 'x'.repeat(200_000), 'no line break']);
  expect(of('stderr')).toEqual(['a', 'b']);
});

describe('no process is left', () => {
  const BUSY = `exports.handler = async () => { console.log(process.pid, ${START_CHILD}.pid); await new Promise(() => {}); };`;

  test('after stop, not even of a function that ignores SIGTERM', async () => {
    const { service, logs, exits } = await start(
      `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); ${BUSY}`,
      { maxConcurrency: 2 },
    );
    const invocations = [service.invoke({}), service.invoke({}), service.invoke({})];
    await until(() => logs.length === 2);
    const pids = logs.flatMap(([line]) => line.split(' ').map(Number));
    expect(pids.filter(isRunning)).toHaveLength(4);
    await service.stop();
    await until(() => !pids.some(isRunning));
    expect(exits).toMatchObject([{ expected: true }, { expected: true }]);
    await expect(Promise.all(invocations)).resolves.toMatchObject([
      { payload: { errorType: 'Runtime.ExitError' } },
      { payload: { errorType: 'Runtime.ExitError' } },
      { payload: { errorType: 'ServiceException' } },
    ]);
  });

  test('after a stop that comes before the environment has a process', async () => {
    const { service, exits } = await start(BUSY);
    const invocation = service.invoke({});
    await service.stop();
    await expect(invocation).resolves.toMatchObject({ functionError: 'Unhandled' });
    expect(exits).toEqual([]);
  });

  test("after an abrupt end of the service's own process, idle or busy", async () => {
    const host = join(directory, 'host.cjs');
    writeFileSync(
      host,
      `const { startLambdaService } = require(${JSON.stringify(require.resolve('../../tools/local/lambda-service'))});
      startLambdaService({
        taskRoot: ${JSON.stringify(bundle(BUSY.replace('async () => {', 'async (event) => { if (event.warm) return process.pid;')))},
        handler: 'index.handler', environment: {}, functionName: 'resize', memoryMib: 512, timeoutSeconds: 60,
        maxConcurrency: 2, retryDelaysMs: [], onFailure() {}, onLog: (line) => console.log(line),
      }).then(async (service) => {
        service.invokeAsync({});
        console.log((await service.invoke({ warm: true })).payload);
      });`,
    );
    const child: ChildProcess = spawn(process.execPath, ['--require', require.resolve('tsx/cjs'), host], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
    const pids = () => output.match(/\d+(?=\s)/g)?.map(Number) ?? [];
    await until(() => pids().length === 3);
    expect(pids().filter(isRunning)).toHaveLength(3);
    child.kill('SIGKILL');
    await once(child, 'close');
    await until(() => !pids().some(isRunning));
  });
});

describe('capacity', () => {
  test('that is missing delays an event, and does not count as an attempt', async () => {
    const refusals = [true, true];
    const { service, failures } = await start(
      `exports.handler = async () => { require('node:fs').appendFileSync(process.env.STATE, 'run\\n'); };`,
      { retryDelaysMs: [], throttled: () => refusals.shift() ?? false },
    );
    service.invokeAsync({});
    expect(service.outstanding()).toBe(1);
    await service.idle();
    expect([refusals, failures, service.outstanding()]).toEqual([[], [], 0]);
    expect(lines(join(directory, 'state'))).toEqual(['run']);
  });
});

test('each environment has variables of its own, by which its process is known', async () => {
  let started = 0;
  const known: [pid: number, name: string][] = [];
  const { service } = await start('exports.handler = async () => [process.pid, process.env.NAME];', {
    maxConcurrency: 2,
    ownEnvironment: () => ({ NAME: `environment ${++started}` }),
    onStart: ({ pid, ownEnvironment }) => known.push([pid, ownEnvironment.NAME as string]),
  });
  const results = await Promise.all([service.invoke({}), service.invoke({})]);
  const told = results.map(({ payload }) => payload as [number, string]);
  expect(new Map(told)).toEqual(new Map(known));
  expect(known.map(([, name]) => name)).toEqual(['environment 1', 'environment 2']);
});
