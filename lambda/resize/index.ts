// Above the others: it starts while they load.
import './decoder';

import type { S3Event } from 'aws-lambda';
import { s3Client } from '../../workload/clients';
import { readSettings } from '../../workload/env';
import { handleEvent } from '../../workload/job';
import { decoder } from './decoder';

// Once, while the environment initializes.
const settings = readSettings(process.env);
const s3 = s3Client(process.env);

/**
 * The function: S3 invokes it with an event, and it returns when every record is in a terminal state. What it throws
 * is retried by Lambda, and then handed to the failure destination.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export const handler = (event: S3Event, { awsRequestId }: { awsRequestId: string }): Promise<void> =>
  handleEvent(event, { settings, s3, decoder }, { RequestId: awsRequestId });
