import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { REJECTED_PREFIX, RENDITIONS_PREFIX } from '../../workload/contract';
import { rejectionKey, renditionKey } from '../../workload/keys';
import { parseS3Event } from '../../workload/s3-events';
import type { Input } from '../local/inputs';
import type { Deployed } from './deployed';

/** One run: uploads under keys of its own, what becomes of them, and the removal of both. */

/** One upload. */
export interface Upload {
  readonly key: string;
  /** Which of the pictures it is: several uploads can be of one. */
  readonly picture: number;
}

/** An object as a listing has it. */
export interface Stored {
  readonly etag: string;
  /** By S3's clock, in ms since 1970. S3 keeps it to the second. */
  readonly at: number;
}

/** What is seen now and then. `null`: nobody says. */
export interface Sample {
  /** Since the first upload was begun. */
  readonly seconds: number;
  readonly uploaded: number;
  readonly ended: number;
  /** Messages of the job queue that no worker holds, and those that one does; those of others included. */
  readonly waiting: number | null;
  readonly held: number | null;
  readonly units: number | null;
}

/** Uploads at a time. */
const UPLOADS = 16;
/** And where a rate is given: what a slow line delays must not delay what follows. */
const UPLOADS_AT_RATE = 64;
/** Between two looks, in ms, at least; and the time that a look takes, times this: listings are billed. */
const LOOK_MS = 1000;
const LOOK_SHARE = 4;
/** Of the failure queue's messages, so many times ten are looked at. */
const FAILURE_BATCHES = 20;

export class Run {
  readonly prefix: string;
  readonly uploads: readonly Upload[];
  /** Results by key. */
  readonly results = new Map<string, Stored>();
  /** What the failure queue says of uploads, by key. */
  readonly failed = new Map<string, string>();
  readonly samples: Sample[] = [];
  private readonly failureHandles = new Map<string, string>();
  private uploaded = 0;
  private startedAt = 0;
  /** How long the uploads took. */
  uploadSeconds = 0;
  /** All before this one have ended. */
  private firstOpen = 0;

  /** @param count of uploads: the pictures one after the other, and again from the first */
  constructor(
    private readonly deployed: Deployed,
    private readonly s3: S3Client,
    private readonly sqs: SQSClient,
    private readonly inputs: readonly Input[],
    count: number,
  ) {
    const day = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    this.prefix = `${deployed.settings.sourcePrefix}try-${day}-${randomBytes(3).toString('hex')}/`;
    const digits = String(count).length;
    this.uploads = Array.from({ length: count }, (_, index) => {
      const picture = index % inputs.length;
      // The number alone makes it one's own, so that the rest of a long path can go: results keep their key's name then.
      const name = path.posix.basename((inputs[picture] as Input).key);
      return { key: `${this.prefix}${String(index + 1).padStart(digits, '0')}/${name}`, picture };
    });
  }

  /** How it ended, and when: with its renditions, all of them, or with a rejection record. */
  endOf({ key }: Upload): { readonly state: 'done' | 'rejected'; readonly at: number } | undefined {
    const { widths, format } = this.deployed.settings.renditions;
    const record = this.results.get(rejectionKey(key));
    if (record) return { state: 'rejected', at: record.at };
    const all = widths.flatMap((width) => this.results.get(renditionKey(key, width, format)) ?? []);
    return all.length === widths.length ? { state: 'done', at: Math.max(...all.map(({ at }) => at)) } : undefined;
  }

  get ended(): number {
    return this.uploads.filter((upload) => this.endOf(upload) || this.failed.has(upload.key)).length;
  }

  /**
   * What is on its way when the signal comes is waited for: S3 would keep it all the same, after everything was removed.
   * @param perSecond begun; as fast as it goes when left out. @throws what S3 says, or the signal's reason
   */
  async upload(signal: AbortSignal, perSecond?: number): Promise<void> {
    this.startedAt = performance.now();
    const queue = this.uploads.entries();
    await inParallel(perSecond ? UPLOADS_AT_RATE : UPLOADS, async () => {
      const { value, done } = queue.next();
      if (done) return false;
      const [index, { key: Key, picture }] = value;
      const early = perSecond ? this.startedAt + (index / perSecond) * 1000 - performance.now() : 0;
      if (early > 0) await sleep(early, undefined, { signal });
      const Body = await (this.inputs[picture] as Input).read();
      signal.throwIfAborted();
      const { sourceBucket: Bucket } = this.deployed;
      await this.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
      this.uploaded += 1;
      return true;
    });
    this.uploadSeconds = (performance.now() - this.startedAt) / 1000;
  }

  /**
   * Looks until every upload has ended, or the time is over.
   * @param deadlineSeconds after the last upload
   * @param onSample called after each look
   * @throws what AWS says of results; of units and queues the last answer counts, and they are tried again
   */
  async follow(signal: AbortSignal, deadlineSeconds: number, onSample: (sample: Sample) => void): Promise<void> {
    for (;;) {
      const began = performance.now();
      const last = this.samples.at(-1);
      const [, jobs, failures, units] = await Promise.all([
        this.list(signal),
        this.messages(this.deployed.jobQueue).catch(() => last && { visible: last.waiting, held: last.held }),
        this.messages(this.deployed.failureQueue).catch(() => undefined),
        this.deployed.units?.count().catch(() => last?.units ?? null) ?? null,
      ]);
      if ((failures?.visible ?? 0) > 0) await this.readFailures(signal);
      const seconds = (performance.now() - this.startedAt) / 1000;
      const { uploaded, ended } = this;
      const sample = { seconds, uploaded, ended, waiting: jobs?.visible ?? null, held: jobs?.held ?? null, units };
      this.samples.push(sample);
      onSample(sample);
      if (ended === this.uploads.length) return;
      if (this.uploadSeconds > 0 && seconds > this.uploadSeconds + deadlineSeconds) return;
      await sleep(Math.max(LOOK_MS, LOOK_SHARE * (performance.now() - began)), undefined, { signal });
    }
  }

  /** Results from the first upload on that has not ended: the order of keys is that of uploads. */
  private async list(signal: AbortSignal): Promise<void> {
    const { resultBucket: Bucket } = this.deployed;
    while (this.firstOpen < this.uploads.length && this.endOf(this.uploads[this.firstOpen] as Upload))
      this.firstOpen += 1;
    const open = this.uploads[this.firstOpen];
    if (!open) return;
    await Promise.all(
      [RENDITIONS_PREFIX, REJECTED_PREFIX].map(async (kind) => {
        const StartAfter = `${kind}${path.posix.dirname(open.key)}`;
        for (let ContinuationToken: string | undefined; ; ) {
          const page = await this.s3.send(
            new ListObjectsV2Command({ Bucket, Prefix: `${kind}${this.prefix}`, StartAfter, ContinuationToken }),
            { abortSignal: signal },
          );
          for (const { Key = '', ETag = '', LastModified } of page.Contents ?? []) {
            this.results.set(Key, { etag: ETag, at: LastModified?.getTime() ?? 0 });
          }
          ContinuationToken = page.NextContinuationToken;
          if (!page.IsTruncated || !ContinuationToken) return;
        }
      }),
    );
  }

  /** When each upload was written, by its key: ms since 1970, by S3's clock. */
  async uploadTimes(): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    const input = { Bucket: this.deployed.sourceBucket, Prefix: this.prefix };
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.s3 }, input)) {
      for (const { Key = '', LastModified } of Contents) times.set(Key, LastModified?.getTime() ?? 0);
    }
    return times;
  }

  private async messages(QueueUrl: string | undefined) {
    if (QueueUrl === undefined) return undefined;
    const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const { Attributes } = await this.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }));
    return { visible: Number(Attributes?.[names[0]] ?? 0), held: Number(Attributes?.[names[1]] ?? 0) };
  }

  /** Finds messages of this run in the failure queue. Those of others are visible again at once. */
  private async readFailures(signal?: AbortSignal): Promise<void> {
    const QueueUrl = this.deployed.failureQueue;
    const others = new Map<string, string>();
    for (let batch = 0; batch < FAILURE_BATCHES; batch += 1) {
      const { Messages = [] } = await this.sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 30, WaitTimeSeconds: 1 }),
        { ...(signal && { abortSignal: signal }) },
      );
      if (Messages.length === 0 || Messages.every(({ MessageId = '' }) => others.has(MessageId))) break;
      for (const { MessageId = '', ReceiptHandle = '', Body = '' } of Messages) {
        const mine = failuresIn(Body).filter(({ key }) => key.startsWith(this.prefix));
        (mine.length > 0 ? this.failureHandles : others).set(MessageId, ReceiptHandle);
        for (const { key, why } of mine) this.failed.set(key, why);
      }
    }
    await Promise.allSettled(
      [...others.values()].map((ReceiptHandle) =>
        this.sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })),
      ),
    );
  }

  /**
   * Removes the uploads, their results and their messages in the failure queue. Sources first: a worker that comes to one
   * later finds it gone.
   * @param grace waits until no worker can be writing any more: called where an upload has not ended, before a second look
   */
  async remove(grace: () => Promise<unknown>): Promise<{ sources: number; results: number }> {
    const { sourceBucket, resultBucket, failureQueue: QueueUrl } = this.deployed;
    let sources = await removeBelow(this.s3, sourceBucket, this.prefix);
    const removeResults = async () => {
      const kinds = [RENDITIONS_PREFIX, REJECTED_PREFIX].map((kind) => `${kind}${this.prefix}`);
      const removed = await Promise.all(kinds.map((prefix) => removeBelow(this.s3, resultBucket, prefix)));
      return removed.reduce((sum, each) => sum + each, 0);
    };
    let results = await removeResults();
    if (this.uploaded > this.ended) {
      // Of a function nobody says whether it is at work.
      const held = (await this.messages(this.deployed.jobQueue))?.held ?? 1;
      if (held > 0) {
        await grace();
        // An upload that broke off may have come to its end after all.
        sources += await removeBelow(this.s3, sourceBucket, this.prefix);
        results += await removeResults();
      }
    }
    // Also where nobody has looked yet: the last attempt may have failed just now.
    if (this.failed.size > 0 || ((await this.messages(QueueUrl))?.visible ?? 0) > 0) await this.readFailures();
    // A handle may have become invalid. The message then stays, as all that SQS keeps does, for 14 days.
    await Promise.allSettled(
      [...this.failureHandles.values()].map((ReceiptHandle) =>
        this.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
      ),
    );
    return { sources, results };
  }
}

/** Keys of a message in a failure queue, which is the event itself, or Lambda's record around it. */
function failuresIn(body: string): { key: string; why: string }[] {
  let message: { requestPayload?: unknown; responsePayload?: { errorMessage?: string } };
  try {
    message = Object(JSON.parse(body));
  } catch {
    return [];
  }
  const why = message.responsePayload?.errorMessage ?? 'every attempt failed; LogsCommand shows why';
  return parseS3Event(message.requestPayload ?? message).flatMap((record) =>
    record.kind === 'created' ? [{ key: record.version.key, why }] : [],
  );
}

/**
 * Deletes all objects below a prefix; in a bucket with versions, all of these.
 * @returns how many objects. @throws Error with the first refusal
 */
export async function removeBelow(s3: S3Client, Bucket: string, Prefix: string): Promise<number> {
  let removed = 0;
  let isVersioned = false;
  const remove = async (Objects: ObjectIdentifier[]) => {
    if (Objects.length === 0) return;
    const { Deleted = [], Errors: [refusal] = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects } }),
    );
    if (refusal) throw new Error(`${refusal.Code}: cannot delete ${refusal.Key}: ${refusal.Message}`);
    isVersioned ||= Deleted.some(({ DeleteMarker }) => DeleteMarker);
  };
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix })) {
    await remove(Contents.map(({ Key = '' }) => ({ Key })));
    removed += Contents.length;
  }
  if (!isVersioned) return removed;
  for (;;) {
    // Always from the beginning: what was listed is gone then.
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
    const all = [...Versions, ...DeleteMarkers].map(({ Key = '', VersionId }) => ({ Key, VersionId }));
    if (all.length === 0) return removed;
    await remove(all);
  }
}

/** Calls it again and again, so many at a time, until it says that there is no more. @throws what the first one throws */
export async function inParallel(many: number, next: () => Promise<boolean>): Promise<void> {
  let failed = false;
  const one = async () => {
    try {
      while (!failed && (await next()));
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const all = Array.from({ length: many }, one);
  await Promise.allSettled(all);
  await Promise.all(all);
}
