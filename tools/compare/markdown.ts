import { FOUR_WAYS, type FourWay, WAYS } from '../../lib/ways';
import type { Comparison } from './comparison';
import { sentences } from './diagram/svg';
import { leftOut } from './model';
import { rangeText } from './page/charts';
import { FAULT_COLUMNS, FAULT_LEGEND, faultRows, faultScenarios, faultsLeftOut } from './page/failure';
import { amountText, format } from './page/format';
import { chartFile } from './page/page';
import {
  answer,
  CROSSING_LEGEND,
  crossingsOf,
  crossingText,
  idleOf,
  longestJob,
  longestJobLegend,
} from './page/results';
import { OWNED_HEAD, OWNED_LEGEND, ownedRows, presetRows } from './page/tables';
import { NOT_COMPARED } from './ways';

/** A file to be written: its path below the root, and its text. */
export interface Made {
  readonly file: string;
  readonly text: string;
}

/** The comparison for those who read on a code host: the page's tables, and its pictures as files. */
export function markdown(comparison: Comparison): string {
  const { model, state, date, costs, scale, architectures, sections, resources, scenarios, owned } = comparison;
  const names = FOUR_WAYS.map((way) => WAYS[way].title);
  const range = (of: { readonly low: number; readonly high: number } | null, as: Parameters<typeof rangeText>[2]) =>
    of ? rangeText(of.low, of.high, as) : 'none';
  return `${[
    '<!-- Made by `npm run compare`: do not edit. -->',
    '# One workload, four ways to run it',
    `What really changes between EC2, Lambda, ECS on Fargate and EKS on EC2, computed from the stacks in \`lib/\`, from work measured on ${date.measured}, and from prices read ${date.prices.includes(' to ') ? 'from' : 'on'} ${date.prices}. Where only a range is known, a range is shown. Nothing was measured on AWS itself.`,
    NOT_COMPARED,
    '`npm run compare` makes this file, and `dist/compare/index.html`: a page with the same, with controls for every input, and with the four stack files side by side.',
    table(
      ['', ...names],
      [
        ['idle, US$ a month', ...FOUR_WAYS.map((way) => range(idleOf(costs[way]), 'usd'))],
        [
          `US$ per million images, at ${format.count(state.imagesPerMonth)} a month`,
          ...FOUR_WAYS.map((way) => range(costs[way].usdPerMillionImages, 'usd')),
        ],
        ['first result from idle', ...FOUR_WAYS.map((way) => range(scale[way].firstResultSeconds, 'duration'))],
        ['longest job', ...FOUR_WAYS.map((way) => longestJob(model, way))],
        [
          'resources in the template',
          ...FOUR_WAYS.map((way) => String(Object.keys(comparison.templates[way].Resources).length)),
        ],
      ],
    ),
    longestJobLegend(model),
    '## Choose',
    'What the page\u2019s questions lead to, for typical answers.',
    table(['when', 'then', 'because'], presetRows('text')),
    '## Cost',
    `${state.region}; images of ${state.megapixels} megapixels, ${format.count(state.imagesPerBurst)} arriving at a time; On-Demand; list prices. A job is assumed to take ${state.slowdownLow} to ${state.slowdownHigh} times the CPU time on AWS that it took where it was measured (${model.measured.machine.cpu}); the page lets you change that.`,
    '![Cost a month over images a month, four ways](docs/diagrams/cost.svg)',
    crossingsOf(model, state)
      .map((crossing, i) => `${i + 1}. ${crossingText(crossing, (way) => WAYS[way].title)}`)
      .join('\n'),
    CROSSING_LEGEND,
    ...FOUR_WAYS.map((way) =>
      [
        `### ${WAYS[way].title}: ${format.count(state.imagesPerMonth)} images a month`,
        '',
        table(
          ['item', 'quantity \u00d7 price', 'US$ a month'],
          costs[way].items.map(({ label, arithmetic, usdPerMonth, idle }) => [
            `${label}${idle ? ' (idle too)' : ''}`,
            arithmetic,
            range(usdPerMonth, 'usd'),
          ]),
        ),
        '',
        'Billed, but not counted here:',
        '',
        ...costs[way].unknown.map(({ label, why }) => `- ${cell(label)}: ${cell(why)}.`),
      ].join('\n'),
    ),
    '## Scale',
    `${format.count(state.images)} images at once, after hours without any: a simulation with the scaling rules of the templates and the delays listed under [Sources](#sources).`,
    '![Images that wait over time, four ways](docs/diagrams/backlog.svg)',
    '![Units that run over time, four ways](docs/diagrams/units.svg)',
    scaleTable(comparison),
    `Ranges span every delay and all work at its shortest, at its longest, and the one short with the other long. ${leftOut(model.tables).join(' ')}`,
    '## Failure',
    'What each way does when something goes wrong, read from its template. \u201cMeasured\u201d: in the fault run below.',
    table(
      ['', ...names],
      scenarios.map(({ title, ways }) => [title, ...once(FOUR_WAYS.map((way) => ways[way]))]),
    ),
    faults(comparison),
    '## What you own',
    OWNED_LEGEND,
    table(
      OWNED_HEAD.map((head) => (head === 'concern' ? head : WAYS[head].title)),
      ownedRows(owned, 'text').map(([concern = '', ...cells]) => [concern, ...once(cells)]),
    ),
    supportSources(owned),
    '## Diagrams',
    'What plays the same part has the same place; an empty frame is a part that this way does without.',
    ...architectures.map((each) =>
      [
        `### ${WAYS[each.way].title}`,
        '',
        `![How ${WAYS[each.way].title} works](docs/diagrams/${each.way}.svg)`,
        '',
        ...sentences(each).map((said) => `- ${cell(said)}`),
      ].join('\n'),
    ),
    '## Side by side',
    'How much each way has in each of the nine sections of its stack file. The files themselves, in aligned columns, are on the page that `npm run compare` makes.',
    table(
      ['section', 'what an empty column means', ...names.map((name) => `${name}: lines, resources`)],
      sections.map(({ name, empty, rows }, i) => [
        name,
        empty,
        ...FOUR_WAYS.map(
          (way) => `${rows.filter(({ cells }) => cells[way] !== undefined).length}, ${resources[i]?.counts[way] ?? 0}`,
        ),
      ]),
    ),
    '## Sources',
    `Measured on ${model.measured.machine.cpu}, ${model.measured.machine.cores} cores, ${model.measured.machine.os} ${model.measured.machine.arch}: \`npm run bench\`. Prices: \`npm run prices\`.`,
    table(
      ['delay or limit', 'what', 'range', 'source', 'date', 'how sure'],
      Object.values(model.tables.delays).map(({ id, what, low, high, unit, source, date: day, confidence, via }) => [
        id,
        what,
        amountText({ low, high, unit }),
        source,
        day,
        [confidence, via].filter((part) => part !== undefined).join(': '),
      ]),
    ),
    'The price table, with the source and date of each price, is `tools/compare/data/prices.json`.',
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

/** The charts, as files beside the diagrams. */
export function charts({ model, state }: Comparison): readonly Made[] {
  const slots = Object.assign(
    {},
    ...(['cost', 'scale'] as const).map((part) => answer(model, { part, state, question: 0 }).slots),
  );
  return (
    [
      ['cost', 'cost-chart'],
      ['backlog', 'scale-backlog'],
      ['units', 'scale-units'],
    ] as const
  ).map(([file, slot]) => ({ file: `docs/diagrams/${file}.svg`, text: `${chartFile(slots[slot].chart)}\n` }));
}

function scaleTable({ model, state }: Comparison): string {
  const { slots, error } = answer(model, { part: 'scale', state, question: 0 });
  if (error) throw new Error(error);
  const rows = slots['scale-summary']?.rows ?? [];
  return table(['', ...FOUR_WAYS.map((way) => WAYS[way].title)], rows);
}

/** Where the days come from on which support ends. */
function supportSources(owned: Comparison['owned']): string {
  const known = owned.flatMap(({ source }) => source ?? []);
  const noted = [...new Set(known.map(({ date }) => date))].map((date) => {
    const named = known.filter((each) => each.date === date).map(({ source }) => `<${source}>`);
    return `noted on ${date} from ${[...new Set(named)].join(', ')}`;
  });
  return `The days on which support ends were ${noted.join('; ')}.`;
}

function faults({ faults: found }: Comparison): string {
  if (!found) return 'Not measured: `npm run faults`.';
  const rows = faultRows(found).map(({ scenario, way, cells }) => [scenario, WAYS[way].title, ...cells]);
  return `Measured ${found.date} on endpoints that imitate AWS, seed ${found.seed}. ${FAULT_LEGEND}${faultsLeftOut(found)}\n\n${table(
    ['scenario', 'way', ...FAULT_COLUMNS],
    rows,
  )}\n\n${faultScenarios(found)
    .map(([name, does]) => `- ${name}: ${does}`)
    .join('\n')}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

/** Long cells that say what an earlier one of their row says: named instead of repeated. */
function once(cells: readonly string[]): readonly string[] {
  return cells.map((each, i) => {
    const first = cells.indexOf(each);
    return first < i && each.length > 40 ? `as on ${WAYS[FOUR_WAYS[first] as FourWay].title}` : each;
  });
}

/** Text in Markdown, as it is, line by line; an address as a link, by its host, which is not as wide. */
const cell = (raw: string): string =>
  /^https:\/\/[^\s<>()|]+$/.test(raw)
    ? `[${new URL(raw).host}](${raw})`
    : raw
        .replace(/[\\|<>*_`[\]]/g, (special) => `\\${special}`)
        .trim()
        .replace(/\s*\n\s*/g, '<br>')
        .replace(/\s+/g, ' ');
