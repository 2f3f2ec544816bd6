import { type Architecture, architecture } from '../../../tools/compare/diagram/architecture';
import { sentences, svg } from '../../../tools/compare/diagram/svg';
import { readAccess } from '../../../tools/local/access';
import { namesAt } from '../../../tools/local/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { templates } from '../../support/templates';

const TEMPLATES = templates();
const DRAWN = COMPUTES.map((way) => architecture(way, TEMPLATES[way]));
const changed = (way: Compute, before: string, after: string) =>
  architecture(way, JSON.parse(JSON.stringify(TEMPLATES[way]).replaceAll(before, after)));

const ALL = 'worker reads source; worker writes output; failureAlarm watches failures';
const POLL = `${ALL}; source sends events queue; worker receives queue; queue after 5 receives failures; ageAlarm watches queue; scaler 0 to 4 orchestrator; orchestrator starts, replaces worker; worker log lines shipper; shipper writes logs`;
const STEPS = `${POLL}; scaler watches every 60 s queue`;
const KEDA = `${POLL}; scaler asks every 15 s queue; host runs worker`;
const EVENTS = `${ALL}; source invokes worker; worker after 3 attempts failures; worker writes logs`;
const SHOWN: Readonly<Record<Compute, readonly [arrows: string, frames: string]>> = {
  ec2: [`${STEPS}; worker ends its drain orchestrator`, 'hostScaler, host'],
  lambda: [EVENTS, 'queue, scaler, ageAlarm, orchestrator, hostScaler, host, shipper'],
  'ecs-fargate': [`${STEPS}; host runs worker`, 'hostScaler'],
  'eks-ec2': [`${KEDA}; hostScaler adds, removes host`, ''],
  'ecs-ec2': [`${STEPS}; host runs worker; hostScaler adds, removes host`, ''],
  'eks-fargate': [KEDA, 'hostScaler'],
};
/** A part and the logical id of its role; a part and the ARN of what it is. */
const WHO = /^(scaler Keda|hostScaler ClusterAutoscaler|shipper (FluentBit|PodExecution|TaskExecution|Role))/;
const WHAT = /^(source .*-source\/|queue .*-jobs$|output .*-output\/|logs .*-logs|host .*Name\/eks-)/m;

type Rectangle = readonly [left: number, top: number, right: number, bottom: number];
const meet = (a: Rectangle, b: Rectangle) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const touch = (a: Rectangle, b: Rectangle) => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
const within = (a: Rectangle, b: Rectangle) => a[0] >= b[0] && a[1] >= b[1] && a[2] <= b[2] && a[3] <= b[3];

/** Where everything is drawn. Characters are as wide as in DejaVu Sans, the widest font that a reader is likely to have. */
function geometry(drawn: Architecture) {
  const find = (pattern: RegExp, from = svg(drawn)) => [...from.matchAll(pattern)].map((match) => match.slice(1));
  const texts = (from: string) =>
    find(/<text(?: class="(.*?)")? x="(.*?)" y="(.*?)">(.*?)</g, from).map(([kind, x, y, words = ''], i): Rectangle => {
      const width = words.length * (from.startsWith('<g class="card') && i === 1 ? 10.4 : 7.8);
      const left = Number(x) - (kind === 'verb beside' ? 0 : width / 2);
      return [left, Number(y) - 11, left + width, Number(y) + 3];
    });
  const roles = [...drawn.absent, ...drawn.nodes].map(({ role }) => role);
  const boxes = find(/(<g.*?x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)".*g>)/g).map(([all = '', ...sides], i) => {
    const [x = 0, y = 0, width = 0, height = 0] = sides.map(Number);
    return { role: roles[i], box: [x, y, x + width, y + height] as const, texts: texts(all) };
  });
  const lines = find(/class="arrow" d="(.*?)"/g).map(([path]) => {
    let [x, y] = [0, 0];
    return find(/([MHV])(\d+) ?(\d*)/g, path).map(([to, a, b]): Rectangle => {
      const [fromX, fromY] = to === 'M' ? [Number(a), Number(b)] : [x, y];
      [x, y] = to === 'V' ? [x, Number(a)] : [Number(a), to === 'H' ? y : Number(b)];
      return [Math.min(x, fromX), Math.min(y, fromY), Math.max(x, fromX), Math.max(y, fromY)];
    });
  });
  return { boxes, lines, labels: texts(svg(drawn).replace(/<g.*<.g>/g, '')) };
}

describe.each(DRAWN)('$way', (drawn) => {
  const { way, edges, absent } = drawn;
  const { boxes, lines, labels } = geometry(drawn);

  test('shows its arrows, and a frame with its reason for each part that nothing plays', () => {
    expect(edges.map(({ from, verb, to }) => `${from} ${verb} ${to}`).sort()).toEqual(SHOWN[way][0].split('; ').sort());
    expect(absent.map(({ role }) => role).join(', ')).toBe(SHOWN[way][1]);
    const words = svg(drawn).replace(/<.text><text[^>]*>/g, ' ');
    expect(absent.filter(({ reason }) => reason === '' || !words.includes(` ${reason}<`))).toEqual([]);
  });

  test('tells of permissions that those have who are said to', () => {
    const { roles, worker } = readAccess(way, TEMPLATES[way], namesAt('http://127.0.0.1'));
    for (const { from, to, because } of edges.filter((edge) => edge.because.startsWith('the permission '))) {
      const ids = Object.keys(roles).filter((id) => (from === 'worker' ? id === worker : WHO.test(`${from} ${id}`)));
      const statements = ids.flatMap((id) => roles[id]?.statements ?? []).filter(({ effect }) => effect === 'Allow');
      const allowed = statements.filter(({ actions }) => actions.includes(because.slice('the permission '.length)));
      expect(allowed.flatMap(({ resources }) => resources.map((arn) => `${to} ${arn}`)).join('\n')).toMatch(WHAT);
    }
  });

  test('has its texts in their boxes, its labels over nothing, and its arrows from the one box to the other', () => {
    expect(boxes.filter(({ box, texts }) => texts.length < 2 || !texts.every((each) => within(each, box)))).toEqual([]);
    expect(labels.length).toBeGreaterThanOrEqual(edges.length);
    const taken = [...boxes.map(({ box }) => box), ...lines.flat()];
    expect(labels.filter((one, i) => [...taken, ...labels.slice(i + 1)].some((other) => meet(one, other)))).toEqual([]);
    expect(lines.flat().filter((stroke) => boxes.some(({ box }) => meet(stroke, box)))).toEqual([]);
    const at = (all: Rectangle[]) =>
      boxes.filter(({ box }) => all.some((one) => touch(one, box))).map(({ role }) => role);
    expect(lines.map((line) => at(line.slice(0, 1)))).toEqual(edges.map(({ from }) => [from]));
    expect(lines.map((line) => at(line).sort())).toEqual(edges.map(({ from, to }) => [from, to].sort()));
  });
});

const PLACES = new Set(DRAWN.flatMap((drawn) => geometry(drawn).boxes.map(({ role, box }) => `${role} ${box}`)));
test('what plays the same part has the same place', () => expect(PLACES.size).toBe(13));

test.each([
  ['lambda', '"MemorySize":2048', '"MemorySize":3008', 'Worker: Lambda function, 3,008 MB, at most 60 s.'],
  ['ec2', '"VisibilityTimeout":120', '"VisibilityTimeout":77', 'Queue: SQS queue, hides a message for 77 s.'],
  ['ecs-ec2', 'm7g.medium', 'm7g.large', 'Host: Auto Scaling group, 0 to 4 × m7g.large.'],
  ['eks-fargate', 'Count\\":4', 'Count\\":9', 'Scaling → Orchestrator: 0 to 9 (from the ScaledObject).'],
  ['ec2', 'AgeOfOldestMessage', 'Other', 'Age alarm: none; nobody watches how long messages wait.'],
] as const)('a change of %s is followed: %s', (way, before, after, said) => {
  expect(sentences(changed(way, before, after))).toContain(said);
});

test('a template without a notification is refused by name, and what a template says is escaped', () => {
  expect(() => changed('ec2', 'Custom::S3BucketNotifications', 'Custom::Other')).toThrow('ec2 has nothing for uploads');
  expect(svg(changed('ec2', 'c7g.medium', '<script>&'))).toContain('&#60;script&#62;&#38;');
});
