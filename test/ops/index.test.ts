// Do the operations that users call work on values as well as on symbols?

import { describe, expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as ops from "../../bindings/ops/index.ts";
import { Tensor, tensor } from "../../bindings/tensor.ts";
import { expectTensorError } from "../harness/describeOp.ts";

describe("operations on values", () => {
  it("give tensors", () => {
    const sum = ops.add([1, 2, 3], 1);
    expect(sum).toBeInstanceOf(Tensor);
    expect(sum.array()).toEqual([2, 3, 4]);
    expect(
      ops
        .matMul(
          [
            [1, 2],
            [3, 4],
          ],
          [
            [0, 1],
            [1, 0],
          ],
        )
        .array(),
    ).toEqual([
      [2, 1],
      [4, 3],
    ]);
    expect(ops.sum([[1, 2]], 1, true).array()).toEqual([[3]]);
    expect(ops.concat([tensor([1]), tensor([2, 3])], 0).array()).toEqual([1, 2, 3]);
    expect(ops.where([true, false], 1, [5, 6]).array()).toEqual([1, 6]);
  });

  it("give the bits of the same operations on symbols", () => {
    const x = tensor(
      Float32Array.from({ length: 12 }, (_, index) => Math.fround(index / 7)),
      [3, 4],
    );
    expect(ops.tanh(x).data).toEqual(compiled((symbol: SymbolicTensor) => ops.tanh(symbol))(x).data);
    expect(ops.softmax(x).data).toEqual(compiled((symbol: SymbolicTensor) => ops.softmax(symbol))(x).data);
    expect(ops.max(x, 1).data).toEqual(compiled((symbol: SymbolicTensor) => ops.max(symbol, 1))(x).data);
  });

  it("tell shapes, dtypes, options and plain numbers apart", () => {
    expect(ops.add([1], [2]).dtype).toBe("float32");
    expect(ops.add(Int32Array.of(1), Int32Array.of(2)).dtype).toBe("int32");
    expect(ops.sum([[1, 2]], 0).array()).toEqual([1, 2]);
    expect(ops.sum([[1, 2]], 1).array()).toEqual([3]);
    expect(ops.multiply([2], 3).array()).toEqual([6]);
    expect(ops.multiply([2], 4).array()).toEqual([8]);
  });

  it("tell Infinity, −Infinity and NaN apart", () => {
    expect(ops.maximum([1], Number.NEGATIVE_INFINITY).array()).toEqual([1]);
    expect(ops.maximum([1], Number.POSITIVE_INFINITY).array()).toEqual([Number.POSITIVE_INFINITY]);
    expect(ops.maximum([1], Number.NaN).array()).toEqual([Number.NaN]);
  });
  it("tell 0 and −0 apart", () => {
    expect(ops.multiply([1], 0).array()).toEqual([0]);
    expect(ops.multiply([1], -0).array()).toEqual([-0]);
  });
});

describe("tensors without elements", () => {
  const none = (...shape: number[]): Tensor => tensor(new Float32Array(0), shape);

  it("pass through all kinds of operations", () => {
    expect(ops.add(none(0), 1).shape).toEqual([0]);
    expect(ops.sum(none(0)).array()).toBe(0);
    expect(ops.sum(none(0, 3), 0).array()).toEqual([0, 0, 0]);
    expect(ops.product(none(3, 0), 1).array()).toEqual([1, 1, 1]);
    expect(ops.softmax(none(0, 3)).shape).toEqual([0, 3]);
    expect(ops.transpose(none(0, 3)).shape).toEqual([3, 0]);
    expect(ops.gather([[1, 2]], new Int32Array(0)).shape).toEqual([0, 2]);
    expect(
      ops.slice(
        [
          [1, 2],
          [3, 4],
        ],
        [1, 0],
        [0, 2],
      ).shape,
    ).toEqual([0, 2]);
    expect(ops.matMul(none(0, 2), tensor(new Float32Array(6), [2, 3])).shape).toEqual([0, 3]);
  });

  it("multiplied over an inner size of 0 give zeros, not what lay in memory", () => {
    ops.add([1, 2, 3, 4, 5, 6, 7, 8, 9], 1);
    expect(ops.matMul(none(2, 0), none(0, 3)).array()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(ops.matMul(none(3, 2, 0), none(0, 1)).array()).toEqual([
      [[0], [0]],
      [[0], [0]],
      [[0], [0]],
    ]);
  });

  it("have no maximum", () => {
    expectTensorError({ call: () => ops.max(none(0)), code: "shape", text: "max: expected at least one element" });
  });
});

it("broadcasting over more axes than an instruction holds is refused", () => {
  const alternate = (first: number): Tensor =>
    tensor(
      new Float32Array(16),
      Array.from({ length: 8 }, (_, axis) => (axis % 2 === first ? 2 : 1)),
    );
  expectTensorError({
    call: () => ops.add(alternate(0), alternate(1)),
    code: "unsupported",
    text: "add: expected at most six axes that cannot be merged",
  });
  expectTensorError({
    call: () => ops.transpose(tensor(new Float32Array(128), [2, 2, 2, 2, 2, 2, 2])),
    code: "unsupported",
    text: "transpose: expected at most six axes that cannot be merged",
  });
});
