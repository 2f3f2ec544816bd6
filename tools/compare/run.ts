import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pageOf } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import { templates } from '../templates';
import { newestDeployment, seenText } from '../try/evidence';
import { type Comparison, compare } from './comparison';
import { svg } from './diagram/svg';
import { charts, type Made, markdown, sentence } from './markdown';
import { readMeasured } from './model/measured';
import type { FaultResults } from './page/failure';
import { page } from './page/page';
import { stackSources } from './questions';
import { byWay } from './ways';

/**
 * Compares the stacks. What is committed comes first: `COMPARISON.md` and its pictures; the page comes last.
 * @param root of the repository: the stacks' files, `evidence/bench/results.json`, `evidence/faults/results.json`
 * @throws Error in one line, with the remedy, when there are no measurements
 */
export async function makeComparison(
  root: string,
): Promise<{ readonly files: readonly Made[]; readonly json: string }> {
  const below = (file: string) => path.relative('.', path.join(root, file));
  const measured = readMeasured(below('evidence/bench/results.json'));
  const faults = readFaults(below('evidence/faults/results.json'));
  const comparison = await compare({
    sandbox: templates(),
    production: templates({ production: true }),
    stacks: stackSources(root),
    measured,
    seen: byWay((way) => seenText(newestDeployment(way))),
    ...(faults && { faults }),
  });
  const files = [
    ...markdown(comparison),
    ...COMPUTES.map((way) => seenOnPage(root, way, comparison.seen[way])),
    ...comparison.architectures.map((drawn) => ({
      file: `docs/diagrams/${drawn.way}.svg`,
      text: `${svg(drawn, { standalone: true })}\n`,
    })),
    ...charts(comparison),
    { file: 'dist/compare/index.html', text: await page(comparison) },
  ];
  return { files, json: toJson(comparison) };
}

/** The page of a way, with what may be said of it on AWS: its one line in italics that says so. */
function seenOnPage(root: string, way: Compute, seen: string): Made {
  const file = pageOf(way);
  const text = readFileSync(path.join(root, file), 'utf8');
  return { file, text: text.replace(/^\*(?:Not yet seen|Seen) on AWS.*\*$/m, `*${sentence(seen)}*`) };
}

/** The figures, for a program: one line. */
function toJson({ state, date, costs, one, owned }: Comparison): string {
  const oneImageFromIdle = byWay((way) => one[way].figures);
  return JSON.stringify({ schema: 2, date, inputs: state, costs, oneImageFromIdle, owned });
}

/** @throws Error in one line when the file is there and is not what `npm run faults` writes */
export function readFaults(file: string): FaultResults | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const remedy = 'run npm run faults';
  let parsed: FaultResults;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON: ${remedy}`);
  }
  if (parsed.schema !== 1 || !Array.isArray(parsed.rows)) {
    throw new Error(`${file} has schema ${JSON.stringify(parsed.schema)}, expected 1 and a list of rows: ${remedy}`);
  }
  return parsed;
}
