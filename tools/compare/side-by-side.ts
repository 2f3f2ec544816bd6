import { readFileSync } from 'node:fs';
import path from 'node:path';
import { diffArrays } from 'diff';
import { sourceOf } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import { byWay } from './ways';

/** The nine sections that every stack file has, and what it means when one has nothing in it. */
export const SECTIONS = [
  ['Data', 'The service keeps waiting work itself, where nobody can look into it.'],
  ['Network', 'The service runs in a network of its own: nothing to route, to close or to pay for.'],
  ['Logs', 'The service writes logs without being told where.'],
  ['Package', 'The service needs nothing but the code.'],
  ['Compute', 'There is nothing that runs.'],
  ['Trigger', 'Work is asked for instead of being announced.'],
  ['Permissions', 'The service acts on its own behalf, and the worker needs no right for it.'],
  ['Scaling', 'The service decides how many run: there is no rule to get wrong, and none to set.'],
  ['Outputs', 'There is nothing to look at.'],
] as const;
export type SectionName = (typeof SECTIONS)[number][0];

/** A line of each way, where it has one. */
type Cells = Partial<Record<Compute, string>>;

/** One line of the stack files, and the ways that have it. Each has its own indentation. */
export interface Row {
  readonly cells: Readonly<Cells>;
}

/** One of the nine sections of the stack files. */
export interface Section {
  readonly name: SectionName;
  /** What it says when a way has nothing in it. */
  readonly empty: string;
  readonly rows: readonly Row[];
  /** The ways that have only a comment there, with its words: the empty cells. */
  readonly reasons: Readonly<Cells>;
}

/** The text of the stack files. */
export function stackSources(root = path.resolve(__dirname, '../..')): Record<Compute, string> {
  return byWay((way) => readFileSync(path.join(root, sourceOf(way)), 'utf8'));
}

/** The stack files, section by section, aligned. @throws Error naming a section that a file lacks */
export function sourceSections(sources: Readonly<Record<Compute, string>>): readonly Section[] {
  return SECTIONS.map(([name, empty]) => {
    const lines = byWay((way) => sectionLines(way, sources[way], name));
    const only = COMPUTES.filter((way) => lines[way].every((line) => /^\s*\/\//.test(line)));
    const words = (way: Compute) => lines[way].map((line) => line.replace(/^\s*\/\/ ?/, '')).join(' ');
    const reasons: Cells = Object.fromEntries(only.map((way) => [way, words(way)]));
    return { name, empty, rows: align(lines), reasons };
  });
}

/** What stands under a heading, without the indentation of the constructor. */
function sectionLines(way: Compute, source: string, name: SectionName): readonly string[] {
  const [, ...parts] = source.split(/^ {4}\/\/ \d\. (\w+)$/gm);
  const at = parts.indexOf(name);
  if (at < 0) throw new Error(`${sourceOf(way)} has no section "${name}": expected a heading "// n. ${name}"`);
  // The last one ends with the constructor.
  const [text = ''] = (parts[at + 1] as string).split('\n  }\n}\n');
  return text.trim().replace(/^ {4}/gm, '').split('\n');
}

/**
 * Aligns the columns: each is laid, by the longest common subsequence, beside the ones before it. A line that equals that
 * of a row joins the row.
 */
export function align(columns: Readonly<Record<Compute, readonly string[]>>): readonly Row[] {
  // Neighbours have most in common, and Lambda least with any.
  const order: readonly Compute[] = ['ec2', 'ecs-ec2', 'ecs-fargate', 'eks-ec2', 'eks-fargate', 'lambda'];
  // Brackets alone are no reason to be beside each other: they come there by what is above them.
  const same = (a: string, b: string) => a.trim() === b.trim() && /\w/.test(a);
  const comparator = (row: Cells | string, line: Cells | string) =>
    Object.values(row as Cells).some((cell) => same(cell, line as string));
  let rows: Cells[] = [];
  for (const way of order) {
    const next: Cells[] = [];
    let [row, line] = [0, 0];
    for (const { added, removed, count } of diffArrays<Cells | string>(rows, [...columns[way]], { comparator })) {
      for (let i = 0; i < count; i++) {
        const before = added ? {} : (rows[row++] as Cells);
        next.push(removed ? before : { ...before, [way]: columns[way][line++] as string });
      }
    }
    rows = next;
  }
  return rows.map((cells) => ({ cells }));
}
