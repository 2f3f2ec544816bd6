import { WAYS } from '../../lib/ways';
import type { Compute } from '../../workload/contract';
import type { Resource, Template } from '../templates';
import {
  kubernetesObjects,
  type Names,
  type OpenTemplate,
  openTemplate,
  workerDeployment,
  workerFunction,
} from './deployment';
import { type AccessRequest, readPolicy, type Statement } from './iam';

/** Who may do what, as one way's template says it. */
export interface Access {
  /** By logical id. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Of the roles that are not there, a policy that is not known here. */
  readonly unknown: Readonly<Record<string, string>>;
  /** Logical id of the role that the worker or the function has. */
  readonly worker: string;
  /** Who asks for that role, and with what in hand, where the platform does not by itself: a pod with a token. */
  readonly token?: Pick<AccessRequest, 'principal' | 'action' | 'context'>;
  /** And of the one with which CDK tells the bucket where its events go. */
  readonly notifier: string;
  /** By ARN of a bucket, queue or function: its own policy, empty where it has none. */
  readonly resources: Readonly<Record<string, readonly Statement[]>>;
}

export interface Role {
  readonly arn: string;
  /** What it may do. */
  readonly statements: readonly Statement[];
  /** Who may take it on. */
  readonly trust: readonly Statement[];
}

/**
 * What AWS's own policies say, where a role that is judged has one. Looked up on 2026-11-28.
 * @see https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
 * @see https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSFargatePodExecutionRolePolicy.html
 */
const MANAGED_POLICIES: Readonly<Record<string, object>> = {
  'service-role/AWSLambdaBasicExecutionRole': {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: '*',
      },
    ],
  },
  AmazonEKSFargatePodExecutionRolePolicy: {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: [
          'ecr:GetAuthorizationToken',
          'ecr:BatchCheckLayerAvailability',
          'ecr:GetDownloadUrlForLayer',
          'ecr:BatchGetImage',
        ],
        Resource: '*',
      },
    ],
  },
};

/** What permissions can be in, and is read here. Of these services, another type of resource could hold others. */
const TYPES: readonly string[] = [
  'AWS::IAM::InstanceProfile',
  'AWS::IAM::OIDCProvider',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Function',
  'AWS::Lambda::LayerVersion',
  'AWS::Lambda::Permission',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
];

/** What of a role is read here, or says nothing about what it may do. */
const ROLE_PROPERTIES: readonly string[] = [
  'AssumeRolePolicyDocument',
  'Description',
  'ManagedPolicyArns',
  'MaxSessionDuration',
  'Policies',
  'Tags',
];

function checkUnderstood({ Resources }: Template): void {
  for (const [id, resource] of Object.entries(Resources)) {
    const what = unread(resource);
    if (what) throw new Error(`${id}: ${what} is not understood by the local run: teach tools/local/access.ts`);
  }
}

/** What could allow or forbid something and is not read. */
function unread({ Type, Properties, Condition }: Resource): string | undefined {
  const isRead = TYPES.includes(Type);
  if (isRead && Condition) return `the condition ${Condition}`;
  switch (Type) {
    case 'AWS::IAM::Role':
      return Object.keys(Properties).find((name) => !ROLE_PROPERTIES.includes(name));
    case 'AWS::EC2::VPCEndpoint':
      return Properties.PolicyDocument && 'the policy of an endpoint';
    case 'AWS::EKS::PodIdentityAssociation':
      return ['TargetRoleArn', 'Policy'].find((name) => name in Properties);
    case 'AWS::S3::Bucket':
      return JSON.stringify(Properties?.BucketEncryption ?? '').includes('aws:kms') ? 'encryption with KMS' : undefined;
    case 'AWS::SQS::Queue':
      return ['KmsMasterKeyId', 'RedriveAllowPolicy'].find((name) => name in (Properties ?? {}));
    default:
      return /^AWS::(IAM|KMS|Lambda|S3|SQS)::/.test(Type) && !isRead ? Type : undefined;
  }
}

/**
 * Reads the roles and the policies of a template. Roles with a policy of AWS's that is not known here are left out: none
 * of them is the worker's.
 *
 * @param prefix of local names; default the way
 * @throws Error naming the policy and what in it is not understood
 */
export function readAccess(compute: Compute, template: Template, names: Names, prefix?: string): Access {
  try {
    return read(compute, template, names, prefix);
  } catch (error) {
    throw new Error(`${compute}: ${(error as Error).message}`);
  }
}

function read(compute: Compute, template: Template, names: Names, prefix?: string): Access {
  checkUnderstood(template);
  const open = openTemplate(compute, template, names, prefix);
  const { ofType, resolve } = open;
  const roles: Record<string, Role> = {};
  const unknown: Record<string, string> = {};
  for (const [id, { Properties }] of ofType('AWS::IAM::Role')) {
    const managed = list(Properties.ManagedPolicyArns).map(managedPolicyName);
    const foreign = managed.find((name) => !(name in MANAGED_POLICIES));
    if (foreign !== undefined) {
      unknown[id] = foreign;
      continue;
    }
    roles[id] = {
      arn: resolve({ 'Fn::GetAtt': [id, 'Arn'] }) as string,
      trust: readPolicy('trust', `trust of ${id}`, asDocument(resolve(Properties.AssumeRolePolicyDocument))),
      statements: [
        ...managed.flatMap((name) => readPolicy('identity', name, MANAGED_POLICIES[name])),
        ...list(Properties.Policies).flatMap(({ PolicyName, PolicyDocument }) =>
          readPolicy('identity', `${PolicyName} of ${id}`, resolve(PolicyDocument)),
        ),
        ...ofType('AWS::IAM::Policy')
          .filter(([, policy]) => list(policy.Properties.Roles).some((role) => role.Ref === id))
          .flatMap(([name, policy]) => readPolicy('identity', name, resolve(policy.Properties.PolicyDocument))),
      ],
    };
  }
  const [worker, notifier] = [workerRole(compute, open), notifierRole(open)];
  const token = WAYS[compute].unit === 'pod' ? workerToken(open) : undefined;
  return { roles, unknown, worker, notifier, resources: resourcePolicies(open), ...(token && { token }) };
}

/** CloudFormation takes a policy as text, too. */
const asDocument = (policy: unknown): unknown => (typeof policy === 'string' ? JSON.parse(policy) : policy);

/** Logical id of what is referred to by its ARN. @throws Error when it is not of this template */
function idOf(what: string, reference: { 'Fn::GetAtt'?: readonly [string, string] } | undefined): string {
  const [id] = reference?.['Fn::GetAtt'] ?? [];
  if (id === undefined) throw new Error(`${what} is not one of this template: ${JSON.stringify(reference)}`);
  return id;
}

/** The role of the worker, from where its kind of unit says it. */
function workerRole(compute: Compute, open: OpenTemplate): string {
  const { one, ofType } = open;
  switch (WAYS[compute].unit) {
    case 'instance': {
      const { IamInstanceProfile } = one('AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData;
      const profile = idOf('the instance profile', IamInstanceProfile.Arn);
      return ofType('AWS::IAM::InstanceProfile').find(([id]) => id === profile)?.[1].Properties.Roles[0].Ref;
    }
    case 'function':
      return idOf('the role of the function', workerFunction(ofType).Role);
    case 'task':
      return idOf('the role of the task', one('AWS::ECS::TaskDefinition').Properties.TaskRoleArn);
    case 'pod': {
      const pods = workerDeployment(open);
      const associations = ofType('AWS::EKS::PodIdentityAssociation').map(([, { Properties }]) => Properties);
      const account = pods.spec.template.spec.serviceAccountName;
      const own = associations.find(
        ({ Namespace, ServiceAccount }) => Namespace === pods.metadata.namespace && ServiceAccount === account,
      );
      if (own) return idOf('the role of the pods', own.RoleArn);
      const annotated = workerAccount(open)?.metadata.annotations?.[ROLE_ANNOTATION];
      const role = ofType('AWS::IAM::Role').find(([id]) => open.resolve({ 'Fn::GetAtt': [id, 'Arn'] }) === annotated);
      if (role) return role[0];
      throw new Error(
        `neither a Pod Identity association nor an annotation gives the service account ${account} a role`,
      );
    }
  }
}

const ROLE_ANNOTATION = 'eks.amazonaws.com/role-arn';

/** The service account of the worker's pods, where the template makes it. */
function workerAccount(open: OpenTemplate) {
  const { metadata, spec } = workerDeployment(open);
  const { serviceAccountName } = spec.template.spec;
  return kubernetesObjects(open).find(
    ({ kind, metadata: { name, namespace } }) =>
      kind === 'ServiceAccount' && name === serviceAccountName && namespace === metadata.namespace,
  );
}

/** For whom the tokens are that EKS puts into a pod. */
const AUDIENCE = 'sts.amazonaws.com';

/** What the worker's pods ask for their role with, where their account is annotated. @throws Error when IAM knows no provider */
function workerToken(open: OpenTemplate): Access['token'] {
  const { name, namespace, annotations } = workerAccount(open)?.metadata ?? {};
  if (!annotations?.[ROLE_ANNOTATION]) return undefined;
  const [cluster = ''] = open.ofType('AWS::EKS::Cluster').map(([id]) => id);
  const issuer = open.resolve({ 'Fn::GetAtt': [cluster, 'OpenIdConnectIssuerUrl'] });
  const [provider] = open
    .ofType('AWS::IAM::OIDCProvider')
    .filter(
      ([, { Properties }]) => open.resolve(Properties.Url) === issuer && Properties.ClientIdList.includes(AUDIENCE),
    );
  if (!provider) throw new Error(`no provider of the template vouches for the tokens of ${cluster}, for ${AUDIENCE}`);
  const arn = open.resolve({ Ref: provider[0] }) as string;
  const address = arn.replace(/^.*:oidc-provider\//, '').toLowerCase();
  return {
    principal: { kind: 'token', provider: arn },
    action: 'sts:AssumeRoleWithWebIdentity',
    context: { [`${address}:aud`]: AUDIENCE, [`${address}:sub`]: `system:serviceaccount:${namespace}:${name}` },
  };
}

function notifierRole({ one, ofType }: OpenTemplate): string {
  const handler = idOf('the handler of notifications', one('Custom::S3BucketNotifications').Properties.ServiceToken);
  const [, found] = ofType('AWS::Lambda::Function').find(([id]) => id === handler) ?? [];
  return idOf('the role of the handler of notifications', found?.Properties.Role);
}

function resourcePolicies({ ofType, resolve }: OpenTemplate): Record<string, readonly Statement[]> {
  const policies: Record<string, Statement[]> = {};
  const arnOf = (reference: { Ref: string }) => resolve({ 'Fn::GetAtt': [reference.Ref, 'Arn'] }) as string;
  for (const type of ['AWS::S3::Bucket', 'AWS::SQS::Queue', 'AWS::Lambda::Function']) {
    for (const [id] of ofType(type)) policies[arnOf({ Ref: id })] = [];
  }
  /** A bucket and a queue have one policy each, about itself. */
  const set = (id: string, reference: { Ref: string }, { PolicyDocument }: { PolicyDocument: unknown }) => {
    const arn = arnOf(reference);
    const statements = readPolicy('resource', id, resolve(PolicyDocument));
    if (policies[arn]?.length !== 0) throw new Error(`${id} is a second policy of ${arn}, or of something unknown`);
    for (const { origin, effect, resources, parts } of statements) {
      const foreign = resources.find((resource) => resource !== arn && !resource.startsWith(`${arn}/`));
      if (foreign) throw new Error(`${origin} is about ${foreign}, and the policy is that of ${arn}: AWS refuses it`);
      const isForAll = parts.some(({ name, words }) => name === 'principal' && words.includes('"*"'));
      // `BlockPublicAccess` is on. With conditions AWS might take it; nobody here knows which.
      if (effect === 'Allow' && isForAll) throw new Error(`${origin} allows everybody something: AWS refuses it`);
    }
    policies[arn] = statements;
  };
  for (const [id, { Properties }] of ofType('AWS::S3::BucketPolicy')) {
    set(id, Properties.Bucket, Properties);
  }
  for (const [id, { Properties }] of ofType('AWS::SQS::QueuePolicy')) {
    for (const queue of Properties.Queues) set(id, queue, Properties);
  }
  for (const [id, { Properties }] of ofType('AWS::Lambda::Permission')) {
    const { Action, FunctionName, Principal, SourceAccount, SourceArn, ...others } = Properties;
    const [other] = Object.keys(others);
    if (other !== undefined) throw new Error(`${id}: ${other} is not understood by the local run`);
    const Condition = {
      ...(SourceAccount && { StringEquals: { 'aws:SourceAccount': resolve(SourceAccount) } }),
      ...(SourceArn && { ArnLike: { 'aws:SourceArn': resolve(SourceArn) } }),
    };
    const arn = resolve(FunctionName) as string;
    const statement = { Effect: 'Allow', Principal: { Service: Principal }, Action, Resource: arn, Condition };
    // Of permissions a function may have many.
    const statements = readPolicy('resource', id, { Version: '2012-10-17', Statement: [statement] });
    policies[arn] = [...(policies[arn] ?? []), ...statements];
  }
  return policies;
}

/** `service-role/AWSLambdaBasicExecutionRole`, of an ARN in whichever way CDK puts it together; or what else it is. */
function managedPolicyName(arn: unknown): string {
  return /:iam::aws:policy\/([\w/-]+)/.exec(JSON.stringify(arn))?.[1] ?? JSON.stringify(arn);
}

// biome-ignore lint/suspicious/noExplicitAny: CloudFormation.
function list(value: any): any[] {
  return value ?? [];
}
