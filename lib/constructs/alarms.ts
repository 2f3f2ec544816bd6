import { StepScalingPolicy as TaskScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { StepScalingPolicy as InstanceScalingPolicy } from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { ArnFormat, Aspects, type IAspect, type Stack } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/**
 * Mails every alarm that needs a person, where an address is given. Alarms that scale need nobody: they say so in their
 * description.
 *
 * @param email - nobody is told: an alarm is red in the console, and that is all
 */
export function alarms(stack: Stack, email?: string): void {
  Aspects.of(stack).add(new Alarms(email ? mailTo(stack, email) : undefined));
}

class Alarms implements IAspect {
  constructor(private readonly action?: SnsAction) {}

  visit(node: IConstruct): void {
    if (!(node instanceof cloudwatch.Alarm)) return;
    const { scope } = node.node;
    if (scope instanceof TaskScalingPolicy || scope instanceof InstanceScalingPolicy) {
      (node.node.defaultChild as cloudwatch.CfnAlarm).alarmDescription =
        node === scope.upperAlarm
          ? 'No fault, and nothing to do: uploads wait, and workers are added.'
          : 'No fault, and nothing to do: workers are taken away. In alarm for as long as nothing is uploaded.';
    } else if (this.action) {
      node.addAlarmAction(this.action);
    }
  }
}

/** A topic with one subscriber, whom AWS asks by mail first. Without a key of its own: a mail is not encrypted, either. */
function mailTo(stack: Stack, email: string): SnsAction {
  const topic = new sns.Topic(stack, 'AlarmMail', { enforceSSL: true });
  topic.addSubscription(new EmailSubscription(email));
  // A topic with a policy of its own has not the one that would let the account's alarms in.
  topic.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: {
          'aws:SourceArn': stack.formatArn({
            service: 'cloudwatch',
            resource: 'alarm',
            resourceName: '*',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        },
        StringEquals: { 'aws:SourceAccount': stack.account },
      },
    }),
  );
  return new SnsAction(topic);
}
