import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../local/call-hooks';
import type { BucketEvent } from '../local/endpoints';
import type { Picture } from './ledger';
import type { Random } from './random';
import type { Setting } from './scenario';
import { keyOf, type Trial } from './trial';

/**
 * Uploads as S3 tells of them: a tenth of the events twice, and of a twentieth of the objects a second version, whose
 * event overtakes the first one's or whose upload comes in the middle of the first one's job. Good pictures, bad ones
 * and empty objects follow each other in every order that leaves results of two versions behind, or must not. Some
 * objects are deleted before their job begins. Events that come late or twice say false sizes, which must not matter.
 */

const DUPLICATES = 0.1;
const SECOND_VERSIONS = 0.05;
const DELETED = 0.01;
const REJECTS = 0.05;

/** Longest delay of a duplicate, in ms. */
const LATE_MS = 2000;

/** What a job writes, unless it writes one rejection record. */
const RENDITIONS = 3;

/** Names that somebody will give a file. A file whose name ends in a slash is a picture if it has the bytes of one. */
const SUFFIXES = ['.jpg', '', ' (1).jpeg', '+a=b&c.png', '-ü-写真.webp', '/nested/picture.gif', "it's %41.tif", '/'];

/** When the newer version comes: with its event first, or in the middle of the older one's job. */
const OVERTAKINGS = ['after get', 'reversed', 'after put'] as const;
type Overtaking = (typeof OVERTAKINGS)[number];

/** What is followed by what. Most often good by good, because only their bytes tell when two versions are mixed up. */
const SEQUENCES = [
  ['good', 'good'],
  ['good', 'bad'],
  ['empty', 'good'],
  ['bad', 'good'],
  ['good', 'good'],
] as const;

/** Of a short run: each sequence overtaken in each way. */
const LEAST_SECOND_VERSIONS = SEQUENCES.length * OVERTAKINGS.length;

/** What gateways create before they write the real object. */
const EMPTY: Picture = { name: 'empty', bytes: Buffer.alloc(0), kind: 'either' };

/** Sizes that an event may state, in bytes: nothing, more than is accepted, more than S3 takes. The last is true. */
const CLAIMS = [0, 26_000_000, 1e15, undefined];
const LEAST_DELETED = CLAIMS.length;

export class Traffic {
  readonly objects: { key: string; picture: Picture }[];
  /** What has been done so far, and how often. */
  readonly faults: Record<string, number> = {};
  /** By key, of those that are still to come. */
  private readonly seconds = new Map<string, { picture: Picture; overtaking: Overtaking; sequence: string }>();
  /** Keys whose object is still to be deleted. */
  private readonly deleted: Set<string>;
  private readonly heldBack = new Map<string, () => void>();
  /** Overtaken versions by key: whether their first write has come, and what the newer one has still to write. */
  private readonly heldUp = new Map<string, { waiting: boolean; left: number }>();
  private claims = 0;

  constructor(
    private readonly random: Random,
    { pool, rejects, images }: Pick<Setting, 'pool' | 'rejects' | 'images'>,
    /** Of an overtaken version, the writes are held up until the newer one is written, or for so long, in ms. */
    private readonly overtakingMs = 7000,
  ) {
    const pictures = { good: pool, bad: rejects, empty: [EMPTY] };
    this.objects = Array.from({ length: images }, (_, index) => ({
      key: `incoming/${String(index).padStart(5, '0')}${SUFFIXES[index % SUFFIXES.length]}`,
      picture: random.pick(random.chance(REJECTS) ? rejects : pool),
    }));
    const chosen = random.shuffle(this.objects);
    const overtaken = chosen.splice(0, Math.max(LEAST_SECOND_VERSIONS, images * SECOND_VERSIONS));
    for (const [index, object] of overtaken.entries()) {
      const overtaking = OVERTAKINGS[index % OVERTAKINGS.length] as Overtaking;
      const [first, second] = SEQUENCES[
        Math.floor(index / OVERTAKINGS.length) % SEQUENCES.length
      ] as (typeof SEQUENCES)[number];
      object.picture = random.pick(pictures[first]);
      this.seconds.set(object.key, {
        picture: random.pick(pictures[second].filter((picture) => picture !== object.picture)),
        // Nothing is put for an empty object.
        overtaking: first === 'empty' && overtaking === 'after put' ? 'after get' : overtaking,
        sequence: `${first} then ${second}`,
      });
    }
    this.deleted = new Set(chosen.slice(0, Math.max(LEAST_DELETED, images * DELETED)).map(({ key }) => key));
  }

  onEvent(trial: Trial, event: BucketEvent, deliver: (event: BucketEvent) => void): void {
    const key = keyOf(event) as string;
    if (this.deleted.delete(key)) {
      this.count('deleted');
      trial.delete(key);
      // So that any result of it counts as one that nobody asked for.
      trial.ledger.forget(key);
      deliver(this.claiming(event));
      return;
    }
    if (this.takeSecond(trial, key, 'reversed')) {
      this.heldBack.set(key, () => deliver(this.claiming(event)));
      return;
    }
    deliver(event);
    const first = this.heldBack.get(key);
    if (first) {
      this.heldBack.delete(key);
      trial.later(this.random.int(500), first);
    }
    if (this.random.chance(DUPLICATES)) {
      this.count('duplicates');
      trial.later(this.random.int(LATE_MS), () => deliver(this.claiming(event)));
    }
  }

  /** The event with another size, one of {@link CLAIMS} after the other. */
  private claiming(event: BucketEvent): BucketEvent {
    const size = CLAIMS[this.claims % CLAIMS.length];
    this.claims += 1;
    if (size === undefined) return event;
    this.count('false sizes');
    const { Records = [] } = event;
    return {
      Records: Records.map(({ s3, ...record }) => ({ ...record, s3: { ...s3, object: { ...s3.object, size } } })),
    };
  }

  private count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
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
    if (action === 'GetObject') {
      const second = this.takeSecond(trial, key, 'after get');
      // What was read was empty: nothing will be written of it.
      if (second && !second.sequence.startsWith('empty')) this.heldUp.set(key, { waiting: false, left: RENDITIONS });
    }
    if (action !== 'PutObject') return;
    const overtaken = this.heldUp.get(sourceOf(key));
    if (overtaken) overtaken.left = key.startsWith('rejected/') ? 0 : overtaken.left - 1;
    this.takeSecond(trial, sourceOf(key), 'after put');
  }

  /** Uploads the second version of a key, if it has one that is to come at this moment. */
  private takeSecond(trial: Trial, key: string, overtaking: Overtaking) {
    const second = this.seconds.get(key);
    if (second?.overtaking !== overtaking) return undefined;
    this.seconds.delete(key);
    this.count(second.sequence);
    trial.later(0, () => trial.put(key, second.picture));
    return second;
  }
}

/** The source key of a rendition or of a rejection record. */
export function sourceOf(outputKey: string): string {
  const key = outputKey.slice(outputKey.indexOf('/') + 1);
  return outputKey.startsWith('rejected/') ? key.replace(/\.json$/, '') : key.slice(0, key.lastIndexOf('/'));
}
