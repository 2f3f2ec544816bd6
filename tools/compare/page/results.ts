import { FOUR_WAYS, type FourWay, WAYS } from '../../../lib/ways';
import { DEFAULTS } from '../../../workload/contract';
import { text } from '../../html';
import { choose } from '../model/choose';
import { breakEvens, cost, costCurves } from '../model/cost';
import { imageWork, type Measured } from '../model/fit';
import { simulateWay } from '../model/scale';
import type {
  Choice,
  Cost,
  CostInputs,
  CurvePoint,
  End,
  Facts,
  ImageWork,
  JobFacts,
  Range,
  Reason,
  ScaleInputs,
  ScaleResult,
  Tables,
  Trace,
  TracePoint,
} from '../model/types';
import { type Chart, pointText, rangeText } from './charts';
import { type Format, format } from './format';
import { dataTable, link, wayName } from './parts';
import type { Control, State } from './state';

/**
 * What follows from the inputs: the same code fills the page when it is built and, in the worker, when a control moves.
 */

/** What everything is computed from, as plain data. */
export interface Model {
  readonly facts: Facts;
  readonly tables: Tables;
  readonly job: JobFacts;
  readonly measured: Measured;
}

export interface Question {
  readonly part: Control['part'];
  readonly state: State;
  /** Ascending: the answer to an earlier one is dropped. */
  readonly question: number;
}

/** By the name of the place in the page: what it says, what it draws. */
export type Slots = Readonly<
  Record<
    string,
    {
      readonly html?: string;
      readonly chart?: Chart;
      /** What `html` says in a table, as text. */
      readonly rows?: readonly (readonly string[])[];
    }
  >
>;

export interface Answer {
  readonly part: Control['part'];
  readonly question: number;
  readonly slots: Slots;
  /** One line, where there is no result. */
  readonly error?: string;
}

/** Answers one question. Never throws: what goes wrong is said. */
export function answer(model: Model, { part, state, question }: Question): Answer {
  try {
    const slots = { cost: costSlots, scale: scaleSlots, choose: chooseSlots }[part](model, state);
    return { part, question, slots };
  } catch (error) {
    return { part, question, slots: {}, error: `No result: ${error instanceof Error ? error.message : error}` };
  }
}

/** The work of one image: of JPEG, which photographs are, where that was measured. */
export function workOf({ measured }: Pick<Model, 'measured'>, { megapixels, outputFormat }: State): ImageWork {
  const photographs = measured.perImage.some(
    (image) => image.inputFormat === 'jpeg' && image.outputFormat === outputFormat,
  );
  return imageWork(measured, megapixels, { outputFormat, ...(photographs && { inputFormat: 'jpeg' }) });
}

const slowdown = ({ slowdownLow, slowdownHigh }: State): Range => ({
  low: Math.min(slowdownLow, slowdownHigh),
  high: Math.max(slowdownLow, slowdownHigh),
});

export function costInputs(model: Model, state: State): CostInputs {
  return {
    region: state.region,
    imagesPerMonth: state.imagesPerMonth,
    imagesPerBurst: state.imagesPerBurst,
    work: workOf(model, state),
    slowdown: slowdown(state),
    spot: state.spot,
    job: { ...model.job, logBytes: state.logBytesPerImage, customMetrics: state.customMetrics },
  };
}

// --- Cost ------------------------------------------------------------------------------------------------------------

const DECADES = [2, 3, 4, 5, 6, 7, 8, 9, 10].map((power) => 10 ** power);

export function costSlots(model: Model, state: State): Slots {
  const inputs = costInputs(model, state);
  const costs = FOUR_WAYS.map((way) => cost(model.facts[way], model.tables, inputs));
  const curves = costCurves(model.facts, model.tables, inputs);
  const points = FOUR_WAYS.flatMap((way) => curves[way]);
  const crossings = crossingsOf(model, state);
  return {
    'cost-given': { html: given(inputs) },
    'cost-chart': { chart: costChart(points, crossings, state) },
    'cost-crossings': { html: crossingList(crossings) },
    'cost-summary': { html: costSummary(costs) },
    'cost-table': { html: costTable(points.filter(({ imagesPerMonth }) => DECADES.includes(imagesPerMonth))) },
    'cost-items': { html: costs.map(itemised).join('\n') },
  };
}

/** Where two ways change places, whichever end of the ranges holds: from `low` to `high` images a month it depends. */
export interface Crossing extends Range {
  readonly cheaperBelow: FourWay;
  /** The same as `cheaperBelow` where the other one is cheaper only in between. */
  readonly cheaperAbove: FourWay;
  readonly other: FourWay;
  /** The ends of the ranges at which they change places at all. */
  readonly ends: readonly End[];
}

/** One for each two ways that change places. */
export function crossingsOf(model: Model, state: State): readonly Crossing[] {
  const all = breakEvens(model.facts, model.tables, costInputs(model, state));
  const pairs = FOUR_WAYS.flatMap((a, i) => FOUR_WAYS.slice(i + 1).map((b) => [a, b] as const));
  return pairs
    .flatMap((pair) => {
      const found = all
        .filter((each) => pair.includes(each.cheaperBelow) && pair.includes(each.cheaperAbove))
        .sort((a, b) => a.imagesPerMonth - b.imagesPerMonth);
      const [first, last] = [found[0], found.at(-1)];
      if (!first || !last) return [];
      return [
        {
          low: first.imagesPerMonth,
          high: last.imagesPerMonth,
          cheaperBelow: first.cheaperBelow,
          cheaperAbove: last.cheaperAbove,
          other: first.cheaperAbove,
          ends: [...new Set(found.map(({ end }) => end))],
        },
      ];
    })
    .sort((a, b) => a.low - b.low);
}

/** A crossing in words. @param name how a way is named */
export function crossingText(crossing: Crossing, name: (way: FourWay) => string): string {
  const { cheaperBelow, cheaperAbove, other, low, high, ends } = crossing;
  const only = ends.length > 1 ? '' : ` This holds only with every range at its ${ends[0]} end.`;
  const [from, to] = [format.count(low), format.count(high)];
  const volume = from === to ? to : `a volume between ${from} and ${to}`;
  return cheaperBelow === cheaperAbove
    ? `Between ${format.count(low)} and ${format.count(high)} images a month, ${name(other)} can cost less; elsewhere ${name(cheaperBelow)} does.${only}`
    : `Up to ${volume} images a month, ${name(cheaperBelow)} costs less; beyond that, ${name(cheaperAbove)} does.${only}`;
}

/** What the two volumes of a crossing are. */
export const CROSSING_LEGEND =
  'Between the two volumes it depends on where in their ranges the real figures lie. Each is computed with every range ' +
  'at the same end on both ways; with one way at its low and the other at its high end, they can change places outside ' +
  'of them. Storage and requests of the images in S3 are the same on all four ways, and left out.';

function given({ region, work, slowdown: factor, imagesPerBurst, spot, job }: CostInputs): string {
  const parts = [
    region,
    `images of ${format.count(work.megapixels)} megapixels`,
    `${rangeText(work.cpuSeconds.low, work.cpuSeconds.high, 'duration')} of CPU each where they were measured, times ${rangeText(factor.low, factor.high, 'count')}`,
    imagesPerBurst === 1 ? 'arriving one by one' : `arriving ${format.count(imagesPerBurst)} at a time`,
    spot ? 'Spot where a way can use it' : 'On-Demand',
    `${format.count(job.logBytes)} bytes of log lines an image`,
    `${format.count(job.customMetrics)} custom metrics`,
    'list prices without taxes, discounts and free tier',
  ];
  return `<p class="quiet">With ${text(parts.join('; '))}.</p>`;
}

function costChart(points: readonly CurvePoint[], crossings: readonly Crossing[], state: State): Chart {
  return {
    title: 'Cost a month over images a month, four ways, as ranges',
    x: { label: 'images a month', scale: 'log', format: 'count' },
    y: { label: 'US$ a month', scale: 'log', format: 'usd' },
    series: FOUR_WAYS.map((way) => ({
      way,
      points: points
        .filter((point) => point.way === way)
        .map(({ imagesPerMonth, computeUsdPerMonth }) => ({ x: imagesPerMonth, ...computeUsdPerMonth })),
    })),
    marks: crossings.map(({ low, high }) => ({ from: low, to: high })),
    here: { x: state.imagesPerMonth, label: `${format.count(state.imagesPerMonth)} a month` },
  };
}

function crossingList(crossings: readonly Crossing[]): string {
  if (crossings.length === 0) return '<p>No two ways change places between 100 and 10B images a month.</p>';
  const items = crossings.map((crossing) => `<li>${crossingText(crossing, wayName)}</li>`);
  return `<ol class="marks">${items.join('')}</ol>\n<p class="quiet">${CROSSING_LEGEND}</p>`;
}

const money = ({ low, high }: Range) => text(rangeText(low, high, 'usd'));
const total = (ranges: readonly Range[]): Range =>
  ranges.reduce(({ low, high }, each) => ({ low: low + each.low, high: high + each.high }), { low: 0, high: 0 });

/** What one job may take: as the template has it, and what else ends it. */
export function longestJob({ facts, tables }: Model, way: FourWay): string {
  const { longestJobSeconds, usesJobQueue, stopGraceSeconds, unit, versions } = facts[way];
  const most = format.duration(longestJobSeconds);
  if (!usesJobQueue) return `${most}; up to ${format.duration(tables.delays['lambda-longest-job'].high)} can be set`;
  const days = versions['instance lifetime, days'];
  const atTheLatest = days === undefined ? '' : `, after ${days} days at the latest`;
  return `${most}; ${format.duration(stopGraceSeconds)} once its ${unit.kind} is stopped${atTheLatest}`;
}

/** What {@link longestJob} rests on. */
export function longestJobLegend({ tables }: Model): string {
  const hidden = format.duration(tables.delays['sqs-longest-receive'].low);
  return `Longest job: what the platform allows. ${hidden} after its receive SQS hands a message to a second worker, whatever the first one extends. This job allows itself less on all four ways: decoding ends after ${DEFAULTS.decodeCpuSeconds} s of CPU, or ${DEFAULTS.decodeWallSeconds} s in all.`;
}

/** What is paid when nothing arrives. */
export const idleOf = ({ items }: Cost): Range =>
  total(items.filter(({ idle }) => idle).map(({ usdPerMonth }) => usdPerMonth));

function costSummary(costs: readonly Cost[]): string {
  const rows: (readonly [string, (each: Cost) => string])[] = [
    ['idle, a month', (each) => money(idleOf(each))],
    ['this volume, a month', (each) => money(each.usdPerMonth)],
    ['without storage and requests of the images in S3', (each) => money(each.computeUsdPerMonth)],
    ['a million images', (each) => (each.usdPerMillionImages ? money(each.usdPerMillionImages) : '')],
    [
      'the most the template can do, images a month',
      ({ ceilingImagesPerMonth: most, overCeiling }) =>
        most
          ? `${text(rangeText(most.low, most.high, 'count'))}${overCeiling ? '<small>less than this volume: amounts are those of a raised maximum</small>' : ''}`
          : 'none',
    ],
  ];
  return dataTable(
    'Cost of the four ways at this volume',
    ['US$', ...FOUR_WAYS.map(wayName)],
    rows.map(([name, of]) => [text(name), ...costs.map(of)]),
    'numbers',
  );
}

function costTable(points: readonly CurvePoint[]): string {
  const rows = DECADES.map((volume) => [
    text(format.count(volume)),
    ...FOUR_WAYS.map((way) => {
      const point = points.find((each) => each.way === way && each.imagesPerMonth === volume);
      return point ? `${money(point.computeUsdPerMonth)}${point.overCeiling ? '*' : ''}` : '';
    }),
  ]);
  return `${dataTable('Cost a month by images a month', ['images a month', ...FOUR_WAYS.map(wayName)], rows, 'numbers')}
<p class="quiet">* more than the template\u2019s maximum can do: the amount is that of a raised one.</p>`;
}

function itemised({ way, items, unknown }: Cost): string {
  const rows = items.map(({ label, arithmetic, usdPerMonth, price, idle, shared }) => [
    `${text(label)}<small>${[idle ? 'idle too' : '', shared ? 'the same on all four' : ''].filter(Boolean).join(', ')}</small>`,
    text(arithmetic),
    money(usdPerMonth),
    `${link(price.source, price.id)}<small>${text(price.date)}, ${text(price.confidence)}</small>`,
  ]);
  const missing = unknown.map(({ label, why }) => `<li>${text(label)}: not priced; ${text(why)}</li>`);
  return `<details><summary>${wayName(way)}: ${items.length} line items</summary>
${dataTable(`Line items of ${WAYS[way].title}`, ['item', 'quantity \u00d7 price', 'US$ a month', 'price'], rows)}
${missing.length > 0 ? `<ul>${missing.join('')}</ul>` : ''}</details>`;
}

// --- Scale -----------------------------------------------------------------------------------------------------------

export function scaleInputs(model: Model, state: State): ScaleInputs {
  return {
    arrivals:
      state.pattern === 'burst'
        ? { kind: 'burst', images: state.images, overSeconds: state.overSeconds }
        : { kind: 'daily', imagesPerDay: state.images, peakToMean: state.peakToMean },
    work: workOf(model, state),
    slowdown: slowdown(state),
    // A schedule in the stacks sees to it that this changes nothing.
    afterIdle: true,
    region: state.region,
    spot: state.spot,
    job: { ...model.job, logBytes: state.logBytesPerImage, customMetrics: state.customMetrics },
    ...(state.accountConcurrency > 0 && { accountConcurrency: state.accountConcurrency }),
  };
}

export function scaleSlots(model: Model, state: State): Slots {
  const inputs = scaleInputs(model, state);
  const results = FOUR_WAYS.map((way) => simulateWay(model.facts[way], model.tables, inputs));
  const backlog = scaleChart(results, state, 'Images that wait', 'images waiting', 'linear', ({ waiting }) => waiting);
  const units = scaleChart(
    results,
    state,
    'Units that run: instances, functions, tasks, pods',
    'units running',
    Math.max(...results.map(({ peakUnits }) => peakUnits.high)) > MANY ? 'symlog' : 'linear',
    ({ unitsRunning }) => unitsRunning,
  );
  const summary = scaleSummary(results);
  return {
    'scale-given': { html: scaleGiven(inputs) },
    'scale-backlog': { chart: backlog },
    'scale-units': { chart: units },
    'scale-summary': {
      html: dataTable(
        'What the four ways make of it',
        ['these images', ...FOUR_WAYS.map(wayName)],
        summary.map((row) => row.map(text)),
        'numbers',
      ),
      rows: summary,
    },
    'scale-table': { html: `${seriesTable(backlog)}\n${seriesTable(units)}` },
  };
}

function scaleGiven({ arrivals, work }: ScaleInputs): string {
  const how =
    arrivals.kind === 'burst'
      ? `${format.count(arrivals.images)} images ${arrivals.overSeconds === 0 ? 'at once' : `over ${format.duration(arrivals.overSeconds)}`}`
      : arrivals.kind === 'daily'
        ? `${format.count(arrivals.imagesPerDay)} images a day, the peak ${format.count(arrivals.peakToMean)} times the mean`
        : `${format.count(arrivals.seconds.length)} images, each at its moment`;
  return `<p class="quiet">With ${text(`${how}, after hours without any; images of ${format.count(work.megapixels)} megapixels`)}. Solid lines: every delay and all work at its shortest. Dashed: at its longest. The figures below span both, and short delays with long work, and long ones with short. Every point is the most since the one before it.</p>`;
}

/** Moments of a chart of a simulation: quarters of an hour of a day. */
const MOMENTS = 96;
/** Units beyond which one and a thousand are no longer told apart on a linear axis. */
const MANY = 20;

function scaleChart(
  results: readonly ScaleResult[],
  { pattern }: State,
  title: string,
  label: string,
  scale: 'linear' | 'symlog',
  of: (point: TracePoint) => number,
): Chart {
  const end = Math.max(...results.flatMap(({ low, high }) => [low.endSeconds, high.endSeconds]), 10);
  const daily = pattern === 'daily';
  const last = daily ? 86_400 : end;
  const moments = Array.from({ length: MOMENTS + 1 }, (_, i) => (daily ? (i / MOMENTS) * last : last ** (i / MOMENTS)));
  return {
    title: `${title}, four ways over time: solid with every delay and all work at its shortest, dashed at its longest`,
    lines: true,
    x: daily
      ? { label: 'time of day', scale: 'linear', format: 'clock' }
      : { label: 'since the first upload', scale: 'log', format: 'duration' },
    y: { label, scale, format: 'count' },
    series: results.map(({ way, low, high }) => {
      const [one, other] = [most(low, of), most(high, of)];
      return {
        way,
        points: moments.map((x, i) => {
          const from = moments[i - 1] ?? 0;
          return { x, low: one(from, x), high: other(from, x) };
        }),
      };
    }),
  };
}

/** The most of something between two moments of a trace; NaN after its end. Asked for one moment after the other. */
function most({ points, endSeconds }: Trace, of: (point: TracePoint) => number): (from: number, to: number) => number {
  let i = 0;
  let ended = false;
  return (from, to) => {
    // Once more after the end, with what it left: a line that falls to zero is seen to get there.
    if (from > endSeconds) {
      const left = ended ? undefined : points.at(-1);
      ended = true;
      return left ? of(left) : Number.NaN;
    }
    const before = points[i];
    let found = before && before.seconds <= to ? of(before) : 0;
    while (i + 1 < points.length && (points[i + 1] as TracePoint).seconds <= to) {
      i += 1;
      found = Math.max(found, of(points[i] as TracePoint));
    }
    return found;
  };
}

function scaleSummary(results: readonly ScaleResult[]): readonly (readonly string[])[] {
  const show = (range: Range | null, as: Format, none: string) => (range ? rangeText(range.low, range.high, as) : none);
  const rows: (readonly [string, (each: ScaleResult) => string])[] = [
    ['first result after', (each) => show(each.firstResultSeconds, 'duration', 'none')],
    ['last result after', (each) => show(each.lastResultSeconds, 'duration', 'none')],
    ['most units at a time', (each) => show(each.peakUnits, 'count', '')],
    ['most images waiting', (each) => show(each.peakWaiting, 'count', '')],
    ['given up, having waited too long', (each) => show(each.expired, 'count', '')],
    ['adds to the bill', (each) => show(each.usd, 'usd', 'a price is not known')],
  ];
  return rows.map(([name, of]) => [name, ...results.map(of)]);
}

/** A chart as a table, at about a dozen places. */
function seriesTable(chart: Chart): string {
  const { title, x, series } = chart;
  const places = series[0]?.points ?? [];
  const every = Math.max(1, Math.floor(places.length / 12));
  const rows = places.flatMap((place, i) =>
    i % every === 0
      ? [
          [
            text(format[x.format](place.x)),
            ...series.map(({ points }) => {
              const point = points[i];
              return point ? text(pointText(chart, point)) : '';
            }),
          ],
        ]
      : [],
  );
  return `<h3>${text(title)}</h3>\n${dataTable(title, [text(x.label), ...series.map(({ way }) => wayName(way))], rows, 'numbers')}`;
}

// --- Choose ----------------------------------------------------------------------------------------------------------

export function chooseSlots(_model: Model, state: State): Slots {
  return { choice: { html: choiceHtml(choose(state)) } };
}

export function choiceHtml({ ways, reasons, against, instead }: Choice): string {
  const title = ways.length > 0 ? ways.map(wayName).join(', or ') : 'None of these four';
  const chosen = ways.map((way) => {
    const own = reasons.filter((each) => each.way === way);
    return `${ways.length > 1 ? `<h4>${wayName(way)}</h4>` : ''}<ul>${own.map((each) => `<li>${reason(each)}</li>`).join('')}</ul>`;
  });
  const ruledOut = FOUR_WAYS.flatMap((way) => {
    const why = against[way] ?? [];
    return why.length > 0 ? [`<li>Not ${wayName(way)}: ${why.map(reason).join(' ')}</li>`] : [];
  });
  const possible = FOUR_WAYS.filter((way) => !ways.includes(way) && !against[way]);
  const rest =
    possible.length > 0 ? [`<li>Less speaks for ${possible.map(wayName).join(' and ')}, which would do too.</li>`] : [];
  return `<h3>${title}</h3>
${instead === null ? '' : `<p>${text(instead)}</p>`}
${chosen.join('')}
${ruledOut.length + rest.length > 0 ? `<h4>The others</h4><ul>${rest.join('')}${ruledOut.join('')}</ul>` : ''}`;
}

export const reason = ({ text: said, restsOn }: Reason) =>
  `${text(said)} <a class="rests" href="#${text(anchor(restsOn))}">${text(placeName(restsOn))}</a>`;

/** What a reader calls the place that a reason rests on. */
function placeName(restsOn: string): string {
  const [, kind, name = ''] = /^(\w+):(.*)$/.exec(restsOn) ?? [];
  if (kind === 'fact') return 'the template';
  if (kind === 'delay') return 'the limit and its source';
  if (kind === 'price') return 'the price and its source';
  const [figure = '', , concern] = name.split('.');
  if (figure === 'owned') return `what you own: ${concern}`;
  return { 'idle-cost': 'idle cost', 'cost-curves': 'cost curves' }[figure] ?? 'where the curves cross';
}

/** Where on the page a fact, a delay, a price or a figure is shown. */
export const anchor = (restsOn: string): string => {
  const [, kind = '', name = ''] = /^(\w+):(.*)$/.exec(restsOn) ?? [];
  if (kind === 'fact') return `fact-${name.split('.').slice(0, 2).join('.')}`;
  if (kind !== 'figure') return `${kind}-${name}`;
  const [figure = '', , concern = ''] = name.split('.');
  if (figure === 'owned') return `own-${concern.replaceAll(' ', '-')}`;
  return { 'idle-cost': 'cost-summary', 'cost-curves': 'figure-cost-chart' }[figure] ?? 'cost-crossings';
};
