import type { Compute } from '../../../workload/contract';

/** The vocabulary of the comparison's model, with units in the names. Types only: a browser reads them as Node does. */

/** What is known of a number: low <= typical <= high. Equal ends are an exact value. */
export interface Estimate {
  readonly low: number;
  readonly typical: number;
  readonly high: number;
}

/** A computed figure: what it typically is, how far it may be off, and the assumption that moves it most, if any does. */
export interface Figure extends Estimate {
  readonly dominatedBy: AssumptionId | null;
}

/** Where a number comes from. Nothing in the tables is without it; a test holds that. */
export interface Source {
  /** URL of what was read. */
  readonly source: string;
  /** Day of that publication, or the day on which it was read, ISO 8601. */
  readonly date: string;
  /** AWS's price list files, unchanged; AWS's own documentation; somebody else's copy or measurement. */
  readonly confidence: 'price list' | 'published page' | 'secondary';
  /** Where it was seen, when that was not `source` itself. */
  readonly via?: string;
}

// --- What the templates say -------------------------------------------------------------------------------------------

/** What CloudWatch knows of a queue: messages that wait, messages that workers hold, messages received within a period. */
export type QueueMetric = 'visible' | 'notVisible' | 'received';

/** An alarm on a sum of metrics, and the step scaling policy that it triggers. */
export interface StepRule {
  /** `out`: in alarm at or above the threshold; `in`: at or below. */
  readonly direction: 'out' | 'in';
  readonly metrics: readonly QueueMetric[];
  readonly threshold: number;
  /** What one data point is made of; how many are looked at; how many of them have to be at or beyond the threshold. */
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  /** Units to add or, negative, to take while the metric is in [from, to). `null`: without that end. */
  readonly steps: readonly { readonly from: number | null; readonly to: number | null; readonly change: number }[];
  /** Of an Auto Scaling group: how long a unit that boots does not count as one that works. */
  readonly warmupSeconds?: number;
  /** Of Application Auto Scaling. */
  readonly cooldownSeconds?: number;
}

/** Who decides how many units there are. */
export type ScalingRule =
  | { readonly kind: 'steps'; readonly rules: readonly StepRule[] }
  | {
      readonly kind: 'keda';
      readonly pollingSeconds: number;
      /** From the last time that something was outstanding until the last pod goes. */
      readonly cooldownSeconds: number;
      readonly messagesPerUnit: number;
    }
  | { readonly kind: 'concurrency' };

/** Machines that units run on and that are billed as a whole: instances, nodes. */
export interface HostFacts {
  /** In order of preference. The first is what is costed. */
  readonly instanceTypes: readonly string[];
  readonly vcpus: number;
  readonly diskGib: number;
  readonly diskType: string;
  readonly unitsPerHost: number;
  readonly min: number;
  readonly max: number;
  /** Where machines come and go apart from the units; `null`: the unit is the machine. */
  readonly scaling: {
    readonly by: 'cluster-autoscaler' | 'capacity-provider';
    /** How many start where there was none. */
    readonly first: number;
    /** After some were added, until more are. */
    readonly warmupSeconds: number;
    /** How long an empty one is left alone, and all of them after one was added. */
    readonly unneededSeconds: number;
    readonly delayAfterAddSeconds: number;
  } | null;
}

/** What Fargate bills a pod or a task as. */
export interface FargateSize {
  readonly vcpus: number;
  readonly memoryGib: number;
}

/** What one way's template says, as far as cost, scaling and the choice depend on it. */
export interface WayFacts {
  readonly way: Compute;
  readonly unit: {
    readonly kind: 'instance' | 'function' | 'task' | 'pod';
    readonly vcpus: number;
    readonly memoryMib: number;
    readonly architecture: 'arm64' | 'x64';
    /** Images it works on side by side, and messages it holds, those included; a function is handed one event. */
    readonly slots: number;
    readonly held: number;
  };
  /** Units that find room somewhere. `max` is `null` where nothing of the template limits it. */
  readonly capacity: { readonly min: number; readonly max: number | null };
  readonly spot: boolean;
  readonly hosts: HostFacts | null;
  /** Of a unit on Fargate; and what runs on Fargate beside the units, day and night: a cluster's own pods. */
  readonly fargate: FargateSize | null;
  readonly resident: FargateSize | null;
  /** Whether each host, or each unit on Fargate, has a public address. */
  readonly publicIpv4: boolean;
  readonly scaling: ScalingRule;
  /** After which the platform ends a job, or hands it to another worker. */
  readonly longestJobSeconds: number;
  /** How long an event waits for a unit before it is given up. */
  readonly waitsSeconds: number;
  /** Of a queue of the stack's own: its long poll, and how often a schedule accesses it so that its metrics go on. */
  readonly queue: { readonly longPollSeconds: number; readonly accessSeconds: number | null } | null;
  /** Metrics under standard-resolution alarms: an alarm on an expression counts each of its metrics. */
  readonly alarmMetrics: number;
  readonly dashboards: number;
  readonly natGateways: number;
  /** Of interface endpoints, one for each zone. */
  readonly interfaceEndpoints: number;
  readonly controlPlane: { readonly version: string; readonly logTypes: number } | null;
  readonly sourceExpirationDays: number;
  readonly outputExpirationDays: number;
  /** From SIGTERM to SIGKILL, and what a lifecycle hook may make of it. */
  readonly stopGraceSeconds: number;
  readonly leaveSeconds: number;
  /** After which an instance is replaced whatever it does; `null` for never. */
  readonly lifetimeDays: number | null;
  readonly resources: number;
  /** Types of resources that have no line in the bill, although they may be billed. */
  readonly withoutLine: readonly string[];
}

export type Facts = Readonly<Record<Compute, WayFacts>>;

/** What one image makes the job do, the same on all ways: found by running the job itself, once, on stand-ins. */
export interface JobFacts {
  readonly s3Gets: number;
  readonly s3Puts: number;
  /** How often it waits for S3: requests at the same time are one wait. */
  readonly s3Waits: number;
  /** Of the one log line. */
  readonly logBytes: number;
  /** Metrics that the line carries: they are billed by the name. */
  readonly customMetrics: number;
}

// --- Tables -----------------------------------------------------------------------------------------------------------

/** A machine of AWS, and what is left of it for pods. */
export interface InstanceType extends Source {
  readonly type: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly allocatableMillicpu: number;
  readonly allocatableMib: number;
}

export type Region = 'us-east-1' | 'eu-west-1' | 'ap-northeast-2';

/** From this many units a month on, this price. */
export interface Tier {
  readonly from: number;
  readonly usd: number;
}

/** One price in one region: `lambda.gb-second`, `ec2.c7g.medium.hour` … `tiers` has at least one entry and starts at 0. */
export interface Price extends Source {
  readonly id: string;
  readonly region: Region;
  /** What one is: `GB-second`, `hour` … */
  readonly unit: string;
  readonly tiers: readonly Tier[];
  /** Where it is a market price: the dearest that was seen; `tiers` has the cheapest. */
  readonly highUsd?: number;
}

/** The price table as it lies on disk: list prices without taxes, discounts and free tier. */
export interface PriceTable {
  readonly schema: 1;
  readonly currency: 'USD';
  readonly prices: readonly Price[];
}

/** What an account has for nothing each month, for ever: so many of the prices whose ids begin like this. */
export interface Allowance extends Source {
  readonly id: string;
  readonly perMonth: number;
  readonly what: string;
}

/** What a Compute Savings Plan of one year, nothing paid in advance, takes off a price: 0.2 is a fifth. */
export interface Saving extends Source {
  readonly id: string;
  readonly region: Region;
  readonly discount: number;
  readonly what: string;
}

/** The most of something that one job can have on a platform. */
export interface Limit extends Source {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  readonly what: string;
}

/** A service that is none of the six ways, for those who are better off with it. */
export interface Alternative extends Pick<Source, 'source' | 'date'> {
  readonly name: string;
  readonly what: string;
  readonly when: string;
}

/** A delay or a limit of a platform, in one sentence for a reader. */
export interface Delay extends Source, Estimate {
  readonly id: DelayId;
  readonly unit: 'seconds' | 'count' | 'ratio' | 'count per second' | 'mib' | 'gigabytes';
  readonly what: string;
  /** Why the typical value is what it is. */
  readonly typically?: string;
}

// biome-ignore format: a list, and no more than that.
export type DelayId =
  | 's3-event-delivery' | 's3-request' | 'ec2-boot' | 'ec2-boot-script' | 'ec2-vcpu-quota-new' | 'fargate-task-start'
  | 'fargate-vcpu-quota-new' | 'ecs-instance-start' | 'ecs-instance-warmup' | 'ecs-instance-idle' | 'ecs-first-instances' | 'eks-node-join'
  | 'eks-fargate-pod-start' | 'pod-start' | 'control-plane-logs' | 'lambda-cold-start' | 'lambda-cold-share' | 'lambda-idle'
  | 'lambda-concurrency-quota' | 'lambda-concurrency-new' | 'lambda-concurrency-ramp' | 'lambda-retry-interval'
  | 'lambda-failure-retry' | 'lambda-vcpu-mib' | 'lambda-longest-job' | 'sqs-metric' | 'sqs-metric-after-idle' | 'sqs-active'
  | 'sqs-age-receives' | 'sqs-longest-receive' | 'alarm-evaluation' | 'scaling-cooldown' | 'hpa-sync' | 'hpa-scale-up'
  | 'hpa-tolerance' | 'hpa-scale-down-window' | 'node-autoscaler-scan' | 'node-autoscaler-scale-down';

export type Delays = Readonly<Record<DelayId, Delay>>;

/** The tables that figures are computed from. */
export interface Tables {
  readonly prices: PriceTable;
  readonly delays: Delays;
  readonly allowances: readonly Allowance[];
  readonly savings: readonly Saving[];
}

// --- Assumptions and inputs -------------------------------------------------------------------------------------------

/**
 * Everything that is only known as a range: the delays of the table, and
 * - `cpu-speed`: CPU time of one vCPU there / CPU time on the measuring machine;
 * - `image-cpu`: how many CPU-seconds an image of this size took there;
 * - `moment`: when the scaling rule first looks after an upload, as a part of the interval in which it looks;
 * - `grace-used`: the part of its grace that a unit takes to end;
 * - `spot-price`: from 0, the cheapest that was seen, to 1, the dearest.
 */
export type AssumptionId = DelayId | 'cpu-speed' | 'image-cpu' | 'moment' | 'grace-used' | 'spot-price';

/** One value for each of them. */
export type Assumptions = Readonly<Record<AssumptionId, number>>;

/** What one image costs in work, on the machine that measured it. */
export interface ImageWork {
  readonly megapixels: number;
  /** CPU-seconds of the whole job. */
  readonly cpuSeconds: Estimate;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Everything a reader can change. */
export interface Inputs {
  readonly region: Region;
  readonly imagesPerMonth: number;
  /** Images arrive in equal bursts of this many, evenly over the month; 1 is a steady trickle. */
  readonly imagesPerBurst: number;
  readonly work: ImageWork;
  readonly cpuSpeed: Estimate;
  readonly job: JobFacts;
  /** Spare capacity, where a way can use it. */
  readonly spot: boolean;
  /** What an account has for nothing, all of it for this. */
  readonly freeTier: boolean;
  /** A Compute Savings Plan of a year for what runs in every hour. */
  readonly savingsPlan: boolean;
  /** New accounts have small quotas. */
  readonly account: 'new' | 'grown';
  /** Of Lambda, where the reader knows it: concurrent executions of the account. */
  readonly accountConcurrency?: number;
}
