import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { withInFlight } from '../../tools/bench/bundles';
import { photographs, RECIPES, type Recipe } from '../../tools/bench/corpus';
import { DESIGNS } from '../../tools/bench/designs';
import { childrenMs, missing, PEERS } from '../../tools/bench/peers';
import { plot } from '../../tools/bench/plot';
import { compareQuality, ssim } from '../../tools/bench/quality';
import { bound, figure, missed, tables } from '../../tools/bench/report';
import type { BenchResults } from '../../tools/bench/results';
import { median, ratio, spread } from '../../tools/bench/statistics';
import { held, TARGETS, unmeasured } from '../../tools/bench/targets';
import { peakMib, treeCpuMs, treePssMib } from '../../tools/bench/usage';
import { RENDITION_FORMATS } from '../../workload/contract';
import { cornered, noise } from '../support/pictures';

const ROOT = path.resolve(__dirname, '../..');
const of = (value: number) => ({ value, low: value, high: value });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the arithmetic', () => {
  test.each([
    [[3], 3],
    [[1, 9, 2], 2],
    [[4, 1, 3, 2], 2.5],
  ])('the median of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

  test('a ratio is taken round by round, so that a slow round does not count', () => {
    expect(ratio([20, 200, 21], [10, 100, 10])).toEqual({ value: 2, low: 2, high: 2.1 });
    expect(spread([5, 1, 3])).toEqual({ value: 3, low: 1, high: 5 });
  });

  test.each([
    [[1], []],
    [[], []],
    [[1, 2], [1]],
  ])('fails on rounds that are not the same: %j and %j', (a, b) => expect(() => ratio(a, b)).toThrow(RangeError));
});

describe('the targets', () => {
  test('are met on their very edge, and missed beyond it', () => {
    expect(held('naiveJpeg', of(1.9)).met).toBe(true);
    expect(held('naiveJpeg', of(1.899)).met).toBe(false);
    expect(held('isolation', of(1.06)).met).toBe(true);
    expect(held('isolation', of(1.061)).met).toBe(false);
    expect(held('sizes', of(1)).met).toBe(false);
  });

  test('judge nothing that has no bound', () => expect(held('naiveWebp', of(0.1)).met).toBeNull());

  test('name what was not measured, so that silence is not success', () => {
    const rows = Object.keys(TARGETS).map((id) => held(id as keyof typeof TARGETS, of(0)));
    expect(unmeasured(rows)).toEqual([]);
    expect(unmeasured(rows.filter(({ name }) => name !== TARGETS.coldStart.name))).toEqual([TARGETS.coldStart.name]);
    expect(unmeasured([])).not.toContain(TARGETS.naiveWebp.name);
  });

  test('have names of their own', () => {
    const names = Object.values(TARGETS).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

const RESULTS: BenchResults = {
  schema: 1,
  date: '2026-01-02',
  quick: false,
  rounds: 3,
  photographs: 0,
  machine: { cpu: 'A <fast> & small CPU', cores: 2, memoryGib: 8, os: 'linux', arch: 'arm64' },
  versions: { node: '24.0.0', sharp: '0.0.0', libvips: '0.0.0' },
  perImage: [
    {
      name: 'JPEG 12 MP',
      megapixels: 12,
      inputFormat: 'jpeg',
      outputFormat: 'webp',
      renditions: 3,
      bytesIn: 3_500_000,
      bytesOut: 100_000,
      cpuMs: 100,
      jobCpuMs: null,
      decoderPeakMib: null,
    },
  ],
  designs: [
    {
      set: 'camera JPEGs',
      design: 'this workload, in process',
      outputFormat: 'jpeg',
      cpuMs: 50,
      low: 48,
      high: 55,
      peakMib: 100,
    },
    { set: 'camera JPEGs', design: 'naive', outputFormat: 'jpeg', cpuMs: 100, low: 90, high: 110, peakMib: null },
  ],
  workers: [],
  lambda: null,
  worker: null,
  ratios: [held('naiveJpeg', of(2)), held('decoderPeak', of(200)), held('naiveWebp', of(1))],
  absent: ['vipsthumbnail: not installed'],
};

describe('the report', () => {
  test.each([80, 60])('fits a terminal of %i columns', (columns) => {
    const lines = tables(RESULTS, { columns, isTerminal: true }).split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
  });

  test('says of every target what was found and what was asked', () => {
    const text = tables(RESULTS, { columns: 120, isTerminal: true });
    expect(text).toMatch(/camera JPEGs, JPEG out: naive sharp \/ ours +│ +2\.00 │.*>= 1\.90 │ +met/);
    expect(text).toMatch(/peak memory of a decoder, JPEG up to 24 MP +│ 200 MB │.*<= 170 MB │ MISSED/);
    expect(text).toMatch(/not measured: vipsthumbnail: not installed$/);
    expect(missed(RESULTS)).toEqual(['missed: peak memory of a decoder, JPEG up to 24 MP is 200 MB, target <= 170 MB']);
  });

  test.each([
    [1.234, 'x', '1.23'],
    [9.44, 'MB', '9.4 MB'],
    [131.4, 'MB', '131 MB'],
    [499.6, 'kB', '500 kB'],
    [0, 'renditions', '0'],
  ] as const)('writes %d as %s: %s', (value, unit, text) => expect(figure(value, unit)).toBe(text));

  test('asks nothing of a row without a target', () => expect(bound(held('naiveWebp', of(1)))).toBe(''));
});

describe('the plot', () => {
  test('is a picture that can be looked at, whatever the CPU is called', async () => {
    const svg = plot(RESULTS);
    expect(svg).toContain('A &lt;fast> &amp; small CPU');
    // The workload closes this loader for its whole process, and another test's may have been this one's.
    sharp.unblock({ operation: ['VipsForeignLoadSvg'] });
    const { format, width } = await sharp(Buffer.from(svg)).metadata();
    expect([format, width]).toEqual(['svg', 960]);
  });

  test('draws a cost twice as long as half of it, with the range of its rounds, and ours in another colour', () => {
    const bars = [
      ...plot(RESULTS).matchAll(/<rect x="354" y="[\d.]+" width="([\d.]+)" height="18"( class="ours")?\/>/g),
    ];
    expect(bars[0]?.[2]).toBeDefined();
    expect(bars[1]?.[2]).toBeUndefined();
    expect(Number(bars[1]?.[1]) / Number(bars[0]?.[1])).toBeCloseTo(2, 2);
    expect(plot(RESULTS).match(/<path /g)).toHaveLength(2);
  });

  test('has room for every label of the committed results', () => {
    const committed = plot(JSON.parse(readFileSync(path.join(ROOT, 'evidence/bench/results.json'), 'utf8')));
    const labels = [...committed.matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) => label as string);
    expect(labels.length).toBeGreaterThan(20);
    // 330 px, and letters of 13 px, which are 7 px wide or a little more.
    expect(labels.filter((label) => label.length > 44)).toEqual([]);
    expect(committed).toBe(readFileSync(path.join(ROOT, 'evidence/bench/results.svg'), 'utf8'));
  });

  test('leaves out what was not measured', () => {
    expect(plot(RESULTS)).not.toContain('whole worker');
  });
});

describe('the corpus', () => {
  const recipes = Object.entries(RECIPES);

  test('has camera JPEGs of 10 to 24 megapixels, and pictures up to 48 that the workload accepts', () => {
    const megapixels = recipes.map(([, { set, size }]) => ({ set, millions: (size[0] * size[1]) / 1e6 }));
    const camera = megapixels.filter(({ set }) => set === 'camera').map(({ millions }) => millions);
    expect(Math.min(...camera)).toBeGreaterThan(10);
    expect(Math.max(...camera)).toBe(24);
    expect(Math.max(...megapixels.map(({ millions }) => millions))).toBe(48);
  });

  test('keeps a picture of each set for a quick run, and the one that the growth is measured on', () => {
    const quick = recipes.filter(([, { slow }]) => !slow);
    expect(new Set(quick.map(([, { set }]) => set))).toEqual(new Set(['camera', 'mixed', 'size']));
    expect(quick.map(([name]) => name)).toContain('JPEG 12 MP');
  });

  test.each([
    ['JPEG 12 MP progressive', { format: 'jpeg', isProgressive: true }],
    ['JPEG 12 MP Display P3 turned', { format: 'jpeg', orientation: 6, hasProfile: true }],
    ['JPEG 16 MP 4:4:4', { format: 'jpeg', chromaSubsampling: '4:4:4' }],
    ['JPEG 10 MP turned', { format: 'jpeg', orientation: 6 }],
    ['PNG 6 MP', { format: 'png' }],
    ['WebP 8 MP', { format: 'webp' }],
    ['AVIF 6 MP', { format: 'heif', compression: 'av1' }],
  ])('draws what it calls %s', async (name, expected) => {
    const bytes = await (RECIPES[name] as Recipe).encode(cornered(64, 48)).toBuffer();
    expect(await sharp(bytes).metadata()).toMatchObject(expected);
  });
});

describe('the photographs of a reader', () => {
  test('are the JPEGs that a camera may have written, without their names', async () => {
    const photos = path.join(folder, 'photos');
    mkdirSync(path.join(photos, 'more'), { recursive: true });
    await cornered(4000, 2600).jpeg().toFile(path.join(photos, 'our wedding.jpg'));
    await cornered(400, 260).jpeg().toFile(path.join(photos, 'small.jpg'));
    await cornered(4000, 2600).png().toFile(path.join(photos, 'screen.png'));
    writeFileSync(path.join(photos, 'notes.txt'), 'no picture');
    const found = await photographs(photos);
    expect(found.map(({ name, set, width, format }) => ({ name, set, width, format }))).toEqual([
      { name: 'photograph 1', set: 'photograph', width: 4000, format: 'jpeg' },
    ]);
  });

  test.each(['missing', 'empty'])('fails in one line when there are none: %s', async (name) => {
    mkdirSync(path.join(folder, 'empty'), { recursive: true });
    await expect(photographs(path.join(folder, name))).rejects.toThrow(/^--photos: .*name (?:one|another)/);
  });
});

describe('the designs', () => {
  test.each(RENDITION_FORMATS)('naive encodes %s with the settings of the product', async (format) => {
    // Smaller than every box, nothing is resized: the bytes are those of the encoder.
    const input = await noise(60, 40).png().toBuffer();
    const [naive, product] = await Promise.all([DESIGNS.naive(), DESIGNS.product()]);
    const making = { widths: [160], format };
    expect(await naive.make(input, making)).toEqual(await product.make(input, making));
  });

  test('the worker still has the number that the bench varies', () => {
    const source = readFileSync(path.join(ROOT, 'workload/worker.ts'), 'utf8');
    expect(withInFlight(source, 6)).toContain('\nconst IN_FLIGHT_PER_SLOT = 6;\n');
    expect(() => withInFlight('const OTHER = 3;', 6)).toThrow('IN_FLIGHT_PER_SLOT');
  });
});

describe('the comparison of pixels', () => {
  const raw = async (image: Sharp) => {
    const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  };

  test('finds a picture equal to itself, less so when it is blurred, and not at all like noise', async () => {
    const [picture, blurred, other] = await Promise.all([
      raw(noise(64, 48)),
      raw(noise(64, 48).blur(1)),
      raw(cornered(64, 48)),
    ]);
    expect(ssim(picture, picture)).toBe(1);
    expect(ssim(other, other)).toBe(1);
    expect(ssim(picture, blurred)).toBeLessThan(0.9);
    expect(ssim(picture, other)).toBeLessThan(0.1);
  });

  test('also of pictures smaller than one of its windows', async () => {
    const dot = await raw(cornered(3, 5));
    expect(ssim(dot, dot)).toBe(1);
  });

  test('counts renditions of another size, and compares the others', async () => {
    // sharp by itself makes this one 106 px high, because it shrinks while loading: a full decode gives 107.
    const input = await cornered(500, 333).jpeg().toBuffer();
    const {
      renditions,
      sizeMismatches,
      ssim: found,
    } = await compareQuality(input, { widths: [160, 320], format: 'webp' });
    expect({ renditions, ours: sizeMismatches.product }).toEqual({ renditions: 2, ours: 0 });
    expect(found.length).toBe(2 - sizeMismatches.naive);
    for (const { product } of found) expect(product).toBeGreaterThan(0.9);
  });
});

describe('the peers', () => {
  test('are absent when a program is', async () => {
    writeFileSync(path.join(folder, 'present'), '', { mode: 0o755 });
    writeFileSync(path.join(folder, 'no-program'), '', { mode: 0o644 });
    expect(await missing(['present', 'no-program', 'nowhere'], folder)).toEqual(['no-program', 'nowhere']);
    expect(PEERS.flatMap(({ programs }) => programs)).toEqual(['vipsthumbnail', 'convert', 'djpeg', 'cjpeg']);
  });

  test.each([
    ['0m0.001s 0m0.002s\n0m1.250s 0m0.250s\n', 1500],
    ['0m0.00s 0m0.00s\n1m0.01s 0m0.00s', 60_010],
  ])('are charged with what the shell says of its children: %j', (times, ms) => expect(childrenMs(times)).toBe(ms));

  test('fail loudly when the shell says something else', () => expect(() => childrenMs('no times')).toThrow('times'));
});

describe('usage', () => {
  const onLinux = existsSync('/proc/self/stat') ? test : test.skip;

  onLinux('sees the CPU and the memory of this process', () => {
    expect(treeCpuMs(process.pid)).toBeGreaterThan(0);
    expect(treePssMib(process.pid)).toBeGreaterThan(10);
    expect(peakMib('self')).toBeGreaterThan(10);
  });

  test('knows nothing of a process that is not there', () => {
    expect(peakMib(2 ** 22 + 1)).toBeUndefined();
    expect(treePssMib(2 ** 22 + 1)).toBe(0);
  });
});

test('the committed results are of a full run, and have what other commands read', () => {
  const results = JSON.parse(readFileSync(path.join(ROOT, 'evidence/bench/results.json'), 'utf8')) as BenchResults;
  expect(results).toMatchObject({ schema: 1, quick: false, date: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) });
  expect(results.perImage.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(RECIPES)));
  expect(new Set(results.perImage.map(({ name, outputFormat }) => `${name}, ${outputFormat}`)).size).toBe(
    results.perImage.length,
  );
  // The comparison offers them all, at any size: two points make a line.
  for (const format of RENDITION_FORMATS) {
    const whole = results.perImage.filter(({ outputFormat, jobCpuMs }) => outputFormat === format && jobCpuMs !== null);
    expect(whole.length).toBeGreaterThan(1);
  }
  expect(Object.keys(results.lambda ?? {})).toEqual(['coldCpuMs', 'coldWallMs', 'warmCpuMs', 'warmWallMs']);
  expect(Object.keys(results.worker ?? {})).toEqual(['startWallMs', 'startCpuMs', 'peakPssMib']);
  const known = Object.values(TARGETS).map(({ name }) => name as string);
  expect(results.ratios.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
});
