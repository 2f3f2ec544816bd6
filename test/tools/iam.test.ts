import { type AccessRequest, covers, decide, type PolicyKind, principalName, readPolicy } from '../../tools/local/iam';

/** The evaluator, against what IAM's documentation says of each element. */

const ROLE = 'arn:aws:iam::000000000000:role/worker';
const role = { kind: 'role', arn: ROLE, session: 'one' } as const;
const s3 = { kind: 'service', name: 's3.amazonaws.com' } as const;
const anonymous = { kind: 'anonymous' } as const;
const PROVIDER = 'arn:aws:iam::000000000000:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/cluster';
const token = { kind: 'token', provider: PROVIDER } as const;

const read = (kind: PolicyKind, ...statements: unknown[]) =>
  readPolicy(kind, 'P', { Version: '2012-10-17', Statement: statements });

const ALLOW = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' };
const DENY = { ...ALLOW, Effect: 'Deny' };
const request = (changes: Partial<AccessRequest> = {}): AccessRequest => ({
  principal: role,
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::b/k',
  context: {},
  ...changes,
});
const allowed = (statement: object, changes: Partial<AccessRequest> = {}, kind: PolicyKind = 'identity') =>
  decide(request(changes), read(kind, statement)).allowed;

describe('a decision', () => {
  test('is no when nothing allows it', () => {
    expect(decide(request(), [])).toEqual({ allowed: false, by: undefined });
  });

  test('is yes when one statement allows it, of the role or of the resource', () => {
    expect(allowed(ALLOW)).toBe(true);
    expect(allowed({ ...ALLOW, Principal: { AWS: ROLE } }, {}, 'resource')).toBe(true);
  });

  test('is no when one denies it, wherever the allows stand', () => {
    const denial = read('resource', { ...DENY, Principal: '*' });
    const policies = [...read('identity', ALLOW, ALLOW), ...denial];
    expect(decide(request(), policies)).toEqual({ allowed: false, by: denial[0] });
    expect(decide(request(), policies.toReversed())).toEqual({ allowed: false, by: denial[0] });
  });

  test.each([
    ['on another resource', { resource: 'arn:aws:s3:::b' }, 'resource arn:aws:s3:::b/*'],
    ['for another action', { action: 's3:PutObject' }, 'action s3:GetObject'],
  ])('names the statement that comes nearest: one %s', (_which, changes, misses) => {
    const decision = decide(request(changes), read('identity', { ...ALLOW, Action: 'sqs:SendMessage' }, ALLOW));
    expect(decision).toMatchObject({ nearest: { statement: { origin: 'P, statement 2' }, misses: [misses] } });
  });
});

describe('an action', () => {
  test.each([
    ['s3:GetObject', true],
    ['S3:getobject', true],
    ['s3:Get*', true],
    ['s3:Get?bject', true],
    ['*', true],
    ['s3:GetObjec', false],
    ['s3:GetObjectVersion', false],
    ['s3:Get?object', false],
    ['sqs:*', false],
  ])('%s is about s3:GetObject: %s', (Action, expected) => {
    expect(allowed({ ...ALLOW, Action })).toBe(expected);
    expect(allowed({ ...ALLOW, Action: ['sqs:SendMessage', Action] })).toBe(expected);
  });
});

describe('a resource', () => {
  test.each([
    ['arn:aws:s3:::b/k', 'arn:aws:s3:::b/k', true],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b/k/l', true],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b', false],
    ['arn:aws:s3:::b/in?oming/*', 'arn:aws:s3:::b/incoming/k', true],
    ['arn:aws:s3:::b/incoming/*', 'arn:aws:s3:::b/Incoming/k', false],
    ['arn:aws:s3:::b/a+b', 'arn:aws:s3:::b/aab', false],
    ['arn:aws:s3:::b/k', 'arn:aws:s3:::b/k\n', false],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b/k\nl', true],
    ['*', 'arn:aws:s3:::b/k', true],
    // A wildcard ends at a colon, but for the last part.
    ['arn:aws:s*:::b', 'arn:aws:sqs:us-east-1:000000000000:b', false],
    ['arn:aws:sqs:*:000000000000:jobs', 'arn:aws:sqs:us-east-1:000000000000:jobs', true],
    [
      'arn:aws:autoscaling:r:0:autoScalingGroup:*:autoScalingGroupName/g',
      'arn:aws:autoscaling:r:0:autoScalingGroup:u:autoScalingGroupName/g',
      true,
    ],
  ])('%s is about %j: %s', (Resource, resource, expected) => {
    expect(allowed({ ...ALLOW, Resource }, { resource })).toBe(expected);
    expect(covers(Resource, resource)).toBe(expected);
  });
});

describe('a principal', () => {
  test.each([
    ['*', role, true],
    [{ AWS: '*' }, role, true],
    [{ AWS: '*' }, s3, true],
    [{ AWS: '*' }, anonymous, true],
    [{ AWS: [ROLE] }, role, true],
    [{ AWS: ROLE }, { ...role, arn: `${ROLE}2` }, false],
    [{ AWS: ROLE }, s3, false],
    [{ Service: 's3.amazonaws.com' }, s3, true],
    [{ Service: 's3.amazonaws.com' }, role, false],
    [{ Service: ['sns.amazonaws.com'] }, s3, false],
    [{ Service: 's3.amazonaws.com' }, anonymous, false],
    [{ Federated: PROVIDER }, token, true],
    [{ Federated: PROVIDER }, { ...token, provider: `${PROVIDER}2` }, false],
    [{ Federated: PROVIDER }, role, false],
    [{ AWS: ROLE }, token, false],
  ])('%j is about %j: %s', (Principal, principal, expected) => {
    expect(allowed({ ...ALLOW, Principal }, { principal }, 'resource')).toBe(expected);
  });

  test('is named as AWS names it', () => {
    expect(principalName(role)).toBe('arn:aws:sts::000000000000:assumed-role/worker/one');
    expect(principalName(s3)).toBe('s3.amazonaws.com');
    expect(principalName(anonymous)).toBe('anonymous');
    expect(principalName(token)).toBe(PROVIDER);
  });
});

describe('a condition', () => {
  const key = 'aws:SourceAccount';
  test.each([
    ['StringEquals', '1', '1', true],
    ['StringEquals', ['2', '1'], '1', true],
    ['StringEquals', '1', '2', false],
    ['StringEquals', '1', undefined, false],
    ['StringEquals', 'a', 'A', false],
    ['StringEquals', '*', '1', false],
    ['StringNotEquals', '1', '2', true],
    ['StringNotEquals', ['1', '2'], '2', false],
    ['StringNotEquals', '1', undefined, true],
    ['ArnLike', 'arn:aws:s3:::b', 'arn:aws:s3:::b', true],
    ['ArnLike', 'arn:aws:s3:::b*', 'arn:aws:s3:::b2', true],
    ['ArnLike', 'arn:aws:s3:::b', 'arn:aws:s3:::c', false],
    ['ArnLike', 'arn:aws:*:::b', 'arn:aws:s3:::b', true],
    ['ArnLike', 'arn:aws:s*:::b', 'arn:aws:s3:a::b', false],
    ['ArnLike', 'arn:aws:s3:::b', undefined, false],
    ['ArnEquals', 'arn:aws:s3:::b', 'arn:aws:s3:::b', true],
    ['ArnEquals', 'arn:aws:s3:::b', 'arn:aws:s3:::c', false],
    ['Bool', 'false', 'false', true],
    ['Bool', false, 'false', true],
    ['Bool', 'FALSE', 'false', true],
    ['Bool', 'false', 'true', false],
    ['Bool', 'false', undefined, false],
    ['Null', 'true', undefined, true],
    ['Null', true, undefined, true],
    ['Null', 'true', '', false],
    ['Null', 'false', 'x', true],
    ['Null', 'false', undefined, false],
  ])('%s %j holds for %j: %s', (operator, expected, actual, holds) => {
    const statement = { ...ALLOW, Condition: { [operator]: { [key]: expected } } };
    expect(allowed(statement, { context: { 'aws:sourceaccount': actual } })).toBe(holds);
  });

  test('has to hold for every key of every operator', () => {
    const Condition = {
      StringEquals: { 'aws:SourceAccount': '1', 'aws:SourceArn': 'a' },
      Null: { 's3:x-amz-storage-class': 'true' },
    };
    const context = { 'aws:sourceaccount': '1', 'aws:sourcearn': 'a' };
    expect(allowed({ ...ALLOW, Condition }, { context })).toBe(true);
    expect(allowed({ ...ALLOW, Condition }, { context: { ...context, 'aws:sourcearn': 'b' } })).toBe(false);
    expect(allowed({ ...ALLOW, Condition }, { context: { ...context, 's3:x-amz-storage-class': 'x' } })).toBe(false);
  });

  test('knows the tags of a resource', () => {
    const Condition = { StringEquals: { 'aws:ResourceTag/eks:cluster-name': 'c' } };
    const statement = { ...ALLOW, Action: 'autoscaling:SetDesiredCapacity', Condition };
    const action = 'autoscaling:SetDesiredCapacity';
    expect(allowed(statement, { action, context: { 'aws:resourcetag/eks:cluster-name': 'c' } })).toBe(true);
    expect(allowed(statement, { action })).toBe(false);
  });
});

describe('what is not understood is an error that names it, and never an allow:', () => {
  test.each<[string, PolicyKind, object]>([
    ['the element NotAction', 'identity', { Effect: 'Allow', NotAction: 's3:GetObject', Resource: '*' }],
    ['the element NotResource', 'identity', { Effect: 'Allow', Action: '*', NotResource: '*' }],
    ['the element NotPrincipal', 'resource', { ...ALLOW, NotPrincipal: '*' }],
    ['the element Principal', 'identity', { ...ALLOW, Principal: '*' }],
    ['a statement without Principal', 'resource', ALLOW],
    ['a statement without Resource', 'identity', { Effect: 'Allow', Action: '*' }],
    ['the element Resource', 'trust', { ...ALLOW, Principal: '*' }],
    ['the effect "allow"', 'identity', { ...ALLOW, Effect: 'allow' }],
    ['the action GetObject', 'identity', { ...ALLOW, Action: 'GetObject' }],
    ['the action s3:Get Object', 'identity', { ...ALLOW, Action: 's3:Get Object' }],
    ['the resource my-bucket/*', 'identity', { ...ALLOW, Resource: 'my-bucket/*' }],
    ['{"Ref":"Bucket"}', 'identity', { ...ALLOW, Resource: { Ref: 'Bucket' } }],
    [
      `the policy variable in arn:aws:s3:::b/\${aws:username}/*`,
      'identity',
      { ...ALLOW, Resource: `arn:aws:s3:::b/\${aws:username}/*` },
    ],
    ['principal {"Federated":"x"}', 'resource', { ...ALLOW, Principal: { Federated: 'x' } }],
    ['principal {"AWS":"000000000000"}', 'resource', { ...ALLOW, Principal: { AWS: '000000000000' } }],
    [
      'principal {"AWS":"arn:aws:iam::000000000000:root"}',
      'resource',
      { ...ALLOW, Principal: { AWS: 'arn:aws:iam::000000000000:root' } },
    ],
    ['principal {"AWS":"*","Service":"x"}', 'resource', { ...ALLOW, Principal: { AWS: '*', Service: 'x' } }],
    [
      'the condition operator StringLike',
      'identity',
      { ...ALLOW, Condition: { StringLike: { 'aws:SourceArn': 'x' } } },
    ],
    ['the condition operator StringEqualsIfExists', 'identity', { ...ALLOW, Condition: { StringEqualsIfExists: {} } }],
    ['the condition operator constructor', 'identity', { ...ALLOW, Condition: { constructor: {} } }],
    [
      'the condition key aws:PrincipalOrgID',
      'identity',
      { ...ALLOW, Condition: { StringEquals: { 'aws:PrincipalOrgID': 'x' } } },
    ],
    [
      'the condition key aws:ResourceTag/*',
      'identity',
      { ...ALLOW, Condition: { StringEquals: { 'aws:ResourceTag/*': 'x' } } },
    ],
  ])('%s', (what, kind, statement) => {
    const name = kind === 'trust' ? 'of a trust' : 'P';
    expect(() => readPolicy(kind, name, { Version: '2012-10-17', Statement: [statement] })).toThrow(
      `${name}, statement 1: ${what} is not understood by the local run`,
    );
  });

  test.each([
    ['the version "2008-10-17"', { Version: '2008-10-17', Statement: [] }],
    ['the version undefined', { Statement: [] }],
    ['the element Foo', { Version: '2012-10-17', Statement: [], Foo: 1 }],
  ])('%s', (what, document) => {
    expect(() => readPolicy('identity', 'P', document)).toThrow(`P: ${what} is not understood`);
  });
});
