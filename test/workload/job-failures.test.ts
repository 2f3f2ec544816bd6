import type { S3Client } from '@aws-sdk/client-s3';
import type { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { type EventFailure, handleEvent } from '../../workload/job';
import { s3Body, s3Record } from '../support/events';

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
