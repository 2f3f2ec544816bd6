import { Fleet } from '../support/fleet';

/** How the worker bundle waits: between receives that fail, and between the deliveries of work that fails. */

let fleet: Fleet;
afterEach(() => fleet.close());

describe('the queue worker', () => {
  test('waits after a receive that failed, so that an outage is not answered with a flood', async () => {
    const receives: number[] = [];
    fleet = await Fleet.start('outage', {
      before: ({ action }) => {
        if (action !== 'ReceiveMessage') return undefined;
        receives.push(performance.now());
        // An error that neither the SDK nor the library waits after or tries again by itself.
        return { status: 400, code: 'Injected' };
      },
    });
    await fleet.worker({ MESSAGES_PER_SLOT: '1' });
    await fleet.until(() => receives.length > 1);
    const [first = 0, second = 0] = receives;
    // Holds on any machine: a pause begins after its receive was noted here and ends before the next one is, so a busy
    // machine can only make the difference larger.
    expect(second - first).toBeGreaterThan(1000);
    await fleet.until(() => fleet.count('error') >= 1);
  });

  test('hands work back for longer after every delivery that failed', async () => {
    const waits: number[] = [];
    // The longest there is, so that a heartbeat, which asks for this, is no back-off.
    const heartbeat = 43_200;
    fleet = await Fleet.start('later', {
      before: ({ action, input }) => {
        if (action === 'GetObject') return { status: 403, code: 'AccessDenied' };
        if (action === 'ChangeMessageVisibility' && input.VisibilityTimeout !== heartbeat) {
          waits.push(Number(input.VisibilityTimeout));
          // Noted, and not waited for.
          input.VisibilityTimeout = 0;
        }
        return undefined;
      },
    });
    await fleet.worker({ VISIBILITY_TIMEOUT_SECONDS: String(heartbeat) });
    await fleet.send(fleet.event({ key: 'incoming/a.jpg' }));
    await fleet.until(() => waits.length >= 4);
    // Each is doubled, and jitter takes or adds a quarter at most: no two can change places.
    const [first = 0, second = 0, third = 0, fourth = 0] = waits;
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
    expect(fourth).toBeGreaterThan(third);
    // More than jitter alone could do.
    expect(fourth).toBeGreaterThan(2 * first);
  });
});
