import { Rejection } from '../gate';

/** @see https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf and https://www.awaresystems.be/imaging/tiff/tifftags.html */
const TAG = {
  subfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  samplesPerPixel: 277,
  planar: 284,
  tileWidth: 322,
  subIfds: 330,
  sampleFormat: 339,
  subsampling: 530,
  dngVersion: 50_706,
} as const;

/** What decides about pixels, their colours and the way up: the only ones a mended copy keeps. */
const PIXEL_TAGS = new Set([
  254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 334,
  338, 339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 34_675,
]);

/** Bytes of a value, by field type. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/** White or black is 0, RGB, palette, CMYK, YCbCr. */
const PHOTOMETRICS = [0, 1, 2, 3, 5, 6];
const YCBCR = 6;
const COLOUR_FILTER_ARRAY = 32_803;
const LINEAR_RAW = 34_892;

const COMPRESSIONS: Readonly<Record<number, string>> = {
  32809: 'ThunderScan',
  32909: 'PixarLog',
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  34661: 'JBIG',
  34676: 'SGILog',
  34677: 'SGILog24',
  34712: 'JPEG 2000',
  34887: 'LERC',
  34892: 'lossy JPEG (DNG)',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};
/** None, CCITT, LZW, JPEG, Deflate, PackBits, WebP. */
const DECODED_COMPRESSIONS = [1, 2, 3, 4, 5, 6, 7, 8, 32_773, 32_946, 50_001];

/** More than any file has for a reason; libtiff takes no more entries either. */
const MAX_DIRECTORIES = 64;
const MAX_ENTRIES = 4096;

interface Entry {
  readonly tag: number;
  /** Of the entry itself. */
  readonly at: number;
  /** Its first values, when they are whole numbers. */
  readonly values: readonly number[];
}

/** Reads directories in either byte order, of classic and BigTIFF. */
class Reader {
  private readonly little: boolean;
  readonly big: boolean;

  constructor(readonly bytes: Buffer) {
    this.little = bytes[0] === 0x49;
    this.big = this.number(2, 2) === 43;
  }

  number(at: number, size: number): number {
    const { bytes, little } = this;
    if (size === 8) return Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    return little ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
  }

  get first(): number {
    return this.big ? this.number(8, 8) : this.number(4, 4);
  }

  get entryBytes(): number {
    return this.big ? 20 : 12;
  }

  directory(start: number): { readonly entries: readonly Entry[]; readonly next: number } {
    const counter = this.big ? 8 : 2;
    const count = this.number(start, counter);
    const from = start + counter;
    const end = from + count * this.entryBytes;
    if (count > MAX_ENTRIES || !(end <= this.bytes.length)) throw new RangeError('no directory');
    const entries = Array.from({ length: count }, (_, i) => this.entry(from + i * this.entryBytes));
    return { entries, next: end + (this.big ? 8 : 4) <= this.bytes.length ? this.number(end, this.big ? 8 : 4) : 0 };
  }

  private entry(at: number): Entry {
    const offsetBytes = this.big ? 8 : 4;
    const size = TYPE_BYTES[this.number(at + 2, 2)] ?? 0;
    const count = this.number(at + 4, offsetBytes);
    const inline = at + 4 + offsetBytes;
    const from = size * count <= offsetBytes ? inline : this.number(inline, offsetBytes);
    const known = size === 1 || size === 2 || size === 4 || size === 8;
    const most = known ? Math.min(count, 16, Math.floor((this.bytes.length - from) / size)) : 0;
    const values = Array.from({ length: Math.max(0, most) }, (_, i) => this.number(from + i * size, size));
    return { tag: this.number(at, 2), at, values };
  }
}

/**
 * Refuses what is a legal TIFF and cannot be decoded here, or would be decoded wrongly, and what is a camera's raw file.
 * @throws Rejection, or RangeError when the header breaks off
 */
export function checkTiff(bytes: Buffer): void {
  const reader = new Reader(bytes);
  const unsupported = (detail: string) => new Rejection('unsupported', detail);
  const { entries, next } = reader.directory(reader.first);
  const all = (tag: number, from = entries) => from.find((entry) => entry.tag === tag)?.values ?? [];
  const one = (tag: number, fallback: number, from = entries) => all(tag, from)[0] ?? fallback;

  const raw = unsupported('a raw file of a camera; only the pictures made of them are accepted');
  if (bytes.toString('latin1', 8, 10) === 'CR' || all(TAG.dngVersion).length > 0) throw raw;
  const area = (from: readonly Entry[]) => one(TAG.width, 0, from) * one(TAG.height, 0, from);
  const isPreview = (one(TAG.subfileType, 0) & 1) === 1;
  const waiting = [...all(TAG.subIfds), next];
  const seen = new Set([reader.first]);
  for (const start of waiting) {
    if (start === 0 || seen.has(start) || seen.size === MAX_DIRECTORIES) continue;
    seen.add(start);
    const other = tryDirectory(reader, start);
    if (!other) continue;
    waiting.push(...all(TAG.subIfds, other.entries), other.next);
    if ([COLOUR_FILTER_ARRAY, LINEAR_RAW].includes(one(TAG.photometric, 0, other.entries))) throw raw;
    if (isPreview && area(other.entries) > area(entries)) {
      throw unsupported('a TIFF whose first picture is only a preview of another one in it');
    }
  }

  const photometric = one(TAG.photometric, 1);
  const depths = all(TAG.bitsPerSample);
  // Its values lie outside of the file, which breaks off before them.
  if (depths.length === 0 && entries.some(({ tag }) => tag === TAG.bitsPerSample)) throw new RangeError('no depth');
  const bits = depths[0] ?? 1;
  const format = one(TAG.sampleFormat, 1);
  const compression = one(TAG.compression, 1);
  if ([COLOUR_FILTER_ARRAY, LINEAR_RAW].includes(photometric)) throw raw;
  if ([8, 9, 10].includes(photometric)) throw unsupported('a TIFF in CIELab colours');
  if (!PHOTOMETRICS.includes(photometric)) throw unsupported(`a TIFF of the colour model ${photometric}`);
  if (!DECODED_COMPRESSIONS.includes(compression)) {
    throw unsupported(`a TIFF compressed with ${COMPRESSIONS[compression] ?? `the method ${compression}`}`);
  }
  // 6 and 7 are JPEG, whose decoder converts; with subsampling libtiff does.
  const isSubsampled = [0, 1].some((i) => (all(TAG.subsampling)[i] ?? 2) > 1);
  if (photometric === YCBCR && !isSubsampled && ![6, 7].includes(compression)) {
    throw unsupported('a TIFF in YCbCr colours of full resolution, which would be taken for RGB');
  }
  const isFloatRgb = format === 3 && (bits === 32 || bits === 16) && photometric === 2;
  const channels = one(TAG.samplesPerPixel, 1);
  const isWhole =
    (format === 1 || format === 4) && ([8, 16].includes(bits) || ([1, 2, 4].includes(bits) && channels === 1));
  if (!isWhole && !isFloatRgb) {
    const kind = ({ 1: 'whole', 2: 'signed', 3: 'floating-point' } as Record<number, string>)[format] ?? 'complex';
    throw unsupported(`a TIFF of ${bits}-bit ${kind} numbers in ${channels} channel${channels === 1 ? '' : 's'}`);
  }
  if (new Set(depths).size > 1) throw unsupported('a TIFF of channels of different depth');
  if (one(TAG.planar, 1) === 2 && channels > 1 && all(TAG.tileWidth).length > 0) {
    throw unsupported('a TIFF in tiles with a plane for each channel');
  }
}

function tryDirectory(reader: Reader, start: number) {
  try {
    return reader.directory(start);
  } catch {
    return undefined;
  }
}

/**
 * A copy whose first directory has only the tags that decide about the picture, in the order the standard demands, or
 * `undefined` when that is so already. Decoders warn of text padded with zeros, of tags out of order and of tags they
 * have never heard of.
 * @throws RangeError when the header breaks off
 */
export function mendTiff(bytes: Buffer): Buffer | undefined {
  const reader = new Reader(bytes);
  const { entries, next } = reader.directory(reader.first);
  const kept = entries.filter(({ tag }) => PIXEL_TAGS.has(tag)).sort((a, b) => a.tag - b.tag);
  if (kept.length === entries.length && kept.every((entry, i) => entry === entries[i])) return undefined;
  const copy = Buffer.from(bytes);
  const [counter, offset] = reader.big ? [8, 8] : [2, 4];
  const first = reader.first + counter;
  for (const [i, { at }] of kept.entries()) bytes.copy(copy, first + i * reader.entryBytes, at, at + reader.entryBytes);
  const write = (value: number, at: number, size: number) => {
    copy.fill(0, at, at + size);
    const width = Math.min(size, 6);
    if (bytes[0] === 0x49) copy.writeUIntLE(value, at, width);
    else copy.writeUIntBE(value, at + size - width, width);
  };
  write(kept.length, reader.first, counter);
  write(next, first + kept.length * reader.entryBytes, offset);
  return copy;
}
