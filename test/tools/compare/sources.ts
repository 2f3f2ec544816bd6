import { FOUR_WAYS } from '../../../lib/ways';
import { type Comparison, compare, type Sources } from '../../../tools/compare/comparison';
import type { Measured, MeasuredImage } from '../../../tools/compare/model/fit';
import type { FaultResults } from '../../../tools/compare/page/failure';
import { stackSources } from '../../../tools/compare/side-by-side';
import { templates } from '../../support/templates';

/** What the comparison is made from, in tests: the real stacks, and measurements that nobody has made. */

const image = (megapixels: number, outputFormat: string, jobCpuMs: number): MeasuredImage => ({
  name: `made-up-${megapixels}`,
  megapixels,
  inputFormat: 'jpeg',
  outputFormat,
  renditions: 3,
  bytesIn: megapixels * 400_000,
  bytesOut: 100_000 + megapixels * 2000,
  cpuMs: jobCpuMs * 0.8,
  jobCpuMs,
  decoderPeakMib: 100 + megapixels * 4,
});

export const measured: Measured = {
  schema: 1,
  date: '2026-11-01',
  machine: { cpu: 'made-up CPU', cores: 2, memoryGib: 8, os: 'linux', arch: 'x64' },
  perImage: [
    image(2, 'webp', 160),
    image(12, 'webp', 500),
    image(24, 'webp', 950),
    image(12, 'jpeg', 400),
    image(24, 'jpeg', 760),
    image(12, 'avif', 1500),
    image(24, 'avif', 2000),
  ],
  lambda: { coldCpuMs: 500, coldWallMs: 700, warmWallMs: 600, warmCpuMs: 550 },
  worker: { startWallMs: 400, startCpuMs: 300, peakPssMib: 300 },
};

export const faults: FaultResults = {
  schema: 1,
  date: '2026-11-02',
  seed: 7,
  rows: FOUR_WAYS.map((way) => ({
    scenario: 'kill',
    way,
    images: 200,
    faults: { 'after get': 12 },
    measured: {},
    lost: 0,
    missing: 0,
    extra: 0,
    different: 0,
    outdated: 0,
    redelivered: 9,
    seconds: 61,
    ok: true,
  })),
};

/** Fresh each time: tests change them. */
export const sources = (): Sources => ({
  templates: templates(),
  stacks: stackSources(),
  measured,
});

let unchanged: Promise<Comparison> | undefined;

/** Of the unchanged sources, computed once for each test file. */
export function comparison(): Promise<Comparison> {
  unchanged ??= compare(sources());
  return unchanged;
}
