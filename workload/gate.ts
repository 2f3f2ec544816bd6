import type { RejectionReason } from './contract';
import type { Limits } from './env';

/**
 * The gate in front of the decoder: what is refused for good, cheapest test first. Hostile input is normal input;
 * a 32-byte file can ask for gigabytes.
 */

/** A permanent verdict on a picture: recorded, acknowledged, never retried. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  constructor(
    readonly reason: RejectionReason,
    /** One line for the person who uploaded it. */
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`);
  }
}

export const INPUT_FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

/** The format the first bytes promise, or `undefined`. File names and content types prove nothing. */
export function sniff(bytes: Buffer): InputFormat | undefined {
  const ascii = (start: number, end: number) => bytes.toString('latin1', start, end);
  if (ascii(0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (ascii(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP') return 'webp';
  if (/^GIF8[79]a/.test(ascii(0, 6))) return 'gif';
  // Classic and BigTIFF, in either byte order.
  if (/^(?:II[*+]\0|MM\0[*+])/.test(ascii(0, 4))) return 'tiff';
  if (ascii(4, 8) === 'ftyp') {
    // HEIC and MP4 share the container: only the brands tell. Four-letter brands from byte 8, byte 12 is a version.
    const end = Math.min(bytes.length, bytes.readUInt32BE(0), 256);
    const brands = ascii(8, Math.max(end, 12)).match(/.{4}/gs) ?? [];
    if (brands.some((brand, index) => index !== 1 && (brand === 'avif' || brand === 'avis'))) return 'avif';
  }
  return undefined;
}

/** Refuses by the size that S3 states, before the body is downloaded. @throws Rejection */
export function checkBytes(bytes: number, limits: Limits): void {
  if (bytes > limits.bytes) {
    throw new Rejection('too-large', `${bytes} bytes; at most ${limits.bytes} are accepted`);
  }
}

/** Refuses what is not one of {@link INPUT_FORMATS}. @throws Rejection */
export function checkFormat(bytes: Buffer): InputFormat {
  const format = sniff(bytes);
  if (format) return format;
  throw new Rejection('unsupported', `not one of ${INPUT_FORMATS.join(', ')}`);
}

/** What a header claims about the picture behind it. */
export interface Header {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Refuses by header, before a pixel is decoded. @throws Rejection */
export function checkHeader({ width, height, channels }: Header, limits: Limits): void {
  const tooLarge = (found: string, limit: string) =>
    new Rejection('too-large', `${found}; at most ${limit} are accepted`);
  if (Math.max(width, height) > limits.side) throw tooLarge(`${width} x ${height} px`, `${limits.side} px a side`);
  if (width * height > limits.pixels) throw tooLarge(`${width} x ${height} px`, `${limits.pixels} pixels`);
  if (channels > limits.channels) throw tooLarge(`${channels} channels`, `${limits.channels}`);
}
