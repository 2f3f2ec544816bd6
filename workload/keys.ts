import { createHash } from 'node:crypto';
import { REJECTED_PREFIX, RENDITIONS_PREFIX, type RenditionFormat } from './contract';

/**
 * S3 refuses keys over 1,024 bytes, and a source key may already have that many. Past this many bytes the source key
 * is replaced by its hash and travels in the metadata instead.
 */
export const MAX_OUTPUT_KEY_BYTES = 900;

/** Also the file extension. */
const EXTENSIONS: Readonly<Record<RenditionFormat, string>> = { webp: 'webp', jpeg: 'jpg', avif: 'avif' };

/** `<width>.<ext>` */
export function renditionName(width: number, format: RenditionFormat): string {
  return `${width}.${EXTENSIONS[format]}`;
}

/** `renditions/<source key>/<width>.<ext>`. */
export function renditionKey(sourceKey: string, width: number, format: RenditionFormat): string {
  return resultKey(sourceKey, renditionName(width, format));
}

/**
 * `renditions/<source key>/<name>`. The whole source key, extension included: `a.jpg` and `a.png` must not share a
 * rendition.
 */
export function resultKey(sourceKey: string, name: string): string {
  return outputKey(RENDITIONS_PREFIX, sourceKey, `/${name}`);
}

/** `rejected/<source key>.json`. */
export function rejectionKey(sourceKey: string): string {
  return outputKey(REJECTED_PREFIX, sourceKey, '.json');
}

function outputKey(prefix: string, sourceKey: string, suffix: string): string {
  const key = `${prefix}${sourceKey}${suffix}`;
  // A source key that looks like a hash is hashed too, so that it cannot meet the one it looks like.
  if (Buffer.byteLength(key) <= MAX_OUTPUT_KEY_BYTES && !sourceKey.startsWith('sha256-')) return key;
  return `${prefix}sha256-${createHash('sha256').update(sourceKey).digest('hex')}${suffix}`;
}

/**
 * The source key as user metadata, which is ASCII and at most 2 KB in all: percent-encoded, or, where that would grow
 * too long (1,024 bytes of CJK are 3,072 characters), as base64url.
 */
export function sourceKeyMetadata(sourceKey: string): Record<string, string> {
  const encoded = encodeURIComponent(sourceKey);
  if (encoded.length <= 1400) return { 'source-key': encoded };
  return { 'source-key-base64url': Buffer.from(sourceKey).toString('base64url') };
}
