import type { S3Event } from 'aws-lambda';
import { requireRegion, s3Client } from '../../workload/clients';
import { setUpCollector } from '../../workload/collector';
import { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { handleEvent } from '../../workload/job';
import { wrongPlatform } from '../../workload/platform';

/**
 * The function: S3 invokes it with an event, and it returns when every record is in a terminal state. What it throws
 * is retried by Lambda, and then handed to the failure destination.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export const handler = async (event: S3Event, { awsRequestId }: { awsRequestId: string }): Promise<void> => {
  decoder ??= startDecoder();
  await handleEvent(event, { settings, s3, decoder: await decoder }, { RequestId: awsRequestId });
};

// Everything here runs once, while the environment initializes. An environment has one event at a time: one slot.
setUpCollector();
const foreign = wrongPlatform(__dirname);
if (foreign) throw new Error(foreign);
const settings = readSettings(process.env);
const s3 = s3Client(process.env);
let decoder: Promise<Decoder> | undefined = startDecoder();

async function startDecoder(): Promise<Decoder> {
  try {
    await requireRegion(s3);
    return await Decoder.start(1);
  } catch (error) {
    // Thrown by the invocation that waits for it; the next one in this environment tries again.
    decoder = undefined;
    throw error;
  }
}
// Until an invocation waits, nobody does: without this line Node would end the environment first.
decoder.catch(() => {});
