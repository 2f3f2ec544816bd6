import { looks, packed, SHOWN_FIRST } from '../../../tools/compare/page/columns';
import { align, SECTIONS, sourceSections, stackSources } from '../../../tools/compare/side-by-side';
import { byWay } from '../../../tools/compare/ways';
import { COMPUTES } from '../../../workload/contract';

const STACKS = stackSources();

/** The rows as one text, of columns in the order of the ways: `.` where there is nothing. */
const rows = (...columns: string[]) =>
  align(byWay((way) => columns[COMPUTES.indexOf(way)]?.split(' ').filter(Boolean) ?? [])).map(({ cells }) =>
    COMPUTES.map((way) => cells[way]),
  );
const drawn = (all: readonly (readonly (string | undefined)[])[]) =>
  all.map((row) => row.map((cell) => cell ?? '.').join(' '));

describe('lines in columns', () => {
  test('lie beside what is equal', () => {
    expect(drawn(rows('a b c', 'a c', 'a b c', 'b c', 'c', ''))).toEqual(['a a a . . .', 'b . b b . .', 'c c c c c .']);
  });

  test('use the room beside what only others have, and no room for what is not shown', () => {
    expect(drawn(packed(rows('a x y', 'a p', 'a', '', 'a q'), SHOWN_FIRST))).toEqual(['a a a .', 'x p . .', 'y . . .']);
    const all = rows('a', '', '', 'b', 'a b', '');
    expect(drawn(packed(all, [true, false, false, true, true, false]))).toEqual(['a . a', '. b b']);
    expect(drawn(packed(all, [true, false, false, true, false, false]))).toEqual(['a b']);
  });

  test('look as what is shown makes them', () => {
    expect(looks(['a', 'a', 'a'])).toEqual({ same: true, shared: [false, false, false] });
    expect(looks(['a', 'b', 'a', undefined])).toEqual({ same: false, shared: [true, false, true, false] });
  });
});

describe('the stack files', () => {
  const sections = sourceSections(STACKS);

  test('have nine sections, each whole and in order, with what an empty cell means', () => {
    expect(sections.map(({ name }) => name)).toEqual(SECTIONS.map(([name]) => name));
    for (const { rows, empty } of sections) {
      expect(empty).not.toBe('');
      const lines = byWay((way) => rows.flatMap(({ cells }) => cells[way] ?? []).join('\n'));
      for (const way of COMPUTES) expect(STACKS[way].replace(/^ {4}/gm, '')).toContain(lines[way]);
    }
  });

  test('have their empty cells where only a comment stands', () => {
    const empty = sections.flatMap(({ name, reasons }) => Object.keys(reasons).map((way) => `${way} ${name}`));
    expect(empty).toEqual(['lambda Network', 'lambda Scaling']);
    expect(sections[1]?.reasons.lambda).toMatch(/^None: the function runs outside any VPC/);
  });

  test('fail with their name when a section is missing', () => {
    const broken = { ...STACKS, ec2: STACKS.ec2.replace('// 8. Scaling', '// 8. Growing') };
    expect(() => sourceSections(broken)).toThrow('lib/ec2-stack.ts has no section "Scaling"');
  });
});
