import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Access, type Role, readAccess } from '../../tools/local/access';
import { openTemplate } from '../../tools/local/deployment';
import { type AccessRequest, covers, decide } from '../../tools/local/iam';
import { ACCOUNT } from '../../tools/local/permissions';
import { namesAt } from '../../tools/local/ways';
import type { Template } from '../../tools/templates';
import { COMPUTES, type Compute } from '../../workload/contract';
import { Instance } from '../support/boot-script';
import { PLATFORM_CALLS } from '../support/platform-calls';
import { templates } from '../support/templates';

/**
 * What the platforms, agents and scripts around the workload may do: all that they do, and nothing that nobody does. The
 * workload's own calls are in `test/tools/permissions.test.ts`, and judged in every local run.
 */

const NAMES = namesAt('http://127.0.0.1');

let all: Record<Compute, Template>;
let access: Record<Compute, Access>;
beforeAll(() => {
  all = templates();
  access = Object.fromEntries(
    COMPUTES.map((compute) => [compute, readAccess(compute, all[compute], NAMES)]),
  ) as typeof access;
});

interface Made {
  readonly role: Role;
  readonly action: string;
  readonly resource: string;
  readonly context?: AccessRequest['context'];
}

function decision({ role, action, resource, context = {} }: Made): string {
  const principal = { kind: 'role', arn: role.arn, session: 'one' } as const;
  const found = decide({ principal, action, resource, context }, role.statements);
  return `${action} on ${resource}: ${found.allowed ? 'allowed' : 'refused'}`;
}

const allowed = ({ action, resource }: Made) => `${action} on ${resource}: allowed`;

/** The role whose logical id begins like this: CDK adds eight characters. */
function roleOf(compute: Compute, beginning: string): Role {
  const found = Object.entries(access[compute].roles).find(([id]) => new RegExp(`^${beginning}[0-9A-F]{8}$`).test(id));
  if (!found) throw new Error(`${compute} has no role ${beginning}`);
  return found[1];
}

const documented = (compute: Compute): Made[] =>
  PLATFORM_CALLS.filter((call) => call.compute === compute).flatMap(({ role, actions, resource, context }) =>
    actions.map((action) => ({ role: roleOf(compute, role), action, resource, ...(context && { context }) })),
  );

/** The calls that a first and a last start of an instance make with the AWS CLI, as the stubs noted them. */
function scripted(): Made[] {
  const { one, resolve } = openTemplate('ec2', all.ec2, NAMES);
  const { UserData } = one('AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData;
  const userData = resolve(UserData['Fn::Base64']) as string;
  const instance = new Instance();
  // The bundle that these templates are made from.
  writeFileSync(path.join(instance.zip, 'Dockerfile'), '');
  try {
    const boot = instance.boot(userData);
    // Taken away as a Spot instance, which makes the most calls.
    instance.lifecycle('InService', 'InService', 'Terminated');
    instance.announceEnd();
    const drain = instance.start('/usr/local/bin/drain', { environment: { AWS_REGION: 'us-east-1' } });
    expect([boot.stderr, drain.stderr]).toEqual(['', '']);
    const calls = [...boot.calls, ...drain.calls].filter((call) => call.startsWith('aws '));
    expect(calls.map((call) => call.split(' ', 3).slice(1).join(' '))).toEqual([
      's3 cp',
      'autoscaling set-instance-health',
      'autoscaling complete-lifecycle-action',
    ]);
    return calls.map((call) => ({ role: roleOf('ec2', 'Role'), ...requestOf(call) }));
  } finally {
    instance.remove();
  }
}

/** What the CLI asks AWS for. */
function requestOf(call: string): { action: string; resource: string } {
  if (call.startsWith('aws s3 cp ')) {
    const key = /s3:\/\/\S+\/(\S+)/.exec(call)?.[1];
    return { action: 's3:GetObject', resource: `arn:aws:s3:::cdk-hnb659fds-assets-${ACCOUNT}-us-east-1/${key}` };
  }
  // The group of the instance: that is what IAM looks at, also where the call names the instance only.
  const group = Object.keys(all.ec2.Resources).find(
    (id) => all.ec2.Resources[id]?.Type === 'AWS::AutoScaling::AutoScalingGroup',
  );
  const resource = `arn:aws:autoscaling:us-east-1:${ACCOUNT}:autoScalingGroup:1a2b:autoScalingGroupName/ec2-${group}`;
  if (call.startsWith('aws autoscaling set-instance-health '))
    return { action: 'autoscaling:SetInstanceHealth', resource };
  if (call.startsWith('aws autoscaling complete-lifecycle-action ')) {
    return { action: 'autoscaling:CompleteLifecycleAction', resource };
  }
  throw new Error(`the scripts call something that this test does not know: ${call}`);
}

/** What the job does, action by action. */
const JOB =
  /^(s3:(GetObject|PutObject|ListBucket) arn:aws:s3:::[a-z0-9-]+-(source|output)|sqs:(ReceiveMessage|DeleteMessage|ChangeMessageVisibility) \S+-jobs$|sqs:SendMessage \S+-failed$)/;

const onLinux = process.platform === 'linux' && existsSync('/bin/bash');

describe.each(COMPUTES)('on %s', (compute) => {
  const made = () => [...documented(compute), ...(compute === 'ec2' && onLinux ? scripted() : [])];

  test('agents, platform and scripts may do what they do', () => {
    const calls = made();
    expect(calls.map(decision)).toEqual(calls.map(allowed));
  });

  test('they need all that they may: no permission of any role of ours is without a use', () => {
    if (compute === 'ec2' && !onLinux) return;
    const used = made();
    const { roles, notifier, worker } = access[compute];
    const idle = Object.entries(roles)
      // Roles of CDK's own handlers have AWS's policy, or are made by CDK.
      .filter(([id]) => id !== notifier && !/^Custom|ServiceRole/.test(id))
      .flatMap(([id, role]) =>
        role.statements.flatMap(({ actions, resources }) =>
          actions.flatMap((action) =>
            resources
              // The job's own, which the local run and its tests hold.
              .filter((resource) => !(id === worker && JOB.test(`${action} ${resource}`)))
              .filter(
                (resource) =>
                  !used.some(
                    (call) => call.role === role && covers(action, call.action) && covers(resource, call.resource),
                  ),
              )
              .map((resource) => `${id}: ${action} on ${resource}`),
          ),
        ),
      );
    expect(idle).toEqual([]);
  });
});

test('every use has a source that can be looked up', () => {
  for (const { source } of PLATFORM_CALLS) expect(source).toMatch(/^https:\/\/\S+$/);
});
