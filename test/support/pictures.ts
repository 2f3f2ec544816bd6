import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** Small pictures, made on the spot. */

export const RED = { r: 230, g: 20, b: 20 };
export const BLUE = { r: 20, g: 40, b: 220 };

/** A blue picture with a red square in the top left corner, a quarter of its shorter side. */
export function cornered(width: number, height: number): Sharp {
  const side = Math.ceil(Math.min(width, height) / 4);
  const square = { create: { width: side, height: side, channels: 3 as const, background: RED } };
  const blue = sharp({ create: { width, height, channels: 3, background: BLUE } });
  return blue.composite([{ input: square, top: 0, left: 0 }]).removeAlpha();
}

/** Turns that store an upright picture in each EXIF orientation, such that a viewer restores it. */
const STORED = {
  2: [true, 0],
  3: [false, 180],
  4: [true, 180],
  5: [true, 270],
  6: [false, 270],
  7: [true, 90],
  8: [false, 90],
} as const;

/** The JPEG a camera would write of {@link cornered} when held that way. */
export async function orientedJpeg(width: number, height: number, orientation: number): Promise<Buffer> {
  const upright = await cornered(width, height).png().toBuffer();
  const [flop, turn] = STORED[orientation as keyof typeof STORED] ?? [false, 0];
  const flopped = await sharp(upright).flop(flop).png().toBuffer();
  return sharp(flopped).rotate(turn).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
}

/** Random pixels: nothing compresses, so decoding and encoding them takes its time. */
export function noise(width: number, height: number): Sharp {
  return sharp({ create: { width, height, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 60 } } as never });
}

/** A PNG of one grey pixel whose header claims another size. */
export function lyingPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const typed = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc32(typed));
    return Buffer.concat([length, typed, checksum]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from([0, 0]))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** One pixel of a picture, as numbers of its channels. */
export async function pixelAt(bytes: Buffer, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const start = (y * info.width + x) * info.channels;
  return [...data.subarray(start, start + info.channels)];
}
