import { createHash } from 'node:crypto';
import path from 'node:path';
import sharp from 'sharp';
import {
  type GoodPicture,
  goodPictures,
  MOST_SCANS,
  type Picture,
  POISON_LIMITS,
  type PoisonPicture,
  poisonPictures,
  slowJpeg,
} from '../../../tools/faults/pictures';
import { Random } from '../../../tools/faults/random';
import { Decoder } from '../../../workload/decoder';
import { type Limits, readSettings } from '../../../workload/env';
import { checkBytes, checkFormat, type Rejection } from '../../../workload/gate';
import { TEST_DIST } from '../../support/host-bundles';

const { limits, renditions } = readSettings({
  COMPUTE: 'ec2',
  STACK: 'test',
  SOURCE_BUCKET: 'source',
  OUTPUT_BUCKET: 'output',
  ...POISON_LIMITS,
});
/** How many of each there are before the variants begin again. */
const [GOOD_VARIANTS, POISON_KINDS] = [21, 19];

/** Where there is no /proc nobody watches CPU and memory: these would be decoded. */
const UNWATCHED = process.platform === 'linux' ? /^$/ : /slow|heavy/;

let decoder: Decoder;
/** One of each. */
let good: readonly GoodPicture[];
let poison: readonly PoisonPicture[];
beforeAll(async () => {
  // A seed of which some are over 640 px, as one in ten is.
  good = await goodPictures(new Random(2), GOOD_VARIANTS);
  poison = await poisonPictures(new Random(1), POISON_KINDS);
  decoder = await Decoder.start(1, [process.execPath, path.join(TEST_DIST, 'worker-host/decoder-child.js')]);
});
afterAll(() => decoder.close());

/** What the job does between get and put: the sizes of the renditions. @throws Rejection */
async function resized(bytes: Buffer, changed: Partial<Limits> = {}): Promise<[width: number, height: number][]> {
  checkBytes(bytes.length, limits);
  checkFormat(bytes);
  const made = await decoder.decode(bytes, { renditions, limits: { ...limits, ...changed } });
  const headers = await Promise.all(made.renditions.map((rendition) => sharp(rendition.bytes).metadata()));
  return headers.map(({ width, height }) => [width, height]);
}

// For comparisons: jest compares buffers byte by byte, which takes seconds.
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const identity = ({ bytes, ...said }: Picture) => ({ ...said, digest: digest(bytes) });

describe('Random', () => {
  const draw = (random: Random, count = 1000) => Array.from({ length: count }, () => random.next());

  test('repeats itself by the seed, a number or its text', () => {
    expect(draw(new Random(1))).toEqual(draw(new Random('1')));
    expect(draw(new Random(1))).not.toEqual(draw(new Random(2)));
    // Written down, so that a seed of yesterday means the same tomorrow.
    const known = new Random(1);
    expect([1, 2, 3, 4].map(() => known.int(1000))).toEqual([675, 981, 247, 590]);
  });

  test('forks by label, whatever was drawn before', () => {
    const [fresh, used] = [new Random(1), new Random(1)];
    draw(used, 17);
    expect(draw(fresh.fork('a'))).toEqual(draw(used.fork('a')));
    expect(draw(fresh.fork('a'))).not.toEqual(draw(fresh.fork('b')));
    expect(draw(fresh.fork('a').fork('b'))).not.toEqual(draw(fresh.fork('b').fork('a')));
    expect(draw(fresh)).toEqual(draw(new Random(1)));
  });

  test('is uniform enough', () => {
    const random = new Random('uniform');
    const counts = new Map<number, number>();
    for (let i = 0; i < 10_000; i++) {
      const number = random.int(10);
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // 1000 each, give or take four standard deviations.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
    const hits = draw(random).filter(() => random.chance(0.2)).length;
    expect(Math.abs(hits - 200)).toBeLessThan(51);
  });

  test('picks and shuffles without touching what it is given', () => {
    const items = Object.freeze([1, 2, 3, 4, 5, 6, 7, 8]);
    const random = new Random(3);
    expect(items).toContain(random.pick(items));
    const shuffled = random.shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect(shuffled.toSorted()).toEqual(items);
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
  });

  test('has nothing to choose from nothing', () => {
    expect(() => new Random(1).pick([])).toThrow(RangeError);
    expect(() => new Random(1).int(0)).toThrow('no whole number from 0 to 0 - 1');
    expect(() => new Random(1).int(Number.NaN)).toThrow(RangeError);
  });
});

describe('goodPictures', () => {
  test('come from the seed and their place alone, and are all different', async () => {
    const used = new Random(2);
    used.next();
    const many = await goodPictures(used, GOOD_VARIANTS + 3);
    const others = await goodPictures(new Random(3), 3);
    expect(many.slice(0, GOOD_VARIANTS).map(identity)).toEqual(good.map(identity));
    expect(new Set([...many, ...others].map(({ bytes }) => digest(bytes))).size).toBe(GOOD_VARIANTS + 6);
    expect(new Set(many.map(({ name }) => name)).size).toBe(many.length);
  });

  test('have every format and variant', async () => {
    const found = await Promise.all(
      good.map(async ({ name, bytes }) => {
        const { format, space, depth, pages, isProgressive, isPalette, hasAlpha, hasProfile } =
          await sharp(bytes).metadata();
        const traits = { [`${pages} pages`]: (pages ?? 1) > 1, isProgressive, isPalette, hasAlpha, hasProfile };
        const names = Object.entries(traits).flatMap(([trait, has]) => (has ? trait : []));
        return [name.slice(11), [format, space, depth, ...names].join(' ')];
      }),
    );
    expect(Object.fromEntries(found)).toMatchInlineSnapshot(`
{
  "16-bit.png": "png rgb16 ushort",
  "8-bit.png": "png srgb uchar",
  "alpha.png": "png srgb uchar hasAlpha",
  "alpha.webp": "webp srgb uchar hasAlpha",
  "animated.gif": "gif srgb uchar 4 pages isPalette hasAlpha",
  "animated.webp": "webp srgb uchar 2 pages hasAlpha",
  "baseline.jpg": "jpeg srgb uchar",
  "cmyk.jpg": "jpeg cmyk uchar",
  "deflate.tiff": "tiff srgb uchar",
  "display-p3.jpg": "jpeg srgb uchar hasProfile",
  "grey.jpg": "jpeg b-w uchar",
  "interlaced.png": "png srgb uchar isProgressive",
  "lossless.webp": "webp srgb uchar",
  "lossy.webp": "webp srgb uchar",
  "lzw.tiff": "tiff srgb uchar",
  "oriented.jpg": "jpeg srgb uchar hasProfile",
  "palette.png": "png srgb uchar isPalette",
  "progressive.jpg": "jpeg srgb uchar isProgressive",
  "small.avif": "heif srgb uchar",
  "still.gif": "gif srgb uchar isPalette",
  "tiled.tiff": "tiff srgb uchar",
}
`);
  });

  test('are small, and become renditions of the right sizes well within the limits of the poison', async () => {
    let over640 = 0;
    for (const { name, bytes } of good) {
      const { autoOrient, width, height } = await sharp(bytes).metadata();
      expect([name, width * height > 6000 && width * height < 310_000]).toEqual([name, true]);
      const longer = Math.max(width, height);
      if (longer > 640) over640 += 1;
      const sizes = await resized(bytes);
      expect([name, sizes.map((sides) => Math.max(...sides))]).toEqual([
        name,
        renditions.widths.map((box) => Math.min(box, longer)),
      ]);
      // Upright in the end, also when it was stored lying.
      const wide = autoOrient.width > autoOrient.height;
      for (const [across, down] of sizes) expect([name, wide ? across >= down : across <= down]).toEqual([name, true]);
    }
    expect(over640).toBeGreaterThan(0);
    expect(over640).toBeLessThan(good.length);
  });
});

describe('poisonPictures', () => {
  test('come from the seed and their place alone', async () => {
    const many = await poisonPictures(new Random(1), POISON_KINDS + 7);
    const others = await poisonPictures(new Random(2), 6);
    expect(many.slice(0, POISON_KINDS).map(identity)).toEqual(poison.map(identity));
    expect(new Set([...many, ...others].map(({ bytes }) => digest(bytes))).size).toBe(POISON_KINDS + 13);
    for (const { bytes } of many) expect(bytes.length).toBeLessThan(1_000_000);
  });

  test('are rejected, each for its reason', async () => {
    const details = new Map<string, string>();
    for (const { name, bytes, reason } of poison) {
      if (UNWATCHED.test(name)) continue;
      const made = resized(bytes, name.endsWith('heavy.png') ? { cpuSeconds: 20 } : {});
      const rejection: unknown = await made.then(
        () => 'done',
        (error) => error,
      );
      expect([name, rejection]).toEqual([name, expect.objectContaining({ name: 'Rejection', reason })]);
      details.set(name.slice(13), (rejection as Rejection).detail);
    }
    // One spends the CPU and little memory, the other the memory, with CPU to spare.
    if (UNWATCHED.test('slow.jpg')) return;
    expect(details.get('slow.jpg')).toMatch(/1 s of CPU/);
    expect(details.get('heavy.png')).toMatch(/320 MiB of memory/);
  });

  test('have every reason, and one among them that is valid where there is more memory', async () => {
    expect(new Set(poison.map(({ reason }) => reason))).toEqual(new Set(['corrupt', 'too-large', 'unsupported']));
    const { bytes } = poison.find(({ name }) => name.endsWith('heavy.png')) as PoisonPicture;
    await expect(resized(bytes, { cpuSeconds: 60, memoryMib: 4096 })).resolves.toHaveLength(3);
  });
});

describe('slowJpeg', () => {
  test.each([
    [0.0001, 0],
    [0.01, 1],
    [0.01, 14],
    [0.3, 100],
    // 40 and 181 blocks a side: as many as one run holds, and one run too many.
    [0.1024, MOST_SCANS],
    [(181 * 8) ** 2 / 1e6, 30],
    [(182 * 8) ** 2 / 1e6, 30],
  ])('of %f megapixels and %i scans is grey, and decodes without a warning', async (megapixels, scans) => {
    const bytes = slowJpeg(megapixels, scans);
    const { format, width, height, isProgressive, space } = await sharp(bytes).metadata();
    expect({ format, isProgressive, space }).toEqual({ format: 'jpeg', isProgressive: true, space: 'b-w' });
    expect(width).toBe(height);
    expect(width % 8).toBe(0);
    expect(Math.abs(width - Math.sqrt(megapixels * 1e6))).toBeLessThanOrEqual(4);
    const pixels = await sharp(bytes, { failOn: 'warning' }).raw().toBuffer();
    expect(new Set(pixels)).toEqual(new Set([128]));
    await expect(resized(bytes)).resolves.toHaveLength(3);
  });

  test('stays small, within what the gate lets through', async () => {
    const bytes = slowJpeg(49.9, MOST_SCANS);
    expect(bytes.length).toBeLessThan(200_000);
    const { width, height } = await sharp(bytes).metadata();
    expect(width * height).toBeLessThan(50_000_000);
  });

  test('takes longer with every scan', async () => {
    const cpuMs = async (scans: number) => (await decoder.decode(slowJpeg(2, scans), { renditions, limits })).cpuMs;
    await cpuMs(10);
    expect(await cpuMs(800)).toBeGreaterThan(2 * (await cpuMs(10)));
  });

  test('refuses what no JPEG can be', () => {
    expect(() => slowJpeg(5000, 1)).toThrow('no JPEG has 5000 megapixels');
    expect(() => slowJpeg(0, 1)).toThrow(RangeError);
    expect(() => slowJpeg(1, MOST_SCANS + 1)).toThrow('883 scans; at most 882 are legal');
  });
});
