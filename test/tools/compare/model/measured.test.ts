import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fitLine, imageWork } from '../../../../tools/compare/model/fit';
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
  });

  test.each<[string, unknown, RegExp]>([
    ['that are not there', undefined, /^there are no measurements in .*: run npm run bench$/],
    ['that are not JSON', '{', /is not JSON: run npm run bench$/],
    ['of another form', { ...measured, schema: 2 }, /has schema 2, expected 1: run npm run bench$/],
    [
      'without images',
      { ...measured, perImage: [] },
      /has perImage \[\], expected two images or more: run npm run bench$/,
    ],
    [
      'with an image that took no time',
      { ...measured, perImage: [{ ...measured.perImage[0], jobCpuMs: 0 }, measured.perImage[1]] },
      /has perImage\.0\.jobCpuMs 0, expected a number above 0: run npm run bench$/,
    ],
    [
      'without the worker',
      { ...measured, worker: undefined },
      /has worker\.startWallMs undefined, expected a number above 0: run npm run bench$/,
    ],
  ])('%s end with one line and the remedy', (_, value, message) => {
    const file = value === undefined ? path.join(folder, 'nothing.json') : written(value);
    expect(() => readMeasured(file)).toThrow(message);
  });
});

test('a line through points: by hand', () => {
  // (1, 3), (2, 5), (3, 7): 1 + 2 x
  expect(
    fitLine([
      { x: 1, y: 3 },
      { x: 2, y: 5 },
      { x: 3, y: 7 },
    ]),
  ).toEqual({ perImage: 1, perMegapixel: 2, lowest: 1, highest: 1, points: 3 });
  // (1, 2), (3, 2), (2, 5): flat at 3; the points are 2/3 and 5/3 of it
  expect(
    fitLine([
      { x: 1, y: 2 },
      { x: 3, y: 2 },
      { x: 2, y: 5 },
    ]),
  ).toMatchObject({ perImage: 3, perMegapixel: 0, lowest: 2 / 3, highest: 5 / 3 });
  // an empty image does not give time back: (1, 1), (2, 3) goes through the origin, at 7/5
  expect(
    fitLine([
      { x: 1, y: 1 },
      { x: 2, y: 3 },
    ]),
  ).toMatchObject({ perImage: 0, perMegapixel: expect.closeTo(1.4, 12) });
});

test('the work of an image lies in the range of what was measured', () => {
  for (const { megapixels, jobCpuMs } of measured.perImage) {
    const { cpuSeconds } = imageWork(measured, megapixels, { inputFormat: 'jpeg' });
    expect(cpuSeconds.low).toBeLessThanOrEqual(jobCpuMs / 1000 + 1e-9);
    expect(cpuSeconds.high).toBeGreaterThanOrEqual(jobCpuMs / 1000 - 1e-9);
  }
  expect(imageWork(measured, 12).renditions).toBe(3);
  expect(() => imageWork(measured, 12, { inputFormat: 'tiff' })).toThrow(
    'no image was measured from tiff to any format',
  );
});
