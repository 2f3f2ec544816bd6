import type { AssumptionId, Assumptions, Delays, Estimate, Figure, Inputs } from './types';

/**
 * From numbers that are only known as ranges to figures with a range. A calculation is done with every assumption at its
 * typical value; with all of them at their low and all at their high end; and with each of them alone at either end. So a
 * figure says what is typical, how far off it may be, and which assumption moves it most.
 */

/** Arithmetic knows these of itself. */
const OWN = {
  moment: { low: 0, typical: 0.5, high: 1 },
  // A unit that scaling ends has nothing to do, as a rule.
  'grace-used': { low: 0, typical: 0.1, high: 1 },
  'spot-price': { low: 0, typical: 0.5, high: 1 },
};

export type Ranges = Readonly<Record<AssumptionId, Estimate>>;

export function ranges(delays: Delays, { work, cpuSpeed }: Pick<Inputs, 'work' | 'cpuSpeed'>): Ranges {
  return { ...delays, ...OWN, 'image-cpu': work.cpuSeconds, 'cpu-speed': cpuSpeed };
}

export const ENDS = ['low', 'typical', 'high'] as const;
export type End = (typeof ENDS)[number];

/** All assumptions at one end. */
export const assume = (from: Ranges, end: End): Assumptions =>
  Object.fromEntries(Object.entries(from).map(([id, estimate]) => [id, estimate[end]])) as Assumptions;

/** Of much work, these are what moves a figure: where one calculation takes long, the others are not tried alone. */
export const OF_MUCH_WORK: readonly AssumptionId[] = ['cpu-speed', 'image-cpu', 'control-plane-logs'];

/**
 * Several results of one calculation, each as a figure; `null` where it has none.
 * @param candidates that are tried alone; all that the calculation uses when left out
 */
export function figures<Key extends string>(
  from: Ranges,
  of: (assumptions: Assumptions) => Readonly<Record<Key, number | null>>,
  candidates?: readonly AssumptionId[],
): Record<Key, Figure | null> {
  const used = new Set<AssumptionId>();
  const typical = assume(from, 'typical');
  const watched = new Proxy(typical, {
    get(target, id: AssumptionId) {
      used.add(id);
      return target[id];
    },
  });
  const middle = of(watched);
  const corners = [middle, of(assume(from, 'low')), of(assume(from, 'high'))];
  const alone = [...used]
    .filter((id) => from[id].low < from[id].high && (!candidates || candidates.includes(id)))
    .map((id) => ({
      id,
      ends: [of({ ...typical, [id]: from[id].low }), of({ ...typical, [id]: from[id].high })] as const,
    }));
  const figure = (key: Key): Figure | null => {
    const all = [...corners, ...alone.flatMap(({ ends }) => ends)].map((result) => result[key]);
    const values = all.flatMap((value) => value ?? []);
    const [first] = values;
    if (first === undefined || values.length < all.length) return null;
    let dominant: { id: AssumptionId | null; by: number } = { id: null, by: 0 };
    for (const { id, ends } of alone) {
      const by = Math.abs((ends[1][key] as number) - (ends[0][key] as number));
      // What rounding leaves moves nothing.
      if (by > dominant.by + Math.abs(first) * 1e-9) dominant = { id, by };
    }
    return { low: Math.min(...values), typical: first, high: Math.max(...values), dominatedBy: dominant.id };
  };
  return Object.fromEntries((Object.keys(middle) as Key[]).map((key) => [key, figure(key)])) as Record<
    Key,
    Figure | null
  >;
}

/** Two headlines can be told apart when their ranges do not overlap. */
export const isClearlyBelow = (a: Estimate, b: Estimate): boolean => a.high < b.low;
