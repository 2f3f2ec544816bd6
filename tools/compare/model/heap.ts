/** A queue ordered by time: the earliest first, what was put in first among equals. */
export class Heap<Item> {
  private readonly entries: { readonly time: number; readonly order: number; readonly item: Item }[] = [];
  private order = 0;

  /** When the earliest is due; infinity when there is none. */
  get nextTime(): number {
    return this.entries[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  push(time: number, item: Item): void {
    let at = this.entries.push({ time, order: this.order++, item }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.before(parent, at)) break;
      this.swap(parent, at);
      at = parent;
    }
  }

  pop(): Item | undefined {
    const [first] = this.entries;
    const last = this.entries.pop();
    if (!first || !last || this.entries.length === 0) return first?.item;
    this.entries[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      if (left >= this.entries.length) break;
      const child = right < this.entries.length && this.before(right, left) ? right : left;
      if (this.before(at, child)) break;
      this.swap(at, child);
      at = child;
    }
    return first.item;
  }

  private before(a: number, b: number): boolean {
    const [first, second] = [this.entries[a], this.entries[b]];
    if (!first || !second) return true;
    return first.time < second.time || (first.time === second.time && first.order < second.order);
  }

  private swap(a: number, b: number): void {
    [this.entries[a], this.entries[b]] = [
      this.entries[b] as (typeof this.entries)[0],
      this.entries[a] as (typeof this.entries)[0],
    ];
  }
}
