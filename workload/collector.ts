import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8's garbage collector, for processes whose objects are few and small and whose buffers are many and large. By calls
 * and not on a command line: Lambda has none, and with a flag that differs V8 compiles every module of Node's that is
 * loaded from then on, instead of taking it from Node's own cache. So these are called when everything is loaded.
 */

/**
 * Every few pictures their bytes, which are outside the heap, make V8 start to mark in small steps and on several
 * threads, which here takes more CPU than marking the small heap at once.
 */
export function markAtOnce(): void {
  setFlagsFromString('--no-incremental-marking');
}

let collector: (() => void) | undefined;

/** Collects now. */
export function collectGarbage(): void {
  if (!collector) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
  }
  collector();
}

/**
 * Gives the memory of a buffer back at once, without V8 having to find out that it is garbage. Afterwards the buffer is
 * empty: nobody may want its bytes any more, least of all a thread of libvips.
 */
export function release({ buffer }: Buffer): void {
  // Small ones share theirs with others.
  if (buffer.byteLength > Buffer.poolSize) (buffer as ArrayBuffer).transfer(0);
}

/** Bytes of this process in V8's heap and in buffers outside it. */
export function bytesInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
