/**
 * The built-in demo set: 27 pictures that are drawn, not photographed, so that nobody's licence travels with them.
 * The photographs among them are as large and as noisy as camera files, because that is what the workload must decode.
 */
import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** One source picture of the demo set. */
export interface Picture {
  /** File name, not yet encoded for an object key: one of them has spaces, `+`, brackets and a non-ASCII letter. */
  readonly name: string;
  readonly bytes: Buffer;
  /** What the workload should do with it: write renditions, or reject it for this reason. */
  readonly expected: 'done' | 'unsupported' | 'corrupt' | 'too-large';
}

type Size = readonly [width: number, height: number];
type Rgb = readonly [red: number, green: number, blue: number];

// By name, because jest looks a global up in its sandbox at every use: drawing would take ten times as long.
const { abs, ceil, floor, hypot, imul, log, max, min, sqrt } = Math;

/** What stands in the landscape, and the colours of the zenith, the horizon, the sun, the farthest and nearest hills. */
const SCENES = [
  { has: 'snow', colours: [0x3468a8, 0xcee2ee, 0xfffaeb, 0x96b0cc, 0x1a3426] },
  { has: 'lake', colours: [0x48588c, 0xfacea4, 0xffecc8, 0xc49ea8, 0x222034] },
  { has: 'dunes', colours: [0x468cba, 0xf4e6cc, 0xfff6e0, 0xe2b282, 0x964c24] },
  { has: 'forest', colours: [0x84a8b4, 0xeaeee2, 0xfffcf0, 0xb2c8c0, 0x122c1e] },
  { has: 'forest', colours: [0x220078, 0xff600a, 0xffe600, 0xdc006e, 0x16003c] },
] as const;
const RGB = [0, 1, 2] as const;
const SNOW: Rgb = [246, 248, 252];
const VAPOUR: Rgb = [244, 242, 238];

const rgb = (hex: number): Rgb => [hex >> 16, (hex >> 8) & 255, hex & 255];
const clamp = (t: number) => max(0, min(1, t));
const mix = (a: Rgb, b: Rgb, t: number): Rgb => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];

/** One range of hills. */
interface Hills {
  /** In every column, the row it begins at. */
  readonly outline: Float32Array;
  /** 0 (farthest) to 1. */
  readonly near: number;
  readonly colour: Rgb;
}

/** mulberry32: a small seeded generator of uniform numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = imul(state ^ (state >>> 15), state | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TILE = 512;

/** A square of noise that repeats, interpolated at (x, y) in its own pixels. Its side, `size`, is a power of two. */
function sample(tile: Float32Array, x: number, y: number, size: number = TILE): number {
  const left = floor(x);
  const top = floor(y);
  const row = (top & (size - 1)) * size;
  const below = ((top + 1) & (size - 1)) * size;
  const column = left & (size - 1);
  const next = (left + 1) & (size - 1);
  const a = (tile[row + column] as number) * (1 - x + left) + (tile[row + next] as number) * (x - left);
  const b = (tile[below + column] as number) * (1 - x + left) + (tile[below + next] as number) * (x - left);
  return a * (1 - y + top) + b * (y - top);
}

let noise: { readonly grain: Float32Array; readonly cloud: Float32Array; readonly relief: Float32Array } | undefined;

/** Noise around 0, made once. `grain`: white. `cloud`: at every scale. `relief`: cloud as ground lit from the left. */
function tiles() {
  if (noise) return noise;
  const next = random(1);
  const grain = Float32Array.from({ length: TILE * TILE }, () => next() + next() + next() - 1.5);
  let cloud = grain.slice(0, 16);
  for (let size = 8, weight = 0.6; size <= TILE; size *= 2, weight *= 0.58) {
    const coarse = cloud;
    cloud = Float32Array.from({ length: size * size }, (_, i) => {
      const finer = weight * (grain[i] as number);
      return finer + sample(coarse, (i % size) / 2, floor(i / size) / 2, size / 2);
    });
  }
  const relief = cloud.map((value, i) => value - (cloud[(i + 2 * TILE + 3) % cloud.length] as number));
  noise = { grain, cloud, relief };
  return noise;
}

/** Raises an outline, in pixels from the top, by a row of conifers of about `size` pixels. */
function plant(outline: Float32Array, size: number, next: () => number): void {
  for (let x = 0; x < outline.length; x += size * (0.1 + 0.5 * next())) {
    const tall = size * (0.5 + 0.8 * next());
    const foot = outline[floor(x)] as number;
    for (let at = max(0, ceil(x - tall / 5)); at < min(outline.length, x + tall / 5); at++) {
      const crown = foot - tall * (1 - (5 * abs(at - x)) / tall) ** 1.3;
      outline[at] = min(outline[at] as number, crown);
    }
  }
}

/** The landscape without its grain: red, green, blue and the strength of the grain, for every pixel. */
function landscape(width: number, height: number, seed: number): Float32Array {
  const { has, colours } = SCENES[seed % SCENES.length] as (typeof SCENES)[number];
  const [zenith, horizon, sun, farthest, nearest] = colours.map(rgb) as [Rgb, Rgb, Rgb, Rgb, Rgb];
  const { grain, cloud, relief } = tiles();
  const next = random(seed);
  const sunX = (width / height) * (0.2 + 0.6 * next());
  const sunY = 0.16 + 0.12 * next();
  const shore = has === 'lake' ? 0.7 : 1;
  const haze = mix(farthest, horizon, 0.55);
  const hills = [0, 0.25, 0.5, 0.75, 1].map((near) => {
    const slice = floor(next() * TILE);
    const sharp = has === 'snow' ? 1 - near : has === 'dunes' ? 0 : 0.6 - 0.5 * near;
    const middle = 0.48 + (has === 'lake' ? 0.2 : 0.36) * near;
    const outline = Float32Array.from({ length: width }, (_, column) => {
      let rise = 0;
      for (let octave = 0; octave < 8; octave++) {
        const x = (column / height) * 1.3 * 2 ** octave;
        const f = x - floor(x);
        const wave = sample(grain, floor(x) + f * f * (3 - 2 * f), slice + 9 * octave);
        rise += (sharp * (1 - 2.4 * abs(wave)) + (1 - sharp) * wave) / 2 ** octave;
      }
      return height * (middle - rise * (0.13 - 0.08 * near));
    });
    if (near > 0.5 && has !== 'dunes') plant(outline, height * (0.02 + 0.2 * (near - 0.75)), next);
    return { outline, near, colour: mix(farthest, nearest, near ** 0.8) };
  });

  const pixels = new Float32Array(width * height * 4);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      // Coordinates are in picture heights, so that a picture looks the same at every size.
      const x = column / height;
      let y = row / height;
      let light = 1;
      if (y >= shore) {
        const depth = y - shore + 0.02;
        y = 2 * shore - y + 0.25 * depth * sample(cloud, x * 60, 120 * log(depth));
        light = 0.82;
      }
      let layer = hills.length - 1;
      while (layer >= 0 && y * height < ((hills[layer] as Hills).outline[column] as number)) layer--;

      // What is seen is `base` tinted with `tint`, lit, and behind vapour and then behind `veil`.
      let base = zenith;
      let tint = horizon;
      let veil = sun;
      let cloudy = 0;
      let tinted: number;
      let veiled: number;
      let rough = 16;
      if (layer < 0) {
        const away = (x - sunX) ** 2 + (y - sunY) ** 2;
        tinted = clamp(y * 1.7);
        veiled = max(clamp((0.0013 - away) * 9000), 0.0084 / (0.012 + away));
        cloudy = clamp(1.2 * sample(cloud, x * 130 + seed * 71, y * 420) - 0.08) * (1 - veiled);
      } else {
        const { outline, near, colour } = hills[layer] as Hills;
        const scale = 560 - 200 * near;
        const slope = sample(relief, x * scale * 0.75 + layer * 97, y * scale);
        base = colour;
        tint = SNOW;
        veil = haze;
        light *= 1 + slope * (0.5 + 0.5 * near);
        tinted = has === 'snow' && layer < 2 ? clamp((0.42 + 0.3 * slope - y) * 14) : 0;
        veiled = clamp((y - (outline[column] as number) / height) * 5) * (1 - near) * 0.7;
        rough = 20 + 25 * near;
      }
      for (const c of RGB) {
        let value = (base[c] + (tint[c] - base[c]) * tinted) * light;
        value += (VAPOUR[c] - value) * cloudy;
        value += (veil[c] - value) * veiled;
        pixels[at++] = value;
      }
      pixels[at++] = rough;
    }
  }
  return pixels;
}

/**
 * A landscape, `width * height * 3` bytes of RGB: sky, sun, five ranges of hills, and noise at every scale from clouds
 * to film grain. As a JPEG of quality 85 it takes about 2.4 bits a pixel. The same arguments give the same bytes.
 */
export function photoPixels(width: number, height: number, seed: number): Buffer {
  // A large picture is drawn small and enlarged, which saves most of the time and does not show under the grain.
  const scale = ceil(sqrt((width * height) / 1_600_000));
  const columns = ceil(width / scale);
  const drawn = landscape(columns, ceil(height / scale), seed);
  const { grain } = tiles();
  const strength = scale > 1 ? 1 : 0.5;
  const pixels = new Uint8ClampedArray(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    const row = floor(y / scale) * columns;
    for (let x = 0; x < width; x++) {
      const from = (row + floor(x / scale)) * 4;
      const dust = (grain[(y % TILE) * TILE + (x % TILE)] as number) * (drawn[from + 3] as number) * strength;
      for (let c = 0; c < 3; c++) pixels[at++] = (drawn[from + c] as number) + dust;
    }
  }
  return Buffer.from(pixels.buffer);
}

const JPEG = { quality: 85 };
const PNG = { compressionLevel: 2 };

const image = ([width, height]: Size, pixels: Buffer): Sharp => sharp(pixels, { raw: { width, height, channels: 3 } });
const photo = (size: Size, seed: number): Sharp => image(size, photoPixels(...size, seed));

/** One picture under all eight EXIF orientations: turned as they should be, all have a red square at the top left. */
async function* oriented([width, height]: Size): AsyncGenerator<Picture> {
  const seen = photoPixels(width, height, 20);
  for (let y = 30; y < 150; y++) for (let x = 30; x < 150; x++) seen.set([220, 30, 40], (y * width + x) * 3);
  // How the pixels of orientations 1 to 8 are stored: some are mirrored left to right, then all are turned clockwise.
  for (const [i, degrees] of [0, 0, 180, 180, 270, 270, 90, 90].entries()) {
    const orientation = i + 1;
    const mirrored = [2, 4, 5, 7].includes(orientation);
    const pixels = await image([width, height], seen).flop(mirrored).rotate(degrees).raw().toBuffer();
    const picture = image(orientation < 5 ? [width, height] : [height, width], pixels);
    const bytes = await picture.withMetadata({ orientation }).jpeg(JPEG).toBuffer();
    yield { name: `orientation-${orientation}.jpg`, bytes, expected: 'done' };
  }
}

/** A round picture whose edge fades out. */
function softEdges([width, height]: Size): Promise<Buffer> {
  const alpha = Buffer.alloc(width * height);
  for (let i = 0; i < alpha.length; i++) {
    const away = hypot((i % width) / width - 0.5, floor(i / width) / height - 0.5);
    alpha[i] = 255 * clamp((0.5 - away) * 6);
  }
  const raw = { width, height, channels: 1 } as const;
  return photo([width, height], 2).joinChannel(alpha, { raw }).png(PNG).toBuffer();
}

/** Three frames of a camera that pans over one landscape. */
async function pan([width, height]: Size): Promise<Buffer> {
  const wide = photo([width + 80, height], 13);
  const frames = [0, 40, 80].map((left) => wide.clone().extract({ left, top: 0, width, height }).png(PNG).toBuffer());
  const animated = sharp(await Promise.all(frames), { join: { animated: true } });
  return animated.gif({ delay: [400, 400, 400], loop: 0, effort: 1 }).toBuffer();
}

/** A PNG of a hundred bytes whose header claims 60,000 x 60,000 pixels: the size of one pixel, with a new checksum. */
async function pixelBomb(): Promise<Buffer> {
  const bytes = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'black' } })
    .png()
    .toBuffer();
  bytes.writeUInt32BE(60_000, 16);
  bytes.writeUInt32BE(60_000, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** The file type box that tells HEIC from its relatives. A decoder would ask for more; the workload has none for it. */
const HEIC_START = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\x10\0mdat', 'latin1');

const GPS = { GPSLatitudeRef: 'N', GPSLatitude: '46/1 33/1 28/1', GPSLongitudeRef: 'E', GPSLongitude: '7/1 53/1 6/1' };

/**
 * The demo set, about 16 MB, one picture at a time because some are several megabytes. The same bytes on every run on
 * one machine; elsewhere the AVIF may differ, because its encoder splits the picture by `sharp.concurrency()`.
 *
 * @throws when sharp cannot encode one of the formats, which is a fault of the installation
 */
export async function* builtInPictures(): AsyncGenerator<Picture> {
  const small: Size = [960, 640];
  const done: Readonly<Record<string, () => Promise<Buffer>>> = {
    'photo-alps-12mp.jpg': () => photo([4000, 3000], 35).jpeg(JPEG).toBuffer(),
    'photo-lake-8mp.jpg': () => photo([3456, 2304], 6).jpeg(JPEG).toBuffer(),
    'photo-dunes-6mp.jpg': () => photo([2000, 3000], 12).jpeg(JPEG).toBuffer(),
    'photo-forest-4mp.jpg': () => photo([2448, 1632], 18).jpeg(JPEG).toBuffer(),
    'holiday snap +1 (\u00fc).jpg': () => photo([2448, 1632], 31).jpeg(JPEG).toBuffer(),
    'alpha.png': () => softEdges([640, 640]),
    'sixteen-bit.png': () => photo([720, 480], 15).toColourspace('rgb16').png(PNG).toBuffer(),
    'display-p3.jpg': () => photo(small, 9).withIccProfile('p3').jpeg(JPEG).toBuffer(),
    'cmyk.jpg': () => photo([720, 480], 37).toColourspace('cmyk').withIccProfile('cmyk').jpeg(JPEG).toBuffer(),
    'gps.jpg': () => photo(small, 30).withExif({ IFD3: GPS }).jpeg(JPEG).toBuffer(),
    'progressive.jpg': () =>
      photo(small, 28)
        .jpeg({ ...JPEG, progressive: true })
        .toBuffer(),
    'photo.webp': () => photo(small, 10).webp({ quality: 85, effort: 1 }).toBuffer(),
    'photo.tiff': () => photo(small, 22).tiff({ compression: 'lzw' }).toBuffer(),
    'photo.avif': () => photo([600, 400], 36).avif({ effort: 0 }).toBuffer(),
    'animated.gif': () => pan([360, 240]),
    'icon.png': () => photo([480, 480], 25).resize(48).png().toBuffer(),
  };
  for (const [name, make] of Object.entries(done)) yield { name, bytes: await make(), expected: 'done' };
  yield* oriented(small);

  const whole = await photo(small, 18).jpeg(JPEG).toBuffer();
  yield { name: 'corrupt.jpg', bytes: whole.subarray(0, whole.length / 2), expected: 'corrupt' };
  const heic = Buffer.concat([HEIC_START, Buffer.alloc(4088, 0x5a)]);
  yield { name: 'phone.heic', bytes: heic, expected: 'unsupported' };
  yield { name: 'pixel-bomb.png', bytes: await pixelBomb(), expected: 'too-large' };
}
