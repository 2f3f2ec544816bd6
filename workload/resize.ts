import sharp, { type Metadata, type Sharp } from 'sharp';
import type { RenditionFormat } from './contract';
import type { Limits, RenditionSettings } from './env';
import { checkHeader, Rejection } from './gate';

/**
 * Bytes in, renditions out. No AWS, no files, no names: libvips reads options and siblings from paths, so nothing but
 * a buffer is ever handed to it. Runs in the decoder child only.
 */

/** One rendition, encoded. Renditions of equal size share their bytes. */
export interface Rendition {
  /** The box it was made for, in px; the name it is stored under. */
  readonly box: number;
  /** Its own size in px, inside the box. */
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

// Everything libvips could load, closed; the six formats the gate knows, opened, and from memory only.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((loader) => `VipsForeignLoad${loader}Buffer`),
});
// A slot is one vCPU. Explicit because sharp's default follows MALLOC_ARENA_MAX, and AVIF bytes follow the threads.
sharp.concurrency(1);
sharp.cache(false);

/** sRGB by another name: converting from these would cost CPU and change nothing. */
const SRGB_PROFILES = ['sRGB IEC61966-2.1', 'sRGB built-in', 'sRGB2014', 'sRGB'];

interface Pixels {
  readonly data: Buffer;
  readonly info: { readonly width: number; readonly height: number; readonly channels: 1 | 2 | 3 | 4 };
}

/**
 * Makes every rendition of one picture: oriented upright, in sRGB, first frame only, without metadata, never enlarged.
 * Decodes once: the largest rendition from the picture, each smaller one from the next larger.
 *
 * @returns in the order of `settings.widths`
 * @throws Rejection when the picture is beyond the limits or cannot be decoded
 */
export async function resize(input: Buffer, settings: RenditionSettings, limits: Limits): Promise<Rendition[]> {
  const header = await readHeader(input, limits);
  const upright = (header.orientation ?? 1) >= 5 ? [header.height, header.width] : [header.width, header.height];
  const sizes = settings.widths.map((box) => ({ box, ...fitInside(box, upright[0] as number, upright[1] as number) }));

  const encoded = new Map<string, Promise<Buffer>>();
  try {
    let pixels: Pixels | undefined;
    for (const { width, height } of sizes.toReversed()) {
      const size = `${width}x${height}`;
      if (encoded.has(size)) continue;
      pixels = pixels ? await shrink(pixels, width, height) : await decode(input, header, limits, width, height);
      // Not awaited: encoding overlaps the next resize.
      const bytes = encode(fromPixels(pixels), settings.format).toBuffer();
      bytes.catch(() => {});
      encoded.set(size, bytes);
    }
    return await Promise.all(
      sizes.map(async (size) => ({ ...size, bytes: (await encoded.get(`${size.width}x${size.height}`)) as Buffer })),
    );
  } catch (error) {
    if (error instanceof Rejection || isOfTheMachine(error)) throw error;
    // Behind the gate every other failure is the picture's: the errors of a hundred loaders cannot be told apart by text.
    throw new Rejection('corrupt', oneLine(error));
  }
}

/** A limit on processes that leaves no room for a decoder's threads is no fault of the picture. */
function isOfTheMachine(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Error creating thread');
}

async function readHeader(input: Buffer, limits: Limits): Promise<Metadata> {
  let header: Metadata;
  try {
    // Without sharp's own limits, so that a picture beyond ours is called too large and not corrupt.
    header = await sharp(input, { limitInputPixels: false, limitInputChannels: false }).metadata();
  } catch (error) {
    if (isOfTheMachine(error)) throw error;
    throw new Rejection('corrupt', oneLine(error));
  }
  if (header.format === 'heif' && header.compression !== 'av1') {
    throw new Rejection('unsupported', `${header.compression} in an AVIF container`);
  }
  checkHeader(header, limits);
  return header;
}

/** The largest size inside a square box that keeps the aspect ratio, in whole px, at least 1, at most the original. */
function fitInside(box: number, width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, box / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The one decode. JPEG and WebP shrink while loading, because nothing but the orientation comes before the resize. */
async function decode(input: Buffer, header: Metadata, limits: Limits, width: number, height: number): Promise<Pixels> {
  const profile = header.icc && profileDescription(header.icc);
  const limitsOfSharp = { limitInputPixels: limits.pixels, limitInputChannels: limits.channels };
  const open = (options: { ignoreIcc: boolean }): Sharp =>
    sharp(input, { ...limitsOfSharp, ...options })
      .autoOrient()
      .resize(width, height, { fit: 'fill' });

  if (profile !== undefined && SRGB_PROFILES.includes(profile)) return toPixels(open({ ignoreIcc: true }));
  if (header.icc && header.space === 'srgb' && header.depth === 'uchar') {
    // Another RGB space, Display P3 of a phone say: resize in it and convert the few pixels that are left.
    const small = await open({ ignoreIcc: false }).keepIccProfile().tiff({ compression: 'none' }).toBuffer();
    return toPixels(sharp(small));
  }
  return toPixels(open({ ignoreIcc: false }));
}

async function shrink(from: Pixels, width: number, height: number): Promise<Pixels> {
  // An explicit size, not a factor: rounding on the way down would put a chain off by one pixel.
  return toPixels(fromPixels(from).resize(width, height, { fit: 'fill' }));
}

function fromPixels({ data, info }: Pixels): Sharp {
  return sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
}

async function toPixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  // RGB with two more, which is legal TIFF; nobody says what they mean.
  if (channels > 4) throw new Rejection('unsupported', `${channels} channels that are not CMYK`);
  return { data, info: { width, height, channels: channels as 1 | 2 | 3 | 4 } };
}

function encode(image: Sharp, format: RenditionFormat): Sharp {
  switch (format) {
    case 'webp':
      return image.webp({ quality: 80, effort: 2 });
    case 'avif':
      return image.avif({ quality: 50, effort: 3 });
    case 'jpeg':
      // JPEG has no transparency; white is what a page shows behind it.
      return image.flatten({ background: '#fff' }).jpeg({ quality: 80 });
  }
}

/**
 * The description of an ICC profile, `undefined` when there is none to read.
 * @see https://www.color.org/specification/ICC.1-2022-05.pdf 7.3 (tag table), 10.15 (multiLocalizedUnicodeType)
 */
export function profileDescription(icc: Buffer): string | undefined {
  try {
    const tags = Math.min(icc.readUInt32BE(128), 100);
    for (let entry = 132; entry < 132 + tags * 12; entry += 12) {
      if (icc.toString('latin1', entry, entry + 4) !== 'desc') continue;
      const start = icc.readUInt32BE(entry + 4);
      if (icc.toString('latin1', start, start + 4) === 'desc') {
        return icc.toString('latin1', start + 12, start + 11 + icc.readUInt32BE(start + 8));
      }
      const [length, offset] = [icc.readUInt32BE(start + 20), icc.readUInt32BE(start + 24)];
      return Buffer.from(icc.subarray(start + offset, start + offset + length))
        .swap16()
        .toString('utf16le');
    }
  } catch {
    // A profile that lies about its own lengths: libvips will judge it.
  }
  return undefined;
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split('\n')[0]?.slice(0, 200) || 'unreadable';
}
