import type { Range } from './types';

/** Arithmetic on ranges. Every one of these grows, or does not change, with both of its arguments. */

export const exactly = (value: number): Range => ({ low: value, high: value });

export const add = (a: Range, b: Range): Range => ({ low: a.low + b.low, high: a.high + b.high });

export const sum = (ranges: readonly Range[]): Range => ranges.reduce(add, exactly(0));

export const scale = (range: Range, by: number): Range => ({ low: range.low * by, high: range.high * by });

/** The smallest range that has both in it. */
export const spanning = (a: number, b: number): Range => ({ low: Math.min(a, b), high: Math.max(a, b) });
