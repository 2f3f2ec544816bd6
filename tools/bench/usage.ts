import { readFileSync } from 'node:fs';
import { childrenOf } from '../local/processes';

/** What processes have used, from /proc. Everything here is `undefined` or 0 where there is none (macOS). */

/** The clock ticks of /proc/<pid>/stat: 100 a second on every Linux architecture Node supports. */
const MS_PER_TICK = 10;

/** A process and all its descendants. */
export function tree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(tree)];
}

/** CPU of a process and all its descendants since they began, in ms; those that have ended included. */
export function treeCpuMs(pid: number): number {
  return tree(pid).reduce((sum, one) => {
    const stat = read(`/proc/${one}/stat`);
    // Behind the last parenthesis, because a process may have one in its name: utime, stime, cutime and cstime are
    // fields 14 to 17.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + fields.slice(11, 15).reduce((ticks, field) => ticks + Number(field), 0) * MS_PER_TICK;
  }, 0);
}

/**
 * Memory of a process and all its descendants in MiB, with each shared page counted once. A worker lets nobody but root
 * look that closely: for others all of its resident pages count.
 */
export function treePssMib(pid: number): number {
  const resident = (one: number) =>
    kib(read(`/proc/${one}/smaps_rollup`), 'Pss') || kib(read(`/proc/${one}/status`), 'VmRSS');
  return tree(pid).reduce((sum, one) => sum + resident(one) / 1024, 0);
}

/** Highest resident memory of a process so far, in MiB. Not `ru_maxrss`, which begins at its parent's. */
export function peakMib(pid: number | 'self'): number | undefined {
  const found = kib(read(`/proc/${pid}/status`), 'VmHWM');
  return found > 0 ? found / 1024 : undefined;
}

function kib(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
