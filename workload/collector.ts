import { setFlagsFromString } from 'node:v8';

/**
 * Sets V8's garbage collector up for a process whose objects are few and small and whose buffers are many and large.
 * Every few pictures their bytes, which are outside the heap, make V8 start to mark in small steps and on several
 * threads, which here takes more CPU than marking the small heap at once. By a call and not on the command line,
 * because Lambda has none. To be called before anything else.
 */
export function setUpCollector(): void {
  setFlagsFromString('--no-incremental-marking');
}
