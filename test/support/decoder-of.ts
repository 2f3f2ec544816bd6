import { existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { SCRIPT_OPTIONS } from '../../tools/build/build';
import { KINDS } from '../../tools/build/entry-points';
import { TEST_DIST } from './host-bundles';

/**
 * Builds a decoder as it is shipped, but for its job: a test of the decoder has one of its own, whatever the project's is.
 * In the test's own process `workload/transform` is to be mocked by the same job.
 *
 * @param job the file in place of `workload/transform.ts`
 * @param outfile in a folder of the test
 */
export async function buildDecoderOf(job: string, outfile: string): Promise<void> {
  const packages = path.join(path.dirname(outfile), 'node_modules');
  if (!existsSync(packages)) symlinkSync(path.join(TEST_DIST, `${KINDS[0]}-host/node_modules`), packages, 'junction');
  await build({
    ...SCRIPT_OPTIONS,
    entryPoints: ['workload/decoder-child.ts'],
    outfile,
    plugins: [
      ...SCRIPT_OPTIONS.plugins,
      {
        name: 'another job',
        setup: ({ onResolve }) => onResolve({ filter: /^\.\/transform$/ }, () => ({ path: job })),
      },
    ],
  });
}

/** The job of this project as it was made: renditions of pictures. */
export const RENDITIONS_JOB = path.resolve(__dirname, '../../workload/renditions.ts');
