import type { FourWay } from '../../../lib/ways';
import { containerBase, examine, type Finding, NOTED, versionsInUse } from '../../doctor';
import type { Template } from '../../templates';
import type { Concern, Facts, Owned } from './types';

/** What somebody has to look after on each way: who, how often, and what happens when nobody does. */

const CONCERNS: readonly Concern[] = [
  'operating system',
  'runtime',
  'container base',
  'cluster version',
  'add-ons',
  'scaling',
  'availability',
  'network',
];

type Row = Omit<Owned, 'way' | 'concern' | 'supportedUntil' | 'source'> & { readonly supported?: string };

/** A row for each concern of each way. Rows of what a way does not have say so: the empty cell is the comparison. */
export function readOwned(facts: Facts, all: Readonly<Record<FourWay, Template>>, today: Date): Owned[] {
  const findings = examine(versionsInUse(all), today);
  return Object.values(facts).flatMap((way) => {
    const rows = rowsOf(way, findings);
    return CONCERNS.map((concern): Owned => {
      const { supported, ...row } = rows[concern] ?? NOT_THERE;
      const window = findings.find(({ what }) => what === supported);
      const missing = row.restsOn.find((type) => !(type in way.resources));
      if (missing) throw new Error(`what you own of ${way.way} rests on ${missing}, which its template has no more`);
      return {
        way: way.way,
        concern,
        ...row,
        supportedUntil: window?.until ?? null,
        source: window?.source ? { source: window.source, date: NOTED } : null,
      };
    });
  });
}

const NOT_THERE: Row = {
  what: null,
  who: 'nobody',
  how: 'there is none',
  howOften: 'never',
  whenNobodyDoes: 'nothing',
  restsOn: [],
};

function rowsOf(way: Facts[FourWay], findings: readonly Finding[]): Partial<Record<Concern, Row>> {
  const { versions, resources } = way;
  const version = (of: string) => findings.find(({ what }) => what === of)?.version ?? 'unknown';
  const queueScaling = (what: string, restsOn: readonly string[]): Row => ({
    what,
    who: 'you',
    how: 'thresholds, steps and ceilings are yours; AWS carries them out',
    howOften: 'when the nature of the load changes',
    whenNobodyDoes: 'a backlog that grows, or units that wait for work and are paid for',
    restsOn,
  });
  const ownNetwork: Row = {
    what: `a VPC with ${resources['AWS::EC2::Subnet'] ?? 0} subnets, ${way.natGateways || 'no'} NAT gateway${way.natGateways > 1 ? 's' : ''}`,
    who: 'you',
    how: 'subnets, routes and security groups; no connection from outside is accepted',
    howOften: 'when something new has to be reached',
    whenNobodyDoes: 'nothing, until an address range or a rule no longer fits',
    restsOn: ['AWS::EC2::VPC'],
  };
  const image = (restsOn: string): Row => ({
    what: containerBase(),
    who: 'you',
    how: 'a newer base image, a build, a deployment',
    howOften: 'monthly, and on every advisory for the base image',
    whenNobodyDoes: 'known vulnerabilities stay in what runs, and nothing warns',
    restsOn: [restsOn],
    supported: 'Debian in the image, long-term support',
  });
  const nodeInImage = (restsOn: string): Row => ({
    ...image(restsOn),
    what: `Node ${version('Node in the image')}, in the image`,
    supported: 'Node in the image',
  });
  switch (way.way) {
    case 'ec2':
      return {
        'operating system': {
          what: versions['operating system'] ?? null,
          who: 'you',
          how: `instances are replaced after at most ${versions['instance lifetime, days']} days, and boot from the image of that day`,
          howOften: 'all the time, by itself; a new major version by hand',
          whenNobodyDoes: 'instances go on booting a release that gets no more fixes',
          restsOn: ['AWS::AutoScaling::AutoScalingGroup', 'AWS::EC2::LaunchTemplate'],
          supported: 'Amazon Linux',
        },
        runtime: {
          what: `Node ${version('Node on instances')}, installed at boot`,
          who: 'you',
          how: 'minor versions come with the packages at boot; a major version is a line of the boot script',
          howOften: 'once in two or three years',
          whenNobodyDoes: 'a runtime without fixes; one day the package is gone, and instances no longer boot',
          restsOn: ['AWS::EC2::LaunchTemplate'],
          supported: 'Node on instances',
        },
        scaling: queueScaling('alarms on the queue, steps of instances', [
          'AWS::AutoScaling::ScalingPolicy',
          'AWS::CloudWatch::Alarm',
        ]),
        availability: {
          what: 'a group across the zones of the VPC',
          who: 'AWS, when you let it',
          how: 'the group replaces instances that fail; what a boot installs has to be available',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'an instance that cannot boot is replaced, and the next one cannot either',
          restsOn: ['AWS::AutoScaling::AutoScalingGroup'],
        },
        network: ownNetwork,
      };
    case 'lambda':
      return {
        'operating system': {
          what: 'comes with the managed runtime',
          who: 'AWS',
          how: 'it is patched under the function',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'nothing',
          restsOn: ['AWS::Lambda::Function'],
        },
        runtime: {
          what: versions.runtime ?? null,
          who: 'AWS, when you let it',
          how: 'minor versions by AWS; a major version is a line of the stack',
          howOften: 'once in two or three years',
          whenNobodyDoes:
            'after the end of support the function goes on running unpatched, and in the end can be neither created nor updated',
          restsOn: ['AWS::Lambda::Function'],
          supported: 'Lambda runtime',
        },
        scaling: {
          what: 'none to declare',
          who: 'AWS',
          how: 'one environment for each event at a time, up to the account\u2019s concurrency',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'the quota is the ceiling, shared with every other function of the account',
          restsOn: ['AWS::Lambda::Function'],
        },
        availability: {
          what: 'all zones of the region',
          who: 'AWS',
          how: 'environments are placed across zones',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'nothing',
          restsOn: ['AWS::Lambda::Function'],
        },
      };
    case 'ecs-fargate':
      return {
        'operating system': {
          what: 'comes with the Fargate platform version',
          who: 'AWS',
          how: 'it is patched under the tasks, which may be restarted for it',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'nothing',
          restsOn: ['AWS::ECS::Service'],
        },
        runtime: nodeInImage('AWS::ECS::TaskDefinition'),
        'container base': image('AWS::ECS::TaskDefinition'),
        scaling: queueScaling('alarms on the queue, steps of tasks', [
          'AWS::ApplicationAutoScaling::ScalingPolicy',
          'AWS::CloudWatch::Alarm',
        ]),
        availability: {
          what: 'a service across the zones of the VPC',
          who: 'AWS',
          how: 'the service replaces tasks that fail; a deployment that fails is rolled back',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'nothing',
          restsOn: ['AWS::ECS::Service'],
        },
        network: ownNetwork,
      };
    case 'eks-ec2':
      return {
        'operating system': {
          what: versions['node image'] ? `the EKS node image ${versions['node image']}` : null,
          who: 'you',
          how: 'a new version of the node group: nodes are drained and replaced',
          howOften: 'monthly, when a node image is released',
          whenNobodyDoes: 'nodes run the image they were made from, known vulnerabilities included',
          restsOn: ['AWS::EKS::Nodegroup'],
          supported: 'Amazon Linux',
        },
        runtime: nodeInImage('Custom::AWSCDK-EKS-KubernetesResource'),
        'container base': image('Custom::AWSCDK-EKS-KubernetesResource'),
        'cluster version': {
          what: `Kubernetes ${versions.cluster}`,
          who: 'you',
          how: 'control plane first, then add-ons and charts, then nodes; one minor version at a time',
          howOften: 'two or three times a year',
          whenNobodyDoes:
            way.controlPlane?.supportType === 'STANDARD'
              ? 'EKS upgrades the control plane at the end of standard support, ready or not'
              : 'extended support is billed by the hour, until that ends too',
          restsOn: ['AWS::EKS::Cluster'],
          supported: 'Kubernetes on EKS, standard support',
        },
        'add-ons': {
          what: Object.entries(versions)
            .filter(([name]) => /^(add-on|chart|log shipper)/.test(name))
            .map(([name, version]) => `${name.replace(/^(add-on|chart) /, '')} (${version.split('/').at(-1)})`)
            .join(', '),
          who: 'you',
          how: 'each has versions of its own, and works with some versions of the cluster only',
          howOften: 'with every version of the cluster, and on advisories',
          whenNobodyDoes: 'after an upgrade of the cluster, what no longer fits it stops working',
          restsOn: ['AWS::EKS::Addon', 'Custom::AWSCDK-EKS-HelmChart'],
        },
        scaling: {
          what: 'KEDA for pods, the Cluster Autoscaler for nodes',
          who: 'you',
          how: 'two programs in the cluster, which have to be run and upgraded, and can fail, like everything else there',
          howOften: 'with the add-ons; limits when the nature of the load changes',
          whenNobodyDoes: 'when one of them stops, pods wait for ever, or nodes are never removed',
          restsOn: ['Custom::AWSCDK-EKS-HelmChart', 'Custom::AWSCDK-EKS-KubernetesResource'],
        },
        availability: {
          what: 'a control plane across zones, nodes across the zones of the VPC',
          who: 'AWS, when you let it',
          how: 'AWS runs the control plane; node repair, spread and disruption budgets are declared by you',
          howOften: 'all the time, by itself',
          whenNobodyDoes: 'with one node, everything that scales stops while it is replaced',
          restsOn: ['AWS::EKS::Cluster', 'AWS::EKS::Nodegroup'],
        },
        network: { ...ownNetwork, how: 'as on EC2, and network policies between pods' },
      };
  }
}
