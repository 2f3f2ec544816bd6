import type { FourWay } from '../../../lib/ways';

/**
 * The vocabulary of the comparison's model. Types only, so that everything here can be read by a browser as well as by
 * Node. Units are in the names. What is only known as a range is a `Range`; a range of equal ends is an exact value.
 */

/** Both ends included, low <= high. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Which end of every range a calculation was done with. */
export type End = 'low' | 'high';

/** Where a number comes from. Nothing in the tables is without it; a test holds that. */
export interface Source {
  /** URL of what was read. */
  readonly source: string;
  /** Day of that publication, or the day on which it was read, ISO 8601. */
  readonly date: string;
  /**
   * `price list`: AWS's price list files, or data generated from them by a program, unchanged. `published page`: AWS's
   * own documentation. `secondary`: somebody else's copy or measurement.
   */
  readonly confidence: 'price list' | 'published page' | 'secondary';
  /** Where it was seen, when that was not `source` itself. */
  readonly via?: string;
}

// --- Facts: what the templates say ---------------------------------------------------------------------------------

/** One step of a step scaling policy: applies while the metric is in [fromMetric, toMetric). */
export interface ScalingStep {
  /** Of the metric itself, not of its distance to the alarm's threshold. `null`: from minus infinity. */
  readonly fromMetric: number | null;
  /** `null`: to infinity. */
  readonly toMetric: number | null;
  /** Units added, or taken when negative. */
  readonly change: number;
}

/**
 * What CloudWatch knows of a queue. `visible`: messages that wait. `notVisible`: messages that were received and are being
 * worked on. Of both, the most in a period. `received`: how many were received within a period.
 */
export type QueueMetric = 'visible' | 'notVisible' | 'received';

/** An alarm and the step scaling policy it triggers. */
export interface StepRule {
  readonly direction: 'out' | 'in';
  /** What it watches: one metric of the queue, or the sum of several. */
  readonly metrics: readonly QueueMetric[];
  /** At or beyond which the alarm is in alarm: `out` at or above, `in` at or below. */
  readonly threshold: number;
  /** What one data point is made of. */
  readonly periodSeconds: number;
  /** Data points that are looked at, and how many of them have to be at or beyond the threshold. */
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly steps: readonly ScalingStep[];
  /** Of the Auto Scaling group, scaling out: how long a unit that boots does not count as one that works. */
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
      /** Outstanding messages for which there is one pod. */
      readonly messagesPerUnit: number;
      /** How long the Cluster Autoscaler leaves an empty node, and every node after it has added one. */
      readonly nodes: { readonly unneededSeconds: number; readonly delayAfterAddSeconds: number };
    }
  | {
      readonly kind: 'concurrency';
      /** `null`: no ceiling of the function's own; the account's applies. */
      readonly reserved: number | null;
      readonly retries: number;
      readonly maxEventAgeSeconds: number;
    };

/** A machine that units run on and that is billed as a whole: an instance, a node. */
export interface HostFacts {
  /** In order of preference. The first is what is costed. */
  readonly instanceTypes: readonly string[];
  readonly diskGib: number;
  readonly diskType: string;
  readonly publicIpv4: boolean;
  /** Units that find room on one. */
  readonly unitsPerHost: number;
  readonly min: number;
  readonly max: number;
}

/** What one way's template says, as far as cost, scaling and ownership depend on it. */
export interface WayFacts {
  readonly way: FourWay;
  readonly unit: {
    readonly kind: 'instance' | 'environment' | 'task' | 'pod';
    readonly vcpus: number;
    readonly memoryMib: number;
    readonly architecture: 'arm64' | 'x64';
    /** Images it works on side by side. */
    readonly slots: number;
  };
  /** Units that find room somewhere. `max` is `null` where nothing of the template limits it. */
  readonly capacity: { readonly min: number; readonly max: number | null };
  readonly spot: boolean;
  readonly hosts?: HostFacts;
  /** Only where tasks have addresses of their own. */
  readonly taskPublicIpv4?: boolean;
  readonly scaling: ScalingRule;
  /** After which the platform ends a job, or hands it to another worker. */
  readonly longestJobSeconds: number;
  /** How long an event waits for a unit before it is given up, and where it goes afterwards. */
  readonly waits: { readonly seconds: number; readonly afterwards: 'lost' | 'failure queue' };
  readonly usesJobQueue: boolean;
  /** How often a schedule accesses the job queue, so that its metrics go on while nothing happens; `null` for never. */
  readonly queueAccessSeconds: number | null;
  readonly longPollSeconds: number;
  /** Messages a unit asks for side by side while it idles or works: receives for each unit. */
  readonly receiversPerUnit: number;
  /** Metrics under standard-resolution alarms: an alarm on an expression counts each of its metrics. */
  readonly alarmMetrics: number;
  readonly alarms: number;
  readonly logRetentionDays: number;
  readonly natGateways: number;
  readonly interfaceEndpoints: number;
  readonly gatewayEndpoints: number;
  readonly controlPlane: { readonly version: string; readonly supportType: string; readonly logTypes: number } | null;
  readonly sourceExpirationDays: number;
  readonly outputExpirationDays: number;
  /** SIGTERM to SIGKILL; 0 for the function. */
  readonly stopGraceSeconds: number;
  /** What a lifecycle hook may delay the end of an instance by; 0 where there is none. */
  readonly drainSeconds: number;
  /** How many resources of each type the template has. */
  readonly resources: Readonly<Record<string, number>>;
  /** Those types of them that have no line in the bill, although they may be billed. */
  readonly withoutLine: readonly string[];
  /** Lambda runtime, cluster version, add-ons and the like, as the template names them. */
  readonly versions: Readonly<Record<string, string>>;
}

export type Facts = Readonly<Record<FourWay, WayFacts>>;

/** What one image makes the job do, the same on all four ways: found by running the job itself, once, on stand-ins. */
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

/** A machine of AWS, and what is left of it for pods. */
export interface InstanceType extends Source {
  readonly type: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly allocatableMillicpu: number;
  readonly allocatableMib: number;
}

// --- Tables ---------------------------------------------------------------------------------------------------------

export type Region = 'us-east-1' | 'eu-west-1' | 'ap-northeast-2';

/** From this many units a month on, this price. */
export interface Tier {
  readonly from: number;
  readonly usd: number;
}

/** One price in one region. `tiers` has at least one entry and starts at 0. Spot prices are ranges: low and high tiers. */
export interface Price extends Source {
  /** `lambda.gb-second`, `ec2.c7g.medium.hour` … */
  readonly id: string;
  readonly region: Region;
  /** What one is: `GB-second`, `hour` … */
  readonly unit: string;
  readonly tiers: readonly Tier[];
  /** Where it is a market price: the dearest that was seen; `tiers` has the cheapest. */
  readonly highUsd?: number;
}

/** The price table as it lies on disk. */
export interface PriceTable {
  readonly schema: 1;
  readonly currency: 'USD';
  /** List prices without taxes, discounts and free tier. */
  readonly prices: readonly Price[];
}

/** A delay or a limit of the platform, as a range. */
export interface Delay extends Source, Range {
  readonly id: DelayId;
  readonly unit: 'seconds' | 'count' | 'ratio' | 'count per second' | 'mib';
  /** What it is, in one sentence for a reader. */
  readonly what: string;
}

export type DelayId =
  | 's3-event-delivery'
  | 's3-request'
  | 'ec2-boot'
  | 'fargate-task-start'
  | 'eks-node-join'
  | 'pod-start'
  | 'lambda-cold-start'
  | 'lambda-cold-share'
  | 'lambda-idle'
  | 'lambda-concurrency-quota'
  | 'lambda-concurrency-ramp'
  | 'lambda-retry-interval'
  | 'lambda-failure-retry'
  | 'sqs-metric'
  | 'sqs-metric-after-idle'
  | 'sqs-active'
  | 'sqs-age-receives'
  | 'sqs-longest-receive'
  | 'alarm-evaluation'
  | 'scaling-cooldown'
  | 'hpa-sync'
  | 'hpa-scale-up'
  | 'hpa-tolerance'
  | 'hpa-scale-down-window'
  | 'node-autoscaler-scan'
  | 'node-autoscaler-scale-down'
  | 'lambda-vcpu-mib'
  | 'lambda-longest-job';

export type Delays = Readonly<Record<DelayId, Delay>>;

/** The tables that cost and scale are computed from. */
export interface Tables {
  readonly prices: PriceTable;
  readonly delays: Delays;
}

// --- Measured --------------------------------------------------------------------------------------------------------

/** What one image costs in work, on the machine that measured it. */
export interface ImageWork {
  readonly megapixels: number;
  /** CPU-seconds of the whole job on the measuring machine. */
  readonly cpuSeconds: Range;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly renditions: number;
}

// --- Cost ------------------------------------------------------------------------------------------------------------

/** Everything a reader can change. */
export interface CostInputs {
  readonly region: Region;
  readonly imagesPerMonth: number;
  /** Images arrive in equal bursts of this many, evenly over the month; 1 is a steady trickle. */
  readonly imagesPerBurst: number;
  readonly work: ImageWork;
  /** CPU time of one vCPU of the ways / CPU time on the measuring machine: 2 is half as fast. */
  readonly slowdown: Range;
  readonly spot: boolean;
  readonly job: JobFacts;
}

/** quantity x price = amount. */
export interface LineItem {
  readonly id: string;
  readonly label: string;
  /** In `unit`s a month. */
  readonly quantity: Range;
  readonly unit: string;
  readonly usdPerUnit: Range;
  readonly usdPerMonth: Range;
  /** `730 hour x $0.0363 = $26.50`, as it is shown. */
  readonly arithmetic: string;
  readonly price: Source & { readonly id: string };
  /** Paid with no images at all. */
  readonly idle: boolean;
  /** The same on all four ways: pictures in buckets. */
  readonly shared: boolean;
}

/** Something that is billed and that no number here is known for. */
export interface Unknown {
  readonly label: string;
  readonly why: string;
}

export interface Cost {
  readonly way: FourWay;
  readonly inputs: CostInputs;
  readonly items: readonly LineItem[];
  readonly unknown: readonly Unknown[];
  readonly usdPerMonth: Range;
  /** Without what is the same on all four ways. */
  readonly computeUsdPerMonth: Range;
  /** At this volume, idle time included; `null` without images. */
  readonly usdPerMillionImages: Range | null;
  /** Images a month that the template's maximum can do; `null` where it sets none. */
  readonly ceilingImagesPerMonth: Range | null;
  /** More images than even the faster end can do: the amounts are those of a raised maximum. */
  readonly overCeiling: boolean;
}

export interface CurvePoint {
  readonly way: FourWay;
  readonly imagesPerMonth: number;
  readonly usdPerMonth: Range;
  readonly computeUsdPerMonth: Range;
  readonly overCeiling: boolean;
}

/** From this volume on, `cheaperAbove` costs less than `cheaperBelow` does. */
export interface BreakEven {
  readonly cheaperBelow: FourWay;
  readonly cheaperAbove: FourWay;
  /** With every range at this end, for both ways. */
  readonly end: End;
  /** Whole images a month: the first volume at which the order has changed. */
  readonly imagesPerMonth: number;
}

// --- Scale -----------------------------------------------------------------------------------------------------------

export type Arrivals =
  /** This many, evenly over some seconds; 0: all at once. */
  | { readonly kind: 'burst'; readonly images: number; readonly overSeconds: number }
  /** One day, as a cosine from the quietest hour to the peak and back. `peakToMean` from 1 (even) to 2. */
  | { readonly kind: 'daily'; readonly imagesPerDay: number; readonly peakToMean: number }
  /** At these moments, in seconds, ascending: see `poisson`. */
  | { readonly kind: 'moments'; readonly seconds: Float64Array };

export interface ScaleInputs {
  readonly arrivals: Arrivals;
  readonly work: ImageWork;
  readonly slowdown: Range;
  /** Whether the queue had been idle for hours: CloudWatch then wakes up late. */
  readonly afterIdle: boolean;
  /** Concurrent executions the account has; the quota of the table when left out. New accounts have less. */
  readonly accountConcurrency?: number;
  readonly job: JobFacts;
  readonly region: Region;
  readonly spot: boolean;
}

/** A moment. `arrived = done + waiting + inService + expired`, always. */
export interface TracePoint {
  readonly seconds: number;
  readonly arrived: number;
  readonly done: number;
  readonly waiting: number;
  readonly inService: number;
  /** Gone because they waited longer than the way keeps them. */
  readonly expired: number;
  readonly unitsRunning: number;
  readonly unitsStarting: number;
  readonly hosts: number;
}

export interface Trace {
  readonly way: FourWay;
  readonly end: End;
  readonly mode: 'events' | 'fluid';
  readonly points: readonly TracePoint[];
  /** `null`: nothing was done. */
  readonly firstResultSeconds: number | null;
  readonly lastResultSeconds: number | null;
  readonly peakWaiting: number;
  readonly peakUnits: number;
  readonly expired: number;
  /** Billed: from the start of a unit, or of a host where hosts are billed, to its end. */
  readonly unitSeconds: number;
  readonly hostSeconds: number;
  /** Units started, those that were there before not counted. */
  readonly starts: number;
  /** How often units were taken away, one or several. */
  readonly scaleIns: number;
  /** Images that waited in the queue for more than `LATE_SECONDS`; `null` as a fluid. */
  readonly late: number | null;
  /** Seconds of work done, of all units together. */
  readonly busySeconds: number;
  /** Sum over images of the seconds from arrival to result; `null` as a fluid. */
  readonly sojournSeconds: number | null;
  readonly endSeconds: number;
}

export interface ScaleResult {
  readonly way: FourWay;
  readonly low: Trace;
  readonly high: Trace;
  readonly firstResultSeconds: Range | null;
  readonly lastResultSeconds: Range | null;
  readonly peakUnits: Range;
  readonly peakWaiting: Range;
  readonly expired: Range;
  /** What the burst adds to the bill; `null` when a price of the region is not known. */
  readonly usd: Range | null;
}

// --- Choose ----------------------------------------------------------------------------------------------------------

export interface Answers {
  readonly job: 'seconds' | 'a few minutes' | 'close to 15 minutes' | 'over 15 minutes' | 'over 12 hours';
  readonly arrival: 'steady' | 'bursts' | 'rare';
  /** How much of the month nothing arrives. */
  readonly idle: 'mostly' | 'nights' | 'never';
  readonly onCall: 'nobody' | 'somebody' | 'platform team';
  readonly host: 'nothing special' | 'gpu' | 'kernel or device' | 'desktop or windows';
  readonly kubernetes: 'there already' | 'has to be' | 'no';
}

export interface Reason {
  readonly text: string;
  /** What it rests on: `fact:lambda.longestJobSeconds`, `delay:ec2-boot`, `price:eks.cluster-hour`, `figure:cost` … */
  readonly restsOn: string;
}

export interface Choice {
  /** One or two ways, the better first; empty: none of these four. */
  readonly ways: readonly FourWay[];
  /** Each for one of `ways`. */
  readonly reasons: readonly (Reason & { readonly way: FourWay })[];
  /** What rules a way out. Those neither chosen nor ruled out would do, with less that speaks for them. */
  readonly against: Readonly<Partial<Record<FourWay, readonly Reason[]>>>;
  /** What to look at instead, where the answer is none of these four. */
  readonly instead: string | null;
}

// --- Owned -----------------------------------------------------------------------------------------------------------

export type Concern =
  | 'operating system'
  | 'runtime'
  | 'container base'
  | 'cluster version'
  | 'add-ons'
  | 'scaling'
  | 'availability'
  | 'network';

export interface Owned {
  readonly way: FourWay;
  readonly concern: Concern;
  /** What it is here, from the template: `Amazon Linux 2023`; `null` where it does not exist. */
  readonly what: string | null;
  readonly who: 'you' | 'AWS' | 'AWS, when you let it' | 'nobody';
  readonly how: string;
  readonly howOften: string;
  readonly whenNobodyDoes: string;
  /** Last day of support of the version in use, ISO 8601; `null` where there is none or none is known. */
  readonly supportedUntil: string | null;
  readonly source: Pick<Source, 'source' | 'date'> | null;
  /** Resource types of the template that this row was read from. */
  readonly restsOn: readonly string[];
}
