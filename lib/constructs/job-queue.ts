import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { config } from '../config';

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
        alarmDescription: 'Events that could not be processed wait in the failure queue.',
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
  /** Messages that wait for a worker: what to scale out on. */
  readonly visible: cloudwatch.IMetric;
  /** Messages that wait or are being worked on: what to scale in on, so that nobody is stopped in the middle. */
  readonly outstanding: cloudwatch.IMetric;

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
    const everyMinute = { period: Duration.minutes(1), statistic: cloudwatch.Stats.MAXIMUM };
    this.visible = this.queue.metricApproximateNumberOfMessagesVisible(everyMinute);
    this.outstanding = this.queue.metricApproximateNumberOfMessagesOutstanding(everyMinute);
    // SQS does not count the age of messages that were received three times: those that wait for another try stay silent.
    this.queue
      .metricApproximateAgeOfOldestMessage({ period: Duration.minutes(5), statistic: cloudwatch.Stats.MAXIMUM })
      .createAlarm(this, 'TooOld', {
        alarmDescription: 'Uploads have been waiting for a worker for over half an hour.',
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

  /**
   * Grants what the queue loop does, action by action. The visibility is changed of messages that take longer than
   * others: by the heartbeat of a long job, after a failure, and when a worker stops and hands back what it has not begun.
   */
  grantWork(worker: iam.IGrantable): void {
    this.queue.grants.actions(worker, ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility']);
  }
}
