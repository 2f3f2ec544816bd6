import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { describeStack, explain, openAccount } from '../aws';
import { type Command, parse, print, say, UsageError } from '../command-line';
import { type Replayed, replay as replayQueue } from './replay';

/** So many messages that stay are named one by one. */
const NAMED = 20;

/** So many events between two lines of progress. */
const PROGRESS = 100;

/** `npm run replay`. Region and credentials come from where the AWS CLI has them too. */
export const replay: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('replay', args, { region: { type: 'string' } });
  const [stack, second] = positionals;
  if (!stack) throw new UsageError('which stack? npm run replay -- ResizeOnLambda');
  if (second !== undefined) throw new UsageError(`one stack at a time: ${stack}, then ${second}`);

  const { cloudFormation, region, settings } = await openAccount(values.region);
  const explained = (error: unknown): Error => explain(error, stack, region, 'docs/lambda.md');

  const target = await describe(cloudFormation, stack).catch((error: unknown): never => {
    throw explained(error);
  });
  // The SDK has learnt by how much this machine's clock is off, to the second.
  const until = Date.now() + cloudFormation.config.systemClockOffset + 1000;
  const signal = stopSignal();
  const replayed = await replayQueue({
    ...target,
    sqs: new SQSClient(settings),
    lambda: new LambdaClient({ ...settings, maxAttempts: 5 }),
    until,
    signal,
    onProgress: (accepted) => accepted % PROGRESS === 0 && say(`${accepted} sent again …`),
  });
  print(...summary(replayed));
  signal.throwIfAborted();
  if (replayed.stoppedBy !== undefined) throw explained(replayed.stoppedBy);
  return replayed.left.length > 0 ? 1 : 0;
};

/** Where the failures of a stack are, and where they belong: never what a message says, which others may have sent. */
async function describe(client: CloudFormationClient, stack: string) {
  const { outputs } = await describeStack(client, stack);
  const { EventTarget: functionName, FailureQueue: queueUrl, ReplayCommand: command } = outputs;
  if (!functionName || !queueUrl) {
    throw new UsageError(
      `${stack} has no outputs EventTarget and FailureQueue: if it is one of these stacks, deploy it again`,
    );
  }
  if (!functionName.includes(':lambda:'))
    throw new UsageError(`${stack} has a job queue, and SQS itself moves failures back to it: ${command}`);
  return { functionName, queueUrl };
}

function summary({ accepted, later, left }: Replayed): string[] {
  const events = (count: number) => (count === 1 ? '1 event' : `${count} events`);
  return [
    `${events(accepted)} sent again: accepted by the function, and deleted from the failure queue`,
    ...(later > 0 ? [`${events(later)} came after the start of this command: left for the next time`] : []),
    ...left.slice(0, NAMED).map(({ messageId, why }) => `left in the queue: ${messageId}, ${why}`),
    ...(left.length > NAMED ? [`left in the queue: ${left.length - NAMED} more`] : []),
  ];
}
