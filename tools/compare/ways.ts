import { COMPUTES, type Compute } from '../../workload/contract';

/** Tells the ways apart without colour, in charts and in text. */
export const MARKS: Readonly<Record<Compute, string>> = {
  ec2: '\u25a0',
  lambda: '\u25b2',
  'ecs-fargate': '\u25cf',
  'eks-ec2': '\u25c6',
  'ecs-ec2': '\u25bc',
  'eks-fargate': '\u2605',
};

/** One value for each way. */
export const byWay = <Value>(of: (way: Compute) => Value): Record<Compute, Value> =>
  Object.fromEntries(COMPUTES.map((way) => [way, of(way)])) as Record<Compute, Value>;
