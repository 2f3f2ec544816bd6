import { crc32 } from 'node:zlib';
import type { Random } from './random';

/**
 * Damages pictures at random: by the bit, by the number and by the piece. A fuzzer without feedback, so it leans on
 * what tends to hurt decoders: lengths and sizes at the edge of their type, and structure in the wrong place.
 */

/** Most bytes a picture may grow to, unless it was larger before. */
const LARGEST = 1_000_000;
const MOST_OPERATIONS = 8;

const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
/** The ends of signed and unsigned types, and widths that are just accepted, just refused, or absurd. */
const NUMBERS = [
  0, 1, 2, 16, 255, 256, 4096, 8192, 16_383, 16_384, 30_000, 30_001, 32_767, 32_768, 65_535, 65_536, 0x00ff_ffff,
  0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];
/** Where a structure may begin: a JPEG marker, or the four letters of a PNG chunk, a RIFF chunk or an ISO box. */
const STRUCTURE = /\xff[\xc0-\xfe]|[A-Za-z][A-Za-z0-9]{2}[A-Za-z0-9 ]/g;
/** Headers are the smaller and more rewarding part of a picture. */
const HEADER_BYTES = 128;
/** How far a structure is looked for. */
const SEARCHED_BYTES = 512;

type Operation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

/** Where to strike: at a structure, in the header, or anywhere; 0 to `bytes.length - 1`. */
function place(bytes: Buffer, random: Random): number {
  const where = random.next();
  if (where < 0.3) {
    // Looked for from a random place on and not very far, which is quick in a million bytes too.
    const from = random.int(bytes.length);
    const starts = [...bytes.toString('latin1', from, from + SEARCHED_BYTES).matchAll(STRUCTURE)];
    if (starts.length > 0) return from + random.pick(starts).index;
  }
  return random.int(where < 0.6 ? Math.min(bytes.length, HEADER_BYTES) : bytes.length);
}

/** A piece of a picture: 1 to 8,192 bytes, as often tens as thousands. */
function piece(bytes: Buffer, random: Random): { start: number; end: number } {
  const start = place(bytes, random);
  return { start, end: Math.min(bytes.length, start + Math.floor(2 ** (random.next() * 13))) };
}

const insert = (bytes: Buffer, at: number, inserted: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);

const NAMED_OPERATIONS: Readonly<Record<string, Operation>> = {
  flipBits(bytes, random) {
    for (let flips = 1 + random.int(8); flips > 0; flips--) {
      const at = place(bytes, random);
      bytes[at] = (bytes[at] as number) ^ (1 << random.int(8));
    }
    return bytes;
  },
  overwriteByte(bytes, random) {
    bytes[place(bytes, random)] = random.chance(0.7) ? random.pick(BYTES) : random.int(256);
    return bytes;
  },
  overwriteNumber(bytes, random) {
    const size = random.pick([2, 4]);
    // Behind the name of a structure stands a number as often as in its place.
    const at = place(bytes, random) + random.pick([0, 0, size]);
    if (at + size > bytes.length) return bytes;
    const number = random.pick(NUMBERS) & (size === 2 ? 0xffff : 0xffff_ffff);
    if (random.chance(0.5)) bytes.writeUIntBE(number >>> 0, at, size);
    else bytes.writeUIntLE(number >>> 0, at, size);
    return bytes;
  },
  nudgeByte(bytes, random) {
    // Off by a little: what checks for the absurd lets it through.
    const at = place(bytes, random);
    bytes[at] = (bytes[at] as number) + random.pick([-2, -1, 1, 2]);
    return bytes;
  },
  fill(bytes, random) {
    const { start, end } = piece(bytes, random);
    return bytes.fill(random.pick(BYTES), start, end);
  },
  remove(bytes, random) {
    const { start, end } = piece(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  duplicate(bytes, random) {
    const { start, end } = piece(bytes, random);
    return insert(bytes, end, bytes.subarray(start, end));
  },
  repeat(bytes, random) {
    const { start, end } = piece(bytes, random);
    const times = 2 + random.int(64);
    return insert(bytes, end, Buffer.alloc((end - start) * times, bytes.subarray(start, end)));
  },
  move(bytes, random) {
    const { start, end } = piece(bytes, random);
    const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    return insert(rest, rest.length > 0 ? place(rest, random) : 0, bytes.subarray(start, end));
  },
  insertNoise(bytes, random) {
    const { start, end } = piece(bytes, random);
    return insert(bytes, start, Buffer.from(Array.from({ length: Math.min(end - start, 256) }, () => random.int(256))));
  },
  truncate(bytes, random) {
    return bytes.subarray(0, place(bytes, random) + 1);
  },
  splice(bytes, random, others) {
    // The beginning of this one, the end of another: a header that belongs to other pixels.
    const other = others.length > 0 ? random.pick(others) : bytes;
    if (other.length === 0) return bytes;
    return Buffer.concat([bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random))]);
  },
  transplant(bytes, random, others) {
    const other = others.length > 0 ? random.pick(others) : bytes;
    if (other.length === 0) return bytes;
    const { start, end } = piece(other, random);
    return insert(bytes, place(bytes, random), other.subarray(start, end));
  },
};

const OPERATIONS = Object.values(NAMED_OPERATIONS);

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Makes the checksums of a PNG right again, in place and as far as its chunks can be followed. */
function reseal(bytes: Buffer): void {
  if (!bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at);
    if (end + 4 > bytes.length) return;
    bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, end)), end);
    at = end + 4;
  }
}

/**
 * A picture with 1 to 8 random damages. The same arguments give the same bytes; the arguments stay as they are.
 *
 * @param others pictures to take pieces from; without any, they are taken from the picture itself
 * @returns other bytes than `bytes`, at most twice as many and at most {@link LARGEST} (or as many as there were, when
 *   that is more); of no bytes, no bytes
 */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  if (bytes.length === 0) return Buffer.alloc(0);
  const most = Math.max(bytes.length, Math.min(bytes.length * 2, LARGEST));
  let mutated: Buffer = Buffer.from(bytes);
  // One more often than eight: what is hit in many places is refused at the first, and the others are never read.
  for (let left = Math.floor((MOST_OPERATIONS + 1) ** random.next()); left > 0 && mutated.length > 0; left--) {
    const operation = random.pick(OPERATIONS);
    mutated = operation(mutated, random, others).subarray(0, most);
  }
  // Without it no damage would get past the first checksum of a PNG.
  if (random.chance(0.7)) reseal(mutated);
  if (mutated.equals(bytes)) {
    const at = random.int(mutated.length);
    mutated[at] = (mutated[at] as number) ^ (1 << random.int(8));
  }
  return mutated;
}
