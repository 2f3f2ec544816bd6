import { createHash } from 'node:crypto';
import { currentResult } from '../../workload/current-result';
import type { BucketEvent, StoredObject } from '../local/endpoints';

/**
 * What was uploaded, what must therefore exist, and what does not. It knows the contract of docs/job.md and writes it out
 * again, so that it shares no mistake with the workload. The one thing it shares is the rule of which results count,
 * `currentResult`, because it looks at the results as any reader of them does.
 */

/** What a picture must become. Of one without bytes nothing is made, whatever its kind. */
export interface Picture {
  readonly name: string;
  readonly bytes: Buffer;
  readonly kind: 'done' | 'rejected' | 'either';
  /** Of a `rejected` one. */
  readonly reason?: string;
}

/** By the name of each picture: of the renditions that a run without faults has made of it, SHA-256 by file name. */
export type CleanRun = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Counts of broken promises. */
export interface Findings {
  /** Source objects with no result at all, or of which S3 did not tell. */
  lost: number;
  /** Renditions that do not exist. */
  missing: number;
  /** Objects nobody asked for. */
  extra: number;
  /** Objects with other bytes than in the clean run, or another verdict. */
  different: number;
  /** Objects of an older version where the newest should be. */
  outdated: number;
  /** The first few broken promises, in words. */
  examples: string[];
}

export const NO_FINDINGS: Findings = {
  lost: 0,
  missing: 0,
  extra: 0,
  different: 0,
  outdated: 0,
  examples: [],
};

/** With its size in place of its bytes, which would fill the memory in a long run. */
type Known = Omit<Picture, 'bytes'> & { readonly size: number };

interface Version {
  readonly sequencer: string;
  readonly picture: Known;
}

const SEQUENCER = 'source-sequencer';
const FILES = ['160.webp', '640.webp', '1280.webp'];
const REASONS = ['unsupported', 'corrupt', 'too-large'];
const MAX_EXAMPLES = 5;

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

export class Ledger {
  private readonly byEtag = new Map<string, Known>();
  /** Uploads by key of which S3 has not told yet. */
  private readonly untold = new Map<string, number>();
  private readonly versions = new Map<string, Version[]>();
  /** Deleted, or given up on purpose: whatever exists of them must be right, and nothing has to. */
  private readonly optional = new Set<string>();

  /** Events seen, tests of the configuration left out. */
  events = 0;

  constructor(private readonly clean: CleanRun) {}

  /** An upload that is about to be made. S3's etag of it is its MD5. */
  upload(key: string, { bytes, ...picture }: Picture): void {
    this.byEtag.set(md5(bytes), { ...picture, size: bytes.length });
    this.untold.set(key, (this.untold.get(key) ?? 0) + 1);
  }

  /** A version that exists since now, as S3 tells of it. */
  onEvent(event: BucketEvent): void {
    for (const { s3 } of event.Records ?? []) {
      const { key, eTag, sequencer } = s3.object;
      const picture = this.byEtag.get(eTag);
      if (picture === undefined) throw new Error(`an upload of ${key} that the ledger does not know`);
      this.events += 1;
      const source = decodeKey(key);
      this.untold.set(source, (this.untold.get(source) ?? 0) - 1);
      this.versions.set(source, [...(this.versions.get(source) ?? []), { sequencer, picture }]);
    }
  }

  get keys(): string[] {
    return [...this.versions.keys()];
  }

  /** Its source was deleted, or its event can never succeed. */
  excuse(key: string): void {
    this.optional.add(key);
  }

  /** Forgets a key: its objects were verified and evicted, or there must be none. */
  forget(key: string): void {
    this.versions.delete(key);
    this.optional.delete(key);
    this.untold.delete(key);
  }

  /** Compares everything in the output bucket with what must be there. */
  check(objects: ReadonlyMap<string, StoredObject>): Findings {
    const findings: Findings = { ...NO_FINDINGS, examples: [] };
    const unclaimed = new Set(objects.keys());
    const broken = (promise: 'lost' | 'missing' | 'extra' | 'different' | 'outdated', what: string, count = 1) => {
      findings[promise] += count;
      // One of each kind before a second of any.
      const said = findings.examples.filter((example) => example.startsWith(promise)).length;
      if (said === 0 || findings.examples.length < MAX_EXAMPLES) findings.examples.push(`${promise}: ${what}`);
    };
    for (const [key, times] of this.untold)
      if (times !== 0) broken('lost', `${key}: ${times} uploads more than events`);

    for (const [key, versions] of this.versions) {
      const pictures = versions.filter(({ picture }) => picture.size > 0);
      // Nothing is made of empty objects: whatever there is, nobody asked for.
      if (pictures.length === 0) continue;
      const newest = newestOf(pictures);
      // Where an empty object is the newest, nothing needs to be there: it may have taken the place of a picture unread.
      const required = newest === newestOf(versions) && !this.optional.has(key);
      const renditions = FILES.map((file) => `renditions/${key}/${file}`);
      const record = `rejected/${key}.json`;
      const present = [...renditions, record].filter((name) => objects.has(name));
      for (const name of present) unclaimed.delete(name);
      if (present.length === 0) {
        if (required) broken('lost', key);
        continue;
      }
      const wrong = new Set<string>();
      const results = present.flatMap((name) => {
        const { body, metadata } = objects.get(name) as StoredObject;
        const version = pictures.find(({ sequencer }) => sequencer === metadata[SEQUENCER]);
        if (version && this.isRight(name, body, version.picture, key)) return { name, metadata, version };
        wrong.add(name);
        broken('different', version ? name : `${name} was made from no version that exists`);
        return version ? { name, metadata, version } : [];
      });
      // What a reader takes for the result, who knows nothing of versions.
      const current = new Set<string>();
      for (const { name, version } of currentResult(results)) if (version === newest) current.add(name);
      // A picture that was mutated may end either way; whichever it did must be whole.
      const { kind } = newest.picture;
      const end = kind === 'either' ? (current.has(record) ? 'rejected' : 'done') : kind;
      const expected = end === 'done' ? renditions : [record];
      for (const name of current) if (!expected.includes(name) && !wrong.has(name)) broken('extra', name);
      if (!required) continue;
      for (const name of expected) {
        if (!current.has(name) && !wrong.has(name)) broken(objects.has(name) ? 'outdated' : 'missing', name);
      }
    }
    for (const name of unclaimed) broken('extra', name);
    return findings;
  }

  /** Whether it is what this version makes. */
  private isRight(name: string, body: Buffer, picture: Known, key: string): boolean {
    if (name.startsWith('rejected/')) {
      const record = parse(body);
      if (record?.source?.key !== key || record.source.size !== picture.size) return false;
      return picture.kind === 'either' ? REASONS.includes(record.reason) : record.reason === picture.reason;
    }
    if (picture.kind === 'either') return isWholeWebp(body);
    return this.clean.get(picture.name)?.get(name.slice(name.lastIndexOf('/') + 1)) === sha256(body);
  }
}

function newestOf(versions: readonly Version[]): Version {
  return versions.reduce((a, b) => (a.sequencer < b.sequencer ? b : a));
}

/** By the length that its header states. Whether it shows the right picture nobody can say of a mutated one. */
function isWholeWebp(body: Buffer): boolean {
  return /^RIFF....WEBP/s.test(body.toString('latin1', 0, 12)) && body.readUInt32LE(4) + 8 === body.length;
}

function parse(body: Buffer): { reason: string; source?: { key?: string; size?: number } } | undefined {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** Keys in events are encoded like forms. */
export function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '));
}

export function merge(a: Findings, b: Findings): Findings {
  return {
    lost: a.lost + b.lost,
    missing: a.missing + b.missing,
    extra: a.extra + b.extra,
    different: a.different + b.different,
    outdated: a.outdated + b.outdated,
    examples: [...a.examples, ...b.examples].slice(0, MAX_EXAMPLES),
  };
}
