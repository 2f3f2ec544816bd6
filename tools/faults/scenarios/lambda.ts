import type { Outcome, Scenario, Setting } from '../scenario';
import { Traffic } from '../traffic';
import { Trial } from '../trial';
import { Killer } from './kill';

/** Seconds. Short, because every timeout of the plan is waited for. */
const FUNCTION_TIMEOUT_SECONDS = 5;

/** Well within the timeout. */
const OVERTAKING_MS = 2000;

/** Of the events: no capacity at first, a download that outlasts the function, a source that never answers. */
const THROTTLED = 0.025;
const TIMED_OUT = 0.025;
const HOPELESS = 0.01;

/** Lambda tries twice more; one of those is left to a machine that is slower than the timeout. */
const MOST_FAILURES = 1;

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, kills, progress } = setting;
  const traffic = new Traffic(random.fork('traffic'), setting, OVERTAKING_MS);
  const choose = (label: string, share: number) => {
    const keys = random.fork(label).shuffle(traffic.objects.map(({ key }) => key));
    return new Set(keys.slice(0, Math.ceil(images * share)));
  };
  const hopeless = choose('hopeless', HOPELESS);
  const throttles = choose('throttles', THROTTLED);
  const timeouts = choose('timeouts', TIMED_OUT);
  /** Failures that were injected, by key: a third one would rightly end in the failure destination. */
  const failures = new Map<string, number>();
  const mayFail = (key: string) => !hopeless.has(key) && (failures.get(key) ?? 0) < MOST_FAILURES;
  const fail = (key: string) => failures.set(key, (failures.get(key) ?? 0) + 1);
  const faults = { throttles: 0, timeouts: 0 };

  const killer: Killer = new Killer(
    random.fork('kills'),
    ['after get', 'mid-decode', 'after the first put', 'after the last put'],
    kills,
    images,
    () => trial,
    (_, key = '') => {
      if (!mayFail(key)) return false;
      fail(key);
      return true;
    },
  );
  const trial: Trial = await Trial.start({
    ...setting,
    visibilitySeconds: 30,
    functionTimeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
    throttled: (key) => {
      if (!throttles.delete(key)) return false;
      faults.throttles += 1;
      return true;
    },
    hooks: {
      before: async (call) => {
        const { action, key = '' } = call;
        if (action === 'GetObject' && hopeless.has(key)) return { status: 503, code: 'SlowDown' };
        if (action === 'GetObject' && timeouts.has(key) && mayFail(key)) {
          timeouts.delete(key);
          fail(key);
          faults.timeouts += 1;
          await new Promise((resolve) => setTimeout(resolve, (FUNCTION_TIMEOUT_SECONDS + 1) * 1000));
        }
        await traffic.before(call);
        return killer.before(call);
      },
      sent: (call, answer) => {
        traffic.onSent(trial, call);
        killer.sent(call, answer);
      },
    },
    onEvent: (event, deliver) => traffic.onEvent(trial, event, deliver),
  });
  try {
    await trial.run(traffic.objects, () => progress(trial.ended, `${killer.kills} killed`));
    const broken: string[] = [];
    const failed = new Map<string, number>();
    for (const key of trial.failures()) failed.set(key, (failed.get(key) ?? 0) + 1);
    for (const key of hopeless) {
      trial.ledger.excuse(key);
      const [records, events] = [failed.get(key) ?? 0, trial.deliveries.get(key) ?? 0];
      failed.delete(key);
      if (records !== events) broken.push(`hopeless, ${events} events and ${records} records of failure: ${key}`);
    }
    for (const key of failed.keys()) broken.push(`in the failure destination, and not hopeless: ${key}`);
    if (killer.kills < killer.planned) broken.push(`only ${killer.kills} of ${killer.planned} kills were possible`);
    const unkilled = trial.way.deaths() - killer.kills;
    if (unkilled !== 0) broken.push(`${unkilled} more environments died than were killed`);
    return {
      findings: trial.check(),
      faults: {
        ...killer.fired,
        ...faults,
        hopeless: hopeless.size,
        ...traffic.faults,
      },
      redelivered: trial.redelivered,
      broken,
    };
  } finally {
    await trial.stop();
  }
}

export const lambda: Scenario = {
  name: 'lambda',
  computes: ['lambda'],
  images: 2000,
  kills: 50,
  run,
};
