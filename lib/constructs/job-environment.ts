import { Stack } from 'aws-cdk-lib/core';
import { type Compute, ENV } from '../../workload/contract';
import { config } from '../config';
import type { ImageBuckets } from './image-buckets';
import type { JobQueue } from './job-queue';

/** The environment of the job, by the names that the workload reads it by. */
export function jobEnvironment(compute: Compute, buckets: ImageBuckets): Record<string, string> {
  return {
    [ENV.compute]: compute,
    [ENV.stack]: Stack.of(buckets).stackName,
    [ENV.sourceBucket]: buckets.source.bucketName,
    [ENV.sourcePrefix]: config.sourcePrefix,
    [ENV.outputBucket]: buckets.output.bucketName,
  };
}

/** And of the queue loop around it. */
export function workerEnvironment(compute: Compute, buckets: ImageBuckets, jobs: JobQueue): Record<string, string> {
  return {
    ...jobEnvironment(compute, buckets),
    [ENV.queueUrl]: jobs.queue.queueUrl,
    [ENV.visibilityTimeoutSeconds]: String(config.visibilityTimeout.toSeconds()),
    [ENV.stopGraceSeconds]: String(config.stopGrace.toSeconds()),
    // Lambda sets this one by itself. For the others it is one line here, and not three guesses at what sets it.
    AWS_REGION: Stack.of(buckets).region,
  };
}
