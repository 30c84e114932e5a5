// Do concatenation and stacking put every tensor in its place, in one dtype?

import * as copy from "../../bindings/ops/copy.ts";
import { square } from "../../bindings/ops/map.ts";
import { describeOp, type InputSpec } from "../harness/describeOp.ts";

const input = (shape: readonly number[]): InputSpec[] => [{ shape }];
const two = (a: readonly number[], b: readonly number[]): InputSpec[] => [{ shape: a }, { shape: b }];
describeOp(
  "concat",
  [
    { title: "rows by default", apply: (a, b) => copy.concat([a, b]), inputs: two([2, 3], [4, 3]), shape: [6, 3] },
    { title: "columns", apply: (a, b) => copy.concat([a, b], -1), inputs: two([2, 3], [2, 5]), shape: [2, 8] },
    {
      title: "the middle axis",
      apply: (a, b) => copy.concat([a, b], 1),
      inputs: two([2, 3, 4], [2, 1, 4]),
      shape: [2, 4, 4],
    },
    {
      title: "three",
      apply: (a, b, c) => copy.concat([a, b, c], -1),
      inputs: [{ shape: [5, 1] }, { shape: [5, 17] }, { shape: [5, 3] }],
      shape: [5, 21],
    },
    { title: "one tensor twice", apply: (a) => square(copy.concat([a, a], 0)), inputs: input([3, 2]), shape: [6, 2] },
    { title: "one tensor alone", apply: (a) => copy.concat([a], 0), inputs: input([3]), shape: [3] },
    {
      title: "nothing and something",
      apply: (a, b) => copy.concat([a, b], 0),
      inputs: two([0, 3], [2, 3]),
      shape: [2, 3],
    },
    {
      title: "float32 and int32",
      apply: (a, b) => copy.concat([a, b], 0),
      inputs: [{ shape: [3] }, { shape: [3], dtype: "int32" }],
      shape: [6],
      dtype: "float32",
    },
    {
      title: "uint8 and int32",
      apply: (a, b) => copy.concat([a, b], 0),
      inputs: [
        { shape: [3], dtype: "uint8" },
        { shape: [3], dtype: "int32" },
      ],
      shape: [6],
      dtype: "int32",
    },
    {
      title: "bool and uint8",
      apply: (a, b) => copy.concat([a, b], 0),
      inputs: [
        { shape: [3], dtype: "bool" },
        { shape: [3], dtype: "uint8" },
      ],
      shape: [6],
      dtype: "uint8",
    },
    {
      title: "bool and bool",
      apply: (a, b) => copy.concat([a, b], 1),
      inputs: [
        { shape: [3, 5], dtype: "bool" },
        { shape: [3, 1], dtype: "bool" },
      ],
      shape: [3, 6],
      dtype: "bool",
    },
  ],
  [
    {
      title: "sizes that differ",
      call: () => copy.concat([[[1, 2]], [[1]]], 0),
      code: "shape",
      text: "concat: expected equal sizes in all axes but 0, received [1, 2] and [1, 1]",
    },
    {
      title: "ranks that differ",
      call: () => copy.concat([[1], [[1]]], 0),
      code: "shape",
      text: "concat: expected equal sizes",
    },
    {
      title: "nothing",
      call: () => copy.concat([], 0),
      code: "shape",
      text: "concat: expected at least one tensor, received none",
    },
    {
      title: "an axis out of range",
      call: () => copy.concat([[1], [2]], 1),
      code: "shape",
      text: "concat: expected an axis from -1 to 0, received 1",
    },
  ],
);

describeOp("stack", [
  { title: "first", apply: (a, b) => copy.stack([a, b]), inputs: two([3], [3]), shape: [2, 3] },
  { title: "last", apply: (a, b) => copy.stack([a, b], -1), inputs: two([3, 4], [3, 4]), shape: [3, 4, 2] },
  { title: "scalars", apply: (a, b) => copy.stack([a, b]), inputs: two([], []), shape: [2] },
]);
