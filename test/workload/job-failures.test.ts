import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { type EventFailure, handleEvent } from '../../workload/job';
import { s3Body, s3Record } from '../support/events';

jest.mock('../../workload/transform', () => jest.requireActual('../../workload/renditions'));

/** What becomes of an event whose records fail in different ways. The kind decides when it is delivered again. */

const settings = readSettings({ COMPUTE: 'ec2', STACK: 'stack', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });

/** S3 does not answer, so that every record that can be read fails for now. */
const s3 = {
  send: async () => {
    throw new Error('S3 is away');
  },
} as unknown as S3Client;
const decoder = {} as Decoder;

const READABLE = s3Record();
const UNREADABLE = s3Record({ eventVersion: '3.0' });

beforeEach(() => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => jest.restoreAllMocks());

const kind = (records: Record<string, unknown>[], signal?: AbortSignal) =>
  handleEvent(s3Body(...records), { settings, s3, decoder, ...(signal && { signal }) }).then(
    () => 'acknowledged',
    (error: EventFailure) => error.kind,
  );

describe('an event', () => {
  test.each([
    ['a record that nobody can read first', [UNREADABLE, READABLE]],
    ['a record that nobody can read last', [READABLE, UNREADABLE]],
  ])('with %s is retried later for the one that failed, and not given up', async (_, records) => {
    expect(await kind(records)).toBe('transient');
  });

  test('with a record that nobody can read is handed back when the worker has no time left for the other', async () => {
    expect(await kind([UNREADABLE, READABLE], AbortSignal.abort())).toBe('released');
  });

  test('of which nobody can read any record is malformed', async () => {
    expect(await kind([UNREADABLE, UNREADABLE])).toBe('malformed');
  });
});

describe('the renditions of a picture', () => {
  const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46, 0, 1]);
  const boxes = [160, 640, 1280];
  const decoded = {
    renditions: boxes.map((box) => ({ name: `${box}.webp`, contentType: 'image/webp', bytes: jpeg })),
    cpuMs: 1,
    peakMib: 1,
    contained: 'none' as const,
  };

  /** How S3 answers a write, by width. A newer version is there already where it is refused. */
  type Writes = (width: string) => Promise<unknown>;
  const refused = () => Promise.reject(Object.assign(new Error(), { $metadata: { httpStatusCode: 412 } }));
  const newer = { ETag: '"n"', Metadata: { 'source-sequencer': 'ff' } };

  const write = (writes: Writes) => {
    const send = async (command: object) => {
      if (command instanceof GetObjectCommand) return { Body: Readable.from([jpeg]), ContentLength: jpeg.length };
      if (command instanceof HeadObjectCommand) return newer;
      return writes(String((command as PutObjectCommand).input.Key?.match(/(\d+)\.webp$/)?.[1]));
    };
    const context = { settings, s3: { send } as unknown as S3Client };
    return handleEvent(s3Body(s3Record({ bucket: 'source', sequencer: '01' })), {
      ...context,
      decoder: { decode: async () => decoded } as unknown as Decoder,
    });
  };

  test('are written at the same time', async () => {
    const begun: string[] = [];
    const all = Promise.withResolvers<void>();
    await write((width) => {
      begun.push(width);
      // None ends before all have begun.
      if (begun.length === boxes.length) all.resolve();
      return all.promise;
    });
    expect(begun).toEqual(['160', '640', '1280']);
  });

  test('are all waited for when one of them fails', async () => {
    const rest = Promise.withResolvers<void>();
    let ended = 0;
    const result = write(async (width) => {
      if (width === '160') throw new Error('S3 is away');
      await rest.promise;
      ended += 1;
    });
    const failure = expect(result)
      .rejects.toThrow('S3 is away')
      .then(() => expect(ended).toBe(2));
    setImmediate(rest.resolve);
    await failure;
  });

  test('are superseded when one of them is, whatever became of the others', async () => {
    await write((width) => (width === '1280' ? refused() : Promise.reject(new Error('S3 is away'))));
    const line = jest.mocked(process.stdout.write).mock.calls[0]?.[0];
    expect(JSON.parse(String(line)).State).toBe('superseded');
  });
});
