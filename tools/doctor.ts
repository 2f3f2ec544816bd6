import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, noPositionals, parse, print } from './command-line';
import { type Template, templates } from './templates';
import { type Screen, table } from './terminal';

/**
 * What in the stacks leaves support, and when. Versions are read from the templates and the Dockerfile; dates are a table, each with its
 * source. A command and not a test: a test must not fail because time passes.
 */

/** One support window. */
interface Window {
  readonly what: string;
  readonly version: string;
  /** Last day of (standard) support, ISO 8601. */
  readonly until: string;
  readonly source: string;
}

/** Day on which the dates were noted. */
export const NOTED = '2026-11-28';

/** Warn this many days ahead. */
const AHEAD_DAYS = 90;

const WINDOWS: readonly Window[] = [
  {
    what: 'Lambda runtime',
    version: 'nodejs24.x',
    until: '2028-04-30',
    source: 'https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html',
  },
  ...['Node on instances', 'Node in the image'].map((what) => ({
    what,
    version: '24',
    until: '2028-04-30',
    source: 'https://github.com/nodejs/release#release-schedule',
  })),
  {
    what: 'Debian in the image, long-term support',
    version: 'bookworm',
    until: '2028-06-30',
    source: 'https://wiki.debian.org/DebianReleases',
  },
  {
    what: 'Kubernetes on EKS, standard support',
    version: '1.35',
    until: '2027-03-27',
    source: 'https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html',
  },
  {
    what: 'Kubernetes on EKS, standard support',
    version: '1.34',
    until: '2026-12-02',
    source: 'https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html',
  },
  // EKS chooses versions of these that are for the version of the cluster.
  ...['coredns', 'eks-pod-identity-agent', 'kube-proxy', 'vpc-cni'].map((name) => ({
    what: `EKS add-on ${name}`,
    version: 'default for 1.35',
    until: '2027-03-27',
    source: 'https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html',
  })),
  // Nobody publishes a date for the charts. KEDA's: as long as EKS supports the newest Kubernetes that it is tested on.
  {
    what: 'Chart keda',
    version: '2.20.2',
    until: '2027-03-27',
    source: 'https://keda.sh/docs/2.20/operate/cluster/',
  },
  // The autoscaler's: as long as the Kubernetes with its number is maintained.
  {
    what: 'Chart cluster-autoscaler',
    version: '9.59.0',
    until: '2027-02-28',
    source: 'https://kubernetes.io/releases/1.35/',
  },
  ...['Amazon Linux', 'Amazon Linux on ECS instances', 'Amazon Linux on EKS nodes'].map((what) => ({
    what,
    version: '2023',
    until: '2029-06-30',
    source: 'https://docs.aws.amazon.com/linux/al2023/ug/release-cadence.html',
  })),
];

/** The base image of the containers, as the Dockerfile names it. */
export function containerBase(): string {
  const dockerfile = readFileSync(path.join(__dirname, '../containers/resizer/Dockerfile'), 'utf8');
  const from = /^FROM\s+(?:--\S+\s+)*(\S+)/m.exec(dockerfile)?.[1];
  const argument = /^\$\{?(\w+)/.exec(from ?? '')?.[1];
  const image = argument ? new RegExp(`^ARG ${argument}=(\\S+)`, 'm').exec(dockerfile)?.[1] : from;
  if (!image) throw new Error('containers/resizer/Dockerfile has no FROM that can be read');
  return image;
}

/** What the stacks use, as their templates and the Dockerfile say. */
export function versionsInUse(all: Readonly<Record<string, Template>>): { what: string; version: string }[] {
  const find = (type: string) =>
    Object.values(all).flatMap(({ Resources }) =>
      Object.values(Resources).filter((resource) => resource.Type === type),
    );
  // CDK's own handlers have runtimes too; those follow the CDK's version.
  const [worker] = find('AWS::Lambda::Function').filter(({ Properties }) => Properties.Environment?.Variables?.COMPUTE);
  const [nodes] = find('AWS::EKS::Nodegroup');
  const launched = find('AWS::EC2::LaunchTemplate').map(({ Properties }) => Properties.LaunchTemplateData);
  const image = (name: RegExp) =>
    launched.flatMap(({ ImageId }) => name.exec(String(ImageId))?.[1] ?? [])[0] ?? 'unknown';
  const userData = launched.map(({ UserData }) => JSON.stringify(UserData)).join();
  const base = containerBase();
  const inUse = [
    { what: 'Lambda runtime', version: worker?.Properties.Runtime },
    { what: 'Node on instances', version: /node-(\d+)/.exec(userData)?.[1] ?? 'unknown' },
    { what: 'Node in the image', version: /node:(\d+)/.exec(base)?.[1] ?? 'unknown' },
    {
      what: 'Debian in the image, long-term support',
      version: /node:[\d.]+-([a-z]+)/.exec(base)?.[1] ?? 'unknown',
    },
    ...Object.values(all).flatMap(inCluster),
    ...find('Custom::AWSCDK-EKS-HelmChart').map(({ Properties: { Chart, Version } }) => ({
      what: `Chart ${Chart}`,
      version: Version,
    })),
    { what: 'Amazon Linux on EKS nodes', version: /^AL(\d{4})/.exec(nodes?.Properties.AmiType)?.[1] ?? 'unknown' },
    { what: 'Amazon Linux on ECS instances', version: image(/ecs\/optimized-ami\/amazon-linux-(\d{4})\//) },
    { what: 'Amazon Linux', version: image(/al(\d{4})-ami/) },
  ];
  // What two stacks have in the same version is one thing to look after.
  return inUse.filter(
    (one, index) => inUse.findIndex(({ what, version }) => what === one.what && version === one.version) === index,
  );
}

/** The Kubernetes of a stack that has a cluster, and its add-ons. */
function inCluster({ Resources }: Template): { what: string; version: string }[] {
  const of = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  return of('AWS::EKS::Cluster').flatMap(({ Properties: { Version } }) => [
    { what: 'Kubernetes on EKS, standard support', version: Version },
    ...of('AWS::EKS::Addon').map(({ Properties: { AddonName, AddonVersion } }) => ({
      what: `EKS add-on ${AddonName}`,
      version: AddonVersion ?? `default for ${Version}`,
    })),
  ]);
}

/** A version in use, with what is known of its support. */
export interface Finding {
  readonly what: string;
  readonly version: string;
  readonly until: string | undefined;
  readonly source: string | undefined;
  readonly verdict: 'supported' | 'ends soon' | 'ended' | 'not in the table';
}

/** Judges what is in use on a day. */
export function examine(inUse: readonly { what: string; version: string }[], today: Date): Finding[] {
  return inUse.map(({ what, version }) => {
    const window = WINDOWS.find((known) => known.what === what && known.version === version);
    if (!window) return { what, version, until: undefined, source: undefined, verdict: 'not in the table' };
    const days = (Date.parse(window.until) - today.getTime()) / 86_400_000;
    const verdict = days < 0 ? 'ended' : days < AHEAD_DAYS ? 'ends soon' : 'supported';
    return { what, version, until: window.until, source: window.source, verdict };
  });
}

/** The findings as a table, with the sources of the dates below it. */
export function report(findings: readonly Finding[], screen?: Screen): string {
  const sources = [...new Set(findings.flatMap(({ source }) => source ?? []))];
  const rows = findings.map(({ what, version, until = '?', verdict, source }) => [
    what,
    version,
    until,
    verdict,
    source ? `[${sources.indexOf(source) + 1}]` : '',
  ]);
  return [
    table(['what', 'version', 'until', 'verdict', 'see'], rows, 4, screen),
    `see, noted ${NOTED}:`,
    ...sources.map((source, index) => `[${index + 1}] ${source}`),
  ].join('\n');
}

/** Prints the findings. @returns the exit code: 1 when something is out of support or unknown */
export const doctor: Command = async (args) => {
  noPositionals('doctor', parse('doctor', args, {}).positionals);
  const findings = examine(versionsInUse(templates()), new Date());
  print(...report(findings).split('\n'));
  return findings.some(({ verdict }) => verdict === 'ended' || verdict === 'not in the table') ? 1 : 0;
};
