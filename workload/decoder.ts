import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type Contained, contained, shieldParent } from './containment';
import { REJECTION_REASONS } from './contract';
import type { DecodeRequest, DecodeResponse, Ready } from './decoder-child';
import { DECODER, startDecoder } from './decoder-process';
import type { Limits } from './env';
import { readFrames, writeFrame } from './frames';
import { Rejection } from './gate';
import { type Planned, plan } from './seam';

/**
 * Decodes pictures in child processes that are kept warm, and killed when they overrun. A process is the only thing
 * that can be stopped: libvips looks at its own timeout between units of work, and a hostile picture has no units.
 */

/** One object that was made. */
export interface Rendition extends Planned {
  readonly bytes: Buffer;
}

export interface Decoded {
  /** As planned. */
  readonly renditions: readonly Rendition[];
  /** CPU of the decoder for this picture, in ms. */
  readonly cpuMs: number;
  /** Highest resident memory of the decoder that did it, in MiB; `undefined` where there is no /proc. */
  readonly peakMib: number | undefined;
  /** What the kernel kept from the decoder. */
  readonly contained: Contained;
}

export interface DecodeOptions {
  /** Of the source object, for the plan. The decoder itself does not learn it. */
  readonly key?: string;
  /** Gives up: a decode at work is killed, and the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called when a slot is free and the decode begins. */
  readonly onSlot?: () => void;
}

/** The machine, not the picture, kept a decode from finishing. Worth another try. */
export class DecoderFailure extends Error {
  override readonly name = 'DecoderFailure';
}

/** How often the budgets are checked, in ms. Well under the second by which a decode may overrun. */
const CHECK_INTERVAL_MS = 50;

/** Longest start of a decoder, in ms: what has not begun by then is stuck. */
const START_TIMEOUT_MS = 10_000;

/** The clock ticks of /proc/<pid>/stat: 100 a second on every Linux architecture Node supports. */
const TICKS_PER_SECOND = 100;

/**
 * What a decoder may hold and do between pictures, in MiB and seconds of CPU, before it is not handed another one.
 * Well above what real pictures leave behind.
 */
const IDLE_MIB = 512;
const IDLE_CPU_SECONDS = 1;

/** How often that is looked at, in ms, besides before each picture: a slot may have none for hours. */
const IDLE_CHECK_MS = 1_000;

/** Most threads of a decoder, which have to share the machine's or the container's limit. Well above what real pictures take. */
const MAX_THREADS = 64;

/** How far a decoder's word on its CPU may be from what the kernel counts, in ms: it counts in steps of 10. */
const CPU_TOLERANCE_MS = 20;

/** How long a decoder that closes its results has to end as well, in ms. */
const CLOSING_MS = 1_000;

/** Longest verdict in words, in UTF-16 units: it goes into a log line and into a record. */
const MAX_DETAIL = 300;

export class Decoder {
  /** One entry a slot; the decoders in use are in none. */
  private readonly idle: Child[] = [];
  private readonly waiting: ((child: Child) => void)[] = [];
  private readonly all = new Set<Child>();
  private closed = false;
  private readonly idleCheck = setInterval(() => {
    for (const child of this.idle) child.isBusy();
  }, IDLE_CHECK_MS).unref();

  /**
   * Starts `slots` decoders and does not wait for them: {@link decode} does.
   * @param started those of them that have been started in this turn of the event loop already
   * @throws DecoderFailure when the machine has no room for a process
   */
  constructor(
    slots: number,
    private readonly command: readonly string[] = DECODER,
    started: readonly ChildProcess[] = [],
  ) {
    for (let slot = 0; slot < slots; slot += 1) this.idle.push(this.spawn(started[slot]));
  }

  /**
   * The same, and waits until they can decode.
   * @throws DecoderFailure when one does not start, with what it said
   */
  static async start(slots: number, command?: readonly string[]): Promise<Decoder> {
    const decoder = new Decoder(slots, command);
    try {
      await Promise.all(decoder.idle.map((child) => child.ready));
    } catch (error) {
      decoder.close();
      throw error;
    }
    return decoder;
  }

  /** Processes that exist at this moment. */
  get pids(): number[] {
    return [...this.all].flatMap(({ process: { pid } }) => pid ?? []);
  }

  /**
   * Makes what is planned for one object in the next free slot.
   * @throws Rejection a verdict on the picture
   * @throws DecoderFailure anything else
   */
  async decode(
    input: Buffer,
    request: DecodeRequest,
    { key = '', signal, onSlot }: DecodeOptions = {},
  ): Promise<Decoded> {
    const planned = plan(key, request.renditions);
    let child = await this.acquire(signal);
    onSlot?.();
    // One deadline for both attempts: the platform's own, behind it, does not start anew either.
    const deadline = performance.now() + request.limits.wallSeconds * 1000;
    try {
      for (let deaths = 0; ; ) {
        // Dead before it was asked anything, or busy with something else: not the picture's fault.
        if (child.dead || child.isBusy()) child = this.replace(child);
        await child.ready;
        const result = await child.decode(input, request, planned, deadline, signal);
        // Of what earlier pictures have left, perhaps. In a new one only this picture counts.
        if (result === 'full') continue;
        if (!('died' in result)) return result;
        // Once may be bad luck: somebody else's memory, an operator's kill. Twice is the picture.
        deaths += 1;
        if (deaths === 2) throw verdictOnDeath(result.died);
      }
    } finally {
      this.release(child);
    }
  }

  /** Kills every decoder, whatever it is doing. */
  close(): void {
    this.closed = true;
    clearInterval(this.idleCheck);
    for (const child of this.all) child.kill();
  }

  private async acquire(signal: AbortSignal | undefined): Promise<Child> {
    signal?.throwIfAborted();
    const free = this.idle.pop();
    if (free) return free;
    return new Promise((resolve, reject) => {
      const take = (child: Child) => {
        signal?.removeEventListener('abort', giveUp);
        resolve(child);
      };
      const giveUp = () => {
        this.waiting.splice(this.waiting.indexOf(take), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.waiting.push(take);
    });
  }

  private release(child: Child): void {
    let next = child;
    try {
      // At once, so that the next picture finds a warm one.
      if (child.dead) next = this.replace(child);
    } catch {
      // No memory for a process right now. The slot goes on with the dead one, which its next user replaces.
    }
    const waiting = this.waiting.shift();
    if (waiting) waiting(next);
    else this.idle.push(next);
  }

  private replace(old: Child): Child {
    const child = this.spawn();
    this.all.delete(old);
    return child;
  }

  /** @throws DecoderFailure when the machine has no room for another process */
  private spawn(started?: ChildProcess): Child {
    const child = new Child(started ?? start(this.command));
    this.all.add(child);
    if (this.closed) child.kill();
    return child;
  }
}

interface Death {
  readonly signal: NodeJS.Signals | null;
  readonly detail: string;
}

/** How native code ends when it trips over its input. Other signals come from outside: a seccomp filter, another CPU. */
const CRASHES: readonly (NodeJS.Signals | null)[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGFPE'];

function verdictOnDeath({ signal, detail }: Death): Error {
  if (signal === 'SIGKILL') return new Rejection('too-large', 'decoding it exhausted the memory of the machine twice');
  if (CRASHES.includes(signal)) return new Rejection('corrupt', `decoding it crashed the decoder twice (${signal})`);
  return new DecoderFailure(`the decoder ended: ${detail}`);
}

/** @throws DecoderFailure when the machine has no room for another process */
function start(command: readonly string[]): ChildProcess {
  try {
    return startDecoder(command);
  } catch (error) {
    throw new DecoderFailure(`no decoder can be started: ${(error as Error).message}`);
  }
}

/** What one attempt comes to. `full`: killed for its memory or its threads, which were not all of this picture. */
type Attempt = Decoded | { readonly died: Death } | 'full';

/** One decoder process. It does one thing at a time. */
class Child {
  /** Rejects with DecoderFailure when the process does not get ready. */
  readonly ready: Promise<void>;
  dead = false;
  private death: Death | undefined;
  private confined = false;
  /** Asked while it starts: in a script of its own, as the function's is, the answer is found anew. */
  private readonly shielded = shieldParent();
  /** When it had done its last picture; `undefined` before the first, and without /proc. */
  private idleSince: Usage | undefined;
  /** The most that its next answer may have, in bytes. */
  private mostBytes = 0;
  // Of the picture at work. Not a promise that lives as long as the process: it would keep every picture with it.
  private onResponse: (response: DecodeResponse, payload: Buffer) => void = () => this.refuse();
  private onDeath: (death: Death) => void = () => {};

  constructor(readonly process: ChildProcess) {
    let stderr = '';
    this.ready = new Promise((resolve, reject) => {
      const starting = setTimeout(() => this.kill('it does not get ready'), START_TIMEOUT_MS);
      let closing: NodeJS.Timeout | undefined;
      const end = (signal: NodeJS.Signals | null, detail: string) => {
        clearTimeout(starting);
        clearTimeout(closing);
        this.dead = true;
        this.death ??= { signal, detail };
        reject(new DecoderFailure(`the decoder does not start: ${this.death.detail}`));
        this.onDeath(this.death);
      };
      // First of all: a process that could not be made has no pipes either, and tells by this event only.
      this.process.on('error', (error) => end(null, error.message));
      this.process.on('close', (code, signal) =>
        end(signal, stderr.trim().split('\n').at(-1) || `exit code ${code ?? signal}`),
      );
      const results = this.process.stdio[3] as NodeJS.ReadStream | undefined;
      // It does not speak the protocol: whatever took it over, it is not to be asked again.
      results?.on('error', () => this.kill('it sent something that is no result'));
      // One that ends closes it as well, and says by itself what of.
      results?.on('end', () => {
        closing = setTimeout(() => this.kill('it closed the pipe of its results'), CLOSING_MS);
      });
      if (results) {
        let isReady = false;
        const onFrame = (header: unknown, payload: Buffer) => {
          const { ready, confined } = header as Partial<Ready>;
          if (!ready) return this.onResponse(header as DecodeResponse, payload);
          // Once: by then it has seen no picture, and is believed.
          if (isReady) return this.refuse();
          isReady = true;
          clearTimeout(starting);
          this.confined = confined === true;
          resolve();
        };
        readFrames(results, onFrame, () => this.mostBytes);
      }
    });
    // Awaited by whoever uses it; until then its failure is nobody's unhandled rejection.
    this.ready.catch(() => {});
    this.process.stderr?.on('data', (chunk) => {
      // Hostile headers make native libraries chatty. Only the last words matter, when the process ends by itself.
      stderr = `${stderr}${chunk}`.slice(-2000);
    });
    // A write to a process that has just died: its end is reported by 'close' already.
    this.process.stdin?.on('error', () => {});
  }

  /** @param cause when it is killed for a fault of its own, and not to get rid of a picture */
  kill(cause?: string): void {
    this.dead = true;
    if (cause) this.death ??= { signal: null, detail: cause };
    this.process.kill('SIGKILL');
  }

  /** Between pictures: whether it holds or does more than what a picture leaves behind. Then it is killed. */
  isBusy(): boolean {
    const now = this.idleSince && usage(this.process.pid);
    if (!now || !this.idleSince) return false;
    const isQuiet = now.cpuSeconds - this.idleSince.cpuSeconds <= IDLE_CPU_SECONDS;
    if (isQuiet && isWhole(now) && now.residentMib <= IDLE_MIB && now.threads <= MAX_THREADS) return false;
    this.kill();
    return true;
  }

  async decode(
    input: Buffer,
    request: DecodeRequest,
    planned: readonly Planned[],
    deadline: number,
    signal?: AbortSignal,
  ): Promise<Attempt> {
    signal?.throwIfAborted();
    if (this.death) return { died: this.death };
    const before = usage(this.process.pid);
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearInterval(watch);
        signal?.removeEventListener('abort', giveUp);
        this.onResponse = () => this.refuse();
        this.onDeath = () => {};
        this.mostBytes = 0;
      };
      const stop = (outcome: Error | 'full') => {
        settle();
        this.kill();
        if (outcome === 'full') resolve(outcome);
        else reject(outcome);
      };
      const giveUp = () => stop(signal?.reason);
      const watch = this.watch(before, request.limits, deadline, stop);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.mostBytes = planned.reduce((sum, { mostBytes }) => sum + mostBytes, 0);
      this.onResponse = (response, payload) => {
        // What it has not read would be kept here, picture after picture.
        if (this.stdin.writableLength > 0) throw new Error('it answers before it has read the picture');
        const after = usage(this.process.pid);
        const made = toResult(response, payload, planned);
        settle();
        this.idleSince = after;
        if (made instanceof Rejection) return reject(made);
        resolve({
          renditions: made,
          cpuMs: credible(response.cpuMs, before, after),
          peakMib: after?.peakMib,
          contained: contained(this.confined, this.shielded),
        });
      };
      this.onDeath = (died) => {
        settle();
        resolve({ died });
      };
      writeFrame(this.stdin, request, input);
    });
  }

  private get stdin(): Writable {
    return this.process.stdin as Writable;
  }

  private refuse(): void {
    this.kill('it answered without being asked');
  }

  /** Holds a decode to its budgets. Reads /proc itself: the child may be too busy, or too broken, to tell. */
  private watch(
    before: Usage | undefined,
    limits: Limits,
    deadline: number,
    stop: (outcome: Error | 'full') => void,
  ): NodeJS.Timeout {
    const isNew = this.idleSince === undefined;
    return setInterval(() => {
      const now = usage(this.process.pid);
      const cpuSeconds = now && before ? now.cpuSeconds - before.cpuSeconds : 0;
      if (cpuSeconds >= limits.cpuSeconds) {
        stop(new Rejection('too-large', `decoding it takes more than ${limits.cpuSeconds} s of CPU`));
      } else if (now && now.residentMib > limits.memoryMib) {
        const verdict = new Rejection('too-large', `decoding it takes more than ${limits.memoryMib} MiB of memory`);
        stop(isNew ? verdict : 'full');
      } else if (now && now.threads > MAX_THREADS) {
        const verdict = new Rejection('too-large', `decoding it takes more than ${MAX_THREADS} threads`);
        stop(isNew ? verdict : 'full');
      } else if (now && !isWhole(now)) {
        // Does nothing to one that has died by itself and is about to say what of.
        this.process.kill('SIGKILL');
      } else if (performance.now() >= deadline) {
        stop(
          new DecoderFailure(
            `killed after ${limits.wallSeconds} s, of which it ran ${cpuSeconds.toFixed(1)} s: the machine is too busy`,
          ),
        );
      }
    }, CHECK_INTERVAL_MS);
  }
}

/**
 * What the child says is hearsay: it has met the picture. No key is made of it, a reason is one of ours, numbers are
 * numbers, and the bytes are those that have really come.
 * @throws Error when it is no result
 */
function toResult(response: DecodeResponse, payload: Buffer, planned: readonly Planned[]): Rendition[] | Rejection {
  if ('rejection' in response) {
    const { reason, detail } = response.rejection;
    if (!REJECTION_REASONS.includes(reason)) throw new Error('not a verdict');
    return new Rejection(reason, String(detail).slice(0, MAX_DETAIL));
  }
  const lengths = response.renditions.map(({ length }) => length);
  const isWhole = lengths.every((length) => length > 0) && payload.length === lengths.reduce((a, b) => a + b, 0);
  if (lengths.length !== planned.length || !isWhole) throw new Error('not the renditions that were asked for');
  let offset = 0;
  return planned.map((each, index) => {
    const bytes = payload.subarray(offset, offset + (lengths[index] as number));
    if (bytes.length > each.mostBytes) throw new Error('more than was planned');
    offset += bytes.length;
    return { ...each, bytes };
  });
}

/** A decoder's word on its CPU, in ms, as far as the kernel bears it out: its own clock is finer. */
function credible(cpuMs: unknown, before: Usage | undefined, after: Usage | undefined): number {
  const said = typeof cpuMs === 'number' && cpuMs >= 0 ? cpuMs : 0;
  if (!before || !after) return Math.min(said, 1e6);
  const counted = (after.cpuSeconds - before.cpuSeconds) * 1000;
  return Math.min(Math.max(said, counted - CPU_TOLERANCE_MS, 0), counted + CPU_TOLERANCE_MS);
}

interface Usage {
  readonly cpuSeconds: number;
  /** With its page tables. 0 when its first thread has ended. */
  readonly residentMib: number;
  readonly threads: number;
  /** The highest so far. */
  readonly peakMib: number;
}

/** Whether its first thread is there. The others may go on without it, and the kernel counts nothing of them here. */
const isWhole = ({ residentMib }: Usage) => residentMib > 0;

/** What a process has used. `undefined` where there is no /proc (macOS): then only the wall deadline holds there. */
function usage(pid: number | undefined): Usage | undefined {
  try {
    // Behind the last parenthesis, because a process may have one in its name: state is field 3, utime 14, stime 15.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      residentMib: mib('VmRSS') + mib('VmPTE'),
      threads: Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
      peakMib: Math.round(mib('VmHWM')),
    };
  } catch {
    return undefined;
  }
}
