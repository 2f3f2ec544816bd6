import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorMessage } from 'node:util';
import { say, UsageError } from './command-line';

/** Files and folders that a run writes, and that another run may want at the same time. */

/** What the system says of a failed call, in words: `permission denied`. */
export function why(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return errno === undefined ? message : getSystemErrorMessage(errno);
}

/** The folder, or what is there of the way to it. */
function nearest(folder: string): string {
  return existsSync(folder) || path.dirname(folder) === folder ? folder : nearest(path.dirname(folder));
}

/**
 * Tries whether files can be written to a folder, which need not be there yet. Leaves nothing.
 * @param remedy what the person can do instead
 * @throws UsageError with the reason
 */
export function checkWritable(folder: string, remedy: string): void {
  try {
    rmdirSync(mkdtempSync(path.join(nearest(folder), '.four-ways-')));
  } catch (error) {
    throw new UsageError(`cannot write to ${folder} (${why(error)}): ${remedy}`);
  }
}

/** Writes a file that others may be reading: they see the old one or the new one, never a part, also if this is ended. */
export function replaceFile(file: string, contents: string): void {
  const unfinished = `${file}.${process.pid}.unfinished`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(unfinished, contents);
    renameSync(unfinished, file);
  } catch (error) {
    if (existsSync(unfinished)) rmSync(unfinished);
    throw new Error(`cannot write ${file}: ${why(error)}`);
  }
}

/** A new folder for what is not kept. Its maker removes it; `start.cjs` does if its maker was ended before that. */
export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), `four-ways-${process.pid}-`));
}

/**
 * Claims a folder for one purpose, for this process alone. A claim is a local socket and not a file, because the system
 * takes it back when the process ends, however it ends: no killed run blocks the next one.
 * @returns a function that gives it back, or undefined when another process has it
 */
export async function claim(purpose: string, folder: string): Promise<(() => void) | undefined> {
  const there = nearest(folder);
  const real = path.join(realpathSync(there), path.relative(there, folder));
  const id = createHash('sha256').update(`${purpose}\0${real}`).digest('hex').slice(0, 24);
  const isFile = process.platform !== 'linux' && process.platform !== 'win32';
  const names: Partial<Record<NodeJS.Platform, string>> = {
    linux: `\0four-ways-${id}`,
    win32: `\\\\.\\pipe\\four-ways-${id}`,
  };
  const address = names[process.platform] ?? path.join(tmpdir(), `four-ways-${id}.sock`);
  const release = await listen(address);
  // Elsewhere the socket has a file, which a killed process leaves behind, with nobody listening.
  if (release || !isFile || (await answers(address))) return release;
  rmSync(address, { force: true });
  return listen(address);
}

function listen(address: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(address, () => resolve(() => server.close()));
    server.unref();
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address, () => resolve(true)).once('error', () => resolve(false));
    socket.unref();
  });
}

/** Claims a folder for as long as this process lives. @throws UsageError when another process has it */
export async function claimOrRefuse(purpose: string, folder: string, message: string): Promise<void> {
  if (!(await claim(purpose, folder))) throw new UsageError(message);
}

/** Claims a folder, and waits until whoever has it is done. @returns a function that gives it back */
export async function claimInTurn(purpose: string, folder: string, signal?: AbortSignal): Promise<() => void> {
  for (let told = false; ; told = true) {
    const release = await claim(purpose, folder);
    if (release) return release;
    if (!told) say(`waiting for another ${purpose} in ${folder} to end …`);
    await sleep(100, undefined, { ...(signal && { signal }) });
  }
}
