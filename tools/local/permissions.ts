/**
 * Judges every call to the local S3 and SQS by the policies that would be deployed: those of the caller's role, and those
 * of the bucket or the queue.
 */
import { WAYS, type Way } from '../../lib/ways';
import type { Compute } from '../../workload/contract';
import type { Access, Role } from './access';
import {
  type AccessRequest,
  CONDITION_KEYS,
  covers,
  type Decision,
  decide,
  type Principal,
  principalName,
  type Statement,
} from './iam';

/** The reader's own: of somebody who may do anything in the account, as far as a bucket or a queue does not forbid it. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/** fauxqs has no other account. */
export const ACCOUNT = '000000000000';

/** A call, as it comes over the wire. */
export interface WireCall {
  /** Access key id of who signed it; empty when nobody did. */
  readonly caller: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /**
   * Whether it is encrypted. Default true: the endpoints speak plain HTTP, and stand for AWS, to which the SDKs speak HTTPS
   * unless they are told otherwise. No way is.
   */
  readonly secure?: boolean;
  /** Of S3. */
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  /** Of S3, where one call deletes many objects. */
  readonly keys?: readonly string[] | undefined;
  /** Of SQS, such as `ReceiveMessage`. */
  readonly operation?: string | undefined;
  /** Of SQS, its parameters. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** What AWS answers. */
export interface Refusal {
  readonly status: 403 | 501;
  /** `NotImplemented` is ours: nobody here knows which permission that call needs. */
  readonly code: 'AccessDenied' | 'InvalidAccessKeyId' | 'NotImplemented';
  /** As AWS words it. */
  readonly message: string;
  /** With the statement that decided, or the one that comes nearest, and the way whose call it was. */
  readonly explanation: string;
}

/** What one way's calls came to. */
export interface Tally {
  /** Calls to S3 and SQS, and what S3 delivers. */
  readonly judged: number;
  readonly refused: number;
  /** One for all that are alike: the same action, on the same bucket or queue, for the same reason. */
  readonly refusals: readonly { readonly explanation: string; readonly calls: number }[];
  /** Of what the worker's role may do on S3 and SQS, what no call needed: `s3:ListBucket on ec2-output`. */
  readonly unused: readonly string[];
}

/** By whose word the worker's processes have its role, and what is asked of the role's trust. */
const PLATFORMS: Readonly<Record<Way['unit'], { readonly service: string; readonly actions: readonly string[] }>> = {
  instance: { service: 'ec2.amazonaws.com', actions: ['sts:AssumeRole'] },
  function: { service: 'lambda.amazonaws.com', actions: ['sts:AssumeRole'] },
  task: { service: 'ecs-tasks.amazonaws.com', actions: ['sts:AssumeRole'] },
  // Pod Identity puts the pod's name and others into the session, as tags.
  pod: { service: 'pods.eks.amazonaws.com', actions: ['sts:AssumeRole', 'sts:TagSession'] },
};

interface Session {
  readonly compute: Compute | undefined;
  readonly principal: Principal;
  readonly statements: readonly Statement[];
}

interface Counts {
  judged: number;
  refused: number;
  readonly refusals: Map<string, { explanation: string; calls: number }>;
  /** Statement, action and resource of an allow that was needed. */
  readonly used: Set<string>;
}

/** The account's permissions. Nothing is judged until a way has been added. */
export class Permissions {
  private readonly ways = new Map<Compute, { access: Access; counts: Counts }>();
  private readonly resources = new Map<string, { compute: Compute; statements: readonly Statement[] }>();
  private readonly sessions = new Map<string, Session>();
  /** Called with the first refusal of its kind. */
  onRefusal?: (compute: Compute, explanation: string) => void;

  /** @param region of the queues */
  constructor(private readonly region: string) {
    this.sessions.set(LOCAL_CREDENTIALS.accessKeyId, {
      compute: undefined,
      principal: { kind: 'role', arn: `arn:aws:iam::${ACCOUNT}:role/Administrator`, session: 'you' },
      statements: [{ origin: 'AdministratorAccess', effect: 'Allow', actions: ['*'], resources: ['*'], parts: [] }],
    });
  }

  /** From now on every call is judged. A way that is there already is forgotten, and its counts. */
  add(compute: Compute, access: Access): void {
    const counts = { judged: 0, refused: 0, refusals: new Map(), used: new Set<string>() };
    this.ways.set(compute, { access, counts });
    for (const [arn, statements] of Object.entries(access.resources)) this.resources.set(arn, { compute, statements });
  }

  /**
   * Gives a process of a way the worker's role, as the way's platform does.
   * @throws Error naming the role when its trust does not let the platform, or nothing is known of it
   */
  signIn(accessKeyId: string, compute: Compute): void {
    const { service, actions } = PLATFORMS[WAYS[compute].unit];
    const { worker: id, token } = this.access(compute);
    const role = this.role(compute, id);
    const principal: Principal = { kind: 'service', name: service };
    const context = { 'aws:sourceaccount': ACCOUNT };
    for (const asked of token ? [token] : actions.map((action) => ({ principal, action, context }))) {
      const refusal = refusalOf({ ...asked, resource: role.arn }, [], role.trust);
      if (refusal) throw new Error(`${compute}: ${refusal.explanation}`);
    }
    this.enter(accessKeyId, compute, role);
  }

  /**
   * Whether Lambda would take a queue as the destination of the function's failures.
   * @throws Error with the reason when the worker's role may not send there
   */
  checkDestination(compute: Compute, queue: string): void {
    const { arn, statements } = this.role(compute, this.access(compute).worker);
    const principal: Principal = { kind: 'role', arn, session: 'deployment' };
    const request = {
      principal,
      action: 'sqs:SendMessage',
      resource: queue,
      context: { 'aws:securetransport': 'true' },
    };
    const refusal = refusalOf(request, statements, this.resources.get(queue)?.statements);
    if (refusal) throw new Error(`${compute} would not deploy: ${refusal.explanation}`);
  }

  /** Gives CDK's handler, which tells the bucket where its events go, the role that the template gives it. */
  signInNotifier(accessKeyId: string, compute: Compute): void {
    this.enter(accessKeyId, compute, this.role(compute, this.access(compute).notifier));
  }

  private enter(accessKeyId: string, compute: Compute, { arn, statements }: Role): void {
    this.sessions.set(accessKeyId, { compute, principal: { kind: 'role', arn, session: accessKeyId }, statements });
  }

  private access(compute: Compute): Access {
    const way = this.ways.get(compute);
    if (!way) throw new Error(`the permissions of ${compute} have not been read`);
    return way.access;
  }

  private role(compute: Compute, id: string): Role {
    const role = this.access(compute).roles[id];
    if (!role) {
      const policy = this.access(compute).unknown[id];
      throw new Error(`${compute}: the role ${id} has the policy ${policy}: teach tools/local/access.ts what is in it`);
    }
    return role;
  }

  /**
   * Judges a call.
   * @param exists whether there is such an object: S3 tells only those who may list the bucket that there is none
   */
  judge(call: WireCall, exists: (bucket: string, key: string) => boolean): Refusal | undefined {
    if (this.ways.size === 0) return undefined;
    const session = call.caller === '' ? undefined : this.sessions.get(call.caller);
    if (call.caller !== '' && !session) return unknownKey(call);
    const counts = session?.compute && this.ways.get(session.compute)?.counts;
    if (counts) counts.judged += 1;
    const principal = session?.principal ?? ({ kind: 'anonymous' } as const);
    const context = contextOf(call);
    const permissions = permissionsFor(call, this.region, exists);
    if (permissions.length === 0) return unknownCall(call);
    for (const { action, resource } of permissions) {
      const request = { principal, action, resource, context };
      const refusal = this.decide(request, session?.statements ?? [], session?.compute);
      if (refusal) return refusal;
    }
    return undefined;
  }

  /** Whether S3 may deliver the events of a bucket to a queue or a function. */
  mayDeliver(kind: 'Queue' | 'CloudFunction', target: string, bucket: string): boolean {
    if (this.ways.size === 0) return true;
    const owner = this.resources.get(`arn:aws:s3:::${bucket}`)?.compute;
    const counts = owner && this.ways.get(owner)?.counts;
    if (counts) counts.judged += 1;
    const request: AccessRequest = {
      principal: { kind: 'service', name: 's3.amazonaws.com' },
      action: kind === 'Queue' ? 'sqs:SendMessage' : 'lambda:InvokeFunction',
      resource: target,
      context: {
        'aws:securetransport': 'true',
        'aws:sourcearn': `arn:aws:s3:::${bucket}`,
        'aws:sourceaccount': ACCOUNT,
      },
    };
    return this.decide(request, [], owner) === undefined;
  }

  private decide(
    request: AccessRequest,
    identity: readonly Statement[],
    compute: Compute | undefined,
  ): Refusal | undefined {
    const own = this.resources.get(ownerOf(request.resource))?.statements ?? [];
    const decision = decide(request, [...identity, ...own]);
    const counts = compute && this.ways.get(compute)?.counts;
    if (decision.allowed) {
      for (const { origin, actions, resources } of counts ? decision.by : []) {
        const action = actions.find((pattern) => covers(pattern, request.action));
        const resource = resources.find((pattern) => covers(pattern, request.resource));
        counts?.used.add(JSON.stringify([origin, action, resource]));
      }
      return undefined;
    }
    const refusal = refused(request, decision, identity);
    if (counts) {
      const { explanation, message } = refusal;
      const reason = explanation.slice(message.length);
      counts.refused += 1;
      const kind = JSON.stringify([request.action, ownerOf(request.resource), reason]);
      const alike = counts.refusals.get(kind) ?? { explanation, calls: 0 };
      if (alike.calls === 0) this.onRefusal?.(compute as Compute, explanation);
      counts.refusals.set(kind, { ...alike, calls: alike.calls + 1 });
    }
    return refusal;
  }

  /** What was refused of a way's calls, so far. */
  refusals(compute: Compute): Tally['refusals'] {
    return [...(this.ways.get(compute)?.counts.refusals.values() ?? [])];
  }

  tally(compute: Compute): Tally {
    const { access, counts } = this.ways.get(compute) as { access: Access; counts: Counts };
    const granted = (access.roles[access.worker]?.statements ?? []).filter(({ effect }) => effect === 'Allow');
    const unused = granted.flatMap(({ origin, actions, resources }) =>
      actions
        .filter((action) => /^(\*$|s3:|sqs:)/i.test(action))
        .flatMap((action) =>
          resources
            .filter((resource) => isLocal(resource, [...this.resources.keys()]))
            .filter((resource) => !counts.used.has(JSON.stringify([origin, action, resource])))
            .map((resource) => `${action} on ${shortName(resource)}`),
        ),
    );
    const { judged, refused } = counts;
    return { judged, refused, refusals: this.refusals(compute), unused };
  }
}

function refusalOf(request: AccessRequest, identity: readonly Statement[], resource: readonly Statement[] = []) {
  const decision = decide(request, [...identity, ...resource]);
  return decision.allowed ? undefined : refused(request, decision, identity);
}

function refused(request: AccessRequest, decision: Decision, identity: readonly Statement[]): Refusal {
  const text = message(request, decision, identity);
  return { status: 403, code: 'AccessDenied', message: text, explanation: `${text}${why(decision)}` };
}

/** A bucket by its name, a queue too: `ec2-output/renditions/*`. */
const shortName = (arn: string) => arn.split(':').slice(5).join(':');

/** Whether a pattern is about a bucket or queue that is here. The one that EC2 fetches its code from is not. */
function isLocal(pattern: string, arns: readonly string[]): boolean {
  return arns.some((arn) => covers(ownerOf(pattern), arn));
}

/** Of an object, the bucket. */
function ownerOf(arn: string): string {
  return arn.startsWith('arn:aws:s3:::') ? (arn.split('/')[0] as string) : arn;
}

/** AWS's own sentence. SQS writes actions in lower case, S3 puts resources between quotes. */
function message({ principal, action, resource }: AccessRequest, decision: Decision, identity: readonly Statement[]) {
  const isS3 = action.startsWith('s3:');
  const named = isS3 ? action : action.replace(/^sqs:.*/, (name) => name.toLowerCase());
  const asked = `User: ${principalName(principal)} is not authorized to perform: ${named} on resource: ${isS3 ? `"${resource}"` : resource}`;
  const kind = (isIdentity: boolean) => (isIdentity ? 'identity' : 'resource');
  if (!decision.allowed && decision.by) {
    const isIdentity = identity.includes(decision.by);
    return `${asked} with an explicit deny in ${isIdentity ? 'an' : 'a'} ${kind(isIdentity)}-based policy`;
  }
  return `${asked} because no ${kind(principal.kind === 'role')}-based policy allows the ${named} action`;
}

/** The statement that decided, or the nearest one to what would have had to be there. */
function why(decision: Decision): string {
  if (decision.allowed) return '';
  if (decision.by) return `: ${decision.by.origin}, ${decision.by.parts.map(({ words }) => words).join('; ')}`;
  if (!decision.nearest) return '';
  const { statement, misses } = decision.nearest;
  return `: nearest is ${statement.origin}, which is about ${misses.join('; ')}`;
}

function unknownCall({ method, operation, bucket = '', query }: WireCall): Refusal {
  const asked =
    operation ?? `${method} ${bucket}${Object.keys(query).length > 0 ? `?${Object.keys(query).join('&')}` : ''}`;
  const text = `The local run does not know which permission this call needs: ${asked}`;
  return { status: 501, code: 'NotImplemented', message: text, explanation: text };
}

function unknownKey({ operation }: WireCall): Refusal {
  const text =
    operation === undefined
      ? 'The AWS Access Key Id you provided does not exist in our records.'
      : 'The security token included in the request is invalid.';
  return { status: 403, code: 'InvalidAccessKeyId', message: text, explanation: text };
}

/** Headers that are condition keys too, as far as `iam.ts` knows them. */
const HEADERS = CONDITION_KEYS.filter((key) => key.startsWith('s3:')).map((key) => key.slice('s3:'.length));

/** Condition keys of a call, as far as there are any. */
function contextOf({ headers, secure = true }: WireCall): AccessRequest['context'] {
  const context: Record<string, string | undefined> = { 'aws:securetransport': String(secure) };
  for (const name of HEADERS) {
    if (headers[name] !== undefined) context[`s3:${name}`] = String(headers[name]);
  }
  return context;
}

type Permission = Pick<AccessRequest, 'action' | 'resource'>;

/**
 * What a call has to be allowed; nothing when that is not known.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
 */
function permissionsFor(
  call: WireCall,
  region: string,
  exists: (bucket: string, key: string) => boolean,
): readonly Permission[] {
  const { method, bucket, key, query, operation } = call;
  if (operation !== undefined) return sqsPermissions(operation, call.input, region);
  // What else a call could ask for.
  if (!Object.keys(query).every((name) => PARAMETERS.test(name))) return [];
  if (bucket === undefined) return method === 'GET' ? [{ action: 's3:ListAllMyBuckets', resource: '*' }] : [];
  const arn = `arn:aws:s3:::${bucket}`;
  const action = actionOf(key ? OBJECT_ACTIONS : BUCKET_ACTIONS, call);
  if (action === undefined) return [];
  if (!key) {
    if (action !== 's3:DeleteObject') return [{ action, resource: arn }];
    return (call.keys ?? []).map((each) => ({ action, resource: `${arn}/${each}` }));
  }
  const permissions = [action, ...furtherActions(action, call)].map((each) => ({
    action: each,
    resource: `${arn}/${key}`,
  }));
  const source = call.headers['x-amz-copy-source'];
  if (source !== undefined) {
    const from = decoded(String(source)).replace(/^\//, '');
    permissions.push({ action: 's3:GetObject', resource: `arn:aws:s3:::${from}` });
  }
  if (action === 's3:GetObject' && !exists(bucket, key)) permissions.push({ action: 's3:ListBucket', resource: arn });
  return permissions;
}

/** What cannot be decoded is the name of nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Query parameters that change nothing about the permission, or are in the tables below. */
const PARAMETERS =
  /^(x-id|list-type|prefix|delimiter|max-keys|start-after|marker|continuation-token|encoding-type|fetch-owner|key-marker|upload-id-marker|max-uploads|response-.*|partNumber|part-number-marker|max-parts|uploadId|uploads|delete|notification|location|lifecycle|X-Amz-.*)$/;

/** By method, and by a query parameter that makes another call of it. What is not here is not known here. */
type Actions = Readonly<Record<string, Readonly<Record<string, string>>>>;

const OBJECT_ACTIONS: Actions = {
  GET: { uploadId: 's3:ListMultipartUploadParts', '': 's3:GetObject' },
  HEAD: { '': 's3:GetObject' },
  PUT: { '': 's3:PutObject' },
  POST: { uploads: 's3:PutObject', uploadId: 's3:PutObject' },
  DELETE: { uploadId: 's3:AbortMultipartUpload', '': 's3:DeleteObject' },
};

const BUCKET_ACTIONS: Actions = {
  GET: {
    notification: 's3:GetBucketNotification',
    location: 's3:GetBucketLocation',
    lifecycle: 's3:GetLifecycleConfiguration',
    uploads: 's3:ListBucketMultipartUploads',
    '': 's3:ListBucket',
  },
  HEAD: { '': 's3:ListBucket' },
  PUT: { notification: 's3:PutBucketNotification', lifecycle: 's3:PutLifecycleConfiguration', '': 's3:CreateBucket' },
  // Of many objects at once. Not the form of a browser, which is a POST without a parameter.
  POST: { delete: 's3:DeleteObject' },
  DELETE: { lifecycle: 's3:PutLifecycleConfiguration', '': 's3:DeleteBucket' },
};

function actionOf(actions: Actions, { method, query }: WireCall): string | undefined {
  const ofMethod = actions[method] ?? {};
  const special = Object.keys(ofMethod).find((name) => name !== '' && name in query);
  return ofMethod[special ?? ''];
}

/** What a write asks for besides, by its headers. */
function furtherActions(action: string, { headers }: WireCall): string[] {
  if (action !== 's3:PutObject') return [];
  const sends = (pattern: RegExp) => Object.keys(headers).some((name) => pattern.test(name));
  return [
    ...(sends(/^x-amz-tagging$/) ? ['s3:PutObjectTagging'] : []),
    ...(sends(/^x-amz-(acl$|grant-)/) ? ['s3:PutObjectAcl'] : []),
    ...(sends(/^x-amz-object-lock-(mode|retain)/) ? ['s3:PutObjectRetention'] : []),
    ...(sends(/^x-amz-object-lock-legal-hold$/) ? ['s3:PutObjectLegalHold'] : []),
    // Whoever learns whether the object is still the one that is named has read something of it.
    ...(sends(/^if-match$/) ? ['s3:GetObject'] : []),
  ];
}

function sqsPermissions(operation: string, input: WireCall['input'], region: string): Permission[] {
  // SQS asks the same permission for ten messages at once.
  const action = `sqs:${operation.replace(/Batch$/, '')}`;
  const queue = input.QueueUrl ?? input.QueueName ?? input.SourceArn;
  const name = typeof queue === 'string' ? queue.split(/[/:]/).at(-1) : undefined;
  // ListQueues knows no queue, and a call that should name one and does not is for SQS to refuse.
  return [{ action, resource: name ? `arn:aws:sqs:${region}:${ACCOUNT}:${name}` : '*' }];
}
