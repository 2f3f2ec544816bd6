/**
 * What fauxqs 2.4.1 lacks of S3, in one place: bucket notifications, conditional requests, the order of listings and
 * keys that XML must escape. What is missing still is refused where fauxqs would take it for something else.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { parseXML, XmlNode } from '@aws-sdk/xml-builder';
import type { FastifyInstance } from 'fastify';
import type { S3Store } from '../../node_modules/fauxqs/dist/s3/s3Store.js';

type S3Object = ReturnType<S3Store['headObject']>;
type TargetKind = 'Queue' | 'CloudFunction';

/**
 * Where events go, by the XML element that names the target's ARN. Each looks an ARN up and returns what delivers an
 * event to it, or nothing if there is no such target.
 */
export type EventTargets = Record<TargetKind, (arn: string) => ((event: unknown) => void) | undefined> & {
  /** Whether S3 may send the events of a bucket there. */
  readonly mayDeliver: (kind: TargetKind, arn: string, bucket: string) => boolean;
};

/** One QueueConfiguration or CloudFunctionConfiguration. Prefix and suffix are URL-encoded, as S3 wants them. */
interface NotificationRule {
  readonly id: string;
  readonly kind: TargetKind;
  readonly arn: string;
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** What `parseXML` makes of elements that may repeat: nothing, one value or an array. */
type Repeated<T> = T | T[] | undefined;

interface RuleXml {
  Id?: string;
  Queue?: string;
  CloudFunction?: string;
  Event?: Repeated<string>;
  Filter?: { S3Key?: { FilterRule?: Repeated<{ Name: string; Value: string }> } };
}

interface NotificationXml {
  QueueConfiguration?: Repeated<RuleXml>;
  CloudFunctionConfiguration?: Repeated<RuleXml>;
  TopicConfiguration?: unknown;
  EventBridgeConfiguration?: unknown;
}

interface DeleteXml {
  Quiet?: string;
  Object?: Repeated<{ Key: string }>;
}

const XML_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** The events that can occur here. Others S3 knows are refused: a rule that never fires would be silent. */
const EVENTS = new Set([
  's3:ObjectCreated:*',
  's3:ObjectCreated:Put',
  's3:ObjectCreated:Post',
  's3:ObjectCreated:Copy',
  's3:ObjectCreated:CompleteMultipartUpload',
  's3:ObjectRemoved:*',
  's3:ObjectRemoved:Delete',
]);

/** What a request may ask for by a query parameter without a value, and change something. */
const SUBRESOURCES = new Set(['delete', 'lifecycle', 'notification', 'uploads']);

/**
 * Makes `s3` and the routes of `app` behave as S3 does. Call it before `app` listens.
 *
 * A queue or function named in a notification configuration must be in `targets` when the configuration is put.
 */
export async function bridgeS3(
  app: FastifyInstance,
  s3: S3Store,
  region: string,
  targets: EventTargets,
): Promise<void> {
  const { S3Error } = await import('../../node_modules/fauxqs/dist/common/errors.js');
  const { putObject, completeMultipartUpload, deleteObject, deleteBucket, listObjects } = s3;
  const notifications = new Map<string, NotificationRule[]>();
  let sequence = BigInt(Date.now()) << 20n; // continues upwards after a restart
  // fauxqs's handler runs, and writes, before `done()` returns: this is always about the request being handled.
  let current = { bucket: '', created: '' };

  const refuse = (code: string, message: string, status = 400) => new S3Error(code, message, status);

  function notify(bucket: string, eventName: string, key: string, described: object): void {
    sequence++;
    const encodedKey = encodeKey(key);
    for (const rule of notifications.get(bucket) ?? []) {
      if (!rule.events.some((event) => covers(event, `s3:${eventName}`))) continue;
      if (!encodedKey.startsWith(rule.prefix) || !encodedKey.endsWith(rule.suffix)) continue;
      const record = {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: region,
        eventTime: new Date().toISOString(),
        eventName,
        userIdentity: { principalId: 'AWS:LOCAL' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: { 'x-amz-request-id': hexId(), 'x-amz-id-2': hexId() },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: rule.id,
          bucket: { name: bucket, ownerIdentity: { principalId: 'LOCAL' }, arn: `arn:aws:s3:::${bucket}` },
          object: { key: encodedKey, ...described, sequencer: sequence.toString(16).toUpperCase().padStart(18, '0') },
        },
      };
      // Nobody is told of an event that S3 may not deliver.
      if (targets.mayDeliver(rule.kind, rule.arn, bucket)) targets[rule.kind](rule.arn)?.({ Records: [record] });
    }
  }

  function created(eventName: string, object: S3Object): S3Object {
    const described = { size: object.contentLength, eTag: bareEtag(object.etag) };
    notify(current.bucket, `ObjectCreated:${eventName}`, object.key, described);
    return object;
  }

  const find = (bucket: string, key: string) => findObject(s3, bucket, key);

  s3.putObject = (...args) => created(current.created, putObject.apply(s3, args));

  s3.completeMultipartUpload = (...args) => created('CompleteMultipartUpload', completeMultipartUpload.apply(s3, args));

  s3.deleteObject = (bucket, key) => {
    const existed = find(bucket, key) !== undefined;
    deleteObject.call(s3, bucket, key);
    if (existed) notify(bucket, 'ObjectRemoved:Delete', key, {});
  };

  s3.deleteBucket = (bucket) => {
    deleteBucket.call(s3, bucket);
    notifications.delete(bucket);
  };

  // fauxqs sorts by locale but pages by code unit, so that a second page can miss keys. S3 sorts by UTF-8.
  s3.listObjects = (bucket, { prefix = '', delimiter = '', maxKeys = 1000, startAfter, marker } = {}) => {
    const { objects } = listObjects.call(s3, bucket, { prefix, maxKeys: Number.POSITIVE_INFINITY });
    const entries = new Map<string, S3Object | undefined>();
    for (const object of objects.sort((a, b) => compareUtf8(a.key, b.key))) {
      const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length);
      const name = end === -1 ? object.key : object.key.slice(0, end + delimiter.length);
      if (compareUtf8(name, startAfter ?? marker ?? '') > 0) entries.set(name, end === -1 ? object : undefined);
    }
    const page = [...entries].slice(0, maxKeys);
    return {
      objects: page.flatMap(([, object]) => object ?? []),
      commonPrefixes: page.filter(([, object]) => object === undefined).map(([name]) => name),
      isTruncated: entries.size > maxKeys,
    };
  };

  function parse<T>(root: string, body: unknown): T {
    let document: Record<string, T | undefined> = {};
    try {
      document = parseXML(String(body));
    } catch {}
    const value = document[root];
    if (value === undefined) throw refuse('MalformedXML', `The body is not a ${root} document.`);
    return value;
  }

  function parseRule(kind: TargetKind, xml: RuleXml): NotificationRule {
    const arn = xml[kind] ?? '';
    const events = many(xml.Event);
    if (events.length === 0 || !events.every((event) => EVENTS.has(event))) {
      const expected = [...EVENTS].join(', ');
      throw refuse('InvalidArgument', `Expected events among ${expected}; got ${events.join(', ') || 'none'}.`);
    }
    if (targets[kind](arn) === undefined) throw refuse('InvalidArgument', `There is no destination ${arn}.`);
    const filter = new Map<string, string>();
    for (const { Name, Value } of many(xml.Filter?.S3Key?.FilterRule)) {
      const name = Name.toLowerCase();
      if (!['prefix', 'suffix'].includes(name) || filter.has(name)) {
        throw refuse('InvalidArgument', `A filter takes one prefix and one suffix, not another ${Name}.`);
      }
      filter.set(name, Value);
    }
    const prefix = filter.get('prefix') ?? '';
    const suffix = filter.get('suffix') ?? '';
    return { id: xml.Id ?? randomUUID(), kind, arn, events, prefix, suffix };
  }

  function putNotifications(bucket: string, body: unknown): void {
    const xml = parse<NotificationXml>('NotificationConfiguration', body);
    if (xml.TopicConfiguration !== undefined || xml.EventBridgeConfiguration !== undefined) {
      throw refuse('NotImplemented', 'Notifications go to queues and functions only.', 501);
    }
    const rules = [
      ...many(xml.QueueConfiguration).map((rule) => parseRule('Queue', rule)),
      ...many(xml.CloudFunctionConfiguration).map((rule) => parseRule('CloudFunction', rule)),
    ];
    const clash = rules.find((rule, index) => rules.slice(0, index).some((other) => overlap(rule, other)));
    if (clash !== undefined) {
      throw refuse('InvalidArgument', `Configuration ${clash.id} overlaps another one for the same event type.`);
    }
    const forbidden = rules.find(({ kind, arn }) => !targets.mayDeliver(kind, arn, bucket));
    if (forbidden !== undefined) {
      const why = `S3 may not send it the events of ${bucket}`;
      const message = `Unable to validate the following destination configurations: ${forbidden.arn}, ${why}.`;
      throw refuse('InvalidArgument', message);
    }
    notifications.set(bucket, rules);
    const test = { Service: 'Amazon S3', Event: 's3:TestEvent', Time: new Date().toISOString(), Bucket: bucket };
    // S3 tests queues with a message; of a function it only checks the permission.
    for (const arn of new Set(rules.filter(({ kind }) => kind === 'Queue').map((rule) => rule.arn))) {
      targets.Queue(arn)?.({ ...test, RequestId: hexId(), HostId: hexId() });
    }
  }

  function deleteObjects(bucket: string, body: unknown): XmlNode {
    const { Quiet, Object: objects } = parse<DeleteXml>('Delete', body);
    const keys = many(objects).map(({ Key }) => Key);
    for (const key of keys) s3.deleteObject(bucket, key);
    const deleted = Quiet === 'true' ? [] : keys.map((key) => new XmlNode('Deleted', [XmlNode.of('Key', key)]));
    return new XmlNode('DeleteResult', deleted).addAttribute('xmlns', XML_NAMESPACE);
  }

  /** Whether a read is answered by 304. Throws if a condition does not hold. */
  function notModified(headers: Record<string, unknown>, object: S3Object | undefined, isWrite: boolean): boolean {
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
    const failed = refuse('PreconditionFailed', 'A condition of the request does not hold.', 412);
    if (isWrite && ifNoneMatch !== undefined && ifNoneMatch !== '*') {
      throw refuse('NotImplemented', 'If-None-Match of a write takes * only.', 501);
    }
    if (object === undefined) {
      if (isWrite && ifMatch !== undefined) throw refuse('NoSuchKey', 'The specified key does not exist.', 404);
      return false;
    }
    const matches = (condition: unknown) => condition === '*' || bareEtag(String(condition)) === bareEtag(object.etag);
    if (ifMatch !== undefined) {
      if (!matches(ifMatch)) throw failed;
      headers['if-match'] = object.etag; // fauxqs compares it with the quoted ETag only
    }
    if (ifNoneMatch === undefined || !matches(ifNoneMatch)) return false;
    if (isWrite) throw failed;
    return true;
  }

  // Callback style on purpose: nothing can run between this check and the write in fauxqs's handler.
  app.addHook('preHandler', (request, reply, done) => {
    const { bucket, '*': key = '' } = request.params as { bucket?: string; '*'?: string };
    if (bucket === undefined) return done();
    const { method, headers } = request;
    const query = request.query as Record<string, string>;
    request.body ??= Buffer.alloc(0);
    current = { bucket, created: method === 'POST' ? 'Post' : 'x-amz-copy-source' in headers ? 'Copy' : 'Put' };
    const sendXml = (xml: XmlNode | string) => reply.type('application/xml').send(String(xml));
    const isRead = method === 'GET' || method === 'HEAD';
    try {
      // To fauxqs, PutObjectTagging is a PutObject and DeleteObjectTagging a DeleteObject.
      const subresource = Object.keys(query).find((name) => query[name] === '' && !SUBRESOURCES.has(name));
      if (subresource !== undefined && !isRead)
        throw refuse('NotImplemented', `There is no ?${subresource} here.`, 501);
      if (key !== '') {
        const isWrite =
          (method === 'PUT' && !('partNumber' in query)) ||
          (method === 'POST' && 'uploadId' in query) ||
          (method === 'DELETE' && !('uploadId' in query));
        const object = find(bucket, key);
        if ((isRead || isWrite) && notModified(headers, object, isWrite)) {
          return reply.code(304).header('etag', object?.etag).send();
        }
      } else if ('notification' in query && (method === 'PUT' || method === 'GET')) {
        if (!s3.hasBucket(bucket)) throw refuse('NoSuchBucket', 'The specified bucket does not exist.', 404);
        if (method === 'GET') return sendXml(notificationXml(notifications.get(bucket) ?? []));
        putNotifications(bucket, request.body);
        return reply.send();
      } else if ('delete' in query && method === 'POST') {
        return sendXml(deleteObjects(bucket, request.body));
      }
    } catch (error) {
      if (!(error instanceof S3Error)) return done(error as Error);
      reply.code(error.statusCode);
      return sendXml(error.toXml());
    }
    done();
  });

  // A literal carriage return in XML reads as a line feed.
  app.addHook('onSend', (_request, _reply, payload, done) => {
    done(null, typeof payload === 'string' ? payload.replaceAll('\r', '&#xD;') : payload);
  });
}

function notificationXml(rules: NotificationRule[]): XmlNode {
  const configurations = rules.map(({ id, kind, arn, events, prefix, suffix }) => {
    const filters = Object.entries({ Prefix: prefix, Suffix: suffix })
      .filter(([, value]) => value !== '')
      .map(([name, value]) => new XmlNode('FilterRule', [XmlNode.of('Name', name), XmlNode.of('Value', value)]));
    return new XmlNode(`${kind}Configuration`, [
      XmlNode.of('Id', id),
      XmlNode.of(kind, arn),
      ...events.map((event) => XmlNode.of('Event', event)),
      ...(filters.length === 0 ? [] : [new XmlNode('Filter', [new XmlNode('S3Key', filters)])]),
    ]);
  });
  return new XmlNode('NotificationConfiguration', configurations).addAttribute('xmlns', XML_NAMESPACE);
}

/** Whether two rules could both fire for one event, which S3 does not allow. */
function overlap(a: NotificationRule, b: NotificationRule): boolean {
  return (
    a.events.some((x) => b.events.some((y) => covers(x, y) || covers(y, x))) &&
    (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix)) &&
    (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix))
  );
}

function covers(pattern: string, event: string): boolean {
  return pattern === event || (pattern.endsWith('*') && event.startsWith(pattern.slice(0, -1)));
}

/** As events name keys: form-encoded, but with slashes. */
function encodeKey(key: string): string {
  return new URLSearchParams({ '': key }).toString().slice(1).replaceAll('%2F', '/');
}

/** An ETag without its quotes. */
export function bareEtag(etag: string): string {
  return etag.replaceAll('"', '');
}

/** An object, without its body. */
export function findObject(s3: S3Store, bucket: string, key: string): S3Object | undefined {
  try {
    return s3.headObject(bucket, key);
  } catch {
    return undefined;
  }
}

/** What a call that deletes many objects names. Nothing, when it is no such document. */
export function deletedKeys(body: unknown): string[] {
  try {
    const { Delete } = parseXML(String(body)) as { Delete?: DeleteXml };
    return many(Delete?.Object).map(({ Key }) => Key);
  } catch {
    return [];
  }
}

function many<T>(value: Repeated<T>): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function hexId(): string {
  return randomBytes(8).toString('hex').toUpperCase();
}
