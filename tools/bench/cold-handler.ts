import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { s3Client } from '../../workload/clients';
import { Decoder } from '../../workload/decoder';
import type { DecodeRequest } from '../../workload/decoder-child';
import { readSettings } from '../../workload/env';
import { answer, task } from './answer';
import { treeCpuMs } from './usage';

/** The function's cold start, without S3: all that it loads, its decoder, and a picture that is at hand. */
export { createHandler } from '../../lambda/resize/handler';

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
  // As createHandler does, whose decoder nobody else can ask.
  // biome-ignore lint/style/noProcessEnv: it is the function's environment.
  readSettings(process.env);
  s3Client({});
  const decoder = new Decoder(1, undefined, [started]);
  await decoder.decode(readFileSync(file), request);
  const wallMs = performance.now();
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000 + decoder.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
  decoder.close();
  return { cpuMs, wallMs };
}
