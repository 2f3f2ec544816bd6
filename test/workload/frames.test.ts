import { PassThrough } from 'node:stream';
import { readFrames, writeFrame } from '../../workload/frames';

function collect(stream: PassThrough): { header: unknown; payload: string }[] {
  const frames: { header: unknown; payload: string }[] = [];
  readFrames(stream, (header, payload) => frames.push({ header, payload: payload.toString() }));
  return frames;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('frames', () => {
  test.each([1, 3, 7, 1000])('arrive whole when they travel %i bytes at a time', async (size) => {
    const wire = new PassThrough();
    writeFrame(wire, { id: 1 }, Buffer.from('one'), Buffer.from('two'));
    writeFrame(wire, { id: 2 });
    writeFrame(wire, { id: 3 }, Buffer.from('three'));
    const bytes: Buffer = wire.read();
    const received = new PassThrough();
    const frames = collect(received);
    for (let start = 0; start < bytes.length; start += size) {
      received.write(bytes.subarray(start, start + size));
      await settled();
    }
    expect(frames).toEqual([
      { header: { id: 1 }, payload: 'onetwo' },
      { header: { id: 2 }, payload: '' },
      { header: { id: 3 }, payload: 'three' },
    ]);
  });

  test('end a stream that carries something else', async () => {
    const stream = new PassThrough();
    const frames = collect(stream);
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.write('VIPS-WARNING: this is not a frame at all');
    expect(await failed).toEqual(new Error('not a frame'));
    expect(frames).toEqual([]);
  });
});
