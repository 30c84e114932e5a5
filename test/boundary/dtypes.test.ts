// A dtype is one of four, wherever one is named; another is refused with their list, and no bytes come of it.

import { describe, expect, test } from "vitest";
import { withTrace } from "../../bindings/graph.ts";
import { input } from "../../bindings/layers/core.ts";
import { layerFromConfig } from "../../bindings/layers/fromConfig.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer } from "../../bindings/layers/layer.ts";
import * as ops from "../../bindings/ops/index.ts";
import * as random from "../../bindings/random.ts";
import { Tensor, tensor, zeros } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { caught } from "../models/refusal.ts";

const unknown: readonly unknown[] = [
  "float64",
  "float16",
  "int64",
  "Float32",
  "",
  "toString",
  "__proto__",
  null,
  5,
  {},
  ["float32"],
];

type Any = never;
const places: Readonly<Record<string, (dtype: Any) => unknown>> = {
  tensor: (dtype) => tensor([300.7, -1], undefined, dtype),
  "tensor of a tensor": (dtype) => tensor(tensor([1, 2]), [1, 2], dtype),
  "Tensor.of": (dtype) => Tensor.of(new Uint8Array(2), [2], dtype),
  zeros: (dtype) => zeros([2], dtype),
  "ops.zeros": (dtype) => ops.zeros([2], dtype),
  "ops.ones": (dtype) => ops.ones([2], dtype),
  "ops.full": (dtype) => ops.full([2], 3, dtype),
  "ops.eye": (dtype) => ops.eye(2, 2, 0, dtype),
  "ops.tri": (dtype) => ops.tri(2, 2, 0, dtype),
  "ops.arange": (dtype) => ops.arange(0, 3, 1, dtype),
  "ops.cast": (dtype) => ops.cast([1, 2], dtype),
  "ops.cast of symbols": (dtype) => withTrace(() => ops.cast(random.uniform([2]), dtype)),
  "ops.zerosLike": (dtype) => ops.zerosLike({ shape: [2], dtype } as Any),
  input: (dtype) => input({ shape: [2], dtype }),
  inputLayer: (dtype) => layers.inputLayer({ shape: [2], dtype } as Any),
  inputDtype: (dtype) => layers.dense({ units: 1, inputShape: [2], inputDtype: dtype }),
  "a weight of a layer": (dtype) => {
    const initializer = { className: "", config: {}, create: (shape: readonly number[]) => zeros(shape) };
    const weights = (): { w: { shape: number[]; initializer: typeof initializer; dtype: Any } } => ({
      w: { shape: [2], initializer, dtype },
    });
    const own = defineLayer({ className: "Own", fields: {}, inputs: "one", weights, call: (x) => x });
    return own().apply([[1, 2]]);
  },
  "a variable": (dtype) => new Variable("w", { ...zeros([2]), dtype } as Any),
};

describe("an unknown dtype", () => {
  test.each(Object.entries(places))("%s", async (_, make) => {
    for (const dtype of unknown) {
      const error = await caught(() => make(dtype as Any));
      expect(error.message, String(error)).toMatch(/float32.*int32.*uint8.*bool|a tensor/);
    }
  });

  test("of a layer's configuration", async () => {
    for (const dtype of ["float64", "float16", 5])
      await caught(() => layerFromConfig("Dense", { units: 1, dtype: dtype as Any }));
  });
});
