import path from 'node:path';
import type { RenditionFormat } from '../../workload/contract';
import { ROOT } from '../command-line';
import { tables } from '../compare/data/tables';
import type { Arrivals } from '../compare/model/arrivals';
import { assume, figures, OF_MUCH_WORK, ranges } from '../compare/model/assumptions';
import { runUsd } from '../compare/model/cost';
import { ASSUMED_CPU_SPEED, imageWork, type Measured } from '../compare/model/fit';
import { readJob } from '../compare/model/job';
import { readMeasured } from '../compare/model/measured';
import { serviceOf } from '../compare/model/service';
import { simulate, type Trace, triedLater } from '../compare/model/simulate';
import type { Assumptions, Estimate, ImageWork, Inputs, Region, WayFacts } from '../compare/model/types';

/** What the comparison says of a run: the same tables, rules and simulation, for one way, one load and one region. */

/** As a header says it. Of what has no header, nothing is decoded. */
export interface Header {
  readonly megapixels: number;
  readonly format: string | undefined;
}

/** What was uploaded, when, in the order of time. */
export interface Load {
  /** Seconds since the first. */
  readonly moments: readonly number[];
  readonly works: readonly ImageWork[];
}

export type FigureName = 'first' | 'last' | 'p50' | 'p95' | 'units' | 'hosts' | 'outstanding';

export interface Prediction {
  readonly figures: Readonly<Record<FigureName, Estimate | null>>;
  /** With every assumption at its typical value: the course of events, and when results are there, ascending. */
  readonly trace: Trace;
  readonly results: readonly number[];
}

export const regionsWithPrices: readonly Region[] = [
  ...new Set(tables.prices.prices.map(({ region }) => region)),
].sort();

export const measuredWork = (): Measured => readMeasured(path.join(ROOT, 'evidence/bench/results.json'));

/** Of JPEG, which photographs are, what JPEGs took; of others, what all took that were measured. */
export function workOf(measured: Measured, { megapixels, format }: Header, outputFormat: RenditionFormat): ImageWork {
  const isMeasured = (input?: string) =>
    measured.perImage.some(
      (one) => one.outputFormat === outputFormat && (input === undefined || one.inputFormat === input),
    );
  return imageWork(measured, megapixels, {
    ...(isMeasured() && { outputFormat }),
    ...(format === 'jpeg' && isMeasured('jpeg') && { inputFormat: 'jpeg' }),
  });
}

/** Some pictures as the model has them: all alike. */
function meanOf(works: readonly ImageWork[]): ImageWork {
  const mean = (of: (work: ImageWork) => number) => works.reduce((sum, work) => sum + of(work), 0) / works.length;
  return {
    megapixels: mean(({ megapixels }) => megapixels),
    cpuSeconds: {
      low: mean(({ cpuSeconds }) => cpuSeconds.low),
      typical: mean(({ cpuSeconds }) => cpuSeconds.typical),
      high: mean(({ cpuSeconds }) => cpuSeconds.high),
    },
    bytesIn: mean(({ bytesIn }) => bytesIn),
    bytesOut: mean(({ bytesOut }) => bytesOut),
  };
}

/** @param accountConcurrency of Lambda, where it is known */
export async function inputsOf(
  works: readonly ImageWork[],
  region: Region,
  accountConcurrency?: number,
): Promise<Inputs> {
  return {
    region,
    imagesPerMonth: works.length,
    imagesPerBurst: works.length,
    work: meanOf(works),
    cpuSpeed: ASSUMED_CPU_SPEED,
    job: await readJob(),
    spot: false,
    freeTier: false,
    savingsPlan: false,
    account: 'grown',
    ...(accountConcurrency && { accountConcurrency }),
  };
}

/**
 * The most that a run costs, beyond what the stack costs without one.
 * @returns in USD, and in which region: where there are no prices, the dearest of those that have some
 */
export function mostUsd(facts: WayFacts, inputs: Inputs, region: string, arrivals: Arrivals) {
  const regions = regionsWithPrices.filter((each) => each === region);
  const all = (regions.length > 0 ? regions : regionsWithPrices).map((each) => ({
    region: each,
    usd: runUsd(facts, tables, { ...inputs, region: each }, arrivals).high,
  }));
  return all.toSorted((a, b) => b.usd - a.usd)[0] as (typeof all)[number];
}

/** More uploads than this are not simulated with every assumption alone: it would take minutes. */
const MANY = 2000;

export function predict(facts: WayFacts, inputs: Inputs, load: Load): Prediction {
  const from = ranges(tables.delays, inputs);
  const { trace, results } = outcome(facts, assume(from, 'typical'), inputs, load);
  return {
    figures: figures(
      from,
      (a) => outcome(facts, a, inputs, load).found,
      load.moments.length > MANY ? OF_MUCH_WORK : undefined,
    ),
    trace,
    results,
  };
}

/** Simulated with pictures that are all alike; each one's own work is added to the time of its own result. */
function outcome(facts: WayFacts, a: Assumptions, inputs: Inputs, { moments, works }: Load) {
  const trace = simulate(facts, tables.delays, a, inputs, { moments }, { record: true });
  const { points, peakUnits } = trace;
  const { slotSeconds, jobSeconds } = serviceOf(facts, a, inputs);
  const cpuSeconds = jobSeconds - inputs.job.s3Waits * a['s3-request'];
  const results: number[] = [];
  const latencies: number[] = [];
  let at = 0;
  for (const [index, moment] of moments.entries()) {
    while (at < points.length && (points[at]?.done ?? 0) <= index) at += 1;
    const point = points[at];
    if (!point) break;
    const own = (works[index] as ImageWork).cpuSeconds.typical / (inputs.work.cpuSeconds.typical || 1) - 1;
    const result = point.seconds - slotSeconds + jobSeconds + own * cpuSeconds;
    results.push(result);
    latencies.push(result - moment);
  }
  const retried = (seconds: number | null) =>
    seconds === null ? null : seconds + triedLater(facts, trace, a, seconds);
  const most = (values: readonly number[]) => values.reduce((one, other) => Math.max(one, other), 0);
  const ascending = results.toSorted((one, other) => one - other);
  const sorted = latencies.toSorted((one, other) => one - other);
  const found: Record<FigureName, number | null> = {
    first: ascending[0] ?? null,
    last: retried(results.length === moments.length ? (ascending.at(-1) ?? null) : null),
    p50: rank(sorted, 0.5),
    p95: retried(rank(sorted, 0.95)),
    units: peakUnits,
    hosts: most(points.map(({ hosts }) => hosts)),
    outstanding: mostOpen(moments, ascending),
  };
  return { trace, found, results: ascending };
}

/** The most that came and had not ended, at a time. @param came, ended ascending */
export function mostOpen(came: readonly number[], ended: readonly number[]): number {
  let [most, done] = [0, 0];
  for (const [index, at] of came.entries()) {
    while ((ended[done] ?? Number.POSITIVE_INFINITY) <= at) done += 1;
    most = Math.max(most, index + 1 - done);
  }
  return most;
}

/** The nearest rank of ascending values. */
export const rank = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.ceil(share * sorted.length) - 1] ?? null;
