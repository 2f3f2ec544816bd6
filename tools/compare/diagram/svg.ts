import { WAYS } from '../../../lib/ways';
import { text } from '../../html';
import { colours } from '../page/style';
import { type Architecture, ROLES, type Role } from './architecture';

/** How arrows go from one box to another, and where the last line of what they say stands. */
const ROUTES: Readonly<Record<string, readonly [path: string, labelX: number, labelY: number]>> = {
  'source queue': ['M370 70V106', 376, 91],
  'source worker': ['M520 70V206', 526, 91],
  'ageAlarm queue': ['M206 38H318V106', 262, 32],
  'failureAlarm failures': ['M701 70V106', 707, 91],
  'scaler queue': ['M206 138H296', 251, 132],
  'queue failures': ['M496 138H601', 563, 132],
  'worker failures': ['M534 206V138H601', 567, 132],
  'scaler orchestrator': ['M106 170V206', 112, 191],
  'worker queue': ['M350 206V170', 356, 191],
  'worker source': ['M506 206V70', 463, 191],
  'orchestrator worker': ['M206 224H296', 251, 218],
  'worker orchestrator': ['M296 252H206', 251, 281],
  'worker output': ['M540 288H601', 570, 282],
  'host worker': ['M206 338H296', 251, 332],
  'hostScaler host': ['M106 406V370', 112, 391],
  'worker shipper': ['M396 370V406', 402, 391],
  'worker logs': ['M518 370V438H601', 562, 432],
  'shipper logs': ['M496 438H601', 548, 432],
};

/** Draws one way. Colours are CSS variables of the page; `standalone` brings its own, for light and dark. */
export function svg({ way, nodes, edges, absent }: Architecture, { standalone = false } = {}): string {
  const title = text(`How ${WAYS[way].title} works, from its template`);
  const own = `<style>${STYLE}${colours()}\n.diagram { --own: var(--${way}, var(--strong)); }</style>
<rect width="100%" height="100%" fill="var(--paper)"/>\n`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 807 476" width="807" height="476" class="diagram ${way}" role="img" aria-label="${title}">
<title>${title}</title>
${standalone ? own : ''}<defs><marker id="arrow-${way}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path fill="var(--quiet)" d="M0 0.5 8 4 0 7.5z"/></marker></defs>
${[
  ...absent.map(({ role, reason }) => box(role, 'none', `no ${ROLES[role][0].toLowerCase()}`, ...wrapped(reason, 25))),
  ...nodes.map(({ role, title: what, detail }) => box(role, `card ${role}`, ROLES[role][0], what, detail)),
  ...edges.map((edge) => arrow(edge, `arrow-${way}`)),
].join('\n')}
</svg>`;
}

/** A diagram in words: its boxes, its arrows, its empty frames. */
export function sentences({ nodes, edges, absent }: Architecture): readonly string[] {
  return [
    ...nodes.map(({ role, title, detail }) => `${ROLES[role][0]}: ${title}, ${detail}.`),
    ...edges.map(({ from, to, verb, because }) => `${ROLES[from][0]} → ${ROLES[to][0]}: ${verb} (from ${because}).`),
    ...absent.map(({ role, reason }) => `${ROLES[role][0]}: none; ${reason}.`),
  ];
}

function box(role: Role, kind: string, ...lines: readonly string[]): string {
  const [, x, y] = ROLES[role];
  const [width, height] = role === 'worker' ? [244, 164] : [200, 64];
  const first = y + height / 2 + 5 - 9.5 * (lines.length - 1);
  const texts = lines.map((line, i) => `<text x="${x + width / 2}" y="${first + 19 * i}">${text(line)}</text>`);
  return `<g class="${kind}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>${texts.join('')}</g>`;
}

function arrow({ from, to, verb }: Architecture['edges'][number], marker: string): string {
  const [path = '', x = 0, y = 0] = ROUTES[`${from} ${to}`] ?? [];
  // Beside a line that goes up or down there is room for all of it.
  const [kind, lines] = path.includes('H') ? ['verb', wrapped(verb, 10)] : ['verb beside', [verb]];
  const first = y - 15 * (lines.length - 1);
  const texts = lines.map((line, i) => `<text class="${kind}" x="${x}" y="${first + 15 * i}">${text(line)}</text>`);
  return `<path class="arrow" d="${path}" marker-end="url(#${marker})"/>${texts.join('')}`;
}

/** Lines of so many characters at most. */
const wrapped = (words: string, most: number) => words.match(new RegExp(`\\S.{0,${most - 1}}(?= |$)`, 'g')) ?? [];

/** Of diagrams, wherever they are. */
export const STYLE = `
.diagram text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; text-anchor: middle; fill: var(--quiet); }
.diagram .card text:nth-of-type(2) { font-size: 15px; font-weight: 600; fill: var(--ink); }
.diagram .card rect { fill: var(--card); stroke: var(--strong); }
.diagram .worker rect { stroke: var(--own); stroke-width: 2.5; fill: color-mix(in srgb, var(--own) 9%, var(--card)); }
.diagram .none rect { fill: none; stroke: var(--strong); stroke-dasharray: 4 4; }
.diagram .none text { font-style: italic; }
.diagram .arrow { fill: none; stroke: var(--quiet); stroke-width: 1.25; stroke-linejoin: round; }
.diagram .verb { fill: var(--ink); }
.diagram .beside { text-anchor: start; }
`;
