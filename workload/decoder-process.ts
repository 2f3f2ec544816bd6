import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { shieldParent } from './containment';

/** How a decoder is started. By itself, because the function does so before it reads anything else. */

/** The child beside this file in the bundle. */
export const DECODER: readonly string[] = [process.execPath, path.join(__dirname, 'decoder-child.js')];

/** What a decoder inherits: enough to start. No credentials, no endpoints. */
const INHERITED_VARIABLES = ['PATH', 'LD_LIBRARY_PATH', 'TMPDIR'];

/** @throws Error when the machine has no room for a process; some failures come as an event of the process instead */
export function startDecoder([executable, ...args] = DECODER): ChildProcess {
  shieldParent();
  const inherited = INHERITED_VARIABLES.map((name) => [name, process.env[name]]);
  return spawn(executable as string, args, {
    // 3 carries the results; see decoder-child.
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(inherited),
      // Two malloc arenas instead of eight a core: the threads of a decode leave less memory behind.
      MALLOC_ARENA_MAX: '2',
      // Up to 16 MiB that a picture leaves are kept for the next one: given back, they would come again page by page.
      MALLOC_MMAP_THRESHOLD_: '16777216',
      MALLOC_TRIM_THRESHOLD_: '16777216',
      VIPS_BLOCK_UNTRUSTED: '1',
    },
  });
}
