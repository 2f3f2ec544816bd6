import type { Arrivals } from './types';

/** When images arrive: how many by a moment, and the moment of each. Evenly spaced, unless the moments are given. */

const DAY = 86_400;

/** Seconds by which a moment may be off. */
const A_MOMENT = 1e-3;

/**
 * Arrivals that do not know of each other, so many a second on average (a Poisson process). The first is at 0.
 *
 * @param random uniform in [0, 1): from a seed, for a result that can be repeated
 */
export function poisson(perSecond: number, lastsSeconds: number, random: () => number): Arrivals {
  const seconds: number[] = [];
  for (let at = 0; at < lastsSeconds; at += Math.log(1 / (1 - random())) / perSecond) seconds.push(at);
  return { kind: 'moments', seconds: Float64Array.from(seconds) };
}

export function total(arrivals: Arrivals): number {
  if (arrivals.kind === 'moments') return arrivals.seconds.length;
  return arrivals.kind === 'burst' ? arrivals.images : arrivals.imagesPerDay;
}

/** Seconds in which they arrive. */
export function lastsSeconds(arrivals: Arrivals): number {
  if (arrivals.kind === 'moments') return arrivals.seconds.at(-1) ?? 0;
  return arrivals.kind === 'burst' ? arrivals.overSeconds : DAY;
}

/** How many have arrived by then; a real number between two of them. */
export function arrivedBy(arrivals: Arrivals, seconds: number): number {
  if (arrivals.kind === 'moments') return arrivals.seconds.filter((at) => at <= seconds).length;
  if (seconds < 0) return 0;
  if (arrivals.kind === 'burst') {
    if (seconds >= arrivals.overSeconds) return arrivals.images;
    return (arrivals.images * seconds) / arrivals.overSeconds;
  }
  if (seconds >= DAY) return arrivals.imagesPerDay;
  const turn = (2 * Math.PI) / DAY;
  return (arrivals.imagesPerDay / DAY) * (seconds - ((arrivals.peakToMean - 1) / turn) * Math.sin(turn * seconds));
}

/** Four ways at both ends ask for the same moments, and a page answers while a slider moves. */
const known = new WeakMap<Arrivals, Float64Array>();

/** The moments, ascending. The first is at 0: one image arrives at once however slow the others are. */
export function moments(arrivals: Arrivals): Float64Array {
  if (arrivals.kind === 'moments') return arrivals.seconds;
  const times = known.get(arrivals) ?? calculated(arrivals);
  known.set(arrivals, times);
  return times;
}

function calculated(arrivals: Exclude<Arrivals, { kind: 'moments' }>): Float64Array {
  const images = Math.round(total(arrivals));
  const times = new Float64Array(images);
  if (arrivals.kind === 'burst') {
    for (let index = 0; index < images; index += 1) times[index] = (arrivals.overSeconds * index) / images;
    return times;
  }
  const stride = DAY / images;
  let low = 0;
  for (let index = 1; index < images; index += 1) {
    // The curve has no inverse in closed form; each moment lies after the one before.
    while (arrivedBy(arrivals, low + stride) < index) low += stride;
    let high = low + stride;
    while (high - low > A_MOMENT) {
      const middle = (low + high) / 2;
      if (arrivedBy(arrivals, middle) < index) low = middle;
      else high = middle;
    }
    times[index] = high;
  }
  return times;
}
