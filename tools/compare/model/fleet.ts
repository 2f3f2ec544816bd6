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
    readonly max: number;
    readonly unitsPerHost: number;
    /** Until units run on a new one, their own start included. */
    readonly startSeconds: number;
    /** That an empty one is left alone. */
    readonly unneededSeconds: number;
  };
}

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
  private readonly coming = new Heap<'unit'>();
  private readonly leaving = new Heap<'unit'>();
  private gone = 0;
  private hostsUp: number;
  private readonly hostsLeaving: number[] = [];
  private now = 0;

  constructor(private readonly settings: FleetSettings) {
    this.wanted = settings.min;
    this.running = settings.min;
    this.peak = settings.min;
    this.hostsUp = settings.hosts?.min ?? 0;
  }

  get starting(): number {
    return this.wanted - this.running;
  }

  get hosts(): number {
    return this.settings.hosts ? this.hostsUp : this.wanted + this.stillLeaving;
  }

  /** When the next unit is ready, or the next is gone. */
  get nextTime(): number {
    return Math.min(this.coming.nextTime, this.leaving.nextTime, this.hostsLeaving[0] ?? Number.POSITIVE_INFINITY);
  }

  /** Nothing is on its way, in or out. */
  get settled(): boolean {
    return this.nextTime === Number.POSITIVE_INFINITY && this.wanted === this.settings.min;
  }

  private get stillLeaving(): number {
    return this.gone;
  }

  /** Lets time pass, and bills it. Call at every `nextTime`, at the latest. */
  advance(to: number): void {
    const seconds = to - this.now;
    this.unitSeconds += (this.wanted + this.stillLeaving) * seconds;
    this.hostSeconds += this.hosts * seconds;
    this.now = to;
    while (this.coming.nextTime <= to) {
      this.coming.pop();
      if (this.running < this.wanted) this.running += 1;
    }
    while (this.leaving.nextTime <= to) {
      this.leaving.pop();
      this.gone -= 1;
    }
    while ((this.hostsLeaving[0] ?? Number.POSITIVE_INFINITY) <= to) {
      this.hostsLeaving.shift();
      this.hostsUp -= 1;
    }
    this.peak = Math.max(this.peak, this.running);
  }

  /** Changes how many are wished for. */
  want(units: number): void {
    if (units > this.wanted) this.grow(units - this.wanted);
    else if (units < this.wanted) this.shrink(this.wanted - units);
  }

  private grow(by: number): void {
    const { startSeconds, hosts } = this.settings;
    for (let unit = 0; unit < by; unit += 1) {
      this.wanted += 1;
      this.starts += 1;
      let ready = startSeconds;
      if (hosts) {
        const needed = Math.ceil(this.wanted / hosts.unitsPerHost);
        // A node that is about to leave is needed again.
        while (this.hostsLeaving.length > 0 && this.hostsUp - this.hostsLeaving.length < needed)
          this.hostsLeaving.pop();
        if (needed > this.hostsUp) {
          // No room, and no more nodes: it waits for ever.
          if (this.hostsUp >= hosts.max) continue;
          this.hostsUp += 1;
          ready = hosts.startSeconds;
        }
      }
      this.coming.push(this.now + ready, 'unit');
    }
  }

  private shrink(by: number): void {
    const { leaveSeconds, hosts } = this.settings;
    const starting = Math.min(by, this.starting);
    for (let unit = 0; unit < starting; unit += 1) this.coming.pop();
    this.wanted -= by;
    this.running -= by - starting;
    if (leaveSeconds > 0) {
      for (let unit = 0; unit < by; unit += 1) this.leaving.push(this.now + leaveSeconds, 'unit');
      this.gone += by;
    }
    if (!hosts) return;
    const needed = Math.max(hosts.min, Math.ceil(this.wanted / hosts.unitsPerHost));
    while (this.hostsUp - this.hostsLeaving.length > needed) this.hostsLeaving.push(this.now + hosts.unneededSeconds);
  }
}
