import { WAYS } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import { UsageError } from '../command-line';

/**
 * What our templates and the services behind them call things, as far as a stack's name leads to them. CloudFormation calls
 * what has no name `<stack>-<logical id>-<random>`; buckets in small letters. Of a long name it cuts something off, and then
 * only its own record of the stack, which it keeps for 90 days, knows what was called how.
 */

/** How the logical ids begin of what can be found by its name. Without them `ResizeOnEc2-blue` would be part of `ResizeOnEc2`. */
export const LOGICAL_IDS = {
  'AWS::Logs::LogGroup': ['Logs', 'CustomResourceLogs'],
  'AWS::Lambda::Function': ['Worker', 'BucketNotifications', 'Custom', 'ClusterKubectl'],
  'AWS::SQS::Queue': ['JobsQueue', 'JobsFailuresQueue', 'FailuresQueue'],
  'AWS::S3::Bucket': ['ImagesSource', 'ImagesOutput'],
  'AWS::ECS::Cluster': ['Cluster'],
  'AWS::AutoScaling::AutoScalingGroup': ['Workers'],
  'AWS::CloudWatch::Alarm': ['Jobs', 'Failures', 'Workers', 'Service'],
} as const;

/** @throws UsageError naming the six stacks */
export function wayOf(stack: string): Compute {
  const isOf = (way: Compute) => stack === WAYS[way].stack || stack.startsWith(`${WAYS[way].stack}-`);
  const way = COMPUTES.find(isOf);
  if (way && /^[\w-]+$/.test(stack)) return way;
  const names = COMPUTES.map((each) => WAYS[each].stack).join(', ');
  throw new UsageError(
    `"${stack}" is none of these stacks: expected ${names}, or one of them with -<name> behind it, as in ${WAYS.ec2.stack}-blue`,
  );
}

/** Whether CloudFormation has given this name to a resource of that type in this stack. Of buckets in small letters. */
export function isNamedBy(stack: string, type: keyof typeof LOGICAL_IDS, name: string): boolean {
  const isBucket = type === 'AWS::S3::Bucket';
  return LOGICAL_IDS[type].some((id) => {
    const start = isBucket ? `${stack}-${id}`.toLowerCase() : `${stack}-${id}`;
    // Behind it the rest of the logical id, whole or cut off, and something random. More would be another stack's.
    return name.startsWith(start) && /^[0-9a-z]*-[0-9a-z]+$/i.test(name.slice(start.length));
  });
}

/** Begins the names of everything of this stack, and of its siblings with a longer name. */
export const logGroupPrefixes = (stack: string): readonly string[] => [
  `${stack}-`,
  // CloudFormation may have cut the stack's own name, too.
  `/aws/lambda/${stack.slice(0, SHORTEST)}`,
  `/aws/eks/${stack}/`,
  `/aws/ecs/containerinsights/${stack}-`,
  `/aws/containerinsights/${stack}/`,
];

/** So much of a stack's name is left in the names of functions and buckets, however long it is. An assumption. */
const SHORTEST = 18;

export const bucketPrefix = (stack: string): string => stack.slice(0, SHORTEST).toLowerCase();

/**
 * Whether a log group is the stack's, or was made for it by a service.
 * @param functions names of functions, as CloudFormation remembers them
 */
export function isLogGroupOf(stack: string, name: string, functions: ReadonlySet<string>): boolean {
  const [, service, rest = ''] = /^\/aws\/(lambda|ecs\/containerinsights)\/(.*)$/.exec(name) ?? [];
  if (service === 'lambda') return functions.has(rest) || isNamedBy(stack, 'AWS::Lambda::Function', rest);
  if (service) return isNamedBy(stack, 'AWS::ECS::Cluster', rest.split('/')[0] as string);
  // EKS calls these after the cluster, which is called like the stack.
  if (/^\/aws\/(eks|containerinsights)\//.test(name)) return name.split('/')[3] === stack;
  return name === `${stack}-fluent-bit-logs` || isNamedBy(stack, 'AWS::Logs::LogGroup', name);
}

/** CDK calls the family of a task definition after its place in the app, with letters and digits only. */
export const taskFamilyPrefix = (stack: string): string => `${stack.replaceAll(/[^A-Za-z0-9]/g, '')}Task`;

/** Of `ResizeOnEc2` and not of `ResizeOnEc2Task`, if somebody calls a stack that: behind the prefix comes a hash. */
export const isTaskFamilyOf = (stack: string, family: string): boolean =>
  family.startsWith(taskFamilyPrefix(stack)) && /^[0-9A-F]{8}$/.test(family.slice(taskFamilyPrefix(stack).length));

/** Tags by which EC2 knows what belongs to a stack, or to the cluster that is called like it. Pairs of key and value. */
export const ec2Tags = (stack: string): readonly (readonly [key: string, value: string])[] => [
  ['aws:cloudformation:stack-name', stack],
  ['aws:eks:cluster-name', stack],
  ['eks:cluster-name', stack],
  ['cluster.k8s.amazonaws.com/name', stack],
  [`kubernetes.io/cluster/${stack}`, 'owned'],
  // Of launch templates and groups: what an instance starts with, its disk too.
  ...['Instances', 'Nodes', 'Workers'].map((id) => ['Name', `${stack}/${id}`] as const),
];

/** The same for the tagging API, one request for each. */
export const tagFilters = (stack: string, way: Compute): readonly { Key: string; Values?: string[] }[] => [
  { Key: 'aws:cloudformation:stack-name', Values: [stack] },
  ...(WAYS[way].orchestrator === 'EKS'
    ? [{ Key: 'aws:eks:cluster-name', Values: [stack] }, { Key: `kubernetes.io/cluster/${stack}` }]
    : []),
];

/** ECS makes these for the managed scaling of a capacity provider, and calls them after its group. */
const OF_ECS = 'TargetTracking-';

export const alarmPrefixes = (stack: string): readonly string[] => [`${stack}-`, `${OF_ECS}${stack}-`];

export const isAlarmOf = (stack: string, name: string): boolean =>
  name.startsWith(OF_ECS)
    ? isNamedBy(
        stack,
        'AWS::AutoScaling::AutoScalingGroup',
        name.slice(OF_ECS.length).replace(/-Alarm(High|Low)-.*$/, ''),
      )
    : isNamedBy(stack, 'AWS::CloudWatch::Alarm', name);
