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
    const { production = false, spot = false, alarmEmail } = props;

    // 1. Data
    const images = new ImageBuckets(this, 'Images');
    const jobs = new JobQueue(this, 'Jobs');

    // 2. Network
    const vpc = new ec2.Vpc(this, 'Network', {
      maxAzs: 2,
      natGateways: production ? 1 : 0,
      subnetConfiguration: [
        { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: !production, cidrMask: 20 },
        ...(production ? [{ name: 'Private', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 }] : []),
      ],
      // Pictures travel to S3 without passing a NAT gateway, which would charge for every byte.
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
    });
    const vpcSubnets = { subnetType: production ? ec2.SubnetType.PRIVATE_WITH_EGRESS : ec2.SubnetType.PUBLIC };
    const securityGroup = new ec2.SecurityGroup(this, 'NoInbound', { vpc, allowAllOutbound: false });
    // AWS is HTTPS. Names, time and credentials come from inside the VPC, where security groups do not filter them.
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
      environment: workerEnvironment('ecs-fargate', images, jobs),
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: 'resizer' }),
      user: '1000:1000',
      readonlyRootFilesystem: true,
      // 120 s is the most Fargate waits between SIGTERM and SIGKILL.
      stopTimeout: config.stopGrace,
      // An init process reaps the decoders that were killed, and passes SIGTERM on.
      linuxParameters: new ecs.LinuxParameters(this, 'Init', { initProcessEnabled: true }),
    });
    container.linuxParameters?.dropCapabilities(ecs.Capability.ALL);
    const service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: task,
      vpcSubnets,
      securityGroups: [securityGroup],
      assignPublicIp: !production,
      capacityProviderStrategies: [{ capacityProvider: spot ? 'FARGATE_SPOT' : 'FARGATE', weight: 1 }],
      // No desired count: the first deployment starts one task, which proves the image; then scaling takes it to zero.
      circuitBreaker: { rollback: true },
      minHealthyPercent: 100,
    });
    // A route to the internet and the output bucket: there before the first task, and until the last is gone.
    service.node.addDependency(vpc.selectSubnets(vpcSubnets).internetConnectivityEstablished, images.output);
    const worker = task.taskRole;
    const running = jobs.held; // by tasks: how many there are is said by Container Insights only, which is billed

    // 6. Trigger
    const prefix = config.sourcePrefix;
    images.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    images.grantResize(worker);
    jobs.grantWork(worker);

    // 8. Scaling
    const scaling = service.autoScaleTaskCount({ minCapacity: 0, maxCapacity: config.unit.max });
    scaling.scaleOnMetric('ScaleOut', {
      metric: jobs.visible,
      scalingSteps: [
        { lower: 1, change: +1 },
        { lower: 100, change: +3 }, // much waits: all at once
      ],
      adjustmentType: appscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 1,
      // As long as a task takes to start, with room to spare; 5 minutes if nothing is said.
      cooldown: cdk.Duration.minutes(3),
    });
    scaling.scaleOnMetric('ScaleIn', {
      metric: jobs.activity,
      scalingSteps: [
        { upper: 0, change: -config.unit.max },
        { lower: 0, change: 0 },
      ],
      adjustmentType: appscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 5,
    });
    jobs.keepActive(); // the first upload after a quiet night is seen as soon as any other

    // 9. Outputs
    outputs(this, { images, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
