import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { collectGarbage } from '../../workload/collector';
import { Decoder, DecoderFailure } from '../../workload/decoder';
import { startDecoder } from '../../workload/decoder-process';
import { type Limits, readSettings } from '../../workload/env';
import { buildDecoderOf, RENDITIONS_JOB } from '../support/decoder-of';
import { speaking } from '../support/decoders';
import { cornered, noise, RED } from '../support/pictures';

jest.mock('../../workload/transform', () => jest.requireActual('../../workload/renditions'));

const { limits, renditions } = readSettings({
  COMPUTE: 'ec2',
  STACK: 'test',
  SOURCE_BUCKET: 'source',
  OUTPUT_BUCKET: 'output',
});
const folder = mkdtempSync(path.join(tmpdir(), 'decoder-'));
const CHILD = [process.execPath, path.join(folder, 'decoder-child.js')] as const;

/** What is tested is not how fast the machine is: a busy one takes more than the default for the heavy picture. */
const PATIENT = { wallSeconds: 240 };

/** Interlaced, so that all of it is decoded before the first row comes out: 220 MiB, where a small one takes 69. */
let heavy: Buffer;
let small: Buffer;
let decoder: Decoder;

beforeAll(async () => {
  const flat = sharp({ create: { width: 7000, height: 7000, channels: 3, background: RED } });
  heavy = await flat.png({ progressive: true, compressionLevel: 1 }).toBuffer();
  small = await cornered(300, 200).png().toBuffer();
  await buildDecoderOf(RENDITIONS_JOB, CHILD[1]);
  decoder = await Decoder.start(1, CHILD);
});
afterAll(() => {
  decoder.close();
  rmSync(folder, { recursive: true });
});

const decode = (input: Buffer, changed: Partial<Limits> = {}, signal?: AbortSignal) =>
  decoder.decode(input, { renditions, limits: { ...limits, ...PATIENT, ...changed } }, { signal });

/** Resident MiB of a process; 0 when it is none any more. */
function residentMib(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/**
 * Resolves to the decoder's pid when it is in the middle of the heavy picture.
 * @throws Error when that is done before it was seen, which would else be waited for without end
 */
async function atWork(decoding: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  decoding.then(over, over);
  for (;;) {
    if (isOver) throw new Error('the picture was done before its decoder was seen at work');
    const pid = decoder.pids.find((candidate) => residentMib(candidate) > 105);
    if (pid) return pid;
    await sleep(5);
  }
}

// The decoder is watched through /proc; elsewhere only the wall deadline holds.
const onLinux = process.platform === 'linux' ? test : test.skip;

describe('Decoder', () => {
  test('hands bytes over and renditions back, with what they cost', async () => {
    const { renditions: made, cpuMs, peakMib } = await decode(small);
    expect(made.map(({ name, contentType }) => `${name}, ${contentType}`)).toEqual([
      '160.webp, image/webp',
      '640.webp, image/webp',
      '1280.webp, image/webp',
    ]);
    const headers = await Promise.all(made.map(({ bytes }) => sharp(bytes).metadata()));
    expect(headers.map(({ width, height }) => [width, height])).toEqual([
      [160, 107],
      [300, 200],
      [300, 200],
    ]);
    expect(cpuMs).toBeGreaterThan(0);
    expect(peakMib ?? 50).toBeGreaterThan(20);
  });

  test('keeps one process warm', async () => {
    const before = decoder.pids;
    await decode(small);
    await decode(small);
    expect(decoder.pids).toEqual(before);
  });

  test('decodes one picture at a time in each slot', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => decode(small)));
    expect(new Set(results.map(({ renditions: [first] }) => first?.bytes.toString('base64'))).size).toBe(1);
    expect(decoder.pids).toHaveLength(1);
  });

  test('passes on the verdict of the decoder, and keeps it', async () => {
    const before = decoder.pids;
    await expect(decode(Buffer.from('not a picture'))).rejects.toMatchObject({ reason: 'corrupt' });
    expect(decoder.pids).toEqual(before);
  });

  onLinux.each<[what: string, changed: Partial<Limits>, error: object]>([
    ['CPU', { cpuSeconds: 0.05 }, { reason: 'too-large', detail: 'decoding it takes more than 0.05 s of CPU' }],
    ['memory', { memoryMib: 100 }, { reason: 'too-large', detail: 'decoding it takes more than 100 MiB of memory' }],
    ['wall time only', { wallSeconds: 0.06 }, { name: 'DecoderFailure' }],
  ])('kills a decode that overruns its %s, and has the next one ready', async (_, changed, error) => {
    const [before] = decoder.pids as [number];
    await expect(decode(heavy, changed)).rejects.toMatchObject(error);
    await expect(decode(small)).resolves.toBeDefined();
    expect(residentMib(before)).toBe(0);
  });

  onLinux('tries again when the decoder is killed by somebody else', async () => {
    const result = decode(heavy);
    process.kill(await atWork(result), 'SIGKILL');
    expect((await result).renditions).toHaveLength(3);
  });

  test('replaces a decoder that died while it was idle', async () => {
    process.kill(decoder.pids[0] as number, 'SIGKILL');
    await expect(decode(small)).resolves.toBeDefined();
  });

  onLinux.each<[NodeJS.Signals, string]>([
    ['SIGSEGV', 'corrupt'],
    ['SIGKILL', 'too-large'],
  ])('takes the second %s for the fault of the picture', async (signal, reason) => {
    const result = decode(heavy).catch((error: unknown) => error);
    for (const _ of [1, 2]) {
      const pid = await atWork(result);
      process.kill(pid, signal);
      while (residentMib(pid) > 0) await sleep(5);
    }
    expect(await result).toMatchObject({ name: 'Rejection', reason });
  });

  onLinux('survives the signals that stop a process group: its parent decides', async () => {
    const result = decode(heavy);
    const pid = await atWork(result);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
    expect((await result).renditions).toHaveLength(3);
    expect(decoder.pids).toEqual([pid]);
  });

  onLinux('gives up at once when asked to, at work and in the queue', async () => {
    const stop = new AbortController();
    const reason = new Error('the worker is being stopped');
    const working = decode(heavy, {}, stop.signal).catch((error: unknown) => error);
    const waiting = decode(small, {}, stop.signal).catch((error: unknown) => error);
    await atWork(working);
    stop.abort(reason);
    expect(await Promise.all([working, waiting])).toEqual([reason, reason]);
    await expect(decode(small)).resolves.toBeDefined();
  });

  onLinux.each(['SIGILL', 'SIGSYS', 'SIGTRAP'] as const)(
    'does not blame the picture for a %s, which comes from the machine',
    async (signal) => {
      const result = decode(heavy).catch((error: unknown) => error);
      for (const _ of [1, 2]) {
        const pid = await atWork(result);
        process.kill(pid, signal);
        while (residentMib(pid) > 0) await sleep(5);
      }
      expect(await result).toBeInstanceOf(DecoderFailure);
    },
  );

  test('does not keep the pictures it has decoded', async () => {
    const large = await noise(1500, 1000).png().toBuffer();
    for (let round = 0; round < 30; round += 1) await decode(large, { pixels: 10 }).catch(() => {});
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers / large.length).toBeLessThan(10);
  });

  test('takes over one that was started before it, and replaces that like any other', async () => {
    const started = startDecoder(CHILD);
    const takingOver = new Decoder(1, CHILD, [started]);
    expect(takingOver.pids).toEqual([started.pid]);
    expect((await takingOver.decode(small, { renditions, limits })).renditions).toHaveLength(3);
    started.kill('SIGKILL');
    await once(started, 'close');
    expect((await takingOver.decode(small, { renditions, limits })).renditions).toHaveLength(3);
    expect(takingOver.pids).not.toContain(started.pid);
    takingOver.close();
  });

  onLinux('inherits no credentials', () => {
    const [pid] = decoder.pids;
    const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .map((line) => line.split('=')[0]);
    expect(names.filter((name) => /AWS|SECRET|TOKEN|BUCKET|QUEUE/.test(name as string))).toEqual([]);
    expect(names).toContain('MALLOC_ARENA_MAX');
  });

  test.each([
    ['text', 'out.write("this is no frame, and long enough to be one")'],
    ['no JSON', 'out.write(frame("{"))'],
    ['another number of renditions', 'out.write(frame(JSON.stringify({ renditions: [] })))'],
    [
      'lengths of what it has not sent',
      'out.write(frame(JSON.stringify({ renditions: [-5, 5, 0].map((length) => ({ length })) })))',
    ],
    [
      'a reason of its own',
      'out.write(frame(JSON.stringify({ rejection: { reason: "x".repeat(1000), detail: "" } })))',
    ],
  ])('does not blame the picture when a decoder answers with %s', async (_, behaviour) => {
    const odd = await Decoder.start(1, speaking(behaviour));
    await expect(odd.decode(small, { renditions, limits })).rejects.toEqual(
      new DecoderFailure('the decoder ended: it sent something that is no result'),
    );
    odd.close();
  });

  test('does not let a decoder fill the log', async () => {
    const verdict = { rejection: { reason: 'corrupt', detail: 'x'.repeat(100_000) } };
    const odd = await Decoder.start(1, speaking(`out.write(frame('${JSON.stringify(verdict)}'))`));
    await expect(odd.decode(small, { renditions, limits })).rejects.toMatchObject({ detail: 'x'.repeat(300) });
    odd.close();
  });

  test('keeps its slot when for a while no process can be made', async () => {
    const command = [...CHILD];
    const other = await Decoder.start(1, command);
    process.kill(other.pids[0] as number, 'SIGKILL');
    command[0] = '/dev/null/no-such-program';
    await sleep(100);
    await expect(other.decode(small, { renditions, limits })).rejects.toBeInstanceOf(DecoderFailure);
    command[0] = process.execPath;
    await expect(other.decode(small, { renditions, limits })).resolves.toBeDefined();
    other.close();
  });

  test('fails to start with the last words of the child', async () => {
    const broken = [process.execPath, '-e', 'console.error("no such library"); process.exit(1)'];
    await expect(Decoder.start(2, broken)).rejects.toEqual(
      new DecoderFailure('the decoder does not start: no such library'),
    );
  });

  test('takes a picture before it is ready, so that a function can download while it starts', async () => {
    const starting = new Decoder(1, CHILD);
    await expect(starting.decode(small, { renditions, limits })).resolves.toMatchObject({
      renditions: [{ name: '160.webp' }, { name: '640.webp' }, { name: '1280.webp' }],
    });
    starting.close();
  });

  test('fails the picture, and not the process, when it is given one and does not start', async () => {
    const broken = new Decoder(1, [process.execPath, '-e', 'console.error("no such library"); process.exit(1)']);
    await expect(broken.decode(small, { renditions, limits })).rejects.toEqual(
      new DecoderFailure('the decoder does not start: no such library'),
    );
    broken.close();
  });

  test.each<[string, (stdin: Writable) => void]>([
    ['its parent does, which closes its stdin', (stdin) => stdin.destroy()],
    ['it is sent what is no request', (stdin) => stdin.write('this is no frame, and long enough to be one')],
  ])('ends when %s', async (_, send) => {
    const child = spawn(CHILD[0] as string, CHILD.slice(1), { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
    child.stdin?.on('error', () => {});
    child.stdio[3]?.once('data', () => send(child.stdin as Writable));
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
  });
});
