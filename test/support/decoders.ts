/**
 * The command of a decoder that somebody has taken over: it gets ready, and does this with the first bytes of a picture.
 * At hand are `out`, `frame(json, payload)`, `send(header, payload)` and `answer({ cpuMs })`, a plausible result.
 */
export const speaking = (behaviour: string): string[] => [
  process.execPath,
  '-e',
  `const out = new (require('net').Socket)({ fd: 3 });
  const frame = (json, payload = Buffer.alloc(0)) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(Buffer.byteLength(json));
    head.writeUInt32BE(payload.length, 4);
    return Buffer.concat([head, Buffer.from(json), payload]);
  };
  const send = (header, payload) => out.write(frame(JSON.stringify(header), payload));
  const answer = ({ cpuMs = 1 } = {}) =>
    send({ cpuMs, renditions: [1, 1, 1].map((length) => ({ length })) }, Buffer.alloc(3));
  send({ ready: true });
  process.stdin.once('data', () => { ${behaviour} });`,
];
