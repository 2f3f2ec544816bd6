import path from 'node:path';
import { parseArgs } from 'node:util';
import { escapeNonAscii } from '../workload/log';
import { visible } from './visible';

/** What the commands have in common. */

export const ROOT = path.resolve(__dirname, '..');

/**
 * A command's arguments in, its exit code out. Ctrl-C ends the process of a command at once, until the command calls
 * `stopSignal`: from then on it aborts that signal, and the command ends soon, by an error of any kind, when it has ended
 * its processes and removed what it had not finished. One that only computes need not call it.
 */
export type Command = (args: readonly string[], stopSignal: () => AbortSignal) => Promise<number>;

/** What a person typed cannot be done. One line: what, and what to do instead. Exit code 2. */
export class UsageError extends Error {}

/*
 * All that a command writes goes through these three, or through `barFormat`. File names, keys and arguments are chosen by
 * strangers: whatever is in one, it stays on its line and does not command the terminal.
 */

/** One line for the person, on stderr, which no program reads. */
export const say = (line: string): boolean => process.stderr.write(`${visible(line)}\n`);

/** Lines of the results, on stdout. */
export const print = (...lines: readonly string[]): boolean =>
  process.stdout.write(lines.map((line) => `${visible(line)}\n`).join(''));

/** One line of JSON for a program, on stdout: ASCII, which any JSON reader turns back into what it was. */
export const printJson = (json: string): boolean => process.stdout.write(`${escapeNonAscii(json)}\n`);

/**
 * Waits for all of them, also when one has failed: the others may have something to clean up.
 * @throws what the first one that failed has thrown
 */
export async function allOf<Values extends readonly unknown[]>(
  promises: Values,
): Promise<{ -readonly [Key in keyof Values]: Awaited<Values[Key]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises) as Promise<{ -readonly [Key in keyof Values]: Awaited<Values[Key]> }>;
}

/** What the work results in, or the signal's reason as soon as there is one: the work then ends with this process. */
export async function unlessStopped<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Options of a command. @throws UsageError on what is none */
export function parse<Options extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  command: string,
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message.split(/\.\s/)[0]}; npm run ${command} -- --help lists the options`,
    );
  }
}

/** For a command that takes options only. @throws UsageError */
export function noPositionals(command: string, [first]: readonly string[]): void {
  if (first === undefined) return;
  throw new UsageError(`unexpected "${first}"; npm run ${command} -- --help lists the options`);
}

/** A list of known words; all of them when the option is not given. @throws UsageError */
export function list<Word extends string>(value: string | undefined, known: readonly Word[], option: string): Word[] {
  const chosen: readonly string[] = value === undefined ? known : value.split(',').map((item) => item.trim());
  const unknown = chosen.find((item) => !known.includes(item as Word));
  if (unknown !== undefined) throw new UsageError(`${option} names "${unknown}": expected some of ${known.join(',')}`);
  return known.filter((item) => chosen.includes(item));
}

/** A whole number; `undefined` when the option is not given. @throws UsageError */
export function whole(value: string | undefined, option: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new UsageError(`${option} is "${value}": expected a whole number from ${least} to ${most}`);
  }
  return number;
}
