import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Call, CallHooks, Fault } from '../../tools/local/call-hooks';
import { type Endpoints, startEndpoints } from '../../tools/local/endpoints';
import { clientConfig } from '../../tools/local/ways';
import { until } from '../support/waiting';

let endpoints: Endpoints;
let s3: S3Client;
let sqs: SQSClient;
const calls: Call[] = [];
let hooks: CallHooks = {};

beforeAll(async () => {
  endpoints = await startEndpoints({
    hooks: {
      before: (call) => {
        calls.push(call);
        return hooks.before?.(call);
      },
      after: (call, answer) => hooks.after?.(call, answer),
      sent: (call, answer) => hooks.sent?.(call, answer),
    },
  });
  const credentials = { accessKeyId: 'worker-7', secretAccessKey: 'x' };
  s3 = new S3Client({ ...clientConfig(endpoints), credentials, maxAttempts: 1 });
  sqs = new SQSClient({ ...clientConfig(endpoints), credentials, maxAttempts: 1 });
  endpoints.createBucket('bucket');
  endpoints.createQueue('queue', { visibilityTimeoutSeconds: 30 });
});
afterEach(() => {
  calls.length = 0;
  hooks = {};
});
afterAll(async () => {
  s3.destroy();
  sqs.destroy();
  await endpoints.close();
});

const put = (Key = 'a/b ü+.jpg', Body = 'picture') => s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body }));
const get = async (Key = 'a/b ü+.jpg') => (await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key }))).Body;
const stored = (key: string) => endpoints.getObject('bucket', key)?.body.toString();

describe('hooks of the local endpoints', () => {
  test('are told who calls what', async () => {
    await put();
    await (await get())?.transformToString();
    const QueueUrl = endpoints.queueUrl('queue');
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }));
    expect(calls).toEqual([
      { caller: 'worker-7', action: 'PutObject', bucket: 'bucket', key: 'a/b ü+.jpg', input: {} },
      { caller: 'worker-7', action: 'GetObject', bucket: 'bucket', key: 'a/b ü+.jpg', input: {} },
      { caller: 'worker-7', action: 'SendMessage', input: { QueueUrl, MessageBody: 'hello' } },
    ]);
  });

  test('see the answer of SQS before its client does, and when it has been sent', async () => {
    const seen: unknown[] = [];
    hooks = {
      after: ({ action }, { output }) => {
        seen.push(['after', action, (output.Messages as unknown[]).length]);
        return undefined;
      },
      sent: ({ action }, { status }) => seen.push(['sent', action, status]),
    };
    await sqs.send(new ReceiveMessageCommand({ QueueUrl: endpoints.queueUrl('queue') }));
    await until(() => seen.length > 1);
    expect(seen).toEqual([
      ['after', 'ReceiveMessage', 1],
      ['sent', 'ReceiveMessage', 200],
    ]);
  });

  test('see each call once: those that take effect, and those without a fault', async () => {
    await put('once');
    const seen: string[] = [];
    let fault: Fault | undefined = { status: 503, code: 'SlowDown' };
    hooks = {
      before: ({ action }) => (action === 'PutObject' ? fault : undefined),
      after: ({ action }) => {
        seen.push(`after ${action}`);
        return undefined;
      },
      sent: ({ action }) => seen.push(`sent ${action}`),
    };
    await put('once').catch(() => {});
    await (await get('once'))?.transformToString();
    fault = undefined;
    await put('once');
    await until(() => seen.length > 3);
    expect(seen).toEqual(['after GetObject', 'sent GetObject', 'after PutObject', 'sent PutObject']);
  });

  test('answer a download with an error that the client understands', async () => {
    await put('refused');
    hooks = { after: () => ({ status: 503, code: 'SlowDown' }) };
    await expect(get('refused')).rejects.toThrow('injected');
  });

  test('can change the parameters of a call to SQS', async () => {
    const QueueUrl = endpoints.queueUrl('queue');
    hooks = {
      before: ({ input }) => {
        input.DelaySeconds = 60;
        return undefined;
      },
    };
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one' }));
    expect(endpoints.queueDepth('queue').delayed).toBe(1);
  });

  test.each([
    ['an error', { status: 503, code: 'SlowDown' }, /injected/],
    ['a broken connection', 'reset' as const, /socket hang up/],
  ])('answer with %s, before or after the call takes effect', async (_, fault, error) => {
    hooks = { before: () => fault };
    await expect(put('before', 'never')).rejects.toThrow(error);
    expect(stored('before')).toBeUndefined();
    hooks = { after: () => fault };
    await expect(put('after', 'written')).rejects.toThrow(error);
    expect(stored('after')).toBe('written');
  });

  test('answer SQS with its own kind of error', async () => {
    hooks = { before: () => ({ status: 400, code: 'AccessDenied' }) };
    const receive = sqs.send(new ReceiveMessageCommand({ QueueUrl: endpoints.queueUrl('queue') }));
    await expect(receive).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('break a download in its middle', async () => {
    await put('long', 'x'.repeat(100_000));
    hooks = { after: () => 'reset' };
    const body = await get('long');
    await expect(body?.transformToString()).rejects.toThrow(/aborted|terminated|ECONNRESET/);
  });

  test('hold a call up: it meets the state of the moment it goes on', async () => {
    const release = Promise.withResolvers<undefined>();
    let arrived = false;
    hooks = {
      before: ({ action }) => {
        if (action !== 'GetObject') return undefined;
        arrived = true;
        return release.promise;
      },
    };
    await put('held', 'old');
    const held = get('held');
    await until(() => arrived);
    await put('held', 'new');
    release.resolve(undefined);
    expect(await (await held)?.transformToString()).toBe('new');
  });
});

test('events can be delivered late, twice and in another order', async () => {
  const waiting: (() => void)[] = [];
  const other = await startEndpoints({
    onEvent: (event, deliver) => {
      if (event.Records) waiting.unshift(() => deliver(event));
      else deliver(event);
    },
  });
  try {
    other.createBucket('bucket');
    other.createQueue('queue', { visibilityTimeoutSeconds: 30 });
    const client = new S3Client(clientConfig(other));
    const { PutBucketNotificationConfigurationCommand } = await import('@aws-sdk/client-s3');
    const QueueConfigurations = [{ QueueArn: other.queueArn('queue'), Events: ['s3:ObjectCreated:*' as const] }];
    await client.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: 'bucket',
        NotificationConfiguration: { QueueConfigurations },
      }),
    );
    for (const Key of ['first', 'second'])
      await client.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'x' }));
    client.destroy();
    const keys = () => other.messages('queue').map((body) => JSON.parse(body).Records?.[0].s3.object.key);
    expect(keys()).toEqual([undefined]);
    for (const deliver of [...waiting, ...waiting]) deliver();
    expect(keys()).toEqual([undefined, 'second', 'first', 'second', 'first']);
  } finally {
    await other.close();
  }
});
