import { COMPUTES } from '../../../workload/contract';
import { text } from '../../html';
import type { Section } from '../side-by-side';
import { byWay } from '../ways';
import { looks, packed, SHOWN_FIRST } from './columns';
import { wayName } from './parts';

/** As far as it is used here. Its own types would bring those of the browser into all of our code. */
interface Highlighter {
  registerLanguage(name: string, grammar: unknown): void;
  highlight(code: string, options: { readonly language: string }): { readonly value: string };
}

const hljs: Highlighter = require('highlight.js/lib/core');
hljs.registerLanguage('typescript', require('highlight.js/lib/languages/typescript'));

/** The stack files, section by section, in columns. */
export function sideBySide(sections: readonly Section[]): string {
  return sections
    .map((section, i) => {
      const id = section.name.toLowerCase();
      return `<section class="part" id="code-${id}" aria-labelledby="code-${id}-title">
<h3 id="code-${id}-title"><span class="number">${i + 1}</span> ${text(section.name)}</h3>
<p class="empty"><b>A column with nothing here:</b> ${text(section.empty)}</p>
${reasons(section)}
${table(section)}
</section>`;
    })
    .join('\n');
}

function reasons({ reasons: said }: Section): string {
  const items = COMPUTES.flatMap((way) =>
    said[way] ? [`<li>${wayName(way)} <q>${text(said[way]).replace(/`([^`]+)`/g, '<code>$1</code>')}</q></li>`] : [],
  );
  return items.length > 0 ? `<ul class="reasons">${items.join('')}</ul>` : '';
}

/** A line of a file, and as HTML. */
type Cell = Readonly<Record<'line' | 'html', string>>;

/**
 * The columns that are shown at first, packed. After them all rows with all columns, in a template: nobody sees it, and the
 * page's script takes from it what somebody chooses.
 */
function table({ name, rows }: Section): string {
  const left = byWay((way) => highlighted(rows.flatMap(({ cells }) => cells[way] ?? [])));
  const all = rows.map(({ cells }) =>
    COMPUTES.map((way): Cell | undefined => {
      const line = cells[way];
      return line === undefined ? undefined : { line, html: left[way].shift() ?? '' };
    }),
  );
  const heads = COMPUTES.map((way, i) => `<th scope="col"${SHOWN_FIRST[i] ? '' : ' hidden'}>${wayName(way)}</th>`);
  const body = packed(all, SHOWN_FIRST).map((cells) => {
    const { same, shared } = looks(cells.map((cell) => cell?.line.trim()));
    return `<tr${same ? ' class="same"' : ''}>${cells.map((cell, i) => column(cell, shared[i])).join('')}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="${text(name)}: the stack files"><table class="columns"><thead><tr>${heads.join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table><template>${all.map((cells) => `<tr>${cells.map((cell) => column(cell)).join('')}</tr>`).join('')}</template></div>`;
}

function column(cell: Cell | undefined, shared = false): string {
  if (!cell) return '<td></td>';
  const indent = cell.line.length - cell.line.trimStart().length;
  const classes = [...(indent > 0 ? [`i${indent}`] : []), ...(shared ? ['shared'] : [])].join(' ');
  return `<td${classes ? ` class="${classes}"` : ''}>${cell.html}</td>`;
}

/** Lines as HTML, coloured as one text, so that what spans lines is recognised. */
function highlighted(lines: readonly string[]): string[] {
  const { value } = hljs.highlight(lines.join('\n'), { language: 'typescript' });
  return balanced(value).map((line) => line.trimStart());
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
