/** How a fleet's units come and go. */
export interface FleetSettings {
  readonly min: number;
  /** From the wish for a unit until it works, where there is room. */
  readonly startSeconds: number;
  /** After it has stopped working, until it is gone and no longer billed. */
  readonly leaveSeconds: number;
  /** Where units share machines that come and go apart from them. */
  readonly hosts: {
    readonly min: number;
    readonly max: number;
    readonly unitsPerHost: number;
    /** How many start where there was none. */
    readonly first: number;
    /** From the wish until units can start on a new one; and until it is there and billed. */
    readonly startSeconds: number;
    readonly unbilledSeconds: number;
    /** After some were added, until more are. */
    readonly warmupSeconds: number;
    /** That an empty one is left alone, and all of them after one was added. */
    readonly unneededSeconds: number;
    readonly delayAfterAddSeconds: number;
  } | null;
}

/** The first of some moments; infinity without any. */
const first = (moments: readonly number[]) => moments[0] ?? Number.POSITIVE_INFINITY;

/** Units by their state, the machines under them, and the time that each is billed. */
export class Fleet {
  /** Units wished for, running or not. */
  wanted: number;
  running: number;
  /** Units started so far, those of the beginning not counted. */
  starts = 0;
  peak: number;
  unitSeconds = 0;
  hostSeconds = 0;
  /** When the last change was asked for. */
  changed = 0;
  private now = 0;
  /** Moments, ascending. */
  private readonly coming: number[] = [];
  private readonly leaving: number[] = [];
  /** By host: since when it is billed, and when units can start on it. */
  private readonly machines: { readonly from: number; readonly ready: number }[];
  private readonly hostsLeaving: number[] = [];
  /** When the last were, or will be, added. */
  private hostAdded = Number.NEGATIVE_INFINITY;

  constructor(private readonly settings: FleetSettings) {
    const { min, hosts } = settings;
    this.wanted = min;
    this.running = min;
    this.peak = min;
    const many = hosts ? Math.max(hosts.min, Math.ceil(min / hosts.unitsPerHost)) : 0;
    this.machines = new Array(many).fill({ from: 0, ready: 0 });
  }

  get starting(): number {
    return this.wanted - this.running;
  }

  get hosts(): number {
    return this.settings.hosts ? this.machines.length : this.wanted + this.leaving.length;
  }

  /** When the next unit works, or the next is gone. */
  get nextTime(): number {
    return Math.min(first(this.coming), first(this.leaving), first(this.hostsLeaving));
  }

  /** Nothing is on its way, in or out. */
  get still(): boolean {
    return this.nextTime === Number.POSITIVE_INFINITY;
  }

  /** Lets time pass, and bills it. Call at every `nextTime`, at the latest. */
  advance(to: number): void {
    this.bill(to - this.now);
    this.now = to;
    while (first(this.coming) <= to) {
      this.coming.shift();
      if (this.running < this.wanted) this.running += 1;
    }
    while (first(this.leaving) <= to) this.leaving.shift();
    while (first(this.hostsLeaving) <= to) {
      this.hostsLeaving.shift();
      this.machines.pop();
    }
    this.peak = Math.max(this.peak, this.running);
  }

  /** Bills time in which nothing changes. */
  bill(seconds: number): void {
    this.unitSeconds += (this.wanted + this.leaving.length) * seconds;
    this.hostSeconds += this.hosts * seconds;
    for (const { from } of this.machines) this.hostSeconds -= Math.min(seconds, Math.max(0, from - this.now));
  }

  /** Changes how many are wished for. */
  want(units: number): void {
    if (units === this.wanted) return;
    this.changed = this.now;
    if (units > this.wanted) for (let unit = this.wanted; unit < units; unit += 1) this.grow();
    else this.shrink(this.wanted - units);
  }

  /** Takes all away at once: environments of a function that nobody has asked for. */
  drop(): void {
    this.coming.length = 0;
    this.wanted = 0;
    this.running = 0;
  }

  private grow(): void {
    const { startSeconds, hosts } = this.settings;
    this.wanted += 1;
    this.starts += 1;
    const from = Math.max(this.now, hosts ? this.room(hosts) : 0);
    const at = this.coming.findLastIndex((moment) => moment <= from + startSeconds);
    this.coming.splice(at + 1, 0, from + startSeconds);
    if (hosts) this.release(hosts, from);
  }

  /** Finds a host for the last unit that is wished for. @returns when it can start there */
  private room(settings: NonNullable<FleetSettings['hosts']>): number {
    const { unitsPerHost, startSeconds, unbilledSeconds, warmupSeconds, max } = settings;
    const needed = Math.ceil(this.wanted / unitsPerHost);
    // One that is about to leave is needed again.
    while (this.hostsLeaving.length > 0 && this.hosts - this.hostsLeaving.length < needed) this.hostsLeaving.pop();
    if (needed > this.hosts) {
      const many = this.hosts === 0 ? Math.min(settings.first, max) : 1;
      if (this.hostAdded <= this.now) this.hostAdded = Math.max(this.now, this.hostAdded + warmupSeconds);
      const machine = { from: this.hostAdded + unbilledSeconds, ready: this.hostAdded + startSeconds };
      for (let host = 0; host < many; host += 1) this.machines.push(machine);
    }
    return this.machines[needed - 1]?.ready ?? 0;
  }

  private shrink(by: number): void {
    const { leaveSeconds, hosts } = this.settings;
    const starting = Math.min(by, this.starting);
    this.coming.splice(this.coming.length - starting, starting);
    this.wanted -= by;
    this.running -= by - starting;
    if (leaveSeconds > 0) for (let unit = starting; unit < by; unit += 1) this.leaving.push(this.now + leaveSeconds);
    if (hosts) this.release(hosts, this.now);
  }

  /** Hosts that no unit needs leave, some time after they became empty. */
  private release(
    { min, unitsPerHost, unneededSeconds, delayAfterAddSeconds }: NonNullable<FleetSettings['hosts']>,
    from: number,
  ): void {
    const needed = Math.max(min, Math.ceil(this.wanted / unitsPerHost));
    const leave = Math.max(from + unneededSeconds, this.hostAdded + delayAfterAddSeconds);
    while (this.hosts - this.hostsLeaving.length > needed) this.hostsLeaving.push(leave);
  }
}
