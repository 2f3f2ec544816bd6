import { writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { getHeapStatistics } from 'node:v8';
import { collectGarbage, release } from './collector';
import { confineDecoder } from './containment';
import type { Limits, RenditionSettings } from './env';
import { FrameReader, writeFrame } from './frames';
import { Rejection } from './gate';
import { load } from './seam';

/**
 * The process in which pictures are decoded, one at a time. It can be killed at any moment, because native code cannot be
 * interrupted in any other way, and a picture that takes it over gets no further than {@link confineDecoder} lets it.
 *
 * Protocol: requests on stdin, responses on file descriptor 3 (not stdout, which native code may print to).
 */

/** Payload: the source object. */
export interface DecodeRequest {
  readonly renditions: RenditionSettings;
  readonly limits: Limits;
}

/** The first response, to nothing: it can decode now. */
export interface Ready {
  readonly ready: true;
  /** Whether the kernel keeps it from everything else. */
  readonly confined: boolean;
}

/** Payload: the renditions' bytes, one after the other. */
export type DecodeResponse = {
  /** CPU of this decode, all threads, in ms. */
  readonly cpuMs: number;
} & (
  | { readonly renditions: readonly { length: number }[] }
  | { readonly rejection: { reason: Rejection['reason']; detail: string } }
);

/** What may be left of pictures before it is worth the time to clear up. */
const GARBAGE_BYTES = 8_000_000;

// A stop reaches the whole process group (Ctrl-C, systemd): the parent decides what is still finished.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

try {
  // Where memory runs out all the same, the kernel ends this process first, and not the one with the messages.
  writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // No /proc: nothing to tell.
}

// Confined, it would not come to the end of an ordinary exit: there are files to be synced, and that is refused. A signal
// that is neither a crash nor an end by somebody else, so that its last words count.
process.on('exit', () => process.kill(process.pid, 'SIGUSR2'));

const out = new Socket({ fd: 3 });
// By a call and not above, so that a missing or foreign binary is one line on stderr, not a stack trace.
load().then(
  (transform) => {
    const frames = new FrameReader((header, payload) => {
      const { renditions, limits } = header as DecodeRequest;
      const cpu = process.cpuUsage();
      // A promise also of one that throws at once: what escapes here would end the process as if it had no memory.
      (async () => transform(payload, renditions, limits))().then(
        (made) => {
          if (made.every(({ buffer }) => buffer !== payload.buffer)) release(payload);
          respond(cpu, { renditions: made.map(({ length }) => ({ length })) }, ...made);
        },
        (error: unknown) => {
          if (error instanceof Rejection) {
            respond(cpu, { rejection: { reason: error.reason, detail: error.detail } });
          } else {
            // Not a verdict on the picture: end, and let the parent treat it as a crash.
            // Not process.stderr, which would have to be opened, and that is refused by now.
            writeSync(2, `${error instanceof Error ? error.message : error}\n`);
            process.exit(1);
          }
        },
      );
    });
    // Not process.stdin, which would read 64 KiB at a time into buffers that are copied and thrown away.
    const requests = new Socket({
      fd: 0,
      onread: {
        buffer: () => frames.room(),
        callback: (bytes) => {
          try {
            frames.fill(bytes);
            return true;
          } catch {
            requests.destroy();
            return false;
          }
        },
      },
    });
    // The parent is gone, or sends what is no request. SIGKILL, because exit() waits for native threads.
    requests.on('close', () => process.kill(process.pid, 'SIGKILL'));
    requests.resume();
    writeFrame(out, { ready: true, confined: confineDecoder() } satisfies Ready);
  },
  (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${reason.trim().split('\n')[0]}\n`, () => process.exit(1));
  },
);

function respond(since: NodeJS.CpuUsage, result: object, ...payload: readonly Buffer[]): void {
  const { user, system } = process.cpuUsage(since);
  writeFrame(out, { ...result, cpuMs: (user + system) / 1000 }, ...payload);
  setImmediate(clearUp);
}

/** Between pictures: what was not released goes only when V8 looks, which by itself it does too late. */
function clearUp(): void {
  if (getHeapStatistics().external_memory > GARBAGE_BYTES) collectGarbage();
}
