import { readFileSync } from 'node:fs';
import type { Measured } from './fit';
import { valueAt } from './held';

/** Reads what `npm run bench` has measured. For Node; what is made of it is in `fit.ts`. */

const REMEDY = 'run npm run bench';

/**
 * Checks the parts that the model reads. Others may be there, and are kept; images whose job was not measured are not.
 * @throws Error, in one line, naming the value that is missing or wrong and the remedy
 */
export function readMeasured(file: string): Measured {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new Error(`there are no measurements in ${file}: ${REMEDY}`);
  }
  // biome-ignore lint/suspicious/noExplicitAny: what it is, is found out below.
  let value: any;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON: ${REMEDY}`);
  }
  const check = (name: string, expected: string, holds: (found: unknown) => boolean) => {
    const found = valueAt(value, name);
    if (!holds(found)) throw new Error(`${file} has ${name} ${JSON.stringify(found)}, expected ${expected}: ${REMEDY}`);
  };
  const isText = (found: unknown) => typeof found === 'string' && found !== '';
  const isPositive = (found: unknown) => typeof found === 'number' && found > 0;
  const isWhole = (image: { jobCpuMs?: unknown } | null) => image?.jobCpuMs !== null;
  check('schema', '1', (found) => found === 1);
  check('date', 'a day such as 2026-11-23', (found) => /^\d{4}-\d{2}-\d{2}/.test(String(found)));
  for (const name of ['cpu', 'os', 'arch']) check(`machine.${name}`, 'a text', isText);
  check('machine.cores', 'a number above 0', isPositive);
  check(
    'perImage',
    'two images or more whose whole job was measured',
    (found) => Array.isArray(found) && found.filter(isWhole).length >= 2,
  );
  for (const [index, image] of value.perImage.entries()) {
    if (!isWhole(image)) continue;
    for (const name of ['name', 'inputFormat', 'outputFormat']) check(`perImage.${index}.${name}`, 'a text', isText);
    for (const name of ['megapixels', 'bytesIn', 'bytesOut', 'jobCpuMs'])
      check(`perImage.${index}.${name}`, 'a number above 0', isPositive);
  }
  return { ...value, perImage: value.perImage.filter(isWhole) };
}
