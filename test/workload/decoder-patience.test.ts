import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Decoder, DecoderFailure } from '../../workload/decoder';
import { startDecoder } from '../../workload/decoder-process';
import { readSettings } from '../../workload/env';
import { HOST_DECODER } from '../support/host-bundles';
import { until } from '../support/waiting';

/** How long a decoder is waited for, and who ends first when memory runs out. Time is jest's, processes are real. */

const { limits, renditions } = readSettings({
  COMPUTE: 'ec2',
  STACK: 'stack',
  SOURCE_BUCKET: 'source',
  OUTPUT_BUCKET: 'output',
});
const picture = Buffer.from('of no interest to these decoders');

/** Stops what the decoder tells the time by. What pipes and processes need goes on. */
const stopTheClock = () =>
  jest.useFakeTimers({
    doNotFake: ['Date', 'hrtime', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  });

/** A process that runs and says nothing. */
const MUTE = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];

let decoder: Decoder;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'decoder-'));
});
afterEach(() => {
  jest.useRealTimers();
  decoder.close();
  rmSync(folder, { recursive: true });
});

/** A decoder that gets ready, and answers no request: it leaves a file of its pid when one arrives. */
const silent = () => [
  process.execPath,
  '-e',
  `const json = Buffer.from('{"ready":true}');
  const head = Buffer.alloc(8);
  head.writeUInt32BE(json.length);
  new (require('net').Socket)({ fd: 3 }).write(Buffer.concat([head, json]));
  process.stdin.once('data', () => require('fs').writeFileSync(${JSON.stringify(folder)} + '/' + process.pid, ''));`,
];
const asked = () => readdirSync(folder).map(Number);

describe('a decoder', () => {
  test('that does not get ready is killed after a while, and fails the picture that waits for it', async () => {
    const stuck = spawn(MUTE[0] as string, MUTE.slice(1), { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
    stopTheClock();
    decoder = new Decoder(1, MUTE, [stuck]);
    const result = decoder.decode(picture, { limits, renditions }).catch((error: unknown) => error);
    // Until the picture waits for it.
    await setImmediate();
    expect(stuck.killed).toBe(false);
    // Longer than any start, and shorter than a message is hidden.
    jest.advanceTimersByTime(60_000);
    expect(stuck.killed).toBe(true);
    expect(await result).toEqual(new DecoderFailure('the decoder does not start: it does not get ready'));
  });

  test('that has got ready is not killed for its start any more', async () => {
    stopTheClock();
    const child = startDecoder(silent());
    decoder = new Decoder(1, silent(), [child]);
    await once(child.stdio[3] as NodeJS.ReadableStream, 'data');
    jest.advanceTimersByTime(60_000);
    expect(child.killed).toBe(false);
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;

  onLinux('is what the kernel ends first when memory runs out, and not the worker with the messages', async () => {
    decoder = await Decoder.start(1, [process.execPath, HOST_DECODER]);
    const score = (pid: number | string) => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'));
    // The most that there is.
    expect(score(decoder.pids[0] as number)).toBe(1000);
    expect(score('self')).toBeLessThan(1000);
  });
});

test('the second attempt at a picture has the time that the first one has left, and not as much again', async () => {
  decoder = await Decoder.start(1, silent());
  stopTheClock();
  const result = decoder.decode(picture, { limits, renditions }).catch((error: unknown) => error);
  let settled = false;
  void result.then(() => {
    settled = true;
  });
  await until(() => asked().length === 1);
  jest.advanceTimersByTime(limits.wallSeconds * 1000 * 0.7);
  // Somebody else kills it, which earns a second attempt.
  process.kill(asked()[0] as number, 'SIGKILL');
  await until(() => asked().length === 2);
  jest.advanceTimersByTime(limits.wallSeconds * 1000 * 0.2);
  await setImmediate();
  expect(settled).toBe(false);
  jest.advanceTimersByTime(limits.wallSeconds * 1000 * 0.2);
  await setImmediate();
  expect(settled).toBe(true);
  expect(await result).toMatchObject({ name: 'DecoderFailure', message: expect.stringContaining('killed after') });
});
