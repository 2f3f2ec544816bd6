import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { WAYS } from '../../../lib/ways';
import { COMPUTES } from '../../../workload/contract';
import { text } from '../../html';
import type { Comparison } from '../comparison';
import { limits } from '../data/tables';
import { STYLE, sentences, svg } from '../diagram/svg';
import { MARKS } from '../ways';
import { bundleScripts, inScript, jsonInScript, minified } from './bundle';
import { type Chart, draw } from './charts';
import { sideBySide } from './code';
import { SHOWN_FIRST } from './columns';
import { FAULT_COLUMNS, FAULT_LEGEND, faultRows, faultScenarios, faultsLeftOut } from './failure';
import { amountText, figureText, format, usdText } from './format';
import { form } from './forms';
import { dataTable, origin, wayName } from './parts';
import { anchor, answer, longestJob, longestJobLegend, mapTable, type Slots } from './results';
import { colours, style } from './style';
import { OWNED_LEGEND, ownedRows, presetRows, WORTH_LEGEND } from './tables';

/** px of the charts that are drawn when the page is built; scripts draw them at the page's own width. */
const WIDTHS = { wide: 860, narrow: 340 };

const LESSONS = {
  ec2: 'You own the operating system: patching, scaling, availability, everything. Any workload fits.',
  lambda: 'A trigger runs code. Nothing to manage; billed per use; under 15 minutes.',
  'ecs-fargate': 'Containers without servers, by AWS\u2019s own orchestrator.',
  'eks-ec2': 'The same job with Kubernetes\u2019 tools: orchestrator first, then platform.',
  'ecs-ec2': 'AWS\u2019s own orchestrator, on machines that are yours.',
  'eks-fargate': 'Kubernetes, and no machines to look after.',
} as const;

const NAV = [
  ['choose', 'Choose'],
  ['cost', 'Cost'],
  ['scale', 'Scale'],
  ['failure', 'Failure'],
  ['own', 'What you own'],
  ['diagrams', 'Diagrams'],
  ['code', 'Side by side'],
  ['sources', 'Sources'],
] as const;

/** The comparison as one HTML page that needs no network. Everything in it is text to be escaped. */
export async function page(comparison: Comparison): Promise<string> {
  const { model, state, date } = comparison;
  const slots: Slots = Object.assign(
    {},
    ...(['cost', 'scale', 'choose'] as const).map((part) => {
      const { slots: found, error } = answer(model, { part, state, question: 0 });
      if (error) throw new Error(`the page's ${part}: ${error}`);
      return found;
    }),
  );
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
<title>Four Ways, compared</title>
<style>${css}</style>
</head>
<body>
<a class="skip" href="#choose">Skip to the comparison</a>
<header>
<p class="project">Four Ways</p>
<h1>One workload, six ways to run it: what really changes</h1>
<p class="lead">The same image-resizing job on EC2, Lambda, ECS and EKS, on your servers and on AWS\u2019s. Every figure is computed from the stacks that deploy it, from measured work, and from tables with a source and a date: what is typical, and in brackets how far it may be off.</p>
<p>Work measured ${text(date.measured)}; prices read ${text(date.prices)}. Nothing was measured on AWS itself.</p>
${cards(comparison)}
</header>
<nav aria-label="Parts of the comparison"><ul>
${NAV.map(([id, label]) => `<li><a href="#${id}">${label}</a></li>`).join('\n')}
</ul></nav>
<main>
<section id="choose" aria-labelledby="choose-title">
<h2 id="choose-title">Choose</h2>
<p>First the orchestrator, then whose servers. A few questions lead to a way, or to none of the six. Volume, burst and account are those set under <a href="#cost">Cost</a>. Every reason links to what it rests on. ${text(WORTH_LEGEND)}</p>
${form('choose', 'Questions', state)}
<p class="status" data-status="choose" role="status"></p>
<div class="answer" data-slot="choice" aria-live="polite">${slots.choice?.html ?? ''}</div>
<details><summary>Typical answers in one table</summary>
${dataTable(
  'Typical answers',
  ['when', 'then', 'because'],
  presetRows(model, state).map((row) => row.map(text)),
  'prose',
)}
</details>
</section>

<section id="cost" aria-labelledby="cost-title">
<h2 id="cost-title">Cost</h2>
<p>What a month costs, from the sizes in the templates, the measured work of an image and the price table.</p>
${form('cost', 'Inputs of the cost', state)}
<div data-slot="cost-given">${slots['cost-given']?.html ?? ''}</div>
<p class="status" data-status="cost" role="status"></p>
<h3>The cheapest way</h3>
<p>By images a month and by how many come together; several where it depends on what is not known, or where they differ by less than a tenth. What is the same everywhere, the pictures in S3 and the dashboard, is left out. EKS on EC2 has one worker on a node of two vCPUs, as its stack has it; larger nodes hold more for the money. The inputs are those that the page opens with.</p>
${mapTable(comparison.map)}
<h3>At this volume</h3>
<div id="cost-summary" data-slot="cost-summary">${slots['cost-summary']?.html ?? ''}</div>
<h3>Line by line</h3>
<div data-slot="cost-items">${slots['cost-items']?.html ?? ''}</div>
</section>

<section id="scale" aria-labelledby="scale-title">
<h2 id="scale-title">Scale</h2>
<p>What happens when images arrive: a simulation with the scaling rules of the templates and start-up delays from the table under <a href="#sources">Sources</a>. Image size, region and CPU speed are those set under <a href="#cost">Cost</a>.</p>
${form('scale', 'Inputs of the simulation', state)}
<div data-slot="scale-given">${slots['scale-given']?.html ?? ''}</div>
<p class="status" data-status="scale" role="status"></p>
<div class="two">
${figure('scale-backlog', slots, 'Images that wait', 'What is typical. Time is logarithmic in a burst.')}
${figure('scale-units', slots, 'Units that run', 'Instances, functions, tasks, pods. A line ends when nothing is left to do.')}
</div>
<div data-slot="scale-summary">${slots['scale-summary']?.html ?? ''}</div>
<details><summary>The charts as tables</summary><div data-slot="scale-table">${slots['scale-table']?.html ?? ''}</div></details>
</section>

<section id="failure" aria-labelledby="failure-title">
<h2 id="failure-title">Failure</h2>
<p>What each way does when something goes wrong, read from its template. \u201cMeasured\u201d: in the fault run below, on endpoints that imitate AWS.</p>
${dataTable('What each way makes of a failure', ['what happens', ...COMPUTES.map(wayName)], failureRows(comparison), 'prose')}
<h3>Measured</h3>
${measuredFaults(comparison)}
</section>

<section id="own" aria-labelledby="own-title">
<h2 id="own-title">What you own</h2>
<p>${OWNED_LEGEND}</p>
${dataTable('What you own, by concern', ['concern', ...COMPUTES.map(wayName)], ownedRows(comparison.owned), 'prose')}
</section>

<section id="diagrams" class="wide" aria-labelledby="diagrams-title">
<h2 id="diagrams-title">Diagrams</h2>
<p>Drawn from the templates. What plays the same part has the same place; an empty frame is a part that this way does without.</p>
${diagrams(comparison)}
</section>

<section id="code" class="wide" aria-labelledby="code-title">
<h2 id="code-title">Side by side</h2>
<p>The stack files, section by section. Lines that all the columns shown have in common are dimmed, lines that some of them share have a light background, and a line that only one of them has stands out. Hatched: this way has no such line.</p>
<form class="choose" aria-label="Columns" autocomplete="off" hidden>
${COMPUTES.map((way, i) => `<label><input type="checkbox" name="column" value="${way}"${SHOWN_FIRST[i] ? ' checked' : ''}>${wayName(way)}</label>`).join('\n')}
</form>
${sideBySide(comparison.sections)}
</section>

<section id="sources" aria-labelledby="sources-title">
<h2 id="sources-title">Sources</h2>
${sources(comparison)}
</section>
</main>
<footer><p>Four Ways. Made by <code>npm run compare</code> from the repository\u2019s stacks. MIT-0.</p></footer>
<script type="application/json" id="data">${jsonInScript({ model, state })}</script>
<script type="text/plain" id="worker">${inScript(worker)}</script>
<script>${client}</script>
</body>
</html>
`;
}

function cards({ model, state, costs, one }: Comparison): string {
  const items = COMPUTES.map((way) => {
    const { first } = one[way].figures;
    const { idleUsdPerMonth, usdPerMillion } = costs[way];
    const rows = [
      ['idle, a month', usdText(idleUsdPerMonth)],
      [
        `a million images, at ${format.count(state.imagesPerMonth)} a month, without S3 and the dashboard`,
        usdText(usdPerMillion),
      ],
      ['first result from idle', first ? figureText(first, 'duration') : 'none'],
      ['longest job', longestJob(model, way)],
    ];
    return `<li class="${way}"><h2>${wayName(way)}</h2><p>${text(LESSONS[way])}</p><dl>${rows
      .map(([name = '', value = '']) => `<div><dt>${text(name)}</dt><dd>${text(value)}</dd></div>`)
      .join('')}</dl></li>`;
  });
  return `<ul class="cards">${items.join('\n')}</ul>\n<p class="quiet">${text(longestJobLegend(model))}</p>`;
}

/** A chart twice, for wide and narrow pages: scripts replace both. */
function figure(name: string, slots: Slots, title: string, note: string): string {
  const chart = slots[name]?.chart;
  if (!chart) throw new Error(`no chart for ${name}`);
  const legend = COMPUTES.map((way) => `<li>${wayName(way)}</li>`).join('');
  return `<figure id="figure-${name}"><figcaption>${text(title)}<small>${text(note)}</small></figcaption>
<ul class="legend">${legend}</ul>
<div class="plot" data-slot="${name}"><div class="wide-plot">${chartSvg(chart, WIDTHS.wide)}</div><div class="narrow">${chartSvg(chart, WIDTHS.narrow)}</div></div>
</figure>`;
}

/** A chart as SVG text. */
const chartSvg = (chart: Chart, width: number): string =>
  draw(chart, parseHTML('<html></html>').document, width).outerHTML.replace(/\d+\.\d{3,}/g, (long) =>
    String(Number(Number(long).toFixed(2))),
  );

/** A chart as a file of its own, with its legend and colours. */
export function chartFile(chart: Chart | undefined): string {
  if (!chart) throw new Error('there is no chart to be drawn');
  const inner = chartSvg(chart, WIDTHS.wide).replace('<svg ', '<svg y="24" ');
  const height = Number(/ height="(\d+)"/.exec(inner)?.[1]) + 30;
  const legend = COMPUTES.map(
    (way, i) =>
      `<text x="${12 + i * 141}" y="18" fill="var(--${way})" font-weight="600">${MARKS[way]} ${text(WAYS[way].title)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTHS.wide} ${height}" width="${WIDTHS.wide}" height="${height}" role="img" aria-label="${text(chart.title)}" font-family="system-ui, sans-serif" font-size="13">
<title>${text(chart.title)}</title>
<style>${colours()}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
${legend.join('')}
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
