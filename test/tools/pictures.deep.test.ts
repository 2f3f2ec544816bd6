import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { builtInPictures, type Picture, photoPixels } from '../../tools/local/pictures';

let pictures: ReadonlyMap<string, Picture>;
let again: ReadonlyMap<string, Picture>;

async function collect(): Promise<Map<string, Picture>> {
  const found = new Map<string, Picture>();
  for await (const picture of builtInPictures()) found.set(picture.name, picture);
  return found;
}

const bytesOf = (name: string) => (pictures.get(name) as Picture).bytes;
const expecting = (expected: Picture['expected']) => [...pictures.values()].filter((one) => one.expected === expected);
/** A picture the right way up, 96 pixels wide, as raw RGB. */
const seen = (name: string) => sharp(bytesOf(name)).autoOrient().resize(96).removeAlpha().raw().toBuffer();

// Both runs at once, so that one draws while the other encodes.
beforeAll(async () => {
  [pictures, again] = await Promise.all([collect(), collect()]);
}, 120_000);

describe('the built-in pictures', () => {
  it('are the same bytes on every run', () => {
    const hashes = (set: ReadonlyMap<string, Picture>) =>
      [...set.values()].map(({ name, bytes }) => `${createHash('sha256').update(bytes).digest('hex')} ${name}`);
    expect(hashes(again)).toEqual(hashes(pictures));
  });

  it('have distinct names that try the encoding of object keys', () => {
    expect(pictures.size).toBe(27);
    expect([...pictures.keys()]).toContain('holiday snap +1 (\u00fc).jpg');
  });

  it('decode completely where renditions are expected, within the default limits', async () => {
    expect(expecting('done')).toHaveLength(24);
    for (const { bytes } of expecting('done')) {
      expect(bytes.length).toBeLessThan(25_000_000);
      const { width, height } = await sharp(bytes, { failOn: 'warning' }).metadata();
      expect(width * height).toBeLessThan(50_000_000);
      await expect(sharp(bytes, { failOn: 'warning' }).resize(8).toBuffer()).resolves.toBeDefined();
    }
  });

  it('include photographs of 4 to 12 megapixels at the bits per pixel of a camera', async () => {
    const large = [];
    for (const { bytes } of expecting('done')) {
      const { width, height } = await sharp(bytes).metadata();
      if (width * height >= 3_900_000) large.push((bytes.length * 8) / (width * height));
    }
    expect(large).toHaveLength(5);
    for (const bitsPerPixel of large) {
      expect(bitsPerPixel).toBeGreaterThan(2);
      expect(bitsPerPixel).toBeLessThan(3.4);
    }
  });

  it('look the same under all eight EXIF orientations, with the red square at the top left', async () => {
    const upright = await seen('orientation-1.jpg');
    for (let orientation = 1; orientation <= 8; orientation++) {
      const name = `orientation-${orientation}.jpg`;
      expect((await sharp(bytesOf(name)).metadata()).orientation).toBe(orientation);
      const turned = await seen(name);
      expect(turned.length).toBe(upright.length);
      const difference = turned.reduce((sum, value, i) => sum + Math.abs(value - (upright[i] as number)), 0);
      expect(difference / turned.length).toBeLessThan(2);
      const [red, green, blue] = turned.subarray((8 * 96 + 8) * 3) as unknown as [number, number, number];
      expect(red - Math.max(green, blue)).toBeGreaterThan(150);
    }
  });

  it.each([
    ['alpha.png', { format: 'png', hasAlpha: true }],
    ['sixteen-bit.png', { format: 'png', depth: 'ushort' }],
    ['display-p3.jpg', { format: 'jpeg', hasProfile: true }],
    ['cmyk.jpg', { format: 'jpeg', space: 'cmyk', channels: 4 }],
    ['progressive.jpg', { format: 'jpeg', isProgressive: true }],
    ['photo.webp', { format: 'webp' }],
    ['photo.tiff', { format: 'tiff' }],
    ['photo.avif', { format: 'heif', compression: 'av1' }],
    ['animated.gif', { format: 'gif', pages: 3 }],
    ['icon.png', { format: 'png', width: 48, height: 48 }],
  ])('%s is what its name says', async (name, expected) => {
    expect(await sharp(bytesOf(name)).metadata()).toMatchObject(expected);
  });

  it('loses saturation in display-p3.jpg when the profile is dropped instead of applied', async () => {
    const saturation = async (ignoreIcc: boolean) => {
      const rgb = await sharp(bytesOf('display-p3.jpg'), { ignoreIcc }).resize(96).raw().toBuffer();
      let sum = 0;
      for (let i = 0; i < rgb.length; i += 3)
        sum += Math.max(...rgb.subarray(i, i + 3)) - Math.min(...rgb.subarray(i, i + 3));
      return sum / (rgb.length / 3);
    };
    expect(await saturation(true)).toBeLessThan(0.9 * (await saturation(false)));
  });

  it('carries a position in gps.jpg', async () => {
    const { exif } = await sharp(bytesOf('gps.jpg')).metadata();
    // 0x8825 is the tag of the GPS directory; libexif writes either byte order.
    expect(exif?.includes(Buffer.from([0x88, 0x25])) || exif?.includes(Buffer.from([0x25, 0x88]))).toBe(true);
  });

  it('include one of each kind that is to be rejected', async () => {
    expect(expecting('corrupt').map(({ name }) => name)).toEqual(['corrupt.jpg']);
    expect(expecting('unsupported').map(({ name }) => name)).toEqual(['phone.heic']);
    expect(expecting('too-large').map(({ name }) => name)).toEqual(['pixel-bomb.png']);

    await expect(sharp(bytesOf('corrupt.jpg'), { failOn: 'warning' }).resize(8).toBuffer()).rejects.toThrow(
      'premature end',
    );
    expect(bytesOf('phone.heic').subarray(4, 12).toString('latin1')).toBe('ftypheic');
    const bomb = await sharp(bytesOf('pixel-bomb.png'), { limitInputPixels: false }).metadata();
    expect(bomb).toMatchObject({ width: 60_000, height: 60_000 });
    expect(bytesOf('pixel-bomb.png').length).toBeLessThan(200);
  });
});

describe('photoPixels', () => {
  it('depends on its arguments only', () => {
    expect(photoPixels(64, 48, 7)).toEqual(photoPixels(64, 48, 7));
    expect(photoPixels(64, 48, 7)).not.toEqual(photoPixels(64, 48, 8));
    expect(photoPixels(64, 48, 7)).toHaveLength(64 * 48 * 3);
  });
});
