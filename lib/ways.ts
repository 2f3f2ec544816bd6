import { COMPUTES, type Compute } from '../workload/contract';

/**
 * The ways to run the workload, and what belongs to each: the list that everything else asks. Whoever adds one begins in
 * `workload/computes.ts`, and the compiler names what is missing; `CONTRIBUTING.md` has the path.
 */
export interface Way {
  /** What a reader calls it. */
  readonly title: string;
  /** Name of its stack, where nobody chooses an end for it. */
  readonly stack: string;
  /** Who starts, watches and replaces what does the work. With {@link servers} the place in the grid. */
  readonly orchestrator: 'nobody' | 'ECS' | 'EKS';
  readonly servers: 'yours' | 'AWS’s';
  /**
   * What does the work. It has the environment and the role of the job, so this says where in a template they are, and as
   * what the platform takes on the role.
   */
  readonly unit: 'instance' | 'function' | 'task' | 'pod';
  /** What of `workload/` runs in it: the loop that polls the job queue, or the function that S3 invokes. */
  readonly entry: 'worker' | 'function';
  readonly architecture: 'arm64' | 'x64';
}

export const WAYS: Readonly<Record<Compute, Way>> = {
  ec2: {
    title: 'EC2',
    stack: 'ResizeOnEc2',
    orchestrator: 'nobody',
    servers: 'yours',
    unit: 'instance',
    entry: 'worker',
    architecture: 'arm64',
  },
  lambda: {
    title: 'Lambda',
    stack: 'ResizeOnLambda',
    orchestrator: 'nobody',
    servers: 'AWS’s',
    unit: 'function',
    entry: 'function',
    architecture: 'arm64',
  },
  'ecs-fargate': {
    title: 'ECS on Fargate',
    stack: 'ResizeOnEcsFargate',
    orchestrator: 'ECS',
    servers: 'AWS’s',
    unit: 'task',
    entry: 'worker',
    architecture: 'arm64',
  },
  'eks-ec2': {
    title: 'EKS on EC2',
    stack: 'ResizeOnEksEc2',
    orchestrator: 'EKS',
    servers: 'yours',
    unit: 'pod',
    entry: 'worker',
    architecture: 'arm64',
  },
  'ecs-ec2': {
    title: 'ECS on EC2',
    stack: 'ResizeOnEcsEc2',
    orchestrator: 'ECS',
    servers: 'yours',
    unit: 'task',
    entry: 'worker',
    architecture: 'arm64',
  },
  'eks-fargate': {
    title: 'EKS on Fargate',
    stack: 'ResizeOnEksFargate',
    orchestrator: 'EKS',
    servers: 'AWS’s',
    unit: 'pod',
    entry: 'worker',
    architecture: 'x64',
  },
};

/**
 * The four ways: first in every list, what the comparison puts side by side first, and what runs locally where nobody asks
 * for others. The others complete the grid.
 */
export const FOUR_WAYS = ['ec2', 'lambda', 'ecs-fargate', 'eks-ec2'] as const satisfies readonly Compute[];
export type FourWay = (typeof FOUR_WAYS)[number];

/** The ways whose workers poll the job queue. */
export const POLLING = COMPUTES.filter((way) => WAYS[way].entry === 'worker');

/** Where the stack of a way is, from the root of the repository. */
export const sourceOf = (way: Compute): string => `lib/${way}-stack.ts`;

/** And its page. */
export const pageOf = (way: Compute): string => `docs/${way}.md`;
