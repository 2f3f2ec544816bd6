import { type Arrivals, Feed, lastArrival } from './arrivals';
import { Fleet } from './fleet';
import { type Queue, scalerFor } from './scalers';
import { serviceOf, startSeconds } from './service';
import type { Assumptions, Delays, Inputs, WayFacts } from './types';

/**
 * What arrivals do to a way: the backlog, the units, the time until the results are there, and what is billed for it. One
 * simulator for a single picture, a burst of millions and a month of work. Scaling rules are the templates'; every delay
 * has one value, see `assumptions.ts`. Deterministic: nothing here is drawn by lot.
 *
 * Images that start together end together, so a burst takes as many steps as it has rounds and not as it has images. And
 * where nothing changes but the number of images that are done, time is passed over: all units work and much waits, or a
 * steady stream finds a free slot each time. That gives what going step by step would give.
 *
 * What it leaves out: {@link leftOut}.
 */

/** A moment: what was asked for, done, waits, is in work, and was given up because it waited too long. */
export interface TracePoint {
  readonly seconds: number;
  readonly arrived: number;
  readonly done: number;
  readonly waiting: number;
  readonly inService: number;
  readonly expired: number;
  readonly unitsRunning: number;
  readonly hosts: number;
}

/** What came of some arrivals on one way. */
export interface Trace {
  readonly points: readonly TracePoint[];
  /** `null`: nothing was done. */
  readonly firstResultSeconds: number | null;
  readonly lastResultSeconds: number | null;
  readonly peakWaiting: number;
  readonly peakUnits: number;
  readonly expired: number;
  readonly done: number;
  /** Billed: of a unit, or of a host, from its start to its end. */
  readonly unitSeconds: number;
  readonly hostSeconds: number;
  /** Seconds of work, of all slots together. */
  readonly busySeconds: number;
  /** Units started, those that were there before not counted. */
  readonly starts: number;
  /** When it ended, and whether all was as before the first arrival then. */
  readonly endSeconds: number;
  readonly settled: boolean;
}

/** What the simulation does not know, one sentence each. */
export const leftOut = (delays: Delays): readonly string[] => [
  'Every image takes the same time, no job fails, and a unit that is stopped ends what it has begun.',
  'A worker holds several messages, which do not count as waiting; here, any unit that is free takes the next of them.',
  'How long the boot script of EC2 takes was not measured: an instance is taken to be ready, at the latest, after the warm-up of its scaling policy.',
  `A free environment takes the next event at once; Lambda tries throttled ones again after ${delays['lambda-retry-interval'].low} to ${delays['lambda-retry-interval'].high} s, and only the time of the last result allows for that.`,
];

export interface SimulateOptions {
  /** Ends there, finished or not. */
  readonly untilSeconds?: number;
  /** Counts what is billed from there on. */
  readonly countFromSeconds?: number;
  /** Instead of the template's. */
  readonly maxUnits?: number;
  /** Keeps the course of events. */
  readonly record?: boolean;
  /** Every image on its own, and no time passed over: what the other way of calculating is held to. */
  readonly exact?: boolean;
}

const DAY = 86_400;
/** For so long nothing has changed where a steady stream is passed over: longer than a rule looks back when nothing waits. */
const STEADY_SECONDS = { steps: 180, keda: 600, concurrency: 0 };
/** Time is passed over in multiples of this: of every interval in which a rule looks. */
const STRIDE_SECONDS = 60;
/** Of a course of events so many points are kept while its time grows e-fold. */
const RESOLUTION = 200;
/** So that what is exactly so old is not too old yet. */
const NEXT_MOMENT = 1e-6;

/** Units of a way, at most: by its template and by the quotas of the account. */
export function maxUnits({ capacity, unit, hosts, fargate }: WayFacts, a: Assumptions, inputs: Inputs): number {
  const isNew = inputs.account === 'new';
  const quotas = [capacity.max ?? Number.POSITIVE_INFINITY];
  if (unit.kind === 'function') {
    quotas.push(inputs.accountConcurrency ?? a[isNew ? 'lambda-concurrency-new' : 'lambda-concurrency-quota']);
  }
  if (isNew && hosts) quotas.push(Math.floor(a['ec2-vcpu-quota-new'] / hosts.vcpus) * hosts.unitsPerHost);
  if (isNew && fargate) quotas.push(Math.floor(a['fargate-vcpu-quota-new'] / fargate.vcpus));
  return Math.min(...quotas);
}

function fleetOf(facts: WayFacts, delays: Delays, a: Assumptions): Fleet {
  const { capacity, hosts, leaveSeconds } = facts;
  const of = hosts?.scaling;
  const start = startSeconds(facts, a);
  // ECS sees that instances are missing by a metric and an alarm, of a minute each; the table has all of it, to a task that
  // runs. The Cluster Autoscaler looks now and then, and then it takes until the node is ready.
  const isEcs = of?.by === 'capacity-provider';
  const look = isEcs ? 2 * delays['alarm-evaluation'].high : a['node-autoscaler-scan'];
  const ready = isEcs ? Math.max(look, a['ecs-instance-start'] - start) : look + a['eks-node-join'];
  return new Fleet({
    min: capacity.min,
    startSeconds: start,
    leaveSeconds: a['grace-used'] * leaveSeconds,
    hosts:
      hosts && of
        ? {
            ...hosts,
            ...of,
            startSeconds: ready,
            unbilledSeconds: look,
            unneededSeconds: of.unneededSeconds + (isEcs ? 0 : look),
          }
        : null,
  });
}

export function simulate(
  facts: WayFacts,
  delays: Delays,
  a: Assumptions,
  inputs: Inputs,
  arrivals: Arrivals,
  {
    untilSeconds = Number.POSITIVE_INFINITY,
    countFromSeconds = 0,
    record = false,
    exact = false,
    ...options
  }: SimulateOptions = {},
): Trace {
  const { unit, queue, waitsSeconds, scaling } = facts;
  const max = options.maxUnits ?? maxUnits(facts, a, inputs);
  const { slotSeconds, jobSeconds } = serviceOf(facts, a, inputs);
  const delivery = a['s3-event-delivery'];
  const isFunction = scaling.kind === 'concurrency';
  const start = startSeconds(facts, a);
  const fleet = fleetOf(facts, delays, a);
  const isAwake = !queue || (queue.accessSeconds !== null && queue.accessSeconds < a['sqs-active']);
  const scaler = scalerFor({
    rule: scaling,
    capacity: { ...facts.capacity, max },
    delays,
    a,
    firstArrival: delivery,
    asleep: !isAwake,
    startSeconds: start,
  });
  const feed = new Feed(arrivals, exact ? 0 : slotSeconds);
  const backlog = new Line();
  const inWork = new Line();
  /** Received and not deleted: a slot that waits for S3 works on the next one. */
  const inFlight = new Line();
  const points: TracePoint[] = [];
  // `passed` is what was passed over: every moment in here is as far from the truth as that.
  let [now, passed, arrived, done, expired, busySeconds, lastActive] = [0, 0, 0, 0, 0, 0, 0];
  let [counting, startsBefore, peakWaiting] = [false, 0, 0];
  let [first, last]: [number | null, number | null] = [null, null];

  const seen = (): Queue => {
    inFlight.until(now);
    const outstanding = backlog.images + inFlight.images;
    const held = queue ? Math.max(inWork.images, fleet.running * unit.held) : inWork.images;
    const visible = Math.max(0, backlog.images + inWork.images - held);
    return { visible, outstanding, received: arrived - expired - visible };
  };
  const serve = () => {
    const free = fleet.running * unit.slots - inWork.images;
    const taken = backlog.take(Math.max(0, free));
    if (taken === 0) return;
    inWork.add(now + slotSeconds, taken);
    inFlight.add(now + jobSeconds, taken);
    const result = now + passed + jobSeconds;
    first ??= result;
    last = result;
  };
  const point = (): TracePoint => ({
    seconds: now + passed,
    arrived,
    done,
    waiting: backlog.images,
    inService: inWork.images,
    expired,
    unitsRunning: fleet.running,
    hosts: fleet.hosts,
  });
  /** Passes over time in which nothing changes but what is done. */
  const passOver = () => {
    if (!fleet.still || fleet.running === 0) return;
    const capacity = (fleet.running * unit.slots) / slotSeconds;
    const moment = now + passed;
    const flow = feed.flow;
    const arriving = flow ? flow.size / flow.every : 0;
    const until = Math.min(flow ? flow.to : feed.nextTime, untilSeconds, counting ? untilSeconds : countFromSeconds);
    const pass = (most: number, done: (seconds: number) => number) => {
      // Of a course of events, a little at a time.
      const part = record ? Math.max(STRIDE_SECONDS, moment / RESOLUTION) : most;
      const seconds = Math.floor(Math.min(most, part, until - moment) / STRIDE_SECONDS) * STRIDE_SECONDS;
      if (!(seconds > 0)) return;
      const images = flow ? feed.skip(seconds) : 0;
      arrived += images;
      backlog.add(moment, images);
      elapse(seconds, done(seconds));
    };
    if (flow && backlog.images === 0 && arriving < capacity) {
      if (now - fleet.changed > STEADY_SECONDS[scaling.kind]) pass(Number.POSITIVE_INFINITY, () => backlog.images);
    } else if (fleet.wanted === max && inWork.images === fleet.running * unit.slots) {
      // What is left has to be more than any rule tells from more.
      const more = backlog.images - (isFunction ? 2 : 100) * max - 1000;
      const old = backlog.nextTime + waitsSeconds - moment - 1;
      const most = arriving < capacity ? more / (capacity - arriving) : Number.POSITIVE_INFINITY;
      if (more > 0) pass(Math.min(most, old), (seconds) => Math.round(capacity * seconds));
    }
  };
  const elapse = (seconds: number, images: number) => {
    backlog.take(images);
    done += images;
    if (counting) busySeconds += images * slotSeconds;
    passed += seconds;
    lastActive = now + passed;
    fleet.bill(seconds);
  };

  if (record) add(points, point());
  const limit = Math.min(untilSeconds, lastArrival(arrivals) + delivery + waitsSeconds + DAY);
  let settled = false;
  for (let step = 1; ; step += 1) {
    const finished = feed.nextTime === Number.POSITIVE_INFINITY && backlog.images === 0 && inWork.images === 0;
    settled = finished && (isFunction || (fleet.still && fleet.wanted === facts.capacity.min));
    if (settled) break;
    const next = Math.min(feed.nextTime + delivery - passed, inWork.nextTime, fleet.nextTime, scaler.nextTime);
    const to = Math.max(now, Math.min(next, limit - passed, backlog.nextTime + waitsSeconds - passed + 1));
    if (counting) busySeconds += inWork.images * (to - now);
    now = to;
    fleet.advance(now);
    if (now + passed >= limit) break;
    if (!counting && now + passed >= countFromSeconds) {
      counting = true;
      fleet.unitSeconds = 0;
      fleet.hostSeconds = 0;
      startsBefore = fleet.starts;
    }
    done += inWork.until(now);
    while (feed.nextTime + delivery - passed <= now) {
      // Environments that nobody has asked for are gone by then.
      if (isFunction && inWork.images === 0 && now + passed - lastActive > a['lambda-idle']) fleet.drop();
      const at = feed.nextTime + delivery;
      const images = feed.take();
      arrived += images;
      backlog.add(at, images);
    }
    expired += backlog.until(now + passed - waitsSeconds - NEXT_MOMENT);
    serve();
    peakWaiting = Math.max(peakWaiting, backlog.images);
    if (isFunction ? backlog.images > 0 : scaler.nextTime <= now) {
      scaler.look(now, seen(), fleet);
      fleet.advance(now);
      serve();
    }
    if (inWork.images > 0) lastActive = now + passed;
    if (record) add(points, point());
    // Now and then: it takes a while to find out, and seldom holds.
    if (!exact && step % 64 === 0) passOver();
  }
  if (record) add(points, point());
  return {
    points,
    firstResultSeconds: first,
    lastResultSeconds: last,
    peakWaiting,
    peakUnits: fleet.peak,
    expired,
    done,
    // A function is billed for its work and for its starts.
    unitSeconds: isFunction ? busySeconds + (fleet.starts - startsBefore) * start : fleet.unitSeconds,
    hostSeconds: facts.hosts?.scaling
      ? fleet.hostSeconds
      : fleet.unitSeconds / (facts.hosts?.unitsPerHost ?? Number.POSITIVE_INFINITY),
    busySeconds,
    starts: fleet.starts - startsBefore,
    endSeconds: now + passed,
    settled,
  };
}

/** Keeps of what happens close together the end, and the most of what waits and runs. */
function add(points: TracePoint[], point: TracePoint): void {
  const last = points.at(-1);
  if (
    !last ||
    points.length < 2 ||
    point.seconds - (points.at(-2) as TracePoint).seconds > point.seconds / RESOLUTION
  ) {
    points.push(point);
    return;
  }
  const most = (of: 'waiting' | 'unitsRunning') => Math.max(last[of], point[of]);
  points[points.length - 1] = { ...point, waiting: most('waiting'), unitsRunning: most('unitsRunning') };
}

/** Images in the order of a moment of theirs, so many at a time: those that wait, by when they came; those in work, by when they end. */
class Line {
  images = 0;
  private readonly at: number[] = [];
  private readonly sizes: number[] = [];
  private head = 0;

  /** The moment of the first; infinity without any. */
  get nextTime(): number {
    return this.at[this.head] ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, images: number): void {
    this.at.push(at);
    this.sizes.push(images);
    this.images += images;
  }

  /** @returns how many were taken: as many as there are, at most */
  take(most: number): number {
    const taken = Math.min(most, this.images);
    for (let left = taken; left > 0; ) {
      const size = this.sizes[this.head] as number;
      this.sizes[this.head] = size - Math.min(left, size);
      if (left >= size) this.head += 1;
      left -= Math.min(left, size);
    }
    this.images -= taken;
    if (this.images === 0) this.head = this.at.length = this.sizes.length = 0;
    return taken;
  }

  /** Takes all with a moment up to this one. @returns how many */
  until(moment: number): number {
    let taken = 0;
    while (this.nextTime <= moment) taken += this.take(this.sizes[this.head] as number);
    return taken;
  }
}

/**
 * Seconds by which Lambda may try a throttled event later than a free environment could take it.
 * @param waited until that environment takes it
 */
export const triedLater = (
  { unit }: WayFacts,
  { peakWaiting, peakUnits }: Pick<Trace, 'peakWaiting' | 'peakUnits'>,
  a: Assumptions,
  waited: number,
): number => (unit.kind === 'function' && peakWaiting > peakUnits ? Math.min(waited, a['lambda-retry-interval']) : 0);
