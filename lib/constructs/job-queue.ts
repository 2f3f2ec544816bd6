import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { config } from '../config';
import { KeepActive } from './keep-active';

/**
 * Defines the queue of what no retry could help, with an alarm on its first message. It can be the destination of a
 * function's failures.
 */
export class FailureQueue extends Construct implements lambda.IDestination {
  readonly queue: sqs.Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.queue = new sqs.Queue(this, 'Queue', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: config.failureRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.queue
      .metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: cloudwatch.Stats.MAXIMUM })
      .createAlarm(this, 'NotEmpty', {
        alarmDescription:
          'Events that no retry could help wait in the failure queue. Find out why by LogsCommand, then send them again by ReplayCommand, both among the outputs of this stack. The next mail comes when the queue has been empty in between.',
        threshold: 1,
        evaluationPeriods: 1,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      });
  }

  /**
   * Lets the function's role send, because that is as whom Lambda sends, after the last retry. CDK's own `SqsDestination`
   * also lets it ask the queue about itself, which nobody does.
   */
  bind(_scope: Construct, worker: lambda.IFunction): lambda.DestinationConfig {
    this.queue.grants.actions(worker, ['sqs:SendMessage']);
    return { destination: this.queue.queueArn };
  }
}

/**
 * Defines the queue between S3 and the workers that poll, with its failure queue and an alarm on work that waits.
 * It is itself the destination of the bucket's notification.
 */
export class JobQueue extends Construct implements s3.IBucketNotificationDestination {
  readonly queue: sqs.Queue;
  readonly failures: FailureQueue;
  /** Messages that wait for a worker, the most seen in a minute: what to scale out on. */
  readonly visible: cloudwatch.Metric;
  /** Messages that workers hold, the most seen in a minute: received and not yet deleted. */
  readonly held: cloudwatch.Metric;
  /**
   * Messages that wait, or else those that are held and were received, in a minute: what to scale in on. It is 0 only
   * when there was nothing to do for the whole minute.
   *
   * What waits and what is held is looked at once a minute. A picture that takes half a second falls between two looks,
   * and a queue with few uploads would seem idle. What was received is counted, so nothing is missed.
   *
   * AWS only promises to report what is held, and what was received, when there is any: `FILL` makes it 0 otherwise, or
   * the sum could be missing and nobody ever stopped. What waits is reported by the minute. A minute that has not been
   * reported yet must not look idle: in a sum, what is missing counts as 0; `IF` has no value where its first one is
   * missing. All of this is read in the documentation, and was not seen.
   *
   * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
   * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
   */
  readonly activity: cloudwatch.IMetric;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.failures = new FailureQueue(this, 'Failures');
    this.queue = new sqs.Queue(this, 'Queue', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: config.visibilityTimeout,
      receiveMessageWaitTime: Duration.seconds(20),
      retentionPeriod: config.jobRetention,
      deadLetterQueue: { queue: this.failures.queue, maxReceiveCount: config.maxReceives },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const period = Duration.minutes(1);
    const most = { period, statistic: cloudwatch.Stats.MAXIMUM };
    this.visible = this.queue.metricApproximateNumberOfMessagesVisible(most);
    this.held = this.queue.metricApproximateNumberOfMessagesNotVisible({
      ...most,
      label: 'Messages held, those that wait for another try included',
    });
    const received = this.queue.metricNumberOfMessagesReceived({ period, statistic: cloudwatch.Stats.SUM });
    this.activity = new cloudwatch.MathExpression({
      expression: 'IF(visible, visible, FILL(held, 0) + FILL(received, 0))',
      usingMetrics: { visible: this.visible, held: this.held, received },
      label: 'Messages that wait, or are held and were received',
      period,
    });
    // Goes off days before a message that nobody reads expires, and stays on until it does. SQS leaves out the age of
    // messages that were received three times: those that wait for another try stay silent. They end in the failure
    // queue, unless no worker ever comes again; then the next upload makes this alarm go off.
    this.queue
      .metricApproximateAgeOfOldestMessage({ period: Duration.minutes(5), statistic: cloudwatch.Stats.MAXIMUM })
      .createAlarm(this, 'TooOld', {
        alarmDescription: `An upload has waited for over half an hour: workers do not start, or cannot keep up. Look at DashboardUrl and LogsCommand, among the outputs of this stack: what nobody reads for ${config.jobRetention.toDays()} days is deleted, and never reaches the failure queue.`,
        threshold: Duration.minutes(30).toSeconds(),
        evaluationPeriods: 1,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      });
  }

  /**
   * Lets the bucket, and only it, send. CDK's own `SqsDestination` names the bucket but not the account, and a bucket's
   * name can be taken by somebody else once it is deleted.
   */
  bind(_scope: Construct, bucket: s3.IBucket): s3.BucketNotificationDestinationConfig {
    const { policyDependable } = this.queue.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        conditions: {
          ArnLike: { 'aws:SourceArn': bucket.bucketArn },
          StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
        },
      }),
    );
    return {
      type: s3.BucketNotificationDestinationType.QUEUE,
      arn: this.queue.queueArn,
      // S3 checks that it may send before it accepts the configuration.
      dependencies: policyDependable ? [policyDependable] : [],
    };
  }

  /** For the ways whose workers are started by alarms on the metrics of this queue. */
  keepActive(): void {
    new KeepActive(this, 'KeepActive', this.queue);
  }

  /**
   * Grants what the queue loop does, action by action. The visibility is changed of messages that take longer than
   * others: by the heartbeat of a long job, after a failure, and when a worker stops and hands back what it has not begun.
   */
  grantWork(worker: iam.IGrantable): void {
    this.queue.grants.actions(worker, ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility']);
  }
}
