// What do the training tests train? Small networks on small, seeded problems.

import { expect } from "vitest";
import * as layers from "../../bindings/layers/index.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import type { OptimizerLike } from "../../bindings/optimizers.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, type TensorLike, tensor } from "../../bindings/tensor.ts";
import { floats, generator } from "../harness/random.ts";

export const features = 6;
export const classes = 3;

/** Samples around one centre for each class, with integer labels. */
export function samples(rows: number, seed = 1): { readonly x: Tensor; readonly y: Tensor } {
  const next = generator(seed);
  const x = floats(next, rows * features, { low: -1, high: 1 });
  const y = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const label = Math.floor(next() * classes);
    y[row] = label;
    x[row * features + label] = (x[row * features + label] as number) + 1.5;
  }
  return { x: tensor(x, [rows, features]), y: tensor(y) };
}

/** What {@link classifier} may be told. */
export interface ClassifierOptions {
  readonly optimizer?: OptimizerLike;
  /** Share that is dropped out. Default 0.25. */
  readonly rate?: number;
  readonly seed?: number;
}

/** A compiled classifier with dropout; the same weights for the same seed. */
export function classifier(options: ClassifierOptions = {}): Model<TensorLike, Tensor, "accuracy"> {
  setSeed(options.seed ?? 11);
  const model = sequential([
    layers.dense({ units: 17, activation: "tanh", inputShape: [features] }),
    layers.dropout({ rate: options.rate ?? 0.25 }),
    layers.dense({ units: classes, activation: "softmax" }),
  ]);
  const compiled = model.compile({
    optimizer: options.optimizer ?? "adam",
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });
  // The key of its random numbers is drawn with the state of the optimizer: now, before another model draws one.
  expect(compiled.trainer.epochs).toBe(0);
  return compiled;
}

/** Rows of a tensor in another order. */
export function rowsOf(data: Tensor, order: readonly number[]): Tensor {
  const stride = data.size / (data.shape[0] as number);
  const copy = data.slice(0, order.length);
  order.forEach((row, index) => {
    copy.data.set(data.data.subarray(row * stride, (row + 1) * stride), index * stride);
  });
  return copy;
}
