import sharp from 'sharp';
import { convert, fromCodePoints, isSrgb, readProfile } from '../../workload/colour';
import { readSettings } from '../../workload/env';
import { resize } from '../../workload/resize';
import {
  curves,
  gama,
  gifWithFrameAt,
  greyProfile,
  greyTableProfile,
  HEIGHT,
  iccp,
  png,
  pngChunk,
  QUARTERS,
  quarters,
  rgbProfile,
  SPACES,
  tiff,
  tiffFields,
  WIDTH,
  withCodePoints,
  withColours,
} from '../support/files';

const { limits } = readSettings({ COMPUTE: 'ec2', STACK: 'stack', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });

/** The colour in the middle of each quarter of what the workload makes of a picture. */
async function seen(input: Buffer): Promise<number[][]> {
  const [made] = await resize(input, { widths: [WIDTH], format: 'webp' }, limits);
  const { data, info } = await sharp(made?.bytes).raw().toBuffer({ resolveWithObject: true });
  return [
    [16, 12],
    [48, 12],
    [16, 36],
    [48, 36],
  ].map(([x = 0, y = 0]) => {
    const at = (y * info.width + x) * info.channels;
    return [...data.subarray(at, at + info.channels)];
  });
}

/** By how much the worst channel is off. Renditions are lossy: a few levels are nobody's fault. */
const off = (found: readonly (readonly number[])[], right: readonly (readonly number[])[]) =>
  Math.max(...right.flatMap((colour, i) => colour.map((value, c) => Math.abs(value - (found[i]?.[c] ?? Number.NaN)))));

// Right values are from colour arithmetic in another language.
const RIGHT = {
  srgb: QUARTERS,
  p3: [
    [218, 0, 26],
    [0, 163, 40],
    [44, 71, 208],
    [128, 128, 128],
  ],
  adobe: [
    [233, 35, 35],
    [0, 161, 47],
    [34, 68, 205],
    [129, 129, 129],
  ],
  linear: [
    [229, 110, 110],
    [110, 208, 133],
    [122, 143, 229],
    [188, 188, 188],
  ],
} as const;

const table = Array.from({ length: 1024 }, (_, i) =>
  i / 1023 <= 0.04045 ? i / 1023 / 12.92 : ((i / 1023 + 0.055) / 1.055) ** 2.4,
);
const PROFILES = [
  ['Display P3', rgbProfile('Display P3', SPACES.p3, curves.srgb), RIGHT.p3],
  ['Display P3 that is called sRGB', rgbProfile('sRGB IEC61966-2.1', SPACES.p3, curves.srgb), RIGHT.p3],
  ['Display P3 with a table for a curve', rgbProfile('P3', SPACES.p3, curves.table(table)), RIGHT.p3],
  ['sRGB by another name', rgbProfile('My monitor', SPACES.srgb, curves.srgb), RIGHT.srgb],
  ['sRGB with a table for a curve', rgbProfile('scanner', SPACES.srgb, curves.table(table)), RIGHT.srgb],
  ['Adobe RGB', rgbProfile('Adobe RGB (1998)', SPACES.adobe, curves.gamma(2.19921875)), RIGHT.adobe],
  ['linear light', rgbProfile('linear', SPACES.srgb, curves.gamma(1)), RIGHT.linear],
] as const;

const deep = (colours: readonly (readonly number[])[]) => colours.map((colour) => colour.map((value) => value * 257));
const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;

describe('a profile', () => {
  test.each(PROFILES)('of %s is applied, whatever the depth and the format', async (_, icc, right) => {
    const samples = Buffer.from(quarters());
    const deepSamples = Buffer.from(Uint16Array.from(quarters(deep(QUARTERS))).buffer);
    const inputs = {
      '8-bit PNG': png(8, QUARTERS, iccp(icc)),
      '16-bit PNG': png(16, deep(QUARTERS), iccp(icc)),
      '8-bit TIFF': tiff(samples, [...tiffFields(3, 8), [34_675, icc]]),
      '16-bit TIFF': tiff(deepSamples, [...tiffFields(3, 16), [34_675, icc]]),
    };
    for (const [name, input] of Object.entries(inputs)) {
      expect([name, off(await seen(input), right) <= 6]).toEqual([name, true]);
    }
  });

  test.each([
    ['a curve', greyProfile(curves.gamma(1.8))],
    ['a table', greyTableProfile(1.8)],
  ])('of grey, with %s, is applied to 8 and 16 bit and to AVIF', async (_, icc) => {
    const greys = [[200], [40], [60], [128]];
    // sharp writes grey as RGB. With one channel in its header, the file counts as grey and is still decoded as RGB.
    const plain = await sharp(png(8, greys)).avif({ quality: 100, effort: 0 }).toBuffer();
    plain.writeUInt8(1, plain.indexOf('pixi') + 8);
    const inputs = {
      '8-bit PNG': png(8, greys, iccp(icc)),
      '16-bit PNG': png(16, deep(greys), iccp(icc)),
      AVIF: withColours(plain, 'prof', icc),
    };
    const right = [210, 53, 74, 146].map((value) => [value, value, value]);
    for (const [name, input] of Object.entries(inputs)) {
      expect([name, off(await seen(input), right) <= 4]).toEqual([name, true]);
    }
  });

  test('leaves transparency as it is', async () => {
    const half = deep(QUARTERS.map((colour) => [...colour, 128]));
    const right = RIGHT.p3.map((colour) => [...colour, 128]);
    expect(off(await seen(png(16, half, iccp(rgbProfile('P3', SPACES.p3, curves.srgb)))), right)).toBeLessThanOrEqual(
      6,
    );
  });

  const p3 = rgbProfile('P3', SPACES.p3, curves.srgb);
  test.each([
    ['breaks off', p3.subarray(0, 200)],
    ['is none', Buffer.alloc(300, 0x5a)],
    ['lacks a curve', Buffer.from(p3.toString('latin1').replace('bTRC', 'xTRC'), 'latin1')],
    ['makes everything black', rgbProfile('zero', [0, 0, 0, 0, 0, 0, 0, 0, 0], curves.srgb)],
    ['is for grey', greyProfile(curves.gamma(1))],
  ])('that %s is ignored, as browsers do', async (_, icc) => {
    const samples = Buffer.from(Uint16Array.from(quarters(deep(QUARTERS))).buffer);
    expect(off(await seen(tiff(samples, [...tiffFields(3, 16), [34_675, icc]])), QUARTERS)).toBeLessThanOrEqual(4);
    const jpeg = await sharp(Buffer.from(quarters()), { raw })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const length = Buffer.of((icc.length + 16) >> 8, (icc.length + 16) & 255);
    const segment = Buffer.concat([Buffer.of(255, 0xe2), length, Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), icc]);
    const input = Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
    expect(off(await seen(input), QUARTERS)).toBeLessThanOrEqual(6);
  });

  test('that is sRGB by what it says is not applied', () => {
    for (const [name, icc] of PROFILES) {
      const colours = readProfile(icc, false);
      expect([name, colours !== 'tables' && isSrgb(colours)]).toEqual([name, name.startsWith('sRGB')]);
    }
  });
});

describe('a PNG without a profile', () => {
  const p3 = [0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06].map((value) => Math.round(value * 100_000));
  const chrm = pngChunk(
    'cHRM',
    p3.flatMap((value) => [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]),
  );
  const narrow = QUARTERS.map((colour) => colour.map((value) => Math.round(16 + (value * 219) / 255)));
  test.each([
    ['gAMA of linear light', png(8, QUARTERS, gama(1)), RIGHT.linear],
    ['gAMA of sRGB', png(8, QUARTERS, gama(0.45455)), RIGHT.srgb],
    ['gAMA of 0, which is nothing', png(8, QUARTERS, gama(0)), RIGHT.srgb],
    ['gAMA that breaks off', png(8, QUARTERS, pngChunk('gAMA', [0, 1])), RIGHT.srgb],
    ['cHRM of P3', png(8, QUARTERS, chrm), RIGHT.p3],
    ['sRGB, which goes before gAMA', png(8, QUARTERS, pngChunk('sRGB', [0]), gama(1)), RIGHT.srgb],
    ['cICP of P3', png(16, deep(QUARTERS), pngChunk('cICP', [12, 13, 0, 1])), RIGHT.p3],
    ['cICP of sRGB in a narrow range', png(8, narrow, pngChunk('cICP', [1, 13, 0, 0])), RIGHT.srgb],
    [
      'cICP, which goes before a profile',
      png(8, QUARTERS, pngChunk('cICP', [12, 13, 0, 1]), iccp(PROFILES[3][1])),
      RIGHT.p3,
    ],
    ['a profile, which goes before gAMA', png(8, QUARTERS, gama(1), iccp(PROFILES[0][1])), RIGHT.p3],
  ])('obeys %s', async (_, input, right) => {
    expect(off(await seen(input), right)).toBeLessThanOrEqual(6);
  });
});

describe('HDR', () => {
  // BT.2408: the white of SDR is at 58 % of PQ and at 75 % of HLG.
  test.each([
    ['PQ', 16, 0.5807],
    ['HLG', 18, 0.75],
  ])('by %s has its reference white where SDR has white, and more is clipped', (_, transfer, white) => {
    const grey = (signal: number) => [
      ...convert(
        Uint16Array.from([1, 1, 1], () => Math.round(signal * 65_535)),
        3,
        fromCodePoints(9, transfer),
      ),
    ];
    expect(Math.min(...grey(white))).toBeGreaterThanOrEqual(254);
    expect(Math.max(...grey(white * 0.9))).toBeLessThan(235);
    expect(grey(1)).toEqual([255, 255, 255]);
    expect(grey(0)).toEqual([0, 0, 0]);
  });
});

describe('an AVIF', () => {
  const plain = () =>
    sharp(Buffer.from(quarters()), { raw }).avif({ quality: 100, chromaSubsampling: '4:4:4', effort: 0 }).toBuffer();
  test.each([
    ['P3', 12, 13, RIGHT.p3],
    ['linear light', 1, 8, RIGHT.linear],
    ['BT.709, which browsers show as sRGB', 1, 1, RIGHT.srgb],
    ['nothing', 2, 2, RIGHT.srgb],
  ])('obeys code points of %s', async (_, primaries, transfer, right) => {
    expect(off(await seen(withCodePoints(await plain(), primaries, transfer)), right)).toBeLessThanOrEqual(14);
  });

  test('whose colours are multiplied with alpha keeps them when its profile cannot be read', async () => {
    // By Pillow 13 (libavif): the quarters at half transparency, `alpha_premultiplied`, and a profile that is only a header.
    const file = [
      'AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAAIlbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAA',
      'AAAAAAAOcGl0bQAAAAAAAQAAACxpbG9jAAAAAEQAAAIAAQAAAAEAAAJfAAAAOAACAAAAAQAAAk0AAAASAAAAQmlpbmYAAAAAAAIA',
      'AAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAABppbmZlAgAAAAACAABhdjAxQWxwaGEAAAAAKGlyZWYAAAAAAAAADnByZW0AAQAB',
      'AAIAAAAOYXV4bAACAAEAAQAAAVRpcHJwAAABLWlwY28AAAAUaXNwZQAAAAAAAABAAAAAMAAAABBwaXhpAAAAAAMICAgAAAAMYXYx',
      'Q4EgAAAAAACQY29scnByb2YAAACEAAAAAAIAAABtbnRyUkdCIExhYiAAAAAAAAAAAAAAAABhY3NwAAAAAAAAAAAAAAAAAAAAAAAA',
      'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      'AAATY29scm5jbHgAAgACAAaAAAAADnBpeGkAAAAAAQgAAAAMYXYxQ4EAHAAAAAA4YXV4QwAAAAB1cm46bXBlZzptcGVnQjpjaWNw',
      'OnN5c3RlbXM6YXV4aWxpYXJ5OmFscGhhAAAAAB9pcG1hAAAAAAAAAAIAAQUBAoMEBQACBAEGhwgAAABSbWRhdBIACgYYFX+/lUAy',
      'BhCAAAEAEBIACgk4FX+9tAgIGkAyKUQwhtSgADyAAATX3p9XlYVY3oN8sfe0iEXy5FqGnYQ4QgetTJY1nKRO',
    ].join('');
    const right = QUARTERS.map((colour) => [...colour, 128]);
    expect(off(await seen(Buffer.from(file, 'base64')), right)).toBeLessThanOrEqual(10);
  });

  test.each(['avis', 'mif1'])('of the major brand %s is one', async (brand) => {
    const input = await plain();
    input.write(brand, 8);
    expect(off(await seen(input), QUARTERS)).toBeLessThanOrEqual(8);
  });
});

describe('a GIF whose first frame is smaller than its canvas', () => {
  test.each([
    [0, 0, [255, 0, 0, 0]],
    [32, 24, [0, 0, 0, 255]],
  ])('is transparent outside of it: at %i, %i', async (left, top, opaque) => {
    const colours = await seen(gifWithFrameAt(left, top));
    expect(colours.map(([, , , alpha]) => alpha)).toEqual(opaque);
    expect(off([colours[opaque.indexOf(255)] as number[]], [[200, 40, 40, 255]])).toBeLessThanOrEqual(6);
  });

  test('keeps its canvas, also when that has the size of a screen', async () => {
    const [made] = await resize(gifWithFrameAt(320, 240, [640, 480]), { widths: [640], format: 'webp' }, limits);
    const { data, info } = await sharp(made?.bytes).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([640, 480]);
    const alphaAt = (x: number, y: number) => data[(y * 640 + x) * 4 + 3];
    expect([alphaAt(330, 250), alphaAt(310, 250), alphaAt(360, 250), alphaAt(10, 10)]).toEqual([255, 0, 0, 0]);
  });
});
