import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as s3n from 'aws-cdk-lib/aws-s3-notifications';
import * as cdk from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { config } from './config';
import { bundle } from './constructs/bundle';
import { ImageBuckets } from './constructs/image-buckets';
import { jobEnvironment } from './constructs/job-environment';
import { FailureQueue } from './constructs/job-queue';
import { outputs } from './constructs/outputs';
import { ownedLogGroup, ownLogs } from './constructs/owned-logs';
import type { FourWaysStackProps } from './props';

/**
 * Resizes images in a Lambda function that S3 invokes.
 *
 * A trigger runs code; there is nothing to patch and nothing to scale. Billed per use; idle it costs an alarm. Choose it
 * when a job takes well under 15 minutes. Compare section by section with the other `*-stack.ts` files.
 */
export class LambdaStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props: FourWaysStackProps = {}) {
    super(scope, id, props);

    // 1. Data
    const buckets = new ImageBuckets(this, 'Images');
    // No job queue: Lambda has one of its own in front of the function, which nobody sees. Only failures come out.
    const failures = new FailureQueue(this, 'Failures');

    // 2. Network
    // None: the function runs outside any VPC of ours, and reaches S3 all the same. In production too.

    // 3. Logs
    const logGroup = new logs.LogGroup(this, 'Logs', ownedLogGroup);
    ownLogs(this);

    // 4. Package
    // A zip of JavaScript and one native library. No image, no base image to keep up to date.
    const code = lambda.Code.fromAsset(bundle(this, 'lambda-arm64'));

    // 5. Compute
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    const worker = new lambda.Function(this, 'Worker', {
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      // CPU comes with memory, and 1,769 MB is one vCPU: this is the box of the other columns, and a little more CPU.
      memorySize: config.unit.memory.toMebibytes(),
      // More than the budgets of one job together. The ceiling is 15 minutes: what takes longer is for the other columns.
      timeout: cdk.Duration.seconds(60),
      code,
      handler: 'index.handler',
      environment: jobEnvironment('lambda', buckets),
      role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      // S3 invokes asynchronously: Lambda queues the event (up to 1 MB of it) and retries after one and two minutes. What
      // fails for longer, S3 for example, fills the failure queue; one `npm run replay` sends all of it again.
      retryAttempts: 2,
      maxEventAge: cdk.Duration.hours(6),
      onFailure: failures,
      // Should the results ever be written where the function is triggered, Lambda stops the loop.
      recursiveLoop: lambda.RecursiveLoop.TERMINATE,
    });
    // The bucket exists before the first worker and is deleted after the last.
    worker.node.addDependency(buckets.output);
    const running = worker.metric('ConcurrentExecutions');

    // 6. Trigger
    const prefix = config.sourcePrefix;
    buckets.source.addEventNotification(s3.EventType.OBJECT_CREATED, new s3n.LambdaDestination(worker), { prefix });

    // 7. Permissions
    buckets.grantResize(role);
    // No job queue, and no rights to it: Lambda takes the events out of its own. It ships the logs with this role.
    logGroup.grants.write(role);

    // 8. Scaling
    // Nothing to declare: one environment for each event at a time, as many as the account's concurrency allows. Where other
    // functions share it, a burst of uploads can leave them nothing: then set `reservedConcurrentExecutions`. It is not set
    // here because Lambda keeps part of the concurrency unreserved, in new accounts all of it: the deployment would fail.

    // 9. Outputs
    const { alarmEmail } = props;
    outputs(this, { buckets, target: worker, failures: failures.queue, logGroup, running, alarmEmail });
  }
}
