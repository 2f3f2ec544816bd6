import { FOUR_WAYS } from '../../../lib/ways';
import {
  align,
  byWay,
  resourceSections,
  SECTIONS,
  sectionOf,
  sourceSections,
  stackSources,
  withoutHash,
} from '../../../tools/compare/side-by-side';
import { templates } from '../../support/templates';

const STACKS = stackSources();
const TEMPLATES = templates();

const columns = (ec2: string, lambda: string, ecs: string, eks: string) => {
  const lines = (text: string) => (text === '' ? [] : text.split(' '));
  return { ec2: lines(ec2), lambda: lines(lambda), 'ecs-fargate': lines(ecs), 'eks-ec2': lines(eks) };
};

/** The rows as one text: columns in the order of the ways, `.` where there is nothing. */
const drawn = (...four: [string, string, string, string]) =>
  align(columns(...four)).map(({ cells }) => FOUR_WAYS.map((way) => cells[way] ?? '.').join(' '));

describe('lines in columns', () => {
  test('lays what is equal beside each other', () => {
    expect(drawn('a b c', 'a c', 'a b c', 'b c')).toEqual(['a a a .', 'b . b b', 'c c c c']);
  });

  test('uses the room beside what only others have', () => {
    expect(drawn('a x y z', 'a p', 'a q r', 'a')).toEqual(['a a a a', 'x p q .', 'y . r .', 'z . . .']);
  });

  test('keeps every column whole and in order', () => {
    for (const section of sourceSections(STACKS)) {
      for (const way of FOUR_WAYS) {
        const lines = section.rows.flatMap(({ cells }) => cells[way] ?? []);
        expect(STACKS[way].replace(/^ {4}/gm, '')).toContain(lines.join('\n'));
      }
    }
  });

  test('says which columns are equal, whatever their indentation', () => {
    const rows = align({ ec2: ['  a'], lambda: ['b'], 'ecs-fargate': ['a'], 'eks-ec2': [] });
    expect(rows.map(({ pattern }) => pattern)).toEqual(['aba-']);
  });
});

describe('the stack files', () => {
  const sections = sourceSections(STACKS);

  test('have nine sections, each with what an empty cell means', () => {
    expect(sections.map(({ name }) => name)).toEqual(SECTIONS.map(([name]) => name));
    expect(sections.filter(({ empty }) => empty === '')).toEqual([]);
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

describe('resources', () => {
  const sections = resourceSections(TEMPLATES, STACKS);

  test('are shown each once, in one section', () => {
    const shown = byWay((way) => sections.flatMap(({ rows }) => rows.flatMap(({ cells }) => cells[way] ?? [])).sort());
    const made = byWay((way) =>
      Object.entries(TEMPLATES[way].Resources)
        .map(([id, { Type }]) => `${Type} ${withoutHash(id)}`)
        .sort(),
    );
    expect(shown).toEqual(made);
  });

  test('stand beside others of their type, or beside nothing', () => {
    const types = sections.flatMap(({ rows }) =>
      rows.map(({ cells }) => new Set(Object.values(cells).map((cell) => cell.split(' ')[0])).size),
    );
    expect(new Set(types)).toEqual(new Set([1]));
  });

  test('have Kubernetes objects and scripts line by line', () => {
    const lines = sections.flatMap(({ properties }) => properties.flat().flatMap(({ cells }) => Object.values(cells)));
    expect(lines).toContain('    kind: Deployment');
    expect(lines.filter((line) => line.includes('systemctl daemon-reload'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
  });

  test.each([
    ['ec2', /^WorkersASG/, 'Compute'],
    ['ec2', /^WorkersScaleOutUpperAlarm/, 'Scaling'],
    ['ec2', /^Network/, 'Network'],
    ['lambda', /^FailuresQueue/, 'Data'],
    ['lambda', /AllowBucketNotifications/, 'Trigger'],
    ['lambda', /^RoleDefaultPolicy/, 'Permissions'],
    ['ecs-fargate', /ScalableTarget|TaskCountTarget/, 'Scaling'],
    ['eks-ec2', /^ControlPlaneLogs/, 'Logs'],
    ['eks-ec2', /^KedaChart/, 'Scaling'],
    ['eks-ec2', /^ClustermanifestPods/, 'Compute'],
  ] as const)('of %s that match %s are made under %s', (way, id, section) => {
    const found = Object.entries(TEMPLATES[way].Resources).filter(([name]) => id.test(name));
    expect(found).not.toEqual([]);
    expect(new Set(found.map(([name, resource]) => sectionOf(name, resource, STACKS[way])))).toEqual(
      new Set([section]),
    );
  });

  test('have their properties beside those of the same resource, without hashes', () => {
    const text = JSON.stringify(sections.map(({ properties }) => properties));
    expect(text).toContain('MemorySize: 2048');
    expect(text).toContain('QueueName');
    expect(text).not.toContain('ImagesSource3216CA9E');
  });
});
