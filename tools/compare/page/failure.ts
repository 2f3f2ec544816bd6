import { FOUR_WAYS, type FourWay } from '../../../lib/ways';
import { DEFAULTS, ENV, REJECTED_PREFIX, RETRY_SECONDS } from '../../../workload/contract';
import type { Row } from '../../faults/run';
import { SCENARIO_NAMES, SCENARIOS_DO } from '../../faults/scenario';
import { NOWHERE, readDeployment } from '../../local/deployment';
import type { Template } from '../../templates';
import { delays } from '../data/tables';
import type { Facts, WayFacts } from '../model/types';
import { byWay } from '../side-by-side';
import { format } from './format';

/** `evidence/faults/results.json`. */
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
  readonly ways: Readonly<Record<FourWay, string>>;
}

/** Reads out of the templates what follows a failure, and out of the fault run what came of it. */
export function scenarios(
  templates: Readonly<Record<FourWay, Template>>,
  facts: Facts,
  faults?: FaultResults,
): readonly Scenario[] {
  const measured = (way: FourWay, scenario: string, injected: (fault: string) => boolean, what: string) =>
    came(faults, scenario, way, injected, what);
  return [
    {
      title: 'A corrupt image',
      ways: byWay(
        (way) =>
          `Rejected for good: a record under ${REJECTED_PREFIX} says why, and the event is acknowledged. No retry.${measured(way, 'poison', () => true, 'such pictures and bombs')}`,
      ),
    },
    {
      title: 'A bomb: small file, huge picture',
      ways: byWay((way) => {
        const { environment } = readDeployment(way, templates[way], NOWHERE);
        const cpu = Number(environment[ENV.decodeCpuSeconds] ?? DEFAULTS.decodeCpuSeconds);
        const memory = Number(environment[ENV.decodeMemoryMib] ?? DEFAULTS.decodeMemoryMib);
        return `Rejected as too large before it is decoded, or when its decoder has used ${cpu} s of CPU or ${memory.toLocaleString('en')} MiB of the ${facts[way].unit.memoryMib.toLocaleString('en')} MiB there are. The worker lives on.`;
      }),
    },
    {
      title: 'A killed worker',
      ways: byWay(
        (way) =>
          `${killed(templates[way])}${measured(way, way === 'lambda' ? 'lambda' : 'kill', (fault) => KILLS.test(fault), 'kills')}`,
      ),
    },
    { title: 'A lost host', ways: byWay((way) => lostHost(templates[way])) },
    { title: 'A bad deployment', ways: byWay((way) => badDeployment(templates[way])) },
    {
      title: 'S3 away for half an hour',
      ways: byWay(
        (way) => `${withoutS3(templates[way], facts[way])}${measured(way, 'outage', () => true, 'jobs without S3')}`,
      ),
    },
    {
      title: 'A throttle, or more work than capacity',
      ways: byWay(
        (way) =>
          `${throttled(templates[way], facts, way)}${measured(way, 'lambda', (fault) => fault === 'throttles', 'throttled events')}${measured(way, 'storage', (fault) => /^503/.test(fault), 'throttles by S3 (503)')}`,
      ),
    },
  ];
}

/** Kills of a worker are called by when they come. */
const KILLS = /^(after|before|during|mid-)/;

/** What the fault run has seen of a failure: how many, and whether anything was lost. */
function came(
  faults: FaultResults | undefined,
  scenario: string,
  way: FourWay,
  counts: (fault: string) => boolean,
  what: string,
): string {
  const row = faults?.rows.find((each) => each.scenario === scenario && each.way === way);
  if (!row) return '';
  const injected = Object.entries(row.faults).reduce((sum, [fault, times]) => sum + (counts(fault) ? times : 0), 0);
  return ` Measured: ${format.count(injected)} ${what} in ${format.count(row.images)} images, ${row.lost === 0 ? 'none' : format.count(row.lost)} lost.`;
}

// biome-ignore lint/suspicious/noExplicitAny: CloudFormation, as deep and as varied as it is.
type Json = any;

const properties = ({ Resources }: Template, type: string): readonly Json[] =>
  Object.values(Resources).flatMap((resource) => (resource.Type === type ? [resource.Properties] : []));

function killed(template: Template): string {
  const [invoke] = properties(template, 'AWS::Lambda::EventInvokeConfig');
  if (invoke) {
    return `Lambda tries its events up to ${invoke.MaximumRetryAttempts} more times, then ${givesUp(invoke)}.`;
  }
  const { VisibilityTimeout, RedrivePolicy } = jobQueue(template);
  return `Its messages appear again at most ${VisibilityTimeout} s after its last heartbeat, for whichever worker asks first; after ${RedrivePolicy.maxReceiveCount} receives they go to the failure queue.`;
}

/** What Lambda does with an event in the end. */
const givesUp = (invoke: Json): string =>
  invoke?.DestinationConfig?.OnFailure ? 'hands them to the failure queue' : 'drops them';

/** The queue that workers ask. */
const jobQueue = (template: Template): Json =>
  properties(template, 'AWS::SQS::Queue').find((each) => each?.RedrivePolicy);

function lostHost(template: Template): string {
  const [group] = properties(template, 'AWS::AutoScaling::AutoScalingGroup');
  if (group) {
    return `The group starts another instance in its place; the messages of the lost one appear again within ${jobQueue(template).VisibilityTimeout} s, and wait for it.`;
  }
  const [nodes] = properties(template, 'AWS::EKS::Nodegroup');
  if (nodes) {
    const { MinSize: min } = nodes.ScalingConfig;
    const repair = nodes.NodeRepairConfig?.Enabled
      ? 'EKS notices and replaces the node'
      : 'Its group replaces a node whose instance is gone, and no other';
    return `${repair}; its pods are started where there is room.${min > 1 ? '' : ' With a single node, KEDA and the autoscaler are gone until then.'}`;
  }
  if (properties(template, 'AWS::ECS::Service').length > 0) {
    return `The host is AWS\u2019s. The service starts another task; the messages of the lost one appear again within ${jobQueue(template).VisibilityTimeout} s.`;
  }
  return 'The host is AWS\u2019s. The event is tried again on another.';
}

function badDeployment(template: Template): string {
  const [service] = properties(template, 'AWS::ECS::Service');
  if (service) {
    const { DeploymentCircuitBreaker: breaker, MinimumHealthyPercent } = service.DeploymentConfiguration ?? {};
    return `${breaker?.Rollback ? 'The circuit breaker notices tasks that do not start, and rolls back' : 'Tasks that do not start are tried again and again'}; ${MinimumHealthyPercent} % of the old tasks stay until the new ones run. While no task is wanted, none is started, and nothing is noticed.${noticed(template)}`;
  }
  const group = Object.values(template.Resources).find(({ Type }) => Type === 'AWS::AutoScaling::AutoScalingGroup') as
    | { UpdatePolicy?: { AutoScalingRollingUpdate?: Json } }
    | undefined;
  if (group) {
    const update = group.UpdatePolicy?.AutoScalingRollingUpdate;
    return update?.WaitOnResourceSignals
      ? `The rolling update waits for each instance to say that its worker is ready, and rolls back when one does not. While no instance runs, none is started, and nothing is noticed.${noticed(template)}`
      : `Nothing waits for an instance to report that it works, and nothing rolls back by itself.${noticed(template)}`;
  }
  if (properties(template, 'AWS::EKS::Cluster').length > 0) {
    return `The Deployment replaces pods a few at a time, and stops when new ones do not start; nothing rolls back by itself.${noticed(template)}`;
  }
  const [invoke] = properties(template, 'AWS::Lambda::EventInvokeConfig');
  return `The new code is in use at once, and nothing rolls back by itself. Lambda tries failed events again, then ${givesUp(invoke)}.${invoke?.DestinationConfig ? noticed(template) : ''}`;
}

/** Whether anybody is told of bad code that takes nothing, and of bad code that fails. */
function noticed(template: Template): string {
  const failures = alarms(template).some(({ MetricName }) => MetricName === 'ApproximateNumberOfMessagesVisible');
  const waits = jobQueue(template) ? RETRY_SECONDS : [];
  const late = waits.length > 0 ? `, ${Math.floor(total(waits) / 60)} min or more after a job first failed` : '';
  return [
    ageAlarm(template) ? ' Code that takes no messages is noticed by the alarm on their age.' : '',
    failures ? ` Code that fails is noticed by the alarm on the failure queue${late}.` : '',
  ].join('');
}

/** Alarms that tell somebody, and scale nothing. */
const alarms = (template: Template): readonly Json[] =>
  properties(template, 'AWS::CloudWatch::Alarm').filter(({ AlarmActions }) => !AlarmActions);

const ageAlarm = (template: Template): Json | undefined =>
  alarms(template).find(({ MetricName }) => MetricName === 'ApproximateAgeOfOldestMessage');

function throttled(template: Template, facts: Facts, way: FourWay): string {
  const [invoke] = properties(template, 'AWS::Lambda::EventInvokeConfig');
  if (invoke) {
    return `Lambda keeps events for up to ${invoke.MaximumEventAgeInSeconds / 3600} h and tries again, then ${givesUp(invoke)}.`;
  }
  const alarm = ageAlarm(template);
  return `With ${facts[way].capacity.max} units at work the queue grows: messages wait for up to ${jobQueue(template).MessageRetentionPeriod / 86_400} days${facts[way].waits.afterwards === 'lost' ? ' and are then lost' : ', then go to the failure queue'}; ${alarm ? `an alarm goes off when one has waited for ${alarm.Threshold / 60} min` : 'no alarm watches their age'}.`;
}

const OUTAGE_SECONDS = 1800;

const total = (seconds: readonly number[]): number => seconds.reduce((sum, each) => sum + each, 0);

/** `10 s, 1 min and 10 min` */
const inTurn = (seconds: readonly number[]): string => {
  const said = seconds.map(format.duration);
  return said.length < 2 ? said.join('') : `${said.slice(0, -1).join(', ')} and ${said.at(-1)}`;
};

function withoutS3(template: Template, facts: WayFacts): string {
  const [invoke] = properties(template, 'AWS::Lambda::EventInvokeConfig');
  if (invoke) {
    const { low: first, high: second } = delays['lambda-failure-retry'];
    const waits = [first, second].slice(0, invoke.MaximumRetryAttempts);
    const tries = waits.length > 0 ? `tries failed events again after ${inTurn(waits)}` : 'does not try again';
    const back = invoke.DestinationConfig?.OnFailure
      ? ', each event once, and the alarm on it goes off; when S3 is back, one npm run replay sends all of them again'
      : '';
    return `Lambda ${tries}. After that, in an outage of more than about ${format.duration(total(waits))}, it ${givesUp(invoke)}${back}. A queue before the function could wait for longer, and would end the lesson: that a trigger runs code.`;
  }
  const waits = RETRY_SECONDS.slice(0, jobQueue(template).RedrivePolicy.maxReceiveCount - 1);
  const outlasts = total(waits) >= OUTAGE_SECONDS;
  return [
    `A message whose job fails is left alone for ${inTurn(waits)}, or up to a quarter longer. It is tried ${waits.length + 1} times, the last time ${Math.floor(total(waits) / 60)} min or more after the first.`,
    outlasts
      ? 'That outlasts the half hour: no good image ends in the failure queue, and other images are not held back.'
      : 'That is before the half hour is over: it ends in the failure queue.',
    staying(facts),
    ageAlarm(template)
      ? `No alarm goes off meanwhile: the one on age does not count messages that were received ${delays['sqs-age-receives'].high} times.`
      : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** What messages that wait for their next try keep running. */
function staying({ scaling, unit, capacity }: WayFacts): string {
  if (scaling.kind === 'keda') {
    return `A message that waits counts as outstanding, and keeps pods running: one for every ${scaling.messagesPerUnit}, ${capacity.max} at most, on nodes that stay with them; the last goes ${format.duration(scaling.cooldownSeconds)} after the last message.`;
  }
  if (scaling.kind !== 'steps') return '';
  const leaving = scaling.rules.find(({ direction }) => direction === 'in');
  if (!leaving?.metrics.includes('notVisible')) return '';
  return `A message that waits counts as outstanding: ${unit.kind}s that run stay until ${format.duration(leaving.evaluationPeriods * leaving.periodSeconds)} after the last message is gone.`;
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
  'again',
  'took',
] as const;

export const FAULT_LEGEND =
  'Holds: whether every promise was kept. Lost: images without any result. Missing: renditions that are not there. ' +
  'Extra, different: objects that nobody asked for, or with other bytes than in a run without faults. Outdated: an ' +
  'older version where the newest should be. Again: redeliveries and further attempts, after waits that are cut to a second or two.';

/** What was done in each scenario of a run, in its order. */
export const faultScenarios = ({ rows }: FaultResults): readonly (readonly [name: string, does: string])[] =>
  Object.entries(SCENARIOS_DO).filter(([name]) => rows.some(({ scenario }) => scenario === name));

/** A sentence on the scenarios that are not in a run, because it left them out or is older than they are. */
export function faultsLeftOut({ rows }: FaultResults): string {
  const names = SCENARIO_NAMES.filter((name) => !rows.some(({ scenario }) => scenario === name));
  return names.length === 0 ? '' : ` Not measured in this run: ${names.join(', ')}.`;
}

/** One row for each scenario on each way, in the order of the run. */
export const faultRows = ({ rows }: FaultResults): readonly { scenario: string; way: FourWay; cells: string[] }[] =>
  rows.flatMap(({ scenario, faults, ok, seconds, ...row }) => {
    const way = FOUR_WAYS.find((one) => one === row.way);
    const cells = [
      ok ? 'yes' : 'no',
      format.count(row.images),
      format.count(Object.values(faults).reduce((sum, times) => sum + times, 0)),
      ...[row.lost, row.missing, row.extra, row.different, row.outdated, row.redelivered].map((each) =>
        format.count(each),
      ),
      format.duration(seconds),
    ];
    return way ? [{ scenario, way, cells }] : [];
  });
