import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import {
  Aspects,
  type CfnResource,
  type IAspect,
  type IResolvable,
  type IResolveContext,
  Lazy,
  Reference,
  RemovalPolicy,
  Stack,
  Tokenization,
} from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';
import { config } from '../config';

/** Properties every log group of a stack has: it ends with the stack. */
export const ownedLogGroup = { retention: config.logRetention, removalPolicy: RemovalPolicy.DESTROY } as const;

/**
 * Gives the functions that CDK adds for its custom resources a log group that the stack owns. Left alone they would
 * write to groups of their own making, which never expire and stay behind when the stack is destroyed.
 *
 * And lets none of them make a log group: their managed policy would, and the last lines of a function can arrive when
 * the stack has deleted the group. They would make it anew, without an end.
 *
 * @see https://github.com/aws/aws-cdk/issues/26553
 * @see https://github.com/aws/aws-cdk/issues/31487
 */
export function ownLogs(stack: Stack): void {
  Aspects.of(stack).add(new OwnLogs());
}

/** What is read here of a handler and of its role. By type and not by class: some are plain CfnResources. */
interface Resource extends Pick<CfnResource, 'cfnResourceType' | 'addPropertyOverride'> {
  /** As TypeScript spells them (`role`), or, of a plain CfnResource, CloudFormation (`Role`). */
  readonly cfnProperties: Readonly<Record<string, unknown>>;
}

class OwnLogs implements IAspect {
  private readonly denied = new Set<IConstruct>();

  visit(node: IConstruct): void {
    const handler = node as unknown as Resource;
    if (handler.cfnResourceType !== 'AWS::Lambda::Function') return;
    // The provider framework has a logging configuration without a group.
    const { loggingConfig } = handler.cfnProperties as { loggingConfig?: { logGroup?: string } };
    if (loggingConfig?.logGroup) return;
    const stack = Stack.of(node);
    const id = 'CustomResourceLogs';
    const group =
      (stack.node.tryFindChild(id) as logs.LogGroup | undefined) ?? new logs.LogGroup(stack, id, ownedLogGroup);
    handler.addPropertyOverride('LoggingConfig.LogGroup', group.logGroupName);
    const role = roleOf(handler, node);
    if (!this.denied.has(role)) denyLogGroups(role);
    this.denied.add(role);
  }
}

/** The role that a handler works as, found by the handler's reference to it. */
function roleOf({ cfnProperties }: Resource, { node }: IConstruct): IConstruct {
  const arn = Tokenization.reverse(cfnProperties.role ?? cfnProperties.Role);
  if (!Reference.isReference(arn)) throw new Error(`the role of ${node.path} is not in its stack`);
  return arn.target;
}

/** Part of the role itself: a policy beside it could be deleted first. */
function denyLogGroups(role: IConstruct): void {
  const policyName = 'NoLogGroups';
  const policyDocument = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Action: 'logs:CreateLogGroup', Resource: '*' }],
  };
  if (role instanceof iam.CfnRole) {
    role.policies = append(role.policies, { policyName, policyDocument });
  } else {
    const plain = role as unknown as Resource;
    const policies = append(plain.cfnProperties.Policies, { PolicyName: policyName, PolicyDocument: policyDocument });
    plain.addPropertyOverride('Policies', policies);
  }
}

/** A list with one more, when it is known: CDK goes on adding to it. */
function append(list: unknown, one: unknown): IResolvable {
  return Lazy.uncachedAny({ produce: (context: IResolveContext) => [...(context.resolve(list) ?? []), one] });
}
