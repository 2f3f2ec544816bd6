import { sep } from 'node:path';
import { text as escaped } from '../html';
import { visible } from '../terminal';

/** What one way made of one source picture. */
export interface SheetCell {
  /** Path of the smallest rendition relative to the page, not yet encoded for a URL. Absent without renditions. */
  readonly thumbnail?: string;
  /** `done`, `rejected`, `failed`, or another state of the workload. */
  readonly state: string;
  /** Why it was rejected. */
  readonly reason?: string;
  /** One line about the reason. */
  readonly detail?: string;
  /** Milliseconds from receipt to terminal state. */
  readonly milliseconds?: number;
  /** Smallest first. `name` is like `640.webp`, `path` is like `thumbnail`, `sha256` is hexadecimal. */
  readonly renditions: readonly {
    readonly name: string;
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string;
  }[];
}

/** One source picture. */
export interface SheetRow {
  /** As uploaded: any text at all. */
  readonly sourceKey: string;
  readonly sourceBytes: number;
  /** By way. A way without a cell has no result. */
  readonly cells: Readonly<Record<string, SheetCell>>;
  /** The ways came to the same outcome and wrote the same bytes. */
  readonly byteEqual: boolean;
}

/** A run. */
export interface Sheet {
  /** In the order of the columns. The first is what the others are compared with. */
  readonly ways: readonly string[];
  readonly rows: readonly SheetRow[];
  /** Every row is. */
  readonly byteEqual: boolean;
  /** Figures by name, with their units. All ways have the same figures. */
  readonly summary: readonly { readonly way: string; readonly columns: Readonly<Record<string, string>> }[];
}

type Rendition = SheetCell['renditions'][number];

/** States that are nobody's intention; every other state, `rejected` too, is the workload doing its work. */
const FAILURES: ReadonlySet<string> = new Set(['failed', 'malformed']);

/** Whether a page begins as one that {@link contactSheet} made. */
export const isContactSheet = (html: string): boolean => /<title>Four Ways: /.test(html.slice(0, 1000));

/**
 * A run as one HTML page, to be stored in the folder that the paths in `sheet` are relative to. It needs no script and
 * no network, and takes all text in `sheet` for hostile.
 */
export function contactSheet(sheet: Sheet): string {
  const { ways, rows, summary } = sheet;
  const verdict = verdictOf(sheet);
  const compared = ways.length > 1 && rows.length > 0;
  const bytes = rows.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0);
  const different = rows.flatMap((row, i) =>
    row.byteEqual ? [] : [`<li><a href="#picture-${i + 1}"><bdi>${text(row.sourceKey)}</bdi></a></li>`],
  );
  const failures = rows.flatMap(({ cells }) => Object.values(cells)).filter(({ state }) => FAILURES.has(state)).length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>Four Ways: ${text(verdict)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<p class="project"><b>Four Ways</b> ${pictures(rows.length)}, ${size(bytes)}</p>
<h1${compared ? ` class="${sheet.byteEqual ? 'same' : 'differ'}"` : ''}>${compared ? mark(sheet.byteEqual) : ''}${text(verdict)}</h1>
${different.length > 0 ? `<ul class="different">\n${different.join('\n')}\n</ul>` : ''}
${failures > 0 ? `<p><em>${failures} ${failures === 1 ? 'result' : 'results'} failed</em></p>` : ''}
</header>
<main>
<h2 id="summary">Summary</h2>
${summaryTable(summary)}
<h2>Pictures</h2>
<p class="note">Byte-equal: the same outcome, and the same SHA-256 for every rendition.</p>
<ol class="pictures">
${rows.map((row, i) => `<li id="picture-${i + 1}">${picture(row, ways)}</li>`).join('\n')}
</ol>
</main>
</body>
</html>
`;
}

function verdictOf({ ways, rows, byteEqual }: Sheet): string {
  const different = rows.filter((row) => !row.byteEqual).length;
  if (!byteEqual) return `Not byte-equal: the ways differ on ${different} of ${pictures(rows.length)}`;
  if (rows.length === 0) return 'No pictures, nothing to compare';
  if (ways.length === 1) return 'One way, nothing to compare';
  const all = ['both', 'all three', 'all four', 'all five', 'all six'][ways.length - 2] ?? `all ${ways.length}`;
  return `Byte-equal: ${all} ways wrote the same bytes`;
}

/** The ways are the columns, as they are below: a table of six narrow columns also fits a telephone. */
function summaryTable(summary: Sheet['summary']): string {
  const head = summary.map(({ way }) => `<th scope="col">${text(way)}</th>`).join('');
  const body = Object.keys(summary[0]?.columns ?? {}).map((name) => {
    const values = summary.map(({ columns }) => `<td>${text(columns[name] ?? '')}</td>`).join('');
    return `<tr><th scope="row">${text(name)}</th>${values}</tr>`;
  });
  return `<table aria-labelledby="summary">\n<thead><tr><td></td>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table>`;
}

function picture({ sourceKey, sourceBytes, cells, byteEqual }: SheetRow, ways: readonly string[]): string {
  const first = ways[0] as string;
  const folder = sourceKey.slice(0, sourceKey.lastIndexOf('/') + 1);
  // Where the ways agree, one list of hashes stands for all of them; where they do not, each has its own.
  const hashes = byteEqual ? (cells[first]?.renditions ?? []).map(({ name, ...file }) => entry(text(name), file)) : [];
  const agreement = hashes.length > 0 ? 'byte-equal' : 'same outcome';
  const verdict = ways.length === 1 ? 'one way' : `${mark(byteEqual)}${byteEqual ? agreement : 'the ways differ'}`;
  const columns = ways.map((way) => {
    const compared = byteEqual ? undefined : { with: first, cell: cells[first] };
    return `<li>\n<h4>${text(way)}</h4>\n${cell(cells[way], `${sourceKey}, ${way}`, compared)}\n</li>`;
  });
  return `<article>
<div class="source">
<h3><bdi><span>${text(folder)}</span><wbr>${text(sourceKey.slice(folder.length))}</bdi></h3>
<p>${size(sourceBytes)}</p>
<p class="${byteEqual ? 'same' : 'differ'}">${verdict}</p>
${list('files', hashes)}</div>
<ul class="ways">
${columns.join('\n')}
</ul>
</article>`;
}

/** `compared` is the first way and its cell, when the row is not byte-equal. */
function cell(
  made: SheetCell | undefined,
  alt: string,
  compared?: { with: string; cell: SheetCell | undefined },
): string {
  if (!made) return '<p class="frame">no result</p>';
  const { thumbnail, state, reason, detail, milliseconds, renditions } = made;
  const differs = compared ? ` <em>differs from ${text(compared.with)}</em>` : '';
  const frame =
    thumbnail === undefined
      ? `<p class="frame">${text(reason ?? 'no renditions')}</p>`
      : `<a class="frame" href="${url(renditions.at(-1)?.path ?? thumbnail)}"><img src="${url(thumbnail)}" alt="${text(alt)}" loading="lazy" decoding="async"></a>`;
  const outcome = compared && (compared.cell?.state !== state || compared.cell.reason !== reason) ? differs : '';
  const time = milliseconds === undefined ? '' : ` ${Math.round(milliseconds).toLocaleString('en')} ms`;
  const caption = `<p><b${FAILURES.has(state) ? ' class="differ"' : ''}>${text(state)}</b>${time}${outcome}</p>`;
  const files = renditions.map(({ name, path, ...file }) => {
    const link = `<a href="${url(path)}">${text(name)}</a>`;
    if (!compared) return `<li>${link}</li>`;
    const same = compared.cell?.renditions.some((other) => other.name === name && other.sha256 === file.sha256);
    return entry(link, file, same ? '' : differs);
  });
  const missing = (compared?.cell?.renditions ?? [])
    .filter(({ name }) => !renditions.some((own) => own.name === name))
    .map(({ name }) => `<li><em>no ${text(name)}</em></li>`);
  const why = detail === undefined ? '' : `<p class="detail">${text(detail)}</p>`;
  return `${frame}\n${caption}${why}\n${list(compared ? 'files' : 'links', [...files, ...missing])}`;
}

/** One rendition: its name as HTML, its size and the start of its hash. */
function entry(name: string, { bytes, sha256 }: Pick<Rendition, 'bytes' | 'sha256'>, differs = ''): string {
  return `<li>${name} <span>${size(bytes)}</span> <code title="SHA-256 ${text(sha256)}">${text(sha256.slice(0, 8))}</code>${differs}</li>`;
}

const list = (name: string, items: readonly string[]) =>
  items.length === 0 ? '' : `<ul class="${name}">${items.join('')}</ul>\n`;

const mark = (equal: boolean) => `<span class="mark" aria-hidden="true">${equal ? '=' : '\u2260'}</span>`;

const pictures = (count: number) => `${count} ${count === 1 ? 'picture' : 'pictures'}`;

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${(bytes / 1000).toPrecision(3)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Text for an element or a quoted attribute. */
const text = (raw: string) => escaped(visible(raw));

/** A relative path as a relative URL: `./` in front, so that no name can be taken for a scheme or a host. */
function url(path: string): string {
  const segments = path.split(sep).map((segment) => encodeURIComponent(segment.toWellFormed()));
  return text(`./${segments.join('/')}`);
}

const STYLE = `
:root { color-scheme: light dark; --paper: #fbfaf8; --card: #fff; --ink: #1f2326; --quiet: #5d666d; --line: #e4e1db;
  --same: #17693f; --differ: #a8242c; --link: #1d5487; --check: #ecebe7; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --card: #1b1f23; --ink: #e4e7e9; --quiet: #9aa5ad; --line: #2c3237;
    --same: #74cf9c; --differ: #ff938c; --link: #8fc1ee; --check: #2a3035; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 0.9375rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1, h2, h3, h4, p, ul, ol { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { display: flex; align-items: center; gap: 0.9rem; margin: 0.75rem 0; font-size: clamp(1.375rem, 4vw, 2rem);
  font-weight: 600; line-height: 1.2; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 2.5rem 0 0.75rem; font-size: 1.125rem; font-weight: 600; }
h3 { font-size: 0.9375rem; font-weight: 600; line-height: 1.35; white-space: pre-wrap; overflow-wrap: anywhere; }
h3 span, h4, .project, .note, .source p, .ways p, .files { color: var(--quiet); }
h4, .ways p, .files { font-size: 0.8125rem; font-weight: 400; }
h3 span { font-weight: 400; }
.note { margin-bottom: 1rem; }
.project b, .ways b { color: var(--ink); font-weight: 600; }
a { color: var(--link); text-underline-offset: 0.2em; }
em { color: var(--differ); font-style: normal; font-weight: 600; }
.ways em { display: block; }
.same, .source .same { color: var(--same); }
.differ, .source .differ, .ways .differ { color: var(--differ); }
.mark { flex: none; display: inline-grid; place-items: center; width: 1.5em; height: 1.5em; margin-right: 0.5em;
  border: 0.1em solid; border-radius: 50%; line-height: 1; }
h1 .mark { margin: 0; }
.source .mark { width: 1.25rem; height: 1.25rem; border-width: 1px; font-size: 0.8125rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { padding: 0.4rem 0.5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  font-weight: 400; overflow-wrap: anywhere; hyphens: auto; }
.different + p { margin-top: 0.5rem; }
thead th { font-weight: 600; }
tr > :last-child { padding-right: 0; }
tr > :first-child { padding-left: 0; text-align: left; color: var(--quiet); }
.pictures > li { border-top: 1px solid var(--line); content-visibility: auto; contain-intrinsic-size: auto 16rem; }
article { display: grid; grid-template-columns: 13.5rem minmax(0, 1fr); gap: 1.5rem; padding: 1.25rem 0; }
.source p { margin-top: 0.25rem; }
.ways { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1rem; }
.ways li, .different { overflow-wrap: anywhere; }
.frame { display: grid; place-items: center; height: 8.5rem; margin: 0.25rem 0 0.4rem; padding: 0.4rem;
  border: 1px solid var(--line); border-radius: 0.375rem; background: var(--card); }
.frame img { max-width: 100%; max-height: 7.6rem;
  background: repeating-conic-gradient(var(--check) 0 25%, transparent 0 50%) 0 0 / 16px 16px; }
.links { display: flex; flex-wrap: wrap; gap: 0 0.5rem; font-size: 0.75rem; }
.files { margin-top: 0.4rem; }
code { font: 0.75rem ui-monospace, monospace; }
@media (max-width: 56rem) {
  article { grid-template-columns: minmax(0, 1fr); gap: 0.75rem; }
}
@media (max-width: 36rem) {
  body { padding: 1.5rem 1rem 3rem; }
  .ways { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  table { font-size: 0.6875rem; }
  th, td { padding: 0.35rem 0 0.35rem 0.375rem; }
  thead th { font-size: 0.5625rem; }
  tr > :first-child { width: 20%; }
}
`;
