// Which types follow from how a model was made and compiled?

import type { Callback } from "../callbacks/callback.ts";
import type { Verbosity } from "../callbacks/progress.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { LossLike } from "../losses.ts";
import type { Metric, MetricLike } from "../metrics.ts";
import type { OptimizerLike } from "../optimizers.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { DataLike } from "./data.ts";
import type { PerOutput } from "./objective.ts";
import type { ClassWeight, SampleWeight } from "./sampleWeights.ts";

/** Data for the ports of a model: one tensor for a single port, a record of them for named ones. */
export type DataFor<P> = P extends Placeholder ? TensorLike : { readonly [K in keyof P]: TensorLike };
/** Results of the ports. */
export type ResultFor<P> = P extends Placeholder ? Tensor : { readonly [K in keyof P]: Tensor };

/** The names under which metrics appear in logs. */
export type MetricNames<M> = M extends readonly (infer E)[] ? NameOf<E> : M extends object ? string : never;
type NameOf<E> = E extends string
  ? E
  : E extends Metric
    ? E["name"]
    : E extends (...args: never[]) => unknown
      ? string
      : never;

/** How a model is trained. */
export interface CompileOptions<M, W = MetricsOption> {
  /** `"adam"`, `"sgd"`, … or an optimizer object. */
  readonly optimizer: OptimizerLike;
  /** The name of a loss, a loss object, a function of ops; a record of them for named outputs. */
  readonly loss: PerOutput<LossLike>;
  /** Names of metrics, metric objects or functions of ops; a record of lists for named outputs. Default none. */
  readonly metrics?: M;
  /** Metrics in which sample weights and class weights count. */
  readonly weightedMetrics?: W;
  /** Factors of the losses of named outputs. Default 1. */
  readonly lossWeights?: Readonly<Record<string, number>>;
}

/** What `compile` takes as metrics. */
export type MetricsOption = readonly MetricLike[] | Readonly<Record<string, readonly MetricLike[]>>;

/** Batches to train on or to measure: [x, y] or [x, y, sampleWeight]. */
export type LabelledBatches<I, O = DataLike> = Dataset<readonly [I, O]> | Dataset<readonly [I, O, SampleWeight]>;
/** What models measure: arrays, or a dataset. */
export type ValidationData<I, O> = readonly [I, O] | readonly [I, O, SampleWeight] | LabelledBatches<I, O>;

/** How `fit` trains on a dataset. */
export interface DatasetFitOptions<I = DataLike, O = DataLike> {
  /** The epoch to stop before. Default 1. */
  readonly epochs?: number;
  /** The number of the first epoch, when training goes on. Default 0. */
  readonly initialEpoch?: number;
  /**
   * Batches of an epoch. Default: all of one pass over the data. The next epoch goes on where this one has stopped; data
   * that end begin again.
   */
  readonly stepsPerEpoch?: number;
  /** Measured after every epoch: [x, y], [x, y, sampleWeight], or a dataset of such batches. */
  readonly validationData?: ValidationData<I, O>;
  /** Batches of `validationData` that are measured, from its beginning. Default all. */
  readonly validationSteps?: number;
  /** Samples of `validationData`, given as arrays, that are measured at a time. Default `batchSize`. */
  readonly validationBatchSize?: number;
  /** Weight of the samples of each class, by its number; those not named weigh 1. Times `sampleWeight`. One output only. */
  readonly classWeight?: ClassWeight;
  /** What watches training, in this order; see `wasmgrad/callbacks`. Default none. */
  readonly callbacks?: readonly Callback[];
  /** Default `"auto"`: a bar in a terminal, else one line an epoch. */
  readonly verbose?: Verbosity;
  /**
   * Stops training between two steps: `fit` then rejects with `signal.reason`, after `onTrainEnd`. The model is as the
   * steps done have left it. Data that do not come are not waited for, and callbacks and what closes data only for a moment.
   */
  readonly signal?: AbortSignal;
}

/** How `fit` trains on arrays. */
export interface FitOptions<I = DataLike, O = DataLike> extends DatasetFitOptions<I, O> {
  /** Samples of one step. Default 32. The last batch of an epoch may be smaller; nothing is dropped or padded. */
  readonly batchSize?: number;
  /** A new order of the samples in every epoch. Default true. */
  readonly shuffle?: boolean;
  /** The share of the samples, from the end, that is measured instead of trained on; from 0 to 1. */
  readonly validationSplit?: number;
  /**
   * Weight of each sample in the loss and in `weightedMetrics`: [samples], or one for each step or pixel; a record of them
   * for named outputs.
   */
  readonly sampleWeight?: SampleWeight;
}

/** How `evaluate` measures a dataset. */
export interface DatasetEvaluateOptions {
  /** Batches to measure. Default all. */
  readonly steps?: number;
  /** Stops measuring: `evaluate` then rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** How `evaluate` measures arrays. */
export interface EvaluateOptions extends DatasetEvaluateOptions {
  /** Default 32. Does not change the result beyond rounding. */
  readonly batchSize?: number;
  /** Weight of each sample, as in `fit`. Default 1. */
  readonly sampleWeight?: SampleWeight;
}

/** How `predict` goes through a dataset. */
export interface DatasetPredictOptions {
  /** Batches to predict. Default all. */
  readonly steps?: number;
  /** Stops predicting: `predict` then rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** Loss and metrics by name. */
export type LogsOf<M extends string> = { readonly [K in "loss" | M]: number };

/** The logs of all epochs: one list a name, and the numbers of the epochs. */
export type History<M extends string, V extends boolean> = {
  /** The numbers of the epochs, counted from 0. */
  readonly epoch: readonly number[];
} & {
  readonly [K in "loss" | M]: readonly number[];
} & (V extends true ? { readonly [K in "loss" | M as `val${Capitalize<K>}`]: readonly number[] } : unknown);

/** Whether these options of `fit` ask for validation. */
export type Validates<F> = F extends { readonly validationData: object } | { readonly validationSplit: number }
  ? true
  : false;
