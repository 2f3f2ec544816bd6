import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What tests read out of the pages for people. */

export const ROOT = path.resolve(__dirname, '../..');

export const readPage = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

export interface Fence {
  /** What stands behind the backticks. */
  readonly language: string;
  readonly text: string;
  /** Where it begins in its page. */
  readonly index: number;
}

/** The blocks of code. */
export function fences(page: string): Fence[] {
  const blocks = page.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms);
  return [...blocks].map(({ index, 2: language = '', 3: text = '' }) => ({ language, text: text.trimEnd(), index }));
}

/** A page without its blocks of code: what is in these is neither a heading nor a link. */
export const prose = (page: string): string => page.replaceAll(/^( *)```\w*\n.*?^\1```$/gms, '');

/** Where links lead, in their order. */
export const links = (page: string): string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);

/** What is set as code within a line, in its order. */
export const spans = (page: string): string[] =>
  [...prose(page).matchAll(/`([^`]+)`/g)].map(([, code]) => (code as string).replaceAll('\n', ' '));

/** The parts of a page under its headings of the second level, by these. */
export function sections(page: string): Map<string, string> {
  const [, ...parts] = page.split(/^## /m);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]));
}

/** The cells of the first table under a heading of any level, without its head. */
export function table(page: string, heading: string): string[][] {
  const section = page.split(new RegExp(`^#+ ${heading}$`, 'm'))[1]?.split(/^#+ /m)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/**
 * The links of a page to lines of a file, whose numbers are not where the code is that the link's text names. Its first code
 * is in the first line; its second one, if there is one, in the last, and next after the first.
 *
 * @returns a line for each, with the numbers that are right
 */
export function misplaced(file: string, page = readPage(file)): string[] {
  const pointers = page.matchAll(/\[((?:`[^`]+`|[^[\]`])+)\]\(([^)\s#]+)#(L\d+(?:-L\d+)?)\)/g);
  return [...pointers].flatMap(([, text = '', target = '', stated]) => {
    const source = path.join(path.dirname(file), target);
    const lines = readPage(source).split('\n');
    const [first = '', last] = spans(text);
    const begins = lines.flatMap((line, index) => (line.includes(first) ? [index] : []));
    const [begin = -1] = begins;
    if (!first || begins.length !== 1)
      return [`${file}: \`${first}\` is in ${begins.length} lines of ${source}: one is wanted`];
    const end = last === undefined ? begin : lines.findIndex((line, index) => index >= begin && line.includes(last));
    if (end < begin) return [`${file}: \`${last}\` is nowhere behind \`${first}\` in ${source}`];
    const right = end === begin ? `L${begin + 1}` : `L${begin + 1}-L${end + 1}`;
    return right === stated ? [] : [`${file}: \`${first}\` is at ${target}#${right}, and the page says #${stated}`];
  });
}
