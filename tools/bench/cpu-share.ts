import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { delays } from '../compare/data/tables';
import { why } from '../files';

/**
 * A share of the CPU as Lambda gives it, by a control group of Linux: processes in it are stopped when they have used
 * their time, until the next period begins.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.max`)
 * @see https://docs.kernel.org/scheduler/sched-bwc.html (`cpu.cfs_quota_us`, version 1)
 */

/** In microseconds. Short beside a job, so that a job cannot live on what an idle period has left over. */
const PERIOD_US = 20_000;

/** A function has the equivalent of one vCPU for each so many MB of memory. The table has the source. */
const MIB_PER_VCPU = delays['lambda-vcpu-mib'].low;

export class CpuShare {
  private static made = 0;

  private constructor(private readonly folder: string) {}

  /**
   * @param root where control groups are mounted
   * @throws Error with the reason, in one line, when none can be made
   */
  static ofFunction(memoryMib: number, root = '/sys/fs/cgroup'): CpuShare {
    const quota = Math.round((PERIOD_US * memoryMib) / MIB_PER_VCPU);
    const hasV1 = existsSync(path.join(root, 'cpu/cpu.cfs_quota_us'));
    if (!hasV1 && !existsSync(path.join(root, 'cgroup.controllers'))) {
      throw new Error(`there are no control groups for the CPU in ${root}`);
    }
    const parent = hasV1 ? path.join(root, 'cpu') : root;
    CpuShare.made += 1;
    const folder = path.join(parent, `four-ways-bench-${process.pid}-${CpuShare.made}`);
    try {
      mkdirSync(folder);
    } catch (error) {
      throw new Error(`cannot make a control group in ${parent}: ${why(error)} (it takes root)`);
    }
    try {
      if (hasV1) {
        writeFileSync(path.join(folder, 'cpu.cfs_period_us'), String(PERIOD_US));
        writeFileSync(path.join(folder, 'cpu.cfs_quota_us'), String(quota));
      } else {
        const limit = path.join(folder, 'cpu.max');
        // Its parent has to hand the controller down, which systemd sees to on most systems.
        if (!existsSync(limit)) writeFileSync(path.join(parent, 'cgroup.subtree_control'), '+cpu');
        writeFileSync(limit, `${quota} ${PERIOD_US}`);
      }
    } catch (error) {
      rmdirSync(folder);
      throw new Error(`cannot limit the CPU of a control group in ${parent}: ${why(error)}`);
    }
    return new CpuShare(folder);
  }

  /** Holds a process to the share, and whatever it starts from now on. */
  add(pid: number): void {
    writeFileSync(path.join(this.folder, 'cgroup.procs'), String(pid));
  }

  /** Removes the group. Its processes must have been ended. */
  async close(): Promise<void> {
    // The kernel takes a moment to let go of a process that has ended.
    for (let tries = 0; existsSync(this.folder) && tries < 50; tries += 1) {
      try {
        rmdirSync(this.folder);
      } catch {
        await sleep(20);
      }
    }
  }
}
