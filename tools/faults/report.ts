import { type Screen, screenOf, table, visible, wrapped } from '../terminal';
import type { Row } from './run';

/** The results of a fault run: for people, and for programs. */

const PROMISES = ['lost', 'missing', 'extra', 'different', 'outdated'] as const;

/** One row per scenario and way; under it what was injected and measured, and in words what was broken. */
export function report(rows: readonly Row[], screen: Screen = screenOf(process.stdout)): string {
  const { columns } = screen;
  const head = ['scenario', 'way', 'pictures', 'again', 'time', ''];
  const cells = rows.map((row) => [
    row.scenario,
    row.way,
    ...[row.images, row.redelivered].map(String),
    `${row.seconds.toFixed(0)} s`,
    row.ok ? 'holds' : 'BROKEN',
  ]);
  const legend = LEGEND.map((line) => wrapped(line, columns));
  return [table(head, cells, 2, screen), ...legend, '', ...rows.flatMap((row) => details(row, columns))].join('\n');
}

/** For the columns that do not explain themselves. */
const LEGEND = [
  'holds: no object without a result (lost), no rendition missing, none that nobody asked for (extra), each with the same bytes as in a run without faults (else different), and the newest version is there (else outdated)',
  'again: redeliveries and further attempts, after waits that are cut to a second or two',
];

function details(row: Row, columns: number): string[] {
  const { scenario, way, faults, measured, broken } = row;
  const list = (values: Readonly<Record<string, string | number>>) =>
    Object.entries(values).map(([name, value]) => `${name} ${value}`);
  const all = [...list(faults), ...list(measured)];
  const counts = list(
    Object.fromEntries(PROMISES.map((promise) => [promise, row[promise]]).filter(([, n]) => n !== 0)),
  );
  const say = (what: string) => wrapped(visible(`${scenario} ${way}: ${what}`), columns, '  ').trimStart();
  return [
    ...(all.length > 0 ? [say(all.join(', '))] : []),
    ...(counts.length > 0 ? [say(`BROKEN: ${counts.join(', ')}`)] : []),
    ...broken.map((what) => say(`BROKEN: ${what}`)),
  ];
}

/** The results for a program: `{ schema: 1, date, seed, rows }`. */
export function toJson(seed: number, date: Date, rows: readonly Row[]): string {
  return `${JSON.stringify({ schema: 1, date: date.toISOString().slice(0, 10), seed, rows }, undefined, 2)}\n`;
}
