// How does a model come back from a file?

import { isSerialized, type Json, type SerializedObject } from "../config.ts";
import { check, show, TensorError } from "../errors.ts";
import type { StoredTensor } from "../formats/storedTensor.ts";
import { type StoredWeights, withStoredWeights } from "../layers/layer.ts";
import { lossFromConfig } from "../losses.ts";
import { type Metric, metricFromConfig } from "../metrics.ts";
import { optimizerFromConfig, resolveOptimizer } from "../optimizers.ts";
import { readFile } from "../platform/files.ts";
import { zeros } from "../tensor.ts";
import { modelFromConfig } from "./fromConfig.ts";
import type { Model } from "./model.ts";
import { broken, parse, readFileOf, restoreState, storedValue, type Written } from "./restoring.ts";
import type { CompileOptions, MetricsOption } from "./types.ts";

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

function build(
  where: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Model {
  const { class_name, config } = parse(where, metadata.model ?? "") as { class_name: string; config: Written };
  const model = withStoredWeights(
    placesIn(where, tensors),
    () => modelFromConfig(class_name, config) as unknown as Model<never, unknown, string>,
  );
  for (const weight of model.weights) weight.assign(storedValue(where, tensors, weight.name, weight.shape));
  if (metadata.compile !== undefined && metadata.state !== undefined) {
    model.compile(readCompileOptions(where, parse(where, metadata.compile)));
    restoreState(where, model.trainer, parse(where, metadata.state), tensors);
  }
  return model as unknown as Model;
}

/**
 * Zeros in place of weights, as long as the file has tensors of their shapes: one for each. What a model declares beyond its
 * file is refused before it costs anything; which tensor belongs to which weight shows when all have their names.
 */
function placesIn(where: string, tensors: ReadonlyMap<string, StoredTensor>): StoredWeights {
  const left = new Map<string, number>();
  for (const { shape } of tensors.values()) left.set(shape.join(), (left.get(shape.join()) ?? 0) + 1);
  return (name, shape, dtype) => {
    const count = left.get(shape.join()) ?? 0;
    if (count === 0) throw broken(where, `a tensor of shape [${shape.join(", ")}] for "${name}"`, "none");
    left.set(shape.join(), count - 1);
    return zeros(shape, dtype);
  };
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
