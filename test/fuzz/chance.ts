// Which numbers does a fuzzer draw? The same ones for the same seed, reader and position: every input can be made again.

/** A stream of numbers that a name decides. */
export class Chance {
  private state: number;

  constructor(name: string) {
    this.state = 0x811c9dc5;
    for (let at = 0; at < name.length; at++) this.state = Math.imul(this.state ^ name.charCodeAt(at), 0x01000193);
  }

  /** 32 random bits: mulberry32. */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from 0 to below `count`. */
  below(count: number): number {
    return Math.floor((this.bits() / 2 ** 32) * count);
  }

  /** True once in so many times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** One of several. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Whole numbers at which readers are apt to stumble. */
export const edges: readonly number[] = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  12,
  15,
  16,
  31,
  32,
  63,
  64,
  127,
  128,
  255,
  256,
  511,
  512,
  4095,
  4096,
  65535,
  65536,
  1e6,
  1 << 24,
  (1 << 28) - 1,
  1 << 28,
  (1 << 30) - 1,
  1 << 30,
  0x7fffffff,
  0x80000000,
  0xffffffff,
  0x100000000,
  2 ** 40,
  2 ** 52,
  2 ** 53 - 1,
  2 ** 53,
  -1,
  -2,
  -64,
  -128,
  -0x80000000,
];
