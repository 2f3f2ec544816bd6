import { type Stack, Validations } from 'aws-cdk-lib/core';
import type { Compute } from '../workload/contract';

/**
 * What cdk-nag finds and we keep, all of it, with the reason. Everything else it finds fails the synthesis.
 */

const KEYS = 'Keys are chosen by whoever uploads: a prefix is as narrow as it gets.';
const MANAGED = 'The managed policy that AWS documents for this role; AWS keeps it up to date.';
const HANDLER = "CDK's own handler for what CloudFormation cannot do; its role and runtime are CDK's.";
const NOT_THIS_ONE = 'It cannot be narrowed: the action knows no resources.';

const ALL = {
  S1: 'Access logs would need a third bucket to look after. CloudTrail data events serve production better.',
  'IAM5[Resource::<ImagesSource3216CA9E.Arn>/incoming/*]': KEYS,
  'IAM5[Resource::<ImagesOutput03B43628.Arn>/renditions/*]': KEYS,
  'IAM5[Resource::<ImagesOutput03B43628.Arn>/rejected/*]': KEYS,
  'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]': HANDLER,
};
const VPC7 = 'Nothing can connect from outside, and flow logs are billed by the gigabyte. Turn them on for production.';

const AS3 = 'Instances come and go with the queue. The activity history of the group tells it when somebody asks.';
const ECS2 = 'The variables are names of buckets and a URL: none is a secret.';
const ECS4 = 'Container Insights is billed by the metric, and the worker publishes its own.';

/** The control plane, and CDK's handler that speaks to it. */
const EKS = {
  L1: HANDLER,
  // In production: the handler then works inside the VPC.
  'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]': HANDLER,
  'IAM5[Resource::<ClusterKubectlProviderHandler2E05C68A.Arn>:*]': HANDLER,
  'IAM4[Policy::{"Fn::If":["ClusterKubectlProviderHandlerHasEcrPublic69E09706",{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":iam::aws:policy/AmazonElasticContainerRegistryPublicReadOnly"]]},{"Ref":"AWS::NoValue"}]}]':
    HANDLER,
  'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly]': MANAGED,
  'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEKSClusterPolicy]': MANAGED,
};

/** Ids are cdk-nag's, without the name of its rule pack. */
export const ACKNOWLEDGED: Readonly<Record<Compute, Readonly<Record<string, string>>>> = {
  lambda: {
    ...ALL,
    SQS3: 'It is the dead-letter queue: the function sends to it, where the other columns have a queue that does.',
  },
  ec2: {
    ...ALL,
    VPC7,
    AS3,
    'IAM5[Resource::*]':
      'What AWS documents for Session Manager: channels are no resources, and instances come and go.',
    'IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/<AWS::StackName>-WorkersASG*]':
      'The stars stand for ids that are known when the group is made. Only groups of this stack are called like this.',
  },
  'ecs-fargate': {
    ...ALL,
    VPC7,
    ECS2,
    ECS4,
    'IAM5[Resource::*]': NOT_THIS_ONE,
  },
  'ecs-ec2': {
    ...ALL,
    VPC7,
    ECS2,
    ECS4,
    AS3,
    'IAM5[Resource::*]':
      'Two actions know no resources. The others are what the ECS agent asks its cluster, and a condition holds them to it.',
    // With Spot instances.
    'IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:container-instance/<ClusterEB0386A7>/*]':
      'ECS names its instances when they join. Only those of this cluster are called like this.',
  },
  'eks-ec2': {
    ...ALL,
    ...EKS,
    VPC7,
    'IAM5[Resource::*]': NOT_THIS_ONE,
    'IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/eks-*]':
      'EKS names the groups of its nodes; a condition on the tag of the cluster leaves only its own.',
    'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEKS_CNI_Policy]': MANAGED,
    'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEKSWorkerNodePolicy]': MANAGED,
  },
  'eks-fargate': {
    ...ALL,
    ...EKS,
    VPC7,
    'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEKSFargatePodExecutionRolePolicy]': MANAGED,
  },
};

/** Acknowledges what is kept in the stack of a way. */
export function acknowledge(way: Compute, stack: Stack): void {
  for (const [id, reason] of Object.entries(ACKNOWLEDGED[way])) {
    Validations.of(stack).acknowledge({ id: `AwsSolutions-${id}`, reason });
  }
}
