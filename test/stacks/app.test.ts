import { FALSE_ALARM, withoutFalseAlarm } from '../../lib/constructs/false-alarm';
import {
  type AppRun,
  audit,
  runApp,
  SETTINGS,
  type Settings,
  STACKS,
  synth,
  synthTwice,
  WAYS,
  type Way,
} from '../support/synth';
import { Column } from './column';
import { physicalNames } from './parity-checks';

/** The rules of cdk-nag that do not hold, and why is in `lib/acknowledgements.ts`. This list only gets shorter. */
const KEPT: Record<Way, string[]> = {
  ec2: ['AS3', 'IAM4', 'IAM5', 'S1', 'VPC7'],
  lambda: ['IAM4', 'IAM5', 'S1', 'SQS3'],
  'ecs-fargate': ['ECS2', 'ECS4', 'IAM4', 'IAM5', 'S1', 'VPC7'],
  'eks-ec2': ['IAM4', 'IAM5', 'L1', 'S1', 'VPC7'],
};

const READER = 'arn:aws:iam::123456789012:role/reader';

const CHOICES: [name: string, context: Record<string, string>, settings: Settings][] = [
  ['nothing', {}, {}],
  [
    'all there is',
    { production: 'true', spot: 'true', clusterAdmin: READER },
    { production: true, spot: true, clusterAdmin: READER },
  ],
];

/** They run while this process validates. */
const runs = new Map<string, Promise<AppRun>>();
beforeAll(() => {
  for (const [name, context] of CHOICES) runs.set(name, runApp(context));
  runs.set('a value that is none', runApp({ production: 'yes' }));
});

test('the one warning that is kept back is what CDK says of its own `scaleOnMetric`, and another is printed', () => {
  const warn = jest.spyOn(console, 'warn').mockImplementation();
  // In front of what keeps it back: CDK says it once in a process, so this has to be the first test.
  synth('ec2');
  expect(warn.mock.calls).toEqual([['[WARNING]', FALSE_ALARM]]);
  withoutFalseAlarm();
  console.warn('[WARNING]', FALSE_ALARM);
  console.warn('[WARNING]', FALSE_ALARM.replace('cooldown', 'other'));
  expect(warn.mock.calls.slice(1)).toEqual([['[WARNING]', FALSE_ALARM.replace('cooldown', 'other')]]);
  warn.mockRestore();
}, 120_000);

const unique = (values: string[]) => [...new Set(values)].sort();

describe('validation, in the default and in the production settings', () => {
  const audits = () => [SETTINGS.default, SETTINGS.production].map(audit);

  test('finds nothing that is not acknowledged', () => {
    expect(audits().flatMap(({ violations }) => violations)).toEqual([]);
  }, 120_000);

  describe.each(WAYS)('%s', (way) => {
    test('acknowledges what is there, and nothing else', () => {
      const acknowledged = unique(audits().flatMap((each) => each.acknowledged[way]));
      expect(acknowledged).toEqual(unique(audits().flatMap(({ found }) => found[way])));
    });

    test('keeps to the rules, but for a list that only gets shorter', () => {
      const rules = audits().flatMap(({ found }) => found[way].map((id) => id.replace(/\[.*/, '')));
      expect(unique(rules)).toEqual(KEPT[way]);
    });
  });
});

describe('a second copy beside the first', () => {
  let copies: ReturnType<typeof synthTwice>;
  beforeAll(() => {
    copies = synthTwice('-blue');
  }, 120_000);

  test.each(WAYS)('of %s is the same, and shares no name with it', (way) => {
    const [first, second] = copies[way].map((template) => new Column(way, {}, template)) as [Column, Column];
    const { id } = STACKS[way];
    const types = ({ resources }: Column) => resources.map(([, { Type }]) => Type);
    expect(types(second)).toEqual(types(first));
    expect(second.environment).toEqual({ ...first.environment, STACK: `${id}-blue` });
    const shared = physicalNames(second).filter((name) => physicalNames(first).includes(name));
    expect(shared).toEqual([]);
    expect(physicalNames(second)).toHaveLength(physicalNames(first).length);
  });

  test('has an EKS cluster, and a group of its logs, named after its stack', () => {
    expect(physicalNames(new Column('eks-ec2', {}, copies['eks-ec2'][1]))).toEqual([
      'AWS::EKS::Cluster ResizeOnEksEc2-blue',
      'AWS::Logs::LogGroup /aws/eks/ResizeOnEksEc2-blue/cluster',
    ]);
  });
});

describe('bin/app.ts', () => {
  test('says in one line what is wrong with a switch, and ends with 1', async () => {
    const { status, stderr } = await (runs.get('a value that is none') as Promise<AppRun>);
    expect(stderr).toBe('The switch production is "yes": expected true or false\n');
    expect(status).toBe(1);
  });

  test.each(CHOICES)(
    'makes the templates that are tested here, when the reader chooses %s',
    async (name, _, settings) => {
      const app = await (runs.get(name) as Promise<AppRun>);
      expect(app.stderr).toBe('');
      expect(app.status).toBe(0);
      for (const way of WAYS) {
        expect(app.template(way)).toEqual(synth(way, settings).template);
        expect(app.tags(way)).toEqual({ project: 'four-ways' });
      }
    },
  );
});
