import { compareSequencers } from './s3-events';

/**
 * Which results of a source object count. Each result is written by itself, so results of two versions can lie side by
 * side: renditions of a good picture beside the rejection record of the bad one that replaced it, or the other way
 * round. The output bucket is never tidied up for that. This is the rule by which its readers tell them apart.
 */

/** User metadata of every result: the sequencer of the S3 event that it was made for, in hexadecimal digits. */
export const SOURCE_SEQUENCER = 'source-sequencer';

/** An object of the output bucket. */
export interface Result {
  /** Its user metadata: `Metadata` in the answers of HeadObject and GetObject. Names are in lower case. */
  readonly metadata: Readonly<Record<string, string | undefined>>;
}

/**
 * Picks, of all results of ONE source object, those that count: the ones with the highest `source-sequencer`.
 *
 * They are renditions, or the one rejection record. While the newest version is being written, not all of its renditions
 * are there yet. Results without a sequencer (their events did not come from S3) are older than any with one, and among
 * themselves have no order.
 *
 * @param results the objects `renditions/<source key>/…` and `rejected/<source key>.json`, as many as there are
 * @returns none if there are none
 */
export function currentResult<R extends Result>(results: readonly R[]): R[] {
  return results.filter((result) => results.every((other) => compare(result, other) >= 0));
}

function compare(a: Result, b: Result): number {
  return compareSequencers(a.metadata[SOURCE_SEQUENCER], b.metadata[SOURCE_SEQUENCER]);
}
