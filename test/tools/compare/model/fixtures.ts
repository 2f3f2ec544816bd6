import { tables } from '../../../../tools/compare/data/tables';
import type { ChooserModel } from '../../../../tools/compare/model/choose';
import { readFacts } from '../../../../tools/compare/model/facts';
import type { Measured, MeasuredImage } from '../../../../tools/compare/model/fit';
import type { Assumptions, Delay, Delays, Inputs, StepRule, WayFacts } from '../../../../tools/compare/model/types';
import { templates } from '../../../support/templates';

/** Made-up measurements with round numbers, and ways with round numbers, so that a case can be computed by hand. */

const image = (megapixels: number, outputFormat: string, jobCpuMs: number): MeasuredImage => ({
  name: `made-up-${megapixels}`,
  megapixels,
  inputFormat: 'jpeg',
  outputFormat,
  renditions: 3,
  bytesIn: megapixels * 400_000,
  bytesOut: 100_000 + megapixels * 2000,
  cpuMs: jobCpuMs * 0.8,
  jobCpuMs,
  decoderPeakMib: 100 + megapixels * 4,
});

export const measured: Measured = {
  schema: 1,
  date: '2026-11-01',
  machine: { cpu: 'made-up CPU', cores: 2, memoryGib: 8, os: 'linux', arch: 'x64' },
  perImage: [
    image(2, 'webp', 160),
    image(12, 'webp', 240),
    image(24, 'webp', 320),
    image(12, 'jpeg', 200),
    image(24, 'jpeg', 280),
    image(12, 'avif', 1000),
    image(24, 'avif', 1100),
  ],
  lambda: { coldCpuMs: 500, coldWallMs: 700, warmWallMs: 600, warmCpuMs: 550 },
  worker: { startWallMs: 400, startCpuMs: 300, peakPssMib: 300 },
};

const exact = (value: number) => ({ low: value, typical: value, high: value });

/** One image takes a quarter of a second of CPU, and nothing for S3 unless a test says so. */
export const inputs: Inputs = {
  region: 'us-east-1',
  imagesPerMonth: 1e6,
  imagesPerBurst: 1000,
  work: { megapixels: 12, cpuSeconds: exact(0.25), bytesIn: 4e6, bytesOut: 1e5 },
  cpuSpeed: exact(1),
  job: { s3Gets: 1, s3Puts: 3, s3Waits: 2, logBytes: 1000, customMetrics: 0 },
  spot: false,
  freeTier: false,
  savingsPlan: false,
  account: 'grown',
};

/** Every delay of the table, with the ones that are named at a value of their own. */
export const delays = (own: Partial<Record<Delay['id'], number>> = {}): Delays =>
  Object.fromEntries(
    Object.values(tables.delays).map((delay) => [
      delay.id,
      { ...delay, ...(delay.id in own && exact(own[delay.id] as number)) },
    ]),
  ) as Delays;

/** Everything typical, with some values of their own. */
export const assumptions = (own: Partial<Assumptions> = {}): Assumptions =>
  ({
    ...Object.fromEntries(Object.values(tables.delays).map(({ id, typical }) => [id, typical])),
    'cpu-speed': 1,
    'image-cpu': 0.25,
    moment: 0,
    'grace-used': 0,
    'spot-price': 0,
    's3-event-delivery': 0,
    's3-request': 0,
    'sqs-metric': 0,
    'hpa-sync': 0,
    ...own,
  }) as Assumptions;

/** The stacks' own facts. */
export const facts = () => readFacts(templates());

export const rule = (direction: 'out' | 'in', steps: StepRule['steps'], more: Partial<StepRule> = {}): StepRule => ({
  direction,
  metrics: direction === 'out' ? ['visible'] : ['visible', 'notVisible', 'received'],
  threshold: direction === 'out' ? 1 : 0,
  periodSeconds: 60,
  evaluationPeriods: direction === 'out' ? 1 : 5,
  datapointsToAlarm: direction === 'out' ? 1 : 5,
  steps,
  ...more,
});

/** Tasks on Fargate: one from the first message, three more from the hundredth, all gone after five quiet minutes. */
export const tasks: WayFacts = {
  way: 'ecs-fargate',
  unit: { kind: 'task', vcpus: 1, memoryMib: 2048, architecture: 'arm64', slots: 1, held: 6 },
  capacity: { min: 0, max: 4 },
  spot: false,
  hosts: null,
  fargate: { vcpus: 1, memoryGib: 2 },
  resident: null,
  publicIpv4: true,
  scaling: {
    kind: 'steps',
    rules: [
      rule(
        'out',
        [
          { from: 1, to: 100, change: 1 },
          { from: 100, to: null, change: 3 },
        ],
        { cooldownSeconds: 120 },
      ),
      rule('in', [{ from: null, to: 0, change: -4 }]),
    ],
  },
  longestJobSeconds: 43_200,
  waitsSeconds: 345_600,
  queue: { longPollSeconds: 20, accessSeconds: 3600 },
  alarmMetrics: 5,
  dashboards: 1,
  natGateways: 0,
  interfaceEndpoints: 0,
  controlPlane: null,
  sourceExpirationDays: 16,
  outputExpirationDays: 30,
  stopGraceSeconds: 90,
  leaveSeconds: 90,
  lifetimeDays: null,
  resources: 50,
  withoutLine: [],
};

/** The function: 1,769 MB, so that one vCPU comes with it. */
export const aFunction: WayFacts = {
  ...tasks,
  way: 'lambda',
  unit: { kind: 'function', vcpus: 1, memoryMib: 1769, architecture: 'arm64', slots: 1, held: 0 },
  capacity: { min: 0, max: null },
  fargate: null,
  publicIpv4: false,
  scaling: { kind: 'concurrency' },
  longestJobSeconds: 60,
  waitsSeconds: 21_600,
  queue: null,
  stopGraceSeconds: 0,
  leaveSeconds: 0,
};

/** The stacks as they are, for the chooser. */
let known: ChooserModel | undefined;
export const model: ChooserModel = {
  get facts() {
    known ??= { facts: facts(), tables, inputs };
    return known.facts;
  },
  tables,
  inputs: {
    ...inputs,
    work: { ...inputs.work, cpuSeconds: { low: 0.2, typical: 0.24, high: 0.35 } },
    cpuSpeed: { low: 0.5, typical: 1, high: 2 },
  },
};
