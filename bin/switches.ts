import leven from 'leven';

/** What the reader chooses with `-c <switch>=<value>`, or under `context` in cdk.json. */
export interface Switches {
  readonly production: boolean;
  readonly spot: boolean;
  readonly zones?: readonly string[];
  readonly clusterAdmin?: string;
  readonly alarmEmail?: string;
  /** The end of every stack's name: `-blue` for the name `blue`, nothing where no name is chosen. */
  readonly suffix: string;
}

const NAMES = ['production', 'spot', 'zones', 'clusterAdmin', 'alarmEmail', 'name'] as const;

/** What the CDK command line keeps in the context: after `cdk acknowledge`, and after `cdk cli-telemetry`. */
const CDK_OWN = ['acknowledged-issue-numbers', 'cli-telemetry'];

/** Not a session's (`arn:aws:sts::…:assumed-role/…`), which EKS does not accept. */
const PRINCIPAL = /^arn:aws(-[a-z]+)*:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/;
const A_PRINCIPAL = 'the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/admin';

/** No more than what a slip of the fingers would break: whether it exists, the mail that asks it will tell. */
const EMAIL =
  /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?!-)[A-Za-z0-9-]+(?<!-)(\.(?!-)[A-Za-z0-9-]+(?<!-))+$/;
const AN_EMAIL = 'an email address, such as you@example.com';

/**
 * By letter or name. EKS wants two. Each takes two subnets in production, and the network has room for sixteen; no region
 * has more than six.
 */
const ZONE = /^([a-z]{2}(-[a-z]+)+-\d)?[a-z]$/;
const SOME_ZONES = 'two to six different zones by letter or name, such as a,b or us-east-1a,us-east-1b';

/**
 * The EKS cluster is named after its stack and may have 100 characters. The longest name of a stack leaves over 80. What
 * CloudFormation and CloudWatch Logs accept is more.
 *
 * @see https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
 */
const NAME = /^(?!-)[A-Za-z0-9-]{1,80}(?<!-)$/;
const A_NAME = 'up to 80 letters, digits and hyphens, no hyphen at either end, such as blue';

/**
 * Reads the switches. A key that is none is an error, so that a misspelt `production` cannot deploy machines with public
 * addresses. CDK's own keys (feature flags, results of lookups) have a `:` or a `/` and are left alone.
 *
 * @param region of the deployment, as far as CDK knows it: the zones have to be there
 * @throws Error of one line: the switch, its value, the remedy
 */
export function readSwitches(context: Readonly<Record<string, unknown>>, region?: string): Switches {
  for (const [key, value] of Object.entries(context)) {
    const known: readonly string[] = [...NAMES, ...CDK_OWN];
    if (/[:/]/.test(key) || known.includes(key)) continue;
    const where = '-c, cdk.json or ~/.cdk.json';
    throw new Error(`There is no switch ${printed(key)} (${JSON.stringify(value)}, from ${where}): ${nearest(key)}`);
  }
  const flag = (name: string) => {
    const { [name]: value = false } = context;
    if (![true, false, 'true', 'false'].includes(value as boolean)) throw wrong(name, value, 'true or false');
    return String(value) === 'true';
  };
  const text = (name: string, pattern: RegExp, expected: string) => {
    const value = context[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !pattern.test(value)) throw wrong(name, value, expected);
    return value;
  };
  const zones = readZones(context.zones, region);
  const clusterAdmin = text('clusterAdmin', PRINCIPAL, A_PRINCIPAL);
  const alarmEmail = text('alarmEmail', EMAIL, AN_EMAIL);
  const name = text('name', NAME, A_NAME);
  return {
    production: flag('production'),
    spot: flag('spot'),
    ...(zones && { zones }),
    ...(clusterAdmin && { clusterAdmin }),
    ...(alarmEmail && { alarmEmail }),
    suffix: name ? `-${name}` : '',
  };
}

function readZones(value: unknown, region: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const zones = typeof value === 'string' ? value.split(',') : [];
  const letters = new Set(zones.map((zone) => zone.at(-1)));
  const regions = new Set(zones.map((zone) => zone.slice(0, -1)).filter(Boolean));
  const different = letters.size === zones.length && letters.size >= 2 && letters.size <= 6 && regions.size <= 1;
  if (!different || !zones.every((zone) => ZONE.test(zone))) throw wrong('zones', value, SOME_ZONES);
  const [named] = regions;
  if (named && region && named !== region) throw wrong('zones', value, `zones of the region, which is ${region}`);
  return zones;
}

function wrong(name: string, value: unknown, expected: string): Error {
  return new Error(`The switch ${name} is ${JSON.stringify(value)}: expected ${expected}`);
}

/** As it is, unless it would be invisible or command the terminal. */
function printed(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
}

function nearest(key: string): string {
  const distance = (name: string) => leven(name.toLowerCase(), key.toLowerCase());
  const [name = ''] = [...NAMES].sort((a, b) => distance(a) - distance(b));
  return distance(name) <= name.length / 2 ? `did you mean ${name}?` : `expected one of ${NAMES.join(', ')}`;
}
