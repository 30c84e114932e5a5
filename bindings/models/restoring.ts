// How does the state in a file come back into a model that is there?

import type { Json } from "../config.ts";
import { check, show, TensorError } from "../errors.ts";
import { CHECKSUM_KEY, contentChecksum } from "../formats/checksum.ts";
import { formatName, formatVersion } from "../formats/modelFormat.ts";
import { isModest } from "../formats/modestJson.ts";
import { decodeSafetensors } from "../formats/readSafetensors.ts";
import type { StoredTensor } from "../formats/storedTensor.ts";
import { Tensor, type TensorData } from "../tensor.ts";
import type { Model } from "./model.ts";
import type { SavedState } from "./savedState.ts";
import type { Trainer } from "./trainer.ts";

/** What is in the file of a model. */
export type ModelFile = ReturnType<typeof decodeSafetensors>;
/** JSON in the metadata of a file. */
export type Written = Record<string, Json>;

/**
 * Puts the weights of a file into a model of the same topology and, when the file has them and both are compiled alike,
 * the optimizer's state, the epoch and the seed.
 * @param own the metadata of the model as it is.
 * @returns how many passes over data the model has gained by it.
 * @throws {TensorError} `shape` for a model of another topology; then nothing has changed.
 */
export function restoreModel(
  model: Model<never, unknown, string>,
  own: SavedState["metadata"],
  bytes: Uint8Array,
  where: string,
): number {
  return model.topology.withOwnNames(() => {
    const file = readFileOf(bytes, where);
    restoreWeights(where, model, own, file);
    const { compile, state } = file.metadata;
    if (compile === undefined || state === undefined || compile !== own.compile) return 0;
    const before = model.trainer.epochs;
    restoreState(where, model.trainer, parse(where, state), file.tensors);
    return model.trainer.epochs - before;
  });
}

/** Puts the weights of a file into a model. @throws {TensorError} `shape` for another model; then nothing has changed. */
export function restoreWeights(
  where: string,
  model: Model<never, unknown, string>,
  own: SavedState["metadata"],
  { tensors, metadata }: ModelFile,
): void {
  check(own.model === metadata.model, "shape", () => ({
    where,
    expected: "a model of the same layers, names and options",
    received: "another one",
    remedy: "Give the model that was sent, or one made alike.",
  }));
  const values = model.weights.map((weight) => storedValue(where, tensors, weight.name, weight.shape));
  model.weights.forEach((weight, index) => {
    weight.assign(values[index] as Tensor);
  });
}

/** The contents of the file of a model, checked but not yet understood. */
export function readFileOf(bytes: Uint8Array, where: string): ModelFile {
  const { tensors, metadata } = decodeSafetensors(bytes, where);
  if (metadata.format !== formatName || metadata.model === undefined)
    throw broken(where, "a model saved by wasmgrad", "a safetensors file of another kind");
  if (metadata.version !== formatVersion)
    throw broken(where, `version ${formatVersion} of the format`, `version ${metadata.version}`);
  if (metadata[CHECKSUM_KEY] !== contentChecksum([...tensors.values()], metadata))
    throw broken(where, "contents that match the checksum", "contents that were changed");
  return { tensors, metadata };
}

/** Puts the state of training back. */
export function restoreState(
  where: string,
  trainer: Trainer,
  state: Written,
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  const { epochs, seed, iteration, learningRate } = state;
  for (const value of [epochs, seed, iteration, learningRate])
    if (!Number.isFinite(value)) throw broken(where, "numbers as the state of training", show(value));
  trainer.epochs = Number(epochs);
  trainer.seed.assign(Tensor.of(Int32Array.of(Number(seed)), [], "int32"));
  trainer.state.iteration.assign(Tensor.of(Int32Array.of(Number(iteration)), [], "int32"));
  trainer.state.learningRate.assign(Tensor.of(Float32Array.of(Number(learningRate)), [], "float32"));
  trainer.state.writeSlots(
    trainer.state
      .readSlots()
      .map(({ name, value }) => ({ name, value: storedValue(where, tensors, `optimizer/${name}`, value.shape) })),
  );
}

/** A tensor of a file, of the shape that a weight has. @throws {TensorError} `format`. */
export function storedValue(
  where: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  shape: readonly number[],
): Tensor {
  const found = tensors.get(name);
  if (found === undefined) throw broken(where, `a tensor "${name}"`, "none");
  if (found.shape.join() !== shape.join() || found.dtype === "float64")
    throw broken(where, `"${name}" of shape [${shape.join(", ")}]`, `${found.dtype} [${found.shape.join(", ")}]`);
  return Tensor.of(found.data as TensorData, found.shape, found.dtype);
}

/** Metadata as an object. @throws {TensorError} `format`, also for more or deeper lists than a model has. */
export function parse(where: string, text: string): Written {
  if (!isModest(text)) throw broken(where, "metadata of a size and depth that a model can have", "more");
  try {
    return JSON.parse(text) as Written;
  } catch {
    throw broken(where, "metadata in JSON", "something else");
  }
}

/** The error for a file that is not what it should be. */
export function broken(where: string, expected: string, received: string, cause?: unknown): TensorError {
  const remedy = "Save the model again, or fetch an intact copy.";
  return new TensorError("format", { where, expected, received, remedy }, { cause });
}
