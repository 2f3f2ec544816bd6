import { AutoScalingClient, paginateDescribeAutoScalingGroups } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, paginateDescribeLogGroups } from '@aws-sdk/client-cloudwatch-logs';
import { ECRClient, paginateDescribeImages } from '@aws-sdk/client-ecr';
import { ECSClient, paginateListTaskDefinitionFamilies, paginateListTaskDefinitions } from '@aws-sdk/client-ecs';
import {
  DescribeClusterCommand,
  EKSClient,
  paginateListFargateProfiles,
  paginateListNodegroups,
} from '@aws-sdk/client-eks';
import { paginateGetResources, ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { paginateListBuckets, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { paginateListQueues, SQSClient } from '@aws-sdk/client-sqs';
import type { WAYS } from '../../lib/ways';
import { describeStack, isMissing } from '../aws';
import { UsageError } from '../command-line';
import { GB, HOURS_PER_MONTH } from '../compare/model/cost';
import { aws, type Found, type Place } from './found';
import * as names from './names';
import { usd } from './resources';

/** What each service has of a stack: what CloudFormation was to delete, and what it did not know of. */

const idsOf = ({ memory }: Place, type: string): ReadonlySet<string> =>
  new Set([...memory.kept, ...memory.deleted].filter((each) => each.type === type).map(({ id }) => id));

export async function lookAtLogs(place: Place): Promise<Found[]> {
  const client = new CloudWatchLogsClient(place.account.settings);
  const functions = idsOf(place, 'AWS::Lambda::Function');
  const groups = idsOf(place, 'AWS::Logs::LogGroup');
  const found = new Map<string, Found>();
  for (const logGroupNamePrefix of names.logGroupPrefixes(place.stack)) {
    for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, { logGroupNamePrefix })) {
      for (const { logGroupName: id = '', storedBytes: bytes = 0, retentionInDays: days } of logGroups) {
        if (!groups.has(id) && !names.isLogGroupOf(place.stack, id, functions)) continue;
        found.set(id, {
          what: 'log group',
          id,
          // The table has what it costs to write lines, and not what to keep them.
          usdPerMonth: bytes === 0 ? 0 : null,
          bytes,
          why: days ? `keeps lines for ${days} days` : 'keeps lines for ever',
          remove: [aws(place, 'logs', 'delete-log-group', '--log-group-name', id)],
          turn: 'other',
        });
      }
    }
  }
  return [...found.values()];
}

/** Alarms: the stack's, and those that ECS makes for a capacity provider. */
export async function lookAtCloudWatch(place: Place): Promise<Found[]> {
  const client = new CloudWatchClient(place.account.settings);
  const remembered = idsOf(place, 'AWS::CloudWatch::Alarm');
  const found: Found[] = [];
  for (const AlarmNamePrefix of names.alarmPrefixes(place.stack)) {
    for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, { AlarmNamePrefix })) {
      for (const { AlarmName: id = '', Metrics = [] } of MetricAlarms) {
        if (!remembered.has(id) && !names.isAlarmOf(place.stack, id)) continue;
        const metrics = Math.max(1, Metrics.filter(({ MetricStat }) => MetricStat).length);
        found.push({
          what: 'alarm',
          id,
          usdPerMonth: usd('cloudwatch.alarm-metric-month', metrics, place.account.region),
          remove: [aws(place, 'cloudwatch', 'delete-alarms', '--alarm-names', id)],
          turn: 'other',
        });
      }
    }
  }
  return found;
}

export async function lookAtS3(place: Place): Promise<Found[]> {
  const client = new S3Client(place.account.settings);
  const remembered = idsOf(place, 'AWS::S3::Bucket');
  const found: Found[] = [];
  const BucketRegion = place.account.region;
  const Prefix = names.bucketPrefix(place.stack);
  for await (const { Buckets = [] } of paginateListBuckets({ client, pageSize: 1000 }, { BucketRegion, Prefix })) {
    for (const { Name: id = '' } of Buckets) {
      if (!remembered.has(id) && !names.isNamedBy(place.stack, 'AWS::S3::Bucket', id)) continue;
      const { bytes, objects, more } = await sizeOfBucket(client, id);
      found.push({
        what: `bucket, ${more ? 'over ' : ''}${objects} objects`,
        id,
        usdPerMonth: usd('s3.gb-month', bytes / GB, place.account.region),
        bytes,
        remove: [aws(place, 's3', 'rb', `s3://${id}`, '--force')],
        turn: 'other',
      });
    }
  }
  return found;
}

/** So many pages of a thousand objects are read to say how large a bucket is. */
const PAGES = 10;

async function sizeOfBucket(client: S3Client, Bucket: string) {
  let [bytes, objects, pages] = [0, 0, 0];
  for await (const { Contents = [], IsTruncated } of paginateListObjectsV2({ client }, { Bucket })) {
    for (const { Size = 0 } of Contents) bytes += Size;
    objects += Contents.length;
    pages += 1;
    if (pages === PAGES && IsTruncated) return { bytes, objects, more: true };
  }
  return { bytes, objects, more: false };
}

export async function lookAtSqs(place: Place): Promise<Found[]> {
  const client = new SQSClient(place.account.settings);
  const remembered = idsOf(place, 'AWS::SQS::Queue');
  const found: Found[] = [];
  const QueueNamePrefix = `${place.stack}-`;
  for await (const { QueueUrls = [] } of paginateListQueues({ client, pageSize: 1000 }, { QueueNamePrefix })) {
    for (const physicalId of QueueUrls) {
      const id = nameIn(physicalId);
      if (!remembered.has(physicalId) && !names.isNamedBy(place.stack, 'AWS::SQS::Queue', id)) continue;
      const remove = [aws(place, 'sqs', 'delete-queue', '--queue-url', physicalId)];
      found.push({ what: 'queue', id, physicalId, usdPerMonth: 0, remove, turn: 'other' });
    }
  }
  return found;
}

/** Task definitions. CloudFormation only deregisters them; deleted is what is deregistered. */
export async function lookAtEcs(place: Place): Promise<Found[]> {
  const client = new ECSClient(place.account.settings);
  const remembered = [...idsOf(place, 'AWS::ECS::TaskDefinition')].map((arn) => nameIn(arn).split(':')[0] as string);
  const families = new Set(remembered);
  const prefix = names.taskFamilyPrefix(place.stack);
  for await (const page of paginateListTaskDefinitionFamilies({ client }, { familyPrefix: prefix })) {
    for (const family of page.families ?? []) if (names.isTaskFamilyOf(place.stack, family)) families.add(family);
  }
  const found: Found[] = [];
  for (const familyPrefix of families) {
    for (const status of ['ACTIVE', 'INACTIVE'] as const) {
      const pages = paginateListTaskDefinitions({ client }, { familyPrefix, status });
      for await (const { taskDefinitionArns = [] } of pages) {
        found.push(...taskDefinitionArns.map((arn) => taskDefinition(place, arn, status)));
      }
    }
  }
  return found;
}

const nameIn = (arn: string) => arn.split('/').at(-1) as string;

function taskDefinition(place: Place, arn: string, status: 'ACTIVE' | 'INACTIVE'): Found {
  const id = nameIn(arn);
  const deletion = aws(place, 'ecs', 'delete-task-definitions', '--task-definitions', id);
  return {
    what: `task definition, ${status}`,
    id,
    physicalId: arn,
    usdPerMonth: 0,
    why: status === 'INACTIVE' ? 'deregistered by CloudFormation, and kept by ECS' : 'not deregistered',
    remove:
      status === 'INACTIVE'
        ? [deletion]
        : [aws(place, 'ecs', 'deregister-task-definition', '--task-definition', id), deletion],
    turn: 'other',
  };
}

/** The cluster, which is called like its stack, and what EKS wants deleted before it. */
export async function lookAtEks(place: Place): Promise<Found[]> {
  const client = new EKSClient(place.account.settings);
  const { stack: clusterName } = place;
  const status = await client.send(new DescribeClusterCommand({ name: clusterName })).then(
    ({ cluster }) => cluster?.status,
    (error: Error) => {
      if (error.name === 'ResourceNotFoundException') return undefined;
      throw error;
    },
  );
  if (status === undefined) return [];
  const command = (what: string, ...rest: string[]) => aws(place, 'eks', `delete-${what}`, ...rest);
  const part = (what: string, action: string, name: string): Found => ({
    what,
    id: `${clusterName}/${name}`,
    physicalId: what === 'Fargate profile' ? name : `${clusterName}/${name}`,
    usdPerMonth: 0,
    why: 'what runs in it is billed',
    remove: [command(action, '--cluster-name', clusterName, `--${action}-name`, name)],
    turn: 'maker',
  });
  const found: Found[] = [];
  for await (const { nodegroups = [] } of paginateListNodegroups({ client }, { clusterName })) {
    found.push(...nodegroups.map((name) => part('node group', 'nodegroup', name)));
  }
  for await (const { fargateProfileNames = [] } of paginateListFargateProfiles({ client }, { clusterName })) {
    found.push(...fargateProfileNames.map((name) => part('Fargate profile', 'fargate-profile', name)));
  }
  found.push({
    what: `EKS cluster, ${status}`,
    id: clusterName,
    usdPerMonth: usd('eks.cluster-hour', HOURS_PER_MONTH, place.account.region),
    remove: [command('cluster', '--name', clusterName)],
    turn: 'running',
  });
  return found;
}

/** Groups of the stack, and those that EKS makes for its node groups. */
export async function lookAtAutoScaling(place: Place): Promise<Found[]> {
  const client = new AutoScalingClient(place.account.settings);
  const Filters = [{ Name: 'tag-value', Values: [place.stack] }];
  const tags = names.ec2Tags(place.stack);
  const found: Found[] = [];
  for await (const { AutoScalingGroups = [] } of paginateDescribeAutoScalingGroups({ client }, { Filters })) {
    for (const { AutoScalingGroupName: id = '', DesiredCapacity = 0, Status, Tags = [] } of AutoScalingGroups) {
      if (!tags.some(([key, value]) => Tags.some(({ Key, Value }) => Key === key && Value === value))) continue;
      found.push({
        what: `Auto Scaling group of ${DesiredCapacity}${Status ? `, ${Status}` : ''}`,
        id,
        usdPerMonth: 0,
        ...(DesiredCapacity > 0 && { why: 'starts an instance for each that you terminate' }),
        remove: [
          aws(place, 'autoscaling', 'delete-auto-scaling-group', '--force-delete', '--auto-scaling-group-name', id),
        ],
        turn: 'maker',
      });
    }
  }
  return found;
}

/** Services whose own lookups know better, by the name in an ARN. This list lags: what is deleted stays in it for a while. */
const ASKED: Readonly<Record<string, string>> = {
  ec2: 'ec2',
  logs: 'logs',
  s3: 's3',
  sqs: 'sqs',
  eks: 'eks',
  autoscaling: 'autoscaling',
  cloudwatch: 'cloudwatch',
};

/** What else carries a tag of the stack, whatever service it is of. */
export async function lookAtTags(place: Place, way: keyof typeof WAYS, failed: ReadonlySet<string>): Promise<Found[]> {
  const client = new ResourceGroupsTaggingAPIClient(place.account.settings);
  const gone = new Set(place.memory.deleted.map(({ id }) => id));
  const found = new Map<string, Found>();
  for (const filter of names.tagFilters(place.stack, way)) {
    for await (const page of paginateGetResources({ client }, { TagFilters: [filter] })) {
      for (const { ResourceARN: arn = '' } of page.ResourceTagMappingList ?? []) {
        const [, , service = '', , , ...rest] = arn.split(':');
        const name = rest.join(':');
        const lookup = service === 'ecs' && name.startsWith('task-definition/') ? 'ecs' : ASKED[service];
        if (lookup && !failed.has(lookup)) continue;
        if ([arn, name, name.split('/').at(-1), name.split(':').at(-1)].some((id) => id && gone.has(id))) continue;
        found.set(arn, { ...describe(place, service, name, arn), id: arn, turn: 'other' });
      }
    }
  }
  return [...found.values()];
}

/** What a resource is and how it is removed, by its ARN. */
function describe(place: Place, service: string, name: string, arn: string) {
  const type = name.split(/[/:]/)[0] as string;
  const own = name.split(/[/:]/).slice(1).join('/');
  const one = (what: string, usdPerMonth: number | null, ...remove: [string, string, ...string[]][]) => ({
    what,
    usdPerMonth,
    remove: remove.map(([client, action, ...rest]) => aws(place, client, action, ...rest)),
  });
  switch (`${service}:${type}`) {
    case 'lambda:function':
      return one('function', 0, ['lambda', 'delete-function', '--function-name', arn]);
    case 'ecs:cluster':
      return one('ECS cluster', 0, ['ecs', 'delete-cluster', '--cluster', arn]);
    case 'ecs:service': {
      const [cluster = '', name = ''] = own.split('/');
      const remove = ['delete-service', '--force', '--cluster', cluster, '--service', name] as const;
      return one('ECS service', null, ['ecs', ...remove]);
    }
    case 'elasticloadbalancing:loadbalancer':
      return /^(app|net|gwy)\//.test(own)
        ? one('load balancer', null, ['elbv2', 'delete-load-balancer', '--load-balancer-arn', arn])
        : one('load balancer', null, ['elb', 'delete-load-balancer', '--load-balancer-name', own]);
    case 'elasticloadbalancing:targetgroup':
      return one('target group', 0, ['elbv2', 'delete-target-group', '--target-group-arn', arn]);
    case 'kms:key': {
      const remove = ['schedule-key-deletion', '--pending-window-in-days', '7', '--key-id', own] as const;
      return one('key', null, ['kms', ...remove]);
    }
    default:
      return service === 'sns'
        ? one('topic', 0, ['sns', 'delete-topic', '--topic-arn', arn])
        : one(`${service} ${type}`, null);
  }
}

/** The stack of `cdk bootstrap`. */
const TOOLKIT = 'CDKToolkit';

/** What CDK's bootstrap keeps, of all stacks: the bucket and the registry that bundles and images are published to. */
export async function lookAtBootstrap(place: Place): Promise<Found[]> {
  const { cloudFormation, region, settings } = place.account;
  const { outputs } = await describeStack(cloudFormation, TOOLKIT).catch((error: Error): never => {
    if (!isMissing(error)) throw error;
    throw new UsageError(`there is no stack ${TOOLKIT} in ${region}: was CDK bootstrapped there by another name?`);
  });
  const { BucketName: bucket = '', ImageRepositoryName: repository = '' } = outputs;
  const { bytes, objects, more } = await sizeOfBucket(new S3Client(settings), bucket);
  let [imageBytes, images] = [0, 0];
  const pages = paginateDescribeImages({ client: new ECRClient(settings) }, { repositoryName: repository });
  for await (const { imageDetails = [] } of pages) {
    for (const { imageSizeInBytes = 0 } of imageDetails) imageBytes += imageSizeInBytes;
    images += imageDetails.length;
  }
  const gc = (type: string) => [`npx cdk gc --unstable=gc --type=${type}`];
  return [
    {
      what: `bucket of CDK, ${more ? 'over ' : ''}${objects} objects`,
      id: bucket,
      usdPerMonth: usd('s3.gb-month', bytes / GB, region),
      bytes,
      remove: gc('s3'),
      turn: 'other',
    },
    {
      what: `registry of CDK, ${images} images`,
      id: repository,
      usdPerMonth: usd('ecr.gb-month', imageBytes / GB, region),
      bytes: imageBytes,
      remove: gc('ecr'),
      turn: 'other',
    },
  ];
}
