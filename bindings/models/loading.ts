// How does a model come back from a file?

import { isSerialized, type Json, type SerializedObject } from "../config.ts";
import { check, show, TensorError } from "../errors.ts";
import { CHECKSUM_KEY, contentChecksum } from "../formats/checksum.ts";
import { decodeSafetensors } from "../formats/readSafetensors.ts";
import type { StoredTensor } from "../formats/storedTensor.ts";
import { lossFromConfig } from "../losses.ts";
import { type Metric, metricFromConfig } from "../metrics.ts";
import { optimizerFromConfig, resolveOptimizer } from "../optimizers.ts";
import { readFile } from "../platform/files.ts";
import { Tensor, type TensorData } from "../tensor.ts";
import { modelFromConfig } from "./fromConfig.ts";
import type { Model } from "./model.ts";
import { formatName, formatVersion, savedWhatCanBe } from "./savedState.ts";
import type { Trainer } from "./trainer.ts";
import type { CompileOptions, MetricsOption } from "./types.ts";

type Written = Record<string, Json>;

/**
 * The model in a file: built, with its weights and, when they were saved, its optimizer's state.
 * @param source path of a file, or its bytes.
 * @throws {TensorError} `data` when the file cannot be read, `format` when it is damaged, incomplete or no model.
 */
export async function loadModel(source: string | Uint8Array | ArrayBuffer): Promise<Model> {
  const where = typeof source === "string" ? source : "loadModel";
  check(typeof source === "string" || source instanceof Uint8Array || source instanceof ArrayBuffer, "option", () => ({
    where: "loadModel",
    expected: "a path, a Uint8Array or an ArrayBuffer",
    received: show(source),
  }));
  const bytes =
    typeof source === "string"
      ? await readFile(source)
      : source instanceof ArrayBuffer
        ? new Uint8Array(source)
        : source;
  return decodeModel(bytes, where);
}

/** The model in the bytes of a file; see {@link loadModel}. */
export function decodeModel(bytes: Uint8Array, where: string): Model {
  const { tensors, metadata } = readFileOf(bytes, where);
  try {
    return build(where, tensors, metadata);
  } catch (cause) {
    if (cause instanceof TensorError) throw cause;
    throw broken(where, "the description of a model", "one that cannot be read", cause);
  }
}

/**
 * Puts the weights of a file into a model of the same topology and, when the file has them and both are compiled alike,
 * the optimizer's state, the epoch and the seed.
 * @throws {TensorError} `shape` for a model of another topology; then nothing has changed.
 */
export function restoreModel(model: Model<never, unknown, string>, bytes: Uint8Array, where: string): void {
  model.topology.withOwnNames(() => {
    const own = savedWhatCanBe(model).metadata;
    const file = readFileOf(bytes, where);
    check(own.model === file.metadata.model, "shape", () => ({
      where,
      expected: "a model of the same layers, names and options",
      received: "another one",
      remedy: "Give the model that was sent, or one made alike.",
    }));
    const values = model.weights.map((weight) => storedValue(where, file.tensors, weight.name, weight.shape));
    model.weights.forEach((weight, index) => {
      weight.assign(values[index] as Tensor);
    });
    const { compile, state } = file.metadata;
    if (compile !== undefined && state !== undefined && compile === own.compile)
      restoreState(where, model.trainer, parse(where, state), file.tensors);
  });
}

/** The contents of the file of a model, checked but not yet understood. */
function readFileOf(bytes: Uint8Array, where: string): ReturnType<typeof decodeSafetensors> {
  const { tensors, metadata } = decodeSafetensors(bytes, where);
  if (metadata.format !== formatName || metadata.model === undefined)
    throw broken(where, "a model saved by wasmgrad", "a safetensors file of another kind");
  if (metadata.version !== formatVersion)
    throw broken(where, `version ${formatVersion} of the format`, `version ${metadata.version}`);
  if (metadata[CHECKSUM_KEY] !== contentChecksum([...tensors.values()], metadata))
    throw broken(where, "contents that match the checksum", "contents that were changed");
  return { tensors, metadata };
}

function build(
  where: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Model {
  const { class_name, config } = parse(where, metadata.model ?? "") as { class_name: string; config: Written };
  const model = modelFromConfig(class_name, config) as unknown as Model<never, unknown, string>;
  for (const weight of model.weights) weight.assign(storedValue(where, tensors, weight.name, weight.shape));
  if (metadata.compile !== undefined && metadata.state !== undefined) {
    model.compile(readCompileOptions(where, parse(where, metadata.compile)));
    restoreState(where, model.trainer, parse(where, metadata.state), tensors);
  }
  return model as unknown as Model;
}

function restoreState(
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

// Compile options -----------------------------------------------------------------------------------------------------

function readCompileOptions(where: string, written: Written): CompileOptions<MetricsOption> {
  const optimizer = written.optimizer as unknown as SerializedObject;
  const loss = (value: Json): ReturnType<typeof lossFromConfig> => {
    const { class_name, config } = value as unknown as SerializedObject;
    return lossFromConfig(class_name, config);
  };
  const metrics = (value: Json): (string | Metric)[] =>
    (value as Json[]).map((each) =>
      isSerialized(each) ? metricFromConfig(each.class_name, each.config) : String(each),
    );
  const eachOutput = <T>(
    value: Json,
    single: (value: Json) => boolean,
    read: (value: Json) => T,
  ): T | Record<string, T> =>
    single(value)
      ? read(value)
      : Object.fromEntries(Object.entries(value as Written).map(([output, each]) => [output, read(each)]));
  if (optimizer?.class_name === undefined) throw broken(where, "compile options", "something else");
  return {
    optimizer: resolveOptimizer(optimizerFromConfig(optimizer.class_name, optimizer.config), where),
    loss: eachOutput(written.loss as Json, (value) => "class_name" in (value as Written), loss),
    metrics: eachOutput(written.metrics as Json, Array.isArray, metrics) as MetricsOption,
    ...(written.weighted_metrics === undefined
      ? {}
      : { weightedMetrics: eachOutput(written.weighted_metrics, Array.isArray, metrics) as MetricsOption }),
    ...(Object.keys(written.loss_weights as Written).length === 0
      ? {}
      : { lossWeights: written.loss_weights as Record<string, number> }),
  };
}

// Tensors -------------------------------------------------------------------------------------------------------------

function storedValue(
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

function parse(where: string, text: string): Written {
  try {
    return JSON.parse(text) as Written;
  } catch {
    throw broken(where, "metadata in JSON", "something else");
  }
}

function broken(where: string, expected: string, received: string, cause?: unknown): TensorError {
  const remedy = "Save the model again, or fetch an intact copy.";
  return new TensorError("format", { where, expected, received, remedy }, { cause });
}
