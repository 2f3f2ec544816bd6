import { COMPUTES } from '../../../workload/contract';
import type { Call, Fault } from '../../local/call-hooks';
import type { Random } from '../random';
import type { Outcome, Scenario, Setting } from '../scenario';
import { Trial } from '../trial';

const VISIBILITY_SECONDS = 4;

/** Shares of the calls to S3. */
const ERRORS = 0.05;
const SLOW = 0.01;
const RESETS = 0.01;
/** Each is waited for until the client gives up. */
const SILENCES = 0.002;
const FORBIDDEN = 0.002;

/** Shares of the objects. */
const DELETED = 0.01;
const HIDDEN = 0.005;
const OVERWRITTEN = 0.01;

/** Requests may double, and not more: retries must not make an outage worse. */
const MOST_REQUESTS = 2;

class Disturbance {
  readonly faults: Record<string, number> = {};
  private readonly random: Random;
  private readonly deleted: Set<string>;
  /** Deleted, and S3 does not say so: their events can never succeed. */
  readonly hidden: ReadonlySet<string>;
  private readonly overwritten: Set<string>;
  private readonly forbidden = new Set<string>();

  constructor(
    private readonly setting: Setting,
    keys: readonly string[],
    private readonly trial: () => Trial,
  ) {
    this.random = setting.random.fork('storage');
    const shuffled = this.random.shuffle(keys);
    const choose = (share: number) => new Set(shuffled.splice(0, Math.ceil(keys.length * share)));
    this.hidden = choose(HIDDEN);
    this.deleted = choose(DELETED);
    this.overwritten = choose(OVERWRITTEN);
  }

  async before({ action, bucket, key = '' }: Call): Promise<Fault | undefined> {
    if (bucket === undefined) return undefined;
    if (action === 'GetObject') {
      if (this.hidden.has(key)) {
        // What S3 answers for a missing object to whom it does not let list the bucket.
        this.trial().ledger.excuse(key);
        return this.inject('403 that means missing', { status: 403, code: 'AccessDenied' });
      }
      if (this.deleted.delete(key)) {
        this.inject('deleted before the download');
        this.trial().ledger.excuse(key);
        this.trial().delete(key);
      }
      if (this.overwritten.delete(key)) {
        this.inject('overwritten before the download');
        await this.trial().put(key, this.random.pick(this.setting.pool));
      }
      // Once per object: on Lambda the third failure would be the last.
      if (this.random.chance(FORBIDDEN) && !this.forbidden.has(key)) {
        this.forbidden.add(key);
        return this.inject('403 that passes', { status: 403, code: 'AccessDenied' });
      }
    }
    if (this.random.chance(SLOW)) {
      this.inject('slow');
      await new Promise((resolve) => setTimeout(resolve, 500 + this.random.int(1500)));
    }
    if (this.random.chance(ERRORS / 2)) return this.inject('503', { status: 503, code: 'SlowDown' });
    if (this.random.chance(SILENCES / 2)) return this.inject('silence', 'silence');
    return this.random.chance(RESETS / 2) ? this.inject('reset', 'reset') : undefined;
  }

  /** The other half of the errors, which are told after the write has been done, or in the middle of a body. */
  after({ bucket }: Call): Fault | undefined {
    if (bucket === undefined) return undefined;
    if (this.random.chance(ERRORS / 2)) return this.inject('503 after the fact', { status: 503, code: 'SlowDown' });
    if (this.random.chance(SILENCES / 2)) return this.inject('silence after the fact', 'silence');
    return this.random.chance(RESETS / 2) ? this.inject('reset after the fact', 'reset') : undefined;
  }

  private inject<T>(name: string, fault?: T): T | undefined {
    this.faults[name] = (this.faults[name] ?? 0) + 1;
    return fault;
  }
}

async function attempt(setting: Setting, disturbed: boolean) {
  const { random, images, pool, progress } = setting;
  const choice = random.fork('pictures');
  const objects = Array.from({ length: images }, (_, index) => ({
    key: `incoming/${String(index).padStart(5, '0')}.jpg`,
    picture: choice.pick(pool),
  }));
  const disturbance: Disturbance = new Disturbance(
    setting,
    objects.map(({ key }) => key),
    () => trial,
  );
  const trial: Trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    ...(disturbed && {
      hooks: { before: (call) => disturbance.before(call), after: (call) => disturbance.after(call) },
    }),
  });
  try {
    await trial.run(objects, () => progress(trial.ended, disturbed ? 'disturbed' : 'without faults'));
    const failures = trial.failures();
    return { trial, disturbance, failures, findings: trial.check(), requests: trial.requests / trial.ledger.events };
  } finally {
    await trial.stop();
  }
}

async function run(setting: Setting): Promise<Outcome> {
  const quiet = await attempt(setting, false);
  const { trial, disturbance, failures, findings, requests } = await attempt(setting, true);
  const broken = [...quiet.failures, ...quiet.findings.examples].map((what) => `without faults: ${what}`);
  const failed = new Set(failures);
  for (const key of disturbance.hidden) {
    if (!failed.delete(key)) broken.push(`never readable, and not in the failure queue: ${key}`);
  }
  for (const key of failed) broken.push(`in the failure queue, although the faults pass: ${key}`);
  const ratio = requests / quiet.requests;
  if (ratio > MOST_REQUESTS) broken.push(`${ratio.toFixed(2)} times the requests of a run without faults`);
  if (trial.way.deaths() > 0) broken.push(`${trial.way.deaths()} processes died`);
  return {
    findings,
    faults: disturbance.faults,
    redelivered: trial.redelivered,
    broken,
    measured: { requests: `${ratio.toFixed(2)} times those without faults` },
  };
}

export const storage: Scenario = {
  name: 'storage',
  computes: COMPUTES,
  images: 1000,
  kills: 0,
  run,
};
