// Which models, saved as programs, have every instruction that such a program can hold, in every way that it is used?

import type { SymbolicTensor } from "../../bindings/graph.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer, type Layer } from "../../bindings/layers/layer.ts";
import { model } from "../../bindings/models/functional.ts";
import type { Model } from "../../bindings/models/model.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { concat, pad, slice, transpose } from "../../bindings/ops/copy.ts";
import { gather } from "../../bindings/ops/gather.ts";
import { cast, greater, where } from "../../bindings/ops/map.ts";
import { matMul } from "../../bindings/ops/matMul.ts";
import { argMax, max, product, sum } from "../../bindings/ops/reduce.ts";
import { logSoftmax } from "../../bindings/ops/softmax.ts";
import { argSort, sort } from "../../bindings/ops/sort.ts";
import { setSeed } from "../../bindings/seed.ts";
import { arrayType, type DType, type Shape, sizeOf, Tensor } from "../../bindings/tensor.ts";

/** A model, and an x of so many samples for it. */
export interface Subject {
  readonly trained: Model;
  readonly x: unknown;
}

/** Numbers that are the same each time: integers below 3 for dtypes that hold such, else from −1 to 1. */
function numbers(shape: Shape, dtype: DType): Tensor {
  const data = new (arrayType(dtype))(sizeOf(shape));
  for (let index = 0; index < data.length; index++)
    data[index] = dtype === "float32" ? ((index * 37) % 101) / 50 - 1 : (index * 7) % (dtype === "bool" ? 2 : 3);
  return Tensor.of(data, shape, dtype);
}

/** A layer of `body` alone. */
const custom = (body: (x: SymbolicTensor) => SymbolicTensor): Layer =>
  defineLayer({ className: "Custom", fields: {}, inputs: "one", call: (x) => body(x as SymbolicTensor) })({});

const flat = (sample: Shape, dtype: DType, ...stack: Layer[]): Model =>
  sequential([layers.inputLayer({ shape: [...sample], dtype }), ...stack] as never) as unknown as Model;

const makers: Readonly<Record<string, { sample: Shape; dtype?: DType; make: (sample: Shape, dtype: DType) => Model }>> =
  {
    dense: {
      sample: [5, 7],
      make: (sample, dtype) =>
        flat(
          sample,
          dtype,
          layers.flatten(),
          layers.dense({ units: 33, activation: "relu" }),
          layers.dense({ units: 17, activation: "tanh" }),
          layers.dense({ units: 12, activation: "gelu" }),
          layers.dense({ units: 10, activation: "softmax" }),
        ),
    },
    convolutional: {
      sample: [9, 8, 3],
      make: (sample, dtype) =>
        flat(
          sample,
          dtype,
          layers.conv2D({ filters: 9, kernelSize: 3, activation: "relu" }),
          layers.batchNormalization(),
          layers.maxPooling2D({ poolSize: 2 }),
          layers.conv2D({ filters: 18, kernelSize: [3, 2], padding: "same", dilationRate: 2, activation: "sigmoid" }),
          layers.averagePooling2D({ poolSize: 3, strides: 1, padding: "same" }),
          layers.globalAveragePooling2D(),
          layers.dense({ units: 4, activation: "softmax" }),
        ),
    },
    depthwise: {
      sample: [8, 9, 8],
      make: (sample, dtype) =>
        flat(
          sample,
          dtype,
          layers.depthwiseConv2D({ kernelSize: 3, padding: "same", activation: "relu" }),
          layers.batchNormalization(),
          layers.depthwiseConv2D({ kernelSize: 3, strides: 2 }),
          layers.depthwiseConv2D({ kernelSize: 2, activation: "tanh" }),
          layers.maxPooling2D({ poolSize: 2 }),
          layers.flatten(),
          layers.dense({ units: 3 }),
        ),
    },
    narrow: {
      sample: [12, 4],
      make: (sample, dtype) =>
        flat(
          sample,
          dtype,
          layers.conv1D({ filters: 2, kernelSize: 3, padding: "causal" }),
          layers.conv1DTranspose({ filters: 6, kernelSize: 3, strides: 2 }),
          layers.conv1D({ filters: 4, kernelSize: 2, groups: 2, activation: "relu6" }),
          layers.maxPooling1D({ poolSize: 3, strides: 2 }),
          layers.separableConv1D({ filters: 5, kernelSize: 2 }),
          layers.flatten(),
          layers.layerNormalization(),
          layers.dense({ units: 1 }),
        ),
    },
    moved: {
      sample: [4, 6],
      make: (sample, dtype) =>
        flat(
          sample,
          dtype,
          custom((x) => {
            const turned = transpose(x, [0, 2, 1]);
            const products = matMul(x, turned);
            const more = matMul(turned, x);
            const padded = pad(products, [
              [0, 0],
              [1, 2],
              [0, 1],
            ]);
            const piece = slice(more, [0, 1, 2], [-1, 4, 3]);
            return concat([slice(padded, [0, 1, 0], [-1, 4, 5]), piece, slice(x, [0, 0, 0], [-1, 4, 3])], 2);
          }),
          custom((x) => sort(x, 1)),
          custom((x) => logSoftmax(x, 1)),
          layers.flatten(),
          layers.dense({ units: 3 }),
        ),
    },
    counted: {
      sample: [30],
      dtype: "int32",
      make: (sample, dtype) =>
        flat(
          sample,
          dtype,
          custom((x) => {
            const table = Tensor.of(
              Float32Array.from({ length: 21 }, (_, index) => index / 7),
              [3, 7],
              "float32",
            );
            const rows = gather(table, x);
            const order = cast(argSort(x, 1, true), "float32");
            const best = cast(argMax(rows, 2), "float32");
            const most = where(greater(x, 1), sum(rows, 2), max(rows, 2));
            return concat([order, best, most, product(rows, 2), cast(x, "float32")], 1);
          }),
          layers.dense({ units: 2 }),
        ),
    },
    bytes: {
      sample: [6, 5],
      dtype: "uint8",
      make: (sample, dtype) =>
        flat(sample, dtype, layers.rescaling({ scale: 1 / 255 }), layers.flatten(), layers.dense({ units: 3 })),
    },
  };

/** The names of all. */
export const subjectNames: readonly string[] = [...Object.keys(makers), "branches"];

/** The model of that name, always with the same weights, and `samples` samples for it. */
export function subject(name: string, samples: number): Subject {
  setSeed(11);
  if (name === "branches") {
    const inputs = { left: input({ shape: [4] }), right: input({ shape: [4] }) };
    const shared = layers.dense({ units: 3, activation: "elu" });
    const difference = layers.subtract().apply([shared.apply(inputs.left), shared.apply(inputs.right)]);
    const outputs = { difference, copy: layers.reshape({ targetShape: [2, 2] }).apply(inputs.right) };
    const trained = model({ inputs, outputs, name: "siamese" }) as unknown as Model;
    return { trained, x: { left: numbers([samples, 4], "float32"), right: numbers([samples, 4], "float32") } };
  }
  const { sample, dtype = "float32", make } = makers[name] as (typeof makers)[string];
  return { trained: make(sample, dtype), x: numbers([samples, ...sample], dtype) };
}

/** The bytes of the saved program of that name. */
export function savedSubject(name: string, batchSizes: readonly number[]): Promise<Uint8Array> {
  return saveProgram(subject(name, 1).trained as never, undefined, { batchSizes });
}
