// What can watch a training run, and what can it do to the model?

import type { SaveOptions } from "../models/savedState.ts";
import type { Tensor } from "../tensor.ts";

/** Losses and metrics by name; those of the validation data begin with `val`. */
export type Logs = Readonly<Record<string, number>>;

/** What is known before the first epoch. */
export interface TrainingInfo {
  /** The epoch to stop before. */
  readonly epochs: number;
  /** The number of the first epoch. */
  readonly initialEpoch: number;
  /** Steps of one epoch; undefined for a dataset of unknown length. */
  readonly steps: number | undefined;
  /** Samples of a step; of the first batch for a dataset. */
  readonly batchSize: number;
  /** Samples of one epoch; undefined for a dataset. */
  readonly samples: number | undefined;
}

/** How far a pass over data has come. */
export interface Progress {
  /** `"test"` while validation data are measured. */
  readonly mode: "train" | "test";
  /** Steps done. */
  readonly done: number;
  /** Steps of the whole pass; undefined for a dataset of unknown length. */
  readonly total: number | undefined;
  /** The averages so far; reading them costs a few microseconds. */
  readonly logs: () => Logs;
}

/** A step that made a number of the model infinite or NaN. */
export interface NonFiniteFault {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** The step within the epoch, from 0. */
  readonly batch: number;
  /** Path of the layer that first wrote such a number, as `model.explain()` names it. */
  readonly layer: string;
  /** The operation in that layer, as `model.explain()` names it. */
  readonly op: string;
  /** Index of the instruction in `model.explain({ mode: "train" })`. */
  readonly instruction: number;
  /** What it wrote: NaN, Infinity or -Infinity, as text. */
  readonly value: string;
}

/**
 * The model as callbacks have it, here or in a worker. What it returns must be waited for; it can be used while `fit`
 * waits for the callback.
 */
export interface ModelInTraining {
  /** The name of the model, with which messages begin. */
  readonly name: string;
  /** The values of all weights, copied, layer by layer. */
  getWeights(): Promise<Tensor[]>;
  /** Replaces them. @throws {TensorError} `shape`. */
  setWeights(values: readonly Tensor[]): Promise<void>;
  /** The model as one safetensors file, as `model.save` makes it. */
  save(options?: SaveOptions): Promise<Uint8Array>;
  /**
   * Puts back what {@link save} gave: weights, and for a model that is compiled alike optimizer, epoch and seed.
   * @returns how many passes over data the model has gained by it; 0 when only weights were put back.
   * @throws {TensorError} `shape` for another model.
   */
  restore(bytes: Uint8Array): Promise<number>;
  /**
   * Puts the running averages where the weights are, or back; training must go on with the weights.
   * @throws {TensorError} `state` for an optimizer without `useEma`.
   */
  useAverages(use: boolean): Promise<void>;
  /** The learning rate now. */
  getLearningRate(): Promise<number>;
  /** Changes the rate from the next step on. @throws {TensorError} `option` below 0; `unsupported` with a schedule. */
  setLearningRate(rate: number): Promise<void>;
  /** Ends training after this step, or after this epoch between two of them. The epoch ends as it would: validated, logged. */
  stopTraining(): void;
  /**
   * All that training needs to go on from here: what {@link save} writes, the sums of the epoch under way, and which
   * batches were taken. Losses and metrics may be functions.
   */
  backUp(): Promise<Uint8Array>;
  /**
   * Goes on where {@link backUp} was called, with the same bits where `fit` has the same data and options; only in
   * `onTrainBegin`.
   * @returns the epoch with which training begins.
   * @throws {TensorError} `state` later, for a model compiled otherwise, or for other batches; `shape` for another model.
   */
  resume(bytes: Uint8Array): Promise<number>;
}

/**
 * Watches `fit`. All functions are optional; those that return a promise are waited for, except `onProgress`.
 * `onBatchEnd` makes every step a call of its own and costs speed; `onProgress` comes every few milliseconds.
 */
export interface Callback {
  /** Before the first epoch, when the data have been checked. */
  readonly onTrainBegin?: (info: TrainingInfo, model: ModelInTraining) => void | Promise<void>;
  /** The end, also one by an AbortSignal, but not one by an error. */
  readonly onTrainEnd?: () => void | Promise<void>;
  /** Before the first step of an epoch; epochs are counted from 0. */
  readonly onEpochBegin?: (epoch: number) => void | Promise<void>;
  /** After an epoch: the averages of its steps, and the numbers of the validation data. */
  readonly onEpochEnd?: (epoch: number, logs: Logs) => void | Promise<void>;
  /** Before the validation data are measured, at the end of an epoch. */
  readonly onTestBegin?: () => void | Promise<void>;
  /** After the validation data were measured. */
  readonly onTestEnd?: () => void | Promise<void>;
  /** After a step of training: its number in the epoch, from 0, and the averages of the epoch so far. */
  readonly onBatchEnd?: (batch: number, logs: Logs) => void | Promise<void>;
  /** Every few milliseconds while training or measuring, and at the end of each pass. It is not waited for. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * A step made the loss or a weight infinite or NaN. The model is as it was before that step; training ends. Having it
   * makes `fit` keep a copy of the state every few milliseconds.
   */
  readonly onNonFinite?: (fault: NonFiniteFault) => void | Promise<void>;
}

/** The names of the functions of a {@link Callback}. */
export const callbackEvents: readonly (keyof Callback)[] = [
  "onTrainBegin",
  "onTrainEnd",
  "onEpochBegin",
  "onEpochEnd",
  "onTestBegin",
  "onTestEnd",
  "onBatchEnd",
  "onProgress",
  "onNonFinite",
];
