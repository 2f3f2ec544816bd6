interface Entry<Item> {
  readonly time: number;
  readonly order: number;
  readonly item: Item;
}

/** A queue ordered by time: the earliest first, what was put in first among equals. */
export class Heap<Item> {
  private readonly entries: Entry<Item>[] = [];
  private order = 0;

  /** When the earliest is due; infinity when there is none. */
  get nextTime(): number {
    return this.entries[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  push(time: number, item: Item): void {
    const entry = { time, order: this.order++, item };
    let at = this.entries.length;
    for (let up = (at - 1) >> 1; at > 0 && before(entry, this.entries[up]); up = (at - 1) >> 1) {
      this.entries[at] = this.entries[up] as Entry<Item>;
      at = up;
    }
    this.entries[at] = entry;
  }

  pop(): Item | undefined {
    const { entries } = this;
    const [first] = entries;
    const last = entries.pop();
    if (!last || entries.length === 0) return first?.item;
    let at = 0;
    for (let down = 1; down < entries.length; down = 2 * at + 1) {
      if (before(entries[down + 1], entries[down])) down += 1;
      if (!before(entries[down], last)) break;
      entries[at] = entries[down] as Entry<Item>;
      at = down;
    }
    entries[at] = last;
    return first?.item;
  }
}

const before = (a: Entry<unknown> | undefined, b: Entry<unknown> | undefined) =>
  a !== undefined && b !== undefined && (a.time < b.time || (a.time === b.time && a.order < b.order));
