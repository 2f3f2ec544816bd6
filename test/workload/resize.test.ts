import sharp, { type Sharp } from 'sharp';
import { readSettings } from '../../workload/env';
import { Rejection } from '../../workload/gate';
import { type Rendition, resize } from '../../workload/resize';
import { BLUE, cornered, lyingPng, noise, orientedJpeg, pixelAt, RED } from '../support/pictures';

const { limits, renditions } = readSettings({
  COMPUTE: 'ec2',
  STACK: 'test',
  SOURCE_BUCKET: 'source',
  OUTPUT_BUCKET: 'output',
});

const only = async (input: Buffer, format: 'webp' | 'jpeg' | 'avif' = 'webp', width = 160): Promise<Rendition> =>
  (await resize(input, { widths: [width], format }, limits))[0] as Rendition;

const near = (found: readonly number[], { r, g, b }: { r: number; g: number; b: number }, tolerance = 12) =>
  [r, g, b].every((value, channel) => Math.abs(value - (found[channel] as number)) <= tolerance);

describe('resize', () => {
  test.each([
    ['JPEG', (image: Sharp) => image.jpeg()],
    ['progressive JPEG', (image: Sharp) => image.jpeg({ progressive: true })],
    ['PNG', (image: Sharp) => image.png()],
    ['palette PNG', (image: Sharp) => image.png({ palette: true })],
    ['interlaced PNG', (image: Sharp) => image.png({ progressive: true })],
    ['WebP', (image: Sharp) => image.webp()],
    ['lossless WebP', (image: Sharp) => image.webp({ lossless: true })],
    ['GIF', (image: Sharp) => image.gif()],
    ['TIFF', (image: Sharp) => image.tiff({ compression: 'lzw' })],
    ['tiled TIFF', (image: Sharp) => image.tiff({ compression: 'deflate', tile: true })],
    ['AVIF', (image: Sharp) => image.avif({ effort: 0 })],
  ])('makes every width of a %s, as WebP, inside the box', async (_, encode) => {
    const input = await encode(cornered(1500, 1000)).toBuffer();
    const made = await resize(input, renditions, limits);
    const sizes = await Promise.all(made.map(async ({ bytes }) => sharp(bytes).metadata()));
    expect(sizes.map(({ format, width, height }) => `${format} ${width}x${height}`)).toEqual([
      'webp 160x107',
      'webp 640x427',
      'webp 1280x853',
    ]);
    expect(made.map(({ box, width, height }) => [box, width, height])).toEqual([
      [160, 160, 107],
      [640, 640, 427],
      [1280, 1280, 853],
    ]);
    expect(near(await pixelAt(made[1]?.bytes as Buffer, 30, 30), RED)).toBe(true);
    expect(near(await pixelAt(made[1]?.bytes as Buffer, 500, 300), BLUE)).toBe(true);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('sets EXIF orientation %i upright and drops the tag', async (orientation) => {
    const { bytes } = await only(await orientedJpeg(480, 320, orientation), 'jpeg');
    const { width, height, orientation: left } = await sharp(bytes).metadata();
    expect([width, height, left]).toEqual([160, 107, undefined]);
    expect(near(await pixelAt(bytes, 6, 6), RED, 25)).toBe(true);
    for (const [x, y] of [
      [153, 6],
      [6, 100],
      [153, 100],
    ] as const) {
      expect(near(await pixelAt(bytes, x, y), BLUE, 25)).toBe(true);
    }
  });

  test('puts a portrait into the same box', async () => {
    const { width, height } = await only(await orientedJpeg(300, 500, 6));
    expect([width, height]).toEqual([96, 160]);
  });

  test('does not enlarge: one encoding serves every box the picture fits into', async () => {
    const made = await resize(await cornered(300, 200).png().toBuffer(), renditions, limits);
    expect(made.map(({ width, height }) => `${width}x${height}`)).toEqual(['160x107', '300x200', '300x200']);
    expect(made[2]?.bytes).toBe(made[1]?.bytes);
  });

  test('keeps at least one pixel of extreme shapes', async () => {
    const { width, height } = await only(await cornered(20_000, 3).png().toBuffer());
    expect([width, height]).toEqual([160, 1]);
  });

  test.each([
    ['jpeg', 'jpeg'],
    ['webp', 'webp'],
    ['avif', 'heif'],
  ] as const)('writes %s', async (format, found) => {
    const { bytes } = await only(await cornered(320, 240).png().toBuffer(), format);
    expect((await sharp(bytes).metadata()).format).toBe(found);
  });

  test('writes the same bytes again', async () => {
    const input = await noise(400, 300).jpeg().toBuffer();
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      expect((await only(input, format)).bytes.equals((await only(input, format)).bytes)).toBe(true);
    }
  });

  test('leaves no position, no comment and no profile in any rendition', async () => {
    const input = await cornered(320, 240)
      .withExif({ IFD0: { Artist: 'somebody' }, IFD3: { GPSLatitude: '51/1 30/1 0/1', GPSLatitudeRef: 'N' } })
      .withIccProfile('srgb')
      .jpeg()
      .toBuffer();
    expect(input.includes('somebody')).toBe(true);
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      const { bytes } = await only(input, format);
      const { exif, icc, xmp, iptc } = await sharp(bytes).metadata();
      expect([exif, icc, xmp, iptc]).toEqual([undefined, undefined, undefined, undefined]);
      expect(bytes.includes('somebody')).toBe(false);
    }
  });

  test('takes the first frame of an animation', async () => {
    const frames = await Promise.all(
      [RED, BLUE].map((background) =>
        sharp({ create: { width: 200, height: 100, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const input = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await sharp(input).metadata()).pages).toBe(2);
    const { bytes, height } = await only(input);
    expect([height, near(await pixelAt(bytes, 80, 40), RED)]).toEqual([80, true]);
  });

  test('keeps transparency in WebP and AVIF and puts white behind it in JPEG', async () => {
    const clear = sharp({ create: { width: 320, height: 240, channels: 4, background: { ...RED, alpha: 0 } } });
    const input = await clear.png().toBuffer();
    for (const format of ['webp', 'avif'] as const) {
      expect((await pixelAt((await only(input, format)).bytes, 80, 60))[3]).toBe(0);
    }
    expect(await pixelAt((await only(input, 'jpeg')).bytes, 80, 60)).toEqual([255, 255, 255]);
  });

  describe('converts to sRGB', () => {
    const flat = (background: { r: number; g: number; b: number }) =>
      sharp({ create: { width: 300, height: 200, channels: 3, background } });

    test('Display P3', async () => {
      const green = { r: 117, g: 251, b: 76 };
      const input = await flat(green).withIccProfile('p3').jpeg({ quality: 100 }).toBuffer();
      const unconverted = await sharp(input, { ignoreIcc: true }).png().toBuffer();
      expect(near(await pixelAt(unconverted, 150, 100), green)).toBe(false);
      expect(near(await pixelAt((await only(input, 'jpeg')).bytes, 80, 50), green, 4)).toBe(true);
    });

    test('CMYK, not inverted', async () => {
      const input = await flat({ r: 220, g: 60, b: 60 }).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
      expect((await sharp(input).metadata()).space).toBe('cmyk');
      const { bytes } = await only(input, 'jpeg');
      expect((await sharp(bytes).metadata()).space).toBe('srgb');
      expect(near(await pixelAt(bytes, 80, 50), { r: 220, g: 60, b: 60 }, 30)).toBe(true);
    });

    test('16 bit', async () => {
      const input = await flat(RED).toColourspace('rgb16').png().toBuffer();
      expect((await sharp(input).metadata()).depth).toBe('ushort');
      const { bytes } = await only(input);
      expect((await sharp(bytes).metadata()).depth).toBe('uchar');
      expect(near(await pixelAt(bytes, 80, 50), RED)).toBe(true);
    });

    test('an embedded sRGB profile, which it does not bother to apply', async () => {
      const input = await flat(RED).withIccProfile('srgb').png().toBuffer();
      expect((await sharp(input).metadata()).icc).toBeDefined();
      expect(near(await pixelAt((await only(input)).bytes, 80, 50), RED, 3)).toBe(true);
    });
  });

  describe('rejects', () => {
    const verdict = (input: Buffer, changed = limits) =>
      resize(input, renditions, changed).then(
        () => 'accepted',
        (error) => (error instanceof Rejection ? error.reason : error),
      );

    test('a picture one pixel past a limit, and accepts it at the limit', async () => {
      const input = await cornered(100, 50).png().toBuffer();
      expect(await verdict(input, { ...limits, pixels: 5000 })).toBe('accepted');
      expect(await verdict(input, { ...limits, pixels: 4999 })).toBe('too-large');
      expect(await verdict(input, { ...limits, side: 100 })).toBe('accepted');
      expect(await verdict(input, { ...limits, side: 99 })).toBe('too-large');
      expect(await verdict(input, { ...limits, channels: 3 })).toBe('accepted');
      expect(await verdict(input, { ...limits, channels: 2 })).toBe('too-large');
    });

    test('a header that claims billions of pixels, without reserving them', async () => {
      expect(await verdict(lyingPng(60_000, 60_000))).toBe('too-large');
      expect(await verdict(lyingPng(30_000, 20_000))).toBe('too-large');
    });

    test('a header that lies about what follows', async () => {
      expect(await verdict(lyingPng(100, 100))).toBe('corrupt');
    });

    test('RGB with two channels more, which a TIFF may have: nobody says what they mean', async () => {
      const raw = { width: 20, height: 10, channels: 3 as const };
      const extra = Buffer.alloc(200);
      const input = await sharp(Buffer.alloc(600), { raw })
        .joinChannel([extra, extra], { raw: { width: 20, height: 10, channels: 1 } })
        .tiff({ compression: 'none' })
        .toBuffer();
      expect((await sharp(input).metadata()).channels).toBe(5);
      expect(await verdict(input)).toBe('unsupported');
    });

    test.each([0.02, 0.5, 0.9])('a JPEG of which only %d has arrived', async (share) => {
      const whole = await noise(200, 200).jpeg().toBuffer();
      expect(await verdict(whole.subarray(0, Math.floor(whole.length * share)))).toBe('corrupt');
    });

    test('an SVG, whatever it is called: its loader is closed', async () => {
      expect(await verdict(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))).toBe(
        'corrupt',
      );
    });
  });
});
