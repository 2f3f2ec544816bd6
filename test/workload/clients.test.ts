import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { LONG_POLL, s3Client, sqsClient } from '../../workload/clients';
import { DEFAULTS } from '../../workload/contract';
import { until } from '../support/waiting';

/** The clients on a server that takes every request and answers none. */

let server: Server;
let env: Record<string, string>;
/** As the requests name them. */
let received: string[];
beforeEach(async () => {
  received = [];
  server = createServer(({ method, headers }) => received.push(String(headers['x-amz-target'] ?? method)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'nobody',
    AWS_SECRET_ACCESS_KEY: 'nothing',
  };
  // The SDK reads its standard variables itself.
  jest.replaceProperty(process, 'env', env);
});
afterEach(() => {
  jest.restoreAllMocks();
  server.closeAllConnections();
  server.close();
});

/** As far as it is of interest here: not among the types of a client. */
interface NodeHttpHandler {
  httpHandlerConfigs(): { readonly socketTimeout?: number; readonly requestTimeout?: number };
}

const QueueUrl = 'http://127.0.0.1/000000000000/jobs';

/** SQS's longest poll, which is silence too. */
const LONG_POLL_MS = 20_000;

test('a receive is given up after the longest poll, and before its message comes back', async () => {
  const stop = new AbortController();
  const client = sqsClient(env);
  const request = client.send(new ReceiveMessageCommand({ QueueUrl }), { ...LONG_POLL, abortSignal: stop.signal });
  await until(() => received.length === 1);
  // What the request is sent with, which is known by now. Waiting for it would take half a minute.
  const { socketTimeout } = (client.config.requestHandler as unknown as NodeHttpHandler).httpHandlerConfigs();
  expect(socketTimeout).toBeGreaterThan(LONG_POLL_MS);
  expect(socketTimeout).toBeLessThan(DEFAULTS.visibilityTimeoutSeconds * 1000);
  stop.abort();
  await request.catch(() => {});
});

test.each<[string, string, (abortSignal: AbortSignal) => Promise<unknown>]>([
  [
    'an object',
    'GetObject incoming/a.jpg: Request aborted',
    (abortSignal) => s3Client(env).send(new GetObjectCommand({ Bucket: 'b', Key: 'incoming/a.jpg' }), { abortSignal }),
  ],
  [
    'a message',
    'DeleteMessage: Request aborted',
    (abortSignal) => sqsClient(env).send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'h' }), { abortSignal }),
  ],
])('an error says which request for %s has failed, and why', async (_, words, send) => {
  const stop = new AbortController();
  const request = send(stop.signal);
  await until(() => received.length === 1);
  stop.abort();
  await expect(request).rejects.toThrow(words);
});

test('requests that fail with the same error each have their own name in it', async () => {
  const client = s3Client(env);
  const shared = Object.assign(new AggregateError([new Error('refused'), new Error('unreachable')]), { code: 'E' });
  client.config.credentials = () => Promise.reject(shared);
  const failures = ['a', 'b'].map((Key) =>
    client.send(new GetObjectCommand({ Bucket: 'b', Key })).catch((error: unknown) => error),
  );
  expect(await Promise.all(failures)).toEqual([
    expect.objectContaining({ message: 'GetObject a: refused; unreachable', code: 'E' }),
    expect.objectContaining({ message: 'GetObject b: refused; unreachable', code: 'E' }),
  ]);
});

test('a finished message is deleted while more receives wait than the SDK has sockets for by default', async () => {
  const stop = new AbortController();
  const client = sqsClient(env);
  const receives = Array.from({ length: 60 }, () =>
    client.send(new ReceiveMessageCommand({ QueueUrl }), { abortSignal: stop.signal }).catch(() => {}),
  );
  const deletion = client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'handle' }), {
    abortSignal: stop.signal,
  });
  await until(() => received.includes('AmazonSQS.DeleteMessage') && received.length === 61);
  stop.abort();
  await Promise.all([...receives, deletion.catch(() => {})]);
});
