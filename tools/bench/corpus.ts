import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { UsageError } from '../command-line';
import { photoPixels } from '../local/pictures';

/** What the bench measures on. Drawn, not photographed, so that nobody's licence travels with it. */

/** Which rows a picture counts for. `stream`: small, and measured by the hundred. `photograph`: given by the reader. */
export type PictureSet = 'camera' | 'mixed' | 'size' | 'stream' | 'photograph';

/** One picture on disk. */
export interface BenchPicture {
  /** As it stands in tables and in the results. Of a photograph its number: file names are nobody's business. */
  readonly name: string;
  readonly file: string;
  readonly set: PictureSet;
  /** As in the file, before it is set upright. */
  readonly width: number;
  readonly height: number;
  /** sharp's name of it: `jpeg`, `png`, `webp`, `heif` (AVIF). */
  readonly format: string;
  readonly bytes: number;
}

export interface Recipe {
  readonly set: Exclude<PictureSet, 'photograph'>;
  readonly size: readonly [width: number, height: number];
  readonly encode: (picture: Sharp) => Sharp;
}

/** Camera files have about two bits a pixel; so have these. */
const JPEG = { quality: 85 };
const jpeg = (picture: Sharp) => picture.jpeg(JPEG);

/** By name. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  'JPEG 12 MP': { set: 'camera', size: [4000, 3000], encode: jpeg },
  'JPEG 24 MP': { set: 'camera', size: [6000, 4000], encode: jpeg },
  'JPEG 16 MP 4:4:4': {
    set: 'camera',
    size: [4640, 3480],
    encode: (picture) => picture.jpeg({ ...JPEG, chromaSubsampling: '4:4:4' }),
  },
  'JPEG 10 MP turned': {
    set: 'camera',
    size: [3888, 2592],
    encode: (picture) => picture.withMetadata({ orientation: 6 }).jpeg(JPEG),
  },
  'JPEG 12 MP progressive': {
    set: 'mixed',
    size: [4288, 2848],
    encode: (picture) => picture.jpeg({ ...JPEG, progressive: true }),
  },
  'JPEG 12 MP Display P3 turned': {
    set: 'mixed',
    size: [4032, 3024],
    encode: (picture) => picture.withMetadata({ orientation: 6 }).withIccProfile('p3').jpeg(JPEG),
  },
  'PNG 6 MP': { set: 'mixed', size: [3000, 2000], encode: (picture) => picture.png({ compressionLevel: 2 }) },
  'WebP 8 MP': {
    set: 'mixed',
    size: [3456, 2304],
    encode: (picture) => picture.webp({ quality: 85, effort: 1 }),
  },
  'AVIF 6 MP': {
    set: 'mixed',
    size: [3000, 2000],
    encode: (picture) => picture.avif({ quality: 60, effort: 0 }),
  },
  'JPEG 1 MP': { set: 'size', size: [1224, 816], encode: jpeg },
  'JPEG 3 MP': { set: 'size', size: [2121, 1414], encode: jpeg },
  'JPEG 6 MP': { set: 'size', size: [3000, 2000], encode: jpeg },
  'JPEG 48 MP': { set: 'size', size: [8000, 6000], encode: jpeg },
  'JPEG 320 x 240': { set: 'size', size: [320, 240], encode: jpeg },
  'PNG 48 x 48': { set: 'size', size: [48, 48], encode: (picture) => picture.png() },
  'JPEG 640 x 480': { set: 'stream', size: [640, 480], encode: jpeg },
};

/** Draws pictures of the corpus into a folder. The same bytes every time on one machine, whichever others are drawn. */
export async function drawCorpus(
  folder: string,
  sets: readonly PictureSet[],
  onPicture: (name: string) => void = () => {},
  recipes: Readonly<Record<string, Recipe>> = RECIPES,
): Promise<BenchPicture[]> {
  await mkdir(folder, { recursive: true });
  const pictures: BenchPicture[] = [];
  for (const [index, [name, { set, size, encode }]] of Object.entries(recipes).entries()) {
    if (!sets.includes(set)) continue;
    onPicture(name);
    const [width, height] = size;
    // Every picture another landscape; the seeds are arbitrary.
    const pixels = sharp(photoPixels(width, height, 35 + index), { raw: { width, height, channels: 3 } });
    const { data, info } = await encode(pixels).toBuffer({ resolveWithObject: true });
    const file = path.join(folder, `${name.replace(/[^\w]+/g, '-')}.${info.format}`);
    await writeFile(file, data);
    pictures.push({ name, file, set, width, height, format: info.format, bytes: data.length });
  }
  return pictures;
}

/** Below and beyond, a picture says little about the camera files that the targets are for. */
const PHOTOGRAPH_MEGAPIXELS = [10, 24.5] as const;

/**
 * The JPEGs of 10 to 24 MP in a folder of the reader's, not in its subfolders.
 * @throws UsageError when there is none, or no folder
 */
export async function photographs(folder: string): Promise<BenchPicture[]> {
  const names = await readdir(folder).catch(() => {
    throw new UsageError(`--photos: ${folder} is not a folder that can be read; name one with photographs in it`);
  });
  const found: BenchPicture[] = [];
  for (const name of names.sort()) {
    const file = path.join(folder, name);
    // A link may lead nowhere; a pipe would be waited for.
    if (!(await stat(file).catch(() => undefined))?.isFile()) continue;
    const bytes = await readFile(file);
    const header = await sharp(bytes)
      .metadata()
      .catch(() => undefined);
    const megapixels = ((header?.width ?? 0) * (header?.height ?? 0)) / 1e6;
    if (header?.format !== 'jpeg' || megapixels < PHOTOGRAPH_MEGAPIXELS[0] || megapixels > PHOTOGRAPH_MEGAPIXELS[1]) {
      continue;
    }
    const { width, height, format } = header;
    found.push({
      name: `photograph ${found.length + 1}`,
      file,
      set: 'photograph',
      width,
      height,
      format,
      bytes: bytes.length,
    });
  }
  if (found.length === 0) {
    throw new UsageError(`--photos: no JPEG of 10 to 24 megapixels in ${folder}; name another folder`);
  }
  return found;
}
