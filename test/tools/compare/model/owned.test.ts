import { readOwned } from '../../../../tools/compare/model/owned';
import { NOTED } from '../../../../tools/doctor';
import type { Resource } from '../../../../tools/templates';
import { COMPUTES, type Compute } from '../../../../workload/contract';
import { templates } from '../../../support/templates';

const all = templates();
const today = new Date('2026-11-23');
const rows = readOwned(all, today);
const of = (way: Compute, concern: string) => rows.find((row) => row.way === way && row.concern === concern);

/** The rows after a change of all resources of a type in one template. */
function changed(way: Compute, type: string, change: (properties: Resource['Properties']) => void) {
  const copy = templates();
  for (const { Type, Properties } of Object.values(copy[way].Resources)) if (Type === type) change(Properties);
  return () => readOwned(copy, today);
}

test('every way has every concern, with all that is said of it, or none of it', () => {
  expect(rows).toHaveLength(COMPUTES.length * 8);
  for (const { what, who, how, howOften, whenNobodyDoes } of rows) {
    if (what === null) expect(who).toBe('nobody');
    else expect([how, howOften, whenNobodyDoes].filter((said) => !said)).toEqual([]);
  }
  const none = rows.filter(({ what }) => what === null).map(({ way, concern }) => `${way}: ${concern}`);
  expect(none).toContain('lambda: network');
  expect(none.filter((each) => each.endsWith('cluster version'))).toHaveLength(4);
});

test('versions have the end of their support, and where it was noted', () => {
  expect(of('ec2', 'operating system')).toMatchObject({ who: 'you', supportedUntil: '2029-06-30' });
  expect(of('lambda', 'operating system')).toMatchObject({ supportedUntil: null, source: null });
  for (const way of ['eks-ec2', 'eks-fargate'] as const) {
    expect(of(way, 'cluster version')).toMatchObject({
      what: 'Kubernetes 1.35',
      supportedUntil: '2027-03-27',
      source: { source: expect.stringMatching(/^https:/), date: NOTED },
    });
  }
});

test.each<[what: string, rows: () => unknown, said: string]>([
  [
    'another version of Kubernetes',
    changed('eks-fargate', 'AWS::EKS::Cluster', (cluster) => {
      cluster.Version = '1.34';
    }),
    '"cluster version" is no longer true of eks-fargate: it rests on AWS::EKS::Cluster Version "1.35", but the template says "1.34"',
  ],
  [
    'instances that live for longer',
    changed('ecs-ec2', 'AWS::AutoScaling::AutoScalingGroup', (group) => {
      group.MaxInstanceLifetime = 864_000;
    }),
    '"operating system" is no longer true of ecs-ec2: it rests on AWS::AutoScaling::AutoScalingGroup MaxInstanceLifetime 604800, but the template says 864000',
  ],
  [
    'another runtime, which the doctor sees',
    changed('lambda', 'AWS::Lambda::Function', (worker) => {
      worker.Runtime = 'nodejs26.x';
    }),
    '"runtime" is no longer true of lambda: it rests on Lambda runtime nodejs24.x, but nodejs26.x is in use',
  ],
])('%s makes the text untrue, and one line says so', (_, read, said) => {
  expect(read).toThrow(new Error(`tools/compare/data/owned.json: ${said}`));
});
