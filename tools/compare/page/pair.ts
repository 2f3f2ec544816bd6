import { structuredPatch } from 'diff';
import { sourceOf, WAYS } from '../../../lib/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { text } from '../../html';
import { wayName } from './parts';

/** What two stack files do not have in common: the true difference, as `diff` has it. */

export type Pair = readonly [Compute, Compute];

/** Neighbours in the grid differ in one of the two decisions: in who orchestrates, or in whose the servers are. */
export const isNeighbours = ([a, b]: Pair): boolean =>
  (WAYS[a].orchestrator === WAYS[b].orchestrator) !== (WAYS[a].servers === WAYS[b].servers);

/** All pairs, neighbours first. */
export const PAIRS: readonly Pair[] = COMPUTES.flatMap((a, i) =>
  COMPUTES.slice(i + 1).map((b): Pair => [a, b]),
).toSorted((one, other) => Number(isNeighbours(other)) - Number(isNeighbours(one)));

/** Equal lines around a difference. */
const CONTEXT = 2;

/** Lines that only the first has, and only the second. */
export function differing(sources: Readonly<Record<Compute, string>>, [a, b]: Pair) {
  const { hunks } = structuredPatch(sourceOf(a), sourceOf(b), sources[a], sources[b], '', '', { context: CONTEXT });
  const count = (sign: string) => hunks.flatMap(({ lines }) => lines).filter((line) => line.startsWith(sign)).length;
  return { hunks, removed: count('-'), added: count('+') };
}

export function pairHtml(sources: Readonly<Record<Compute, string>>, pair: Pair): string {
  const [a, b] = pair;
  const { hunks, removed, added } = differing(sources, pair);
  const line = (said: string) => {
    const tag = said.startsWith('-') ? 'del' : said.startsWith('+') ? 'ins' : 'span';
    return `<${tag}>${text(said)}</${tag}>`;
  };
  const parts = hunks.map(
    ({ oldStart, newStart, lines }) =>
      `<span class="at">line ${oldStart} of ${sourceOf(a)}, line ${newStart} of ${sourceOf(b)}</span>${lines.map(line).join('')}`,
  );
  return `<p>${removed} lines only in ${wayName(a)} (\u2212), ${added} only in ${wayName(b)} (+). The rest is equal.</p>
<pre class="pair">${parts.join('')}</pre>`;
}
