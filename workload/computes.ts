/**
 * The ways. The value of `COMPUTE`, a property of every log line, and metadata of every rendition. What belongs to each is
 * in `lib/ways.ts`. Apart from `contract.ts`, because a project that is taken out of this one has one way only.
 */
export const COMPUTES = ['ec2', 'lambda', 'ecs-fargate', 'eks-ec2', 'ecs-ec2', 'eks-fargate'] as const;
export type Compute = (typeof COMPUTES)[number];
