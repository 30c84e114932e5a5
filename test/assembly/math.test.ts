// Are the machine's elementary functions as exact, and as well-behaved at the edges, as assembly/math.ts states?

import { beforeAll, describe, expect, it } from "vitest";
import { floorQuotient, modulo, normalCdf, power, silu } from "../harness/elementary.ts";
import { compileProbe } from "./compile.ts";
import { type Name, names, specials } from "./specialValues.ts";

const source = `
import * as math from "./assembly/math";
export function unary(op: i32, input: usize, output: usize, count: u32): void {
  const end = input + (<usize>count << 2);
  for (; input < end; input += 16, output += 16) {
    const x = v128.load(input);
    let y = x;
    switch (op) {
${names.map((name, index) => `      case ${index}: y = math.${name}(x); break;`).join("\n")}
    }
    v128.store(output, y);
  }
}
export function binary(op: i32, input: usize, output: usize, count: u32): void {
  const end = input + (<usize>count << 2);
  for (; input < end; input += 16, output += 16) {
    const x = v128.load(input);
    const y = v128.load(output);
    if (op == 0) v128.store(output, math.power(x, y));
    else
      for (let lane: usize = 0; lane < 16; lane += 4) {
        const a = load<f32>(input + lane);
        const b = load<f32>(output + lane);
        store<f32>(output + lane, op == 1 ? math.modulo(a, b) : math.floorQuotient(a, b));
      }
  }
}`;

const capacity = 1 << 20;
const inputAddress = 65536;
const outputAddress = inputAddress + 4 * capacity;
const memory = new WebAssembly.Memory({ initial: 1 + (8 * capacity) / 65536 });
const input = new Float32Array(memory.buffer, inputAddress, capacity);
const inputBits = new Uint32Array(memory.buffer, inputAddress, capacity);
const output = new Float32Array(memory.buffer, outputAddress, capacity);

interface Probe {
  unary(op: number, input: number, output: number, count: number): void;
  /** The second operands are where the results will be. */
  binary(op: number, input: number, output: number, count: number): void;
}
let probe: Probe;

beforeAll(async () => {
  probe = await compileProbe<Probe>(source, memory);
}, 60_000);

/** Runs `name` over the first `count` floats of `input`, into `output`. */
function run(name: Name, count: number): void {
  probe.unary(names.indexOf(name), inputAddress, outputAddress, Math.ceil(count / 4) * 4);
}

function evaluate(name: Name, values: readonly number[]): number[] {
  input.set(values);
  run(name, values.length);
  return Array.from(output.subarray(0, values.length));
}

/** erf by its series 2/√π e^-x² Σ x (2x²)ⁿ / (1·3·…·(2n+1)): every term is positive, so f64 keeps about 15 digits. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= (2 * x * x) / n;
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Two Newton steps from `start`; a start within 1e-4 of the root ends within 1e-13, a worse one shows as an error. */
function erfInverse(x: number, start: number): number {
  if (Math.abs(x) >= 1) return Math.abs(x) === 1 ? x * Number.POSITIVE_INFINITY : Number.NaN;
  let y = start;
  for (let step = 0; step < 2; step++) y -= ((erf(y) - x) * Math.sqrt(Math.PI)) / (2 * Math.exp(-y * y));
  return y;
}

const wide = new Float64Array(1);
const wideBits = new Uint32Array(wide.buffer);

/** The gap between neighbouring float32 numbers around `value`. */
function ulp(value: number): number {
  wide[0] = value;
  const exponent = (((wideBits[1] as number) >>> 20) & 0x7ff) - 1023;
  return 2 ** (Math.min(Math.max(exponent, -126), 127) - 23);
}

/** Distance of a float32 result from the true value in ULP; an overflow that rounding would not excuse counts from 2^128. */
function distance(actual: number, truth: number): number {
  if (Number.isNaN(truth) || Number.isNaN(actual)) {
    return Number.isNaN(truth) === Number.isNaN(actual) ? 0 : Number.POSITIVE_INFINITY;
  }
  if (Math.fround(truth) === actual && !Number.isFinite(actual)) return 0;
  const finite = (value: number): number => (Number.isFinite(value) ? value : Math.sign(value) * 2 ** 128);
  return Math.abs(finite(actual) - finite(truth)) / ulp(finite(truth));
}

/** A 32-bit generator with full period; the low bits are weak, so callers take the high ones. */
function congruential(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

/** Both signs, every exponent of float32 with 1000 mantissas each, subnormals and NaNs among them. */
function everyExponent(next: () => number): number {
  let count = 0;
  for (let high = 0; high < 512; high++) {
    for (let index = 0; index < 1000; index++) inputBits[count++] = ((high << 23) | (next() >>> 9)) >>> 0;
  }
  return count;
}

/** Both signs, magnitudes from 2^low to 2^high with evenly spread exponents. */
function between(next: () => number, low: number, high: number): number {
  const first = (low + 127) * 2 ** 23;
  const size = (high - low) * 2 ** 23;
  for (let index = 0; index < capacity; index++) {
    const sign = (next() >>> 31) * 2 ** 31;
    inputBits[index] = sign + first + Math.floor((next() / 2 ** 32) * size);
  }
  return capacity;
}

interface Claim {
  readonly name: Name;
  readonly bound: number;
  readonly truth: (x: number, y: number) => number;
  /** log2 of the magnitudes where the second million samples lie. */
  readonly dense: readonly [low: number, high: number];
}

const claims: readonly Claim[] = [
  { name: "exp", bound: 1, truth: Math.exp, dense: [-6, 7] },
  { name: "expm1", bound: 1.7, truth: Math.expm1, dense: [-6, 5] },
  { name: "log", bound: 0.85, truth: Math.log, dense: [-3, 3] },
  { name: "log1p", bound: 1.45, truth: Math.log1p, dense: [-8, 4] },
  { name: "tanh", bound: 1.5, truth: Math.tanh, dense: [-6, 4] },
  { name: "sigmoid", bound: 2.4, truth: (x) => 1 / (1 + Math.exp(-x)), dense: [-4, 7] },
  { name: "erf", bound: 1.1, truth: erf, dense: [-4, 2] },
  { name: "erfInverse", bound: 3.7, truth: erfInverse, dense: [-8, 0] },
  { name: "sin", bound: 1.6, truth: Math.sin, dense: [-4, 24] },
  { name: "cos", bound: 1.6, truth: Math.cos, dense: [-4, 24] },
  { name: "atan", bound: 2.1, truth: Math.atan, dense: [-6, 6] },
  { name: "normalCdf", bound: 8, truth: normalCdf, dense: [-4, 4] },
  { name: "silu", bound: 3.4, truth: silu, dense: [-4, 7] },
];

describe.each(claims)("$name", ({ name, bound, truth, dense }) => {
  it(`is within ${bound} ULP of the true value`, () => {
    let worst = 0;
    let where = 0;
    for (const fill of [everyExponent, (next: () => number) => between(next, ...dense)]) {
      const count = fill(congruential(2011));
      run(name, count);
      for (let index = 0; index < count; index++) {
        const x = input[index] as number;
        const y = output[index] as number;
        const error = distance(y, truth(x, y));
        if (error > worst) {
          worst = error;
          where = x;
        }
      }
    }
    if (process.env.REPORT_ULP) console.log(`${name}: ${worst.toFixed(3)} ULP at ${where}`);
    expect(worst, `at x = ${where}`).toBeLessThanOrEqual(bound);
    expect(worst, "the stated bound is loose").toBeGreaterThan(bound - 0.25);
  });
});

describe("of two numbers", () => {
  const outputBits = new Uint32Array(memory.buffer, outputAddress, capacity);
  const second = new Float32Array(capacity);

  /** Bases of every exponent or near 1, to exponents whose powers are floats as a rule; a few of all kinds. */
  function fillPowers(next: () => number): void {
    for (let index = 0; index < capacity; index++) {
      const anything = index % 4 === 0;
      inputBits[index] = index % 2 === 0 ? next() & 0x7fffffff : 0x3f000000 + (next() >>> 8);
      const reach = 150 / Math.max(1e-7, Math.abs(Math.log2(input[index] as number)));
      if (anything) outputBits[index] = next();
      else output[index] = (next() / 2 ** 31 - 1) * reach;
      if (index % 8 === 5) output[index] = Math.round(output[index] as number);
      if (index % 16 === 5) input[index] = -(input[index] as number);
    }
    second.set(output);
  }

  it("power is within 0.51 ULP of the true value", () => {
    fillPowers(congruential(2011));
    probe.binary(0, inputAddress, outputAddress, capacity);
    let worst = 0;
    let where = "";
    for (let index = 0; index < capacity; index++) {
      const [x, y] = [input[index] as number, second[index] as number];
      const error = distance(output[index] as number, power(x, y));
      if (!(error <= worst)) [worst, where] = [error, `${x} to ${y}`];
    }
    if (process.env.REPORT_ULP) console.log(`power: ${worst.toFixed(3)} ULP at ${where}`);
    expect(worst, where).toBeLessThanOrEqual(0.51);
  });

  it("power of integers is exact where it is a float", () => {
    let count = 0;
    for (let x = 2; x < 300; x++)
      for (let y = 0; x ** y <= 2 ** 24 && count < capacity; y++) {
        input[count] = x;
        output[count++] = y;
      }
    second.set(output);
    probe.binary(0, inputAddress, outputAddress, Math.ceil(count / 4) * 4);
    for (let index = 0; index < count; index++)
      expect(output[index]).toBe((input[index] as number) ** (second[index] as number));
  });

  it.each([
    ["modulo", 1, modulo],
    ["floorQuotient", 2, floorQuotient],
  ] as const)("%s of any floats is the nearest", (_, op, truth) => {
    const next = congruential(77);
    for (let index = 0; index < capacity; index++) {
      inputBits[index] = next();
      outputBits[index] = index % 2 === 0 ? next() : ((inputBits[index] as number) ^ (next() >>> 4)) >>> 0;
    }
    second.set(output);
    probe.binary(op, inputAddress, outputAddress, capacity);
    let worst = 0;
    let where = "";
    for (let index = 0; index < capacity; index++) {
      const [x, y] = [input[index] as number, second[index] as number];
      const error = distance(output[index] as number, truth(x, y));
      if (!(error <= worst)) [worst, where] = [error, `${x}, ${y}`];
    }
    expect(worst, where).toBeLessThanOrEqual(0.5001);
  });
});

describe("special values", () => {
  it.each(names)("%s", (name) => {
    const cases = [...specials[name], [Number.NaN, Number.NaN] as const];
    const results = evaluate(
      name,
      cases.map(([x]) => x),
    );
    expect(results).toEqual(cases.map(([, y]) => y));
  });

  it.each(names)("%s of a NaN with any payload is NaN", (name) => {
    inputBits.set([0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fc12345, 0xffc54321, 0x7f812345, 0xff954321]);
    run(name, 8);
    expect([...output.subarray(0, 8)].every(Number.isNaN)).toBe(true);
  });
});

describe("shape", () => {
  it.each(["expm1", "log1p", "tanh", "erf", "erfInverse", "sin", "atan"] as const)(
    "%s keeps the sign of a tiny x",
    (name) => {
      const tiny = [2 ** -140, 2 ** -126, 2 ** -100, 2 ** -60];
      const [positive, negative] = [
        evaluate(name, tiny),
        evaluate(
          name,
          tiny.map((x) => -x),
        ),
      ];
      expect(negative).toEqual(positive.map((y) => -y));
      expect(positive.every((y) => y > 0)).toBe(true);
    },
  );

  it.each(["tanh", "erf", "erfInverse", "sin", "atan"] as const)("%s is odd to the bit", (name) => {
    const values = Array.from({ length: 4000 }, (_, index) => Math.fround(0.00025 * (index + 0.5)));
    const negated = evaluate(
      name,
      values.map((x) => -x),
    );
    expect(negated).toEqual(evaluate(name, values).map((y) => -y));
  });

  it.each(["exp", "tanh", "sigmoid"] as const)("%s never falls by more than its error between neighbours", (name) => {
    const bound = claims.find((claim) => claim.name === name)?.bound ?? 0;
    let count = 0;
    for (let x = -12; x < 12; x += 24 / 1_000_000) input[count++] = x;
    run(name, count);
    let drop = 0;
    for (let index = 1; index < count; index++) {
      const [before, after] = [output[index - 1] as number, output[index] as number];
      drop = Math.max(drop, (before - after) / ulp(before));
    }
    expect(drop).toBeLessThanOrEqual(Math.floor(2 * bound));
  });

  it("tanh, sigmoid and erf stay inside their limits", () => {
    const count = everyExponent(congruential(7));
    for (const [name, low, high] of [
      ["tanh", -1, 1],
      ["sigmoid", 0, 1],
      ["erf", -1, 1],
    ] as const) {
      run(name, count);
      expect(output.subarray(0, count).every((y) => Number.isNaN(y) || (y >= low && y <= high))).toBe(true);
    }
  });

  it("sin and cos are right beside multiples of π/2, where reduction cancels most", () => {
    // By Muller (2016), table 11.1, the float32 nearest to one; the others around the end of the reduction in f64.
    const values = [16367173 * 2 ** 72, 2 ** 20, 1048575.9375, 1048576.125, 2 ** 127, 3.4028234663852886e38, 61616.5];
    for (const [name, truth] of [
      ["sin", Math.sin],
      ["cos", Math.cos],
    ] as const)
      evaluate(name, [...values, 1]).forEach((y, index) => {
        const x = values[index] ?? 1;
        expect(distance(y, truth(x)), `${name} ${x}`).toBeLessThanOrEqual(1.6);
      });
  });

  it.each(["sin", "cos"] as const)("%s of any finite x is within [-1, 1]", (name) => {
    const count = everyExponent(congruential(5));
    run(name, count);
    let outside = 0;
    for (let index = 0; index < count; index++) {
      const y = Math.abs(output[index] as number);
      if (Number.isFinite(input[index]) && !(y <= 1)) outside++;
    }
    expect(outside).toBe(0);
  });
});
