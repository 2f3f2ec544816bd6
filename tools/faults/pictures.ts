/**
 * Pictures for the faults, drawn from a seed: good ones in every format that is accepted, poison that must be refused
 * with a reason known beforehand, and a legal one that takes seconds. All are small, because thousands are sent.
 *
 * The same seed gives the same bytes on one machine; on another the AVIF may differ (see `tools/local/pictures.ts`).
 */
import { constants, crc32, deflateRawSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { ENV, type RejectionReason } from '../../workload/contract';
import type { Random } from './random';

/** A picture that every worker must make renditions of. */
export interface GoodPicture {
  /** File name: number, variant and extension. No two of one call are the same. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly kind: 'done';
}

/** A picture that every worker must reject, for this reason and no other. */
export interface PoisonPicture {
  /** As of {@link GoodPicture}. The extension says what an uploader would claim, not what is inside. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly kind: 'rejected';
  readonly reason: RejectionReason;
}

export type Picture = GoodPicture | PoisonPicture;

const number = (index: number) => String(index).padStart(5, '0');

// --- Good pictures ---

interface Size {
  readonly width: number;
  readonly height: number;
}

/** 0.02 to 0.3 MP, up to three times as wide as high or as high as wide: the longer side is 141 to 949 px. */
function size(random: Random): Size {
  const pixels = 20_000 * 15 ** random.next();
  const aspect = 3 ** (2 * random.next() - 1);
  return { width: Math.round(Math.sqrt(pixels * aspect)), height: Math.round(Math.sqrt(pixels / aspect)) };
}

/** Coloured tiles or clouds: a few hundred random pixels, enlarged, which costs next to nothing. */
function drawing(random: Random, channels: 3 | 4 = 3, { width, height } = size(random)): Sharp {
  const coarse = { width: 4 + random.int(20), height: 4 + random.int(20), channels };
  const pixels = Buffer.from(Array.from({ length: coarse.width * coarse.height * channels }, () => random.int(256)));
  const kernel = random.pick(['nearest', 'linear', 'cubic'] as const);
  return sharp(pixels, { raw: coarse }).resize(width, height, { fit: 'fill', kernel });
}

/** 2 to 4 frames, of which the workload takes the first. */
async function animation(random: Random, channels: 3 | 4 = 3): Promise<Sharp> {
  const { width, height } = size(random);
  const frames = 2 + random.int(3);
  const frame = { width, height: Math.ceil(height / frames) };
  const all = { width, height: frame.height * frames };
  const pixels = await drawing(random, channels, all).raw().toBuffer();
  return sharp(pixels, { raw: { ...all, channels, pageHeight: frame.height } });
}

const quality = (random: Random) => 50 + random.int(50);
const delay = [100, 100, 100, 100];

/** Every variant by its name and extension. Formats take turns, so that a short list has them all. */
const GOOD: Readonly<Record<string, (random: Random) => Sharp | Promise<Sharp>>> = {
  'baseline.jpg': (random) => drawing(random).jpeg({ quality: quality(random) }),
  '8-bit.png': (random) => drawing(random).png({ compressionLevel: 2 }),
  'lossy.webp': (random) => drawing(random).webp({ quality: quality(random), effort: 0 }),
  'still.gif': (random) => drawing(random).gif({ effort: 1 }),
  'lzw.tiff': (random) => drawing(random).tiff({ compression: 'lzw' }),
  'small.avif': (random) =>
    drawing(random, 3, { width: 150 + random.int(100), height: 120 + random.int(80) }).avif({ effort: 0 }),
  'progressive.jpg': (random) => drawing(random).jpeg({ quality: quality(random), progressive: true }),
  '16-bit.png': (random) => drawing(random).toColourspace('rgb16').png({ compressionLevel: 2 }),
  'lossless.webp': (random) => drawing(random).webp({ lossless: true, effort: 0 }),
  'animated.gif': async (random) => (await animation(random)).gif({ delay, effort: 1 }),
  'tiled.tiff': (random) => drawing(random).tiff({ compression: 'lzw', tile: true, tileWidth: 64, tileHeight: 64 }),
  'cmyk.jpg': (random) => drawing(random).toColourspace('cmyk').jpeg(),
  'palette.png': (random) => drawing(random).png({ palette: true, colours: 2 + random.int(200), effort: 1 }),
  'alpha.webp': (random) => drawing(random, 4).webp({ quality: quality(random), effort: 0 }),
  'deflate.tiff': (random) => drawing(random).tiff({ compression: 'deflate', predictor: 'none' }),
  'grey.jpg': (random) => drawing(random).toColourspace('b-w').jpeg(),
  'interlaced.png': (random) => drawing(random).png({ progressive: true, compressionLevel: 2 }),
  'animated.webp': async (random) => (await animation(random, 4)).webp({ delay, effort: 0 }),
  'oriented.jpg': (random) =>
    drawing(random)
      .withMetadata({ orientation: 1 + random.int(8) })
      .jpeg(),
  'alpha.png': (random) => drawing(random, 4).png({ compressionLevel: 2 }),
  'display-p3.jpg': (random) => drawing(random).withIccProfile('p3').jpeg(),
};

/** Number `index` of {@link goodPictures}, for whoever cannot hold all of them. */
export async function goodPicture(random: Random, index: number): Promise<GoodPicture> {
  const variants = Object.entries(GOOD);
  const [variant, draw] = variants[index % variants.length] as (typeof variants)[number];
  const image = await draw(random.fork(`good ${index}`));
  return { name: `good-${number(index)}-${variant}`, bytes: await image.toBuffer(), kind: 'done' };
}

/**
 * Valid pictures of 0.02 to 0.3 MP in turns of all formats and variants, no two alike. A picture depends on the seed and
 * its place alone: the first ten are the same whether ten are asked for or a thousand.
 *
 * @param random is only forked, and stays where it is
 * @throws when sharp cannot encode one of the formats, which is a fault of the installation
 */
export function goodPictures(random: Random, count: number): Promise<GoodPicture[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => goodPicture(random, index)));
}

// --- The slow picture ---

/** Scans a progressive JPEG of one component may have after the first: 63 coefficients, 14 bits of each. */
export const MOST_SCANS = 63 * 14;

const jpegSegment = (marker: number, ...body: readonly number[]): Buffer =>
  Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body]);

/** The bytes of entropy-coded bits: filled up with ones, and a zero behind every 255, which would start a marker. */
function jpegBits(bits: string): Buffer {
  const bytes = bits.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, '1'), 2)) ?? [];
  return Buffer.from(bytes.flatMap((byte) => (byte === 255 ? [255, 0] : [byte])));
}

/**
 * A JPEG that is legal, small and slow: even grey, sent in so many scans, one bit of one coefficient each, that the
 * decoder walks over all blocks hundreds of times to learn that there is nothing more. It decodes without a warning.
 *
 * CPU grows with both arguments: about 0.2 ms for each scan of each megapixel, on a machine of 2026. So about 2 s is
 * `slowJpeg(12, 800)` or `slowJpeg(24, 400)`, and about 8 s `slowJpeg(48, 800)`; a test that depends on it leaves
 * a factor of three on either side. Memory is 2 bytes a pixel plus what any picture takes: prefer scans to megapixels.
 * A file has 2 KB a megapixel, and 10 bytes a scan plus one for each megapixel.
 *
 * @param megapixels of a square picture, to the nearest block of 8 x 8 px
 * @param scans after the first, which sends the grey; the more important bits of a coefficient come first
 * @throws RangeError beyond what the format allows
 * @see https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.2 (segments), C (Huffman tables), G.1.2 (progressive coding)
 */
export function slowJpeg(megapixels: number, scans: number): Buffer {
  const side = Math.round(Math.sqrt(megapixels * 1e6) / 8) * 8;
  if (!(side >= 8 && side <= 65_528)) throw new RangeError(`no JPEG has ${megapixels} megapixels`);
  if (!(scans >= 0 && scans <= MOST_SCANS)) throw new RangeError(`${scans} scans; at most ${MOST_SCANS} are legal`);
  const blocks = (side / 8) ** 2;

  // "The coefficients of the next n blocks are all zero", until that is said of every block. Up to 32,767 at a time:
  // the code of the magnitude, which is the magnitude in four bits, and as many bits for the place within it.
  let runs = '';
  for (let left = blocks; left > 0; ) {
    const run = Math.min(left, 32_767);
    const magnitude = 31 - Math.clz32(run);
    runs += magnitude.toString(2).padStart(4, '0') + run.toString(2).slice(1);
    left -= run;
  }
  const nothing = jpegBits(runs);
  // A refining scan says the same in the same words: it would add a bit for every coefficient that is not zero.
  const refinements = Array.from({ length: scans }, (_, scan) => {
    const coefficient = 1 + Math.floor(scan / 14);
    const bit = 13 - (scan % 14);
    const bitBefore = bit === 13 ? 0 : bit + 1;
    return [jpegSegment(0xda, 1, 1, 0, coefficient, coefficient, (bitBefore << 4) | bit), nothing];
  });
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    // DQT: all ones. SOF2: 8 bits, one component.
    jpegSegment(0xdb, 0, ...Array<number>(64).fill(1)),
    jpegSegment(0xc2, 8, side >> 8, side & 255, side >> 8, side & 255, 1, 1, 0x11, 0),
    // DHT: for DC, "no difference" in one bit. For AC, how many zero blocks follow, 15 magnitudes in four bits each.
    jpegSegment(0xc4, 0x00, 1, ...Array<number>(15).fill(0), 0),
    jpegSegment(0xc4, 0x10, 0, 0, 0, 15, ...Array<number>(12).fill(0), ...Array.from({ length: 15 }, (_, m) => m << 4)),
    jpegSegment(0xda, 1, 1, 0, 0, 0, 0),
    jpegBits('0'.repeat(blocks)),
    ...refinements.flat(),
    Buffer.from([0xff, 0xd9]),
  ]);
}

// --- Poison ---

/**
 * What the workload must be started with to reject the poison for its reasons: one kind takes several times this CPU,
 * one half as much again of this memory. Good pictures stay under a fifth of the CPU and, in a decoder that has seen
 * thousands of them, under two thirds of the memory. The wall deadline is long because what it ends is tried again: it
 * must not come before the CPU budget where the machine has other things to do.
 */
export const POISON_LIMITS: Readonly<Record<string, string>> = {
  [ENV.decodeCpuSeconds]: '1',
  [ENV.decodeWallSeconds]: '20',
  [ENV.decodeMemoryMib]: '320',
};

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(data.length + 12);
  chunk.writeUInt32BE(data.length);
  chunk.write(type, 4, 'latin1');
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4);
  return chunk;
}

/** The start of a PNG. @param colour type: 0 is grey, 2 RGB, 6 RGBA */
function pngStart({ width, height }: Size, depth: 8 | 16, colour: 0 | 2 | 6, interlaced = false): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, colour, 0, 0, interlaced ? 1 : 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  return Buffer.concat([PNG_SIGNATURE, pngChunk('IHDR', header)]);
}

/**
 * A valid interlaced PNG, transparent black, that takes 8 bytes a pixel to decode and a thousandth of it to store.
 * Interlaced, because only then are all pixels in memory at the same time.
 */
function heavyPng({ width, height }: Size): Buffer {
  // The seven passes of an interlaced picture: the first column and row, and the steps from there.
  // biome-ignore format: a table
  const passes = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
  let length = 0;
  for (const [x, y, across, down] of passes as [number, number, number, number][]) {
    length += Math.ceil((height - y) / down) * (1 + 8 * Math.ceil((width - x) / across));
  }
  // Zeros are compressed once, and then the same block is repeated: hundreds of megabytes in no time.
  const megabyte = deflateRawSync(Buffer.alloc(2 ** 20), { finishFlush: constants.Z_FULL_FLUSH });
  const checksum = Buffer.alloc(4);
  // Adler-32: the lower half is one plus the sum of the bytes, the upper half the sum of the lower ones.
  checksum.writeUInt32BE(((length % 65_521) * 65_536 + 1) >>> 0);
  const data = Buffer.concat([
    Buffer.from([0x78, 0x01]),
    ...Array<Buffer>(Math.floor(length / 2 ** 20)).fill(megabyte),
    deflateRawSync(Buffer.alloc(length % 2 ** 20)),
    checksum,
  ]);
  const start = pngStart({ width, height }, 16, 6, true);
  return Buffer.concat([start, pngChunk('IDAT', data), pngChunk('IEND', Buffer.alloc(0))]);
}

/** Flips bits in the second half of a picture until sharp notices: a few hits may make another valid picture. */
async function rotten(bytes: Buffer, random: Random): Promise<Buffer> {
  const flipped = Buffer.from(bytes);
  for (;;) {
    for (let flips = 8; flips > 0; flips--) {
      const at = flipped.length - 1 - random.int(flipped.length / 2);
      flipped[at] = (flipped[at] as number) ^ (1 << random.int(8));
    }
    try {
      await sharp(flipped).raw().toBuffer();
    } catch {
      return flipped;
    }
  }
}

/** The first part of a picture of one frame, which has its header and not all of its pixels. */
async function cut(image: Sharp, random: Random): Promise<Buffer> {
  const bytes = await image.toBuffer();
  return bytes.subarray(0, Math.ceil(bytes.length * (0.5 + 0.4 * random.next())));
}

/** A lossless WebP that ends behind its header. @see https://developers.google.com/speed/webp/docs/riff_container */
function webpHeader({ width, height }: Size): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write('RIFF\x18\0\0\0WEBPVP8L\x0c\0\0\0\x2f', 'latin1');
  bytes.writeUInt32LE((width - 1) | ((height - 1) << 14), 21);
  return bytes;
}

/** A grey TIFF in one strip that begins and ends far behind the file. @see TIFF 6.0, section 2 */
function absurdTiff({ width, height }: Size): Buffer {
  const LONG = 4;
  // biome-ignore format: a table
  const tags = [[256, width], [257, height], [258, 8], [259, 1], [262, 1], [273, 0xffff_fff0], [277, 1], [278, height], [279, 0x7fff_ffff]];
  const bytes = Buffer.alloc(8 + 2 + tags.length * 12 + 4);
  bytes.write('II*\0\x08\0\0\0', 'latin1');
  bytes.writeUInt16LE(tags.length, 8);
  for (const [index, [tag, value]] of (tags as [number, number][]).entries()) {
    const at = 10 + index * 12;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(LONG, at + 2);
    bytes.writeUInt32LE(1, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  }
  return bytes;
}

/** RGB with more channels than anybody has a meaning for. */
async function channels(random: Random, more: number): Promise<Buffer> {
  const { width, height } = size(random);
  const plane = Buffer.alloc(width * height, random.int(256));
  const planes = Array<Buffer>(more).fill(plane);
  const image = drawing(random, 3, { width, height });
  return image
    .joinChannel(planes, { raw: { width, height, channels: 1 } })
    .tiff({ compression: 'lzw' })
    .toBuffer();
}

const text = (random: Random, before: string, after = '') =>
  Buffer.from(`${before}${random.int(1e9)}${after}`, 'latin1');

/** Every kind by its name, with the reason and how one is made. */
const POISON: Readonly<Record<string, [RejectionReason, (random: Random) => Buffer | Promise<Buffer>]>> = {
  'truncated.jpg': ['corrupt', (random) => cut(drawing(random).jpeg(), random)],
  'svg.jpg': [
    'unsupported',
    (random) => text(random, '<svg xmlns="http://www.w3.org/2000/svg"><text>', '</text></svg>'),
  ],
  'lying.png': [
    'too-large',
    (random) => {
      const data = pngChunk('IDAT', deflateRawSync(Buffer.alloc(2)));
      return Buffer.concat([pngStart({ width: 60_000, height: 60_000 - random.int(1000) }, 8, 0), data]);
    },
  ],
  'rotten.jpg': ['corrupt', async (random) => rotten(await drawing(random).jpeg().toBuffer(), random)],
  'zip.jpg': ['unsupported', (random) => text(random, 'PK\x03\x04\x14\0\0\0\x08\0')],
  // 268 megapixels in 32 bytes.
  'tiny.webp': ['too-large', (random) => webpHeader({ width: 16_383, height: 16_383 - random.int(100) })],
  'slow.jpg': ['too-large', (random) => slowJpeg(24 + random.int(4), MOST_SCANS - random.int(100))],
  'no-data.png': [
    'corrupt',
    (random) =>
      Buffer.concat([
        pngStart(size(random), 8, 2),
        pngChunk('IDAT', Buffer.alloc(0)),
        pngChunk('IEND', Buffer.alloc(0)),
      ]),
  ],
  'phone.heic': ['unsupported', (random) => text(random, '\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\x10\0mdat')],
  // 25 megapixels, but in rows of 5 MB.
  'tiny.png': [
    'too-large',
    (random) =>
      Buffer.concat([
        pngStart({ width: 786_464 - random.int(1000), height: 32 }, 16, 2),
        Buffer.from('\0\0\0\0IDAT', 'latin1'),
      ]),
  ],
  'strips.tiff': ['corrupt', (random) => absurdTiff(size(random))],
  'html.jpg': ['unsupported', (random) => text(random, '<!DOCTYPE html><title>', '</title>')],
  'heavy.png': ['too-large', (random) => heavyPng({ width: 7000, height: 6000 + random.int(500) })],
  'truncated.gif': ['corrupt', (random) => cut(drawing(random).gif({ effort: 1 }), random)],
  'channels.tiff': ['too-large', (random) => channels(random, 3)],
  'rotten.png': ['corrupt', async (random) => rotten(await drawing(random).png().toBuffer(), random)],
  'meaning.tiff': ['unsupported', (random) => channels(random, 2)],
  'truncated.webp': ['corrupt', (random) => cut(drawing(random).webp({ effort: 0 }), random)],
  'truncated.avif': [
    'corrupt',
    (random) => cut(drawing(random, 3, { width: 200, height: 150 }).avif({ effort: 0 }), random),
  ],
};

/**
 * Pictures that must be rejected, in turns of all kinds, under {@link POISON_LIMITS}. Like {@link goodPictures}
 * otherwise.
 */
export function poisonPictures(random: Random, count: number): Promise<PoisonPicture[]> {
  const kinds = Object.entries(POISON);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const [name, [reason, make]] = kinds[index % kinds.length] as (typeof kinds)[number];
      const bytes = await make(random.fork(`poison ${index}`));
      return { name: `poison-${number(index)}-${name}`, bytes, kind: 'rejected' as const, reason };
    }),
  );
}
