import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { WAYS } from '../../lib/ways';
import type { Call } from '../../tools/local/call-hooks';
import { type Endpoints, startEndpoints } from '../../tools/local/endpoints';
import type { Compute } from '../../workload/contract';
import { checkout, start } from './command-line';
import { cornered } from './pictures';
import { templates } from './templates';

/**
 * CloudFormation, Auto Scaling, ECS and Lambda as far as a deployed stack is asked for there, on 127.0.0.1. The answers are
 * built from the shapes in the SDK and the examples in AWS's API references: nobody has seen them come from AWS.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
 * @see https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
 */

/** Not like the ones by default: a stack can be renamed, and says by its template what it is. */
export interface FakeStack {
  readonly way: Compute;
  readonly status?: string;
  /** In place of the way's own. */
  readonly template?: object;
  readonly outputs?: Readonly<Record<string, string>>;
}

export interface FakeAws {
  readonly url: string;
  /** By name. */
  readonly stacks: Map<string, FakeStack>;
  /** The code of an error that CloudFormation answers with. */
  error: string | undefined;
  close(): void;
}

/** Two of these work, one has not come up yet. */
const STATES = ['InService', 'Pending', 'InService'];

const escaped = (raw: string) => raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const members = (list: readonly string[]) => list.map((each) => `<member>${each}</member>`).join('');

export async function startAws(endpoints: Endpoints): Promise<FakeAws> {
  const stacks = new Map<string, FakeStack>();
  const fake = { error: undefined as string | undefined };
  const query = (response: ServerResponse, action: string, result: string) =>
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(`<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`);
  const refuse = (response: ServerResponse, code: string, message: string) =>
    response
      .writeHead(400, { 'content-type': 'text/xml' })
      .end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
      );
  const server: Server = createServer(async (request, response) => {
    const body = await text(request);
    if (request.url?.includes('/account-settings')) {
      response.end(JSON.stringify({ AccountLimit: { ConcurrentExecutions: 10 } }));
      return;
    }
    if (String(request.headers['x-amz-target']).endsWith('.DescribeServices')) {
      const { cluster, services } = JSON.parse(body);
      const isAsked = cluster === 'physical-cluster' && services[0] === 'physical-service';
      response.end(JSON.stringify({ services: isAsked ? [{ runningCount: 2, desiredCount: 3 }] : [] }));
      return;
    }
    const asked = new URLSearchParams(body);
    const action = asked.get('Action') ?? '';
    if (action === 'DescribeAutoScalingGroups') {
      const isAsked =
        asked.get('AutoScalingGroupNames.member.1') === 'physical-autoscalinggroup' ||
        (asked.get('Filters.member.1.Name') === 'tag:eks:cluster-name' &&
          asked.get('Filters.member.1.Values.member.1') === 'physical-cluster');
      const instances = STATES.map(
        (state, id) => `<InstanceId>i-${id}</InstanceId><LifecycleState>${state}</LifecycleState>`,
      );
      const group = `<AutoScalingGroupName>g</AutoScalingGroupName><Instances>${members(instances)}</Instances>`;
      query(response, action, `<AutoScalingGroups>${isAsked ? members([group]) : ''}</AutoScalingGroups>`);
      return;
    }
    const name = asked.get('StackName') ?? '';
    const stack = stacks.get(name);
    if (fake.error) refuse(response, fake.error, 'said by the test');
    else if (!stack) refuse(response, 'ValidationError', `Stack with id ${name} does not exist`);
    else if (action === 'DescribeStacks') {
      const outputs = Object.entries(stack.outputs ?? outputsOf(stack.way, endpoints)).map(
        ([key, value]) => `<OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue>`,
      );
      const described = `<StackName>${name}</StackName><StackStatus>${stack.status ?? 'CREATE_COMPLETE'}</StackStatus><Outputs>${members(outputs)}</Outputs>`;
      query(response, action, `<Stacks>${members([described])}</Stacks>`);
    } else if (action === 'GetTemplate') {
      const template = JSON.stringify(stack.template ?? templates()[stack.way]);
      query(response, action, `<TemplateBody>${escaped(template)}</TemplateBody>`);
    } else {
      const resources = Object.entries(templates()[stack.way].Resources).map(([id, { Type }]) => {
        const kind = Type.split('::').at(-1)?.toLowerCase();
        const queue = endpoints.queueUrl(`${stack.way}-${id.includes('Failures') ? 'failed' : 'jobs'}`);
        const physical = Type === 'AWS::SQS::Queue' ? queue : `physical-${kind}`;
        return `<LogicalResourceId>${id}</LogicalResourceId><PhysicalResourceId>${physical}</PhysicalResourceId><ResourceType>${Type}</ResourceType>`;
      });
      query(response, action, `<StackResourceSummaries>${members(resources)}</StackResourceSummaries>`);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(fake, {
    stacks,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}

const outputsOf = (way: Compute, endpoints: Endpoints) => ({
  SourceBucket: `${way}-source`,
  ResultBucket: `${way}-output`,
  FailureQueue: endpoints.queueUrl(`${way}-failed`),
  EventTarget: WAYS[way].entry === 'function' ? 'arn:aws:lambda:…' : endpoints.queueArn(`${way}-jobs`),
});

export const REGION = { AWS_REGION: 'us-east-1' };
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

/** What the SDK would find of this machine's own. */
const OWN = ['PROFILE', 'REGION', 'DEFAULT_REGION', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN'];

/** For a test file: a checkout, three pictures of which one is cut, and for each test new endpoints and a new AWS. */
export function tryStage() {
  const stage = {
    endpoints: undefined as unknown as Endpoints,
    aws: undefined as unknown as FakeAws,
    here: '',
    pictures: '',
    /** Whether S3 deletes what is below a prefix. */
    mayDelete: true,
    /** Starts `npm run try` there. */
    begin(args: readonly string[], environment: Record<string, string> = { ...REGION, ...CREDENTIALS }) {
      const { aws, endpoints, here } = stage;
      const apart = ['CLOUDFORMATION', 'AUTO_SCALING', 'ECS', 'LAMBDA'];
      return start(['try', ...args], here, {
        ...Object.fromEntries(OWN.map((name) => [`AWS_${name}`, undefined])),
        ...Object.fromEntries(apart.map((service) => [`AWS_ENDPOINT_URL_${service}`, aws.url])),
        AWS_ENDPOINT_URL_S3: endpoints.url,
        AWS_ENDPOINT_URL_SQS: endpoints.url,
        HOME: path.join(here, 'none'),
        AWS_EC2_METADATA_DISABLED: 'true',
        ...environment,
      });
    },
  };
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'try-'));
    stage.here = checkout(path.join(folder, 'checkout'));
    cpSync('evidence/bench/results.json', path.join(stage.here, 'evidence/bench/results.json'));
    stage.pictures = path.join(folder, 'pictures');
    mkdirSync(stage.pictures);
    const png = await cornered(300, 200).png().toBuffer();
    writeFileSync(path.join(stage.pictures, 'good.jpg'), await cornered(900, 600).jpeg().toBuffer());
    writeFileSync(path.join(stage.pictures, 'a b+ü.png'), png);
    writeFileSync(path.join(stage.pictures, 'cut.png'), png.subarray(0, png.length / 2));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    stage.mayDelete = true;
    const before = ({ action, bucket }: Call) =>
      action === 'POST' && bucket && !stage.mayDelete ? { status: 403, code: 'AccessDenied' } : undefined;
    stage.endpoints = await startEndpoints({ hooks: { before } });
    stage.aws = await startAws(stage.endpoints);
  });
  afterEach(async () => {
    stage.aws.close();
    await stage.endpoints.close();
  });
  return stage;
}

/** Of a table that was printed, by its first column. */
export const row = (stdout: string, name: string) =>
  stdout
    .split('\n')
    .find((line) => line.startsWith(name))
    ?.slice(name.length)
    .trim()
    .split(/ {2,}/);
