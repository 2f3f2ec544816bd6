import type { Fleet } from './fleet';
import { stepChange } from './service';
import type { Assumptions, Delays, QueueMetric, ScalingRule, StepRule } from './types';

/** What a scaler sees. */
export interface Queue {
  /** Messages that wait. */
  readonly visible: number;
  /** Those, and the ones that workers hold. */
  readonly outstanding: number;
  /** Messages received so far. */
  readonly received: number;
}

/** Decides how many units there are, by looking now and then. */
export interface Scaler {
  readonly nextTime: number;
  /** Called at `nextTime`; that of a function whenever something waits. */
  look(now: number, queue: Queue, fleet: Fleet): void;
}

export interface ScalerSettings {
  readonly rule: ScalingRule;
  readonly capacity: { readonly min: number; readonly max: number };
  /** For intervals that are no assumptions: how often a rule looks. */
  readonly delays: Delays;
  readonly a: Assumptions;
  /** When the first message is in the queue. */
  readonly firstArrival: number;
  /** Whether the queue's metrics are asleep then. */
  readonly asleep: boolean;
  readonly startSeconds: number;
}

export function scalerFor(settings: ScalerSettings): Scaler {
  switch (settings.rule.kind) {
    case 'steps':
      return new StepScaler(settings, settings.rule.rules);
    case 'keda':
      return new Keda(settings, settings.rule);
    case 'concurrency':
      return new Concurrency(settings);
  }
}

/** What CloudWatch is told of a queue once a minute. */
type Sample = Readonly<Record<QueueMetric, number>>;

/**
 * CloudWatch alarms with step scaling policies, of an Auto Scaling group or of Application Auto Scaling. Once a minute the
 * length of the queue is sampled, and what was received since then is counted; the sample is known after a delay; the
 * alarms are evaluated then, each over the periods before; one that stays in alarm acts again every time.
 */
class StepScaler implements Scaler {
  nextTime: number;
  private readonly pending: { readonly at: number; readonly sample: Sample }[] = [];
  private nextSample: number;
  private received = 0;
  private readonly samples: Sample[] = [];
  private launches: { readonly at: number; readonly units: number }[] = [];
  /** Of the scale-out whose cooldown runs. */
  private cooldown = { until: Number.NEGATIVE_INFINITY, base: 0 };
  /** Until when nothing more is taken. */
  private scaledIn = Number.NEGATIVE_INFINITY;
  private readonly every: number;
  /** Samples that an alarm looks back on, at most. */
  private readonly memory: number;

  constructor(
    private readonly settings: ScalerSettings,
    private readonly rules: readonly StepRule[],
  ) {
    const { delays, a, firstArrival, asleep } = settings;
    this.every = delays['alarm-evaluation'].high;
    this.memory = Math.max(...rules.map((rule) => rule.evaluationPeriods * perPoint(rule, this.every)));
    this.nextSample = firstArrival + Math.max(a.moment * this.every, asleep ? a['sqs-metric-after-idle'] : 0);
    this.nextTime = this.nextSample;
  }

  look(now: number, queue: Queue, fleet: Fleet): void {
    if (now >= this.nextSample) {
      const { visible, outstanding } = queue;
      const sample = { visible, notVisible: outstanding - visible, received: queue.received - this.received };
      this.received = queue.received;
      this.pending.push({ at: now + this.settings.a['sqs-metric'], sample });
      this.nextSample = now + this.every;
    }
    while (this.pending[0] && this.pending[0].at <= now) {
      this.samples.push((this.pending.shift() as (typeof this.pending)[0]).sample);
      if (this.samples.length > this.memory) this.samples.shift();
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
  private dataPoints({ metrics, evaluationPeriods, ...rule }: StepRule): number[] {
    const per = perPoint(rule, this.every);
    const points: number[] = [];
    for (let to = this.samples.length; to > 0 && points.length < evaluationPeriods; to -= per) {
      const period = this.samples.slice(Math.max(0, to - per), to);
      const value = (metric: QueueMetric) =>
        metric === 'received'
          ? period.reduce((sum, { received }) => sum + received, 0)
          : Math.max(...period.map((sample) => sample[metric]));
      points.push(metrics.reduce((sum, metric) => sum + value(metric), 0));
    }
    return points;
  }

  private scaleIn(now: number, { cooldownSeconds = 0 }: StepRule, change: number, fleet: Fleet): void {
    const wanted = Math.max(this.settings.capacity.min, fleet.wanted + change);
    if (now < this.scaledIn || wanted >= fleet.wanted) return;
    this.scaledIn = now + cooldownSeconds;
    fleet.want(wanted);
  }

  private scaleOut(now: number, rule: StepRule, change: number, fleet: Fleet): void {
    const { capacity, a, startSeconds } = this.settings;
    let base = fleet.wanted;
    if (rule.warmupSeconds !== undefined) {
      // Units that warm up do not count yet, so that the same alarm does not add the same units twice.
      this.launches = this.launches.filter(({ at }) => now - at < (rule.warmupSeconds ?? 0));
      base -= this.launches.reduce((total, { units }) => total + units, 0);
    } else if (now < this.cooldown.until) {
      base = this.cooldown.base;
    }
    const wanted = Math.min(capacity.max, Math.max(fleet.wanted, base + change));
    if (wanted === fleet.wanted) return;
    // An instance warms up from when it is in service on.
    this.launches.push({ at: now + a['ec2-boot'], units: wanted - fleet.wanted });
    if (now >= this.cooldown.until && rule.cooldownSeconds !== undefined) {
      // It begins when the activity has ended: at once, or when the units run.
      this.cooldown = { until: now + rule.cooldownSeconds + a.moment * startSeconds, base: fleet.wanted };
    }
    fleet.want(wanted);
  }
}

const perPoint = ({ periodSeconds }: Pick<StepRule, 'periodSeconds'>, every: number) =>
  Math.max(1, Math.round(periodSeconds / every));

/** Asking takes a moment, so that polls do not keep step with images that come evenly. */
const ASKING_SECONDS = 0.037;

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
    private readonly rule: Extract<ScalingRule, { kind: 'keda' }>,
  ) {
    const { a, firstArrival, capacity } = settings;
    this.nextPoll = firstArrival + a.moment * rule.pollingSeconds;
    // With pods that always run it looks always.
    this.nextSync = capacity.min > 0 ? firstArrival + a['hpa-sync'] : Number.POSITIVE_INFINITY;
    this.nextTime = Math.min(this.nextPoll, this.nextSync);
  }

  look(now: number, queue: Queue, fleet: Fleet): void {
    const { capacity, delays, a } = this.settings;
    if (now >= this.nextPoll) {
      this.nextPoll = now + this.rule.pollingSeconds + ASKING_SECONDS;
      if (queue.outstanding > 0) {
        this.lastActive = now;
        if (fleet.wanted === 0) {
          fleet.want(1);
          this.nextSync = now + a['hpa-sync'];
        }
      } else if (capacity.min === 0 && now - this.lastActive >= this.rule.cooldownSeconds) {
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
    const { capacity, delays } = this.settings;
    const needed = outstanding / this.rule.messagesPerUnit;
    const near = Math.abs(needed / fleet.wanted - 1) <= delays['hpa-tolerance'].high;
    const wish = near ? fleet.wanted : Math.ceil(needed);
    this.wishes.push({ at: now, units: Math.max(1, capacity.min, Math.min(capacity.max, wish)) });
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
  private tokens: number;
  private last = 0;

  constructor(private readonly settings: ScalerSettings) {
    this.tokens = this.most;
  }

  /** What accrues in ten seconds, and no more. */
  private get most(): number {
    return 10 * this.settings.a['lambda-concurrency-ramp'];
  }

  look(now: number, { visible }: Queue, fleet: Fleet): void {
    const refill = this.settings.a['lambda-concurrency-ramp'];
    this.tokens = Math.min(this.most, this.tokens + (now - this.last) * refill);
    this.last = now;
    const missing = Math.max(0, Math.ceil(visible) - fleet.starting);
    const wished = Math.max(0, Math.min(this.settings.capacity.max - fleet.wanted, missing));
    const granted = Math.min(wished, Math.floor(this.tokens + 1e-9));
    this.tokens -= granted;
    fleet.want(fleet.wanted + granted);
    this.nextTime = wished > granted ? now + Math.max(1, 1 - this.tokens) / refill : Number.POSITIVE_INFINITY;
  }
}
