import { RENDITION_FORMATS, type RenditionFormat } from '../../../workload/contract';
import { type Needs, ordinary } from '../model/choose';
import { ASSUMED_CPU_SPEED } from '../model/fit';
import type { Region } from '../model/types';
import type { Format } from './format';

/** Everything that a reader can change, as the controls have it. */
export interface State extends Needs {
  readonly region: Region;
  readonly megapixels: number;
  readonly outputFormat: RenditionFormat;
  readonly cpuSpeedLow: number;
  readonly cpuSpeed: number;
  readonly cpuSpeedHigh: number;
  readonly production: boolean;
  readonly spot: boolean;
  readonly freeTier: boolean;
  readonly savingsPlan: boolean;
  readonly pattern: 'burst' | 'daily';
  readonly images: number;
  readonly overSeconds: number;
  readonly peakToMean: number;
  readonly accountConcurrency: number;
}

/** A control. `part` is the form that it stands in. */
export type Control = {
  readonly name: keyof State;
  readonly label: string;
  readonly part: 'cost' | 'scale' | 'choose';
  /** Rarely changed: behind "every other input". */
  readonly rare?: true;
  /** Means something for this pattern of arrivals only. */
  readonly when?: State['pattern'];
} & (
  | {
      readonly kind: 'slider';
      /** `log`: the slider moves the exponent of ten, in steps of a twentieth. */
      readonly scale: 'linear' | 'log';
      readonly min: number;
      readonly max: number;
      readonly step: number;
      readonly format: Format;
      readonly unit: string;
    }
  | {
      readonly kind: 'number';
      readonly min: number;
      readonly max: number;
      readonly step: number;
      readonly unit: string;
    }
  | { readonly kind: 'checkbox' }
  | { readonly kind: 'select' | 'radio'; readonly options: readonly (readonly [value: string, label: string])[] }
);

type Options = readonly (readonly [value: string, label: string])[];

const same = (...values: readonly string[]): Options => values.map((value) => [value, value]);

const choice = (name: keyof Needs, label: string, options: Options): Control => ({
  part: 'choose',
  name,
  label,
  kind: 'radio',
  options,
});
const tick = (part: Control['part'], name: keyof State, label: string): Control => ({
  part,
  name,
  label,
  kind: 'checkbox',
});

export const CONTROLS: readonly Control[] = [
  slider('cost', 'imagesPerMonth', 'Images a month', 'log', 2, 9, 'count', 'images'),
  slider('cost', 'imagesPerBurst', 'Images that arrive together', 'log', 0, 6, 'count', 'images'),
  slider('cost', 'megapixels', 'Size of an image', 'linear', 1, 50, 'count', 'megapixels'),
  {
    part: 'cost',
    name: 'region',
    label: 'Region',
    kind: 'select',
    options: [
      ['us-east-1', 'us-east-1, N. Virginia'],
      ['eu-west-1', 'eu-west-1, Ireland'],
      ['ap-northeast-2', 'ap-northeast-2, Seoul'],
    ],
  },
  { part: 'cost', name: 'outputFormat', label: 'Renditions are', kind: 'select', options: same(...RENDITION_FORMATS) },
  tick('cost', 'production', 'As for production: private subnets behind a NAT gateway'),
  tick('cost', 'spot', 'Spot capacity, where a way can use it'),
  tick('cost', 'freeTier', 'Less what an account has for nothing each month'),
  tick('cost', 'savingsPlan', 'A Compute Savings Plan of a year, for what runs in every hour'),
  {
    part: 'cost',
    name: 'account',
    label: 'The account',
    kind: 'select',
    options: [
      ['grown', 'has its usual quotas'],
      ['new', 'is new: small quotas'],
    ],
  },
  number('cost', 'cpuSpeedLow', 'CPU time there / CPU time here, at least', 0.1, 10, 0.05, 'times'),
  number('cost', 'cpuSpeed', 'CPU time there / CPU time here, typically', 0.1, 10, 0.05, 'times'),
  number('cost', 'cpuSpeedHigh', 'CPU time there / CPU time here, at most', 0.1, 10, 0.05, 'times'),

  {
    part: 'scale',
    name: 'pattern',
    label: 'How they arrive',
    kind: 'radio',
    options: [
      ['burst', 'all in one burst'],
      ['daily', 'over a day, with a peak'],
    ],
  },
  slider('scale', 'images', 'Images', 'log', 0, 9, 'count', 'images'),
  { ...slider('scale', 'overSeconds', 'The burst lasts', 'linear', 0, 3600, 'duration', '', 30), when: 'burst' },
  { ...slider('scale', 'peakToMean', 'Peak / mean of the day', 'linear', 1, 2, 'count', '', 0.05), when: 'daily' },
  number('scale', 'accountConcurrency', 'Lambda: concurrent executions of the account', 0, 100_000, 10, '0: not known'),

  choice(
    'lasts',
    'How long does one job take?',
    same('seconds', 'minutes', 'near 15 minutes', 'hours', 'over 12 hours'),
  ),
  number('choose', 'memoryGb', 'Memory of one job', 0.1, 24_000, 0.1, 'GB'),
  number('choose', 'diskGb', 'Scratch disk of one job', 0, 60_000, 0.1, 'GB'),
  choice('host', 'Does it need something special of its host?', [
    ['nothing special', 'nothing special'],
    ['gpu', 'a GPU'],
    ['kernel or device', 'a kernel module or a device'],
    ['windows', 'Windows'],
    ['desktop', 'a desktop'],
  ]),
  tick('choose', 'x86', 'It runs on x86 only'),
  tick('choose', 'internet', 'It may reach the internet'),
  choice('answer', 'When is the result wanted?', [
    ['later', 'later'],
    ['at once', 'at once: somebody waits for it'],
  ]),
  choice('people', 'Who looks after machines and clusters?', [
    ['nobody', 'nobody'],
    ['somebody', 'somebody'],
    ['platform team', 'a platform team'],
  ]),
  choice('kubernetes', 'Do you run Kubernetes?', [
    ['no', 'no'],
    ['there already', 'yes, with other work on it'],
    ['has to be', 'it has to be Kubernetes'],
  ]),
];

/** What the page opens with, and what `COMPARISON.md` shows. */
export const START: State = {
  ...ordinary,
  region: 'us-east-1',
  imagesPerMonth: 1e6,
  imagesPerBurst: 1000,
  megapixels: 12,
  outputFormat: 'webp',
  cpuSpeedLow: ASSUMED_CPU_SPEED.low,
  cpuSpeed: ASSUMED_CPU_SPEED.typical,
  cpuSpeedHigh: ASSUMED_CPU_SPEED.high,
  production: false,
  spot: false,
  freeTier: false,
  savingsPlan: false,
  pattern: 'burst',
  images: 10_000,
  overSeconds: 0,
  peakToMean: 2,
  accountConcurrency: 0,
};

function slider(
  part: Control['part'],
  name: keyof State,
  label: string,
  scale: 'linear' | 'log',
  min: number,
  max: number,
  format: Format,
  unit: string,
  step = scale === 'log' ? 0.05 : 1,
): Control {
  return { part, name, label, kind: 'slider', scale, min, max, step, format, unit };
}

function number(
  part: Control['part'],
  name: keyof State,
  label: string,
  min: number,
  max: number,
  step: number,
  unit: string,
): Control {
  return {
    part,
    name,
    label,
    kind: 'number',
    min,
    max,
    step,
    unit,
    ...(part === 'choose' ? {} : { rare: true as const }),
  };
}

/** What a slider's position stands for: whole numbers of two figures where it moves an exponent. */
export const fromSlider = (scale: 'linear' | 'log', position: number): number =>
  scale === 'linear' ? position : Math.max(1, Number((10 ** position).toPrecision(2)));

/** Where a slider stands for a value. */
export const toSlider = (scale: 'linear' | 'log', value: number): number =>
  scale === 'linear' ? value : Math.round(Math.log10(value) * 20) / 20;
