import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { ConfigurationError, type Environment } from './env';

/**
 * The AWS clients, made once per process. Region, credentials and endpoint come from AWS's own standard variables.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */

/**
 * Longest silence in one attempt of a request, in ms. S3 and SQS answer small requests in tens of milliseconds, and a
 * connection that has been silent for seconds is usually dead: another one is quicker than waiting. The SDK makes three
 * attempts, which fit into the budget of a transfer (store.ts); while many requests fail, it makes fewer. Where a
 * connection stops taking bytes, as in a TLS handshake that is never answered, Node looks a second time: 6 s.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html
 */
const SILENCE_MS = 3_000;

/** The same for a receive, which SQS leaves unanswered for up to 20 s. Well under the visibility timeout. */
const LONG_POLL_SILENCE_MS = 25_000;

/** For a receive: its own silence counts, not the one that all other requests to SQS are held to. */
export const LONG_POLL = { requestTimeout: 0 };

// Every waiting receive and every rendition being written holds a socket. The default of 50 would leave none for the
// others on a machine with many slots.
const sockets = { httpAgent: { maxSockets: Infinity }, httpsAgent: { maxSockets: Infinity } };
const requestHandler = { ...sockets, connectionTimeout: SILENCE_MS };

export function s3Client(env: Environment): S3Client {
  return nameErrors(
    new S3Client({
      requestHandler: { ...requestHandler, socketTimeout: SILENCE_MS },
      // S3 checks what it stores and TLS what it sends. The SDK would do it a third time, in JavaScript where the
      // checksum is a CRC-64; it still sends checksums of what is written.
      responseChecksumValidation: 'WHEN_REQUIRED',
      // For objects above 2 MiB the SDK would ask first, on a connection of its own, and wait 6 s for the answer.
      expectContinueHeader: false,
      // An endpoint of one's own rarely answers to bucket.<host>.
      forcePathStyle: Boolean(env.AWS_ENDPOINT_URL || env.AWS_ENDPOINT_URL_S3),
    }),
  );
}

export function sqsClient(env: Environment): SQSClient {
  return nameErrors(
    new SQSClient({
      requestHandler: {
        ...requestHandler,
        requestTimeout: SILENCE_MS,
        throwOnRequestTimeout: true,
        socketTimeout: LONG_POLL_SILENCE_MS,
      },
      // By default the client goes where the queue's URL points, past an endpoint that was asked for.
      useQueueUrlAsEndpoint: !(env.AWS_ENDPOINT_URL || env.AWS_ENDPOINT_URL_SQS),
    }),
  );
}

/** What the SDK throws says what went wrong, and not with which request: a job makes several. */
function nameErrors<Client extends S3Client | SQSClient>(client: Client): Client {
  (client as S3Client).middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        try {
          return await next(args);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          const request = [String(commandName).replace(/Command$/, ''), (args.input as { Key?: string }).Key];
          // A host with several addresses fails once for each of them.
          const causes = error instanceof AggregateError ? error.errors : [error];
          const message = `${request.filter(Boolean).join(' ')}: ${causes.map((cause) => cause.message).join('; ')}`;
          // All else is as in the SDK's error, which stays as it is: several requests may have failed with the same one.
          throw Object.create(error, { message: { value: message } });
        }
      },
    { step: 'initialize', name: 'nameErrors' },
  );
  return client;
}

/** Fails at the start instead of at the first event. @throws ConfigurationError */
export async function requireRegion(client: S3Client): Promise<void> {
  try {
    await client.config.region();
  } catch {
    throw new ConfigurationError('AWS_REGION is not set: expected the region of the buckets, such as eu-west-1');
  }
}
