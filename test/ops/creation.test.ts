// Do tensors that are known by their shape have the right values?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import * as ops from "../../bindings/ops/index.ts";

it("tensors are made by their shape", () => {
  expect(ops.eye(2, 3, 1).array()).toEqual([
    [0, 1, 0],
    [0, 0, 1],
  ]);
  expect(ops.tri(2, 3).array()).toEqual([
    [1, 0, 0],
    [1, 1, 0],
  ]);
  expect(ops.full([2], 7, "int32").array()).toEqual([7, 7]);
  expect(ops.ones([1, 2]).array()).toEqual([[1, 1]]);
  expect([ops.zerosLike(ops.ones([3], "uint8")).dtype, ops.fullLike(ops.ones([2]), 4).array()]).toEqual([
    "uint8",
    [4, 4],
  ]);
});

it("ranges", () => {
  expect([ops.arange(3).array(), ops.arange(3).dtype]).toEqual([[0, 1, 2], "int32"]);
  expect(ops.arange(1, 2, 0.25).array()).toEqual([1, 1.25, 1.5, 1.75]);
  expect(ops.arange(5, 0, -2).array()).toEqual([5, 3, 1]);
  expect(ops.arange(2, 1).shape).toEqual([0]);
  expect(ops.linspace(0, 1, 5).array()).toEqual([0, 0.25, 0.5, 0.75, 1]);
  expect(ops.linspace(3, 9, 1).array()).toEqual([3]);
  expect(() => ops.arange(0, 1, 0)).toThrow("arange: expected finite numbers, and a step that is not 0");
});

it("they are constants in traced functions", () => {
  const shifted = compiled((x: SymbolicTensor) => ops.add(ops.matMul(x, ops.eye(2)), ops.onesLike(x)));
  expect(shifted([[1, 2]]).array()).toEqual([[2, 3]]);
});
