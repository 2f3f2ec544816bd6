import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { childrenOf } from '../../tools/local/processes';
import { Fleet } from '../support/fleet';
import { cornered, lyingPng, noise } from '../support/pictures';

/** The real worker bundle, as a process, on S3 and SQS that behave as AWS's do. */

let fleet: Fleet;
let picture: Buffer;
let other: Buffer;
beforeAll(async () => {
  picture = await cornered(700, 500).jpeg().toBuffer();
  other = await noise(300, 200).png().toBuffer();
});
afterEach(async () => {
  const errors = fleet.lines.filter(({ State }) => State === 'error');
  await fleet.close();
  expect([errors, fleet.noise]).toEqual([[], []]);
});

const KEY = 'incoming/a.jpg';
const RENDITIONS = [160, 640, 1280].map((width) => `renditions/${KEY}/${width}.webp`).sort();

// Decoders are found through /proc.
const onLinux = process.platform === 'linux' ? test : test.skip;

describe('the queue worker', () => {
  test('brings an object to done: renditions with metadata, message gone, one line of metrics', async () => {
    fleet = await Fleet.start('done');
    await fleet.worker();
    await fleet.submit(KEY, picture, '00A1');
    await fleet.until(() => fleet.outstanding === 0);
    expect(fleet.outputs()).toEqual(RENDITIONS);
    const stored = fleet.endpoints.getObject(fleet.output, `renditions/${KEY}/640.webp`);
    expect(stored?.contentType).toBe('image/webp');
    expect((await sharp(stored?.body).metadata()).width).toBe(640);
    expect(stored?.metadata).toEqual({
      compute: 'ec2',
      'source-key': 'incoming%2Fa.jpg',
      'source-etag': expect.stringMatching(/^[0-9a-f]{32}$/),
      'source-sequencer': '00A1',
      milliseconds: expect.stringMatching(/^\d+$/),
    });
    expect(fleet.outcomes).toEqual([
      expect.objectContaining({
        State: 'done',
        Stack: 'test',
        Compute: 'ec2',
        Key: KEY,
        Sequencer: '00A1',
        ReceiveCount: 1,
        Done: 1,
        BytesIn: picture.length,
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            expect.objectContaining({
              Namespace: 'FourWays',
              Dimensions: [['Stack']],
              Metrics: expect.arrayContaining([
                { Name: 'Done', Unit: 'Count' },
                { Name: 'Duration', Unit: 'Milliseconds' },
                { Name: 'BytesIn', Unit: 'Bytes' },
                { Name: 'BytesOut', Unit: 'Bytes' },
              ]),
            }),
          ],
        },
      }),
    ]);
  });

  test('records why it rejects a picture, once, and does not retry', async () => {
    fleet = await Fleet.start('rejected');
    await fleet.worker();
    await fleet.submit('incoming/bomb.png', lyingPng(60_000, 60_000), '0B');
    await fleet.submit('incoming/half.jpg', picture.subarray(0, picture.length / 2));
    await fleet.submit('incoming/page.jpg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'));
    await fleet.until(() => fleet.outstanding === 0);
    const record = (key: string) =>
      JSON.parse(fleet.endpoints.getObject(fleet.output, `rejected/${key}.json`)?.body.toString() ?? '{}');
    expect(record('incoming/bomb.png')).toEqual({
      reason: 'too-large',
      detail: '60000 x 60000 px; at most 30000 px a side are accepted',
      source: {
        bucket: fleet.source,
        key: 'incoming/bomb.png',
        size: expect.any(Number),
        etag: expect.any(String),
        sequencer: '0B',
      },
      note: expect.stringContaining('highest source-sequencer'),
    });
    expect(record('incoming/half.jpg').reason).toBe('corrupt');
    expect(record('incoming/page.jpg').reason).toBe('unsupported');
    expect(fleet.outcomes.map(({ State, ReceiveCount }) => [State, ReceiveCount])).toEqual(
      Array.from({ length: 3 }, () => ['rejected', 1]),
    );
    expect(fleet.outputs()).toHaveLength(3);
  });

  test('leaves what nobody can read to the failure queue, and acknowledges what needs nothing', async () => {
    fleet = await Fleet.start('malformed');
    await fleet.worker();
    await fleet.send('not JSON');
    await fleet.send(JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: fleet.source }));
    await fleet.send(fleet.event({ bucket: 'somebody-elses' }));
    await fleet.send(fleet.event({ key: 'outside/a.jpg' }));
    await fleet.send(fleet.event({ eventName: 'ObjectRemoved:Delete' }));
    await fleet.until(() => fleet.outstanding === 0);
    expect(fleet.endpoints.messages(fleet.failed)).toEqual(['not JSON']);
    expect(fleet.count('ignored')).toBe(4);
    expect(fleet.count('malformed')).toBe(5);
    expect(fleet.outputs()).toEqual([]);
  });

  test('acknowledges an event of several objects when all of them have ended', async () => {
    fleet = await Fleet.start('several');
    const [eTag, otherTag] = [await fleet.put('incoming/1.jpg', picture), await fleet.put('incoming/2.png', other)];
    const event = [
      { key: 'incoming/1.jpg', eTag },
      { key: 'incoming/2.png', eTag: otherTag },
      { key: 'incoming/deleted.jpg' },
    ].flatMap((options) => JSON.parse(fleet.event(options)).Records);
    await fleet.worker();
    await fleet.send(JSON.stringify({ Records: event }));
    await fleet.until(() => fleet.outstanding === 0);
    expect(fleet.outcomes.map(({ State }) => State)).toEqual(['done', 'done', 'gone']);
    expect(fleet.outputs()).toHaveLength(6);
  });

  test('writes nothing for an event that is delivered twice', async () => {
    fleet = await Fleet.start('twice');
    await fleet.worker();
    await fleet.submit(KEY, picture);
    await fleet.until(() => fleet.count('done') === 1);
    const etag = () => fleet.endpoints.getObject(fleet.output, RENDITIONS[0] as string);
    const before = etag();
    await fleet.submit(KEY, picture);
    await fleet.until(() => fleet.count('done') === 2 && fleet.outstanding === 0);
    expect(etag()).toEqual(before);
    expect(fleet.outputs()).toEqual(RENDITIONS);
  });

  test('lets the newest version win, whatever the order of the events', async () => {
    fleet = await Fleet.start('order');
    await fleet.worker();
    const stored = () => fleet.endpoints.getObject(fleet.output, RENDITIONS[0] as string)?.metadata['source-sequencer'];
    // The second event arrives first; the first one then names a version that is not there any more.
    const oldTag = await fleet.put(KEY, picture);
    await fleet.submit(KEY, other, '0055AED6DCD90281E9');
    await fleet.until(() => fleet.count('done') === 1);
    await fleet.send(fleet.event({ key: KEY, eTag: oldTag, sequencer: '0055AED6DCD90281E5' }));
    await fleet.until(() => fleet.count('superseded') === 1);
    expect(stored()).toBe('0055AED6DCD90281E9');
    // The same bytes again, so that the etag cannot tell: the sequencer does. It is shorter, and older.
    await fleet.submit(KEY, other, '0055AED6DCD9');
    await fleet.until(() => fleet.count('superseded') === 2);
    expect(stored()).toBe('0055AED6DCD90281E9');
    // A newer one replaces it.
    await fleet.submit(KEY, picture, '0055AED6DCDA');
    await fleet.until(() => fleet.count('done') === 2);
    expect(stored()).toBe('0055AED6DCDA');
  });

  test('is not impressed by odd keys', async () => {
    const keys = [
      'incoming/a+b c/ünï%20.jpg',
      'incoming/../b.jpg',
      'incoming//double//slash.jpg',
      'incoming/emoji/🐈‍⬛.png',
      'incoming/new\nline.jpg',
      'incoming/\u202egpj.exe',
      'incoming/bracket[n=-1].gif',
      `incoming/\${jndi:ldap://x}'".jpg`,
      'incoming/%00.jpg',
      `incoming/${'x'.repeat(1015)}`,
    ];
    fleet = await Fleet.start('keys');
    await fleet.worker();
    for (const key of keys) await fleet.submit(key, picture);
    await fleet.until(() => fleet.outstanding === 0);
    expect(fleet.outcomes.map(({ State, Key }) => `${State} ${Key}`).sort()).toEqual(
      keys.map((key) => `done ${key}`).sort(),
    );
    const folders = fleet.outputs().map((name) => name.replace(/^renditions\/(.*)\/\d+\.webp$/s, '$1'));
    const folder = (key: string) =>
      Buffer.byteLength(key) < 800 ? key : `sha256-${createHash('sha256').update(key).digest('hex')}`;
    expect(folders.sort()).toEqual(keys.flatMap((key) => Array(3).fill(folder(key))).sort());
  });

  test('retries what fails for a while, later and later', async () => {
    fleet = await Fleet.start('transient');
    await fleet.worker({ OUTPUT_BUCKET: 'not-yet' });
    await fleet.submit(KEY, picture);
    await fleet.until(() => fleet.count('failed') === 1);
    await fleet.until(() => fleet.endpoints.queueDepth(fleet.jobs).inFlight === 1);
    expect(fleet.outcomes).toEqual([expect.objectContaining({ Detail: expect.stringContaining('NoSuchBucket') })]);
    expect(fleet.endpoints.messages(fleet.failed)).toEqual([]);
  });

  onLinux('keeps a message while its picture is slow: heartbeats, no second delivery', async () => {
    // A heartbeat a second: one may be late by five, on a busy machine.
    const timeout = 6;
    fleet = await Fleet.start('slow', { visibilityTimeoutSeconds: timeout });
    const worker = await fleet.worker({ VISIBILITY_TIMEOUT_SECONDS: String(timeout) });
    const [decoder] = childrenOf(worker.pid as number);
    process.kill(decoder as number, 'SIGSTOP');
    const submitted = performance.now();
    await fleet.submit(KEY, picture);
    await fleet.until(() => performance.now() - submitted > (timeout + 1) * 1000);
    expect(fleet.endpoints.queueDepth(fleet.jobs)).toMatchObject({ visible: 0, inFlight: 1 });
    process.kill(decoder as number, 'SIGCONT');
    await fleet.until(() => fleet.outstanding === 0);
    expect(fleet.outcomes).toEqual([expect.objectContaining({ State: 'done', ReceiveCount: 1 })]);
  });

  onLinux('holds no more messages than it has places for', async () => {
    fleet = await Fleet.start('places');
    const worker = await fleet.worker({ MESSAGES_PER_SLOT: '3' });
    const [decoder] = childrenOf(worker.pid as number);
    process.kill(decoder as number, 'SIGSTOP');
    for (let index = 0; index < 8; index += 1) await fleet.submit(`incoming/${index}.jpg`, picture);
    await fleet.until(() => fleet.endpoints.queueDepth(fleet.jobs).inFlight === 3);
    await sleep(500);
    expect(fleet.endpoints.queueDepth(fleet.jobs)).toMatchObject({ visible: 5, inFlight: 3 });
    process.kill(decoder as number, 'SIGCONT');
    await fleet.until(() => fleet.count('done') === 8 && fleet.outstanding === 0);
  });

  onLinux('finishes on SIGTERM what it has begun, begins nothing new, and exits 0', async () => {
    fleet = await Fleet.start('drain');
    const worker = await fleet.worker();
    const [decoder] = childrenOf(worker.pid as number);
    process.kill(decoder as number, 'SIGSTOP');
    await fleet.submit(KEY, picture);
    await fleet.until(() => fleet.answered.includes('GetObject'));
    worker.kill('SIGTERM');
    worker.kill('SIGTERM');
    await fleet.until(() => fleet.count('stopping') === 1);
    await fleet.submit('incoming/late.jpg', picture);
    await sleep(300);
    expect(fleet.endpoints.queueDepth(fleet.jobs)).toMatchObject({ visible: 1, inFlight: 1 });
    const exited = once(worker, 'exit');
    process.kill(decoder as number, 'SIGCONT');
    expect(await exited).toEqual([0, null]);
    expect(fleet.outcomes).toEqual([expect.objectContaining({ State: 'done', Key: KEY })]);
    expect(fleet.outstanding).toBe(1);
  });

  onLinux('hands back what it cannot finish within the grace period, at once', async () => {
    fleet = await Fleet.start('handback');
    const worker = await fleet.worker({ STOP_GRACE_SECONDS: '6' });
    const [decoder] = childrenOf(worker.pid as number);
    process.kill(decoder as number, 'SIGSTOP');
    await fleet.submit(KEY, picture);
    await fleet.until(() => fleet.answered.includes('GetObject'));
    const exited = once(worker, 'exit');
    worker.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(fleet.endpoints.queueDepth(fleet.jobs)).toMatchObject({ visible: 1, inFlight: 0 });
    expect(fleet.outcomes).toEqual([expect.objectContaining({ State: 'released', Released: 1 })]);
    expect(childrenOf(worker.pid as number)).toEqual([]);
  });

  test('does not wait for its polls when it is idle', async () => {
    fleet = await Fleet.start('idle');
    const worker = await fleet.worker();
    const exited = once(worker, 'exit');
    const asked = performance.now();
    worker.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    // Half of a long poll, and a ninth of the grace period: it has waited for neither, on the slowest machine.
    expect(performance.now() - asked).toBeLessThan(10_000);
  });

  onLinux('killed in the middle of a picture, it leaves it to the next worker, which does it once', async () => {
    // Time for the second worker to end what it has, or there would be a third delivery.
    fleet = await Fleet.start('kill', { visibilityTimeoutSeconds: 6 });
    const worker = await fleet.worker();
    const [decoder] = childrenOf(worker.pid as number);
    process.kill(decoder as number, 'SIGSTOP');
    await fleet.submit(KEY, picture);
    await fleet.until(() => fleet.answered.includes('GetObject'));
    worker.kill('SIGKILL');
    // Only what runs can notice that its parent is gone.
    process.kill(decoder as number, 'SIGCONT');
    await fleet.worker();
    await fleet.until(() => fleet.outstanding === 0);
    expect(fleet.outcomes).toEqual([expect.objectContaining({ State: 'done', ReceiveCount: 2 })]);
    expect(fleet.outputs()).toEqual(RENDITIONS);
  });
});

describe('the queue worker at its start', () => {
  test.each([
    [{ QUEUE_URL: '' }, 'worker: QUEUE_URL is not set: expected the URL of the queue S3 sends its events to'],
    [{ COMPUTE: 'VM' }, 'worker: COMPUTE is "VM": expected what runs the job, such as lambda, in lower case'],
    [{ AWS_REGION: '' }, 'worker: AWS_REGION is not set: expected the region of the buckets, such as eu-west-1'],
  ])('exits 2 with one line for %j', async (change, line) => {
    fleet = await Fleet.start('start');
    const said: string[] = [];
    const worker = fleet.spawn({ ...fleet.environment, ...change }, (text) => said.push(text));
    expect(await once(worker, 'close')).toEqual([2, null]);
    expect(said).toEqual([line]);
  });

  onLinux('exits 0 when it is asked to stop before it has started', async () => {
    fleet = await Fleet.start('early');
    const worker = fleet.spawn(fleet.environment, fleet.onLine);
    // Node itself has to be up, or there is nobody to hear the signal. The decoder takes longer.
    await fleet.until(() => childrenOf(worker.pid as number).length > 0);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
    expect(fleet.lines).toEqual([]);
  });
});
