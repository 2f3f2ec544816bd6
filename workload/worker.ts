import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import { LONG_POLL, requireRegion, s3Client, sqsClient } from './clients';
import { bytesInUse, collectGarbage, markAtOnce } from './collector';
import { RETRY_SECONDS } from './contract';
import { Decoder } from './decoder';
import { ConfigurationError, readWorkerSettings, type WorkerSettings } from './env';
import { EventFailure, handleEvent } from './job';
import { logLine } from './log';
import { decodeSlots, wrongPlatform } from './platform';

/** The queue loop on EC2, ECS and EKS: byte for byte the same program, stopped by SIGTERM. */

/** Seconds between heartbeats, at most: most jobs end before the first one. */
const HEARTBEAT_SECONDS = 10;

/** At least as many in one visibility timeout, so that one may be late and a third of the timeout is not exceeded. */
const HEARTBEATS_PER_TIMEOUT = 6;

/** Seconds before the platform's SIGKILL at which what is not finished is handed back. */
const RELEASE_SECONDS = 5;

/** Seconds to wait after a receive that failed: an outage is not made better by asking at once. */
const RECEIVE_PAUSE_SECONDS = 5;

/** What may be left of messages before it is worth the time to clear up. */
const GARBAGE_BYTES = 48_000_000;

/** SQS's longest, and cheapest. */
const LONG_POLL_SECONDS = 20;

class Worker {
  private readonly stopping = new AbortController();
  private readonly givingUp = new AbortController();
  private readonly consumers: readonly Consumer[];
  /** Of each message whose job is under way, by receipt handle: ends its heartbeats. */
  private readonly heartbeats = new Map<string | undefined, AbortController>();
  private keptBytes = 0;

  constructor(
    private readonly settings: WorkerSettings,
    slots: number,
    private readonly s3: S3Client,
    private readonly sqs: SQSClient,
    private readonly decoder: Decoder,
  ) {
    // A consumer asks for one message at a time and never for another before that one is finished, so this many
    // consumers hold this many messages, and a slow picture delays none but its own.
    this.consumers = Array.from({ length: slots * settings.messagesPerSlot }, () => this.consumer());
  }

  start(): void {
    for (const consumer of this.consumers) consumer.start();
  }

  /** Stops receiving, finishes or hands back what is in flight; gives up waiting shortly before the grace period ends. */
  async stop(): Promise<void> {
    const deadline = performance.now() + this.settings.stopGraceSeconds * 1000;
    for (const consumer of this.consumers) consumer.stop();
    this.stopping.abort(new Error('the worker is stopping'));
    while (this.consumers.some((consumer) => consumer.status.isPolling)) {
      const left = deadline - performance.now();
      if (left < RELEASE_SECONDS * 1000) this.givingUp.abort(new Error('the worker is being stopped'));
      // Nobody answers. What is held comes back by itself when it is not heard of any more.
      if (left < 1000) break;
      await sleep(20);
    }
    this.decoder.close();
  }

  private consumer(): Consumer {
    const { queueUrl, visibilityTimeoutSeconds } = this.settings;
    const consumer = Consumer.create({
      queueUrl,
      sqs: this.receivingClient(),
      batchSize: 1,
      waitTimeSeconds: LONG_POLL_SECONDS,
      messageSystemAttributeNames: ['ApproximateReceiveCount'],
      visibilityTimeout: visibilityTimeoutSeconds,
      heartbeatInterval: Math.min(HEARTBEAT_SECONDS, visibilityTimeoutSeconds / HEARTBEATS_PER_TIMEOUT),
      handleMessage: (message) => this.handle(message),
    });
    const report = (error: Error) => {
      if (!this.stopping.signal.aborted) this.log('error', { Detail: error.message });
    };
    consumer.on('error', report);
    consumer.on('processing_error', report);
    return consumer;
  }

  /** @returns the message when it is to be deleted */
  private async handle(message: Message): Promise<Message | undefined> {
    const receives = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
    const heartbeats = new AbortController();
    this.heartbeats.set(message.ReceiptHandle, heartbeats);
    let waitSeconds: number;
    try {
      await handleEvent(
        message.Body,
        { settings: this.settings, s3: this.s3, decoder: this.decoder, signal: this.givingUp.signal },
        { MessageId: message.MessageId, ReceiveCount: receives },
      );
      return message;
    } catch (error) {
      if (!(error instanceof EventFailure)) throw error;
      // Left on the queue: the redrive policy counts. What nobody can read, or this worker has no time for, at once;
      // what failed, later and later.
      waitSeconds = error.kind === 'transient' ? retrySeconds(receives) : 0;
    } finally {
      // One that is late would undo what follows.
      heartbeats.abort();
      this.heartbeats.delete(message.ReceiptHandle);
      this.clearUp();
    }
    await this.sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: this.settings.queueUrl,
        ReceiptHandle: message.ReceiptHandle,
        VisibilityTimeout: waitSeconds,
      }),
    );
    return undefined;
  }

  /** Between messages: what is left of them goes when V8 looks, which after many small pictures it does late. */
  private clearUp(): void {
    if (bytesInUse() - this.keptBytes < GARBAGE_BYTES) return;
    collectGarbage();
    this.keptBytes = bytesInUse();
  }

  /**
   * The consumer's client, with what the library has no option for:
   * - A stop ends the waiting receive and no other call: deletes must go through. A message sent at that very moment comes
   *   back after its timeout.
   * - A receive may be silent for longer than other calls, and one that failed is followed by a pause.
   * - A message keeps the queue's own visibility timeout until its first heartbeat, and has none after its job.
   */
  private receivingClient(): SQSClient {
    const { sqs } = this;
    const stop = this.stopping.signal;
    const send = async (command: Parameters<SQSClient['send']>[0]) => {
      if (command instanceof ChangeMessageVisibilityCommand) return this.heartbeat(command);
      if (!(command instanceof ReceiveMessageCommand)) return sqs.send(command);
      delete command.input.VisibilityTimeout;
      try {
        return await sqs.send(command, { ...LONG_POLL, abortSignal: stop });
      } catch (error) {
        await sleep(RECEIVE_PAUSE_SECONDS * 1000, undefined, { signal: stop }).catch(() => {});
        throw error;
      }
    };
    return Object.assign(Object.create(sqs) as SQSClient, { send });
  }

  private async heartbeat(command: ChangeMessageVisibilityCommand): Promise<void> {
    const signal = this.heartbeats.get(command.input.ReceiptHandle)?.signal;
    if (!signal) return;
    try {
      await this.sqs.send(command, { abortSignal: signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  log(state: string, properties: Readonly<Record<string, unknown>>): void {
    logLine({ Compute: this.settings.compute, State: state, ...properties });
  }
}

/** Jitter, so that what failed together does not return together; upwards only, so that the outage is outlasted. */
function retrySeconds(receives: number): number {
  // After the last delivery the next receive moves the message to the failure queue: soon, but where a queue allows more
  // deliveries than ours do, not at once for ever.
  return Math.round((RETRY_SECONDS[receives - 1] ?? RETRY_SECONDS[0]) * (1 + Math.random() / 4));
}

async function main(): Promise<void> {
  // First of all: as process 1 of a container, a signal without a handler is lost for good.
  const stop = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
  const foreign = wrongPlatform(__dirname);
  if (foreign) throw new Error(foreign);
  const settings = readWorkerSettings(process.env);
  const s3 = s3Client(process.env);
  const slots = settings.decodeSlots ?? decodeSlots();
  const starting = requireRegion(s3).then(() => Decoder.start(slots));
  const decoder = await Promise.race([starting, stop]);
  // Asked to stop before there was anything to stop. The decoders end with this process.
  if (typeof decoder === 'string') return;
  markAtOnce();

  const worker = new Worker(settings, slots, s3, sqsClient(process.env), decoder);
  worker.start();
  const messages = slots * settings.messagesPerSlot;
  worker.log('started', { DecodeSlots: slots, Messages: messages, Node: process.version });
  worker.log('stopping', { Signal: await stop });
  await worker.stop();
  worker.log('stopped', {});
}

main().then(
  // Explicit: a socket kept alive for the next request would keep the process too.
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`worker: ${error instanceof Error ? error.message : error}\n`);
    process.exit(error instanceof ConfigurationError ? 2 : 1);
  },
);
