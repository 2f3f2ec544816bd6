import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { readSettings } from '../../workload/env';
import { getSource } from '../../workload/store';

/** How a download ends. A body that is neither read nor destroyed keeps its connection, and S3 sending. */

const { limits } = readSettings({ COMPUTE: 'ec2', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });
const version = { bucket: 'source', key: 'incoming/a.jpg', size: undefined, etag: undefined, sequencer: undefined };

/** Reads an object whose body is this, and which S3 says is so long. */
const download = (Body: Readable, ContentLength: number, signal = new AbortController().signal) =>
  getSource({ send: async () => ({ Body, ContentLength }) } as unknown as S3Client, version, limits, signal);

describe('a download', () => {
  test('of an object that is too large is broken off before its first byte is read', async () => {
    const read = jest.fn();
    const body = new Readable({ read });
    await expect(download(body, limits.bytes + 1)).rejects.toMatchObject({ reason: 'too-large' });
    expect(body.destroyed).toBe(true);
    expect(read).not.toHaveBeenCalled();
  });

  test('that is longer than was said is broken off', async () => {
    const body = Readable.from([Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)]);
    await expect(download(body, 6)).rejects.toThrow('longer than its 6 bytes');
    expect(body.destroyed).toBe(true);
  });

  test('that stalls is broken off when its time is up', async () => {
    const body = new Readable({ read: () => {} });
    const stop = new AbortController();
    const result = download(body, 6, stop.signal);
    setImmediate(() => stop.abort(new Error('time is up')));
    await expect(result).rejects.toThrow();
    expect(body.destroyed).toBe(true);
  });
});
