import { KubectlV35Layer } from '@aws-cdk/lambda-layer-kubectl-v35';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as eks from 'aws-cdk-lib/aws-eks-v2';
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
import { podIdentity } from './constructs/pod-role';
import * as manifests from './constructs/resizer-manifests';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images in pods that Kubernetes runs on EC2 nodes, managed by EKS.
 *
 * The same job with Kubernetes' tools: first the orchestrator, then the platform under it, and then what the other
 * orchestrators have built in. Choose it when Kubernetes is there already, or has to be. Compare section by section with
 * the other `*-stack.ts` files.
 */
export class EksEc2Stack extends cdk.Stack {
  constructor(scope: Construct, id: string, props: FourWaysStackProps = {}) {
    super(scope, id, props);
    const { production = false, spot = false, zones, clusterAdmin, alarmEmail } = props;
    chosenOnce(this, { production, spot, zones });

    // 1. Data
    const buckets = new ImageBuckets(this, 'Images');
    const jobs = new JobQueue(this, 'Jobs');

    // 2. Network
    const { vpc, vpcSubnets, route } = new Network(this, 'Network', { production, zones });
    // No security group of ours: nodes and control plane need more than HTTPS. The worker has a network policy.

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
    // FROM and COPY only: builds for arm64 on any machine, without emulation.
    const image = new ecrAssets.DockerImageAsset(this, 'Image', {
      directory: bundle(this, 'image-arm64'),
      platform: ecrAssets.Platform.LINUX_ARM64,
    });

    // 5. Compute
    const LogType = eks.ClusterLoggingTypes;
    const cluster = new eks.Cluster(this, 'Cluster', {
      clusterName,
      // KEDA 2.20 is tested on it, it is in standard support, and there is a kubectl for it.
      version: eks.KubernetesVersion.V1_35,
      kubectlProviderOptions: { kubectlLayer: new KubectlV35Layer(this, 'Kubectl') },
      vpc,
      vpcSubnets: [vpcSubnets],
      // Not EKS Auto Mode, the default: it manages nodes as Fargate does, and this column is about owning them.
      defaultCapacityType: eks.DefaultCapacityType.NODEGROUP,
      defaultCapacity: 0, // nodes of ours follow
      endpointAccess: production ? eks.EndpointAccess.PRIVATE : eks.EndpointAccess.PUBLIC_AND_PRIVATE,
      bootstrapClusterCreatorAdminPermissions: false,
      clusterLogging: [LogType.API, LogType.AUDIT, LogType.AUTHENTICATOR],
    });
    cluster.node.addDependency(controlPlaneLogs);
    // Upgraded by EKS when standard support ends, rather than billed for extended support.
    (cluster.node.defaultChild as eks.CfnCluster).upgradePolicy = { supportType: 'STANDARD' };
    const addons = new services.NodeAddons(this, 'NodeAddons', cluster);
    const volume = ec2.BlockDeviceVolume.ebs(20, { volumeType: ec2.EbsDeviceVolumeType.GP3, encrypted: true });
    const launchTemplate = new ec2.LaunchTemplate(this, 'Nodes', {
      requireImdsv2: true,
      // One hop ends at the node: pods do not get the node's credentials.
      httpPutResponseHopLimit: 1,
      blockDevices: [{ deviceName: '/dev/xvda', volume }],
    });
    const nodes = cluster.addNodegroupCapacity('Workers', {
      amiType: eks.NodegroupAmiType.AL2023_ARM_64_STANDARD,
      // 2 vCPU, 8 GiB: one worker, and what Kubernetes itself needs on every node.
      instanceTypes: [new ec2.InstanceType('m7g.large'), new ec2.InstanceType('m6g.large')],
      capacityType: spot ? eks.CapacityType.SPOT : eks.CapacityType.ON_DEMAND,
      launchTemplateSpec: { id: `${launchTemplate.launchTemplateId}`, version: launchTemplate.latestVersionNumber },
      subnets: vpcSubnets,
      minSize: 1, // KEDA, the autoscaler and name resolution have to run somewhere
      maxSize: config.unit.max,
      enableNodeAutoRepair: true,
    });
    nodes.node.addDependency(addons, route);
    const dns = new services.ClusterDns(this, 'ClusterDns', { cluster, nodes });
    const shipper = new services.FluentBit(this, 'FluentBit', { cluster, dns, logGroup });
    const role = podIdentity(cluster)(this, 'Role', manifests.names.namespace, manifests.names.app);
    const environment = workerEnvironment('eks-ec2', buckets, jobs);
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
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: 'topology.kubernetes.io/zone',
                whenUnsatisfiable: 'ScheduleAnyway',
                labelSelector: { matchLabels: manifests.labels },
              },
            ],
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
    const rules = [manifests.serviceAccount(), manifests.networkPolicy, manifests.disruptionBudget];
    const namespace = new services.WorkerNamespace(this, 'Namespace', { cluster, dns, rules });
    const pods = cluster.addManifest('Pods', deployment);
    // A deployment can be deleted while its pods still end. A namespace cannot, and so others wait for that.
    pods.node.addDependency(namespace);
    // The log shipper, the rights, the queue and the bucket exist before the first worker and are deleted after the last.
    namespace.node.addDependency(shipper, role, jobs.queue, buckets.output);
    const running = jobs.held; // not how many pods there are: for that the guide names Container Insights, which is billed

    // 6. Trigger
    // S3 only puts an event into the queue. What starts a worker for it is under Scaling.
    const prefix = config.sourcePrefix;
    buckets.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    buckets.grantResize(role);
    jobs.grantWork(role);
    // Lambda writes logs with the function's role, ECS with one of the platform's. Here a pod does.
    logGroup.grants.write(shipper.role);
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
    new services.Keda(this, 'Keda', { cluster, dns, pods, queue: jobs.queue, scaling });
    // Nodes by the pods: the platform is scaled apart from the orchestrator.
    new services.ClusterAutoscaler(this, 'ClusterAutoscaler', { cluster, dns, nodes });
    // No schedule keeps the queue's metrics awake: KEDA does not wait for them.

    // 9. Outputs
    outputs(this, { buckets, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
