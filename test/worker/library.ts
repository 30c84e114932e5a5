// Which library do the tests of workers run? The built one: a worker needs its file.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Dataset } from "../../bindings/data/index.ts";
import type { Model } from "../../bindings/models/model.ts";
import type { Tensor, TensorLike } from "../../bindings/tensor.ts";
import type { WorkerModel } from "../../bindings/worker/index.ts";

type Library = typeof import("../../bindings/index.ts");
type DataLibrary = typeof import("../../bindings/data/index.ts");
type WorkerLibrary = typeof import("../../bindings/worker/index.ts");

const dist = new URL("../../dist/node/", import.meta.url);

/** The entry `wasmgrad` as Node gets it. */
export const wasmgrad: Library = await import(/* @vite-ignore */ new URL("index.js", dist).href);
/** The entry `wasmgrad/data` as Node gets it. */
export const data: DataLibrary = await import(/* @vite-ignore */ new URL("data/index.js", dist).href);
/** The entry `wasmgrad/worker` as Node gets it. */
export const worker: WorkerLibrary = await import(/* @vite-ignore */ new URL("worker/index.js", dist).href);

/** A script for a worker or a process of its own, which imports the built library. @returns its file. */
export function scriptURL(name: string): URL {
  return new URL(`./${name}`, import.meta.url);
}

/** The source of a file of `dist` that browsers get. */
export function distSource(name: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../dist/${name}`, import.meta.url)), "utf8");
}

/** The TensorError of the built library that a call throws or rejects with. */
export async function errorOf(call: () => unknown): Promise<InstanceType<typeof wasmgrad.TensorError>> {
  try {
    await call();
  } catch (error) {
    if (error instanceof wasmgrad.TensorError) return error;
    throw error;
  }
  throw new Error("no error");
}

/** Samples around one centre for each of three classes, six features, with integer labels. */
export function samples(rows: number): {
  readonly x: Tensor;
  readonly y: Tensor;
} {
  let state = 12345;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const x = new Float32Array(rows * 6);
  const y = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const label = Math.floor(next() * 3);
    y[row] = label;
    for (let feature = 0; feature < 6; feature++) x[row * 6 + feature] = next() * 2 - 1 + (feature === label ? 1.5 : 0);
  }
  return { x: wasmgrad.tensor(x, [rows, 6]), y: wasmgrad.tensor(y) };
}

/** A compiled classifier with dropout; the same weights every time for the same seed. */
export function classifier(seed = 11): Model<TensorLike, Tensor, "accuracy"> {
  const { layers, sequential, setSeed } = wasmgrad;
  setSeed(seed);
  const model = sequential([
    layers.dense({ units: 17, activation: "tanh", inputShape: [6] }),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 3, activation: "softmax" }),
  ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  // The key of its random numbers is drawn now, before another model draws one.
  void model.trainer;
  return model;
}

export type Remote = WorkerModel<TensorLike, Tensor, "accuracy">;
/** `model` in a worker, which ends with the test. */
export async function sent(model: Model<TensorLike, Tensor, "accuracy"> = classifier()): Promise<Remote> {
  const remote = await worker.modelInWorker(model);
  onTestFinished(() => remote.stop());
  return remote;
}

export type Labelled = Dataset<readonly [Tensor, Tensor]>;

/** A dataset of `count` batches that writes down what is made of it, and that its passes end. */
export function watched(
  count: number,
  batch: (step: number) => unknown,
): {
  readonly dataset: Labelled;
  readonly seen: { readonly made: number; readonly opened: number; readonly closed: number };
} {
  const seen = { made: 0, opened: 0, closed: 0 };
  const dataset = data.generator(async function* () {
    seen.opened++;
    try {
      for (let step = 0; step < count; step++) {
        seen.made++;
        yield batch(step);
      }
    } finally {
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.closed++;
    }
  });
  return { seen, dataset: dataset as Labelled };
}
