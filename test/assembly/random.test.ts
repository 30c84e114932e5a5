// Are the random numbers Philox's own, the same however a range is cut, and evenly spread?

import { beforeAll, describe, expect, it } from "vitest";
import { compileProbe } from "./compile.ts";

const source = `
import * as random from "./assembly/random";
export function philox(out: usize, c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): void {
  v128.store(out, random.philox(c0, c1, c2, c3, k0, k1));
}
export function fillUniform(out: usize, begin: u32, count: u32, seed: u32, stream: u32, step: u32): void {
  random.fillUniform(out, begin, count, seed, stream, step);
}
export function permute(out: usize, count: u32, seed: u32, epoch: u32): void {
  random.permute(out, count, seed, epoch);
}`;

interface Probe {
  philox(out: number, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void;
  fillUniform(out: number, begin: number, count: number, seed: number, stream: number, step: number): void;
  permute(out: number, count: number, seed: number, epoch: number): void;
}

const address = 65536;
const capacity = 1 << 20;
const memory = new WebAssembly.Memory({ initial: 2 + (4 * capacity) / 65536 });
const floats = new Float32Array(memory.buffer, address);
const words = new Uint32Array(memory.buffer, address);
let probe: Probe;

beforeAll(async () => {
  probe = await compileProbe<Probe>(source, memory);
}, 60_000);

type Four = readonly [number, number, number, number];

/** Philox4x32-10 over big integers, straight from section 3.3 of the paper. */
function referencePhilox(counter: Four, key: readonly [number, number]): number[] {
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  const low = (value: bigint): bigint => BigInt.asUintN(32, value);
  for (let round = 0; round < 10; round++) {
    const [product0, product1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
    [c0, c1, c2, c3] = [(product1 >> 32n) ^ c1 ^ k0, low(product1), (product0 >> 32n) ^ c3 ^ k1, low(product0)];
    [k0, k1] = [low(k0 + 0x9e3779b9n), low(k1 + 0xbb67ae85n)];
  }
  return [c0, c1, c2, c3].map(Number);
}

/** counter, key → words, from kat_vectors of Random123 (Salmon, Moraes, Dror, Shaw 2011). */
const knownAnswers: readonly (readonly [counter: Four, key: readonly [number, number], words: Four])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

function uniforms(begin: number, count: number, seed: number, stream: number, step: number): number[] {
  probe.fillUniform(address, begin, count, seed, stream, step);
  return Array.from(floats.subarray(0, count));
}

function permutation(count: number, seed: number, epoch: number): number[] {
  probe.permute(address, count, seed, epoch);
  return Array.from(words.subarray(0, count));
}

/** Σ (observed − expected)² / expected. */
function chiSquare(observed: ArrayLike<number>, expected: number): number {
  return Array.from(observed).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe("philox", () => {
  it.each(knownAnswers)("counter %j key %j", (counter, key, expected) => {
    probe.philox(address, ...counter, ...key);
    expect(Array.from(words.subarray(0, 4))).toEqual(expected);
    expect(referencePhilox(counter, key)).toEqual(expected);
  });
});

describe("fillUniform", () => {
  it("element i is word i & 3 under counter (i >> 2, step, 0, 0) and key (seed, stream)", () => {
    for (const [begin, seed, stream, step] of [
      [0, 0, 0, 0],
      [8, 42, 3, 1000],
      [0xfffffc00, 0xdeadbeef, 0xffffffff, 0x80000001],
    ] as const) {
      const expected = Array.from({ length: 107 }, (_, index) => {
        const element = begin + index;
        const word = referencePhilox([Math.floor(element / 4), step, 0, 0], [seed, stream])[element % 4] as number;
        return (word >>> 8) * 2 ** -24;
      });
      expect(uniforms(begin, 107, seed, stream, step)).toEqual(expected);
    }
  });

  it("gives the same numbers however the range is cut", () => {
    const whole = uniforms(64, 1000, 7, 8, 9);
    for (const sizes of [[4], [12, 16], [20, 36, 4], [512], [64, 148]]) {
      const pieces: number[] = [];
      for (let turn = 0; pieces.length < 1000; turn++) {
        const size = Math.min(sizes[turn % sizes.length] as number, 1000 - pieces.length);
        pieces.push(...uniforms(64 + pieces.length, size, 7, 8, 9));
      }
      expect(pieces).toEqual(whole);
    }
  });

  it.each([0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 511, 512])("writes exactly %i floats", (count) => {
    floats.fill(-1, 0, 600);
    probe.fillUniform(address, 0, count, 1, 2, 3);
    expect(floats.subarray(0, count).every((value) => value >= 0 && value < 1)).toBe(true);
    expect(floats.subarray(count, 600).every((value) => value === -1)).toBe(true);
  });

  it("changes with seed, stream and step", () => {
    const base = uniforms(0, 64, 1, 2, 3).join();
    expect(uniforms(0, 64, 1, 2, 3).join()).toBe(base);
    for (const [seed, stream, step] of [
      [2, 2, 3],
      [1, 3, 3],
      [1, 2, 4],
      [2, 1, 3],
    ] as const) {
      expect(uniforms(0, 64, seed, stream, step).join()).not.toBe(base);
    }
  });

  it("has the moments of the uniform distribution and no correlation between neighbours", () => {
    probe.fillUniform(address, 0, capacity, 123, 4, 5);
    let [sum, squares, neighbours] = [0, 0, 0];
    for (let index = 0; index < capacity; index++) {
      const value = (floats[index] as number) - 0.5;
      sum += value;
      squares += value * value;
      if (index > 0) neighbours += value * ((floats[index - 1] as number) - 0.5);
    }
    // Five standard deviations of each estimator: √(1/12 n), √(1/180 n), 1/12 √n.
    expect(Math.abs(sum / capacity)).toBeLessThan(5 * Math.sqrt(1 / 12 / capacity));
    expect(Math.abs(squares / capacity - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / capacity));
    expect(Math.abs(neighbours / capacity)).toBeLessThan((5 / 12) * Math.sqrt(1 / capacity));
  });

  it("fills 1024 bins evenly, by the high bits and by the low ones", () => {
    probe.fillUniform(address, 0, capacity, 321, 6, 7);
    const high = new Uint32Array(1024);
    const low = new Uint32Array(1024);
    for (const value of floats.subarray(0, capacity)) {
      const integer = value * 2 ** 24;
      high[integer >>> 14]!++;
      low[integer & 1023]!++;
    }
    // χ² with 1023 degrees of freedom: mean 1023, standard deviation √2046 ≈ 45.2; five of them either way.
    for (const bins of [high, low]) {
      const statistic = chiSquare(bins, capacity / 1024);
      expect(statistic).toBeGreaterThan(1023 - 226);
      expect(statistic).toBeLessThan(1023 + 226);
    }
  });
});

describe("permute", () => {
  it.each([0, 1, 2, 3, 5, 16, 17, 1000, 60_000])("writes a permutation of %i numbers and nothing else", (count) => {
    words.fill(0xffffffff, 0, count + 16);
    const result = permutation(count, 11, 12);
    expect(new Set(result).size).toBe(count);
    expect(result.every((value) => value < count)).toBe(true);
    expect(words.subarray(count, count + 16).every((value) => value === 0xffffffff)).toBe(true);
  });

  it("follows Fisher–Yates with Lemire's bounded integers, rejections included", () => {
    const [count, seed, epoch] = [400_000, 99, 5];
    const expected = new Uint32Array(count);
    let [drawn, suspects, rejections] = [0, 0, 0];
    const below = (bound: bigint): number => {
      for (;;) {
        if (drawn % 4 === 0) probe.philox(address, drawn / 4, epoch, 1, 0, seed, 0);
        const product = BigInt(words[drawn++ % 4] as number) * bound;
        const low = BigInt.asUintN(32, product);
        if (low < bound) suspects++;
        if (low >= 2n ** 32n % bound) return Number(product >> 32n);
        rejections++;
      }
    };
    for (let index = 0; index < count; index++) {
      const other = below(BigInt(index + 1));
      expected[index] = expected[other] as number;
      expected[other] = index;
    }
    expect(rejections).toBeGreaterThan(0);
    expect(suspects).toBeGreaterThan(rejections);
    probe.permute(address, count, seed, epoch);
    expect(words.subarray(0, count).findIndex((value, index) => value !== expected[index])).toBe(-1);
  });

  it("is determined by seed and epoch", () => {
    const first = permutation(100, 1, 1);
    expect(permutation(100, 1, 1)).toEqual(first);
    expect(permutation(100, 1, 2)).not.toEqual(first);
    expect(permutation(100, 2, 1)).not.toEqual(first);
  });

  it("draws each of the 24 orders of four equally often", () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 24_000; epoch++) {
      const order = permutation(4, 77, epoch).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // χ² with 23 degrees of freedom: one in a million exceeds 67.
    expect(chiSquare([...counts.values()], 1000)).toBeLessThan(67);
  });
});
