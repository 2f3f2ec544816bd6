import { parseHTML } from 'linkedom';
import type { Compute } from '../../workload/contract';
import { type Chart, draw } from '../compare/page/charts';
import { colours } from '../compare/page/style';
import { text } from '../html';

/** The course of a load test: measured over simulated. */

/** One value over time, by what was measured and by what was simulated. */
export interface Course {
  readonly title: string;
  /** Of the axis: what is counted. */
  readonly label: string;
  /** At a time, in seconds; NaN after the end. */
  readonly measured: (seconds: number) => number;
  readonly simulated: (seconds: number) => number;
}

const WIDTH = 860;
const PLACES = 120;

/** The last value at or before a time; NaN after the last one. @param points ascending */
export function stepped<Point extends { readonly seconds: number }>(
  points: readonly Point[],
  of: (point: Point) => number,
) {
  return (seconds: number): number => {
    if (seconds > (points.at(-1)?.seconds ?? 0)) return Number.NaN;
    const point = points.findLast((each) => each.seconds <= seconds) ?? points[0];
    return point ? of(point) : Number.NaN;
  };
}

/** What has no result, by when it came and when it had one, in ascending seconds. */
export function outstanding(uploads: readonly number[], results: readonly number[], end: number) {
  const until = (times: readonly number[], seconds: number) => times.filter((at) => at <= seconds).length;
  return (seconds: number) => (seconds > end ? Number.NaN : until(uploads, seconds) - until(results, seconds));
}

/** A picture of its own, with a chart below the other. @param seconds how long */
export function svg(name: string, way: Compute, courses: readonly Course[], seconds: number): string {
  let y = 34;
  const parts = courses.map(({ title, label, measured, simulated: model }) => {
    const points = Array.from({ length: PLACES + 1 }, (_, i) => {
      const x = (i / PLACES) * seconds;
      return { x, y: measured(x), expected: model(x) };
    });
    const chart: Chart = {
      title,
      x: { label: 'since the first upload', scale: 'linear', format: 'duration' },
      y: { label, scale: 'linear', format: 'count' },
      series: [{ way, points }],
    };
    const drawn = draw(chart, parseHTML('<html></html>').document, WIDTH).outerHTML;
    const placed = drawn.replace('<svg ', `<svg y="${y}" `);
    y += Number(/ height="(\d+)"/.exec(drawn)?.[1]) + 10;
    return placed;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>${text(name)}</title>
<style>${colours()}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
<text x="12" y="20" fill="var(--ink)" font-weight="600">${text(name)}: solid measured, dashed simulated with what is typical</text>
<g color="var(--quiet)">${parts.join('')}</g>
</svg>
`;
}

const BARS = '\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588';
const [LEAST_CELLS, MOST_CELLS] = [8, 56];
/** What stands before them. */
const LABELS = ['  measured  ', '  simulated '] as const;

/** The same for a terminal: a bar for each part of the time, the most in it, at one scale. */
export function sparks({ title, measured, simulated: model }: Course, seconds: number, columns: number): string[] {
  const cells = Math.max(LEAST_CELLS, Math.min(MOST_CELLS, columns - LABELS[0].length));
  const row = (of: (at: number) => number) =>
    Array.from({ length: cells }, (_, cell) => {
      const inside = [0, 0.25, 0.5, 0.75, 1]
        .map((part) => of(((cell + part) / cells) * seconds))
        .filter(Number.isFinite);
      return inside.length > 0 ? Math.max(...inside) : null;
    });
  const rows = [row(measured), row(model)];
  const top = Math.max(1, ...rows.flat().map((value) => value ?? 0));
  const drawn = rows.map((values) =>
    values.map((value) => (value === null ? ' ' : value === 0 ? '_' : BARS[Math.ceil((value / top) * 8) - 1])).join(''),
  );
  return [`${title}, at most ${Math.round(top)}`, ...LABELS.map((label, index) => `${label}${drawn[index]}`)].map(
    (line) => line.trimEnd(),
  );
}
