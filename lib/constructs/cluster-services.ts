import * as eks from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Construct, type IConstruct } from 'constructs';
import { type PodRole, podIdentity } from './pod-role';
import * as manifests from './resizer-manifests';

/**
 * What a cluster has to be given, and ECS on Fargate has built in. Each is made after the ones above it, and deleted before
 * them. A cluster on Fargate is given those with a star: the others run on every node, or look after nodes.
 *
 * | here                | what it gives to a cluster                               | on ECS                         |
 * | ------------------- | -------------------------------------------------------- | ------------------------------ |
 * | `NodeAddons`        | addresses, network policies, services, credentials       | the network and role of a task |
 * | (nodes, a profile*) | machines: the column has them                            | Fargate                        |
 * | `FargateLogs`*      | log lines in CloudWatch, by a router that Fargate has    | the log driver of a task       |
 * | `ClusterDns`*       | name resolution                                          | the resolver of the VPC        |
 * | `FluentBit`         | log lines in CloudWatch                                  | the log driver of a task       |
 * | `WorkerNamespace`*  | who the worker is, what it may reach, how it is moved    | the service                    |
 * | `Keda`*             | pods by the length of the queue                          | Application Auto Scaling       |
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
  settings?: Record<string, unknown>,
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

/**
 * The smallest pod that Fargate sells has 0.25 vCPU and 0.5 GB, of which it keeps 256 MB for the kubelet. Requests and limits
 * have to be equal there.
 *
 * @see https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html (2026-11-28)
 */
const SMALLEST_POD = {
  requests: { cpu: '250m', memory: '256M' },
  limits: { cpu: '250m', memory: '256M' },
};

export interface ClusterDnsProps {
  readonly cluster: eks.Cluster;
  /** What its pods run on: a node group, or a Fargate profile. */
  readonly nodes: IConstruct;
  readonly onFargate?: boolean;
}

/** Defines name resolution: after the nodes, because EKS waits until the pods of this add-on run. */
export class ClusterDns extends Construct {
  constructor(scope: Construct, id: string, { cluster, nodes, onFargate = false }: ClusterDnsProps) {
    super(scope, id);
    // The pods of the add-on ask for EC2 unless this is said. Not by CDK's `coreDnsComputeType`, which changes them with
    // `kubectl` and has left stacks that could not be deleted. https://github.com/aws/aws-cdk/issues/33347
    const fargate = { computeType: 'Fargate', resources: SMALLEST_POD };
    addon(this, 'CoreDns', cluster, 'coredns', onFargate ? fargate : undefined);
    this.node.addDependency(nodes);
  }
}

/** Defines what the log router that Fargate runs beside every pod sends to CloudWatch: it reads this when a pod starts. */
export class FargateLogs extends Construct {
  constructor(scope: Construct, id: string, { cluster, logGroup }: { cluster: eks.Cluster; logGroup: logs.ILogGroup }) {
    super(scope, id);
    const manifest = manifests.fargateLogs(logGroup.logGroupName, Stack.of(this).region);
    new eks.KubernetesManifest(this, 'Settings', { cluster, manifest });
  }
}

/** Defines Fluent Bit: a pod on every node that sends the worker's lines to CloudWatch. */
export class FluentBit extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, { cluster, dns, logGroup }: ServiceProps & { logGroup: logs.ILogGroup }) {
    super(scope, id);
    this.role = podIdentity(cluster)(this, 'Role', manifests.names.logging, manifests.names.fluentBit);
    const manifest = manifests.fluentBit(logGroup.logGroupName, Stack.of(this).region);
    const pods = new eks.KubernetesManifest(this, 'Pods', { cluster, manifest });
    pods.node.addDependency(this.role, dns);
  }
}

export interface WorkerNamespaceProps extends ServiceProps {
  /** What is in it before the first pod: who the worker is, and what holds for it. */
  readonly rules: readonly object[];
}

/** Defines the worker's namespace, and what is in it beside the worker. */
export class WorkerNamespace extends Construct {
  constructor(scope: Construct, id: string, { cluster, dns, rules }: WorkerNamespaceProps) {
    super(scope, id);
    // Copies, because CDK writes a label of this stack into them, and another stack is given the same objects.
    const manifest = (name: string, objects: readonly object[]) =>
      new eks.KubernetesManifest(this, name, {
        cluster,
        manifest: structuredClone(objects) as Record<string, unknown>[],
      });
    const namespace = manifest('Namespace', [manifests.namespace]);
    manifest('Rules', rules).node.addDependency(namespace);
    // Where there are network policies, their add-on is older than the nodes, and so there when one goes: it puts a finalizer
    // on each.
    this.node.addDependency(dns);
  }
}

export interface KedaProps extends ServiceProps {
  /** The manifest of the deployment that is scaled. */
  readonly pods: eks.KubernetesManifest;
  readonly queue: sqs.Queue;
  readonly scaling: manifests.Scaling;
  /** On Fargate, how pods get a role without Pod Identity. The chart is then set up for it, and for pods as small as can be. */
  readonly identity?: PodRole;
}

/**
 * Defines KEDA and what it scales. KEDA asks the queue as itself; the worker's own role does not have to allow it.
 *
 * @see https://keda.sh/docs/2.20/scalers/aws-sqs/
 */
export class Keda extends Construct {
  constructor(scope: Construct, id: string, props: KedaProps) {
    super(scope, id);
    const { cluster, dns, pods, queue, scaling, identity } = props;
    const role = (identity ?? podIdentity(cluster))(this, 'Role', 'keda', 'keda-operator');
    queue.grants.actions(role, ['sqs:GetQueueAttributes']);
    const fargate = {
      podIdentity: { aws: { irsa: { enabled: true, roleArn: role.roleArn } } },
      resources: { operator: SMALLEST_POD, metricServer: SMALLEST_POD, webhooks: SMALLEST_POD },
    };
    const chart = new eks.HelmChart(this, 'Chart', {
      cluster,
      repository: 'https://kedacore.github.io/charts',
      chart: 'keda',
      version: '2.20.2',
      release: 'keda',
      namespace: 'keda',
      ...(identity && { values: fargate }),
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
    const role = podIdentity(cluster)(this, 'Role', 'kube-system', 'cluster-autoscaler');
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
