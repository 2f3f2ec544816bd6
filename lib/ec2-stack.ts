import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
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
import { instancesInService, outputs } from './constructs/outputs';
import { ownedLogGroup, ownLogs } from './constructs/owned-logs';
import { WorkerBoot } from './constructs/worker-boot';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images on EC2 instances in an Auto Scaling group.
 *
 * You own the operating system: what is installed, how it is patched, how it starts, stops and logs. Any workload fits.
 * Choose it when a job needs a host of its own: a GPU, a kernel module, days of time. Compare section by section with
 * the other `*-stack.ts` files.
 */
export class Ec2Stack extends cdk.Stack {
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
    // A zip that every instance downloads when it boots. Baking an image would boot faster, and be one more thing to
    // keep up to date.
    const environment = workerEnvironment('ec2', images, jobs);
    const boot = new WorkerBoot(this, 'Boot', { bundle: bundle(this, 'worker-arm64'), environment, logGroup });

    // 5. Compute
    const worker = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
    const launchTemplate = new ec2.LaunchTemplate(this, 'Instances', {
      // Today's image, looked up whenever an instance starts. Instances are replaced instead of patched.
      machineImage: ec2.MachineImage.resolveSsmParameterAtLaunch(
        '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64',
      ),
      // 1 vCPU, 2 GiB.
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.C7G, ec2.InstanceSize.MEDIUM),
      role: worker,
      userData: boot.userData,
      securityGroup,
      associatePublicIpAddress: !production,
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: ec2.BlockDeviceVolume.ebs(8, { volumeType: ec2.EbsDeviceVolumeType.GP3, encrypted: true }),
        },
      ],
      ...(spot && { spotOptions: { requestType: ec2.SpotRequestType.ONE_TIME } }),
    });
    const group = new autoscaling.AutoScalingGroup(this, 'Workers', {
      vpc,
      vpcSubnets,
      launchTemplate,
      minCapacity: 0,
      maxCapacity: config.unit.max,
      // This is the patching: no instance lives longer than a week, and a new one starts from that day's image.
      maxInstanceLifetime: cdk.Duration.days(7),
      updatePolicy: autoscaling.UpdatePolicy.rollingUpdate({
        minInstancesInService: 0,
        suspendProcesses: [autoscaling.ScalingProcess.ALARM_NOTIFICATION, autoscaling.ScalingProcess.AZ_REBALANCE],
      }),
    });
    // A route to the internet and the output bucket: there before the first instance, and until the last is gone.
    group.node.addDependency(vpc.selectSubnets(vpcSubnets).internetConnectivityEstablished, images.output);
    // ECS and Kubernetes stop a worker by themselves. Here the group waits until the instance says that it has.
    boot.drain(group);
    const running = instancesInService(group);

    // 6. Trigger
    const prefix = config.sourcePrefix;
    images.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    images.grantResize(worker);
    jobs.grantWork(worker);
    // What the platform does by itself on the other ways: fetch the code, ship the logs, end the drain.
    boot.grantBoot(worker, logGroup);
    // The reader's own way in: Session Manager instead of SSH, no key pair, no open port.
    boot.grantSessions(worker);

    // 8. Scaling
    group.scaleOnMetric('ScaleOut', {
      metric: jobs.visible,
      scalingSteps: [
        { lower: 1, change: +1 },
        { lower: 100, change: +3 }, // much waits: all at once
      ],
      adjustmentType: autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 1,
      // Until then an instance that boots counts as one that works.
      estimatedInstanceWarmup: cdk.Duration.minutes(3),
    });
    group.scaleOnMetric('ScaleIn', {
      metric: jobs.activity,
      scalingSteps: [
        { upper: 0, change: -config.unit.max },
        { lower: 0, change: 0 },
      ],
      adjustmentType: autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 5,
    });
    jobs.keepActive(); // the first upload after a quiet night is seen as soon as any other

    // 9. Outputs
    outputs(this, { images, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
