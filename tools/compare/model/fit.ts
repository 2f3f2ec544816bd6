import type { ImageWork } from './types';

/** From measured images to an image of any size. Pure, and free of Node. */

/** `bench/results.json`, as far as it is read here. */
export interface Measured {
  readonly schema: 1;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGib: number;
    readonly os: string;
    readonly arch: string;
  };
  readonly perImage: readonly MeasuredImage[];
  readonly lambda: {
    readonly coldCpuMs: number;
    readonly coldWallMs: number;
    readonly warmWallMs: number;
    readonly warmCpuMs: number;
  };
  readonly worker: { readonly startWallMs: number; readonly startCpuMs: number; readonly peakPssMib: number };
}

export interface MeasuredImage {
  readonly name: string;
  readonly megapixels: number;
  readonly inputFormat: string;
  readonly outputFormat: string;
  /** How many, or the list of them. */
  readonly renditions: number | readonly unknown[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the decoder. */
  readonly cpuMs: number;
  /** Of the whole job. */
  readonly jobCpuMs: number;
  readonly decoderPeakMib: number;
}

/** A line through measured points: `perImage + perMegapixel x megapixels`, and how far the points are from it. */
export interface Fit {
  readonly perImage: number;
  readonly perMegapixel: number;
  /** Measured / fitted, of the point furthest below the line and of the one furthest above. */
  readonly lowest: number;
  readonly highest: number;
  readonly points: number;
}

/** Least squares, without a negative cost of an empty image: then the line is put through the origin. */
export function fitLine(points: readonly { readonly x: number; readonly y: number }[]): Fit {
  const n = points.length;
  const mean = (of: (point: { x: number; y: number }) => number) =>
    points.reduce((total, point) => total + of(point), 0) / n;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const variance = mean((point) => (point.x - x) ** 2);
  let perMegapixel = variance === 0 ? 0 : mean((point) => (point.x - x) * (point.y - y)) / variance;
  let perImage = y - perMegapixel * x;
  if (perImage < 0 || perMegapixel < 0) {
    perImage = perMegapixel < 0 ? y : 0;
    perMegapixel = perMegapixel < 0 ? 0 : mean((point) => point.x * point.y) / mean((point) => point.x ** 2);
  }
  const ratios = points.map((point) => point.y / (perImage + perMegapixel * point.x));
  return { perImage, perMegapixel, lowest: Math.min(1, ...ratios), highest: Math.max(1, ...ratios), points: n };
}

/** What may be asked of the measurements. */
export interface Selection {
  readonly inputFormat?: string;
  readonly outputFormat?: string;
}

/** @throws Error when nothing was measured of that kind */
export function selectImages(measured: Measured, { inputFormat, outputFormat }: Selection): MeasuredImage[] {
  const found = measured.perImage.filter(
    (image) =>
      (inputFormat === undefined || image.inputFormat === inputFormat) &&
      (outputFormat === undefined || image.outputFormat === outputFormat),
  );
  if (found.length === 0) {
    throw new Error(`no image was measured from ${inputFormat ?? 'any format'} to ${outputFormat ?? 'any format'}`);
  }
  return found;
}

/** The work of an image of some size, on the measuring machine: the line, widened by what the measured images differ. */
export function imageWork(measured: Measured, megapixels: number, selection: Selection = {}): ImageWork {
  const images = selectImages(measured, selection);
  const through = (of: (image: MeasuredImage) => number) =>
    fitLine(images.map((image) => ({ x: image.megapixels, y: of(image) })));
  const at = ({ perImage, perMegapixel }: Fit) => perImage + perMegapixel * megapixels;
  const cpu = through(({ jobCpuMs }) => jobCpuMs / 1000);
  const [first] = images;
  const renditions = first?.renditions ?? 0;
  return {
    megapixels,
    cpuSeconds: { low: at(cpu) * cpu.lowest, high: at(cpu) * cpu.highest },
    bytesIn: Math.round(at(through(({ bytesIn }) => bytesIn))),
    bytesOut: Math.round(at(through(({ bytesOut }) => bytesOut))),
    renditions: typeof renditions === 'number' ? renditions : renditions.length,
  };
}

/**
 * The slowdown to begin with. Not a measurement: nobody has run this on AWS, so the range says that one vCPU there may
 * be twice as fast or half as fast as a core of the measuring machine. An input, to be changed.
 */
export const ASSUMED_SLOWDOWN = { low: 0.5, high: 2 } as const;
