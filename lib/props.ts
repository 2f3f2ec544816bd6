import type * as cdk from 'aws-cdk-lib/core';

/** What the app decides for all four stacks. */
export interface FourWaysStackProps extends cdk.StackProps {
  /**
   * Puts machines into private subnets behind one NAT gateway, and closes the endpoint of the EKS cluster to the
   * internet. Costs an hourly fee even when idle.
   *
   * @default false - public subnets without inbound rules: nothing can connect, and nothing is paid for idling
   */
  readonly production?: boolean;
  /**
   * Runs workers on spare capacity that AWS may take back with two minutes' notice: the job survives that by design.
   *
   * @default false - On-Demand capacity
   */
  readonly spot?: boolean;
  /**
   * ARN of the IAM user or role that may use `kubectl` against the EKS cluster.
   *
   * @default - nobody; the stack itself uses a role of its own
   */
  readonly clusterAdmin?: string;
  /**
   * Where mail goes when an alarm needs a person. AWS asks that address first, by mail.
   *
   * @default - nobody is told
   */
  readonly alarmEmail?: string;
}
