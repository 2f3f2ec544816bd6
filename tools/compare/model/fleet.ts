import { Heap } from './heap';

/** How a fleet's units come and go. */
export interface FleetSettings {
  readonly min: number;
  readonly startSeconds: number;
  /** After it has stopped working, until it is gone and no longer billed. */
  readonly leaveSeconds: number;
  /** Where units share machines that come and go apart from them. */
  readonly hosts?: {
    readonly min: number;
    readonly unitsPerHost: number;
    /** Until units run on a new one, their own start included. */
    readonly startSeconds: number;
    /** That an empty one is left alone. */
    readonly unneededSeconds: number;
    /** That all are left alone after one was added. */
    readonly delayAfterAddSeconds: number;
  };
}

/** Units by their state, the machines under them, and the time that each is billed. */
export class Fleet {
  /** Units wished for, running or not. */
  wanted: number;
  running: number;
  /** Units started so far, those of the beginning not counted. */
  starts = 0;
  /** How often units were taken away, one or several. */
  scaleIns = 0;
  peak: number;
  unitSeconds = 0;
  hostSeconds = 0;
  private readonly coming = new Heap<'unit'>();
  private readonly leaving = new Heap<'unit'>();
  /** Units that no longer work and are still billed. */
  private stopping = 0;
  /** By host: when units can run on it. */
  private readonly hostsReady: number[];
  private readonly hostsLeaving: number[] = [];
  private hostAdded = Number.NEGATIVE_INFINITY;
  private now = 0;

  constructor(private readonly settings: FleetSettings) {
    this.wanted = settings.min;
    this.running = settings.min;
    this.peak = settings.min;
    const { hosts } = settings;
    this.hostsReady = hosts ? new Array(Math.max(hosts.min, Math.ceil(settings.min / hosts.unitsPerHost))).fill(0) : [];
  }

  get starting(): number {
    return this.wanted - this.running;
  }

  get hosts(): number {
    return this.settings.hosts ? this.hostsReady.length : this.wanted + this.stopping;
  }

  /** When the next unit is ready, or the next is gone. */
  get nextTime(): number {
    return Math.min(this.coming.nextTime, this.leaving.nextTime, this.hostsLeaving[0] ?? Number.POSITIVE_INFINITY);
  }

  /** Nothing is on its way, in or out. */
  get settled(): boolean {
    return this.nextTime === Number.POSITIVE_INFINITY && this.wanted === this.settings.min;
  }

  /** Lets time pass, and bills it. Call at every `nextTime`, at the latest. */
  advance(to: number): void {
    const seconds = to - this.now;
    this.unitSeconds += (this.wanted + this.stopping) * seconds;
    this.hostSeconds += this.hosts * seconds;
    this.now = to;
    while (this.coming.nextTime <= to) {
      this.coming.pop();
      if (this.running < this.wanted) this.running += 1;
    }
    while (this.leaving.nextTime <= to) {
      this.leaving.pop();
      this.stopping -= 1;
    }
    while ((this.hostsLeaving[0] ?? Number.POSITIVE_INFINITY) <= to) {
      this.hostsLeaving.shift();
      this.hostsReady.pop();
    }
    this.peak = Math.max(this.peak, this.running);
  }

  /** Changes how many are wished for: no more than the hosts have room for. */
  want(units: number): void {
    if (units > this.wanted) this.grow(units - this.wanted);
    else if (units < this.wanted) this.shrink(this.wanted - units);
  }

  private grow(by: number): void {
    const { startSeconds, hosts } = this.settings;
    for (let unit = 0; unit < by; unit += 1) {
      this.wanted += 1;
      this.starts += 1;
      this.coming.push(Math.max(this.now + startSeconds, hosts ? this.room(hosts) : 0), 'unit');
    }
  }

  /** Finds a host for the last unit that is wished for. @returns when it can run there */
  private room({ unitsPerHost, startSeconds }: NonNullable<FleetSettings['hosts']>): number {
    const needed = Math.ceil(this.wanted / unitsPerHost);
    // One that is about to leave is needed again.
    while (this.hostsLeaving.length > 0 && this.hosts - this.hostsLeaving.length < needed) this.hostsLeaving.pop();
    if (needed > this.hosts) {
      this.hostsReady.push(this.now + startSeconds);
      this.hostAdded = this.now;
    }
    return this.hostsReady[needed - 1] ?? 0;
  }

  private shrink(by: number): void {
    const { leaveSeconds, hosts } = this.settings;
    this.scaleIns += 1;
    const starting = Math.min(by, this.starting);
    for (let unit = 0; unit < starting; unit += 1) this.coming.pop();
    this.wanted -= by;
    this.running -= by - starting;
    if (leaveSeconds > 0) {
      for (let unit = 0; unit < by; unit += 1) this.leaving.push(this.now + leaveSeconds, 'unit');
      this.stopping += by;
    }
    if (!hosts) return;
    const needed = Math.max(hosts.min, Math.ceil(this.wanted / hosts.unitsPerHost));
    const leave = Math.max(this.now + hosts.unneededSeconds, this.hostAdded + hosts.delayAfterAddSeconds);
    while (this.hosts - this.hostsLeaving.length > needed) this.hostsLeaving.push(leave);
  }
}
