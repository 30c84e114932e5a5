// What can be done with a model that lives in a worker?
/// <reference lib="esnext.disposable" preserve="true" />

import { type Callback, callbackEvents, type ModelInTraining } from "../callbacks/callback.ts";
import { progressBar } from "../callbacks/progress.ts";
import { checkOptionNames, checkOptionsObject } from "../config.ts";
import type { Dataset } from "../data/dataset.ts";
import { check, show } from "../errors.ts";
import { type DataLike, isDataset } from "../models/data.ts";
import { checkFitOptions, checkSignal } from "../models/fitOptions.ts";
import type { Model } from "../models/model.ts";
import { restoreModel } from "../models/restoring.ts";
import { type SaveOptions, savedWhatCanBe } from "../models/savedState.ts";
import { checkSummaryOptions, type SummaryOptions } from "../models/summary.ts";
import type {
  DatasetEvaluateOptions,
  DatasetFitOptions,
  DatasetPredictOptions,
  EvaluateOptions,
  FitOptions,
  History,
  LabelledBatches,
  LogsOf,
  Validates,
} from "../models/types.ts";
import { writeFileAtomically } from "../platform/atomicFile.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { Connection, PreparedCall } from "./connection.ts";
import { isBytes, isHistory, isLogs, isNothing, isNumber, isOutputs, isText, isWeights } from "./heard.ts";
import type { Call } from "./messages.ts";
import { type Parcel, unpack } from "./parcel.ts";
import { Sending } from "./sending.ts";

/** How data go to the worker. */
export interface TransferOptions {
  /**
   * Hand the typed arrays of x, y …, and those of the batches of a dataset, over instead of copying them: nothing is
   * copied, but afterwards they are empty on this side. Arrays that share their buffer with others are copied all the same.
   * Default false.
   */
  readonly transfer?: boolean;
}

/** Options of {@link WorkerModel.fit}, for arrays. */
export type WorkerFitOptions<I = DataLike> = FitOptions<I> & TransferOptions;
/** Options of {@link WorkerModel.fit}, for a dataset. */
export type WorkerDatasetFitOptions<I = DataLike> = DatasetFitOptions<I> & TransferOptions;
/** Options of {@link WorkerModel.evaluate}, for arrays. */
export type WorkerEvaluateOptions = EvaluateOptions & TransferOptions;
/** Options of {@link WorkerModel.evaluate}, for a dataset. */
export type WorkerDatasetEvaluateOptions = DatasetEvaluateOptions & TransferOptions;
/** Options of {@link WorkerModel.predict}, for a dataset. */
export type WorkerDatasetPredictOptions = DatasetPredictOptions & TransferOptions;
/** Options of {@link WorkerModel.predict}, for arrays. */
export interface WorkerPredictOptions extends TransferOptions {
  /** Samples computed at a time. Default 256; the results do not depend on it. */
  readonly batchSize?: number;
}

/** Stops the workers of models that nobody refers to any more, once their last call has ended. */
const forgotten: FinalizationRegistry<Connection> = new FinalizationRegistry((connection) => connection.retire());

/**
 * A model in a worker: the calls of a model, all of them asynchronous, with the same options, results, errors and bits.
 * Calls reach the worker in the order in which they are made; as with a model of one's own, `predict` and `evaluate` have
 * their turn while `fit` runs. Made by `modelInWorker` and `loadModelInWorker`.
 */
export class WorkerModel<I = TensorLike, O = Tensor, M extends string = never> {
  /** The name of the model, with which messages begin. */
  readonly name: string;
  private readonly connection: Connection;

  constructor(name: string, connection: Connection) {
    this.name = name;
    this.connection = connection;
    forgotten.register(this, connection, this);
  }

  /**
   * Trains as `model.fit` does, on arrays or on a dataset. Callbacks run on this side: the worker waits for them, except
   * for `onProgress`; one that throws ends the training with its error. The bar is drawn on this side too. A dataset stays
   * here: the worker asks for its batches, two ahead of the one it trains on.
   * @throws {TensorError} what `model.fit` throws; `state` when the worker has ended.
   * @throws the reason of `options.signal` once it is aborted; the model is as the steps done have left it.
   */
  fit<const F extends WorkerDatasetFitOptions<I>>(
    dataset: LabelledBatches<I>,
    options?: F,
  ): Promise<History<M, Validates<F>>>;
  fit<const F extends WorkerFitOptions<I>>(x: I, y: DataLike, options?: F): Promise<History<M, Validates<F>>>;
  async fit(x: unknown, ...rest: readonly unknown[]): Promise<unknown> {
    const where = `${this.name}.fit`;
    const dataset = isDataset(x);
    const { transfer, ...given } = optionsOf<WorkerFitOptions>(where, rest[dataset ? 0 : 1]);
    checkFitOptions(where, given, dataset);
    const { signal, callbacks = [], verbose = "auto", validationData, sampleWeight, ...options } = given;
    const sending = new Sending(where, transfer);
    signal?.throwIfAborted();
    const watching: readonly Callback[] = [progressBar(verbose), ...callbacks];
    const events = callbackEvents.filter((name) => watching.some((callback) => callback[name] !== undefined));
    return this.connection.call(
      where,
      async () => {
        const data = await sending.labelled(where, dataset ? x : labelled(x, rest[0], sampleWeight));
        const held = validationData && (await sending.labelled(`${where}.validationData`, validationData));
        const validation = held === undefined ? {} : { validationData: held };
        return { call: { name: "fit", data, ...validation, options, events }, ...carried(sending) };
      },
      isHistory,
      { callbacks: watching, signal, model: (stop) => this.inTraining(stop) },
    );
  }

  /** The model as callbacks have it. */
  private inTraining(stopTraining: () => void): ModelInTraining {
    const { name, connection } = this;
    const call = <T>(given: Call, isResult: (value: unknown) => value is T): Promise<T> =>
      connection.call(`${name}.${given.name}`, () => ({ call: given }), isResult);
    return {
      name,
      getWeights: () => this.getWeights(),
      setWeights: (values) => this.setWeights(values),
      save: (options) => this.save(undefined, options),
      restore: (bytes) => call({ name: "restore", bytes }, isNumber),
      useAverages: (use) => call({ name: "useAverages", use }, isNothing),
      getLearningRate: () => call({ name: "getLearningRate" }, isNumber),
      setLearningRate: (rate) => call({ name: "setLearningRate", rate }, isNothing),
      backUp: () => call({ name: "backUp" }, isBytes),
      resume: (bytes) => call({ name: "resume", bytes }, isNumber),
      stopTraining,
    };
  }

  /** The loss and the metrics on x and y, or on a dataset, as `model.evaluate`. @throws as {@link fit} does. */
  evaluate(dataset: LabelledBatches<I>, options?: WorkerDatasetEvaluateOptions): Promise<LogsOf<M>>;
  evaluate(x: I, y: DataLike, options?: WorkerEvaluateOptions): Promise<LogsOf<M>>;
  async evaluate(x: unknown, ...rest: readonly unknown[]): Promise<LogsOf<M>> {
    const where = `${this.name}.evaluate`;
    const dataset = isDataset(x);
    const { transfer, ...given } = optionsOf<WorkerEvaluateOptions>(where, rest[dataset ? 0 : 1]);
    checkOptionNames(where, given, ["steps", "signal", ...(dataset ? [] : ["batchSize", "sampleWeight"])]);
    const { signal, sampleWeight, ...options } = given;
    checkSignal(where, signal);
    const sending = new Sending(where, transfer);
    signal?.throwIfAborted();
    const logs = await this.connection.call(
      where,
      async () => {
        const data = await sending.labelled(where, dataset ? x : labelled(x, rest[0], sampleWeight));
        return { call: { name: "evaluate", data, options }, ...carried(sending) };
      },
      isLogs,
      { signal },
    );
    return logs as LogsOf<M>;
  }

  /**
   * The outputs for x [samples, ...], or for all batches of a dataset, as `model.predict`.
   * @throws {TensorError} what `model.predict` throws; `state` when the worker has ended.
   */
  predict(x: I, options?: WorkerPredictOptions): Promise<O>;
  predict(dataset: Dataset<I> | LabelledBatches<I, unknown>, options?: WorkerDatasetPredictOptions): Promise<O>;
  async predict(x: unknown, given: WorkerPredictOptions | WorkerDatasetPredictOptions = {}): Promise<O> {
    const where = `${this.name}.predict`;
    checkOptionNames(where, given, ["transfer", ...(isDataset(x) ? ["steps", "signal"] : ["batchSize"])]);
    const { transfer, signal, ...options } = given as WorkerPredictOptions & WorkerDatasetPredictOptions;
    checkSignal(where, signal);
    const sending = new Sending(where, transfer);
    signal?.throwIfAborted();
    const outputs = await this.connection.call(
      where,
      async () => {
        const data = await sending.inputs(where, x);
        return { call: { name: "predict", data, options }, ...carried(sending) };
      },
      isOutputs,
      { signal },
    );
    return unpack(outputs) as O;
  }

  /** The values of all weights, layer by layer. @throws {TensorError} `state` when the worker has ended. */
  async getWeights(): Promise<Tensor[]> {
    const where = `${this.name}.getWeights`;
    const weights = await this.connection.call(where, () => ({ call: { name: "getWeights" } }), isWeights);
    return weights.map((weight) => unpack(weight) as Tensor);
  }

  /** Replaces the values of all weights, in the order of {@link getWeights}. @throws {TensorError} `shape`; `state`. */
  async setWeights(values: readonly TensorLike[]): Promise<void> {
    const where = `${this.name}.setWeights`;
    check(Array.isArray(values), "option", () => ({ where, expected: "a list of weights", received: show(values) }));
    const sending = new Sending(where, false);
    const prepare = async (): Promise<PreparedCall> => {
      const packed: Parcel[] = [];
      for (const [index, value] of values.entries()) packed.push(await sending.pack(`${where}[${index}]`, value));
      return { call: { name: "setWeights", values: packed }, ...carried(sending) };
    };
    await this.connection.call(where, prepare, isNothing);
  }

  /**
   * The model as one safetensors file, as `model.save` makes it.
   * @param path where to write it, on this side, atomically; without one only the bytes are returned.
   * @throws {TensorError} what `model.save` throws; `state` when the worker has ended.
   */
  async save(path?: string, options: SaveOptions = {}): Promise<Uint8Array> {
    const bytes = await this.connection.call(`${this.name}.save`, () => ({ call: { name: "save", options } }), isBytes);
    if (path !== undefined) await writeFileAtomically(path, bytes);
    return bytes;
  }

  /**
   * Brings what was learned back: the weights go into `model`, which is the one that was sent or one made alike. When
   * both are compiled alike the optimizer's state, the epoch and the seed come too, so that training can go on there with
   * the same bits.
   * @throws {TensorError} `shape` for another model, which stays as it was; `state` when the worker has ended.
   */
  async copyTo(model: Model<never, unknown, string>): Promise<void> {
    const where = `${this.name}.copyTo`;
    const bytes = await this.connection.call(where, () => ({ call: { name: "snapshot" } }), isBytes);
    restoreModel(model, savedWhatCanBe(model).metadata, bytes, where);
  }

  /** Prints the table of layers, shapes and parameter numbers on this side. @returns the same text. */
  async summary(options: SummaryOptions = {}): Promise<string> {
    const where = `${this.name}.summary`;
    checkSummaryOptions(where, options);
    const text = await this.connection.call(where, () => ({ call: { name: "summary" } }), isText);
    (options.print ?? console.log)(text);
    return text;
  }

  /** Ends the worker at once; calls under way reject with a TensorError `state`, and so do all later ones. */
  stop(): void {
    forgotten.unregister(this);
    this.connection.stop();
  }

  /** {@link stop} at the end of a block: `using remote = await modelInWorker(model)`. */
  [Symbol.dispose](): void {
    this.stop();
  }
}

/** Options that a caller may have left out. @throws {TensorError} `option` for what is not an object of options. */
function optionsOf<T extends object>(where: string, given: unknown = {}): T {
  checkOptionsObject(where, given);
  return given as T;
}

function labelled(x: unknown, y: unknown, sampleWeight: unknown): readonly unknown[] {
  return sampleWeight === undefined ? [x, y] : [x, y, sampleWeight];
}

/** What goes over beside a call, once its data are packed. */
function carried({ transfer, lent }: Sending): Omit<PreparedCall, "call"> {
  return { transfer, lent };
}
