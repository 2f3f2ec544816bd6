import * as appscaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as cdk from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { config } from './config';
import { bundle } from './constructs/bundle';
import { ImageBuckets } from './constructs/image-buckets';
import { workerEnvironment } from './constructs/job-environment';
import { JobQueue } from './constructs/job-queue';
import { Network } from './constructs/network';
import { instancesInService, outputs } from './constructs/outputs';
import { ownedLogGroup, ownLogs } from './constructs/owned-logs';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images in containers that ECS runs on EC2 instances.
 *
 * AWS's own orchestrator starts, watches and replaces tasks, on servers that are yours: what they are, what their image is
 * and when they are there. Choose it when ECS is your orchestrator and Fargate has no machine that fits the job. Compare
 * section by section with the other `*-stack.ts` files.
 */
export class EcsEc2Stack extends cdk.Stack {
  constructor(scope: Construct, id: string, props: FourWaysStackProps = {}) {
    super(scope, id, props);
    const { production, spot = false, zones, alarmEmail } = props;

    // 1. Data
    const buckets = new ImageBuckets(this, 'Images');
    const jobs = new JobQueue(this, 'Jobs');

    // 2. Network
    const { vpc, vpcSubnets, publicAddress, route } = new Network(this, 'Network', { production, zones });
    // AWS is HTTPS. Names, time and credentials come from inside the VPC, where security groups do not filter them.
    const securityGroup = new ec2.SecurityGroup(this, 'OutboundHttps', { vpc, allowAllOutbound: false });
    securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.HTTPS);

    // 3. Logs
    const logGroup = new logs.LogGroup(this, 'Logs', ownedLogGroup);
    ownLogs(this);

    // 4. Package
    // FROM and COPY only: builds for arm64 on any machine, without emulation.
    const image = ecs.ContainerImage.fromAsset(bundle(this, 'image-arm64'), {
      platform: ecrAssets.Platform.LINUX_ARM64,
    });

    // 5. Compute
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc });
    const instanceRole = new iam.Role(this, 'InstanceRole', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });
    const launchTemplate = new ec2.LaunchTemplate(this, 'Instances', {
      // Today's image, looked up whenever an instance starts. Instances are replaced instead of patched.
      machineImage: ec2.MachineImage.resolveSsmParameterAtLaunch(
        '/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id',
      ),
      // 1 vCPU, 4 GiB: of 2 GiB the system and the ECS agent leave less than a task needs.
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.M7G, ec2.InstanceSize.MEDIUM),
      // What CDK would add lets an instance write to every log group. What it needs is under Permissions.
      role: instanceRole.withoutPolicyUpdates(),
      userData: ec2.UserData.forLinux(),
      securityGroup,
      associatePublicIpAddress: publicAddress,
      requireImdsv2: true,
      // One hop ends at the instance: tasks, a hop further behind Docker's bridge, do not get its credentials.
      httpPutResponseHopLimit: 1,
      instanceInitiatedShutdownBehavior: ec2.InstanceInitiatedShutdownBehavior.TERMINATE, // and not stopped
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          // No smaller than the image's own snapshot, which is 30 GiB.
          volume: ec2.BlockDeviceVolume.ebs(30, { volumeType: ec2.EbsDeviceVolumeType.GP3, encrypted: true }),
        },
      ],
      ...(spot && { spotOptions: { requestType: ec2.SpotRequestType.ONE_TIME } }),
    });
    const group = new autoscaling.AutoScalingGroup(this, 'Workers', {
      vpc,
      vpcSubnets,
      launchTemplate,
      minCapacity: 0,
      maxCapacity: config.unit.max, // one task fits on an instance
      // This is the patching: no instance lives longer than a week, and a new one starts from that day's image.
      maxInstanceLifetime: cdk.Duration.days(7),
    });
    const provider = new ecs.AsgCapacityProvider(this, 'Capacity', {
      autoScalingGroup: group,
      // ECS drains an instance before it ends. It would without this line too, and CDK would add a function that does the same.
      enableManagedDraining: true,
      // A protected instance is never terminated, not even by `cdk destroy`, which waits for it until it fails.
      // https://github.com/aws/aws-cdk/issues/18179
      enableManagedTerminationProtection: false,
    });
    cluster.addAsgCapacityProvider(provider);
    // That a Spot instance will be taken back is announced to the instance only. The agent hears it, and has ECS drain it.
    if (spot) group.addUserData('echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config');
    const task = new ecs.TaskDefinition(this, 'Task', {
      compatibility: ecs.Compatibility.EC2,
      cpu: String(config.unit.vcpus * 1024),
      memoryMiB: String(config.unit.memory.toMebibytes()),
      // Behind the instance's address. With one of its own (`awsvpc`) a task has no public one on EC2, and would need a NAT
      // gateway; with `host` it would get the credentials of the instance.
      networkMode: ecs.NetworkMode.BRIDGE,
    });
    const container = task.addContainer('Resizer', {
      image,
      // The task's limit, said again: only from one of its own can a container tell how much memory it has.
      memoryLimitMiB: config.unit.memory.toMebibytes(),
      environment: workerEnvironment('ecs-ec2', buckets, jobs),
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: 'resizer' }),
      user: '1000:1000',
      readonlyRootFilesystem: true,
      stopTimeout: config.stopGrace,
      // No init process: the worker handles SIGTERM, and starts no process that it does not wait for.
      linuxParameters: new ecs.LinuxParameters(this, 'Linux'),
    });
    container.linuxParameters?.dropCapabilities(ecs.Capability.ALL);
    const service = new ecs.Ec2Service(this, 'Service', {
      cluster,
      taskDefinition: task,
      capacityProviderStrategies: [{ capacityProvider: provider.capacityProviderName, weight: 1 }],
      // No desired count: the first deployment starts one task, which proves the image; then scaling takes it to zero. Of
      // later images a deployment proves nothing while no task runs.
      circuitBreaker: { rollback: true },
      // A task is stopped before another takes its place: beside four there is no instance for a fifth, and on a Spot instance
      // that is taken back there is no time to wait for one. So an update may stop all at once; the queue keeps their work.
      minHealthyPercent: 0,
      // On by default. It would stop a task that works, to have one in each zone.
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
    });
    const role = task.taskRole;
    // The rights, the queue, the route and the bucket exist before the first worker and are deleted after the last.
    service.node.addDependency(task, jobs.queue, route, buckets.output);
    group.node.addDependency(route);
    // Deleted in this order, or not at all: the service, its link to the capacity provider (CDK puts it into the cluster),
    // the provider, the group, the cluster. https://github.com/aws/aws-cdk/issues/19275
    service.node.addDependency(cluster);
    const running = instancesInService(group); // an instance for each task, and for 15 minutes after it

    // 6. Trigger
    // S3 only puts an event into the queue. What starts a worker for it is under Scaling.
    const prefix = config.sourcePrefix;
    buckets.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    buckets.grantResize(role);
    jobs.grantWork(role);
    // The agent on an instance joins the cluster, is told what to run, and says what became of it. Images are pulled and logs
    // are written with the role that starts the task, which ECS hands to the agent.
    const { clusterArn, clusterName } = cluster;
    const agent = (actions: string[], resource: string, conditions = {}) =>
      instanceRole.addToPolicy(new iam.PolicyStatement({ actions, resources: [resource], conditions }));
    agent(['ecs:RegisterContainerInstance', 'ecs:DeregisterContainerInstance'], clusterArn);
    agent(['ecs:SubmitTaskStateChange', 'ecs:SubmitContainerStateChange'], clusterArn);
    agent(['ecs:Poll', 'ecs:StartTelemetrySession'], '*', { ArnEquals: { 'ecs:cluster': clusterArn } });
    agent(['ecs:DiscoverPollEndpoint'], '*');
    const members = this.formatArn({
      service: 'ecs',
      resource: 'container-instance',
      resourceName: `${clusterName}/*`,
    });
    if (spot) agent(['ecs:UpdateContainerInstancesState'], members); // to have its instance drained

    // 8. Scaling
    const scaling = service.autoScaleTaskCount({ minCapacity: 0, maxCapacity: config.unit.max });
    scaling.scaleOnMetric('ScaleOut', {
      metric: jobs.visible,
      scalingSteps: [
        { lower: 1, change: +1 },
        { lower: 100, change: config.unit.max - 1 }, // much waits: all but one at once
      ],
      adjustmentType: appscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 1,
      // As long as an instance and then the task take to start, with room to spare. Until then only a larger step adds any.
      cooldown: cdk.Duration.minutes(5),
    });
    scaling.scaleOnMetric('ScaleIn', {
      metric: jobs.activity,
      scalingSteps: [
        { upper: 0, change: -config.unit.max }, // nothing to do: all go
        { lower: 0, change: 0 }, // otherwise none: CDK wants two steps
      ],
      adjustmentType: appscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 5,
    });
    // Instances by the tasks, without an alarm of ours: ECS starts one for each task that finds none, but two where there was
    // none, and ends them a quarter of an hour after the last task. Both is ECS's choice.
    // https://github.com/aws/containers-roadmap/issues/1716 https://github.com/aws/aws-cdk/issues/25969
    jobs.keepActive(); // the first upload after a quiet night should be seen as soon as any other

    // 9. Outputs
    outputs(this, { buckets, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
