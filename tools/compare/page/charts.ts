// Before Plot.
import './whole-pixels';
import * as Plot from '@observablehq/plot';
import { WAYS } from '../../../lib/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { axisTicks, type Format, format, pointText } from './format';

import { loaded } from './whole-pixels';

loaded();

/** One axis. Its label says the unit. */
export interface Axis {
  readonly label: string;
  /** `symlog`: logarithmic, with room for zero. */
  readonly scale: 'linear' | 'log' | 'symlog';
  readonly format: Format;
}

/**
 * One way over x. In a band everything between `low` and `high` is possible; as lines, `low` and `high` are two courses
 * of events, and NaN is after the end of one.
 */
export interface Series {
  readonly way: Compute;
  readonly points: readonly { readonly x: number; readonly low: number; readonly high: number }[];
}

export interface Chart {
  /** What it shows, for those who do not see it. */
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Two lines, solid and dashed, instead of a band. */
  readonly lines?: boolean;
  /** Ranges of x, each marked above the frame with its number. */
  readonly marks?: readonly { readonly from: number; readonly to: number }[];
  /** The reader's own place on the x axis. */
  readonly here?: { readonly x: number; readonly label: string };
}

/** Tells the bands apart without their colours. */
const SYMBOLS: Readonly<Record<Compute, Plot.SymbolType>> = {
  ec2: 'square',
  lambda: 'triangle',
  'ecs-fargate': 'circle',
  'eks-ec2': 'diamond',
  'ecs-ec2': 'square',
  'eks-fargate': 'circle',
};

/** px of height for each numbered range. */
const MARK = 15;

/** Of a band's symbols, at most. */
const SYMBOLS_PER_BAND = 9;

/**
 * Draws a chart into a document: the browser's, or one in memory. Colours are the page's CSS variables.
 * @param width px; the height follows
 * @param pointer shows the values under the pointer; only where there is one
 */
export function draw(chart: Chart, document: unknown, width: number, { pointer = false } = {}): { outerHTML: string } {
  const { title, x, y, series, lines = false, marks = [], here } = chart;
  const narrow = width < 500;
  const positive = ({ low, high, x: at }: Series['points'][number]) =>
    (y.scale !== 'log' || (low > 0 && high > 0)) && (x.scale !== 'log' || at > 0);
  const bands = series.map(({ way, points }) => ({ way, points: points.filter(positive) }));
  const rows = bands.flatMap(({ way, points }) => points.map((point) => ({ ...point, way })));
  const symbols = bands.flatMap(({ way, points }) => {
    const every = Math.max(1, Math.ceil(points.length / SYMBOLS_PER_BAND));
    // Beginning elsewhere for each way: equal bands do not hide each other's symbols.
    const first = COMPUTES.indexOf(way) * Math.floor(every / COMPUTES.length);
    return points.filter((_, i) => i % every === first).map((point) => ({ ...point, way }));
  });
  const domain = extent(rows.map((row) => row.x));
  const range = extent(rows.flatMap(({ low, high }) => [low, high].filter(Number.isFinite)));
  const color = { domain: [...COMPUTES], range: COMPUTES.map((way) => `var(--${way})`) };
  const dot: Plot.DotOptions = { x: 'x', fill: 'way', stroke: 'var(--paper)', symbol: 'way', r: narrow ? 4 : 4.5 };
  const plot = Plot.plot({
    document: document as NonNullable<Plot.PlotOptions['document']>,
    width,
    height: Math.round(narrow ? width * 0.85 : Math.min(width * 0.5, 420)) + MARK * marks.length,
    marginLeft: narrow ? 44 : 56,
    marginRight: 16,
    marginTop: 30 + MARK * marks.length,
    marginBottom: 40,
    style: { fontSize: '12px', overflow: 'visible' },
    x: { type: x.scale, domain, label: x.label, labelAnchor: 'center', labelArrow: 'none' },
    y: { type: y.scale, domain: yDomain(range, y.scale), label: y.label, labelArrow: 'none' },
    color,
    symbol: { domain: [...COMPUTES], range: COMPUTES.map((way) => SYMBOLS[way]) },
    marks: [
      Plot.gridY(axisTicks(yDomain(range, y.scale), y, narrow ? 5 : 7), { stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.axisY(axisTicks(yDomain(range, y.scale), y, narrow ? 5 : 7), { text: format[y.format], tickSize: 0 }),
      Plot.axisX(axisTicks(domain, x, narrow ? 4 : 9), { text: format[x.format], tickSize: 4 }),
      ...(here ? [Plot.ruleX([here.x], { stroke: 'var(--ink)', strokeDasharray: '4 3' })] : []),
      strip(marks, domain),
      ...(lines ? [] : [Plot.areaY(rows, { x: 'x', y1: 'low', y2: 'high', z: 'way', fill: 'way', fillOpacity: 0.16 })]),
      Plot.lineY(rows, { x: 'x', y: 'low', z: 'way', stroke: 'way', strokeWidth: lines ? 2 : 1.25 }),
      Plot.lineY(rows, {
        x: 'x',
        y: 'high',
        z: 'way',
        stroke: 'way',
        strokeWidth: lines ? 1.5 : 1.75,
        ...(lines && { strokeDasharray: '5 3' }),
      }),
      ...(lines ? [Plot.dot(symbols, { ...dot, y: 'low' })] : []),
      Plot.dot(symbols, { ...dot, y: 'high' }),
      ...(here
        ? [
            Plot.text([here], {
              x: 'x',
              text: 'label',
              frameAnchor: 'bottom',
              dy: -6,
              dx: here.x > middle(domain, x.scale) ? -6 : 6,
              textAnchor: here.x > middle(domain, x.scale) ? 'end' : 'start',
              fill: 'var(--ink)',
              stroke: 'var(--paper)',
              strokeWidth: 4,
            }),
          ]
        : []),
      ...(pointer ? [Plot.ruleX(rows, Plot.pointerX({ x: 'x', stroke: 'var(--quiet)' })), tip(chart, bands)] : []),
    ],
  });
  // One picture with one name: what is inside is for the eye, and the table beside it has the numbers.
  plot.setAttribute('role', 'img');
  plot.setAttribute('aria-label', title);
  for (const part of plot.querySelectorAll('[aria-label], [aria-description]')) {
    part.removeAttribute('aria-label');
    part.removeAttribute('aria-description');
  }
  plot.setAttribute('aria-label', title);
  return plot;
}

/** The numbered ranges above the frame, one below the other. */
function strip(marks: NonNullable<Chart['marks']>, [low, high]: readonly [number, number]): Plot.RenderFunction {
  return (_index, { scales }, _values, { marginTop }, { document }) => {
    const place = scales.x?.apply as ((value: number) => number) | undefined;
    const part = (name: string, attributes: Readonly<Record<string, string | number>>, text = '') => {
      const made = document.createElementNS('http://www.w3.org/2000/svg', name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
      made.textContent = text;
      return made;
    };
    const group = document.createElementNS('http://www.w3.org/2000/svg', 'g') as ReturnType<Plot.RenderFunction> &
      object;
    marks.forEach(({ from, to }, i) => {
      if (!place || to < low || from > high) return;
      const [x1, x2] = [place(Math.max(from, low)), place(Math.min(to, high))];
      const y = marginTop - MARK * (marks.length - i) + MARK / 2 - 4;
      const ink = { stroke: 'var(--ink)', 'stroke-width': 2 };
      group.appendChild(part('line', { x1, x2, y1: y, y2: y, ...ink }));
      for (const x of new Set([x1, x2])) {
        group.appendChild(part('line', { x1: x, x2: x, y1: y - 4, y2: y + 4, ...ink }));
      }
      const said = { x: x1 - 6, y: y + 4, 'text-anchor': 'end', 'font-weight': 600, fill: 'var(--ink)' };
      group.appendChild(part('text', said, String(i + 1)));
    });
    return group;
  };
}

/** The values of all ways at the pointer. */
function tip(chart: Chart, bands: readonly Series[]) {
  const { x } = chart;
  const places = [...new Set(bands.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const rows = places.map((at) => ({
    x: at,
    y: Math.max(
      ...bands
        .flatMap(({ points }) => points.flatMap((point) => (point.x === at ? [point.low, point.high] : [])))
        .filter(Number.isFinite),
      0,
    ),
    title: [
      `${format[x.format](at)} ${x.label}`,
      ...bands.flatMap(({ way, points }) => {
        const point = points.find((each) => each.x === at);
        return point ? [`${WAYS[way].title}: ${pointText(chart, point)}`] : [];
      }),
    ].join('\n'),
  }));
  return Plot.tip(
    rows,
    Plot.pointerX({
      x: 'x',
      y: 'y',
      title: 'title',
      lineHeight: 1.35,
      textPadding: 10,
      fill: 'var(--card)',
      stroke: 'var(--strong)',
    }),
  );
}

const middle = ([low, high]: readonly [number, number], scale: Axis['scale']) =>
  scale === 'log' ? Math.sqrt(low * high) : (low + high) / 2;

function yDomain([low, high]: readonly [number, number], scale: Axis['scale']): [number, number] {
  return scale === 'log' ? [low, high] : [0, high * (scale === 'linear' ? 1.04 : 1.5) || 1];
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}
