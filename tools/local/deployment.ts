import type { NotificationConfiguration } from '@aws-sdk/client-s3';
import { WAYS } from '../../lib/ways';
import type { Compute } from '../../workload/contract';
import type { Resource, Template } from '../templates';

/**
 * What CloudFormation would make of a template, on the local endpoints: the same variables, the same wiring, the same
 * numbers. Nothing of it is repeated here, so the local run proves what will be deployed.
 */
export interface Deployment {
  readonly buckets: readonly string[];
  /** In an order in which they can be made: failure queues first. */
  readonly queues: readonly {
    readonly name: string;
    readonly visibilityTimeoutSeconds: number;
    readonly receiveWaitSeconds: number;
    readonly redrive?: { readonly deadLetterQueue: string; readonly maxReceiveCount: number };
  }[];
  readonly notification: { readonly bucket: string; readonly configuration: NotificationConfiguration };
  /** Of the worker's process or the function. */
  readonly environment: Readonly<Record<string, string>>;
  readonly sourceBucket: string;
  readonly outputBucket: string;
  readonly failureQueue: string;
  /** Where S3 invokes a function. */
  readonly function?: {
    readonly arn: string;
    readonly handler: string;
    readonly memoryMib: number;
    readonly timeoutSeconds: number;
    /** Further attempts after the first. */
    readonly retries: number;
  };
}

/** What the endpoints call things. */
export interface Names {
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  queueUrl(name: string): string;
  queueArn(name: string): string;
}

/** For who reads limits and retries, which names have no part in. */
export const NOWHERE: Names = { region: '', account: '', queueUrl: (name) => name, queueArn: (name) => name };

/** SQS's own defaults, for what a template leaves out. */
const DEFAULT_VISIBILITY_SECONDS = 30;

/** Reads one way's template. @throws Error naming what is missing from it */
export function readDeployment(compute: Compute, template: Template, names: Names): Deployment {
  const open = openTemplate(compute, template, names);
  const { local, resolve, ofType, one } = open;
  const notification = one('Custom::S3BucketNotifications').Properties;
  if (ofType('Custom::S3BucketNotifications').length > 1) {
    throw new Error(`the template of ${compute} has notifications of several buckets: the local run knows one`);
  }
  const environment = environmentOf(compute, open);
  const queues = ofType('AWS::SQS::Queue').map(([id, { Properties }]) => {
    const redrive = Properties?.RedrivePolicy;
    return {
      name: local[id] as string,
      visibilityTimeoutSeconds: Properties?.VisibilityTimeout ?? DEFAULT_VISIBILITY_SECONDS,
      receiveWaitSeconds: Properties?.ReceiveMessageWaitTimeSeconds ?? 0,
      ...(redrive && {
        redrive: {
          deadLetterQueue: local[redrive.deadLetterTargetArn['Fn::GetAtt'][0]] as string,
          maxReceiveCount: redrive.maxReceiveCount as number,
        },
      }),
    };
  });
  return {
    buckets: ofType('AWS::S3::Bucket').map(([id]) => local[id] as string),
    queues: queues.sort((a, b) => Number('redrive' in a) - Number('redrive' in b)),
    notification: {
      bucket: resolve(notification.BucketName) as string,
      configuration: resolve(notification.NotificationConfiguration) as NotificationConfiguration,
    },
    environment,
    sourceBucket: `${compute}-source`,
    outputBucket: `${compute}-output`,
    failureQueue: `${compute}-failed`,
    ...(WAYS[compute].entry === 'function' && { function: functionOf(one, ofType, resolve) }),
  };
}

type One = (type: string) => Resource;
type OfType = (type: string) => [string, Resource][];

/** A template, and how to read it. */
export interface OpenTemplate {
  /** Local names by logical id. */
  readonly local: Readonly<Record<string, string>>;
  /** Resolves references as CloudFormation does, to what things are called here. @throws Error naming what it cannot */
  readonly resolve: (value: unknown) => unknown;
  readonly ofType: OfType;
  /** The first of its type. @throws Error if there is none */
  readonly one: One;
}

/** @param prefix of local names; default the way */
export function openTemplate(
  compute: Compute,
  template: Template,
  names: Names,
  prefix: string = compute,
): OpenTemplate {
  const resources = Object.entries(template.Resources);
  const local = localNames(prefix, resources);
  const ofType = (type: string) => resources.filter(([, resource]) => resource.Type === type);
  return {
    local,
    resolve: resolver(local, template, names, prefix),
    ofType,
    one: (type) => {
      const [found] = ofType(type);
      if (!found) throw new Error(`the template of ${compute} has no ${type}`);
      return found[1];
    },
  };
}

/** The environment of the worker, from where its kind of unit has it. */
function environmentOf(compute: Compute, open: OpenTemplate): Record<string, string> {
  const { one, ofType, resolve } = open;
  const pairs = (list: readonly Record<string, string>[], name: string, value: string) =>
    Object.fromEntries(list.map((item) => [item[name], item[value]]));
  switch (WAYS[compute].unit) {
    case 'function':
      return resolve(workerFunction(ofType).Environment.Variables) as Record<string, string>;
    case 'task': {
      const [container] = one('AWS::ECS::TaskDefinition').Properties.ContainerDefinitions;
      return pairs(resolve(container.Environment) as Record<string, string>[], 'Name', 'Value');
    }
    case 'instance': {
      const { UserData } = one('AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData;
      const block = /^WORKER_ENVIRONMENT='([^']*)'$/m.exec(resolve(UserData['Fn::Base64']) as string)?.[1] ?? '';
      return Object.fromEntries(block.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
    }
    case 'pod': {
      const [container] = workerDeployment(open).spec.template.spec.containers;
      return pairs(container.env, 'name', 'value');
    }
  }
}

/** The objects that the cluster is given. */
// biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as Kubernetes.
export function kubernetesObjects({ ofType, resolve }: OpenTemplate): any[] {
  return ofType('Custom::AWSCDK-EKS-KubernetesResource').flatMap(([, { Properties }]) =>
    JSON.parse(resolve(Properties.Manifest) as string),
  );
}

/** The worker's Deployment. @throws Error when there is none */
// biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as Kubernetes.
export function workerDeployment(open: OpenTemplate): any {
  const found = kubernetesObjects(open).find(({ kind }) => kind === 'Deployment');
  if (!found) throw new Error('the template has no Deployment');
  return found;
}

/** The function with an environment of ours; the others are CDK's own. */
// biome-ignore lint/suspicious/noExplicitAny: CloudFormation.
export function workerFunction(ofType: OfType): any {
  return ofType('AWS::Lambda::Function').find(([id]) => id.startsWith('Worker'))?.[1].Properties;
}

function functionOf(one: One, ofType: OfType, resolve: (value: unknown) => unknown): Deployment['function'] {
  const { Handler, MemorySize, Timeout } = workerFunction(ofType);
  const { FunctionName, MaximumRetryAttempts } = one('AWS::Lambda::EventInvokeConfig').Properties;
  const arn = resolve({ 'Fn::GetAtt': [FunctionName.Ref, 'Arn'] }) as string;
  return { arn, handler: Handler, memoryMib: MemorySize, timeoutSeconds: Timeout, retries: MaximumRetryAttempts };
}

/** Readable names for what CloudFormation would give names to. */
function localNames(prefix: string, resources: readonly (readonly [string, Resource])[]): Record<string, string> {
  const role = ([id, { Type }]: readonly [string, Resource]) => {
    if (Type === 'AWS::IAM::Role' || Type === 'AWS::AutoScaling::AutoScalingGroup') return id;
    if (Type === 'AWS::S3::Bucket') return id.startsWith('ImagesSource') ? 'source' : 'output';
    if (Type === 'AWS::SQS::Queue') return id.includes('Failures') ? 'failed' : 'jobs';
    return id.toLowerCase();
  };
  return Object.fromEntries(resources.map((resource) => [resource[0], `${prefix}-${role(resource)}`]));
}

/** ARNs by type of resource, as far as anything here names them. */
const ARNS: Readonly<Record<string, (name: string, names: Names) => string>> = {
  'AWS::S3::Bucket': (name) => `arn:aws:s3:::${name}`,
  'AWS::SQS::Queue': (name, names) => names.queueArn(name),
  'AWS::Lambda::Function': (name, { region, account }) => `arn:aws:lambda:${region}:${account}:function:${name}`,
  'AWS::IAM::Role': (name, { account }) => `arn:aws:iam::${account}:role/${name}`,
  'AWS::Logs::LogGroup': (name, { region, account }) => `arn:aws:logs:${region}:${account}:log-group:${name}:*`,
  'AWS::ECS::Cluster': (name, { region, account }) => `arn:aws:ecs:${region}:${account}:cluster/${name}`,
  'AWS::EKS::Cluster': (name, { region, account }) => `arn:aws:eks:${region}:${account}:cluster/${name}`,
  'AWS::EKS::Nodegroup': (name, { region, account }) => `arn:aws:eks:${region}:${account}:nodegroup/${name}`,
};

function resolver(local: Readonly<Record<string, string>>, template: Template, names: Names, stackName: string) {
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::Region': names.region,
    'AWS::StackName': stackName,
    'AWS::AccountId': names.account,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackId': `arn:aws:cloudformation:${names.region}:${names.account}:stack/${stackName}/0`,
  };
  const type = (id: string) => template.Resources[id]?.Type ?? '';
  const ref = (id: string): string => {
    if (id.startsWith('AWS::')) return pseudo[id] ?? unresolved(id);
    const name = local[id] ?? unresolved(id);
    if (type(id) === 'AWS::IAM::OIDCProvider') return attribute([id, 'Arn']);
    return type(id) === 'AWS::SQS::Queue' ? names.queueUrl(name) : name;
  };
  const attribute = ([id, which]: readonly [string, string]): string => {
    const name = local[id] ?? unresolved(id);
    if (which === 'OpenIdConnectIssuerUrl') return `https://oidc.eks.${names.region}.amazonaws.com/id/${name}`;
    if (which !== 'Arn') return name;
    // Named after the address that it vouches for.
    if (type(id) === 'AWS::IAM::OIDCProvider') {
      const address = new URL(resolve(template.Resources[id]?.Properties.Url) as string);
      return `arn:aws:iam::${names.account}:oidc-provider/${address.host}${address.pathname}`;
    }
    return ARNS[type(id)]?.(name, names) ?? unresolved(`the ARN of ${id}, ${type(id)}`);
  };
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const [[key, inner] = ['', undefined], ...others] = Object.entries(value);
    if (others.length === 0 && key === 'Ref') return ref(inner as string);
    if (others.length === 0 && key === 'Fn::GetAtt') return attribute(inner as [string, string]);
    if (others.length === 0 && key === 'Fn::Join') {
      const [separator, parts] = inner as [string, unknown[]];
      return parts.map(resolve).join(separator);
    }
    if (others.length === 0 && key === 'Fn::Sub') {
      const [text, own = {}] = [inner].flat() as [string, Record<string, unknown>?];
      return text.replaceAll(/\$\{([\w:]+)\}/g, (_match, id: string) =>
        id in own ? String(resolve(own[id])) : ref(id),
      );
    }
    if (others.length === 0 && key === 'Fn::Split') {
      const [separator, text] = inner as [string, unknown];
      return (resolve(text) as string).split(separator);
    }
    if (others.length === 0 && key === 'Fn::Select') {
      const [index, list] = inner as [string | number, unknown];
      return (resolve(list) as unknown[])[Number(index)];
    }
    if (others.length === 0 && key.startsWith('Fn::')) return unresolved(`${key} ${JSON.stringify(inner)}`);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolve(item)]));
  };
  return resolve;
}

function unresolved(what: string): never {
  throw new Error(`the template has ${what}, which the local run cannot resolve: teach tools/local/deployment.ts`);
}
