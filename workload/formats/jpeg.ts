import { Rejection } from '../gate';

/** @see https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.1.1.3 (markers), B.2.2 (frame header), B.2.3 (scan header) */
const SOF0 = 0xc0;
const SOF1 = 0xc1;
const DHT = 0xc4;
const JPG = 0xc8;
const DAC = 0xcc;
const SOF15 = 0xcf;
const RST0 = 0xd0;
const EOI = 0xd9;
const SOS = 0xda;
const DNL = 0xdc;
const APP0 = 0xe0;
const APP14 = 0xee;
const TEM = 0x01;

/** Sequential, progressive and lossless with Huffman coding, and the first two with arithmetic coding. */
const DECODED_FRAMES = [SOF0, SOF1, 0xc2, 0xc3, 0xc9, 0xca];

/** More than any file has for a reason. */
const MAX_SEGMENTS = 65_536;

interface Segment {
  readonly marker: number;
  /** Of the 0xFF of its marker. */
  readonly start: number;
  /** Of its parameters, behind its length. */
  readonly body: number;
  readonly end: number;
  /** Bytes before it that belong to nothing. */
  readonly stray: number;
}

/** What stands before the picture's data, with the header of the first scan as the last one. */
function* segments(bytes: Buffer): Generator<Segment> {
  for (let at = 2; ; ) {
    // As libjpeg looks for a marker: 0xFF may be repeated, and 0xFF00 is none.
    let start = bytes.indexOf(0xff, at);
    while (start >= 0 && bytes[start + 1] === 0) start = bytes.indexOf(0xff, start + 2);
    if (start < 0) return;
    let marker = start + 1;
    while (bytes[marker] === 0xff) marker += 1;
    const code = bytes[marker];
    if (code === undefined || code === EOI) return;
    const standsAlone = code === TEM || (code >= RST0 && code < EOI);
    const body = marker + (standsAlone ? 1 : 3);
    const end = standsAlone ? body : marker + 1 + bytes.readUInt16BE(marker + 1);
    yield { marker: code, start, body, end, stray: start - at };
    if (code === SOS || end < body) return;
    at = end;
  }
}

const isFrame = ({ marker }: Segment) => marker >= SOF0 && marker <= SOF15 && ![DHT, JPG, DAC].includes(marker);

/** Refuses what is a legal JPEG and cannot be decoded here. @throws Rejection, or RangeError when the header breaks off */
export function checkJpeg(bytes: Buffer): void {
  for (const segment of segments(bytes)) {
    if (!isFrame(segment)) continue;
    const unsupported = (what: string) => new Rejection('unsupported', `a JPEG ${what}`);
    if (!DECODED_FRAMES.includes(segment.marker))
      throw unsupported('in layers (hierarchical), or lossless in a rare way');
    const bits = bytes.readUInt8(segment.body);
    const isLossless = segment.marker === 0xc3;
    if (bits === 12 || (isLossless && bits !== 8)) throw unsupported(`of ${bits} bits a sample; only 8 are accepted`);
    if (bytes.readUInt16BE(segment.body + 1) === 0) {
      // Told behind the first scan instead, which the standard allows.
      if (bytes.includes(Buffer.of(0xff, DNL, 0, 4))) throw unsupported('that gives its height at its end (DNL)');
      throw new Rejection('corrupt', 'its header gives no height');
    }
    return;
  }
}

/**
 * A copy without what decoders warn of though the picture is whole, or `undefined` when there is nothing of that kind:
 *
 * - bytes between segments that belong to neither
 * - a JFIF version other than 1, which has no bearing on the pixels
 * - an Adobe colour transform that does not exist for this number of channels: libjpeg takes it for the usual one
 * - in a sequential JPEG, a scan that claims other coefficients than all: some Samsung cameras write 0 to 0
 */
export function mendJpeg(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [bytes.subarray(0, 2)];
  let mended = false;
  let frame: Segment | undefined;
  let adobe: { readonly part: Buffer; readonly transform: number } | undefined;
  let scan: Buffer | undefined;
  let at = 2;
  let count = 0;
  const change = (part: Buffer, offset: number, ...values: readonly number[]) => {
    if (offset + values.length > part.length || values.every((value, i) => part[offset + i] === value)) return;
    part.set(values, offset);
    mended = true;
  };
  for (const segment of segments(bytes)) {
    const { marker, start, body, end, stray } = segment;
    const part = Buffer.from(bytes.subarray(start, end));
    const name = bytes.toString('latin1', body, body + 5);
    if (stray > 0) mended = true;
    if (marker === APP0 && name === 'JFIF\0' && bytes[body + 5] !== 1) change(part, body - start + 5, 1);
    // The transform comes after a version and two flags. 0 is none, 1 YCbCr, 2 YCCK.
    if (marker === APP14 && name === 'Adobe') adobe = { part, transform: body - start + 11 };
    if (isFrame(segment)) frame = segment;
    at = end;
    count += 1;
    parts.push(part);
    if (marker === SOS) scan = part;
    if (count > MAX_SEGMENTS) return undefined;
  }
  if (!frame || !scan) return undefined;
  const channels = bytes[frame.body + 5];
  if (adobe && (channels === 3 || channels === 4) && adobe.part[adobe.transform] !== 0) {
    change(adobe.part, adobe.transform, channels === 3 ? 1 : 2);
  }
  const rest = Buffer.from(bytes.subarray(at));
  if (frame.marker === SOF0 || frame.marker === SOF1) {
    change(scan, scan.length - 3, 0, 63, 0);
    // Each component may have a scan of its own.
    for (let next = rest.indexOf(0xff); next >= 0; next = rest.indexOf(0xff, next + 2)) {
      if (rest[next + 1] !== SOS || next + 4 > rest.length) continue;
      change(rest, next + rest.readUInt16BE(next + 2) - 1, 0, 63, 0);
    }
  }
  return mended ? Buffer.concat([...parts, rest]) : undefined;
}
