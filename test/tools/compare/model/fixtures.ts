import type { Measured } from '../../../../tools/compare/model/fit';
import type {
  CostInputs,
  Delay,
  DelayId,
  Delays,
  Facts,
  Price,
  ScaleInputs,
  Tables,
  WayFacts,
} from '../../../../tools/compare/model/types';

/** Ways, prices and delays with round numbers, so that a case can be computed by hand. Not the stacks', not AWS's. */

const common = {
  spot: false,
  longestJobSeconds: 43_200,
  waits: { seconds: 345_600, afterwards: 'lost' },
  usesJobQueue: true,
  queueAccessSeconds: null,
  longPollSeconds: 20,
  receiversPerUnit: 3,
  alarmMetrics: 5,
  alarms: 4,
  logRetentionDays: 7,
  natGateways: 0,
  interfaceEndpoints: 0,
  gatewayEndpoints: 1,
  controlPlane: null,
  sourceExpirationDays: 16,
  outputExpirationDays: 30,
  stopGraceSeconds: 90,
  drainSeconds: 0,
  resources: {},
  withoutLine: [],
  versions: {},
} satisfies Partial<WayFacts>;

const unit = { vcpus: 1, memoryMib: 2048, architecture: 'arm64', slots: 1 } as const;

const steps = (times: { warmupSeconds?: number; cooldownSeconds?: number }): WayFacts['scaling'] => ({
  kind: 'steps',
  rules: [
    {
      direction: 'out',
      metrics: ['visible'],
      threshold: 1,
      periodSeconds: 60,
      evaluationPeriods: 1,
      datapointsToAlarm: 1,
      steps: [
        { fromMetric: 1, toMetric: 100, change: 1 },
        { fromMetric: 100, toMetric: null, change: 3 },
      ],
      ...times,
    },
    {
      direction: 'in',
      metrics: ['visible', 'notVisible'],
      threshold: 0,
      periodSeconds: 60,
      evaluationPeriods: 5,
      datapointsToAlarm: 5,
      steps: [{ fromMetric: null, toMetric: 0, change: -4 }],
    },
  ],
});

export const facts: Facts = {
  ec2: {
    ...common,
    way: 'ec2',
    unit: { ...unit, kind: 'instance' },
    capacity: { min: 0, max: 4 },
    hosts: {
      instanceTypes: ['c7g.medium'],
      diskGib: 10,
      diskType: 'gp3',
      publicIpv4: true,
      unitsPerHost: 1,
      min: 0,
      max: 4,
    },
    scaling: steps({ warmupSeconds: 180 }),
    drainSeconds: 180,
  },
  lambda: {
    ...common,
    way: 'lambda',
    unit: { ...unit, kind: 'environment' },
    capacity: { min: 0, max: null },
    scaling: { kind: 'concurrency', reserved: null, retries: 2, maxEventAgeSeconds: 21_600 },
    longestJobSeconds: 60,
    waits: { seconds: 21_600, afterwards: 'failure queue' },
    usesJobQueue: false,
    receiversPerUnit: 0,
    longPollSeconds: 0,
    alarmMetrics: 1,
    alarms: 1,
    stopGraceSeconds: 0,
  },
  'ecs-fargate': {
    ...common,
    way: 'ecs-fargate',
    unit: { ...unit, kind: 'task' },
    capacity: { min: 0, max: 4 },
    taskPublicIpv4: true,
    scaling: steps({ cooldownSeconds: 180 }),
  },
  'eks-ec2': {
    ...common,
    way: 'eks-ec2',
    unit: { ...unit, kind: 'pod' },
    capacity: { min: 0, max: 4 },
    hosts: {
      instanceTypes: ['m7g.large'],
      diskGib: 20,
      diskType: 'gp3',
      publicIpv4: true,
      unitsPerHost: 1,
      min: 1,
      max: 4,
    },
    scaling: {
      kind: 'keda',
      pollingSeconds: 15,
      cooldownSeconds: 300,
      messagesPerUnit: 25,
      nodes: { unneededSeconds: 300, delayAfterAddSeconds: 600 },
    },
    controlPlane: { version: '1.35', supportType: 'STANDARD', logTypes: 3 },
    alarmMetrics: 2,
    alarms: 2,
  },
};

const price = (id: string, unitName: string, usd: number): Price => ({
  id,
  region: 'us-east-1',
  unit: unitName,
  tiers: [{ from: 0, usd }],
  source: 'https://example.com',
  date: '2026-11-23',
  confidence: 'secondary',
});

const delay = (id: DelayId, low: number, high: number): Delay => ({
  id,
  low,
  high,
  unit: 'seconds',
  what: id,
  source: 'https://example.com',
  date: '2026-11-23',
  confidence: 'secondary',
});

const DELAYS: readonly Delay[] = [
  delay('s3-event-delivery', 1, 60),
  delay('s3-request', 0.1, 0.2),
  delay('ec2-boot', 20, 30),
  delay('fargate-task-start', 30, 60),
  delay('eks-node-join', 50, 150),
  delay('pod-start', 5, 60),
  delay('lambda-cold-start', 0.1, 1),
  delay('lambda-cold-share', 0, 0.01),
  delay('lambda-idle', 300, 400),
  delay('lambda-concurrency-quota', 1000, 1000),
  delay('lambda-concurrency-ramp', 100, 100),
  delay('lambda-retry-interval', 1, 300),
  delay('lambda-failure-retry', 60, 120),
  delay('lambda-vcpu-mib', 2048, 2048),
  delay('lambda-longest-job', 900, 900),
  delay('sqs-metric', 0, 60),
  delay('sqs-metric-after-idle', 0, 900),
  delay('sqs-active', 21_600, 21_600),
  delay('sqs-age-receives', 3, 3),
  delay('sqs-longest-receive', 43_200, 43_200),
  delay('alarm-evaluation', 60, 60),
  delay('scaling-cooldown', 300, 300),
  delay('hpa-sync', 0, 15),
  delay('hpa-scale-up', 4, 4),
  delay('hpa-tolerance', 0.1, 0.1),
  delay('hpa-scale-down-window', 300, 300),
  delay('node-autoscaler-scan', 0, 10),
  delay('node-autoscaler-scale-down', 600, 600),
];

export const tables: Tables = {
  prices: {
    schema: 1,
    currency: 'USD',
    prices: [
      {
        ...price('lambda.gb-second', 'GB-second', 0),
        tiers: [
          { from: 0, usd: 0.00001 },
          { from: 1e9, usd: 0.000008 },
        ],
      },
      price('lambda.request', 'request', 2e-7),
      price('fargate.vcpu-hour', 'vCPU-hour', 0.03),
      price('fargate.gb-hour', 'GB-hour', 0.003),
      { ...price('fargate.vcpu-hour.spot', 'vCPU-hour', 0.01), highUsd: 0.015 },
      { ...price('fargate.gb-hour.spot', 'GB-hour', 0.001), highUsd: 0.0015 },
      price('ec2.c7g.medium.hour', 'hour', 0.04),
      price('ec2.m7g.large.hour', 'hour', 0.08),
      price('ebs.gp3.gib-month', 'GiB-month', 0.08),
      price('eks.cluster-hour', 'hour', 0.1),
      price('ipv4.hour', 'hour', 0.005),
      price('s3.gb-month', 'GB-month', 0.02),
      price('s3.put', 'request', 5e-6),
      price('s3.get', 'request', 4e-7),
      price('sqs.request', 'request', 4e-7),
      price('cloudwatch.alarm-metric-month', 'alarm metric-month', 0.1),
      price('cloudwatch.metric-month', 'metric-month', 0.3),
      price('cloudwatch.logs-gb', 'GB', 0.5),
      price('nat.hour', 'hour', 0.045),
    ],
  },
  delays: Object.fromEntries(DELAYS.map((one) => [one.id, one])) as Record<DelayId, Delay> satisfies Delays,
};

/** One CPU-second an image, on a machine like AWS's. */
export const inputs: CostInputs & Omit<ScaleInputs, 'arrivals'> = {
  region: 'us-east-1',
  imagesPerMonth: 1000,
  imagesPerBurst: 1,
  work: { megapixels: 12, cpuSeconds: { low: 1, high: 1 }, bytesIn: 1024 ** 2, bytesOut: 1024 ** 2, renditions: 3 },
  slowdown: { low: 1, high: 1 },
  spot: false,
  job: { s3Gets: 1, s3Puts: 3, s3Waits: 4, logBytes: 1024, customMetrics: 7 },
  afterIdle: false,
};

export const measured: Measured = {
  schema: 1,
  date: '2026-11-23',
  machine: { cpu: 'a processor', cores: 2, memoryGib: 8, os: 'linux', arch: 'x64' },
  perImage: [
    image('small', 2, 300, 500_000, 60_000),
    image('middle', 12, 1000, 4_000_000, 200_000),
    image('large', 24, 2000, 8_000_000, 250_000),
  ],
  lambda: { coldCpuMs: 900, coldWallMs: 800, warmWallMs: 500, warmCpuMs: 450 },
  worker: { startWallMs: 600, startCpuMs: 500, peakPssMib: 300 },
};

function image(name: string, megapixels: number, jobCpuMs: number, bytesIn: number, bytesOut: number) {
  const formats = { inputFormat: 'jpeg', outputFormat: 'webp', renditions: 3 };
  return { name, megapixels, ...formats, bytesIn, bytesOut, cpuMs: jobCpuMs * 0.9, jobCpuMs, decoderPeakMib: 200 };
}
