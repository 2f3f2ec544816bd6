import { DEFAULTS, ENV, RENDITION_FORMATS, type RenditionFormat } from './contract';

/** What may be decoded, and at what price, before a picture is rejected. */
export interface Limits {
  /** Bytes of the source object. */
  readonly bytes: number;
  /** Pixels of one frame, width x height. */
  readonly pixels: number;
  /** Pixels of the longest side. */
  readonly side: number;
  readonly channels: number;
  /** CPU-seconds of the decoder. Spent means `too-large`: the picture is expensive on any machine. */
  readonly cpuSeconds: number;
  /** Wall seconds of the decoder. Spent alone is transient: the machine was slow, not the picture. */
  readonly wallSeconds: number;
  /** Resident MiB of the decoder. */
  readonly memoryMib: number;
}

/** What is made of every accepted picture. */
export interface RenditionSettings {
  /** Sides of the square boxes, in px, ascending, that renditions fit inside. */
  readonly widths: readonly number[];
  readonly format: RenditionFormat;
}

/** What one job needs to know, the same for all ways. */
export interface Settings {
  /** What runs the job, for logs and metadata. */
  readonly compute: string;
  readonly stack: string;
  readonly sourceBucket: string;
  readonly sourcePrefix: string;
  readonly outputBucket: string;
  readonly renditions: RenditionSettings;
  readonly limits: Limits;
}

/** What a queue worker needs besides. */
export interface WorkerSettings extends Settings {
  readonly queueUrl: string;
  /** `undefined`: from the vCPUs and memory found at start. */
  readonly decodeSlots: number | undefined;
  readonly messagesPerSlot: number;
  readonly visibilityTimeoutSeconds: number;
  readonly stopGraceSeconds: number;
}

/** A variable is missing or malformed. The message is one line: its name, what was found, what was expected. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Longest side WebP can store; also a sane ceiling for the other formats. */
const MAX_RENDITION_WIDTH = 16_383;

/** Reads what every way needs. @throws ConfigurationError */
export function readSettings(env: Environment): Settings {
  const settings: Settings = {
    compute: label(env, ENV.compute),
    stack: required(env, ENV.stack, 'the name of the stack, which its metrics are filed under'),
    sourceBucket: required(env, ENV.sourceBucket, 'the name of the bucket to read from'),
    // Not `||`: an empty prefix is a choice, and means every key.
    sourcePrefix: env[ENV.sourcePrefix] ?? DEFAULTS.sourcePrefix,
    outputBucket: required(env, ENV.outputBucket, 'the name of the bucket to write to'),
    renditions: {
      widths: widths(env),
      format: oneOf(env, ENV.renditionFormat, RENDITION_FORMATS, DEFAULTS.renditionFormat),
    },
    limits: {
      bytes: integer(env, ENV.maxInputBytes, DEFAULTS.maxInputBytes, 1, 1_000_000_000),
      pixels: integer(env, ENV.maxInputPixels, DEFAULTS.maxInputPixels, 1, 1_000_000_000),
      side: integer(env, ENV.maxInputSide, DEFAULTS.maxInputSide, 1, 1_000_000),
      channels: integer(env, ENV.maxInputChannels, DEFAULTS.maxInputChannels, 1, 64),
      cpuSeconds: integer(env, ENV.decodeCpuSeconds, DEFAULTS.decodeCpuSeconds, 1, 3600),
      wallSeconds: integer(env, ENV.decodeWallSeconds, DEFAULTS.decodeWallSeconds, 1, 3600),
      memoryMib: integer(env, ENV.decodeMemoryMib, DEFAULTS.decodeMemoryMib, 64, 1_048_576),
    },
  };
  if (settings.sourceBucket === settings.outputBucket) {
    throw new ConfigurationError(
      `${ENV.outputBucket} is "${settings.outputBucket}", the same as ${ENV.sourceBucket}: expected another bucket, or every rendition would trigger the next`,
    );
  }
  return settings;
}

/** Reads what a queue worker needs. @throws ConfigurationError */
export function readWorkerSettings(env: Environment): WorkerSettings {
  const queueUrl = required(env, ENV.queueUrl, 'the URL of the queue S3 sends its events to');
  if (!URL.canParse(queueUrl)) throw malformed(ENV.queueUrl, queueUrl, 'a URL, https://sqs.<region>.amazonaws.com/…');
  return {
    ...readSettings(env),
    queueUrl,
    decodeSlots: env[ENV.decodeSlots] ? integer(env, ENV.decodeSlots, 1, 1, 256) : undefined,
    messagesPerSlot: integer(env, ENV.messagesPerSlot, DEFAULTS.messagesPerSlot, 1, 64),
    // 43,200 s is the longest visibility timeout SQS accepts.
    visibilityTimeoutSeconds: integer(env, ENV.visibilityTimeoutSeconds, DEFAULTS.visibilityTimeoutSeconds, 3, 43_200),
    stopGraceSeconds: integer(env, ENV.stopGraceSeconds, DEFAULTS.stopGraceSeconds, 2, 3600),
  };
}

function required(env: Environment, name: string, expected: string): string {
  const value = env[name];
  if (!value) throw new ConfigurationError(`${name} is not set: expected ${expected}`);
  return value;
}

/** It goes into headers. Which ones there are is the infrastructure's to know, and its compiler's. */
function label(env: Environment, name: string): string {
  const expected = 'what runs the job, such as lambda, in lower case';
  const value = required(env, name, expected);
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(value)) throw malformed(name, value, expected);
  return value;
}

function malformed(name: string, value: string, expected: string): ConfigurationError {
  return new ConfigurationError(`${name} is ${JSON.stringify(value)}: expected ${expected}`);
}

function oneOf<T extends string>(env: Environment, name: string, values: readonly T[], fallback?: T): T {
  const value = env[name];
  const known = values.find((candidate) => candidate === (value || fallback));
  if (known) return known;
  const expected = `one of ${values.join(', ')}`;
  throw value ? malformed(name, value, expected) : new ConfigurationError(`${name} is not set: expected ${expected}`);
}

function integer(env: Environment, name: string, fallback: number, least: number, most: number): number {
  const value = env[name];
  if (!value) return fallback;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw malformed(name, value, `a whole number from ${least} to ${most}`);
}

function widths(env: Environment): readonly number[] {
  const value = env[ENV.renditionWidths];
  if (!value) return DEFAULTS.renditionWidths;
  const parts = value.split(',').map((part) => part.trim());
  const numbers = [...new Set(parts.map(Number))].sort((a, b) => a - b);
  const valid = parts.every((part) => /^\d+$/.test(part) && Number(part) >= 1 && Number(part) <= MAX_RENDITION_WIDTH);
  if (valid && numbers.length <= 16) return numbers;
  throw malformed(
    ENV.renditionWidths,
    value,
    `1 to 16 widths in px, each 1 to ${MAX_RENDITION_WIDTH}, separated by commas`,
  );
}
