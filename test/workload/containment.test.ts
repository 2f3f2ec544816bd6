import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { type Architecture, decoderFilter, shieldParent } from '../../workload/containment';
import { Decoder, DecoderFailure } from '../../workload/decoder';
import { startDecoder } from '../../workload/decoder-process';
import { readSettings } from '../../workload/env';
import { readFrames } from '../../workload/frames';
import { buildDecoderOf, RENDITIONS_JOB } from '../support/decoder-of';
import { speaking } from '../support/decoders';
import { cornered } from '../support/pictures';
import { until } from '../support/waiting';

/** What somebody who has taken a decoder over gets at. */

jest.mock('../../workload/transform', () => jest.requireActual('../../workload/renditions'));

const { limits, renditions } = readSettings({
  COMPUTE: 'ec2',
  STACK: 'test',
  SOURCE_BUCKET: 'source',
  OUTPUT_BUCKET: 'output',
});
const patient = { ...limits, wallSeconds: 240 };

// Elsewhere there is no such kernel, and the log says so.
const onLinux = process.platform === 'linux' ? test : test.skip;

const folder = mkdtempSync(path.join(tmpdir(), 'contained-'));
const CHILD = path.join(folder, 'decoder-child.js');
beforeAll(() => buildDecoderOf(RENDITIONS_JOB, CHILD));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KOFFI = path.join(
  __dirname,
  `../../node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`,
);

let scripts = 0;

/** The decoder as it is shipped, with somebody's code in it. */
function takenOver(code: string): string[] {
  scripts += 1;
  const script = path.join(folder, `${scripts}.js`);
  writeFileSync(script, code);
  return [process.execPath, '-r', script, CHILD];
}

/** Code that a decoder runs when it is confined. */
const whenConfined = (code: string) => `
  const [fs, net, dgram, os, cp] = ['fs', 'net', 'dgram', 'os', 'child_process'].map(require);
  const waiting = setInterval(async () => {
    try { fs.readFileSync('/proc/self/status'); return; } catch {}
    clearInterval(waiting);
    ${code}
  }, 10);`;

/** Code that a decoder runs after its first answer. */
const whenIdle = (code: string) => `
  const { Socket } = require('net');
  const { write } = Socket.prototype;
  let writes = 0;
  Socket.prototype.write = function (...all) {
    // Two say that it is ready. The third begins an answer.
    if (++writes === 3) setImmediate(() => { ${code} });
    return write.apply(this, all);
  };`;

/** What each attempt of a confined decoder comes to: the error's code, or `done`. */
async function tried(attempts: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const child = startDecoder(
    takenOver(
      whenConfined(`
        const worked = (error) => error?.info?.code ?? error?.code ?? error?.message ?? 'done';
        const found = {};
        ${Object.entries(attempts)
          .map(
            ([name, code]) =>
              `try { found[${JSON.stringify(name)}] = worked(await (async () => { ${code} })()); } catch (error) { found[${JSON.stringify(name)}] = worked(error); }`,
          )
          .join('\n')}
        const json = Buffer.from(JSON.stringify({ found }));
        const head = Buffer.alloc(8);
        head.writeUInt32BE(json.length);
        fs.writeSync(3, Buffer.concat([head, json]));`),
    ),
  );
  child.stdin?.on('error', () => {});
  const found = await new Promise<Record<string, string>>((resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`it ended: ${code ?? signal}`)));
    readFrames(child.stdio[3] as Readable, (header) => {
      const { found } = header as { found?: Record<string, string> };
      if (found) resolve(found);
    });
  });
  child.kill('SIGKILL');
  return found;
}

/** Not as `isRunning` sees it: one whose first thread has ended looks like a zombie, and goes on. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a decoder that somebody has taken over', () => {
  beforeAll(() => writeFileSync(path.join(folder, 'there'), ''));

  onLinux(
    'reads nothing of its parent, opens no file, starts no program, connects to nobody and signals nobody',
    async () => {
      const connects = (to: string) =>
        `return await new Promise((resolve) => net.connect(${to}).on('error', resolve).on('connect', () => resolve()));`;
      const attempts = {
        "reading its parent's environment": "fs.readFileSync('/proc/' + process.ppid + '/environ')",
        "reading its parent's memory": "fs.openSync('/proc/' + process.ppid + '/mem', 'r+')",
        "giving its parent up to the kernel's choice":
          "fs.writeFileSync('/proc/' + process.ppid + '/oom_score_adj', '1000')",
        'reading its own environment': "fs.readFileSync('/proc/self/environ')",
        'reading a token':
          "fs.readFileSync('/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token')",
        'looking around': "fs.readdirSync('/')",
        'writing a file': `fs.writeFileSync(${JSON.stringify(path.join(folder, 'written'))}, '')`,
        'removing a file': `fs.unlinkSync(${JSON.stringify(path.join(folder, 'there'))})`,
        'starting a program': "return cp.spawnSync('/bin/sh', ['-c', 'true']).error",
        'asking for credentials': connects("80, '169.254.169.254'"),
        'connecting to a socket of this machine': connects("'/run/some.sock'"),
        'sending a datagram':
          "return await new Promise((resolve) => dgram.createSocket('udp4').on('error', resolve).send('', 53, '127.0.0.1', resolve));",
        'signalling its parent': 'process.kill(process.ppid, 0)',
        'signalling whoever it may': 'process.kill(-1, 0)',
        'slowing its parent down': 'os.setPriority(process.ppid, 19)',
      };
      expect(await tried(attempts)).toEqual(Object.fromEntries(Object.keys(attempts).map((name) => [name, 'EPERM'])));
    },
  );

  onLinux('is confined before it is handed a picture, and its parent cannot be read: the log says so', async () => {
    const decoder = await Decoder.start(1, [process.execPath, CHILD]);
    const { contained } = await decoder.decode(await cornered(30, 20).png().toBuffer(), {
      renditions,
      limits: patient,
    });
    decoder.close();
    expect(contained).toBe('seccomp, dumpable');
  });

  onLinux('finds its parent without a dump, which is what opens its memory and environment to its own user', () => {
    shieldParent();
    const koffi = createRequire(__filename)(KOFFI);
    const PR_GET_DUMPABLE = 3;
    expect(koffi.load(null).func('int prctl(int, ulong, ulong, ulong, ulong)')(PR_GET_DUMPABLE, 0, 0, 0, 0)).toBe(0);
  });

  // The kernel then tells nothing of its memory any more.
  const endOfFirstThread = `require(${JSON.stringify(KOFFI)}).load(null).func('void pthread_exit(void *)')(null)`;
  const manyThreads =
    "process.env.UV_THREADPOOL_SIZE = '100'; require('crypto').pbkdf2('', '', 1, 1, 'sha1', () => {})";
  onLinux.each([
    ['holds memory', takenOver(whenIdle('globalThis.held = Buffer.alloc(700e6, 1)'))],
    ['uses the CPU', takenOver(whenIdle('for (;;);'))],
    ['has many threads', speaking(`answer(); setImmediate(() => { ${manyThreads} })`)],
    ['goes on without its first thread', speaking(`answer(); setImmediate(() => { ${endOfFirstThread} })`)],
  ])('is ended when it %s between pictures, which is not the next one’s fault', async (_, command) => {
    const decoder = await Decoder.start(1, command);
    const [first] = decoder.pids as [number];
    const picture = await cornered(30, 20).png().toBuffer();
    await decoder.decode(picture, { renditions, limits: patient });
    // Nobody has to ask for its slot.
    await until(() => !isAlive(first));
    await expect(decoder.decode(picture, { renditions, limits: patient })).resolves.toBeDefined();
    decoder.close();
  });

  onLinux('ends when it exits, though it can sync no file, and its last words count', async () => {
    const odd = await Decoder.start(
      1,
      takenOver(whenConfined("process.stderr.write('no threads left\\n', () => process.exit(1));")),
    );
    const [first] = odd.pids as [number];
    await until(() => !isAlive(first));
    odd.close();
    const child = startDecoder(takenOver(whenConfined('process.exit(1);')));
    child.stdin?.on('error', () => {});
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGUSR2');
  });

  onLinux('keeps no descriptor that it has inherited', async () => {
    shieldParent();
    const [node, ...args] = takenOver(
      whenConfined(
        "let said; try { fs.writeSync(100, 'still open'); } catch ({ code }) { said = code; } fs.writeSync(2, said ?? 'open');",
      ),
    ) as [string, ...string[]];
    // Node itself passes no low one on.
    const inherited: ('ignore' | 'pipe')[] = Array(101).fill('ignore');
    for (const fd of [0, 2, 3, 100]) inherited[fd] = 'pipe';
    const child = spawn(node, args, { stdio: inherited });
    const [said] = await once(child.stderr as Readable, 'data');
    child.kill('SIGKILL');
    expect(String(said)).toBe('EBADF');
  });

  onLinux('is not believed about its CPU', async () => {
    const odd = await Decoder.start(1, speaking('answer({ cpuMs: 1e308 })'));
    const { cpuMs } = await odd.decode(Buffer.from('x'), { renditions, limits: patient });
    odd.close();
    expect(cpuMs).toBeLessThan(10_000);
  });

  test.each([
    [
      'an answer too large for the renditions asked for',
      'out.write(Buffer.from([0, 0, 0, 2, 64, 0, 0, 0]))',
      'it sent something that is no result',
    ],
    [
      'a rendition larger than its box can be, where another one leaves room',
      'const lengths = [200_000, 1, 1]; send({ cpuMs: 1, renditions: lengths.map((length) => ({ length })) }, Buffer.alloc(200_002))',
      'it sent something that is no result',
    ],
    ['a second beginning', 'send({ ready: true, confined: true })', 'it answered without being asked'],
    ['nothing, and the pipe closed', 'out.end(); setInterval(() => {}, 1000)', 'it closed the pipe of its results'],
  ])('does not hold its parent up, nor fill its memory, with %s', async (_, behaviour, said) => {
    const odd = await Decoder.start(1, speaking(behaviour));
    await expect(odd.decode(Buffer.from('x'), { renditions, limits: patient })).rejects.toEqual(
      new DecoderFailure(`the decoder ended: ${said}`),
    );
    odd.close();
  });

  test('is not handed another picture when it has not read the one before', async () => {
    const unread = speaking('')
      .at(-1)
      ?.replace(/process\.stdin\.once[\s\S]*/, 'setTimeout(answer, 300)') as string;
    const odd = await Decoder.start(1, [process.execPath, '-e', unread]);
    const [first] = odd.pids as [number];
    await expect(odd.decode(Buffer.alloc(20e6), { renditions, limits: patient })).rejects.toBeInstanceOf(
      DecoderFailure,
    );
    expect(odd.pids).not.toContain(first);
    odd.close();
  });

  test('is replaced when it answers without being asked', async () => {
    const odd = await Decoder.start(1, speaking('answer(); setTimeout(answer, 50)'));
    const [first] = odd.pids as [number];
    await odd.decode(Buffer.from('x'), { renditions, limits: patient });
    await until(() => !isAlive(first));
    await expect(odd.decode(Buffer.from('x'), { renditions, limits: patient })).resolves.toBeDefined();
    odd.close();
  });

  test('says so where nothing contains it', async () => {
    const decoder = await Decoder.start(1, speaking('answer()'));
    const { contained } = await decoder.decode(Buffer.from('x'), { renditions, limits: patient });
    decoder.close();
    expect(contained).toBe(process.platform === 'linux' ? 'dumpable' : 'none');
  });
});

/** What the kernel does with a call, as the manual of seccomp says; the errno of one that fails. */
function verdict(architecture: Architecture, number: number, argument = 0, audit?: number, flags = 0x22): string {
  const data = new Map([
    [0, number],
    [4, audit ?? (architecture === 'x64' ? 0xc000_003e : 0xc000_00b7)],
    [16, argument],
    // mmap's flags: memory of its own.
    [40, flags],
  ]);
  const program = decoderFilter(architecture, 4321);
  let accumulator = 0;
  for (let at = 0; ; at += 1) {
    const [code, ifTrue, ifFalse, constant] = program[at] as readonly [number, number, number, number];
    if (code === 0x20) accumulator = data.get(constant) as number;
    else if (code === 0x15) at += accumulator === constant ? ifTrue : ifFalse;
    else if (code === 0x45) at += (accumulator & constant) !== 0 ? ifTrue : ifFalse;
    else if (code === 0x06 && constant === 0x7fff_0000) return 'allowed';
    else if (code === 0x06 && constant === 0x8000_0000) return 'killed';
    else if (code === 0x06) return `errno ${constant & 0xffff}`;
    else throw new Error(`no such instruction: ${code}`);
  }
}

describe.each([
  // Numbers as in the kernel's tables, not as in the file that is tested.
  [
    'x64',
    { read: 0, futex: 202, mmap: 9, exit_group: 231 },
    {
      openat: 257,
      open: 2,
      execve: 59,
      socket: 41,
      connect: 42,
      ptrace: 101,
      process_vm_readv: 310,
      io_uring_enter: 426,
    },
    { clone: 56, clone3: 435, kill: 62, tgkill: 234, fork: 57 },
  ],
  [
    'arm64',
    { read: 63, futex: 98, mmap: 222, exit_group: 94 },
    { openat: 56, execve: 221, socket: 198, connect: 203, ptrace: 117, process_vm_readv: 270, io_uring_enter: 426 },
    { clone: 220, clone3: 435, kill: 129, tgkill: 131, fork: 1079 },
  ],
] as const)('the filter on %s', (architecture, allowed, refused, special) => {
  test.each(Object.entries(allowed))('allows %s', (_, number) => {
    expect(verdict(architecture, number)).toBe('allowed');
  });

  test.each(Object.entries(refused))('refuses %s', (_, number) => {
    expect(verdict(architecture, number)).toBe('errno 1');
  });

  test('allows another thread, and no other process', () => {
    const ofAThread = 0x003d_0f00;
    expect(verdict(architecture, special.clone, ofAThread)).toBe('allowed');
    expect(verdict(architecture, special.clone, 17)).toBe('errno 1');
    // "There is no such call": then the C library takes the other one.
    expect(verdict(architecture, special.clone3)).toBe('errno 38');
    expect(verdict(architecture, special.fork)).toBe('errno 1');
  });

  test('allows memory of its own, and none that is shared, which nobody would count', () => {
    const [MAP_SHARED, MAP_SHARED_VALIDATE, MAP_ANONYMOUS] = [1, 3, 0x20];
    for (const flags of [MAP_SHARED, MAP_SHARED_VALIDATE, MAP_SHARED | MAP_ANONYMOUS]) {
      expect(verdict(architecture, allowed.mmap, 0, undefined, flags)).toBe('errno 1');
    }
  });

  test('allows signals to itself, and to nobody else', () => {
    for (const call of [special.kill, special.tgkill]) {
      expect(verdict(architecture, call, 4321)).toBe('allowed');
      for (const other of [1, 0, 0xffff_ffff, 4320]) expect(verdict(architecture, call, other)).toBe('errno 1');
    }
  });

  test('ends a process that calls as another architecture, or by the numbers of one', () => {
    expect(verdict(architecture, allowed.read, 0, 0x4000_0003)).toBe('killed');
    expect(verdict(architecture, 0x4000_0000 + allowed.read)).toBe('errno 1');
  });
});
