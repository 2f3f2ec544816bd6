import { MAX_EVENT_RECORDS } from './contract';

/**
 * Reads what S3 says has happened.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */

/**
 * One version of one source object, as an event names it. The size that the event states is not among it: nothing is
 * decided by it, because the object may have been replaced or deleted since, and events can be forged.
 */
export interface SourceVersion {
  readonly bucket: string;
  /** Decoded. */
  readonly key: string;
  /** Without quotes. Not an MD5 after a multipart upload. */
  readonly etag: string | undefined;
  /** Hexadecimal, of varying length. Orders the events of one key; see {@link compareSequencers}. */
  readonly sequencer: string | undefined;
}

/** What one record of an event asks for. */
export type EventRecord =
  | { readonly kind: 'created'; readonly version: SourceVersion }
  /** Nothing to do, and nothing wrong. */
  | { readonly kind: 'ignored'; readonly detail: string }
  /** Nobody can read it. Never acknowledged, so that it ends in the failure queue. */
  | { readonly kind: 'malformed'; readonly detail: string };

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MAX_KEY_BYTES = 1024;

/**
 * Reads the body of a queue message or the payload of an invocation. Never throws, and judges every record by itself: one
 * that nobody can read does not keep the others from being processed.
 */
export function parseS3Event(body: unknown): EventRecord[] {
  let event = body;
  if (typeof body === 'string') {
    try {
      event = JSON.parse(body);
    } catch {
      return [malformed('the body is not JSON')];
    }
  }
  if (!isObject(event)) return [malformed('the body is not a JSON object')];
  // Sent once, when the notification is configured. It has no Records.
  if (event.Event === 's3:TestEvent' && !event.Records) return [{ kind: 'ignored', detail: 's3:TestEvent' }];
  if (!Array.isArray(event.Records)) return [malformed('the body has no Records; expected an event sent by S3 itself')];
  const { length } = event.Records;
  if (length === 0) return [{ kind: 'ignored', detail: 'an event without records' }];
  if (length > MAX_EVENT_RECORDS) return [malformed(`${length} records; at most ${MAX_EVENT_RECORDS} are accepted`)];
  return event.Records.map(parseRecord);
}

function parseRecord(record: unknown): EventRecord {
  if (!isObject(record) || record.eventSource !== 'aws:s3') return malformed('eventSource is not aws:s3');
  // Minor versions only add fields; a new major version may mean something else by the same names.
  if (!matches(record.eventVersion, /^2\.\d+$/)) {
    return malformed(`eventVersion is ${clip(record.eventVersion)}, expected "2.x"`);
  }
  if (typeof record.eventName !== 'string') return malformed(`eventName is ${clip(record.eventName)}, expected text`);
  if (!record.eventName.startsWith('ObjectCreated:')) return { kind: 'ignored', detail: clip(record.eventName) };

  const s3 = isObject(record.s3) ? record.s3 : {};
  const bucket = isObject(s3.bucket) ? s3.bucket.name : undefined;
  const object = isObject(s3.object) ? s3.object : {};
  if (!matches(bucket, /^.{1,255}$/)) return malformed(`the name of the bucket is ${clip(bucket)}`);
  if (typeof object.key !== 'string' || !object.key) return malformed(`the key is ${clip(object.key)}`);
  const key = decodeKey(object.key);
  if (key === undefined) return malformed(`the key ${clip(object.key)} is not URL-encoded UTF-8`);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return malformed(`the key ${clip(key)} is longer than S3 allows`);

  const { eTag, sequencer } = object;
  // Both travel in headers: nothing but what S3 itself writes is let through.
  if (eTag !== undefined && !matches(eTag, /^[\w-]{1,128}$/)) return malformed(`eTag is ${clip(eTag)}`);
  if (sequencer !== undefined && !matches(sequencer, /^[0-9A-Fa-f]{1,64}$/)) {
    return malformed(`sequencer is ${clip(sequencer)}, expected hexadecimal digits`);
  }
  return {
    kind: 'created',
    version: {
      bucket: bucket as string,
      key,
      etag: eTag as string | undefined,
      sequencer: sequencer as string | undefined,
    },
  };
}

/**
 * Keys in events are encoded like HTML forms: a space is `+`.
 * @returns undefined if it is no text. Half of a surrogate pair is none either: it cannot be encoded again for a request,
 *   which would fail again and again as if S3 were away
 */
function decodeKey(encoded: string): string | undefined {
  try {
    const key = decodeURIComponent(encoded.replaceAll('+', ' '));
    return key.isWellFormed() ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Orders two versions of one key: negative when `a` is older, 0 when they are the same. Sequencers differ in length;
 * S3 asks to compare them as strings with the shorter one padded with zeros on the right. A missing one sorts lowest.
 */
export function compareSequencers(a: string | undefined, b: string | undefined): number {
  if (!a || !b) return Number(Boolean(a)) - Number(Boolean(b));
  const length = Math.max(a.length, b.length);
  const [left, right] = [a, b].map((sequencer) => sequencer.toUpperCase().padEnd(length, '0')) as [string, string];
  return left < right ? -1 : Number(left > right);
}

function malformed(detail: string): EventRecord {
  return { kind: 'malformed', detail };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text only: what else JSON can hold would be converted on the way, or throw. */
function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

/**
 * A hostile value, short enough for a log line. Of lists and objects only that they are there: they may be nested so
 * deeply that writing them out overflows the stack.
 */
function clip(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  return JSON.stringify(value).slice(0, 120);
}
