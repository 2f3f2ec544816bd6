import { type Colours, fromCodePoints, withRange } from '../colour';
import { Rejection } from '../gate';

interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

export interface Avif {
  /** By code points; an ICC profile goes before them. */
  readonly colours?: Colours;
  /** Grey whose black and white are inside the range: libheif stretches colour, and not grey. */
  readonly limitedGrey?: (colours: Colours) => Colours;
  /** The colour is multiplied with alpha already. */
  readonly premultiplied?: true;
  /** It has one colour channel. */
  readonly grey?: true;
}

/** An association cannot name more. */
const MAX_PROPERTIES = 32_767;

/** The boxes in a part of a file. @see https://www.iso.org/standard/83102.html 4.2 (ISO/IEC 14496-12) */
function* boxes(bytes: Buffer, from: number, to: number): Generator<Box> {
  for (let at = from; at + 8 <= to; ) {
    let [length, header] = [bytes.readUInt32BE(at), 8];
    if (length === 1) [length, header] = [Number(bytes.readBigUInt64BE(at + 8)), 16];
    const end = length === 0 ? to : at + length;
    if (end < at + header || end > to) return;
    yield { type: bytes.toString('latin1', at + 4, at + 8), start: at + header, end };
    at = end;
  }
}

function find(bytes: Buffer, { start, end }: Box, type: string, skip = 0): Box | undefined {
  for (const box of boxes(bytes, start + skip, end)) if (box.type === type) return box;
  return undefined;
}

/**
 * What the primary picture of an AVIF says of itself.
 * @see https://aomediacodec.github.io/av1-avif/ and ISO/IEC 23008-12
 * @throws Rejection for what is legal and cannot be decoded here, or RangeError when the header breaks off
 */
export function readAvif(bytes: Buffer): Avif {
  const file: Box = { type: 'file', start: 0, end: bytes.length };
  const meta = find(bytes, file, 'meta');
  if (!meta) {
    if (find(bytes, file, 'moov'))
      throw new Rejection('unsupported', 'an AVIF that is only a film, without a still picture');
    return {};
  }
  // Behind the version and flags of a full box, 4 bytes.
  const [pitm, iprp, iref] = ['pitm', 'iprp', 'iref'].map((type) => find(bytes, meta, type, 4));
  const ipco = iprp && find(bytes, iprp, 'ipco');
  const ipma = iprp && find(bytes, iprp, 'ipma');
  if (!pitm || !ipco || !ipma) return {};
  const all: Box[] = [];
  for (const box of boxes(bytes, ipco.start, ipco.end)) if (all.push(box) === MAX_PROPERTIES) break;
  for (const { type, start } of all) {
    // Level 6.x ends at 35.7 megapixels; 31 is "no level", which is what encoders write that know none beyond.
    const level = type === 'av1C' ? bytes.readUInt8(start + 1) & 31 : 0;
    if (level > 19 && level < 31) {
      throw new Rejection(
        'unsupported',
        'an AVIF of AV1 level 7 or more; at most level 6.3 (35.6 megapixels) can be decoded',
      );
    }
  }
  const primary =
    bytes.readUInt8(pitm.start) === 0 ? bytes.readUInt16BE(pitm.start + 4) : bytes.readUInt32BE(pitm.start + 4);
  const own = properties(bytes, ipma, primary).map((index) => all[index - 1]);

  const premultiplied = iref && isPremultiplied(bytes, iref, primary);
  const nclx = own.find((box) => box?.type === 'colr' && bytes.toString('latin1', box.start, box.start + 4) === 'nclx');
  const pixi = own.find((box) => box?.type === 'pixi');
  const av1C = own.find((box) => box?.type === 'av1C');
  const isGrey =
    (pixi && bytes.readUInt8(pixi.start + 4) === 1) || (av1C && (bytes.readUInt8(av1C.start + 2) & 0x10) > 0);
  const facts: Avif = { ...(premultiplied && { premultiplied }), ...(isGrey && { grey: true }) };
  if (!nclx) return facts;
  const colours = fromCodePoints(bytes.readUInt16BE(nclx.start + 4), bytes.readUInt16BE(nclx.start + 6));
  const isLimited = (bytes.readUInt8(nclx.start + 10) & 0x80) === 0;
  const most = 2 ** (pixi ? bytes.readUInt8(pixi.start + 5) : 8) - 1;
  const step = (most + 1) / 256;
  return {
    ...facts,
    colours,
    ...(isGrey &&
      isLimited && { limitedGrey: (of: Colours) => withRange(of, (16 * step) / most, (235 * step) / most) }),
  };
}

/** The numbers, from 1, of an item's properties. */
function properties(bytes: Buffer, ipma: Box, item: number): number[] {
  const [version, wide] = [bytes.readUInt8(ipma.start), bytes.readUInt8(ipma.start + 3) & 1];
  const count = bytes.readUInt32BE(ipma.start + 4);
  for (let entry = 0, at = ipma.start + 8; entry < count && at < ipma.end; entry += 1) {
    const id = version === 0 ? bytes.readUInt16BE(at) : bytes.readUInt32BE(at);
    at += version === 0 ? 2 : 4;
    const associations = bytes.readUInt8(at);
    at += 1;
    const size = wide ? 2 : 1;
    if (id === item) {
      return Array.from({ length: associations }, (_, i) =>
        wide ? bytes.readUInt16BE(at + 2 * i) & 0x7fff : bytes.readUInt8(at + i) & 0x7f,
      );
    }
    at += associations * size;
  }
  return [];
}

function isPremultiplied(bytes: Buffer, iref: Box, item: number): true | undefined {
  const wide = bytes.readUInt8(iref.start) > 0;
  for (const { type, start } of boxes(bytes, iref.start + 4, iref.end)) {
    if (type === 'prem' && item === (wide ? bytes.readUInt32BE(start) : bytes.readUInt16BE(start))) return true;
  }
  return undefined;
}

/**
 * The same file with `avif` as its major brand, because libvips goes by that one only: it refuses animations (`avis`)
 * and takes other brands for HEIC. In place when it is right already.
 */
export function asStill(bytes: Buffer): Buffer {
  if (bytes.toString('latin1', 8, 12) === 'avif') return bytes;
  const copy = Buffer.from(bytes);
  copy.write('avif', 8, 'latin1');
  return copy;
}
