import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * What the kernel keeps from a decoder that a picture has taken over. Two measures, both of them calls that a process
 * makes about itself, without any privilege:
 *
 * - the parent is made undumpable: nobody of its own user reads its environment or its memory under /proc;
 * - the decoder, once libvips is loaded and before it sees a picture, gives up every system call but those that decoding
 *   takes: no file is opened, no program started, no connection made, no other process signalled.
 *
 * Where the platform refuses (AWS Lambda is said to), everything works as before and the log says `Contained: none`.
 *
 * @see https://man7.org/linux/man-pages/man2/seccomp.2.html
 * @see https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
 */

/** What holds, for the log. */
export type Contained = 'seccomp, dumpable' | 'seccomp' | 'dumpable' | 'none';

export const contained = (seccomp: boolean, dumpable: boolean): Contained =>
  seccomp ? (dumpable ? 'seccomp, dumpable' : 'seccomp') : dumpable ? 'dumpable' : 'none';

/** Numbers of system calls: [x64, arm64]. x64 has more of them, for old programs; -1 is none. */
type Numbers = readonly [x64: number, arm64: number];

/** All that Node's event loop, V8 and libvips do while they decode. What works on a path or an address is not among it. */
const ALLOWED: Readonly<Record<string, Numbers>> = {
  read: [0, 63],
  readv: [19, 65],
  write: [1, 64],
  writev: [20, 66],
  lseek: [8, 62],
  close: [3, 57],
  epoll_wait: [232, -1],
  epoll_pwait: [281, 22],
  epoll_pwait2: [441, 441],
  epoll_ctl: [233, 21],
  futex: [202, 98],
  membarrier: [324, 283],
  rseq: [334, 293],
  set_robust_list: [273, 99],
  brk: [12, 214],
  munmap: [11, 215],
  mremap: [25, 216],
  mprotect: [10, 226],
  madvise: [28, 233],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  rt_sigreturn: [15, 139],
  sigaltstack: [131, 132],
  restart_syscall: [219, 128],
  getpid: [39, 172],
  gettid: [186, 178],
  getrusage: [98, 165],
  getrandom: [318, 278],
  sched_getaffinity: [204, 123],
  sched_getparam: [143, 121],
  sched_getscheduler: [145, 120],
  sched_yield: [24, 124],
  clock_gettime: [228, 113],
  clock_nanosleep: [230, 115],
  nanosleep: [35, 101],
  exit: [60, 93],
  exit_group: [231, 94],
};

/** Allowed to a process about itself: `abort()`, and the decoder's own end. The first argument is the process. */
const ALLOWED_TO_ITSELF: Readonly<Record<string, Numbers>> = { kill: [62, 129], tgkill: [234, 131] };

/** Not of memory that processes share: it does not count as resident, and nobody else would see how much there is. */
const MMAP: Numbers = [9, 222];
const MAP_SHARED = 1;

const CLONE: Numbers = [56, 220];
/** Its flags are behind a pointer, where no filter can look. Told that there is none, the C library takes `clone`. */
const CLONE3: Numbers = [435, 435];
const CLONE_THREAD = 0x1_0000;

const SECCOMP: Numbers = [317, 277];
const SECCOMP_SET_MODE_FILTER = 1;
/** Of all threads, because V8 and Node have some already. */
const SECCOMP_FILTER_FLAG_TSYNC = 1;

/** A ring is a second way to every file and address, past any filter. Node makes one whenever it starts. */
const IO_URING_SETUP: Numbers = [425, 425];

/** The last descriptor that a decoder is given: decoder-process.ts. */
const RESULTS = 3;

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const SIGKILL = 9;

// One instruction of classic BPF: what it does, where it goes on if true and if false, and its constant.
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, constant: number];
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;

// What it loads from, struct seccomp_data. Both architectures are little endian: the lower half comes first.
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;
const FOURTH_ARGUMENT = 40;

const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const EPERM = 1;
const ENOSYS = 38;
const fail = (errno: number): Instruction => [RETURN, 0, 0, 0x5_0000 | errno];
const allow: Instruction = [RETURN, 0, 0, ALLOW];

/** Where `process.arch` is in {@link Numbers}, and what the kernel calls it (AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64). */
const ARCHITECTURES = {
  x64: { index: 0, audit: 0xc000_003e },
  arm64: { index: 1, audit: 0xc000_00b7 },
} as const;
export type Architecture = keyof typeof ARCHITECTURES;

/**
 * The decoder's filter. What is not allowed fails with EPERM, as if the platform refused it: no picture is lost over a
 * call that nobody thought of.
 */
export function decoderFilter(architecture: Architecture, pid: number): readonly Instruction[] {
  const { index, audit } = ARCHITECTURES[architecture];
  const numbers = (calls: Readonly<Record<string, Numbers>>) =>
    Object.values(calls)
      .map((both) => both[index])
      .filter((number) => number >= 0);
  return [
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD_WORD, 0, 0, NUMBER],
    ...numbers(ALLOWED).flatMap((number): Instruction[] => [[JUMP_IF_EQUAL, 0, 1, number], allow]),
    [JUMP_IF_EQUAL, 0, 4, MMAP[index]],
    [LOAD_WORD, 0, 0, FOURTH_ARGUMENT],
    [JUMP_IF_ANY_BIT, 1, 0, MAP_SHARED],
    allow,
    fail(EPERM),
    [JUMP_IF_EQUAL, 0, 1, CLONE3[index]],
    fail(ENOSYS),
    [JUMP_IF_EQUAL, 0, 4, CLONE[index]],
    [LOAD_WORD, 0, 0, FIRST_ARGUMENT],
    [JUMP_IF_ANY_BIT, 0, 1, CLONE_THREAD],
    allow,
    fail(EPERM),
    ...numbers(ALLOWED_TO_ITSELF).flatMap((number): Instruction[] => [
      [JUMP_IF_EQUAL, 0, 4, number],
      [LOAD_WORD, 0, 0, FIRST_ARGUMENT],
      [JUMP_IF_EQUAL, 0, 1, pid],
      allow,
      fail(EPERM),
    ]),
    fail(EPERM),
  ];
}

/** The parent's: no process that it starts gets a ring. */
function parentFilter(architecture: Architecture): readonly Instruction[] {
  const { index, audit } = ARCHITECTURES[architecture];
  return [
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 0, 3, audit],
    [LOAD_WORD, 0, 0, NUMBER],
    [JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP[index]],
    fail(ENOSYS),
    allow,
  ];
}

interface Kernel {
  readonly architecture: Architecture;
  /** 0, or -1 when it is refused. */
  readonly prctl: (option: number, argument: number) => number;
  readonly setFilter: (filter: readonly Instruction[], flags: number) => number;
}

/** Calls of the C library, by koffi. `undefined` where there is none for this platform: macOS, a bundle without it. */
function kernel(): Kernel | undefined {
  if (process.platform !== 'linux' || !(process.arch in ARCHITECTURES)) return undefined;
  const architecture = process.arch as Architecture;
  try {
    // The binary itself: koffi's own scripts find out which one it is, and take longer than all else here.
    const name = `@koromix/koffi-linux-${architecture}/linux_${architecture}/koffi.node`;
    const koffi = createRequire(__filename)(name) as {
      load(file: null): { func(signature: string): (...parameters: unknown[]) => number };
      address(of: Buffer): bigint;
    };
    const libc = koffi.load(null);
    const prctl = libc.func('int prctl(int, ulong, ulong, ulong, ulong)');
    const syscall = libc.func('long syscall(long, ulong, ulong, void *)');
    const { index } = ARCHITECTURES[architecture];
    return {
      architecture,
      prctl: (option, argument) => prctl(option, argument, 0, 0, 0),
      setFilter: (filter, flags) => {
        // struct sock_fprog: how many, and where. They are behind it in the same buffer, which therefore stays while the
        // kernel reads them.
        const program = Buffer.alloc(16 + filter.length * 8);
        program.writeUInt16LE(filter.length, 0);
        program.writeBigUInt64LE(koffi.address(program) + 16n, 8);
        for (const [place, [code, ifTrue, ifFalse, constant]] of filter.entries()) {
          const at = 16 + place * 8;
          program.writeUInt16LE(code, at);
          program.writeUInt8(ifTrue, at + 2);
          program.writeUInt8(ifFalse, at + 3);
          program.writeUInt32LE(constant, at + 4);
        }
        return syscall(SECCOMP[index], SECCOMP_SET_MODE_FILTER, flags, program);
      },
    };
  } catch {
    return undefined;
  }
}

let shielded: boolean | undefined;

/**
 * Shields this process from those that it starts. Before it starts any: their filter is worth nothing if they have a
 * ring. Once is enough.
 * @returns whether it is undumpable now
 */
export function shieldParent(): boolean {
  if (shielded === undefined) {
    const calls = kernel();
    shielded = calls?.prctl(PR_SET_DUMPABLE, 0) === 0;
    if (calls?.prctl(PR_SET_NO_NEW_PRIVS, 1) === 0) calls.setFilter(parentFilter(calls.architecture), 0);
  }
  return shielded;
}

/** The kernel's mark of a descriptor that is closed before another program starts: all of Node's own have it. */
const O_CLOEXEC = 0o2000000;

/**
 * Closes what whoever started the parent has left open, and this process has inherited.
 * @returns whether it is fit to be confined: Node would not survive that its ring stops working
 */
function closeInherited(): boolean {
  try {
    for (const fd of readdirSync('/proc/self/fd').map(Number)) {
      try {
        if (readlinkSync(`/proc/self/fd/${fd}`).includes('io_uring')) return false;
        const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
        if (fd > RESULTS && !(Number.parseInt(flags, 8) & O_CLOEXEC)) closeSync(fd);
      } catch (error) {
        // Of the folder that has just been read.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Takes from this process, for good, all that a decoder does not need. When everything is loaded, and only of a process
 * that {@link shieldParent} has kept from having a ring.
 * @returns whether it holds
 */
export function confineDecoder(): boolean {
  const calls = kernel();
  if (!calls || !closeInherited()) return false;
  // With its parent gone nobody would end it.
  if (calls.prctl(PR_SET_PDEATHSIG, SIGKILL) !== 0) return false;
  if (calls.prctl(PR_SET_NO_NEW_PRIVS, 1) !== 0) return false;
  return calls.setFilter(decoderFilter(calls.architecture, process.pid), SECCOMP_FILTER_FLAG_TSYNC) === 0;
}
