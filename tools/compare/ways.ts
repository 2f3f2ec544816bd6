import { FOUR_WAYS, type FourWay, WAYS } from '../../lib/ways';
import { COMPUTES } from '../../workload/contract';

/** Tells the ways apart without colour, in charts and in text. */
export const MARKS: Readonly<Record<FourWay, string>> = {
  ec2: '\u25a0',
  lambda: '\u25b2',
  'ecs-fargate': '\u25cf',
  'eks-ec2': '\u25c6',
};

const others = COMPUTES.filter((way) => !FOUR_WAYS.some((one) => one === way));

/** A sentence on the ways that the model does not know yet. */
export const NOT_COMPARED = `Not compared yet, though they can be deployed: ${others.map((way) => WAYS[way].title).join(', ')}.`;
