import type { ChildProcess } from 'node:child_process';
import type { S3Event } from 'aws-lambda';
import { s3Client } from '../../workload/clients';
import { markAtOnce } from '../../workload/collector';
import { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { handleEvent } from '../../workload/job';

/**
 * Makes the function: S3 invokes it with an event, and it returns when every record is in a terminal state. What it
 * throws is retried by Lambda, and then handed to the failure destination.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export function createHandler(started: ChildProcess) {
  // Once, while the environment initializes.
  const settings = readSettings(process.env);
  const s3 = s3Client(process.env);
  // One slot: an environment has one event at a time.
  const decoder = new Decoder(1, undefined, [started]);
  return (event: S3Event, { awsRequestId }: { awsRequestId: string }): Promise<void> =>
    // After an event, because the first one loads the last of Node's modules: collector.ts says why that matters.
    handleEvent(event, { settings, s3, decoder }, { RequestId: awsRequestId }).finally(markAtOnce);
}
