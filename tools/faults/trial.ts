import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import { WAYS } from '../../lib/ways';
import type { Compute } from '../../workload/contract';
import type { Answer, Call, CallHooks } from '../local/call-hooks';
import type { Deployment } from '../local/deployment';
import { type BucketEvent, type Endpoints, type StoredObject, startEndpoints } from '../local/endpoints';
import { childrenOf, heldUpMs } from '../local/processes';
import { clientConfig, startWay, type Way } from '../local/ways';
import { type Replayed, replay } from '../replay/replay';
import type { Template } from '../templates';
import { type CleanRun, decodeKey, type Findings, Ledger, type Picture } from './ledger';

/** One way on endpoints of its own, watched from the outside: who holds which message, who was answered what. */

export interface TrialOptions {
  readonly compute: Compute;
  readonly template: Template;
  /** Where the host bundles are. */
  readonly dist: string;
  readonly clean: CleanRun;
  /**
   * Of the queue, and so of its heartbeats. Seconds. None that a worker waits for after a failure (10 to 13, 60 to 75 …),
   * because by it heartbeats are told from such waits.
   */
  readonly visibilitySeconds: number;
  /** Further variables of the workload. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lambda's, in place of the template's. */
  readonly functionTimeoutSeconds?: number;
  readonly workers?: number;
  /** With nothing happening for so long, in ms, nothing will. Default 45,000, longer than any other wait that a trial has. */
  readonly standstillMs?: number;
  readonly hooks?: CallHooks;
  /** Called with each event of the source bucket in place of its delivery. */
  readonly onEvent?: (event: BucketEvent, deliver: (event: BucketEvent) => void) => void;
  readonly throttled?: (key: string) => boolean;
  /**
   * Called with the seconds for which a worker leaves a message alone, because its job has failed. With this, the message
   * stays hidden until nothing else is left to do, however long that takes here; then all that are hidden come back.
   * Without it, every such wait is cut to a second.
   */
  readonly onRetry?: (key: string, seconds: number) => void;
  readonly onExit?: (accessKeyId: string, code: number | null) => void;
  readonly signal: AbortSignal;
}

/** A line of the workload's log. */
export interface LogLine {
  readonly State?: string;
  readonly Key?: string;
  readonly Duration?: number;
  readonly SlotWait?: number;
  readonly [other: string]: unknown;
}

interface Held {
  readonly messageId: string;
  /** Of the source object. */
  readonly key: string;
  readonly caller: string;
}

/** Uploads at a time, and events that wait: few, so that what follows an event follows it soon. */
const UPLOADS = 8;
const BACKLOG = 40;

/** See {@link TrialOptions.standstillMs}. */
const STANDSTILL_MS = 45_000;

/** Longest wait after a failure, unless {@link TrialOptions.onRetry} is told of it. */
const RETRY_SECONDS = 1;

/** SQS's longest visibility timeout: of messages that come back when they are told to. */
const HIDDEN_SECONDS = 43_200;

/** Seconds a stopping worker has: shorter than the template's, which nobody wants to wait for. */
export const GRACE_SECONDS = 10;

export class Trial {
  readonly ledger: Ledger;
  readonly lines: LogLine[] = [];
  /** Calls of the workload, without receives that brought nothing. */
  requests = 0;
  /** By message id: how often it was handed out. */
  readonly receives = new Map<string, number>();
  /** By source key: how often a worker was given its event, or Lambda tried it. */
  readonly attempts = new Map<string, number>();
  /** By source key: events handed over to the way. */
  readonly deliveries = new Map<string, number>();
  /** Processes that were told to end, and by message how often such a one held it. */
  private readonly leaving = new Set<string>();
  private readonly excused = new Map<string, number>();
  /** Redelivered in what has been evicted. */
  private redeliveredBefore = 0;
  /** What went wrong behind the scenes. */
  private failure: unknown;
  private over = false;
  /** Messages deleted, or events ended. */
  ended = 0;
  /** Deliveries that are still to be made. */
  private pending = 0;
  private lastProgress = performance.now();
  /** By receipt handle. */
  private readonly held = new Map<string, Held>();
  /** Receipt handles of messages that come back when nothing else is left to do. */
  private readonly hidden = new Set<string>();
  private endpoints!: Endpoints;
  private s3!: S3Client;
  way!: Way;

  private constructor(private readonly options: TrialOptions) {
    this.ledger = new Ledger(options.clean);
  }

  static async start(options: TrialOptions): Promise<Trial> {
    const trial = new Trial(options);
    trial.endpoints = await startEndpoints({
      hooks: trial.hooks(),
      onEvent: (event, deliver) => trial.onEvent(event, deliver),
    });
    trial.s3 = new S3Client(clientConfig(trial.endpoints));
    try {
      trial.way = await startWay(options.compute, options.template, trial.endpoints, {
        dist: options.dist,
        onLine: (line) => trial.onLine(line),
        adjust: (deployment) => trial.adjust(deployment),
        workers: options.workers ?? 1,
        restartMs: 100,
        onExit: ({ accessKeyId, code }) => {
          for (const [handle, { caller }] of trial.held) if (caller === accessKeyId) trial.held.delete(handle);
          options.onExit?.(accessKeyId, code);
        },
        // Asked once before each attempt, which makes it the place to count them.
        throttled: (event) => {
          const key = keyOf(event as BucketEvent) ?? '';
          if (options.throttled?.(key)) return true;
          trial.attempts.set(key, (trial.attempts.get(key) ?? 0) + 1);
          return false;
        },
      });
    } catch (error) {
      await trial.endpoints.close();
      throw error;
    }
    return trial;
  }

  /**
   * Puts objects as somebody's client would, several at a time, and waits until every event has come to an end.
   * @param enough whether there is nothing more to learn, because a promise is broken already
   * @returns whether it came to its end before there was enough
   * @throws Standstill when nothing happens any more
   */
  async run(
    objects: Iterable<{ readonly key: string; readonly picture: Picture }>,
    onProgress: () => void = () => {},
    enough: () => boolean = () => false,
  ): Promise<boolean> {
    const waiting = objects[Symbol.iterator]();
    const uploader = async () => {
      for (let next = waiting.next(); !next.done; next = waiting.next()) {
        while (this.outstanding() - this.hidden.size > BACKLOG) await this.wait(5);
        await this.put(next.value.key, next.value.picture);
      }
    };
    const reporting = setInterval(onProgress, 200);
    try {
      await Promise.all(Array.from({ length: UPLOADS }, uploader));
      await this.settled(enough);
    } finally {
      clearInterval(reporting);
      onProgress();
    }
    return !enough();
  }

  async put(key: string, picture: Picture): Promise<void> {
    this.ledger.upload(key, picture);
    const Bucket = this.way.sourceBucket;
    await this.s3.send(new PutObjectCommand({ Bucket, Key: key, Body: picture.bytes }));
  }

  /** Deletes a source object, without an event. */
  delete(key: string): void {
    this.endpoints.evict(this.way.sourceBucket, key);
  }

  /** Does something later. The trial does not end before. */
  later(milliseconds: number, act: () => void | Promise<void>): void {
    this.pending += 1;
    setTimeout(async () => {
      try {
        if (!this.over) await act();
      } catch (error) {
        this.failure ??= error;
      }
      // In the next turn: what is delivered to Lambda is taken up at the end of this one.
      setImmediate(() => {
        this.pending -= 1;
      });
    }, milliseconds);
  }

  /** Messages that a process holds now, with how often each was handed out. */
  holding(caller: string): { messageId: string; receives: number }[] {
    return [...this.held.values()]
      .filter((held) => held.caller === caller)
      .map(({ messageId }) => ({ messageId, receives: this.receives.get(messageId) ?? 0 }));
  }

  /** Messages handed out again, or Lambda's further attempts. */
  get redelivered(): number {
    const sum = (counts: Map<string, number>) => [...counts.values()].reduce((total, times) => total + times, 0);
    const lately =
      WAYS[this.options.compute].entry === 'function'
        ? sum(this.attempts) - sum(this.deliveries)
        : sum(this.receives) - this.receives.size;
    return this.redeliveredBefore + lately;
  }

  /** Told to end, now: each message that the process holds, or is still handed, may come again once. */
  leave(caller: string): void {
    this.leaving.add(caller);
    for (const { messageId } of this.holding(caller)) this.excuse(messageId);
  }

  /** Whether it was told to end, and may not have noticed yet. */
  isLeaving(caller: string): boolean {
    return this.leaving.has(caller);
  }

  /** Messages that came again more often than somebody left who held them. */
  get unexplained(): number {
    return [...this.receives].filter(([id, times]) => times - 1 > (this.excused.get(id) ?? 0)).length;
  }

  /**
   * A clock for what a worker and this process do together: it stands still while the machine lets one of them wait for
   * a core. On an idle machine it is the wall clock. Only differences mean anything, and only of one worker.
   */
  clockMs(caller: string): number {
    const pid = this.way.processes().get(caller);
    return performance.now() - heldUpMs(process.pid) - (pid === undefined ? 0 : heldUpMs(pid));
  }

  /** This message may come again once. */
  excuse(messageId: string): void {
    this.excused.set(messageId, (this.excused.get(messageId) ?? 0) + 1);
  }

  /** Source keys of what is in the failure queue; of what has none, its text. */
  failures(): string[] {
    return this.endpoints.messages(this.way.failureQueue).map((body) => {
      const message = JSON.parse(body);
      return keyOf(message.requestPayload ?? message) ?? body;
    });
  }

  /**
   * Lambda: sends everything in the failure queue to the function again, as `npm run replay` does, and waits until all of
   * it has come to an end.
   */
  async replay(): Promise<Replayed> {
    const config = clientConfig(this.endpoints);
    const [sqs, lambda] = [new SQSClient(config), new LambdaClient(config)];
    // There is no endpoint of Lambda here. What the client would send to it goes to the function directly.
    lambda.middlewareStack.add(
      () => async (args) => {
        const { Payload = new Uint8Array() } = args.input as { Payload?: Uint8Array };
        const event = JSON.parse(Buffer.from(Payload).toString()) as BucketEvent;
        this.count(event);
        this.way.invoke?.(event);
        return { response: undefined, output: { $metadata: {}, StatusCode: 202 } };
      },
      { step: 'initialize' },
    );
    try {
      const replayed = await replay({
        sqs,
        lambda,
        queueUrl: this.endpoints.queueUrl(this.way.failureQueue),
        functionName: 'function',
        until: Date.now(),
        waitSeconds: 0,
        signal: this.options.signal,
      });
      await this.settled(() => false);
      return replayed;
    } finally {
      sqs.destroy();
      lambda.destroy();
    }
  }

  private async settled(enough: () => boolean): Promise<void> {
    for (;;) {
      await this.wait(25);
      const left = this.outstanding();
      if (left === 0 || enough()) return;
      if (left === this.hidden.size) await this.show();
    }
  }

  /** Makes all hidden messages visible. */
  private async show(): Promise<void> {
    const handles = [...this.hidden];
    this.hidden.clear();
    const sqs = new SQSClient(clientConfig(this.endpoints));
    const QueueUrl = this.endpoints.queueUrl(this.way.jobQueue as string);
    try {
      await Promise.all(
        handles.map((ReceiptHandle) =>
          sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })),
        ),
      );
    } finally {
      sqs.destroy();
    }
  }

  private async wait(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.options.signal });
    if (this.failure) throw this.failure;
    const [refusal] = this.endpoints.permissions.refusals(this.options.compute);
    if (refusal) throw new Error(`${this.options.compute}, refused: ${refusal.explanation}`);
    const { standstillMs = STANDSTILL_MS } = this.options;
    if (performance.now() - this.lastProgress > standstillMs) throw new Standstill(this.outstanding(), this.check());
  }

  private outstanding(): number {
    return this.way.outstanding() + this.pending;
  }

  /** Compares what exists with what must. */
  check(): Findings {
    return this.ledger.check(this.outputs());
  }

  /** Frees the memory of everything that has been checked. */
  evict(): void {
    for (const name of this.outputs().keys()) this.endpoints.evict(this.way.outputBucket, name);
    for (const key of this.ledger.keys) {
      this.endpoints.evict(this.way.sourceBucket, key);
      this.ledger.forget(key);
    }
    this.redeliveredBefore = this.redelivered;
    this.lines.length = 0;
    this.receives.clear();
    this.attempts.clear();
    this.deliveries.clear();
  }

  outputs(): Map<string, StoredObject> {
    const { outputBucket } = this.way;
    return new Map(
      this.endpoints
        .listObjects(outputBucket)
        .map(({ key }) => [key, this.endpoints.getObject(outputBucket, key) as StoredObject]),
    );
  }

  async stop(): Promise<void> {
    this.over = true;
    await this.way.stop();
    this.s3.destroy();
    await this.endpoints.close();
  }

  private adjust(deployment: Deployment): Deployment {
    const { visibilitySeconds, functionTimeoutSeconds, environment } = this.options;
    return {
      ...deployment,
      queues: deployment.queues.map((queue) => ({
        ...queue,
        ...(queue.redrive && { visibilityTimeoutSeconds: visibilitySeconds }),
      })),
      environment: {
        ...deployment.environment,
        VISIBILITY_TIMEOUT_SECONDS: String(visibilitySeconds),
        STOP_GRACE_SECONDS: String(GRACE_SECONDS),
        ...environment,
      },
      ...(deployment.function && {
        function: {
          ...deployment.function,
          timeoutSeconds: functionTimeoutSeconds ?? deployment.function.timeoutSeconds,
        },
      }),
    };
  }

  private onLine(line: string): void {
    if (!line.startsWith('{')) return;
    let entry: LogLine;
    try {
      entry = JSON.parse(line);
    } catch {
      // Last words that only begin like an entry.
      return;
    }
    this.lines.push(entry);
    if (WAYS[this.options.compute].entry === 'function' && entry.Key) this.progress();
  }

  private progress(): void {
    this.ended += 1;
    this.lastProgress = performance.now();
  }

  private onEvent(event: BucketEvent, deliver: (event: BucketEvent) => void): void {
    this.lastProgress = performance.now();
    this.ledger.onEvent(event);
    const counted = (delivered: BucketEvent) => {
      this.count(delivered);
      deliver(delivered);
    };
    if (this.options.onEvent && event.Records) this.options.onEvent(event, counted);
    else counted(event);
  }

  /** One more event that is handed over to the way. */
  private count(event: BucketEvent): void {
    const key = keyOf(event) ?? '';
    this.deliveries.set(key, (this.deliveries.get(key) ?? 0) + 1);
  }

  private hooks(): CallHooks {
    const { hooks = {}, compute } = this.options;
    const isOurs = ({ caller }: Call) => caller.startsWith(`${compute}-`);
    return {
      before: (call) => {
        if (!isOurs(call)) return undefined;
        this.requests += Number(call.action !== 'ReceiveMessage');
        if (this.over) return undefined;
        if (call.action === 'ChangeMessageVisibility') this.shortenWait(call);
        return hooks.before?.(call);
      },
      after: (call, answer) => {
        if (!isOurs(call)) return undefined;
        this.follow(call, answer);
        return hooks.after?.(call, answer);
      },
      sent: (call, answer) => {
        if (isOurs(call)) hooks.sent?.(call, answer);
      },
    };
  }

  /** A worker waits longer and longer after a failure, up to 20 minutes. Every change that is no heartbeat is such a wait. */
  private shortenWait({ input }: Call): void {
    const seconds = Number(input.VisibilityTimeout);
    const { visibilitySeconds, onRetry } = this.options;
    if (seconds === visibilitySeconds) return;
    // Not an end, but a sign of life.
    this.lastProgress = performance.now();
    if (seconds === 0) return;
    if (!onRetry) {
      input.VisibilityTimeout = Math.min(seconds, RETRY_SECONDS);
      return;
    }
    onRetry(this.held.get(input.ReceiptHandle as string)?.key ?? '', seconds);
    input.VisibilityTimeout = HIDDEN_SECONDS;
  }

  private follow({ action, caller, input }: Call, { output, status }: Answer): void {
    const handle = input.ReceiptHandle as string;
    if (action === 'ReceiveMessage') {
      const messages = (output.Messages ?? []) as { MessageId: string; ReceiptHandle: string; Body: string }[];
      if (messages.length > 0) this.requests += 1;
      for (const { MessageId, ReceiptHandle, Body } of messages) {
        const key = keyOf(JSON.parse(Body)) ?? '';
        this.receives.set(MessageId, (this.receives.get(MessageId) ?? 0) + 1);
        this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
        this.held.set(ReceiptHandle, { messageId: MessageId, key, caller });
        if (this.leaving.has(caller)) this.excuse(MessageId);
      }
    } else if (action === 'DeleteMessage' && status === 200) {
      this.held.delete(handle);
      this.progress();
    } else if (action === 'ChangeMessageVisibility') {
      if (input.VisibilityTimeout === 0) this.held.delete(handle);
      if (input.VisibilityTimeout === HIDDEN_SECONDS && status === 200) {
        this.held.delete(handle);
        this.hidden.add(handle);
      }
    }
  }
}

/** Nothing happens, and not everything is done. */
export class Standstill extends Error {
  constructor(
    outstanding: number,
    readonly findings: Findings,
  ) {
    super(`${outstanding} events come to no end`);
  }
}

/** The source key of an event's only, or first, record. */
export function keyOf(event: BucketEvent): string | undefined {
  const key = event.Records?.[0]?.s3.object.key;
  return key === undefined ? undefined : decodeKey(key);
}

/**
 * Waits until a decoder of this process is at work: one of its threads runs, besides the one that reads the picture.
 * @returns false when none is within 200 ms, or there is no /proc to tell
 */
export async function decoding(pid: number): Promise<boolean> {
  for (let waited = 0; waited < 200; waited += 2) {
    if (childrenOf(pid).some(hasBusyThread)) return true;
    await sleep(2);
  }
  return false;
}

function hasBusyThread(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => {
      if (thread === String(pid)) return false;
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      return stat.charAt(stat.lastIndexOf(')') + 2) === 'R';
    });
  } catch {
    return false;
  }
}
