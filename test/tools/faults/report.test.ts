import { report, toJson } from '../../../tools/faults/report';
import type { Row } from '../../../tools/faults/run';

const row: Row = {
  scenario: 'kill',
  way: 'eks-ec2',
  images: 2000,
  lost: 0,
  missing: 3,
  extra: 0,
  different: 0,
  outdated: 0,
  examples: [],
  faults: { 'after get': 28, duplicates: 190 },
  redelivered: 433,
  broken: ['missing: renditions/a/160.webp'],
  measured: { 'slowest stop': '0.4 s' },
  seconds: 61.5,
  ok: false,
};

describe('the report of a fault run', () => {
  test('has a row per scenario and way, what was injected, and what was broken in words', () => {
    const whole = { ...row, scenario: 'soak', broken: [], faults: {}, measured: {}, missing: 0, ok: true };
    const text = report([row, whole], { columns: 80, isTerminal: true });
    expect(text).toMatch(/kill +│ eks-ec2 │ +2000 │ +433 │ 62 s │ BROKEN/);
    expect(text).toMatch(/soak .* holds/);
    expect(text).toContain('kill eks-ec2: after get 28, duplicates 190, slowest stop 0.4 s');
    expect(text).toContain('kill eks-ec2: BROKEN: missing 3');
    expect(text).toContain('kill eks-ec2: BROKEN: missing: renditions/a/160.webp');
  });

  test.each([80, 60])('fits a terminal of %i columns', (columns) => {
    const long = { ...row, way: 'eks-fargate' as Row['way'], seconds: 1234.5, broken: ['a '.repeat(100)] };
    const lines = report([long], { columns, isTerminal: true }).split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
  });

  test('is JSON for a program', () => {
    const json = toJson(7, new Date('2026-11-23T20:00:00Z'), [row]);
    expect(JSON.parse(json)).toMatchObject({
      schema: 1,
      date: '2026-11-23',
      seed: 7,
      rows: [{ scenario: 'kill', missing: 3 }],
    });
  });
});
