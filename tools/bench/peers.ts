import { execFile, spawn } from 'node:child_process';
import { access, constants, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp, { type OutputInfo, type Sharp } from 'sharp';
import type { BenchPicture } from './corpus';
import { tree, peakMib as vmHwmMib } from './usage';

/** What else turns pictures into smaller ones, where it is installed: command-line programs, and a library of Python's. */

export interface PeerSample {
  /** CPU per picture, all processes, in ms. */
  readonly cpuMs: number;
  /** Highest of any one process, in MiB, as far as sampling saw it. `undefined` without /proc. */
  readonly peakMib: number | undefined;
}

export interface Peer {
  readonly name: string;
  /** Programs it needs; without one of them it is absent. */
  readonly programs: readonly string[];
  /** What it can write with the product's settings. */
  readonly formats: readonly PeerFormat[];
  /** Prepares what is not part of the measurement. @returns a function that takes one sample */
  prepare(
    pictures: readonly BenchPicture[],
    widths: readonly number[],
    scratch: string,
    format: PeerFormat,
  ): Promise<() => Promise<PeerSample>>;
}

export type PeerFormat = 'jpeg' | 'webp';

/** One decode at the smallest scale that is large enough, the plainest resizes, and one encode per rendition. */
export const LIMIT = 'libjpeg-turbo limit, one scaled decode';

/** A library in one process: no decoder that can be killed, no colour management. */
export const PILLOW_SIMD = 'Pillow-SIMD, one process, no ICC';
export const VIPSTHUMBNAIL = 'vipsthumbnail, one process per rendition';
export const IMAGE_MAGICK = 'ImageMagick, one process, size hint';

export const PEERS: readonly Peer[] = [
  {
    name: PILLOW_SIMD,
    programs: ['python3'],
    formats: ['jpeg', 'webp'],
    prepare: async (pictures, widths, _scratch, format) => {
      return () => pillowSample(format, widths, files(pictures));
    },
  },
  {
    name: VIPSTHUMBNAIL,
    programs: ['vipsthumbnail'],
    formats: ['jpeg'],
    prepare: async (pictures, widths, scratch) => {
      const commands = widths.map(
        (side) => `vipsthumbnail --size '${side}x${side}>' -o ${quote(scratch)}/v.jpg[Q=80] "$1"`,
      );
      return () => sample(commands.join('\n'), 1, files(pictures), pictures.length);
    },
  },
  {
    name: IMAGE_MAGICK,
    programs: ['convert'],
    formats: ['jpeg'],
    prepare: async (pictures, widths, scratch) => {
      const sides = widths.toSorted((a, b) => b - a);
      const hint = 2 * (sides[0] as number);
      const steps = sides.map((side) => `-resize '${side}x${side}>' -write jpeg:${quote(scratch)}/m${side}.jpg`);
      const command = `convert -define jpeg:size=${hint}x${hint} "$1" -auto-orient -strip -quality 80 ${steps.join(' ')} null:`;
      return () => sample(command, 1, files(pictures), pictures.length);
    },
  },
  {
    name: LIMIT,
    programs: ['djpeg', 'cjpeg'],
    formats: ['jpeg'],
    prepare: async (pictures, widths, scratch) => {
      const script = [
        'djpeg -scale "$2"/8 -outfile /dev/null "$1"',
        ...widths.map((_, index) => `cjpeg -quality 80 -optimize -outfile /dev/null "$${index + 3}"`),
      ].join('\n');
      const groups = await Promise.all(pictures.map((picture) => limitArguments(picture, widths, scratch)));
      const scaled = await Promise.all(pictures.map((picture) => scaledPixels(picture, widths)));
      // What processes cost by themselves is not the library's: the same commands, on a picture of 16 x 16 px.
      const dot = await dotArguments(widths, scratch);
      const size = widths.length + 2;
      return async () => {
        const whole = await sample(script, size, groups.flat(), pictures.length);
        const start = await sample(
          script,
          size,
          groups.flatMap(() => dot),
          pictures.length,
        );
        const between = await resizesMs(scaled, widths);
        return { ...whole, cpuMs: whole.cpuMs - start.cpuMs + between / pictures.length };
      };
    },
  },
];

/** Programs that are not on the PATH. */
export async function missing(programs: readonly string[], searchPath: string): Promise<string[]> {
  const found = await Promise.all(
    programs.map((program) =>
      Promise.any(
        searchPath.split(path.delimiter).map((folder) => access(path.join(folder, program), constants.X_OK)),
      ).then(
        () => true,
        () => false,
      ),
    ),
  );
  return programs.filter((_, index) => !found[index]);
}

/**
 * Pillow-SIMD as it does best: libjpeg shrinks while it decodes, the smaller renditions are made from the larger ones.
 * Like the other designs it goes through the first file once before its time counts, and keeps what it makes in memory.
 * Prints CPU per picture and its peak, in ms and in KiB.
 */
export const PILLOW_SCRIPT = `
import io, sys
from resource import RUSAGE_SELF, getrusage
try:
    import PIL
    from PIL import Image, ImageOps
except ImportError:
    sys.exit('this Python has no Pillow')
if '.post' not in PIL.__version__:
    sys.exit('Pillow ' + PIL.__version__ + ' is not Pillow-SIMD, whose versions end in .postN')
format, widths = sys.argv[1], [int(width) for width in sys.argv[2].split(',')]
options = {'jpeg': {'quality': 80, 'optimize': True}, 'webp': {'quality': 80, 'method': 2}}[format]

def make(file):
    image = Image.open(file)
    side = max(widths)
    scale = min(1, side / max(image.size))
    image.draft('RGB', (int(image.width * scale), int(image.height * scale)))
    image = ImageOps.exif_transpose(image).convert('RGB')
    for width in sorted(widths, reverse=True):
        image.thumbnail((width, width), Image.Resampling.LANCZOS)
        image.save(io.BytesIO(), format, **options)

def cpu():
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

files = sys.argv[3:]
make(files[0])
before = cpu()
for file in files:
    make(file)
print((cpu() - before) * 1000 / len(files))
try:
    print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])
except OSError:
    pass
`;

async function pillowSample(format: PeerFormat, widths: readonly number[], args: readonly string[]) {
  const running = promisify(execFile)('python3', ['-c', PILLOW_SCRIPT, format, widths.join(), ...args]);
  const { stdout } = await running.catch(({ stderr, message }: { stderr?: string; message: string }) => {
    throw new Error(stderr?.trim().split('\n').at(-1) || message);
  });
  const [cpuMs, kib] = stdout.trim().split('\n').map(Number);
  return { cpuMs: cpuMs as number, peakMib: kib === undefined ? undefined : kib / 1024 };
}

const files = (pictures: readonly BenchPicture[]) => pictures.map(({ file }) => file);
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The scale at which libjpeg decodes, of 8, so that the largest rendition need not be enlarged. */
function eighths({ width, height }: BenchPicture, widths: readonly number[]): number {
  return Math.min(8, Math.ceil((8 * Math.max(...widths)) / Math.max(width, height)));
}

interface Pixels {
  readonly data: Buffer;
  readonly info: OutputInfo;
}

/** What `djpeg` makes of a picture. */
async function scaledPixels(picture: BenchPicture, widths: readonly number[]): Promise<Pixels> {
  const width = Math.ceil((picture.width * eighths(picture, widths)) / 8);
  return sharp(picture.file).resize(width).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
}

/** CPU of this process, in ms, for each rendition from the next larger one by sharp's cheapest filter that averages. */
async function resizesMs(pictures: readonly Pixels[], widths: readonly number[]): Promise<number> {
  const before = process.cpuUsage();
  for (const picture of pictures) {
    let { data, info } = picture;
    for (const side of widths.toSorted((a, b) => b - a)) {
      const { width, height, channels } = info;
      const resized = sharp(data, { raw: { width, height, channels } }).resize(side, side, {
        fit: 'inside',
        kernel: 'linear',
        withoutEnlargement: true,
      });
      ({ data, info } = await resized.raw().toBuffer({ resolveWithObject: true }));
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function limitArguments(picture: BenchPicture, widths: readonly number[], scratch: string): Promise<string[]> {
  const { file } = picture;
  const renditions = widths.map(async (side) => {
    const ppm = path.join(scratch, `${path.basename(file)}-${side}.ppm`);
    await writePpm(sharp(file).autoOrient().resize(side, side, { fit: 'inside' }), ppm);
    return ppm;
  });
  return [file, String(eighths(picture, widths)), ...(await Promise.all(renditions))];
}

async function dotArguments(widths: readonly number[], scratch: string): Promise<string[]> {
  const dot = sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } });
  const [jpeg, ppm] = [path.join(scratch, 'dot.jpg'), path.join(scratch, 'dot.ppm')];
  await Promise.all([dot.clone().jpeg().toFile(jpeg), writePpm(dot.clone(), ppm)]);
  return [jpeg, '8', ...widths.map(() => ppm)];
}

/** By hand: the prebuilt sharp has no writer for the one format that cjpeg is sure to read. */
async function writePpm(image: Sharp, file: string): Promise<void> {
  const { data, info } = await image.toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
  await writeFile(file, Buffer.concat([Buffer.from(`P6\n${info.width} ${info.height}\n255\n`), data]));
}

/**
 * Runs a script for each group of `size` arguments, in one shell, which then tells what its children used.
 * @throws Error with the last line that a program wrote to stderr
 */
async function sample(script: string, size: number, args: readonly string[], pictures: number): Promise<PeerSample> {
  const loop = `set -e\nwhile [ $# -gt 0 ]; do\n${script}\nshift ${size}\ndone\ntimes`;
  const shell = spawn('sh', ['-c', loop, 'sh', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, peak] = ['', '', 0];
  shell.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  shell.stderr.on('data', (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-1000);
  });
  const sampler = setInterval(() => {
    for (const pid of tree(shell.pid as number).slice(1)) peak = Math.max(peak, vmHwmMib(pid) ?? 0);
  }, 5);
  const code = await new Promise((resolve, reject) => shell.on('error', reject).on('close', resolve));
  clearInterval(sampler);
  if (code !== 0) throw new Error(`${script.split(' ')[0]} failed: ${stderr.trim().split('\n').at(-1)}`);
  return { cpuMs: childrenMs(stdout) / pictures, peakMib: peak || undefined };
}

/** The second line of the shell's `times`: user and system time of its children, as `0m1.230s 0m0.040s`. */
export function childrenMs(times: string): number {
  const [user, system] = [...(times.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => (Number(minutes) * 60 + Number(seconds)) * 1000,
  );
  if (user === undefined || system === undefined) throw new Error(`the shell's times are ${JSON.stringify(times)}`);
  return user + system;
}
