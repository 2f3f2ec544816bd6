import type { Compute, TERMINAL_STATES } from '../../workload/contract';
import type { Tally } from './permissions';
import type { MemoryPeaks } from './processes';

/** The results of a local run. */

/** How one object fared. */
export interface ObjectResult {
  readonly state: (typeof TERMINAL_STATES)[number] | 'failed' | 'malformed';
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
  /**
   * From its event being received to its terminal state, without the wait for a free decode slot: a worker holds
   * messages that wait for one, where Lambda's wait in Lambda.
   */
  readonly milliseconds?: number | undefined;
}

export interface WayResults {
  readonly compute: Compute;
  /** By source key. */
  readonly objects: ReadonlyMap<string, ObjectResult>;
  /** From the first upload to the first terminal state, and to the last, in ms. */
  readonly firstMs: number;
  readonly totalMs: number;
  readonly memory: MemoryPeaks | undefined;
  /** Workers or execution environments that ended by themselves. */
  readonly deaths: number;
  readonly permissions: Tally;
}

export interface LocalRunResults {
  readonly ways: readonly WayResults[];
  /** Every way wrote the same renditions of every picture, byte for byte, and gave the same verdicts. */
  readonly byteEqual: boolean;
  /** Path of the contact sheet. */
  readonly sheet: string;
}
