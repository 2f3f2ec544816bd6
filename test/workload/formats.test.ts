import sharp, { type JpegOptions } from 'sharp';
import { type Colours, convert, fromCodePoints } from '../../workload/colour';
import { readSettings } from '../../workload/env';
import { inspect, mend } from '../../workload/formats';
import { Rejection } from '../../workload/gate';
import { resize } from '../../workload/resize';
import {
  type Field,
  gifWithFrameAt,
  HEIGHT,
  png,
  pngChunk,
  QUARTERS,
  quarters,
  tiff,
  tiffFields,
  WIDTH,
} from '../support/files';
import { noise } from '../support/pictures';

const { limits } = readSettings({ COMPUTE: 'ec2', STACK: 'stack', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });

/** `done`, or reason and detail of the rejection. */
const verdict = (input: Buffer): Promise<string> =>
  resize(input, { widths: [WIDTH], format: 'webp' }, limits).then(
    () => 'done',
    (error) => (error instanceof Rejection ? `${error.reason}: ${error.detail}` : Promise.reject(error)),
  );

const rendition = async (input: Buffer) => (await resize(input, { widths: [WIDTH], format: 'webp' }, limits))[0]?.bytes;

const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
const inserted = (bytes: Buffer, at: number, ...what: readonly number[]) =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(what), bytes.subarray(at)]);
const JFIF = [0xff, 0xe0, 0, 16, ...Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1')];
const jpeg = async (options: JpegOptions = {}) =>
  inserted(await sharp(Buffer.from(quarters()), { raw }).jpeg(options).toBuffer(), 2, ...JFIF);
/** Where a marker is. */
const marker = (bytes: Buffer, code: number) => bytes.indexOf(Buffer.of(0xff, code));
/** Without its JFIF segment, and with Adobe's for this transform. */
const adobe = (bytes: Buffer, transform: number) =>
  inserted(
    Buffer.concat([bytes.subarray(0, 2), bytes.subarray(20)]),
    2,
    0xff,
    0xee,
    0,
    14,
    ...Buffer.from('Adobe\0d\0\0\0\0'),
    transform,
  );
/** With other parameters of its (first) scan. */
function scan(bytes: Buffer, ...parameters: readonly number[]): Buffer {
  const start = marker(bytes, 0xda);
  const copy = Buffer.from(bytes);
  copy.set(parameters, start + bytes.readUInt16BE(start + 2) - 1);
  return copy;
}
function frame(bytes: Buffer, offset: number, ...values: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(values, marker(bytes, 0xc0) + offset);
  return copy;
}

const tiffOf = (
  bits: number,
  channels: number,
  changed: Record<number, readonly number[]> = {},
  extra: readonly Field[] = [],
) =>
  tiff(Buffer.alloc((WIDTH * HEIGHT * channels * bits) / 8, 0x40), [...tiffFields(channels, bits, changed), ...extra]);

describe('harmless oddities', () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['a scan that claims no coefficients (Samsung)', (bytes) => scan(bytes, 0, 0, 0)],
    ['stray bytes before a segment', (bytes) => inserted(bytes, marker(bytes, 0xdb), 1, 2, 3)],
    ['stray bytes that look like data', (bytes) => inserted(bytes, marker(bytes, 0xc4), 1, 0xff, 0, 2)],
    ['JFIF 2.1', (bytes) => Buffer.concat([bytes.subarray(0, 11), Buffer.of(2), bytes.subarray(12)])],
    ['an Adobe transform of 2, with three channels', (bytes) => adobe(bytes, 2)],
  ])('of a JPEG: %s', async (_, spoil) => {
    const whole = await jpeg();
    // The decoder does warn.
    await expect(sharp(spoil(whole)).raw().toBuffer()).rejects.toThrow();
    expect((await rendition(spoil(whole)))?.equals((await rendition(whole)) as Buffer)).toBe(true);
  });

  test('of a TIFF: text padded with zeros, tags out of order', async () => {
    const samples = Buffer.from(quarters());
    const padded: Field = [271, Buffer.from('Scan\0ner\0\0\0\0\0\0\0\0')];
    const fields = tiffFields(3, 8);
    const whole = await rendition(tiff(samples, fields));
    for (const odd of [
      tiff(samples, [...fields.slice(0, 5), padded, ...fields.slice(5)]),
      tiff(samples, fields.toReversed()),
    ]) {
      await expect(sharp(odd).raw().toBuffer()).rejects.toThrow();
      expect((await rendition(odd))?.equals(whole as Buffer)).toBe(true);
    }
  });

  test('do not excuse damage', async () => {
    const whole = scan(await noise(200, 200).jpeg().toBuffer(), 0, 0, 0);
    expect(await verdict(whole)).toBe('done');
    expect(await verdict(whole.subarray(0, whole.length / 2))).toMatch(/^corrupt: the file ends before/);
    const middle = whole.length >> 1;
    // A restart marker where none belongs. After bytes of 0xff alone, a 0 would make data of them by chance.
    const damage = Buffer.from([...Array<number>(8).fill(0xff), 0xd5]);
    const damaged = Buffer.concat([whole.subarray(0, middle), damage, whole.subarray(middle + damage.length)]);
    expect(await verdict(damaged)).toMatch(/^corrupt/);
  });

  test('are the only thing that a mended copy lacks: of a picture without them there is none', async () => {
    expect(mend(await jpeg())).toBeUndefined();
    expect(mend(await jpeg({ progressive: true }))).toBeUndefined();
    expect(mend(tiffOf(8, 3))).toBeUndefined();
    expect(mend(png(8, QUARTERS))).toBeUndefined();
  });
});

describe('unsupported, and not corrupt, is', () => {
  const cases: readonly (readonly [string, () => Buffer | Promise<Buffer>, RegExp])[] = [
    ['a JPEG of 12 bits', async () => frame(await jpeg(), 4, 12), /12 bits/],
    ['a hierarchical JPEG', async () => frame(await jpeg(), 1, 0xc5), /hierarchical/],
    ['a lossless JPEG of 16 bits', async () => frame(frame(await jpeg(), 4, 16), 1, 0xc3), /16 bits/],
    [
      'a JPEG whose height comes last',
      async () => inserted(frame(await jpeg(), 5, 0, 0), (await jpeg()).length - 2, 0xff, 0xdc, 0, 4, 0, HEIGHT),
      /DNL/,
    ],
    ['a TIFF of 32-bit whole numbers', () => tiffOf(32, 1), /32-bit whole numbers/],
    ['a TIFF of signed numbers', () => tiffOf(16, 3, { 339: [2, 2, 2] }), /16-bit signed numbers/],
    ['a TIFF of floating-point grey', () => tiffOf(32, 1, { 339: [3] }), /32-bit floating-point numbers/],
    ['a TIFF of 12 bits', () => tiffOf(12, 1), /12-bit/],
    ['a TIFF of channels of different depth', () => tiffOf(8, 3, { 258: [8, 8, 4] }), /different depth/],
    ['a TIFF in CIELab', () => tiffOf(8, 3, { 262: [8] }), /CIELab/],
    ['a TIFF in YCbCr of full resolution', () => tiffOf(8, 3, { 262: [6], 530: [1, 1] }), /YCbCr/],
    ['a TIFF of a rare colour model', () => tiffOf(8, 3, { 262: [32_845] }), /colour model 32845/],
    ['a TIFF in Zstandard', () => tiffOf(8, 3, { 259: [50_000] }), /Zstandard/],
    ['a TIFF in LZMA', () => tiffOf(8, 3, { 259: [34_925] }), /LZMA/],
    [
      'a TIFF in tiles with separate planes',
      () => tiffOf(8, 3, { 284: [2], 322: [16], 323: [16] }),
      /plane for each channel/,
    ],
    ['a raw file (DNG)', () => tiffOf(8, 3, { 50706: [1, 4] }), /raw file/],
    ['a raw file (colour filter array)', () => tiffOf(16, 1, { 262: [32_803] }), /raw file/],
    [
      'a raw file with a preview in front',
      () => tiff(Buffer.from(quarters()), tiffFields(3, 8, { 254: [1] }), tiffFields(1, 16, { 262: [32_803] })),
      /raw file/,
    ],
    [
      'a TIFF with a preview in front',
      () =>
        tiff(Buffer.from(quarters()), tiffFields(3, 8, { 254: [1] }), tiffFields(3, 8, { 256: [4000], 257: [3000] })),
      /only a preview/,
    ],
    [
      'an AVIF of level 7',
      async () => {
        const input = await sharp(Buffer.from(quarters()), { raw }).avif({ effort: 0 }).toBuffer();
        const at = input.indexOf('av1C') + 5;
        input.writeUInt8((input.readUInt8(at) & 0xe0) | 20, at);
        return input;
      },
      /level 7/,
    ],
  ];
  test.each(cases)('%s', async (_, input, detail) => {
    const found = await verdict(await input());
    expect(found).toMatch(/^unsupported: /);
    expect(found).toMatch(detail);
  });
});

describe('accepted is', () => {
  test.each<[string, Buffer]>([
    ['a TIFF of 16 bits', tiffOf(16, 3)],
    ['a TIFF of 4-bit grey', tiffOf(4, 1)],
    ['a TIFF of floating-point RGB', tiffOf(32, 3, { 339: [3, 3, 3] })],
    ['a TIFF of CMYK', tiffOf(8, 4, { 262: [5] })],
    [
      'a TIFF with a smaller copy behind',
      tiff(Buffer.from(quarters()), tiffFields(3, 8), tiffFields(3, 8, { 254: [1], 256: [8], 257: [8] })),
    ],
  ])('%s', async (_, input) => {
    expect(await verdict(input)).toBe('done');
  });
});

test('a TIFF that breaks off before its number of bits is corrupt', async () => {
  const whole = tiffOf(8, 3);
  expect(await verdict(whole)).toBe('done');
  expect(await verdict(whole.subarray(0, -6))).toMatch(/^corrupt/);
});

describe('a detail', () => {
  test('says what most helps the uploader, and then the words of the decoder', async () => {
    const whole = await jpeg();
    expect(await verdict(whole.subarray(0, whole.length - 100))).toBe(
      'corrupt: the file ends before the picture does (premature end of JPEG image)',
    );
    const spoilt = png(8, QUARTERS);
    spoilt.writeUInt8(spoilt.readUInt8(spoilt.indexOf('IDAT') + 30) ^ 0xff, spoilt.indexOf('IDAT') + 30);
    expect(await verdict(spoilt)).toMatch(/^corrupt: its data .*\(IDAT: .+\)$/);
    expect(await verdict(frame(whole, 5, 0, 0))).toBe('corrupt: its header gives no height');
    expect(await verdict(tiffOf(8, 3).subarray(0, 4))).toMatch(/^corrupt: its header cannot be read/);
  });
});

test('a header that lies or breaks off is read without harm', async () => {
  const p3 = Buffer.from(await sharp(Buffer.from(quarters()), { raw }).avif({ effort: 0 }).toBuffer());
  const inputs = [
    await jpeg(),
    scan(adobe(await jpeg(), 2), 0, 0, 0),
    png(8, QUARTERS, pngChunk('cICP', [12, 13, 0, 1]), pngChunk('gAMA', [0, 1, 0x86, 0xa0])),
    gifWithFrameAt(5, 5),
    tiff(Buffer.from(quarters()), tiffFields(3, 8), tiffFields(1, 8)),
    p3,
  ];
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let round = 0; round < 6000; round += 1) {
    const input = inputs[round % inputs.length] as Buffer;
    const spoilt = Buffer.from(input.subarray(0, random(4) ? input.length : random(input.length)));
    for (let i = 0; i < 4 && spoilt.length > 0; i += 1) {
      const at = random(Math.min(spoilt.length, 600));
      spoilt[at] = [0, 0xff, 0x80, random(256)][random(4)] as number;
    }
    try {
      inspect(spoilt);
    } catch (error) {
      expect(error).toBeInstanceOf(Rejection);
    }
    mend(spoilt);
  }
});

describe('the header of an AVIF', () => {
  const box = (type: string, ...parts: readonly (Buffer | readonly number[])[]) => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    const head = Buffer.alloc(8);
    head.writeUInt32BE(8 + body.length);
    head.write(type, 4);
    return Buffer.concat([head, body]);
  };
  /** Its primary picture is item 1, with the properties given. */
  const avif = (properties: readonly Buffer[], ...more: readonly Buffer[]) =>
    Buffer.concat([
      box('ftyp', Buffer.from('avif\0\0\0\0avif')),
      box(
        'meta',
        [0, 0, 0, 0],
        box('pitm', [0, 0, 0, 0, 0, 1]),
        box(
          'iprp',
          box('ipco', ...properties),
          box(
            'ipma',
            [0, 0, 0, 0, 0, 0, 0, 1, 0, 1, properties.length],
            properties.map((_, i) => i + 1),
          ),
        ),
        ...more,
      ),
    ]);
  const nclx = (fullRange: boolean) => box('colr', Buffer.from('nclx'), [0, 1, 0, 13, 0, 6, fullRange ? 0x80 : 0]);
  const pixi = (...bits: readonly number[]) => box('pixi', [0, 0, 0, 0, bits.length, ...bits]);

  test('tells grey whose black is 16 and whose white is 235', () => {
    expect(inspect(avif([pixi(8), nclx(false)])).limitedGrey).toBeDefined();
    expect(inspect(avif([pixi(8), nclx(true)])).limitedGrey).toBeUndefined();
    expect(inspect(avif([pixi(8, 8, 8), nclx(false)])).limitedGrey).toBeUndefined();
    const colours = inspect(avif([pixi(8), nclx(false)])).limitedGrey?.(fromCodePoints(1, 13));
    expect([...convert(Uint8Array.of(16, 126, 235), 3, colours as Colours)]).toEqual([0, 128, 255]);
  });

  test('tells colours that are multiplied with alpha', () => {
    const reference = (from: number) => box('iref', [0, 0, 0, 0], box('prem', [0, from, 0, 1, 0, 2]));
    expect(inspect(avif([nclx(true)], reference(1))).premultiplied).toBe(true);
    expect(inspect(avif([nclx(true)], reference(3))).premultiplied).toBeUndefined();
  });

  test('refuses a film without a still picture', () => {
    expect(() => inspect(Buffer.concat([box('ftyp', Buffer.from('avis\0\0\0\0avis')), box('moov')]))).toThrow(
      'only a film',
    );
  });
});
