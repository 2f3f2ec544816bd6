import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../local/call-hooks';
import type { BucketEvent } from '../local/endpoints';
import type { Picture } from './ledger';
import type { Random } from './random';
import type { Setting } from './scenario';
import { keyOf, type Trial } from './trial';

/**
 * Uploads as S3 tells of them: a tenth of the events twice, and of a twentieth of the objects a second version, whose
 * event overtakes the first one's or whose upload comes in the middle of the first one's job. Some pictures, and more
 * of the second versions, are such as must be rejected.
 */

const DUPLICATES = 0.1;
const SECOND_VERSIONS = 0.05;
/** Of a short run: enough that every overtaking is met by good pictures too. */
const LEAST_SECOND_VERSIONS = 12;
const REJECTS = 0.05;
const SECOND_REJECTS = 0.3;

/** Longest delay of a duplicate, in ms. */
const LATE_MS = 2000;

/** What a job writes, unless it writes one rejection record. */
const RENDITIONS = 3;

/** Names that somebody will give a file. */
const SUFFIXES = ['.jpg', '', ' (1).jpeg', '+a=b&c.png', '-ü-写真.webp', '/nested/picture.gif', "it's %41.tif"];

/** When the newer version comes: with its event first, or in the middle of the older one's job. */
const OVERTAKINGS = ['after get', 'reversed', 'after put'] as const;
type Overtaking = (typeof OVERTAKINGS)[number];

export class Traffic {
  readonly objects: { key: string; picture: Picture }[];
  duplicates = 0;
  secondVersions = 0;
  /** By key, of those that are still to come. */
  private readonly seconds = new Map<string, { picture: Picture; overtaking: Overtaking }>();
  private readonly heldBack = new Map<string, () => void>();
  /** Overtaken versions by key: whether their first write has come, and what the newer one has still to write. */
  private readonly heldUp = new Map<string, { waiting: boolean; left: number }>();

  constructor(
    private readonly random: Random,
    { pool, rejects, images }: Pick<Setting, 'pool' | 'rejects' | 'images'>,
    /** Of an overtaken version, the writes are held up until the newer one is written, or for so long, in ms. */
    private readonly overtakingMs = 7000,
  ) {
    const draw = (share: number) => random.pick(random.chance(share) ? rejects : pool);
    this.objects = Array.from({ length: images }, (_, index) => ({
      key: `incoming/${String(index).padStart(5, '0')}${SUFFIXES[index % SUFFIXES.length]}`,
      picture: draw(REJECTS),
    }));
    const overtaken = random.shuffle(this.objects).slice(0, Math.max(LEAST_SECOND_VERSIONS, images * SECOND_VERSIONS));
    for (const [index, { key, picture }] of overtaken.entries()) {
      const second = draw(SECOND_REJECTS);
      const overtaking = OVERTAKINGS[index % OVERTAKINGS.length] as Overtaking;
      if (second !== picture) this.seconds.set(key, { picture: second, overtaking });
    }
  }

  onEvent(trial: Trial, event: BucketEvent, deliver: (event: BucketEvent) => void): void {
    const key = keyOf(event) as string;
    if (this.takeSecond(trial, key, 'reversed')) {
      this.heldBack.set(key, () => deliver(event));
      return;
    }
    deliver(event);
    const first = this.heldBack.get(key);
    if (first) {
      this.heldBack.delete(key);
      trial.later(this.random.int(500), first);
    }
    if (this.random.chance(DUPLICATES)) {
      this.duplicates += 1;
      trial.later(this.random.int(LATE_MS), () => deliver(event));
    }
  }

  /** To be asked before every call of the workload. */
  async before({ action, key = '' }: Call): Promise<void> {
    const overtaken = action === 'PutObject' ? this.heldUp.get(sourceOf(key)) : undefined;
    if (!overtaken || overtaken.waiting) return;
    overtaken.waiting = true;
    const end = performance.now() + this.overtakingMs;
    while (overtaken.left > 0 && performance.now() < end) await sleep(10);
    this.heldUp.delete(sourceOf(key));
  }

  /** To be told of every answered call of the workload. */
  onSent(trial: Trial, { action, key = '' }: Call): void {
    if (action === 'GetObject' && this.takeSecond(trial, key, 'after get')) {
      this.heldUp.set(key, { waiting: false, left: RENDITIONS });
    }
    if (action !== 'PutObject') return;
    const overtaken = this.heldUp.get(sourceOf(key));
    if (overtaken) overtaken.left = key.startsWith('rejected/') ? 0 : overtaken.left - 1;
    this.takeSecond(trial, sourceOf(key), 'after put');
  }

  private takeSecond(trial: Trial, key: string, overtaking: Overtaking): boolean {
    const second = this.seconds.get(key);
    if (second?.overtaking !== overtaking) return false;
    this.seconds.delete(key);
    this.secondVersions += 1;
    trial.later(0, () => trial.put(key, second.picture));
    return true;
  }
}

/** The source key of a rendition or of a rejection record. */
export function sourceOf(outputKey: string): string {
  const key = outputKey.slice(outputKey.indexOf('/') + 1);
  return outputKey.startsWith('rejected/') ? key.replace(/\.json$/, '') : key.slice(0, key.lastIndexOf('/'));
}
