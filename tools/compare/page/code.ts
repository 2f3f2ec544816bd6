import { FOUR_WAYS, type FourWay, WAYS } from '../../../lib/ways';
import { text } from '../../html';
import { byWay, type ResourceSection, type Row, type Section } from '../side-by-side';
import { wayName } from './parts';

/** As far as it is used here. Its own types would bring those of the browser into all of our code. */
interface Highlighter {
  registerLanguage(name: string, grammar: unknown): void;
  highlight(code: string, options: { readonly language: string }): { readonly value: string };
}

const hljs: Highlighter = require('highlight.js/lib/core');
hljs.registerLanguage('typescript', require('highlight.js/lib/languages/typescript'));

/** Lines in this file that say more when they stand alone. */
type Lines = Readonly<Record<FourWay, readonly string[]>>;

/** The stack files and their resources, section by section, in columns. */
export function sideBySide(sections: readonly Section[], resources: readonly ResourceSection[]): string {
  return sections
    .map((section, i) => {
      const made = resources[i];
      const id = section.name.toLowerCase();
      return `<section class="part" id="code-${id}" aria-labelledby="code-${id}-title">
<h3 id="code-${id}-title"><span class="number">${i + 1}</span> ${text(section.name)}</h3>
<p class="empty"><b>A column with nothing here:</b> ${text(section.empty)}</p>
${reasons(section)}
${table(section.rows, highlighted(section.rows), `${section.name}: the four stack files`)}
${made ? resourcesOf(made) : ''}
</section>`;
    })
    .join('\n');
}

function reasons({ reasons: said }: Section): string {
  const items = FOUR_WAYS.flatMap((way) =>
    said[way] ? [`<li>${wayName(way)} <q>${text(said[way]).replace(/`([^`]+)`/g, '<code>$1</code>')}</q></li>`] : [],
  );
  return items.length > 0 ? `<ul class="reasons">${items.join('')}</ul>` : '';
}

function resourcesOf({ name, rows, properties, counts }: ResourceSection): string {
  const total = FOUR_WAYS.reduce((sum, way) => sum + counts[way], 0);
  if (total === 0) return `<p class="quiet">No resource of its own in any template.</p>`;
  const each = FOUR_WAYS.map((way) => `${WAYS[way].title} ${counts[way]}`).join(', ');
  const all = rows.flatMap((row, i) => [row, ...(properties[i] ?? [])]);
  const cells = byWay((way) =>
    rows.flatMap((row, i) => [
      ...(row.cells[way] === undefined ? [] : [resource(row.cells[way])]),
      ...(properties[i] ?? []).flatMap((line) => (line.cells[way] === undefined ? [] : [property(line.cells[way])])),
    ]),
  );
  return `<details class="made"><summary>Its resources in the templates <span class="quiet">${text(each)}</span></summary>
${table(
  rows,
  byWay((way) => rows.flatMap((row) => (row.cells[way] === undefined ? [] : [resource(row.cells[way])]))),
  `${name}: resources`,
)}
<details class="made"><summary>… and their properties</summary>
${table(all, cells, `${name}: resources and their properties`)}
</details></details>`;
}

/** Rows in columns. `html` has each column's lines, in order. */
function table(rows: readonly Row[], html: Lines, label: string): string {
  const next = byWay(() => 0);
  const body = rows.map(({ cells, pattern }) => {
    const columns = FOUR_WAYS.map((way, i) => {
      const line = cells[way];
      if (line === undefined) return `<td></td>`;
      const indent = line.length - line.trimStart().length;
      next[way] += 1;
      // A line that another column has too, and not all of them.
      const shared = pattern !== 'aaaa' && pattern.split(pattern.charAt(i)).length > 2;
      const classes = [...(indent > 0 ? [`i${indent}`] : []), ...(shared ? ['shared'] : [])].join(' ');
      return `<td${classes ? ` class="${classes}"` : ''}>${html[way][next[way] - 1]}</td>`;
    });
    return `<tr data-p="${pattern}"${pattern === 'aaaa' ? ' class="same"' : ''}>${columns.join('')}</tr>`;
  });
  const heads = FOUR_WAYS.map((way) => `<th scope="col">${wayName(way)}</th>`);
  return `<div class="scroll" tabindex="0" role="region" aria-label="${text(label)}"><table class="columns"><thead><tr>${heads.join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`;
}

/** Each way's lines as HTML, coloured as one text, so that what spans lines is recognised. */
function highlighted(rows: readonly Row[]): Lines {
  return byWay((way) => {
    const lines = rows.flatMap(({ cells }) => (cells[way] === undefined ? [] : [cells[way]]));
    return balanced(hljs.highlight(lines.join('\n'), { language: 'typescript' }).value).map((line) => line.trimStart());
  });
}

/** Splits highlighted text into lines, closing and reopening what spans them. */
function balanced(html: string): readonly string[] {
  let open: string[] = [];
  return html.split('\n').map((line) => {
    const before = open.join('');
    for (const [tag] of line.matchAll(/<span[^>]*>|<\/span>/g))
      open = tag === '</span>' ? open.slice(0, -1) : [...open, tag];
    return `${before}${line}${'</span>'.repeat(open.length)}`;
  });
}

function resource(line: string): string {
  const [type = '', id = ''] = line.split(' ');
  return `<b>${text(type)}</b> ${text(id)}`;
}

function property(line: string): string {
  const [, key = '', value = ''] = /^\s*(-|[^\s:]+:(?=\s|$))?(.*)$/s.exec(line) ?? [];
  return `<i>${text(key)}</i>${text(value)}`;
}
