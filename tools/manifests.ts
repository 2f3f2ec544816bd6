import { stringify } from 'yaml';
import type { FourWaysStackProps } from '../lib/props';
import { WAYS } from '../lib/ways';
import { COMPUTES, type Compute } from '../workload/contract';
import { type Command, noPositionals, parse, print, UsageError } from './command-line';
import { openTemplate } from './local/deployment';
import { LOCAL_CREDENTIALS } from './local/permissions';
import { LOCAL_REGION, namesAt } from './local/ways';
import { type Resource, type Template, templates } from './templates';

/**
 * Shows what an EKS stack gives to its cluster, in the order in which CloudFormation does. Names that AWS gives at a
 * deployment are those of the local run: so a cluster on this machine can be told to work for its endpoints.
 */

// biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as Kubernetes.
type Json = any;

/** One thing that the stack does to the cluster. */
export interface Step {
  readonly logicalId: string;
  /** What is there beside objects, a line each: an add-on, nodes, a chart. */
  readonly comment: readonly string[];
  readonly objects: readonly Json[];
}

/** The image that `--endpoint` names, in place of the one that CDK builds. */
const LOCAL_IMAGE = 'four-ways:local';

/** The ways that have a cluster. */
const CLUSTERS = COMPUTES.filter((way) => WAYS[way].orchestrator === 'EKS');

/** @param endpoint address of the local run as pods see it; without, the steps are those on AWS */
export function steps(way: Compute, template: Template, endpoint?: string): Step[] {
  const base = endpoint ?? `https://sqs.${LOCAL_REGION}.amazonaws.com`;
  const { resolve } = openTemplate(way, template, namesAt(base));
  return ordered(template).flatMap(([logicalId, { Type, Properties }]): Step[] => {
    switch (Type) {
      case 'AWS::EKS::Addon': {
        const { AddonName, AddonVersion = 'in the version that EKS gives', ConfigurationValues = '' } = Properties;
        const comment = [`Add-on of EKS: ${AddonName}, ${AddonVersion} ${ConfigurationValues}`.trimEnd()];
        return endpoint ? [] : [{ logicalId, comment, objects: [] }];
      }
      case 'AWS::EKS::Nodegroup': {
        const { AmiType, CapacityType, InstanceTypes, ScalingConfig } = Properties;
        const nodes = `${ScalingConfig.MinSize} to ${ScalingConfig.MaxSize} x ${InstanceTypes.join(' or ')}`;
        return endpoint ? [] : [{ logicalId, comment: [`Nodes: ${nodes}, ${AmiType}, ${CapacityType}`], objects: [] }];
      }
      case 'AWS::EKS::FargateProfile': {
        const selectors = Properties.Selectors.map(({ Namespace, Labels }: Json) =>
          [Namespace, ...Labels.map(({ Key, Value }: Json) => `${Key}=${Value}`)].join(' with '),
        );
        return endpoint ? [] : [{ logicalId, comment: [`On Fargate: pods in ${selectors.join(', ')}`], objects: [] }];
      }
      case 'Custom::AWSCDK-EKS-HelmChart':
        return chart(logicalId, Properties, resolve, endpoint);
      case 'Custom::AWSCDK-EKS-KubernetesResource': {
        const objects: Json[] = JSON.parse(resolve(Properties.Manifest) as string);
        if (!endpoint) return [{ logicalId, comment: [], objects }];
        // There is no CloudWatch to send to.
        if (objects.some(({ kind, metadata }) => kind === 'DaemonSet' || metadata.name === 'aws-logging')) return [];
        return [{ logicalId, comment: [], objects: objects.map((object) => onEndpoint(object, endpoint)) }];
      }
      default:
        return [];
    }
  });
}

function chart(logicalId: string, properties: Json, resolve: (value: unknown) => unknown, endpoint?: string): Step[] {
  const { Chart, Release, Version, Repository, Namespace, Values } = properties;
  let values: Json = Values && JSON.parse(resolve(Values) as string);
  if (endpoint) {
    // There are no groups of instances to scale.
    if (Chart === 'cluster-autoscaler') return [];
    values = { ...values, env: credentials() };
  }
  const install = [
    `helm upgrade --install ${Release} ${Chart} --version ${Version} --repo ${Repository}`,
    `--namespace ${Namespace} --create-namespace --wait`,
  ].join(' ');
  const lines = values
    ? [`${install} --values - <<'VALUES'`, ...yaml(values).trimEnd().split('\n'), 'VALUES']
    : [install];
  return [{ logicalId, comment: [`Chart: ${Chart} ${Version}`, ...lines], objects: [] }];
}

/** What the local endpoints take for the credentials that a role gives on AWS. */
const credentials = () => [
  { name: 'AWS_ACCESS_KEY_ID', value: LOCAL_CREDENTIALS.accessKeyId },
  { name: 'AWS_SECRET_ACCESS_KEY', value: LOCAL_CREDENTIALS.secretAccessKey },
];

/** An object that works for the endpoints of the local run: with credentials, an address, and a way there. */
function onEndpoint(object: Json, endpoint: string): Json {
  const { spec } = object;
  if (object.kind === 'Deployment') {
    const [container] = spec.template.spec.containers;
    container.image = LOCAL_IMAGE;
    container.env.push({ name: 'AWS_ENDPOINT_URL', value: endpoint }, ...credentials());
  }
  if (object.kind === 'NetworkPolicy') {
    spec.egress.push({ ports: [{ protocol: 'TCP', port: Number(new URL(endpoint).port || 80) }] });
  }
  if (object.kind === 'ScaledObject') spec.triggers[0].metadata.awsEndpoint = endpoint;
  return object;
}

/** All resources, each behind those that it waits for. */
function ordered({ Resources }: Template): [id: string, resource: Resource][] {
  const seen = new Set<string>();
  const visit = (id: string): [string, Resource][] => {
    const resource = Resources[id];
    if (!resource || seen.has(id)) return [];
    seen.add(id);
    return [...[resource.DependsOn ?? []].flat().flatMap(visit), [id, resource]];
  };
  return Object.keys(Resources).flatMap(visit);
}

const yaml = (value: unknown) => stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });

/** The steps as one YAML stream, with what is no object in comments. */
export function toYaml(all: readonly Step[], head: readonly string[]): string {
  const commented = (lines: readonly string[]) => lines.map((line) => `# ${line}`.trimEnd());
  const body = all.flatMap(({ logicalId, comment, objects }, index) => [
    '',
    ...commented([`${index + 1}. ${logicalId}`, ...comment]),
    ...objects.flatMap((object) => ['---', ...yaml(object).trimEnd().split('\n')]),
  ]);
  return [...commented(head), ...body].join('\n');
}

/** What a switch says, as `bin/switches.ts` reads it. */
type ReadSwitches = (context: Readonly<Record<string, unknown>>) => FourWaysStackProps & { readonly suffix: string };

export const manifests =
  (readSwitches: ReadSwitches): Command =>
  async (args) => {
    const { values, positionals } = parse('manifests', args, {
      context: { type: 'string', short: 'c', multiple: true, default: [] },
      endpoint: { type: 'string' },
    });
    const [given = 'eks-ec2', ...others] = positionals;
    const way = CLUSTERS.find((each) => each === given);
    if (!way) throw new UsageError(`"${given}" has no cluster: expected one of ${CLUSTERS.join(', ')}`);
    noPositionals('manifests', others);
    const { suffix, ...props } = switches(values.context, readSwitches);
    const endpoint = values.endpoint === undefined ? undefined : address(values.endpoint);
    const template = templates(props, suffix, [way])[way];
    const head = [
      `What ${WAYS[way].stack}${suffix} gives to its cluster, in this order.`,
      endpoint
        ? `For a cluster without AWS, and the endpoints of "npm run local -- --keep" at ${endpoint}.`
        : 'Names that AWS gives at a deployment (buckets, queue, log group, image, account, region) are stand-ins.',
    ];
    print(...toYaml(steps(way, template, endpoint), head).split('\n'));
    return 0;
  };

function switches(given: readonly string[], readSwitches: ReadSwitches) {
  const entries = given.map((each) => {
    const [name, value] = each.split(/=(.*)/s);
    if (!name || !value) throw new UsageError(`-c ${each}: expected SWITCH=VALUE, such as -c production=true`);
    return [name, value] as const;
  });
  try {
    return readSwitches(Object.fromEntries(entries));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError unless it is an address that queue names can be put behind */
function address(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash) {
    throw new UsageError(`--endpoint is "${given}": expected an address such as http://172.18.0.1:4566`);
  }
  if (/^(localhost|127\..*|\[::1\])$/.test(url.hostname)) {
    throw new UsageError(`--endpoint is "${given}", where a pod finds only itself: name this machine as pods see it`);
  }
  return url.origin;
}
