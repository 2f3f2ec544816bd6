import { audit, SETTINGS, WAYS, type Way } from '../support/synth';

/** The rules of cdk-nag that do not hold, and why is in `lib/acknowledgements.ts`. This list only gets shorter. */
const KEPT: Record<Way, string[]> = {
  ec2: ['AS3', 'IAM4', 'IAM5', 'S1', 'VPC7'],
  lambda: ['IAM4', 'IAM5', 'S1', 'SQS3'],
  'ecs-fargate': ['ECS2', 'ECS4', 'IAM4', 'IAM5', 'S1', 'VPC7'],
  'eks-ec2': ['IAM4', 'IAM5', 'L1', 'S1', 'VPC7'],
};

const unique = (values: string[]) => [...new Set(values)].sort();

describe('validation, in the default and in the production settings', () => {
  const audits = () => [SETTINGS.default, SETTINGS.production].map(audit);

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
