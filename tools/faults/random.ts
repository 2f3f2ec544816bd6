import { createHash } from 'node:crypto';

/**
 * Random choices that a seed repeats: sfc32, a small fast chaotic generator of 32-bit numbers.
 *
 * @see https://pracrand.sourceforge.net (Chris Doty-Humphrey: the generator, its constants and its tests)
 */
export class Random {
  /** Three words that are stirred and a counter, which keeps the period above 2^32 numbers. */
  private readonly state: Uint32Array;

  /** @param seed any number or text; close seeds give unrelated numbers, and 1 gives the same as '1' */
  constructor(private readonly seed: number | string) {
    const hash = createHash('sha256').update(`${seed}`).digest();
    this.state = Uint32Array.from({ length: 4 }, (_, word) => hash.readUInt32LE(word * 4));
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  next(): number {
    // One by one: taking an array apart by a pattern takes ten times as long.
    const a = this.state[0] as number;
    const b = this.state[1] as number;
    const c = this.state[2] as number;
    const counter = this.state[3] as number;
    const drawn = (a + b + counter) >>> 0;
    this.state[0] = b ^ (b >>> 9);
    this.state[1] = c + (c << 3);
    this.state[2] = ((c << 21) | (c >>> 11)) + drawn;
    this.state[3] = counter + 1;
    return drawn / 2 ** 32;
  }

  /** Uniform among 0, 1, … n - 1; `n` up to 2^32. @throws RangeError when there is nothing to choose from */
  int(n: number): number {
    if (!(n >= 1 && n <= 2 ** 32)) throw new RangeError(`no whole number from 0 to ${n} - 1`);
    return Math.floor(this.next() * n);
  }

  /** One of the items, each as likely. @throws RangeError when there is none */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T;
  }

  /** True with probability `p`: never for 0, always for 1. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  /** A new array in an order of its own, each order as likely (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.int(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
    }
    return shuffled;
  }

  /**
   * A stream of its own, made of the seed and the label and nothing that was drawn: a choice more in one place does
   * not shift the choices of another. The same label gives the same stream again.
   */
  fork(label: string): Random {
    return new Random(`${this.seed}/${label}`);
  }
}
