import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Endpoints, startEndpoints } from '../../tools/local/endpoints';
import { clientConfig } from '../../tools/local/ways';
import { type ReplayOptions, replay } from '../../tools/replay/replay';
import { s3Record } from '../support/events';

const ROOT = path.resolve(__dirname, '../..');
/** Processes are started here, nine at a time, on a machine that may have more to do. */
jest.setTimeout(120_000);

const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:worker';
const QUEUE = 'failed';

let endpoints: Endpoints;
let sqs: SQSClient;
/** Answers as Lambda and CloudFormation, the latter with the outputs of these stacks. */
let aws: Server;
let stacks: Record<string, Record<string, string>>;
/** Keys of the objects in the events that the function was sent. */
let accepted: string[];
/** What Lambda answers to an event instead of accepting it. */
let refusal: (key: string) => [status: number, type: string] | undefined;
/** Called with each event, before it is answered. */
let onInvoke: (key: string) => Promise<void> | void;

beforeEach(async () => {
  endpoints = await startEndpoints();
  endpoints.createQueue(QUEUE, { visibilityTimeoutSeconds: 30 });
  sqs = new SQSClient(clientConfig(endpoints));
  const outputs = { FailureQueue: endpoints.queueUrl(QUEUE), ReplayCommand: 'aws sqs start-message-move-task …' };
  stacks = {
    ResizeOnLambda: { ...outputs, EventTarget: FUNCTION },
    ResizeOnEc2: { ...outputs, EventTarget: 'arn:aws:sqs:us-east-1:000000000000:jobs' },
    Other: { Site: 'https://example.com' },
  };
  accepted = [];
  refusal = () => undefined;
  onInvoke = () => {};
  aws = createServer(async (request, response) => {
    const body = await text(request);
    if (request.url === '/') describeStacks(new URLSearchParams(body).get('StackName') ?? '', response);
    else await invoke(body, [request.url, request.headers['x-amz-invocation-type']].join(' '), response);
  }).listen(0, '127.0.0.1');
  await once(aws, 'listening');
});

afterEach(async () => {
  sqs.destroy();
  aws.closeAllConnections();
  aws.close();
  await endpoints.close();
});

function describeStacks(name: string, response: ServerResponse): void {
  const stack = stacks[name];
  if (!stack) {
    const error = `<Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${name} does not exist</Message>`;
    response.writeHead(400).end(`<ErrorResponse><Error>${error}</Error><RequestId>1</RequestId></ErrorResponse>`);
    return;
  }
  const outputs = Object.entries(stack).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const member = `<member><StackName>${name}</StackName><Outputs>${outputs.join('')}</Outputs></member>`;
  response.end(
    `<DescribeStacksResponse><DescribeStacksResult><Stacks>${member}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  );
}

async function invoke(body: string, how: string, response: ServerResponse): Promise<void> {
  const key = JSON.parse(body).Records[0].s3.object.key;
  await onInvoke(key);
  const refused =
    how === `/2015-03-31/functions/${encodeURIComponent(FUNCTION)}/invocations Event` ? refusal(key) : [404, how];
  if (refused) {
    const [status, type] = refused;
    response
      .writeHead(Number(status), { 'x-amzn-errortype': type })
      .end(JSON.stringify({ message: 'no', Message: 'no' }));
    return;
  }
  accepted.push(key);
  response.writeHead(202).end();
}

/** What Lambda hands to a failure destination. */
function record(key: string): string {
  return JSON.stringify({
    version: '1.0',
    requestContext: { functionArn: `${FUNCTION}:$LATEST`, condition: 'RetriesExhausted', approximateInvokeCount: 3 },
    requestPayload: { Records: [s3Record({ key })] },
    responsePayload: { errorType: 'EventFailure', errorMessage: 'SlowDown' },
  });
}

async function fail(...bodies: string[]): Promise<void> {
  for (let first = 0; first < bodies.length; first += 10) {
    const Entries = bodies.slice(first, first + 10).map((MessageBody, index) => ({ Id: `${index}`, MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: endpoints.queueUrl(QUEUE), Entries }));
  }
}

const keys = (count: number) => Array.from({ length: count }, (_, index) => `incoming/${index}.jpg`);
const url = () => `http://127.0.0.1:${(aws.address() as AddressInfo).port}`;

/** Takes what is sent within a minute for earlier, and waits for nothing. */
async function run(options: Partial<ReplayOptions> = {}) {
  const lambda = new LambdaClient({ ...clientConfig(endpoints), endpoint: url(), maxAttempts: 1 });
  try {
    return await replay({
      sqs,
      lambda,
      queueUrl: endpoints.queueUrl(QUEUE),
      functionName: FUNCTION,
      until: Date.now() + 60_000,
      signal: new AbortController().signal,
      waitSeconds: 0,
      ...options,
    });
  } finally {
    lambda.destroy();
  }
}

describe('a replay', () => {
  test('sends every event to the function again, hundreds of them, and empties the queue', async () => {
    await fail(...keys(250).map(record));
    const seen: number[] = [];
    expect(await run({ onProgress: (count) => seen.push(count) })).toEqual({ accepted: 250, later: 0, left: [] });
    expect(accepted.sort()).toEqual(keys(250).sort());
    expect(seen).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  test('of an empty queue does nothing', async () => {
    expect(await run()).toEqual({ accepted: 0, later: 0, left: [] });
  });

  test('deletes no message whose event was refused, and stops when none is accepted', async () => {
    refusal = () => [429, 'TooManyRequestsException'];
    await fail(...keys(30).map(record));
    const { accepted: count, left, stoppedBy } = await run();
    expect(count).toBe(0);
    expect(left.map(({ why }) => why)).toEqual(Array(10).fill('refused by Lambda, TooManyRequestsException: no'));
    expect(stoppedBy).toMatchObject({ name: 'TooManyRequestsException' });
    // At once, and not after a while: the next attempt finds them.
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 30, inFlight: 0, delayed: 0 });
    refusal = () => undefined;
    expect(await run()).toEqual({ accepted: 30, later: 0, left: [] });
  });

  test('goes on where some are refused, and leaves those', async () => {
    const refused = keys(60).filter((_, index) => index % 6 === 0);
    refusal = (key) => (refused.includes(key) ? [413, 'RequestTooLargeException'] : undefined);
    await fail(...keys(60).map(record));
    const { accepted: count, left, stoppedBy } = await run();
    expect({ count, left: left.length, stoppedBy }).toEqual({ count: 50, left: 10, stoppedBy: undefined });
    expect(endpoints.messages(QUEUE).sort()).toEqual(refused.map(record).sort());
  });

  test('leaves what it cannot read, and what would fail again, and names it', async () => {
    const malformed = record('incoming/a.jpg').replace('"aws:s3"', '"aws:sns"');
    const deep = record('incoming/b.jpg').replace(
      '"awsRegion":',
      `"new":${'['.repeat(10_000)}${']'.repeat(10_000)},$&`,
    );
    const odd = ['{', '"text"', 'null', '{"Records":[]}', malformed, deep];
    await fail(...odd, record('incoming/good.jpg'));
    const { accepted: count, left } = await run();
    expect(count).toBe(1);
    expect(left.map(({ why }) => why).sort()).toEqual([
      'malformed, and would fail again: eventSource is not aws:s3',
      'nested too deeply to be sent',
      'not JSON',
      ...Array(3).fill('not a record of a failed invocation: it has no requestPayload'),
    ]);
    expect(left.map(({ messageId }) => messageId)).toEqual(odd.map(() => expect.stringMatching(/^[0-9a-f-]{36}$/)));
    expect(endpoints.messages(QUEUE).sort()).toEqual([...odd].sort());
  });

  test('ends although events fail again meanwhile: they are left for the next time', async () => {
    await fail(...keys(20).map(record));
    const until = Date.now();
    onInvoke = (key) => {
      // Until the clock has moved on, it could not be told from the others.
      while (Date.now() <= until);
      return fail(record(key));
    };
    expect(await run({ until })).toEqual({ accepted: 20, later: 20, left: [] });
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 20, inFlight: 0, delayed: 0 });
  });

  test('that is interrupted finishes what it has in hand, and loses nothing', async () => {
    await fail(...keys(40).map(record));
    const stop = new AbortController();
    onInvoke = () => stop.abort();
    const { accepted: count, left } = await run({ signal: stop.signal });
    expect(accepted).toHaveLength(count);
    expect(count).toBeGreaterThan(0);
    expect(left).toEqual([]);
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 40 - count, inFlight: 0, delayed: 0 });
  });

  test('that cannot delete says that the event was accepted, and goes no further', async () => {
    await fail(...keys(20).map(record));
    const forbidden = new SQSClient(clientConfig(endpoints));
    forbidden.middlewareStack.add(
      (next, { commandName }) =>
        (args) =>
          commandName === 'DeleteMessageCommand' ? Promise.reject(new Error('not authorized')) : next(args),
      { step: 'initialize' },
    );
    const { accepted: count, left, stoppedBy } = await run({ sqs: forbidden });
    expect(count).toBe(0);
    expect(accepted).toHaveLength(10);
    expect(left[0]?.why).toBe('accepted by Lambda, but not deleted: the next time it is sent again');
    expect(stoppedBy).toEqual(new Error('not authorized'));
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 20, inFlight: 0, delayed: 0 });
  });
});

describe('npm run replay', () => {
  const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
  const REGION = { AWS_REGION: 'us-east-1' };

  async function command(args: readonly string[], environment: Record<string, string> = { ...REGION, ...CREDENTIALS }) {
    const child = spawn(process.execPath, ['bin/start.cjs', 'replay', ...args], {
      cwd: ROOT,
      env: {
        AWS_ENDPOINT_URL_CLOUDFORMATION: url(),
        AWS_ENDPOINT_URL_LAMBDA: url(),
        AWS_ENDPOINT_URL_SQS: endpoints.url,
        // Not this machine's own.
        HOME: path.join(ROOT, 'none'),
        AWS_EC2_METADATA_DISABLED: 'true',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code, stdout, stderr };
  }

  test('finds the queue and the function in the outputs of the stack, and says how many events it has sent', async () => {
    await fail(...keys(101).map(record));
    expect(await command(['ResizeOnLambda', '--region', 'us-east-1'], CREDENTIALS)).toEqual({
      code: 0,
      stdout: '101 events sent again: accepted by the function, and deleted from the failure queue\n',
      stderr: '100 sent again …\n',
    });
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  test('ends with 1 when something stays, and names it', async () => {
    await fail(record('incoming/good.jpg'), 'text');
    expect(await command(['ResizeOnLambda'])).toEqual({
      code: 1,
      stdout: expect.stringMatching(
        /^1 event sent again: accepted by the function, and deleted from the failure queue\nleft in the queue: [0-9a-f-]{36}, not JSON\n$/,
      ),
      stderr: '',
    });
  });

  test('says in one line what is wrong and what to do instead', async () => {
    refusal = () => [403, 'AccessDeniedException'];
    await fail(record('incoming/a.jpg'));
    const named = { ...REGION, ...CREDENTIALS };
    const mistakes: [args: string[], environment: Record<string, string>, code: number, message: string][] = [
      [[], named, 2, 'which stack? npm run replay -- ResizeOnLambda'],
      [['A', 'B'], named, 2, 'one stack at a time: A, then B'],
      [
        ['ResizeOnEc2'],
        named,
        2,
        'ResizeOnEc2 has a job queue, and SQS itself moves failures back to it: aws sqs start-message-move-task …',
      ],
      [
        ['Other'],
        named,
        2,
        'Other has no outputs EventTarget and FailureQueue: if it is one of these stacks, deploy it again',
      ],
      [
        ['ResizeOnLamda'],
        named,
        2,
        'there is no stack ResizeOnLamda in us-east-1: look at the name, and give --region',
      ],
      [['ResizeOnLambda'], CREDENTIALS, 2, 'no region: give --region, such as --region eu-west-1, or set AWS_REGION'],
      [
        ['ResizeOnLambda'],
        REGION,
        1,
        'no AWS credentials: log in, or set AWS_PROFILE to a profile that has some (Could not load credentials from any providers)',
      ],
      [
        ['ResizeOnLambda'],
        { ...named, AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1' },
        1,
        'cannot reach AWS in us-east-1: connect ECONNREFUSED 127.0.0.1:1',
      ],
      [['ResizeOnLambda'], named, 1, 'no; what is needed is in docs/lambda.md'],
    ];
    const ends = await Promise.all(mistakes.map(([args, environment]) => command(args, environment)));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(
      mistakes.map(([, , code, message]) => [code, `four-ways: ${message}\n`]),
    );
    expect(endpoints.queueDepth(QUEUE)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });
});
