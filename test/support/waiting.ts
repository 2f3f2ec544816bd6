import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A killed process whose parent has died first stays in the table until init reaps it, and counts as ended. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
}

/** After this, what a test waits for will not happen. It ends what hangs, and decides nothing: before jest's own limit. */
const HANGS_MS = 240_000;

/**
 * Waits until a condition holds.
 * @param explain what to say when it never does
 */
export async function until(condition: () => boolean, explain: () => string = () => String(condition)): Promise<void> {
  const deadline = Date.now() + HANGS_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still not so after ${HANGS_MS / 1000} s: ${explain()}`);
    await sleep(5);
  }
}
