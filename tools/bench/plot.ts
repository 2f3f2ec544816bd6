import { DEFAULTS } from '../../workload/contract';
import type { BenchResults } from './results';

/** The results as a picture: bars, in groups, each to a scale of its own. */

interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands at its end. */
  readonly text: string;
  readonly ours?: boolean;
  /** Lowest and highest round, drawn as a thin line. */
  readonly range?: readonly [low: number, high: number];
}

interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

/** All lengths in px. */
const [WIDTH, LABELS, BAR, GAP, TITLE, MARGIN, TEXT] = [960, 330, 18, 6, 40, 24, 90];

/** An SVG of its own, without scripts, fonts or links. */
export function plot(results: BenchResults): string {
  const { machine, versions, date } = results;
  const parts: string[] = [];
  let y = MARGIN + 20;
  const text = (x: number, content: string, attributes = '') =>
    parts.push(`<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`);
  text(MARGIN, 'The resize workload beside its alternatives', 'class="head"');
  y += 20;
  text(MARGIN, `${date} · ${machine.cpu}, ${machine.cores} cores · Node ${versions.node} · sharp ${versions.sharp}`);
  for (const { title, bars } of groups(results)) {
    y += TITLE;
    text(MARGIN, title, 'class="title"');
    y += GAP;
    const most = Math.max(...bars.map(({ value, range }) => Math.max(value, range?.[1] ?? 0)));
    const length = (value: number) => ((WIDTH - LABELS - 2 * MARGIN - TEXT) * value) / most;
    const left = MARGIN + LABELS;
    for (const { label, value, text: figure, ours, range } of bars) {
      y += BAR + GAP;
      const top = y - BAR + 4;
      text(left - 10, label, 'text-anchor="end"');
      parts.push(
        `<rect x="${left}" y="${top}" width="${px(length(value))}" height="${BAR}"${ours ? ' class="ours"' : ''}/>`,
      );
      if (range) {
        const middle = top + BAR / 2;
        const [low, high] = range.map((end) => px(left + length(end)));
        parts.push(`<path d="M${low} ${middle}H${high}"/>`);
      }
      text(px(left + length(Math.max(value, range?.[1] ?? 0)) + 8), figure);
    }
  }
  const height = y + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<title>The resize workload beside its alternatives: the figures are in results.json</title>
<style>text{font:13px system-ui,sans-serif;fill:#222}.head{font-size:20px;font-weight:600}.title{font-weight:600}
rect{fill:#9aa5b1}.ours{fill:#d9480f}path{stroke:#222;stroke-width:1.5}</style>
<rect width="${WIDTH}" height="${height}" style="fill:#fff"/>
${parts.join('\n')}
</svg>
`;
}

function groups({ designs, perImage, throughput, billed }: BenchResults): Group[] {
  const compared = [...new Set(designs.map(({ set, outputFormat }) => `${set}, ${outputFormat} out`))];
  const isOurs = (design: string) => design.startsWith('this workload');
  const costs = compared.map((title) => ({
    title: `CPU per picture, three renditions: ${title}`,
    bars: designs
      .filter(({ set, outputFormat }) => `${set}, ${outputFormat} out` === title)
      .map(({ design, cpuMs, low, high }) => ({
        label: design,
        value: cpuMs,
        text: `${cpuMs.toFixed(0)} ms`,
        ours: isOurs(design),
        range: [low, high] as const,
      })),
  }));
  const memory = designs.filter(
    ({ set, outputFormat, peakMib }) => set === designs[0]?.set && outputFormat === 'jpeg' && peakMib,
  );
  return [
    ...costs,
    {
      title: `Peak memory of the largest process: ${designs[0]?.set}, jpeg out`,
      bars: memory.map(({ design, peakMib }) => ({
        label: design,
        value: peakMib ?? 0,
        text: `${(peakMib ?? 0).toFixed(0)} MiB`,
        ours: isOurs(design),
      })),
    },
    {
      title: 'CPU per picture in the decoder, by picture',
      bars: perImage
        .filter(({ outputFormat }) => outputFormat === DEFAULTS.renditionFormat)
        .map(({ name, renditions, cpuMs }) =>
          ourCpu(`${name}, ${renditions} ${renditions === 1 ? 'rendition' : 'renditions'}`, cpuMs),
        ),
    },
    {
      title: 'CPU per picture in the decoder, by what comes out',
      bars: perImage
        .filter(({ name }) => name === 'JPEG 12 MP')
        .map(({ name, outputFormat, cpuMs }) => ourCpu(`${name}, ${outputFormat} out`, cpuMs)),
    },
    ...[30, 100].map((delay) => ({
      title: `Pictures per second of one slot, JPEG 640 x 480, ${delay} ms per S3 request, by messages held`,
      bars: throughput
        .filter(({ picture, delayMs }) => picture === 'JPEG 640 x 480' && delayMs === delay)
        .map(({ messagesPerSlot, picturesPerSecond }) => ({
          label: `${messagesPerSlot} held`,
          value: picturesPerSecond,
          text: picturesPerSecond.toFixed(1),
          ours: messagesPerSlot === DEFAULTS.messagesPerSlot,
        })),
    })),
    {
      title: `Billed duration of the function, warm, ${billed[0]?.picture}, by memory and time per S3 request`,
      bars: billed.map(({ design, memoryMb, delayMs, billedMs, low, high }) => ({
        label: `${design}, ${memoryMb} MB, ${delayMs} ms`,
        value: billedMs,
        text: `${billedMs.toFixed(0)} ms`,
        ours: isOurs(design),
        range: [low, high] as const,
      })),
    },
  ].filter(({ bars }) => bars.length > 0);
}

const ourCpu = (label: string, cpuMs: number): Bar => ({
  label,
  value: cpuMs,
  text: `${cpuMs.toFixed(cpuMs < 10 ? 1 : 0)} ms`,
  ours: true,
});

const px = (length: number) => Math.round(length * 10) / 10;
const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
