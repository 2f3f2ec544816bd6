import { ConfigurationError, type Environment, readSettings, readWorkerSettings } from '../../workload/env';

const LEAST = { COMPUTE: 'ec2', STACK: 'stack', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' };
const LEAST_WORKER = { ...LEAST, QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/jobs' };

describe('readSettings', () => {
  test('fills in the documented defaults', () => {
    expect(readSettings(LEAST)).toEqual({
      compute: 'ec2',
      stack: 'stack',
      sourceBucket: 'source',
      sourcePrefix: 'incoming/',
      outputBucket: 'output',
      renditions: { widths: [160, 640, 1280], format: 'webp' },
      limits: {
        bytes: 25_000_000,
        pixels: 50_000_000,
        side: 30_000,
        channels: 5,
        cpuSeconds: 20,
        wallSeconds: 30,
        memoryMib: 1536,
      },
    });
  });

  test('takes an empty prefix as every key', () => {
    expect(readSettings({ ...LEAST, SOURCE_PREFIX: '' }).sourcePrefix).toBe('');
  });

  test('sorts the widths and drops repeated ones', () => {
    expect(readSettings({ ...LEAST, RENDITION_WIDTHS: '640, 320,640' }).renditions.widths).toEqual([320, 640]);
  });

  test.each<[change: Environment, message: string]>([
    [{ COMPUTE: undefined }, 'COMPUTE is not set: expected what runs the job, such as lambda, in lower case'],
    [{ COMPUTE: 'my\nvm' }, 'COMPUTE is "my\\nvm": expected what runs the job, such as lambda, in lower case'],
    [{ STACK: '' }, 'STACK is not set: expected the name of the stack, which its metrics are filed under'],
    [{ SOURCE_BUCKET: '' }, 'SOURCE_BUCKET is not set: expected the name of the bucket to read from'],
    [{ OUTPUT_BUCKET: undefined }, 'OUTPUT_BUCKET is not set: expected the name of the bucket to write to'],
    [
      { OUTPUT_BUCKET: 'source' },
      'OUTPUT_BUCKET is "source", the same as SOURCE_BUCKET: expected another bucket, or every rendition would trigger the next',
    ],
    [{ RENDITION_FORMAT: 'png' }, 'RENDITION_FORMAT is "png": expected one of webp, jpeg, avif'],
    [
      { RENDITION_WIDTHS: '160,wide' },
      'RENDITION_WIDTHS is "160,wide": expected 1 to 16 widths in px, each 1 to 16383, separated by commas',
    ],
    [{ MAX_INPUT_BYTES: '25MB' }, 'MAX_INPUT_BYTES is "25MB": expected a whole number from 1 to 1000000000'],
    [{ DECODE_CPU_SECONDS: '0' }, 'DECODE_CPU_SECONDS is "0": expected a whole number from 1 to 3600'],
  ])('fails for %j in one line that names the variable and what was expected', (change, message) => {
    expect(() => readSettings({ ...LEAST, ...change })).toThrow(new ConfigurationError(message));
  });
});

describe('readWorkerSettings', () => {
  test('adds the queue and its time budget', () => {
    expect(readWorkerSettings(LEAST_WORKER)).toMatchObject({
      queueUrl: LEAST_WORKER.QUEUE_URL,
      decodeSlots: undefined,
      messagesPerSlot: 6,
      visibilityTimeoutSeconds: 120,
      stopGraceSeconds: 90,
    });
  });

  test.each<[change: Environment, message: string]>([
    [{ QUEUE_URL: undefined }, 'QUEUE_URL is not set: expected the URL of the queue S3 sends its events to'],
    [{ QUEUE_URL: 'jobs' }, 'QUEUE_URL is "jobs": expected a URL, https://sqs.<region>.amazonaws.com/…'],
    [{ DECODE_SLOTS: '-1' }, 'DECODE_SLOTS is "-1": expected a whole number from 1 to 256'],
    [{ MESSAGES_PER_SLOT: '0' }, 'MESSAGES_PER_SLOT is "0": expected a whole number from 1 to 64'],
  ])('fails for %j', (change, message) => {
    expect(() => readWorkerSettings({ ...LEAST_WORKER, ...change })).toThrow(new ConfigurationError(message));
  });
});
