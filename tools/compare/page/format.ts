import type { Delay, Estimate } from '../model/types';

/** How numbers are written, everywhere: with their unit, in three figures at most; headlines in two. */

const plain = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

const SECONDS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

function duration(seconds: number, number = plain): string {
  if (seconds === 0) return '0 s';
  // Up to two of a unit, the smaller one reads better: 100 s, 36 h.
  const [size, unit] = SECONDS.find(([each]) => seconds === each || seconds >= each * 2 || each === 1) ?? [1, 's'];
  if (seconds < 1) return `${number.format(seconds * 1000)} ms`;
  return `${number.format(seconds / size)} ${unit}`;
}

export const format = {
  /** `1.2M`. */
  count: (value: number): string => (value < 1000 ? plain.format(value) : compact.format(value)),
  /** `$0.31`, `$1.2K`. */
  usd: (value: number): string => {
    if (value === 0) return '$0';
    if (Math.abs(value) < 0.01) return `$${plain.format(value)}`;
    return `$${Math.abs(value) < 1000 ? value.toFixed(Math.abs(value) < 100 ? 2 : 0).replace(/\.00$/, '') : compact.format(value)}`;
  },
  /** `90 s`, `1.5 h`. */
  duration: (seconds: number): string => duration(seconds),
  /** `13:00`, of seconds since midnight. */
  clock: (seconds: number): string =>
    [seconds / 3600, (seconds % 3600) / 60].map((part) => String(Math.floor(part)).padStart(2, '0')).join(':'),
  /** `$26.50`, and more figures only of what is less than a cent. */
  cents: (value: number): string =>
    `$${value !== 0 && Math.abs(value) < 0.01 ? exact.format(Number(value.toPrecision(2))) : cents.format(value)}`,
  /** Up to five significant figures below a thousand, whole numbers above. */
  exact: (value: number): string => exact.format(value >= 1000 ? Math.round(value) : Number(value.toPrecision(5))),
} as const;
export type Format = keyof typeof format;

const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 12 });
const cents = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** `3 to 4 min`; one value where both ends read the same. */
export const rangeText = ({ low, high }: Pick<Estimate, 'low' | 'high'>, as: Format): string =>
  between(format[as](low), format[as](high));

function between(from: string, to: string): string {
  if (from === to) return to;
  const [, unit = ''] = /( \w+)$/.exec(to) ?? [];
  return `${unit !== '' && from.endsWith(unit) ? from.slice(0, -unit.length) : from} to ${to}`;
}

const two = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });

/** In two significant figures. */
export const headline = (value: number, as: Format): string =>
  as === 'duration' ? duration(value, two) : format[as](Number(value.toPrecision(2)));

/** A headline: what is typical, and in brackets how far it may be off. */
export function figureText({ low, typical, high }: Estimate, as: Format): string {
  const [said, range] = [headline(typical, as), between(headline(low, as), headline(high, as))];
  return range === said ? said : `${said} (${range})`;
}

export const usdText = (figure: Estimate | null): string => (figure ? figureText(figure, 'usd') : '');

/** A delay or a limit as its table has it: `1 to 60 s`, `1,000`, `10 %`. */
export function amountText({ low, high, unit }: Pick<Delay, 'low' | 'high' | 'unit'>): string {
  const [times, sign] = UNITS[unit];
  const [from, to] = [low, high].map((value) => plainly.format(value * times));
  return `${from === to ? to : `${from} to ${to}`}${sign}`;
}

const plainly = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });

const UNITS: Readonly<Record<Delay['unit'], readonly [times: number, sign: string]>> = {
  seconds: [1, ' s'],
  count: [1, ''],
  'count per second': [1, ' a second'],
  ratio: [100, ' %'],
  mib: [1, ' MiB'],
  gigabytes: [1, ' GB'],
};

const NICE_SECONDS = [1, 10, 60, 600, 3600, 36_000, 86_400, 864_000, 8_640_000];

/** Places for ticks that read well in their format: powers of ten, whole hours, round numbers. */
export function axisTicks(
  [low, high]: readonly [number, number],
  { scale, format: as }: { readonly scale: 'linear' | 'log' | 'symlog'; readonly format: Format },
  count: number,
): readonly number[] {
  if (as === 'clock') {
    const hours = count > 5 ? 3 : 6;
    return Array.from({ length: 24 / hours + 1 }, (_, i) => i * hours * 3600).filter((at) => at >= low && at <= high);
  }
  if (scale === 'symlog') return [0, ...axisTicks([1, high], { scale: 'log', format: as }, count)];
  if (scale === 'log') {
    const all =
      as === 'duration'
        ? NICE_SECONDS
        : Array.from({ length: 40 }, (_, i) => 10 ** (i - 15)).map((value) => Number(value.toPrecision(1)));
    const inside = all.filter((value) => value >= low * 0.999 && value <= high * 1.001);
    const every = Math.ceil(inside.length / count);
    return inside.filter((_, i) => i % every === 0);
  }
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  // There is no half an image.
  const step = as === 'count' ? Math.max(1, nice) : nice;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}
