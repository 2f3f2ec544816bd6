import { readFileSync } from 'node:fs';
import type { Measured } from './fit';

/** Reads what `npm run bench` has measured. For Node; what is made of it is in `fit.ts`. */

const REMEDY = 'run npm run bench';

/** @throws Error, in one line, naming the value that is missing or wrong and the remedy */
export function readMeasured(file: string): Measured {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new Error(`there are no measurements in ${file}: ${REMEDY}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON: ${REMEDY}`);
  }
  return checkMeasured(parsed, file);
}

/** Checks the parts that the model reads. Others may be there, and are kept; images whose job was not measured are not. */
export function checkMeasured(value: unknown, file: string): Measured {
  const wrong = (name: string, found: unknown, expected: string): never => {
    throw new Error(`${file} has ${name} ${JSON.stringify(found)}, expected ${expected}: ${REMEDY}`);
  };
  const at = (name: string): unknown =>
    name.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
  const positive = (name: string) => {
    const found = at(name);
    if (typeof found !== 'number' || !(found > 0)) wrong(name, found, 'a number above 0');
  };
  const text = (name: string) => {
    const found = at(name);
    if (typeof found !== 'string' || found === '') wrong(name, found, 'a text');
  };
  if (at('schema') !== 1) wrong('schema', at('schema'), '1');
  if (!/^\d{4}-\d{2}-\d{2}/.test(String(at('date')))) wrong('date', at('date'), 'a day such as 2026-11-23');
  for (const name of ['machine.cpu', 'machine.os', 'machine.arch']) text(name);
  positive('machine.cores');
  const images = at('perImage');
  const whole = Array.isArray(images) ? images.filter((image) => image?.jobCpuMs !== null) : [];
  if (whole.length < 2) wrong('perImage', images, 'two images or more whose whole job was measured');
  for (const index of (images as unknown[]).keys()) {
    if (at(`perImage.${index}.jobCpuMs`) === null) continue;
    for (const name of ['name', 'inputFormat', 'outputFormat']) text(`perImage.${index}.${name}`);
    for (const name of ['megapixels', 'renditions', 'bytesIn', 'bytesOut', 'jobCpuMs'])
      positive(`perImage.${index}.${name}`);
  }
  return { ...(value as Measured), perImage: whole };
}
