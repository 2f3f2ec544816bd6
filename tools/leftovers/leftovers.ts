import type { Compute } from '../../workload/contract';
import { type Account, explain } from '../aws';
import { lookAtEc2 } from './ec2';
import { aws, type Found, type Leftover, type Place, TURNS } from './found';
import { isDeletionFailed, type Memory, remember } from './memory';
import { wayOf } from './names';
import { KINDS, keeping, type Lookup } from './resources';
import * as services from './services';

/** What is there of a stack after `cdk destroy`. Plain data, which is saved as it is. */
export interface Leftovers {
  readonly stack: string;
  readonly region: string;
  /** When this was looked at, ISO 8601. */
  readonly date: string;
  /** CloudFormation could not delete the stack, and part of it is still there. */
  readonly deletionFailed: boolean;
  /** When the last stack of this name was deleted, ISO 8601; `null` when CloudFormation remembers none. */
  readonly destroyed: string | null;
  /** In the order in which it can be removed. */
  readonly found: readonly Leftover[];
  /** Of CDK's bootstrap: of all stacks of the account and region, and what of it is this one's cannot be told. */
  readonly shared: readonly Leftover[];
  /** Where nobody could look, and why, with the remedy. */
  readonly notLookedAt: readonly { readonly what: string; readonly why: string }[];
}

/** Where the rights are listed that this takes. */
export const RIGHTS = 'docs/sandbox.md';

const ONE_BY_ONE: Readonly<Record<Exclude<Lookup, 'tags' | 'bootstrap'>, (place: Place) => Promise<Found[]>>> = {
  eks: services.lookAtEks,
  autoscaling: services.lookAtAutoScaling,
  ec2: lookAtEc2,
  ecs: services.lookAtEcs,
  logs: services.lookAtLogs,
  cloudwatch: services.lookAtCloudWatch,
  s3: services.lookAtS3,
  sqs: services.lookAtSqs,
};

/** What a reader calls each of them. */
const PLACES: Readonly<Record<Lookup, string>> = {
  eks: 'EKS',
  autoscaling: 'EC2 Auto Scaling',
  ec2: 'EC2',
  ecs: 'task definitions of ECS',
  logs: 'CloudWatch Logs',
  cloudwatch: 'alarms of CloudWatch',
  s3: 'buckets of S3',
  sqs: 'queues of SQS',
  tags: 'the tags of other services',
  bootstrap: "CDK's bootstrap",
};

/** The first thing that is looked at. */
export const MEMORY = 'what CloudFormation remembers of it';

/** Services that a way has nothing of. */
function lookups(way: Compute): (keyof typeof ONE_BY_ONE)[] {
  const all = Object.keys(ONE_BY_ONE) as (keyof typeof ONE_BY_ONE)[];
  return all.filter((name) => (name !== 'eks' || way.startsWith('eks')) && (name !== 'ecs' || way.startsWith('ecs')));
}

/**
 * Looks for what a stack has left in its account and region, and changes nothing.
 * @throws UsageError when the name is none of our stacks', or the stack is there; Error, in one line, when CloudFormation
 * does not say whether it is
 */
export async function leftoversOf(account: Account, stack: string): Promise<Leftovers> {
  const way = wayOf(stack);
  const { cloudFormation, region } = account;
  const inWords = (error: unknown) => explain(error, stack, region, RIGHTS);
  const deletionFailed = await isDeletionFailed(cloudFormation, stack).catch((error: unknown): never => {
    throw inWords(error);
  });
  const notLookedAt: { what: string; why: string }[] = [];
  const unless = async <Result>(what: string, work: Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work;
    } catch (error) {
      notLookedAt.push({ what, why: inWords(error).message });
      return undefined;
    }
  };
  const nothing: Memory = { failed: deletionFailed, destroyed: null, kept: [], deleted: [] };
  const memory = (await unless(MEMORY, remember(cloudFormation, stack, deletionFailed))) ?? nothing;
  const place: Place = { stack, account, memory };
  const names = lookups(way);
  const [bootstrap, ...all] = await Promise.all([
    unless(PLACES.bootstrap, services.lookAtBootstrap(place)),
    ...names.map((name) => unless(PLACES[name], ONE_BY_ONE[name](place))),
  ]);
  const failed = new Set<string>(names.filter((_, index) => all[index] === undefined));
  const tagged = await unless(PLACES.tags, services.lookAtTags(place, way, failed));
  const seen = [...all, tagged].flatMap((each) => each ?? []);
  const found = [...seen.map((each) => ofStack(place, each)), ...fromMemory(place, seen, failed)];
  found.sort((one, other) => TURNS.indexOf(one.turn) - TURNS.indexOf(other.turn));
  return {
    stack,
    region,
    date: new Date().toISOString(),
    deletionFailed,
    destroyed: memory.destroyed,
    found: found.map(plain),
    shared: (bootstrap ?? []).map(plain),
    notLookedAt,
  };
}

const plain = ({ turn: _, physicalId: __, ...leftover }: Found): Leftover => leftover;

const deletion = (place: Place) => aws(place, 'cloudformation', 'delete-stack', '--stack-name', place.stack);

/** What is CloudFormation's to delete, CloudFormation deletes when what was in its way is gone. */
function ofStack(place: Place, found: Found): Found {
  const { failed, kept } = place.memory;
  const mine = failed && kept.find(({ id }) => id === found.id || id === found.physicalId);
  if (!mine) return found;
  return { ...found, why: mine.why ?? 'of the stack', remove: [deletion(place)], turn: 'stack' };
}

/** What CloudFormation has not deleted, and nobody has been asked for. */
function fromMemory(place: Place, seen: readonly Found[], failed: ReadonlySet<string>): Found[] {
  const ids = new Set(seen.flatMap(({ id, physicalId = id }) => [id, physicalId]));
  const { region } = place.account;
  return place.memory.kept.flatMap(({ type, id, logicalId, why }) => {
    const { what, seenBy } = KINDS[type] ?? { what: type };
    // A call of a function is no thing. An address is known to EC2 by another id.
    const isKnown = ids.has(id) || [...ids].some((each) => each.endsWith(`/${id}`) || each.endsWith(`:${id}`));
    const isSeen = seenBy !== undefined && !failed.has(seenBy) && (!place.memory.failed || type === 'AWS::EC2::EIP');
    if (isKnown || isSeen || (type.startsWith('Custom::') && !place.memory.failed)) return [];
    return {
      what,
      id,
      usdPerMonth: keeping(type, region),
      why: why ?? `${logicalId}: CloudFormation has kept it, and whether it is still there was not looked at`,
      remove: [place.memory.failed ? deletion(place) : removal(place, type, id)],
      turn: place.memory.failed ? 'stack' : 'other',
    };
  });
}

/** Cloud Control deletes a resource by CloudFormation's type and id. */
const removal = (place: Place, type: string, id: string) =>
  aws(place, 'cloudcontrol', 'delete-resource', '--type-name', type, '--identifier', id);

/** Whether it costs something to keep it, as far as anybody knows. */
export const isBilled = ({ usdPerMonth }: Leftover): boolean => usdPerMonth !== 0;
