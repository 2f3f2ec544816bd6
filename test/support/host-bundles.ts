import path from 'node:path';

const CACHE = path.resolve(__dirname, '../../node_modules/.cache/four-ways');

/** Where the tests keep bundles of their own, so that they meet nobody who uses `dist`. */
export const TEST_DIST = path.join(CACHE, 'test-dist');

/** What one test file makes for all others of the same run. Emptied at the start of each. */
export const RUN_CACHE = path.join(CACHE, 'test-run');
