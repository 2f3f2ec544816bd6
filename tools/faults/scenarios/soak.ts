import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { childrenOf } from '../../local/processes';
import { merge, NO_FINDINGS } from '../ledger';
import type { Outcome, Scenario, Setting } from '../scenario';
import { Trial } from '../trial';

/** Samples of memory and handles in a run. */
const BATCHES = 20;

/** By how much resident memory may grow between the second quarter of a run and the last. */
const MOST_DRIFT = 0.1;

/** A shorter run is over before the heaps have found their size: it finds no leaks but large ones. */
const WARM_IMAGES = 8000;
const MOST_DRIFT_COLD = 0.5;

/** Sockets come and go with keep-alive. */
const HANDLES_TOLERANCE = 6;

interface Sample {
  readonly residentMib: number;
  readonly handles: number;
  readonly children: number;
}

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, pool, progress } = setting;
  const temporary = mkdtempSync(path.join(tmpdir(), 'four-ways-soak-'));
  const trial = await Trial.start({
    ...setting,
    visibilitySeconds: 30,
    environment: { TMPDIR: temporary, DECODE_SLOTS: '2' },
  });
  try {
    const samples: Sample[] = [];
    let findings = NO_FINDINGS;
    const size = Math.ceil(images / BATCHES);
    for (let start = 0; start < images; start += size) {
      const batch = Array.from({ length: Math.min(size, images - start) }, (_, offset) => ({
        key: `incoming/${start + offset}.jpg`,
        picture: random.pick(pool),
      }));
      await trial.run(batch, () => progress(trial.ended, describe(samples.at(-1))));
      samples.push(sample([...trial.way.processes().values()]));
      findings = merge(findings, trial.check());
      trial.evict();
    }
    const broken: string[] = [];
    const [early, late] = [quarter(samples, 1), quarter(samples, 3)];
    const drift = late.residentMib / early.residentMib - 1;
    // Not a number where there is no /proc: what was not measured does not hold.
    if (!(drift <= (images < WARM_IMAGES ? MOST_DRIFT_COLD : MOST_DRIFT))) {
      broken.push(
        Number.isFinite(drift)
          ? `resident memory grew by ${(drift * 100).toFixed(1)} %`
          : 'nothing was measured: this needs /proc, and 40 images',
      );
    }
    if (trial.redelivered > 0) broken.push(`${trial.redelivered} redeliveries`);
    if (late.handles > early.handles + HANDLES_TOLERANCE) {
      broken.push(`${late.handles} open handles after ${early.handles}`);
    }
    if (late.children > early.children) broken.push(`${late.children} children after ${early.children}`);
    const files = readdirSync(temporary);
    if (files.length > 0) broken.push(`temporary files are left: ${files.slice(0, 3).join(', ')}`);
    if (trial.way.deaths() > 0) broken.push(`${trial.way.deaths()} processes died`);
    for (const key of trial.failures()) broken.push(`in the failure queue: ${key}`);
    return {
      findings,
      faults: {},
      redelivered: trial.redelivered,
      broken,
      measured: {
        memory: `${Math.round(early.residentMib)} to ${Math.round(late.residentMib)} MiB (${(drift * 100).toFixed(1)} %)`,
        handles: `${early.handles} to ${late.handles}`,
        processes: `${early.children} to ${late.children} decoders`,
      },
    };
  } finally {
    await trial.stop();
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Of the processes and their children, when they have nothing to do. Nothing where there is no /proc. */
function sample(roots: readonly number[]): Sample {
  const children = roots.flatMap(childrenOf);
  const all = [...roots, ...children];
  return {
    residentMib: sum(all.map(residentMib)),
    handles: sum(all.map(handles)),
    children: children.length,
  };
}

function residentMib(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return 0;
  }
}

function handles(pid: number): number {
  try {
    // Its size is their number since Linux 6.2, also for whoever may not look inside: a worker lets nobody but root.
    return statSync(`/proc/${pid}/fd`).size || readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/** Medians over a quarter of the samples, counted from 0. */
function quarter(samples: readonly Sample[], which: number): Sample {
  const part = samples.slice((samples.length * which) / 4, (samples.length * (which + 1)) / 4);
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    residentMib: median(part.map(({ residentMib }) => residentMib)),
    handles: median(part.map(({ handles }) => handles)),
    children: median(part.map(({ children }) => children)),
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const describe = (last: Sample | undefined) => (last ? `${Math.round(last.residentMib)} MiB` : 'warming up');

export const soak: Scenario = {
  name: 'soak',
  // One of each bundle: the three workers are one program.
  computes: ['ec2', 'lambda'],
  images: 10_000,
  kills: 0,
  run,
};
