import * as cdk from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledge } from '../lib/acknowledgements';
import { withoutFalseAlarm } from '../lib/constructs/false-alarm';
import { defineStacks } from '../lib/stacks';
import { visible } from '../tools/visible';
import { readSwitches } from './switches';

// What a reader can mend, a bundle that is not built say, is one line and not a stack trace.
process.on('uncaughtException', ({ message }) => {
  for (const line of message.split('\n')) console.error(visible(line));
  process.exit(1);
});
withoutFalseAlarm();

const app = new cdk.App();
const { suffix, ...switches } = readSwitches(app.node.getAllContext(), process.env.CDK_DEFAULT_REGION);
const stacks = defineStacks(app, { ...switches, tags: { project: 'four-ways' } }, suffix);

cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
for (const [way, stack] of stacks) acknowledge(way, stack);
