import type * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { CfnOutput, type Stack } from 'aws-cdk-lib/core';
import { config } from '../config';
import { alarms } from './alarms';
import { Dashboard } from './dashboard';
import type { ImageBuckets } from './image-buckets';

export interface OutputsProps {
  readonly buckets: ImageBuckets;
  /** What S3 sends its events to. */
  readonly target: sqs.Queue | lambda.Function;
  readonly failures: sqs.Queue;
  readonly logGroup: logs.LogGroup;
  /** What is at work, as far as the platform says without being paid for it. */
  readonly running: cloudwatch.Metric;
  /** Where mail goes when an alarm needs a person. */
  readonly alarmEmail: string | undefined;
}

/**
 * Defines what every stack tells: outputs, which are commands for a person and names for a program; a dashboard; and mail,
 * where somebody wants it.
 */
export function outputs(stack: Stack, props: OutputsProps): void {
  const { buckets, target, failures, logGroup, running, alarmEmail } = props;
  alarms(stack, alarmEmail);
  const dashboard = new Dashboard(stack, 'Dashboard', { waiting: waitingFor(target), running, failures });
  const output = (id: string, value: string, description: string) => new CfnOutput(stack, id, { value, description });
  const { source, output: results } = buckets;
  // Deployed to one region and looked for in another, it would seem not to be there.
  const region = `--region ${stack.region}`;
  output(
    'UploadCommand',
    `aws s3 cp PICTURE s3://${source.bucketName}/${config.sourcePrefix} ${region}`,
    'Uploads a picture (put a file of yours for PICTURE), which starts the work. AWS CLI v2',
  );
  output(
    'ResultsCommand',
    `aws s3 ls --recursive s3://${results.bucketName}/ ${region}`,
    'Lists the renditions, and the records of what was rejected. AWS CLI v2',
  );
  output(
    'LogsCommand',
    `aws logs tail --follow ${logGroup.logGroupName} ${region}`,
    'Follows the logs of the workers, until Ctrl-C. AWS CLI v2',
  );
  const [replay, how] =
    target instanceof lambda.Function
      ? [`npm run replay -- ${stack.stackName} ${region}`, 'Run it in this repository']
      : [`aws sqs start-message-move-task --source-arn ${failures.queueArn} ${region}`, 'AWS CLI v2'];
  output('ReplayCommand', replay, `Sends the events in the failure queue to the workers again. ${how}`);
  output('DashboardUrl', dashboard.url, 'Shows what waits, runs, is done and has failed. Open it in a browser');
  output('SourceBucket', source.bucketName, `For programs: where uploads go, under ${config.sourcePrefix}`);
  output('ResultBucket', results.bucketName, 'For programs: where renditions and rejection records appear');
  output(
    'EventTarget',
    target instanceof lambda.Function ? target.functionArn : target.queueArn,
    'For programs: the ARN of what S3 sends its events to',
  );
  output('FailureQueue', failures.queueUrl, 'For programs: the URL of the queue of events that no retry could help');
}

/** How much waits for a queue's workers. How many events wait for a function, Lambda does not say, but for how long. */
function waitingFor(target: sqs.Queue | lambda.Function): cloudwatch.Metric {
  return target instanceof lambda.Function
    ? target.metric('AsyncEventAge', { label: 'Age of events, ms' })
    : target.metricApproximateNumberOfMessagesVisible({ label: 'Messages' });
}

/** Has a group count its instances that are in service, which is free, and returns that metric. */
export function instancesInService(group: autoscaling.AutoScalingGroup): cloudwatch.Metric {
  const metricName = 'GroupInServiceInstances';
  const { node, autoScalingGroupName } = group;
  (node.defaultChild as autoscaling.CfnAutoScalingGroup).metricsCollection = [
    { granularity: '1Minute', metrics: [metricName] },
  ];
  const dimensionsMap = { AutoScalingGroupName: autoScalingGroupName };
  return new cloudwatch.Metric({ namespace: 'AWS/AutoScaling', metricName, dimensionsMap });
}
