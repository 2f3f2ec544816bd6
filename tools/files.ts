import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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

/** Whether it is a link, wherever that leads. On Windows also a junction. */
function isLink(file: string): boolean {
  try {
    return lstatSync(file).isSymbolicLink();
  } catch {
    return false;
  }
}

/** The folder, or what is there of the way to it. */
function nearest(folder: string): string {
  const isThere = existsSync(folder) || isLink(folder) || path.dirname(folder) === folder;
  return isThere ? folder : nearest(path.dirname(folder));
}

/**
 * Tries whether files can be written to a folder, which need not be there yet. Leaves nothing.
 * @param remedy what the person can do instead
 * @throws UsageError with the reason
 */
export function checkWritable(folder: string, remedy: string): void {
  const there = nearest(folder);
  if (isLink(there) && !existsSync(there)) throw new UsageError(`${there} is a link that leads nowhere: ${remedy}`);
  try {
    rmdirSync(mkdtempSync(path.join(there, '.four-ways-')));
  } catch (error) {
    throw new UsageError(`cannot write to ${folder} (${why(error)}): ${remedy}`);
  }
}

/**
 * Makes sure that what is written to a folder, or removed from it, is in that folder. The folder itself may be a link,
 * because the person has named it; below it nothing that is used may be one, and nothing in what is replaced.
 * @param names files and folders, relative to the folder, with everything in them; they need not be there yet
 * @param other what the person can do instead
 * @throws UsageError naming the first link
 */
export function checkNoLinks(folder: string, names: readonly string[], other?: string): void {
  const refuse = (link: string): never => {
    const remedy = `remove the link${other ? `, or ${other}` : ''}`;
    throw new UsageError(`${link} is a link, and what is written there would go elsewhere: ${remedy}`);
  };
  const checkBelow = (parent: string) => {
    for (const entry of readdirSync(parent, { withFileTypes: true })) {
      const file = path.join(parent, entry.name);
      if (entry.isSymbolicLink()) refuse(file);
      if (entry.isDirectory()) checkBelow(file);
    }
  };
  for (const name of names) {
    let file = folder;
    for (const part of name.split(/[\\/]/)) {
      file = path.join(file, part);
      if (isLink(file)) refuse(file);
    }
    try {
      if (existsSync(file) && lstatSync(file).isDirectory()) checkBelow(file);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`cannot replace ${file} (${why(error)}): ${other ?? 'make it readable'}`);
    }
  }
}

/** Writes a file that others may be reading: they see the old one or the new one, never a part, also if this is ended. */
export function replaceFile(file: string, contents: string): void {
  const unfinished = `${file}.${process.pid}.unfinished`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    // Of a killed run with this number. Not written over: it could be a link by now.
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, contents, { flag: 'wx' });
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

/** The path without links, also of what is not there yet. */
export function realPath(file: string): string {
  const there = nearest(file);
  return path.join(existsSync(there) ? realpathSync(there) : there, path.relative(there, file));
}

/**
 * Claims a folder for one purpose, for this process alone. A claim is a local socket and not a file, because the system
 * takes it back when the process ends, however it ends: no killed run blocks the next one.
 * @returns a function that gives it back, or undefined when another process has it
 */
export async function claim(purpose: string, folder: string): Promise<(() => void) | undefined> {
  const id = createHash('sha256')
    .update(`${purpose}\0${realPath(folder)}`)
    .digest('hex')
    .slice(0, 24);
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
