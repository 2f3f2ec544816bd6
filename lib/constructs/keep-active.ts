import * as iam from 'aws-cdk-lib/aws-iam';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as targets from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Duration, Tags } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

const TAG = { key: 'four-ways:kept-active', value: 'true' };

/**
 * Defines a schedule that touches a queue, so that its metrics, and the alarms that start workers, do not fall asleep.
 *
 * CloudWatch has metrics of a queue for six hours after anything accessed it; after that the next upload is seen up to
 * 15 minutes late. Here the queue is given, every five hours, a tag that it already has: nothing changes, and reading
 * calls are not for schedules. That it helps is read in the documentation, which says that any action counts, and was
 * not seen.
 *
 * Only where alarms start workers. KEDA asks the queue itself, and never stops asking; Lambda has a queue of its own.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
 */
export class KeepActive extends Construct {
  constructor(scope: Construct, id: string, queue: sqs.Queue) {
    super(scope, id);
    Tags.of(queue).add(TAG.key, TAG.value);
    new scheduler.Schedule(this, 'Schedule', {
      schedule: scheduler.ScheduleExpression.rate(Duration.hours(5)),
      target: new targets.Universal({
        service: 'sqs',
        action: 'tagQueue',
        input: scheduler.ScheduleTargetInput.fromObject({ QueueUrl: queue.queueUrl, Tags: { [TAG.key]: TAG.value } }),
        policyStatements: [new iam.PolicyStatement({ actions: ['sqs:TagQueue'], resources: [queue.queueArn] })],
      }),
    });
  }
}
