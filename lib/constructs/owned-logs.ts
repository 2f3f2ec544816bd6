import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Aspects, type IAspect, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';
import { config } from '../config';

/** Properties every log group of a stack has: it ends with the stack. */
export const ownedLogGroup = { retention: config.logRetention, removalPolicy: RemovalPolicy.DESTROY } as const;

/**
 * Gives the functions that CDK adds for its custom resources a log group that the stack owns. Left alone they would
 * write to groups of their own making, which never expire and stay behind when the stack is destroyed.
 * @see https://github.com/aws/aws-cdk/issues/26553
 */
export function ownLogs(stack: Stack): void {
  Aspects.of(stack).add(new OwnLogs());
}

class OwnLogs implements IAspect {
  visit(node: IConstruct): void {
    // By type and not by class: some handlers are plain CfnResources.
    const resource = node as { cfnResourceType?: string; addPropertyOverride?: (path: string, value: unknown) => void };
    if (resource.cfnResourceType !== 'AWS::Lambda::Function') return;
    // The provider framework has a logging configuration without a group.
    const logging = (node as lambda.CfnFunction).loggingConfig as lambda.CfnFunction.LoggingConfigProperty | undefined;
    if (logging?.logGroup) return;
    const stack = Stack.of(node);
    const id = 'CustomResourceLogs';
    const group =
      (stack.node.tryFindChild(id) as logs.LogGroup | undefined) ?? new logs.LogGroup(stack, id, ownedLogGroup);
    resource.addPropertyOverride?.('LoggingConfig.LogGroup', group.logGroupName);
  }
}
