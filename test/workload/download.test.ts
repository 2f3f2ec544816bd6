import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { handleEvent } from '../../workload/job';
import { type OpenSource, openSource } from '../../workload/store';
import { s3Body, s3Record } from '../support/events';

/** How a download ends. A body that is neither read nor destroyed keeps its connection, and S3 sending. */

const version = { bucket: 'source', key: 'incoming/a.jpg', size: undefined, etag: undefined, sequencer: undefined };

/** Opens an object whose body is this, and which S3 says is so long. */
async function open(Body: Readable, ContentLength: number, signal = new AbortController().signal): Promise<OpenSource> {
  const s3 = { send: async () => ({ Body, ContentLength }) } as unknown as S3Client;
  return (await openSource(s3, version, signal)) as OpenSource;
}

describe('a download', () => {
  test('that nobody wants is broken off before its first byte is read', async () => {
    const read = jest.fn();
    const body = new Readable({ read });
    (await open(body, 1e9)).close();
    expect(body.destroyed).toBe(true);
    expect(read).not.toHaveBeenCalled();
  });

  test('of an object that is too large is broken off by the job', async () => {
    jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    const body = new Readable({ read: () => {} });
    const s3 = { send: async () => ({ Body: body, ContentLength: 1e9, ETag: '"e"' }) } as unknown as S3Client;
    const settings = readSettings({ COMPUTE: 'ec2', STACK: 'stack', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });
    await handleEvent(s3Body(s3Record({ size: 1 })), { settings, s3, decoder: {} as Decoder });
    expect(body.destroyed).toBe(true);
    jest.restoreAllMocks();
  });

  test('that is longer than was said is broken off', async () => {
    const body = Readable.from([Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)]);
    await expect((await open(body, 6)).read()).rejects.toThrow('longer than its 6 bytes');
    expect(body.destroyed).toBe(true);
  });

  test('that stalls is broken off when its time is up', async () => {
    const body = new Readable({ read: () => {} });
    const stop = new AbortController();
    const result = (await open(body, 6, stop.signal)).read();
    setImmediate(() => stop.abort(new Error('time is up')));
    await expect(result).rejects.toThrow();
    expect(body.destroyed).toBe(true);
  });
});
