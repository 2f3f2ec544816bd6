import { heldUpMs } from '../../local/processes';
import { merge, NO_FINDINGS, type Picture } from '../ledger';
import { mutate } from '../mutate';
import { slowJpeg } from '../pictures';
import type { Outcome, Scenario, Setting } from '../scenario';
import { Trial } from '../trial';

/** Uploaded, checked and freed together. */
const BATCH = 500;

/** One in so many is not mutated, and takes longer to decode than it may. */
const SLOW_EVERY = 250;
const SLOW_MEGAPIXELS = 48;
const SLOW_SCANS = 800;

const VISIBILITY_SECONDS = 9;

const CPU_SECONDS = 1;
/** On a busy machine a second of CPU takes many of the clock, and it is the CPU that is to end a decode here. */
const WALL_SECONDS = 30;

/** The longest that a job may take, in ms: its second of CPU, and what is around it. */
const LONGEST_MS = 6000;

/**
 * Of the log. What a busy machine was too slow for has failed, is tried again, and must have ended all the same. Ignored
 * is a picture of which no byte is left.
 */
const STATES = ['done', 'rejected', 'failed', 'ignored'];

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, pool, progress } = setting;
  const slow: Picture = {
    name: 'slow.jpg',
    bytes: slowJpeg(SLOW_MEGAPIXELS, SLOW_SCANS),
    kind: 'rejected',
    reason: 'too-large',
  };
  const bytes = pool.map((picture) => picture.bytes);
  const broken: string[] = [];
  const states: Record<string, number> = {};
  let slowestMs = 0;
  const heldUp = heldUpMs(process.pid);
  const trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    environment: { DECODE_CPU_SECONDS: String(CPU_SECONDS), DECODE_WALL_SECONDS: String(WALL_SECONDS) },
  });
  try {
    let findings = NO_FINDINGS;
    for (let start = 0; start < images; start += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, images - start) }, (_, offset) => {
        const index = start + offset;
        // A stream of its own for each, so that one can be made again by its number.
        const choice = random.fork(String(index));
        const mutated = mutate(choice.pick(bytes), choice, bytes);
        const picture: Picture =
          index % SLOW_EVERY === 0 ? slow : { name: String(index), bytes: mutated, kind: 'either' };
        return { key: `incoming/${index}`, picture };
      });
      const died = () => trial.way.deaths() > 0;
      const whole = await trial.run(
        batch,
        () => progress(trial.ended, `slowest ${(slowestMs / 1000).toFixed(1)} s`),
        died,
      );
      for (const { State = '', Key, Reason = '', Duration = 0, SlotWait = 0 } of trial.lines) {
        if (Key === undefined) continue;
        const state = `${State} ${Reason}`.trim();
        states[state] = (states[state] ?? 0) + 1;
        if (!STATES.includes(State)) broken.push(`${Key} is ${State}`);
        slowestMs = Math.max(slowestMs, Duration - SlotWait);
      }
      if (!whole) break;
      findings = merge(findings, trial.check());
      trial.evict();
    }
    for (const key of trial.failures()) broken.push(`in the failure queue: ${key}`);
    if (trial.way.deaths() > 0) broken.push(`${trial.way.deaths()} processes died`);
    // A machine that has kept this process waiting has kept the decoder waiting too.
    const longest = LONGEST_MS + heldUpMs(process.pid) - heldUp;
    if (slowestMs > longest) {
      broken.push(`a decode of ${Math.round(slowestMs)} ms; at most ${Math.round(longest)} ms are accepted`);
    }
    return {
      findings,
      faults: { mutations: images - Math.ceil(images / SLOW_EVERY), 'slow pictures': Math.ceil(images / SLOW_EVERY) },
      redelivered: trial.redelivered,
      broken,
      measured: {
        ...Object.fromEntries(Object.entries(states).map(([state, count]) => [state, String(count)])),
        'slowest job': `${(slowestMs / 1000).toFixed(1)} s`,
      },
    };
  } finally {
    await trial.stop();
  }
}

export const fuzz: Scenario = {
  name: 'fuzz',
  // One of each bundle: the three workers are one program.
  computes: ['ec2', 'lambda'],
  // 25,000 mutations, and one slow picture among every 250.
  images: 25_101,
  kills: 0,
  run,
};
