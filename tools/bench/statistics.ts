/** The arithmetic of the bench. */

/** Of an even number of values the mean of the middle two. `NaN` of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

/** A figure, and the lowest and highest that one round gave. */
export interface Spread {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export function spread(values: readonly number[]): Spread {
  return { value: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * `a / b`, round by round: what disturbs one round disturbs both, because they ran one after the other.
 * @throws RangeError when the rounds are not the same
 */
export function ratio(a: readonly number[], b: readonly number[]): Spread {
  if (a.length !== b.length || a.length === 0) throw new RangeError(`${a.length} rounds against ${b.length}`);
  return spread(a.map((value, round) => value / (b[round] as number)));
}
