import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { around, fitLine, imageWork } from '../../../../tools/compare/model/fit';
import { readMeasured } from '../../../../tools/compare/model/measured';
import { measured } from './fixtures';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'measured-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(value: unknown): string {
  const file = path.join(folder, 'results.json');
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
}

describe('measurements', () => {
  test('are read', () => {
    expect(readMeasured(written(measured))).toEqual(measured);
    // A machine that cannot measure some of it says so by null.
    const partly = { ...measured.perImage[0], jobCpuMs: null };
    const { perImage, worker } = readMeasured(
      written({ ...measured, worker: null, perImage: [partly, ...measured.perImage] }),
    );
    expect({ perImage, worker }).toEqual({ perImage: measured.perImage, worker: null });
  });

  test.each<[string, unknown, RegExp]>([
    ['that are not there', undefined, /^there are no measurements in .*: run npm run bench$/],
    ['that are not JSON', '{', /is not JSON: run npm run bench$/],
    ['of another form', { ...measured, schema: 2 }, /has schema 2, expected 1: run npm run bench$/],
    [
      'without images',
      { ...measured, perImage: [] },
      /has perImage \[\], expected two images or more whose whole job was measured: run npm run bench$/,
    ],
    [
      'with an image that took no time',
      { ...measured, perImage: [{ ...measured.perImage[0], jobCpuMs: 0 }, measured.perImage[1]] },
      /has perImage\.0\.jobCpuMs 0, expected a number above 0: run npm run bench$/,
    ],
    [
      'with one image only whose job was measured',
      { ...measured, perImage: [measured.perImage[0], { ...measured.perImage[1], jobCpuMs: null }] },
      /expected two images or more whose whole job was measured: run npm run bench$/,
    ],
  ])('%s end with one line and the remedy', (_, value, message) => {
    const file = value === undefined ? path.join(folder, 'nothing.json') : written(value);
    expect(() => readMeasured(file)).toThrow(message);
  });
});

const points = (...all: [x: number, y: number][]) => all.map(([x, y]) => ({ x, y }));

test('a line through points: by hand', () => {
  // (1, 3), (2, 5), (3, 7): 1 + 2 x
  expect(fitLine(points([1, 3], [2, 5], [3, 7]))).toEqual({ perImage: 1, perMegapixel: 2 });
  // (1, 2), (3, 2), (2, 5): flat at 3; the points are from 2/3 to 5/3 of it
  const flat = points([1, 2], [3, 2], [2, 5]);
  expect(fitLine(flat)).toMatchObject({ perImage: 3, perMegapixel: 0 });
  expect(around(flat, 2)).toEqual({ low: 2, typical: 3, high: 5 });
  // Of a size four times as small, or smaller, is only the first; so all of them count.
  expect(around(flat, 0.4)).toEqual({ low: 2, typical: 3, high: 5 });
  // an empty image does not give time back: (1, 1), (2, 3) goes through the origin, at 7/5
  expect(fitLine(points([1, 1], [2, 3]))).toMatchObject({ perImage: 0, perMegapixel: expect.closeTo(1.4, 12) });
});

test('a thumbnail does not widen the range of a photograph', () => {
  // All on the line 1 + x except the thumbnail, which has next to no share in it and takes a tenth.
  const photographs = [10, 20, 30, 40].map((x) => ({ x, y: 1 + x }));
  const { low, high } = around([...photographs, { x: 0.01, y: 0.1 }], 20);
  expect(low / high).toBeGreaterThan(0.95);
});

test('the work of an image is on the line, and the range has what was measured', () => {
  for (const { megapixels, jobCpuMs } of measured.perImage) {
    const { low, typical, high } = imageWork(measured, megapixels, { inputFormat: 'jpeg' }).cpuSeconds;
    expect(low).toBeLessThanOrEqual(Math.min(typical, jobCpuMs / 1000 + 1e-9));
    expect(high).toBeGreaterThanOrEqual(Math.max(typical, jobCpuMs / 1000 - 1e-9));
  }
  // 200 and 280 ms of 12 and 24 megapixels: 120 ms, and 80 for each 12.
  const work = imageWork(measured, 36, { outputFormat: 'jpeg' });
  expect(work).toMatchObject({ megapixels: 36, bytesIn: 14_400_000, bytesOut: 172_000 });
  expect(work.cpuSeconds.typical).toBeCloseTo(0.36, 9);
  expect(() => imageWork(measured, 12, { inputFormat: 'tiff' })).toThrow(
    'no image was measured from tiff to any format',
  );
});
