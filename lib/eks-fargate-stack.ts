import { KubectlV35Layer } from '@aws-cdk/lambda-layer-kubectl-v35';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as eks from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as cdk from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import { config } from './config';
import { bundle } from './constructs/bundle';
import { chosenOnce } from './constructs/chosen-once';
import * as services from './constructs/cluster-services';
import { ImageBuckets } from './constructs/image-buckets';
import { workerEnvironment } from './constructs/job-environment';
import { JobQueue } from './constructs/job-queue';
import { Network } from './constructs/network';
import { outputs } from './constructs/outputs';
import { ownedLogGroup, ownLogs } from './constructs/owned-logs';
import { webIdentity } from './constructs/pod-role';
import * as manifests from './constructs/resizer-manifests';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images in pods that Kubernetes runs on Fargate, managed by EKS.
 *
 * Kubernetes without nodes to own, and without all that takes a node of one's own: public subnets, arm64, Spot, a pod for
 * each node, network policies. Choose it when Kubernetes has to be, and nobody wants to look after machines. Compare section
 * by section with the other `*-stack.ts` files.
 */
export class EksFargateStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props: FourWaysStackProps = {}) {
    super(scope, id, props);
    const { production = false, zones, clusterAdmin, alarmEmail } = props; // EKS has no Fargate Spot
    chosenOnce(this, { production, zones });

    // 1. Data
    const buckets = new ImageBuckets(this, 'Images');
    const jobs = new JobQueue(this, 'Jobs');

    // 2. Network
    // Fargate runs pods of EKS in private subnets only, and so the sandbox has a NAT gateway too, billed by the hour. Endpoints
    // of AWS could not replace it: the images of KEDA are elsewhere.
    const { vpc, vpcSubnets, route } = new Network(this, 'Network', { production: true, zones });
    // No security group of ours: pods are in the one of the cluster, which lets them reach each other and everything outside.
    // Nothing narrows that: network policies are not enforced on Fargate.

    // 3. Logs
    const logGroup = new logs.LogGroup(this, 'Logs', ownedLogGroup);
    // EKS writes to a group named after the cluster, and makes it if it is not there. So that the stack owns it, cluster and
    // group have names, as nothing else in any stack.
    const clusterName = this.stackName;
    const controlPlaneLogs = new logs.LogGroup(this, 'ControlPlaneLogs', {
      ...ownedLogGroup,
      logGroupName: `/aws/eks/${clusterName}/cluster`,
    });
    ownLogs(this);

    // 4. Package
    // FROM and COPY only: builds for x64 on any machine, without emulation. The same JavaScript with another native library,
    // because Fargate has no arm64 for EKS.
    const image = new ecrAssets.DockerImageAsset(this, 'Image', {
      directory: bundle(this, 'image-x64'),
      platform: ecrAssets.Platform.LINUX_AMD64,
    });

    // 5. Compute
    const LogType = eks.ClusterLoggingTypes;
    const cluster = new eks.Cluster(this, 'Cluster', {
      clusterName,
      // KEDA 2.20 is tested on it, it is in standard support, and there is a kubectl for it.
      version: eks.KubernetesVersion.V1_35,
      kubectlProviderOptions: { kubectlLayer: new KubectlV35Layer(this, 'Kubectl') },
      vpc,
      // Of the control plane. In private subnets CDK would put its handlers for kubectl beside it, and a deletion would wait for
      // their network interfaces. Pods reach it from theirs either way.
      vpcSubnets: [production ? vpcSubnets : { subnetType: ec2.SubnetType.PUBLIC }],
      // Not EKS Auto Mode, the default: its nodes are EC2 instances.
      defaultCapacityType: eks.DefaultCapacityType.NODEGROUP,
      defaultCapacity: 0, // and none follow
      endpointAccess: production ? eks.EndpointAccess.PRIVATE : eks.EndpointAccess.PUBLIC_AND_PRIVATE,
      bootstrapClusterCreatorAdminPermissions: false,
      clusterLogging: [LogType.API, LogType.AUDIT, LogType.AUTHENTICATOR],
    });
    cluster.node.addDependency(controlPlaneLogs);
    // Upgraded by EKS when standard support ends, rather than billed for extended support.
    (cluster.node.defaultChild as eks.CfnCluster).upgradePolicy = { supportType: 'STANDARD' };
    // What runs beside a pod: it pulls the image, and sends the lines to CloudWatch. The pod cannot use this role.
    const profiles = { service: 'eks', resource: 'fargateprofile', resourceName: `${clusterName}/*` };
    const executionRole = new iam.Role(this, 'PodExecutionRole', {
      assumedBy: new iam.ServicePrincipal('eks-fargate-pods.amazonaws.com', {
        conditions: { ArnLike: { 'aws:SourceArn': this.formatArn(profiles) } },
      }),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonEKSFargatePodExecutionRolePolicy')],
    });
    // Which pods run on Fargate: all that there are. One that no selector matches waits for a node for ever. One profile,
    // because they are made, and deleted, one at a time, each in minutes.
    const profile = new eks.FargateProfile(this, 'Profile', {
      cluster,
      podExecutionRole: executionRole,
      vpc,
      subnetSelection: vpcSubnets,
      selectors: [
        { namespace: manifests.names.namespace },
        { namespace: 'keda' },
        { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
      ],
    });
    profile.node.addDependency(executionRole, route);
    const shipper = new services.FargateLogs(this, 'FargateLogs', { cluster, logGroup });
    const dns = new services.ClusterDns(this, 'ClusterDns', { cluster, nodes: profile, onFargate: true });
    dns.node.addDependency(shipper); // these are the first pods
    const identity = webIdentity(this, 'Identity', cluster);
    const role = identity(this, 'Role', manifests.names.namespace, manifests.names.app);
    const environment = workerEnvironment('eks-fargate', buckets, jobs);
    // Fargate adds 256 MB for the kubelet, and rounds up: 1 vCPU and 3 GB are billed.
    const unit = { cpu: String(config.unit.vcpus), memory: `${config.unit.memory.toMebibytes()}Mi` };
    const name = manifests.names.app;
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: manifests.names.namespace },
      spec: {
        // No `replicas`: one pod to begin with, and then KEDA sets them.
        selector: { matchLabels: manifests.labels },
        template: {
          metadata: { labels: manifests.labels },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
            terminationGracePeriodSeconds: config.stopGrace.toSeconds(),
            // No constraints that spread: Fargate takes none. It spreads pods over the subnets of the profile.
            containers: [
              {
                name,
                image: image.imageUri,
                env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
                resources: { requests: unit, limits: unit },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
              },
            ],
          },
        },
      },
    } satisfies IDeployment;
    const rules = [manifests.serviceAccount(role.roleArn), manifests.disruptionBudget];
    const namespace = new services.WorkerNamespace(this, 'Namespace', { cluster, dns, rules });
    const pods = cluster.addManifest('Pods', deployment);
    // A deployment can be deleted while its pods still end. A namespace cannot, and so others wait for that.
    pods.node.addDependency(namespace);
    // The log settings, the rights, the queue and the bucket exist before the first worker and are deleted after the last.
    namespace.node.addDependency(shipper, role, jobs.queue, buckets.output);
    const running = jobs.held; // not how many pods there are: for that the guide names Container Insights, which is billed

    // 6. Trigger
    // S3 only puts an event into the queue. What starts a worker for it is under Scaling.
    const prefix = config.sourcePrefix;
    buckets.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    buckets.grantResize(role);
    jobs.grantWork(role);
    // As on ECS, the platform writes the logs, and not the worker.
    logGroup.grants.write(executionRole);
    // The reader's own way in, where one is named. As long as the namespace is there: a deletion that hangs needs `kubectl`.
    if (clusterAdmin) namespace.node.addDependency(cluster.grantClusterAdmin('Admin', clusterAdmin));

    // 8. Scaling
    // Pods by the queue: KEDA asks it, where the alarms of the other columns wait for a metric.
    const scaling = {
      pollingInterval: 15, // s: the longest that a first upload waits until a pod is asked for
      cooldownPeriod: 300, // s without a message until the last pod goes: as long as the alarms of the other columns take
      minReplicaCount: 0,
      maxReplicaCount: config.unit.max,
      // Messages for each pod, held ones included: four pods from 76 on. The other columns' alarms start three at once from 100 on.
      // From 83 on where three run: Kubernetes lets a tenth pass. Whoever raises the ceiling chooses anew when it is reached.
      queueLength: 25,
    };
    // Of several pods, those that are not needed go after 5 minutes, busy or not. They have their grace to finish; what is
    // not finished then goes back to the queue, and another begins it again.
    new services.Keda(this, 'Keda', { cluster, dns, pods, queue: jobs.queue, scaling, identity });
    // No nodes to scale: every pod brings its own.
    // No schedule keeps the queue's metrics awake: KEDA does not wait for them.

    // 9. Outputs
    outputs(this, { buckets, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
