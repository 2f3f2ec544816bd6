import type { Readable, Writable } from 'node:stream';

/**
 * Messages over a pipe: a JSON header and any number of raw bytes behind it. Picture bytes never become text and are
 * copied once, into a buffer of their announced size.
 *
 * Layout: header length (uint32, big endian), payload length (uint32), header (JSON), payload.
 */

const PREAMBLE_BYTES = 8;
/** More than the largest source object the environment allows; anything above is a broken peer. */
const MAX_PAYLOAD_BYTES = 1_073_741_824;
const MAX_HEADER_BYTES = 1_048_576;

/** Writes one message. The payload may come in parts, which are not joined. */
export function writeFrame(to: Writable, header: object, ...payload: readonly Buffer[]): void {
  const json = Buffer.from(JSON.stringify(header));
  const preamble = Buffer.alloc(PREAMBLE_BYTES);
  preamble.writeUInt32BE(json.length, 0);
  preamble.writeUInt32BE(
    payload.reduce((sum, part) => sum + part.length, 0),
    4,
  );
  to.cork();
  for (const part of [preamble, json, ...payload]) to.write(part);
  to.uncork();
}

/**
 * Takes messages apart. Bytes go where they are needed: whoever reads asks for {@link room}, fills some of it and says
 * how much.
 */
export class FrameReader {
  private target = Buffer.alloc(PREAMBLE_BYTES);
  private filled = 0;
  private headerBytes: number | undefined;

  /**
   * @param onFrame is called for each whole message
   * @param mostBytes of payload, asked when a message begins. It is held in memory before anybody looks at it.
   */
  constructor(
    private readonly onFrame: (header: unknown, payload: Buffer) => void,
    private readonly mostBytes: () => number = () => MAX_PAYLOAD_BYTES,
  ) {}

  /** Where the next bytes belong; never empty. */
  room(): Buffer {
    return this.target.subarray(this.filled);
  }

  /** So many bytes of the {@link room} are filled. @throws Error when they are no message, or what `onFrame` throws */
  fill(bytes: number): void {
    this.filled += bytes;
    if (this.filled < this.target.length) return;
    const { target, headerBytes } = this;
    this.filled = 0;
    if (headerBytes === undefined) {
      const [header, payload] = [target.readUInt32BE(0), target.readUInt32BE(4)];
      if (header === 0 || header > MAX_HEADER_BYTES || payload > this.mostBytes()) throw new Error('not a frame');
      this.headerBytes = header;
      this.target = Buffer.allocUnsafe(header + payload);
    } else {
      this.headerBytes = undefined;
      this.target = Buffer.alloc(PREAMBLE_BYTES);
      this.onFrame(JSON.parse(target.toString('utf8', 0, headerBytes)), target.subarray(headerBytes));
    }
  }
}

/**
 * Reads messages from a stream. What is no message, or one that `onFrame` throws at, destroys the stream with an error:
 * the peer is not to be trusted any more.
 */
export function readFrames(from: Readable, ...how: ConstructorParameters<typeof FrameReader>): void {
  const reader = new FrameReader(...how);
  from.on('data', (chunk: Buffer) => {
    try {
      for (let read = 0; read < chunk.length; ) {
        const copied = chunk.copy(reader.room(), 0, read);
        read += copied;
        reader.fill(copied);
      }
    } catch (error) {
      from.destroy(error as Error);
    }
  });
}
