import type { Compute } from '../../workload/contract';

/** What a reader calls the four ways. */
export const NAMES: Readonly<Record<Compute, string>> = {
  ec2: 'EC2',
  lambda: 'Lambda',
  'ecs-fargate': 'ECS on Fargate',
  'eks-ec2': 'EKS on EC2',
};

/** Tells the ways apart without colour, in charts and in text. */
export const MARKS: Readonly<Record<Compute, string>> = {
  ec2: '\u25a0',
  lambda: '\u25b2',
  'ecs-fargate': '\u25cf',
  'eks-ec2': '\u25c6',
};
