import { WAYS } from '../../../lib/ways';
import { COMPUTES, RETRY_SECONDS } from '../../../workload/contract';
import type { Call, Fault } from '../../local/call-hooks';
import { NOWHERE, readDeployment } from '../../local/deployment';
import type { Outcome, Scenario, Setting } from '../scenario';
import { sourceOf } from '../traffic';
import { Standstill, Trial } from '../trial';

/**
 * S3 is away for half an hour, for half of the pictures. Nobody waits half an hour for that: each message has a clock of
 * its own, which the worker sets forward by as much as it asks to leave the message alone.
 */

export const OUTAGE_SECONDS = 1800;

/** None of the waits after a failure, so that heartbeats can be told from them. Longer than a job, also without S3. */
const VISIBILITY_SECONDS = 30;

/** Share of the pictures that S3 is away for. */
const INTERRUPTED = 0.5;

/** How it is away: for the download or for the uploads, with an answer or without one. */
const INTERRUPTIONS = ['503 to reads', 'reads reset', '503 to writes', 'writes reset'] as const;
type Interruption = (typeof INTERRUPTIONS)[number];

/** To S3, in one delivery: the download and three uploads, and each of them again a few times. */
const MOST_REQUESTS = 16;

class Outage {
  /** Keys of the pictures that S3 is away for. */
  readonly interrupted: ReadonlyMap<string, Interruption>;
  /** Those of them that have met it. */
  readonly met = new Set<string>();
  /** By key: seconds that its message has been left alone. */
  readonly clocks = new Map<string, number>();
  /** By key: requests while S3 was away for it. */
  private readonly requests = new Map<string, number>();
  /** Lambda has no such clock: its service decides how long it waits. */
  over = false;

  constructor(keys: readonly string[]) {
    this.interrupted = new Map(
      keys.map((key, index) => [key, INTERRUPTIONS[index % INTERRUPTIONS.length] as Interruption]),
    );
  }

  before({ action, bucket, key = '' }: Call): Fault | undefined {
    if (bucket === undefined) return undefined;
    const source = action === 'GetObject' ? key : sourceOf(key);
    const interruption = this.interrupted.get(source);
    if (interruption === undefined || this.over || (this.clocks.get(source) ?? 0) >= OUTAGE_SECONDS) return undefined;
    this.requests.set(source, (this.requests.get(source) ?? 0) + 1);
    if (action === 'GetObject' && /writes/.test(interruption)) return undefined;
    this.met.add(source);
    return /503/.test(interruption) ? { status: 503, code: 'SlowDown' } : 'reset';
  }

  wait(key: string, seconds: number): void {
    this.clocks.set(key, (this.clocks.get(key) ?? 0) + seconds);
  }

  /** Most requests in one delivery that failed. @param deliveries that failed, of a key */
  mostRequests(deliveries: (key: string) => number): number {
    return Math.max(0, ...[...this.requests].map(([key, count]) => count / deliveries(key)));
  }

  /** Pictures that have met the outage, by how. */
  get faults(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const key of this.met) {
      const name = this.interrupted.get(key) as Interruption;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

async function run(setting: Setting): Promise<Outcome> {
  const { compute, random, images, small, progress } = setting;
  const objects = Array.from({ length: images }, (_, index) => ({
    key: `incoming/${String(index).padStart(5, '0')}.jpg`,
    picture: random.pick(small),
  }));
  const keys = objects.map(({ key }) => key);
  const outage = new Outage(random.shuffle(keys).slice(0, Math.ceil(images * INTERRUPTED)));
  const healthy = keys.filter((key) => !outage.interrupted.has(key));
  const trial: Trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    hooks: { before: (call) => outage.before(call) },
    onRetry: (key, seconds) => outage.wait(key, seconds),
  });
  const broken: string[] = [];
  try {
    // Messages that wait come back when nothing else is left to do: if healthy pictures were held back, there is no end.
    await trial
      .run(objects, () => progress(trial.ended, 'S3 is away'))
      .catch((error: unknown) => {
        if (!(error instanceof Standstill)) throw error;
        broken.push(`${error.message} while others wait`);
      });
    const again = healthy.filter((key) => trial.attempts.get(key) !== 1).length;
    if (again > 0) broken.push(`${again} healthy pictures were not done at the first attempt`);
    const unmet = outage.interrupted.size - outage.met.size;
    if (unmet > 0) broken.push(`${unmet} pictures were to meet the outage and did not`);
    const check = WAYS[compute].entry === 'function' ? checkFunction : checkWorkers;
    const measured = await check(setting, trial, outage, broken);
    if (trial.way.deaths() > 0) broken.push(`${trial.way.deaths()} processes died`);
    return { findings: trial.check(), faults: outage.faults, redelivered: trial.redelivered, broken, measured };
  } finally {
    await trial.stop();
  }
}

type Check = (setting: Setting, trial: Trial, outage: Outage, broken: string[]) => Promise<Outcome['measured'] & {}>;

/** The waits between deliveries outlast the outage: nothing is in the failure queue, and the last delivery succeeds. */
const checkWorkers: Check = async (_, trial, outage, broken) => {
  const deliveries = RETRY_SECONDS.length + 1;
  for (const key of trial.failures()) broken.push(`in the failure queue, although S3 came back: ${key}`);
  for (const key of outage.interrupted.keys()) {
    const found = trial.attempts.get(key) ?? 0;
    if (found !== deliveries) broken.push(`${found} deliveries, expected ${deliveries}: ${key}`);
  }
  const requests = outage.mostRequests((key) => (trial.attempts.get(key) ?? 1) - 1);
  checkRequests(requests, broken);
  const waits = [...outage.clocks.values()];
  return {
    'left alone for': `${Math.min(...waits)} to ${Math.max(...waits)} s in ${deliveries} deliveries`,
    'requests of a failed delivery': `at most ${requests.toFixed(1)}`,
  };
};

/** Lambda has given up long before: each event is in the failure queue once, and one replay brings all back. */
const checkFunction: Check = async ({ compute, template }, trial, outage, broken) => {
  const { function: deployed } = readDeployment(compute, template, NOWHERE);
  const attempts = 1 + (deployed?.retries ?? 0);
  const failed = trial.failures();
  for (const key of outage.interrupted.keys()) {
    const records = failed.filter((each) => each === key).length;
    if (records !== 1) broken.push(`${records} times in the failure queue after the outage, expected once: ${key}`);
    const found = trial.attempts.get(key) ?? 0;
    if (found !== attempts) broken.push(`${found} attempts, expected ${attempts}: ${key}`);
  }
  for (const key of failed) if (!outage.interrupted.has(key)) broken.push(`healthy, and in the failure queue: ${key}`);
  const requests = outage.mostRequests((key) => trial.attempts.get(key) ?? 1);
  checkRequests(requests, broken);
  outage.over = true;
  const { accepted, left, later, stoppedBy } = await trial.replay();
  if (accepted !== failed.length || left.length > 0 || later > 0 || stoppedBy !== undefined) {
    broken.push(`one replay sent ${accepted} of ${failed.length} events again`);
  }
  for (const key of trial.failures()) broken.push(`in the failure queue after the replay: ${key}`);
  return {
    'sent again by one replay': `${accepted} events after ${attempts} attempts each`,
    'requests of a failed attempt': `at most ${requests.toFixed(1)}`,
  };
};

function checkRequests(most: number, broken: string[]): void {
  if (most > MOST_REQUESTS) broken.push(`${most.toFixed(1)} requests of one failed attempt, at most ${MOST_REQUESTS}`);
}

export const outage: Scenario = {
  name: 'outage',
  computes: COMPUTES,
  images: 300,
  kills: 0,
  run,
};
