import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a server of 127.0.0.1 answers to a request as it is written here, with four bytes for a body. */
export async function rawRequest(port: number, line: string, ...headers: readonly string[]) {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(`${[line, ...headers, 'Content-Length: 4', 'Connection: close'].join('\r\n')}\r\n\r\nbody`);
  const answer = await text(socket);
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(answer) ?? [];
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  return { status: Number(status), body };
}

/** How a server of ours refuses. The body is one chunk. */
export const refusal = (port: number, why: string) => ({
  status: 403,
  body: expect.stringMatching(
    new RegExp(
      `^(?:[0-9a-f]+\\r\\n)?${why}: only programs on this machine are answered, at http://127\\.0\\.0\\.1:${port}\\n`,
    ),
  ),
});
