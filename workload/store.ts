import { addAbortSignal, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { SOURCE_SEQUENCER } from './current-result';
import { compareSequencers, type SourceVersion } from './s3-events';

/** Reading a source version and writing what was made of it, such that the newest version wins. */

/**
 * Longest download, and longest upload of everything one job writes, in ms. Three attempts of a request that meets
 * silence fit into it (clients.ts).
 */
export const TRANSFER_TIMEOUT_MS = 10_000;

/** How often a download is begun. The SDK tries requests again, and not the bodies of answers. */
const MOST_DOWNLOADS = 3;

/** A source object of which S3 has sent the headers. What it says there is true of the bytes that follow. */
export interface OpenSource {
  /** The version that the event names. Where the event names no etag, with that of the object that is there. */
  readonly version: SourceVersion;
  /** Bytes. */
  readonly size: number;
  /**
   * Downloads the object, and begins anew when the connection breaks or falls silent. Can be called once.
   * @returns `gone` or `superseded` when it has become so meanwhile
   */
  read(): Promise<Buffer | 'gone' | 'superseded'>;
  /** Ends the download if there is anything left of it. Must be called. */
  close(): void;
}

/**
 * Asks for exactly the version that the event names, and waits for no more than the headers. An event without an etag
 * names whatever is there.
 *
 * @param signal ends the download too
 * @returns `gone` when the object was deleted, `superseded` when another version has taken its place
 */
export async function openSource(
  s3: S3Client,
  version: SourceVersion,
  signal: AbortSignal,
): Promise<OpenSource | 'gone' | 'superseded'> {
  const answer = await get(s3, version, signal);
  if (typeof answer === 'string') return answer;
  const { size, etag } = answer;
  const found = { ...version, etag: version.etag ?? etag };
  let { body } = answer;
  return {
    version: found,
    size,
    read: async () => {
      const bytes = Buffer.allocUnsafe(size);
      for (let download = 1; ; download += 1) {
        try {
          await fill(bytes, body, signal);
          return bytes;
        } catch (error) {
          if (signal.aborted || download === MOST_DOWNLOADS) throw inBody(error, version);
        }
        const again = await get(s3, found, signal);
        if (typeof again === 'string') return again;
        ({ body } = again);
      }
    },
    close: () => body.destroy(),
  };
}

async function get(
  s3: S3Client,
  { bucket: Bucket, key: Key, etag }: SourceVersion,
  signal: AbortSignal,
): Promise<{ body: Readable; size: number; etag: string | undefined } | 'gone' | 'superseded'> {
  try {
    // Not a version id: the bucket keeps one version, and an etag says the same of it.
    const command = new GetObjectCommand({ Bucket, Key, ...(etag && { IfMatch: `"${etag}"` }) });
    const { Body, ContentLength, ETag } = await s3.send(command, { abortSignal: signal });
    if (ContentLength === undefined) throw new Error('S3 did not say how long the object is');
    return { body: Body as Readable, size: ContentLength, etag: ETag?.replaceAll('"', '') };
  } catch (error) {
    // Without s3:ListBucket a deleted object would answer 403, and look like a mistake in the permissions.
    if (is(error, 404, 'NoSuchKey')) return 'gone';
    if (is(error, 412)) return 'superseded';
    throw error;
  }
}

async function fill(bytes: Buffer, body: Readable, signal: AbortSignal): Promise<void> {
  addAbortSignal(signal, body);
  let read = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (read + chunk.length > bytes.length) throw new Error(`longer than its ${bytes.length} bytes`);
    read += chunk.copy(bytes, read);
  }
  if (read < bytes.length) throw new Error(`ended after ${read} of ${bytes.length} bytes`);
}

/** As the clients name an error of a request: which one, and what happened to it. */
function inBody(error: unknown, { key }: SourceVersion): Error {
  const { name, message } = error as Error;
  return Object.assign(new Error(`GetObject ${key}, in its body: ${message}`), { name });
}

/** An object to write, and the source version it was made from. */
export interface Output {
  readonly bucket: string;
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly source: SourceVersion;
  /** Besides the etag and sequencer of the source, which are added. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** User metadata of every result: the etag of the source, without quotes. */
const SOURCE_ETAG = 'source-etag';

/** How often another writer may come in between before the platform is asked to try later. */
const MOST_LOOKS = 10;

/** Shortest pause while somebody else is writing, in ms; twice as much at most. */
const WRITING_PAUSE_MS = 200;

/**
 * Writes an object unless a newer version of the same source already has. Delivery is at least once and in any order,
 * so this may run twice at the same time, or for an old version after a new one.
 *
 * One hole is left: S3's etag tells contents apart, not versions. When a key goes from A to B and back to A, and the
 * write for B falls exactly between the look and the write of the second A, it finds A's etag unchanged and wins.
 *
 * @returns `written`; `present` when this very version is there already; `superseded` when a newer one is
 */
export async function putNewest(
  s3: S3Client,
  output: Output,
  signal: AbortSignal,
): Promise<'written' | 'present' | 'superseded'> {
  const { bucket: Bucket, key: Key, source } = output;
  const put = {
    Bucket,
    Key,
    Body: output.body,
    ContentType: output.contentType,
    Metadata: {
      ...output.metadata,
      ...(source.etag && { [SOURCE_ETAG]: source.etag }),
      ...(source.sequencer && { [SOURCE_SEQUENCER]: source.sequencer }),
    },
  };
  let condition: { IfNoneMatch: '*' } | { IfMatch: string } = { IfNoneMatch: '*' };
  for (let look = 1; look <= MOST_LOOKS; look += 1) {
    try {
      await s3.send(new PutObjectCommand({ ...put, ...condition }), { abortSignal: signal });
      return 'written';
    } catch (error) {
      // 412: somebody was first. 409: somebody is writing. 404 on If-Match: it was deleted meanwhile. Look again.
      if (!is(error, 412) && !is(error, 409) && !(is(error, 404) && !is(error, 404, 'NoSuchBucket'))) throw error;
      // It may be the same put, at which a connection fell silent. S3 needs a moment.
      if (is(error, 409)) await sleep(WRITING_PAUSE_MS * (1 + Math.random()), undefined, { signal });
    }
    const stored = await head(s3, Bucket, Key, signal);
    if (!stored) {
      condition = { IfNoneMatch: '*' };
      continue;
    }
    const order = compareSequencers(stored.metadata[SOURCE_SEQUENCER], source.sequencer);
    if (order > 0) return 'superseded';
    // Without sequencers there is no order: the same content is present, another one is replaced, because the read
    // has just proven that ours is the current one.
    if (order === 0 && (source.sequencer || (source.etag && stored.metadata[SOURCE_ETAG] === source.etag)))
      return 'present';
    condition = { IfMatch: stored.etag };
  }
  throw new Error(`PutObject ${Key}: ${MOST_LOOKS} writers came in between`);
}

async function head(
  s3: S3Client,
  Bucket: string,
  Key: string,
  signal: AbortSignal,
): Promise<{ etag: string; metadata: Record<string, string> } | undefined> {
  try {
    const { ETag = '', Metadata = {} } = await s3.send(new HeadObjectCommand({ Bucket, Key }), { abortSignal: signal });
    return { etag: ETag, metadata: Metadata };
  } catch (error) {
    if (is(error, 404)) return undefined;
    throw error;
  }
}

/** By status, and by name where one status has several meanings (a missing bucket is 404 too). */
function is(error: unknown, status: number, name?: string): boolean {
  if (!(error instanceof Error)) return false;
  const found = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return found === status && (name === undefined || error.name === name);
}
