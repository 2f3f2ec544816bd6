import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { WAYS as LIST } from '../../lib/ways';
import { hostOf, isAws, openAccount } from '../../tools/aws';
import { tables } from '../../tools/compare/data/tables';
import { findPrice, usdAt } from '../../tools/compare/model/cost';
import type { Price } from '../../tools/compare/model/types';
import { type Leftovers, leftoversOf } from '../../tools/leftovers/leftovers';
import * as names from '../../tools/leftovers/names';
import { broken, report, size } from '../../tools/leftovers/report';
import { KINDS } from '../../tools/leftovers/resources';
import { type Answer, type Asked, type StandIn, startStandIn } from '../support/aws-stand-in';
import { checkout } from '../support/command-line';
import { SETTINGS, synth, WAYS } from '../support/synth';

const ROOT = path.resolve(__dirname, '../..');
/** Processes are started here, several at a time, on a machine that may have more to do. */
jest.setTimeout(120_000);

/** Nothing here was recorded from AWS: see `test/support/aws-stand-in.ts`. */
let aws: StandIn;
let answers: Record<string, (input: Asked['input']) => Answer | undefined>;
/** Stacks that are there, by name, with their status. */
let stacks: Record<string, string>;
/** Stacks that were deleted, by name: what CloudFormation remembers of their resources. */
let deleted: Record<string, Remembered[]>;

interface Remembered {
  readonly type: string;
  readonly id: string;
  readonly status?: string;
  readonly why?: string;
}

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';
const idOf = (stack: string) => `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/1`;

beforeEach(async () => {
  stacks = { CDKToolkit: 'UPDATE_COMPLETE' };
  deleted = {};
  answers = {
    'cloudformation:DescribeStacks': ({ StackName: name }) => {
      const status = stacks[String(name)];
      if (!status) return { error: 'ValidationError', message: `Stack with id ${name} does not exist` };
      const outputs = { BucketName: `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`, ImageRepositoryName: 'cdk-images' };
      const Outputs = Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }));
      return { Stacks: [{ StackName: name, StackStatus: status, Outputs: name === 'CDKToolkit' ? Outputs : [] }] };
    },
    'cloudformation:ListStacks': () => ({
      StackSummaries: Object.keys(deleted)
        .filter((name) => !(name in stacks))
        .map((StackName) => ({
          StackName,
          StackId: idOf(StackName),
          StackStatus: 'DELETE_COMPLETE',
          DeletionTime: '2026-11-28T19:05:00.000Z',
        })),
    }),
    'cloudformation:ListStackResources': ({ StackName: name }) => {
      const resources = Object.entries(deleted).find(([each]) => name === each || name === idOf(each))?.[1] ?? [];
      return {
        StackResourceSummaries: resources.map(({ type, id, status = 'DELETE_COMPLETE', why }) => ({
          ResourceType: type,
          PhysicalResourceId: id,
          LogicalResourceId: 'It',
          ResourceStatus: status,
          ...(why && { ResourceStatusReason: why }),
        })),
      };
    },
    'eks:DescribeCluster': () => ({ error: 'ResourceNotFoundException', status: 404 }),
    'ecr:DescribeImages': () => ({ imageDetails: [{ imageSizeInBytes: 100 * 1024 ** 2 }] }),
    's3:ListBucket': ({ bucket }) => ({
      Contents: String(bucket).startsWith('cdk-') ? [{ Key: 'a.zip', Size: 20 * 1024 ** 2 }] : [],
      IsTruncated: false,
    }),
  };
  aws = await startStandIn(({ action, input }) => answers[action]?.(input));
});

afterEach(() => aws.close());

/** The same, in this process. */
async function look(stack: string): Promise<Leftovers> {
  const { cloudFormation, region, settings } = await openAccount(REGION);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const local = { ...settings, endpoint: aws.url, credentials, maxAttempts: 1 };
  cloudFormation.destroy();
  const { CloudFormationClient } = jest.requireActual('@aws-sdk/client-cloudformation');
  return leftoversOf({ region, settings: local, cloudFormation: new CloudFormationClient(local) }, stack);
}

const found = ({ found: all }: Leftovers) => all.map(({ what, id }) => `${what}: ${id}`);

/** What EC2 says of tags. */
const tag = (key: string, value: string, resourceType: string, resourceId: string) => ({
  key,
  value,
  resourceType,
  resourceId,
});
const ofStack = (stack: string, type: string, id: string) => tag('aws:cloudformation:stack-name', stack, type, id);

describe('what is looked for', () => {
  const settings = [
    {},
    SETTINGS.production,
    SETTINGS.spot,
    { alarmEmail: 'a@example.com', clusterAdmin: 'arn:aws:iam::123456789012:role/admin' },
  ];
  const all = WAYS.flatMap((way) => settings.map((each) => ({ way, template: synth(way, each).template })));
  const resources = all.flatMap(({ way, template }) =>
    Object.entries(template.Resources).map(([id, resource]) => ({ way, id, ...resource })),
  );

  test('is what every type of resource in the templates can leave', () => {
    expect([...new Set(resources.map(({ Type }) => Type))].filter((type) => !(type in KINDS))).toEqual([]);
  });

  test('is all that there is: the templates keep nothing on purpose', () => {
    const kept = resources.filter((each) =>
      [each.DeletionPolicy, each.UpdateReplacePolicy].some((policy) => policy?.startsWith('Retain')),
    );
    expect(kept.map(({ id }) => id)).toEqual([]);
  });

  /** As CloudFormation calls what has no name. */
  const physical = (stack: string, type: string, id: string) => {
    const name = `${stack}-${id}-1A2B3C4D5E6F`;
    if (type === 'AWS::S3::Bucket') return name.toLowerCase();
    // Of functions it cuts the logical id.
    return type === 'AWS::Lambda::Function' ? `${stack}-${id.slice(0, 63 - stack.length - 14)}-1A2B3C4D5E6F` : name;
  };
  const named = resources.filter(({ Type }) => Type in names.LOGICAL_IDS);

  test.each(WAYS)('is known by the names that CloudFormation gives, and not those of a sibling: %s', (way) => {
    for (const { Type, id, Properties, way: own } of named) {
      if (own !== way) continue;
      const type = Type as keyof typeof names.LOGICAL_IDS;
      const stack = LIST[way].stack;
      if (Properties?.LogGroupName) {
        expect(names.isLogGroupOf(stack, Properties.LogGroupName, new Set())).toBe(true);
        continue;
      }
      for (const [given, asked, expected] of [
        [stack, stack, true],
        [`${stack}-blue`, `${stack}-blue`, true],
        [`${stack}-blue`, stack, false],
        [`${stack}-${names.LOGICAL_IDS[type][0]}`, stack, false],
        [stack, `${stack}-blue`, false],
      ] as const) {
        expect([physical(given, type, id), asked, names.isNamedBy(asked, type, physical(given, type, id))]).toEqual([
          physical(given, type, id),
          asked,
          expected,
        ]);
      }
    }
  });

  test('finds log groups by prefixes of their names', () => {
    const stack = 'ResizeOnEksEc2';
    const groups = {
      [`${stack}-Logs6819BB44-abc`]: true,
      [`/aws/lambda/${stack}-ClusterKubectlProviderHandl-abc`]: true,
      [`/aws/eks/${stack}/cluster`]: true,
      [`/aws/containerinsights/${stack}/performance`]: true,
      [`/aws/ecs/containerinsights/${stack}-ClusterEB0386A7-abc/performance`]: true,
      [`${stack}-fluent-bit-logs`]: true,
      '/aws/lambda/ResizeOnEksEc2-blue-ClusterKubectlProviderHandl-abc': false,
      '/aws/eks/ResizeOnEksEc2-blue/cluster': false,
      '/aws/eks/ResizeOnEksEc2X/cluster': false,
      'ResizeOnEksEc2-blue-Logs6819BB44-abc': false,
      '/aws/lambda/Other': false,
    };
    const prefixes = names.logGroupPrefixes(stack);
    const isFound = (name: string) =>
      prefixes.some((prefix) => name.startsWith(prefix)) && names.isLogGroupOf(stack, name, new Set());
    expect(Object.fromEntries(Object.keys(groups).map((name) => [name, isFound(name)]))).toEqual(groups);
  });

  test('knows instances and disks by the names in launch templates and groups, whose tags they have', () => {
    for (const { way, template } of all) {
      const known = names.ec2Tags(LIST[way].stack).flatMap(([key, value]) => (key === 'Name' ? [value] : []));
      const given = Object.values(template.Resources).flatMap(({ Type, Properties }) =>
        Type === 'AWS::EC2::LaunchTemplate'
          ? Properties.LaunchTemplateData.TagSpecifications.flatMap(({ Tags }: { Tags: object[] }) => Tags)
          : Type === 'AWS::AutoScaling::AutoScalingGroup'
            ? (Properties.Tags ?? [])
            : [],
      );
      const values = given.flatMap(({ Key, Value }: { Key: string; Value: string }) => (Key === 'Name' ? [Value] : []));
      expect(values.filter((value: string) => !known.includes(value))).toEqual([]);
    }
  });

  test('knows clusters by the name of their stack, and task definitions by their family', () => {
    for (const { way, template } of all) {
      for (const { Type, Properties } of Object.values(template.Resources)) {
        const { stack } = LIST[way];
        if (Type === 'AWS::EKS::Cluster') expect(Properties.Name).toBe(stack);
        if (Type !== 'AWS::ECS::TaskDefinition') continue;
        expect(Properties.Family.startsWith(names.taskFamilyPrefix(stack))).toBe(true);
        expect(names.isTaskFamilyOf(stack, Properties.Family)).toBe(true);
        expect(names.isTaskFamilyOf(`${stack}-blue`, Properties.Family)).toBe(false);
      }
    }
  });

  test.each(WAYS)('is asked for by every lookup that a resource of %s needs', async (way) => {
    const wanted = new Set(
      resources.flatMap(({ way: own, Type }) =>
        own === way ? [KINDS[Type]?.seenBy, ...(KINDS[Type]?.leaves ?? [])] : [],
      ),
    );
    await look(LIST[way].stack);
    const service = { tags: 'tag', bootstrap: 'ecr' } as Record<string, string>;
    const asked = new Set(aws.asked.map(({ action }) => action.split(':')[0]));
    expect(
      [...wanted].flatMap((each) => (each ? [service[each] ?? each] : [])).filter((each) => !asked.has(each)),
    ).toEqual([]);
    expect(aws.asked.some(({ action }) => action === 'tag:GetResources')).toBe(true);
  });
});

describe('what is left', () => {
  test('is nothing where AWS has nothing', async () => {
    deleted.ResizeOnEc2 = [{ type: 'AWS::SQS::Queue', id: 'https://sqs/ResizeOnEc2-JobsQueue24944186-a' }];
    expect(await look('ResizeOnEc2')).toEqual({
      stack: 'ResizeOnEc2',
      region: REGION,
      date: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/),
      deletionFailed: false,
      destroyed: '2026-11-28T19:05:00.000Z',
      found: [],
      shared: [expect.objectContaining({ bytes: 20 * 1024 ** 2 }), expect.objectContaining({ bytes: 100 * 1024 ** 2 })],
      notLookedAt: [],
    });
  });

  test('is a log group with its lines, and none of a sibling', async () => {
    const groups = [
      { logGroupName: '/aws/lambda/ResizeOnLambda-Worker11F36D0F-a', storedBytes: 3 * 1024 ** 2 },
      { logGroupName: '/aws/lambda/ResizeOnLambda-blue-Worker11F36D0F-a', storedBytes: 1 },
      { logGroupName: '/aws/lambda/ResizeOnLambda-CustomS3AutoDele-a', storedBytes: 0, retentionInDays: 7 },
    ];
    answers['logs:DescribeLogGroups'] = ({ logGroupNamePrefix: prefix }) => ({
      logGroups: groups.filter(({ logGroupName }) => logGroupName.startsWith(String(prefix))),
    });
    const { found: left } = await look('ResizeOnLambda');
    expect(left).toEqual([
      {
        what: 'log group',
        id: '/aws/lambda/ResizeOnLambda-Worker11F36D0F-a',
        usdPerMonth: null,
        bytes: 3 * 1024 ** 2,
        why: 'keeps lines for ever',
        remove: [
          'aws logs delete-log-group --region us-east-1 --log-group-name /aws/lambda/ResizeOnLambda-Worker11F36D0F-a',
        ],
      },
      expect.objectContaining({ usdPerMonth: 0, bytes: 0, why: 'keeps lines for 7 days' }),
    ]);
  });

  test('is known by what CloudFormation remembers where a name was cut', async () => {
    const stack = `ResizeOnLambda-${'long-'.repeat(12)}name`;
    deleted[stack] = [
      { type: 'AWS::Lambda::Function', id: 'ResizeOnLambda-long-long-l-Worker11F-a' },
      { type: 'AWS::S3::Bucket', id: 'resizeonlambda-long-long-imagessource-a' },
    ];
    answers['logs:DescribeLogGroups'] = ({ logGroupNamePrefix: prefix }) => ({
      logGroups: ['l-Worker11F-a', 'x-Worker11F-b']
        .map((end) => ({ logGroupName: `/aws/lambda/ResizeOnLambda-long-long-${end}`, storedBytes: 0 }))
        .filter(({ logGroupName }) => logGroupName.startsWith(String(prefix))),
    });
    answers['s3:ListAllMyBuckets'] = ({ prefix }) => ({
      Buckets: {
        Bucket: ['resizeonlambda-long-long-imagessource-a', 'resizeonlambda-long-long-imagessource-b']
          .filter((Name) => Name.startsWith(String(prefix)))
          .map((Name) => ({ Name })),
      },
    });
    expect(found(await look(stack))).toEqual([
      'log group: /aws/lambda/ResizeOnLambda-long-long-l-Worker11F-a',
      'bucket, 0 objects: resizeonlambda-long-long-imagessource-a',
    ]);
  });

  test('is a bucket by the size of what is in it, page after page', async () => {
    answers['s3:ListAllMyBuckets'] = () => ({ Buckets: { Bucket: [{ Name: 'resizeonec2-imagesoutput03b43628-a' }] } });
    answers['s3:ListBucket'] = ({ bucket, 'continuation-token': token }) =>
      String(bucket).startsWith('cdk-')
        ? { IsTruncated: false }
        : {
            Contents: [{ Key: 'a', Size: 1024 ** 3 }],
            IsTruncated: token !== 'last',
            ...(token !== 'last' && { NextContinuationToken: 'last' }),
          };
    const [bucket] = (await look('ResizeOnEc2')).found;
    const price = findPrice(tables.prices, 's3.gb-month', REGION) as Price;
    expect(bucket).toEqual({
      what: 'bucket, 2 objects',
      id: 'resizeonec2-imagesoutput03b43628-a',
      usdPerMonth: usdAt(price, 2),
      bytes: 2 * 1024 ** 3,
      remove: ['aws s3 rb --region us-east-1 s3://resizeonec2-imagesoutput03b43628-a --force'],
    });
  });

  test('is alarms, by the metrics that are under them: its own, and those that ECS has made', async () => {
    const group = 'ResizeOnEcsEc2-WorkersASG15B3D7F9-1A2B3C';
    const alarms = [
      { AlarmName: 'ResizeOnEcsEc2-JobsTooOld-1A2B3C' },
      { AlarmName: 'ResizeOnEcsEc2-blue-JobsTooOld-1A2B3C' },
      { AlarmName: `TargetTracking-${group}-AlarmHigh-00000000-0000-4000-8000-000000000000` },
      {
        AlarmName: `TargetTracking-${group.replace('Ec2-', 'Ec2-blue-')}-AlarmLow-00000000-0000-4000-8000-000000000000`,
      },
      {
        AlarmName: 'ResizeOnEcsEc2-ServiceTaskCountTargetScaleInLowerAlarm1-1A2B3C',
        Metrics: [
          { Id: 'a', MetricStat: {} },
          { Id: 'b', MetricStat: {} },
          { Id: 'c', Expression: 'a + b' },
        ],
      },
    ];
    answers['cloudwatch:DescribeAlarms'] = ({ AlarmNamePrefix: prefix }) => ({
      MetricAlarms: alarms.filter(({ AlarmName }) => AlarmName.startsWith(String(prefix))),
    });
    const left = await look('ResizeOnEcsEc2');
    expect(left.found.map(({ id, usdPerMonth }) => [id, usdPerMonth])).toEqual([
      [alarms[0]?.AlarmName, 0.1],
      [alarms[4]?.AlarmName, 0.2],
      [alarms[2]?.AlarmName, 0.1],
    ]);
  });

  test('is a queue, which costs nothing', async () => {
    const url = (name: string) => `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/${name}`;
    const queues = ['ResizeOnEc2-JobsFailuresQueueC3E1218F-a', 'ResizeOnEc2-blue-JobsQueue24944186-a'];
    answers['sqs:ListQueues'] = () => ({ QueueUrls: queues.map(url) });
    expect((await look('ResizeOnEc2')).found).toEqual([
      {
        what: 'queue',
        id: queues[0],
        usdPerMonth: 0,
        remove: [`aws sqs delete-queue --region us-east-1 --queue-url ${url(queues[0] as string)}`],
      },
    ]);
  });

  test('is the task definitions that CloudFormation has only deregistered', async () => {
    const family = synth('ecs-fargate').template.Resources;
    const { Family } = Object.values(family).find(({ Type }) => Type === 'AWS::ECS::TaskDefinition')?.Properties ?? {};
    answers['ecs:ListTaskDefinitionFamilies'] = ({ familyPrefix }) => ({
      families: [Family, `${familyPrefix}Other`].filter((each) => each.startsWith(familyPrefix)),
    });
    answers['ecs:ListTaskDefinitions'] = ({ status, familyPrefix }) => ({
      taskDefinitionArns:
        status === 'INACTIVE' ? [`arn:aws:ecs:${REGION}:${ACCOUNT}:task-definition/${familyPrefix}:3`] : [],
    });
    expect((await look('ResizeOnEcsFargate')).found).toEqual([
      {
        what: 'task definition, INACTIVE',
        id: `${Family}:3`,
        usdPerMonth: 0,
        why: 'deregistered by CloudFormation, and kept by ECS',
        remove: [`aws ecs delete-task-definitions --region us-east-1 --task-definitions ${Family}:3`],
      },
    ]);
  });

  test('is machines with what they cost, and not those that have ended', async () => {
    const tags = [
      ofStack('ResizeOnEcsEc2', 'instance', 'i-1'),
      ofStack('ResizeOnEcsEc2', 'instance', 'i-2'),
      tag('Name', 'ResizeOnEcsEc2/Instances', 'volume', 'vol-1'),
      ofStack('ResizeOnEcsEc2', 'elastic-ip', 'eipalloc-1'),
      ofStack('ResizeOnEcsEc2', 'natgateway', 'nat-1'),
      // Any of the keys with any of the values: what the filter lets through and is not the stack's.
      tag('Name', 'ResizeOnEcsEc2', 'volume', 'vol-2'),
    ];
    answers['ec2:DescribeTags'] = () => ({ tagSet: tags });
    answers['ec2:DescribeInstances'] = () => ({
      reservationSet: [
        {
          instancesSet: [
            {
              instanceId: 'i-1',
              instanceType: 'm7g.medium',
              instanceState: { name: 'running' },
              ipAddress: '192.0.2.1',
              tagSet: [{ key: 'aws:autoscaling:groupName', value: 'ResizeOnEcsEc2-WorkersASG' }],
            },
            { instanceId: 'i-2', instanceType: 'm7g.medium', instanceState: { name: 'terminated' } },
          ],
        },
      ],
    });
    answers['ec2:DescribeVolumes'] = (filter) => ({
      volumeSet: ['vol-1', 'vol-2']
        .filter((id) => Object.values(filter).includes(id))
        .map((volumeId) => ({ volumeId, size: 30, volumeType: 'gp3', status: 'available' })),
    });
    answers['ec2:DescribeNatGateways'] = () => ({ natGatewaySet: [{ natGatewayId: 'nat-1', state: 'deleted' }] });
    const left = await look('ResizeOnEcsEc2');
    const price = (id: string, quantity: number) => usdAt(findPrice(tables.prices, id, REGION) as Price, quantity);
    expect(left.found.map(({ id, usdPerMonth }) => [id, usdPerMonth])).toEqual([
      ['i-1', price('ec2.m7g.medium.hour', 730) + price('ipv4.hour', 730)],
      ['eipalloc-1', price('ipv4.hour', 730)],
      ['vol-1', price('ebs.gp3.gib-month', 30)],
    ]);
    expect(left.found[0]).toMatchObject({
      why: 'of the group ResizeOnEcsEc2-WorkersASG, and ends with it',
      remove: [
        'aws autoscaling delete-auto-scaling-group --region us-east-1 --force-delete --auto-scaling-group-name ResizeOnEcsEc2-WorkersASG',
      ],
    });
  });

  /** A VPC that could not be deleted, and what others have put into it. */
  function network(stack: string): void {
    answers['ec2:DescribeTags'] = () => ({
      tagSet: [
        ofStack(stack, 'vpc', 'vpc-1'),
        ofStack(stack, 'subnet', 'subnet-1'),
        tag('aws:eks:cluster-name', stack, 'security-group', 'sg-1'),
        tag('cluster.k8s.amazonaws.com/name', stack, 'network-interface', 'eni-1'),
      ],
    });
    answers['ec2:DescribeNetworkInterfaces'] = () => ({
      networkInterfaceSet: [
        { networkInterfaceId: 'eni-1', status: 'available', description: 'aws-K8S-i-1', ownerId: ACCOUNT },
        { networkInterfaceId: 'eni-2', status: 'in-use', description: 'ELB net/a/1', ownerId: ACCOUNT },
        { networkInterfaceId: 'eni-3', status: 'in-use', description: 'ELB classic', ownerId: ACCOUNT },
        {
          networkInterfaceId: 'eni-4',
          status: 'in-use',
          description: 'AWS Lambda VPC ENI-Handler-1',
          ownerId: ACCOUNT,
        },
        { networkInterfaceId: 'eni-5', status: 'in-use', description: 'of a NAT', interfaceType: 'nat_gateway' },
      ],
    });
    answers['ec2:DescribeSecurityGroups'] = () => ({
      securityGroupInfo: [
        { groupId: 'sg-0', groupName: 'default' },
        { groupId: 'sg-1', groupName: `eks-cluster-sg-${stack}-1` },
      ],
    });
    answers['ec2:DescribeVpcEndpoints'] = () => ({
      vpcEndpointSet: [
        {
          vpcEndpointId: 'vpce-1',
          vpcEndpointType: 'Interface',
          serviceName: `com.amazonaws.${REGION}.guardduty-data`,
          state: 'available',
          subnetIdSet: ['subnet-1', 'subnet-2'],
        },
      ],
    });
  }

  test('is all that keeps a network from being deleted, in the order in which it can be', async () => {
    network('ResizeOnEksEc2');
    const left = await look('ResizeOnEksEc2');
    const balancer = `arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:loadbalancer/net/a/1`;
    expect(found(left)).toEqual([
      `load balancer: ${balancer}`,
      'load balancer: classic',
      'VPC endpoint, Interface: vpce-1',
      'network interface, available: eni-1',
      'network interface, in-use: eni-4',
      'security group: sg-1',
      'subnet: subnet-1',
      'VPC: vpc-1',
    ]);
    expect(left.found.flatMap(({ remove }) => remove)).toEqual([
      `aws elbv2 delete-load-balancer --region us-east-1 --load-balancer-arn ${balancer}`,
      'aws elb delete-load-balancer --region us-east-1 --load-balancer-name classic',
      'aws ec2 delete-vpc-endpoints --region us-east-1 --vpc-endpoint-ids vpce-1',
      'aws ec2 delete-network-interface --region us-east-1 --network-interface-id eni-1',
      'aws ec2 delete-security-group --region us-east-1 --group-id sg-1',
      'aws ec2 delete-subnet --region us-east-1 --subnet-id subnet-1',
      'aws ec2 delete-vpc --region us-east-1 --vpc-id vpc-1',
    ]);
  });

  test('is, of a stack whose deletion failed, what CloudFormation deletes when the rest is gone', async () => {
    stacks.ResizeOnEksEc2 = 'DELETE_FAILED';
    deleted.ResizeOnEksEc2 = [
      { type: 'AWS::EC2::VPC', id: 'vpc-1', status: 'DELETE_FAILED', why: 'The vpc has dependencies' },
      { type: 'AWS::EC2::Subnet', id: 'subnet-1', status: 'CREATE_COMPLETE' },
      { type: 'AWS::CloudWatch::Alarm', id: 'ResizeOnEksEc2-Alarm', status: 'CREATE_COMPLETE' },
      { type: 'AWS::EKS::Cluster', id: 'ResizeOnEksEc2' },
    ];
    network('ResizeOnEksEc2');
    const left = await look('ResizeOnEksEc2');
    const last = 'aws cloudformation delete-stack --region us-east-1 --stack-name ResizeOnEksEc2';
    expect(left.deletionFailed).toBe(true);
    expect(left.found.slice(-3)).toEqual([
      { what: 'subnet', id: 'subnet-1', usdPerMonth: 0, why: 'of the stack', remove: [last] },
      { what: 'VPC', id: 'vpc-1', usdPerMonth: 0, why: 'The vpc has dependencies', remove: [last] },
      expect.objectContaining({ what: 'alarm', id: 'ResizeOnEksEc2-Alarm', usdPerMonth: 0.1, remove: [last] }),
    ]);
    expect(found(left)).toContain('network interface, available: eni-1');
  });

  test('is a cluster with its node groups, which costs by the hour', async () => {
    answers['eks:DescribeCluster'] = () => ({ cluster: { name: 'ResizeOnEksEc2', status: 'ACTIVE' } });
    answers['eks:ListNodegroups'] = () => ({ nodegroups: ['Workers-1'] });
    answers['autoscaling:DescribeAutoScalingGroups'] = () => ({
      AutoScalingGroups: [
        {
          AutoScalingGroupName: 'eks-Workers-1',
          DesiredCapacity: 1,
          Tags: [{ Key: 'eks:cluster-name', Value: 'ResizeOnEksEc2' }],
        },
        { AutoScalingGroupName: 'other', DesiredCapacity: 1, Tags: [{ Key: 'team', Value: 'ResizeOnEksEc2' }] },
      ],
    });
    const left = await look('ResizeOnEksEc2');
    expect(found(left)).toEqual([
      'node group: ResizeOnEksEc2/Workers-1',
      'Auto Scaling group of 1: eks-Workers-1',
      'EKS cluster, ACTIVE: ResizeOnEksEc2',
    ]);
    expect(left.found.at(-1)?.usdPerMonth).toBeCloseTo(73);
  });

  test('is what other services have by a tag, but for what CloudFormation has deleted', async () => {
    const arn = (service: string, name: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${name}`;
    deleted.ResizeOnEksEc2 = [
      { type: 'AWS::Lambda::Function', id: 'gone' },
      { type: 'AWS::SNS::Topic', id: `arn:aws:sns:${REGION}:${ACCOUNT}:gone` },
    ];
    answers['tag:GetResources'] = ({ TagFilters }) => {
      const [filter] = TagFilters as [{ Key: string }];
      return {
        ResourceTagMappingList: (filter.Key === 'kubernetes.io/cluster/ResizeOnEksEc2'
          ? [arn('elasticloadbalancing', 'loadbalancer/app/b/2')]
          : filter.Key === 'aws:cloudformation:stack-name'
            ? [
                arn('lambda', 'function:gone'),
                arn('lambda', 'function:there'),
                arn('sns', 'gone'),
                arn('ec2', 'subnet/subnet-1'),
                arn('kms', 'key/1'),
                arn('odd', 'thing/1'),
              ]
            : []
        ).map((ResourceARN) => ({ ResourceARN })),
      };
    };
    const left = await look('ResizeOnEksEc2');
    expect(left.found.map(({ what, usdPerMonth }) => [what, usdPerMonth])).toEqual([
      ['function', 0],
      ['key', null],
      ['odd thing', null],
      ['load balancer', null],
    ]);
  });

  test('is, of what CloudFormation was told to keep, what nobody can be asked for', async () => {
    deleted.ResizeOnLambda = [
      { type: 'AWS::IAM::Role', id: 'role', status: 'DELETE_SKIPPED' },
      { type: 'AWS::Some::Thing', id: "it's", status: 'DELETE_SKIPPED' },
      { type: 'Custom::S3AutoDeleteObjects', id: 'call', status: 'DELETE_SKIPPED' },
      { type: 'AWS::SQS::Queue', id: 'https://sqs/ResizeOnLambda-FailuresQueueB0898B50-a', status: 'DELETE_SKIPPED' },
    ];
    const { found: left } = await look('ResizeOnLambda');
    expect(left.map(({ what, usdPerMonth, remove }) => [what, usdPerMonth, ...remove])).toEqual([
      ['role', 0, 'aws cloudcontrol delete-resource --region us-east-1 --type-name AWS::IAM::Role --identifier role'],
      [
        'AWS::Some::Thing',
        null,
        `aws cloudcontrol delete-resource --region us-east-1 --type-name AWS::Some::Thing --identifier 'it'\\''s'`,
      ],
    ]);
  });

  test('is listed also where some services refuse to say, and those are named', async () => {
    answers['logs:DescribeLogGroups'] = () => ({ error: 'AccessDeniedException', message: 'User a may not' });
    answers['ec2:DescribeTags'] = () => ({ error: 'UnauthorizedOperation', message: 'You are not', status: 403 });
    answers['sqs:ListQueues'] = () => ({ error: 'ThrottlingException', message: 'Rate exceeded' });
    answers['cloudformation:ListStacks'] = () => ({ error: 'AccessDenied', message: 'not you', status: 403 });
    answers['s3:ListAllMyBuckets'] = () => ({ Buckets: { Bucket: [{ Name: 'resizeonec2-imagesoutput03b43628-a' }] } });
    stacks = {};
    const left = await look('ResizeOnEc2');
    expect(found(left)).toEqual(['bucket, 0 objects: resizeonec2-imagesoutput03b43628-a']);
    expect(Object.fromEntries(left.notLookedAt.map(({ what, why }) => [what, why]))).toEqual({
      'what CloudFormation remembers of it': 'not you; what is needed is in docs/sandbox.md',
      'CloudWatch Logs': 'User a may not; what is needed is in docs/sandbox.md',
      EC2: 'You are not; what is needed is in docs/sandbox.md',
      'queues of SQS': 'AWS asks for fewer requests in us-east-1 (Rate exceeded): wait a minute, and run it again',
      "CDK's bootstrap": 'there is no stack CDKToolkit in us-east-1: was CDK bootstrapped there by another name?',
    });
  });

  test('takes the rights that the page lists, and no others', async () => {
    answers['eks:DescribeCluster'] = () => ({ cluster: { status: 'ACTIVE' } });
    answers['ec2:DescribeTags'] = () => ({
      tagSet: ['ResizeOnEksEc2', 'ResizeOnEcsEc2'].flatMap((stack) =>
        ['instance', 'volume', 'snapshot', 'natgateway', 'vpc', 'network-interface'].map((type) =>
          ofStack(stack, type, `${type}-1`),
        ),
      ),
    });
    answers['ecs:ListTaskDefinitionFamilies'] = ({ familyPrefix }) => ({ families: [`${familyPrefix}01234567`] });
    deleted.ResizeOnEcsEc2 = [];
    for (const stack of ['ResizeOnEksEc2', 'ResizeOnEcsEc2']) await look(stack);
    const page = readFileSync(path.join(ROOT, 'docs/sandbox.md'), 'utf8').split('## What `leftovers` may do')[1] ?? '';
    const listed = [...page.matchAll(/`([a-z0-9]+:[A-Z]\w+)`/g)].map(([, action]) => action as string);
    expect([...new Set(aws.asked.map(({ action }) => action))].sort()).toEqual([...new Set(listed)].sort());
  });
});

describe('the report', () => {
  const nothing: Leftovers = {
    stack: 'ResizeOnEksEc2',
    region: REGION,
    date: '2026-11-28T20:00:00.000Z',
    deletionFailed: false,
    destroyed: '2026-11-28T19:05:00.000Z',
    found: [],
    shared: [],
    notLookedAt: [],
  };

  test.each([80, 120, 60])('fits %i columns', (columns) => {
    const group = '/aws/lambda/ResizeOnEksEc2-CustomVpcRestrictDefaultSGCusto-1A2B3C4D5E6F';
    const url = `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/ResizeOnEksEc2-JobsFailuresQueueC3E1218F`;
    const left: Leftovers = {
      ...nothing,
      found: [
        {
          what: 'NAT gateway, available',
          id: 'nat-0123456789abcdef0',
          usdPerMonth: 32.85,
          remove: ['aws ec2 delete-nat-gateway --region us-east-1 --nat-gateway-id nat-0123456789abcdef0'],
        },
        {
          what: 'log group',
          id: group,
          usdPerMonth: null,
          bytes: 12e6,
          why: 'keeps lines for ever',
          remove: [`aws logs delete-log-group --region us-east-1 --log-group-name ${group}`],
        },
        {
          what: 'queue',
          id: 'ResizeOnEksEc2-JobsFailuresQueueC3E1218F-1A2B3C4D5E6F',
          usdPerMonth: 0,
          remove: [`aws sqs delete-queue --region us-east-1 --queue-url ${url}`],
        },
      ],
      shared: [
        {
          what: 'bucket of CDK, 8 objects',
          id: `cdk-hnb659fds-assets-${ACCOUNT}-us-east-1`,
          usdPerMonth: 0.002,
          bytes: 81e6,
          remove: [],
        },
      ],
      notLookedAt: [{ what: 'EC2', why: `You are not authorized ${'to do this '.repeat(9)}` }],
    };
    const text = report(left, { columns, isTerminal: false });
    const words = text.split(/\s+/);
    const tooLong = text.split('\n').filter((line) => line.length > columns);
    // A word that is longer than a line stays whole.
    expect(tooLong.filter((line) => !words.some((word) => word.length > columns - 8 && line.includes(word)))).toEqual(
      [],
    );
    expect(text).toContain('Billed until it is gone: US$32.85 a month, and');
    if (columns === 80) expect(text).toMatchSnapshot();
  });

  test('says that nothing is left, and when the stack was deleted', () => {
    expect(report(nothing, { columns: 80, isTerminal: false })).toBe(
      'ResizeOnEksEc2 in us-east-1, deleted 2026-11-28 19:05 UTC, has left nothing.',
    );
    expect(report({ ...nothing, destroyed: null }, { columns: 200, isTerminal: false })).toMatch(
      /^CloudFormation has deleted no stack ResizeOnEksEc2 in us-east-1 in the last 90 days/,
    );
  });

  test('breaks commands where a shell goes on', () => {
    const command = `aws logs delete-log-group --region eu-west-1 --log-group-name '${'a b '.repeat(3)}'`;
    expect(broken(command, 50)).toBe(
      `  aws logs delete-log-group --region eu-west-1 \\\n    --log-group-name '${'a b '.repeat(3)}'`,
    );
  });

  test('says sizes as AWS counts them', () => {
    expect([0, 1023, 1024, 12 * 1024 ** 2, 150 * 1024 ** 2, 3 * 1024 ** 4].map(size)).toEqual([
      '0 bytes',
      '1023 bytes',
      '1.0 KB',
      '12.0 MB',
      '150 MB',
      '3.0 TB',
    ]);
  });
});

describe('npm run leftovers', () => {
  const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
  const HERE = { AWS_REGION: REGION };

  async function command(
    args: readonly string[],
    env: Record<string, string> = { ...HERE, ...CREDENTIALS },
    root = ROOT,
  ) {
    const child = spawn(process.execPath, ['bin/start.cjs', 'leftovers', ...args], {
      cwd: root,
      env: {
        AWS_ENDPOINT_URL: aws.url,
        AWS_MAX_ATTEMPTS: '1',
        // Not this machine's own.
        HOME: path.join(ROOT, 'none'),
        AWS_EC2_METADATA_DISABLED: 'true',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code, stdout, stderr };
  }

  test('ends with 0 when nothing is billed, and shows what CDK keeps of all stacks', async () => {
    deleted.ResizeOnLambda = [];
    const { code, stdout, stderr } = await command(['ResizeOnLambda']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'looking for what ResizeOnLambda has left in us-east-1 …\n' });
    expect(stdout).toMatch(/^ResizeOnLambda in us-east-1, deleted 2026-11-28 19:05 UTC, has left nothing\.\n/);
    expect(stdout).toContain(`cdk-hnb659fds-assets-${ACCOUNT}-us-east-1`);
    expect(stdout).toContain('npx cdk gc --unstable=gc');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('ends with 1 when something is billed, and when it could not look', async () => {
    answers['s3:ListAllMyBuckets'] = () => ({
      Buckets: { Bucket: [{ Name: 'resizeonlambda-imagesoutput03b43628-a' }] },
    });
    answers['s3:ListBucket'] = () => ({ Contents: [{ Key: 'a', Size: 1 }], IsTruncated: false });
    expect((await command(['ResizeOnLambda', '--region', REGION], CREDENTIALS)).code).toBe(1);
    answers['s3:ListAllMyBuckets'] = () => ({ error: 'AccessDenied', status: 403 });
    const { code, stdout } = await command(['ResizeOnLambda']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\ncould not look at buckets of S3: no; what is needed is in docs\/sandbox\.md\n$/);
  });

  test('ends with 1 when the deletion has failed, also where nothing of it is billed', async () => {
    stacks.ResizeOnLambda = 'DELETE_FAILED';
    deleted.ResizeOnLambda = [
      { type: 'Custom::S3AutoDeleteObjects', id: 'call', status: 'DELETE_FAILED', why: 'a reason' },
    ];
    const { code, stdout } = await command(['ResizeOnLambda']);
    expect(stdout).toMatch(/^ResizeOnLambda in us-east-1 could not be deleted, and this is still there:\n/);
    expect(stdout).toContain('\nNothing of it is billed.\n');
    expect(code).toBe(1);
  });

  test('takes nothing for AWS but AWS', async () => {
    const account = await openAccount('eu-west-1');
    const asked = (endpoint: string) => {
      const settings = { ...account.settings, endpoint };
      return hostOf({ ...account, settings });
    };
    expect(await asked(aws.url)).toBe('127.0.0.1');
    expect(isAws(await asked('https://cloudformation.eu-west-1.amazonaws.com'))).toBe(true);
    expect(aws.asked).toEqual([]);
    for (const host of ['127.0.0.1', 'localhost', 'amazonaws.com.example.com', 's3.localhost.localstack.cloud'])
      expect(isAws(host)).toBe(false);
    for (const host of ['s3.cn-north-1.amazonaws.com.cn', 'ec2.eu-west-1.api.aws']) expect(isAws(host)).toBe(true);
  });

  test('adds what it has found to the newest file of that stack in that region, without the account', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'four-ways-'));
    try {
      const root = checkout(path.join(folder, 'checkout'));
      // What an imitation of AWS has is no evidence.
      const evidence = path.join(root, 'evidence/deployments');
      mkdirSync(evidence, { recursive: true });
      const untouched = path.join(evidence, '2026-11-28-us-east-1-ResizeOnLambda.json');
      writeFileSync(untouched, '{"schema":1}');
      const imitated = path.join(root, 'out/try');
      expect(await command(['ResizeOnLambda', '--save'], undefined, root)).toEqual({
        code: 2,
        stdout: '',
        stderr:
          'four-ways: nothing in out/try is of ResizeOnLambda in us-east-1: npm run try -- ResizeOnLambda --save writes it, before the stack is destroyed\n',
      });
      mkdirSync(imitated, { recursive: true });
      const files = {
        '2026-11-27-us-east-1-ResizeOnLambda.json': '{"schema":1,"old":true}',
        '2026-11-28-us-east-1-ResizeOnLambda.json': '{"schema":1,"leftovers":null,"seen":[1]}',
        '2026-11-29-us-east-1-ResizeOnLambda-blue.json': '{}',
        '2026-11-29-eu-west-1-ResizeOnLambda.json': '{}',
        'notes-us-east-1-ResizeOnLambda.json': '{}',
      };
      for (const [name, content] of Object.entries(files)) writeFileSync(path.join(imitated, name), content);
      const name = '2026-11-28-us-east-1-ResizeOnLambda.json';
      answers['sqs:ListQueues'] = () => ({
        QueueUrls: [`https://sqs/${ACCOUNT}/ResizeOnLambda-FailuresQueueB0898B50-a`],
      });
      const { code, stderr } = await command(['ResizeOnLambda', '--save'], undefined, root);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: `looking for what ResizeOnLambda has left in us-east-1 …\nwritten to out/try/${name}\n`,
      });
      const saved = readFileSync(path.join(imitated, name), 'utf8');
      expect(readFileSync(untouched, 'utf8')).toBe('{"schema":1}');
      expect(JSON.parse(saved)).toEqual({
        schema: 1,
        seen: [1],
        leftovers: expect.objectContaining({
          stack: 'ResizeOnLambda',
          region: REGION,
          found: [expect.any(Object)],
          lines: ['queue, ResizeOnLambda-FailuresQueueB0898B50-a: nothing'],
        }),
      });
      expect(saved).toContain('cdk-hnb659fds-assets-<account>-us-east-1');
      expect(saved).not.toContain(ACCOUNT);
      for (const [other, content] of Object.entries(files)) {
        if (other !== name) expect(readFileSync(path.join(imitated, other), 'utf8')).toBe(content);
      }
      expect(readdirSync(imitated).sort()).toEqual(Object.keys(files).sort());
      for (const content of ['[1]', '{']) {
        writeFileSync(path.join(imitated, name), content);
        const refused = await command(['ResizeOnLambda', '--save'], undefined, root);
        expect(refused.code).toBe(1);
        expect(refused.stderr).toMatch(
          /\nfour-ways: .*ResizeOnLambda\.json.*: npm run try -- ResizeOnLambda --save writes it anew\n$/,
        );
        expect(readFileSync(path.join(imitated, name), 'utf8')).toBe(content);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('says in one line what is wrong and what to do instead', async () => {
    const here = { ...HERE, ...CREDENTIALS };
    stacks = { ResizeOnEc2: 'UPDATE_COMPLETE', ResizeOnLambda: 'DELETE_IN_PROGRESS' };
    const known = Object.values(LIST).map(({ stack }) => stack);
    const mistakes: [args: string[], env: Record<string, string>, code: number, message: string][] = [
      [[], here, 2, 'which stack? npm run leftovers -- ResizeOnLambda'],
      [['ResizeOnEc2', 'B'], here, 2, 'one stack at a time: ResizeOnEc2, then B'],
      [
        ['Resize'],
        here,
        2,
        `"Resize" is none of these stacks: expected ${known.join(', ')}, or one of them with -<name> behind it, as in ResizeOnEc2-blue`,
      ],
      [
        ['ResizeOnEc2'],
        here,
        2,
        'ResizeOnEc2 is there (UPDATE_COMPLETE), and what it has made is in use: this is for after npx cdk destroy ResizeOnEc2',
      ],
      [['ResizeOnLambda'], here, 2, 'ResizeOnLambda is being deleted: wait for the end of that, and run this again'],
      [['ResizeOnEc2'], CREDENTIALS, 2, 'no region: give --region, such as --region eu-west-1, or set AWS_REGION'],
      [
        ['ResizeOnEc2'],
        HERE,
        1,
        'no AWS credentials: log in, or set AWS_PROFILE to a profile that has some (Could not load credentials from any providers)',
      ],
    ];
    const ends = await Promise.all(mistakes.map(([args, env]) => command(args, env)));
    expect(ends.map(({ code, stderr }) => [code, stderr.replace(/^looking .*\n/, '')])).toEqual(
      mistakes.map(([, , code, message]) => [code, `four-ways: ${message}\n`]),
    );
    answers['cloudformation:DescribeStacks'] = () => ({ error: 'AccessDenied', message: 'not you', status: 403 });
    const { code, stderr } = await command(['ResizeOnEc2']);
    expect([code, stderr]).toEqual([
      1,
      'looking for what ResizeOnEc2 has left in us-east-1 …\nfour-ways: not you; what is needed is in docs/sandbox.md\n',
    ]);
  });
});
