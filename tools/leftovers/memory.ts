import {
  type CloudFormationClient,
  paginateListStackResources,
  paginateListStacks,
  type StackResourceSummary,
  type StackSummary,
} from '@aws-sdk/client-cloudformation';
import { describeStack, isMissing } from '../aws';
import { UsageError } from '../command-line';

/** What CloudFormation remembers: of a stack that it could not delete, and for 90 days of one that it has deleted. */

/** A resource by its physical id. */
export interface Remembered {
  readonly type: string;
  readonly id: string;
  readonly logicalId: string;
  /** Why it is still there, as far as CloudFormation says. */
  readonly why?: string;
}

export interface Memory {
  /** The deletion failed, and the stack is still there. */
  readonly failed: boolean;
  /** When the last stack of this name was deleted, ISO 8601; `null` when none was, or nobody remembers. */
  readonly destroyed: string | null;
  /** What CloudFormation has not deleted: it failed, was not tried, or was told to keep it. */
  readonly kept: readonly Remembered[];
  readonly deleted: readonly Remembered[];
}

/** So many stacks of one name, the last ones, are remembered. */
const STACKS = 10;

/**
 * Whether a stack is gone, or could not be deleted.
 * @throws UsageError when it is there, or is being deleted; what CloudFormation says of anything but a missing stack
 */
export async function isDeletionFailed(client: CloudFormationClient, name: string): Promise<boolean> {
  const status = await describeStack(client, name).then(
    ({ stack }) => stack.StackStatus,
    (error: Error) => {
      if (isMissing(error)) return undefined;
      throw error;
    },
  );
  if (status === 'DELETE_IN_PROGRESS') {
    throw new UsageError(`${name} is being deleted: wait for the end of that, and run this again`);
  }
  if (status === undefined || status === 'DELETE_FAILED') return status === 'DELETE_FAILED';
  throw new UsageError(
    `${name} is there (${status}), and what it has made is in use: this is for after npx cdk destroy ${name}`,
  );
}

/** @throws what CloudFormation says */
export async function remember(client: CloudFormationClient, name: string, failed: boolean): Promise<Memory> {
  const stacks: StackSummary[] = [];
  for await (const page of paginateListStacks({ client }, { StackStatusFilter: ['DELETE_COMPLETE'] })) {
    stacks.push(...(page.StackSummaries ?? []).filter(({ StackName }) => StackName === name));
  }
  stacks.sort((one, other) => Number(other.DeletionTime) - Number(one.DeletionTime));
  const ids = [...(failed ? [name] : []), ...stacks.slice(0, STACKS).map(({ StackId = '' }) => StackId)];
  const resources: StackResourceSummary[] = [];
  for (const StackName of ids) {
    for await (const page of paginateListStackResources({ client }, { StackName })) {
      resources.push(...(page.StackResourceSummaries ?? []));
    }
  }
  // What was never made has no physical id.
  const known = resources.filter(({ PhysicalResourceId }) => PhysicalResourceId);
  const isGone = ({ ResourceStatus }: StackResourceSummary) => ResourceStatus === 'DELETE_COMPLETE';
  const [last] = stacks;
  return {
    failed,
    // Where CloudFormation leaves the time out, it is known that there was a deletion, and not when.
    destroyed: last ? (last.DeletionTime?.toISOString() ?? '') : null,
    kept: known.filter((each) => !isGone(each)).map(remembered),
    deleted: known.filter(isGone).map(remembered),
  };
}

function remembered({
  ResourceType: type = '',
  PhysicalResourceId: id = '',
  LogicalResourceId: logicalId = '',
  ResourceStatusReason: why,
}: StackResourceSummary): Remembered {
  return { type, id, logicalId, ...(why && { why }) };
}
