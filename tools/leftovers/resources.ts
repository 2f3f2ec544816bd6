import { tables } from '../compare/data/tables';
import { findPrice, HOURS_PER_MONTH, usdAt } from '../compare/model/cost';
import type { Region } from '../compare/model/types';

/**
 * Every type of resource that is in our templates: what it costs to keep, who looks for it, and what a service makes on
 * its behalf that can outlive it. A test holds that no type is missing.
 */

/** Who looks. */
export type Lookup =
  | 'ec2'
  | 'logs'
  | 'cloudwatch'
  | 's3'
  | 'sqs'
  | 'ecs'
  | 'eks'
  | 'autoscaling'
  | 'tags'
  | 'bootstrap';

export interface Kind {
  /** What a reader calls it. */
  readonly what: string;
  /** Of the price table, and how many of it a month; `null`: billed, by what is not in that table. Without it: free. */
  readonly price?: readonly [id: string, quantity: number] | null;
  /** Asks its service whether it is there: what CloudFormation remembers of it is then not needed. */
  readonly seenBy?: Lookup;
  /** Look for what is made on its behalf, with a comment that says what that is. */
  readonly leaves?: readonly Lookup[];
}

const anHour = (id: string): readonly [string, number] => [id, HOURS_PER_MONTH];

export const KINDS: Readonly<Record<string, Kind>> = {
  'AWS::ApplicationAutoScaling::ScalableTarget': { what: 'scalable target' },
  'AWS::ApplicationAutoScaling::ScalingPolicy': { what: 'scaling policy' },
  // Instances, with their disks, until they have ended.
  'AWS::AutoScaling::AutoScalingGroup': { what: 'Auto Scaling group', seenBy: 'autoscaling', leaves: ['ec2'] },
  'AWS::AutoScaling::ScalingPolicy': { what: 'scaling policy' },
  // By the metrics that are under it: one at least.
  'AWS::CloudWatch::Alarm': { what: 'alarm', price: ['cloudwatch.alarm-metric-month', 1], seenBy: 'cloudwatch' },
  // But for the first three of an account.
  'AWS::CloudWatch::Dashboard': { what: 'dashboard', price: ['cloudwatch.dashboard-month', 1] },
  'AWS::EC2::EIP': { what: 'public IPv4 address', price: anHour('ipv4.hour'), seenBy: 'ec2' },
  'AWS::EC2::InternetGateway': { what: 'internet gateway', seenBy: 'ec2' },
  // Disks of instances that were started with it.
  'AWS::EC2::LaunchTemplate': { what: 'launch template', leaves: ['ec2'] },
  'AWS::EC2::NatGateway': { what: 'NAT gateway', price: anHour('nat.hour'), seenBy: 'ec2' },
  'AWS::EC2::Route': { what: 'route' },
  'AWS::EC2::RouteTable': { what: 'route table', seenBy: 'ec2' },
  'AWS::EC2::SecurityGroup': { what: 'security group', seenBy: 'ec2' },
  'AWS::EC2::SecurityGroupEgress': { what: 'rule of a security group' },
  'AWS::EC2::SecurityGroupIngress': { what: 'rule of a security group' },
  'AWS::EC2::Subnet': { what: 'subnet', seenBy: 'ec2' },
  'AWS::EC2::SubnetRouteTableAssociation': { what: 'association of a route table' },
  // What others have put into it: network interfaces, security groups, endpoints of GuardDuty, load balancers.
  'AWS::EC2::VPC': { what: 'VPC', seenBy: 'ec2', leaves: ['ec2'] },
  // The one here is a gateway, which is free.
  'AWS::EC2::VPCEndpoint': { what: 'VPC endpoint' },
  'AWS::EC2::VPCGatewayAttachment': { what: 'attachment of a gateway' },
  // Two alarms of ECS's own, by which it scales.
  'AWS::ECS::CapacityProvider': { what: 'capacity provider', leaves: ['cloudwatch'] },
  // Where an account has Container Insights on by default, its log group.
  'AWS::ECS::Cluster': { what: 'ECS cluster', leaves: ['logs'] },
  'AWS::ECS::ClusterCapacityProviderAssociations': { what: 'association of a capacity provider' },
  'AWS::ECS::Service': { what: 'ECS service', price: null },
  // CloudFormation deregisters it, and ECS keeps what is deregistered.
  'AWS::ECS::TaskDefinition': { what: 'task definition', seenBy: 'ecs', leaves: ['ecs'] },
  'AWS::EKS::AccessEntry': { what: 'access entry' },
  // The VPC CNI makes network interfaces, and a node that ends at the wrong moment leaves them.
  'AWS::EKS::Addon': { what: 'EKS add-on', leaves: ['ec2'] },
  // Its log group, made anew by a last line; its security group, with the interfaces that are in it.
  'AWS::EKS::Cluster': {
    what: 'EKS cluster',
    price: anHour('eks.cluster-hour'),
    seenBy: 'eks',
    leaves: ['logs', 'ec2'],
  },
  'AWS::EKS::FargateProfile': { what: 'Fargate profile', seenBy: 'eks', leaves: ['ec2'] },
  // A group and a launch template of EKS's own, and instances.
  'AWS::EKS::Nodegroup': { what: 'node group', seenBy: 'eks', leaves: ['autoscaling', 'ec2'] },
  'AWS::EKS::PodIdentityAssociation': { what: 'Pod Identity association' },
  'AWS::IAM::InstanceProfile': { what: 'instance profile' },
  'AWS::IAM::ManagedPolicy': { what: 'policy' },
  'AWS::IAM::OIDCProvider': { what: 'identity provider' },
  'AWS::IAM::Policy': { what: 'policy' },
  'AWS::IAM::Role': { what: 'role' },
  'AWS::Lambda::EventInvokeConfig': { what: 'setting of a function' },
  // A log group of its own, had it not one of the stack's; the interfaces of one in a VPC. The zip in CDK's bucket.
  'AWS::Lambda::Function': { what: 'function', leaves: ['logs', 'ec2', 'bootstrap'] },
  'AWS::Lambda::LayerVersion': { what: 'version of a layer', leaves: ['bootstrap'] },
  'AWS::Lambda::Permission': { what: 'permission of a function' },
  // Whoever writes a last line makes it anew.
  'AWS::Logs::LogGroup': { what: 'log group', price: null, seenBy: 'logs', leaves: ['logs'] },
  'AWS::S3::Bucket': { what: 'bucket', price: null, seenBy: 's3' },
  'AWS::S3::BucketPolicy': { what: 'bucket policy' },
  'AWS::SNS::Subscription': { what: 'subscription' },
  'AWS::SNS::Topic': { what: 'topic' },
  'AWS::SNS::TopicPolicy': { what: 'topic policy' },
  'AWS::SQS::Queue': { what: 'queue', seenBy: 'sqs' },
  'AWS::SQS::QueuePolicy': { what: 'queue policy' },
  'AWS::SSM::Parameter': { what: 'parameter' },
  'AWS::Scheduler::Schedule': { what: 'schedule' },
  // What pods have made: volumes, load balancers. Those of the charts here make none; a reader's may.
  'Custom::AWSCDK-EKS-HelmChart': { what: 'chart', leaves: ['ec2', 'tags'] },
  'Custom::AWSCDK-EKS-KubernetesResource': { what: 'object of Kubernetes', leaves: ['ec2', 'tags'] },
  // Calls of a function, not things.
  'Custom::S3AutoDeleteObjects': { what: 'call of a function' },
  'Custom::S3BucketNotifications': { what: 'call of a function' },
  'Custom::VpcRestrictDefaultSG': { what: 'call of a function' },
};

/** In USD a month; `null` where the table has no such price for the region. */
export function usd(id: string, quantity: number, region: string): number | null {
  if (quantity === 0) return 0;
  const price = findPrice(tables.prices, id, region as Region);
  return price ? usdAt(price, quantity) : null;
}

/** What a resource that CloudFormation has made costs to keep. Of a type that is not ours nobody knows. */
export function keeping(type: string, region: string): number | null {
  const { price } = KINDS[type] ?? { price: null };
  return price === undefined ? 0 : price && usd(...price, region);
}
