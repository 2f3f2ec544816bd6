import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import * as s3Assets from 'aws-cdk-lib/aws-s3-assets';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

export interface WorkerBootProps {
  /** The directory that every instance downloads, zipped. */
  readonly bundle: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logGroup: logs.ILogGroup;
}

/**
 * The SHA-256 of what is in a folder, as `worker-boot.sh` computes it: a line for each file, with its own SHA-256 and its
 * name, sorted and hashed.
 *
 * @throws Error when a link, or a name that is not ASCII, would come out of the zip as something else
 */
export function digestOfFiles(directory: string): string {
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const lines = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const name = path.relative(directory, file).split(path.sep).join('/');
      if (!entry.isFile() || !/^[ -~]+$/.test(name)) {
        throw new Error(`${JSON.stringify(file)} is no file with an ASCII name: run "npm run build" again`);
      }
      return `${sha256(readFileSync(file))}  ./${name}\0`;
    });
  return sha256(lines.sort().join(''));
}

/**
 * Defines what an instance does on its first start and on its last: `worker-boot.sh`, and what it is told. On the other
 * ways the platform does this by itself.
 */
export class WorkerBoot extends Construct {
  /**
   * Assignments, then the script as it stands in the repository. Not by `Fn::Sub`, which would take every `${…}` of the
   * shell for its own.
   */
  readonly userData = ec2.UserData.forLinux();
  private readonly zip: s3Assets.Asset;

  constructor(scope: Construct, id: string, { bundle, environment, logGroup }: WorkerBootProps) {
    super(scope, id);
    this.zip = new s3Assets.Asset(this, 'Bundle', { path: bundle });
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const variables = {
      BUNDLE_URL: this.zip.s3ObjectUrl,
      // On the other ways nothing is fetched that could be another by now: Lambda copies its code when it is deployed, and
      // images have tags that CDK's repository lets nobody overwrite.
      BUNDLE_DIGEST: digestOfFiles(bundle),
      WORKER_ENVIRONMENT: lines.join('\n'),
      AWS_REGION: Stack.of(this).region,
      LOG_GROUP: logGroup.logGroupName,
    };
    const script = readFileSync(path.join(__dirname, 'worker-boot.sh'), 'utf8').replace(/^#!.*\n/, '');
    this.userData.addCommands(...Object.entries(variables).map(([name, value]) => `${name}='${value}'`), script);
    // `exitCode` is what CDK calls it.
    this.userData.addOnExitCommands('[ "$exitCode" = 0 ] || give_up');
  }

  /**
   * Grants to fetch this version of the code, by a policy that is named after it. At an update the next version's policy
   * is made before the group replaces its instances, and this one is deleted afterwards: until then instances that start
   * from the old launch template need it.
   */
  grantDownload(role: iam.Role): void {
    const { bucket, s3ObjectKey, assetHash } = this.zip;
    const statement = new iam.PolicyStatement({
      actions: ['s3:GetObject'],
      resources: [bucket.arnForObjects(s3ObjectKey)],
    });
    const policy = new iam.Policy(this, 'Download', { roles: [role], statements: [statement] });
    const version = assetHash.slice(0, 8).toUpperCase();
    (policy.node.defaultChild as iam.CfnPolicy).overrideLogicalId(`BootDownload${version}`);
  }

  /**
   * Grants what the agent on the instance needs for Session Manager. Not `AmazonSSMManagedInstanceCore`, which lets it
   * read every parameter of the account and region.
   *
   * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
   */
  grantSessions(role: iam.Role): void {
    const channels = ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'];
    const actions = ['ssm:UpdateInstanceInformation', ...channels.map((action) => `ssmmessages:${action}`)];
    role.addToPolicy(new iam.PolicyStatement({ actions, resources: ['*'] }));
  }
}
