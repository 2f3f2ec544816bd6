/**
 * Judges calls by IAM policies, for exactly the part of IAM's language that the templates use. Anything else in a
 * policy is an error when the policy is read, and never an allow.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
 */

/** Somebody who asks AWS for something. */
export type Principal =
  /** A process with the credentials of a role. `session` tells apart those of one role. */
  | { readonly kind: 'role'; readonly arn: string; readonly session: string }
  /** AWS itself, such as `s3.amazonaws.com`. */
  | { readonly kind: 'service'; readonly name: string }
  /** Whoever has a token of a provider that IAM knows, by the provider's ARN. */
  | { readonly kind: 'token'; readonly provider: string }
  /** Nobody has signed. */
  | { readonly kind: 'anonymous' };

/** One thing that is asked for. */
export interface AccessRequest {
  readonly principal: Principal;
  /** Such as `s3:GetObject`. */
  readonly action: string;
  /** ARN of what it is done to; `*` for an action that knows no resources. */
  readonly resource: string;
  /** By condition key, in lower case. What is not there is not known of the request, as when a header is not sent. */
  readonly context: Readonly<Record<string, string | undefined>>;
}

/** One statement of a policy, read and understood. */
export interface Statement {
  /** Where it stands: `RoleDefaultPolicy5FFB7DAB, statement 2`. */
  readonly origin: string;
  readonly effect: 'Allow' | 'Deny';
  /** As they stand in the policy. */
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** The parts of a request that it speaks of, each with what it asks of them in words. */
  readonly parts: readonly Part[];
}

interface Part {
  readonly name: 'principal' | 'action' | 'resource' | 'condition';
  /** Such as `resource arn:aws:s3:::images/incoming/*`. */
  readonly words: string;
  readonly holds: (request: AccessRequest) => boolean;
}

/** The answer to a request. */
export type Decision =
  | { readonly allowed: true; readonly by: readonly Statement[] }
  /** Denied by this one, whatever else allows it. */
  | { readonly allowed: false; readonly by: Statement }
  /** Allowed by none. The nearest one, if any comes near, with the words of what it asks for and the request is not. */
  | { readonly allowed: false; readonly by: undefined; readonly nearest?: { statement: Statement; misses: string[] } };

/** What kind of policy it is decides what its statements may and must say. */
export type PolicyKind =
  /** What a role may do. */
  | 'identity'
  /** Who may do what to a bucket, a queue or a function. */
  | 'resource'
  /** Who may take on a role. It says nothing of resources: it is about this one. */
  | 'trust';

const ELEMENTS: Readonly<Record<PolicyKind, readonly string[]>> = {
  identity: ['Sid', 'Effect', 'Action', 'Resource', 'Condition'],
  resource: ['Sid', 'Effect', 'Action', 'Resource', 'Condition', 'Principal'],
  trust: ['Sid', 'Effect', 'Action', 'Condition', 'Principal'],
};

/** Of optional elements, what a policy may leave out. */
const OPTIONAL = ['Sid', 'Condition'];

/** Condition keys that a request here can have, in lower case. Of tags, the name follows. */
export const CONDITION_KEYS: readonly string[] = [
  'aws:securetransport',
  'aws:sourcearn',
  'aws:sourceaccount',
  'ecs:cluster',
  's3:x-amz-storage-class',
  's3:x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-customer-algorithm',
];
const TAG_KEY = /^aws:resourcetag\/[^*?]+$/;
/** What a token of an EKS cluster says: behind the address of its provider, for whom it is, and whose. */
const TOKEN_KEY = /^oidc\.eks\.[a-z0-9-]+\.amazonaws\.com\/id\/[a-z0-9-]+:(aud|sub)$/;

interface Operator {
  readonly holds: (actual: string | undefined, expected: readonly string[]) => boolean;
  /** What a value in a policy has to look like. */
  readonly value?: RegExp;
}

const BOOLEAN = /^(true|false)$/i;
const ARN = /^arn:([^:]*:){4}./;

const ARN_OPERATOR: Operator = {
  holds: (actual, expected) => actual !== undefined && expected.some((pattern) => arnPattern(pattern).test(actual)),
  value: ARN,
};

/**
 * Several values of one key: any of them, and for an operator that says no, none of them. A key that is not there fails
 * what is asked of it, and passes what is only excluded.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: { holds: (actual, expected) => actual !== undefined && expected.includes(actual) },
  StringNotEquals: { holds: (actual, expected) => actual === undefined || !expected.includes(actual) },
  // The same, as the page says.
  ArnEquals: ARN_OPERATOR,
  ArnLike: ARN_OPERATOR,
  Bool: {
    holds: (actual, expected) =>
      actual !== undefined && expected.some((value) => value.toLowerCase() === actual.toLowerCase()),
    value: BOOLEAN,
  },
  // `true`: the key is not there.
  Null: {
    holds: (actual, expected) => expected.some((value) => value.toLowerCase() === String(actual === undefined)),
    value: BOOLEAN,
  },
};

/**
 * Reads a policy document whose references are resolved.
 *
 * @param origin what the policy is called, for messages
 * @throws Error naming the policy, the statement and what in it is not understood
 */
export function readPolicy(kind: PolicyKind, origin: string, document: unknown): Statement[] {
  const { Version, Statement: statements, ...others } = object(document, `${origin} is no policy`);
  const [other] = Object.keys(others);
  if (other !== undefined) throw unknown(origin, `the element ${other}`);
  if (Version !== '2012-10-17') throw unknown(origin, `the version ${JSON.stringify(Version)}`);
  return list(statements).map((each, index) => readStatement(kind, `${origin}, statement ${index + 1}`, each));
}

function readStatement(kind: PolicyKind, origin: string, given: unknown): Statement {
  const statement = object(given, `${origin} is no statement`);
  for (const name of Object.keys(statement)) {
    if (!ELEMENTS[kind].includes(name)) throw unknown(origin, `the element ${name}`);
  }
  const missing = ELEMENTS[kind].find((name) => !OPTIONAL.includes(name) && statement[name] === undefined);
  if (missing !== undefined) throw unknown(origin, `a statement without ${missing}`);
  const { Effect, Action, Resource, Principal: principals, Condition = {} } = statement;
  if (Effect !== 'Allow' && Effect !== 'Deny') throw unknown(origin, `the effect ${JSON.stringify(Effect)}`);
  const actions = texts(Action, origin);
  const resources = kind === 'trust' ? [] : texts(Resource, origin);
  const actionPatterns = actions.map((action) => {
    if (!/^(\*|[a-z0-9-]+:[a-z*?]+)$/i.test(action)) throw unknown(origin, `the action ${action}`);
    return actionPattern(action);
  });
  const resourcePatterns = resources.map((resource) => {
    if (resource !== '*' && !ARN.test(resource)) throw unknown(origin, `the resource ${resource}`);
    return resource === '*' ? /^/ : arnPattern(resource);
  });
  const conditions = readConditions(Condition, origin);
  const ofTags = conditions.find(({ words }) => /aws:ResourceTag/i.test(words));
  // Nobody here knows the tags of a bucket or a queue.
  if (ofTags && actions.some((action) => /^(\*|s3:|sqs:)/i.test(action)))
    throw unknown(origin, `${ofTags.words}, on S3 or SQS,`);
  const parts: Part[] = [
    ...(principals === undefined ? [] : [readPrincipal(principals, origin)]),
    {
      name: 'action',
      words: `action ${actions.join(', ')}`,
      holds: ({ action }) => actionPatterns.some((pattern) => pattern.test(action)),
    },
    ...(kind === 'trust'
      ? []
      : [
          {
            name: 'resource' as const,
            words: `resource ${resources.join(', ')}`,
            holds: ({ resource }: AccessRequest) => resourcePatterns.some((pattern) => pattern.test(resource)),
          },
        ]),
    ...conditions,
  ];
  return { origin, effect: Effect, actions, resources, parts };
}

function readPrincipal(given: unknown, origin: string): Part {
  const words = `principal ${JSON.stringify(given)}`;
  if (given === '*') return { name: 'principal', words, holds: () => true };
  const [[kind = '', names] = [], ...others] = Object.entries(object(given, `${origin}: ${words} is not understood`));
  if (others.length > 0) throw unknown(origin, words);
  const expected = texts(names, origin);
  if (kind === 'Service') {
    if (!expected.every((name) => /^[a-z0-9.-]+\.amazonaws\.com$/.test(name))) throw unknown(origin, words);
    return {
      name: 'principal',
      words,
      holds: ({ principal }) => principal.kind === 'service' && expected.includes(principal.name),
    };
  }
  if (kind === 'Federated') {
    if (!expected.every((name) => /^arn:aws:iam::\d{12}:oidc-provider\/[\w./-]+$/.test(name)))
      throw unknown(origin, words);
    return {
      name: 'principal',
      words,
      holds: ({ principal }) => principal.kind === 'token' && expected.includes(principal.provider),
    };
  }
  // Of accounts, users and sessions there are none here.
  const understood = expected.every((name) => name === '*' || /^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(name));
  if (kind !== 'AWS' || !understood) throw unknown(origin, words);
  return {
    name: 'principal',
    words,
    holds: ({ principal }) => expected.includes('*') || (principal.kind === 'role' && expected.includes(principal.arn)),
  };
}

/** All of them have to hold. */
function readConditions(given: unknown, origin: string): Part[] {
  return Object.entries(object(given, `${origin}: its conditions are not understood`)).flatMap(([name, keys]) => {
    const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
    if (operator === undefined) throw unknown(origin, `the condition operator ${name}`);
    return Object.entries(object(keys, `${origin}: ${name} has no keys`)).map(([written, values]) => {
      const key = written.toLowerCase();
      if (!CONDITION_KEYS.includes(key) && !TAG_KEY.test(key) && !TOKEN_KEY.test(key)) {
        throw unknown(origin, `the condition key ${written}`);
      }
      const expected = texts(values, origin);
      const odd = expected.find((value) => operator.value?.test(value) === false);
      if (odd !== undefined) throw unknown(origin, `${name} ${written} ${odd}`);
      return {
        name: 'condition' as const,
        words: `condition ${name} ${written} ${expected.join(', ')}`,
        holds: ({ context }: AccessRequest) => operator.holds(context[key], expected),
      };
    });
  });
}

/**
 * Judges a request within one account: an explicit deny wins, then one allow suffices, wherever it stands.
 *
 * @param policies those of the principal and those of the resource
 */
export function decide(request: AccessRequest, policies: readonly Statement[]): Decision {
  const matching = policies.filter(({ parts }) => parts.every(({ holds }) => holds(request)));
  const denial = matching.find(({ effect }) => effect === 'Deny');
  if (denial) return { allowed: false, by: denial };
  if (matching.length > 0) return { allowed: true, by: matching };
  const nearest = nearestTo(request, policies);
  return { allowed: false, by: undefined, ...(nearest && { nearest }) };
}

/** Of the statements that would allow another action, or this one of somebody or something else, the one that misses least. */
function nearestTo(request: AccessRequest, policies: readonly Statement[]) {
  const [nearest] = policies
    .filter(({ effect }) => effect === 'Allow')
    .map((statement) => ({ statement, missed: statement.parts.filter(({ holds }) => !holds(request)) }))
    // One for another action on another resource is only another permission.
    .filter(({ missed }) => !['action', 'resource'].every((name) => missed.some((part) => part.name === name)))
    .map(({ statement, missed }) => ({ statement, missed, distance: distance(request, statement, missed) }))
    .sort((a, b) => a.distance - b.distance);
  return nearest && { statement: nearest.statement, misses: nearest.missed.map(({ words }) => words) };
}

const DISTANCES: Readonly<Record<Part['name'], number>> = { condition: 1, resource: 2, action: 3, principal: 5 };

function distance({ action, resource }: AccessRequest, statement: Statement, missed: readonly Part[]): number {
  const [service = ''] = action.split(':');
  const isOtherService = !statement.actions.some((pattern) => pattern === '*' || pattern.startsWith(`${service}:`));
  const weight = missed.reduce((sum, { name }) => sum + DISTANCES[name], 0) + Number(isOtherService);
  // Of two that miss as much, the one whose resource begins like this one.
  return weight - Math.max(0, ...statement.resources.map((pattern) => commonLength(pattern, resource))) / 10_000;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

/** Who that is, as AWS's messages say it. */
export function principalName(principal: Principal): string {
  if (principal.kind === 'anonymous') return 'anonymous';
  if (principal.kind === 'service') return principal.name;
  if (principal.kind === 'token') return principal.provider;
  const { arn, session } = principal;
  return `${arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/${session}`;
}

/** Whether a statement's own pattern, one of its actions or resources, is about this. */
export function covers(pattern: string, actual: string): boolean {
  if (pattern === '*') return true;
  return (pattern.startsWith('arn:') ? arnPattern(pattern) : actionPattern(pattern)).test(actual);
}

/** Policies are few, and calls are many: each pattern is compiled once. */
function compiling(compile: (pattern: string) => RegExp): (pattern: string) => RegExp {
  const compiled = new Map<string, RegExp>();
  return (pattern) => {
    const known = compiled.get(pattern) ?? compile(pattern);
    compiled.set(pattern, known);
    return known;
  };
}

/** Of an ARN: wildcards end at a colon, except in its last part, the resource. */
const arnPattern = compiling((pattern) => {
  const parts = pattern.split(':');
  const fixed = parts.slice(0, 5).map((part) => wildcards(part, '[^:]'));
  return new RegExp(`^${[...fixed, wildcards(parts.slice(5).join(':'))].join(':')}$`, 's');
});

const actionPattern = compiling((pattern) => new RegExp(`^${wildcards(pattern)}$`, 'i'));

/** `*` for any number of characters and `?` for one, as a regular expression. */
function wildcards(pattern: string, character = '.'): string {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return literal.replaceAll('*', `${character}*`).replaceAll('?', character);
}

function texts(given: unknown, origin: string): string[] {
  if (list(given).length === 0) throw unknown(origin, 'an empty list');
  return list(given).map((value) => {
    if (typeof value === 'boolean') return String(value);
    if (typeof value !== 'string') throw unknown(origin, JSON.stringify(value));
    // A variable would have to be filled in from the request.
    if (value.includes('${')) throw unknown(origin, `the policy variable in ${value}`);
    return value;
  });
}

function list(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [given];
}

function object(given: unknown, otherwise: string): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error(otherwise);
  return given as Record<string, unknown>;
}

function unknown(origin: string, what: string): Error {
  return new Error(`${origin}: ${what} is not understood by the local run; teach tools/local/iam.ts, or leave it out`);
}
