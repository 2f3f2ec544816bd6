import type { S3Client } from '@aws-sdk/client-s3';
import type { RejectionReason, TerminalState } from './contract';
import type { Decoded, Decoder } from './decoder';
import type { Settings } from './env';
import { checkBytes, checkFormat, Rejection } from './gate';
import { rejectionKey, renditionKey, sourceKeyMetadata } from './keys';
import { logLine } from './log';
import { parseS3Event, type SourceVersion } from './s3-events';
import { getSource, type Output, putNewest, TRANSFER_TIMEOUT_MS } from './store';

/** The job, the same on all four ways: an S3 event -> get, gate, resize, put -> a terminal state. */

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
        const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        const kind = context.signal?.aborted ? 'released' : 'transient';
        log({ state: kind === 'released' ? kind : 'failed', detail }, record.version);
        failures.push(new EventFailure(kind, detail));
      }
    }
  }
  const failure = failures.find(({ kind }) => kind !== 'malformed') ?? failures[0];
  if (failure) throw failure;
}

/** Brings one source version to a terminal state. Anything thrown is transient. */
async function resizeObject(version: SourceVersion, context: JobContext): Promise<Outcome> {
  const { settings, s3, decoder, signal } = context;
  const { renditions, limits } = settings;
  if (version.bucket !== settings.sourceBucket) return { state: 'ignored', detail: `bucket ${version.bucket}` };
  if (!version.key.startsWith(settings.sourcePrefix)) return { state: 'ignored', detail: 'outside the prefix' };

  const started = performance.now();
  let bytesIn: number | undefined;
  let slotWaitMs: number | undefined;
  try {
    if (version.size !== undefined) checkBytes(version.size, limits);
    const input = await getSource(s3, version, limits, transferSignal(signal));
    if (typeof input === 'string') return { state: input };
    bytesIn = input.length;
    checkFormat(input);
    const asked = performance.now();
    const onSlot = () => {
      slotWaitMs = performance.now() - asked;
    };
    const decoded = await decoder.decode(input, { renditions, limits }, { signal, onSlot });
    const outputs = decoded.renditions.map(({ box, bytes }) => ({
      key: renditionKey(version.key, box, renditions.format),
      body: bytes,
      contentType: `image/${renditions.format}`,
    }));
    const bytesOut = outputs.reduce((sum, { body }) => sum + body.length, 0);
    return { state: await write(outputs, 'done'), bytesIn, bytesOut, slotWaitMs, decoded };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    const { reason, detail } = error;
    const record = `${JSON.stringify({ reason, detail, source: version }, undefined, 2)}\n`;
    const output = {
      key: rejectionKey(version.key),
      body: Buffer.from(record),
      contentType: 'application/json',
    };
    return { state: await write([output], 'rejected'), reason, detail, bytesIn, slotWaitMs };
  }

  async function write<State extends TerminalState>(
    outputs: readonly Pick<Output, 'key' | 'body' | 'contentType'>[],
    state: State,
  ): Promise<State | 'superseded'> {
    const uploadSignal = transferSignal(signal);
    const metadata = {
      compute: settings.compute,
      milliseconds: String(Math.round(performance.now() - started)),
      ...sourceKeyMetadata(version.key),
    };
    for (const output of outputs) {
      const written = await putNewest(
        s3,
        { ...output, bucket: settings.outputBucket, source: version, metadata },
        uploadSignal,
      );
      if (written === 'superseded') return written;
    }
    return state;
  }
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
    { Stack: settings.stack, Compute: settings.compute, State: state, Reason: reason, Detail: detail, ...about },
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
