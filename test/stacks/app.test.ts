import { type AppRun, audit, runApp, SETTINGS, type Settings, synth, WAYS, type Way } from '../support/synth';

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
});

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

describe('bin/app.ts', () => {
  test.each(CHOICES)(
    'makes the templates that are tested here, when the reader chooses %s',
    async (name, _, settings) => {
      const app = await (runs.get(name) as Promise<AppRun>);
      expect(app.stderr.replace(/^.*StepScalingActionProps#cooldown is deprecated.*\n.*\n/, '')).toBe('');
      expect(app.status).toBe(0);
      for (const way of WAYS) {
        expect(app.template(way)).toEqual(synth(way, settings).template);
        expect(app.tags(way)).toEqual({ project: 'four-ways' });
      }
    },
  );
});
