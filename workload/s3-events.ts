/**
 * Reads what S3 says has happened.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */

/** One version of one source object, as an event names it. */
export interface SourceVersion {
  readonly bucket: string;
  /** Decoded. */
  readonly key: string;
  /** Bytes, as the event claims; the bytes actually read count. */
  readonly size: number | undefined;
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

/** How the console (a trailing slash) and Hadoop name the empty objects that they take for folders. */
const FOLDER_MARKER = /(?:\/|_\$folder\$)$/;

/** Reads the body of a queue message or the payload of an invocation. Never throws. */
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
  if (event.Event === 's3:TestEvent') return [{ kind: 'ignored', detail: 's3:TestEvent' }];
  if (!Array.isArray(event.Records)) return [malformed('the body has no Records; expected an event sent by S3 itself')];
  if (event.Records.length === 0) return [{ kind: 'ignored', detail: 'an event without records' }];
  return event.Records.map(parseRecord);
}

function parseRecord(record: unknown): EventRecord {
  if (!isObject(record) || record.eventSource !== 'aws:s3') return malformed('eventSource is not aws:s3');
  // Minor versions only add fields; a new major version may mean something else by the same names.
  if (!matches(record.eventVersion, /^2\.\d+$/)) {
    return malformed(`eventVersion is ${clip(record.eventVersion)}, expected 2.x`);
  }
  if (typeof record.eventName !== 'string') return malformed('eventName is not text');
  if (!record.eventName.startsWith('ObjectCreated:')) return { kind: 'ignored', detail: clip(record.eventName) };

  const s3 = isObject(record.s3) ? record.s3 : {};
  const bucket = isObject(s3.bucket) ? s3.bucket.name : undefined;
  const object = isObject(s3.object) ? s3.object : {};
  if (!matches(bucket, /^.{1,255}$/)) return malformed('the bucket has no name');
  if (typeof object.key !== 'string' || !object.key) return malformed('the object has no key');
  const key = decodeKey(object.key);
  if (key === undefined) return malformed(`the key ${clip(object.key)} is not URL-encoded`);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return malformed(`the key ${clip(key)} is longer than S3 allows`);

  const { size, eTag, sequencer } = object;
  if (size !== undefined && !(Number.isSafeInteger(size) && (size as number) >= 0)) {
    return malformed(`size is ${clip(size)}, expected bytes`);
  }
  // With a body it is an object like any other, whatever its name.
  if (size === 0 && FOLDER_MARKER.test(key)) return { kind: 'ignored', detail: `a folder marker, ${clip(key)}` };
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
      size: size as number | undefined,
      etag: eTag as string | undefined,
      sequencer: sequencer as string | undefined,
    },
  };
}

/** Keys in events are encoded like HTML forms: a space is `+`. */
function decodeKey(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
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

/** Hostile text, short enough for a log line. */
function clip(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 120);
}
