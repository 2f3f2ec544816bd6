import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { CfnOutput, type Stack } from 'aws-cdk-lib/core';
import { config } from '../config';
import type { ImageBuckets } from './image-buckets';

export interface OutputsProps {
  readonly images: ImageBuckets;
  readonly failures: sqs.Queue;
  readonly logGroup: logs.LogGroup;
}

/** Defines the outputs every stack has: how to try it, where the results are, and where to look when there are none. */
export function outputs(stack: Stack, { images, failures, logGroup }: OutputsProps): void {
  const output = (id: string, value: string, description: string) => new CfnOutput(stack, id, { value, description });
  output(
    'UploadCommand',
    `aws s3 cp PICTURE s3://${images.source.bucketName}/${config.sourcePrefix}`,
    'Upload a picture: this triggers the work',
  );
  output('ResultBucket', images.output.bucketName, 'Renditions and rejection records appear here');
  output('FailureQueue', failures.queueUrl, 'Events that no retry could help');
  output('LogsCommand', `aws logs tail --follow ${logGroup.logGroupName}`, 'Watch it work');
}
