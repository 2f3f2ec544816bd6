import sharp from 'sharp';
import { release } from '../../workload/collector';

const create = { width: 300, height: 200, channels: 3, background: '#468' } as const;

test('gives the memory of a buffer back, whoever made it', async () => {
  const own = Buffer.allocUnsafe(1_000_000);
  const pixels = await sharp({ create }).raw().toBuffer();
  for (const buffer of [own.subarray(100), pixels]) {
    release(buffer);
    expect(buffer.buffer.byteLength).toBe(0);
  }
});

test('leaves what lies in one piece of memory with others', () => {
  const [small, other] = [Buffer.from('small'), Buffer.from('other')];
  release(small);
  expect([small, other].map(String)).toEqual(['small', 'other']);
});
