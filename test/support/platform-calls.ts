import type { Compute } from '../../workload/contract';

/**
 * What calls AWS beside the workload, in the roles that the stacks give it. Collected on 2026-11-28: inferred from the policies
 * that its documentation asks for, without what our settings switch off, and not seen. The calls of the boot and drain scripts are not here: those are seen when the scripts are run.
 */
export interface PlatformCall {
  readonly compute: Compute;
  readonly who: string;
  /** Beginning of the role's logical id. */
  readonly role: string;
  readonly actions: readonly string[];
  /** In the names of the local run: `<compute>-…`; `*` for actions that know no resources. */
  readonly resource: string;
  /** By condition key, in lower case. */
  readonly context?: Readonly<Record<string, string>>;
  readonly source: string;
}

const LOGS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const logGroup = (compute: Compute) =>
  `arn:aws:logs:us-east-1:000000000000:log-group:${compute}-logs6819bb44:log-stream:one`;

const ECS_CLUSTER = 'arn:aws:ecs:us-east-1:000000000000:cluster/ecs-ec2-clustereb0386a7';

export const PLATFORM_CALLS: readonly PlatformCall[] = [
  ...(['ec2', 'ecs-fargate', 'ecs-ec2'] as const).map((compute) => ({
    compute,
    who: 'EventBridge Scheduler, to keep the metrics of the queue coming',
    role: 'SchedulerRoleForTargete46a3d',
    actions: ['sqs:TagQueue'],
    resource: `arn:aws:sqs:us-east-1:000000000000:${compute}-jobs`,
    source: 'https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html',
  })),
  {
    compute: 'ec2',
    who: 'the CloudWatch agent; its managed policy has more, for metrics, and for groups and retention that it would set',
    role: 'Role',
    actions: LOGS,
    resource: logGroup('ec2'),
    source: 'https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html',
  },
  {
    compute: 'ec2',
    who: 'the Systems Manager agent, for Session Manager and nothing else',
    role: 'Role',
    actions: [
      'ssm:UpdateInstanceInformation',
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ],
    resource: '*',
    source:
      'https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html',
  },
  {
    compute: 'lambda',
    who: 'Lambda, for the lines of the function',
    role: 'Role',
    actions: LOGS,
    resource: logGroup('lambda'),
    source: 'https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html',
  },
  ...(['ecs-fargate', 'ecs-ec2'] as const).flatMap((compute) => [
    {
      compute,
      who: 'the ECS agent, for the image',
      role: 'TaskExecutionRole',
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
      resource: 'arn:aws:ecr:us-east-1:000000000000:repository/cdk-hnb659fds-container-assets-000000000000-us-east-1',
      source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html',
    },
    {
      compute,
      who: 'the ECS agent, for the registry',
      role: 'TaskExecutionRole',
      actions: ['ecr:GetAuthorizationToken'],
      resource: '*',
      source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html',
    },
    {
      compute,
      // On instances too: their agent starts with ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE.
      who: 'the awslogs driver',
      role: 'TaskExecutionRole',
      actions: LOGS,
      resource: logGroup(compute),
      source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html',
    },
  ]),
  {
    compute: 'ecs-ec2',
    who: 'the ECS agent, to join its cluster, and to say what became of a task',
    role: 'InstanceRole',
    actions: [
      'ecs:RegisterContainerInstance',
      'ecs:DeregisterContainerInstance',
      'ecs:SubmitTaskStateChange',
      'ecs:SubmitContainerStateChange',
    ],
    resource: ECS_CLUSTER,
    source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html',
  },
  {
    compute: 'ecs-ec2',
    who: 'the ECS agent, to be told what to run, and to send figures of it',
    role: 'InstanceRole',
    actions: ['ecs:Poll', 'ecs:StartTelemetrySession'],
    resource: '*',
    context: { 'ecs:cluster': ECS_CLUSTER },
    source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html',
  },
  {
    compute: 'ecs-ec2',
    who: 'the ECS agent, to find out where to ask',
    role: 'InstanceRole',
    actions: ['ecs:DiscoverPollEndpoint'],
    resource: '*',
    source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html',
  },
  {
    compute: 'eks-ec2',
    who: 'Fluent Bit, with auto_create_group off and no retention to set',
    role: 'FluentBitRole',
    actions: LOGS,
    resource: logGroup('eks-ec2'),
    source: 'https://docs.fluentbit.io/manual/data-pipeline/outputs/cloudwatch',
  },
  {
    compute: 'eks-fargate',
    who: 'the log router of Fargate, with auto_create_group false and no retention to set',
    role: 'PodExecutionRole',
    actions: LOGS,
    resource: logGroup('eks-fargate'),
    source: 'https://docs.fluentbit.io/manual/data-pipeline/outputs/cloudwatch',
  },
  {
    compute: 'eks-fargate',
    who: 'the kubelet of a pod on Fargate, for the image and for the registry',
    role: 'PodExecutionRole',
    actions: [
      'ecr:GetAuthorizationToken',
      'ecr:BatchCheckLayerAvailability',
      'ecr:GetDownloadUrlForLayer',
      'ecr:BatchGetImage',
    ],
    resource: '*',
    source: 'https://docs.aws.amazon.com/eks/latest/userguide/pod-execution-role.html',
  },
  ...(['eks-ec2', 'eks-fargate'] as const).map((compute) => ({
    compute,
    who: 'KEDA',
    role: 'KedaRole',
    actions: ['sqs:GetQueueAttributes'],
    resource: `arn:aws:sqs:us-east-1:000000000000:${compute}-jobs`,
    source: 'https://keda.sh/docs/2.20/scalers/aws-sqs/',
  })),
  {
    compute: 'eks-ec2',
    who: 'the Cluster Autoscaler, to look around',
    role: 'ClusterAutoscalerRole',
    actions: [
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeAutoScalingInstances',
      'autoscaling:DescribeLaunchConfigurations',
      'autoscaling:DescribeScalingActivities',
      'ec2:DescribeImages',
      'ec2:DescribeInstanceTypes',
      'ec2:DescribeLaunchTemplateVersions',
      'ec2:GetInstanceTypesFromInstanceRequirements',
    ],
    resource: '*',
    source: 'https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md',
  },
  {
    compute: 'eks-ec2',
    who: 'the Cluster Autoscaler, for the taints and labels of a managed node group without nodes',
    role: 'ClusterAutoscalerRole',
    actions: ['eks:DescribeNodegroup'],
    resource: 'arn:aws:eks:us-east-1:000000000000:nodegroup/eks-ec2-clusternodegroupworkersa3ea85b0',
    source: 'https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md',
  },
  {
    compute: 'eks-ec2',
    who: 'the Cluster Autoscaler, to add a node and to take one away',
    role: 'ClusterAutoscalerRole',
    actions: ['autoscaling:SetDesiredCapacity', 'autoscaling:TerminateInstanceInAutoScalingGroup'],
    // EKS names the group after the node group, and tags it with the cluster.
    resource: 'arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1a2b:autoScalingGroupName/eks-Workers-1a2b',
    context: { 'aws:resourcetag/eks:cluster-name': 'eks-ec2-clustereb0386a7' },
    source: 'https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html',
  },
];
