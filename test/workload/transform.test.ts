import { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import * as job from '../../workload/transform';
import { HOST_DECODER } from '../support/host-bundles';

/**
 * The job of this project, whichever it is, keeps to `seam.ts`. What it makes of an object is for a test of its own:
 * `seam.test.ts` has one to begin with.
 */

const { renditions } = readSettings({ COMPUTE: 'test', STACK: 'stack', SOURCE_BUCKET: 'in', OUTPUT_BUCKET: 'out' });

test.each(['incoming/a.jpg', 'incoming/2026/b c+d.bin', 'incoming/é/ü'])('it plans something for %s', (key) => {
  const planned = job.plan(key, renditions);
  const names = planned.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, contentType, mostBytes } of planned) {
    expect(name).toMatch(/^[^/\s][^\s]*$/);
    expect(contentType).toMatch(/^[\w.+-]+\/[\w.+-]+/);
    expect(mostBytes).toBeGreaterThan(0);
  }
  expect(job.plan(key, renditions)).toEqual(planned);
});

test('it loads in the decoder as it is shipped', async () => {
  const decoder = await Decoder.start(1, [process.execPath, HOST_DECODER]);
  expect(decoder.pids).toHaveLength(1);
  decoder.close();
});
