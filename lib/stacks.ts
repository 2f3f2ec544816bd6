import type * as cdk from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { COMPUTES, type Compute } from '../workload/contract';
import { Ec2Stack } from './ec2-stack';
import { EcsEc2Stack } from './ecs-ec2-stack';
import { EcsFargateStack } from './ecs-fargate-stack';
import { EksEc2Stack } from './eks-ec2-stack';
import { EksFargateStack } from './eks-fargate-stack';
import { LambdaStack } from './lambda-stack';
import type { FourWaysStackProps } from './props';
import { WAYS } from './ways';

type StackClass = new (scope: Construct, id: string, props?: FourWaysStackProps) => cdk.Stack;

/** The stack of each way. Apart from `ways.ts`, so that who only asks for a title does not load the CDK. */
export const STACKS: Readonly<Record<Compute, StackClass>> = {
  ec2: Ec2Stack,
  lambda: LambdaStack,
  'ecs-fargate': EcsFargateStack,
  'eks-ec2': EksEc2Stack,
  'ecs-ec2': EcsEc2Stack,
  'eks-fargate': EksFargateStack,
};

/**
 * Defines the stacks of all ways, or of some, in this order.
 * @param suffix the end of every name
 */
export function defineStacks(
  app: cdk.App,
  props: FourWaysStackProps,
  suffix = '',
  ways: readonly Compute[] = COMPUTES,
): Map<Compute, cdk.Stack> {
  return new Map(ways.map((way) => [way, new STACKS[way](app, `${WAYS[way].stack}${suffix}`, props)]));
}
