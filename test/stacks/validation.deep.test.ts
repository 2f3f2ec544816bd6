import { WAYS as LIST } from '../../lib/ways';
import { audit, runApp, SETTINGS, synth, synthTwice, WAYS, type Way } from '../support/synth';
import { Column } from './column';
import { physicalNames } from './parity-checks';

/** The rules of cdk-nag that do not hold, and why is in `lib/acknowledgements.ts`. This list only gets shorter. */
const KEPT: Record<Way, string[]> = {
  ec2: ['AS3', 'IAM4', 'IAM5', 'S1', 'VPC7'],
  lambda: ['IAM4', 'IAM5', 'S1', 'SQS3'],
  'ecs-fargate': ['ECS2', 'ECS4', 'IAM4', 'IAM5', 'S1', 'VPC7'],
  'eks-ec2': ['IAM4', 'IAM5', 'L1', 'S1', 'VPC7'],
  'eks-fargate': ['IAM4', 'IAM5', 'L1', 'S1', 'VPC7'],
  'ecs-ec2': ['AS3', 'ECS2', 'ECS4', 'IAM4', 'IAM5', 'S1', 'VPC7'],
};

/** With all that only a switch adds. */
const PRODUCTION = { ...SETTINGS.production, ...SETTINGS.spot, alarmEmail: 'you@example.com' };

const unique = (values: string[]) => [...new Set(values)].sort();

describe('validation, in the default and in the production settings', () => {
  const audits = () => [SETTINGS.default, PRODUCTION].map(audit);

  test('finds nothing that is not acknowledged', () => {
    expect(audits().flatMap(({ violations }) => violations)).toEqual([]);
  });

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
    const types = ({ resources }: Column) => resources.map(([, { Type }]) => Type);
    expect(types(second)).toEqual(types(first));
    expect(second.environment).toEqual({ ...first.environment, STACK: `${LIST[way].stack}-blue` });
    const shared = physicalNames(second).filter((name) => physicalNames(first).includes(name));
    expect(shared).toEqual([]);
    expect(physicalNames(second)).toHaveLength(physicalNames(first).length);
  });

  test.each(['eks-ec2', 'eks-fargate'] as const)(
    'of %s has a cluster, and a group of its logs, named after its stack',
    (way) => {
      expect(physicalNames(new Column(way, {}, copies[way][1]))).toEqual([
        `AWS::EKS::Cluster ${LIST[way].stack}-blue`,
        `AWS::Logs::LogGroup /aws/eks/${LIST[way].stack}-blue/cluster`,
      ]);
    },
  );
});

test('bin/app.ts makes the templates that are tested here, when nothing is chosen', async () => {
  const { status, stderr, template } = await runApp({});
  expect([status, stderr]).toEqual([0, '']);
  for (const way of WAYS) expect(template(way)).toEqual(synth(way).template);
});
