// As in the function itself: it starts while the others load.
import '../../lambda/resize/decoder';

import { readFileSync } from 'node:fs';
import '../../lambda/resize';
import { decoder } from '../../lambda/resize/decoder';
import type { DecodeRequest } from '../../workload/decoder-child';
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

async function main({ file, ...request }: ColdTask): Promise<ColdStart> {
  await decoder.decode(readFileSync(file), request);
  const wallMs = performance.now();
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000 + decoder.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
  decoder.close();
  return { cpuMs, wallMs };
}

main(JSON.parse(process.argv[2] as string)).then(
  (found) => process.stdout.write(`${JSON.stringify(found)}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  },
);
