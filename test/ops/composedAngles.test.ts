// Are functions of angles, lengths and powers of two right, where they bend and at their ends?

import { describe, expect, it } from "vitest";
import { grad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as angles from "../../bindings/ops/composedAngles.ts";
import * as ops from "../../bindings/ops/index.ts";
import { atan } from "../../bindings/ops/map.ts";
import { describeOp, type InputSpec, type OpCase } from "../harness/describeOp.ts";

const [infinity, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const one = (range: InputSpec["range"]): readonly InputSpec[] => [{ shape: [3, 6], ...(range && { range }) }];
/** Points all around the origin, none with |x| = |y|. */
const around: readonly InputSpec[] = [
  { shape: [8], values: [0.5, 2, 2, 0.5, -0.5, -2, -2, -0.5] },
  { shape: [8], values: [2, 0.5, -0.5, -2, -2, -0.75, 0.75, 2] },
];
const broadcast: readonly InputSpec[] = [
  { shape: [3, 5], range: { low: 1.5, high: 3 } },
  { shape: [5], range: { low: -1, high: 1, avoid: [0] } },
];

describeOp("composed angles", [
  { title: "atan", apply: atan, inputs: one({ low: -5, high: 5 }), shape: [3, 6] },
  { title: "asin", apply: angles.asin, inputs: one({ low: -0.9, high: 0.9 }), shape: [3, 6] },
  { title: "acos", apply: angles.acos, inputs: one({ low: -0.9, high: 0.9 }), shape: [3, 6] },
  { title: "atan2", apply: angles.atan2, inputs: around, shape: [8] },
  { title: "atan2, broadcast", apply: angles.atan2, inputs: broadcast, shape: [3, 5] },
  { title: "deg2rad", apply: angles.deg2rad, inputs: one({ low: -360, high: 360 }), shape: [3, 6] },
  { title: "rad2deg", apply: angles.rad2deg, inputs: one(undefined), shape: [3, 6] },
  {
    title: "sinc",
    apply: angles.sinc,
    inputs: one({ low: -3.4, high: 3.4, avoid: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] }),
    shape: [3, 6],
  },
  { title: "sinc near 0", apply: angles.sinc, inputs: one({ low: -0.2, high: 0.2 }), shape: [3, 6] },
  { title: "hypot", apply: angles.hypot, inputs: broadcast, shape: [3, 5] },
  { title: "cbrt", apply: angles.cbrt, inputs: one({ low: -4, high: 4, avoid: [0], margin: 0.3 }), shape: [3, 6] },
  {
    title: "exp2",
    apply: angles.exp2,
    inputs: one({ low: -3.4, high: 3.4, avoid: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] }),
    shape: [3, 6],
  },
  {
    title: "ldexp",
    apply: (x, e) => angles.ldexp(x, e),
    inputs: [{ shape: [4] }, { shape: [3, 1], dtype: "int32" }],
    shape: [3, 4],
  },
  { title: "logAddExp2", apply: angles.logAddExp2, inputs: broadcast, shape: [3, 5] },
  { title: "heaviside", apply: angles.heaviside, inputs: broadcast, shape: [3, 5], gradient: false },
  { title: "signbit", apply: angles.signbit, inputs: one(undefined), shape: [3, 6], dtype: "bool" },
] satisfies OpCase[]);

describe("angles and powers at their ends", () => {
  const close = (values: readonly number[]): unknown[] =>
    values.map((each) => (Number.isFinite(each) ? expect.closeTo(each, 6) : each));

  it("turn all around", () => {
    const [y, x] = [
      [0, 0, 1, -1, 0, 1, -1, 1, 0],
      [1, -1, 0, 0, 0, -0, -1, infinity, -infinity],
    ];
    const angle = [0, Math.PI, Math.PI / 2, -Math.PI / 2, 0, Math.PI / 2, (-3 * Math.PI) / 4, 0, Math.PI];
    expect(ops.atan2(y, x).array()).toEqual(close(angle));
    expect(ops.asin([-1, 0, 1, 1.5]).array()).toEqual(close([-Math.PI / 2, 0, Math.PI / 2, nan]));
    expect(ops.acos([-1, 0, 1, 1.5]).array()).toEqual(close([Math.PI, Math.PI / 2, 0, nan]));
    const slope = grad((at: SymbolicTensor) => angles.atan2(2, at));
    expect(slope(0).item()).toBe(-0.5);
  });

  it("neither overflow nor lose their zeros", () => {
    expect(ops.hypot([3e38, 1e-40, 0, infinity], [4, 1e-40, 0, infinity]).array()).toEqual([
      Math.fround(3e38),
      expect.closeTo(1.4142e-40, 44),
      0,
      infinity,
    ]);
    expect(ops.hypot([infinity, nan, -infinity, 1], [nan, -infinity, 2, nan]).array()).toEqual([
      infinity,
      infinity,
      infinity,
      nan,
    ]);
    expect(ops.exp2([0, 10, -1, 127, 129, -149, -200, infinity, -infinity, nan]).array()).toEqual(
      [1, 1024, 0.5, 2 ** 127, infinity, 2 ** -149, 0, infinity, 0, nan].map((each) =>
        Number.isFinite(each) && each > 1e-30 ? expect.closeTo(each, each > 1e30 ? -32 : 3) : each,
      ),
    );
    expect(ops.sinc([0, 1, -2, 3]).array()).toEqual([1, 0, 0, 0].map((each) => expect.closeTo(each, 9)));
    expect(ops.cbrt([-27, 0, 1e-30, 64, -infinity]).array()).toEqual([-3, 0, expect.closeTo(1e-10, 16), 4, -infinity]);
    expect(ops.logspace(0, 3, 4).array()).toEqual([1, 10, 100, 1000].map((each) => expect.closeTo(each, 2)));
    expect(ops.logspace(1, 3, 3, 2).array()).toEqual([2, 4, 8].map((each) => expect.closeTo(each, 5)));
    expect(ops.logAddExp2([1000, 3], [1000, 3]).array()).toEqual([1001, 4]);
    expect(grad((x: SymbolicTensor) => angles.hypot(x, 0))(0).item()).toBe(0);
    expect(grad(angles.cbrt)(0).item()).toBe(0);
    expect(grad(angles.sinc)(0).item()).toBe(0);
  });

  it("tell signs apart", () => {
    expect(ops.heaviside([-2, 0, 3, nan], 0.5).array()).toEqual([0, 0.5, 1, nan]);
    expect(grad((half: SymbolicTensor) => ops.sum(angles.heaviside([-1, 0, 1], half)))(0.5).item()).toBe(1);
    expect(ops.signbit([-0, 0, -3, nan, infinity]).array()).toEqual([true, false, true, false, false]);
    const x = [infinity, -infinity, 0];
    expect(ops.isPositiveInfinity(x).array()).toEqual([true, false, false]);
    expect(ops.isNegativeInfinity(x).array()).toEqual([false, true, false]);
  });
});
