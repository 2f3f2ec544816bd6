import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sourceOf } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import written from './data/questions.json';
import { byWay } from './ways';

/** A line of a stack file. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** What somebody asks when the stacks lie side by side, and where each way answers. */
export interface Question {
  readonly title: string;
  /** The answer in a sentence or two. */
  readonly said: string;
  /** The lines that answer it; a text where there are none, which is an answer too. */
  readonly ways: Readonly<Record<Compute, readonly Line[] | string>>;
}

/** An anchor is a part of one line, of one line only. */
type Written = Omit<Question, 'ways'> & { readonly ways: Readonly<Record<string, readonly string[] | string>> };

/** The text of the stack files. */
export function stackSources(root = path.resolve(__dirname, '../..')): Record<Compute, string> {
  return byWay((way) => readFileSync(path.join(root, sourceOf(way)), 'utf8'));
}

/** The questions with the lines of these files. @throws Error in one line, when an anchor is not in exactly one line */
export function answeredBy(sources: Readonly<Record<Compute, string>>): readonly Question[] {
  return (written as unknown as readonly Written[]).map(({ title, said, ways }) => ({
    title,
    said,
    ways: byWay((way) => {
      const [, found] = Object.entries(ways).find(([each]) => each.split(', ').includes(way)) ?? [];
      if (found === undefined) throw new Error(`tools/compare/data/questions.json: "${title}" says nothing of ${way}`);
      return typeof found === 'string' ? found : found.map((anchor) => lineOf(sources[way], way, anchor, title));
    }),
  }));
}

function lineOf(source: string, way: Compute, anchor: string, title: string): Line {
  const lines = source.split('\n').map((text, i) => ({ number: i + 1, text: text.trim() }));
  const found = lines.filter(({ text }) => text.includes(anchor));
  if (found.length === 1) return found[0] as Line;
  throw new Error(
    `tools/compare/data/questions.json: "${title}" looks for ${JSON.stringify(anchor)}, which is in ${found.length} lines of ${sourceOf(way)}`,
  );
}

/** The answers of a question, each once, with the ways that give it. */
export function together({
  ways,
}: Question): { readonly of: readonly Compute[]; readonly answer: readonly Line[] | string }[] {
  const said = (way: Compute) => {
    const answer = ways[way];
    return typeof answer === 'string' ? answer : answer.map(({ text }) => text).join('\n');
  };
  return [...new Set(COMPUTES.map(said))].map((each) => {
    const of = COMPUTES.filter((way) => said(way) === each);
    return { of, answer: ways[of[0] as Compute] };
  });
}
