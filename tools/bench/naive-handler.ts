import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Event } from 'aws-lambda';
import { DEFAULTS, ENV, RENDITIONS_PREFIX } from '../../workload/contract';
import { DESIGNS } from './designs';

/**
 * The function as samples write it: the picture into memory, a pipeline for each rendition, all of them written at once.
 * No decoder of its own, no checks, no second look at what is written.
 */

// biome-ignore lint/style/noProcessEnv: a function is configured by its environment.
const env = process.env;
const s3 = new S3Client({ forcePathStyle: true });
const design = DESIGNS.naive();
const format = DEFAULTS.renditionFormat;

export async function handler(event: S3Event): Promise<void> {
  const { make } = await design;
  for (const { s3: record } of event.Records) {
    const { key: Key } = record.object;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: record.bucket.name, Key }));
    const input = Buffer.from((await Body?.transformToByteArray()) as Uint8Array);
    await Promise.all(
      DEFAULTS.renditionWidths.map(async (width) => {
        const [rendition] = await make(input, { widths: [width], format });
        await s3.send(
          new PutObjectCommand({
            Bucket: env[ENV.outputBucket],
            Key: `${RENDITIONS_PREFIX}${Key}/${width}.${format}`,
            Body: rendition,
            ContentType: `image/${format}`,
          }),
        );
      }),
    );
  }
}
