import type { Fleet } from './fleet';
import { stepChange } from './service';
import type { Delays, End, QueueMetric, StepRule, WayFacts } from './types';

/** Samples that an alarm is evaluated over, at most: what CloudWatch allows is a day of minutes. */
const LONGEST_MEMORY = 1440;

/** What a scaler sees. */
export interface Queue {
  /** Messages that wait. */
  readonly visible: number;
  /** Those, and the ones being worked on. */
  readonly outstanding: number;
  /** Messages received so far. */
  readonly received: number;
}

/** What CloudWatch is told of a queue once a minute. */
type Sample = Readonly<Record<QueueMetric, number>>;

/** Decides how many units there are, by looking now and then. */
export interface Scaler {
  readonly nextTime: number;
  /** Called at `nextTime`. */
  look(now: number, queue: Queue, fleet: Fleet): void;
  /** Called whenever something waits and nobody is free. Only functions scale on that. */
  demand?(now: number, queue: Pick<Queue, 'visible'>, fleet: Fleet): void;
}

export interface ScalerSettings {
  readonly facts: WayFacts;
  readonly delays: Delays;
  readonly end: End;
  /** When the first message is in the queue. */
  readonly firstArrival: number;
  readonly afterIdle: boolean;
  readonly startSeconds: number;
  readonly accountConcurrency?: number | undefined;
}

export function scalerFor(settings: ScalerSettings): Scaler {
  switch (settings.facts.scaling.kind) {
    case 'steps':
      return new StepScaler(settings, settings.facts.scaling.rules);
    case 'keda':
      return new Keda(settings, settings.facts.scaling);
    case 'concurrency':
      return new Concurrency(settings, settings.facts.scaling.reserved);
  }
}

/**
 * CloudWatch alarms with step scaling policies, of an Auto Scaling group or of Application Auto Scaling. Once a minute the
 * length of the queue is sampled, and what was received since then is counted; the sample is known after a delay; the
 * alarms are evaluated then, each over the periods before; one that stays in alarm acts again every time.
 *
 * Low end: a sample is taken the moment the first message is there. High end: it had just been taken.
 */
class StepScaler implements Scaler {
  nextTime: number;
  private readonly pending: { readonly at: number; readonly sample: Sample }[] = [];
  private nextSample: number;
  private received = 0;
  private readonly samples: Sample[] = [];
  private readonly launches: { readonly at: number; readonly units: number }[] = [];
  /** Of the scale-out whose cooldown runs. */
  private cooldown = { until: Number.NEGATIVE_INFINITY, base: 0 };
  /** Until when nothing more is taken. */
  private scaledIn = Number.NEGATIVE_INFINITY;
  private readonly every: number;
  private readonly delay: number;

  constructor(
    private readonly settings: ScalerSettings,
    private readonly rules: readonly StepRule[],
  ) {
    const { facts, delays, end, firstArrival, afterIdle } = settings;
    this.every = delays['alarm-evaluation'].high;
    this.delay = delays['sqs-metric'][end];
    // A queue that is accessed often enough never falls asleep.
    const isActive = facts.queueAccessSeconds !== null && facts.queueAccessSeconds < delays['sqs-active'].low;
    const asleep = afterIdle && !isActive ? delays['sqs-metric-after-idle'][end] : 0;
    this.nextSample = firstArrival + Math.max(asleep, end === 'low' ? 0 : this.every);
    this.nextTime = this.nextSample;
  }

  look(now: number, queue: Queue, fleet: Fleet): void {
    if (now >= this.nextSample) {
      const { visible, outstanding } = queue;
      const received = Math.max(0, queue.received - this.received);
      this.received = queue.received;
      this.pending.push({ at: now + this.delay, sample: { visible, notVisible: outstanding - visible, received } });
      this.nextSample = now + this.every;
    }
    while (this.pending[0] && this.pending[0].at <= now) {
      if (this.samples.length > LONGEST_MEMORY) this.samples.shift();
      this.samples.push((this.pending.shift() as { sample: Sample }).sample);
      this.evaluate(now, fleet);
    }
    this.nextTime = Math.min(this.nextSample, this.pending[0]?.at ?? Number.POSITIVE_INFINITY);
  }

  private evaluate(now: number, fleet: Fleet): void {
    for (const rule of this.rules) {
      const points = this.dataPoints(rule);
      const breaching = points.filter((point) =>
        rule.direction === 'out' ? point >= rule.threshold : point <= rule.threshold,
      );
      if (breaching.length < rule.datapointsToAlarm) continue;
      const change = stepChange(rule, points[0] ?? 0);
      if (rule.direction === 'in') this.scaleIn(now, rule, change, fleet);
      else this.scaleOut(now, rule, change, fleet);
    }
  }

  /** What an alarm watches, for each period that it looks at, the latest first; fewer in the beginning. */
  private dataPoints({ metrics, periodSeconds, evaluationPeriods }: StepRule): number[] {
    const perPoint = Math.max(1, Math.round(periodSeconds / this.every));
    const points: number[] = [];
    for (let to = this.samples.length; to > 0 && points.length < evaluationPeriods; to -= perPoint) {
      const period = this.samples.slice(Math.max(0, to - perPoint), to);
      const value = (metric: QueueMetric) =>
        metric === 'received'
          ? period.reduce((sum, { received }) => sum + received, 0)
          : Math.max(...period.map((sample) => sample[metric]));
      points.push(metrics.reduce((sum, metric) => sum + value(metric), 0));
    }
    return points;
  }

  private scaleIn(now: number, { cooldownSeconds = 0 }: StepRule, change: number, fleet: Fleet): void {
    const wanted = Math.max(this.settings.facts.capacity.min, fleet.wanted + change);
    if (now < this.scaledIn || wanted >= fleet.wanted) return;
    this.scaledIn = now + cooldownSeconds;
    fleet.want(wanted);
  }

  private scaleOut(now: number, rule: StepRule, change: number, fleet: Fleet): void {
    const { facts, end, startSeconds } = this.settings;
    const max = facts.capacity.max ?? Number.POSITIVE_INFINITY;
    let base = fleet.wanted;
    if (rule.warmupSeconds !== undefined) {
      // Units that warm up do not count yet, so that the same alarm does not add the same units twice.
      const warming = this.launches.filter(({ at }) => now - at < (rule.warmupSeconds ?? 0));
      base -= warming.reduce((total, { units }) => total + units, 0);
    } else if (now < this.cooldown.until) {
      base = this.cooldown.base;
    }
    const wanted = Math.min(max, Math.max(fleet.wanted, base + change));
    if (wanted === fleet.wanted) return;
    this.launches.push({ at: now, units: wanted - fleet.wanted });
    if (now >= this.cooldown.until && rule.cooldownSeconds !== undefined) {
      // It begins when the activity has ended: at once, or when the units run.
      this.cooldown = { until: now + rule.cooldownSeconds + (end === 'high' ? startSeconds : 0), base: fleet.wanted };
    }
    fleet.want(wanted);
  }
}

/**
 * KEDA: it asks the queue itself, and takes pods from nothing to one and back. In between the Horizontal Pod Autoscaler
 * looks by itself, through KEDA, and follows its defaults: the ScaledObject of the template sets no others.
 */
class Keda implements Scaler {
  nextTime: number;
  private lastActive = Number.NEGATIVE_INFINITY;
  private nextPoll: number;
  private nextSync: number;
  private readonly wishes: { readonly at: number; readonly units: number }[] = [];

  constructor(
    private readonly settings: ScalerSettings,
    private readonly rule: Extract<WayFacts['scaling'], { kind: 'keda' }>,
  ) {
    const { end, firstArrival, facts, delays } = settings;
    this.nextPoll = firstArrival + (end === 'low' ? 0 : rule.pollingSeconds);
    // With pods that always run it looks always.
    this.nextSync = facts.capacity.min > 0 ? firstArrival + delays['hpa-sync'][end] : Number.POSITIVE_INFINITY;
    this.nextTime = Math.min(this.nextPoll, this.nextSync);
  }

  look(now: number, queue: Queue, fleet: Fleet): void {
    const { facts, delays, end } = this.settings;
    if (now >= this.nextPoll) {
      this.nextPoll = now + this.rule.pollingSeconds;
      if (queue.outstanding > 0) {
        this.lastActive = now;
        if (fleet.wanted === 0) {
          fleet.want(1);
          this.nextSync = now + delays['hpa-sync'][end];
        }
      } else if (facts.capacity.min === 0 && now - this.lastActive >= this.rule.cooldownSeconds) {
        fleet.want(0);
        this.wishes.length = 0;
        this.nextSync = Number.POSITIVE_INFINITY;
      }
    }
    if (now >= this.nextSync) {
      this.nextSync = now + delays['hpa-sync'].high;
      this.sync(now, queue, fleet);
    }
    this.nextTime = Math.min(this.nextPoll, this.nextSync);
  }

  private sync(now: number, { outstanding }: Queue, fleet: Fleet): void {
    const { facts, delays } = this.settings;
    const { min, max } = facts.capacity;
    const needed = outstanding / this.rule.messagesPerUnit;
    const near = Math.abs(needed / fleet.wanted - 1) <= delays['hpa-tolerance'].high;
    const wish = near ? fleet.wanted : Math.ceil(needed);
    this.wishes.push({ at: now, units: Math.max(1, min, Math.min(max ?? wish, wish)) });
    const since = now - delays['hpa-scale-down-window'].high;
    while (this.wishes[0] && this.wishes[0].at < since) this.wishes.shift();
    const most = Math.max(...this.wishes.map(({ units }) => units));
    // So many pods more at a time, or as many again.
    fleet.want(Math.min(most, fleet.wanted + Math.max(delays['hpa-scale-up'].high, fleet.wanted)));
  }
}

/** Lambda: one environment for each event at a time, up to the account's concurrency, and not all at once. */
class Concurrency implements Scaler {
  nextTime = Number.POSITIVE_INFINITY;
  private readonly limit: number;
  private readonly refill: number;
  private tokens: number;
  private last = 0;

  constructor({ delays, end, accountConcurrency }: ScalerSettings, reserved: number | null) {
    // More concurrency is the better end.
    const quota = delays['lambda-concurrency-quota'][end === 'low' ? 'high' : 'low'];
    this.limit = Math.min(reserved ?? Number.POSITIVE_INFINITY, accountConcurrency ?? quota);
    this.refill = delays['lambda-concurrency-ramp'][end];
    this.tokens = this.most;
  }

  /** What accrues in ten seconds, and no more. */
  private get most(): number {
    return 10 * this.refill;
  }

  look(now: number, queue: Queue, fleet: Fleet): void {
    this.demand(now, queue, fleet);
  }

  demand(now: number, queue: Pick<Queue, 'visible'>, fleet: Fleet): void {
    this.tokens = Math.min(this.most, this.tokens + (now - this.last) * this.refill);
    this.last = now;
    const wished =
      Math.min(this.limit, fleet.wanted + Math.max(0, Math.ceil(queue.visible) - fleet.starting)) - fleet.wanted;
    const granted = Math.min(wished, Math.floor(this.tokens + 1e-9));
    if (granted > 0) {
      this.tokens -= granted;
      fleet.want(fleet.wanted + granted);
    }
    this.nextTime = wished > granted ? now + Math.max(1, 1 - this.tokens) / this.refill : Number.POSITIVE_INFINITY;
  }
}
