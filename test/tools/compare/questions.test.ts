import { isNeighbours, PAIRS, pairHtml } from '../../../tools/compare/page/pair';
import { answeredBy, stackSources, together } from '../../../tools/compare/questions';
import { COMPUTES } from '../../../workload/contract';

const STACKS = stackSources();

describe('the questions', () => {
  const all = answeredBy(STACKS);

  test('are answered by one to three lines of every stack, as they stand in its file, or by why there are none', () => {
    for (const { title, ways } of all) {
      for (const way of COMPUTES) {
        const answer = ways[way];
        if (typeof answer === 'string') {
          expect([title, way, answer]).toEqual([title, 'lambda', expect.stringMatching(/^Nothing to declare/)]);
          continue;
        }
        expect([title, way, answer.length >= 1 && answer.length <= 3]).toEqual([title, way, true]);
        for (const { number, text } of answer) expect(STACKS[way].split('\n')[number - 1]?.trim()).toBe(text);
      }
    }
  });

  test('say once what several ways have in common, and every way once', () => {
    const [starts] = all;
    if (!starts) throw new Error('no question');
    const groups = together(starts);
    expect(groups.flatMap(({ of }) => of).sort()).toEqual([...COMPUTES].sort());
    expect(groups.length).toBeLessThan(COMPUTES.length);
  });

  test('name the anchor that a change of a stack has removed, and one that is there twice', () => {
    const gone = { ...STACKS, lambda: STACKS.lambda.replace('retryAttempts: 2', 'retryAttempts: 1') };
    expect(() => answeredBy(gone)).toThrow(
      /^tools\/compare\/data\/questions\.json: ".*" looks for "retryAttempts: 2,", which is in 0 lines of lib\/lambda-stack\.ts$/,
    );
    const twice = { ...STACKS, lambda: `${STACKS.lambda}// retryAttempts: 2,\n` };
    expect(() => answeredBy(twice)).toThrow('which is in 2 lines of lib/lambda-stack.ts');
  });
});

describe('a pair of stacks', () => {
  test('is one of fifteen, and those that differ in one decision come first', () => {
    expect(PAIRS).toHaveLength(15);
    expect(PAIRS.map(isNeighbours)).toEqual([...Array(9).fill(true), ...Array(6).fill(false)]);
    expect(isNeighbours(['ec2', 'lambda'])).toBe(true);
    expect(isNeighbours(['lambda', 'eks-ec2'])).toBe(false);
  });

  test('shows what only one has, escaped, and nothing of what is equal and far away', () => {
    const sources = { ...STACKS, ec2: 'a\nb\nc\nd\n<i>\nf\n', lambda: 'a\nb\nc\nd\ne\nf\n' };
    const html = pairHtml(sources, ['ec2', 'lambda']);
    expect(html).toContain('<del>-&#60;i&#62;</del><ins>+e</ins>');
    expect(html).toContain('1 lines only in');
    expect(html).toContain('<span> c</span>');
    expect(html).not.toContain('<span> a</span>');
    expect(pairHtml({ ...sources, lambda: sources.ec2 }, ['ec2', 'lambda'])).toContain('<pre class="pair"></pre>');
  });
});
