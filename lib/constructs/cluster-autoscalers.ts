import * as eks from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { podRole } from './pod-role';
import * as manifests from './resizer-manifests';

export interface PodAutoscalerProps {
  readonly cluster: eks.Cluster;
  readonly nodes: eks.Nodegroup;
  /** What is scaled. */
  readonly pods: eks.KubernetesManifest;
  readonly queue: sqs.Queue;
}

/**
 * Defines KEDA and what it scales: pods by the messages that are outstanding, none when there are none. KEDA asks the
 * queue as itself; the worker's own role does not have to allow it.
 *
 * @see https://keda.sh/docs/2.20/scalers/aws-sqs/
 */
export class PodAutoscaler extends Construct {
  constructor(scope: Construct, id: string, { cluster, nodes, pods, queue }: PodAutoscalerProps) {
    super(scope, id);
    const role = podRole(this, 'Role', cluster, 'keda', 'keda-operator');
    queue.grants.actions(role, ['sqs:GetQueueAttributes']);
    const keda = new eks.HelmChart(this, 'Keda', {
      cluster,
      repository: 'https://kedacore.github.io/charts',
      chart: 'keda',
      version: '2.20.2',
      release: 'keda',
      namespace: 'keda',
    });
    // Credentials are put into a pod when it starts. And KEDA goes before the nodes it runs on.
    keda.node.addDependency(role, nodes);
    const manifest = [manifests.triggerAuthentication, manifests.scaledObject(queue.queueUrl, Stack.of(this).region)];
    const scaler = new eks.KubernetesManifest(this, 'Scaler', {
      cluster,
      // A copy, because CDK writes a label of this stack into it, and another stack is given the same objects.
      manifest: structuredClone(manifest) as Record<string, unknown>[],
    });
    // Deleted first: without KEDA nobody removes its finalizer, and the deletion would wait until it times out.
    // Only this waits for the pods: the role must be known to EKS well before KEDA starts.
    scaler.node.addDependency(keda, pods);
  }
}

export interface NodeAutoscalerProps {
  readonly cluster: eks.Cluster;
  readonly nodes: eks.Nodegroup;
}

/**
 * Defines the Cluster Autoscaler: adds a node when a pod finds no room, and takes one away that has nothing to do. KEDA
 * scales pods only; without this they would wait for ever. It finds the node group by the tags EKS puts on it.
 *
 * @see https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
 */
export class NodeAutoscaler extends Construct {
  constructor(scope: Construct, id: string, { cluster, nodes }: NodeAutoscalerProps) {
    super(scope, id);
    const role = podRole(this, 'Role', cluster, 'kube-system', 'cluster-autoscaler');
    role.addToPolicy(
      new iam.PolicyStatement({
        // None of these can be narrowed to a resource: they list, and change nothing.
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
        resources: ['*'],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['autoscaling:SetDesiredCapacity', 'autoscaling:TerminateInstanceInAutoScalingGroup'],
        // Groups that EKS has made for node groups, and of those the ones of this cluster.
        resources: [
          Stack.of(this).formatArn({
            service: 'autoscaling',
            resource: 'autoScalingGroup',
            resourceName: '*:autoScalingGroupName/eks-*',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ],
        conditions: { StringEquals: { 'aws:ResourceTag/eks:cluster-name': cluster.clusterName } },
      }),
    );
    role.addToPolicy(new iam.PolicyStatement({ actions: ['eks:DescribeNodegroup'], resources: [nodes.nodegroupArn] }));
    const chart = new eks.HelmChart(this, 'Chart', {
      cluster,
      repository: 'https://kubernetes.github.io/autoscaler',
      chart: 'cluster-autoscaler',
      // Chart of the Cluster Autoscaler 1.35, which goes with Kubernetes 1.35.
      version: '9.59.0',
      release: 'cluster-autoscaler',
      namespace: 'kube-system',
      values: {
        autoDiscovery: { clusterName: cluster.clusterName },
        awsRegion: Stack.of(this).region,
        rbac: { serviceAccount: { name: 'cluster-autoscaler' } },
        extraArgs: { 'scale-down-unneeded-time': '5m', 'skip-nodes-with-system-pods': false },
      },
    });
    chart.node.addDependency(role, nodes);
  }
}
