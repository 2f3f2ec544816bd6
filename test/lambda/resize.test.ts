import type { LambdaService } from '../../tools/local/lambda-service';
import { s3Record } from '../support/events';
import { Fleet } from '../support/fleet';
import { cornered } from '../support/pictures';

/** The real function bundle, in an execution environment that speaks the Runtime API. */

let fleet: Fleet;
let service: LambdaService;
let picture: Buffer;

async function start(environment: Record<string, string> = {}): Promise<void> {
  service = await fleet.startFunction(environment);
}

const invoke = (options: Parameters<typeof s3Record>[0]) =>
  service.invoke({ Records: [s3Record({ bucket: fleet.source, ...options })] });

beforeAll(async () => {
  picture = await cornered(700, 500).jpeg().toBuffer();
});
beforeEach(async () => {
  fleet = await Fleet.start('function');
});
afterEach(async () => {
  await service.stop();
  await fleet.close();
});

describe('the function', () => {
  test('returns when the renditions are written', async () => {
    await start();
    const eTag = await fleet.put('incoming/a b.jpg', picture);
    expect(await invoke({ key: 'incoming/a+b.jpg', eTag, size: picture.length })).toEqual({ payload: null });
    expect(fleet.outputs()).toEqual([
      'renditions/incoming/a b.jpg/1280.webp',
      'renditions/incoming/a b.jpg/160.webp',
      'renditions/incoming/a b.jpg/640.webp',
    ]);
    expect(fleet.outcomes).toEqual([
      expect.objectContaining({
        State: 'done',
        Compute: 'lambda',
        RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      }),
    ]);
  });

  test('returns from a rejection, a deleted object and a test event alike: none is to be retried', async () => {
    await start();
    const eTag = await fleet.put('incoming/a.jpg', Buffer.from('text'));
    expect(await invoke({ key: 'incoming/a.jpg', eTag, size: 4 })).toEqual({ payload: null });
    expect(await invoke({ key: 'incoming/b.jpg' })).toEqual({ payload: null });
    expect(await service.invoke({ Event: 's3:TestEvent' })).toEqual({ payload: null });
    expect(fleet.outcomes.map(({ State }) => State)).toEqual(['rejected', 'gone', 'ignored']);
    expect(fleet.outputs()).toEqual(['rejected/incoming/a.jpg.json']);
  });

  test('throws what is to be retried, and what nobody can read, so that both reach the failure destination', async () => {
    await start({ OUTPUT_BUCKET: 'not-yet' });
    const eTag = await fleet.put('incoming/a.jpg', picture);
    const transient = await invoke({ key: 'incoming/a.jpg', eTag, size: picture.length });
    expect(transient).toMatchObject({ functionError: 'Unhandled', payload: { errorType: 'EventFailure' } });
    expect(await service.invoke({ hello: 'world' })).toMatchObject({
      functionError: 'Unhandled',
      payload: { errorMessage: 'the body has no Records; expected an event sent by S3 itself' },
    });
    expect(fleet.outcomes.map(({ State }) => State)).toEqual(['failed', 'malformed']);
  });

  test('keeps its decoder warm between invocations', async () => {
    await start();
    const eTag = await fleet.put('incoming/a.jpg', picture);
    await invoke({ key: 'incoming/a.jpg', eTag, size: picture.length });
    const pids = service.pids();
    await invoke({ key: 'incoming/a.jpg', eTag, size: picture.length });
    expect(service.pids()).toEqual(pids);
    expect(fleet.count('done')).toBe(2);
  });

  test('does not start without its variables, and says which', async () => {
    await start({ OUTPUT_BUCKET: '' });
    expect(await service.invoke({ Records: [] })).toMatchObject({
      payload: { errorMessage: 'OUTPUT_BUCKET is not set: expected the name of the bucket to write to' },
    });
  });
});
