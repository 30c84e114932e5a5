// Are the elementwise functions that are made of others right, at their edges too?

import { describe, expect, it } from "vitest";
import { grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as elements from "../../bindings/ops/composedElements.ts";
import * as ops from "../../bindings/ops/index.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const [infinity, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const one = (range: InputSpec["range"]): readonly InputSpec[] => [{ shape: [3, 6], ...(range && { range }) }];
const two: readonly InputSpec[] = [{ shape: [3, 5] }, { shape: [5], range: { low: 0.5, high: 2 } }];

describeOp(
  "composed elements",
  [
    { title: "tan", apply: elements.tan, inputs: one({ low: -1, high: 1 }), shape: [3, 6] },
    { title: "sinh", apply: elements.sinh, inputs: one(undefined), shape: [3, 6] },
    { title: "cosh", apply: elements.cosh, inputs: one(undefined), shape: [3, 6] },
    { title: "asinh", apply: elements.asinh, inputs: one({ low: -3, high: 3, avoid: [0] }), shape: [3, 6] },
    { title: "acosh", apply: elements.acosh, inputs: one({ low: 1.5, high: 4 }), shape: [3, 6] },
    { title: "atanh", apply: elements.atanh, inputs: one({ low: -0.9, high: 0.9 }), shape: [3, 6] },
    { title: "log2", apply: elements.log2, inputs: one({ low: 0.5, high: 9 }), shape: [3, 6] },
    { title: "log10", apply: elements.log10, inputs: one({ low: 0.5, high: 9 }), shape: [3, 6] },
    { title: "trunc", apply: elements.trunc, inputs: one(undefined), shape: [3, 6], gradient: false },
    { title: "floorDivide", apply: elements.floorDivide, inputs: two, shape: [3, 5], gradient: false },
    {
      title: "mod",
      apply: elements.mod,
      inputs: [
        { shape: [4], values: [-3, 5.5, 3, -0.5] },
        { shape: [], values: [2] },
      ],
      shape: [4],
    },
    { title: "divideNoNan", apply: elements.divideNoNan, inputs: two, shape: [3, 5] },
    { title: "logAddExp", apply: elements.logAddExp, inputs: two, shape: [3, 5] },
    { title: "logicalXor", apply: elements.logicalXor, inputs: two, shape: [3, 5], dtype: "bool" },
    { title: "isClose", apply: (a, b) => elements.isClose(a, b, 0.5), inputs: two, shape: [3, 5], dtype: "bool" },
    {
      title: "select",
      apply: (x, y) => elements.select([ops.greater(x, 1), ops.less(x, -1)], [y, x], 7),
      inputs: [{ shape: [3, 5], range: { low: -2, high: 2, avoid: [1, -1] } }, { shape: [5] }],
      shape: [3, 5],
    },
  ] satisfies OpCase[],
  [
    {
      title: "conditions without choices",
      call: () => elements.select([true], []),
      code: "shape",
      text: "select: expected as many choices as conditions, at least one, received 1 conditions and 0 choices",
    },
  ],
);

describe("composed elements at their edges", () => {
  it("tell NaN, infinite and finite numbers apart", () => {
    const x = [nan, infinity, -infinity, 3.4e38, 0];
    expect(ops.isNan(x).array()).toEqual([true, false, false, false, false]);
    expect(ops.isInfinite(x).array()).toEqual([false, true, true, false, false]);
    expect(ops.isFinite(x).array()).toEqual([false, false, false, true, true]);
    expect(ops.nanToNum(x, 1, 2, 3).array()).toEqual([1, 2, 3, Math.fround(3.4e38), 0]);
    expect(ops.isClose([1, infinity, infinity, nan, 1], [1.000001, infinity, 1, nan, infinity]).array()).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("do not overflow, and have slopes where the parts have none", () => {
    expect(ops.asinh([1e30, -1e30]).array()).toEqual([69.7707, -69.7707].map((each) => expect.closeTo(each, 4)));
    expect(ops.logAddExp([1000, -infinity, infinity], [1000, -infinity, 1]).array()).toEqual([
      expect.closeTo(1000.6931, 3),
      -infinity,
      infinity,
    ]);
    const slopeAt = (f: (x: SymbolicTensor) => SymbolicTensor, x: number): number => grad(f)(x).item();
    for (const f of [elements.sinh, elements.asinh, elements.atanh]) expect(slopeAt(f, 0)).toBe(1);
    expect(slopeAt(elements.asinh, 1e30)).toBeCloseTo(1e-30, 35);
    expect(slopeAt((x) => elements.divideNoNan(x, 0), 3)).toBe(0);
    expect(grad((x: SymbolicTensor) => elements.logAddExp(x, 2))(2).item()).toBe(0.5);
  });
});
