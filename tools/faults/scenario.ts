import type { Compute } from '../../workload/contract';
import type { Template } from '../templates';
import type { CleanRun, Findings, Picture } from './ledger';
import type { Random } from './random';

/** In the order of a run. Here, so that the command line knows them without loading what they need. */
export const SCENARIO_NAMES = ['kill', 'lambda', 'stop', 'poison', 'slow', 'storage', 'fuzz', 'soak'] as const;

/** What a scenario gets, and what it tells. */
export interface Setting {
  readonly compute: Compute;
  readonly template: Template;
  readonly dist: string;
  /** Objects to upload. */
  readonly images: number;
  /** Signals to send, where the scenario sends any. */
  readonly kills: number;
  /** Of this scenario on this way. */
  readonly random: Random;
  /** Good pictures, and what a run without faults makes of them. */
  readonly pool: readonly Picture[];
  /** Good pictures that need next to no CPU and memory; `pool` itself, unless the reader gave pictures of his own. */
  readonly small: readonly Picture[];
  readonly clean: CleanRun;
  /** Pictures that must be rejected, whatever the limits. */
  readonly rejects: readonly Picture[];
  readonly signal: AbortSignal;
  /** How far it has come, of `images`, and what it is doing. */
  readonly progress: (ended: number, note: string) => void;
}

export interface Outcome {
  readonly findings: Findings;
  /** What was injected, by name. */
  readonly faults: Readonly<Record<string, number>>;
  /** Messages handed out again, or further attempts. */
  readonly redelivered: number;
  /** Promises that were broken, in words. None in a good run, whatever the faults. */
  readonly broken: readonly string[];
  /** Figures for the reader, with their units. */
  readonly measured?: Readonly<Record<string, string>>;
}

export interface Scenario {
  readonly name: (typeof SCENARIO_NAMES)[number];
  /** One line: what is done to the way. */
  readonly does: string;
  readonly computes: readonly Compute[];
  /** In a full run. */
  readonly images: number;
  readonly kills: number;
  run(setting: Setting): Promise<Outcome>;
}
