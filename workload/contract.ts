export { COMPUTES, type Compute } from './computes';

/**
 * The contract between the infrastructure that starts the workload and the workload itself: names of environment
 * variables, prefixes of object keys, terminal states. It imports nothing else, so that `lib/` can import it without
 * pulling runtime code into the templates, and a misspelt variable is a compile error on both sides.
 */

/** Environment variables the workload reads. The first group has no default. */
export const ENV = {
  /** What runs it, for logs and metadata: one of `COMPUTES`. */
  compute: 'COMPUTE',
  /** The name of the stack: the dimension of every metric, because a way may be deployed more than once. */
  stack: 'STACK',
  /** The bucket whose objects are resized; events of any other bucket are `ignored`. */
  sourceBucket: 'SOURCE_BUCKET',
  /** The bucket renditions and rejection records are written to. Never the source bucket. */
  outputBucket: 'OUTPUT_BUCKET',
  /** Queue workers only: the queue S3 sends its events to. */
  queueUrl: 'QUEUE_URL',

  /** Keys outside this prefix are `ignored`. An empty value accepts every key. Default `incoming/`. */
  sourcePrefix: 'SOURCE_PREFIX',
  /** Boxes, in px, that renditions fit inside; comma-separated. Default `160,640,1280`. */
  renditionWidths: 'RENDITION_WIDTHS',
  /** `webp`, `jpeg` or `avif`. Default `webp`. */
  renditionFormat: 'RENDITION_FORMAT',
  /** Largest accepted source object, in bytes. Default 25,000,000. */
  maxInputBytes: 'MAX_INPUT_BYTES',
  /** Largest accepted picture, in pixels (width x height of one frame). Default 50,000,000. */
  maxInputPixels: 'MAX_INPUT_PIXELS',
  /** Longest accepted side, in pixels. Default 30,000. */
  maxInputSide: 'MAX_INPUT_SIDE',
  /** Most channels accepted (CMYK + alpha is 5). Default 5. */
  maxInputChannels: 'MAX_INPUT_CHANNELS',
  /** CPU-seconds one decode may use before the picture is rejected as `too-large`. Default 20. */
  decodeCpuSeconds: 'DECODE_CPU_SECONDS',
  /** Wall seconds one decode may take before it is killed; transient unless the CPU budget is gone. Default 30. */
  decodeWallSeconds: 'DECODE_WALL_SECONDS',
  /** Resident MiB one decoder may hold before the picture is rejected as `too-large`. Default 1,536. */
  decodeMemoryMib: 'DECODE_MEMORY_MIB',
  /** Queue workers only: decodes at a time. Default: one per vCPU and 2 GiB of memory, at least one. */
  decodeSlots: 'DECODE_SLOTS',
  /** Queue workers only: messages held for each of them, so that it decodes one while others are fetched and written. Default 6. */
  messagesPerSlot: 'MESSAGES_PER_SLOT',
  /** Queue workers only: the visibility timeout that heartbeats extend a message to. Default 120. */
  visibilityTimeoutSeconds: 'VISIBILITY_TIMEOUT_SECONDS',
  /** Queue workers only: seconds between SIGTERM and the platform's SIGKILL. Default 90. */
  stopGraceSeconds: 'STOP_GRACE_SECONDS',
} as const;

/** What the workload uses when a variable is not set. */
export const DEFAULTS = {
  sourcePrefix: 'incoming/',
  renditionWidths: [160, 640, 1280],
  renditionFormat: 'webp',
  maxInputBytes: 25_000_000,
  maxInputPixels: 50_000_000,
  maxInputSide: 30_000,
  maxInputChannels: 5,
  decodeCpuSeconds: 20,
  decodeWallSeconds: 30,
  decodeMemoryMib: 1536,
  // Four keep a slot busy with small pictures where a request to S3 takes 30 ms, eight where it takes 100, as measured.
  // Each may hold a source object in memory.
  messagesPerSlot: 6,
  visibilityTimeoutSeconds: 120,
  stopGraceSeconds: 90,
} as const;

/**
 * Seconds that a queue worker leaves work alone after its first, second, … delivery has failed. Together they outlast
 * half an hour without S3. When the delivery after the last of them fails too, the message goes to the failure queue.
 */
export const RETRY_SECONDS = [10, 60, 600, 1200] as const;

/**
 * Most records of one event; one with more is `malformed`. S3 sends one, and its messages have 64 KB at most, which is
 * too little for a hundred. Without a bound, a forged message could ask for thousands of downloads and write as many log
 * lines.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export const MAX_EVENT_RECORDS = 100;

export const RENDITION_FORMATS = ['webp', 'jpeg', 'avif'] as const;
export type RenditionFormat = (typeof RENDITION_FORMATS)[number];

/** Where the output bucket keeps what: `renditions/<source key>/<width>.<ext>` and `rejected/<source key>.json`. */
export const RENDITIONS_PREFIX = 'renditions/';
export const REJECTED_PREFIX = 'rejected/';

/** A message in one of these states is acknowledged. The same for all ways. */
export const TERMINAL_STATES = ['done', 'rejected', 'superseded', 'gone', 'ignored'] as const;
export type TerminalState = (typeof TERMINAL_STATES)[number];

/** Why a picture is `rejected`: permanent, recorded in the output bucket, never retried. */
export const REJECTION_REASONS = ['unsupported', 'corrupt', 'too-large'] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** CloudWatch namespace of the metrics in the workload's log lines. */
export const METRIC_NAMESPACE = 'FourWays';
