// Before Plot.
import './whole-pixels';
import * as Plot from '@observablehq/plot';
import { WAYS } from '../../../lib/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { MARKS } from '../ways';
import { axisTicks, type Format, format } from './format';
import { loaded } from './whole-pixels';

loaded();

/** One axis. Its label says the unit. */
export interface Axis {
  readonly label: string;
  /** `symlog`: logarithmic, with room for zero. */
  readonly scale: 'linear' | 'log' | 'symlog';
  readonly format: Format;
}

/** One way over x. NaN is after its end. What was expected is a second line, dashed. */
export interface Series {
  readonly way: Compute;
  readonly points: readonly { readonly x: number; readonly y: number; readonly expected?: number }[];
}

export interface Chart {
  /** What it shows, for those who do not see it. */
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/** px below which the panels stand in one column. */
const NARROW = 500;
/** px of a panel's height. */
const PANEL = { wide: 150, narrow: 84 };

/**
 * Draws a chart into a document: the browser's, or one in memory. A panel for each way, all with the same axes, placed as in
 * the grid: six lines in one frame would hide each other. Colours are the page's CSS variables.
 * @param width px; the height follows
 * @param pointer shows the values under the pointer; only where there is one
 */
export function draw(chart: Chart, document: unknown, width: number, { pointer = false } = {}): { outerHTML: string } {
  const { title, x, y, series } = chart;
  const narrow = width < NARROW;
  const place = (way: Compute) => {
    const { orchestrator, servers } = WAYS[way];
    return narrow ? { column: '', row: way } : { column: orchestrator, row: servers };
  };
  const rows = series
    .flatMap(({ way, points }) => points.map((point) => ({ ...point, way, ...place(way) })))
    .filter((point) => x.scale !== 'log' || point.x > 0);
  const domain = extent(rows.map((row) => row.x));
  const [, most] = extent(rows.flatMap(({ y: at, expected = at }) => [at, expected].filter(Number.isFinite)));
  const range: [number, number] = [0, most * (y.scale === 'linear' ? 1.04 : 1.5) || 1];
  const facet = { fx: 'column', fy: 'row' } as const;
  const only = <Value>(all: readonly Value[], of: (row: (typeof rows)[number]) => Value) =>
    all.filter((value) => rows.some((row) => of(row) === value));
  const columns = only(['', 'nobody', 'ECS', 'EKS'], ({ column }) => column);
  const places = only<string>(['yours', 'AWS\u2019s', ...COMPUTES], ({ row }) => row);
  const plot = Plot.plot({
    document: document as NonNullable<Plot.PlotOptions['document']>,
    width,
    height: places.length * (narrow ? PANEL.narrow : PANEL.wide) + 60,
    marginLeft: 46,
    marginRight: 16,
    marginTop: 30,
    marginBottom: 40,
    style: { fontSize: '12px', overflow: 'visible' },
    fx: { axis: null, domain: columns, padding: 0.06 },
    fy: { axis: null, domain: places, padding: 0.2 },
    x: { type: x.scale, domain, label: x.label, labelAnchor: 'center', labelArrow: 'none' },
    y: { type: y.scale, domain: range, label: null },
    color: { domain: [...COMPUTES], range: COMPUTES.map((way) => `var(--${way})`) },
    marks: [
      Plot.gridY(axisTicks(range, y, 4), { stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.axisY(axisTicks(range, y, 4), { text: format[y.format], tickSize: 0, label: null }),
      Plot.axisX(axisTicks(domain, x, narrow ? 5 : 4), { text: format[x.format], tickSize: 4 }),
      Plot.areaY(rows, { ...facet, x: 'x', y: 'y', fill: 'way', fillOpacity: 0.16 }),
      Plot.lineY(rows, { ...facet, x: 'x', y: 'y', stroke: 'way', strokeWidth: 2 }),
      ...(rows.some(({ expected }) => expected !== undefined)
        ? [Plot.lineY(rows, { ...facet, x: 'x', y: 'expected', stroke: 'var(--ink)', strokeDasharray: '5 3' })]
        : []),
      Plot.text(
        series.map(({ way }) => ({
          way,
          ...place(way),
          name: series.length > 1 ? `${MARKS[way]} ${WAYS[way].title}` : y.label,
        })),
        { ...facet, text: 'name', fill: 'way', fontWeight: 600, frameAnchor: 'top-left', dy: -14 },
      ),
      ...(pointer
        ? [
            Plot.ruleX(rows, Plot.pointerX({ ...facet, x: 'x', stroke: 'var(--quiet)' })),
            Plot.tip(
              rows,
              Plot.pointerX({
                ...facet,
                x: 'x',
                y: 'y',
                title: (row: (typeof rows)[number]) =>
                  `${format[x.format](row.x)} ${x.label}\n${format[y.format](Math.round(row.y))}`,
                fill: 'var(--card)',
                stroke: 'var(--strong)',
              }),
            ),
          ]
        : []),
    ],
  });
  // One picture with one name: what is inside is for the eye, and the table beside it has the numbers.
  for (const part of plot.querySelectorAll('[aria-label], [aria-description]')) {
    part.removeAttribute('aria-label');
    part.removeAttribute('aria-description');
  }
  plot.setAttribute('role', 'img');
  plot.setAttribute('aria-label', title);
  return plot;
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}
