import type { LambdaService } from '../../tools/local/lambda-service';
import { MAX_EVENT_RECORDS } from '../../workload/contract';
import { currentResult } from '../../workload/current-result';
import { type RecordOptions, s3Body, s3Record } from '../support/events';
import { Fleet, type LogLine } from '../support/fleet';
import { cornered } from '../support/pictures';

/**
 * A verdict is passed on the object, never on what an event claims about it, by the worker and by the function alike;
 * and its results say by themselves which of them count.
 */

const MAX_INPUT_BYTES = 100_000;
const EMPTY = Buffer.alloc(0);
const BAD = Buffer.from('no picture');
/** An older version's sequencer, and a newer one's. */
const [OLDER, NEWER] = ['0055AED6DCD90281E5', '0055AED6DCD90281E9'];
/** Claims: an empty object, one larger than is accepted, one larger than S3 takes. */
const CLAIMS = [0, 26_000_000, 1e12];

let picture: Buffer;
let other: Buffer;
beforeAll(async () => {
  picture = await cornered(300, 200).jpeg().toBuffer();
  other = await cornered(200, 300).png().toBuffer();
});

describe.each(['worker', 'function'])('the %s', (entry) => {
  let fleet: Fleet;
  let service: LambdaService | undefined;
  let key: string;
  let tests = 0;

  beforeAll(async () => {
    fleet = await Fleet.start('verdict');
    if (entry === 'worker') {
      await fleet.worker({ MAX_INPUT_BYTES: String(MAX_INPUT_BYTES) });
      return;
    }
    service = await fleet.startFunction({ MAX_INPUT_BYTES: String(MAX_INPUT_BYTES) });
  });
  beforeEach(() => {
    tests += 1;
    key = `incoming/${tests}.jpg`;
  });
  afterAll(async () => {
    await service?.stop();
    await fleet.close();
  });

  const put = (body: Buffer) => fleet.put(key, body);

  /** Has one event handled. @returns its line of the log, which is the only one */
  async function handle(
    { key: at = key, ...options }: RecordOptions,
    without: readonly string[] = [],
  ): Promise<LogLine> {
    const before = fleet.outcomes.length;
    const record = s3Record({ bucket: fleet.source, key: encodeURIComponent(at), ...options });
    const { object } = record.s3 as { object: Record<string, unknown> };
    for (const name of without) delete object[name];
    if (service) await service.invoke({ Records: [record] });
    else await fleet.send(JSON.stringify({ Records: [record] }));
    await fleet.until(() => fleet.outcomes.length > before && fleet.outstanding === 0);
    expect(fleet.outcomes).toHaveLength(before + 1);
    return fleet.outcomes[before] as LogLine;
  }

  /** Has a forged event handled as often as it is delivered. @returns whether it ends in the failure queue, and its lines */
  async function forge(records: Record<string, unknown>[]): Promise<{ failed: boolean; lines: LogLine[] }> {
    const before = fleet.outcomes.length;
    if (service) {
      const { functionError } = await service.invoke({ Records: records });
      return { failed: functionError !== undefined, lines: fleet.outcomes.slice(before) };
    }
    // Not for the function: the service here writes its events by JSON.stringify, which cannot write this.
    const body = s3Body(...records).replace('"<deep>"', `${'['.repeat(10_000)}${']'.repeat(10_000)}`);
    await fleet.send(body);
    await fleet.until(() => fleet.outcomes.length > before && fleet.outstanding === 0);
    return { failed: fleet.endpoints.messages(fleet.failed).includes(body), lines: fleet.outcomes.slice(before) };
  }
  const deliveries = entry === 'worker' ? 5 : 1;

  /** Names of the results of `key`, and of those that count, without the source key in them. */
  function results(): { there: string[]; current: string[] } {
    const found = fleet
      .outputs()
      .filter((name) => name.startsWith(`renditions/${key}/`) || name === `rejected/${key}.json`)
      .map((name) => ({ name: name.replace(`/${key}`, ''), metadata: stored(name)?.metadata ?? {} }));
    return { there: found.map(({ name }) => name), current: currentResult(found).map(({ name }) => name) };
  }
  const stored = (name: string) => fleet.endpoints.getObject(fleet.output, name);

  const RECORD = 'rejected.json';
  const RENDITIONS = ['renditions/1280.webp', 'renditions/160.webp', 'renditions/640.webp'];

  test('makes nothing of an empty object, and renditions of the real one that follows it', async () => {
    const empty = await put(EMPTY);
    expect(await handle({ eTag: empty, size: 0, sequencer: OLDER })).toMatchObject({
      State: 'ignored',
      Key: key,
      Detail: 'an empty object',
    });
    expect(results().there).toEqual([]);
    const eTag = await put(picture);
    expect((await handle({ eTag, size: picture.length, sequencer: NEWER })).State).toBe('done');
    // Its event once more, and late.
    expect((await handle({ eTag: empty, size: 0, sequencer: OLDER })).State).toBe('superseded');
    expect(results()).toEqual({ there: RENDITIONS, current: RENDITIONS });
  });

  test.each([5000, ...CLAIMS])('takes S3’s word that an object is empty, not an event’s: %d', async (size) => {
    const eTag = await put(EMPTY);
    expect(await handle({ eTag, size })).toMatchObject({ State: 'ignored', Key: key });
    expect(results().there).toEqual([]);
  });

  test.each(CLAIMS)(
    'processes a picture as what it is when its event claims %d bytes, by no more requests',
    async (size) => {
      const eTag = await put(picture);
      const before = fleet.answered.length;
      expect((await handle({ eTag, size })).State).toBe('done');
      expect(fleet.answered.slice(before).filter((action) => action.endsWith('Object'))).toEqual([
        'GetObject',
        'PutObject',
        'PutObject',
        'PutObject',
      ]);
      expect(results()).toEqual({ there: RENDITIONS, current: RENDITIONS });
    },
  );

  test.each(CLAIMS)('gives way to the newer version when the older one’s event claims %d bytes', async (size) => {
    const old = await put(picture);
    const eTag = await put(other);
    expect((await handle({ eTag, size: other.length, sequencer: NEWER })).State).toBe('done');
    expect((await handle({ eTag: old, size, sequencer: OLDER })).State).toBe('superseded');
    expect(results()).toEqual({ there: RENDITIONS, current: RENDITIONS });
  });

  test.each(CLAIMS)('records nothing of a deleted object whose event claims %d bytes', async (size) => {
    const eTag = await put(picture);
    fleet.endpoints.evict(fleet.source, key);
    expect(await handle({ eTag, size })).toMatchObject({ State: 'gone', Key: key });
    expect(results().there).toEqual([]);
  });

  test.each(CLAIMS)('records nothing of an object that never was and whose event claims %d bytes', async (size) => {
    expect(await handle({ size })).toMatchObject({ State: 'gone', Key: key });
    expect(await handle({ size }, ['eTag', 'sequencer'])).toMatchObject({ State: 'gone', Key: key });
    expect(results().there).toEqual([]);
  });

  test('does nothing for an event of too many records, says so in one line, and leaves it to the failure queue', async () => {
    const eTag = await put(picture);
    const record = s3Record({ bucket: fleet.source, key: encodeURIComponent(key), eTag });
    const before = fleet.answered.length;
    const { failed, lines } = await forge(Array.from({ length: MAX_EVENT_RECORDS + 1 }, () => record));
    expect(failed).toBe(true);
    expect(lines.map(({ State, Detail }) => [State, Detail])).toEqual(
      Array(deliveries).fill(['malformed', '101 records; at most 100 are accepted']),
    );
    expect(fleet.answered.slice(before).filter((action) => action.endsWith('Object'))).toEqual([]);
    expect(results().there).toEqual([]);
  });

  test('processes the good record among ones that nobody can read, and leaves the event to the failure queue', async () => {
    const eTag = await put(picture);
    const { failed, lines } = await forge([
      s3Record({ bucket: fleet.source, key: `incoming/${tests}\ud800.jpg` }),
      s3Record({ bucket: fleet.source, eventVersion: '<deep>' }),
      s3Record({ bucket: fleet.source, key: encodeURIComponent(key), eTag }),
    ]);
    expect(failed).toBe(true);
    expect(lines.map(({ State }) => State)).toEqual(
      Array.from({ length: deliveries }, () => ['malformed', 'malformed', 'done']).flat(),
    );
    expect(results()).toEqual({ there: RENDITIONS, current: RENDITIONS });
  });

  test.each([10, MAX_INPUT_BYTES + 1, 1e12])('rejects by the size that S3 states: claimed %d', async (size) => {
    const large = Buffer.concat([picture, Buffer.alloc(MAX_INPUT_BYTES + 1 - picture.length)]);
    const eTag = await put(large);
    const before = fleet.answered.length;
    expect(await handle({ eTag, size })).toMatchObject({ State: 'rejected', Reason: 'too-large' });
    expect(fleet.answered.slice(before).filter((action) => action.endsWith('Object'))).toEqual([
      'GetObject',
      'PutObject',
    ]);
    const record = JSON.parse(stored(`rejected/${key}.json`)?.body.toString() ?? '');
    expect(record).toMatchObject({
      detail: '100001 bytes; at most 100000 are accepted',
      source: { size: large.length },
    });
  });

  test('finds out by itself which version an event without an etag is about', async () => {
    const eTag = await put(picture);
    expect((await handle({ size: 0 }, ['eTag'])).State).toBe('done');
    expect(stored(`renditions/${key}/160.webp`)?.metadata['source-etag']).toBe(eTag);
  });

  test('leaves renditions beside the record of the bad picture that follows, which counts, and says so', async () => {
    const good = await put(picture);
    await handle({ eTag: good, sequencer: OLDER });
    const bad = await put(BAD);
    expect((await handle({ eTag: bad, sequencer: NEWER })).State).toBe('rejected');
    expect(results()).toEqual({ there: [RECORD, ...RENDITIONS].sort(), current: [RECORD] });
    const { note } = JSON.parse(stored(`rejected/${key}.json`)?.body.toString() ?? '{}');
    expect(note).toMatch(/^Renditions of another version may lie beside this record: .* highest source-sequencer/);
  });

  test('leaves the record of a bad picture beside the renditions of the good one that follows, which count', async () => {
    const bad = await put(BAD);
    await handle({ eTag: bad, sequencer: OLDER });
    const good = await put(picture);
    expect((await handle({ eTag: good, sequencer: NEWER })).State).toBe('done');
    expect(results()).toEqual({ there: [RECORD, ...RENDITIONS].sort(), current: RENDITIONS });
  });

  test('leaves renditions as they are when an empty object takes the place of the picture', async () => {
    const good = await put(picture);
    await handle({ eTag: good, sequencer: OLDER });
    const empty = await put(EMPTY);
    expect((await handle({ eTag: empty, size: 0, sequencer: NEWER })).State).toBe('ignored');
    expect(results()).toEqual({ there: RENDITIONS, current: RENDITIONS });
  });

  test.each(['/', '_$folder$'])(
    'takes a key that ends in %s for a folder only if there is nothing in it',
    async (end) => {
      key = `incoming/${tests}${end}`;
      const folder = await put(EMPTY);
      expect(await handle({ eTag: folder, size: 0, sequencer: OLDER })).toMatchObject({ State: 'ignored', Key: key });
      const eTag = await put(picture);
      expect((await handle({ eTag, sequencer: NEWER })).State).toBe('done');
      expect(results()).toEqual({ there: RENDITIONS, current: RENDITIONS });
    },
  );
});
