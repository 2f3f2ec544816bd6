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
 * Calls `onFrame` for each whole message. What is no message, or one that `onFrame` throws at, destroys the stream with
 * an error: the peer is not to be trusted any more.
 */
export function readFrames(from: Readable, onFrame: (header: unknown, payload: Buffer) => void): void {
  let target = Buffer.alloc(PREAMBLE_BYTES);
  let filled = 0;
  let headerBytes: number | undefined;

  from.on('data', (chunk: Buffer) => {
    let rest = chunk;
    while (rest.length > 0) {
      const copied = rest.copy(target, filled);
      rest = rest.subarray(copied);
      filled += copied;
      if (filled < target.length) return;
      if (headerBytes === undefined) {
        headerBytes = target.readUInt32BE(0);
        const payloadBytes = target.readUInt32BE(4);
        if (headerBytes === 0 || headerBytes > 1_048_576 || payloadBytes > MAX_PAYLOAD_BYTES) {
          from.destroy(new Error('not a frame'));
          return;
        }
        target = Buffer.allocUnsafe(headerBytes + payloadBytes);
      } else {
        try {
          onFrame(JSON.parse(target.toString('utf8', 0, headerBytes)), target.subarray(headerBytes));
        } catch (error) {
          from.destroy(error as Error);
          return;
        }
        target = Buffer.alloc(PREAMBLE_BYTES);
        headerBytes = undefined;
      }
      filled = 0;
    }
  });
}
