import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { ConfigurationError, type Environment } from './env';

/**
 * The AWS clients, made once per process. Region, credentials and endpoint come from AWS's own standard variables.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */

/** Milliseconds. Longer than the longest poll of SQS (20 s), shorter than the visibility timeout. */
const SOCKET_TIMEOUT_MS = 30_000;
const requestHandler = { connectionTimeout: 5_000, socketTimeout: SOCKET_TIMEOUT_MS };

export function s3Client(env: Environment): S3Client {
  // An endpoint of one's own rarely answers to bucket.<host>.
  const forcePathStyle = Boolean(env.AWS_ENDPOINT_URL || env.AWS_ENDPOINT_URL_S3);
  // S3 checks what it stores and TLS what it sends. The SDK would do it a third time, in JavaScript where the checksum
  // is a CRC-64; it still sends checksums of what is written.
  return new S3Client({ requestHandler, responseChecksumValidation: 'WHEN_REQUIRED', forcePathStyle });
}

export function sqsClient(env: Environment): SQSClient {
  // By default the client goes where the queue's URL points, past an endpoint that was asked for.
  const useQueueUrlAsEndpoint = !(env.AWS_ENDPOINT_URL || env.AWS_ENDPOINT_URL_SQS);
  // Every waiting receive holds a socket. The default of 50 would leave none for deletes on a machine with many slots.
  const sockets = { httpAgent: { maxSockets: Infinity }, httpsAgent: { maxSockets: Infinity } };
  return new SQSClient({ requestHandler: { ...requestHandler, ...sockets }, useQueueUrlAsEndpoint });
}

/** Fails at the start instead of at the first event. @throws ConfigurationError */
export async function requireRegion(client: S3Client): Promise<void> {
  try {
    await client.config.region();
  } catch {
    throw new ConfigurationError('AWS_REGION is not set: expected the region of the buckets, such as eu-west-1');
  }
}
