import type { Call, Fault } from '../../tools/local/call-hooks';
import { Fleet } from '../support/fleet';
import { cornered } from '../support/pictures';

/** Connections that fall silent: the request is made again within the same delivery, or the log says which it was. */

let fleet: Fleet;
let picture: Buffer;
beforeAll(async () => {
  picture = await cornered(1400, 1000).jpeg().toBuffer();
});
afterEach(() => fleet.close());

/** Once for each key, the request or answer that ends in this. */
function silenceOnce(moment: (call: Call) => string | undefined): (call: Call) => Fault | undefined {
  const left = new Set(['a download', 'its body', 'the first', 'the second', 'the third', 'an answer', 'a deletion']);
  return (call) => (left.delete(moment(call) ?? '') ? 'silence' : undefined);
}

const WIDTHS: Readonly<Record<string, string>> = { 'the first': '160', 'the second': '640', 'the third': '1280' };

/** The picture of this name is the one that a call is about. */
const about = ({ key }: Call, name: string) => key?.includes(`incoming/${name}.jpg`);

describe('a connection that falls silent', () => {
  test('costs no delivery: during a download, its body, each of three writes, an answer, a deletion', async () => {
    const before = silenceOnce((call) => {
      const { action, key } = call;
      if (action === 'DeleteMessage') return 'a deletion';
      if (action === 'GetObject') return about(call, 'a download') ? 'a download' : undefined;
      if (action !== 'PutObject') return undefined;
      return Object.keys(WIDTHS).find((name) => about(call, name) && key?.endsWith(`/${WIDTHS[name]}.webp`));
    });
    const after = silenceOnce((call) => {
      if (call.action === 'GetObject' && about(call, 'its body')) return 'its body';
      return about(call, 'an answer') && call.key?.endsWith('/640.webp') ? 'an answer' : undefined;
    });
    const silences: string[] = [];
    const noted = (silence: (call: Call) => Fault | undefined) => (call: Call) => {
      const fault = silence(call);
      if (fault) silences.push(call.action);
      return fault;
    };
    fleet = await Fleet.start('silence', { before: noted(before), after: noted(after) });
    // All at the same time: each waits for the same few seconds.
    await fleet.worker({ MESSAGES_PER_SLOT: '7' });
    const names = ['a download', 'its body', ...Object.keys(WIDTHS), 'an answer', 'a deletion'];
    for (const name of names) await fleet.submit(`incoming/${name}.jpg`, picture);
    await fleet.until(() => fleet.outstanding === 0);
    expect(silences.sort()).toEqual([
      'DeleteMessage',
      'GetObject',
      'GetObject',
      'PutObject',
      'PutObject',
      'PutObject',
      'PutObject',
    ]);
    expect(fleet.outputs()).toHaveLength(3 * names.length);
    expect(fleet.outcomes).toEqual(names.map(() => expect.objectContaining({ State: 'done', ReceiveCount: 1 })));
    expect(fleet.count('error')).toBe(0);
  });

  test('is named in the log when it stays silent', async () => {
    fleet = await Fleet.start('named', {
      before: ({ action, key }) => (action === 'PutObject' && key?.endsWith('/640.webp') ? 'silence' : undefined),
    });
    // One attempt instead of three: a test is not to wait for all.
    const service = await fleet.startFunction({ AWS_MAX_ATTEMPTS: '1' });
    const eTag = await fleet.put('incoming/a.jpg', picture);
    const { functionError } = await service.invoke(JSON.parse(fleet.event({ key: 'incoming/a.jpg', eTag })));
    await service.stop();
    expect(functionError).toBeDefined();
    const { State, Detail } = fleet.outcomes[0] ?? {};
    expect(State).toBe('failed');
    expect(Detail).toMatch(/^TimeoutError: PutObject renditions\/incoming\/a\.jpg\/640\.webp: .*3000 ms/);
    // The others were waited for.
    expect(fleet.outputs()).toEqual(['renditions/incoming/a.jpg/1280.webp', 'renditions/incoming/a.jpg/160.webp']);
  });
});
