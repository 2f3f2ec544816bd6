import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { UsageError } from './command-line';

/** What the commands that work with a deployed stack have in common: where it is, what its outputs are, what went wrong. */

/** Settings of every client of the SDK. */
export interface ClientSettings {
  readonly region?: string;
  /** In ms: AWS answers within seconds, or not at all. */
  readonly requestHandler: { readonly connectionTimeout: number; readonly socketTimeout: number };
}

export interface Account {
  readonly region: string;
  readonly cloudFormation: CloudFormationClient;
  readonly settings: ClientSettings;
}

/**
 * Credentials and region come from where the AWS CLI has them too.
 * @param region as the reader has given it
 * @throws UsageError when there is no region, or one that cannot be
 */
export async function openAccount(region: string | undefined): Promise<Account> {
  if (region !== undefined && !/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region)) {
    throw new UsageError(`--region is "${region}": expected a region, such as eu-west-1`);
  }
  const settings = {
    ...(region !== undefined && { region }),
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 15_000 },
  };
  const cloudFormation = new CloudFormationClient(settings);
  const found = await cloudFormation.config.region().catch((): never => {
    throw new UsageError('no region: give --region, such as --region eu-west-1, or set AWS_REGION');
  });
  return { region: found, cloudFormation, settings };
}

/** Whether a host is AWS's. The SDK can be told to ask one that imitates it, and what that says was not seen on AWS. */
export const isAws = (host: string): boolean => /\.(amazonaws\.com(\.cn)?|api\.aws)$/.test(host);

/** The host that is asked, by whatever setting the SDK knows for it. Asks nothing yet. */
export async function hostOf({ settings }: Account): Promise<string> {
  // Nothing is sent, and so nobody's credentials are needed.
  const credentials = { accessKeyId: 'none', secretAccessKey: 'none' };
  const client = new CloudFormationClient({ ...settings, credentials });
  let host = '';
  client.middlewareStack.add(
    () => async (args) => {
      host = (args.request as { hostname: string }).hostname;
      return { output: { $metadata: {} }, response: undefined };
    },
    { step: 'build' },
  );
  await client.send(new DescribeStacksCommand({}));
  client.destroy();
  return host;
}

/** A stack as CloudFormation describes it, and its outputs by key. @throws what CloudFormation says */
export async function describeStack(client: CloudFormationClient, name: string) {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
  const stack = Stacks[0] as Stack;
  const outputs: Readonly<Record<string, string | undefined>> = Object.fromEntries(
    (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
  return { stack, outputs };
}

/** Whether CloudFormation says that there is no such stack. */
export const isMissing = ({ name, message }: Error): boolean =>
  name === 'ValidationError' && /does not exist/.test(message);

/** An error of the SDK in one line, with the remedy where there is one. */
export function explain(error: unknown, stack: string, region: string, rights: string): Error {
  if (error instanceof UsageError) return error;
  const { name, message, code, path } = error as Error & { code?: string; path?: string };
  const text = message.replaceAll(/\s+/g, ' ');
  if (name === 'CredentialsProviderError') {
    return new Error(`no AWS credentials: log in, or set AWS_PROFILE to a profile that has some (${text})`);
  }
  if (/^ExpiredToken/.test(name)) return new Error('the AWS credentials have expired: log in again');
  if (/^(InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|SignatureDoesNotMatch)/.test(name)) {
    return new Error(
      `AWS does not know these credentials: log in again, or set AWS_PROFILE to another profile (${text})`,
    );
  }
  if (isMissing(error as Error)) {
    return new UsageError(`there is no stack ${stack} in ${region}: look at the name, and give --region`);
  }
  // EC2 has a word of its own for it.
  if (/^(AccessDenied|UnauthorizedOperation)/.test(name)) return new Error(`${text}; what is needed is in ${rights}`);
  if (/^Throttl|^TooManyRequests|^RequestLimitExceeded/.test(name)) {
    return new Error(`AWS asks for fewer requests in ${region} (${text}): wait a minute, and run it again`);
  }
  // Our own, or a file's.
  if (path !== undefined || (name === 'Error' && !code)) return error as Error;
  if (code) return new Error(`cannot reach AWS in ${region}: ${text || code}`);
  return new Error(`${name}: ${text}`);
}
