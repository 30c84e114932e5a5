// What of a model goes into a file? Weights, optimizer slots, and how to build it all again: taken in one go, so that
// nothing that happens while it is written can change it.

import { checkOptionNames, type Json } from "../config.ts";
import { check, TensorError } from "../errors.ts";
import { formatName, formatVersion } from "../formats/modelFormat.ts";
import type { StoredTensor } from "../formats/storedTensor.ts";
import { checkFlag } from "../graph.ts";
import { type LossLike, lossFromConfig, resolveLoss } from "../losses.ts";
import { type MetricLike, resolveMetric } from "../metrics.ts";
import { optimizerFromConfig } from "../optimizers.ts";
import type { Tensor } from "../tensor.ts";
import type { Model } from "./model.ts";
import { serializeLayer } from "./serialize.ts";
import type { Trainer } from "./trainer.ts";
import type { CompileOptions, MetricsOption } from "./types.ts";

type AnyModel = Model<never, unknown, string>;
type Written = Record<string, Json>;

/** What `model.save` leaves out. */
export interface SaveOptions {
  /** Write optimizer, loss, metrics, optimizer slots, epoch and seed too, so that training can go on. Default true. */
  readonly includeOptimizer?: boolean;
}

/** The contents of a file, but for the checksum. */
export interface SavedState {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The state of a model now. Weights have their paths in this model, whatever other models they belong to.
 * @throws {TensorError} `unsupported` for what a file cannot hold, such as losses that are functions; `state` when other
 *   weights are trainable than the optimizer knows.
 */
export function savedState(model: AnyModel, options: SaveOptions = {}): SavedState {
  const where = `${model.name}.save`;
  checkOptionNames(where, options, ["includeOptimizer"]);
  checkFlag(where, "includeOptimizer", options.includeOptimizer ?? true);
  return model.topology.withOwnNames(() => {
    const compiled = options.includeOptimizer === false ? undefined : model.compileOptions;
    const tensors = model.weights.map((weight) => stored(weight.name, weight.value));
    const metadata: Record<string, string> = {
      format: formatName,
      version: formatVersion,
      model: JSON.stringify(serializeLayer(model)),
    };
    if (compiled === undefined) return { tensors, metadata };
    const { trainer } = model;
    check(trainer.trains(model.trainableWeights), "state", () => ({
      where,
      expected: "the weights to be trainable that were so when the model was compiled",
      received: "others",
      remedy: "Compile again after changing `trainable`, or save with { includeOptimizer: false }.",
    }));
    metadata.compile = JSON.stringify(writeCompileOptions(model.name, compiled, trainer));
    return withTraining({ tensors, metadata }, trainer);
  });
}

/** The state of a model without what training has made: weights, and how to build it. */
export function builtState(model: AnyModel): SavedState {
  return savedState(model, { includeOptimizer: false });
}

/** A state with what training has made beside weights: its counters, and the optimizer's slots. */
export function withTraining({ tensors, metadata }: SavedState, trainer: Trainer): SavedState {
  const state = {
    epochs: trainer.epochs,
    seed: trainer.seed.value.item(),
    iteration: trainer.state.iteration.value.item(),
    learningRate: trainer.state.learningRate.value.item(),
  };
  const slots = trainer.state.readSlots().map(({ name, value }) => stored(`optimizer/${name}`, value));
  return { tensors: [...tensors, ...slots], metadata: { ...metadata, state: JSON.stringify(state) } };
}

/** All of the state that a file can hold: without the optimizer where that cannot be described. */
export function savedWhatCanBe(model: AnyModel): SavedState {
  try {
    return savedState(model);
  } catch (cause) {
    if (!(cause instanceof TensorError) || cause.code !== "unsupported") throw cause;
    return builtState(model);
  }
}

function writeCompileOptions(name: string, options: CompileOptions<MetricsOption>, trainer: Trainer): Written {
  const where = `${name}.save`;
  const { optimizer } = trainer;
  const eachOutput = <T>(given: unknown, write: (value: T) => Json): Json =>
    isPlainRecord(given)
      ? Object.fromEntries(Object.entries(given as object).map(([output, value]) => [output, write(value as T)]))
      : write(given as T);
  const written = (metrics: readonly MetricLike[]): Json =>
    metrics.map((metric) => {
      if (typeof metric === "string") return resolveMetric(metric, where).name;
      refuse(where, "metric", typeof metric === "function");
      const { className, config } = resolveMetric(metric, where);
      // Those of defineMetric have no class.
      refuse(where, "metric", className === "");
      return { class_name: className, config };
    });
  refuse(where, "optimizer", !succeeds(() => optimizerFromConfig(optimizer.className, optimizer.getConfig())));
  return {
    optimizer: { class_name: optimizer.className, config: optimizer.getConfig() },
    loss: eachOutput(options.loss, (loss: LossLike) => {
      refuse(where, "loss", typeof loss === "function");
      const { className, config } = resolveLoss(loss, where);
      refuse(where, "loss", !succeeds(() => lossFromConfig(className, config)));
      return { class_name: className, config };
    }),
    metrics: eachOutput(options.metrics ?? [], written),
    ...(options.weightedMetrics === undefined
      ? {}
      : { weighted_metrics: eachOutput(options.weightedMetrics, written) }),
    loss_weights: { ...options.lossWeights },
  };
}

function refuse(where: string, what: string, refused: boolean): void {
  check(!refused, "unsupported", () => ({
    where,
    expected: `${what === "optimizer" ? "an" : "a"} ${what} that a name and options describe`,
    received: "a function or an object of your own, which a file cannot hold",
    remedy: "Save with { includeOptimizer: false } and compile again after loading.",
  }));
}

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

function isPlainRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("className" in value);
}

function stored(name: string, value: Tensor): StoredTensor {
  return { name, dtype: value.dtype, shape: value.shape, data: value.data };
}
