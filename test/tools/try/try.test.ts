import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  DeleteObjectsCommand,
  type DeleteObjectsCommandInput,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { clientConfig, startWay } from '../../../tools/local/ways';
import type { Deployed } from '../../../tools/try/deployed';
import { readDeployment } from '../../../tools/try/evidence';
import { Run, removeBelow } from '../../../tools/try/run';
import type { Compute } from '../../../workload/contract';
import { rejectionKey, renditionKey } from '../../../workload/keys';
import { end } from '../../support/command-line';
import { CREDENTIALS, type FakeStack, REGION, row, tryStage } from '../../support/deployed';
import { s3Record } from '../../support/events';
import { TEST_DIST } from '../../support/host-bundles';
import { cornered } from '../../support/pictures';
import { templates } from '../../support/templates';
import { until } from '../../support/waiting';

/** The command, as a process, against stand-ins on 127.0.0.1: `test/support/deployed.ts`, and the endpoints of the local run. */

const WIDTHS = [160, 640, 1280];

const stage = tryStage();

/** A stack that is deployed, and whose workers never come. */
function deserted(name: string, way: Compute): void {
  for (const bucket of ['source', 'output']) stage.endpoints.createBucket(`${way}-${bucket}`);
  for (const queue of ['failed', 'jobs'])
    stage.endpoints.createQueue(`${way}-${queue}`, { visibilityTimeoutSeconds: 30 });
  stage.aws.stacks.set(name, { way });
}

const keysIn = (bucket: string) => stage.endpoints.listObjects(bucket).map(({ key }) => key);

describe('a stack that works', () => {
  test('keeps its pictures where that is asked, is drawn under load, and is written down', async () => {
    const way = await startWay('lambda', templates().lambda, stage.endpoints, { dist: TEST_DIST, onLine: () => {} });
    stage.aws.stacks.set('Renamed', { way: 'lambda' });
    try {
      const run = stage.begin(['Renamed', stage.pictures, '--count=7', '--rate=50', '--save', '--keep']);
      const { code, stdout, stderr } = await end(run);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/\nkept: s3:\/\/lambda-source\/incoming\/try-/),
      });
      expect(row(stdout, 'done')).toEqual(['5', '5', 'inside']);
      expect(stdout).toMatch(/^Without a result, at most \d\n {2}measured {2}[\u2581-\u2588_]/m);
      const out = path.join(stage.here, 'out/try');
      const [saved, file] = readdirSync(out).sort();
      expect(readFileSync(path.join(out, file as string), 'utf8')).toMatch(/^<svg .*role="img"[\s\S]*<\/svg>\n$/);
      // Nobody takes it for something that was seen on AWS.
      expect(stdout).toMatch(/\n127\.0\.0\.1 is not AWS, so this is no evidence: saved in\sout.try.[\w-]+\.json\n$/);
      expect(existsSync(path.join(stage.here, 'evidence/deployments'))).toBe(false);
      expect(saved).toMatch(/^\d{4}-\d\d-\d\d-us-east-1-Renamed\.json$/);
      expect(readDeployment(path.join(out, saved as string))).toMatchObject({
        way: 'lambda',
        load: { uploads: 7, pictures: 3, perSecond: 50 },
        problems: [],
      });
      expect(readFileSync(path.join(out, saved as string), 'utf8')).not.toMatch(/\b\d{12}\b/);
      expect(keysIn(way.sourceBucket)).toHaveLength(7);
      expect(keysIn(way.outputBucket)).toHaveLength(5 * 3 + 2);
    } finally {
      await way.stop();
    }
  });
});

describe('what is not as it should be ends with 1, a line each', () => {
  test('nothing ever comes', async () => {
    deserted('Deserted', 'ec2');
    const { code, stdout, stderr } = await end(stage.begin(['Deserted', stage.pictures, '--deadline=1']));
    expect(stderr).toContain('waits for 1 s after the last upload, at most\n');
    expect(row(stdout, 'failed')).toEqual(['3', '0', 'outside']);
    expect(stdout).toContain(
      '\n3/good.jpg: no result 1 s after the last upload, and here it is made into renditions\n',
    );
    expect(stdout).toContain('\n2/cut.png: no result 1 s after the last upload, and here it is rejected as corrupt\n');
    expect(code).toBe(1);
    expect(keysIn('ec2-source')).toEqual([]);
  });

  test('a rejection where renditions were due, the reverse, another size, other pixels, a failure', async () => {
    deserted('Wrong', 'ecs-fargate');
    const [s3, sqs] = [new S3Client(clientConfig(stage.endpoints)), new SQSClient(clientConfig(stage.endpoints))];
    const put = (Key: string, Body: Buffer | string) =>
      s3.send(new PutObjectCommand({ Bucket: 'ecs-fargate-output', Key, Body }));
    const fail = (key: string) =>
      sqs.send(
        new SendMessageCommand({
          QueueUrl: stage.endpoints.queueUrl('ecs-fargate-failed'),
          MessageBody: JSON.stringify({ Records: [s3Record({ key })] }),
        }),
      );
    await fail('incoming/of-somebody-else.jpg');
    const run = stage.begin(['Wrong', stage.pictures, '--count=5']);
    const ended = end(run);
    try {
      await until(() => keysIn('ecs-fargate-source').length === 5);
      const [odd, cut, good, again, last] = keysIn('ecs-fargate-source') as [string, string, string, string, string];
      await put(rejectionKey(odd), JSON.stringify({ reason: 'unsupported', detail: 'no' }));
      const green = await cornered(300, 200).negate().webp().toBuffer();
      for (const width of WIDTHS) await put(renditionKey(cut, width, 'webp'), green);
      const small = await cornered(160, 100).webp().toBuffer();
      for (const width of WIDTHS) await put(renditionKey(good, width, 'webp'), small);
      for (const width of WIDTHS) await put(renditionKey(again, width, 'webp'), width === 160 ? small : green);
      await fail(last);
      const { code, stdout } = await ended;
      expect(stdout).toContain('\n1/a b+ü.png: rejected as unsupported (no), and here it is made into renditions\n');
      expect(stdout).toMatch(/\n2\/cut\.png: made into renditions, and here it is rejected as corrupt \(/);
      expect(stdout).toContain('\n3/good.jpg: 160.webp is 160 x 100 px, and here 160 x 107\n');
      expect(stdout).toMatch(/\n4\/a b\+ü\.png: 640\.webp differs from here by up to \d+ of 255 levels, /);
      expect(stdout).toContain('\n5/cut.png: in the failure queue: every attempt failed; LogsCommand shows why\n');
      expect(code).toBe(1);
    } finally {
      s3.destroy();
      sqs.destroy();
    }
    expect([...keysIn('ecs-fargate-source'), ...keysIn('ecs-fargate-output')]).toEqual([]);
    // What is of others stays, and is seen by others.
    expect(stage.endpoints.queueDepth('ecs-fargate-failed')).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });
});

test('what is on its way when Ctrl-C comes is waited for, so that it is removed too', async () => {
  const sent: string[] = [];
  const kept: string[] = [];
  const answers: (() => void)[] = [];
  const s3 = {
    send: ({ input: { Key = '' } }: PutObjectCommand) => {
      sent.push(Key);
      return new Promise<void>((resolve) => {
        answers.push(() => {
          kept.push(Key);
          resolve();
        });
      });
    },
  } as unknown as S3Client;
  const deployed = { sourceBucket: 'source', settings: { sourcePrefix: 'incoming/' } } as unknown as Deployed;
  const input = { key: 'incoming/a.jpg', bytes: 1, read: async () => Buffer.from('a') };
  const run = new Run(deployed, s3, undefined as unknown as SQSClient, [input], 40);
  const stop = new AbortController();
  let isOver = false;
  const uploads = run.upload(stop.signal).catch((error: Error) => {
    isOver = true;
    return error.message;
  });
  await until(() => sent.length > 0);
  stop.abort(new Error('stopped'));
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  for (const answer of answers) answer();
  expect(await uploads).toBe('stopped');
  expect(kept).toEqual(sent);
  expect(sent.length).toBeLessThan(40);
});

/** A run of one upload to EC2's endpoints, where a worker has a message in hand. */
async function inHand() {
  const [s3, sqs] = [new S3Client(clientConfig(stage.endpoints)), new SQSClient(clientConfig(stage.endpoints))];
  const [failureQueue, jobQueue] = ['failed', 'jobs'].map((name) => stage.endpoints.queueUrl(`ec2-${name}`));
  // What a worker has in hand.
  await sqs.send(new SendMessageCommand({ QueueUrl: jobQueue, MessageBody: 'an event' }));
  await sqs.send(new ReceiveMessageCommand({ QueueUrl: jobQueue }));
  const deployed = {
    sourceBucket: 'ec2-source',
    resultBucket: 'ec2-output',
    failureQueue,
    jobQueue,
    settings: { sourcePrefix: 'incoming/', renditions: { widths: WIDTHS, format: 'webp' } },
  } as unknown as Deployed;
  const input = { key: 'incoming/a.jpg', bytes: 1, read: async () => Buffer.from('a') };
  const run = new Run(deployed, s3, sqs, [input], 1);
  return { run, s3, sqs, failureQueue };
}

test('an upload that comes late, and what then fails, go too', async () => {
  deserted('Late', 'ec2');
  const { run, s3, sqs, failureQueue } = await inHand();
  try {
    await run.upload(new AbortController().signal);
    const late = async () => {
      const Key = `${run.prefix}2/a.jpg`;
      await s3.send(new PutObjectCommand({ Bucket: 'ec2-source', Key, Body: 'late' }));
      const MessageBody = JSON.stringify({ Records: [s3Record({ key: Key })] });
      await sqs.send(new SendMessageCommand({ QueueUrl: failureQueue, MessageBody }));
    };
    expect(await run.remove(late)).toEqual({ sources: 2, results: 0 });
    expect(keysIn('ec2-source')).toEqual([]);
    expect(stage.endpoints.queueDepth('ec2-failed')).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  } finally {
    s3.destroy();
    sqs.destroy();
  }
});

test('what cannot be removed ends with 1, and the command that removes it', async () => {
  const way = await startWay('lambda', templates().lambda, stage.endpoints, { dist: TEST_DIST, onLine: () => {} });
  stage.aws.stacks.set('Kept', { way: 'lambda' });
  stage.mayDelete = false;
  try {
    const run = stage.begin(['Kept', stage.pictures]);
    const { code, stdout, stderr } = await end(run);
    expect(stderr).toMatch(
      /\ncannot remove everything \(injected\): aws s3 rm --recursive s3:\/\/lambda-source\/incoming\/try-/,
    );
    expect(row(stdout, 'done')).toEqual(['2', '2', 'inside']);
    expect(code).toBe(1);
  } finally {
    await way.stop();
  }
});

test('Ctrl-C removes what was uploaded', async () => {
  deserted('Deserted', 'ec2');
  const run = stage.begin(['Deserted', stage.pictures, '--count=1000', '--rate=20']);
  const ended = end(run);
  await until(() => keysIn('ec2-source').length > 2);
  run.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toMatch(/\nremoving\ss3:\/\/ec2-source\/incoming\/try-\S+\/ and its\sresults;\sCtrl-C\sleaves /);
  expect(stderr).toMatch(/\nremoved \d+ uploads and 0 results\nstopped by SIGINT; nothing is left running\n$/);
  expect(code).toBe(130);
  expect(keysIn('ec2-source')).toEqual([]);
});

test('what is wrong, and what to do instead, is said in one line, and nothing is uploaded', async () => {
  const named = { ...REGION, ...CREDENTIALS };
  deserted('Good', 'ec2');
  const states: Record<string, FakeStack> = {
    Coming: { way: 'ec2', status: 'CREATE_IN_PROGRESS' },
    Going: { way: 'ec2', status: 'DELETE_IN_PROGRESS' },
    Failed: { way: 'ec2', status: 'ROLLBACK_COMPLETE' },
    Other: { way: 'ec2', outputs: { Site: 'https://example.com' } },
    Foreign: { way: 'ec2', template: { Resources: { Topic: { Type: 'AWS::SNS::Topic' } } } },
  };
  for (const [name, stack] of Object.entries(states)) stage.aws.stacks.set(name, stack);
  const long = ['Good', stage.pictures, '--count=10000', '--rate=0.01'];
  const mistakes: [args: string[], environment: Record<string, string>, code: number, message: string | RegExp][] = [
    [[], named, 2, 'which stack? npm run try -- ResizeOnLambda'],
    [['Good', '--rate=fast'], named, 2, '--rate is "fast": expected uploads per second, from 0.01 to 1000'],
    [['Good', '--count=0'], named, 2, '--count is "0": expected a whole number from 1 to 10000'],
    [['Good', 'nowhere.jpg'], named, 2, 'nowhere.jpg: no such file or folder'],
    [['None'], named, 2, 'there is no stack None in us-east-1: look at the name, and give --region'],
    [['Good'], CREDENTIALS, 2, 'no region: give --region, such as --region eu-west-1, or set AWS_REGION'],
    [['Good'], REGION, 1, /^no AWS credentials: log in, or set AWS_PROFILE to a profile that has some/],
    [
      ['Coming'],
      named,
      2,
      'Coming is still being deployed (CREATE_IN_PROGRESS): wait until it is done, and run it again',
    ],
    [['Going'], named, 2, 'Going is being deleted, or was (DELETE_IN_PROGRESS): deploy it again'],
    [['Failed'], named, 2, /^the deployment of Failed has failed \(ROLLBACK_COMPLETE\): npx cdk diagnose /],
    [['Other'], named, 2, /^Other has no outputs SourceBucket, ResultBucket and FailureQueue: /],
    [['Foreign'], named, 2, /^the template of Foreign is none of these six, /],
    [
      long,
      named,
      2,
      /^10000 uploads of 3 pictures cost at most \$\d+\.\d\d beyond what the stack costs anyway: if that is meant, write -- before the stack, and --yes after it$/,
    ],
    [
      long,
      { ...named, AWS_REGION: 'eu-central-1' },
      2,
      /the comparison has no prices for eu-central-1: those of [a-z]+-[a-z]+-\d: if that is meant, /,
    ],
  ];
  const ends = await Promise.all(mistakes.map(([args, environment]) => end(stage.begin(args, environment))));
  for (const [index, [args, , code, message]] of mistakes.entries()) {
    const { code: found, stderr } = ends[index] as Awaited<ReturnType<typeof end>>;
    const last = stderr.trimEnd().split('\n').at(-1)?.replace('four-ways: ', '');
    expect([args, found, last]).toEqual([
      args,
      code,
      typeof message === 'string' ? message : expect.stringMatching(message),
    ]);
  }
  const errors: [code: string, message: RegExp][] = [
    ['ExpiredToken', /^the AWS credentials have expired: log in again$/],
    ['Throttling', /^AWS asks for fewer requests in us-east-1 \(said by the test\): wait a minute, and run it again$/],
    [
      'InvalidClientTokenId',
      /^AWS does not know these credentials: log in again, or set AWS_PROFILE to another profile/,
    ],
    ['AccessDenied', /^said by the test; what is needed is in docs\/try\.md$/],
  ];
  for (const [code, message] of errors) {
    stage.aws.error = code;
    const { code: found, stderr } = await end(stage.begin(['Good']));
    expect([found, stderr.trimEnd().replace('four-ways: ', '')]).toEqual([1, expect.stringMatching(message)]);
  }
  stage.aws.error = undefined;
  const out = path.join(stage.here, 'out/try');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(path.dirname(out), { recursive: true });
  writeFileSync(out, 'no folder');
  const unsaved = await end(stage.begin(['Good', stage.pictures, '--save']));
  rmSync(out);
  expect([unsaved.code, unsaved.stderr]).toEqual([
    2,
    expect.stringMatching(/^four-ways: cannot write to .*try \(.+\): make it writable, or run without --save\n$/),
  ]);
  expect(keysIn('ec2-source')).toEqual([]);
});

test('a result that a worker writes while everything is removed goes too', async () => {
  deserted('Busy', 'ec2');
  const { run, s3, sqs } = await inHand();
  try {
    await run.upload(new AbortController().signal);
    const [key] = keysIn('ec2-source') as [string];
    const late = () =>
      s3.send(new PutObjectCommand({ Bucket: 'ec2-output', Key: renditionKey(key, 160, 'webp'), Body: 'late' }));
    expect(await run.remove(late)).toEqual({ sources: 1, results: 1 });
    expect([...keysIn('ec2-source'), ...keysIn('ec2-output')]).toEqual([]);
  } finally {
    s3.destroy();
    sqs.destroy();
  }
});

test('where a bucket keeps versions, all of them are deleted, and the marks of their deletion', async () => {
  const deleted: DeleteObjectsCommandInput[] = [];
  const answers: Record<string, object> = {
    ListObjectsV2Command: { Contents: [{ Key: 'a/1' }, { Key: 'a/2' }] },
    DeleteObjectsCommand: { Deleted: [{ Key: 'a/1', DeleteMarker: true }] },
  };
  const versions: object[] = [
    {
      Versions: [
        { Key: 'a/1', VersionId: 'v1' },
        { Key: 'a/2', VersionId: 'v2' },
      ],
      DeleteMarkers: [{ Key: 'a/1', VersionId: 'd1' }],
    },
    {},
  ];
  const s3 = new S3Client({ region: 'us-east-1' });
  jest.spyOn(s3, 'send').mockImplementation((async (command: object) => {
    if (command instanceof DeleteObjectsCommand) deleted.push(command.input);
    if (command instanceof ListObjectVersionsCommand) return versions.shift();
    return answers[command.constructor.name];
  }) as never);
  expect(await removeBelow(s3, 'bucket', 'a/')).toBe(2);
  expect(
    deleted.map(({ Delete }) => Delete?.Objects?.map(({ Key, VersionId }) => `${Key} ${VersionId ?? ''}`)),
  ).toEqual([
    ['a/1 ', 'a/2 '],
    ['a/1 v1', 'a/2 v2', 'a/1 d1'],
  ]);
});
