import path from 'node:path';
import { buildBundles } from '../../tools/build/build';

/** Where the tests keep bundles of their own, so that they meet nobody who uses `dist`. */
export const TEST_DIST = path.resolve(__dirname, '../../node_modules/.cache/four-ways/test-dist');

/** jest's globalSetup: the tests of the entry points run what is shipped, built once. */
// biome-ignore lint/style/noDefaultExport: jest asks for it.
export default async function buildHostBundles(): Promise<void> {
  await buildBundles(['host'], TEST_DIST);
}
