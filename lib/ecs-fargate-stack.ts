import * as appscaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
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
import { outputs } from './constructs/outputs';
import { ownedLogGroup, ownLogs } from './constructs/owned-logs';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images in containers that ECS runs on Fargate.
 *
 * Containers without servers: AWS's own orchestrator starts, watches and replaces tasks; you keep the image up to date.
 * Choose it when a job outlives Lambda's 15 minutes and no host of your own is needed. Compare section by section with
 * the other `*-stack.ts` files.
 */
export class EcsFargateStack extends cdk.Stack {
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
    // Not `enableFargateCapacityProviders`: it makes an association that is deleted while the service still uses it.
    (cluster.node.defaultChild as ecs.CfnCluster).capacityProviders = ['FARGATE', 'FARGATE_SPOT'];
    const task = new ecs.FargateTaskDefinition(this, 'Task', {
      cpu: config.unit.vcpus * 1024,
      memoryLimitMiB: config.unit.memory.toMebibytes(),
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    const container = task.addContainer('Resizer', {
      image,
      // The task's limit, said again: only from one of its own can a container tell how much memory it has.
      memoryLimitMiB: config.unit.memory.toMebibytes(),
      environment: workerEnvironment('ecs-fargate', buckets, jobs),
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: 'resizer' }),
      user: '1000:1000',
      readonlyRootFilesystem: true,
      // 120 s is the most Fargate waits between SIGTERM and SIGKILL.
      stopTimeout: config.stopGrace,
      // No init process: the worker handles SIGTERM, and starts no process that it does not wait for.
      linuxParameters: new ecs.LinuxParameters(this, 'Linux'),
    });
    container.linuxParameters?.dropCapabilities(ecs.Capability.ALL);
    const service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: task,
      vpcSubnets,
      securityGroups: [securityGroup],
      assignPublicIp: publicAddress,
      capacityProviderStrategies: [{ capacityProvider: spot ? 'FARGATE_SPOT' : 'FARGATE', weight: 1 }],
      // No desired count: the first deployment starts one task, which proves the image; then scaling takes it to zero. Of
      // later images a deployment proves nothing while no task runs.
      circuitBreaker: { rollback: true },
      minHealthyPercent: 100,
      // On by default. It would stop a task that works, to have one in each zone.
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
    });
    const role = task.taskRole;
    // The rights, the queue, the route and the bucket exist before the first worker and are deleted after the last.
    service.node.addDependency(task, jobs.queue, route, buckets.output);
    const running = jobs.held; // not how many tasks there are: for that the guide names Container Insights, which is billed

    // 6. Trigger
    // S3 only puts an event into the queue. What starts a worker for it is under Scaling.
    const prefix = config.sourcePrefix;
    buckets.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    buckets.grantResize(role);
    jobs.grantWork(role);

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
      // As long as a task takes to start, with room to spare. Until then only a larger step adds any.
      cooldown: cdk.Duration.minutes(3),
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
    jobs.keepActive(); // the first upload after a quiet night should be seen as soon as any other

    // 9. Outputs
    outputs(this, { buckets, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
