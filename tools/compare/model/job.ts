import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { ENV } from '../../../workload/contract';
import type { Decoder } from '../../../workload/decoder';
import { readSettings } from '../../../workload/env';
import { handleEvent } from '../../../workload/job';
import type { JobFacts } from './types';

const BUCKET = 'resizeonlambda-imagessource3216ca9e-0123456789ab';

/**
 * What one image makes the job do: its requests to S3, its log line. Found by running the job itself, once, on
 * stand-ins for S3 and the decoder, so that a rendition more or a metric less is counted without another edit.
 */
export async function readJob(): Promise<JobFacts> {
  const requests: string[] = [];
  let [open, s3Waits] = [0, 0];
  // The first bytes of a JPEG: the gate looks no further, and the decoder is a stand-in.
  const picture = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46, 0, 1]);
  const s3 = {
    send: async (command: object) => {
      requests.push(command.constructor.name);
      if (open === 0) s3Waits += 1;
      open += 1;
      await new Promise(setImmediate);
      open -= 1;
      return { Body: Readable.from([picture]), ContentLength: picture.length };
    },
  } as unknown as S3Client;
  const settings = readSettings({
    [ENV.compute]: 'lambda',
    [ENV.stack]: 'ResizeOnLambda',
    [ENV.sourceBucket]: BUCKET,
    [ENV.outputBucket]: 'output',
  });
  const decoder = {
    decode: async (
      _: Buffer,
      { renditions }: { renditions: { widths: readonly number[] } },
      options: { onSlot?: () => void },
    ) => {
      options.onSlot?.();
      const bytes = Buffer.alloc(100_000);
      return {
        renditions: renditions.widths.map((box) => ({ box, bytes })),
        cpuMs: 500,
        peakMib: 200,
        contained: 'none',
      };
    },
  } as unknown as Decoder;
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    // As long as names are: a bucket that CloudFormation has named, an upload with a date in its key.
    s3: {
      bucket: { name: BUCKET },
      object: {
        key: 'incoming/2026/11/23/IMG_20261123_164055.jpg',
        size: picture.length,
        eTag: 'd41d8cd98f00b204e9800998ecf8427e',
        sequencer: '0055AED6DCD90281E5',
      },
    },
  };
  const lines = await captured(() => handleEvent({ Records: [record] }, { settings, s3, decoder }));
  const [line] = lines.filter((text) => text.includes('"State":"done"'));
  if (!line) throw new Error(`the job did not log a finished image: ${lines.join(' ').slice(0, 200)}`);
  const { CloudWatchMetrics } = JSON.parse(line)._aws;
  const count = (name: string) => requests.filter((request) => request === name).length;
  return {
    s3Gets: count('GetObjectCommand'),
    s3Puts: count('PutObjectCommand'),
    s3Waits,
    // Times in four digits, as those of a job are: the stand-ins' differ from run to run.
    logBytes: Buffer.byteLength(line.replace(/"(Duration|SlotWait)":\d+/g, '"$1":1000')),
    customMetrics: CloudWatchMetrics.reduce(
      (sum: number, { Metrics, Dimensions }: { Metrics: unknown[]; Dimensions: unknown[] }) =>
        sum + Metrics.length * Dimensions.length,
      0,
    ),
  };
}

/** Lines that are written to stdout meanwhile. */
async function captured(run: () => Promise<void>): Promise<string[]> {
  const { write } = process.stdout;
  const lines: string[] = [];
  process.stdout.write = ((chunk: string) => lines.push(chunk) > 0) as typeof process.stdout.write;
  try {
    await run();
  } finally {
    process.stdout.write = write;
  }
  return lines.map((line) => line.trimEnd());
}
