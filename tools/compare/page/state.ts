import { RENDITION_FORMATS, type RenditionFormat } from '../../../workload/contract';
import { ASSUMED_CPU_SPEED } from '../model/fit';
import { type Needs, ordinary } from '../model/needs';
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

/** What the two decisions depend on; and the simulation, which has a form of its own. */
export const GROUPS = {
  job: 'The job',
  team: 'The team',
  amount: 'How much work',
  more: 'More about the job, the account and the prices',
  scale: 'What arrives',
} as const;

/** A control. */
export type Control = {
  readonly name: keyof State;
  readonly label: string;
  readonly group: keyof typeof GROUPS;
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
  | { readonly kind: 'select'; readonly options: Options }
);

type Options = readonly (readonly [value: string, label: string])[];
type Group = Control['group'];

const same = (...values: readonly string[]): Options => values.map((value) => [value, value]);
const select = (group: Group, name: keyof State, label: string, options: Options): Control => {
  return { group, name, label, kind: 'select', options };
};
const tick = (group: Group, name: keyof State, label: string): Control => ({ group, name, label, kind: 'checkbox' });

export const CONTROLS: readonly Control[] = [
  select('job', 'lasts', 'One job takes', [
    ['seconds', 'seconds'],
    ['minutes', 'minutes (5)'],
    ['near 15 minutes', 'near 15 minutes'],
    ['hours', 'hours (3)'],
    ['over 12 hours', 'over 12 hours'],
  ]),
  select('job', 'answer', 'Result needed', [
    ['later', 'later'],
    ['at once', 'at once'],
  ]),
  number('job', 'memoryGb', 'Memory', 0.1, 24_000, 0.1, 'GB'),
  select('team', 'people', 'Who looks after servers', same('nobody', 'somebody', 'platform team')),
  select('job', 'host', 'Special needs', [
    ['nothing special', 'none'],
    ['gpu', 'a GPU'],
    ['kernel or device', 'a kernel module or a device'],
    ['windows', 'Windows'],
    ['desktop', 'a desktop'],
  ]),
  select('team', 'kubernetes', 'Kubernetes', [
    ['no', 'none here'],
    ['there already', 'there already'],
    ['has to be', 'has to be'],
  ]),
  slider('amount', 'imagesPerMonth', 'Images a month', 'log', 2, 9, 'count', 'images'),
  slider('amount', 'imagesPerBurst', 'Arriving at once', 'log', 0, 6, 'count', 'images'),
  number('more', 'diskGb', 'Scratch disk of one job', 0, 60_000, 0.1, 'GB'),
  tick('more', 'x86', 'It runs on x86 only'),
  tick('more', 'internet', 'It may reach the internet'),
  slider('more', 'megapixels', 'Size of an image', 'linear', 1, 50, 'count', 'megapixels'),
  select('more', 'outputFormat', 'Renditions are', same(...RENDITION_FORMATS)),
  select('more', 'region', 'Region', [
    ['us-east-1', 'us-east-1, N. Virginia'],
    ['eu-west-1', 'eu-west-1, Ireland'],
    ['ap-northeast-2', 'ap-northeast-2, Seoul'],
  ]),
  select('more', 'account', 'The account', [
    ['grown', 'has its usual quotas'],
    ['new', 'is new: small quotas'],
  ]),
  number('more', 'accountConcurrency', 'Lambda: concurrent executions of the account', 0, 100_000, 10, '0: not known'),
  tick('more', 'production', 'As for production: private subnets behind a NAT gateway'),
  tick('more', 'spot', 'Spot capacity, where a way can use it'),
  tick('more', 'freeTier', 'Less what an account has for nothing each month'),
  tick('more', 'savingsPlan', 'A Compute Savings Plan of a year, for what runs in every hour'),
  number('more', 'cpuSpeedLow', 'CPU time there / CPU time here, at least', 0.1, 10, 0.05, 'times'),
  number('more', 'cpuSpeed', 'CPU time there / CPU time here, typically', 0.1, 10, 0.05, 'times'),
  number('more', 'cpuSpeedHigh', 'CPU time there / CPU time here, at most', 0.1, 10, 0.05, 'times'),

  select('scale', 'pattern', 'How they arrive', [
    ['burst', 'in a burst'],
    ['daily', 'over a day'],
  ]),
  slider('scale', 'images', 'Images', 'log', 0, 9, 'count', 'images'),
  { ...slider('scale', 'overSeconds', 'The burst lasts', 'linear', 0, 3600, 'duration', '', 30), when: 'burst' },
  { ...slider('scale', 'peakToMean', 'Peak / mean of the day', 'linear', 1, 2, 'count', '', 0.05), when: 'daily' },
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
  group: Group,
  name: keyof State,
  label: string,
  scale: 'linear' | 'log',
  min: number,
  max: number,
  format: Format,
  unit: string,
  step = scale === 'log' ? 0.05 : 1,
): Control {
  return { group, name, label, kind: 'slider', scale, min, max, step, format, unit };
}

function number(
  group: Group,
  name: keyof State,
  label: string,
  min: number,
  max: number,
  step: number,
  unit: string,
): Control {
  return { group, name, label, kind: 'number', min, max, step, unit };
}

/** What a slider's position stands for: whole numbers of two figures where it moves an exponent. */
export const fromSlider = (scale: 'linear' | 'log', position: number): number =>
  scale === 'linear' ? position : Math.max(1, Number((10 ** position).toPrecision(2)));

/** Where a slider stands for a value. */
export const toSlider = (scale: 'linear' | 'log', value: number): number =>
  scale === 'linear' ? value : Math.round(Math.log10(value) * 20) / 20;

/** What somebody wrote, in a field or in an address, as a value of the control; `undefined` where it is none. */
export function inputOf(control: Control, said: string): string | number | boolean | undefined {
  if (control.kind === 'checkbox') return said === 'true' || (said === 'false' ? false : undefined);
  if (control.kind === 'select') return control.options.some(([value]) => value === said) ? said : undefined;
  const value = said.trim() === '' ? Number.NaN : Number(said);
  const isLog = control.kind === 'slider' && control.scale === 'log';
  const [min, max] = isLog ? [1, 10 ** control.max] : [control.min, control.max];
  const isWhole = Number.isInteger(value) || (!isLog && control.step < 1);
  return isWhole && value >= min && value <= max ? value : undefined;
}

/** What an address says besides the inputs: the parts that are open, the place that was gone to, the pair of stacks. */
export type View = Readonly<Partial<Record<'open' | 'at' | 'pair', string>>>;

/**
 * Inputs and view as the end of an address: what differs from the start. After the `#`, because a page that was opened from
 * disk may not change what is before it.
 */
export function toHash(state: State, view: View): string {
  const changed = CONTROLS.flatMap(({ name }): [string, string][] =>
    state[name] === START[name] ? [] : [[name, String(state[name])]],
  );
  const seen = Object.entries(view).filter(([, said]) => said !== '');
  return new URLSearchParams([...changed, ...seen]).toString();
}

/** What an address says. What it says wrongly is as at the start; a single word is a place on the page. */
export function fromHash(hash: string): { readonly state: State; readonly view: View } {
  const said = hash.replace(/^#/, '');
  if (!said.includes('=')) return { state: START, view: { at: said } };
  const { open = '', at = '', pair = '', ...inputs } = Object.fromEntries(new URLSearchParams(said));
  const found = CONTROLS.flatMap((control) => {
    const value = inputs[control.name] === undefined ? undefined : inputOf(control, inputs[control.name] as string);
    return value === undefined ? [] : [[control.name, value] as const];
  });
  return { state: { ...START, ...Object.fromEntries(found) }, view: { open, at, pair } };
}
