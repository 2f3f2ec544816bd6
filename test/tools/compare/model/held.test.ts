import { held, type Rest, textOf } from '../../../../tools/compare/model/held';

const template = {
  Resources: {
    Jobs: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 120, RedrivePolicy: { maxReceiveCount: 5 } } },
    Failures: { Type: 'AWS::SQS::Queue', Properties: { MessageRetentionPeriod: 60 } },
    Group: { Type: 'AWS::AutoScaling::AutoScalingGroup', Properties: {}, UpdatePolicy: { Signals: [true] } },
    Pods: { Type: 'Custom::Manifest', Properties: { Manifest: '[{"kind":"Deployment","max":4,"name":"a"}]' } },
  },
};
const check = (...rest: Rest) => held('ec2', template, [rest], 'some.json: "A title"');

test.each<[Rest]>([
  [['AWS::SQS::Queue']],
  [['AWS::SQS::Queue', 2]],
  [['AWS::EC2::NatGateway', 0]],
  [['AWS::SQS::Queue', 'RedrivePolicy.maxReceiveCount', 5]],
  [['AWS::SQS::Queue', 'MessageRetentionPeriod', 60]],
  [['AWS::AutoScaling::AutoScalingGroup', 'UpdatePolicy.Signals.0', true]],
  [['text', 'kind:Deployment,max:4,']],
  [['no text', 'kind:NetworkPolicy']],
  [['workload/contract.ts', 'DEFAULTS.renditionWidths', [160, 640, 1280]]],
])('%j is held', (rest) => {
  expect(() => check(...rest)).not.toThrow();
});

test.each<[Rest, string]>([
  [['AWS::EKS::Cluster'], 'AWS::EKS::Cluster, but the template has none'],
  [['AWS::EKS::Cluster', 'Version', '1.35'], 'AWS::EKS::Cluster Version "1.35", but the template has none'],
  [['AWS::SQS::Queue', 1], 'AWS::SQS::Queue 1, but the template has 2'],
  [
    ['AWS::SQS::Queue', 'RedrivePolicy.maxReceiveCount', 3],
    'AWS::SQS::Queue RedrivePolicy.maxReceiveCount 3, but the template says 5',
  ],
  [
    ['AWS::SQS::Queue', 'VisibilityTimeout', '120'],
    'AWS::SQS::Queue VisibilityTimeout "120", but the template says 120',
  ],
  [
    ['AWS::SQS::Queue', 'KmsMasterKeyId', 'a'],
    'AWS::SQS::Queue KmsMasterKeyId "a", but the template says nothing there',
  ],
  [['text', 'max:5,'], 'text max:5,, but the template does not contain that'],
  [['no text', 'max:4,'], 'no text max:4,, but the template contains that'],
])('%j is not, and one line says what is instead', (rest, said) => {
  expect(() => check(...rest)).toThrow(new Error(`some.json: "A title" is no longer true of ec2: it rests on ${said}`));
});

test('a text is of the ways that it names, `null` is a text, and a way without one is an error', () => {
  const texts = { 'ec2, ecs-ec2': { rests: [] }, lambda: null };
  expect(textOf('some.json', 'A title', texts, 'ecs-ec2', template)).toEqual({ rests: [] });
  expect(textOf('some.json', 'A title', texts, 'lambda', template)).toBeNull();
  expect(() => textOf('some.json', 'A title', texts, 'eks-ec2', template)).toThrow(
    'some.json: "A title" says nothing of eks-ec2',
  );
});
