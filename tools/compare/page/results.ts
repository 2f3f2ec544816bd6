import { WAYS } from '../../../lib/ways';
import { COMPUTES, type Compute, DEFAULTS } from '../../../workload/contract';
import { text } from '../../html';
import { type Arrivals, burst, daily, even } from '../model/arrivals';
import { assume, figures, OF_MUCH_WORK, ranges } from '../model/assumptions';
import { type Choice, type ChooserModel, choose, type Reason } from '../model/choose';
import { BURSTS, type Cell, type Cost, cost, costMap, type LineItem, VOLUMES } from '../model/cost';
import { imageWork, type Measured } from '../model/fit';
import { simulate, type Trace, type TracePoint } from '../model/simulate';
import type { AssumptionId, Facts, Figure, ImageWork, Inputs, JobFacts, Tables } from '../model/types';
import { byWay, MARKS } from '../ways';
import type { Chart } from './charts';
import { figureText, format, pointText, rangeText, usdText } from './format';
import { dataTable, link, wayName } from './parts';
import type { Control, State } from './state';

/**
 * What follows from the inputs: the same code fills the page when it is built and, in the worker, when a control moves.
 */

/** What everything is computed from, as plain data. */
export interface Model {
  readonly facts: { readonly sandbox: Facts; readonly production: Facts };
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
export type Slots = Readonly<Record<string, { readonly html?: string; readonly chart?: Chart }>>;

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
    return { part, question, slots: { cost: costSlots, scale: scaleSlots, choose: chooseSlots }[part](model, state) };
  } catch (error) {
    return { part, question, slots: {}, error: `No result: ${error instanceof Error ? error.message : error}` };
  }
}

/** The work of one image: of JPEG, which photographs are, where that was measured. */
function workOf({ measured }: Pick<Model, 'measured'>, { megapixels, outputFormat }: State): ImageWork {
  const isMeasured = measured.perImage.some((one) => one.inputFormat === 'jpeg' && one.outputFormat === outputFormat);
  return imageWork(measured, megapixels, { outputFormat, ...(isMeasured && { inputFormat: 'jpeg' }) });
}

export const factsOf = ({ facts }: Model, { production }: State): Facts => facts[production ? 'production' : 'sandbox'];

export function inputsOf(model: Model, state: State): Inputs {
  const { region, imagesPerMonth, imagesPerBurst, spot, freeTier, savingsPlan, account, accountConcurrency } = state;
  const [low, typical, high] = [state.cpuSpeedLow, state.cpuSpeed, state.cpuSpeedHigh].toSorted((a, b) => a - b);
  return {
    region,
    imagesPerMonth,
    imagesPerBurst,
    work: workOf(model, state),
    cpuSpeed: { low, typical, high } as Inputs['cpuSpeed'],
    job: model.job,
    spot,
    freeTier,
    savingsPlan,
    account,
    ...(accountConcurrency > 0 && { accountConcurrency }),
  };
}

export const chooserModel = (model: Model, state: State): ChooserModel => ({
  facts: factsOf(model, state),
  tables: model.tables,
  inputs: inputsOf(model, state),
});

export const costsOf = (model: Model, state: State): Record<Compute, Cost> =>
  byWay((way) => cost(factsOf(model, state)[way], model.tables, inputsOf(model, state)));

// --- Cost -------------------------------------------------------------------------------------------------------------

export function costSlots(model: Model, state: State): Slots {
  const costs = costsOf(model, state);
  return {
    'cost-given': { html: `<p class="quiet">${text(given(model, state))}</p>` },
    'cost-summary': {
      html: dataTable(
        'Cost at this volume',
        ['US$', ...COMPUTES.map(wayName)],
        costRows(costs).map((row) => row.map(text)),
        'numbers',
      ),
    },
    'cost-items': { html: COMPUTES.map((way) => itemised(costs[way])).join('\n') },
  };
}

/** What the figures are of, in a line. */
export function given(model: Model, state: State): string {
  const { work, cpuSpeed } = inputsOf(model, state);
  return `${[
    state.region,
    `images of ${format.count(work.megapixels)} megapixels`,
    `${rangeText(work.cpuSeconds, 'duration')} of CPU each where they were measured, times ${rangeText(cpuSpeed, 'count')}`,
    state.imagesPerBurst === 1 ? 'arriving one by one' : `arriving ${format.count(state.imagesPerBurst)} at a time`,
    state.production ? 'stacks as for production' : 'stacks as for a sandbox',
    state.spot ? 'Spot where a way can use it' : 'On-Demand',
    state.savingsPlan ? 'with a Savings Plan' : '',
    state.freeTier ? 'less the free tier' : 'without the free tier',
    'without taxes',
  ]
    .filter(Boolean)
    .join('; ')}.`;
}

/** What each row of the map is called. */
const together = (images: number) => (images === 1 ? 'one by one' : `${format.count(images)} together`);

/** A map in words: a row for each burst size, a column for each volume. */
export function mapRows(cells: readonly Cell[], name: (way: Compute) => string): { head: string[]; rows: string[][] } {
  const volumes = VOLUMES.filter((volume) => cells.some((cell) => cell.imagesPerMonth === volume));
  const rows = BURSTS.filter((size) => cells.some((cell) => cell.imagesPerBurst === size)).map((size) => [
    together(size),
    ...volumes.map((volume) => {
      const cell = cells.find((each) => each.imagesPerBurst === size && each.imagesPerMonth === volume);
      return cell ? cell.contenders.map(name).join(' / ') : '';
    }),
  ]);
  return { head: ['arriving', ...volumes.map(format.count)], rows };
}

export const mapOf = (model: Model, state: State): Cell[] =>
  costMap(factsOf(model, state), model.tables, inputsOf(model, state));

export function mapTable(cells: readonly Cell[]): string {
  const mark = (way: Compute) =>
    `<span class="way ${way}" role="img" aria-label="${text(WAYS[way].title)}">${MARKS[way]}</span>`;
  const { head, rows } = mapRows(cells, mark);
  return `<p>${COMPUTES.map(wayName).join(', ')}</p>
${dataTable(
  'The cheapest way by images a month and burst size',
  head.map(text),
  rows.map(([first = '', ...others]) => [text(first), ...others]),
  'numbers',
)}`;
}

/** Assumptions as a reader calls them. */
export const assumptionName = (id: AssumptionId | null): string =>
  ({
    'cpu-speed': 'how fast a CPU is there',
    'image-cpu': 'how much work an image is',
    moment: 'when the rule looks',
    'grace-used': 'how soon units end',
    'spot-price': 'the Spot price',
  })[id as string] ??
  (id ?? 'nothing')
    .replaceAll('-', ' ')
    .replace(/^(?:s3|ec2|ecs|eks|sqs)\b/, (name) => name.toUpperCase())
    .replace('lambda', 'Lambda');

/** Rows of the costs at one volume, as text. */
export function costRows(costs: Readonly<Record<Compute, Cost>>): string[][] {
  const rows: readonly (readonly [string, (each: Cost) => string])[] = [
    ['idle, a month', (each) => usdText(each.idleUsdPerMonth)],
    ['this volume, a month', (each) => usdText(each.usdPerMonth)],
    ['without what is the same everywhere', (each) => usdText(each.computeUsdPerMonth)],
    ['of that, for a million images', (each) => usdText(each.usdPerMillion)],
    ['what moves it most', (each) => assumptionName(each.computeUsdPerMonth.dominatedBy)],
    [
      'the most the stack does, images a month',
      ({ ceilingImagesPerMonth: most, overCeiling }) =>
        most
          ? `${figureText(most, 'count')}${overCeiling ? ', less than this volume: amounts are of a raised maximum' : ''}`
          : 'no limit',
    ],
  ];
  return rows.map(([name, of]) => [name, ...COMPUTES.map((way) => of(costs[way]))]);
}

/** `730 hours x $0.0363 = $26.50`, of what is typical. */
export function arithmetic({ quantity: { typical: many }, usdPerMonth: { typical: usd }, price }: LineItem): string {
  // Of tiers, of a market price and with a discount this is the average.
  const each = many > 0 ? usd / many : (price.tiers[0]?.usd ?? 0);
  const unit = `${price.unit}${/GB$/.test(price.unit) || many === 1 ? '' : 's'}`;
  return `${format.exact(many)} ${unit} \u00d7 $${format.exact(each)} = ${format.cents(usd)}`;
}

function itemised({ way, items, unknown }: Cost): string {
  const rows = items.map((item) => [
    `${text(item.label)}<small>${[item.idle ? 'idle too' : '', item.shared ? 'the same everywhere' : ''].filter(Boolean).join(', ')}</small>`,
    text(arithmetic(item)),
    text(rangeText(item.usdPerMonth, 'usd')),
    `${link(item.price.source, item.price.id)}<small>${text(item.price.date)}, ${text(item.price.confidence)}</small>`,
  ]);
  const missing = unknown.map(({ label, why }) => `<li>${text(label)}: not priced; ${text(why)}</li>`);
  return `<details><summary>${wayName(way)}: ${items.length} line items</summary>
${dataTable(`Line items of ${WAYS[way].title}`, ['item', 'quantity \u00d7 price', 'US$ a month', 'price'], rows)}
<ul>${missing.join('')}</ul></details>`;
}

/** What one job may take: as the template has it, and what else ends it. */
export function longestJob({ facts, tables }: Model, way: Compute): string {
  const { longestJobSeconds, queue, stopGraceSeconds, unit, lifetimeDays } = facts.sandbox[way];
  const most = format.duration(longestJobSeconds);
  if (!queue) return `${most}; up to ${format.duration(tables.delays['lambda-longest-job'].high)} can be set`;
  const atTheLatest = lifetimeDays === null ? '' : `, after ${lifetimeDays} days at the latest`;
  return `${most}; ${format.duration(stopGraceSeconds)} once its ${unit.kind} is stopped${atTheLatest}`;
}

/** What {@link longestJob} rests on. */
export function longestJobLegend({ tables }: Model): string {
  const hidden = format.duration(tables.delays['sqs-longest-receive'].low);
  return `Longest job: what the platform allows. ${hidden} after its receive SQS hands a message to a second worker, whatever the first one extends. This job allows itself less on all ways: decoding ends after ${DEFAULTS.decodeCpuSeconds} s of CPU, or ${DEFAULTS.decodeWallSeconds} s in all.`;
}

// --- Scale ------------------------------------------------------------------------------------------------------------

export interface Outcome {
  /** With every assumption at its typical value. */
  readonly trace: Trace;
  readonly figures: Readonly<Record<'first' | 'last' | 'units' | 'waiting' | 'expired', Figure | null>>;
}

/** Seconds by which Lambda may try a throttled event later than a free environment could take it. */
const retry = (throttled: boolean, waited: number, interval: number) => (throttled ? Math.min(waited, interval) : 0);

/** What arrivals do to one way. */
export function outcome(model: Model, state: State, way: Compute, arrivals: Arrivals): Outcome {
  const facts = factsOf(model, state)[way];
  const { delays } = model.tables;
  const inputs = inputsOf(model, state);
  const from = ranges(delays, inputs);
  const found = figures(
    from,
    (a) => {
      const trace = simulate(facts, delays, a, inputs, arrivals);
      const throttled = facts.unit.kind === 'function' && trace.peakWaiting > trace.peakUnits;
      const last = trace.lastResultSeconds;
      return {
        first: trace.firstResultSeconds,
        last: last === null ? null : last + retry(throttled, last, a['lambda-retry-interval']),
        units: trace.peakUnits,
        waiting: trace.peakWaiting,
        expired: trace.expired,
      };
    },
    state.pattern === 'daily' ? OF_MUCH_WORK : undefined,
  );
  return {
    trace: simulate(facts, delays, assume(from, 'typical'), inputs, arrivals, { record: true }),
    figures: found,
  };
}

export const arrivalsOf = ({ pattern, images, overSeconds, peakToMean }: State): Arrivals =>
  pattern === 'daily' ? daily(images, peakToMean) : overSeconds === 0 ? burst(images) : even(images, overSeconds);

export function scaleSlots(model: Model, state: State): Slots {
  const outcomes = byWay((way) => outcome(model, state, way, arrivalsOf(state)));
  const backlog = scaleChart(outcomes, state, 'Images that wait', 'images waiting', 'linear', ({ waiting }) => waiting);
  const many = COMPUTES.some((way) => outcomes[way].trace.peakUnits > MANY);
  const units = scaleChart(
    outcomes,
    state,
    'Units that run: instances, functions, tasks, pods',
    'units running',
    many ? 'symlog' : 'linear',
    ({ unitsRunning }) => unitsRunning,
  );
  const rows = scaleRows(outcomes);
  return {
    'scale-given': { html: `<p class="quiet">${text(scaleGiven(state))}</p>` },
    'scale-backlog': { chart: backlog },
    'scale-units': { chart: units },
    'scale-summary': {
      html: dataTable(
        'What the ways make of it',
        ['these images', ...COMPUTES.map(wayName)],
        rows.map((row) => row.map(text)),
        'numbers',
      ),
    },
    'scale-table': { html: `${seriesTable(backlog)}\n${seriesTable(units)}` },
  };
}

export function scaleGiven({ pattern, images, overSeconds, peakToMean, megapixels }: State): string {
  const how =
    pattern === 'burst'
      ? `${format.count(images)} images ${overSeconds === 0 ? 'at once' : `over ${format.duration(overSeconds)}`}`
      : `${format.count(images)} images a day, the peak ${format.count(peakToMean)} times the mean`;
  return `${how}, after hours without any; images of ${format.count(megapixels)} megapixels. Lines: what is typical. Every point is the most since the one before it.`;
}

/** Moments of a chart of a simulation: quarters of an hour of a day. */
const MOMENTS = 96;
/** Units beyond which one and a thousand are no longer told apart on a linear axis. */
const MANY = 20;

function scaleChart(
  outcomes: Readonly<Record<Compute, Outcome>>,
  { pattern }: State,
  title: string,
  label: string,
  scale: 'linear' | 'symlog',
  of: (point: TracePoint) => number,
): Chart {
  const end = Math.max(...COMPUTES.map((way) => outcomes[way].trace.endSeconds), 10);
  const isDaily = pattern === 'daily';
  const last = isDaily ? 86_400 : end;
  const moments = Array.from({ length: MOMENTS + 1 }, (_, i) =>
    isDaily ? (i / MOMENTS) * last : last ** (i / MOMENTS),
  );
  return {
    title: `${title}, over time`,
    lines: true,
    x: isDaily
      ? { label: 'time of day', scale: 'linear', format: 'clock' }
      : { label: 'since the first upload', scale: 'log', format: 'duration' },
    y: { label, scale, format: 'count' },
    series: COMPUTES.map((way) => {
      const { points, endSeconds } = outcomes[way].trace;
      const between = (from: number, to: number): number => {
        if (from > endSeconds) return Number.NaN;
        const inside = points.filter(({ seconds }) => seconds > from && seconds <= to).map(of);
        if (inside.length > 0) return Math.max(...inside);
        // Where time was passed over, what waits falls evenly.
        const [before, after] = [
          points.findLast(({ seconds }) => seconds <= from),
          points.find(({ seconds }) => seconds > to),
        ];
        if (!before || !after) return of((before ?? after) as TracePoint);
        const part = (to - before.seconds) / (after.seconds - before.seconds);
        return of(before) + part * (of(after) - of(before));
      };
      return { way, points: moments.map((x, i) => ({ x, low: between(moments[i - 1] ?? -1, x), high: Number.NaN })) };
    }),
  };
}

/** Rows of what came of some arrivals, as text. */
export function scaleRows(outcomes: Readonly<Record<Compute, Outcome>>): string[][] {
  const rows = [
    ['first result after', 'first', 'duration'],
    ['last result after', 'last', 'duration'],
    ['most units at a time', 'units', 'count'],
    ['most images waiting', 'waiting', 'count'],
    ['given up, having waited too long', 'expired', 'count'],
  ] as const;
  return [
    ...rows.map(([name, key, as]) => [
      name,
      ...COMPUTES.map((way) => {
        const figure = outcomes[way].figures[key];
        return figure ? figureText(figure, as) : 'none';
      }),
    ]),
    [
      'what moves the last most',
      ...COMPUTES.map((way) => assumptionName(outcomes[way].figures.last?.dominatedBy ?? null)),
    ],
  ];
}

/** A chart as a table, at about a dozen places. */
function seriesTable(chart: Chart): string {
  const { title, x, series } = chart;
  const places = series[0]?.points ?? [];
  const every = Math.max(1, Math.floor(places.length / 12));
  const rows = places.flatMap((place, i) => {
    const cells = series.map(({ points }) => (points[i] ? text(pointText(chart, points[i])) : ''));
    return i % every === 0 ? [[text(format[x.format](place.x)), ...cells]] : [];
  });
  return `<h3>${text(title)}</h3>\n${dataTable(title, [text(x.label), ...series.map(({ way }) => wayName(way))], rows, 'numbers')}`;
}

// --- Choose -----------------------------------------------------------------------------------------------------------

export const chooseSlots = (model: Model, state: State): Slots => ({
  choice: { html: choiceHtml(choose(chooserModel(model, state), state)) },
});

export function choiceHtml(choice: Choice): string {
  const { way, orchestrator, servers, because, runnerUp, tips, notes, against, instead } = choice;
  const ruledOut = COMPUTES.flatMap((each) => {
    const why = against[each] ?? [];
    return why.length > 0 ? [`<li>Not ${wayName(each)}: ${why.map(reason).join(' ')}</li>`] : [];
  });
  const answer = way
    ? `<h3>${wayName(way)}</h3>
<p>Who orchestrates: <b>${text(orchestrator ?? '')}</b>. Whose servers: <b>${text(servers ?? '')}</b>.</p>
<ul>${because.map((each) => `<li>${reason(each)}</li>`).join('')}${notes.map((note) => `<li>${text(note)}</li>`).join('')}</ul>
${runnerUp ? `<p>Or ${wayName(runnerUp)}, ${text(tips)}</p>` : ''}`
    : `<h3>None of the six${instead.service ? `: ${link(instead.service.source, instead.service.name)}` : ''}</h3><p>${text(instead.text)}</p>`;
  return `${answer}\n${ruledOut.length > 0 ? `<h4>The others</h4><ul>${ruledOut.join('')}</ul>` : ''}`;
}

export const reason = ({ text: said, restsOn }: Reason) =>
  `${text(said)} <a class="rests" href="#${text(anchor(restsOn))}">${text(placeName(restsOn))}</a>`;

/** What a reader calls the place that a reason rests on. */
function placeName(restsOn: string): string {
  const kind = restsOn.split(':')[0] ?? '';
  return (
    {
      fact: 'the template',
      limit: 'the limit and its source',
      price: 'the price and its source',
      owned: 'what you own',
    }[kind] ?? 'the cost'
  );
}

/** Where on the page a fact, a limit, a price or a figure is shown. */
export const anchor = (restsOn: string): string => {
  const [kind = '', name = ''] = restsOn.split(/:(.*)/);
  if (kind === 'owned') return `own-${(name.split('.')[1] ?? '').replaceAll(' ', '-')}`;
  return kind === 'figure' ? 'cost-summary' : `${kind}-${name}`;
};
