import { readDeployment } from '../../tools/local/deployment';
import type { Template } from '../../tools/templates';
import { COMPUTES, type Compute } from '../../workload/contract';
import { templates } from '../support/templates';

const NAMES = {
  region: 'us-east-1',
  account: '000000000000',
  queueUrl: (name: string) => `http://127.0.0.1/${name}`,
  queueArn: (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`,
};

let all: Record<Compute, Template>;
beforeAll(() => {
  all = templates();
});

const read = (compute: Compute, template = all[compute]) => readDeployment(compute, template, NAMES);

/** A copy of a template in which every resource of a type has been changed. */
function changed(compute: Compute, type: string, change: (properties: Record<string, unknown>) => void): Template {
  const copy = structuredClone(all[compute]);
  for (const { Type, Properties } of Object.values(copy.Resources)) if (Type === type) change(Properties);
  return copy;
}

describe.each(COMPUTES)('what the local run reads of %s', (compute) => {
  test('is its environment, with references resolved', () => {
    expect(read(compute).environment).toMatchObject({
      COMPUTE: compute,
      SOURCE_BUCKET: `${compute}-source`,
      SOURCE_PREFIX: 'incoming/',
      OUTPUT_BUCKET: `${compute}-output`,
    });
  });

  test('is the prefix and the target of its notification', () => {
    const { bucket, configuration } = read(compute).notification;
    const [target] = [
      ...(configuration.QueueConfigurations ?? []),
      ...(configuration.LambdaFunctionConfigurations ?? []),
    ];
    expect(bucket).toBe(`${compute}-source`);
    expect(target).toMatchObject({
      Events: ['s3:ObjectCreated:*'],
      Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'incoming/' }] } },
    });
  });

  test('follows the template', () => {
    const moved = JSON.parse(JSON.stringify(all[compute]).replaceAll('incoming/', 'elsewhere/'));
    expect(read(compute, moved).environment.SOURCE_PREFIX).toBe('elsewhere/');
    expect(JSON.stringify(read(compute, moved).notification)).toContain('elsewhere/');
  });
});

describe.each(COMPUTES.filter((compute) => compute !== 'lambda'))('the queues of %s', (compute) => {
  test('are as the template sets them, the failure queue first', () => {
    expect(read(compute).queues).toEqual([
      { name: `${compute}-failed`, visibilityTimeoutSeconds: 30, receiveWaitSeconds: 0 },
      {
        name: `${compute}-jobs`,
        visibilityTimeoutSeconds: 120,
        receiveWaitSeconds: 20,
        redrive: { deadLetterQueue: `${compute}-failed`, maxReceiveCount: 5 },
      },
    ]);
    const template = changed(compute, 'AWS::SQS::Queue', (properties) => {
      properties.VisibilityTimeout = 77;
    });
    expect(read(compute, template).queues[1]?.visibilityTimeoutSeconds).toBe(77);
  });

  test('reach the worker by their local URL', () => {
    expect(read(compute).environment).toMatchObject({
      QUEUE_URL: `http://127.0.0.1/${compute}-jobs`,
      VISIBILITY_TIMEOUT_SECONDS: '120',
      STOP_GRACE_SECONDS: '90',
      AWS_REGION: 'us-east-1',
    });
  });
});

test('the function is configured as the template says', () => {
  expect(read('lambda').function).toEqual({
    arn: expect.stringMatching(/^arn:aws:lambda:us-east-1:000000000000:function:lambda-worker/),
    handler: 'index.handler',
    memoryMib: 2048,
    timeoutSeconds: 60,
    retries: 2,
  });
  const [target] = read('lambda').notification.configuration.LambdaFunctionConfigurations ?? [];
  expect(target?.LambdaFunctionArn).toBe(read('lambda').function?.arn);
});

test('a template that lacks what is needed is named', () => {
  expect(() => read('ecs-fargate', { Resources: {} })).toThrow(
    'the template of ecs-fargate has no Custom::S3BucketNotifications',
  );
});
