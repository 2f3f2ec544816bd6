import { POLLING } from '../../../lib/ways';
import type { Call, CallHooks, Fault } from '../../local/call-hooks';
import type { Random } from '../random';
import type { Outcome, Scenario, Setting } from '../scenario';
import { sourceOf, Traffic } from '../traffic';
import { decoding, Trial } from '../trial';

/** Where in a job the process is killed. */
export const POINTS = [
  'after receive',
  'after get',
  'mid-decode',
  'after the first put',
  'after the last put',
  'before delete',
  'during heartbeat',
] as const;
export type Point = (typeof POINTS)[number];

const VISIBILITY_SECONDS = 3;

/** The fifth receive is the last: the redrive policy would be right to give up a message that is killed once more. */
const MOST_RECEIVES = 4;

const RENDITIONS = 3;

/** Kills processes at points of their jobs, evenly over a run. */
export class Killer implements CallHooks {
  readonly fired: Record<string, number> = {};
  kills = 0;
  private readonly plan: Point[];
  private readonly armed: Point[] = [];
  /** Who is held up in a download, until the heartbeat in which it is to be killed. */
  private heldUp: string | undefined;
  /** Renditions put since the download, by source key. */
  private readonly puts = new Map<string, number>();
  /** What each process has downloaded last. */
  private readonly downloaded = new Map<string, string>();

  constructor(
    random: Random,
    points: readonly Point[],
    kills: number,
    private readonly images: number,
    private readonly trial: () => Trial,
    private readonly mayKill: (caller: string, key: string | undefined) => boolean,
  ) {
    this.plan = random.shuffle(Array.from({ length: kills }, (_, index) => points[index % points.length] as Point));
  }

  get planned(): number {
    return this.plan.length;
  }

  /** Arms as many kills as are due. By nine tenths of a run all are, so that all find a victim. */
  arm(): void {
    const due = Math.min(this.plan.length, Math.ceil((this.plan.length * this.trial().ended) / (this.images * 0.9)));
    while (this.armed.length + this.kills < due) {
      this.armed.push(this.plan[this.armed.length + this.kills] as Point);
    }
  }

  async before(call: Call): Promise<Fault | undefined> {
    const { action, caller, key, input } = call;
    this.arm();
    if (action === 'DeleteMessage' && this.strike('before delete', caller)) return 'reset';
    if (action === 'ChangeMessageVisibility' && caller === this.heldUp && input.VisibilityTimeout) {
      if (this.strike('during heartbeat', caller)) {
        this.heldUp = undefined;
        return 'reset';
      }
    }
    if (action === 'GetObject') {
      this.puts.set(key as string, 0);
      this.downloaded.set(caller, key as string);
      if (this.armed.includes('during heartbeat') && this.heldUp === undefined) {
        this.heldUp = caller;
        await new Promise((resolve) => setTimeout(resolve, (VISIBILITY_SECONDS * 1000) / 2));
        if (this.heldUp === caller) this.heldUp = undefined;
      }
    }
    return undefined;
  }

  sent({ action, caller, key = '' }: Call, { status, output }: { status: number; output: object }): void {
    if (action === 'ReceiveMessage' && 'Messages' in output) this.strike('after receive', caller);
    if (action === 'GetObject' && status === 200 && !this.strike('after get', caller, key)) {
      const pid = this.trial().way.processes().get(caller);
      if (pid && this.armed.includes('mid-decode')) {
        void decoding(pid).then((busy) => {
          if (busy && this.downloaded.get(caller) === key) this.strike('mid-decode', caller, key);
        });
      }
    }
    if (action === 'PutObject' && status === 200) {
      const source = sourceOf(key);
      const put = (this.puts.get(source) ?? 0) + 1;
      this.puts.set(source, put);
      if (put === 1) this.strike('after the first put', caller, source);
      if (put === RENDITIONS) this.strike('after the last put', caller, source);
    }
  }

  private strike(point: Point, caller: string, key?: string): boolean {
    const at = this.armed.indexOf(point);
    const pid = this.trial().way.processes().get(caller);
    if (at < 0 || pid === undefined || this.trial().isLeaving(caller) || !this.mayKill(caller, key)) return false;
    this.trial().leave(caller);
    this.armed.splice(at, 1);
    this.kills += 1;
    this.fired[point] = (this.fired[point] ?? 0) + 1;
    process.kill(pid, 'SIGKILL');
    return true;
  }
}

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, kills, progress } = setting;
  const traffic = new Traffic(random.fork('traffic'), setting);
  const spare = (caller: string) => trial.holding(caller).every(({ receives }) => receives < MOST_RECEIVES);
  const killer: Killer = new Killer(random.fork('kills'), POINTS, kills, images, () => trial, spare);
  const trial: Trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    environment: { DECODE_SLOTS: '1' },
    workers: 2,
    hooks: {
      before: async (call) => {
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
    if (trial.unexplained > 0) broken.push(`${trial.unexplained} messages handed out again without a kill`);
    if (killer.kills < killer.planned) broken.push(`only ${killer.kills} of ${killer.planned} kills were possible`);
    const unkilled = trial.way.deaths() - killer.kills;
    if (unkilled !== 0) broken.push(`${unkilled} more processes died than were killed`);
    for (const key of trial.failures()) broken.push(`in the failure queue: ${key}`);
    return {
      findings: trial.check(),
      faults: { ...killer.fired, ...traffic.faults },
      redelivered: trial.redelivered,
      broken,
    };
  } finally {
    await trial.stop();
  }
}

export const kill: Scenario = {
  name: 'kill',
  computes: POLLING,
  images: 2000,
  kills: 200,
  run,
};
