import { readFileSync } from 'node:fs';

/** Resident memory of a way's processes, sampled from /proc while it works. */
export interface MemoryPeaks {
  /** Highest sum over the way's processes, decoders included, in MiB. Shared pages count in each. */
  readonly totalMib: number;
  /** Highest of any one decoder, in MiB. */
  readonly decoderMib: number;
}

/** How often to look, in ms. Short peaks of a decoder are seen all the same: the kernel keeps its high-water mark. */
const SAMPLE_INTERVAL_MS = 100;

/**
 * Watches the processes given, and all of their descendants.
 * @param roots the way's own processes at this moment
 * @returns a function that ends the watch; its result is `undefined` where there is no /proc
 */
export function watchMemory(roots: () => readonly number[]): () => MemoryPeaks | undefined {
  let peaks: MemoryPeaks | undefined;
  const sample = () => {
    let total = 0;
    let decoder = peaks?.decoderMib ?? 0;
    const visit = (pid: number, isDecoder: boolean) => {
      const status = read(`/proc/${pid}/status`);
      if (!status) return;
      total += mib(status, 'VmRSS');
      if (isDecoder) decoder = Math.max(decoder, mib(status, 'VmHWM'));
      for (const child of childrenOf(pid)) visit(child, true);
    };
    for (const pid of roots()) visit(pid, false);
    if (total > 0) peaks = { totalMib: Math.max(total, peaks?.totalMib ?? 0), decoderMib: decoder };
  };
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    sample();
    return peaks;
  };
}

/** Direct children of a process; none where there is no /proc. */
export function childrenOf(pid: number): number[] {
  const list = read(`/proc/${pid}/task/${pid}/children`)?.trim();
  return list ? list.split(' ').map(Number) : [];
}

/**
 * For how long the main thread of a process has been ready to run while every core was taken, in ms since its start: what
 * a busy machine has kept it waiting. 0 where the kernel does not say.
 */
export function heldUpMs(pid: number): number {
  const [, nanoseconds = '0'] = read(`/proc/${pid}/schedstat`)?.split(' ') ?? [];
  return Number(nanoseconds) / 1e6;
}

function mib(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
