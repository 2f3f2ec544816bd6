'use strict';

// The runtime of one execution environment: takes invocations from the Runtime API and gives them to the handler.
// Plain CommonJS, as an environment has Node.js and the bundle and nothing that compiles TypeScript.
//   https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html (what a runtime does)
//   https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
//   https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html

const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { text } = require('node:stream/consumers');

// biome-ignore lint/style/noProcessEnv: Lambda configures a runtime through its environment.
const env = process.env;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
let requestId; // of the invocation in progress

function abandon() {
  try {
    process.kill(-process.pid, 'SIGKILL'); // and with it every process that the function has started
  } catch {
    process.exit(1); // not the leader of a process group: Windows, or started by hand
  }
}

// A connection that ends when the service does, even while a handler is busy and makes no request. It does not keep the
// process alive: a handler that waits for something that cannot happen ends the process, as it does on Lambda.
net.connect(Number(port), host).on('error', abandon).on('close', abandon).resume().unref();

async function call(method, resource, payload) {
  const request = http.request({ host, port, method, path: `/2018-06-01/runtime/${resource}` }).end(payload);
  const response = await new Promise((resolve, reject) => request.on('response', resolve).on('error', reject));
  return { headers: response.headers, body: await text(response) };
}

const named = (name, message) => Object.assign(new Error(message), { name });

async function report(thrown) {
  const { name, message, stack } = thrown instanceof Error ? thrown : named(typeof thrown, String(thrown));
  const error = { errorType: name, errorMessage: message };
  // biome-ignore lint/suspicious/noConsole: as Lambda's own runtime does; the service reads it.
  console.error(`${requestId ?? 'init'}\tERROR\t${JSON.stringify(error)}`);
  const resource = requestId ? `invocation/${requestId}/error` : 'init/error';
  await call('POST', resource, JSON.stringify({ ...error, trace: stack?.split('\n') ?? [] }));
}

const crash = (thrown, exitCode) => report(thrown).then(() => process.exit(exitCode), abandon);
process.on('uncaughtException', (error) => crash(error, 129));
process.on('unhandledRejection', (reason) => crash(named('Runtime.UnhandledPromiseRejection', String(reason)), 128));

function loadHandler() {
  const [file, name] = env._HANDLER.split(/\.(?=[^.]*$)/);
  const handler = require(path.resolve(env.LAMBDA_TASK_ROOT, file))[name];
  if (typeof handler !== 'function') throw named('Runtime.HandlerNotFound', `${env._HANDLER} is not a function`);
  if (handler.length > 2) throw named('Runtime.CallbackHandlerDeprecated', 'Node.js 24 handlers take no callback');
  return handler;
}

async function main() {
  const handler = loadHandler();
  for (;;) {
    requestId = undefined;
    const { headers, body } = await call('GET', 'invocation/next');
    requestId = headers['lambda-runtime-aws-request-id'];
    env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    const context = {
      awsRequestId: requestId,
      callbackWaitsForEmptyEventLoop: true,
      functionName: env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
      getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now(),
    };
    let result;
    try {
      result = JSON.stringify(await handler(JSON.parse(body), context)) ?? 'null';
    } catch (error) {
      await report(error);
      continue;
    }
    await call('POST', `invocation/${requestId}/response`, result);
  }
}

main().catch((error) => crash(error, 1));
