import type { Options, Params } from 'cli-progress';
import Table from 'cli-table3';
import { visible } from './visible';

export { visible };

/** What is written for a person, in the width that there is. */

/** Where it is written to. */
export interface Screen {
  readonly columns: number;
  readonly isTerminal: boolean;
}

/**
 * Output that goes into a pipe or a file is as wide as a plain terminal and has no lines drawn around it: it is read in
 * a log or a mail, or searched.
 */
const NO_TERMINAL: Screen = { columns: 80, isTerminal: false };

export function screenOf({ isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): Screen {
  return isTTY && columns ? { columns, isTerminal: true } : NO_TERMINAL;
}

const NOTHING = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
);

/** Below this a column of text is not worth reading. */
const LEAST_TEXT = 12;

const widest = (lines: readonly string[]) => Math.max(0, ...lines.map((line) => line.length));

/**
 * A table in the first of these forms that fits: with borders (on a terminal only), without, without and with its widest
 * text wrapped, a paragraph for each row.
 * @param texts how many columns, from the left, are text; the others are figures
 */
export function table(
  head: readonly string[],
  values: readonly (readonly string[])[],
  texts = 1,
  { columns, isTerminal }: Screen = screenOf(process.stdout),
): string {
  // Before anything is measured: what is shown in place of a line break is longer.
  const rows = values.map((row) => row.map(visible));
  const draw = (bordered: boolean, colWidths: (number | null)[] = []) => {
    const plain = { chars: { ...NOTHING, middle: '  ' }, style: { 'padding-left': 0, 'padding-right': 0 } };
    const drawn = new Table({
      ...(!bordered && { chars: plain.chars }),
      style: { head: [], border: [], compact: true, ...(!bordered && plain.style) },
      head: [...head],
      colAligns: head.map((_, column) => (column < texts ? 'left' : 'right')),
      colWidths,
      wordWrap: colWidths.length > 0,
    });
    for (const row of rows) drawn.push([...row]);
    return drawn
      .toString()
      .split('\n')
      .map((line) => line.trimEnd());
  };
  const fits = (lines: readonly string[]) => widest(lines) <= columns;

  const bordered = isTerminal ? draw(true) : undefined;
  if (bordered && fits(bordered)) return bordered.join('\n');
  const plain = draw(false);
  if (fits(plain)) return plain.join('\n');

  const lengths = head.slice(0, texts).map((name, column) => widest([name, ...rows.map((row) => row[column] ?? '')]));
  const column = lengths.indexOf(Math.max(...lengths));
  const words = rows.flatMap((row) => (row[column] ?? '').split(' '));
  const room = (lengths[column] as number) - (widest(plain) - columns);
  if (room >= Math.max(LEAST_TEXT, widest(words))) {
    const wrappedAt = head.map((_, each) => (each === column ? room : null));
    return draw(false, wrappedAt).join('\n');
  }
  return rows
    .map((row) => {
      const figures = row.slice(texts).map((value, each) => {
        const name = head[texts + each] ?? '';
        return `${name} ${value}`.trim().replaceAll(/\s/g, TIED);
      });
      return `${wrapped(row.slice(0, texts).join(', '), columns)}\n${wrapped(figures.join(', '), columns, '  ')}`;
    })
    .join('\n');
}

/** A space at which no line is broken. */
export const TIED = '\u00a0';

/** Breaks a sentence into lines at its spaces. A word that is too long for a line, such as an address, stays whole. */
export function wrapped(text: string, columns: number, indent = ''): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && indent.length + line.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines.map((line) => indent + line.replaceAll(TIED, ' ')).join('\n');
}

/** Names with what they mean, below each other. */
export function definitions(entries: readonly (readonly [string, string])[], columns: number): string {
  const width = widest(entries.map(([name]) => name));
  const indent = ' '.repeat(width + 4);
  // Where little would be left beside the names, the texts stand below them.
  if (columns - indent.length < 3 * LEAST_TEXT) {
    return entries.map(([name, text]) => `  ${name}\n${wrapped(text, columns, '      ')}`).join('\n');
  }
  return entries
    .map(([name, text]) => `  ${name.padEnd(width)}  ${wrapped(text, columns, indent).trimStart()}`)
    .join('\n');
}

/**
 * A format for cli-progress: the first of the forms that fits, with a bar between 8 and 24 wide for its `{bar}`. If none
 * does, the last one is cut. Without a terminal there is no bar, only what it says.
 */
export function barFormat(stream: object, ...forms: readonly string[]): NonNullable<Options['format']> {
  const { isTerminal, columns } = screenOf(stream as NodeJS.WriteStream);
  const usable = isTerminal ? forms : forms.map((form) => form.replace('{bar} ', ''));
  return (_, { progress, value, total, maxWidth }: Params, payload: Record<string, unknown>) => {
    // One less, because some terminals break a line that is full. A window can be resized: `maxWidth` is of now.
    const room = (isTerminal ? maxWidth : columns) - 1;
    const size = Math.max(8, Math.min(24, Math.floor((room - 40) / 5)));
    const done = Math.round(progress * size);
    const values: Record<string, unknown> = {
      ...payload,
      bar: '█'.repeat(done) + '░'.repeat(size - done),
      percentage: String(Math.floor(progress * 100)).padStart(3),
      value: String(value).padStart(String(total).length),
      total,
    };
    const lines = usable.map((form) =>
      form.replaceAll(/\{(\w+)\}/g, (_match, name) => visible(String(values[name] ?? ''))),
    );
    const line = lines.find(({ length }) => length <= room) ?? (lines.at(-1) as string);
    return line.length <= room ? line.trimEnd() : `${line.slice(0, room - 1)}…`;
  };
}

/** A word of a command that is to be pasted: quoted where a shell would read it otherwise. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
