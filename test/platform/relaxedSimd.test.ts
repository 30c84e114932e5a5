// Does the engine with relaxed SIMD compute what the strict one does, within what rounding allows, always the same way?

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { floats, generator } from "../harness/random.ts";
import { freshLibrary, type Library, relaxedLibrary, runtimeMultipliesAndAdds } from "./libraries.ts";

let strict: Library;
let relaxed: Library;

beforeAll(async () => {
  strict = await freshLibrary();
  relaxed = await relaxedLibrary();
  expect(relaxed.engine).not.toBe(strict.engine);
});

interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** m, k, n: every tile with remainders, one row, one column, packing, k around 512. */
const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 17, 33],
  [17, 33, 1],
  [5, 7, 11],
  [9, 17, 31],
  [33, 9, 20],
  [3, 513, 20],
  [1, 1025, 18],
  [65, 70, 67],
  [129, 300, 37],
];
const products: readonly Product[] = sizes.flatMap(([m, k, n]) =>
  [false, true].flatMap((transposeA) => [false, true].map((transposeB) => ({ m, k, n, transposeA, transposeB }))),
);
const title = ({ m, k, n, transposeA, transposeB }: Product): string =>
  `${m} × ${k} × ${n}${transposeA ? ", A transposed" : ""}${transposeB ? ", B transposed" : ""}`;

/** Operands of a product, the same for every library. */
function operands({ m, k, n }: Product): { readonly a: Float32Array; readonly b: Float32Array } {
  const next = generator(m * 1_000_000 + k * 1000 + n);
  const range = { low: -1, high: 1 };
  return { a: floats(next, m * k, range), b: floats(next, k * n, range) };
}

function multiply(library: Library, product: Product): Float32Array {
  const { m, k, n, transposeA, transposeB } = product;
  const { a, b } = operands(product);
  const left = library.tensor(a, transposeA ? [k, m] : [m, k]);
  const right = library.tensor(b, transposeB ? [n, k] : [k, n]);
  return library.ops.matMul(left, right, { transposeA, transposeB }).data as Float32Array;
}

/** Σₚ a·b and Σₚ |a·b| of each element, in float64. */
function reference(product: Product): { readonly sums: Float64Array; readonly magnitudes: Float64Array } {
  const { m, k, n, transposeA, transposeB } = product;
  const { a, b } = operands(product);
  const sums = new Float64Array(m * n);
  const magnitudes = new Float64Array(m * n);
  for (let row = 0; row < m; row++)
    for (let column = 0; column < n; column++)
      for (let p = 0; p < k; p++) {
        const x = a[transposeA ? p * m + row : row * k + p] as number;
        const y = b[transposeB ? column * k + p : p * n + column] as number;
        sums[row * n + column]! += x * y;
        magnitudes[row * n + column]! += Math.abs(x * y);
      }
  return { sums, magnitudes };
}

describe("a matrix product with relaxed SIMD", () => {
  // Each term takes part in at most k roundings, whether a step rounds once or twice: γₖ = k·u / (1 − k·u), u = 2⁻²⁴
  // (Higham, 2002, section 3.1). The first addition is to 0. float64 adds less than 2⁻²⁸ of that.
  it.each(products.map((product) => [title(product), product] as const))(
    "of %s is within the bound of a sum of k products",
    (name, product) => {
      const { sums, magnitudes } = reference(product);
      const bound = (product.k * 2 ** -24) / (1 - product.k * 2 ** -24) + product.k * 2 ** -52;
      for (const library of [relaxed, strict]) {
        const found = multiply(library, product);
        expect(found.length).toBe(sums.length);
        const wrong = found.findIndex(
          (value, index) => !(Math.abs(value - sums[index]!) <= bound * magnitudes[index]! + 2 ** -149),
        );
        expect(wrong, `${name}: element`).toBe(-1);
      }
    },
  );

  it("rounds once exactly where this runtime's relaxed_madd does, in every tile", () => {
    const expected = runtimeMultipliesAndAdds();
    for (const [m, n] of [
      [1, 1],
      [1, 8],
      [1, 16],
      [1, 19],
      [2, 16],
      [4, 4],
      [4, 8],
      [5, 29],
      [64, 32],
    ] as const) {
      const results = (library: Library): number[] => {
        const row = [1, 1 + 2 ** -12];
        const a = library.tensor(
          Float32Array.from({ length: m * 2 }, (_, index) => row[index % 2]!),
          [m, 2],
        );
        const column = [-1 - 2 ** -11, 1 + 2 ** -12];
        const b = library.tensor(
          Float32Array.from({ length: 2 * n }, (_, index) => column[Math.floor(index / n)]!),
          [2, n],
        );
        return [...library.ops.matMul(a, b).data];
      };
      expect(new Set(results(relaxed)), `[${m}, 2] × [2, ${n}]`).toEqual(new Set([expected]));
      expect(new Set(results(strict)), "strict").toEqual(new Set([0]));
    }
  });

  it("has the same bits however it is cut", () => {
    for (const product of products) {
      const [one, two, three] = [1, 2, 3].map((threads) => {
        relaxed.engine().cutFor(threads);
        return new Uint32Array(multiply(relaxed, product).slice().buffer);
      });
      relaxed.engine().cutFor(1);
      expect(two, title(product)).toEqual(one);
      expect(three, title(product)).toEqual(one);
    }
  });
});

describe("the binaries", () => {
  const text = (name: string): string => readFileSync(resolve(import.meta.dirname, "../../build", name), "utf8");

  /** Transforms of Winograd's algorithm multiply some of their sums by a point; they, or what they are part of, how often. */
  const scaled: Readonly<Record<string, number>> = {
    "$assembly/kernels/convWinogradTransforms/transformInputs": 1,
    "$assembly/kernels/convWinogradTransforms/inputLine": 2,
    "$assembly/kernels/convWinogradTransforms/gradientLine": 2,
    "$assembly/kernels/convWinogradTransforms/writeTile": 2,
    "$assembly/kernels/convWinogradTransforms/transformProducts": 2,
    "$assembly/kernels/convWinogradGradient/sumTiles": 1,
    "$assembly/kernels/convWinograd/writeOutputs": 2,
  };

  /** Sums and differences whose last operand is a product: the instruction before. */
  const sumsOfProducts = (body: string): string[] => body.match(/f32x4\.mul\n *f32x4\.(add|sub)\n/g) ?? [];

  it("differ only in the multiply-adds of matrix products and convolutions", () => {
    expect(sumsOfProducts(text("wasmgrad.wat")).length, "the strict one has them").toBeGreaterThan(100);
    expect(text("wasmgrad.wat")).not.toContain("relaxed");
    const using = text("wasmgrad-relaxed.wat")
      .split(/^ \(func /m)
      .slice(1)
      .filter((body) => body.includes("relaxed"));
    expect(using.length).toBeGreaterThan(3);
    for (const body of using) {
      expect(body).toMatch(/^\$assembly\/kernels\/(matMul|conv)/);
      expect(sumsOfProducts(body), "nothing is left to do in two steps").toEqual([]);
      const left = body.match(/f32x4\.mul\n/g)?.length ?? 0;
      expect(left, "multiplications of sums").toBe(scaled[body.slice(0, body.indexOf(" "))] ?? 0);
      expect([...body.matchAll(/relaxed_\w+/g)].every(([name]) => name === "relaxed_madd")).toBe(true);
    }
  });
});

describe("training with relaxed SIMD", () => {
  const rows = 1000;
  const features = 8;
  const classes = 4;

  /** Loss and accuracy on new samples after training on clusters that overlap. */
  async function trained(library: Library): Promise<{ readonly loss: number; readonly accuracy: number }> {
    const { layers, sequential, setSeed, tensor } = library;
    const clusters = (seed: number) => {
      const next = generator(seed);
      const x = floats(next, rows * features, { low: -1, high: 1 });
      const y = Int32Array.from({ length: rows }, () => Math.floor(next() * classes));
      y.forEach((label, row) => {
        x[row * features + label]! += 1;
        x[row * features + ((label + 3) % features)]! -= 0.5;
      });
      return { x: tensor(x, [rows, features]), y: tensor(y) };
    };
    setSeed(3);
    const model = sequential([
      layers.dense({ units: 33, activation: "relu", inputShape: [features] }),
      layers.dense({ units: classes, activation: "softmax" }),
    ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const train = clusters(1);
    await model.fit(train.x, train.y, { batchSize: 25, epochs: 8, verbose: 0 });
    const test = clusters(2);
    return model.evaluate(test.x, test.y);
  }

  it("reaches the accuracy of strict training, within the noise of counting hits", async () => {
    const { accuracy } = await trained(strict);
    expect(accuracy).toBeGreaterThan(0.8);
    const deviation = Math.sqrt((accuracy * (1 - accuracy)) / rows);
    expect(Math.abs((await trained(relaxed)).accuracy - accuracy)).toBeLessThan(3 * deviation);
  });

  it("gives the same bits again", async () => {
    expect(await trained(relaxed)).toEqual(await trained(relaxed));
  });
});
