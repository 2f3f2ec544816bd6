import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Template } from '../../tools/templates';
import type { Compute } from '../../workload/contract';
import { RUN_CACHE } from './host-bundles';

/**
 * The four templates, as `tools/templates.ts` makes them. Made once for each run of jest, by the first test file that
 * asks: loading the CDK takes seconds. The next run makes them anew.
 *
 * @returns a copy that the caller may change
 */
export function templates(): Record<Compute, Template> {
  const file = path.join(RUN_CACHE, 'templates.json');
  if (!existsSync(file)) {
    const { templates: make } = jest.requireActual<typeof import('../../tools/templates')>('../../tools/templates');
    // The CDK warns of what it does itself.
    const warn = jest.spyOn(console, 'warn').mockImplementation();
    const made = JSON.stringify(make());
    warn.mockRestore();
    // Two files may ask at the same time: both write the same, and nobody reads a half of it.
    mkdirSync(RUN_CACHE, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, made);
    renameSync(`${file}.${process.pid}`, file);
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}
