import type { Assumptions, Inputs, StepRule, WayFacts } from './types';

/** How long one image keeps a unit busy, and how long a unit takes to come. Shared by cost and scale. */

export interface Service {
  /** That one image keeps one slot, when another follows it. */
  readonly slotSeconds: number;
  /** From the begin of one image to its result. */
  readonly jobSeconds: number;
}

/**
 * A queue worker holds several messages for each slot, and decodes one image while it waits for S3 on behalf of others: so
 * either the CPU is the limit, or the waiting, shared by the messages that it holds. A function waits for its own transfers
 * and is billed for waiting. What a function has of CPU beyond one vCPU is left out: a picture is decoded by one thread
 * for the most part, and `npm run bench` measures the same billed time at 2,048 MB as at 1,769.
 *
 * @throws Error, in one line, when the platform would not let the job come to its end: nothing here knows that bill
 */
export function serviceOf(facts: WayFacts, a: Assumptions, { job }: Pick<Inputs, 'job'>): Service {
  const { unit, way, longestJobSeconds } = facts;
  const cpu = a['image-cpu'] * a['cpu-speed'];
  const waits = job.s3Waits * a['s3-request'];
  const service =
    unit.kind === 'function'
      ? oneByOne(cpu / Math.min(1, unit.memoryMib / a['lambda-vcpu-mib']) + waits)
      : heldTogether(cpu / Math.min(1, unit.vcpus / unit.slots), waits, unit.held / unit.slots);
  if (service.jobSeconds > longestJobSeconds) {
    throw new Error(
      `an image may take ${Math.ceil(service.jobSeconds)} s on ${way}, where a job has ${longestJobSeconds} s`,
    );
  }
  return service;
}

const oneByOne = (seconds: number): Service => ({ slotSeconds: seconds, jobSeconds: seconds });

/** What CPU and waiting, in seconds for an image, make of a slot that holds several messages. */
export const heldTogether = (cpu: number, waits: number, held: number): Service => ({
  slotSeconds: Math.max(cpu, (cpu + waits) / held),
  jobSeconds: cpu + waits,
});

/** Seconds from the wish for a unit until it works, where there is a host for it. */
export function startSeconds({ way, scaling }: WayFacts, a: Assumptions): number {
  switch (way) {
    case 'lambda':
      return a['lambda-cold-start'];
    case 'ec2': {
      // What the boot script installs was not measured: at most as long as the scaling policy allows for.
      const rules = scaling.kind === 'steps' ? scaling.rules : [];
      const allowed = Math.max(0, ...rules.map((rule) => rule.warmupSeconds ?? 0));
      return a['ec2-boot'] + a['ec2-boot-script'] * Math.max(0, allowed - a['ec2-boot']);
    }
    case 'ecs-fargate':
      return a['fargate-task-start'];
    // A container on a machine that is there. Nobody has measured a task's; a pod's is taken.
    case 'ecs-ec2':
    case 'eks-ec2':
      return a['pod-start'];
    case 'eks-fargate':
      return a['eks-fargate-pod-start'];
  }
}

/** Units that a step scaling policy adds at a metric; negative when it takes. */
export function stepChange({ direction, steps }: Pick<StepRule, 'direction' | 'steps'>, metric: number): number {
  // Bounds belong to the step that is nearer to the threshold: from below when scaling in.
  const within = ({ from, to }: StepRule['steps'][number]) =>
    direction === 'out'
      ? (from === null || metric >= from) && (to === null || metric < to)
      : (from === null || metric > from) && (to === null || metric <= to);
  return steps.find(within)?.change ?? 0;
}
