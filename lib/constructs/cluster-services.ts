import * as eks from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { podRole } from './pod-role';
import * as manifests from './resizer-manifests';

/**
 * What a cluster has to be given, and ECS on Fargate has built in. Each is made after the ones above it, and deleted before
 * them.
 *
 * | here                | what it gives to a cluster                               | on ECS                         |
 * | ------------------- | -------------------------------------------------------- | ------------------------------ |
 * | `NodeAddons`        | addresses, network policies, services, credentials       | the network and role of a task |
 * | (nodes)             | machines: the column has them                            | Fargate                        |
 * | `ClusterDns`        | name resolution                                          | the resolver of the VPC        |
 * | `FluentBit`         | log lines in CloudWatch                                  | the log driver of a task       |
 * | `WorkerNamespace`   | who the worker is, what it may reach, how it is moved    | the service                    |
 * | `Keda`              | pods by the length of the queue                          | Application Auto Scaling       |
 * | `ClusterAutoscaler` | nodes by the pods                                        | Fargate                        |
 *
 * Objects that Kubernetes is given for them are in `resizer-manifests.ts`.
 */

interface ServiceProps {
  readonly cluster: eks.Cluster;
  /** Pods need a node and names, and nothing here starts without them. */
  readonly dns: ClusterDns;
}

/** An add-on in the version that EKS gives to the version of the cluster. */
function addon(
  scope: Construct,
  id: string,
  cluster: eks.Cluster,
  addonName: string,
  settings?: Record<string, string>,
) {
  const added = new eks.Addon(scope, id, { cluster, addonName, configurationValues: settings });
  // A cluster is born with copies of most of them that nobody manages: the add-on takes them over.
  (added.node.defaultChild as eks.CfnAddon).resolveConflicts = 'OVERWRITE';
}

/** Defines the add-ons that run on every node, from its start on. */
export class NodeAddons extends Construct {
  constructor(scope: Construct, id: string, cluster: eks.Cluster) {
    super(scope, id);
    // Unless this is said, network policies are accepted and not enforced.
    addon(this, 'Networking', cluster, 'vpc-cni', { enableNetworkPolicy: 'true' });
    addon(this, 'KubeProxy', cluster, 'kube-proxy');
    addon(this, 'PodIdentity', cluster, 'eks-pod-identity-agent');
  }
}

/** Defines name resolution: after the nodes, because EKS waits until the pods of this add-on run. */
export class ClusterDns extends Construct {
  constructor(scope: Construct, id: string, { cluster, nodes }: { cluster: eks.Cluster; nodes: eks.Nodegroup }) {
    super(scope, id);
    addon(this, 'CoreDns', cluster, 'coredns');
    this.node.addDependency(nodes);
  }
}

/** Defines Fluent Bit: a pod on every node that sends the worker's lines to CloudWatch. */
export class FluentBit extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, { cluster, dns, logGroup }: ServiceProps & { logGroup: logs.ILogGroup }) {
    super(scope, id);
    this.role = podRole(this, 'Role', cluster, manifests.names.logging, manifests.names.fluentBit);
    const manifest = manifests.fluentBit(logGroup.logGroupName, Stack.of(this).region);
    const pods = new eks.KubernetesManifest(this, 'Pods', { cluster, manifest });
    pods.node.addDependency(this.role, dns);
  }
}

/** Defines the worker's namespace, and in it the service account, the network policy and the disruption budget. */
export class WorkerNamespace extends Construct {
  constructor(scope: Construct, id: string, { cluster, dns }: ServiceProps) {
    super(scope, id);
    // Copies, because CDK writes a label of this stack into them, and another stack is given the same objects.
    const manifest = (name: string, ...objects: Record<string, unknown>[]) =>
      new eks.KubernetesManifest(this, name, { cluster, manifest: structuredClone(objects) });
    const namespace = manifest('Namespace', manifests.namespace);
    const rules = manifest('Rules', manifests.serviceAccount, manifests.networkPolicy, manifests.disruptionBudget);
    rules.node.addDependency(namespace);
    // The network add-on is older than the nodes, and so there when a policy goes: it puts a finalizer on each.
    this.node.addDependency(dns);
  }
}

export interface KedaProps extends ServiceProps {
  /** The manifest of the deployment that is scaled. */
  readonly pods: eks.KubernetesManifest;
  readonly queue: sqs.Queue;
  readonly scaling: manifests.Scaling;
}

/**
 * Defines KEDA and what it scales. KEDA asks the queue as itself; the worker's own role does not have to allow it.
 *
 * @see https://keda.sh/docs/2.20/scalers/aws-sqs/
 */
export class Keda extends Construct {
  constructor(scope: Construct, id: string, { cluster, dns, pods, queue, scaling }: KedaProps) {
    super(scope, id);
    const role = podRole(this, 'Role', cluster, 'keda', 'keda-operator');
    queue.grants.actions(role, ['sqs:GetQueueAttributes']);
    const chart = new eks.HelmChart(this, 'Chart', {
      cluster,
      repository: 'https://kedacore.github.io/charts',
      chart: 'keda',
      version: '2.20.2',
      release: 'keda',
      namespace: 'keda',
    });
    // Credentials are put into a pod when it starts: the role has to be known to EKS well before.
    chart.node.addDependency(role, dns);
    const scaler = new eks.KubernetesManifest(this, 'Scaler', {
      cluster,
      // A copy, as above.
      manifest: structuredClone([
        manifests.triggerAuthentication,
        manifests.scaledObject(queue.queueUrl, Stack.of(this).region, scaling),
      ]) as Record<string, unknown>[],
    });
    // Deleted first. KEDA puts a finalizer on both objects: without KEDA nobody would remove it, and the deletion would hang.
    scaler.node.addDependency(chart, pods);
  }
}

/**
 * Defines the Cluster Autoscaler: adds a node when a pod finds no room, and takes one away that has nothing to do. KEDA
 * scales pods only; without this they would wait for ever. It finds the node group by the tags EKS puts on it.
 *
 * @see https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
 */
export class ClusterAutoscaler extends Construct {
  constructor(scope: Construct, id: string, { cluster, dns, nodes }: ServiceProps & { nodes: eks.Nodegroup }) {
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
        // The chart asks for nothing, and what asks for nothing is evicted first.
        resources: { requests: { cpu: '100m', memory: '300Mi' } },
        extraArgs: { 'scale-down-unneeded-time': '5m', 'skip-nodes-with-system-pods': false },
      },
    });
    chart.node.addDependency(role, dns);
  }
}
