import { expect, test } from "vitest";
import { defaultCompileOptions } from "../bindings/compiler/program.ts";
import { valueAndGrad } from "../bindings/compiled.ts";
import * as ops from "../bindings/ops/index.ts";
defaultCompileOptions.verify = true;
test("ops on values", () => {
  expect(ops.add([1, 2, 3], 1).array()).toEqual([2, 3, 4]);
  expect(ops.matMul([[1, 2], [3, 4]], [[1, 0], [0, 1]]).array()).toEqual([[1, 2], [3, 4]]);
  expect(ops.sum([[1, 2], [3, 4]], 0).array()).toEqual([4, 6]);
  expect(ops.concat([ops.add([1], 0), ops.add([2], 0)], 0).array()).toEqual([1, 2]);
  expect(ops.softmax([[0, 0]]).array()).toEqual([[0.5, 0.5]]);
  const f = valueAndGrad((x, w, b) => ops.sum(ops.square(ops.tanh(ops.add(ops.matMul(x, w), b)))));
  const r = f([[1, 2], [3, 4]], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [0, 0.1, 0.2]);
  console.log(r.value.item(), JSON.stringify(r.gradients.map((g: any) => g.array())));
});
