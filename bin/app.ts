import * as cdk from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledge } from '../lib/acknowledgements';
import { Ec2Stack } from '../lib/ec2-stack';
import { EcsFargateStack } from '../lib/ecs-fargate-stack';
import { EksEc2Stack } from '../lib/eks-ec2-stack';
import { LambdaStack } from '../lib/lambda-stack';

// What a reader can mend, a bundle that is not built say, is one line and not a stack trace.
process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const app = new cdk.App();
const flag = (name: string) => String(app.node.tryGetContext(name)) === 'true';
const props = {
  production: flag('production'),
  spot: flag('spot'),
  clusterAdmin: app.node.tryGetContext('clusterAdmin'),
  tags: { project: 'four-ways' },
};

const stacks = [
  new Ec2Stack(app, 'ResizeOnEc2', props),
  new LambdaStack(app, 'ResizeOnLambda', props),
  new EcsFargateStack(app, 'ResizeOnEcsFargate', props),
  new EksEc2Stack(app, 'ResizeOnEksEc2', props),
];

cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
for (const stack of stacks) acknowledge(stack);
