import { WAYS } from '../../../lib/ways';
import { COMPUTES, type Compute, DEFAULTS } from '../../../workload/contract';
import { text } from '../../html';
import { type Arrivals, burst, daily, even } from '../model/arrivals';
import { assume, figures, OF_MUCH_WORK, ranges } from '../model/assumptions';
import {
  adapt,
  asInputs,
  type Choice,
  type ChooserModel,
  cannot,
  choose,
  isPriced,
  type Reason,
} from '../model/choose';
import {
  BURSTS,
  type Cell,
  type Cost,
  cost,
  costMap,
  type LineItem,
  type TypicalUsd,
  typicalUsd,
  VOLUMES,
} from '../model/cost';
import { imageWork, type Measured } from '../model/fit';
import { simulate, type Trace, type TracePoint, triedLater } from '../model/simulate';
import type { AssumptionId, Facts, Figure, ImageWork, Inputs, JobFacts, Tables, WayFacts } from '../model/types';
import { byWay, MARKS } from '../ways';
import type { Chart } from './charts';
import { figureText, format, headline, rangeText, usdText } from './format';
import { dataTable, link, wayName } from './parts';
import type { State } from './state';

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

/** What is computed together. */
export const PARTS = ['choose', 'cost', 'scale', 'map'] as const;
export type Part = (typeof PARTS)[number];

export interface Question {
  readonly part: Part;
  readonly state: State;
  /** Ascending: the answer to an earlier one is dropped. */
  readonly question: number;
}

/** By the name of the place in the page: what it says, what it draws. */
export type Slots = Readonly<Record<string, { readonly html?: string; readonly chart?: Chart }>>;

export interface Answer {
  readonly part: Part;
  readonly question: number;
  readonly slots: Slots;
  /** One line, where there is no result. */
  readonly error?: string;
}

/** Answers one question. Never throws: what goes wrong is said. */
export function answer(model: Model, { part, state, question }: Question): Answer {
  try {
    return {
      part,
      question,
      slots: { choose: chooseSlots, cost: costSlots, scale: scaleSlots, map: mapSlots }[part](model, state),
    };
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

/**
 * A way as it would be deployed for this job, and a month of such jobs; the image's where nothing is priced. `null`: the way
 * cannot do it.
 */
function deployed(model: Model, state: State, way: Compute): readonly [WayFacts, Inputs] | null {
  const [facts, inputs] = [factsOf(model, state)[way], inputsOf(model, state)];
  if (!isPriced(state)) return [facts, inputs];
  return cannot(way, state) ? null : [adapt(facts, state), asInputs(inputs, state)];
}

type Costs = Readonly<Record<Compute, Cost | null>>;

export const costsOf = (model: Model, state: State): Costs =>
  byWay((way) => {
    const found = deployed(model, state, way);
    return found && cost(found[0], model.tables, found[1]);
  });

// --- Cost -------------------------------------------------------------------------------------------------------------

export function costSlots(model: Model, state: State): Slots {
  const costs = costsOf(model, state);
  return {
    'cost-said': { html: costSaid(costs, state) },
    'cost-given': { html: `<p class="quiet">${text(given(model, state))}</p>` },
    'cost-summary': {
      html: dataTable(
        'Cost at this volume',
        ['US$', ...COMPUTES.map(wayName)],
        costRows(costs).map((row) => row.map(text)),
        'numbers',
      ),
    },
    'cost-items': {
      html: Object.values(costs)
        .map((each) => each && itemised(each))
        .join('\n'),
    },
  };
}

/** The cheapest and the dearest, in a sentence. */
function costSaid(costs: Costs, { imagesPerMonth, imagesPerBurst }: State): string {
  const usd = ({ computeUsdPerMonth }: Cost) => computeUsdPerMonth.typical;
  const all = Object.values(costs)
    .filter((each) => each !== null)
    .toSorted((a, b) => usd(a) - usd(b));
  const [first, last] = [all[0], all.at(-1)];
  if (!first || !last) return 'None of the ways can do this.';
  const said = (each: Cost) => `${headline(usd(each), 'usd')} on ${wayName(each.way)}`;
  return `${format.count(imagesPerMonth)} images a month, ${together(imagesPerBurst)}: from ${said(first)} to ${said(last)}, and what is the same everywhere.`;
}

/** What the figures are of, in a line. */
export function given(model: Model, state: State): string {
  const { work, cpuSpeed } = inputsOf(model, state);
  return `${[
    state.region,
    `images of ${format.count(work.megapixels)} megapixels`,
    state.lasts === 'seconds' || !isPriced(state)
      ? `${rangeText(work.cpuSeconds, 'duration')} of CPU each where they were measured, times ${rangeText(cpuSpeed, 'count')}`
      : `${format.duration(asInputs(inputsOf(model, state), state).work.cpuSeconds.typical)} of CPU each`,
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

/** A map as rows of burst sizes and columns of volumes; a cell that there is none of is undefined. */
function laidOut(cells: readonly Cell[]) {
  const volumes = VOLUMES.filter((volume) => cells.some((cell) => cell.imagesPerMonth === volume));
  const sizes = BURSTS.filter((size) => cells.some((cell) => cell.imagesPerBurst === size));
  const at = (size: number, volume: number) =>
    cells.find((each) => each.imagesPerBurst === size && each.imagesPerMonth === volume);
  return { volumes, rows: sizes.map((size) => ({ size, row: volumes.map((volume) => at(size, volume)) })) };
}

/** A map in words: a row for each burst size, a column for each volume. */
export function mapRows(cells: readonly Cell[], name: (way: Compute) => string): { head: string[]; rows: string[][] } {
  const { volumes, rows } = laidOut(cells);
  return {
    head: ['arriving', ...volumes.map(format.count)],
    rows: rows.map(({ size, row }) => [
      together(size),
      ...row.map((cell) => (cell ? cell.contenders.map(name).join(' / ') : '')),
    ]),
  };
}

export const mapOf = (model: Model, state: State): Cell[] =>
  costMap(factsOf(model, state), model.tables, inputsOf(model, state));

const mapSlots = (model: Model, state: State): Slots => {
  const cells = mapOf(model, state);
  return { map: { html: mapTable(cells) }, 'map-said': { html: mapSaid(cells) } };
};

/** A map as a table: one colour where one way is the cheapest, none where several are. */
export function mapTable(cells: readonly Cell[]): string {
  const { volumes, rows: all } = laidOut(cells);
  const rows = all.toReversed().map(({ size, row }) => {
    const drawn = row.map((cell) => {
      if (!cell) return '<td></td>';
      const { contenders, imagesPerMonth } = cell;
      const clear = contenders.length === 1 ? ` class="clear ${contenders[0]}"` : '';
      const names = contenders.map((way) => WAYS[way].title).join(' or ');
      const marks = contenders.map((way) => `<span class="way ${way}">${MARKS[way]}</span>`).join('');
      return `<td${clear} data-at="${imagesPerMonth} ${size}" title="${text(names)}"><span role="img" aria-label="${text(names)}">${marks}</span></td>`;
    });
    return `<tr><th scope="row">${format.count(size)}</th>${drawn.join('')}</tr>`;
  });
  const shown = COMPUTES.filter((way) => cells.some(({ contenders }) => contenders.includes(way)));
  return `<table class="map"><caption>Vertical: images arriving at once. Horizontal: images a month. ${shown.map(wayName).join(' ')}; several marks: no clear winner.</caption>
<tbody>${rows.join('\n')}</tbody><tfoot><tr><td></td>${volumes.map((volume) => `<th scope="col">${format.count(volume)}</th>`).join('')}</tr></tfoot></table>`;
}

/** Who is alone in front where images come one by one, and until when. */
export function mapSaid(cells: readonly Cell[]): string {
  const single = cells.filter(({ imagesPerBurst }) => imagesPerBurst === 1);
  const clear = single.filter(({ contenders }) => contenders.length === 1);
  const [first] = clear;
  if (!first) return 'One by one, no way is clearly the cheapest at any volume.';
  const winner = first.contenders[0] as Compute;
  const last = clear.findLast(({ contenders }) => contenders[0] === winner) ?? first;
  const gone = single.find(({ contenders }) => !contenders.includes(winner));
  const those = gone ? gone.contenders.map(wayName).join(' or ') : '';
  return `One by one, ${wayName(winner)} is clearly the cheapest up to ${format.count(last.imagesPerMonth)} images a month${gone ? `; from ${format.count(gone.imagesPerMonth)} on it is ${those}` : ''}.`;
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
export function costRows(costs: Costs): string[][] {
  const rows: readonly (readonly [string, (each: Cost) => string])[] = [
    ['compute, idle', (each) => usdText(each.idleUsdPerMonth)],
    ['compute, this volume', (each) => usdText(each.computeUsdPerMonth)],
    ['compute, per million images', (each) => usdText(each.usdPerMillion)],
    ['with S3 and the dashboard', (each) => usdText(each.usdPerMonth)],
    ['what moves it most', (each) => assumptionName(each.computeUsdPerMonth.dominatedBy)],
    [
      'the most the stack does, images a month',
      ({ ceilingImagesPerMonth: most, overCeiling }) =>
        most
          ? `${figureText(most, 'count')}${overCeiling ? ', less than this volume: amounts are of a raised maximum' : ''}`
          : 'no limit',
    ],
  ];
  return rows.map(([name, of]) => [name, ...Object.values(costs).map((each) => (each ? of(each) : 'cannot'))]);
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
      const last = trace.lastResultSeconds;
      return {
        first: trace.firstResultSeconds,
        last: last === null ? null : last + triedLater(facts, trace, a, last),
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
  const backlog = scaleChart(outcomes, state, 'Images that wait', 'linear', ({ waiting }) => waiting);
  const many = COMPUTES.some((way) => outcomes[way].trace.peakUnits > MANY);
  const units = scaleChart(
    outcomes,
    state,
    'Units that run: instances, functions, tasks, pods',
    many ? 'symlog' : 'linear',
    ({ unitsRunning }) => unitsRunning,
  );
  const rows = scaleRows(outcomes);
  return {
    'scale-said': { html: scaleSaid(outcomes, state) },
    'scale-given': { html: `<p class="quiet">${text(scaleGiven(state))}</p>` },
    'scale-backlog': { chart: backlog },
    'scale-units': { chart: units },
    'scale-summary': {
      html: dataTable(
        'What the ways make of it',
        ['these images', ...COMPUTES.map(wayName)],
        [...rows, ['longest job', ...COMPUTES.map((way) => longestJob(model, way))]].map((row) => row.map(text)),
        'numbers',
      ),
    },
    'scale-table': { html: `${seriesTable(backlog)}\n${seriesTable(units)}` },
  };
}

/** The quickest and the slowest to the end, in a sentence. */
function scaleSaid(outcomes: Readonly<Record<Compute, Outcome>>, state: State): string {
  const last = (way: Compute) => outcomes[way].figures.last?.typical ?? Number.POSITIVE_INFINITY;
  const done = COMPUTES.filter((way) => Number.isFinite(last(way))).toSorted((a, b) => last(a) - last(b));
  const [first, slowest] = [done[0], done.at(-1)];
  if (!first || !slowest) return 'None of the ways comes to an end of this.';
  const said = (way: Compute) => `${headline(last(way), 'duration')} on ${wayName(way)}`;
  return `${format.count(state.images)} images ${state.pattern === 'daily' ? 'over a day' : 'in one burst'} after hours without any: the last result is there after ${said(first)}, and after ${said(slowest)}.`;
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
    x: isDaily
      ? { label: 'time of day', scale: 'linear', format: 'clock' }
      : { label: 'since the first upload', scale: 'log', format: 'duration' },
    y: { label: title, scale, format: 'count' },
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
      return { way, points: moments.map((x, i) => ({ x, y: between(moments[i - 1] ?? -1, x) })) };
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
  const pointText = (y: number) => (Number.isFinite(y) ? format.count(Math.round(y)) : '\u2013');
  const places = series[0]?.points ?? [];
  const every = Math.max(1, Math.floor(places.length / 12));
  const rows = places.flatMap((place, i) => {
    const cells = series.map(({ points }) => (points[i] ? pointText(points[i].y) : ''));
    return i % every === 0 ? [[text(format[x.format](place.x)), ...cells]] : [];
  });
  return `<h3>${text(title)}</h3>\n${dataTable(title, [text(x.label), ...series.map(({ way }) => wayName(way))], rows, 'numbers')}`;
}

// --- Choose -----------------------------------------------------------------------------------------------------------

export function chooseSlots(model: Model, state: State): Slots {
  const choice = choose(chooserModel(model, state), state);
  return { choice: { html: choiceHtml(choice) }, grid: { html: gridHtml(model, state, choice) } };
}

export function choiceHtml(choice: Choice): string {
  const { way, orchestrator, servers, because, runnerUp, tips, notes, instead, usd } = choice;
  if (!way) {
    const { service, text: said } = instead;
    return `<h2>None of the six${service ? `: ${link(service.source, service.name)}` : ''}</h2><p>${text(said)}</p>`;
  }
  const own = usd[way];
  const list = (items: readonly string[]) => `<ul>${items.map((each) => `<li>${each}</li>`).join('')}</ul>`;
  return `<h2>${wayName(way)}</h2>
<p>Who orchestrates? <b>${text(orchestrator === 'nobody' ? 'Nobody' : (orchestrator ?? ''))}.</b> Whose servers? <b>${text(servers === 'yours' ? 'Yours' : (servers ?? ''))}.</b></p>
${list(because.map(reason))}
${own ? `<p>About <b>${format.usd(asShown(own.compute) + asShown(own.shared))} a month</b> in all: ${headline(own.compute, 'usd')} to run it here, ${headline(own.shared, 'usd')} for S3 and the dashboard, the same whichever way you choose.</p>` : ''}
${notes.length > 0 ? `<p>Before you deploy:</p>${list(notes.map(text))}` : ''}
${runnerUp ? `<p>The next best is ${wayName(runnerUp)}: ${text(tips)}</p>` : ''}`;
}

/** In two figures, as it is shown: what is added up has to add up. */
const asShown = (value: number) => Number(value.toPrecision(2));

/** What each way teaches, in one sentence. */
export const LESSONS: Readonly<Record<Compute, string>> = {
  ec2: 'You own the operating system: patching, scaling, availability. Any workload fits.',
  lambda: 'A trigger runs code. Nothing to manage, billed per use, under 15 minutes.',
  'ecs-fargate': 'Containers without servers, by AWS\u2019s own orchestrator.',
  'eks-ec2': 'The same job with Kubernetes\u2019 tools, on nodes that are yours.',
  'ecs-ec2': 'AWS\u2019s own orchestrator, on machines that are yours.',
  'eks-fargate': 'Kubernetes, and no machines to look after.',
};

/** A way, typically: without work, for a million images at this volume, and until the first result. */
export interface Typical {
  readonly idleUsd: number;
  readonly monthUsd: number;
  readonly millionUsd: number;
  /** A month. */
  readonly images: number;
  readonly firstSeconds: number | null;
  /** The same on all ways, in USD a month. */
  readonly sharedUsd: number;
}

export function typically(model: Model, state: State, way: Compute, known?: TypicalUsd): Typical | null {
  const found = deployed(model, state, way);
  if (!found) return null;
  const [facts, inputs] = found;
  const { idle, compute, shared } = known ?? typicalUsd(facts, model.tables, inputs);
  const { delays } = model.tables;
  // More memory is more hosts in the bill, and no other start.
  const [asDeployed] = deployed(model, { ...state, memoryGb: 0 }, way) ?? found;
  const one = simulate(asDeployed, delays, assume(ranges(delays, inputs), 'typical'), inputs, burst(1));
  const millionUsd = (compute * 1e6) / inputs.imagesPerMonth;
  return {
    idleUsd: idle,
    monthUsd: compute,
    millionUsd,
    images: inputs.imagesPerMonth,
    firstSeconds: one.firstResultSeconds,
    sharedUsd: shared,
  };
}

/** The names of the figures of {@link typically}, and how they are written. */
export const typicalRows = ({
  idleUsd,
  monthUsd,
  millionUsd,
  firstSeconds,
  images,
}: Typical): readonly (readonly [string, string])[] => [
  ['idle', headline(idleUsd, 'usd')],
  ['this volume', headline(monthUsd, 'usd')],
  // A million is no measure of a small shop.
  images >= 1e6 ? ['per million', headline(millionUsd, 'usd')] : ['per 1,000', headline(millionUsd / 1000, 'usd')],
  ['first result', firstSeconds === null ? 'none' : headline(firstSeconds, 'duration')],
];

/** Whose servers by who orchestrates, as a list: on a phone one below the other, the answer first. */
function gridHtml(model: Model, state: State, { way: answered, runnerUp, against, usd }: Choice): string {
  const all = byWay((way) => typically(model, state, way, usd[way]));
  const unpriced = isPriced(state) ? '' : ' They are of a job that needs nothing special of its host.';
  const cells = COMPUTES.map((way) => {
    const { orchestrator, servers } = WAYS[way];
    const [first] = against[way] ?? [];
    const typical = all[way];
    const cheaper = answered && typical && typical.monthUsd < (all[answered]?.monthUsd ?? 0);
    const out = typical ? 'does not fit' : 'cannot do this';
    const tag =
      way === answered
        ? 'the answer'
        : way === runnerUp
          ? 'the next best'
          : first
            ? out
            : cheaper
              ? 'cheaper, more work'
              : '';
    const figures = typical
      ? `<dl>${typicalRows(typical)
          .map(([name, said]) => `<div><dt>${name}</dt><dd>${said}</dd></div>`)
          .join('')}</dl>`
      : '';
    return `<li class="${way}${first ? ' against' : ''}"${tag ? ` data-tag="${tag}"` : ''}>
<h3>${wayName(way)}${tag ? ` <small>${tag}</small>` : ''}</h3>
<p class="place">${orchestrator === 'nobody' ? 'no orchestrator' : orchestrator}, servers are ${text(servers)}</p>
<p>${text(LESSONS[way])}</p>${figures}${first ? `<ul class="out">${(against[way] ?? []).map((each) => `<li>${reason(each)}</li>`).join('')}</ul>` : ''}</li>`;
  });
  const isThere = state.kubernetes === 'there already' ? ' The cluster that is there already is not counted.' : '';
  const volume = `${format.count(state.imagesPerMonth)} images a month, ${together(state.imagesPerBurst)}`;
  return `<div class="heads" aria-hidden="true"><span></span><span>no orchestrator</span><span>ECS</span><span>EKS</span></div>
<ul class="grid">${cells.join('\n')}</ul>
<p class="quiet">Typical, US$ a month for compute: idle, and at ${volume}. First result: how long one upload takes when nothing has run for hours.${isThere}${unpriced}</p>`;
}

export const reason = ({ text: said, restsOn }: Reason) =>
  `<a class="rests" href="#${text(anchor(restsOn))}">${text(said)}</a>`;

/** Where on the page a fact, a limit, a price or a figure is shown. */
export const anchor = (restsOn: string): string => {
  const [kind = '', name = ''] = restsOn.split(/:(.*)/);
  if (kind === 'owned') return `own-${(name.split('.')[1] ?? '').replaceAll(' ', '-')}`;
  return kind === 'figure' ? 'cost-summary' : `${kind}-${name}`;
};
