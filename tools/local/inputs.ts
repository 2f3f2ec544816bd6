import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DEFAULTS } from '../../workload/contract';
import { UsageError } from '../command-line';
import { why } from '../files';
import { builtInPictures } from './pictures';

/** One object to upload. */
export interface Input {
  /** The object's key, prefix included. */
  readonly key: string;
  readonly bytes: number;
  /** Reads the bytes. Rejects when the file has gone or become unreadable. */
  read(): Promise<Buffer>;
}

/** What was asked for, and what could not be had of it. */
export interface Inputs {
  readonly inputs: readonly Input[];
  /** One line each: the path and why it was left out. */
  readonly skipped: readonly string[];
}

/** The local endpoints hold objects in memory, and the workload refuses far smaller ones unseen. */
const MAX_FILE_BYTES = 200_000_000;

/** Longest key S3 accepts, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/** The built-in set, generated in memory. */
export async function builtInInputs(signal?: AbortSignal): Promise<Inputs> {
  const inputs: Input[] = [];
  for await (const { name, bytes } of builtInPictures()) {
    signal?.throwIfAborted();
    inputs.push({ key: `${DEFAULTS.sourcePrefix}${name}`, bytes: bytes.length, read: async () => bytes });
  }
  return { inputs, skipped: [] };
}

/**
 * The files given, and all files below the folders given. A file's key is its name, a folder's files are named relative
 * to the folder; of several files with one key the later ones are numbered.
 *
 * @throws UsageError naming the first path that is not there, or cannot be read
 */
export async function fileInputs(paths: readonly string[]): Promise<Inputs> {
  const inputs = new Map<string, Input>();
  const skipped: string[] = [];
  const add = async (file: string, name: string) => {
    try {
      const { size } = await stat(file);
      if (size > MAX_FILE_BYTES) {
        skipped.push(
          `${file}: ${size} bytes; the local endpoints hold objects in memory, at most ${MAX_FILE_BYTES} each`,
        );
        return;
      }
      const key = unused(`${DEFAULTS.sourcePrefix}${name.split(path.sep).join('/')}`, inputs);
      if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
        skipped.push(`${file}: its key would have more than the ${MAX_KEY_BYTES} bytes S3 allows`);
        return;
      }
      // Opened once now, so that what cannot be read is named before the run and not in the middle of it.
      await (await open(file)).close();
      inputs.set(key, { key, bytes: size, read: () => readWhole(file) });
    } catch (error) {
      skipped.push(`${file}: ${whyNotRead(error)}`);
    }
  };
  // Folder by folder: one that cannot be read costs its own files and no other's.
  const addFolder = async (folder: string, top: string) => {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const file = path.join(folder, entry.name.toString());
      const leadsTo = entry.isSymbolicLink() ? await stat(file).catch(() => undefined) : entry;
      // By this name it is not found again: where a byte is no character, the name has a U+FFFD.
      if (!isUtf8(entry.name)) skipped.push(`${file}: its name is not UTF-8, which a key has to be: rename it`);
      else if (leadsTo?.isFile()) await add(file, path.relative(top, file));
      else if (entry.isDirectory()) {
        await addFolder(file, top).catch((error) => skipped.push(`${file}: ${whyNotRead(error)}`));
      } else skipped.push(`${file}: ${whatElse(entry, leadsTo)}`);
    }
  };
  for (const given of paths) {
    try {
      const kind = await stat(given);
      if (kind.isDirectory()) await addFolder(given, given);
      else if (kind.isFile()) await add(given, path.basename(given));
      else throw new UsageError(`${given}: neither a file nor a folder`);
    } catch (error) {
      // What was named is wanted, other than what merely lies in a folder.
      throw error instanceof UsageError ? error : new UsageError(`${given}: ${whyNotRead(error)}`);
    }
  }
  return { inputs: [...inputs.values()].sort((a, b) => (a.key < b.key ? -1 : 1)), skipped };
}

/** The same inputs `count` times, under keys of their own. */
export function repeat(inputs: readonly Input[], count: number): readonly Input[] {
  if (count === 1) return inputs;
  const { sourcePrefix } = DEFAULTS;
  return Array.from({ length: count }, (_, round) =>
    inputs.map((input) => ({
      ...input,
      key: `${sourcePrefix}${String(round + 1).padStart(4, '0')}/${input.key.slice(sourcePrefix.length)}`,
    })),
  ).flat();
}

function unused(key: string, taken: ReadonlyMap<string, unknown>): string {
  const { dir, name, ext } = path.posix.parse(key);
  let candidate = key;
  for (let number = 2; taken.has(candidate); number += 1) candidate = `${dir}/${name}~${number}${ext}`;
  return candidate;
}

/** Links are followed to files only: a link to a folder may lead in a circle, or to all that is on the disk. */
function whatElse(entry: Dirent<Buffer>, leadsTo: Dirent<Buffer> | Stats | undefined): string {
  if (!leadsTo) return 'a link that leads nowhere';
  if (leadsTo.isDirectory()) return 'a link to a folder, which is not followed: name that folder to take its files';
  return entry.isSymbolicLink() ? 'a link to what is not a file' : 'not a file';
}

/** Never waits, and never reads without an end: since it was found, it may have become a pipe, or a file that grows. */
async function readWhole(file: string): Promise<Buffer> {
  // Windows has no pipes in its folders, and no such flag.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error(`${file} is not a file any more`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of handle.createReadStream({ end: MAX_FILE_BYTES, autoClose: false })) {
      chunks.push(chunk);
      bytes += chunk.length;
    }
    if (bytes > MAX_FILE_BYTES) throw new Error(`${file} has grown to more than ${MAX_FILE_BYTES} bytes`);
    return Buffer.concat(chunks, bytes);
  } finally {
    await handle.close();
  }
}

function whyNotRead(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'not allowed to read it';
    default:
      return why(error);
  }
}

/** Longest name of one path segment on disk, in bytes; file systems allow 255. */
const MAX_SEGMENT_BYTES = 200;

/**
 * A key as a path on disk: each segment percent-encoded, so that no key can climb out of the folder or meet a reserved
 * character; segments over 200 bytes hashed. No two keys have one path.
 */
export function diskPath(key: string): string {
  return path.join(...key.split('/').map(segment));
}

function segment(text: string): string {
  // An empty segment (//) has no name, and the dots would climb.
  if (text === '') return '%2F';
  if (text === '.' || text === '..') return text.replaceAll('.', '%2E');
  // encodeURIComponent leaves these, of which * is reserved on Windows, and refuses a lone surrogate.
  const encoded = encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*~]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (encoded.length <= MAX_SEGMENT_BYTES && text.isWellFormed()) return encoded;
  // With a ~, which is encoded above: no other segment can be called like the hash of this one.
  return `sha256~${createHash('sha256').update(text, 'utf16le').digest('hex')}`;
}
