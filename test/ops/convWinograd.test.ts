// Does Winograd's algorithm compute convolutions, within the bound that it states, and only where it pays?

import { describe, expect, it } from "vitest";
import { type SymbolicTensor, withScope } from "../../bindings/graph.ts";
import { type ConvOptions, conv, convInputGradient, convKernelGradient } from "../../bindings/ops/conv.ts";
import type { ConvAxis } from "../../bindings/ops/convGeometry.ts";
import { convWinograd, convWinogradGradient, type WinogradAxes } from "../../bindings/ops/convWinograd.ts";
import { add, relu, tanh } from "../../bindings/ops/map.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";
import { generator, randomTensor, seedOf } from "../harness/random.ts";
import { compileGraph, runGraph, traceGraph } from "../harness/runGraph.ts";

const axis = (input: number, margin: number, more = margin): ConvAxis => ({
  input,
  output: input + margin + more - 2,
  taps: 3,
  stride: 1,
  dilation: 1,
  offset: -margin,
  quotient: 1,
});
/** The same windows with the kernel turned round, as in gradients of inputs. */
const backwards = (given: ConvAxis): ConvAxis => ({ ...given, dilation: -1, offset: given.offset + 2 });

interface Geometry {
  readonly title: string;
  readonly axes: WinogradAxes;
  readonly channels: readonly [number, number];
}

const geometries: readonly Geometry[] = [
  { title: "whole tiles", axes: [axis(6, 0), axis(4, 0)], channels: [4, 16] },
  { title: "tiles that are cut off, margins", axes: [axis(5, 1), axis(4, 1, 0)], channels: [5, 17] },
  { title: "wide margins, one tile", axes: [axis(1, 2), axis(2, 1)], channels: [3, 3] },
  { title: "a kernel that runs backwards", axes: [backwards(axis(5, 2)), axis(3, 1)], channels: [2, 33] },
  { title: "inputs that nobody sees", axes: [axis(7, -1), axis(6, -2, 0)], channels: [1, 2] },
];

const sizes = ({ axes: [rows, columns], channels: [cin, cout] }: Geometry, batch = 2) => ({
  x: { shape: [batch, rows.input, columns.input, cin] },
  kernel: { shape: [3, 3, cin, cout] },
  dy: { shape: [batch, rows.output, columns.output, cout] },
});

describeOp(
  "convWinograd",
  geometries.map((geometry): OpCase => {
    const { x, kernel, dy } = sizes(geometry);
    return {
      title: geometry.title,
      apply: (a, b) => convWinograd(a, b, geometry.axes),
      inputs: [x, kernel],
      shape: dy.shape,
      gradient: false,
    };
  }),
);

describeOp(
  "convWinogradGradient",
  geometries.map((geometry): OpCase => {
    const { x, kernel, dy } = sizes(geometry);
    return {
      title: geometry.title,
      apply: (a, b) => convWinogradGradient(a, b, geometry.axes),
      inputs: [x, dy],
      shape: kernel.shape,
      gradient: false,
    };
  }),
);

describeOp(
  "what is fused into convWinograd",
  Object.entries({ relu, tanh }).map(
    ([title, act]): OpCase => ({
      title,
      apply: (x, kernel, bias) => act(add(convWinograd(x, kernel, [axis(5, 1), axis(3, 1)]), bias)),
      inputs: [
        { shape: [1, 5, 3, 2], range: { low: -0.1, high: 0.1 } },
        { shape: [3, 3, 2, 19], range: { low: -0.1, high: 0.1 } },
        { shape: [19], range: { low: -3, high: 3, avoid: [0], margin: 1.5 } },
      ],
      shape: [1, 5, 3, 19],
      gradient: false,
    }),
  ),
);

describeOp("many blocks", [
  {
    title: "of tiles and channels",
    apply: (x, kernel) => convWinograd(x, kernel, [axis(18, 1), axis(19, 1)]),
    inputs: [{ shape: [1, 18, 19, 70] }, { shape: [3, 3, 70, 18] }],
    shape: [1, 18, 19, 18],
    gradient: false,
  },
  {
    title: "of tiles and channels, kernel's gradient",
    apply: (x, dy) => convWinogradGradient(x, dy, [axis(18, 1), axis(19, 1)]),
    inputs: [{ shape: [1, 18, 19, 70] }, { shape: [1, 18, 19, 70] }],
    shape: [3, 3, 70, 70],
    gradient: false,
  },
]);

// The bound -----------------------------------------------------------------------------------------------------------

const matrices = {
  b: [
    [81 / 64, 0, -45 / 16, 0, 1, 0], [0, 81 / 64, 0, -45 / 16, 0, 1],
    [0, -27 / 16, -9 / 4, 3 / 4, 1, 0], [0, 27 / 16, -9 / 4, -3 / 4, 1, 0],
    [0, -27 / 32, -9 / 16, 3 / 2, 1, 0], [0, 27 / 32, -9 / 16, -3 / 2, 1, 0],
  ],
  g: [
    [64 / 81, 0, 0], [0, 0, 1],
    [-128 / 243, -32 / 81, -8 / 27], [-128 / 243, 32 / 81, -8 / 27],
    [32 / 243, 16 / 81, 8 / 27], [32 / 243, -16 / 81, 8 / 27],
  ],
  a: [
    [1, 0, 1, 1, 1, 1],
    [0, 0, 3 / 4, -3 / 4, 3 / 2, -3 / 2],
    [0, 0, 9 / 16, 9 / 16, 9 / 4, 9 / 4],
    [0, 1, 27 / 64, -27 / 64, 27 / 8, -27 / 8],
  ],
}; // biome-ignore format: matrices

/** |m| · |x| · |mᵀ| in float64. */
function magnified(m: readonly (readonly number[])[], x: readonly (readonly number[])[]): number[][] {
  const size = (row: readonly number[], other: readonly number[]): number =>
    row.reduce((sum, r, i) => sum + other.reduce((part, c, j) => part + Math.abs(r * c * (x[i]?.[j] as number)), 0), 0);
  return m.map((row) => m.map((other) => size(row, other)));
}

/** For each output of a 4 × 4 tile: its exact value, and |Aᵀ| [(|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|)] |A| summed over channels. */
function tile(
  d: (i: number, j: number, c: number) => number,
  g: (i: number, j: number, c: number) => number,
  cin: number,
) {
  const square = (size: number, at: (i: number, j: number) => number): number[][] =>
    Array.from({ length: size }, (_, i) => Array.from({ length: size }, (__, j) => at(i, j)));
  const products = square(6, () => 0);
  const values = square(4, () => 0);
  for (let c = 0; c < cin; c++) {
    const inputs = magnified(
      matrices.b,
      square(6, (i, j) => d(i, j, c)),
    );
    const kernel = magnified(
      matrices.g,
      square(3, (i, j) => g(i, j, c)),
    );
    for (const [i, row] of products.entries())
      for (const j of row.keys()) row[j] = (row[j] as number) + (inputs[i]?.[j] as number) * (kernel[i]?.[j] as number);
    for (const [i, row] of values.entries())
      for (const j of row.keys())
        for (let k = 0; k < 9; k++) {
          const [p, q] = [Math.floor(k / 3), k % 3];
          row[j] = (row[j] as number) + d(i + p, j + q, c) * g(p, q, c);
        }
  }
  return { values, bounds: magnified(matrices.a, products) };
}

const adversaries: Readonly<Record<string, (index: number, random: number) => number>> = {
  "ordinary numbers": (_, random) => random,
  "signs that alternate": (index, random) => (index % 2 === 0 ? 1 : -1) * (1 + 1e-3 * random),
  "large numbers that cancel": (index, random) => (index % 3 === 0 ? 1e4 : -5e3) + random,
  "sizes from 1e-6 to 1e6": (index, random) => random * 10 ** ((index * 7) % 13) * 1e-6,
  "one large among small": (index, random) => (index % 97 === 0 ? 1e6 : random * 1e-3),
};

describe("the error of convWinograd is within (cin + 30) · 2⁻²⁴ of its magnified terms, for", () => {
  const [rows, columns, cin, cout] = [6, 10, 24, 16];
  it.each(Object.keys(adversaries))("%s", (name) => {
    const next = generator(seedOf(name));
    const made = (shape: readonly number[]): Tensor => {
      const random = randomTensor(next, shape).data as Float32Array;
      return tensor(
        random.map((each, index) => (adversaries[name] as (i: number, r: number) => number)(index, each)),
        shape,
      );
    };
    const [x, kernel] = [made([1, rows, columns, cin]), made([3, 3, cin, cout])];
    const types = [x, kernel].map(({ shape, dtype }) => ({ shape, dtype }));
    const [found] = runGraph(
      traceGraph(types, (...xs) => [
        convWinograd(...(xs as [SymbolicTensor, SymbolicTensor]), [axis(rows, 0), axis(columns, 0)]),
      ]),
      [x, kernel],
    ) as [Tensor];
    const [down, across] = [rows - 2, columns - 2];
    let worst = 0;
    for (let o = 0; o < cout; o += 5)
      for (let r = 0; r < down; r += 4)
        for (let q = 0; q < across; q += 4) {
          const d = (i: number, j: number, c: number): number =>
            x.data[((r + i) * columns + q + j) * cin + c] as number;
          const g = (i: number, j: number, c: number): number =>
            kernel.data[((3 * i + j) * cin + c) * cout + o] as number;
          const { values, bounds } = tile(d, g, cin);
          for (const [i, row] of values.entries())
            for (const [j, value] of row.entries()) {
              const y = found.data[((r + i) * across + q + j) * cout + o] as number;
              worst = Math.max(worst, Math.abs(y - value) / ((cin + 30) * 2 ** -24 * (bounds[i]?.[j] as number)));
            }
        }
    expect(worst).toBeLessThanOrEqual(1);
    // And is not a bound that anything would keep: alternating signs magnify its terms most.
    expect(worst).toBeGreaterThan(name === "signs that alternate" ? 1e-4 : 1e-3);
  });
});

// Where it is used ----------------------------------------------------------------------------------------------------

describe("programs use it", () => {
  const options = (margin: number, more: Partial<ConvOptions> = {}): ConvOptions => ({
    strides: [1, 1],
    dilations: [1, 1],
    padding: [[margin, margin], [margin, margin]],
    groups: 1,
    ...more,
  }); // biome-ignore format: margins
  const type = (...shape: number[]) => ({ shape, dtype: "float32" }) as const;
  const named = (
    types: ReturnType<typeof type>[],
    body: (a: SymbolicTensor, b: SymbolicTensor) => SymbolicTensor,
  ): string[] =>
    compileGraph(
      traceGraph(types, (a, b) => [body(a as SymbolicTensor, b as SymbolicTensor)]),
      { algorithms: true },
    )
      .explain()
      .instructions.map(({ op }) => op)
      .filter((op) => op.startsWith("conv"));
  const [x, kernel, dy] = [type(4, 12, 12, 32), type(3, 3, 32, 48), type(4, 12, 12, 48)];

  it("forward, for gradients of inputs, and for gradients of kernels", () => {
    expect(named([x, kernel], (a, b) => conv(a, b, options(1)))).toEqual(["conv winograd"]);
    expect(named([dy, kernel], (a, b) => convInputGradient(a, b, [12, 12], options(1)))).toEqual(["conv winograd"]);
    expect(named([x, dy], (a, b) => convKernelGradient(a, b, [3, 3], options(1)))).toEqual([
      "convKernelGradient winograd",
      "convKernelGradient mended",
    ]);
  });

  it.each([
    ["strides", [x, kernel], options(1, { strides: [2, 2] })],
    ["dilations", [x, kernel], options(2, { dilations: [2, 2] })],
    ["groups", [x, type(3, 3, 16, 48)], options(1, { groups: 2 })],
    ["five taps", [x, type(5, 5, 32, 48)], options(2)],
    ["few channels", [type(4, 12, 12, 8), type(3, 3, 8, 48)], options(1)],
    ["few tiles", [type(1, 4, 4, 32), kernel], options(1)],
    ["outputs that see nothing but padding", [x, kernel], options(3)],
  ] as const)("but not with %s", (_, types, given) => {
    expect(named([...types] as ReturnType<typeof type>[], (a, b) => conv(a, b, given))).toEqual(["conv"]);
  });

  it("and give the results of the direct algorithm but for rounding, under the same path", () => {
    const traced = traceGraph([x, kernel], (a, b) => [
      withScope("layer", () => conv(a as SymbolicTensor, b as SymbolicTensor, options(1))),
    ]);
    const { instructions } = compileGraph(traced, { algorithms: true }).explain();
    expect(new Set(instructions.filter(({ op }) => op !== "sync").map(({ layer }) => layer))).toEqual(
      new Set(["layer"]),
    );
    const next = generator(5);
    const values = [x, kernel].map(({ shape }) => randomTensor(next, shape));
    const [one, other] = [true, false].map((algorithms) => runGraph(traced, values, { algorithms })[0] as Tensor);
    one?.data.forEach((value, index) => {
      expect(Math.abs(value - (other?.data[index] as number))).toBeLessThan(1e-4);
    });
    expect(one?.data).not.toEqual(other?.data);
  });
});
