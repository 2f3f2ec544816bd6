import { barFormat, definitions, screenOf, table, visible, wrapped } from '../../tools/terminal';

const terminal = (columns: number) => ({ columns, isTerminal: true });
const widest = (text: string) => Math.max(...text.split('\n').map(({ length }) => length));

const HEAD = ['picture', 'CPU', 'memory'];
const ROWS = [
  ['a landscape with many hills', '12.5', '100'],
  ['a house', '7.0', '90'],
];

describe('a table', () => {
  test('has borders where they fit', () => {
    expect(table(HEAD, ROWS, 1, terminal(50)).split('\n')).toEqual([
      '┌─────────────────────────────┬──────┬────────┐',
      '│ picture                     │  CPU │ memory │',
      '├─────────────────────────────┼──────┼────────┤',
      '│ a landscape with many hills │ 12.5 │    100 │',
      '│ a house                     │  7.0 │     90 │',
      '└─────────────────────────────┴──────┴────────┘',
    ]);
  });

  test('shows what others have named as text, on one line and with room for it', () => {
    const rows = [
      ['a\x1b[31m\nb', '1'],
      ['c', '2'],
    ];
    expect(table(['picture', 'CPU'], rows, 1, terminal(50)).split('\n').slice(2)).toEqual([
      '├────────────────────────┼─────┤',
      '│ a[U+001B][31m[U+000A]b │   1 │',
      '│ c                      │   2 │',
      '└────────────────────────┴─────┘',
    ]);
  });

  test('does without them where they do not, and where there is no terminal', () => {
    const plain = [
      'picture                       CPU  memory',
      'a landscape with many hills  12.5     100',
      'a house                       7.0      90',
    ];
    expect(table(HEAD, ROWS, 1, terminal(45)).split('\n')).toEqual(plain);
    expect(table(HEAD, ROWS, 1, screenOf({ isTTY: false, columns: 200 })).split('\n')).toEqual(plain);
  });

  test('wraps its widest text before it loses its columns', () => {
    expect(table(HEAD, ROWS, 1, terminal(32)).split('\n')).toEqual([
      'picture              CPU  memory',
      'a landscape with    12.5     100',
      'many hills',
      'a house              7.0      90',
    ]);
  });

  test('is a paragraph for each row where it is very narrow, and cuts nothing', () => {
    expect(table(HEAD, ROWS, 1, terminal(22)).split('\n')).toEqual([
      'a landscape with many',
      'hills',
      '  CPU 12.5, memory 100',
      'a house',
      '  CPU 7.0, memory 90',
    ]);
    const address = `https://example.com/${'x'.repeat(60)}`;
    expect(table(['what', 'where'], [['it', address]], 2, terminal(40))).toContain(address);
  });

  test.each([120, 80, 60, 40, 20])('fits %i columns', (columns) => {
    expect(widest(table(HEAD, ROWS, 1, terminal(columns)))).toBeLessThanOrEqual(columns);
  });
});

test('without a terminal there are 80 columns', () => {
  expect(screenOf({ isTTY: false, columns: 132 }).columns).toBe(80);
  expect(screenOf({ isTTY: true, columns: 0 })).toEqual({ columns: 80, isTerminal: false });
  expect(screenOf({ isTTY: true, columns: 132 })).toEqual({ columns: 132, isTerminal: true });
});

test('a sentence is wrapped at its spaces', () => {
  expect(wrapped('one two three four', 9, '  ').split('\n')).toEqual(['  one two', '  three', '  four']);
  expect(wrapped('a very-long-word b', 6).split('\n')).toEqual(['a', 'very-long-word', 'b']);
});

test.each([80, 60, 40])('definitions fit %i columns', (columns) => {
  const text = definitions(
    [
      ['--ways', 'which of them, separated by commas'],
      ['--count', 'how often '.repeat(9)],
    ],
    columns,
  );
  expect(widest(text)).toBeLessThanOrEqual(columns);
  expect(text.replaceAll(/\s+/g, ' ')).toContain('--ways which of them, separated by commas --count how often');
});

describe('a progress bar', () => {
  const forms = [
    '{way} {bar} {value}/{total}  done {done}  rejected {rejected}  {note}',
    '{way} {value}/{total} done {done} rej {rejected} {note}',
  ];
  const shown = (columns: number, isTTY = true) => {
    const format = barFormat({ isTTY, columns }, ...forms) as (...args: unknown[]) => string;
    const params = { progress: 0.5, value: 5, total: 10, maxWidth: columns };
    return format({}, params, { way: 'eks-fargate', done: 4, rejected: 1, note: 'working' });
  };

  test('is as long as there is room, and what it says is shortened before it is lost', () => {
    expect(shown(160)).toBe(`eks-fargate ${'█'.repeat(12)}${'░'.repeat(11)}  5/10  done 4  rejected 1  working`);
    expect(shown(80)).toBe('eks-fargate ████░░░░  5/10  done 4  rejected 1  working');
    expect(shown(48)).toBe('eks-fargate  5/10 done 4 rej 1 working');
    expect(shown(30)).toBe('eks-fargate  5/10 done 4 rej…');
  });

  test('shows what others have named as text', () => {
    const format = barFormat({ isTTY: true, columns: 80 }, '{name}') as (...args: unknown[]) => string;
    const params = { progress: 0.5, value: 5, total: 10, maxWidth: 80 };
    expect(format({}, params, { name: 'a\x1b[2J\nb' })).toBe('a[U+001B][2J[U+000A]b');
  });

  test('is no bar without a terminal', () => {
    expect(shown(160, false)).toBe('eks-fargate  5/10  done 4  rejected 1  working');
  });
});

test('what would command a terminal or hide in it is shown as its code point', () => {
  expect(visible('a\x1b[2J\n\u202eb\u200d\u{1F408}')).toBe('a[U+001B][2J[U+000A][U+202E]b\u200d\u{1F408}');
});
