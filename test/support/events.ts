/** The parts of an S3 event record that tests vary. */
export interface RecordOptions {
  readonly bucket?: string;
  /** As it stands in the event: URL-encoded. */
  readonly key?: string;
  readonly size?: number;
  readonly eTag?: string;
  readonly sequencer?: string;
  readonly eventName?: string;
  readonly eventVersion?: string;
}

/** One record as S3 writes it. */
export function s3Record(options: RecordOptions = {}): Record<string, unknown> {
  const { bucket = 'source', key = 'incoming/a.jpg', eventName = 'ObjectCreated:Put', eventVersion = '2.1' } = options;
  const { size = 1024, eTag = 'd41d8cd98f00b204e9800998ecf8427e', sequencer = '0055AED6DCD90281E5' } = options;
  return {
    eventVersion,
    eventSource: 'aws:s3',
    awsRegion: 'eu-west-1',
    eventTime: '2026-11-22T00:00:00.000Z',
    eventName,
    s3: { s3SchemaVersion: '1.0', bucket: { name: bucket }, object: { key, size, eTag, sequencer } },
  };
}

/** The body of a message with these records. */
export function s3Body(...records: readonly Record<string, unknown>[]): string {
  return JSON.stringify({ Records: records });
}
