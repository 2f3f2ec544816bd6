import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/**
 * Answers as AWS's services would, in the protocols that the SDK speaks with each. What it answers is written by hand, after
 * the SDK's shapes and the examples of AWS's documentation: nothing here was recorded from AWS.
 */

/** What a service is asked. */
export interface Asked {
  /** As a policy names it: `ec2:DescribeTags`. */
  readonly action: string;
  /** Of a request in a form or in JSON, and of the address. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** What it answers: data by the names of the protocol, or an error. */
export type Answer = object | { readonly error: string; readonly message?: string; readonly status?: number };

export interface StandIn {
  readonly url: string;
  /** Every request since the start, in its order. */
  readonly asked: Asked[];
  close(): void;
}

/** @param answer to a request; `undefined` is an answer with nothing in it */
export async function startStandIn(answer: (asked: Asked) => Answer | undefined): Promise<StandIn> {
  const asked: Asked[] = [];
  const server: Server = createServer(async (request, response) => {
    const body = await text(request);
    const { protocol, ...question } = read(request, body);
    asked.push(question);
    const found = answer(question) ?? {};
    const write = protocol === 'json' || protocol === 'rest-json' ? writeJson : writeXml;
    const { status, headers, content } = write(question.action, found);
    response.writeHead(status, headers).end(content);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A request is signed for a service; what is called stands in its form, in a header, or in its path. */
function read({ headers, url = '/', method }: IncomingMessage, body: string) {
  const [, service = ''] = /Credential=[^/]+\/\d+\/[^/]+\/([a-z0-9-]+)\//.exec(headers.authorization ?? '') ?? [];
  const { pathname, searchParams } = new URL(url, 'http://stand-in');
  const target = headers['x-amz-target'];
  if (typeof target === 'string') {
    const called = target.split('.').at(-1);
    return { protocol: 'json', action: `${PREFIXES[service] ?? service}:${called}`, input: JSON.parse(body || '{}') };
  }
  if (service === 'eks') {
    const [, , cluster, list] = pathname.split('/');
    const called = { 'node-groups': 'ListNodegroups', 'fargate-profiles': 'ListFargateProfiles' }[list ?? ''];
    return { protocol: 'rest-json', action: `eks:${called ?? 'DescribeCluster'}`, input: { cluster } };
  }
  const query = Object.fromEntries(searchParams);
  if (service === 's3') {
    const [, bucket] = pathname.split('/');
    const called = bucket ? 's3:ListBucket' : 's3:ListAllMyBuckets';
    return { protocol: 'xml', action: method === 'GET' ? called : `s3:${method}`, input: { ...query, bucket } };
  }
  const form = Object.fromEntries(new URLSearchParams(body));
  return { protocol: 'xml', action: `${service}:${form.Action}`, input: form };
}

/** Where a policy calls a service otherwise than a signature. */
const PREFIXES: Readonly<Record<string, string>> = { tagging: 'tag', monitoring: 'cloudwatch' };

function writeJson(_action: string, answer: Answer) {
  const type = { 'content-type': 'application/x-amz-json-1.1' };
  if (!('error' in answer)) return { status: 200, headers: type, content: JSON.stringify(answer) };
  const { error, message = 'no', status = 400 } = answer;
  const headers = { ...type, 'x-amzn-errortype': error };
  return { status, headers, content: JSON.stringify({ __type: error, message }) };
}

function writeXml(action: string, answer: Answer) {
  const [service, name] = action.split(':') as [string, string];
  const headers = { 'content-type': 'text/xml' };
  if ('error' in answer) {
    const { error, message = 'no', status = 400 } = answer;
    const told = xml({ Code: error, Message: message });
    const content =
      service === 'ec2'
        ? `<Response><Errors><Error>${told}</Error></Errors><RequestID>1</RequestID></Response>`
        : service === 's3'
          ? `<Error>${told}</Error>`
          : `<ErrorResponse><Error><Type>Sender</Type>${told}</Error><RequestId>1</RequestId></ErrorResponse>`;
    return { status, headers, content };
  }
  const content =
    service === 'ec2'
      ? `<${name}Response>${xml(answer, 'item')}</${name}Response>`
      : service === 's3'
        ? `<${name === 'ListBucket' ? 'ListBucketResult' : 'ListAllMyBucketsResult'}>${xml(answer, '')}</${name === 'ListBucket' ? 'ListBucketResult' : 'ListAllMyBucketsResult'}>`
        : `<${name}Response><${name}Result>${xml(answer, 'member')}</${name}Result></${name}Response>`;
  return { status: 200, headers, content };
}

const escaped = (value: unknown) =>
  String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** @param member what an entry of a list is called; nothing where a list is its name again and again, as in S3 */
function xml(value: unknown, member = 'member'): string {
  if (typeof value !== 'object' || value === null) return escaped(value);
  return Object.entries(value)
    .map(([name, each]) => {
      if (!Array.isArray(each)) return `<${name}>${xml(each, member)}</${name}>`;
      if (member === '') return each.map((one) => `<${name}>${xml(one, member)}</${name}>`).join('');
      return `<${name}>${each.map((one) => `<${member}>${xml(one, member)}</${member}>`).join('')}</${name}>`;
    })
    .join('');
}
