import { arrivedBy, lastsSeconds, moments, total } from './arrivals';
import { findPrice, usdAt } from './cost';
import { Fleet } from './fleet';
import { Heap } from './heap';
import { type Queue, type Scaler, scalerFor } from './scalers';
import { serviceSeconds, startSeconds } from './service';
import type { End, Range, ScaleInputs, ScaleResult, Tables, Trace, TracePoint, WayFacts } from './types';

/**
 * What a burst or a day of uploads does to each way: the backlog, the units, the time until the results are there.
 * Event by event up to some number of images, as a fluid above: then images are a quantity that flows in and is worked
 * off at the speed of the units that run. The scaling rules are the templates', the delays the table's; both ends of
 * every range are run, and delays at one end with work at the other: a fast start with slow work may call more units
 * than both slow. Deterministic: nothing here is drawn by lot.
 *
 * What it leaves out: {@link leftOut}.
 */

/** An image that waits longer than this is late. */
export const LATE_SECONDS = 30;

/** Images up to which every one is an event of its own; those whose moments are given always are. */
export const MOST_EVENTS = 100_000;

/** Points of a trace, at most. */
const MOST_POINTS = 1000;

const DAY = 86_400;

/** Less than this much of an image, in the fluid, is none. */
const NOTHING = 0.5;

/** By so much a sum of parts of images may miss a whole number. */
const A_ROUNDING = 1e-6;

/** What the simulation does not know, one sentence each. */
export function leftOut({ delays }: Tables): readonly string[] {
  const { 'lambda-concurrency-quota': quota, 'lambda-retry-interval': retry } = delays;
  return [
    'Every image takes the same time, no job fails, and a unit that is stopped ends what it has begun.',
    'Images come evenly spaced: where little is to do, whether a sample once a minute meets one is chance, and not here.',
    'A worker holds several messages, which do not count as waiting; here, any unit that is free takes the next of them.',
    'How long the boot script of EC2 takes was not measured: an instance is taken to be ready, at the latest, after the warm-up of its scaling policy.',
    'Lambda keeps its environments until the end.',
    `An account has ${quota.low.toLocaleString('en')} concurrent executions of Lambda unless another number is set on the page; new accounts have fewer.`,
    `A free environment takes the next event at once; Lambda tries throttled ones again after ${retry.low} to ${retry.high} s, and only the time of the last result allows for that.`,
  ];
}

export interface SimulateOptions {
  /** By the number of images when left out. */
  readonly mode?: 'events' | 'fluid';
  /** The end of the time that one image takes; that of the delays when left out. */
  readonly work?: End;
}

/** What both ways of calculating need to know. */
interface Run {
  readonly facts: WayFacts;
  readonly inputs: ScaleInputs;
  readonly end: End;
  readonly fleet: Fleet;
  readonly scaler: Scaler;
  readonly service: number;
  /** Until a unit that is asked for works. */
  readonly start: number;
  /** Until the event of an upload is delivered. */
  readonly delivery: number;
  readonly giveUpSeconds: number;
  readonly recorder: Recorder;
}

/** Simulates one way at one end of every range, or with the work of an image at another. */
export function simulate(
  facts: WayFacts,
  { delays }: Tables,
  inputs: ScaleInputs,
  end: End,
  {
    mode = inputs.arrivals.kind === 'moments' || total(inputs.arrivals) <= MOST_EVENTS ? 'events' : 'fluid',
    work = end,
  }: SimulateOptions = {},
): Trace {
  const start = startSeconds(facts, delays, end);
  const { hosts, scaling } = facts;
  const leave = facts.drainSeconds || facts.stopGraceSeconds;
  const fleet = new Fleet({
    min: facts.capacity.min,
    startSeconds: start,
    leaveSeconds: scaling.kind === 'concurrency' || end === 'low' ? 0 : leave,
    ...(scaling.kind === 'keda' &&
      hosts && {
        hosts: {
          ...hosts,
          delayAfterAddSeconds: scaling.nodes.delayAfterAddSeconds,
          startSeconds: delays['node-autoscaler-scan'][end] + delays['eks-node-join'][end],
          unneededSeconds: scaling.nodes.unneededSeconds + delays['node-autoscaler-scan'][end],
        },
      }),
  });
  const delivery = delays['s3-event-delivery'][end];
  const { afterIdle, accountConcurrency } = inputs;
  const run: Run = {
    facts,
    inputs,
    end,
    fleet,
    scaler: scalerFor({
      facts,
      delays,
      end,
      firstArrival: delivery,
      afterIdle,
      startSeconds: start,
      accountConcurrency,
    }),
    service: serviceSeconds(facts, delays, inputs, work, inputs.job),
    start,
    delivery,
    giveUpSeconds: facts.waits.seconds,
    recorder: new Recorder(),
  };
  const outcome = mode === 'events' ? events(run) : fluid(run);
  const billed = scaling.kind === 'concurrency' ? outcome.busySeconds + fleet.starts * start : fleet.unitSeconds;
  return {
    way: facts.way,
    end,
    mode,
    points: run.recorder.points,
    peakWaiting: run.recorder.peakWaiting,
    peakUnits: fleet.peak,
    unitSeconds: billed,
    hostSeconds: hosts && scaling.kind === 'keda' ? fleet.hostSeconds : fleet.unitSeconds * (hosts ? 1 : 0),
    starts: fleet.starts,
    scaleIns: fleet.scaleIns,
    ...outcome,
  };
}

type Outcome = Pick<
  Trace,
  'firstResultSeconds' | 'lastResultSeconds' | 'expired' | 'late' | 'busySeconds' | 'sojournSeconds' | 'endSeconds'
>;

/** Keeps a trace short: when it is full, every second point goes, and points come half as often. */
class Recorder {
  points: TracePoint[] = [];
  peakWaiting = 0;
  /** Width of a cell, in seconds: of what happens within one, only the end is kept, because that holds until the next. */
  private every = 0;

  add(point: TracePoint): void {
    this.saw(point.waiting);
    if (this.points.length > 1 && this.isSameCell(this.points.at(-1), point)) this.points.pop();
    this.points.push(point);
    if (this.points.length <= MOST_POINTS) return;
    this.every = Math.max(2 * this.every, (2 * point.seconds) / MOST_POINTS);
    this.points = this.points.filter((each, index) => index === 0 || !this.isSameCell(each, this.points[index + 1]));
  }

  /** What waited just before something happened. */
  saw(waiting: number): void {
    this.peakWaiting = Math.max(this.peakWaiting, waiting);
  }

  private isSameCell(a: TracePoint | undefined, b: TracePoint | undefined): boolean {
    if (!a || !b || this.every === 0) return false;
    return Math.floor(a.seconds / this.every) === Math.floor(b.seconds / this.every);
  }
}

/** A queue as its metrics show it: what workers hold does not wait, whether they have begun it or not. */
function seen(
  { facts, fleet }: Run,
  { arrived, expired, waiting, inService }: Pick<TracePoint, 'arrived' | 'expired' | 'waiting' | 'inService'>,
): Queue {
  const outstanding = waiting + inService;
  const held = facts.usesJobQueue ? Math.max(inService, fleet.running * facts.receiversPerUnit) : inService;
  const visible = Math.max(0, outstanding - held);
  return { visible, outstanding, received: arrived - expired - visible };
}

// --- Event by event -------------------------------------------------------------------------------------------------

function events(run: Run): Outcome {
  const { facts, inputs, fleet, scaler, service, delivery, giveUpSeconds, recorder } = run;
  const uploads = moments(inputs.arrivals);
  const images = uploads.length;
  const { slots } = facts.unit;
  const functions = facts.scaling.kind === 'concurrency';
  /** The upload that each completion belongs to. */
  const completions = new Heap<number>();
  let [now, arrived, done, inService, expired, head] = [0, 0, 0, 0, 0, 0];
  let [busySeconds, sojournSeconds, late] = [0, 0, 0];
  let [first, last]: [number | null, number | null] = [null, null];
  // First in, first out: what waits are the uploads from `head` to `arrived`.
  const waiting = () => arrived - head;
  const point = () => ({
    seconds: now,
    arrived,
    done,
    waiting: waiting(),
    inService,
    expired,
    unitsRunning: fleet.running,
    unitsStarting: fleet.starting,
    hosts: fleet.hosts,
  });
  const record = () => recorder.add(point());
  const queue = () => seen(run, { arrived, expired, waiting: waiting(), inService });
  const upload = (index: number) => uploads[index] as number;
  const serve = () => {
    while (head < arrived && inService < fleet.running * slots) {
      completions.push(now + service, head);
      if (now - delivery - upload(head) > LATE_SECONDS) late += 1;
      head += 1;
      inService += 1;
    }
  };
  const limit = (images > 0 ? upload(images - 1) : 0) + delivery + giveUpSeconds + DAY;
  record();
  for (;;) {
    const nextArrival = arrived < images ? upload(arrived) + delivery : Number.POSITIVE_INFINITY;
    const finished = arrived === images && waiting() === 0 && inService === 0;
    if (finished && (functions || fleet.settled)) break;
    const next = Math.min(nextArrival, completions.nextTime, fleet.nextTime, scaler.nextTime);
    if (next === Number.POSITIVE_INFINITY || next > limit) break;
    busySeconds += inService * (next - now);
    now = next;
    fleet.advance(now);
    while (completions.nextTime <= now) {
      const index = completions.pop() as number;
      inService -= 1;
      done += 1;
      first ??= now;
      last = now;
      sojournSeconds += now - delivery - upload(index);
    }
    while (arrived < images && upload(arrived) + delivery <= now) arrived += 1;
    // The queue keeps a message for so long and no longer.
    while (head < arrived && now - delivery - upload(head) > giveUpSeconds) {
      head += 1;
      expired += 1;
    }
    serve();
    // A message that a free worker takes is never seen to wait.
    if (scaler.nextTime <= now) scaler.look(now, queue(), fleet);
    if (functions && waiting() > 0) {
      scaler.demand?.(now, queue(), fleet);
      fleet.advance(now);
      serve();
    }
    record();
  }
  record();
  return {
    firstResultSeconds: first,
    lastResultSeconds: last,
    expired,
    late,
    busySeconds,
    sojournSeconds,
    endSeconds: now,
  };
}

// --- As a fluid -----------------------------------------------------------------------------------------------------

function fluid(run: Run): Outcome {
  const { facts, inputs, fleet, scaler, service, start, delivery, giveUpSeconds, recorder } = run;
  const { slots } = facts.unit;
  const functions = facts.scaling.kind === 'concurrency';
  const { arrivals } = inputs;
  if (arrivals.kind === 'moments') throw new Error('images whose moments are given are no fluid');
  const images = total(arrivals);
  // Images come as whole ones: the first at once, the last when one is missing of the curve.
  const arrivedAt = (seconds: number) =>
    seconds < delivery ? 0 : Math.min(images, 1 + arrivedBy(arrivals, seconds - delivery));
  const lastArrival = lastsSeconds(arrivals) + delivery;
  // Rates change along the curve: it is followed in steps.
  const step = lastsSeconds(arrivals) > 0 ? Math.min(60, lastsSeconds(arrivals) / 100) : 60;
  let [now, arrived, done, expired, backlog] = [0, 0, 0, 0, 0];
  let busySeconds = 0;
  let [first, last]: [number | null, number | null] = [null, null];
  const capacity = () => fleet.running * slots;
  const inService = () => Math.min(backlog, capacity());
  const waiting = () => backlog - inService();
  // A look finds whole images: while units are free, those that have come within the time that one takes.
  const outstanding = () =>
    arrived < images && backlog < capacity()
      ? Math.floor(arrivedAt(now)) - Math.floor(arrivedAt(now - service))
      : Math.round(backlog);
  const point = () => ({
    seconds: now,
    arrived,
    done,
    waiting: waiting(),
    inService: inService(),
    expired,
    unitsRunning: fleet.running,
    unitsStarting: fleet.starting,
    hosts: fleet.hosts,
  });
  const record = () => recorder.add(point());
  const limit = lastArrival + giveUpSeconds + DAY;
  record();
  for (;;) {
    const finished = arrived >= images && backlog === 0;
    if (finished && (functions || fleet.settled)) break;
    const nextArrival =
      arrived >= images ? Number.POSITIVE_INFINITY : now < delivery ? delivery : Math.min(now + step, lastArrival);
    if (functions && now >= delivery) {
      // As many as wait, and as many as what comes next will keep busy: while the first of all start, those waiting too.
      const takes = service + (fleet.starts === 0 ? start : 0);
      const soon =
        nextArrival === Number.POSITIVE_INFINITY ? 0 : (arrivedAt(nextArrival) - arrived) / (nextArrival - now);
      const visible = Math.max(0, backlog - inService()) + Math.max(0, soon * takes - capacity());
      if (visible > NOTHING || backlog > capacity()) scaler.demand?.(now, { visible }, fleet);
    }
    const drained =
      arrived >= images && backlog > 0 && capacity() > 0
        ? now + drainSeconds(backlog, capacity(), service)
        : Number.POSITIVE_INFINITY;
    const giving = backlog > inService() ? now + 60 : Number.POSITIVE_INFINITY;
    const next = Math.min(nextArrival, fleet.nextTime, scaler.nextTime, drained, giving);
    if (next === Number.POSITIVE_INFINITY || next > limit) break;
    const seconds = next - now;
    const inflow = arrivedAt(next) - arrived;
    if (seconds > 0) {
      const flow = work(backlog, inflow / seconds, capacity(), service, seconds);
      backlog = flow.backlog;
      done += flow.done;
      busySeconds += flow.done * service;
      if (flow.done > 0) {
        first ??= now + service;
        last = Math.max(next, first);
      }
    } else {
      backlog += inflow;
    }
    arrived += inflow;
    now = next;
    recorder.saw(waiting());
    fleet.advance(now);
    // The curve never ends; what it stands for does, when every unit has done the one image it has.
    if (next === drained || (arrived >= images && backlog < NOTHING)) {
      done += backlog;
      busySeconds += backlog * service;
      backlog = 0;
    }
    // What came in more than so long ago is done, in work, or gone.
    const late = arrivedAt(now - giveUpSeconds) - done - expired - inService();
    const given = Math.min(Math.max(0, late), backlog - inService());
    if (given > 0) {
      expired += given;
      backlog -= given;
    }
    if (scaler.nextTime <= now) {
      const { visible, received } = seen(run, { arrived, expired, waiting: waiting(), inService: inService() });
      // Metrics count whole images.
      const whole = { visible, outstanding: outstanding(), received: Math.floor(received + A_ROUNDING) };
      scaler.look(now, whole, fleet);
    }
    fleet.advance(now);
    record();
  }
  record();
  // Of a queue that is nearly empty the fluid has a part of an image, for hours: it says nothing of one image's stay.
  return {
    firstResultSeconds: first,
    lastResultSeconds: last,
    expired,
    late: null,
    busySeconds,
    sojournSeconds: null,
    endSeconds: now,
  };
}

/** Seconds until nothing is left of a backlog that nothing is added to. */
function drainSeconds(backlog: number, capacity: number, service: number): number {
  if (backlog < NOTHING) return 0;
  const above = Math.max(0, backlog - capacity);
  // All units work until there is one image for each; then every one ends what it has.
  return (above * service) / capacity + service;
}

/**
 * What a constant inflow and a constant capacity make of a backlog: a straight line while all units work, and a curve
 * towards inflow x service while some have nothing to do.
 *
 * @returns the backlog afterwards, and how much was done
 */
export function work(
  backlog: number,
  inflowPerSecond: number,
  capacity: number,
  service: number,
  seconds: number,
): { backlog: number; done: number } {
  let [left, now] = [seconds, backlog];
  const perSecond = capacity / service;
  for (let part = 0; part < 3 && left > 1e-12; part += 1) {
    if (now > capacity || (now === capacity && inflowPerSecond >= perSecond)) {
      const slope = inflowPerSecond - perSecond;
      // Until there is one image for each unit.
      const span = slope < 0 ? Math.min(left, (now - capacity) / -slope) : left;
      now = slope < 0 && span < left ? capacity : now + slope * span;
      left -= span;
      if (span === 0 && slope < 0) now = capacity * (1 - Number.EPSILON);
    } else {
      const rest = inflowPerSecond * service;
      // Until every unit has work, when more comes than they can do.
      const full = rest > capacity ? service * Math.log((rest - now) / (rest - capacity)) : Number.POSITIVE_INFINITY;
      const span = Math.min(left, full);
      const decay = Math.exp(-span / service);
      now = span === full ? capacity : rest + (now - rest) * decay;
      left -= span;
    }
  }
  const done = capacity === 0 ? 0 : Math.max(0, backlog + inflowPerSecond * seconds - now);
  return { backlog: now, done };
}

// --- Both ends, and the bill ----------------------------------------------------------------------------------------

/**
 * Seconds by which the last image may come later than its trace says. A trace hands a free environment to whoever waits;
 * Lambda tries a throttled event again after an interval that doubles. One that has waited for some time was tried after
 * 1 s, 3 s, 7 s …: the next time is at most as far away again, and never further than the longest interval.
 */
function retrySeconds(facts: WayFacts, { delays }: Tables, inputs: ScaleInputs, high: Trace): number {
  const { low: first, high: longest } = delays['lambda-retry-interval'];
  const arrived = lastsSeconds(inputs.arrivals) + delays['s3-event-delivery'].high;
  const takes = startSeconds(facts, delays, 'high') + serviceSeconds(facts, delays, inputs, 'high', inputs.job);
  const waited = (high.lastResultSeconds ?? 0) - arrived - takes;
  return waited > 1e-6 ? Math.min(longest, waited + first) : 0;
}

const ENDS = ['low', 'high'] as const;

/**
 * Simulates one way, and what it adds to the bill. The courses are those of both ends; the figures are the least and the
 * most of those and of the two in which delays and work are at different ends.
 */
export function simulateWay(
  facts: WayFacts,
  tables: Tables,
  inputs: ScaleInputs,
  options: Pick<SimulateOptions, 'mode'> = {},
): ScaleResult {
  const low = simulate(facts, tables, inputs, 'low', options);
  const high = simulate(facts, tables, inputs, 'high', options);
  const traces = [
    low,
    high,
    simulate(facts, tables, inputs, 'low', { ...options, work: 'high' }),
    simulate(facts, tables, inputs, 'high', { ...options, work: 'low' }),
  ];
  const late = facts.scaling.kind === 'concurrency' ? retrySeconds(facts, tables, inputs, high) : 0;
  const range = (values: readonly number[]): Range => ({ low: Math.min(...values), high: Math.max(...values) });
  const known = (values: readonly (number | null)[]): Range | null => {
    const all = values.flatMap((value) => value ?? []);
    return all.length < values.length ? null : range(all);
  };
  return {
    way: facts.way,
    low,
    high,
    firstResultSeconds: known(traces.map((trace) => trace.firstResultSeconds)),
    lastResultSeconds: known(
      traces.map((trace) => trace.lastResultSeconds && trace.lastResultSeconds + (trace === high ? late : 0)),
    ),
    peakUnits: range(traces.map((trace) => trace.peakUnits)),
    peakWaiting: range(traces.map((trace) => trace.peakWaiting)),
    expired: range(traces.map((trace) => trace.expired)),
    usd: known(traces.flatMap((trace) => ENDS.map((end) => burstUsd(facts, tables, inputs, trace, end)))),
  };
}

/**
 * What this burst alone adds: the compute that came for it, its messages, its requests to S3, its log lines. Not what
 * is paid every month anyway.
 *
 * @param end of prices that are ranges
 * @returns `null` when the region has no price for a part of it
 */
function burstUsd(facts: WayFacts, { prices }: Tables, inputs: ScaleInputs, trace: Trace, end: End): number | null {
  const { job, region } = inputs;
  const { hosts } = facts;
  const spot = inputs.spot || facts.spot ? '.spot' : '';
  const images = total(inputs.arrivals) - trace.expired;
  const hostHours = hosts ? Math.max(0, trace.hostSeconds - hosts.min * trace.endSeconds) / 3600 : 0;
  const taskHours =
    facts.way === 'ecs-fargate' ? Math.max(0, trace.unitSeconds - facts.capacity.min * trace.endSeconds) / 3600 : 0;
  const receives = facts.usesJobQueue
    ? (Math.max(0, trace.unitSeconds * facts.unit.slots - trace.busySeconds) * facts.receiversPerUnit) /
      facts.unit.slots /
      facts.longPollSeconds
    : 0;
  const bill: [string, number][] = [
    [`ec2.${hosts?.instanceTypes[0]}.hour${spot}`, hostHours],
    [`ebs.${hosts?.diskType}.gib-month`, (hostHours / 730) * (hosts?.diskGib ?? 0)],
    ['ipv4.hour', (hosts?.publicIpv4 ? hostHours : 0) + (facts.taskPublicIpv4 ? taskHours : 0)],
    [`fargate.vcpu-hour${spot}`, taskHours * facts.unit.vcpus],
    [`fargate.gb-hour${spot}`, (taskHours * facts.unit.memoryMib) / 1024],
    ['lambda.gb-second', facts.way === 'lambda' ? (trace.unitSeconds * facts.unit.memoryMib) / 1024 : 0],
    ['lambda.request', facts.way === 'lambda' ? images : 0],
    ['sqs.request', facts.usesJobQueue ? 3 * images + receives : 0],
    ['s3.put', images * job.s3Puts],
    ['s3.get', images * job.s3Gets],
    ['cloudwatch.logs-gb', (images * job.logBytes) / 1024 ** 3],
  ];
  let usd = 0;
  for (const [id, quantity] of bill) {
    if (quantity === 0) continue;
    const price = findPrice(prices, id, region);
    if (!price) return null;
    usd += usdAt(price, quantity, end);
  }
  return usd;
}
