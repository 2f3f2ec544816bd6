import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { readAccess } from '../../tools/local/access';
import { readDeployment } from '../../tools/local/deployment';
import { type Endpoints, startEndpoints } from '../../tools/local/endpoints';
import { ACCOUNT, LOCAL_CREDENTIALS, Permissions, type Tally, type WireCall } from '../../tools/local/permissions';
import { clientConfig, namesAt } from '../../tools/local/ways';
import type { Template } from '../../tools/templates';
import { COMPUTES, type Compute } from '../../workload/contract';
import { templates } from '../support/templates';

/** What the deployed policies say of calls: each template's own, and templates with a mistake in them. */

const REGION = 'us-east-1';
const NAMES = namesAt('http://127.0.0.1');

let all: Record<Compute, Template>;
beforeAll(() => {
  all = templates();
});

function permissionsOf(compute: Compute, template = all[compute]): Permissions {
  const permissions = new Permissions(REGION);
  permissions.add(compute, readAccess(compute, template, NAMES));
  permissions.signIn('worker', compute);
  permissions.signInNotifier('notifier', compute);
  return permissions;
}

const s3 = (method: string, bucket: string, key = '', changes: Partial<WireCall> = {}): WireCall => ({
  caller: 'worker',
  method,
  headers: {},
  bucket,
  key,
  query: {},
  input: {},
  ...changes,
});
const sqs = (operation: string, queue: string, changes: Partial<WireCall> = {}): WireCall => ({
  caller: 'worker',
  method: 'POST',
  headers: {},
  query: {},
  operation,
  input: { QueueUrl: NAMES.queueUrl(queue) },
  ...changes,
});

/** Everything the workload, S3 and Lambda ever ask for on one way. Each is what the name says, when it is refused. */
function calls(compute: Compute): Readonly<Record<string, (permissions: Permissions, exists?: boolean) => boolean>> {
  const judged =
    (call: WireCall) =>
    (permissions: Permissions, exists = true) =>
      permissions.judge(call, () => exists) === undefined;
  const source = `${compute}-source`;
  const output = `${compute}-output`;
  const target = compute === 'lambda' ? 'CloudFunction' : 'Queue';
  const own =
    compute === 'lambda'
      ? { SendMessage: judged(sqs('SendMessage', `${compute}-failed`)) }
      : Object.fromEntries(
          ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility'].map((name) => [
            name,
            judged(sqs(name, `${compute}-jobs`)),
          ]),
        );
  return {
    GetObject: judged(s3('GET', source, 'incoming/a.jpg')),
    'GetObject of what is gone': (permissions) =>
      permissions.judge(s3('GET', source, 'incoming/a.jpg'), () => false) === undefined,
    PutObject: judged(s3('PUT', output, 'renditions/a.jpg/200.webp', { headers: { 'if-none-match': '*' } })),
    'PutObject of a rejection': judged(s3('PUT', output, 'rejected/a.jpg.json')),
    'HeadObject of a rendition': judged(s3('HEAD', output, 'renditions/a.jpg/200.webp')),
    'HeadObject of a rejection': judged(s3('HEAD', output, 'rejected/a.jpg.json')),
    'HeadObject of what is gone': (permissions) =>
      permissions.judge(s3('HEAD', output, 'renditions/a.jpg/200.webp'), () => false) === undefined,
    'PutObject over an older one': judged(
      s3('PUT', output, 'renditions/a.jpg/200.webp', { headers: { 'if-match': 'x' } }),
    ),
    'the notification': judged(s3('PUT', source, '', { caller: 'notifier', query: { notification: '' } })),
    'the delivery': (permissions) =>
      permissions.mayDeliver(target, readFunctionArn(compute) ?? NAMES.queueArn(`${compute}-jobs`), source),
    ...own,
  };
}

const readFunctionArn = (compute: Compute) => readDeployment(compute, all[compute], NAMES).function?.arn;

describe.each(COMPUTES)('on %s', (compute) => {
  test('the worker may do all that it does, and needs all that it may', () => {
    const permissions = permissionsOf(compute);
    const refused = Object.entries(calls(compute)).filter(([, isAllowed]) => !isAllowed(permissions));
    expect(refused.map(([name]) => name)).toEqual([]);
    expect(permissions.tally(compute)).toEqual({
      judged: Object.keys(calls(compute)).length,
      refused: 0,
      refusals: [],
      unused: [],
    });
  });

  test('it may do nothing else', () => {
    const permissions = permissionsOf(compute);
    const others = [
      s3('PUT', `${compute}-source`, 'incoming/a.jpg'),
      s3('DELETE', `${compute}-source`, 'incoming/a.jpg'),
      s3('GET', `${compute}-source`, 'elsewhere/a.jpg'),
      s3('PUT', `${compute}-output`, 'elsewhere/a.jpg'),
      s3('DELETE', `${compute}-output`, 'renditions/a.jpg/200.webp'),
      s3('PUT', `${compute}-output`, 'renditions/a', { headers: { 'x-amz-acl': 'public-read' } }),
      s3('PUT', `${compute}-output`, 'renditions/a', { headers: { 'x-amz-tagging': 'a=b' } }),
      s3('PUT', `${compute}-output`, 'renditions/a', { headers: { 'x-amz-copy-source': `/${compute}-output/other` } }),
      s3('PUT', `${compute}-output`, 'renditions/a', { headers: { 'x-amz-object-lock-mode': 'COMPLIANCE' } }),
      s3('POST', `${compute}-output`, '', { query: { delete: '' }, keys: ['renditions/a'] }),
      s3('PUT', `${compute}-source`, '', { query: { notification: '' } }),
      s3('DELETE', `${compute}-output`),
      s3('GET', '', '', { bucket: undefined }),
      s3('GET', 'somebody-elses', 'incoming/a.jpg'),
      sqs('SendMessage', `${compute}-jobs`),
      sqs('PurgeQueue', `${compute}-jobs`),
      sqs('ReceiveMessage', `${compute}-failed`),
      sqs('ReceiveMessage', 'somebody-elses'),
      sqs('ListQueues', '', { input: {} }),
      sqs('ReceiveMessage', '', { input: { QueueUrl: 1 } }),
    ];
    for (const call of others) {
      expect([call, permissions.judge(call, () => true)?.code]).toEqual([call, 'AccessDenied']);
    }
    expect(permissions.tally(compute).refused).toBe(others.length);
  });

  test('nobody may do what needs a permission that is not known here', () => {
    const permissions = permissionsOf(compute);
    const caller = LOCAL_CREDENTIALS.accessKeyId;
    const unknown = [
      s3('PATCH', `${compute}-output`, 'renditions/a', { caller }),
      s3('GET', `${compute}-source`, 'incoming/a', { caller, query: { versionId: '1' } }),
      s3('GET', `${compute}-source`, 'incoming/a', { caller, query: { attributes: '' } }),
      s3('PUT', `${compute}-source`, 'incoming/a', { caller, query: { acl: '' } }),
      s3('GET', `${compute}-source`, '', { caller, query: { policy: '' } }),
      s3('POST', `${compute}-source`, '', { caller }),
      s3('POST', `${compute}-source`, '', { caller, query: { delete: '' }, keys: [] }),
      s3('DELETE', '', '', { caller, bucket: undefined }),
    ];
    for (const call of unknown) {
      expect([call, permissions.judge(call, () => true)]).toEqual([
        call,
        expect.objectContaining({ status: 501, code: 'NotImplemented' }),
      ]);
    }
  });

  test('S3 delivers the events of its own bucket only', () => {
    const permissions = permissionsOf(compute);
    permissions.add('ec2', readAccess('ec2', all.ec2, NAMES, 'other'));
    const target = readFunctionArn(compute) ?? NAMES.queueArn(`${compute}-jobs`);
    expect(permissions.mayDeliver(compute === 'lambda' ? 'CloudFunction' : 'Queue', target, 'other-source')).toBe(
      false,
    );
  });

  test('the reader may do anything but what the buckets forbid', () => {
    const permissions = permissionsOf(compute);
    const put = (headers: Record<string, string>) => {
      const call = s3('PUT', `${compute}-source`, 'incoming/a', { caller: LOCAL_CREDENTIALS.accessKeyId, headers });
      return permissions.judge(call, () => true)?.message;
    };
    expect(put({})).toBeUndefined();
    expect(put({ 'x-amz-storage-class': 'STANDARD' })).toBeUndefined();
    expect(put({ 'x-amz-storage-class': 'GLACIER' })).toBe(
      `User: arn:aws:sts::${ACCOUNT}:assumed-role/Administrator/you is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::${compute}-source/incoming/a" with an explicit deny in a resource-based policy`,
    );
    expect(put({ 'x-amz-server-side-encryption': 'aws:kms' })).toContain('explicit deny');
    expect(put({ 'x-amz-server-side-encryption-customer-algorithm': 'AES256' })).toContain('explicit deny');
    expect(permissions.tally(compute)).toMatchObject({ judged: 0, refused: 0 });
  });

  test('nobody else may do anything', () => {
    const permissions = permissionsOf(compute);
    const get = (caller: string) =>
      permissions.judge(s3('GET', `${compute}-source`, 'incoming/a', { caller }), () => true);
    expect(get('')).toMatchObject({ code: 'AccessDenied', message: expect.stringContaining('User: anonymous') });
    expect(get('somebody')).toMatchObject({ code: 'InvalidAccessKeyId' });
    expect(permissions.judge(sqs('ReceiveMessage', `${compute}-jobs`, { caller: 'x' }), () => true)).toMatchObject({
      code: 'InvalidAccessKeyId',
    });
  });
});

/** Every policy statement of a template that is about something, to be changed. */
// biome-ignore lint/suspicious/noExplicitAny: CloudFormation.
type Json = any;
function mistaken(compute: Compute, type: string, change: (statement: Json, properties: Json) => void): Template {
  const template = structuredClone(all[compute]);
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== type) continue;
    const document = Properties.PolicyDocument ?? Properties.AssumeRolePolicyDocument;
    for (const statement of document?.Statement ?? [{}]) change(statement, Properties);
  }
  return template;
}

const ROLE = 'AWS::IAM::Policy';
const BUCKET = 'AWS::S3::BucketPolicy';
const QUEUE = 'AWS::SQS::QueuePolicy';

/** Takes an action out of the statements that have it. */
const without = (action: string) => (statement: Json) => {
  const actions = [statement.Action].flat().filter((each: string) => each !== action);
  statement.Action = actions.length > 0 ? actions : ['s3:GetBucketLocation'];
};
const reads = (statement: Json, action: string) => [statement.Action].flat().includes(action);

/** What is wrong, in which policies, and what is refused for it, with the end of the reason. */
const MISTAKES: readonly (readonly [
  what: string,
  type: string,
  change: (statement: Json, properties: Json) => void,
  refused: readonly string[],
  reason: RegExp,
])[] = [
  [
    'no s3:ListBucket',
    ROLE,
    without('s3:ListBucket'),
    ['GetObject of what is gone', 'HeadObject of what is gone'],
    /s3:ListBucket on resource: "arn:aws:s3:::ec2-source" because no identity-based policy allows the s3:ListBucket action: nearest is RoleDefaultPolicy\w+, statement \d, which is about action s3:GetBucketLocation$/,
  ],
  [
    'a prefix that is wrong by a letter',
    ROLE,
    (statement) => {
      if (reads(statement, 's3:GetObject')) {
        statement.Resource = JSON.parse(JSON.stringify(statement.Resource).replace('/incoming/*', '/incomming/*'));
      }
    },
    ['GetObject', 'GetObject of what is gone'],
    /s3:GetObject on resource: "arn:aws:s3:::ec2-source\/incoming\/a.jpg" because .*nearest is RoleDefaultPolicy\w+, statement \d, which is about resource .*incomming/,
  ],
  [
    'rights on the wrong bucket',
    ROLE,
    (statement) => {
      if (reads(statement, 's3:PutObject')) {
        statement.Resource = JSON.parse(
          JSON.stringify(statement.Resource).replaceAll('ImagesOutput03B43628', 'ImagesSource3216CA9E'),
        );
      }
    },
    [
      'PutObject',
      'PutObject of a rejection',
      'HeadObject of a rendition',
      'HeadObject of a rejection',
      'HeadObject of what is gone',
      'PutObject over an older one',
    ],
    /"arn:aws:s3:::ec2-output\/renditions\/a.jpg\/200.webp" because .*which is about resource arn:aws:s3:::ec2-source\/rejected\/\*/,
  ],
  [
    'no s3:GetObject of the results',
    ROLE,
    (statement) => {
      if (reads(statement, 's3:PutObject')) statement.Action = 's3:PutObject';
    },
    [
      'HeadObject of a rendition',
      'HeadObject of a rejection',
      'HeadObject of what is gone',
      'PutObject over an older one',
    ],
    /s3:GetObject on resource: "arn:aws:s3:::ec2-output\/renditions\/a.jpg\/200.webp" because no identity-based/,
  ],
  [
    'a missing ChangeMessageVisibility',
    ROLE,
    without('sqs:ChangeMessageVisibility'),
    ['ChangeMessageVisibility'],
    /sqs:changemessagevisibility on resource: arn:aws:sqs:us-east-1:000000000000:ec2-jobs because no identity-based policy allows the sqs:changemessagevisibility action: nearest is RoleDefaultPolicy\w+, statement \d, which is about action sqs:DeleteMessage, sqs:ReceiveMessage$/,
  ],
  ['a missing DeleteMessage', ROLE, without('sqs:DeleteMessage'), ['DeleteMessage'], /sqs:deletemessage on resource/],
  [
    'a deny in the role',
    ROLE,
    (statement) => {
      if (reads(statement, 'sqs:ReceiveMessage')) statement.Effect = 'Deny';
    },
    ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility'],
    /with an explicit deny in an identity-based policy: RoleDefaultPolicy\w+, statement \d, action sqs:ChangeMessageVisibility/,
  ],
  [
    'a deny of the bucket that is meant for some only',
    BUCKET,
    (statement) => {
      if (reads(statement, 's3:PutObject')) delete statement.Condition;
    },
    [],
    /^$/,
  ],
  [
    'a deny of the bucket for everything, encrypted or not',
    BUCKET,
    (statement) => {
      if (reads(statement, 's3:*')) statement.Condition.Bool['aws:SecureTransport'] = 'true';
    },
    [
      'GetObject',
      'GetObject of what is gone',
      'PutObject',
      'PutObject of a rejection',
      'HeadObject of a rendition',
      'HeadObject of a rejection',
      'HeadObject of what is gone',
      'PutObject over an older one',
      'the notification',
    ],
    /with an explicit deny in a resource-based policy: ImagesSourcePolicy\w+, statement 1, principal .* condition Bool aws:SecureTransport true$/,
  ],
  [
    'another account in the queue policy',
    QUEUE,
    (statement) => {
      if (statement.Condition?.StringEquals) statement.Condition.StringEquals['aws:SourceAccount'] = '111111111111';
    },
    ['the delivery'],
    /User: s3.amazonaws.com is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:000000000000:ec2-jobs because no resource-based policy .* nearest is JobsQueuePolicy\w+, statement 2, which is about condition StringEquals aws:SourceAccount 111111111111$/,
  ],
  [
    'another bucket in the queue policy',
    QUEUE,
    (statement) => {
      if (statement.Condition?.ArnLike) statement.Condition.ArnLike['aws:SourceArn'] = 'arn:aws:s3:::ec2-output';
    },
    ['the delivery'],
    /which is about condition ArnLike aws:SourceArn arn:aws:s3:::ec2-output$/,
  ],
  [
    'another service in the queue policy',
    QUEUE,
    (statement) => {
      if (statement.Effect === 'Allow') statement.Principal = { Service: 'sns.amazonaws.com' };
    },
    ['the delivery'],
    /which is about principal {"Service":"sns.amazonaws.com"}$/,
  ],
  [
    'the handler of notifications may not put them',
    ROLE,
    without('s3:PutBucketNotification'),
    ['the notification'],
    /s3:PutBucketNotification on resource: "arn:aws:s3:::ec2-source" because no identity-based/,
  ],
];

describe('a template with', () => {
  test.each(MISTAKES)('%s is noticed', (_what, type, change, expected, reason) => {
    const permissions = permissionsOf('ec2', mistaken('ec2', type, change));
    const refused = Object.entries(calls('ec2')).filter(([, isAllowed]) => !isAllowed(permissions));
    expect(refused.map(([name]) => name)).toEqual(expected);
    const { refusals }: Tally = permissions.tally('ec2');
    expect(refusals[0]?.explanation ?? '').toMatch(reason);
    expect(refusals.every(({ explanation }) => explanation.startsWith('User: '))).toBe(true);
  });

  test('no permission for S3 to invoke the function is noticed', () => {
    const template = structuredClone(all.lambda);
    for (const { Type, Properties } of Object.values(template.Resources)) {
      if (Type === 'AWS::Lambda::Permission') Properties.SourceAccount = '111111111111';
    }
    expect(calls('lambda')['the delivery']?.(permissionsOf('lambda', template))).toBe(false);
  });

  test.each([
    ['ec2', 'ec2.amazonaws.com'],
    ['lambda', 'lambda.amazonaws.com'],
    ['ecs-fargate', 'ecs-tasks.amazonaws.com'],
    ['eks-ec2', 'pods.eks.amazonaws.com'],
  ] as const)('a role on %s that its platform may not take on is noticed', (compute, service) => {
    const template = structuredClone(all[compute]);
    for (const { Type, Properties } of Object.values(template.Resources)) {
      if (Type !== 'AWS::IAM::Role') continue;
      for (const statement of Properties.AssumeRolePolicyDocument.Statement)
        statement.Principal.Service = 'x.amazonaws.com';
    }
    expect(() => permissionsOf(compute, template)).toThrow(
      `${compute}: User: ${service} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::${ACCOUNT}:role/${compute}-`,
    );
  });

  test.each<[string, (text: string) => string, RegExp]>([
    ['another account’s', (text) => text.replaceAll('account:resizer:resizer', 'account:keda:keda-operator'), /:sub/],
    ['for somebody else', (text) => text.replaceAll(':aud\\":\\"sts.amazonaws.com', ':aud\\":\\"other'), /:aud/],
    ['for other things', (text) => text.replaceAll('AssumeRoleWithWebIdentity', 'AssumeRoleWithSAML'), /action/],
  ])('a role on EKS on Fargate that is for tokens that are %s is noticed', (_which, change, misses) => {
    const template = JSON.parse(change(JSON.stringify(all['eks-fargate'])));
    expect(template).not.toEqual(all['eks-fargate']);
    const address = 'oidc.eks.us-east-1.amazonaws.com/id/eks-fargate-clustereb0386a7';
    const asked = `User: arn:aws:iam::${ACCOUNT}:oidc-provider/${address} is not authorized to perform: sts:AssumeRoleWithWebIdentity on resource: arn:aws:iam::${ACCOUNT}:role/eks-fargate-`;
    expect(() => permissionsOf('eks-fargate', template)).toThrow(`eks-fargate: ${asked}`);
    expect(() => permissionsOf('eks-fargate', template)).toThrow(misses);
  });

  test.each<[string, (resources: Record<string, Json>) => void, RegExp]>([
    [
      'a provider of another cluster',
      (resources) => {
        for (const { Type, Properties } of Object.values(resources)) {
          if (Type === 'AWS::IAM::OIDCProvider') Properties.Url = 'https://oidc.eks.us-east-1.amazonaws.com/id/other';
        }
      },
      /no provider of the template vouches for the tokens of Cluster\w+, for sts\.amazonaws\.com$/,
    ],
    [
      'a service account that is not annotated',
      (resources) => {
        for (const { Type, Properties } of Object.values(resources)) {
          if (Type !== 'Custom::AWSCDK-EKS-KubernetesResource') continue;
          Properties.Manifest = JSON.parse(JSON.stringify(Properties.Manifest).replace('/role-arn', '/role'));
        }
      },
      /neither a Pod Identity association nor an annotation gives the service account resizer a role$/,
    ],
  ])('%s is noticed', (_what, change, says) => {
    const template = structuredClone(all['eks-fargate']) as { Resources: Record<string, Json> };
    change(template.Resources);
    expect(() => permissionsOf('eks-fargate', template)).toThrow(says);
  });

  test('no policy at all is judged like one that allows nothing', () => {
    const template = structuredClone(all.ec2) as { Resources: Record<string, Json> };
    for (const [id, { Type }] of Object.entries(template.Resources)) {
      if (Type === BUCKET || Type === QUEUE) delete template.Resources[id];
    }
    const permissions = permissionsOf('ec2', template);
    expect(calls('ec2')['the delivery']?.(permissions)).toBe(false);
    expect(permissions.judge(s3('GET', 'ec2-source', 'incoming/a', { caller: '' }), () => true)?.code).toBe(
      'AccessDenied',
    );
  });

  test.each<[string, (resources: Record<string, Json>) => void]>([
    [
      'a permissions boundary',
      (resources) => {
        for (const { Type, Properties } of Object.values(resources)) {
          if (Type === 'AWS::IAM::Role') Properties.PermissionsBoundary = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
        }
      },
    ],
    [
      'a managed policy',
      (resources) => {
        resources.Extra = { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument: {}, Roles: [] } };
      },
    ],
    [
      'an access point',
      (resources) => {
        resources.Extra = { Type: 'AWS::S3::AccessPoint', Properties: {} };
      },
    ],
    [
      'a policy of the role beside the others',
      (resources) => {
        resources.Extra = { Type: 'AWS::IAM::RolePolicy', Properties: {} };
      },
    ],
    [
      'a policy that is made in some cases only',
      (resources) => {
        for (const resource of Object.values(resources)) if (resource.Type === ROLE) resource.Condition = 'Never';
      },
    ],
    [
      'a key of KMS for the queue',
      (resources) => {
        for (const { Type, Properties } of Object.values(resources)) {
          if (Type === 'AWS::SQS::Queue') Properties.KmsMasterKeyId = 'alias/aws/sqs';
        }
      },
    ],
    [
      'a policy on the way to S3',
      (resources) => {
        for (const { Type, Properties } of Object.values(resources)) {
          if (Type === 'AWS::EC2::VPCEndpoint') Properties.PolicyDocument = {};
        }
      },
    ],
  ])('%s, which nobody here would judge, is an error at once', (_what, change) => {
    const template = structuredClone(all.ec2) as { Resources: Record<string, Json> };
    change(template.Resources);
    expect(() => permissionsOf('ec2', template)).toThrow(/^ec2: \w+: .* is not understood by the local run/);
  });

  test('a policy of AWS that is not known, on the role of the worker, is an error at once', () => {
    const template = structuredClone(all.ec2);
    for (const { Type, Properties } of Object.values(template.Resources)) {
      if (Type === 'AWS::IAM::Role') Properties.ManagedPolicyArns = ['arn:aws:iam::aws:policy/ReadOnlyAccess'];
    }
    expect(() => permissionsOf('ec2', template)).toThrow(/^ec2: the role Role\w+ has the policy ReadOnlyAccess: teach/);
  });

  test.each([
    [
      'allows everybody something',
      (statement: Json) => {
        if (reads(statement, 's3:PutObject')) Object.assign(statement, { Effect: 'Allow', Principal: '*' });
      },
    ],
    [
      'is about arn:aws:s3:::elsewhere/*, and the policy is that of arn:aws:s3:::ec2-source',
      (statement: Json) => {
        if (reads(statement, 's3:PutObject')) statement.Resource = 'arn:aws:s3:::elsewhere/*';
      },
    ],
  ])('a policy of the bucket that S3 would not take is an error at once: it %s', (what, change) => {
    expect(() => permissionsOf('ec2', mistaken('ec2', BUCKET, change))).toThrow(what);
  });

  test('no right for Lambda to send failures is an error at once, as it is for Lambda', () => {
    const permissions = permissionsOf('lambda', mistaken('lambda', ROLE, without('sqs:SendMessage')));
    expect(() => permissions.checkDestination('lambda', NAMES.queueArn('lambda-failed'))).toThrow(
      /^lambda would not deploy: User: .* is not authorized to perform: sqs:sendmessage on resource: .*lambda-failed/,
    );
  });

  test('rights in wildcards are counted among those that nobody needs', () => {
    const template = mistaken('ec2', ROLE, (statement) => {
      if (reads(statement, 's3:ListBucket')) {
        statement.Action = ['S3:PutBucketAcl', 's3:ListBucket'];
        statement.Resource = 'arn:aws:s3:::ec2-*';
      }
    });
    expect(permissionsOf('ec2', template).tally('ec2').unused).toContain('S3:PutBucketAcl on ec2-*');
  });

  test('a policy in words that are not known is an error at once', () => {
    const template = mistaken('ec2', ROLE, (statement) => {
      statement.Condition = { DateGreaterThan: { 'aws:CurrentTime': '2030-01-01' } };
    });
    expect(() => permissionsOf('ec2', template)).toThrow(
      /^ec2: \w+, statement 1: the condition operator DateGreaterThan is not understood by the local run/,
    );
  });
});

test('a call over plain HTTP is refused by every bucket and queue', () => {
  const insecure: Readonly<Record<string, WireCall>> = {
    's3:GetObject': s3('GET', 'ec2-source', 'incoming/a.jpg', { secure: false }),
    's3:PutObject': s3('PUT', 'ec2-output', 'renditions/a', { secure: false }),
    'sqs:receivemessage': sqs('ReceiveMessage', 'ec2-jobs', { secure: false }),
    'sqs:sendmessage': sqs('SendMessage', 'ec2-failed', { secure: false, caller: LOCAL_CREDENTIALS.accessKeyId }),
  };
  for (const [action, call] of Object.entries(insecure)) {
    const refusal = permissionsOf('ec2').judge(call, () => true);
    expect(refusal?.explanation).toMatch(
      new RegExp(
        `perform: ${action} on .* explicit deny in a resource-based policy: .*Bool aws:SecureTransport false$`,
      ),
    );
  }
});

describe('on the wire', () => {
  let endpoints: Endpoints;
  beforeAll(async () => {
    endpoints = await startEndpoints();
    endpoints.createBucket('ec2-source');
    endpoints.createQueue('ec2-jobs', { visibilityTimeoutSeconds: 30 });
    endpoints.permissions.add('ec2', readAccess('ec2', all.ec2, namesAt(endpoints.url)));
    endpoints.permissions.signIn('worker', 'ec2');
  });
  afterAll(() => endpoints.close());

  const DENIED = { $metadata: expect.objectContaining({ httpStatusCode: 403, attempts: 1 }) };
  const refused = (client: { send(command: unknown): Promise<unknown> }, command: unknown) =>
    client.send(command).then(
      () => 'allowed',
      (error: unknown) => error,
    );

  test('S3 refuses as S3 does', async () => {
    const s3 = new S3Client(clientConfig(endpoints, 'worker'));
    const object = { Bucket: 'ec2-source', Key: 'elsewhere/a&b "<' };
    expect(await refused(s3, new GetObjectCommand(object))).toMatchObject({
      ...DENIED,
      name: 'AccessDenied',
      message: `User: arn:aws:sts::${ACCOUNT}:assumed-role/ec2-Role1ABCC5F0/worker is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::ec2-source/elsewhere/a&b "<" because no identity-based policy allows the s3:GetObject action`,
    });
    // An answer to HEAD has no body, and so no message.
    expect(await refused(s3, new HeadObjectCommand(object))).toMatchObject(DENIED);
    expect(await refused(new S3Client(clientConfig(endpoints, 'nobody')), new GetObjectCommand(object))).toMatchObject({
      ...DENIED,
      name: 'InvalidAccessKeyId',
    });
    const missing = { Bucket: 'ec2-source', Key: 'incoming/missing' };
    expect(await refused(s3, new GetObjectCommand(missing))).toMatchObject({ name: 'NoSuchKey' });
  });

  test('no header makes a call to S3 one to SQS, and a presigned URL is signed', async () => {
    const status = async (url: string, headers = {}) => (await fetch(`${endpoints.url}/${url}`, { headers })).status;
    expect(await status('ec2-source/incoming/missing', { 'x-amz-target': 'AmazonSQS.ListQueues' })).toBe(403);
    expect(await status('ec2-source/incoming/missing')).toBe(403);
    expect(await status('ec2-source/incoming/missing?X-Amz-Credential=worker%2F20260101%2Fx')).toBe(404);
  });

  test('SQS refuses as SQS does', async () => {
    const sqs = new SQSClient(clientConfig(endpoints, 'worker'));
    const QueueUrl = endpoints.queueUrl('ec2-jobs');
    const Entries = [{ Id: '1', MessageBody: 'x' }];
    expect(await refused(sqs, new SendMessageBatchCommand({ QueueUrl, Entries }))).toMatchObject({
      ...DENIED,
      name: 'AccessDenied',
      message: `User: arn:aws:sts::${ACCOUNT}:assumed-role/ec2-Role1ABCC5F0/worker is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:${ACCOUNT}:ec2-jobs because no identity-based policy allows the sqs:sendmessage action`,
    });
    const nobody = new SQSClient(clientConfig(endpoints, 'nobody'));
    expect(await refused(nobody, new SendMessageBatchCommand({ QueueUrl, Entries }))).toMatchObject({
      ...DENIED,
      name: 'InvalidClientTokenId',
    });
    expect(endpoints.messages('ec2-jobs')).toEqual([]);
  });
});

test('a call is judged in less than 100 µs of CPU', () => {
  const permissions = permissionsOf('ec2');
  const judged = Object.values(calls('ec2'));
  const before = process.cpuUsage();
  for (let index = 0; index < 10_000; index += 1) judged[index % judged.length]?.(permissions);
  const { user, system } = process.cpuUsage(before);
  expect(permissions.tally('ec2')).toMatchObject({ judged: 10_000, refused: 0 });
  expect((user + system) / 10_000).toBeLessThan(100);
});

test('nothing is judged before a way is there', () => {
  expect(new Permissions(REGION).judge(s3('GET', 'any', 'thing', { caller: 'anybody' }), () => true)).toBeUndefined();
});
