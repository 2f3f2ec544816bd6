import type { Compute } from '../../workload/contract';
import type { Template } from '../templates';
import type { CleanRun, Findings, Picture } from './ledger';
import type { Random } from './random';

/**
 * What each scenario does to a way, in one line and in the order of a run. Here, so that others know it without loading
 * what they need.
 */
export const SCENARIOS_DO = {
  kill: 'workers killed at seven points of a job; duplicate events, overtaking versions, false sizes',
  lambda:
    'environments killed, timed out and throttled; sources that never answer; duplicates, overtaking versions, false sizes',
  stop: 'workers stopped by SIGTERM at random times, their start included',
  poison: 'pictures that lie, break off, are none, or exhaust a decoder, one in twenty, ten pictures to a message',
  slow: 'jobs longer than the visibility timeout, and as many slow decodes as slots',
  storage:
    'S3 answers with 503, late or not at all, breaks connections, refuses; objects vanish or change before the download',
  outage: 'S3 is away for half an hour, for half of the pictures, in fake time; for the function until one replay',
  fuzz: 'good pictures of every format, mutated',
  soak: 'many good pictures, and nothing but them',
} as const;
export type ScenarioName = keyof typeof SCENARIOS_DO;
export const SCENARIO_NAMES = Object.keys(SCENARIOS_DO) as ScenarioName[];

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
  readonly name: ScenarioName;
  readonly computes: readonly Compute[];
  /** In a full run. */
  readonly images: number;
  readonly kills: number;
  run(setting: Setting): Promise<Outcome>;
}
