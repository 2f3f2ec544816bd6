import { rmSync } from 'node:fs';
import { buildBundles } from '../../tools/build/build';
import { RUN_CACHE, TEST_DIST } from './host-bundles';

/** jest's globalSetup: forgets what an earlier run has made, and builds what is shipped, for the tests to start. */
// biome-ignore lint/style/noDefaultExport: jest asks for it.
export default async function globalSetup(): Promise<void> {
  rmSync(RUN_CACHE, { recursive: true, force: true });
  await buildBundles(['host'], TEST_DIST);
}
