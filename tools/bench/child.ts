import { readFileSync } from 'node:fs';
import { answer, task } from './answer';
import { DESIGNS, type DesignName, type Making } from './designs';
import { compareQuality, type Quality } from './quality';
import { peakMib } from './usage';

/** One measurement, in a process of its own: its memory is its own, and nothing is warm but what it warmed. */

/** The only argument, as JSON. */
export interface Task extends Making {
  /** `quality` compares pixels instead of taking times. */
  readonly design: DesignName | 'quality';
  readonly files: readonly string[];
  /** How often the set is gone through. */
  readonly repeats: number;
  /** How often the first file is gone through before, so that V8 has compiled what it compiles: 1 by default. */
  readonly warmUps?: number;
}

/** The only line of stdout, as JSON. */
export interface Measured {
  /** CPU per picture, of this process and what works for it, in ms. */
  readonly cpuMs: number;
  /** Peak of this process; of the decoder where it is isolated. `undefined` without /proc. */
  readonly peakMib: number | undefined;
  /** CPU per picture as the decoder tells it, in ms; isolated only. */
  readonly decoderCpuMs: number | undefined;
  /** Bytes of all renditions of one pass. */
  readonly bytesOut: number;
}

async function main(task: Task): Promise<Measured | Quality[]> {
  const inputs = task.files.map((file) => readFileSync(file));
  if (task.design === 'quality') {
    const found: Quality[] = [];
    for (const input of inputs) found.push(await compareQuality(input, task));
    return found;
  }
  const design = await DESIGNS[task.design]();
  const elsewhere = () => design.elsewhereMs?.() ?? 0;
  for (let done = 0; done < (task.warmUps ?? 1); done += 1) await design.make(inputs[0] as Buffer, task);
  const before = process.cpuUsage();
  const elsewhereBefore = elsewhere();
  let [bytesOut, decoderCpuMs] = [0, 0];
  for (let pass = 0; pass < task.repeats; pass += 1) {
    bytesOut = 0;
    for (const input of inputs) {
      const made = await design.make(input, task);
      bytesOut += made.reduce((sum, { length }) => sum + length, 0);
      decoderCpuMs += design.last?.().cpuMs ?? 0;
    }
  }
  const { user, system } = process.cpuUsage(before);
  const pictures = inputs.length * task.repeats;
  const measured = {
    cpuMs: ((user + system) / 1000 + elsewhere() - elsewhereBefore) / pictures,
    peakMib: design.last ? design.last().peakMib : peakMib('self'),
    decoderCpuMs: design.last ? decoderCpuMs / pictures : undefined,
    bytesOut,
  };
  design.close?.();
  return measured;
}

void answer(main(task<Task>()));
