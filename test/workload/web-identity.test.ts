import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { spawnWorker } from '../../tools/local/ways';
import { TEST_DIST } from '../support/host-bundles';
import { until } from '../support/waiting';

/**
 * In a pod on Fargate the worker has no keys: EKS puts a token into a file, and its path and the role into variables. The
 * bundle of the function could not use them, because Lambda needs none of what looks for credentials.
 */

const ROLE = 'arn:aws:iam::123456789012:role/worker';

/** What STS answers: keys that last for an hour. */
const KEYS = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIAFROMSTS</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;

test('the worker as it is deployed shows STS the token of its pod, and works with the keys that it is given', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'four-ways-token-'));
  const file = path.join(folder, 'token');
  writeFileSync(file, 'signed-by-the-cluster');
  const asked: URLSearchParams[] = [];
  const signed: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request);
    if (body.startsWith('Action=')) {
      asked.push(new URLSearchParams(body));
      response.setHeader('content-type', 'text/xml').end(KEYS);
    } else {
      // A receive, which stays open as SQS leaves it.
      signed.push(`${request.headers['x-amz-security-token']} ${request.headers.authorization}`);
    }
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const worker = spawnWorker(
    path.join(TEST_DIST, 'worker-host/index.js'),
    {
      COMPUTE: 'eks-fargate',
      STACK: 'ResizeOnEksFargate',
      SOURCE_BUCKET: 'source',
      SOURCE_PREFIX: 'incoming/',
      OUTPUT_BUCKET: 'output',
      QUEUE_URL: `${url}/123456789012/jobs`,
      VISIBILITY_TIMEOUT_SECONDS: '120',
      STOP_GRACE_SECONDS: '90',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: url,
      // As EKS writes them into the container.
      AWS_ROLE_ARN: ROLE,
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_STS_REGIONAL_ENDPOINTS: 'regional',
    },
    () => {},
  );
  try {
    await until(() => signed.length > 0);
  } finally {
    worker.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
  expect(asked[0]?.get('Action')).toBe('AssumeRoleWithWebIdentity');
  expect(asked[0]?.get('RoleArn')).toBe(ROLE);
  expect(asked[0]?.get('WebIdentityToken')).toBe('signed-by-the-cluster');
  expect(signed[0]).toMatch(/^session AWS4-HMAC-SHA256 Credential=ASIAFROMSTS\//);
});
