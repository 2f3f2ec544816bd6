import type { FourWay } from '../../../lib/ways';
import type { Delays, End, ImageWork, JobFacts, Range, ScalingStep, StepRule, WayFacts } from './types';

/** How long one image keeps a unit busy, and how long a unit takes to come and to go. Shared by cost and scale. */

export interface Work {
  readonly work: ImageWork;
  /** CPU time there / CPU time on the measuring machine. */
  readonly slowdown: Range;
}

/**
 * Seconds that one image keeps one slot busy, when another follows it.
 *
 * A queue worker holds several messages for each slot, and decodes one image while it waits for S3 on behalf of others: so
 * either the CPU is the limit, or the waiting, shared by the messages that it holds. A function waits for its own transfers
 * and is billed for waiting. Low end: the decoder uses all CPU that comes with the memory; high end: one core of it.
 *
 * @throws Error, in one line, when the platform would not let the job come to its end: nothing here knows that bill
 */
export function serviceSeconds(
  facts: WayFacts,
  delays: Delays,
  { work, slowdown }: Work,
  end: End,
  job: Pick<JobFacts, 's3Waits'>,
): number {
  const cpu = work.cpuSeconds[end] * slowdown[end];
  const share = facts.unit.memoryMib / delays['lambda-vcpu-mib'][end];
  const cores = end === 'low' ? share : Math.min(1, share);
  const waits = job.s3Waits * delays['s3-request'][end];
  const seconds =
    facts.way === 'lambda'
      ? cpu / cores + waits
      : slotSeconds(cpu / Math.min(1, facts.unit.vcpus / facts.unit.slots), waits, heldPerSlot(facts));
  if (seconds > facts.longestJobSeconds) {
    throw new Error(
      `an image may take ${Math.ceil(seconds)} s on ${facts.way}, where a job has ${facts.longestJobSeconds} s`,
    );
  }
  return seconds;
}

const heldPerSlot = ({ receiversPerUnit, unit }: WayFacts) => receiversPerUnit / unit.slots;

/** What CPU and waiting make of a slot that holds several messages, each of them in seconds for an image. */
export function slotSeconds(cpu: number, waits: number, held: number): number {
  return Math.max(cpu, (cpu + waits) / held);
}

/** Seconds from the decision to start a unit until it works. */
export function startSeconds(facts: WayFacts, delays: Delays, end: End): number {
  const warmup =
    facts.scaling.kind === 'steps' ? Math.max(0, ...facts.scaling.rules.map((rule) => rule.warmupSeconds ?? 0)) : 0;
  const starts: Record<FourWay, number> = {
    // What the boot script installs is not in any table: at most as long as the group itself allows for.
    ec2: end === 'low' ? delays['ec2-boot'].low : Math.max(delays['ec2-boot'].high, warmup),
    lambda: delays['lambda-cold-start'][end],
    'ecs-fargate': delays['fargate-task-start'][end],
    'eks-ec2': delays['pod-start'][end],
  };
  return starts[facts.way];
}

/** Seconds from the end of the last job until units are told to leave: so long they ask an empty queue. */
export function idleSeconds({ scaling }: WayFacts, delays: Delays, end: End): number {
  if (scaling.kind === 'concurrency') return 0;
  // At best the last poll that found something was a whole interval before the end; at worst the next one is as late.
  if (scaling.kind === 'keda') return scaling.cooldownSeconds + (end === 'low' ? -1 : 1) * scaling.pollingSeconds;
  const rule = scaling.rules.find(({ direction }) => direction === 'in');
  if (!rule) return 0;
  const empty = rule.datapointsToAlarm * rule.periodSeconds;
  const every = delays['alarm-evaluation'].high;
  // At best the first sample is taken as the job ends, the last one a minute before the periods are over, unless that
  // first sample counts what was received in the minute before; at worst the metric is late, and so is the evaluation.
  if (end === 'low') return empty - (rule.metrics.includes('received') ? 0 : every);
  return empty + delays['sqs-metric'].high + every;
}

/** Seconds from the end of the last job until what was started for it is gone: what is paid for waiting. */
export function tailSeconds(facts: WayFacts, delays: Delays, end: End): number {
  const { scaling } = facts;
  const idle = idleSeconds(facts, delays, end);
  if (scaling.kind === 'keda') {
    const { unneededSeconds, delayAfterAddSeconds } = scaling.nodes;
    // At the latest the last node came with the last job.
    const nodes = Math.max(idle + unneededSeconds, end === 'high' ? delayAfterAddSeconds : 0);
    return nodes + delays['node-autoscaler-scan'][end];
  }
  // At worst what leaves drains to the end.
  return idle + (scaling.kind === 'steps' && end === 'high' ? facts.drainSeconds || facts.stopGraceSeconds : 0);
}

/** Units that a step scaling policy adds at a metric; negative when it takes. */
export function stepChange({ direction, steps }: Pick<StepRule, 'direction' | 'steps'>, metric: number): number {
  // Bounds belong to the step that is nearer to the threshold: from below when scaling in.
  const within = ({ fromMetric, toMetric }: ScalingStep) =>
    direction === 'out'
      ? (fromMetric === null || metric >= fromMetric) && (toMetric === null || metric < toMetric)
      : (fromMetric === null || metric > fromMetric) && (toMetric === null || metric <= toMetric);
  return steps.find(within)?.change ?? 0;
}
