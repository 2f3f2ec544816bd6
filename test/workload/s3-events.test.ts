import { MAX_EVENT_RECORDS } from '../../workload/contract';
import { compareSequencers, parseS3Event } from '../../workload/s3-events';
import { s3Body, s3Record } from '../support/events';

const kinds = (body: unknown) => parseS3Event(body).map(({ kind }) => kind);

describe('parseS3Event', () => {
  test('reads what an event says about an object', () => {
    expect(parseS3Event(s3Body(s3Record({ key: 'photos/red+flower.jpg' })))).toEqual([
      {
        kind: 'created',
        version: {
          bucket: 'source',
          key: 'photos/red flower.jpg',
          etag: 'd41d8cd98f00b204e9800998ecf8427e',
          sequencer: '0055AED6DCD90281E5',
        },
      },
    ]);
  });

  test('reads an event that is parsed already, as Lambda hands it over', () => {
    expect(kinds({ Records: [s3Record()] })).toEqual(['created']);
  });

  test.each([
    ['a%2Bb+c/%C3%BCn%C3%AF%2520.jpg', 'a+b c/ünï%20.jpg'],
    ['a%252Bb.jpg', 'a%2Bb.jpg'],
    ['a/../b.jpg', 'a/../b.jpg'],
    ['emoji/%F0%9F%90%88%E2%80%8D%E2%AC%9B.png', 'emoji/🐈‍⬛.png'],
    ['q%3FversionId%3D1.jpg', 'q?versionId=1.jpg'],
    ['newline%0Ax.jpg', 'newline\nx.jpg'],
    ['a%00b.jpg', 'a\0b.jpg'],
    ['%2500.jpg', '%00.jpg'],
  ])('decodes the key %s', (encoded, key) => {
    expect(parseS3Event(s3Body(s3Record({ key: encoded })))).toMatchObject([{ kind: 'created', version: { key } }]);
  });

  test.each([
    ['a test event', { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'source' }],
    ['an event without records', { Records: [] }],
    ['a deletion', { Records: [s3Record({ eventName: 'ObjectRemoved:Delete' })] }],
    ['a restore', { Records: [s3Record({ eventName: 'ObjectRestore:Completed' })] }],
  ])('ignores %s', (_, body) => {
    expect(kinds(body)).toEqual(['ignored']);
  });

  test('reads the records of what calls itself a test event, because S3 sends none with one', () => {
    expect(kinds({ Event: 's3:TestEvent', Records: [s3Record()] })).toEqual(['created']);
  });

  test.each([
    ['text that is not JSON', 'hello'],
    ['JSON that is not an object', '[1]'],
    ['a body without Records', '{}'],
    ['an SNS envelope', JSON.stringify({ Type: 'Notification', Message: s3Body(s3Record()) })],
    ['an EventBridge event', JSON.stringify({ 'detail-type': 'Object Created', source: 'aws.s3', detail: {} })],
    ['a record that is not an object', s3Body(null as never)],
    ['another source', s3Body({ ...s3Record(), eventSource: 'aws:sqs' })],
    ['an unknown major version', s3Body(s3Record({ eventVersion: '3.0' }))],
    ['a key with broken percent-encoding', s3Body(s3Record({ key: 'bad%ZZ.jpg' }))],
    ['a key that is not UTF-8', s3Body(s3Record({ key: '%E0%A4%A' }))],
    ['a key with half of a surrogate pair', s3Body(s3Record({ key: 'a\ud800.jpg' }))],
    ['a key with an encoded half of a surrogate pair', s3Body(s3Record({ key: 'a%ED%A0%80.jpg' }))],
    ['an overlong encoding', s3Body(s3Record({ key: 'a%C0%AF.jpg' }))],
    ['an empty key', s3Body(s3Record({ key: '' }))],
    ['a bucket without a name', s3Body(s3Record({ bucket: '' }))],
    ['an etag that would break a header', s3Body(s3Record({ eTag: 'x\r\ny: z' }))],
    ['an etag that is not text', s3Body(s3Record({ eTag: ['x'] as never }))],
    ['a sequencer that is not text', s3Body(s3Record({ sequencer: 123 as never }))],
    ['a version that cannot be text', s3Body(s3Record({ eventVersion: { toString: 1 } as never }))],
    ['a name that is not text', s3Body(s3Record({ eventName: 7 as never }))],
    ['a key longer than S3 allows', s3Body(s3Record({ key: 'x'.repeat(1025) }))],
    ['a sequencer that is not hexadecimal', s3Body(s3Record({ sequencer: 'latest' }))],
  ])('calls %s malformed', (_, body) => {
    expect(kinds(body)).toEqual(['malformed']);
  });

  test('accepts later minor versions, unknown fields, and records without sequencer, etag or size, or of no possible size', () => {
    const bare = { ...s3Record({ eventVersion: '2.6' }), futureField: { a: [1] } };
    const object = { key: 'incoming/a.jpg' };
    expect(parseS3Event({ Records: [{ ...bare, s3: { bucket: { name: 'source' }, object } }] })).toEqual([
      {
        kind: 'created',
        version: {
          bucket: 'source',
          key: 'incoming/a.jpg',
          etag: undefined,
          sequencer: undefined,
        },
      },
    ]);
    expect(kinds(s3Body(s3Record({ size: -1 }), s3Record({ size: 'large' as never })))).toEqual(['created', 'created']);
  });

  test('is not confused by a field named __proto__', () => {
    expect(kinds(`{"Records":[{"__proto__":{"x":1},"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}]}`)).toEqual(
      ['malformed'],
    );
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test('reads as many records as an event may have, and of more none', () => {
    const records = (count: number) => s3Body(...Array.from({ length: count }, () => s3Record()));
    expect(kinds(records(MAX_EVENT_RECORDS))).toEqual(Array(MAX_EVENT_RECORDS).fill('created'));
    expect(parseS3Event(records(MAX_EVENT_RECORDS + 1))).toEqual([
      { kind: 'malformed', detail: '101 records; at most 100 are accepted' },
    ]);
    expect(kinds(`{"Records":[${'0,'.repeat(400_000)}0]}`)).toEqual(['malformed']);
  });

  // By text: JSON.stringify itself overflows the stack.
  const deep = (open: string, close: string) => `${open.repeat(10_000)}0${close.repeat(10_000)}`;
  const fields = ['eventVersion', 'eventSource', 'eventName', 'bucket', 'key', 'eTag', 'sequencer'];
  test.each(fields)('finds the good record beside one whose %s is nested deeply', (field) => {
    const nested = [deep('[', ']'), deep('{"toJSON":', '}')].map((value) => {
      const bad = { ...s3Record(field in s3Record() ? {} : { [field]: '<here>' }) };
      if (field in bad) bad[field] = '<here>';
      return JSON.stringify(bad).replace('"<here>"', value);
    });
    expect(kinds(`{"Records":[${nested},${JSON.stringify(s3Record())}]}`)).toEqual([
      'malformed',
      'malformed',
      'created',
    ]);
  });

  test('says of a field what it is, clipped, and of what may be nested only that it is there', () => {
    const details = (...values: unknown[]) =>
      parseS3Event(s3Body(...values.map((value) => s3Record({ eventVersion: value as string })))).map((record) =>
        'detail' in record ? record.detail : record.kind,
      );
    expect(details('3.0', 2.1, null, [['2.1']], { a: 1 }, 'two\nlines')).toEqual(
      ['"3.0"', '2.1', 'null', 'a list', 'an object', '"two\\nlines"'].map(
        (value) => `eventVersion is ${value}, expected "2.x"`,
      ),
    );
    expect(details('x'.repeat(100_000))[0]).toHaveLength(120 + 'eventVersion is , expected "2.x"'.length);
  });

  test('judges every record of an event by itself', () => {
    expect(
      kinds(s3Body(s3Record(), s3Record({ key: 'bad%ZZ' }), s3Record({ eventName: 'ObjectRemoved:Delete' }))),
    ).toEqual(['created', 'malformed', 'ignored']);
  });
});

describe('compareSequencers', () => {
  test.each([
    ['0055AED6DCD90281E5', '0055AED6DCD90281E9', -1],
    ['0055AED6DCD90281E5', '0055AED6DCD90281E5', 0],
    ['0055aed6dcd90281e5', '0055AED6DCD90281E5', 0],
    ['0055AED6DCD9', '0055AED6DCD900', 0],
    ['0055AED6DCD9', '0055AED6DCD90281E5', -1],
    ['1', '0055AED6DCD90281E5', 1],
    [undefined, '00', -1],
    ['00', undefined, 1],
    [undefined, undefined, 0],
  ])('orders %s and %s', (a, b, expected) => {
    expect(Math.sign(compareSequencers(a, b))).toBe(expected);
  });
});
