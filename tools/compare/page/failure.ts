import { type Compute, DEFAULTS } from '../../../workload/contract';
import type { Row } from '../../faults/run';
import type { Template } from '../../templates';
import type { Facts } from '../model/types';
import { byWay } from '../side-by-side';
import { format } from './format';

/** `faults/results.json`. */
export interface FaultResults {
  readonly schema: 1;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly seed: number | string;
  readonly rows: readonly Omit<Row, 'broken' | 'examples'>[];
}

/** What goes wrong, and what each way makes of it by its template. */
export interface Scenario {
  readonly title: string;
  readonly ways: Readonly<Record<Compute, string>>;
}

/** Reads out of the templates what follows a failure. */
export function scenarios(templates: Readonly<Record<Compute, Template>>, facts: Facts): readonly Scenario[] {
  const everywhere = (said: string) => byWay(() => said);
  return [
    {
      title: 'A corrupt image',
      ways: everywhere(
        'Rejected for good: a record under rejected/ says why, and the event is acknowledged. No retry.',
      ),
    },
    {
      title: 'A bomb: small file, huge picture',
      ways: byWay(
        (way) =>
          `Rejected as too large before it is decoded, or when its decoder has used ${DEFAULTS.decodeCpuSeconds} s of CPU or ${DEFAULTS.decodeMemoryMib.toLocaleString('en')} MiB of the ${facts[way].unit.memoryMib.toLocaleString('en')} MiB there are. The worker lives on.`,
      ),
    },
    { title: 'A killed worker', ways: byWay((way) => killed(templates[way], facts, way)) },
    { title: 'A lost host', ways: byWay((way) => lostHost(templates[way])) },
    { title: 'A bad deployment', ways: byWay((way) => badDeployment(templates[way])) },
    { title: 'A throttle: more work than units', ways: byWay((way) => throttled(templates[way], facts, way)) },
  ];
}

// biome-ignore lint/suspicious/noExplicitAny: CloudFormation, as deep and as varied as it is.
type Json = any;

const properties = ({ Resources }: Template, type: string): readonly Json[] =>
  Object.values(Resources).flatMap((resource) => (resource.Type === type ? [resource.Properties] : []));

function killed(template: Template, facts: Facts, way: Compute): string {
  const [invoke] = properties(template, 'AWS::Lambda::EventInvokeConfig');
  if (invoke) {
    return `Lambda tries the event up to ${invoke.MaximumRetryAttempts} more times, then hands it to the failure queue.`;
  }
  const queue = properties(template, 'AWS::SQS::Queue').find((each) => each?.RedrivePolicy);
  const { VisibilityTimeout, RedrivePolicy } = queue;
  return `Its messages appear again at most ${VisibilityTimeout} s after its last heartbeat, and another ${facts[way].unit.kind} takes them; after ${RedrivePolicy.maxReceiveCount} receives they go to the failure queue.`;
}

function lostHost(template: Template): string {
  const [group] = properties(template, 'AWS::AutoScaling::AutoScalingGroup');
  if (group) {
    return `The group starts another instance, up to ${group.MaxSize}; the messages wait meanwhile, hidden and then visible.`;
  }
  const [nodes] = properties(template, 'AWS::EKS::Nodegroup');
  if (nodes) {
    const repair = nodes.NodeRepairConfig?.Enabled ? 'EKS replaces the node by itself' : 'Nothing replaces the node';
    return `${repair}; its pods are started on another one, of up to ${nodes.ScalingConfig.MaxSize}. With ${nodes.ScalingConfig.MinSize} node, KEDA and the autoscaler go down with it until then.`;
  }
  if (properties(template, 'AWS::ECS::Service').length > 0) {
    return 'Fargate’s machines are AWS’s: the service starts the task again on another.';
  }
  return 'Lambda’s machines are AWS’s: the event is tried again on another.';
}

function badDeployment(template: Template): string {
  const [service] = properties(template, 'AWS::ECS::Service');
  if (service) {
    const { DeploymentCircuitBreaker: breaker, MinimumHealthyPercent } = service.DeploymentConfiguration ?? {};
    return `${breaker?.Rollback ? 'The circuit breaker notices tasks that do not stay up and rolls back' : 'Tasks that do not stay up are started again and again'}; ${MinimumHealthyPercent} % of the old tasks stay until the new ones run.`;
  }
  const group = Object.values(template.Resources).find(({ Type }) => Type === 'AWS::AutoScaling::AutoScalingGroup') as
    | { UpdatePolicy?: { AutoScalingRollingUpdate?: Json } }
    | undefined;
  if (group) {
    const update = group.UpdatePolicy?.AutoScalingRollingUpdate;
    return update?.WaitOnResourceSignals
      ? 'The rolling update waits for a signal of each instance, and goes back without it.'
      : 'Nothing waits for an instance to say that it works: a bad one fails its messages until the failure queue’s alarm goes off.';
  }
  if (properties(template, 'AWS::EKS::Cluster').length > 0) {
    return 'The Deployment keeps old pods until new ones are up; nothing goes back by itself, and pods that start and fail their messages are seen by the failure queue’s alarm.';
  }
  return 'The new code is in use at once; failed events are tried again, then wait in the failure queue, whose alarm goes off.';
}

function throttled(template: Template, facts: Facts, way: Compute): string {
  const [invoke] = properties(template, 'AWS::Lambda::EventInvokeConfig');
  const { max } = facts[way].capacity;
  if (invoke) {
    return `Lambda keeps events for up to ${invoke.MaximumEventAgeInSeconds / 3600} h and tries again; then they go to the failure queue.`;
  }
  const queue = properties(template, 'AWS::SQS::Queue').find((each) => each?.RedrivePolicy);
  return `At ${max} units the queue grows: messages wait for up to ${queue.MessageRetentionPeriod / 86_400} days${facts[way].waits.afterwards === 'lost' ? ' and are then lost' : ', then go to the failure queue'}; the age alarm goes off long before.`;
}

/** What the columns of {@link faultRows} say. */
export const FAULT_COLUMNS = [
  'holds',
  'images',
  'injected',
  'lost',
  'missing',
  'extra',
  'different',
  'outdated',
  'stale',
  'again',
  'took',
] as const;

export const FAULT_LEGEND =
  'Lost: objects without any result; missing: renditions; extra, different: objects nobody asked for, or with other ' +
  'bytes than in a run without faults; outdated: an older version where the newest should be. Stale are allowed ' +
  'leftovers of a version that was overtaken; again are redeliveries and further attempts.';

/** One row for each scenario on each way, in the order of the run. */
export const faultRows = ({ rows }: FaultResults): readonly { scenario: string; way: Compute; cells: string[] }[] =>
  rows.map(({ scenario, way, faults, ok, seconds, ...row }) => ({
    scenario,
    way,
    cells: [
      ok ? 'yes' : 'no',
      format.count(row.images),
      format.count(Object.values(faults).reduce((sum, times) => sum + times, 0)),
      ...[row.lost, row.missing, row.extra, row.different, row.outdated, row.stale, row.redelivered].map((each) =>
        format.count(each),
      ),
      format.duration(seconds),
    ],
  }));
