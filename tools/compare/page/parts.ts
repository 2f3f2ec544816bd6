import { WAYS } from '../../../lib/ways';
import type { Compute } from '../../../workload/contract';
import { text } from '../../html';
import type { Source } from '../model/types';
import { MARKS } from '../ways';

/** A way's name with its mark, in its colour. */
export const wayName = (way: Compute): string =>
  `<span class="way ${way}"><span aria-hidden="true">${MARKS[way]}</span> ${text(WAYS[way].title)}</span>`;

/**
 * A table in a region of its own that can be scrolled, by keyboard too. Cells are HTML; the first heads its row. Of
 * `prose`, a row that says the same everywhere says it once.
 */
export function dataTable(
  label: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  name = '',
): string {
  const body = rows.map(([first = '', ...others]) => {
    const once = name === 'prose' && others.length > 2 && new Set(others).size === 1;
    const cells = once
      ? `<td colspan="${others.length}">${others[0]}</td>`
      : others.map((cell) => `<td>${cell}</td>`).join('');
    return `<tr><th scope="row">${first}</th>${cells}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="${text(label)}"><table class="data ${name}"><thead><tr>${head
    .map((cell) => `<th scope="col">${cell}</th>`)
    .join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`;
}

/** A link to a source. Only to the web: everything else is text. */
export const link = (url: string, label: string): string =>
  /^https:\/\//.test(url) ? `<a href="${text(url)}" rel="noreferrer">${text(label)}</a>` : text(`${label}: ${url}`);

/** Where a number is from: how sure that is, and where it was seen, are said next to the source. */
export function origin({ source, date, confidence, via }: Source): string {
  // Split by a group: every other part is an address.
  const seen = (via ?? '')
    .split(/(https:\/\/[^\s,;]+)/)
    .map((part, i) => (i % 2 ? link(part, new URL(part).host) : text(part)));
  return `${link(source, 'source')}<small>${text(`${date}, ${confidence}`)}${via ? `: ${seen.join('')}` : ''}</small>`;
}

/** What the map says of the reader's own volume. @param names of those that are in front */
export const atYourVolume = (names: readonly string[]): string =>
  `On price alone, at your volume: ${names.join(' or ')}${names.length > 1 ? ', too close to call' : ''}.`;
