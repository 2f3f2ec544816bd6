import * as contract from '../../../workload/contract';
import type { Template } from '../../templates';

/**
 * One thing that a text rests on. Most are in the template of its way; `workload/contract.ts` as a type stands for that file,
 * which has what the workload does by itself.
 */
export type Rest =
  /** At least one resource has this type. */
  | readonly [type: string]
  /** Exactly so many resources have it. */
  | readonly [type: string, count: number]
  /** At least one of them has this value there, in its properties or beside them: `['AWS::SQS::Queue', 'Tags.0.Key', 'a']`. */
  | readonly [type: string, path: string, value: unknown]
  /** The JSON of the template contains this, or does not. Without quotes, because manifests are JSON in a string. */
  | readonly ['text' | 'no text', text: string];

/** Texts by the ways that they are for, as `"ec2, lambda"`. `null`: these ways have no such thing. */
export type Texts<Text> = Readonly<Record<string, Text | null>>;

/**
 * The text of a way, after all that it rests on was found.
 * @throws Error in one line, when the file has no text for the way, or when the text is no longer true
 */
export function textOf<Text extends { readonly rests: readonly Rest[] }>(
  file: string,
  title: string,
  texts: Texts<Text>,
  way: contract.Compute,
  template: Template,
): Text | null {
  const [, text] = Object.entries(texts).find(([ways]) => ways.split(', ').includes(way)) ?? [];
  if (text === undefined) throw new Error(`${file}: "${title}" says nothing of ${way}`);
  if (text) held(way, template, text.rests, `${file}: "${title}"`);
  return text;
}

/** @param text which one, for the message. @throws Error in one line, when the template says something else */
export function held(way: contract.Compute, template: Template, rests: readonly Rest[], text: string): void {
  for (const rest of rests) {
    const instead = contradiction(template, rest);
    const said = rest.map((part, i) => (i < 2 ? part : JSON.stringify(part))).join(' ');
    if (instead) throw new Error(`${text} is no longer true of ${way}: it rests on ${said}, but ${instead}`);
  }
}

function contradiction({ Resources }: Template, [type, at, value]: Rest): string | undefined {
  if (type === 'text' || type === 'no text') {
    const there = JSON.stringify(Resources).replace(/[\\"]/g, '').includes(String(at));
    return there === (type === 'text') ? undefined : `the template ${there ? 'contains' : 'does not contain'} that`;
  }
  const all =
    type === 'workload/contract.ts' ? [contract] : Object.values(Resources).filter(({ Type }) => Type === type);
  if (typeof at === 'number') return all.length === at ? undefined : `the template has ${all.length}`;
  if (all.length === 0) return 'the template has none';
  if (at === undefined) return undefined;
  const found = all.map((one) => JSON.stringify(valueAt({ ...one, ...('Properties' in one && one.Properties) }, at)));
  if (found.includes(JSON.stringify(value))) return undefined;
  return `the template says ${[...new Set(found)].filter(Boolean).join(' or ') || 'nothing there'}`;
}

/** Elements of a list by their number. */
export const valueAt = (of: unknown, path: string): unknown =>
  path.split('.').reduce((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], of);
