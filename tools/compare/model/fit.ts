import type { BenchResults, PerImage } from '../../bench/results';
import type { Estimate, ImageWork } from './types';

/** From measured images to an image of any size. Pure, and free of Node. */

/** `evidence/bench/results.json`, as far as it is read here. */
export interface Measured extends Pick<BenchResults, 'schema' | 'date' | 'machine' | 'lambda' | 'worker'> {
  /** Those of which the whole job was measured. */
  readonly perImage: readonly MeasuredImage[];
}

export interface MeasuredImage extends PerImage {
  readonly jobCpuMs: number;
}

/** A line through measured points: `perImage + perMegapixel x megapixels`. */
export interface Fit {
  readonly perImage: number;
  readonly perMegapixel: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Least squares, without a negative cost of an empty image: then the line is put through the origin. */
export function fitLine(points: readonly Point[]): Fit {
  const n = points.length;
  const mean = (of: (point: Point) => number) => points.reduce((total, point) => total + of(point), 0) / n;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const variance = mean((point) => (point.x - x) ** 2);
  let perMegapixel = variance === 0 ? 0 : mean((point) => (point.x - x) * (point.y - y)) / variance;
  let perImage = y - perMegapixel * x;
  if (perImage < 0 || perMegapixel < 0) {
    perImage = perMegapixel < 0 ? y : 0;
    perMegapixel = perMegapixel < 0 ? 0 : mean((point) => point.x * point.y) / mean((point) => point.x ** 2);
  }
  return { perImage, perMegapixel };
}

const at = ({ perImage, perMegapixel }: Fit, x: number) => perImage + perMegapixel * x;

/** Images of so many times the size, or a part of it, say how far off the line one may be. A thumbnail says little of a photograph. */
const SIMILAR = 4;

/** The line at x, and how far below and above it the points of a similar x are; all of them, where there are no two such. */
export function around(points: readonly Point[], x: number): Estimate {
  const fit = fitLine(points);
  const similar = points.filter((point) => point.x <= x * SIMILAR && point.x * SIMILAR >= x);
  const ratios = (similar.length < 2 ? points : similar).map((point) => point.y / at(fit, point.x));
  const typical = at(fit, x);
  return { low: typical * Math.min(1, ...ratios), typical, high: typical * Math.max(1, ...ratios) };
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
  const points = (of: (image: MeasuredImage) => number) =>
    images.map((image) => ({ x: image.megapixels, y: of(image) }));
  const line = (of: (image: MeasuredImage) => number) => Math.round(at(fitLine(points(of)), megapixels));
  return {
    megapixels,
    cpuSeconds: around(
      points(({ jobCpuMs }) => jobCpuMs / 1000),
      megapixels,
    ),
    bytesIn: line(({ bytesIn }) => bytesIn),
    bytesOut: line(({ bytesOut }) => bytesOut),
  };
}

/**
 * The slowdown to begin with. Not a measurement: nobody has run this on AWS, so the range says that one vCPU there may
 * be twice as fast or half as fast as a core of the measuring machine. An input, to be changed.
 */
export const ASSUMED_CPU_SPEED: Estimate = { low: 0.5, typical: 1, high: 2 };
