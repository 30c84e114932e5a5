// Are tensors of every dtype repeated along the axes that they lack?

import * as map from "../../bindings/ops/map.ts";
import { describeOp, type OpCase } from "../harness/describeOp.ts";

describeOp(
  "broadcastTo",
  [
    { title: "from a scalar", apply: (x) => map.broadcastTo(x, [3, 5]), inputs: [{ shape: [] }], shape: [3, 5] },
    { title: "along rows", apply: (x) => map.broadcastTo(x, [5, 130]), inputs: [{ shape: [130] }], shape: [5, 130] },
    {
      title: "along columns",
      apply: (x) => map.broadcastTo(x, [5, 130]),
      inputs: [{ shape: [5, 1] }],
      shape: [5, 130],
    },
    {
      title: "alternately, rank 6",
      apply: (x) => map.broadcastTo(x, [2, 3, 2, 3, 2, 3]),
      inputs: [{ shape: [2, 1, 2, 1, 2, 1] }],
      shape: [2, 3, 2, 3, 2, 3],
    },
    {
      title: "of bool",
      apply: (x) => map.broadcastTo(x, [4, 3]),
      inputs: [{ shape: [4, 1], dtype: "bool" }],
      shape: [4, 3],
      dtype: "bool",
    },
    {
      title: "of uint8",
      apply: (x) => map.broadcastTo(x, [9, 3]),
      inputs: [{ shape: [3], dtype: "uint8" }],
      shape: [9, 3],
      dtype: "uint8",
    },
    {
      title: "of int32",
      apply: (x) => map.broadcastTo(x, [600]),
      inputs: [{ shape: [1], dtype: "int32" }],
      shape: [600],
      dtype: "int32",
    },
    { title: "full", apply: (x) => map.add(map.full([2, 3], 7), x), inputs: [{ shape: [3] }], shape: [2, 3] },
  ] satisfies OpCase[],
  [
    {
      title: "a size that is not 1",
      call: () => map.broadcastTo([1, 2], [3]),
      code: "shape",
      text: "broadcastTo: expected a shape that broadcasts to [3], received [2]",
    },
    {
      title: "a lower rank",
      call: () => map.broadcastTo([[1]], [3]),
      code: "shape",
      text: "broadcastTo: expected a shape that broadcasts to [3]",
    },
  ],
);
