import { fences, links, prose, readPage, spans } from './support/pages';

/** A page in Korean is not its English one word for word. What a reader types, follows or looks up is. */

const PAIRS = ['README', 'docs/learn'].map((name) => [`${name}.md`, `${name}.ko.md`] as const);

/** What both have to have, in this order. */
function outline(page: string) {
  const text = prose(page);
  return {
    headings: text.match(/^#+(?= )/gm),
    rows: text.split('\n').filter((line) => line.startsWith('|')).length,
    code: fences(page).map(({ language, text: code }) => `${language}\n${code}`),
    commands: spans(page).filter((code) => /^(npm|npx|diff|git) /.test(code)),
    // Each in its own language, where there are two.
    links: links(page).map((target) => target.replace('.ko.md', '.md')),
  };
}

/** Names in the text, wherever they stand in a sentence. */
const names = (page: string) => spans(page).sort();

describe.each(PAIRS)('%s and %s', (english, korean) => {
  const [first, second] = [readPage(english), readPage(korean)];

  test('have the same sections, tables, code, commands and links, in the same order', () => {
    const expected = outline(first);
    expect(outline(second)).toEqual(expected);
    expect(expected.code.length).toBeGreaterThan(3);
    expect(expected.links.length).toBeGreaterThan(10);
  });

  test('name the same files, settings and ways', () => {
    expect(names(second)).toEqual(names(first));
  });

  test('lead to each other first of all', () => {
    const here = (file: string) => file.replace('docs/', '');
    expect(links(first)[0]).toBe(here(korean));
    expect(links(second)[0]).toBe(here(english));
  });

  test('is in Korean: no paragraph was left in English', () => {
    const left = prose(second)
      .split(/\n{2,}/)
      .filter((part) => /^[A-Za-z*[]/.test(part) && !/[가-힣]/.test(part));
    // The first is the link to the other page.
    expect(left.slice(1)).toEqual([]);
  });
});
