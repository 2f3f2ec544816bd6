import type { Endpoints } from '../../tools/local/endpoints';
import { howToUse, succeeded, summary, summaryTable, toJson, verdict } from '../../tools/local/report';
import type { LocalRunResults, ObjectResult, WayResults } from '../../tools/local/results';
import type { Way } from '../../tools/local/ways';

const SCREEN = { columns: 80, isTerminal: false };

const PERMISSIONS = { judged: 321, refused: 0, refusals: [], unused: [] };

function way(objects: readonly ObjectResult[], changed: Partial<WayResults> = {}): WayResults {
  return {
    compute: 'ec2',
    objects: new Map(objects.map((object, index) => [`incoming/${index}.jpg`, object])),
    firstMs: 149,
    totalMs: 65_432.1,
    memory: { totalMib: 412.5, decoderMib: 301.4 },
    deaths: 0,
    permissions: PERMISSIONS,
    ...changed,
  };
}

const run = (ways: readonly WayResults[], byteEqual = true): LocalRunResults => ({
  ways,
  byteEqual,
  sheet: 'index.html',
});

/** Objects that were done in these times. */
const timed = (...times: readonly number[]) => times.map((milliseconds) => ({ state: 'done', milliseconds }) as const);

const EVERY_STATE: readonly ObjectResult[] = [
  ...timed(10, 20, 30),
  { state: 'rejected', reason: 'too-large', milliseconds: 1 },
  { state: 'rejected', reason: 'corrupt', milliseconds: 2 },
  { state: 'rejected', reason: 'corrupt', milliseconds: 3 },
  { state: 'failed' },
  { state: 'failed' },
  { state: 'superseded', milliseconds: 4 },
  { state: 'ignored', milliseconds: 5 },
  { state: 'gone', milliseconds: 6 },
  { state: 'malformed' },
];

describe('summary', () => {
  test('has one row for each way, every figure with its unit', () => {
    expect(
      summary([way(EVERY_STATE), way([], { compute: 'lambda', memory: undefined, firstMs: 0, totalMs: 51 })]),
    ).toEqual([
      {
        way: 'ec2',
        columns: {
          done: '3',
          rejected: '3',
          '  corrupt': '2',
          '  too-large': '1',
          superseded: '1',
          gone: '1',
          ignored: '1',
          malformed: '1',
          failed: '2',
          'first result': '0.1 s',
          total: '65.4 s',
          p50: '5 ms',
          p95: '30 ms',
          'peak memory': '413 MiB',
          'largest decoder': '301 MiB',
          'calls judged': '321',
          '  refused': '0',
          'unused permissions': '0',
        },
      },
      {
        way: 'lambda',
        columns: {
          done: '0',
          rejected: '0',
          '  corrupt': '0',
          '  too-large': '0',
          superseded: '0',
          gone: '0',
          ignored: '0',
          malformed: '0',
          failed: '0',
          'first result': '0.0 s',
          total: '0.1 s',
          p50: 'n/a',
          p95: 'n/a',
          'peak memory': 'n/a',
          'largest decoder': 'n/a',
          'calls judged': '321',
          '  refused': '0',
          'unused permissions': '0',
        },
      },
    ]);
  });

  test('is a table with a column for each way, which are compared, of six ways too', () => {
    const names = ['ec2', 'lambda', 'ecs-fargate', 'eks-ec2', 'ecs-ec2', 'eks-fargate'];
    const ways = names.map((compute) => way(EVERY_STATE, { compute: compute as Way['compute'] }));
    const lines = summaryTable(ways, { columns: 80, isTerminal: true }).split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    const words = (start: string) => lines.find((line) => line.startsWith(start))?.split(/ {2,}/);
    expect(lines[0]?.trim().split(/ {2,}/)).toEqual(names);
    expect(words('done')).toEqual(['done', ...names.map(() => '3')]);
    expect(words('largest decoder')).toEqual(['largest decoder', ...names.map(() => '301 MiB')]);
    expect(lines.join('')).not.toContain('\x1b');
  });
});

describe('toJson', () => {
  test('is one line of the documented shape', () => {
    const permissions = {
      judged: 9,
      refused: 1,
      refusals: [{ explanation: 'User: …', calls: 1 }],
      unused: ['s3:ListBucket on lambda-source'],
    };
    const lambda = way(timed(12), { compute: 'lambda', memory: undefined, permissions });
    expect(toJson(run([way(EVERY_STATE), lambda]))).toBe(
      '{"ways":{' +
        '"ec2":{"done":3,"rejected":3,"failed":2,"superseded":1,"ignored":1,"gone":1,"malformed":1,"p50Ms":5,"p95Ms":30,"peakRssMb":413,"permissions":{"judged":321,"refused":0,"refusals":[],"unused":[]}},' +
        '"lambda":{"done":1,"rejected":0,"failed":0,"superseded":0,"ignored":0,"gone":0,"malformed":0,"p50Ms":12,"p95Ms":12,"peakRssMb":null,"permissions":{"judged":9,"refused":1,"refusals":[{"explanation":"User: …","calls":1}],"unused":["s3:ListBucket on lambda-source"]}}' +
        '},"byteEqual":true}',
    );
  });

  test('says when the ways differ, and has null for what was not measured', () => {
    const untimed = way([{ state: 'failed' }], { memory: undefined });
    expect(JSON.parse(toJson(run([untimed], false)))).toEqual({
      ways: { ec2: expect.objectContaining({ failed: 1, p50Ms: null, p95Ms: null, peakRssMb: null }) },
      byteEqual: false,
    });
  });

  test.each<[what: string, times: number[], p50: number, p95: number]>([
    ['one', [7], 7, 7],
    ['two at once', [0, 0], 0, 0],
    ['two', [20, 10], 10, 20],
    ['three of different length', [100, 9, 10], 10, 100],
    ['four', [40, 10, 30, 20], 20, 40],
    ['20, of which 19 are 95 %', Array.from({ length: 20 }, (_, index) => 20 - index), 10, 19],
    ['21, of which it takes 20', Array.from({ length: 21 }, (_, index) => 21 - index), 11, 20],
    ['0 to 99 in disorder', Array.from({ length: 100 }, (_, index) => (index * 37) % 100), 49, 94],
  ])('takes the nearest rank as the percentile: %s', (_, times, p50Ms, p95Ms) => {
    const untimed = [{ state: 'failed' }, { state: 'malformed' }] as const;
    const { ways } = JSON.parse(toJson(run([way([...untimed, ...timed(...times)])])));
    expect(ways.ec2).toMatchObject({ p50Ms, p95Ms });
  });
});

describe('succeeded', () => {
  const harmless = EVERY_STATE.filter(({ state }) => state !== 'failed' && state !== 'malformed');

  test.each<[expected: boolean, what: string, results: LocalRunResults]>([
    [true, 'every state that is an end', run([way(harmless), way(harmless, { compute: 'lambda' })])],
    [true, 'no objects', run([way([])])],
    [false, 'one failed object of the last way', run([way(harmless), way([{ state: 'failed' }])])],
    [false, 'one malformed event', run([way([{ state: 'malformed' }]), way(harmless)])],
    [false, 'a process that died, though all was done', run([way(harmless), way(harmless, { deaths: 1 })])],
    [false, 'ways that differ', run([way(harmless), way(harmless)], false)],
    [false, 'a call that was refused', run([way(harmless, { permissions: { ...PERMISSIONS, refused: 1 } })])],
  ])('is %s for %s', (expected, _, results) => {
    expect(succeeded(results)).toBe(expected);
  });
});

describe('verdict', () => {
  test.each<[expected: string, results: LocalRunResults]>([
    ['byte-equal: one way, nothing to compare', run([way([])])],
    ['byte-equal: all 2 ways wrote the same bytes', run([way([]), way([])])],
    ['NOT byte-equal: the ways differ; the contact sheet shows where', run([way([]), way([])], false)],
    [
      'byte-equal: all 3 ways wrote the same bytes\nprocesses that died: ec2 2, eks-ec2 1',
      run([way([], { deaths: 2 }), way([], { compute: 'lambda' }), way([], { compute: 'eks-ec2', deaths: 1 })]),
    ],
  ])('reads %j', (expected, results) => {
    expect(verdict(results, SCREEN)).toBe(expected);
  });

  test('names what was refused, and what the roles need not be allowed', () => {
    const ways = [
      way([], { permissions: { ...PERMISSIONS, unused: ['s3:ListBucket on ec2-source', 'sqs:X on ec2-jobs'] } }),
      way([], {
        compute: 'lambda',
        permissions: {
          ...PERMISSIONS,
          refused: 3,
          refusals: [
            { explanation: 'User: a …', calls: 1 },
            { explanation: 'User: b …', calls: 2 },
          ],
          unused: ['s3:ListBucket on lambda-source'],
        },
      }),
    ];
    expect(verdict(run(ways), SCREEN).split('\n').slice(1)).toEqual([
      'lambda, refused: User: a …',
      'lambda, refused 2 times, for example: User: b …',
      'permissions that no call of this run needed; beside each grant, in',
      'lib/constructs, stands what does:',
      '  s3:ListBucket on source',
      '  sqs:X on jobs (ec2)',
    ]);
  });
});

describe('howToUse', () => {
  const url = 'http://127.0.0.1:4321';
  const endpoints = { url, queueUrl: (name: string) => `${url}/000000000000/${name}` } as Endpoints;
  const kept = (compute: Way['compute']) =>
    ({
      compute,
      sourceBucket: `${compute}-source`,
      outputBucket: `${compute}-output`,
      failureQueue: `${compute}-failed`,
    }) as Way;

  test('is a session to paste for any of the ways, whose commands each name the endpoint', () => {
    const lines = howToUse(endpoints, [kept('lambda'), kept('ec2'), kept('eks-ec2')]).split('\n');
    expect(lines.slice(lines.lastIndexOf('') + 1)).toEqual([
      '  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local',
      '  export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1',
      '  URL=http://127.0.0.1:4321',
      '  WAY=lambda  # or ec2, eks-ec2',
      '  aws --endpoint-url $URL s3 cp PICTURE s3://$WAY-source/incoming/',
      '  aws --endpoint-url $URL s3 ls --recursive s3://$WAY-output/',
      '  aws --endpoint-url $URL sqs receive-message \\',
      '    --queue-url $URL/000000000000/$WAY-failed  # what failed',
    ]);
  });

  test('has no others to choose beside one', () => {
    expect(howToUse(endpoints, [kept('ec2')])).toMatch(/\n {2}WAY=ec2\n/);
  });
});
