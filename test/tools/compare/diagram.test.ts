import { FOUR_WAYS, type FourWay } from '../../../lib/ways';
import { architecture, type Role } from '../../../tools/compare/diagram/architecture';
import { CHARACTER, edgeId, LINE, layout, type Route } from '../../../tools/compare/diagram/layout';
import { sentences, svg } from '../../../tools/compare/diagram/svg';
import { byWay } from '../../../tools/compare/side-by-side';
import type { Template } from '../../../tools/templates';
import { templates } from '../../support/templates';

const TEMPLATES = templates();
const ALL = FOUR_WAYS.map((way) => architecture(way, TEMPLATES[way]));

const arrows = (way: FourWay) =>
  architecture(way, TEMPLATES[way]).edges.map(({ from, to, verb }) => `${from} ${verb} ${to}`);

// biome-ignore lint/suspicious/noExplicitAny: changes a template at will.
const changed = (way: FourWay, change: (resources: Record<string, any>) => void): Template => {
  const template = structuredClone(TEMPLATES[way]);
  change(template.Resources);
  return template;
};

describe('who does what', () => {
  test.each([
    ['ec2', ['source sends events queue', 'queue watched every 60 s scaler', 'scaler 0 to 4 orchestrator']],
    ['lambda', ['source invokes worker', 'worker after 3 attempts failures', 'worker writes logs']],
    ['ecs-fargate', ['host runs worker', 'orchestrator writes logs', 'queue after 5 receives failures']],
    ['eks-ec2', ['queue asked every 15 s scaler', 'hostScaler adds, removes host', 'shipper writes logs']],
  ] as const)('%s', (way, expected) => {
    expect(arrows(way)).toEqual(expect.arrayContaining([...expected]));
    // On all four.
    expect(arrows(way)).toEqual(
      expect.arrayContaining(['worker reads source', 'worker writes output', 'failures watched failureAlarm']),
    );
  });

  test('what a way does without has a reason', () => {
    const absent = (way: FourWay) => architecture(way, TEMPLATES[way]).absent.map(({ role }) => role);
    expect(byWay(absent)).toEqual({
      ec2: ['hostScaler', 'host', 'shipper'],
      lambda: ['queue', 'scaler', 'ageAlarm', 'orchestrator', 'hostScaler', 'host', 'shipper'],
      'ecs-fargate': ['hostScaler', 'shipper'],
      'eks-ec2': [],
    });
    expect(ALL.flatMap((each) => each.absent).filter(({ reason }) => reason === '')).toEqual([]);
    const hosts = ALL.map(({ absent }) => absent.find(({ role }) => role === 'hostScaler')?.reason);
    const own = 'no hosts of yours apart from the workers';
    expect(hosts).toEqual([own, own, 'AWS brings a host with every task', undefined]);
  });
});

describe('follows the template', () => {
  test('a memory size', () => {
    const template = changed('lambda', (resources) => {
      for (const [id, { Properties }] of Object.entries(resources)) {
        if (id.startsWith('Worker1')) Properties.MemorySize = 3008;
      }
    });
    expect(architecture('lambda', template).nodes.find(({ role }) => role === 'worker')?.detail).toContain('3,008 MB');
  });

  test('a right that is taken away', () => {
    const template = changed('ec2', (resources) => {
      for (const { Type, Properties } of Object.values(resources)) {
        if (Type !== 'AWS::IAM::Policy') continue;
        const { PolicyDocument } = Properties;
        PolicyDocument.Statement = PolicyDocument.Statement.filter(
          ({ Action }: { Action: unknown }) => !JSON.stringify(Action).includes('s3:PutObject'),
        );
      }
    });
    expect(
      architecture('ec2', template)
        .edges.filter(({ to }) => to === 'output')
        .map(({ verb }) => verb),
    ).toEqual([]);
  });

  test('a right of KEDA to ask the queue', () => {
    const template = changed('eks-ec2', (resources) => {
      for (const id of Object.keys(resources)) {
        if (id.startsWith('KedaRoleDefaultPolicy')) delete resources[id];
      }
    });
    const asked = ({ from, to }: { from: string; to: string }) => from === 'queue' && to === 'scaler';
    expect(architecture('eks-ec2', TEMPLATES['eks-ec2']).edges.some(asked)).toBe(true);
    expect(architecture('eks-ec2', template).edges.some(asked)).toBe(false);
  });

  test('an alarm that is removed', () => {
    const template = changed('ec2', (resources) => {
      for (const id of Object.keys(resources)) if (id.startsWith('JobsTooOld')) delete resources[id];
    });
    expect(architecture('ec2', template).absent).toContainEqual({
      role: 'ageAlarm',
      reason: 'nobody watches how long messages wait',
    });
  });

  test('a template without a notification is refused by name', () => {
    const template = changed('ec2', (resources) => {
      for (const [id, { Type }] of Object.entries(resources)) {
        if (Type === 'Custom::S3BucketNotifications') delete resources[id];
      }
    });
    expect(() => architecture('ec2', template)).toThrow('the template of ec2 has no Custom::S3BucketNotifications');
  });
});

describe('the drawing', () => {
  test('has every part at one place, and none over another', async () => {
    const { boxes, width, height } = await layout(ALL);
    const all = Object.entries(boxes) as [Role, (typeof boxes)[Role] & object][];
    expect(all).toHaveLength(13);
    for (const [role, box] of all) {
      expect([box.x >= 0, box.y >= 0, box.x + box.width <= width, box.y + box.height <= height]).toEqual(
        Array(4).fill(true),
      );
      for (const [other, { x, y, width: w, height: h }] of all) {
        const apart = box.x + box.width <= x || x + w <= box.x || box.y + box.height <= y || y + h <= box.y;
        expect([role, other, other === role || apart]).toEqual([role, other, true]);
      }
    }
  });

  test('leads no arrow through a box or a label, and lays no label over anything', async () => {
    const { boxes, routes } = await layout(ALL);
    type Rectangle = readonly [left: number, top: number, right: number, bottom: number];
    const meet = (a: Rectangle, b: Rectangle) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    // Arrows end at the edges of boxes: a px inside is through.
    const taken = Object.entries(boxes).map(
      ([role, { x, y, width, height }]) =>
        [role, [x + 1, y + 1, x + width - 1, y + height - 1] satisfies Rectangle] as const,
    );
    const over: string[] = [];
    for (const { way, edges } of ALL) {
      const labels = edges.map((edge) => {
        const { x, y } = (routes[edgeId(edge)] as Route).label;
        const half = (edge.verb.length * CHARACTER) / 2;
        return [edgeId(edge), [x - half, y - LINE / 2, x + half, y + LINE / 2] satisfies Rectangle] as const;
      });
      const strokes = edges.flatMap((edge) => {
        const { points } = routes[edgeId(edge)] as Route;
        return points.slice(1).map((to, i) => {
          const from = points[i] as typeof to;
          const stroke: Rectangle = [
            Math.min(from.x, to.x) - 0.5,
            Math.min(from.y, to.y) - 0.5,
            Math.max(from.x, to.x) + 0.5,
            Math.max(from.y, to.y) + 0.5,
          ];
          return [edgeId(edge), stroke] as const;
        });
      });
      for (const [i, [id, label]] of labels.entries()) {
        for (const [other, at] of [...taken, ...strokes, ...labels.slice(i + 1)]) {
          if (meet(label, at)) over.push(`${way}: the label of ${id} over ${other}`);
        }
      }
      for (const [id, stroke] of strokes) {
        for (const [role, at] of taken) if (meet(stroke, at)) over.push(`${way}: ${id} through ${role}`);
      }
    }
    expect(over).toEqual([]);
  });

  test('draws the same twice, and everything once', async () => {
    const [one, other] = await Promise.all([layout(ALL), layout(ALL)]);
    expect(one).toEqual(other);
    for (const each of ALL) {
      const drawn = svg(each, one);
      expect(drawn.match(/class="arrow"/g)).toHaveLength(each.edges.length);
      expect(drawn.match(/class="card /g)).toHaveLength(each.nodes.length);
      expect(drawn.match(/class="none"/g) ?? []).toHaveLength(each.absent.length);
      expect(drawn).toContain('role="img"');
    }
  });

  test('escapes what templates name', async () => {
    const [first] = ALL;
    if (!first) throw new Error('no architecture');
    const hostile = { ...first, nodes: first.nodes.map((node) => ({ ...node, detail: '"><script>&' })) };
    const drawn = svg(hostile, await layout(ALL));
    expect(drawn).not.toContain('<script>');
    expect(drawn).toContain('&#34;&#62;&#60;script&#62;&#38;');
  });

  test('says in words what it shows', () => {
    for (const each of ALL)
      expect(sentences(each)).toHaveLength(each.nodes.length + each.edges.length + each.absent.length);
    expect(sentences(ALL[1] as (typeof ALL)[number])).toContain('Queue: none; events wait inside the service.');
  });
});
