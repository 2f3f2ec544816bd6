import type { Arrivals } from './types';

/** When images arrive: how many by a moment, and the moment of each. Deterministic, evenly spaced. */

const DAY = 86_400;

export function total(arrivals: Arrivals): number {
  return arrivals.kind === 'burst' ? arrivals.images : arrivals.imagesPerDay;
}

/** Seconds in which they arrive. */
export function lastsSeconds(arrivals: Arrivals): number {
  return arrivals.kind === 'burst' ? arrivals.overSeconds : DAY;
}

/** How many have arrived by then; a real number between two of them. */
export function arrivedBy(arrivals: Arrivals, seconds: number): number {
  if (seconds < 0) return 0;
  if (arrivals.kind === 'burst') {
    if (seconds >= arrivals.overSeconds) return arrivals.images;
    return (arrivals.images * seconds) / arrivals.overSeconds;
  }
  if (seconds >= DAY) return arrivals.imagesPerDay;
  const turn = (2 * Math.PI) / DAY;
  return (arrivals.imagesPerDay / DAY) * (seconds - ((arrivals.peakToMean - 1) / turn) * Math.sin(turn * seconds));
}

/** The moments, ascending. The first is at 0: one image arrives at once however slow the others are. */
export function moments(arrivals: Arrivals): Float64Array {
  const images = Math.round(total(arrivals));
  const times = new Float64Array(images);
  if (arrivals.kind === 'burst') {
    for (let index = 0; index < images; index += 1) times[index] = (arrivals.overSeconds * index) / images;
    return times;
  }
  let from = 0;
  for (let index = 0; index < images; index += 1) {
    // The curve has no inverse in closed form; each moment lies after the one before.
    let [low, high] = [from, DAY];
    for (let halving = 0; halving < 40; halving += 1) {
      const middle = (low + high) / 2;
      if (arrivedBy(arrivals, middle) < index) low = middle;
      else high = middle;
    }
    from = high;
    times[index] = index === 0 ? 0 : high;
  }
  return times;
}
