import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { parseS3Event } from '../../workload/s3-events';

/**
 * Sends the events in a function's failure queue to the function again. A message is deleted only after Lambda has
 * accepted its event. Where it cannot be deleted then, the event is sent twice, which the job is made for.
 */

/** How long a message is hidden while it is dealt with: longer than all attempts at one call take together. */
const HIDDEN_SECONDS = 120;

/** What SQS gives at a time. */
const BATCH = 10;

/** So many receives, one after the other, that gave few messages and none to send: the queue is done. */
const LAST_RECEIVES = 2;

/** Refusals that are about the event itself, such as one that is too large. Others would meet every event. */
const ABOUT_THE_EVENT = [400, 413, 415];

export interface ReplayOptions {
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly queueUrl: string;
  /** ARN or name. */
  readonly functionName: string;
  /** Milliseconds since 1970 by AWS's clock. What was sent later is left alone, so that there is an end. */
  readonly until: number;
  /** How long a receive waits for a message. Default 1: SQS then asks all of its servers, and not some. */
  readonly waitSeconds?: number;
  /** Ends it after the messages in hand. */
  readonly signal: AbortSignal;
  /** Called with the number of events that have been accepted so far. */
  readonly onProgress?: (accepted: number) => void;
}

/** A message that stays in the queue, and why. */
export interface Left {
  readonly messageId: string;
  readonly why: string;
}

export interface Replayed {
  /** Events that Lambda has accepted, and whose messages are deleted. */
  readonly accepted: number;
  /** Messages that were sent after the start. */
  readonly later: number;
  readonly left: readonly Left[];
  /** What made it end before the queue was done. */
  readonly stoppedBy?: unknown;
}

/** Never rejects for what happens to a message: it returns how far it came. */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { sqs, lambda, queueUrl: QueueUrl, functionName, until, signal, waitSeconds = 1, onProgress } = options;
  /** Receipt handles of what stays, by message id. Hidden meanwhile, so that it is not received over and over. */
  const held = new Map<string, string>();
  const left: Left[] = [];
  let accepted = 0;
  let later = 0;
  let stoppedBy: unknown;

  /** @returns whether the queue may be done */
  async function next(): Promise<boolean> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: BATCH,
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: HIDDEN_SECONDS,
        MessageSystemAttributeNames: ['SentTimestamp'],
      }),
    );
    const fresh = Messages.filter(({ MessageId = '' }) => !held.has(MessageId));
    const due = fresh.filter(({ Attributes }) => Number(Attributes?.SentTimestamp) <= until);
    later += fresh.length - due.length;
    for (const { MessageId = '', ReceiptHandle = '' } of Messages) held.set(MessageId, ReceiptHandle);
    const refusals = (await Promise.all(due.map(handle))).filter((refusal) => refusal !== undefined);
    // One may be bad luck. All of them are not, and the next would be no better.
    if (refusals.length === due.length) stoppedBy ??= refusals[0];
    return due.length === 0 && Messages.length < BATCH;
  }

  /** @returns why Lambda refused, if the reason is not the event */
  async function handle({ MessageId = '', ReceiptHandle, Body = '' }: Message): Promise<unknown> {
    const stays = (why: string) => void left.push({ messageId: MessageId, why });
    const event = eventOf(Body);
    if (typeof event === 'string') return stays(event);
    try {
      await lambda.send(
        new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: event.payload }),
      );
    } catch (error) {
      const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
      stays(`refused by Lambda, ${name}: ${message}`);
      return ABOUT_THE_EVENT.includes($metadata?.httpStatusCode ?? 0) ? undefined : error;
    }
    try {
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      held.delete(MessageId);
      accepted += 1;
      onProgress?.(accepted);
    } catch (error) {
      stays('accepted by Lambda, but not deleted: the next time it is sent again');
      stoppedBy = error;
    }
    return undefined;
  }

  try {
    for (let quiet = 0; quiet < LAST_RECEIVES && !signal.aborted && stoppedBy === undefined; ) {
      quiet = (await next()) ? quiet + 1 : 0;
    }
  } catch (error) {
    stoppedBy = error;
  }
  await show(sqs, QueueUrl, [...held.values()]);
  return { accepted, later, left, ...(stoppedBy !== undefined && { stoppedBy }) };
}

/** Makes messages visible again at once. Where that fails they become so by themselves. */
async function show(sqs: SQSClient, QueueUrl: string, handles: readonly string[]): Promise<void> {
  for (let first = 0; first < handles.length; first += BATCH) {
    const Entries = handles
      .slice(first, first + BATCH)
      .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, VisibilityTimeout: 0 }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries })).catch(() => {});
  }
}

/**
 * The event in a record of a failed invocation, or why it must not be sent.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
function eventOf(body: string): { readonly payload: Buffer } | string {
  let record: unknown;
  try {
    record = JSON.parse(body);
  } catch {
    return 'not JSON';
  }
  const { requestPayload: payload } = Object(record) as { requestPayload?: unknown };
  if (payload === undefined) return 'not a record of a failed invocation: it has no requestPayload';
  for (const each of parseS3Event(payload)) {
    if (each.kind === 'malformed') return `malformed, and would fail again: ${each.detail}`;
  }
  try {
    return { payload: Buffer.from(JSON.stringify(payload)) };
  } catch {
    // By recursion, unlike JSON.parse. S3 sends no such event.
    return 'nested too deeply to be sent';
  }
}
