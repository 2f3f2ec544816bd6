/** So many images at a time, every so many seconds, in [from, to). */
interface Stream {
  readonly from: number;
  readonly to: number;
  readonly every: number;
  readonly size: number;
}

/** When images arrive: streams one after the other, or single images at moments, ascending. */
export type Arrivals = { readonly streams: readonly Stream[] } | { readonly moments: readonly number[] };

export const burst = (images: number): Arrivals => bursts(images, 1, 1);

/** Bursts of the same size, evenly spaced; of one image each: a steady trickle. */
export const bursts = (size: number, every: number, count: number): Arrivals => ({
  streams: [{ from: 0, to: every * count, every, size }],
});

/** So many images, evenly over some seconds. */
export const even = (images: number, overSeconds: number): Arrivals => bursts(1, overSeconds / images, images);

/**
 * Arrivals that do not know of each other, so many a second on average (a Poisson process). The first is at 0.
 *
 * @param random uniform in [0, 1): from a seed, for a result that can be repeated
 */
export function poisson(perSecond: number, lastsSeconds: number, random: () => number): Arrivals {
  const moments: number[] = [];
  for (let at = 0; at < lastsSeconds; at += Math.log(1 / (1 - random())) / perSecond) moments.push(at);
  return { moments };
}

const DAY = 86_400;
const PARTS = 24;

/** One day: a cosine from the quietest hour to the peak and back, in hours. `peakToMean` from 1 (even) to 2. */
export function daily(images: number, peakToMean: number): Arrivals {
  const turn = (2 * Math.PI) / DAY;
  const arrivedBy = (at: number) => (images / DAY) * (at - ((peakToMean - 1) / turn) * Math.sin(turn * at));
  const streams: Stream[] = [];
  for (let part = 0; part < PARTS; part += 1) {
    const [from, to] = [(part * DAY) / PARTS, ((part + 1) * DAY) / PARTS];
    // Whole images: a part of one would never be done.
    const images = Math.round(arrivedBy(to)) - Math.round(arrivedBy(from));
    if (images > 0) streams.push({ from, to, every: (to - from) / images, size: 1 });
  }
  return { streams };
}

export function total(arrivals: Arrivals): number {
  if ('moments' in arrivals) return arrivals.moments.length;
  return arrivals.streams.reduce((sum, stream) => sum + count(stream) * stream.size, 0);
}

/** Times that a stream brings something. */
const count = ({ from, to, every }: Stream) => Math.max(1, Math.round((to - from) / every));

/** When the last one arrives. */
export function lastArrival(arrivals: Arrivals): number {
  if ('moments' in arrivals) return arrivals.moments.at(-1) ?? 0;
  const last = arrivals.streams.at(-1);
  return last ? last.from + (count(last) - 1) * last.every : 0;
}

/** Seconds: no rule tells what comes more often than this from what comes all the time. */
const STEADY = 15;

/** Hands arrivals out, one after the other. */
export class Feed {
  private stream = 0;
  private index = 0;

  /**
   * @param grain seconds: images of a stream that come closer together than this come together, so many at a time. While
   * all of them find a free slot, that makes no difference.
   */
  constructor(
    private readonly arrivals: Arrivals,
    private readonly grain: number,
  ) {}

  /** When the next come; infinity when there are none. */
  get nextTime(): number {
    if ('moments' in this.arrivals) return this.arrivals.moments[this.index] ?? Number.POSITIVE_INFINITY;
    const stream = this.arrivals.streams[this.stream];
    return stream ? stream.from + this.index * stream.every : Number.POSITIVE_INFINITY;
  }

  /** What comes now without a pause; `null` where images come apart from each other. */
  get flow(): Stream | null {
    const stream = 'streams' in this.arrivals ? this.arrivals.streams[this.stream] : undefined;
    return stream && stream.every <= STEADY ? stream : null;
  }

  /** @returns how many come at `nextTime` */
  take(): number {
    if ('moments' in this.arrivals) {
      this.index += 1;
      return 1;
    }
    const stream = this.arrivals.streams[this.stream] as Stream;
    const together = Math.min(Math.max(1, Math.floor(this.grain / stream.every)), count(stream) - this.index);
    this.index += together;
    if (this.index >= count(stream)) {
      this.stream += 1;
      this.index = 0;
    }
    return together * stream.size;
  }

  /** Passes over so much of a flow. @returns how many images that were */
  skip(seconds: number): number {
    const stream = (this.arrivals as { streams: readonly Stream[] }).streams[this.stream] as Stream;
    const steps = Math.floor(seconds / stream.every);
    this.index += steps;
    return steps * stream.size;
  }
}
