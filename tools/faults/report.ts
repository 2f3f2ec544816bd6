import Table from 'cli-table3';
import type { Row } from './run';

/** The results of a fault run: for people, and for programs. */

const PROMISES = ['lost', 'missing', 'extra', 'different', 'outdated'] as const;

/** One row per scenario and way; under it what was injected and measured, and in words what was broken. */
export function table(rows: readonly Row[]): string {
  const counts = ['images', ...PROMISES, 'again', 'time'];
  const head = ['scenario', 'way', ...counts, ''];
  const text = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((name) => (counts.includes(name) ? 'right' : 'left')),
  });
  for (const row of rows) {
    text.push([
      row.scenario,
      row.way,
      row.images,
      ...PROMISES.map((promise) => row[promise]),
      row.redelivered,
      `${row.seconds} s`,
      row.ok ? 'holds' : 'BROKEN',
    ]);
  }
  return [text.toString(), LEGEND, '', ...rows.flatMap(details)].join('\n');
}

/** For the columns that do not explain themselves. */
const LEGEND = [
  'lost: objects without any result · missing: renditions · extra, different: objects nobody asked for, or with other',
  'bytes than in a run without faults · outdated: an older version where the newest should be · all of these must be 0',
  'again: redeliveries and further attempts',
].join('\n');

function details({ scenario, way, faults, measured, broken }: Row): string[] {
  const list = (values: Readonly<Record<string, string | number>>) =>
    Object.entries(values).map(([name, value]) => `${name} ${value}`);
  const all = [...list(faults), ...list(measured)];
  return [
    ...(all.length > 0 ? [`${scenario} ${way}: ${all.join(', ')}`] : []),
    ...broken.map((what) => `${scenario} ${way}: BROKEN: ${what}`),
  ];
}

/** The results for a program: `{ schema: 1, date, seed, rows }`. */
export function toJson(seed: number, date: Date, rows: readonly Row[]): string {
  return `${JSON.stringify({ schema: 1, date: date.toISOString().slice(0, 10), seed, rows }, undefined, 2)}\n`;
}
