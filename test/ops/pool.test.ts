// Do windows give their maximum or average, and do gradients reach the cells that they come from?

import { describe, expect, it } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import { gradients } from "../../bindings/gradient.ts";
import { constant, type SymbolicTensor } from "../../bindings/graph.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { averagePool, maxPool, type PoolOptions } from "../../bindings/ops/pool.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Shape, tensor } from "../../bindings/tensor.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";
import { floats, generator } from "../harness/random.ts";

interface PoolCase {
  readonly title: string;
  readonly x: Shape;
  readonly windows: PoolOptions;
  readonly shape: Shape;
}

const channels = [1, 2, 3, 4, 5, 7, 8, 17, 33];
const pair = [2, 2] as const;
const none = [0, 0] as const;

const cases: readonly PoolCase[] = [
  ...channels.map((count) => ({
    title: `2 × 2 of ${count} channels`,
    x: [2, 5, 7, count],
    windows: { poolSize: pair, strides: pair, padding: [none, none] },
    shape: [2, 2, 3, count],
  })),
  ...[1, 4, 6].map((count) => ({
    title: `overlapping 3 × 3, every 2, margins of their own, of ${count} channels`,
    x: [2, 6, 8, count],
    windows: { poolSize: [3, 3], strides: pair, padding: [[0, 1] as const, [1, 2] as const] },
    shape: [2, 3, 5, count],
  })),
  {
    title: "strides larger than the window",
    x: [2, 8, 7, 5],
    windows: { poolSize: [2, 1], strides: [3, 4], padding: [[1, 1], none] },
    shape: [2, 3, 2, 5],
  },
  {
    title: "a window of 3 × 5 in each cell",
    x: [1, 5, 7, 3],
    windows: { poolSize: [3, 5], strides: [1, 1], padding: [[1, 1] as const, [2, 2] as const] },
    shape: [1, 5, 7, 3],
  },
  {
    title: "a window wider than the input",
    x: [1, 2, 3, 6],
    windows: { poolSize: [5, 4], strides: [1, 1], padding: [[4, 4] as const, [3, 2] as const] },
    shape: [1, 6, 5, 6],
  },
  {
    title: "one axis",
    x: [3, 11, 6],
    windows: { poolSize: [3], strides: pair.slice(1), padding: [[2, 1]] },
    shape: [3, 6, 6],
  },
  { title: "single cells", x: [2, 3, 1], windows: { poolSize: [1], strides: [1], padding: [none] }, shape: [2, 3, 1] },
  {
    title: "three axes",
    x: [2, 3, 5, 4, 5],
    windows: { poolSize: [2, 3, 2], strides: [1, 2, 2], padding: [[1, 0], [1, 1], none] },
    shape: [2, 3, 3, 2, 5],
  },
  {
    title: "more cells than a byte counts",
    x: [1, 18, 17, 5],
    windows: { poolSize: [17, 16], strides: [1, 1], padding: [[0, 1] as const, none] },
    shape: [1, 3, 2, 5],
  },
];

const refused = (op: typeof maxPool, name: string): Parameters<typeof describeOp>[2] => {
  const x = tensor(new Float32Array(24), [1, 4, 6, 1]);
  const windows = (poolSize: number[], strides: number[], padding: readonly (readonly [number, number])[]) => () =>
    op(x, { poolSize, strides, padding });
  const text = (place: string, expected: string): RegExp => new RegExp(`^${name}${place}: expected ${expected}`);
  return [
    {
      title: "a shape without spatial axes",
      call: () => op([[1]], { poolSize: [], strides: [], padding: [] }),
      code: "shape",
      text: text("", ".* one to three spatial axes, received shape \\[1, 1\\]"),
    },
    {
      title: "too few sizes",
      call: windows([2], [2, 2], [none, none]),
      code: "option",
      text: text("\\.poolSize", "2 integers"),
    },
    {
      title: "a stride of 0",
      call: windows([2, 2], [0, 2], [none, none]),
      code: "option",
      text: text("\\.strides", "2 integers ≥ 1"),
    },
    {
      title: "a margin as large as the window",
      call: windows([2, 2], [2, 2], [[0, 2], none]),
      code: "option",
      text: text("\\.padding", "2 pairs .* smaller than the window"),
    },
    {
      title: "a window that does not fit",
      call: windows([5, 2], [1, 1], [none, none]),
      code: "shape",
      text: text("", "spatial sizes that hold a window of \\[5, 2\\], received shape \\[1, 4, 6, 1\\]"),
    },
  ];
};

describeOp(
  "maxPool",
  cases.map(({ title, x, windows, shape }): OpCase => {
    const inputs = [{ shape: x, distinct: true }];
    return { title, apply: (cells) => maxPool(cells, windows), inputs, shape };
  }),
  refused(maxPool, "maxPool"),
);

describeOp(
  "averagePool",
  cases.map(({ title, x, windows, shape }): OpCase => {
    return { title, apply: (cells) => averagePool(cells, windows), inputs: [{ shape: x }], shape };
  }),
  refused(averagePool, "averagePool"),
);

/** The gradient of Σ pooled · dy as a function of dy, which is itself differentiated by the checks. */
const gradientCases = (op: typeof maxPool): OpCase[] =>
  cases.slice(6).map(({ title, x, windows, shape }) => {
    const cells = tensor(
      floats(
        generator(7),
        x.reduce((a, b) => a * b),
        { low: -2, high: 2 },
      ),
      x,
    );
    const apply = (dy: SymbolicTensor): SymbolicTensor => {
      const node = constant(cells);
      return gradients(op(node, windows), [node], dy)[0] as SymbolicTensor;
    };
    return { title, apply, inputs: [{ shape }], shape: x };
  });

describeOp("the gradient of maxPool", gradientCases(maxPool));
describeOp("the gradient of averagePool", gradientCases(averagePool));

const row = (values: readonly number[]): ReturnType<typeof tensor> => tensor(values, [1, values.length, 1]);
const same = { poolSize: [3], strides: [1], padding: [[1, 1]] } as const;
const max = compiled((x: SymbolicTensor) => maxPool(x, same));
/** What reaches each cell when the windows send 1, 10, 100 … */
const sent = (values: readonly number[], op = maxPool): number[] => {
  const upstream = row(values.map((_, window) => 10 ** window));
  const { gradients: found } = valueAndGrad((x: SymbolicTensor) => sum(multiply(op(x, same), upstream)))(row(values));
  return Array.from((found[0] as ReturnType<typeof tensor>).data);
};

describe("maxima", () => {
  it("of windows that are all negative are negative, also beside a margin", () => {
    expect(Array.from(max(row([-3, -1, -4, -2])).data)).toEqual([-1, -1, -1, -2]);
    expect(sent([-3, -1, -4, -2])).toEqual([0, 111, 0, 1000]);
  });

  it("of −Infinity everywhere are won by the first cell, never by a margin", () => {
    const low = Number.NEGATIVE_INFINITY;
    expect(Array.from(max(row([low, low, low])).data)).toEqual([low, low, low]);
    expect(sent([low, low, low])).toEqual([11, 100, 0]);
  });

  it("are won by the first of equal cells", () => {
    expect(sent([5, 5, 5, 1])).toEqual([11, 100, 1000, 0]);
    expect(sent([0, -0, 0, -0])).toEqual([11, 100, 1000, 0]);
  });

  it("are NaN where a cell is, and the first of these gets the gradient", () => {
    const nan = Number.NaN;
    expect(Array.from(max(row([1, nan, 9, nan, 2, 3, 4])).data)).toEqual([nan, nan, nan, nan, nan, 4, 4]);
    expect(sent([1, nan, 9, nan, 2, 3, 4])).toEqual([0, 111, 0, 11000, 0, 0, 1100000]);
    const wide = tensor([1, 1, 1, 1, nan, 1, 1, 1, 1, 1, nan, 1], [1, 3, 4]);
    expect(Array.from(max(wide).data.slice(4, 8))).toEqual([nan, 1, nan, 1]);
  });

  it("of infinities are infinite", () => {
    const high = Number.POSITIVE_INFINITY;
    expect(Array.from(max(row([1, high, 2, 3])).data)).toEqual([high, high, high, 3]);
  });
});

describe("averages", () => {
  it("count the real cells alone", () => {
    const average = compiled((x: SymbolicTensor) => averagePool(x, same));
    expect(Array.from(average(row([2, 4, 6, 10])).data)).toEqual([3, 4, Math.fround(20 / 3), 8]);
    expect(sent([2, 4, 6, 10], averagePool).map((each) => Math.round(each * 6))).toEqual([
      3 + 20,
      3 + 20 + 200,
      20 + 200 + 3000,
      200 + 3000,
    ]);
  });

  it("of integers are numbers", () => {
    const average = compiled((x: SymbolicTensor) => averagePool(x, same));
    expect(average(tensor([1, 2], [1, 2, 1], "int32")).dtype).toBe("float32");
    expect(Array.from(average(tensor([1, 2], [1, 2, 1], "int32")).data)).toEqual([1.5, 1.5]);
  });
});

describe("windows of nothing", () => {
  const options = { poolSize: [2, 3], strides: [1, 2], padding: [[1, 1] as const, [0, 0] as const] };
  const result = (op: typeof maxPool, shape: number[]): ReturnType<typeof tensor> =>
    compiled((x: SymbolicTensor) => op(x, options))(tensor(new Float32Array(0), shape));

  it.each([
    [
      [0, 4, 5, 8],
      [0, 5, 2, 8],
    ],
    [
      [2, 4, 5, 0],
      [2, 5, 2, 0],
    ],
    [
      [2, 4, 0, 3],
      [2, 5, 0, 3],
    ],
  ])("%j make %j", (shape, windows) => {
    for (const op of [maxPool, averagePool]) expect(result(op, shape).shape).toEqual(windows);
  });

  it("in margins alone have the maximum −Infinity and the average NaN", () => {
    expect(Array.from(result(maxPool, [1, 0, 3, 2]).data)).toEqual([
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect(Array.from(result(averagePool, [1, 0, 3, 2]).data)).toEqual([Number.NaN, Number.NaN]);
  });
});
