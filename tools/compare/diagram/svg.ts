import { FOUR_WAYS, WAYS } from '../../../lib/ways';
import { text } from '../../html';
import { colours } from '../page/style';
import { type Architecture, type Node, ROLES, type Role } from './architecture';
import { type Box, edgeId, type Layout, type Route } from './layout';

/** px from the corner of a bend. */
const RADIUS = 6;

/**
 * Draws one way: its boxes and arrows where {@link Layout} has them, and an empty frame where other ways have what this
 * one does without. Colours are CSS variables of the page; `standalone` brings its own, for light and dark.
 */
export function svg(drawn: Architecture, layout: Layout, { standalone = false } = {}): string {
  const { way, nodes, edges, absent } = drawn;
  const { width, height, boxes, routes } = layout;
  const title = `How ${WAYS[way].title} works, from its template`;
  const marker = `arrow-${way}`;
  const frames = absent.flatMap(({ role }) => (boxes[role] ? [empty(role, boxes[role])] : []));
  const arrows = edges.map((edge) => arrow(routes[edgeId(edge)] as Route, marker));
  const labels = edges.map((edge) => label(routes[edgeId(edge)] as Route, edge.verb));
  const cards = nodes.map((node) => card(node, boxes[node.role] as Box));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="diagram ${way}" role="img" aria-label="${text(title)}">
<title>${text(title)}</title>
${standalone ? `<style>${STYLE}${standaloneStyle()}</style>\n<rect class="paper" width="100%" height="100%"/>\n` : ''}<defs><marker id="${marker}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0.5 8 4 0 7.5z"/></marker></defs>
${[...frames, ...arrows, ...cards, ...labels].join('\n')}
</svg>`;
}

/** A diagram in words: its boxes, its arrows, its empty frames. */
export function sentences({ nodes, edges, absent }: Architecture): readonly string[] {
  return [
    ...nodes.map(({ role, title, detail }) => `${ROLES[role]}: ${title}, ${detail}.`),
    ...edges.map(({ from, to, verb, because }) => `${ROLES[from]} \u2192 ${ROLES[to]}: ${verb} (from ${because}).`),
    ...absent.map(({ role, reason }) => `${ROLES[role]}: none; ${reason}.`),
  ];
}

function card({ role, title, detail, theirs }: Node, { x, y, width, height }: Box): string {
  const middle = round(x + width / 2);
  return `<g class="card ${role}${theirs ? ' theirs' : ''}"><rect x="${round(x)}" y="${round(y)}" width="${width}" height="${height}" rx="6"/>
<text class="part" x="${middle}" y="${round(y + 20)}">${text(ROLES[role])}</text><text class="title" x="${middle}" y="${round(y + 39)}">${text(title)}</text><text class="detail" x="${middle}" y="${round(y + 57)}">${text(detail)}</text></g>`;
}

function empty(role: Role, { x, y, width, height }: Box): string {
  return `<g class="none"><rect x="${round(x)}" y="${round(y)}" width="${width}" height="${height}" rx="6"/><text x="${round(x + width / 2)}" y="${round(y + height / 2 + 4)}">no ${text(ROLES[role].toLowerCase())}</text></g>`;
}

/** A line with rounded bends. */
function arrow({ points }: Route, marker: string): string {
  const path = points.map((point, i) => {
    const before = points[i - 1];
    const after = points[i + 1];
    if (!before) return `M${at(point)}`;
    if (!after) return `L${at(point)}`;
    return `L${at(towards(point, before))}Q${at(point)} ${at(towards(point, after))}`;
  });
  return `<path class="arrow" d="${path.join('')}" marker-end="url(#${marker})"/>`;
}

type Point = Route['points'][number];

function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const part = Math.min(RADIUS, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

const label = ({ label: { x, y } }: Route, verb: string) =>
  `<text class="verb" x="${round(x)}" y="${round(y + 4)}">${text(verb)}</text>`;

const round = (value: number) => Math.round(value * 10) / 10;
const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`;

/** Of diagrams, wherever they are. */
export const STYLE = `
.diagram text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; font-size: 13px; text-anchor: middle;
  fill: var(--quiet); }
.diagram .title { font-size: 15px; font-weight: 600; fill: var(--ink); }
.diagram .card rect { fill: var(--card); stroke: var(--strong); stroke-width: 1; }
.diagram .worker rect { stroke: var(--own); stroke-width: 2.5; fill: var(--card); fill: color-mix(in srgb, var(--own) 9%, var(--card)); }
.diagram .theirs rect { stroke-dasharray: 4 3; }
.diagram .none rect { fill: none; stroke: var(--strong); stroke-dasharray: 1 5; stroke-linecap: round; }
.diagram .none text { fill: var(--quiet); font-style: italic; }
.diagram .arrow { fill: none; stroke: var(--quiet); stroke-width: 1.25; }
.diagram .head { fill: var(--quiet); }
.diagram .verb { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
`;

/** What the page has around its diagrams, for one that is a file of its own. */
const standaloneStyle = () => `${colours()}
.paper { fill: var(--paper); }
${FOUR_WAYS.map((way) => `.${way} { --own: var(--${way}); }`).join(' ')}
`;
