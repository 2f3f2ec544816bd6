/**
 * S3 and SQS on 127.0.0.1, in this process, for the local run and for tests. fauxqs does the bulk; what it lacks of S3
 * is in `s3-bridge.ts`, what it lacks of SQS is here.
 *
 * Objects and messages live in memory: evict what is no longer needed.
 */
import type { RequestListener } from 'node:http';
import { XmlNode } from '@aws-sdk/xml-builder';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { addCallHooks, type CallHooks, callerOf, sqsOperation } from './call-hooks';
import { ownRequests } from './own-requests';
import { ACCOUNT, Permissions, type Refusal } from './permissions';
import { bareEtag, bridgeS3, deletedKeys, findObject } from './s3-bridge';

/** The largest object S3 takes in one PutObject, in bytes. */
const MAX_PUT_BYTES = 5 * 2 ** 30;

/**
 * One server that is both S3 (path-style) and SQS. Signatures are not checked; who signed is judged by `permissions`.
 */
export interface Endpoints {
  /** `http://127.0.0.1:<port>`, the `endpoint` of S3 and SQS clients alike. */
  readonly url: string;
  /** Who may do what. Anybody may do anything until the first way has been added. */
  readonly permissions: Permissions;
  /** `<url>/000000000000/<name>`. The queue need not exist. */
  queueUrl(name: string): string;
  /** `arn:aws:sqs:<region>:000000000000:<name>`. The queue need not exist. */
  queueArn(name: string): string;
  /** Throws on a name S3 does not allow. An existing bucket stays as it is. */
  createBucket(name: string): void;
  /** Throws if the queue exists, its dead-letter queue does not, or only one half of the redrive policy is given. */
  createQueue(name: string, options: QueueOptions): void;
  /**
   * Registers the target of a LambdaFunctionConfiguration. `invoke` gets each event after the write has been answered;
   * it must not throw.
   */
  registerFunction(arn: string, invoke: (event: unknown) => void): void;
  /** Messages by state, without receiving any. Throws if there is no such queue, as `messages` does. */
  queueDepth(name: string): { visible: number; inFlight: number; delayed: number };
  /** Bodies of the visible messages, without receiving them. */
  messages(name: string): string[];
  /** By key, in the order of S3. ETags have no quotes. Throws if there is no such bucket. */
  listObjects(bucket: string): { key: string; etag: string; bytes: number }[];
  /** Metadata keys are lower case, the ETag has no quotes. `body` is the stored bytes, not a copy. */
  getObject(bucket: string, key: string): StoredObject | undefined;
  /** Frees the memory an object takes, without an event. Throws if there is no such bucket. */
  evict(bucket: string, key: string): void;
  /** Ends open long polls and connections. Resolves when the port is free. */
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly visibilityTimeoutSeconds: number;
  /** How long a receive waits that does not say so itself. Default 0. */
  readonly receiveWaitSeconds?: number;
  /** Name of an existing queue. Goes with `maxReceiveCount`. */
  readonly deadLetterQueue?: string;
  readonly maxReceiveCount?: number;
}

export interface StoredObject {
  readonly body: Buffer;
  readonly metadata: Record<string, string>;
  readonly contentType: string;
  readonly etag: string;
}

export interface EndpointsOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Region of ARNs and events. Default `us-east-1`; clients must use the same. */
  readonly region?: string;
  /** Called for every request, and able to disturb it. */
  readonly hooks?: CallHooks;
  /** Called with each event of a bucket in place of its delivery, to deliver it late, twice or in another order. */
  readonly onEvent?: (event: BucketEvent, deliver: (event: BucketEvent) => void) => void;
}

/** As far as it is of interest here. */
export interface BucketEvent {
  /** Absent in the event that tests a configuration. */
  readonly Records?: readonly { readonly s3: { readonly object: EventObject } }[];
}

interface EventObject {
  /** Form-encoded, with slashes. */
  readonly key: string;
  readonly eTag: string;
  readonly sequencer: string;
}

/** Starts S3 and SQS. Rejects if the port is taken. */
export async function startEndpoints(options: EndpointsOptions = {}): Promise<Endpoints> {
  const { port = 0, region = 'us-east-1', hooks, onEvent } = options;
  // fauxqs is published as ES modules, without the stores among its exports.
  const [{ buildApp }, { S3Store }, { SqsStore }, { SnsStore }] = await Promise.all([
    import('../../node_modules/fauxqs/dist/app.js'),
    import('../../node_modules/fauxqs/dist/s3/s3Store.js'),
    import('../../node_modules/fauxqs/dist/sqs/sqsStore.js'),
    import('../../node_modules/fauxqs/dist/sns/snsStore.js'),
  ]);
  const s3 = new S3Store();
  const sqs = new SqsStore();
  const functions = new Map<string, (event: unknown) => void>();
  let closing = false;

  sqs.host = ''; // queue URLs then name the address the client used, not sqs.<region>.localhost
  const app: FastifyInstance = buildApp({
    logger: false,
    defaultRegion: region,
    stores: { s3Store: s3, sqsStore: sqs, snsStore: new SnsStore() },
  });

  // An object may be of any type and size. fauxqs's own parsers take JSON and forms apart and stop at 11 MiB.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: MAX_PUT_BYTES },
    async (_request: unknown, body: Buffer) => body,
  );

  app.addHook('preHandler', (request, _reply, done) => {
    if (sqsOperation(request) !== undefined) request.body = parseJson(request.body);
    done();
  });
  // Before anything else can look or write: a call that is held up must meet the state of the moment it goes on.
  if (hooks) addCallHooks(app, hooks);

  const permissions = new Permissions(region);
  const exists = (bucket: string, key: string) => findObject(s3, bucket, key) !== undefined;
  app.addHook('preHandler', (request, reply, done) => {
    const { bucket, '*': key } = request.params as { bucket?: string; '*'?: string };
    const query = request.query as Record<string, string>;
    const operation = sqsOperation(request);
    const refusal = permissions.judge(
      {
        caller: callerOf(request),
        method: request.method,
        headers: request.headers,
        query,
        bucket,
        key,
        keys: 'delete' in query ? deletedKeys(request.body) : undefined,
        operation,
        input: operation === undefined ? {} : (request.body as Record<string, unknown>),
      },
      exists,
    );
    if (!refusal) return done();
    return sendRefusal(reply, refusal, operation !== undefined);
  });

  const through = (deliver: (event: unknown) => void) =>
    onEvent ? (event: unknown) => onEvent(event as BucketEvent, deliver) : deliver;

  await bridgeS3(app, s3, region, {
    Queue: (arn) => {
      const queue = sqs.getQueueByArn(arn);
      // S3 does not send to FIFO queues.
      if (queue === undefined || queue.isFifo()) return undefined;
      const delaySeconds = Number(queue.attributes.DelaySeconds);
      return through((event) => queue.enqueue(SqsStore.createMessage(JSON.stringify(event), {}, delaySeconds)));
    },
    CloudFunction: (arn) => {
      const invoke = functions.get(arn);
      return invoke && through((event) => setImmediate(invoke, event));
    },
    mayDeliver: (kind, arn, bucket) => permissions.mayDeliver(kind, arn, bucket),
  });

  // The long poll itself. fauxqs dequeues for a client that has hung up, and ends every poll of a queue early when one
  // message arrives. Here the dequeue follows, in the same turn, the check that there is a message and a client.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.headers['x-amz-target'] !== 'AmazonSQS.ReceiveMessage') return done();
    const body = request.body as ReceiveInput;
    const queue = sqs.getQueue(body.QueueUrl ?? '');
    const waitSeconds = body.WaitTimeSeconds ?? Number(queue?.attributes.ReceiveMessageWaitTimeSeconds);
    // What cannot wait, or is wrong, is for fauxqs to answer.
    if (queue === undefined || queue.isFifo() || !(waitSeconds > 0 && waitSeconds <= 20)) return done();
    const deadline = Date.now() + waitSeconds * 1000;
    const receive = (): void => {
      if (!request.raw.socket.writable) return;
      queue.processTimers();
      const leftSeconds = (deadline - Date.now()) / 1000;
      if (queue.messages.length === 0 && leftSeconds > 0 && !closing) {
        void queue.waitForMessages(leftSeconds).then(receive);
        return;
      }
      body.WaitTimeSeconds = 0;
      done();
    };
    receive();
  });

  // Around Fastify, which answers some requests before any of its hooks.
  const listeners = app.server.listeners('request') as RequestListener[];
  app.server.removeAllListeners('request');
  for (const listener of listeners) app.server.on('request', ownRequests(listener));

  const url = await app.listen({ host: '127.0.0.1', port });
  const queueUrl = (name: string) => `${url}/${ACCOUNT}/${name}`;
  const queueArn = (name: string) => `arn:aws:sqs:${region}:${ACCOUNT}:${name}`;

  function inspect(name: string) {
    const queue = sqs.getQueueByName(name);
    if (queue === undefined) throw new Error(`There is no queue ${name}.`);
    queue.processTimers();
    return queue.inspectMessages();
  }

  return {
    url,
    permissions,
    queueUrl,
    queueArn,
    createBucket: (name) => s3.createBucket(name),
    createQueue: (name, { visibilityTimeoutSeconds, receiveWaitSeconds = 0, deadLetterQueue, maxReceiveCount }) => {
      if (sqs.getQueueByName(name) !== undefined) throw new Error(`The queue ${name} exists already.`);
      if ((deadLetterQueue === undefined) !== (maxReceiveCount === undefined)) {
        throw new Error(`Queue ${name}: deadLetterQueue and maxReceiveCount go together.`);
      }
      const attributes: Record<string, string> = {
        VisibilityTimeout: String(visibilityTimeoutSeconds),
        ReceiveMessageWaitTimeSeconds: String(receiveWaitSeconds),
      };
      if (deadLetterQueue !== undefined) {
        inspect(deadLetterQueue);
        attributes.RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn(deadLetterQueue), maxReceiveCount });
      }
      sqs.createQueue(name, queueUrl(name), queueArn(name), attributes);
    },
    registerFunction: (arn, invoke) => {
      functions.set(arn, invoke);
    },
    queueDepth: (name) => {
      const { ready, inflight, delayed } = inspect(name);
      return { visible: ready.length, inFlight: inflight.length, delayed: delayed.length };
    },
    messages: (name) => inspect(name).ready.map(({ body }) => body),
    listObjects: (bucket) => {
      const { objects } = s3.listObjects(bucket, { maxKeys: Number.POSITIVE_INFINITY });
      return objects.map(({ key, etag, contentLength }) => ({ key, etag: bareEtag(etag), bytes: contentLength }));
    },
    getObject: (bucket, key) => {
      try {
        const { body, metadata, contentType, etag } = s3.getObject(bucket, key);
        return { body, metadata, contentType, etag: bareEtag(etag) };
      } catch {
        return undefined;
      }
    },
    evict: (bucket, key) => S3Store.prototype.deleteObject.call(s3, bucket, key),
    close: async () => {
      closing = true;
      await app.close();
    },
  };
}

/** As S3 and SQS refuse. */
function sendRefusal(reply: FastifyReply, { status, code, message }: Refusal, isSqs: boolean) {
  reply.code(status);
  if (isSqs) {
    const [type, query] = {
      AccessDenied: ['AccessDeniedException', 'AccessDenied'],
      InvalidAccessKeyId: ['UnrecognizedClientException', 'InvalidClientTokenId'],
      NotImplemented: ['UnknownOperationException', 'InvalidAction'],
    }[code] as [string, string];
    reply.header('x-amzn-query-error', `${query};Sender`).type('application/x-amz-json-1.0');
    return reply.send(JSON.stringify({ __type: `com.amazon.coral.service#${type}`, message }));
  }
  const error = new XmlNode('Error', [XmlNode.of('Code', code), XmlNode.of('Message', message)]);
  return reply.type('application/xml').send(`<?xml version="1.0" encoding="UTF-8"?>\n${error}`);
}

interface ReceiveInput {
  QueueUrl?: string;
  WaitTimeSeconds?: number;
}

/** The body of a call to SQS; of one that is not JSON, no parameters, which fauxqs refuses. */
function parseJson(body: unknown): Record<string, unknown> {
  try {
    return Object(JSON.parse(String(body)));
  } catch {
    return {};
  }
}
