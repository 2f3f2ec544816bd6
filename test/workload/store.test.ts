import type { S3Client } from '@aws-sdk/client-s3';
import { type Output, putNewest } from '../../workload/store';

/** What S3 answers, one after the other. Behaviour on a whole S3 is in worker.test.ts; these are its races. */
type Answer = 'ok' | { status: number; name?: string } | { sequencer?: string; etag?: string; stored: string };

function scripted(...answers: Answer[]): { s3: S3Client; requests: Record<string, unknown>[] } {
  const requests: Record<string, unknown>[] = [];
  const send = async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    const { IfMatch, IfNoneMatch } = command.input;
    const operation = command.constructor.name.replace('ObjectCommand', '');
    requests.push({
      operation,
      ...(IfMatch !== undefined && { IfMatch }),
      ...(IfNoneMatch !== undefined && { IfNoneMatch }),
    });
    const answer = answers.shift();
    if (answer === undefined) throw new Error('one request too many');
    if (answer === 'ok') return {};
    if ('stored' in answer) {
      const metadata = { 'source-sequencer': answer.sequencer, 'source-etag': answer.etag };
      return {
        ETag: answer.stored,
        Metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value)),
      };
    }
    throw Object.assign(new Error(`status ${answer.status}`), {
      name: answer.name ?? 'Error',
      $metadata: { httpStatusCode: answer.status },
    });
  };
  return { s3: { send } as unknown as S3Client, requests };
}

const EXISTS = { status: 412, name: 'PreconditionFailed' };
const put = (s3: S3Client, source: { sequencer?: string; etag?: string }) =>
  putNewest(
    s3,
    {
      bucket: 'output',
      key: 'renditions/a.jpg/160.webp',
      body: Buffer.from('x'),
      contentType: 'image/webp',
      metadata: {},
      source: { bucket: 'source', key: 'a.jpg', etag: undefined, sequencer: undefined, ...source },
    } satisfies Output,
    new AbortController().signal,
  );

const IF_NONE = { operation: 'Put', IfNoneMatch: '*' };
const HEAD = { operation: 'Head' };
const ifMatch = (IfMatch: string) => ({ operation: 'Put', IfMatch });

describe('putNewest', () => {
  test.each<
    [what: string, ours: { sequencer?: string; etag?: string }, answers: Answer[], end: string, requests: object[]]
  >([
    ['writes where nothing is', { sequencer: '2' }, ['ok'], 'written', [IF_NONE]],
    [
      'replaces an older version, if it is still that one',
      { sequencer: '2' },
      [EXISTS, { stored: '"old"', sequencer: '1' }, 'ok'],
      'written',
      [IF_NONE, HEAD, ifMatch('"old"')],
    ],
    [
      'finds its own version there already',
      { sequencer: '2' },
      [EXISTS, { stored: '"own"', sequencer: '2000' }],
      'present',
      [IF_NONE, HEAD],
    ],
    [
      'gives way to a newer one',
      { sequencer: '2' },
      [EXISTS, { stored: '"new"', sequencer: '3' }],
      'superseded',
      [IF_NONE, HEAD],
    ],
    [
      'looks again when a newer one comes in between',
      { sequencer: '2' },
      [EXISTS, { stored: '"old"', sequencer: '1' }, EXISTS, { stored: '"new"', sequencer: '3' }],
      'superseded',
      [IF_NONE, HEAD, ifMatch('"old"'), HEAD],
    ],
    [
      'writes anew when the older one is deleted in between',
      { sequencer: '2' },
      [
        EXISTS,
        { stored: '"old"', sequencer: '1' },
        { status: 404, name: 'NoSuchKey' },
        { status: 404, name: 'NotFound' },
        'ok',
      ],
      'written',
      [IF_NONE, HEAD, ifMatch('"old"'), HEAD, IF_NONE],
    ],
    [
      'looks again when two writes collide',
      { sequencer: '2' },
      [{ status: 409, name: 'ConditionalRequestConflict' }, { stored: '"old"', sequencer: '1' }, 'ok'],
      'written',
      [IF_NONE, HEAD, ifMatch('"old"')],
    ],
    [
      'takes a missing sequencer for the oldest',
      {},
      [EXISTS, { stored: '"any"', sequencer: '0' }],
      'superseded',
      [IF_NONE, HEAD],
    ],
    [
      'replaces one without sequencer',
      { sequencer: '0' },
      [EXISTS, { stored: '"any"' }, 'ok'],
      'written',
      [IF_NONE, HEAD, ifMatch('"any"')],
    ],
    [
      'tells two versions without sequencers apart by etag: the same',
      { etag: 'e1' },
      [EXISTS, { stored: '"any"', etag: 'e1' }],
      'present',
      [IF_NONE, HEAD],
    ],
    [
      'tells two versions without sequencers apart by etag: another',
      { etag: 'e2' },
      [EXISTS, { stored: '"any"', etag: 'e1' }, 'ok'],
      'written',
      [IF_NONE, HEAD, ifMatch('"any"')],
    ],
  ])('%s', async (_, ours, answers, end, expected) => {
    const { s3, requests } = scripted(...answers);
    expect(await put(s3, ours)).toBe(end);
    expect(requests).toEqual(expected);
  });

  test.each([
    [{ status: 403, name: 'AccessDenied' }],
    [{ status: 503, name: 'SlowDown' }],
    [{ status: 404, name: 'NoSuchBucket' }],
  ])('passes on what looking again cannot help: %j', async (answer) => {
    const { s3, requests } = scripted(answer);
    await expect(put(s3, { sequencer: '2' })).rejects.toMatchObject({ name: answer.name });
    expect(requests).toHaveLength(1);
  });

  test('asks to be retried later rather than fight for ever', async () => {
    const busy = Array.from({ length: 10 }, (): Answer[] => [EXISTS, { stored: '"old"', sequencer: '1' }]).flat();
    await expect(put(scripted(...busy).s3, { sequencer: '2' })).rejects.toThrow('10 writers came in between');
  });
});
