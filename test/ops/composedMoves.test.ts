// Do elements go where they should, and their gradients back?

import { describe, expect, it } from "vitest";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as moves from "../../bindings/ops/composedMoves.ts";
import * as ops from "../../bindings/ops/index.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

type Node = SymbolicTensor;
const of = (title: string, shape: readonly number[], apply: (x: Node) => Node, result: readonly number[]): OpCase => ({
  title,
  apply,
  inputs: [{ shape }],
  shape: result,
});

describeOp(
  "composed moves",
  [
    of("moveAxis", [2, 3, 5], (x) => moves.moveAxis(x, 0, -1), [3, 5, 2]),
    of("swapAxes", [2, 3, 5], (x) => moves.swapAxes(x, 0, -1), [5, 3, 2]),
    of("flip", [3, 5, 2], (x) => moves.flip(x, [0, 1]), [3, 5, 2]),
    of("roll", [3, 5], (x) => moves.roll(x, -7, 1), [3, 5]),
    of("roll of all", [3, 5], (x) => moves.roll(x, 4), [3, 5]),
    of("repeat", [3, 2], (x) => moves.repeat(x, 3, 1), [3, 6]),
    of("repeat, each its own way", [3, 2], (x) => moves.repeat(x, [1, 0, 3], 0), [4, 2]),
    of("tile", [3, 2], (x) => moves.tile(x, [2, 1, 3]), [2, 3, 6]),
    of("tile, fewer repeats than axes", [2, 3], (x) => moves.tile(x, [2]), [2, 6]),
    of("split", [2, 6], (x) => moves.split(x, 3, 1)[1] as Node, [2, 2]),
    of("split at positions", [7, 2], (x) => moves.split(x, [2, 3])[2] as Node, [4, 2]),
    of("unstack", [2, 3, 4], (x) => moves.unstack(x, 1)[2] as Node, [2, 4]),
    of("meshgrid", [4], (x) => moves.meshgrid([x, [1, 2]])[0] as Node, [2, 4]),
    of("tril", [2, 4, 3], (x) => moves.tril(x, -1), [2, 4, 3]),
    of("triu", [3, 5], (x) => moves.triu(x, 1), [3, 5]),
    of("diag of a vector", [3], (x) => moves.diag(x, -2), [5, 5]),
    of("diag of a matrix", [3, 5], (x) => moves.diag(x, 1), [3]),
    of("diagonal of other axes", [3, 2, 4], (x) => moves.diagonal(x, -1, 0, 2), [2, 2]),
    of("trace", [4, 4, 2], (x) => moves.trace(x), [2]),
  ],
  [
    {
      title: "parts that are not equal",
      call: () => moves.split([1, 2, 3], 2),
      code: "shape",
      text: "split: expected a number of parts that divides 3, or positions in ascending order, received 2",
    },
    { title: "half a shift", call: () => moves.roll([1, 2], 0.5, 0), code: "option", text: "roll: expected a whole" },
    {
      title: "counts that do not fit",
      call: () => moves.repeat([1, 2], [1]),
      code: "shape",
      text: "expected one count",
    },
    { title: "a triangle of a vector", call: () => moves.tril([1]), code: "shape", text: "tril: expected matrices" },
    { title: "one axis twice", call: () => moves.trace([[1]], 0, 1, -1), code: "shape", text: "two different axes" },
  ],
);

describe("composed moves on values", () => {
  it("do what NumPy's functions of these names do", () => {
    expect(ops.roll([1, 2, 3, 4, 5], 2).array()).toEqual([4, 5, 1, 2, 3]);
    expect(ops.roll([[1, 2, 3]], -1, 1).array()).toEqual([[2, 3, 1]]);
    expect(ops.repeat([1, 2], 2).array()).toEqual([1, 1, 2, 2]);
    expect(ops.tile([1, 2], [2, 2]).array()).toEqual([
      [1, 2, 1, 2],
      [1, 2, 1, 2],
    ]);
    expect(ops.flip([1, 2, 3]).array()).toEqual([3, 2, 1]);
    expect(ops.diag([1, 2], 1).array()).toEqual([
      [0, 1, 0],
      [0, 0, 2],
      [0, 0, 0],
    ]);
    expect(
      ops
        .diag([
          [1, 2],
          [3, Number.POSITIVE_INFINITY],
        ])
        .array(),
    ).toEqual([1, Number.POSITIVE_INFINITY]);
    expect(
      ops
        .tril([
          [1, Number.NaN],
          [3, 4],
        ])
        .array(),
    ).toEqual([
      [1, 0],
      [3, 4],
    ]);
    expect(
      ops
        .trace([
          [1, 2],
          [3, 4],
        ])
        .item(),
    ).toBe(5);
  });

  it("give lists of tensors", () => {
    expect(ops.split([1, 2, 3, 4], 2).map((each) => each.array())).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(
      ops
        .unstack(
          [
            [1, 2],
            [3, 4],
          ],
          1,
        )
        .map((each) => each.array()),
    ).toEqual([
      [1, 3],
      [2, 4],
    ]);
    const [x, y] = ops.meshgrid([
      [1, 2, 3],
      [7, 8],
    ]);
    expect(x?.array()).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(y?.array()).toEqual([
      [7, 7, 7],
      [8, 8, 8],
    ]);
    expect(
      ops.meshgrid(
        [
          [1, 2, 3],
          [7, 8],
        ],
        "ij",
      )[1]?.shape,
    ).toEqual([3, 2]);
    expect(
      ops
        .stack(
          [
            [1, 2],
            [3, 4],
          ],
          1,
        )
        .array(),
    ).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(ops.select([[true, false]], [[1, 2]], 5).array()).toEqual([1, 5]);
  });
});
