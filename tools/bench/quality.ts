import sharp, { type Sharp } from 'sharp';
import { DESIGNS, type Making } from './designs';

/** Whether the fast path loses anything: sizes and pixels, against a full decode. */

export interface Quality {
  /** Renditions looked at. */
  readonly renditions: number;
  /** Renditions of another size than a full decode gives. */
  readonly sizeMismatches: { readonly product: number; readonly naive: number };
  /** Per rendition where all sizes agree: SSIM of ours and of naive, against the reference. */
  readonly ssim: readonly { readonly side: number; readonly product: number; readonly naive: number }[];
}

/** A picture as bytes of red, green and blue. */
export interface Rgb {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Makes every rendition of one picture three ways and compares them. */
export async function compareQuality(input: Buffer, making: Making): Promise<Quality> {
  const [product, naive] = await Promise.all([DESIGNS.product(), DESIGNS.naive()]);
  const ours = await product.make(input, making);
  const theirs = await naive.make(input, making);
  // Decoded before it is resized, so that no loader shrinks it on the way.
  const whole = await rgb(sharp(input).autoOrient());
  let mismatches = { product: 0, naive: 0 };
  const ssims: { side: number; product: number; naive: number }[] = [];
  for (const [index, side] of making.widths.entries()) {
    const raw = sharp(whole.data, { raw: { width: whole.width, height: whole.height, channels: 3 } });
    const options = { width: side, height: side, withoutEnlargement: true } as const;
    const uniform = await rgb(raw.clone().resize({ ...options, fit: 'inside' }));
    // Whole pixels can be reached in two ways, with one scale for both sides or with all of the picture in sight. They
    // are a fraction of a pixel apart, which fine grain notices: each design is judged by the one it follows.
    const { width, height } = uniform;
    const references = [uniform, await rgb(raw.resize(width, height, { fit: 'fill' }))];
    const closest = (one: Rgb) => Math.max(...references.map((reference) => ssim(one, reference)));
    const [mine, other] = await Promise.all([rgb(sharp(ours[index])), rgb(sharp(theirs[index]))]);
    const [isMine, isOther] = [sameSize(mine, uniform), sameSize(other, uniform)];
    mismatches = { product: mismatches.product + Number(!isMine), naive: mismatches.naive + Number(!isOther) };
    if (isMine && isOther) ssims.push({ side, product: closest(mine), naive: closest(other) });
  }
  return { renditions: making.widths.length, sizeMismatches: mismatches, ssim: ssims };
}

async function rgb(image: Sharp): Promise<Rgb> {
  const { data, info } = await image
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

const sameSize = (a: Rgb, b: Rgb) => a.width === b.width && a.height === b.height;

/** Sides of the windows, in px, and how far they are apart. */
const WINDOW = 8;
const STRIDE = 4;

/** The constants of the SSIM paper for 8 bits: (0.01 x 255)^2 and (0.03 x 255)^2. */
const C1 = 6.5025;
const C2 = 58.5225;

/**
 * Mean structural similarity of two pictures of one size, 1 when they are equal: on the luma, in square windows.
 * @see https://doi.org/10.1109/TIP.2003.819861
 */
export function ssim(a: Rgb, b: Rgb): number {
  const [x, y] = [luma(a), luma(b)];
  let sum = 0;
  let windows = 0;
  for (let top = 0; top === 0 || top + WINDOW <= a.height; top += STRIDE) {
    for (let left = 0; left === 0 || left + WINDOW <= a.width; left += STRIDE) {
      sum += windowSsim(x, y, a, left, top);
      windows += 1;
    }
  }
  return sum / windows;
}

function windowSsim(x: Float32Array, y: Float32Array, { width, height }: Rgb, left: number, top: number): number {
  let [sumX, sumY, sumXX, sumYY, sumXY, n] = [0, 0, 0, 0, 0, 0];
  for (let row = top; row < Math.min(top + WINDOW, height); row += 1) {
    for (let at = row * width + left; at < row * width + Math.min(left + WINDOW, width); at += 1) {
      const [p, q] = [x[at] as number, y[at] as number];
      sumX += p;
      sumY += q;
      sumXX += p * p;
      sumYY += q * q;
      sumXY += p * q;
      n += 1;
    }
  }
  const [meanX, meanY] = [sumX / n, sumY / n];
  const [varX, varY, covariance] = [sumXX / n - meanX ** 2, sumYY / n - meanY ** 2, sumXY / n - meanX * meanY];
  return ((2 * meanX * meanY + C1) * (2 * covariance + C2)) / ((meanX ** 2 + meanY ** 2 + C1) * (varX + varY + C2));
}

function luma({ data, width, height }: Rgb): Float32Array {
  return Float32Array.from({ length: width * height }, (_, pixel) => {
    const at = pixel * 3;
    return 0.299 * (data[at] as number) + 0.587 * (data[at + 1] as number) + 0.114 * (data[at + 2] as number);
  });
}
