import { createHash, randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  type Event,
  GetBucketNotificationConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type NotificationConfiguration,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  paginateListObjectsV2,
  type QueueConfiguration,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { Upload } from '@aws-sdk/lib-storage';
import { type Endpoints, startEndpoints } from '../../tools/local/endpoints';
import { rawRequest, refusal } from '../support/raw-request';
import { until } from '../support/waiting';

const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:000000000000:function:resize';

let endpoints: Endpoints;
let s3: S3Client;
let sqs: SQSClient;
let invocations: unknown[];
let names = 0;

function clients(url: string) {
  const config = {
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  };
  return { s3: new S3Client(config), sqs: new SQSClient(config) };
}

beforeAll(async () => {
  endpoints = await startEndpoints();
  ({ s3, sqs } = clients(endpoints.url));
  endpoints.registerFunction(FUNCTION_ARN, (event) => invocations.push(event));
});

beforeEach(() => {
  invocations = [];
});

afterAll(async () => {
  s3.destroy();
  sqs.destroy();
  await endpoints.close();
});

function newBucket(): string {
  const bucket = `bucket-${names++}`;
  endpoints.createBucket(bucket);
  return bucket;
}

function newQueue(options: Partial<Parameters<Endpoints['createQueue']>[1]> = {}): string {
  const queue = `queue-${names++}`;
  endpoints.createQueue(queue, { visibilityTimeoutSeconds: 30, ...options });
  return queue;
}

function configure(bucket: string, configuration: NotificationConfiguration) {
  return s3.send(
    new PutBucketNotificationConfigurationCommand({ Bucket: bucket, NotificationConfiguration: configuration }),
  );
}

function rule(queue: string, events: Event[], filter: Record<string, string> = {}): QueueConfiguration {
  const FilterRules = Object.entries(filter).map(([Name, Value]) => ({ Name: Name as 'prefix', Value }));
  return {
    QueueArn: endpoints.queueArn(queue),
    Events: events,
    ...(FilterRules.length > 0 && { Filter: { Key: { FilterRules } } }),
  };
}

/** A bucket whose events go to a queue. */
async function watchedBucket(events: Event[] = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']) {
  const [bucket, queue] = [newBucket(), newQueue()];
  await configure(bucket, { QueueConfigurations: [rule(queue, events)] });
  return { bucket, queue };
}

interface S3Record {
  eventName: string;
  s3: { object: { key: string; size?: number; eTag?: string; sequencer: string } };
}

/** The records a queue holds, without the test event. */
function records(queue: string): S3Record[] {
  return endpoints.messages(queue).flatMap((body) => (JSON.parse(body) as { Records?: S3Record[] }).Records ?? []);
}

function put(bucket: string, key: string, body: string | Buffer = 'bytes', more: object = {}) {
  return s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }));
}

/** Uploads `body` in one part, up to the completion. */
async function startMultipart(bucket: string, key: string, body = 'bytes') {
  const upload = { Bucket: bucket, Key: key };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload));
  const part = { ...upload, UploadId, PartNumber: 1 };
  const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body: body }));
  return { ...upload, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
}

function receive(queue: string, waitSeconds = 0, abortSignal?: AbortSignal) {
  const command = new ReceiveMessageCommand({
    QueueUrl: endpoints.queueUrl(queue),
    WaitTimeSeconds: waitSeconds,
    MessageSystemAttributeNames: ['ApproximateReceiveCount'],
  });
  return sqs.send(command, abortSignal && { abortSignal });
}

function send(queue: string, body: string) {
  return sqs.send(new SendMessageCommand({ QueueUrl: endpoints.queueUrl(queue), MessageBody: body }));
}

const md5 = (body: string) => createHash('md5').update(body).digest('hex');
const status = (code: number) => ({ $metadata: expect.objectContaining({ httpStatusCode: code }) });

describe('objects', () => {
  const keys = [
    'two words.jpg',
    'a+b.jpg',
    'a%2Fb.jpg',
    'a%2Bb.jpg',
    '%00.jpg',
    '100%',
    'a/../b.jpg',
    './x.jpg',
    '../up.jpg',
    '..',
    '/leading.jpg',
    '//double//slash.jpg',
    'trailing/',
    'emoji-😀.jpg',
    'line\nfeed.jpg',
    'carriage\rreturn.jpg',
    'tab\there.jpg',
    'nul\0.jpg',
    'q?versionId=1.jpg',
    'q?notification&delete',
    'hash#frag.jpg',
    'é'.repeat(512),
    'x'.repeat(1024),
    'gpj.\u202Efdp',
    'back\\slash.jpg',
    '*',
    '&lt;<&amp;>"\'',
    ';semi:colon@at=is,comma$dollar!~()[]{}|^`',
  ];
  test.each(keys.map((key) => [key.slice(0, 50), key]))('keep the key %j as it is', async (_title, key) => {
    const { bucket, queue } = await watchedBucket();
    const object = { Bucket: bucket, Key: key };
    await put(bucket, key, key);
    expect(await (await s3.send(new GetObjectCommand(object))).Body?.transformToString()).toBe(key);
    await expect(s3.send(new HeadObjectCommand(object))).resolves.toMatchObject({
      ContentLength: Buffer.byteLength(key),
    });
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual([key]);
    await s3.send(new CompleteMultipartUploadCommand(await startMultipart(bucket, key)));
    await s3.send(new CopyObjectCommand({ ...object, CopySource: encodeURIComponent(`${bucket}/${key}`) }));
    await s3.send(new DeleteObjectCommand(object));
    await put(bucket, key);
    await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: key }] } }));
    expect(endpoints.listObjects(bucket)).toEqual([]);

    const decode = (encoded: string) => decodeURIComponent(encoded.replaceAll('+', ' '));
    expect(records(queue).map((record) => [record.eventName, decode(record.s3.object.key)])).toEqual([
      ['ObjectCreated:Put', key],
      ['ObjectCreated:CompleteMultipartUpload', key],
      ['ObjectCreated:Copy', key],
      ['ObjectRemoved:Delete', key],
      ['ObjectCreated:Put', key],
      ['ObjectRemoved:Delete', key],
    ]);
  });

  test.each([
    'image/jpeg',
    'application/json',
    'application/x-amz-json-1.0',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ])('keep their bytes, metadata and the type %s', async (contentType) => {
    const bucket = newBucket();
    const metadata = { source: 'a b+c%2Fd', 'source-etag': '"0"' };
    for (const body of ['', 'a=b']) {
      await put(bucket, 'a.jpg', Buffer.from(body), { ContentType: contentType, Metadata: metadata });
      const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'a.jpg' }));
      expect(await got.Body?.transformToString()).toBe(body);
      expect(got).toMatchObject({ ContentType: contentType, Metadata: metadata });
      const stored = { body: Buffer.from(body), contentType, metadata, etag: md5(body) };
      expect(endpoints.getObject(bucket, 'a.jpg')).toEqual(stored);
    }
    expect(endpoints.getObject(bucket, 'b.jpg')).toBeUndefined();
  });

  test.each([
    ['in one request', (Body: Buffer, to: object) => s3.send(new PutObjectCommand({ ...to, Body } as never))],
    [
      'as aws-chunked with a trailing checksum',
      (body: Buffer, to: object) => {
        const command = new PutObjectCommand({
          ...to,
          Body: Readable.from([body]),
          ContentLength: body.length,
        } as never);
        command.middlewareStack.add(
          (next) => (args) => {
            expect((args.request as { headers: object }).headers).toMatchObject({
              'content-encoding': 'aws-chunked',
              'x-amz-trailer': 'x-amz-checksum-crc32',
            });
            return next(args);
          },
          { step: 'finalizeRequest', priority: 'low' },
        );
        return s3.send(command);
      },
    ],
    ['in parts', (Body: Buffer, to: object) => new Upload({ client: s3, params: { ...to, Body } as never }).done()],
  ])('of 12 MiB are stored byte for byte %s', async (_how, upload) => {
    const { bucket, queue } = await watchedBucket();
    const body = randomBytes(12 * 2 ** 20);
    await upload(body, { Bucket: bucket, Key: 'large.png', Metadata: { of: 'large' } });
    const stored = endpoints.getObject(bucket, 'large.png');
    expect(stored?.body.equals(body)).toBe(true);
    expect(stored?.metadata).toEqual({ of: 'large' });
    expect(records(queue).map((record) => record.s3.object)).toEqual([
      { key: 'large.png', size: body.length, eTag: stored?.etag, sequencer: expect.any(String) },
    ]);
    const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'large.png' }));
    expect(body.equals((await got.Body?.transformToByteArray()) ?? body.subarray(1))).toBe(true);
  });

  test('are listed by UTF-8, page by page', async () => {
    const bucket = newBucket();
    const keys = ['/b', 'A', 'B', 'Z', '_', 'a', 'a-', 'a/1', 'a/2', 'aB', 'b', '\uFF01', '😀'];
    for (const key of keys.toReversed()) await put(bucket, key);
    const listed = async (more: object) => {
      const names: unknown[] = [];
      const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, MaxKeys: 2, ...more });
      for await (const { Contents = [], CommonPrefixes = [] } of pages) {
        names.push(...Contents.map(({ Key }) => Key), ...CommonPrefixes.map(({ Prefix }) => Prefix));
      }
      return names;
    };
    expect(await listed({})).toEqual(keys);
    expect(await listed({ Prefix: 'a' })).toEqual(['a', 'a-', 'a/1', 'a/2', 'aB']);
    expect(await listed({ Prefix: 'a', Delimiter: '/', MaxKeys: 10 })).toEqual(['a', 'a-', 'aB', 'a/']);
    expect(endpoints.listObjects(bucket).map(({ key }) => key)).toEqual(keys);
    expect(endpoints.listObjects(bucket)[0]).toEqual({ key: '/b', etag: md5('bytes'), bytes: 5 });
  });

  test('survive a request for what is not there', async () => {
    const bucket = newBucket();
    const object = { Bucket: bucket, Key: 'a.jpg' };
    await put(bucket, 'a.jpg', 'old');
    const tagging = new PutObjectTaggingCommand({ ...object, Tagging: { TagSet: [] } });
    await expect(s3.send(tagging)).rejects.toMatchObject({ name: 'NotImplemented', ...status(501) });
    await expect(s3.send(new DeleteObjectTaggingCommand(object))).rejects.toMatchObject(status(501));
    expect(endpoints.getObject(bucket, 'a.jpg')?.body.toString()).toBe('old');
  });

  test('leave without an event when evicted', async () => {
    const { bucket, queue } = await watchedBucket(['s3:ObjectRemoved:*']);
    await put(bucket, 'a.jpg');
    endpoints.evict(bucket, 'a.jpg');
    expect(endpoints.listObjects(bucket)).toEqual([]);
    expect(records(queue)).toEqual([]);
  });
});

describe('conditional requests', () => {
  const current = md5('old');
  const other = md5('other');

  describe.each([
    ['PutObject', async (bucket: string, condition: object) => put(bucket, 'a.jpg', 'new', condition)],
    [
      'CompleteMultipartUpload',
      async (bucket: string, condition: object) => {
        const upload = await startMultipart(bucket, 'a.jpg', 'new');
        return s3.send(new CompleteMultipartUploadCommand({ ...upload, ...condition }));
      },
    ],
    [
      'CopyObject',
      async (bucket: string, condition: object) => {
        await put(bucket, 'b.jpg', 'new');
        return s3.send(
          new CopyObjectCommand({ Bucket: bucket, Key: 'a.jpg', CopySource: `${bucket}/b.jpg`, ...condition }),
        );
      },
    ],
  ])('%s', (_name, write) => {
    const failed = { name: 'PreconditionFailed', ...status(412) };
    test.each([
      ['writes', 'nothing', 'If-None-Match: *', { IfNoneMatch: '*' }, undefined],
      ['refuses', 'an object', 'If-None-Match: *', { IfNoneMatch: '*' }, failed],
      ['writes', 'an object', 'If-Match of its ETag', { IfMatch: `"${current}"` }, undefined],
      ['writes', 'an object', 'If-Match of its unquoted ETag', { IfMatch: current }, undefined],
      ['refuses', 'an object', 'If-Match of another ETag', { IfMatch: other }, failed],
      ['refuses', 'nothing', 'If-Match of an ETag', { IfMatch: current }, { name: 'NoSuchKey', ...status(404) }],
      [
        'refuses',
        'an object',
        'If-None-Match of an ETag',
        { IfNoneMatch: other },
        { name: 'NotImplemented', ...status(501) },
      ],
    ])('%s over %s under %s', async (_verb, existing, _condition, condition, refusal) => {
      const { bucket, queue } = await watchedBucket();
      const exists = existing === 'an object';
      if (exists) await put(bucket, 'a.jpg', 'old');
      const events = records(queue).length;
      const outcome = write(bucket, condition);
      if (refusal) await expect(outcome).rejects.toMatchObject(refusal);
      else await outcome;
      const expected = refusal ? (exists ? 'old' : undefined) : 'new';
      expect(endpoints.getObject(bucket, 'a.jpg')?.body.toString()).toBe(expected);
      const keys = records(queue).map((record) => record.s3.object.key);
      expect(keys.slice(events).includes('a.jpg')).toBe(refusal === undefined);
    });
  });

  test('let one of many concurrent writers win', async () => {
    const { bucket, queue } = await watchedBucket();
    const writes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => put(bucket, 'a.jpg', `${n}`, { IfNoneMatch: '*' })),
    );
    expect(writes.filter((write) => write.status === 'fulfilled')).toHaveLength(1);
    expect(records(queue)).toHaveLength(1);
  });

  test('leave a refused multipart upload to be aborted', async () => {
    const bucket = newBucket();
    await put(bucket, 'a.jpg');
    const upload = await startMultipart(bucket, 'a.jpg');
    await expect(s3.send(new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: '*' }))).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    await s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: 'a.jpg', UploadId: upload.UploadId }));
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'a.jpg' }));
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  });

  test.each([
    ['IfMatch', `"${current}"`, 200],
    ['IfMatch', current, 200],
    ['IfMatch', `"${other}"`, 412],
    ['IfMatch', other, 412],
    ['IfNoneMatch', `"${current}"`, 304],
    ['IfNoneMatch', current, 304],
    ['IfNoneMatch', `"${other}"`, 200],
    ['IfNoneMatch', other, 200],
  ])('GetObject and HeadObject with %s: %s get %i', async (header, etag, code) => {
    const bucket = newBucket();
    await put(bucket, 'a.jpg', 'old');
    const input = { Bucket: bucket, Key: 'a.jpg', [header]: etag };
    for (const command of [new GetObjectCommand(input), new HeadObjectCommand(input)]) {
      const outcome = s3.send(command as GetObjectCommand);
      if (code === 200) await expect(outcome).resolves.toMatchObject({ ETag: `"${current}"` });
      else await expect(outcome).rejects.toMatchObject(status(code));
    }
  });

  test('DeleteObject refuses under If-Match of another ETag', async () => {
    const bucket = newBucket();
    await put(bucket, 'a.jpg', 'old');
    const object = { Bucket: bucket, Key: 'a.jpg' };
    await expect(s3.send(new DeleteObjectCommand({ ...object, IfMatch: other }))).rejects.toMatchObject(status(412));
    await s3.send(new DeleteObjectCommand({ ...object, IfMatch: current }));
    expect(endpoints.listObjects(bucket)).toEqual([]);
  });
});

describe('notifications', () => {
  test('test the queue once and return what was put', async () => {
    const [bucket, queue] = [newBucket(), newQueue()];
    const configuration = {
      QueueConfigurations: [
        {
          ...rule(queue, ['s3:ObjectCreated:Put', 's3:ObjectCreated:Copy'], { Prefix: 'in/', Suffix: '.jpg' }),
          Id: 'jpg',
        },
        { ...rule(queue, ['s3:ObjectRemoved:*']), Id: 'removed' },
      ],
      LambdaFunctionConfigurations: [
        { Id: 'parts', LambdaFunctionArn: FUNCTION_ARN, Events: ['s3:ObjectCreated:CompleteMultipartUpload' as const] },
      ],
    };
    await configure(bucket, configuration);
    expect(endpoints.messages(queue).map((body) => JSON.parse(body))).toEqual([
      {
        Service: 'Amazon S3',
        Event: 's3:TestEvent',
        Time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        Bucket: bucket,
        RequestId: expect.any(String),
        HostId: expect.any(String),
      },
    ]);
    const { $metadata, ...returned } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
    expect(returned).toEqual(configuration);
    await configure(bucket, {});
    await put(bucket, 'in/a.jpg');
    expect(endpoints.queueDepth(queue)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
    expect(invocations).toEqual([]);
  });

  test('describe a write as S3 does', async () => {
    const { bucket, queue } = await watchedBucket();
    const before = Date.now();
    await put(bucket, 'in/two words.jpg', 'old');
    const [created] = records(queue);
    expect(created).toEqual({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      awsRegion: 'us-east-1',
      eventTime: expect.any(String),
      eventName: 'ObjectCreated:Put',
      userIdentity: { principalId: expect.any(String) },
      requestParameters: { sourceIPAddress: '127.0.0.1' },
      responseElements: { 'x-amz-request-id': expect.any(String), 'x-amz-id-2': expect.any(String) },
      s3: {
        s3SchemaVersion: '1.0',
        configurationId: expect.any(String),
        bucket: {
          name: bucket,
          ownerIdentity: { principalId: expect.any(String) },
          arn: `arn:aws:s3:::${bucket}`,
        },
        object: {
          key: 'in/two+words.jpg',
          size: 3,
          eTag: md5('old'),
          sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
        },
      },
    });
    const eventTime = Date.parse((created as unknown as { eventTime: string }).eventTime);
    expect(eventTime).toBeGreaterThanOrEqual(before);
  });

  test.each([
    ['two words.jpg', 'two+words.jpg'],
    ['a+b.jpg', 'a%2Bb.jpg'],
    ['a%2Bb.jpg', 'a%252Bb.jpg'],
    ['a/b//c.jpg', 'a/b//c.jpg'],
    ['é😀.jpg', '%C3%A9%F0%9F%98%80.jpg'],
    ["(1)!~'*-._&=.jpg", '%281%29%21%7E%27*-._%26%3D.jpg'],
  ])('name the key %j %s', async (key, encoded) => {
    const { bucket, queue } = await watchedBucket();
    await put(bucket, key);
    expect(records(queue).map((record) => record.s3.object.key)).toEqual([encoded]);
  });

  test('number the writes upwards and leave size and ETag out of removals', async () => {
    const { bucket, queue } = await watchedBucket();
    const object = { Bucket: bucket, Key: 'a.jpg' };
    for (let n = 0; n < 3; n++) await put(bucket, 'a.jpg');
    await s3.send(new DeleteObjectCommand(object));
    await s3.send(new DeleteObjectCommand(object)); // nothing is left to remove
    const objects = records(queue).map((record) => record.s3.object);
    expect(objects).toHaveLength(4);
    expect(Object.keys(objects[3] ?? {})).toEqual(['key', 'sequencer']);
    const sequencers = objects.map(({ sequencer }) => sequencer);
    expect(sequencers).toEqual([...new Set(sequencers)].sort());
  });

  test('reach a function asynchronously', async () => {
    const bucket = newBucket();
    await configure(bucket, {
      LambdaFunctionConfigurations: [{ LambdaFunctionArn: FUNCTION_ARN, Events: ['s3:ObjectCreated:*'] }],
    });
    expect(invocations).toEqual([]); // no test event
    await put(bucket, 'a.jpg');
    await until(() => invocations.length > 0);
    expect(invocations).toMatchObject([{ Records: [{ eventName: 'ObjectCreated:Put' }] }]);
  });

  test('go by event type, prefix and suffix', async () => {
    const [bucket, jpg, png, removed] = [newBucket(), newQueue(), newQueue(), newQueue()];
    await configure(bucket, {
      QueueConfigurations: [
        rule(jpg, ['s3:ObjectCreated:*'], { prefix: 'in/', suffix: '.jpg' }),
        rule(png, ['s3:ObjectCreated:Put'], { prefix: 'in/', suffix: '.png' }),
        rule(png, ['s3:ObjectCreated:*'], { prefix: 'year%3D2026/' }),
        rule(removed, ['s3:ObjectRemoved:Delete']),
      ],
    });
    for (const key of ['in/a.jpg', 'in/a.png', 'in/a.gif', 'a.jpg', 'year=2026/a.gif']) await put(bucket, key);
    await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: 'in/b.png', CopySource: `${bucket}/in/a.png` }));
    await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: 'in/b.jpg', CopySource: `${bucket}/in/a.jpg` }));
    await s3.send(
      new DeleteObjectsCommand({
        Bucket: bucket,
        Delete: { Objects: [{ Key: 'a.jpg' }, { Key: 'none' }], Quiet: true },
      }),
    );
    const keys = (queue: string) => records(queue).map((record) => record.s3.object.key);
    expect(keys(jpg)).toEqual(['in/a.jpg', 'in/b.jpg']);
    expect(keys(png)).toEqual(['in/a.png', 'year%3D2026/a.gif']);
    expect(keys(removed)).toEqual(['a.jpg']);
  });

  test('cover uploads by form', async () => {
    const { bucket, queue } = await watchedBucket();
    const form = new FormData();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is S3's own
    form.append('key', 'in/${filename}');
    form.append('file', new Blob(['bytes']), 'a.jpg');
    expect((await fetch(`${endpoints.url}/${bucket}`, { method: 'POST', body: form })).status).toBe(204);
    expect(records(queue)).toMatchObject([
      { eventName: 'ObjectCreated:Post', s3: { object: { key: 'in/a.jpg', size: 5 } } },
    ]);
  });

  test('are not sent for writes that fail', async () => {
    const { bucket, queue } = await watchedBucket();
    const upload = await startMultipart(bucket, 'a.jpg');
    const wrong = { Parts: [{ PartNumber: 1, ETag: '"0"' }] };
    await expect(
      s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: wrong })),
    ).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(
      s3.send(new CopyObjectCommand({ Bucket: bucket, Key: 'a.jpg', CopySource: `${bucket}/none` })),
    ).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(records(queue)).toEqual([]);
  });

  const created: Event[] = ['s3:ObjectCreated:*'];
  test.each<[string, string, (queue: string) => NotificationConfiguration]>([
    ['an unknown queue', 'InvalidArgument', () => ({ QueueConfigurations: [rule('none', created)] })],
    [
      'an unknown function',
      'InvalidArgument',
      () => ({ LambdaFunctionConfigurations: [{ LambdaFunctionArn: `${FUNCTION_ARN}-2`, Events: created }] }),
    ],
    [
      'a queue as a function',
      'InvalidArgument',
      (queue) => ({
        LambdaFunctionConfigurations: [{ LambdaFunctionArn: endpoints.queueArn(queue), Events: created }],
      }),
    ],
    [
      'an event that never occurs here',
      'InvalidArgument',
      (queue) => ({ QueueConfigurations: [rule(queue, ['s3:ObjectRestore:*'])] }),
    ],
    [
      'two prefixes in one filter',
      'InvalidArgument',
      (queue) => ({ QueueConfigurations: [rule(queue, created, { prefix: 'a', Prefix: 'b' })] }),
    ],
    [
      'overlapping prefixes',
      'InvalidArgument',
      (queue) => ({
        QueueConfigurations: [rule(queue, created, { prefix: 'in/' }), rule(queue, created, { prefix: 'in/a/' })],
      }),
    ],
    [
      'overlapping suffixes under overlapping prefixes',
      'InvalidArgument',
      (queue) => ({
        QueueConfigurations: [
          rule(queue, created, { prefix: 'in/', suffix: '.jpg' }),
          rule(queue, ['s3:ObjectCreated:Put'], { suffix: 'a.jpg' }),
        ],
      }),
    ],
    [
      'a queue and a function for the same events',
      'InvalidArgument',
      (queue) => ({
        QueueConfigurations: [rule(queue, created)],
        LambdaFunctionConfigurations: [{ LambdaFunctionArn: FUNCTION_ARN, Events: created }],
      }),
    ],
    ['EventBridge', 'NotImplemented', () => ({ EventBridgeConfiguration: {} })],
  ])('refuse %s with %s', async (_what, name, configuration) => {
    const { bucket, queue } = await watchedBucket();
    const code = name === 'NotImplemented' ? 501 : 400;
    await expect(configure(bucket, configuration(queue))).rejects.toMatchObject({ name, ...status(code) });
    const { QueueConfigurations } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
    expect(QueueConfigurations).toHaveLength(1); // the one before
    expect(endpoints.messages(queue)).toHaveLength(1);
  });

  test('refuse a bucket that does not exist, and what is not XML', async () => {
    await expect(configure('no-bucket', {})).rejects.toMatchObject({ name: 'NoSuchBucket', ...status(404) });
    const response = await fetch(`${endpoints.url}/${newBucket()}?notification`, { method: 'PUT', body: '<a' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('<Code>MalformedXML</Code>');
  });

  test('end with their bucket', async () => {
    const { bucket } = await watchedBucket();
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    endpoints.createBucket(bucket);
    const { QueueConfigurations } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
    expect(QueueConfigurations).toBeUndefined();
  });
});

describe('queues', () => {
  test('answer every call that names them by their URL', async () => {
    const queue = newQueue();
    const QueueUrl = endpoints.queueUrl(queue);
    await expect(sqs.send(new GetQueueUrlCommand({ QueueName: queue }))).resolves.toMatchObject({ QueueUrl });
    await send(queue, 'a');
    const [first] = (await receive(queue)).Messages ?? [];
    expect(endpoints.queueDepth(queue)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    const { ReceiptHandle } = first ?? {};
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    expect(endpoints.messages(queue)).toEqual(['a']);
    const [second] = (await receive(queue)).Messages ?? [];
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second?.ReceiptHandle }));
    expect(endpoints.queueDepth(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    await send(queue, 'b');
    const [third] = (await receive(queue)).Messages ?? [];
    const Entries = [{ Id: '0', ReceiptHandle: third?.ReceiptHandle }];
    await expect(sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))).resolves.toMatchObject({
      Successful: [{ Id: '0' }],
    });
    const attributes = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(attributes.Attributes).toMatchObject({ QueueArn: endpoints.queueArn(queue), VisibilityTimeout: '30' });
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    const created = await sqs.send(new CreateQueueCommand({ QueueName: `queue-${names}` }));
    expect(created.QueueUrl).toBe(endpoints.queueUrl(`queue-${names++}`));
  });

  test('move a message received too often to the dead-letter queue', async () => {
    const deadLetterQueue = newQueue();
    const queue = newQueue({ visibilityTimeoutSeconds: 0, deadLetterQueue, maxReceiveCount: 2 });
    await send(queue, 'poison');
    for (const count of ['1', '2']) {
      expect((await receive(queue)).Messages?.[0]?.Attributes?.ApproximateReceiveCount).toBe(count);
    }
    expect((await receive(queue)).Messages).toBeUndefined();
    expect(endpoints.messages(deadLetterQueue)).toEqual(['poison']);
  });

  test.each(['{', 'null', '{}'])('refuse the call %s', async (body) => {
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ReceiveMessage' };
    expect((await fetch(endpoints.url, { method: 'POST', headers, body })).status).toBe(400);
  });

  test('wake a long poll on arrival', async () => {
    const queue = newQueue({ receiveWaitSeconds: 20 });
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl: endpoints.queueUrl(queue) }));
    await sleep(50);
    const sent = Date.now();
    await send(queue, 'a');
    expect((await poll).Messages?.[0]?.Body).toBe('a');
    // Half of what a poll that nobody wakes takes: enough for the slowest machine.
    expect(Date.now() - sent).toBeLessThan(10_000);
  });

  test('end an empty long poll after its wait', async () => {
    const started = Date.now();
    expect((await receive(newQueue(), 1)).Messages).toBeUndefined();
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
  });

  test('give one message to one of several polls and leave the others waiting', async () => {
    const queue = newQueue();
    const bodies: unknown[] = [];
    const polls = [1, 2, 3].map(async () => bodies.push((await receive(queue, 20)).Messages?.[0]?.Body));
    await sleep(50);
    for (const [index, body] of ['a', 'b', 'c'].entries()) {
      await send(queue, body);
      await until(() => bodies.length > index);
      expect(bodies).toHaveLength(index + 1);
    }
    await Promise.all(polls);
    expect(bodies.sort()).toEqual(['a', 'b', 'c']);
  });

  test('keep a message from a client that has hung up', async () => {
    const queue = newQueue();
    const controller = new AbortController();
    const polls = [1, 2].map(() => receive(queue, 20, controller.signal));
    await sleep(50);
    controller.abort();
    expect((await Promise.allSettled(polls)).map((poll) => poll.status)).toEqual(['rejected', 'rejected']);
    await send(queue, 'a');
    expect(endpoints.queueDepth(queue)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
    const [message] = (await receive(queue, 20)).Messages ?? [];
    expect(message).toMatchObject({ Body: 'a', Attributes: { ApproximateReceiveCount: '1' } });
  });

  test('are refused when they exist, or their dead-letter queue does not', () => {
    const queue = newQueue();
    expect(() => endpoints.createQueue(queue, { visibilityTimeoutSeconds: 1 })).toThrow(`${queue} exists`);
    expect(() => newQueue({ deadLetterQueue: 'none', maxReceiveCount: 1 })).toThrow('no queue none');
    expect(() => newQueue({ deadLetterQueue: queue })).toThrow('go together');
    expect(() => endpoints.queueDepth('none')).toThrow('no queue none');
  });
});

describe('the server', () => {
  const addresses = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address)
    .filter((address) => address !== '127.0.0.1' && !address.startsWith('fe80'));

  test('listens on 127.0.0.1 only', async () => {
    expect(new URL(endpoints.url).hostname).toBe('127.0.0.1');
    for (const host of addresses) {
      const socket = createConnection({ host, port: Number(new URL(endpoints.url).port) });
      const outcome = await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
      socket.destroy();
      expect({ host, outcome }).toEqual({ host, outcome: expect.objectContaining({ syscall: 'connect' }) });
    }
  });

  test('answers no request that names another host, whatever it asks for', async () => {
    const port = Number(new URL(endpoints.url).port);
    const bucket = newBucket();
    const others = ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`, `0.0.0.0:${port}`];
    const disguised = [`127.0.0.1.evil.example:${port}`, `localhost.evil.example:${port}`, `notlocalhost:${port}`, ''];
    for (const host of [...others, ...disguised]) {
      for (const [method, target] of [
        ['GET', '/'],
        ['PUT', `/${bucket}/a`],
        ['GET', '/%zz'],
        ['OPTIONS', '*'],
        ['GET', `http://127.0.0.1:${port}/`],
      ]) {
        const answer = await rawRequest(port, `${method} ${target} HTTP/1.1`, `Host: ${host}`);
        expect({ host, target, answer }).toEqual({ host, target, answer: refusal(port, 'this host is not ours') });
      }
    }
    expect(await rawRequest(port, `PUT /${bucket}/a HTTP/1.0`)).toEqual(refusal(port, 'this host is not ours'));
    const twice = [`Host: 127.0.0.1:${port}`, 'Host: evil.example'];
    expect(await rawRequest(port, `PUT /${bucket}/a HTTP/1.1`, ...twice)).toEqual(
      refusal(port, 'this host is not ours'),
    );
    expect(endpoints.listObjects(bucket)).toEqual([]);
  });

  test('answers no request that a web page makes a browser send', async () => {
    const port = Number(new URL(endpoints.url).port);
    const bucket = newBucket();
    for (const header of [
      'Origin: https://evil.example',
      'Origin: null',
      `Origin: http://127.0.0.1:${port}`,
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Site: same-site',
      'Sec-Fetch-Site: same-origin',
    ]) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const answer = await rawRequest(port, `${method} /${bucket}/a HTTP/1.1`, `Host: 127.0.0.1:${port}`, header);
        expect({ header, answer }).toEqual({ header, answer: refusal(port, 'this request comes from a web page') });
      }
    }
    expect(endpoints.listObjects(bucket)).toEqual([]);
  });

  test.each(['127.0.0.1', 'localhost', 'LocalHost', '[::1]'])('answers requests to %s', async (host) => {
    const { port } = new URL(endpoints.url);
    const bucket = newBucket();
    const typed = 'Sec-Fetch-Site: none';
    const answer = await rawRequest(Number(port), `PUT /${bucket}/a HTTP/1.1`, `Host: ${host}:${port}`, typed);
    expect(answer.status).toBe(200);
    expect(endpoints.listObjects(bucket)).toMatchObject([{ key: 'a', bytes: 4 }]);
  });

  test('answers requests in the virtual-hosted style, by a name below localhost', async () => {
    const { port } = new URL(endpoints.url);
    const bucket = newBucket();
    const answer = await rawRequest(Number(port), 'PUT /a HTTP/1.1', `Host: ${bucket}.localhost:${port}`);
    expect(answer.status).toBe(200);
    expect(endpoints.listObjects(bucket)).toMatchObject([{ key: 'a' }]);
  });

  test('closes at once under long polls and idle connections, and frees its port', async () => {
    const other = await startEndpoints();
    const local = clients(other.url);
    other.createBucket('bucket');
    other.createQueue('queue', { visibilityTimeoutSeconds: 30 });
    await local.s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a', Body: 'a' })); // stays open, idle
    const poll = local.sqs.send(new ReceiveMessageCommand({ QueueUrl: other.queueUrl('queue'), WaitTimeSeconds: 20 }));
    await sleep(50);
    const started = Date.now();
    await other.close();
    // The poll alone would take twice as long.
    expect(Date.now() - started).toBeLessThan(10_000);
    await Promise.allSettled([poll]);
    const again = await startEndpoints({ port: Number(new URL(other.url).port) });
    expect(again.url).toBe(other.url);
    await again.close();
    local.s3.destroy();
    local.sqs.destroy();
  });
});
