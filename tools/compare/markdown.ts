import { WAYS } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import type { Comparison } from './comparison';
import { tables } from './data/tables';
import { burst } from './model/arrivals';
import { leftOut } from './model/simulate';
import { FAULT_COLUMNS, FAULT_LEGEND, faultRows, faultScenarios, faultsLeftOut } from './page/failure';
import { amountText, format, headline } from './page/format';
import { chartFile } from './page/page';
import {
  costRows,
  given,
  LESSONS,
  longestJob,
  longestJobLegend,
  mapRows,
  outcome,
  scaleGiven,
  scaleRows,
  scaleSlots,
  type Typical,
  typically,
  typicalRows,
} from './page/results';
import { OWNED_LEGEND, ownedText, presetRows, WORTH_LEGEND } from './page/tables';
import { byWay } from './ways';

/** A file to be written: its path below the root, and its text. */
export interface Made {
  readonly file: string;
  readonly text: string;
}

export const sentence = (said: string) => `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;

const title = (way: Compute) => WAYS[way].title;

const NOTE = '<!-- Made by `npm run compare`: do not edit. -->';
/** What is too long for three screens. */
const LONG = 'docs/comparison.md';

/** The comparison for those who read on a code host: what decides, in three screens; and what it rests on, in a file behind it. */
export function markdown(comparison: Comparison): readonly Made[] {
  return [
    { file: 'COMPARISON.md', text: short(comparison) },
    { file: LONG, text: long(comparison) },
  ];
}

function short(comparison: Comparison): string {
  const { model, state, date, costs } = comparison;
  const names = COMPUTES.map(title);
  const map = mapRows(comparison.map, title);
  const all = byWay((way) => typically(model, state, way) as Typical);
  return `${[
    NOTE,
    '# One workload, six ways to run it',
    `What really changes when only the compute changes, computed from the stacks in \`lib/\`, from work measured on ${date.measured}, and from prices read ${date.prices.includes(' to ') ? 'from' : 'on'} ${date.prices}. Nothing was measured on AWS itself. \`npm run compare\` makes this file, and \`dist/compare/index.html\`: a page that answers for your own job, with any two stacks side by side.`,
    `Typically, at ${format.count(state.imagesPerMonth)} images a month, ${format.count(state.imagesPerBurst)} together; compute only:`,
    grid(
      (way) =>
        `**[${title(way)}](docs/${way}.md)**<br>${LESSONS[way]}<br>${typicalRows(all[way])
          .map(([name, said]) => `${said} ${name}`)
          .join('<br>')}<br>${comparison.seen[way]}`,
    ),
    `The same everywhere: ${headline(all.lambda.sharedUsd, 'usd')} a month for S3 and the dashboard.`,
    '## Choose',
    `First who orchestrates, then whose servers. Where nothing else is said: that volume, and somebody to look after it. ${WORTH_LEGEND}`,
    table(['when', 'then', 'because'], presetRows(model, state)),
    '## The cheapest way, by volume and burst',
    'By images a month and by how many come together. Several, the cheapest first: no clear winner, because it depends on what is not known, or they differ by less than a tenth.',
    table(map.head, map.rows),
    '## What it costs',
    `US$ at that volume: what is typical, and in brackets how far it may be off. ${given(model, state)}`,
    table(['US$', ...names], costRows(costs)),
    '## What a burst does',
    `${format.count(state.images)} images at once, after hours without any, simulated:`,
    table(['', ...names], scaleRows(byWay((way) => outcome(model, state, way, burst(state.images))))),
    '## What it rests on',
    [
      `- [What each way makes of a failure](${LONG}#failure), and what came of ${comparison.faults ? 'it in the fault run' : 'it: not measured'}`,
      `- [What you own](${LONG}#what-you-own) on each way, and what happens when nobody does it`,
      `- [Diagrams](${LONG}#diagrams) of all six`,
      `- [Delays and limits](${LONG}#delays-and-limits) with their sources; prices, allowances, discounts: \`tools/compare/data\``,
    ].join('\n'),
  ].join('\n\n')}\n`;
}

function long(comparison: Comparison): string {
  const { model, state, architectures, scenarios, owned } = comparison;
  const { cpu, cores, os, arch } = model.measured.machine;
  return `${[
    NOTE,
    '# What the comparison rests on',
    'The long tables behind [COMPARISON.md](../COMPARISON.md).',
    '## A burst, over time',
    `${scaleGiven(state)} ${leftOut(tables.delays).join(' ')}`,
    '![Images that wait over time](diagrams/backlog.svg)',
    '![Units that run over time](diagrams/units.svg)',
    longestJobLegend(model),
    table(['', ...COMPUTES.map(title)], [['longest job', ...COMPUTES.map((way) => longestJob(model, way))]]),
    '## Failure',
    ...scenarios.map(({ title: said, ways }) => `### ${said}\n\n${together((way) => ways[way])}`),
    faults(comparison),
    '## What you own',
    OWNED_LEGEND,
    ...[...new Set(owned.map(({ concern }) => concern))].map(
      (concern) =>
        `### ${concern}\n\n${together((way) => ownedText(owned.find((each) => each.way === way && each.concern === concern)))}`,
    ),
    '## Diagrams',
    'What plays the same part has the same place; an empty frame is a part that this way does without.',
    ...architectures.map(({ way }) => `### ${title(way)}\n\n![How ${title(way)} works](diagrams/${way}.svg)`),
    '## Delays and limits',
    `Work was measured on ${cpu}, ${cores} cores, ${os} ${arch}: \`npm run bench\`. Prices: \`npm run prices\`.`,
    table(
      ['delay or limit', 'what', 'typically', 'range', 'source', 'date', 'how sure'],
      Object.values(model.tables.delays).map(
        ({ id, what, low, typical, high, unit, source, date: day, confidence, via, typically: why }) => [
          id,
          [what, why ?? ''].filter(Boolean).join(' '),
          amountText({ low: typical, high: typical, unit }),
          amountText({ low, high, unit }),
          source,
          day,
          [confidence, via].filter((part) => part !== undefined).join(': '),
        ],
      ),
    ),
  ].join('\n\n')}\n`;
}

/** Rows: whose servers. Columns: who orchestrates. */
function grid(cellOf: (way: Compute) => string): string {
  const orchestrators = ['nobody', 'ECS', 'EKS'] as const;
  const rows = (['yours', 'AWS\u2019s'] as const).map((servers) => [
    `**servers are ${servers}**`,
    ...orchestrators.map((orchestrator) => {
      const way = COMPUTES.find((each) => WAYS[each].orchestrator === orchestrator && WAYS[each].servers === servers);
      return way ? cellOf(way) : '';
    }),
  ]);
  const head = ['', 'nobody orchestrates', 'ECS', 'EKS'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A text for each way, once for those of which it says the same. */
function together(of: (way: Compute) => string): string {
  const texts = [...new Set(COMPUTES.map(of))];
  return texts
    .map((said) => {
      const ways = COMPUTES.filter((way) => of(way) === said);
      return `- **${ways.length === COMPUTES.length ? 'All' : ways.map(title).join(', ')}**: ${cell(said)}`;
    })
    .join('\n');
}

/** The charts, as files beside the diagrams. */
export function charts({ model, state }: Comparison): readonly Made[] {
  const slots = scaleSlots(model, state);
  return (['backlog', 'units'] as const).map((name) => ({
    file: `docs/diagrams/${name}.svg`,
    text: `${chartFile(slots[`scale-${name}`]?.chart)}\n`,
  }));
}

function faults({ faults: found }: Comparison): string {
  if (!found) return 'Not measured: `npm run faults`.';
  const rows = faultRows(found).map(({ scenario, way, cells }) => [scenario, title(way), ...cells]);
  return `### Measured\n\nOn ${found.date}, on endpoints that imitate AWS, seed ${found.seed}. ${FAULT_LEGEND}${faultsLeftOut(found)}\n\n${table(
    ['scenario', 'way', ...FAULT_COLUMNS],
    rows,
  )}\n\n${faultScenarios(found)
    .map(([name, does]) => `- ${name}: ${does}`)
    .join('\n')}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
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
