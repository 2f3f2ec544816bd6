import { readFileSync } from 'node:fs';
import path from 'node:path';
import { diffArrays } from 'diff';
import { FOUR_WAYS, type FourWay, sourceOf } from '../../lib/ways';
import type { Resource, Template } from '../templates';

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

/** The stack files, below `lib/`. */

/** One line of the aligned columns. A column without a line there has none. */
export interface Row {
  readonly cells: Readonly<Partial<Record<FourWay, string>>>;
  /**
   * Which columns say the same, as a letter for each way in the order of {@link FOUR_WAYS}: `aaba`, and `-` where there
   * is no line. Indentation does not count.
   */
  readonly pattern: string;
}

/** One of the nine sections, of the four files or of the four templates. */
export interface Section {
  readonly name: SectionName;
  /** What it says when a way has nothing in it. */
  readonly empty: string;
  readonly rows: readonly Row[];
  /** The ways that have only a comment there, with its words: the empty cells. */
  readonly reasons: Readonly<Partial<Record<FourWay, string>>>;
}

const HEADING = /^ {4}\/\/ \d\. (\w+)$/gm;

/** The text of the four stack files. */
export function stackSources(root = path.resolve(__dirname, '../..')): Record<FourWay, string> {
  return byWay((way) => readFileSync(path.join(root, sourceOf(way)), 'utf8'));
}

/** The four stack files, section by section, aligned. @throws Error naming a section that a file lacks */
export function sourceSections(sources: Readonly<Record<FourWay, string>>): readonly Section[] {
  return SECTIONS.map(([name, empty]) => {
    const lines = byWay((way) => sectionLines(way, sources[way], name));
    const reasons: Partial<Record<FourWay, string>> = {};
    for (const way of FOUR_WAYS) {
      if (lines[way].every((line) => /^\s*\/\//.test(line))) {
        reasons[way] = lines[way].map((line) => line.replace(/^\s*\/\/ ?/, '')).join(' ');
      }
    }
    return { name, empty, rows: align(lines), reasons };
  });
}

/** What stands under a heading, without the indentation of the constructor. */
function sectionLines(way: FourWay, source: string, name: SectionName): readonly string[] {
  const [, ...parts] = source.split(HEADING);
  const at = parts.indexOf(name);
  if (at < 0) throw new Error(`${sourceOf(way)} has no section "${name}": expected a heading "// n. ${name}"`);
  // The last one ends with the constructor.
  const text = (parts[at + 1] as string)
    .replace(/\n {2}\}\n\}\n$/, '')
    .replace(/^\n/, '')
    .trimEnd();
  return text.split('\n').map((line) => line.replace(/^ {4}/, ''));
}

/**
 * Aligns any number of columns: each is laid, by the longest common subsequence, beside the ones before it. A line that
 * equals one of a row's joins the row. Then every line moves up as far as the lines of its own column let it.
 */
export function align(columns: Readonly<Record<FourWay, readonly string[]>>): readonly Row[] {
  type Cells = Partial<Record<FourWay, string>>;
  // Those that poll have most in common.
  const order: readonly FourWay[] = ['ec2', 'ecs-fargate', 'eks-ec2', 'lambda'];
  // Brackets alone are no reason to be beside each other: they come there by what is above them.
  const same = (a: string, b: string) => a.trim() === b.trim() && /\w/.test(a);
  let rows: Cells[] = [];
  for (const way of order) {
    const comparator = (row: Cells | string, line: Cells | string) =>
      Object.values(row as Cells).some((cell) => same(cell, line as string));
    const next: Cells[] = [];
    let row = 0;
    let line = 0;
    for (const { added, removed, count } of diffArrays<Cells | string>(rows, [...columns[way]], { comparator })) {
      for (let i = 0; i < count; i++) {
        if (removed) next.push(rows[row++] as Cells);
        else if (added) next.push({ [way]: columns[way][line++] as string });
        else next.push({ ...rows[row++], [way]: columns[way][line++] as string });
      }
    }
    rows = next;
  }
  return packed(rows).map((cells) => ({ cells, pattern: pattern(cells) }));
}

/** Moves every row up to where its columns have room, beside what the other columns have there. */
function packed(rows: readonly Readonly<Partial<Record<FourWay, string>>>[]): readonly Row['cells'][] {
  const result: Partial<Record<FourWay, string>>[] = [];
  const height = byWay(() => 0);
  for (const row of rows) {
    const ways = Object.keys(row) as FourWay[];
    const level = Math.max(...ways.map((way) => height[way]));
    result[level] = { ...result[level], ...row };
    for (const way of ways) height[way] = level + 1;
  }
  return result;
}

function pattern(cells: Readonly<Partial<Record<FourWay, string>>>): string {
  const seen: string[] = [];
  return FOUR_WAYS.map((way) => {
    const line = cells[way]?.trim();
    if (line === undefined) return '-';
    if (!seen.includes(line)) seen.push(line);
    return 'abcd'.charAt(seen.indexOf(line));
  }).join('');
}

/**
 * Says which section's code makes a resource. A logical id starts with the path of its construct, and the section that
 * names the most of that path in its code has made it: `WorkersScaleOutUpperAlarm…` is of Scaling, which says
 * `'ScaleOut'`, while `WorkersASG…` is of Compute, which says `'Workers'`. Three kinds come from elsewhere than where
 * their construct is: what a grant adds belongs to Permissions, what a notification adds to Trigger, and CDK's helpers
 * to the section whose resources they help.
 */
export function sectionOf(id: string, { Type }: Resource, source: string): SectionName {
  if (/^(Custom::S3BucketNotifications|AWS::Lambda::Permission)$/.test(Type)) return 'Trigger';
  if (/^BucketNotificationsHandler|NotificationsHandlerPolicy/.test(id)) return 'Trigger';
  if (id.startsWith('CustomResourceLogs')) return 'Logs';
  if (id.startsWith('CustomS3AutoDelete')) return 'Data';
  if (id.startsWith('CustomVpcRestrict')) return 'Network';
  if (Type === 'AWS::IAM::Policy') return 'Permissions';
  if (/ScalableTarget$|ScalingPolicy$/.test(Type)) return 'Scaling';
  const [, ...parts] = source.split(HEADING);
  let best: { section: SectionName; reach: number } = { section: 'Compute', reach: 0 };
  for (const [section] of SECTIONS) {
    const code = parts[parts.indexOf(section) + 1] ?? '';
    // A construct of the stack itself starts the id; what a method adds to another construct comes later in it.
    for (const [, own, added = ''] of code.matchAll(/\(this, '(\w+)'|\.(?:scaleOn|add)\w+\('(\w+)'/g)) {
      const at = own ? Number(id.startsWith(own)) - 1 : id.indexOf(added);
      const reach = at < 0 ? 0 : at + (own ?? added).length;
      if (reach > best.reach) best = { section, reach };
    }
  }
  return best.section;
}

/** The resources of one section. */
export interface ResourceSection {
  readonly name: SectionName;
  readonly counts: Readonly<Record<FourWay, number>>;
  /** Their types and ids, aligned. */
  readonly rows: readonly Row[];
  /** For each of `rows`: the resources with their properties, aligned. */
  readonly properties: readonly (readonly Row[])[];
}

/** The resources of the four templates by section, aligned. */
export function resourceSections(
  templates: Readonly<Record<FourWay, Template>>,
  sources: Readonly<Record<FourWay, string>>,
): readonly ResourceSection[] {
  const names = byWay((way) => new RegExp(Object.keys(templates[way].Resources).join('|') || '^$', 'g'));
  const title = (id: string, { Type }: Resource) => `${Type} ${withoutHash(id)}`;
  return SECTIONS.map(([name]) => {
    const own = byWay((way) =>
      Object.entries(templates[way].Resources)
        .filter(([id, resource]) => sectionOf(id, resource, sources[way]) === name)
        .toSorted(([a, { Type: one }], [b, { Type: other }]) => compare(one, other) || compare(a, b)),
    );
    // Type by type: a resource stands beside others of its type, or beside nothing.
    const types = [...new Set(FOUR_WAYS.flatMap((way) => own[way].map(([, { Type }]) => Type)))].toSorted(compare);
    const rows = types.flatMap((type) =>
      align(
        byWay((way) => own[way].flatMap(([id, resource]) => (resource.Type === type ? [title(id, resource)] : []))),
      ),
    );
    const left = byWay((way) => [...own[way]]);
    const properties = rows.map(({ cells }) => {
      const lines = byWay((way) => {
        const [, resource] = (cells[way] === undefined ? undefined : left[way].shift()) ?? [];
        return resource ? outline(resource.Properties ?? {}, names[way]) : [];
      });
      return align(lines);
    });
    return { name, rows, counts: byWay((way) => own[way].length), properties };
  });
}

/** A value as indented lines, without the brackets of JSON; references as `<Id.Attribute>`, without hashes. */
function outline(value: unknown, ids: RegExp, indent = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const name = Array.isArray(value) ? '-' : `${key}:`;
    const short = inline(each, ids);
    if (short === undefined) return [`${indent}${name}`, ...outline(each, ids, `${indent}  `)];
    // Kubernetes objects are JSON in a text, boot scripts and handlers have lines of their own.
    const inner = parsed(short);
    if (inner !== undefined) return [`${indent}${name}`, ...outline(inner, ids, `${indent}  `)];
    const [first = '', ...others] = short.trimEnd().split('\n');
    return [
      `${indent}${name} ${first}`,
      ...others.filter((line) => line.trim() !== '').map((line) => `${indent}  ${line.replaceAll('\t', '  ')}`),
    ];
  });
}

/** Of a text that is JSON, what it says. */
function parsed(text: string): object | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value on one line, if it has room there. */
function inline(value: unknown, ids: RegExp): string | undefined {
  if (typeof value !== 'object' || value === null) {
    return String(value).replace(ids, withoutHash);
  }
  const [[key, of] = ['', undefined], ...others] = Object.entries(value);
  if (others.length > 0) return undefined;
  if (key === 'Ref') return `<${withoutHash(String(of))}>`;
  if (key === 'Fn::GetAtt') return `<${[of].flat().map(String).map(withoutHash).join('.')}>`;
  if (key === 'Fn::Sub') return inline(of, ids);
  if (key === 'Fn::Base64') return inline(of, ids);
  if (key === 'Fn::Join') {
    const [separator, parts] = of as [string, unknown[]];
    return parts.map((part) => inline(part, ids) ?? '\u2026').join(separator);
  }
  return undefined;
}

/** A logical id without the hash that CDK puts behind it. */
export const withoutHash = (id: string): string => id.replace(/[0-9A-F]{8}$/, '');

/** By code unit: the same everywhere, whatever the locale. */
const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/** One value for each way. */
export function byWay<Value>(of: (way: FourWay) => Value): Record<FourWay, Value> {
  return Object.fromEntries(FOUR_WAYS.map((way) => [way, of(way)])) as Record<FourWay, Value>;
}
