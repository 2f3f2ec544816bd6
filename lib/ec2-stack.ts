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
import { Network } from './constructs/network';
import { instancesInService, outputs } from './constructs/outputs';
import { ownedLogGroup, ownLogs } from './constructs/owned-logs';
import { WorkerBoot } from './constructs/worker-boot';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images on EC2 instances in an Auto Scaling group.
 *
 * You own the operating system: what is installed, how it is patched, how it starts, stops and logs. Any workload fits.
 * Choose it when a job needs a host of its own: a GPU, a kernel module, a licence bound to a machine. Compare section by
 * section with the other `*-stack.ts` files.
 */
export class Ec2Stack extends cdk.Stack {
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
    // A zip that every instance downloads when it boots. An image of ours would boot faster, and have to be kept up to date.
    const environment = workerEnvironment('ec2', buckets, jobs);
    const boot = new WorkerBoot(this, 'Boot', { bundle: bundle(this, 'worker-arm64'), environment, logGroup });

    // 5. Compute
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
    const launchTemplate = new ec2.LaunchTemplate(this, 'Instances', {
      // Today's image, looked up whenever an instance starts. Instances are replaced instead of patched.
      machineImage: ec2.MachineImage.resolveSsmParameterAtLaunch(
        '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64',
      ),
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.C7G, ec2.InstanceSize.MEDIUM), // 1 vCPU, 2 GiB
      role,
      userData: boot.userData,
      securityGroup,
      associatePublicIpAddress: publicAddress,
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: true, // with the name of the group; no key of a tag may then have a space or a slash
      instanceInitiatedShutdownBehavior: ec2.InstanceInitiatedShutdownBehavior.TERMINATE, // and not stopped
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
        // An instance that does not come up ends the rollout, and the others go on with what they have.
        waitOnResourceSignals: true,
        pauseTime: cdk.Duration.minutes(10),
        suspendProcesses: [autoscaling.ScalingProcess.ALARM_NOTIFICATION, autoscaling.ScalingProcess.AZ_REBALANCE],
      }),
    });
    boot.userData.addSignalOnExitCommand(group);
    // ECS and Kubernetes send a signal to a worker that has to stop. Here the group waits until the instance says that it
    // has stopped. Not `addLifecycleHook`: that would be deleted before the group, and `cdk destroy` would not wait.
    (group.node.defaultChild as autoscaling.CfnAutoScalingGroup).lifecycleHookSpecificationList = [
      {
        lifecycleHookName: 'Drain',
        lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
        heartbeatTimeout: 2 * config.stopGrace.toSeconds(), // time to notice, and to stop
        defaultResult: autoscaling.DefaultResult.CONTINUE,
      },
    ];
    // The rights, the queue, the route and the bucket exist before the first worker and are deleted after the last.
    group.node.addDependency(role, boot, jobs.queue, route, buckets.output);
    const running = instancesInService(group);

    // 6. Trigger
    // S3 only puts an event into the queue. What starts a worker for it is under Scaling.
    const prefix = config.sourcePrefix;
    buckets.source.addEventNotification(s3.EventType.OBJECT_CREATED, jobs, { prefix });

    // 7. Permissions
    buckets.grantResize(role);
    jobs.grantWork(role);
    // All that runs on an instance has this role: the log agent, the boot script, Session Manager (no open port), the drain.
    logGroup.grants.write(role);
    boot.grantDownload(role);
    boot.grantSessions(role);
    // The group by its name: a reference would be a circle, and would take the right away before the group.
    const groups = `autoScalingGroup:*:autoScalingGroupName/${cdk.Aws.STACK_NAME}-WorkersASG*`;
    const resources = [`arn:${this.partition}:autoscaling:${this.region}:${this.account}:${groups}`];
    const actions = ['autoscaling:CompleteLifecycleAction', 'autoscaling:SetInstanceHealth'];
    role.addToPolicy(new iam.PolicyStatement({ actions, resources }));

    // 8. Scaling
    group.scaleOnMetric('ScaleOut', {
      metric: jobs.visible,
      scalingSteps: [
        { lower: 1, change: +1 },
        { lower: 100, change: config.unit.max - 1 }, // much waits: all but one at once
      ],
      adjustmentType: autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 1,
      // As long as an instance takes to boot, with room to spare. Meanwhile the steps count it as there.
      estimatedInstanceWarmup: cdk.Duration.minutes(3),
    });
    group.scaleOnMetric('ScaleIn', {
      metric: jobs.activity,
      scalingSteps: [
        { upper: 0, change: -config.unit.max }, // nothing to do: all go
        { lower: 0, change: 0 }, // otherwise none: CDK wants two steps
      ],
      adjustmentType: autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
      evaluationPeriods: 5,
    });
    jobs.keepActive(); // the first upload after a quiet night should be seen as soon as any other

    // 9. Outputs
    outputs(this, { buckets, target: jobs.queue, failures: jobs.failures.queue, logGroup, running, alarmEmail });
  }
}
