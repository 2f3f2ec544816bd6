import type { Message } from '@aws-sdk/client-sqs';
import { POLLING } from '../../../lib/ways';
import { NO_FINDINGS } from '../ledger';
import { slowJpeg } from '../pictures';
import type { Outcome, Scenario, Setting } from '../scenario';
import { Trial } from '../trial';

/** The shortest that leaves a busy machine time to be late. */
const VISIBILITY_SECONDS = 4;

const SLOTS = 2;

/** How long downloads are held up: nearly as long as the workload bears with silence. Seconds. */
const DOWNLOAD_SECONDS = 2;

/** Takes longer than the visibility timeout, and less than a decode may take. */
const SLOW_MEGAPIXELS = 45;
const SLOW_SCANS = 800;

/** A busy machine takes a multiple, and it is heartbeats that are looked at here, not how long a decode may take. */
const WALL_SECONDS = 300;

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, pool, progress } = setting;
  const slowBytes = slowJpeg(SLOW_MEGAPIXELS, SLOW_SCANS);
  const slow = { name: 'slow.jpg', bytes: slowBytes, kind: 'either' as const };
  const slowKeys = Array.from({ length: SLOTS }, (_, index) => `incoming/decode-${index}.jpg`);
  const objects = [
    ...slowKeys.map((key) => ({ key, picture: slow })),
    ...Array.from({ length: images }, (_, index) => ({ key: `incoming/${index}.jpg`, picture: random.pick(pool) })),
  ];
  // The first of the others, because those are downloaded while both slots are taken.
  const downloads = new Set(objects.slice(SLOTS, SLOTS * 2).map(({ key }) => key));

  /** When each message held was last heard of, by receipt handle, on the trial's own clock. */
  const heard = new Map<string, number>();
  let longestGapMs = 0;
  let longestJobMs = 0;
  let heartbeats = 0;
  const since = new Map<string, number>();
  /** Who holds a message, and by which receipt handle. */
  const holders = new Map<string, { caller: string; handle: string }>();
  const trial: Trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    standstillMs: WALL_SECONDS * 1000,
    environment: {
      DECODE_SLOTS: String(SLOTS),
      DECODE_WALL_SECONDS: String(WALL_SECONDS),
      // More than there are messages, so that somebody receives again what has lost its heartbeats. 64 is the most.
      MESSAGES_PER_SLOT: String(Math.min(64, Math.ceil(objects.length / SLOTS) + 1)),
    },
    hooks: {
      before: async ({ action, caller, key = '', input }) => {
        if (action === 'GetObject' && downloads.has(key)) {
          await new Promise((resolve) => setTimeout(resolve, DOWNLOAD_SECONDS * 1000));
        }
        const handle = input.ReceiptHandle as string;
        const last = heard.get(handle);
        if (last !== undefined) {
          const now = trial.clockMs(caller);
          longestGapMs = Math.max(longestGapMs, now - last);
          longestJobMs = Math.max(longestJobMs, performance.now() - (since.get(handle) as number));
          heard.set(handle, now);
          heartbeats += Number(action === 'ChangeMessageVisibility');
        }
        return undefined;
      },
      sent: ({ action, caller }, { output }) => {
        if (action !== 'ReceiveMessage') return;
        for (const { MessageId, ReceiptHandle } of (output.Messages ?? []) as Required<Message>[]) {
          const { caller: before, handle = '' } = holders.get(MessageId) ?? {};
          const last = heard.get(handle);
          // It came again because a heartbeat was late. Not by the worker's doing, if that was kept waiting for a core.
          if (before && last !== undefined && trial.clockMs(before) - last < VISIBILITY_SECONDS * 1000) {
            trial.excuse(MessageId);
          }
          holders.set(MessageId, { caller, handle: ReceiptHandle });
          heard.set(ReceiptHandle, trial.clockMs(caller));
          since.set(ReceiptHandle, performance.now());
        }
      },
    },
  });
  try {
    const third = (VISIBILITY_SECONDS * 1000) / 3;
    const enough = () => trial.unexplained > 0;
    const whole = await trial.run(objects, () => progress(trial.ended, `${heartbeats} heartbeats`), enough);
    const broken: string[] = [];
    if (trial.unexplained > 0) broken.push(`${trial.unexplained} redeliveries of what was being worked on`);
    if (longestGapMs >= third) {
      broken.push(`${Math.round(longestGapMs)} ms without a heartbeat, a third of the timeout is ${third} ms`);
    }
    if (longestJobMs < VISIBILITY_SECONDS * 1000) broken.push('no job was longer than the visibility timeout');
    const outputs = trial.outputs();
    for (const key of slowKeys) {
      if (!outputs.has(`renditions/${key}/1280.webp`)) broken.push(`a slow picture was not resized: ${key}`);
    }
    return {
      findings: whole ? trial.check() : NO_FINDINGS,
      faults: { 'slow decodes': SLOTS, 'slow downloads': downloads.size },
      redelivered: trial.redelivered,
      broken,
      measured: {
        'longest job': `${(longestJobMs / 1000).toFixed(1)} s`,
        'longest gap between heartbeats': `${(longestGapMs / 1000).toFixed(2)} s of ${VISIBILITY_SECONDS} s`,
      },
    };
  } finally {
    await trial.stop();
  }
}

export const slow: Scenario = {
  name: 'slow',
  // Lambda has no visibility timeout: it waits for the function to return.
  computes: POLLING,
  images: 20,
  kills: 0,
  run,
};
