import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { answer, task } from './answer';
import type { ColdStart, ColdTask } from './cold-handler';

/** What a cold start is held against: sharp as npm installs it, one rendition of the same picture, and nothing else. */

async function main(): Promise<ColdStart> {
  const { file, renditions } = task<ColdTask>();
  const side = renditions.widths[0] as number;
  const fitted = sharp(readFileSync(file)).autoOrient().resize(side, side, { fit: 'inside' });
  await fitted.webp({ quality: 80, effort: 2 }).toBuffer();
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() };
}

void answer(main());
