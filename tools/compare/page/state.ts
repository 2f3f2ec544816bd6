import { RENDITION_FORMATS, type RenditionFormat } from '../../../workload/contract';
import { QUESTIONS } from '../model/choose';
import type { Answers, Region } from '../model/types';
import type { Format } from './format';

/** Everything that a reader can change, as the controls have it. */
export interface State extends Answers {
  readonly region: Region;
  readonly imagesPerMonth: number;
  readonly imagesPerBurst: number;
  readonly megapixels: number;
  readonly outputFormat: RenditionFormat;
  readonly slowdownLow: number;
  readonly slowdownHigh: number;
  readonly spot: boolean;
  readonly logBytesPerImage: number;
  readonly customMetrics: number;
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

/** Answers that read better in other words than their own. */
const SAID: Readonly<Record<string, string>> = {
  steady: 'as a steady stream',
  bursts: 'in bursts',
  rare: 'rarely',
  mostly: 'most of the time',
  nights: 'at night',
  'platform team': 'a platform team',
  gpu: 'a GPU',
  'kernel or device': 'a kernel module or a device',
  'desktop or windows': 'a desktop or Windows',
  'there already': 'yes, with other work on it',
  'has to be': 'it has to be Kubernetes',
};

const same = (...values: readonly string[]) => values.map((value) => [value, value] as const);

export const CONTROLS: readonly Control[] = [
  slider('cost', 'imagesPerMonth', 'Images a month', 'log', 2, 10, 'count', 'images'),
  slider('cost', 'megapixels', 'Size of an image', 'linear', 1, 50, 'count', 'megapixels'),
  slider('cost', 'imagesPerBurst', 'Images that arrive together', 'log', 0, 7, 'count', 'images'),
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
  { part: 'cost', name: 'spot', label: 'Spot capacity, where a way can use it', kind: 'checkbox' },
  number('cost', 'slowdownLow', 'CPU time there / CPU time here, at least', 0.1, 10, 0.05, 'times'),
  number('cost', 'slowdownHigh', 'CPU time there / CPU time here, at most', 0.1, 10, 0.05, 'times'),
  number('cost', 'logBytesPerImage', 'Log lines of one image', 0, 100_000, 1, 'bytes'),
  number('cost', 'customMetrics', 'Custom metrics of one way', 0, 1000, 1, 'metrics'),

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

  ...Object.entries(QUESTIONS).map(
    ([name, { question, answers }]): Control => ({
      part: 'choose',
      name: name as keyof Answers,
      label: question,
      kind: 'radio',
      options: answers.map((value) => [value, SAID[value] ?? value] as const),
    }),
  ),
];

/** What the page opens with, and what `COMPARISON.md` shows. */
export const START = {
  region: 'us-east-1',
  imagesPerMonth: 1e6,
  imagesPerBurst: 1000,
  megapixels: 12,
  outputFormat: 'webp',
  spot: false,
  pattern: 'burst',
  images: 10_000,
  overSeconds: 0,
  peakToMean: 2,
  accountConcurrency: 0,
  job: 'seconds',
  arrival: 'bursts',
  idle: 'mostly',
  onCall: 'somebody',
  host: 'nothing special',
  kubernetes: 'no',
} as const satisfies Partial<State>;

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
  return { part, name, label, kind: 'number', min, max, step, unit, rare: true };
}

/** What a slider's position stands for: whole numbers of two figures where it moves an exponent. */
export const fromSlider = (scale: 'linear' | 'log', position: number): number =>
  scale === 'linear' ? position : Math.max(1, Number((10 ** position).toPrecision(2)));

/** Where a slider stands for a value. */
export const toSlider = (scale: 'linear' | 'log', value: number): number =>
  scale === 'linear' ? value : Math.round(Math.log10(value) * 20) / 20;
