import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { WAYS } from '../../../lib/ways';
import { COMPUTES } from '../../../workload/contract';
import { text } from '../../html';
import type { Comparison } from '../comparison';
import { limits } from '../data/tables';
import { STYLE, sentences, svg } from '../diagram/svg';
import { together } from '../questions';
import { bundleScripts, inScript, jsonInScript, minified } from './bundle';
import { type Chart, draw } from './charts';
import { FAULT_COLUMNS, FAULT_LEGEND, faultRows, faultScenarios, faultsLeftOut } from './failure';
import { amountText, format } from './format';
import { form } from './forms';
import { isNeighbours, PAIRS, type Pair, pairHtml } from './pair';
import { atYourVolume, dataTable, origin, wayName } from './parts';
import { anchor, answer, longestJobLegend, mapSaid, mapTable, type Slots } from './results';
import { colours, style } from './style';
import { OWNED_LEGEND, ownedRows, presetRows, WORTH_LEGEND } from './tables';

/** px of the charts that are drawn when the page is built; scripts draw them at the page's own width. */
const WIDTHS = { wide: 860, narrow: 340 };

/** The comparison as one HTML page that needs no network. Everything in it is text to be escaped. */
export async function page(comparison: Comparison): Promise<string> {
  const { model, state, stacks } = comparison;
  const slots: Slots = Object.assign(
    { map: { html: mapTable(comparison.map) }, 'map-said': { html: mapSaid(comparison.map) } },
    ...(['choose', 'cost', 'scale'] as const).map((part) => {
      const { slots: found, error } = answer(model, { part, state, question: 0 });
      if (error) throw new Error(`the page's ${part}: ${error}`);
      return found;
    }),
  );
  const slot = (name: string, tag = 'div') => `<${tag} data-slot="${name}">${slots[name]?.html ?? ''}</${tag}>`;
  const { client, worker } = await bundleScripts();
  const css = await minified(`${style()}${STYLE}`);
  const hash = createHash('sha256').update(client).digest('base64');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}' blob:; worker-src blob:; base-uri 'none'; form-action 'none'">
<meta name="description" content="EC2, Lambda, ECS and EKS, on EC2 and on Fargate: one workload, compared from the stacks that deploy it.">
<title>Four Ways: where should this job run?</title>
<style>${css}</style>
</head>
<body>
<a class="skip" href="#choose">Skip to the answer</a>
<header>
<h1>Where should this job run?</h1>
<p>Six ways to deploy one job, resizing uploaded images. Two decisions separate them. Costs and times are calculated from the stacks, from work measured on our own machine and from dated prices of AWS; nothing was measured on AWS.</p>
</header>
<main>
<section id="choose" aria-label="The answer">
${form('questions', 'Questions', ['job', 'team', 'amount'], state, 'more')}
<div class="result">
<div class="answer" data-slot="choice" aria-live="polite">${slots.choice?.html ?? ''}</div>
${slot('grid')}
</div>
<noscript>
<h2>Questions and their answers</h2>
<p>${text(assumed(comparison))} ${text(WORTH_LEGEND)}</p>
${dataTable(
  'Questions and their answers',
  ['when', 'then', 'because'],
  presetRows(model, state).map((row) => row.map(text)),
)}
</noscript>
</section>

<section id="map" aria-labelledby="map-title">
<h2 id="map-title">The cheapest way, by volume and burst</h2>
<p id="here">${hereSaid(comparison)}</p>
${slot('map-said', 'p')}
<div data-slot="map">${slots.map?.html ?? ''}</div>
<p class="quiet">A mark is a way that is the cheapest, or within a tenth of it, for some value of what is not known. The framed cell is your volume. Cost only. EKS on EC2 has one worker on a node, as its stack has it; larger nodes hold more for the money.</p>
<p class="status" role="status"></p>
</section>

${part(
  'cost',
  'Cost',
  slot('cost-said', 'span'),
  `${slot('cost-given')}
<div id="cost-summary">${slot('cost-summary')}</div>
<h3>Line by line</h3>
${slot('cost-items')}`,
)}
${part(
  'scale',
  'Scale',
  slot('scale-said', 'span'),
  `<p>A simulation with the scaling rules of the templates and the delays under <a href="#sources">Sources</a>, of the image job whatever the questions say. What is typical; in brackets, how far it may be off.</p>
${form('arrivals', 'What arrives', ['scale'], state)}
${slot('scale-given')}
${figure('scale-backlog', slots, 'Images that wait', 'Time is logarithmic in a burst.')}
${figure('scale-units', slots, 'Units that run', 'Instances, functions, tasks, pods. A line ends when nothing is left to do.')}
${slot('scale-summary')}
<p class="quiet">${text(longestJobLegend(model))}</p>
<details><summary>The charts as tables</summary>${slot('scale-table')}</details>`,
)}
${part(
  'failure',
  'Failure',
  faultsSaid(comparison),
  `<p>What each way does when something goes wrong, read from its template.</p>
${dataTable('What each way makes of a failure', ['what happens', ...COMPUTES.map(wayName)], failureRows(comparison), 'prose')}
<h3>Measured</h3>
${measuredFaults(comparison)}`,
)}
${part(
  'own',
  'What you own',
  ownedSaid(comparison),
  `<p>${OWNED_LEGEND}</p>
${dataTable('What you own, by concern', ['concern', ...COMPUTES.map(wayName)], ownedRows(comparison.owned), 'prose')}`,
)}
${part(
  'diagrams',
  'Diagrams',
  `From ${least(resources(comparison))} resources in a template to ${most(resources(comparison))}.`,
  `<p>Drawn from the templates. What plays the same part has the same place; an empty frame is a part that this way does without.</p>
${diagrams(comparison)}`,
)}
${part(
  'code',
  'Side by side',
  `${comparison.questions.length} questions, the lines that answer them, and the difference of any two stacks.`,
  `${questions(comparison)}
<h3 id="pair-title">Two stacks, and nothing but their difference</h3>
<form id="pairs" aria-labelledby="pair-title" autocomplete="off" hidden><label for="in-pair">Which two</label><select id="in-pair" name="pair">${pairOptions()}</select></form>
<div data-slot="pair">${pairHtml(stacks, PAIRS[0] as Pair)}</div>`,
)}
${part(
  'sources',
  'Sources',
  sourcesSaid(comparison),
  `<h3>On AWS</h3>
<ul>${COMPUTES.map((way) => `<li>${wayName(way)}: ${text(comparison.seen[way])}</li>`).join('')}</ul>
${sources(comparison)}`,
)}
</main>
<footer><p>Four Ways. Made by <code>npm run compare</code> from the repository\u2019s stacks. MIT-0.</p></footer>
<script type="application/json" id="data">${jsonInScript({ model, stacks })}</script>
<script type="text/plain" id="worker">${inScript(worker)}</script>
<script>${client}</script>
</body>
</html>
`;
}

/** Of the cell that the page opens with; the script says it of the reader's own. */
function hereSaid({ map, state }: Comparison): string {
  const own = map.find(
    ({ imagesPerMonth, imagesPerBurst }) =>
      imagesPerMonth === state.imagesPerMonth && imagesPerBurst === state.imagesPerBurst,
  );
  return text(atYourVolume((own?.contenders ?? []).map((way) => WAYS[way].title)));
}

/** A part of the page: its answer in one sentence, which unfolds. */
const part = (id: string, title: string, said: string, inside: string): string =>
  `<details class="part" id="${id}"><summary><h2>${text(title)}</h2> <span class="said">${said}</span></summary>
${inside}
<p class="status" role="status"></p>
</details>`;

/** What the answers of the table without scripts assume. */
const assumed = ({ state }: Comparison): string =>
  `Where nothing else is said: ${format.count(state.imagesPerMonth)} images a month, ${format.count(state.imagesPerBurst)} together, and somebody to look after it.`;

const least = (values: readonly number[]) => Math.min(...values);
const most = (values: readonly number[]) => Math.max(...values);
const resources = ({ model }: Comparison) => COMPUTES.map((way) => model.facts.sandbox[way].resources);

function faultsSaid({ faults }: Comparison): string {
  if (!faults) return 'What each way does when something goes wrong. Not measured: <code>npm run faults</code>.';
  const { rows } = faults;
  const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((all, row) => all + of(row), 0);
  const injected = sum(({ faults: named }) => Object.values(named).reduce((all, times) => all + times, 0));
  const lost = sum((row) => row.lost);
  return `${format.count(injected)} faults in ${format.count(sum(({ images }) => images))} images on endpoints that imitate AWS: ${lost === 0 ? 'none' : format.count(lost)} lost. Who notices, and when, is what differs.`;
}

function ownedSaid({ owned }: Comparison): string {
  const yours = COMPUTES.map((way) => ({
    way,
    count: owned.filter((each) => each.way === way && each.what !== null && each.who === 'you').length,
  })).toSorted((a, b) => a.count - b.count);
  const [few, many] = [yours[0], yours.at(-1)];
  const concerns = new Set(owned.map(({ concern }) => concern)).size;
  return few && many
    ? `Of ${concerns} concerns, ${few.count} are yours on ${wayName(few.way)} and ${many.count} on ${wayName(many.way)}.`
    : '';
}

const sourcesSaid = ({ model: { tables, measured }, date }: Comparison): string =>
  `${tables.prices.prices.length} prices and ${Object.keys(tables.delays).length} delays and limits, each with its source and date; work measured on ${text(date.measured)} (${text(measured.machine.cpu)}).`;

function questions({ questions: all }: Comparison): string {
  const rows = all.map((question) => [
    `<b>${text(question.title)}</b><small>${text(question.said)}</small>`,
    together(question)
      .map(({ of, answer: found }) => {
        const lines =
          typeof found === 'string'
            ? `<p>${text(found)}</p>`
            : `<pre>${found.map((line) => `<span>${text(line.text)}</span>`).join('')}</pre>`;
        const where = of.map((way) => {
          const own = question.ways[way];
          return `${wayName(way)}${typeof own === 'string' ? '' : ` <small>${own.map(({ number }) => number).join(', ')}</small>`}`;
        });
        return `<div>${where.join(', ')}${lines}</div>`;
      })
      .join(''),
  ]);
  return `<p>Small figures are line numbers of <code>lib/&lt;way&gt;-stack.ts</code>.</p>
${dataTable('Questions, and the lines that answer them', ['question', 'lines'], rows, 'asked')}`;
}

function pairOptions(): string {
  const option = (pair: Pair) =>
    `<option value="${pair.join(' ')}">${pair.map((way) => text(WAYS[way].title)).join(' and ')}</option>`;
  const group = (label: string, pairs: readonly Pair[]) =>
    `<optgroup label="${label}">${pairs.map(option).join('')}</optgroup>`;
  return `${group('neighbours in the grid', PAIRS.filter(isNeighbours))}${group(
    'both decisions differ',
    PAIRS.filter((pair) => !isNeighbours(pair)),
  )}`;
}

/** A chart twice, for wide and narrow pages: scripts replace both. */
function figure(name: string, slots: Slots, title: string, note: string): string {
  const chart = slots[name]?.chart;
  if (!chart) throw new Error(`no chart for ${name}`);
  return `<figure id="figure-${name}"><figcaption>${text(title)}<small>${text(note)}</small></figcaption>
<div class="plot" data-slot="${name}"><div class="wide-plot">${chartSvg(chart, WIDTHS.wide)}</div><div class="narrow">${chartSvg(chart, WIDTHS.narrow)}</div></div>
</figure>`;
}

/** A chart as SVG text. */
const chartSvg = (chart: Chart, width: number): string =>
  draw(chart, parseHTML('<html></html>').document, width).outerHTML.replace(/\d+\.\d{3,}/g, (long) =>
    String(Number(Number(long).toFixed(2))),
  );

/** A chart as a file of its own, with its colours. */
export function chartFile(chart: Chart | undefined): string {
  if (!chart) throw new Error('there is no chart to be drawn');
  const inner = chartSvg(chart, WIDTHS.wide);
  const height = Number(/ height="(\d+)"/.exec(inner)?.[1]) + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTHS.wide} ${height}" width="${WIDTHS.wide}" height="${height}" role="img" aria-label="${text(chart.title)}" font-family="system-ui, sans-serif" font-size="13">
<title>${text(chart.title)}</title>
<style>${colours()}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
<g color="var(--quiet)">${inner}</g>
</svg>`;
}

function failureRows({ scenarios }: Comparison): readonly (readonly string[])[] {
  return scenarios.map(({ title, ways }) => [`<b>${text(title)}</b>`, ...COMPUTES.map((way) => text(ways[way]))]);
}

function measuredFaults({ faults }: Comparison): string {
  if (!faults) return '<p class="unmeasured">Not measured: <code>npm run faults</code></p>';
  const rows = faultRows(faults).map(({ scenario, way, cells }) => [
    `<b>${text(scenario)}</b>`,
    wayName(way),
    ...cells.map(text),
  ]);
  return `<p class="quiet">On ${text(faults.date)}, on endpoints that imitate AWS, seed ${text(faults.seed)}. ${text(FAULT_LEGEND + faultsLeftOut(faults))}</p>
${dataTable('Faults and what came of them', ['scenario', 'way', ...FAULT_COLUMNS], rows, 'numbers many')}
<ul class="quiet">${faultScenarios(faults)
    .map(([name, does]) => `<li><b>${text(name)}</b>: ${text(does)}</li>`)
    .join('')}</ul>`;
}

function diagrams({ architectures }: Comparison): string {
  const figures = architectures.map(
    (each) => `<figure><figcaption>${wayName(each.way)}</figcaption>
<div class="scroll" tabindex="0" role="region" aria-label="${text(WAYS[each.way].title)}: diagram">${svg(each)}</div>
<details><summary>In words</summary><ul>${sentences(each)
      .map((sentence) => `<li>${text(sentence)}</li>`)
      .join('')}</ul></details></figure>`,
  );
  return `<div class="diagrams">${figures.join('\n')}</div>`;
}

function sources({ model: { facts, tables, measured, job } }: Comparison): string {
  const delays = Object.values(tables.delays).map(({ id, what, low, typical, high, unit, typically, ...from }) => [
    `<b id="${text(anchor(`delay:${id}`))}">${text(id)}</b>`,
    text([what, typically ?? ''].join(' ')),
    text(amountText({ low: typical, high: typical, unit })),
    text(amountText({ low, high, unit })),
    origin(from),
  ]);
  const seen = new Set<string>();
  const prices = tables.prices.prices.map(({ id, region, unit, tiers, highUsd, ...from }) => {
    const first = !seen.has(id);
    seen.add(id);
    return [
      `<b${first ? ` id="${text(anchor(`price:${id}`))}"` : ''}>${text(id)}</b>`,
      text(region),
      text(
        `${tiers.map((tier) => `$${tier.usd}${tier.from > 0 ? ` from ${format.count(tier.from)}` : ''}`).join(', ')}${highUsd === undefined ? '' : `, up to $${highUsd}`} a ${unit}`,
      ),
      origin(from),
    ];
  });
  const names = Object.keys(facts.sandbox.ec2) as (keyof typeof facts.sandbox.ec2)[];
  const all = names
    .filter((name) => name !== 'way')
    .map((name) => [
      `<b>${text(name)}</b>`,
      ...COMPUTES.map(
        (way) =>
          `<span id="${text(anchor(`fact:${way}.${name}`))}">${text(plainFact(facts.sandbox[way][name]))}</span>`,
      ),
    ]);
  const images = measured.perImage.map(
    ({ name, megapixels, inputFormat, outputFormat, jobCpuMs, bytesIn, bytesOut }) => [
      `<b>${text(name)}</b>`,
      text(`${inputFormat} to ${outputFormat}`),
      ...[megapixels, jobCpuMs, bytesIn, bytesOut].map((value) => text(format.count(value))),
    ],
  );
  return `<h3>Measured work</h3>
<p>On ${text(measured.date)}: ${text(measured.machine.cpu)}, ${measured.machine.cores} cores, ${text(measured.machine.os)} ${text(measured.machine.arch)}. Remade by <code>npm run bench</code>. One image makes ${times(job.s3Gets, 'read')} and ${times(job.s3Puts, 'write')}.</p>
<details><summary>${images.length} measured images</summary>
${dataTable('Measured images', ['image', 'formats', 'megapixels', 'CPU ms of the job', 'bytes in', 'bytes out'], images, 'numbers')}</details>
<h3>Facts of the templates</h3>
<details><summary>${all.length} facts of each way</summary>
${dataTable('Facts of the templates', ['fact', ...COMPUTES.map(wayName)], all, 'prose')}</details>
<h3>Delays and limits</h3>
<details><summary>${delays.length} delays and limits</summary>
${dataTable('Delays and limits', ['delay or limit', 'what', 'typically', 'range', 'from'], delays)}</details>
<details><summary>${limits.length} limits of platforms</summary>
${dataTable(
  'Limits of platforms',
  ['limit', 'what', 'at most', 'from'],
  limits.map(({ id, what, value, unit, ...from }) => [
    `<b id="${text(anchor(`limit:${id}`))}">${text(id)}</b>`,
    text(what),
    text(`${value.toLocaleString('en')} ${unit}`),
    origin(from),
  ]),
)}</details>
<h3>Prices</h3>
<p>List prices in US$, without taxes, discounts and free tier. Refreshed by <code>npm run prices</code>.</p>
<details><summary>${prices.length} prices</summary>
${dataTable('Prices', ['price of', 'region', 'price', 'from'], prices)}</details>`;
}

const times = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** A fact as text. */
function plainFact(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(plainFact).join(', ');
  return Object.entries(value)
    .map(([key, each]) => `${key} ${plainFact(each)}`)
    .join('; ');
}
