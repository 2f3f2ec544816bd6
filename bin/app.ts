import * as cdk from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledge } from '../lib/acknowledgements';
import { withoutFalseAlarm } from '../lib/constructs/false-alarm';
import { Ec2Stack } from '../lib/ec2-stack';
import { EcsFargateStack } from '../lib/ecs-fargate-stack';
import { EksEc2Stack } from '../lib/eks-ec2-stack';
import { LambdaStack } from '../lib/lambda-stack';
import { visible } from '../tools/terminal';
import { readSwitches } from './switches';

// What a reader can mend, a bundle that is not built say, is one line and not a stack trace.
process.on('uncaughtException', ({ message }) => {
  for (const line of message.split('\n')) console.error(visible(line));
  process.exit(1);
});
withoutFalseAlarm();

const app = new cdk.App();
const { suffix, ...switches } = readSwitches(app.node.getAllContext(), process.env.CDK_DEFAULT_REGION);
const props = { ...switches, tags: { project: 'four-ways' } };

const stacks = [
  new Ec2Stack(app, `ResizeOnEc2${suffix}`, props),
  new LambdaStack(app, `ResizeOnLambda${suffix}`, props),
  new EcsFargateStack(app, `ResizeOnEcsFargate${suffix}`, props),
  new EksEc2Stack(app, `ResizeOnEksEc2${suffix}`, props),
];

cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
for (const stack of stacks) acknowledge(stack);
