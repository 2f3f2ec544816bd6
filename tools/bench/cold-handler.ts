import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createHandler, setUp } from '../../lambda/resize/handler';
import type { DecodeRequest } from '../../workload/decoder-child';
import { answer, task } from './answer';
import { treeCpuMs } from './usage';

/** The function's cold start, without S3: all that it loads, its decoder, and a picture that is at hand. */

/** The only argument, as JSON. Its environment is the function's. */
export interface ColdTask extends DecodeRequest {
  readonly file: string;
}

/** The only line of stdout, as JSON: from the start of the process to the renditions. */
export interface ColdStart {
  /** Of this process and its decoder, in ms. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

export const measure = (started: ChildProcess) => answer(decodeOne(started));

async function decodeOne(started: ChildProcess): Promise<ColdStart> {
  const { file, ...request } = task<ColdTask>();
  const context = setUp(started);
  // Made as in the function, and not called: that would ask S3.
  createHandler(context);
  const { decoder } = context;
  await decoder.decode(readFileSync(file), request);
  const wallMs = performance.now();
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000 + decoder.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
  decoder.close();
  return { cpuMs, wallMs };
}
