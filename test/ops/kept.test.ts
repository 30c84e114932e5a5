// What ops keep of their operands: dtypes of what is only moved, NaN, bits of integers beyond 2²⁴, shares of ties.

import { describe, expect, it } from "vitest";
import { compiled, grad, ops, type SymbolicTensor, tensor } from "../../bindings/index.ts";
import type { DType, NestedArray } from "../../bindings/tensor.ts";

const nan = Number.NaN;

describe("the dtype of what is only moved", () => {
  it.each<DType>(["uint8", "bool", "int32", "float32"])("%s", (dtype) => {
    const matrix = tensor([1, 0, 1, 1, 1, 0], [2, 3], dtype);
    const vector = tensor([1, 0], undefined, dtype);
    const found = [
      ops.tril(matrix),
      ops.triu(matrix, 1),
      ops.diag(vector),
      ops.diagFlat(matrix),
      ops.where(tensor([true, false]), vector, vector),
      ops.select([tensor([true, false])], [vector], vector),
      ops.pad(vector, [[1, 2]], 1),
      ops.nanToNum(vector),
      ops.sliceUpdate(matrix, [0, 1], tensor([[1], [0]], undefined, dtype)),
    ];
    expect(found.map((each) => each.dtype)).toEqual(found.map(() => dtype));
    expect(Array.from(ops.tril(matrix).data)).toEqual([1, 0, 0, 1, 1, 0]);
  });

  it("where: uint8 of both narrow dtypes and with a number that fits", () => {
    const condition = tensor([true, false]);
    const byte = tensor([7, 8], undefined, "uint8");
    expect(ops.where(condition, byte, tensor([true, true])).toString()).toBe("Tensor uint8 [2] { 7, 1 }");
    expect(ops.where(condition, byte, 255).toString()).toBe("Tensor uint8 [2] { 7, 255 }");
    expect(ops.where(condition, 0, byte).toString()).toBe("Tensor uint8 [2] { 0, 8 }");
    expect(ops.where(condition, byte, -1).toString()).toBe("Tensor int32 [2] { 7, -1 }");
    expect(ops.where(condition, byte, 0.5).toString()).toBe("Tensor float32 [2] { 7, 0.5 }");
    expect(ops.where(condition, tensor([true, true]), 0).toString()).toBe("Tensor int32 [2] { 1, 0 }");
    expect(ops.where(condition, 1, 0).dtype).toBe("int32");
  });
});

describe("NaN", () => {
  it("stays in every activation", () => {
    const x = [nan, 1];
    const found = {
      relu: ops.relu(x),
      relu6: ops.relu6(x),
      rectify: ops.rectify(x, 0, 6, 1),
      hardShrink: ops.hardShrink(x),
      softShrink: ops.softShrink(x),
      threshold: ops.threshold(x, 0, 5),
      sparsePlus: ops.sparsePlus(x),
      sparseSigmoid: ops.sparseSigmoid(x),
      hardTanh: ops.hardTanh(x),
      asinh: ops.asinh(x),
    };
    expect(Object.entries(found).filter(([, { data }]) => !Number.isNaN(data[0]) || Number.isNaN(data[1]))).toEqual([]);
  });

  it("is not made of infinities by rectify and sparsePlus", () => {
    expect(ops.rectify([-Infinity, Infinity], 0, null, 1).array()).toEqual([0, Infinity]);
    expect(grad((x) => ops.sum(ops.sparsePlus(x)))([-Infinity, -1, 0, 1, Infinity]).array()).toEqual([0, 0, 0.5, 1, 1]);
  });
});

describe("integers", () => {
  it("have an exact mean beyond 2²⁴, whatever their sum", () => {
    const mean = (values: NestedArray): number => ops.mean(tensor(values, undefined, "int32")).item();
    expect(mean([2 ** 24 + 1, -(2 ** 24)])).toBe(0.5);
    expect(mean([2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1])).toBe(2 ** 31);
    expect(mean([-(2 ** 31), -(2 ** 31), 2])).toBe(Math.fround((2 - 2 ** 32) / 3));
    expect(mean([2 ** 31 - 1, 2 ** 31 - 1, -(2 ** 31 - 2), -(2 ** 31 - 1)])).toBe(0.25);
    expect(ops.mean(new Uint8Array([255, 254])).item()).toBe(254.5);
    expect(ops.mean(tensor([true, false, true, true])).item()).toBe(0.75);
    expect(
      ops
        .mean(
          tensor(
            [
              [1, 2],
              [5, 9],
            ],
            undefined,
            "int32",
          ),
          0,
          true,
        )
        .array(),
    ).toEqual([[3, 5.5]]);
  });

  it("as plain indices keep every bit", () => {
    const [rows] = ops.unravelIndex([[2 ** 24 + 1]], [2 ** 30, 1]);
    expect(rows?.array()).toEqual([[2 ** 24 + 1]]);
    const same = compiled((x: SymbolicTensor) =>
      ops.equal(x, ops.unravelIndex([2 ** 24 + 1], [2 ** 30])[0] as unknown as SymbolicTensor),
    );
    expect(same(Int32Array.of(2 ** 24 + 1, 2 ** 24)).array()).toEqual([true, false]);
  });

  it("that do not fit are refused", () => {
    const refused = (make: () => unknown): void => expect(make).toThrow(/expected numbers from/);
    refused(() => tensor([3e9], undefined, "int32"));
    refused(() => tensor(-(2 ** 31) - 1, undefined, "int32"));
    refused(() => tensor(new Float32Array([nan]), undefined, "int32"));
    refused(() => tensor([256], undefined, "uint8"));
    refused(() => tensor(new Int32Array([-1]), undefined, "uint8"));
    refused(() => ops.full([2], 300, "uint8"));
    refused(() => ops.arange(0, 300, 1, "uint8"));
    expect(tensor([2 ** 31 - 1, -(2 ** 31), -0.5], undefined, "int32").array()).toEqual([2 ** 31 - 1, -(2 ** 31), 0]);
    expect(tensor([255.9, -0.9], undefined, "uint8").array()).toEqual([255, 0]);
    expect(ops.full([2], 2, "bool").data).toEqual(Uint8Array.of(1, 1));
  });

  it("are counted beyond 2²⁴", { timeout: 60_000 }, () => {
    const many = new Uint8Array(2 ** 24 + 3);
    many[5] = 1;
    expect(ops.bincount(many, 2).array()).toEqual([2 ** 24 + 2, 1]);
  });
});

describe("equal extremes", () => {
  it.each([
    ["max", ops.max, 1],
    ["min", ops.min, -1],
  ] as const)("of %s share the gradient over axes apart", (_, extreme, sign) => {
    const x = tensor(
      [1, 0, 1, 0, 1, 5].map((each) => sign * each),
      [2, 1, 3],
    ); // [1 0 1], [0 1 5]
    expect(grad((of) => ops.sum(extreme(of, [0, 2])))(x).array()).toEqual([[[0, 0, 0]], [[0, 0, 1]]]);
    const tied = tensor(
      [5, 0, 5, 0, 5, 0].map((each) => sign * each),
      [2, 1, 3],
    );
    const third = Math.fround(1 / 3);
    expect(grad((of) => ops.sum(extreme(of, [0, 2])))(tied).array()).toEqual([[[third, 0, third]], [[0, third, 0]]]);
    expect(grad((of) => ops.sum(extreme(of, [0, 2], true)))(tied).array()).toEqual([
      [[third, 0, third]],
      [[0, third, 0]],
    ]);
  });
});
