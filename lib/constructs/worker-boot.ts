import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import * as s3Assets from 'aws-cdk-lib/aws-s3-assets';
import { type CfnElement, Duration, Lazy, Stack } from 'aws-cdk-lib/core';
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
  private hook: autoscaling.LifecycleHook | undefined;
  private group: autoscaling.AutoScalingGroup | undefined;

  constructor(scope: Construct, id: string, { bundle, environment, logGroup }: WorkerBootProps) {
    super(scope, id);
    const { region, stackName } = Stack.of(this);
    this.zip = new s3Assets.Asset(this, 'Bundle', { path: bundle });
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const variables = {
      BUNDLE_URL: this.zip.s3ObjectUrl,
      // On the other ways nothing is fetched that could be another by now: Lambda copies its code when it is deployed, and
      // images have tags that CDK's repository lets nobody overwrite.
      BUNDLE_DIGEST: digestOfFiles(bundle),
      WORKER_ENVIRONMENT: lines.join('\n'),
      AWS_REGION: region,
      LOG_GROUP: logGroup.logGroupName,
      STACK_NAME: stackName,
      // Logical ids: the group is made from this script, and its physical name is not known before.
      GROUP_ID: this.logicalId(() => this.group?.node.defaultChild),
      HOOK_ID: this.logicalId(() => this.hook?.node.defaultChild),
    };
    const script = readFileSync(path.join(__dirname, 'worker-boot.sh'), 'utf8').replace(/^#!.*\n/, '');
    this.userData.addCommands(...Object.entries(variables).map(([name, value]) => `${name}='${value}'`), script);
  }

  /** Makes the group wait, before it ends an instance, until the instance says that its worker has stopped. */
  drain(group: autoscaling.AutoScalingGroup): void {
    this.group = group;
    this.hook = group.addLifecycleHook('Drain', {
      lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
      // Twice the worker's own grace: time to notice, and to stop.
      heartbeatTimeout: Duration.seconds(180),
      defaultResult: autoscaling.DefaultResult.CONTINUE,
    });
  }

  /** Grants what the script does: fetch the code, ship the logs, end the drain. */
  grantBoot(worker: iam.Role, logGroup: logs.LogGroup): void {
    const { stackId } = Stack.of(this);
    const allow = (action: string, resource: string) =>
      new iam.PolicyStatement({ actions: [action], resources: [resource] });
    logGroup.grants.write(worker);
    worker.addToPolicy(allow('s3:GetObject', this.zip.bucket.arnForObjects(this.zip.s3ObjectKey)));
    if (!this.group) return;
    // A policy of its own: in the role's it would close a circle, group -> launch template -> role -> group.
    new iam.Policy(this, 'DrainPolicy', {
      roles: [worker],
      statements: [
        allow('autoscaling:CompleteLifecycleAction', this.group.autoScalingGroupArn),
        allow('cloudformation:DescribeStackResource', stackId),
      ],
    });
  }

  /**
   * Grants what the agent on the instance needs for Session Manager. Not `AmazonSSMManagedInstanceCore`, which lets it
   * read every parameter of the account and region.
   *
   * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
   */
  grantSessions(worker: iam.Role): void {
    const channels = ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'];
    const actions = ['ssm:UpdateInstanceInformation', ...channels.map((action) => `ssmmessages:${action}`)];
    worker.addToPolicy(new iam.PolicyStatement({ actions, resources: ['*'] }));
  }

  private logicalId(element: () => unknown): string {
    return Lazy.string({ produce: () => Stack.of(this).getLogicalId(element() as CfnElement) });
  }
}
