import { WAYS } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import type { Comparison } from './comparison';
import { tables } from './data/tables';
import { burst } from './model/arrivals';
import { leftOut } from './model/simulate';
import { FAULT_COLUMNS, FAULT_LEGEND, faultRows, faultScenarios, faultsLeftOut } from './page/failure';
import { amountText, figureText, format, usdText } from './page/format';
import { chartFile } from './page/page';
import { costRows, given, longestJob, longestJobLegend, mapRows, outcome, scaleRows, scaleSlots } from './page/results';
import { OWNED_LEGEND, ownedText, presetRows, WORTH_LEGEND } from './page/tables';
import { byWay } from './ways';

/** A file to be written: its path below the root, and its text. */
export interface Made {
  readonly file: string;
  readonly text: string;
}

const title = (way: Compute) => WAYS[way].title;

/** The comparison for those who read on a code host: the page's tables, and its pictures as files. */
export function markdown(comparison: Comparison): string {
  const { model, state, date, costs, one, architectures, scenarios, owned } = comparison;
  const names = COMPUTES.map(title);
  const map = mapRows(comparison.map, title);
  const scale = scaleRows(byWay((way) => outcome(model, state, way, burst(state.images))));
  const { cpu, cores, os, arch } = model.measured.machine;
  return `${[
    '<!-- Made by `npm run compare`: do not edit. -->',
    '# One workload, six ways to run it',
    `What really changes when only the compute changes, computed from the stacks in \`lib/\`, from work measured on ${date.measured}, and from prices read ${date.prices.includes(' to ') ? 'from' : 'on'} ${date.prices}. A figure is what is typical, and in brackets how far it may be off. Nothing was measured on AWS itself.`,
    '`npm run compare` makes this file, and `dist/compare/index.html`: a page with the same and more, with controls for every input, and with the stack files side by side.',
    grid(
      (way) =>
        `**[${title(way)}](docs/${way}.md)**<br>${usdText(costs[way].idleUsdPerMonth)} idle a month<br>${usdText(costs[way].usdPerMillion)} a million images, at ${format.count(state.imagesPerMonth)} a month, without S3 and the dashboard<br>first result after ${one[way].figures.first ? figureText(one[way].figures.first, 'duration') : 'none'}<br>${longestJob(model, way)}`,
    ),
    `${given(model, state)} ${longestJobLegend(model)}`,
    '## Choose',
    `First the orchestrator, then whose servers. What the page\u2019s questions lead to, for some answers; what is not said: ${format.count(state.imagesPerMonth)} images a month, ${format.count(state.imagesPerBurst)} together, somebody to look after it. ${WORTH_LEGEND}`,
    table(['when', 'then', 'because'], presetRows(model, state)),
    '## Cost',
    `The cheapest way by images a month and by how many come together; several, the cheapest first, where it depends on what is not known or they differ by less than a tenth. What is the same everywhere, the pictures in S3 and the dashboard, is left out. EKS on EC2 has one worker on a node of two vCPUs, as its stack has it; larger nodes hold more for the money.`,
    table(map.head, map.rows),
    `At ${format.count(state.imagesPerMonth)} images a month, ${format.count(state.imagesPerBurst)} together:`,
    table(['US$', ...names], costRows(costs)),
    '## Scale',
    `${format.count(state.images)} images at once, after hours without any: a simulation with the scaling rules of the templates and the delays listed under [Sources](#sources).`,
    '![Images that wait over time](docs/diagrams/backlog.svg)',
    '![Units that run over time](docs/diagrams/units.svg)',
    table(['', ...names], scale),
    leftOut(tables.delays).join(' '),
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
    ...architectures.map(({ way }) => `### ${title(way)}\n\n![How ${title(way)} works](docs/diagrams/${way}.svg)`),
    '## Sources',
    `Measured on ${cpu}, ${cores} cores, ${os} ${arch}: \`npm run bench\`. Prices: \`npm run prices\`.`,
    table(
      ['delay or limit', 'what', 'typically', 'range', 'source', 'date', 'how sure'],
      Object.values(model.tables.delays).map(
        ({ id, what, low, typical, high, unit, source, date: day, confidence, via, typically }) => [
          id,
          [what, typically ?? ''].filter(Boolean).join(' '),
          amountText({ low: typical, high: typical, unit }),
          amountText({ low, high, unit }),
          source,
          day,
          [confidence, via].filter((part) => part !== undefined).join(': '),
        ],
      ),
    ),
    'Prices, allowances, discounts and limits, each with its source and date: `tools/compare/data`.',
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
