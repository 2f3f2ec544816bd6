import { createHash } from 'node:crypto';
import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { GetTemplateCommand, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { COMPUTES, type Compute } from '../../workload/contract';
import { readSettings, type Settings } from '../../workload/env';
import { type Account, describeStack } from '../aws';
import { UsageError } from '../command-line';
import { readWayFacts } from '../compare/model/facts';
import type { WayFacts } from '../compare/model/types';
import { NOWHERE, readDeployment } from '../local/deployment';
import type { Template } from '../templates';

/** A stack that is there: which way it is, where its buckets and queues are, what its template says, how to count its units. */
export interface Deployed {
  readonly stack: string;
  readonly way: Compute;
  readonly facts: WayFacts;
  /** Of the job, as deployed. The buckets in there are placeholders. */
  readonly settings: Settings;
  readonly sourceBucket: string;
  readonly resultBucket: string;
  /** URLs. A function has no job queue. */
  readonly failureQueue: string;
  readonly jobQueue: string | undefined;
  /** SHA-256 of the template that CloudFormation has, in hexadecimal digits. */
  readonly templateHash: string;
  /** What works, as far as an API of AWS says it now; undefined where none does. */
  readonly units: Units | undefined;
}

export interface Units {
  readonly name: 'instances' | 'tasks' | 'nodes';
  count(): Promise<number>;
}

/** States in which a stack works: in the last one, as it did before an update that failed. */
const WORKING = ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'IMPORT_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'];

/**
 * Which way it is, the template says and not the name: a stack can be renamed.
 * @throws UsageError when it is none of these, or not to be used now; what AWS says
 */
export async function openDeployed(account: Account, stack: string): Promise<Deployed> {
  const { cloudFormation } = account;
  const { stack: described, outputs } = await describeStack(cloudFormation, stack);
  checkStatus(stack, described.StackStatus ?? '');
  const { SourceBucket, ResultBucket, FailureQueue } = outputs;
  if (!SourceBucket || !ResultBucket || !FailureQueue) {
    throw new UsageError(
      `${stack} has no outputs SourceBucket, ResultBucket and FailureQueue: if it is one of these stacks, deploy it again`,
    );
  }
  const { TemplateBody = '' } = await cloudFormation.send(new GetTemplateCommand({ StackName: stack }));
  const { way, environment, template } = readTemplate(stack, TemplateBody);
  const ids: (readonly [type: string, id: string])[] = [];
  for await (const page of paginateListStackResources({ client: cloudFormation }, { StackName: stack })) {
    for (const { ResourceType: type = '', PhysicalResourceId: id = '' } of page.StackResourceSummaries ?? [])
      ids.push([type, id]);
  }
  const all = (type: string) => ids.flatMap(([each, id]) => (each === type ? [id] : []));
  return {
    stack,
    way,
    facts: readWayFacts(way, template),
    settings: readSettings(environment),
    sourceBucket: SourceBucket,
    resultBucket: ResultBucket,
    failureQueue: FailureQueue,
    jobQueue: all('AWS::SQS::Queue').find((url) => url !== FailureQueue),
    templateHash: createHash('sha256').update(TemplateBody).digest('hex'),
    units: unitsOf(way, account, (type) => all(type)[0] ?? ''),
  };
}

function checkStatus(stack: string, status: string): void {
  if (WORKING.includes(status)) return;
  if (/^(CREATE|UPDATE|IMPORT)_.*IN_PROGRESS$|^REVIEW_IN_PROGRESS$/.test(status)) {
    throw new UsageError(`${stack} is still being deployed (${status}): wait until it is done, and run it again`);
  }
  if (/^DELETE_/.test(status)) throw new UsageError(`${stack} is being deleted, or was (${status}): deploy it again`);
  throw new UsageError(
    `the deployment of ${stack} has failed (${status}): npx cdk diagnose --unstable=diagnose ${stack} says why`,
  );
}

/** The way whose worker finds its own name where workers of that way find their environment. */
function readTemplate(stack: string, body: string) {
  const none = `the template of ${stack} is none of these six`;
  let template: Template;
  try {
    template = JSON.parse(body);
  } catch {
    throw new UsageError(`${none}: name a stack of this repository`);
  }
  for (const way of COMPUTES) {
    try {
      const { environment } = readDeployment(way, template, NOWHERE);
      if (environment.COMPUTE === way) return { way, environment, template };
    } catch {
      // Of another way, then.
    }
  }
  throw new UsageError(`${none}, as this checkout has them: deploy it again from here, or name another stack`);
}

/** @param id of the only resource of a type */
function unitsOf(way: Compute, { settings }: Account, id: (type: string) => string): Units | undefined {
  const inService = (group: object) => async () => {
    const client = new AutoScalingClient(settings);
    const { AutoScalingGroups = [] } = await client.send(new DescribeAutoScalingGroupsCommand(group));
    const instances = AutoScalingGroups.flatMap(({ Instances = [] }) => Instances);
    return instances.filter(({ LifecycleState }) => LifecycleState === 'InService').length;
  };
  switch (way) {
    case 'ec2':
      return {
        name: 'instances',
        count: inService({ AutoScalingGroupNames: [id('AWS::AutoScaling::AutoScalingGroup')] }),
      };
    case 'ecs-fargate':
    case 'ecs-ec2': {
      const client = new ECSClient(settings);
      const asked = { cluster: id('AWS::ECS::Cluster'), services: [id('AWS::ECS::Service')] };
      return {
        name: 'tasks',
        count: async () => {
          const { services = [] } = await client.send(new DescribeServicesCommand(asked));
          return services[0]?.runningCount ?? 0;
        },
      };
    }
    case 'eks-ec2':
      // The group is EKS's own, and has the name of its cluster in a tag. Of pods no API but the cluster's knows.
      return {
        name: 'nodes',
        count: inService({ Filters: [{ Name: 'tag:eks:cluster-name', Values: [id('AWS::EKS::Cluster')] }] }),
      };
    // A function's concurrency is a metric, minutes late; pods on Fargate are known to the cluster only.
    case 'lambda':
    case 'eks-fargate':
      return undefined;
  }
}
