// Are long products and other long sums as exact as their blocks promise, and the same on every path?

import { expect, test } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { convolution, depthwiseConv } from "../../bindings/ops/convolutions.ts";
import { scatterAdd } from "../../bindings/ops/gather.ts";
import { add, multiply, relu, tanh } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { averagePool } from "../../bindings/ops/pool.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { sizeOf, type Tensor, tensor } from "../../bindings/tensor.ts";
import { floats, generator } from "../harness/random.ts";
import { runCut, runGraph, traceGraph } from "../harness/runGraph.ts";

const unit = 2 ** -24;
const tenth = Math.fround(0.1);

const filled = (shape: readonly number[], value: number): Tensor =>
  tensor(new Float32Array(sizeOf(shape)).fill(value), shape);

/** Σ of `count` times `value` as it should be, off by at most so many roundings. */
function expectSum(values: ArrayLike<number>, count: number, roundings: number, value: number = tenth): void {
  const wanted = count * value;
  const off = Array.from(values, (value) => Math.abs(value - wanted));
  expect(off.length).toBeGreaterThan(0);
  expect(Math.max(...off) / wanted).toBeLessThanOrEqual(roundings * unit);
}

// Products of matrices ------------------------------------------------------------------------------------------------

/** One element of a product: running sums of 1024 products, added in float64. */
function element(length: number, factor: (p: number) => readonly [number, number]): number {
  let total = 0;
  for (let begin = 0; begin < length; begin += 1024) {
    let running = 0;
    for (let p = begin; p < Math.min(length, begin + 1024); p++) {
      const [x, y] = factor(p);
      running = Math.fround(running + Math.fround(x * y));
    }
    total += running;
  }
  return Math.fround(total);
}

/** Rows and columns for every path: inner products, rows, few rows, edges of tiles, panels and groups, columns. */
const outputs = [
  [1, 1],
  [1, 3],
  [1, 20],
  [1, 1029],
  [2, 17],
  [3, 40],
  [7, 1],
  [33, 1],
  [5, 4],
  [9, 13],
  [66, 70],
  [35, 131],
] as const;
const lengths = [1023, 1024, 1025, 2049, 3333];
const layouts = [
  { title: "A·B", transposeA: false, transposeB: false },
  { title: "Aᵀ·B", transposeA: true, transposeB: false },
  { title: "A·Bᵀ", transposeA: false, transposeB: true },
];

test.each(layouts)("$title is made of blocks of 1024 on every path", ({ transposeA, transposeB }) => {
  const next = generator(11);
  const most = 3333;
  const numbers = floats(next, most * 64, { low: 0.5, high: 1 });
  const at = (index: number): number => numbers[index % numbers.length] as number;
  outputs.forEach(([m, n], turn) => {
    const k = lengths[turn % lengths.length] as number;
    const [left, right] = [
      (i: number, p: number) => at(i * 7919 + p),
      (j: number, p: number) => at(j * 104729 + 3 * p),
    ];
    const a = Float32Array.from({ length: m * k }, (_, place) =>
      transposeA ? left(place % m, Math.floor(place / m)) : left(Math.floor(place / k), place % k),
    );
    const b = Float32Array.from({ length: k * n }, (_, place) =>
      transposeB ? right(Math.floor(place / k), place % k) : right(place % n, Math.floor(place / n)),
    );
    const values = [tensor(a, transposeA ? [k, m] : [m, k]), tensor(b, transposeB ? [n, k] : [k, n])];
    const traced = traceGraph(values, (x, y) => [matMul(x, y, { transposeA, transposeB })]);
    const [whole] = runGraph(traced, values) as [Tensor];
    const [cut] = runCut(traced, values, 3) as [Tensor];
    expect(cut.data).toEqual(whole.data);
    for (const place of [0, n - 1, (m - 1) * n, m * n - 1, (m * n) >> 1]) {
      const [i, j] = [Math.floor(place / n), place % n];
      const wanted = element(k, (p) => [left(i, p), right(j, p)]);
      expect(whole.data[place], `[${m}, ${k}] · [${k}, ${n}] at ${place}`).toBe(wanted);
    }
  });
});

test("bias and activation come after all blocks", () => {
  const [m, k, n] = [3, 5000, 21];
  const x = filled([m, k], tenth);
  const w = filled([k, n], 1);
  const bias = tensor(floats(generator(3), n, { low: -600, high: -400 }), [n]);
  const product = element(k, () => [tenth, 1]);
  const before = Array.from({ length: m * n }, (_, place) => Math.fround(product + (bias.data[place % n] as number)));
  const clamped = compiled((a: SymbolicTensor, b: SymbolicTensor, c: SymbolicTensor) => relu(add(matMul(a, b), c)));
  expect(Array.from(clamped(x, w, bias).data)).toEqual(before.map((value) => Math.max(0, value)));
  const bent = compiled((a: SymbolicTensor, b: SymbolicTensor, c: SymbolicTensor) => tanh(add(matMul(a, b), c)));
  const apart = compiled((y: SymbolicTensor) => tanh(y));
  expect(bent(x, w, bias).data).toEqual(apart(tensor(Float32Array.from(before), [m, n])).data);
});

test.each([
  [1, 1],
  [1, 5],
  [4, 1],
  [2, 17],
  [6, 9],
])("Σ 0.1 · 1 over 200,000 steps, %i × %i results", (m, n) => {
  const k = 200_000;
  const [x, w] = [filled([m, k], tenth), filled([k, n], 1)];
  const forward = compiled((a: SymbolicTensor, b: SymbolicTensor) => matMul(a, b));
  const turned = compiled((a: SymbolicTensor, b: SymbolicTensor) =>
    matMul(b, a, { transposeA: true, transposeB: true }),
  );
  expectSum(forward(x, w).data, k, 1025);
  expect(Array.from(turned(x, w).data)).toEqual(Array.from({ length: m * n }, () => element(k, () => [tenth, 1])));
  expect(forward(x, w).data[0]).toBe(element(k, () => [tenth, 1]));
});

test.each([
  { a: [0, 3], b: [3, 2], shape: [0, 2] },
  { a: [3, 0], b: [0, 2], shape: [3, 2] },
  { a: [3, 2], b: [2, 0], shape: [3, 0] },
  { a: [0, 0], b: [0, 0], shape: [0, 0] },
  { a: [0, 3, 4], b: [4, 5], shape: [0, 3, 5] },
  { a: [0, 3, 4], b: [1, 4, 5], shape: [0, 3, 5] },
  { a: [1, 3, 4], b: [0, 4, 5], shape: [0, 3, 5] },
  { a: [2, 0, 4], b: [1, 4, 5], shape: [2, 0, 5] },
  { a: [2, 1, 3, 4], b: [0, 4, 5], shape: undefined },
  { a: [5, 0], b: [0, 1], shape: [5, 1] },
  { a: [1, 0], b: [0, 7], shape: [1, 7] },
] as const)("products and gradients of sizes of zero: $a · $b", ({ a, b, shape }) => {
  const [x, y] = [filled(a, 1), filled(b, 1)];
  // What the arena holds before is not zero.
  const dirty = compiled((z: SymbolicTensor) => multiply(add(z, 1), add(z, 2)));
  dirty(filled([4096], 3));
  if (shape === undefined) {
    expect(() => compiled((p: SymbolicTensor, q: SymbolicTensor) => matMul(p, q))(x, y).shape).not.toThrow();
    return;
  }
  const product = compiled((p: SymbolicTensor, q: SymbolicTensor) => matMul(p, q))(x, y);
  expect(product.shape).toEqual(shape);
  expect(product.data.every((value) => value === 0)).toBe(true);
  const { value, gradients } = valueAndGrad((p, q) => sum(matMul(p, q)))(x, y);
  expect(value.item()).toBe(0);
  expect(gradients.map((gradient) => (gradient as Tensor).shape)).toEqual([a, b]);
  for (const gradient of gradients) expect((gradient as Tensor).data.every((each) => each === 0)).toBe(true);
});

// Convolutions --------------------------------------------------------------------------------------------------------

/**
 * Sums of 100 of these are exact, and when 2000 such sums are added one after the other, the later half loses as much as
 * rounding can lose.
 */
const unlucky = 1 + 1.25 * 2 ** -14;

/** x [batch, rows, columns, channels]; gradients of kernels that are sums over 200,000 or more positions. */
const gradientsOfKernels = [
  { title: "1 × 1", x: [5, 200, 200, 3], kernel: [1, 1, 3, 5], roundings: 1025 },
  { title: "3 × 3, few channels", x: [5, 202, 202, 2], kernel: [3, 3, 2, 3] },
  { title: "3 × 3, one channel to a panel", x: [5, 202, 202, 1], kernel: [3, 3, 1, 16] },
  { title: "3 × 3, by Winograd's algorithm", x: [1, 302, 302, 16], kernel: [3, 3, 16, 16] },
  { title: "5 × 1", x: [6, 204, 200, 2], kernel: [5, 1, 2, 3] },
  { title: "depthwise 3 × 3", x: [5, 202, 202, 17], kernel: [3, 3, 17, 1], depthwise: true },
  { title: "depthwise 1 × 2", x: [5, 201, 202, 3], kernel: [1, 2, 3, 1], depthwise: true },
] as const;

test.each(gradientsOfKernels)("gradient of a kernel over many positions: $title", (each) => {
  const [batch, rows, columns] = each.x;
  const [down, across] = each.kernel;
  const positions = batch * (rows - down + 1) * (columns - across + 1);
  const apply = "depthwise" in each ? depthwiseConv : convolution;
  const { gradients } = valueAndGrad((kernel, x) => multiply(sum(apply(x, kernel)), unlucky))(
    filled(each.kernel, 1),
    filled(each.x, 1),
  );
  expectSum((gradients[0] as Tensor).data, positions, "roundings" in each ? each.roundings : 196 + 66, unlucky);
});

test("a convolution with many taps", () => {
  const taps = 5000;
  const [x, kernel] = [filled([2, taps + 40, 8], tenth), filled([taps, 8, 17], 1)];
  expectSum(compiled((a: SymbolicTensor, b: SymbolicTensor) => convolution(a, b))(x, kernel).data, taps * 8, 576 + 80);
  const narrow = filled([taps, 8, 2], 1);
  expectSum(compiled((a: SymbolicTensor, b: SymbolicTensor) => convolution(a, b))(x, narrow).data, taps * 8, 576 + 80);
});

// Others --------------------------------------------------------------------------------------------------------------

test.each([
  [5, 1],
  [5, 3],
  [5, 70],
  [66_000, 1],
  [66_000, 2],
])("updates of one row among %i, %i wide", (rows, inner) => {
  const count = 150_000;
  const places = Int32Array.from({ length: count }, (_, i) => (i % 3 === 2 ? 1 : i % 3 === 1 ? rows - 1 : 0));
  const result = compiled((x: SymbolicTensor, at: SymbolicTensor) => scatterAdd(x, at, rows))(
    filled([count, inner], tenth),
    tensor(places, [count]),
  );
  for (const row of [0, 1, rows - 1])
    expectSum(result.data.subarray(row * inner, (row + 1) * inner), count / 3, 1024 + 2);
  expect(result.data.subarray(2 * inner, (rows - 1) * inner).every((value) => value === 0)).toBe(true);
});

test.each([1, 3, 8])("averages over long windows of %i channels", (channels) => {
  const [length, window] = [100_003, 100_000];
  const pooled = compiled((x: SymbolicTensor) =>
    averagePool(x, { poolSize: [window], strides: [1], padding: [[0, 0]] }),
  );
  const averages = pooled(filled([1, length, channels], tenth));
  expect(averages.shape).toEqual([1, length - window + 1, channels]);
  for (const value of averages.data) expect(Math.abs(value / tenth - 1)).toBeLessThanOrEqual(1026 * unit);
  const numbers = floats(generator(5), 40 * 50 * channels, { low: -1, high: 2 });
  const square = compiled((x: SymbolicTensor) =>
    averagePool(x, {
      poolSize: [38, 44],
      strides: [3, 5],
      padding: [
        [4, 4],
        [2, 3],
      ],
    }),
  )(tensor(numbers, [1, 40, 50, channels]));
  const [, down, across] = square.shape as [number, number, number];
  for (let i = 0; i < down; i++)
    for (let j = 0; j < across; j++)
      for (let c = 0; c < channels; c++) {
        let [total, mass, cells] = [0, 0, 0];
        for (let y = Math.max(0, 3 * i - 4); y < Math.min(40, 3 * i + 34); y++)
          for (let z = Math.max(0, 5 * j - 2); z < Math.min(50, 5 * j + 42); z++) {
            const value = numbers[(y * 50 + z) * channels + c] as number;
            total += value;
            mass += Math.abs(value);
            cells++;
          }
        const value = square.data[(i * across + j) * channels + c] as number;
        expect(Math.abs(value - total / cells)).toBeLessThanOrEqual(((1026 * unit) / cells) * mass);
      }
});
