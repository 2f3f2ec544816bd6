import type * as cdk from 'aws-cdk-lib/core';

/** What the app decides for all stacks. */
export interface FourWaysStackProps extends cdk.StackProps {
  /**
   * Puts machines into private subnets behind one NAT gateway, which is billed by the hour, and closes the endpoint of the
   * EKS cluster to the internet. To be chosen before the first deployment. Pods of EKS on Fargate are in such subnets anyway.
   *
   * @default false - public subnets, and no rule that lets anybody connect to a worker; the endpoint of the EKS cluster is
   * public, and IAM decides who may use it
   */
  readonly production?: boolean;
  /**
   * Availability zones by name (`us-east-1a`) or letter (`a`), two or more: where a zone lacks an instance type, or EKS
   * refuses it. To be chosen before the first deployment, because a subnet cannot move. Lambda has no network of ours.
   *
   * @default - the first two of the region
   */
  readonly zones?: readonly string[];
  /**
   * Runs workers on spare capacity that AWS may take back with two minutes' notice: the job survives that by design. There
   * is none for Lambda, and none for EKS on Fargate.
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
