import { crc32, deflateSync } from 'node:zlib';

/** Files written byte by byte, for what no encoder at hand writes. */

/** Four colours, one in each quarter: stored values, before anybody says what they mean. */
export const QUARTERS = [
  [200, 40, 40],
  [40, 160, 60],
  [50, 70, 200],
  [128, 128, 128],
] as const;

export const WIDTH = 64;
export const HEIGHT = 48;

/** The samples of a picture with a colour in each quarter, as wide as {@link WIDTH} and as tall as {@link HEIGHT}. */
export function quarters(colours: readonly (readonly number[])[] = QUARTERS): number[] {
  return Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [right, low] = [i % WIDTH >= WIDTH / 2, i >= (WIDTH * HEIGHT) / 2];
    return colours[Number(right) + 2 * Number(low)] as readonly number[];
  }).flat();
}

const u16 = (...values: readonly number[]) => Buffer.from(Uint8Array.from(values.flatMap((v) => [v >> 8, v & 255])));
const u32 = (...values: readonly number[]) => u16(...values.flatMap((v) => [Math.floor(v / 65_536), v % 65_536]));
/** s15Fixed16, the fractions of ICC profiles. */
const fixed = (...values: readonly number[]) => u32(...values.map((v) => Math.round(v * 65_536) >>> 0));

export const curves = {
  gamma: (exponent: number) => Buffer.concat([Buffer.from('curv\0\0\0\0'), u32(1), u16(Math.round(exponent * 256))]),
  table: (values: readonly number[]) =>
    Buffer.concat([Buffer.from('curv\0\0\0\0'), u32(values.length), u16(...values.map((v) => Math.round(v * 65_535)))]),
  srgb: Buffer.concat([
    Buffer.from('para\0\0\0\0'),
    u16(3, 0),
    fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
  ]),
};

/** Primaries under D50, from the published profiles. */
export const SPACES = {
  srgb: [0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.7141],
  p3: [0.51512, 0.2412, -0.00105, 0.29198, 0.69225, 0.04189, 0.1571, 0.06657, 0.78407],
  adobe: [0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457],
} as const;

function profile(space: string, tags: Readonly<Record<string, Buffer>>, pcs = 'XYZ '): Buffer {
  const header = Buffer.alloc(128);
  header.write('\x02\x40', 8, 'latin1');
  header.write(`mntr${space}${pcs}`, 12);
  header.write('acsp', 36);
  fixed(0.9642, 1, 0.8249).copy(header, 68);
  const entries = Object.entries(tags);
  let at = 132 + 12 * entries.length;
  const table = entries.map(([name, { length }]) => {
    const entry = Buffer.concat([Buffer.from(name), u32(at, length)]);
    at += length + (-length & 3);
    return entry;
  });
  const data = entries.flatMap(([, tag]) => [tag, Buffer.alloc(-tag.length & 3)]);
  header.writeUInt32BE(at, 0);
  return Buffer.concat([header, u32(entries.length), ...table, ...data]);
}

const described = (name: string) => ({
  desc: Buffer.concat([Buffer.from('desc\0\0\0\0'), u32(name.length + 1), Buffer.from(`${name}\0`), Buffer.alloc(78)]),
  cprt: Buffer.from('text\0\0\0\0none\0'),
  wtpt: Buffer.concat([Buffer.from('XYZ \0\0\0\0'), fixed(0.9642, 1, 0.8249)]),
});

/** An ICC profile of curves and primaries. */
export function rgbProfile(name: string, primaries: readonly number[], curve: Buffer): Buffer {
  const column = (i: number) =>
    Buffer.concat([Buffer.from('XYZ \0\0\0\0'), fixed(...primaries.slice(3 * i, 3 * i + 3))]);
  const colorants = { rXYZ: column(0), gXYZ: column(1), bXYZ: column(2) };
  return profile('RGB ', { ...described(name), ...colorants, rTRC: curve, gTRC: curve, bTRC: curve });
}

export const greyProfile = (curve: Buffer) => profile('GRAY', { ...described('grey'), kTRC: curve });

/** The same for a curve of this exponent, said by a table from grey to CIELab. @see ICC.1:2022 10.10 (lut16Type) */
export function greyTableProfile(exponent: number): Buffer {
  const steps = 255;
  const lab = Array.from({ length: steps }, (_, i) => {
    const light = (i / (steps - 1)) ** exponent;
    const lightness = light > 216 / 24_389 ? 116 * Math.cbrt(light) - 16 : (light * 24_389) / 27;
    return [Math.round(652.8 * lightness), 32_768, 32_768];
  }).flat();
  const straight = u16(0, 65_535);
  const table = Buffer.concat([
    Buffer.from('mft2\0\0\0\0'),
    Buffer.of(1, 3, steps, 0),
    fixed(1, 0, 0, 0, 1, 0, 0, 0, 1),
    u16(2, 2),
    straight,
    u16(...lab),
    ...[straight, straight, straight],
  ]);
  return profile('GRAY', { ...described('grey'), A2B0: table }, 'Lab ');
}

export function pngChunk(type: string, data: Buffer | readonly number[]): Buffer {
  const typed = Buffer.concat([Buffer.from(type), Buffer.from(data)]);
  return Buffer.concat([u32(typed.length - 4), typed, u32(crc32(typed))]);
}

export const iccp = (icc: Buffer) => pngChunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), deflateSync(icc)]));
export const gama = (encoding: number) => pngChunk('gAMA', u32(Math.round(encoding * 100_000)));

/** A PNG of {@link quarters}, with chunks of its own in front of the pixels. */
export function png(bits: 8 | 16, colours: readonly (readonly number[])[], ...chunks: readonly Buffer[]): Buffer {
  const channels = (colours[0] as readonly number[]).length as 1 | 2 | 3 | 4;
  const samples = quarters(colours);
  const row = WIDTH * channels;
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const values = samples.slice(y * row, (y + 1) * row);
    return Buffer.concat([Buffer.of(0), bits === 16 ? u16(...values) : Buffer.from(values)]);
  });
  const header = Buffer.concat([u32(WIDTH, HEIGHT), Buffer.of(bits, { 1: 0, 2: 4, 3: 2, 4: 6 }[channels], 0, 0, 0)]);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    ...chunks,
    pngChunk('IDAT', deflateSync(Buffer.concat(rows))),
    pngChunk('IEND', []),
  ]);
}

/** A field of a TIFF: its values are 16-bit, 32-bit from 65,536, or text. */
export type Field = readonly [tag: number, value: readonly number[] | Buffer];

/** A TIFF, little endian, of one strip and the fields as given: in that order, more than one directory if need be. */
export function tiff(pixels: Buffer, ...directories: readonly (readonly Field[])[]): Buffer {
  let end = 8 + pixels.length + (pixels.length & 1);
  const parts: Buffer[] = [];
  const starts: number[] = [];
  for (const [number, fields] of directories.entries()) {
    const directory = Buffer.alloc(6 + 12 * fields.length);
    const values: Buffer[] = [];
    let at = end + directory.length;
    starts.push(end);
    directory.writeUInt16LE(fields.length, 0);
    for (const [i, [tag, value]] of fields.entries()) {
      const entry = 2 + 12 * i;
      const isText = Buffer.isBuffer(value);
      const isLong = !isText && (value.some((v) => v > 65_535) || [273, 279, 330].includes(tag));
      const bytes = isText ? value : Buffer.alloc((value.length * (isLong ? 4 : 2) + 3) & ~3);
      if (!isText)
        for (const [j, v] of value.entries()) isLong ? bytes.writeUInt32LE(v, 4 * j) : bytes.writeUInt16LE(v, 2 * j);
      directory.writeUInt16LE(tag, entry);
      directory.writeUInt16LE(isText ? (tag === 34_675 ? 7 : 2) : isLong ? 4 : 3, entry + 2);
      directory.writeUInt32LE(value.length, entry + 4);
      if (bytes.length <= 4) bytes.copy(directory, entry + 8);
      else {
        directory.writeUInt32LE(at, entry + 8);
        values.push(bytes, Buffer.alloc(bytes.length & 1));
        at += bytes.length + (bytes.length & 1);
      }
    }
    if (number + 1 < directories.length) directory.writeUInt32LE(at, directory.length - 4);
    parts.push(directory, ...values);
    end = at;
  }
  const head = Buffer.from('II*\0\0\0\0\0', 'latin1');
  head.writeUInt32LE(starts[0] as number, 4);
  return Buffer.concat([head, pixels, Buffer.alloc(pixels.length & 1), ...parts]);
}

/** The fields that every TIFF of {@link quarters} has; some may be changed. */
export function tiffFields(
  channels: number,
  bits: number,
  changed: Readonly<Record<number, readonly number[]>> = {},
): Field[] {
  const fields: Record<number, readonly number[]> = {
    256: [WIDTH],
    257: [HEIGHT],
    258: Array.from({ length: channels }, () => bits),
    259: [1],
    262: [channels >= 3 ? 2 : 1],
    273: [8],
    277: [channels],
    278: [HEIGHT],
    279: [(WIDTH * HEIGHT * channels * bits) / 8],
    ...changed,
  };
  return Object.entries(fields).map(([tag, value]) => [Number(tag), value]);
}

/** A GIF whose only frame is a red rectangle of 32 x 24 px somewhere on its canvas. */
export function gifWithFrameAt(left: number, top: number, canvas = [WIDTH, HEIGHT]): Buffer {
  const [width, height] = [32, 24];
  // LZW that never grows: a clear code (4) before every two pixels, all codes of 3 bits.
  const codes = Array.from({ length: (width * height) / 2 }, () => [4, 1, 1]).flat();
  const bits = [...codes, 5].map((code) => code.toString(2).padStart(3, '0').split('').reverse().join('')).join('');
  const data = Buffer.from(
    (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.split('').reverse().join(''), 2)),
  );
  const blocks = Array.from({ length: Math.ceil(data.length / 255) }, (_, i) => data.subarray(255 * i, 255 * (i + 1)));
  const u16le = (...values: readonly number[]) => u16(...values).swap16();
  return Buffer.concat([
    Buffer.from('GIF89a'),
    u16le(...canvas),
    Buffer.of(0x81, 0, 0),
    Buffer.of(0, 0, 0, 200, 40, 40, 0, 255, 0, 0, 0, 255),
    Buffer.from('!\xfe\x03abc\0', 'latin1'),
    Buffer.from(','),
    u16le(left, top, width, height),
    Buffer.of(0, 2),
    ...blocks.flatMap((block) => [Buffer.of(block.length), block]),
    Buffer.of(0, 0x3b),
  ]);
}

/** The same AVIF, as sharp writes it, with these code points in its header. */
export const withCodePoints = (avif: Buffer, primaries: number, transfer: number) =>
  withColours(avif, 'nclx', Buffer.concat([u16(primaries, transfer, 6), Buffer.of(0x80)]));

/** The same AVIF, as sharp writes it, with a `colr` box in its header: code points (`nclx`) or a profile (`prof`). */
export function withColours(avif: Buffer, kind: 'nclx' | 'prof', colours: Buffer): Buffer {
  const size = 12 + colours.length;
  const box = Buffer.concat([u32(size), Buffer.from(`colr${kind}`), colours]);
  const at = (name: string) => avif.indexOf(name) - 4;
  const associations = at('ipma') + avif.readUInt32BE(at('ipma'));
  const copy = Buffer.from(avif);
  // Every box around it grows, and the picture's data moves.
  for (const [place, by] of [
    [at('ipco'), size],
    [at('ipma'), 1],
    [at('iprp'), size + 1],
    [at('meta'), size + 1],
    [at('iloc') + 20, size + 1],
  ] as const) {
    copy.writeUInt32BE(copy.readUInt32BE(place) + by, place);
  }
  // One item, of so many properties; the new one is the last.
  const properties = at('ipma') + 18;
  copy.writeUInt8(copy.readUInt8(properties) + 1, properties);
  const last = 4;
  return Buffer.concat([
    copy.subarray(0, at('ipma')),
    box,
    copy.subarray(at('ipma'), associations),
    Buffer.of(last),
    copy.subarray(associations),
  ]);
}
