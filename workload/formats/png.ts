import { type Colours, fromCodePoints, fromGamma, withRange } from '../colour';

/**
 * What a PNG says of its colours outside an ICC profile, in the order of the specification: code points, which go before
 * a profile, then `sRGB`, then a curve and primaries.
 * @see https://www.w3.org/TR/png-3/ 4.3 (order), 11.3.2 (chunks)
 * @throws RangeError when a chunk breaks off
 */
export function readPng(bytes: Buffer): { readonly beforeProfile?: Colours; readonly afterProfile?: Colours } {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IDAT') break;
    if (['cICP', 'sRGB', 'gAMA', 'cHRM'].includes(type)) chunks.set(type, bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const cicp = chunks.get('cICP');
  if (cicp && cicp.readUInt8(2) === 0) {
    const colours = fromCodePoints(cicp.readUInt8(0), cicp.readUInt8(1));
    return { beforeProfile: cicp.readUInt8(3) === 0 ? withRange(colours, 16 / 255, 235 / 255) : colours };
  }
  if (chunks.has('sRGB')) return {};
  const [gama, chrm] = [chunks.get('gAMA'), chunks.get('cHRM')];
  if (!gama && !chrm) return {};
  // White comes first there.
  const [white, ...primaries] = chrm
    ? [0, 8, 16, 24].map((i): [number, number] => [chrm.readUInt32BE(i) / 100_000, chrm.readUInt32BE(i + 4) / 100_000])
    : [];
  const encoding = (gama?.readUInt32BE(0) ?? 0) / 100_000;
  return { afterProfile: fromGamma(encoding || undefined, white && [...primaries, white]) };
}
