import path from 'node:path';
import { KINDS } from '../../tools/build/entry-points';

const CACHE = path.resolve(__dirname, '../../node_modules/.cache/four-ways');

/** Where the tests keep bundles of their own, so that they meet nobody who uses `dist`. */
export const TEST_DIST = path.join(CACHE, 'test-dist');

/** The decoder as it is shipped, for this machine: the same bytes in every bundle. */
export const HOST_DECODER = path.join(TEST_DIST, `${KINDS.at(-1)}-host/decoder-child.js`);

/** What one test file makes for all others of the same run. Emptied at the start of each. */
export const RUN_CACHE = path.join(CACHE, 'test-run');
