import type { S3Client } from '@aws-sdk/client-s3';
import type { RejectionReason, TerminalState } from './contract';
import { SOURCE_SEQUENCER } from './current-result';
import type { Decoded, Decoder } from './decoder';
import type { Settings } from './env';
import { checkBytes, Rejection } from './gate';
import { rejectionKey, resultKey, sourceKeyMetadata } from './keys';
import { logLine } from './log';
import { parseS3Event, type SourceVersion } from './s3-events';
import { accept } from './seam';
import { type OpenSource, type Output, openSource, putNewest, TRANSFER_TIMEOUT_MS } from './store';

/** The job, the same for all ways: an S3 event -> get, gate, resize, put -> a terminal state. */

export interface JobContext {
  readonly settings: Settings;
  readonly s3: S3Client;
  readonly decoder: Decoder;
  /** Gives up what is in flight, because the platform is about to take the machine away. */
  readonly signal?: AbortSignal;
}

/** The event was not brought to an end. It must not be acknowledged. */
export class EventFailure extends Error {
  override readonly name = 'EventFailure';
  constructor(
    /**
     * `transient` may succeed later; `released` was not given the time, because the worker stops; `malformed` never
     * will succeed, and belongs into the failure queue.
     */
    readonly kind: 'transient' | 'released' | 'malformed',
    detail: string,
  ) {
    super(detail);
  }
}

interface Outcome {
  readonly state: TerminalState;
  readonly reason?: RejectionReason;
  readonly detail?: string;
  readonly bytesIn?: number | undefined;
  readonly bytesOut?: number;
  /** Until a decode slot was free, in ms. */
  readonly slotWaitMs?: number | undefined;
  readonly decoded?: Decoded;
}

/**
 * Handles the body of a queue message or the payload of an invocation, and logs one line per object.
 *
 * @param body text or already parsed
 * @param about what the platform knows of this delivery, for the log
 * @returns when every record is in a terminal state
 * @throws EventFailure when one is not. The others are: a redelivery finds their renditions and writes nothing
 */
export async function handleEvent(
  body: unknown,
  context: JobContext,
  about: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const failures: EventFailure[] = [];
  for (const record of parseS3Event(body)) {
    const started = performance.now();
    const log = (outcome: LoggedOutcome, version?: SourceVersion) =>
      logOutcome(context.settings, outcome, performance.now() - started, { ...about, ...named(version) });
    if (record.kind === 'ignored') {
      log({ state: 'ignored', detail: record.detail });
    } else if (record.kind === 'malformed') {
      log({ state: 'malformed', detail: record.detail });
      failures.push(new EventFailure('malformed', record.detail));
    } else {
      try {
        log(await resizeObject(record.version, context), record.version);
      } catch (error) {
        const kind = context.signal?.aborted ? 'released' : 'transient';
        const detail = described(error, kind);
        log({ state: kind === 'released' ? kind : 'failed', detail }, record.version);
        failures.push(new EventFailure(kind, detail));
      }
    }
  }
  const failure = failures.find(({ kind }) => kind !== 'malformed') ?? failures[0];
  if (failure) throw failure;
}

/**
 * Brings one source version to a terminal state. The event only names the object: what becomes of it is decided by what
 * S3 says and sends of the object itself. Anything thrown is transient.
 */
async function resizeObject(version: SourceVersion, context: JobContext): Promise<Outcome> {
  const { settings, s3, signal } = context;
  if (version.bucket !== settings.sourceBucket) return { state: 'ignored', detail: `bucket ${version.bucket}` };
  if (!version.key.startsWith(settings.sourcePrefix)) return { state: 'ignored', detail: 'outside the prefix' };

  const started = performance.now();
  const source = await openSource(s3, version, transferSignal(signal));
  if (source === 'gone' || source === 'superseded') return { state: source };
  const { outcome, outputs } = await judge(source, context);

  const uploadSignal = transferSignal(signal);
  const metadata = {
    compute: settings.compute,
    milliseconds: String(Math.round(performance.now() - started)),
    ...sourceKeyMetadata(version.key),
  };
  // At the same time, because a put is mostly waiting. All are waited for, also when one has failed: what still ran
  // after the end of an event would be frozen with its Lambda environment, and go on in the middle of the next event.
  const writes = await Promise.allSettled(
    outputs.map((output) => {
      const complete = { ...output, bucket: settings.outputBucket, source: source.version, metadata };
      return putNewest(s3, complete, uploadSignal);
    }),
  );
  if (writes.some((write) => write.status === 'fulfilled' && write.value === 'superseded')) {
    return { ...outcome, state: 'superseded' };
  }
  const failed = writes.find((write) => write.status === 'rejected');
  if (failed) throw failed.reason;
  return outcome;
}

/** How an object ends, as soon as these objects are written. */
interface Verdict {
  readonly outcome: Outcome;
  readonly outputs: readonly Pick<Output, 'key' | 'body' | 'contentType'>[];
}

/** Takes an object through the gate and the decoder, cheapest test first. Anything thrown is transient. */
async function judge(source: OpenSource, { settings, decoder, signal }: JobContext): Promise<Verdict> {
  const { renditions, limits } = settings;
  const { key } = source.version;
  let bytesIn: number | undefined;
  let slotWaitMs: number | undefined;
  try {
    // The console makes such an object for a folder, and gateways make one before they write the real one. A rejection
    // record would outlive that and lie beside the renditions of the real one.
    if (source.size === 0) return { outcome: { state: 'ignored', detail: 'an empty object' }, outputs: [] };
    checkBytes(source.size, limits);
    const input = await source.read();
    if (typeof input === 'string') return { outcome: { state: input }, outputs: [] };
    bytesIn = input.length;
    accept(input, key);

    const asked = performance.now();
    const onSlot = () => {
      slotWaitMs = performance.now() - asked;
    };
    const decoded = await decoder.decode(input, { renditions, limits }, { key, signal, onSlot });
    const outputs = decoded.renditions.map(({ name, contentType, bytes }) => ({
      key: resultKey(key, name),
      body: bytes,
      contentType,
    }));
    const bytesOut = outputs.reduce((sum, { body }) => sum + body.length, 0);
    return { outcome: { state: 'done', bytesIn, bytesOut, slotWaitMs, decoded }, outputs };
  } catch (error) {
    // Thrown by the gate and by the decoder, and final.
    if (!(error instanceof Rejection)) throw error;
    const { reason, detail } = error;
    const record = { reason, detail, source: { ...source.version, size: source.size }, note: RECORD_NOTE };
    const body = Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
    const outputs = [{ key: rejectionKey(key), body, contentType: 'application/json' }];
    return { outcome: { state: 'rejected', reason, detail, bytesIn, slotWaitMs }, outputs };
  } finally {
    source.close();
  }
}

/** For whoever finds a rejection record and renditions of the same object. `current-result.ts` is the rule as code. */
const RECORD_NOTE = `Renditions of another version may lie beside this record: what has the highest ${SOURCE_SEQUENCER} in its metadata counts.`;

function described(error: unknown, kind: EventFailure['kind']): string {
  if (!(error instanceof Error)) return String(error);
  const text = `${error.name}: ${error.message}`;
  // Only that it was told to stop: if not by the platform, by the budget of a transfer.
  return error.name === 'AbortError' && kind === 'transient'
    ? `${text} (not done within ${TRANSFER_TIMEOUT_MS / 1000} s)`
    : text;
}

/** One budget for a download, one for all uploads of a job; and the platform's stop. */
function transferSignal(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(TRANSFER_TIMEOUT_MS);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

type LoggedOutcome = Omit<Outcome, 'state'> & { readonly state: TerminalState | 'failed' | 'released' | 'malformed' };

function named(version: SourceVersion | undefined): Record<string, unknown> {
  if (!version) return {};
  return { Bucket: version.bucket, Key: version.key, Etag: version.etag, Sequencer: version.sequencer };
}

/** `done` counts as the metric Done, `rejected` as Rejected by reason, and so on. */
function logOutcome(
  settings: Settings,
  { state, reason, detail, bytesIn, bytesOut, slotWaitMs, decoded }: LoggedOutcome,
  milliseconds: number,
  about: Readonly<Record<string, unknown>>,
): void {
  logLine(
    {
      Stack: settings.stack,
      Compute: settings.compute,
      State: state,
      Reason: reason,
      Detail: detail,
      Contained: decoded?.contained,
      ...about,
    },
    {
      [state.charAt(0).toUpperCase() + state.slice(1)]: [1, 'Count'],
      Duration: [Math.round(milliseconds), 'Milliseconds'],
      BytesIn: [bytesIn, 'Bytes'],
      BytesOut: [bytesOut, 'Bytes'],
      SlotWait: [slotWaitMs && Math.round(slotWaitMs), 'Milliseconds'],
      DecodeCpu: [decoded && Math.round(decoded.cpuMs), 'Milliseconds'],
      DecoderPeakMemory: [decoded?.peakMib, 'Megabytes'],
    },
    reason ? [['Stack'], ['Stack', 'Reason']] : [['Stack']],
  );
}
