import type { Estimate } from '../compare/model/types';
import { format, rangeText } from '../compare/page/format';
import { ends, percentiles } from '../local/report';
import type { ObjectResult } from '../local/results';
import { type Screen, table } from '../terminal';
import type { Deployed } from './deployed';
import type { SeenFigure } from './evidence';
import { type FigureName, type Load, mostOpen, type Prediction } from './predict';
import type { Run, Sample } from './run';
import type { Verified } from './verify';

/** What a run came to, beside what the comparison predicts for it. */

/** S3 keeps times to the second: a time that is measured by two of them may be off by as much. */
const CLOCK_SECONDS = 1;

/** When uploads were written and their results were there, in seconds since the first upload, by S3's clock. */
export interface Times {
  /** By key, in the order of time. */
  readonly uploads: ReadonlyMap<string, number>;
  readonly results: ReadonlyMap<string, number>;
}

export function timesOf(run: Run, written: ReadonlyMap<string, number>): Times {
  const uploads = [...written].sort(([, a], [, b]) => a - b);
  const from = uploads[0]?.[1] ?? 0;
  const since = (at: number) => (at - from) / 1000;
  const results = run.uploads.flatMap((upload): [string, number][] => {
    const end = run.endOf(upload);
    return end ? [[upload.key, since(end.at)]] : [];
  });
  return { uploads: new Map(uploads.map(([key, at]) => [key, since(at)])), results: new Map(results) };
}

/** The load as it was, for the simulation. */
export function loadOf({ uploads }: Times, run: Run, works: Load['works']): Load {
  const picture = new Map(run.uploads.map(({ key, picture: which }) => [key, which]));
  return {
    moments: [...uploads.values()],
    works: [...uploads.keys()].map((key) => works[picture.get(key) as number] as Load['works'][number]),
  };
}

/** From upload to result, for the percentiles. */
export function latencies({ uploads, results }: Times): Map<string, ObjectResult> {
  return new Map(
    [...results].map(([key, at]) => [key, { state: 'done', milliseconds: (at - (uploads.get(key) ?? 0)) * 1000 }]),
  );
}

export function figuresOf(
  { units }: Deployed,
  times: Times,
  samples: readonly Sample[],
  predicted: Prediction,
): SeenFigure[] {
  const ended = [...times.results.values()].toSorted((a, b) => a - b);
  const { p50Ms, p95Ms } = percentiles({ objects: latencies(times) });
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
  const most = (values: readonly (number | null)[]) => {
    const known = values.filter((value) => value !== null);
    return known.length > 0 ? Math.max(...known) : null;
  };
  const rows: readonly (readonly [string, SeenFigure['unit'], number | null, FigureName])[] = [
    ['first result', 'seconds', ended[0] ?? null, 'first'],
    ['last result', 'seconds', ended.at(-1) ?? null, 'last'],
    ['upload to result, p50', 'seconds', seconds(p50Ms), 'p50'],
    ['upload to result, p95', 'seconds', seconds(p95Ms), 'p95'],
    ['most without a result', 'count', mostOpen([...times.uploads.values()], ended), 'outstanding'],
    ...(units
      ? ([
          [
            `most ${units.name}`,
            'count',
            most(samples.map((sample) => sample.units)),
            units.name === 'nodes' ? 'hosts' : 'units',
          ],
        ] as const)
      : []),
  ];
  return rows.map(([name, unit, measured, key]) => {
    const range = predicted.figures[key];
    return { name, unit, measured, predicted: range, inside: isInside(unit, measured, range) };
  });
}

function isInside(unit: SeenFigure['unit'], measured: number | null, range: Estimate | null): boolean | null {
  if (measured === null || range === null) return null;
  const slack = unit === 'seconds' ? CLOCK_SECONDS : 0;
  return measured + slack >= range.low && measured - slack <= range.high;
}

/** The table: of ends what this machine makes of the same pictures, of figures the range that is predicted. */
export function resultTable(
  { measured, expected }: Pick<Verified, 'measured' | 'expected'>,
  figures: readonly SeenFigure[],
  screen?: Screen,
): string {
  const [found, here] = [{ objects: measured }, { objects: expected }];
  const [counts, due] = [ends(found, [found, here]), ends(here, [found, here])];
  const said = (inside: boolean | null) => (inside === null ? '' : inside ? 'inside' : 'outside');
  const rows = [
    ...Object.entries(counts).map(([name, count]) => [name, count, due[name] ?? '', said(count === due[name])]),
    ...figures.map(({ name, unit, measured: value, predicted, inside }) => {
      const as = unit === 'seconds' ? 'duration' : 'count';
      const shown = value === null ? 'n/a' : format[as](value);
      return [name, shown, predicted ? rangeText(predicted, as) : 'n/a', said(inside)];
    }),
  ];
  return table(['', 'measured', 'predicted', ''], rows, 1, screen);
}
