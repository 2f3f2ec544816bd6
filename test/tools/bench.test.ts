import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { drawCorpus, photographs, RECIPES, type Recipe } from '../../tools/bench/corpus';
import { CpuShare } from '../../tools/bench/cpu-share';
import { DESIGNS } from '../../tools/bench/designs';
import { type BenchWorker, Stage } from '../../tools/bench/end-to-end';
import { childrenMs, missing, PEERS, PILLOW_SCRIPT } from '../../tools/bench/peers';
import { plot } from '../../tools/bench/plot';
import { compareQuality, ssim } from '../../tools/bench/quality';
import { bound, figure, missed, tables } from '../../tools/bench/report';
import type { BenchResults } from '../../tools/bench/results';
import { contestant, takeRounds } from '../../tools/bench/rounds';
import { median, ratio, spread } from '../../tools/bench/statistics';
import { held, TARGETS, unmeasured } from '../../tools/bench/targets';
import { throughputOf, throughputResults } from '../../tools/bench/timed';
import { peakMib, treeCpuMs, treePssMib } from '../../tools/bench/usage';
import { DEFAULTS, RENDITION_FORMATS } from '../../workload/contract';
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
  throughput: [1, 6].flatMap((messagesPerSlot) =>
    [30, 100].map((delayMs) => ({
      picture: 'JPEG 640 x 480',
      delayMs,
      messagesPerSlot,
      picturesPerSecond: (messagesPerSlot * 1000) / (2 * delayMs + 40),
    })),
  ),
  billed: (['this workload', 'naive'] as const).map((design) => ({
    picture: 'JPEG 12 MP',
    design,
    memoryMb: 1769,
    delayMs: 30,
    billedMs: design === 'naive' ? 229 : 167,
    low: 160,
    high: 240,
  })),
  stream: null,
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

  test('has a column for each number of messages held, and a line for each delay', () => {
    const text = tables(RESULTS, { columns: 120, isTerminal: false });
    expect(text).toMatch(
      /picture +S3 request +1 +6\nJPEG 640 x 480 +30 ms +10\.0 +60\.0\nJPEG 640 x 480 +100 ms +4\.2 +25\.0/,
    );
    expect(text).toMatch(/naive +1769 MB +30 ms +229 +160 +240/);
  });

  test('leaves out what was not measured', () => {
    const text = tables({ ...RESULTS, perImage: [], throughput: [], billed: [] }, { columns: 80, isTerminal: false });
    expect(text).not.toMatch(/Per picture|of one slot|Billed/);
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
    expect(plot({ ...RESULTS, billed: [] }).match(/<path /g)).toHaveLength(2);
  });

  test('has room for every label, and is what is committed of the committed results', () => {
    const committed = plot(JSON.parse(readFileSync(path.join(ROOT, 'evidence/bench/results.json'), 'utf8')));
    const labels = [...(committed + plot(RESULTS)).matchAll(/text-anchor="end">([^<]*)</g)].map(
      ([, label]) => label as string,
    );
    expect(labels.length).toBeGreaterThan(20);
    // 330 px, and letters of 13 px, which are 7 px wide or a little more.
    expect(labels.filter((label) => label.length > 44)).toEqual([]);
    expect(committed).toBe(readFileSync(path.join(ROOT, 'evidence/bench/results.svg'), 'utf8'));
  });

  test('draws in our colour the number of messages that the worker holds', () => {
    const bars = plot(RESULTS).split('100 ms per S3 request, by messages held').at(1)?.split('class="title"').at(0);
    const colours = [...(bars ?? '').matchAll(/>(\d) held<|class="(ours)"/g)].map(([, held, ours]) => held ?? ours);
    expect(colours).toEqual(['1', String(DEFAULTS.messagesPerSlot), 'ours']);
  });

  test('leaves out what was not measured', () => {
    expect(plot({ ...RESULTS, throughput: [], billed: [] })).not.toMatch(/messages held|Billed/);
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

  test('is the same pictures whichever of them are drawn, so that a quick run measures those of a full one', async () => {
    const encode = (picture: Sharp) => picture.png();
    const three: Record<string, Recipe> = {
      first: { set: 'mixed', size: [8, 6], encode },
      second: { set: 'camera', size: [8, 6], encode },
      third: { set: 'stream', size: [8, 6], encode },
    };
    const draw = async (name: string, ...sets: Recipe['set'][]) => {
      const drawn = await drawCorpus(path.join(folder, name), sets, undefined, three);
      return new Map(drawn.map(({ name: picture, file }) => [picture, readFileSync(file)]));
    };
    const [all, some] = [await draw('all', 'mixed', 'camera', 'stream'), await draw('some', 'camera', 'stream')];
    expect([...all.keys()]).toEqual(['first', 'second', 'third']);
    expect([...some.keys()]).toEqual(['second', 'third']);
    for (const [name, bytes] of some) expect(bytes).toEqual(all.get(name));
    expect(all.get('first')).not.toEqual(all.get('second'));
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
});

describe('the rounds', () => {
  test('take one sample of each in turn; what takes long is in the first ones only', async () => {
    const order: string[] = [];
    const one = (name: string, rounds: number) =>
      contestant(name, rounds, async () => {
        order.push(name);
        return order.length;
      });
    const contestants = [one('a', 3), one('b', 2), one('c', 3)];
    const totals: number[] = [];
    await takeRounds(contestants, (_, total) => totals.push(total));
    expect(order.join('')).toBe('abcabcac');
    expect(new Set(totals)).toEqual(new Set([8]));
    expect(contestants.map(({ samples }) => samples)).toEqual([
      [1, 4, 7],
      [2, 5],
      [3, 6, 8],
    ]);
  });
});

describe('the throughput of a slot', () => {
  const subject = { name: 'small', body: Buffer.from('a picture') };

  test('is taken from a worker that is busy: neither its first waves count nor what it does when its queue is empty', async () => {
    const stage = { delayMs: 0 };
    const batches: { pictures: number; delayMs: number }[] = [];
    const batch = async (bodies: readonly Buffer[]) => {
      batches.push({ pictures: bodies.length, delayMs: stage.delayMs });
      // The first eight a second apart, the last four too, and the others as the delay has it.
      const gaps = bodies.map((_, index) => (index < 8 || index >= bodies.length - 4 ? 1000 : 10 + stage.delayMs));
      let now = 0;
      const doneAt = gaps.map((gap) => {
        now += gap;
        return now;
      });
      return { jobCpuMs: 1, picturesPerSecond: 1, doneAt };
    };
    const asked: unknown[] = [];
    const measured = throughputOf(subject, 4, [0, 30], 20, stage as Stage, (options, use) => {
      asked.push(options);
      return use({ batch } as unknown as BenchWorker);
    });
    measured.samples.push(await measured.sample());
    expect(asked).toEqual([{ slots: 1, messagesPerSlot: 4 }]);
    expect(batches.map(({ delayMs }) => delayMs)).toEqual([0, 0, 30]);
    expect(batches[0]?.pictures).toBe(20);
    expect(throughputResults([measured])).toEqual([
      { picture: 'small', delayMs: 0, messagesPerSlot: 4, picturesPerSecond: 100 },
      { picture: 'small', delayMs: 30, messagesPerSlot: 4, picturesPerSecond: 25 },
    ]);
  });

  test('leaves no delay behind when a worker fails', async () => {
    const stage = { delayMs: 0 };
    const batch = async () => {
      if (stage.delayMs > 0) throw new Error('the worker came to a standstill');
    };
    const measured = throughputOf(subject, 1, [100], 1, stage as Stage, (_, use) =>
      use({ batch } as unknown as BenchWorker),
    );
    await expect(measured.sample()).rejects.toThrow('standstill');
    expect(stage.delayMs).toBe(0);
  });
});

describe('the endpoints of the bench', () => {
  test('hold up each S3 request of what is measured, and nothing that the bench itself uploads', async () => {
    const taskRoot = path.join(folder, 'function');
    mkdirSync(taskRoot);
    // Reads the picture once, under the access key that it was given.
    writeFileSync(
      path.join(taskRoot, 'index.js'),
      `const { AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL } = process.env;
exports.handler = async ({ Records: [{ s3: { bucket, object } }] }) => {
  const authorization = 'AWS4-HMAC-SHA256 Credential=' + AWS_ACCESS_KEY_ID + '/20260101/us-east-1/s3/aws4_request';
  const { ok } = await fetch(AWS_ENDPOINT_URL + '/' + bucket.name + '/' + object.key, { headers: { authorization } });
  if (!ok) throw new Error('no such picture');
};`,
    );
    const stage = await Stage.open(new AbortController().signal);
    const started = await stage.startFunction(taskRoot, { handler: 'index.handler', memoryMib: 128 });
    try {
      stage.delayMs = 700;
      expect((await started.invoke(Buffer.from('a picture'))).wallMs).toBeGreaterThan(700);
      // Would not come to an end in the time that a test has.
      stage.delayMs = 3_600_000;
      expect(await stage.put([Buffer.from('another')])).toHaveLength(1);
    } finally {
      await started.stop();
      await stage.close();
    }
  });
});

describe('the share of the CPU that a function has', () => {
  /** A folder that looks like where control groups are mounted. */
  const mounted = (name: string, ...files: string[]) => {
    const root = path.join(folder, name);
    for (const file of files) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), '');
    }
    return root;
  };
  /** What was written into the one group below a folder. */
  const written = (parent: string, ...files: string[]) => {
    const group = readdirSync(parent).find((name) => name.startsWith('four-ways-bench-')) as string;
    return files.map((file) => readFileSync(path.join(parent, group, file), 'utf8'));
  };

  test('is one vCPU with 1,769 MB, and more with more: by either version of control groups', () => {
    const first = mounted('v1', 'cpu/cpu.cfs_quota_us');
    CpuShare.ofFunction(1769, first).add(42);
    expect(written(path.join(first, 'cpu'), 'cpu.cfs_quota_us', 'cpu.cfs_period_us', 'cgroup.procs')).toEqual([
      '20000',
      '20000',
      '42',
    ]);
    const second = mounted('v2', 'cgroup.controllers');
    CpuShare.ofFunction(2048, second).add(42);
    expect(written(second, 'cpu.max', 'cgroup.procs')).toEqual(['23154 20000', '42']);
  });

  test('is refused in one line where there are no control groups, or none can be made', () => {
    expect(() => CpuShare.ofFunction(2048, mounted('none', 'file'))).toThrow(
      /^there are no control groups for the CPU/,
    );
    const readOnly = mounted('full', 'cgroup.controllers');
    // Nothing can be made below a file.
    expect(() => CpuShare.ofFunction(2048, path.join(readOnly, 'cgroup.controllers'))).toThrow(/^there are no/);
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
    const programs = ['python3', 'vipsthumbnail', 'convert', 'djpeg', 'cjpeg'];
    expect(PEERS.flatMap((peer) => peer.programs)).toEqual(programs);
  });

  const withPython = spawnSync('python3', ['--version']).status === 0 ? test : test.skip;

  withPython.each([
    ['no Pillow', 'raise ImportError', 'this Python has no Pillow'],
    ['another Pillow', "__version__ = '12.3.0'", 'Pillow 12.3.0 is not Pillow-SIMD, whose versions end in .postN'],
  ])('are absent when Python has %s', (name, contents, message) => {
    const modules = path.join(folder, name);
    mkdirSync(path.join(modules, 'PIL'), { recursive: true });
    writeFileSync(path.join(modules, 'PIL/__init__.py'), contents);
    for (const module of ['Image', 'ImageOps']) writeFileSync(path.join(modules, `PIL/${module}.py`), '');
    const script = `import sys; sys.path.insert(0, ${JSON.stringify(modules)})\n${PILLOW_SCRIPT}`;
    const { status, stderr } = spawnSync('python3', ['-c', script, 'jpeg', '160', 'a.jpg'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: `${message}\n` });
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
  const oneByOne = Object.keys(RECIPES).filter((name) => RECIPES[name]?.set !== 'stream');
  expect(results.perImage.map(({ name }) => name)).toEqual(expect.arrayContaining(oneByOne));
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
