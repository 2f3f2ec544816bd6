import { examine, report, versionsInUse } from '../../tools/doctor';
import { templates } from '../support/templates';

const KUBERNETES = { what: 'Kubernetes on EKS, standard support', version: '1.35' };
const verdict = (day: string, inUse = KUBERNETES) => examine([inUse], new Date(day))[0]?.verdict;

describe('the doctor', () => {
  test.each([
    ['2026-12-01', 'supported'],
    ['2027-01-15', 'ends soon'],
    ['2027-03-28', 'ended'],
  ])('finds on %s that Kubernetes 1.35 is %s', (day, expected) => {
    expect(verdict(day)).toBe(expected);
  });

  test('says so when it does not know a version', () => {
    expect(verdict('2026-12-01', { ...KUBERNETES, version: '9.99' })).toBe('not in the table');
  });

  test('reads from the templates and the Dockerfile what is in use, and knows all of it', () => {
    const inUse = versionsInUse(templates());
    const versions = Object.fromEntries(inUse.map(({ what, version }) => [what, version]));
    expect(Object.keys(versions)).toHaveLength(inUse.length);
    expect(versions).toEqual({
      'Lambda runtime': 'nodejs24.x',
      'Node on instances': '24',
      'Node in the image': '24',
      'Debian in the image, long-term support': 'bookworm',
      'Kubernetes on EKS, standard support': '1.35',
      'EKS add-on coredns': 'default for 1.35',
      'EKS add-on eks-pod-identity-agent': 'default for 1.35',
      'EKS add-on kube-proxy': 'default for 1.35',
      'EKS add-on vpc-cni': 'default for 1.35',
      'Chart keda': '2.20.2',
      'Chart cluster-autoscaler': '9.59.0',
      'Amazon Linux on EKS nodes': '2023',
      'Amazon Linux on ECS instances': '2023',
      'Amazon Linux': '2023',
    });
    const findings = examine(inUse, new Date('2026-11-22'));
    expect(findings.filter(({ verdict: found }) => found === 'not in the table')).toEqual([]);
    for (const { source, until } of findings) {
      expect(source).toMatch(/^https:/);
      expect(until).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    }
  });

  test('names both where two clusters differ', () => {
    const all = structuredClone(templates());
    for (const { Type, Properties } of Object.values(all['eks-fargate'].Resources)) {
      if (Type === 'AWS::EKS::Cluster') Properties.Version = '1.34';
    }
    const clusters = versionsInUse(all).filter(({ what }) => /Kubernetes|coredns/.test(what));
    expect(clusters.map(({ version }) => version)).toEqual(['1.35', 'default for 1.35', '1.34', 'default for 1.34']);
  });

  test.each([80, 60])('fits %i columns, all but the addresses, which are whole', (columns) => {
    const findings = examine([KUBERNETES, { what: 'Amazon Linux', version: '2099' }], new Date('2026-12-01'));
    const lines = report(findings, { columns, isTerminal: true }).split('\n');
    const [addresses, others] = [/^\[/, /^(?!\[)/].map((start) => lines.filter((line) => start.test(line)));
    expect(Math.max(...(others ?? []).map(({ length }) => length))).toBeLessThanOrEqual(columns);
    expect(addresses).toEqual([`[1] ${findings[0]?.source}`]);
    expect(lines).toContainEqual(expect.stringMatching(/Amazon Linux .*not in the table/));
  });
});
