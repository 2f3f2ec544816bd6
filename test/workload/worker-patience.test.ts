import { setTimeout as sleep } from 'node:timers/promises';
import { RETRY_SECONDS } from '../../workload/contract';
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

  test('leaves work that fails alone for 10, 60, 600 and 1,200 s, and gives it up after the fifth delivery', async () => {
    const waits: number[] = [];
    // The longest there is, so that a heartbeat, which asks for this, is no such wait.
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
    await fleet.until(() => fleet.endpoints.messages(fleet.failed).length === 1);
    const least = [10, 60, 600, 1200];
    expect([...RETRY_SECONDS]).toEqual(least);
    expect(waits).toHaveLength(5);
    // The last wait is short: behind it is the failure queue.
    for (const [index, seconds] of [...least, 10].entries()) {
      // Jitter only adds: a quarter at most.
      expect(waits[index]).toBeGreaterThanOrEqual(seconds);
      expect(waits[index]).toBeLessThanOrEqual(seconds * 1.25);
    }
  });

  test('sends no heartbeat after that, not even one that is being tried again', async () => {
    // A heartbeat a second.
    const heartbeat = 6;
    const asked: number[] = [];
    const beaten = Promise.withResolvers<void>();
    fleet = await Fleet.start('late', {
      before: async ({ action, input }) => {
        if (action === 'GetObject') {
          await beaten.promise;
          return { status: 403, code: 'AccessDenied' };
        }
        if (action !== 'ChangeMessageVisibility') return undefined;
        asked.push(Number(input.VisibilityTimeout));
        if (input.VisibilityTimeout !== heartbeat) return undefined;
        beaten.resolve();
        return 'silence';
      },
    });
    await fleet.worker({ VISIBILITY_TIMEOUT_SECONDS: String(heartbeat) });
    await fleet.send(fleet.event({ key: 'incoming/a.jpg' }));
    const handedBack = () => asked.some((seconds) => seconds !== heartbeat);
    await fleet.until(handedBack);
    // Longer than a silence lasts before a request is made again.
    await sleep(4000);
    expect(asked.at(-1)).toBeGreaterThanOrEqual(10);
    expect(fleet.count('error')).toBe(0);
  });

  test('outlasts half an hour without S3 by its shortest waits together', () => {
    expect(RETRY_SECONDS.reduce<number>((sum, seconds) => sum + seconds, 0)).toBeGreaterThanOrEqual(1800);
  });
});
