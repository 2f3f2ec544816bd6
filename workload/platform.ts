import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What the machine is, and how much of it is ours. */

/** Memory that one decode and its share of the worker need, in bytes: 2 GiB. */
const MEMORY_PER_SLOT = 2 * 1024 ** 3;

/**
 * How many pictures to decode at a time: one per vCPU and 2 GiB, at least one. A container's limits count, not the
 * host's size: `availableParallelism` and `constrainedMemory` read the cgroup.
 */
export function decodeSlots(
  vcpus = os.availableParallelism(),
  memoryBytes = Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
): number {
  return Math.max(1, Math.min(vcpus, Math.floor(memoryBytes / MEMORY_PER_SLOT)));
}

/**
 * Says what is wrong when a bundle is started on another platform than the one it was built for.
 * @param directory the bundle's
 * @returns one line, or `undefined` when the native package is the right one
 */
export function wrongPlatform(directory: string): string | undefined {
  const packages = path.join(directory, 'node_modules', '@img');
  // Not in a bundle (a test, the source tree): whatever npm installed is the host's.
  if (!existsSync(packages)) return undefined;
  const built = readdirSync(packages).flatMap((name) => /^sharp-(?!libvips)(.+)$/.exec(name)?.[1] ?? []);
  const here = `${process.platform}-${process.arch}`;
  if (built.some((name) => name.replace('linuxmusl', 'linux') === here)) return undefined;
  return `this bundle is built for ${built.join(', ')} and this machine is ${here}: use the bundle of the machine's architecture (npm run build)`;
}
