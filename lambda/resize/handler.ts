import type { ChildProcess } from 'node:child_process';
import type { S3Event } from 'aws-lambda';
import { s3Client } from '../../workload/clients';
import { markAtOnce } from '../../workload/collector';
import { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { handleEvent, type JobContext } from '../../workload/job';

/** What events share. Once, while the environment initializes. */
export function setUp(started: ChildProcess): JobContext {
  const settings = readSettings(process.env);
  const s3 = s3Client(process.env);
  // One slot: an environment has one event at a time.
  return { settings, s3, decoder: new Decoder(1, undefined, [started]) };
}

/**
 * Makes the function: S3 invokes it with an event, and it returns when every record is in a terminal state. What it
 * throws is retried by Lambda, and then handed to the failure destination.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export function createHandler(context: JobContext) {
  return (event: S3Event, { awsRequestId }: { awsRequestId: string }): Promise<void> =>
    // After an event, because the first one loads the last of Node's modules: collector.ts says why that matters.
    handleEvent(event, context, { RequestId: awsRequestId }).finally(markAtOnce);
}
