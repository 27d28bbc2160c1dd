/** The same numbers for the same seed (mulberry32). */
export class Random {
  constructor(private state: number) {}

  /** A whole number from 0, and less than this. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** One of them; there must be one. */
  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }

  /** True once in `times`. */
  onceIn(times: number): boolean {
    return this.below(times) === 0;
  }
}
