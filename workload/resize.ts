import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp';
import { release } from './collector';
import { type Colours, convert, isSrgb, isUsable, readProfile, SRGB } from './colour';
import type { RenditionFormat } from './contract';
import type { Limits, RenditionSettings } from './env';
import { type Facts, inspect, loadable, mend } from './formats';
import { checkHeader, Rejection } from './gate';
import { verdictOn } from './verdict';

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

interface Pixels {
  readonly data: Buffer;
  readonly info: { readonly width: number; readonly height: number; readonly channels: 3 | 4 };
}

/**
 * Makes every rendition of one picture: oriented upright, in sRGB, first frame only, without metadata, never enlarged.
 * Decodes once: the largest rendition from the picture, each smaller one from the next larger.
 *
 * @returns in the order of `settings.widths`
 * @throws Rejection when the picture is beyond the limits or cannot be decoded
 */
export async function resize(input: Buffer, settings: RenditionSettings, limits: Limits): Promise<Rendition[]> {
  try {
    return await makeRenditions(input, settings, limits);
  } catch (error) {
    // Whatever a decoder warns of is an error, because a damaged picture is first of all a warning. Some oddities are
    // harmless, and known by their structure: without them it gets a second try, as strict as the first.
    const mended = error instanceof Rejection && error.reason === 'corrupt' ? mend(input) : undefined;
    if (!mended) throw error;
    return makeRenditions(mended, settings, limits);
  }
}

async function makeRenditions(input: Buffer, settings: RenditionSettings, limits: Limits): Promise<Rendition[]> {
  const facts = inspect(input);
  const picture: Picture = { bytes: loadable(input), facts, limits, heard: [] };
  const encoded = new Map<string, Promise<Buffer>>();
  const decoded: Buffer[] = [];
  try {
    const header = await readHeader(picture);
    const upright = (header.orientation ?? 1) >= 5 ? [header.height, header.width] : [header.width, header.height];
    const sizes = settings.widths.map((box) => ({
      box,
      ...fitInside(box, upright[0] as number, upright[1] as number),
    }));
    let pixels: Pixels | undefined;
    for (const { width, height } of sizes.toReversed()) {
      const size = `${width}x${height}`;
      if (encoded.has(size)) continue;
      pixels = pixels ? await shrink(pixels, width, height) : await decode(picture, header, width, height);
      decoded.push(pixels.data);
      // Not awaited: encoding overlaps the next resize.
      const bytes = encode(fromPixels(pixels), settings.format).toBuffer();
      bytes.catch(() => {});
      encoded.set(size, bytes);
    }
    const made = await Promise.all(
      sizes.map(async (size) => ({ ...size, bytes: (await encoded.get(`${size.width}x${size.height}`)) as Buffer })),
    );
    // Only now, and not where one fails: the others may still be at work.
    decoded.forEach(release);
    return made;
  } catch (error) {
    if (error instanceof Rejection || isOfTheMachine(error)) throw error;
    // Behind the gate every other failure is the picture's.
    throw verdictOn(error, picture.heard);
  }
}

/** A limit on processes that leaves no room for a decoder's threads is no fault of the picture. */
function isOfTheMachine(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Error creating thread');
}

/** One line of them is quoted. Hostile files have thousands. */
const MAX_WARNINGS = 100;

/** A source picture on its way. */
interface Picture {
  readonly bytes: Buffer;
  readonly facts: Facts;
  readonly limits: Limits;
  /** What the decoders warned of. */
  readonly heard: string[];
}

function open({ bytes, heard }: Picture, options: SharpOptions): Sharp {
  return sharp(bytes, options).on('warning', (warning: string) => {
    if (heard.length < MAX_WARNINGS) heard.push(warning);
  });
}

async function readHeader(picture: Picture): Promise<Metadata> {
  // Without sharp's own limits, so that a picture beyond ours is called too large and not corrupt.
  const read = await open(picture, { limitInputPixels: false, limitInputChannels: false }).metadata();
  const header = { ...read, ...picture.facts.frame?.canvas };
  checkHeader(header, picture.limits);
  return header;
}

/** The largest size inside a square box that keeps the aspect ratio, in whole px, at least 1, at most the original. */
function fitInside(box: number, width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, box / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The one decode. JPEG and WebP shrink while loading, because nothing but the orientation comes before the resize. */
async function decode(picture: Picture, header: Metadata, width: number, height: number): Promise<Pixels> {
  const { facts, limits } = picture;
  const colours = coloursOf(header, facts);
  const options = {
    limitInputPixels: limits.pixels,
    limitInputChannels: limits.channels,
    ignoreIcc: colours !== 'by profile',
  };
  const isWhole = facts.frame || facts.premultiplied;
  const image = (isWhole ? await openWhole(picture, options) : open(picture, options))
    .autoOrient()
    .resize(width, height, { fit: 'fill' });

  if (colours === 'srgb') return toPixels(image);
  if (colours === 'by profile') {
    // sharp applies a profile for grey to grey of 8 bits only: not to 16 bits, and not to an AVIF, which arrives as RGB.
    const isForGrey = header.icc?.toString('latin1', 16, 20) === 'GRAY';
    const asGrey = isForGrey && (header.space === 'grey16' || facts.grey);
    // Whole pixels have met their profile already.
    if (isWhole || (!asGrey && header.space !== 'srgb' && header.space !== 'rgb16')) return toPixels(image);
    // Resize in its own space and convert the few pixels that are left.
    const own = asGrey ? image.toColourspace('b-w') : image;
    const small = await own.keepIccProfile().tiff({ compression: 'none' }).toBuffer();
    return toPixels(sharp(small)).finally(() => release(small));
  }
  const isDeep = header.depth !== 'uchar' && !isWhole;
  const { data, info } = await image
    .toColourspace(isDeep ? 'rgb16' : 'srgb')
    .raw({ depth: isDeep ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const channels = colourChannels(info.channels);
  const samples = isDeep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  const converted = convert(samples, channels, colours);
  release(data);
  return { data: converted, info: { width, height, channels } };
}

/**
 * What the samples mean. `by profile`: libvips is to ask the profile. It is quicker where it can (RGB of 8 bit), and the
 * only one to understand tables; a profile that it cannot read either is ignored, as browsers do.
 */
function coloursOf(header: Metadata, facts: Facts): Colours | 'srgb' | 'by profile' {
  if (header.space === 'cmyk') return 'by profile';
  const profile =
    facts.beforeProfile || !header.icc ? undefined : readProfile(header.icc, facts.grey ?? isGrey(header));
  // libvips makes black of floating-point samples with a profile.
  if (profile === 'tables') return header.space === 'scrgb' ? 'srgb' : 'by profile';
  let colours = facts.beforeProfile ?? (profile && isUsable(profile) ? profile : facts.afterProfile);
  // Floating-point samples are linear already, and arrive here with the curve of sRGB.
  if (colours && header.space === 'scrgb') colours = { ...colours, curves: SRGB.curves };
  if (facts.limitedGrey) colours = facts.limitedGrey(colours ?? SRGB);
  if (!colours || isSrgb(colours)) return 'srgb';
  const canAskProfile = colours === profile && header.space === 'srgb' && header.depth === 'uchar';
  return canAskProfile && !facts.premultiplied && !facts.grey ? 'by profile' : colours;
}

const isGrey = ({ space }: Metadata) => space === 'b-w' || space === 'grey16';

/** All pixels in memory, because they have to be put right before they can be resized. */
async function openWhole(picture: Picture, options: SharpOptions): Promise<Sharp> {
  const { frame, premultiplied = false } = picture.facts;
  const { data, info } = await open(picture, options).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  if (!frame) return sharp(data, { ...options, raw: { width, height, channels: 4, premultiplied } });
  const { canvas, left, top } = frame;
  const pixels = Buffer.alloc(4 * canvas.width * canvas.height);
  const right = Math.min(left + frame.width, width);
  for (let y = top; y < Math.min(top + frame.height, height); y += 1) {
    data.copy(pixels, 4 * (y * canvas.width + left), 4 * (y * width + left), 4 * (y * width + right));
  }
  return sharp(pixels, { ...options, raw: { ...canvas, channels: 4 } });
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
  return { data, info: { width, height, channels: colourChannels(channels) } };
}

/** @throws Rejection for RGB with two more, which is legal TIFF; nobody says what they mean */
function colourChannels(channels: number): 3 | 4 {
  if (channels === 3 || channels === 4) return channels;
  throw new Rejection('unsupported', `${channels} channels that are not CMYK`);
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
