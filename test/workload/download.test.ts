import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { handleEvent } from '../../workload/job';
import { type OpenSource, openSource } from '../../workload/store';
import { s3Body, s3Record } from '../support/events';

/** How a download ends. A body that is neither read nor destroyed keeps its connection, and S3 sending. */

const version = { bucket: 'source', key: 'incoming/a.jpg', size: undefined, etag: undefined, sequencer: undefined };

/** Opens an object that S3 says is so long, and that has these bodies when it is downloaded again and again. */
async function open(
  bodies: readonly (Readable | Error)[],
  ContentLength: number,
  signal = new AbortController().signal,
): Promise<OpenSource> {
  const left = [...bodies];
  const send = async () => {
    const Body = left.shift();
    if (!(Body instanceof Readable)) throw Body;
    return { Body, ContentLength, ETag: '"e"' };
  };
  return (await openSource({ send } as unknown as S3Client, version, signal)) as OpenSource;
}

/** What S3 answers instead of the object. */
const answer = (httpStatusCode: number, name: string) =>
  Object.assign(new Error(), { name, $metadata: { httpStatusCode } });

/** Ends in the middle of its six bytes. */
const broken = () =>
  Readable.from(
    (async function* () {
      yield Buffer.from('pic');
      throw new Error('socket hang up');
    })(),
  );

describe('a download', () => {
  test('that nobody wants is broken off before its first byte is read', async () => {
    const read = jest.fn();
    const body = new Readable({ read });
    (await open([body], 1e9)).close();
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

  test('that breaks off or is too short is begun anew', async () => {
    const bodies = [
      broken(),
      Readable.from([Buffer.from('pict')]),
      Readable.from([Buffer.from('pict'), Buffer.from('ur')]),
    ];
    expect(String(await (await open(bodies, 6)).read())).toBe('pictur');
  });

  test('that breaks off again and again fails, and says which object and why', async () => {
    const bodies = [broken(), broken(), broken(), Readable.from([Buffer.from('pictur')])];
    await expect((await open(bodies, 6)).read()).rejects.toThrow(
      'GetObject incoming/a.jpg, in its body: socket hang up',
    );
  });

  test.each([
    ['gone', 'deleted', answer(404, 'NoSuchKey')],
    ['superseded', 'replaced', answer(412, 'PreconditionFailed')],
  ])('is %s when the object is %s while it breaks off', async (state, _, error) => {
    expect(await (await open([broken(), error], 6)).read()).toBe(state);
  });

  test('that is longer than was said is broken off', async () => {
    const bodies = Array.from({ length: 3 }, () => Readable.from([Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)]));
    await expect((await open(bodies, 6)).read()).rejects.toThrow('longer than its 6 bytes');
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
  });

  test('is broken off when its time is up, and not begun anew', async () => {
    const body = new Readable({ read: () => {} });
    const stop = new AbortController();
    const result = (await open([body, Readable.from([Buffer.from('pictur')])], 6, stop.signal)).read();
    setImmediate(() => stop.abort(new Error('time is up')));
    await expect(result).rejects.toThrow('GetObject incoming/a.jpg, in its body: The operation was aborted');
    expect(body.destroyed).toBe(true);
  });
});
