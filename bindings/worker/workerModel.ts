// What can be done with a model that lives in a worker?
/// <reference lib="esnext.disposable" preserve="true" />

import { type Callback, callbackEvents, type ModelInTraining } from "../callbacks/callback.ts";
import { progressBar } from "../callbacks/progress.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { type DataLike, isDataset } from "../models/data.ts";
import { checkFitOptions, checkSignal } from "../models/fitOptions.ts";
import { checkBeginning } from "../models/inTraining.ts";
import type { Model } from "../models/model.ts";
import { restoreModel } from "../models/restoring.ts";
import type { SampleWeight } from "../models/sampleWeights.ts";
import { type SaveOptions, savedWhatCanBe } from "../models/savedState.ts";
import type { EvaluateOptions, FitOptions, History, LogsOf, Validates } from "../models/types.ts";
import { writeFileAtomically } from "../platform/files.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { Connection } from "./connection.ts";
import type { Call, Order } from "./messages.ts";
import { Packer, type Parcel, unpack } from "./parcel.ts";

/** How data go to the worker. */
export interface TransferOptions {
  /**
   * Hand the typed arrays of x, y … over instead of copying them: nothing is copied, but afterwards they are empty on this
   * side. Arrays that share their buffer with others are copied all the same. Default false.
   */
  readonly transfer?: boolean;
}

/** Options of {@link WorkerModel.fit}. */
export type WorkerFitOptions<I = DataLike> = Omit<FitOptions<I>, "validationData"> &
  TransferOptions & {
    /** Measured after every epoch: [x, y] or [x, y, sampleWeight]. */
    readonly validationData?: readonly [I, DataLike] | readonly [I, DataLike, SampleWeight];
  };
/** Options of {@link WorkerModel.evaluate}. */
export type WorkerEvaluateOptions = EvaluateOptions & TransferOptions;
/** Options of {@link WorkerModel.predict}. */
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
  readonly name: string;
  private readonly connection: Connection;

  constructor(name: string, connection: Connection) {
    this.name = name;
    this.connection = connection;
    forgotten.register(this, connection, this);
  }

  /**
   * Trains as `model.fit` does. Callbacks run on this side: the worker waits for them, except for `onProgress`; one that
   * throws ends the training with its error. The bar is drawn on this side too.
   * @throws {TensorError} what `model.fit` throws; `state` when the worker has ended.
   * @throws the reason of `options.signal` once it is aborted; the model is as the steps done have left it.
   */
  async fit<const F extends WorkerFitOptions<I>>(x: I, y: DataLike, options?: F): Promise<History<M, Validates<F>>> {
    const where = `${this.name}.fit`;
    const { transfer, ...given }: WorkerFitOptions<I> = options ?? {};
    refuseDataset(where, x);
    refuseDataset(`${where}.validationData`, given.validationData);
    checkFitOptions(where, given as FitOptions);
    const { signal, callbacks = [], verbose = "auto", validationData, sampleWeight, ...plain } = given;
    const packer = packerFor(where, transfer);
    signal?.throwIfAborted();
    const watching: readonly Callback[] = [progressBar(verbose), ...callbacks];
    const events = callbackEvents.filter((name) => watching.some((callback) => callback[name] !== undefined));
    const history = await this.connection.call(
      where,
      async () => {
        const data = { x: await packer.pack(`${where}: x`, x as DataLike), y: await packer.pack(`${where}: y`, y) };
        const held: Parcel[] = [];
        for (const [index, part] of (validationData ?? []).entries())
          held.push(
            await packer.pack(`${where}.validationData: ${["x", "y", "sampleWeight"][index]}`, part as DataLike),
          );
        const weights = await packWeights(packer, where, sampleWeight);
        const validation = validationData === undefined ? {} : { validationData: held };
        const call = { name: "fit", ...data, ...validation, ...weights, options: plain, events } as const;
        return { call, transfer: packer.transfer };
      },
      { callbacks: watching, signal, model: (tell) => this.inTraining(tell, given.stepsPerEpoch) },
    );
    return history as History<M, Validates<F>>;
  }

  /** The model as callbacks have it. */
  private inTraining(tell: (order: Order) => void, steps: number | undefined): ModelInTraining {
    const { name, connection } = this;
    const call = (what: string, given: Call): Promise<unknown> =>
      connection.call(`${name}.${what}`, () => ({ call: given }));
    return {
      name,
      getWeights: () => this.getWeights(),
      setWeights: (values) => this.setWeights(values),
      save: (options) => this.save(undefined, options),
      restore: async (bytes) => (await call("restore", { name: "restore", bytes })) as number,
      useAverages: async (use) => {
        await call("useAverages", { name: "useAverages", use });
      },
      getLearningRate: async () => (await call("getLearningRate", { name: "getLearningRate" })) as number,
      setLearningRate: async (rate) => {
        await call("setLearningRate", { name: "setLearningRate", rate });
      },
      stopTraining: () => tell({ name: "stop" }),
      beginAt: (epoch) => {
        checkBeginning(name, steps, false);
        tell({ name: "begin", epoch });
      },
    };
  }

  /** The loss and the metrics on x and y, as `model.evaluate`. @throws as {@link fit} does. */
  async evaluate(x: I, y: DataLike, options: WorkerEvaluateOptions = {}): Promise<LogsOf<M>> {
    const where = `${this.name}.evaluate`;
    const { transfer, signal, sampleWeight, ...plain } = options;
    refuseDataset(where, x);
    checkOptionNames(where, plain, ["batchSize", "steps"]);
    checkSignal(where, signal);
    const packer = packerFor(where, transfer);
    signal?.throwIfAborted();
    const logs = await this.connection.call(
      where,
      async () => {
        const data = { x: await packer.pack(`${where}: x`, x as DataLike), y: await packer.pack(`${where}: y`, y) };
        const weights = await packWeights(packer, where, sampleWeight);
        return { call: { name: "evaluate", ...data, ...weights, options: plain }, transfer: packer.transfer };
      },
      { signal },
    );
    return logs as LogsOf<M>;
  }

  /** The outputs for x [samples, ...], as `model.predict`. @throws {TensorError} what `model.predict` throws; `state`. */
  async predict(x: I, options: WorkerPredictOptions = {}): Promise<O> {
    const where = `${this.name}.predict`;
    const { transfer, ...plain } = options;
    refuseDataset(where, x);
    checkOptionNames(where, plain, ["batchSize"]);
    const packer = packerFor(where, transfer);
    const outputs = await this.connection.call(where, async () => {
      const packed = await packer.pack(`${where}: x`, x as DataLike);
      return { call: { name: "predict", x: packed, options: plain }, transfer: packer.transfer };
    });
    return unpack(outputs as Parcel) as O;
  }

  /** The values of all weights, layer by layer. @throws {TensorError} `state` when the worker has ended. */
  async getWeights(): Promise<Tensor[]> {
    const weights = await this.connection.call(`${this.name}.getWeights`, () => ({ call: { name: "getWeights" } }));
    return (weights as Parcel[]).map((weight) => unpack(weight) as Tensor);
  }

  /** Replaces the values of all weights, in the order of {@link getWeights}. @throws {TensorError} `shape`; `state`. */
  async setWeights(values: readonly TensorLike[]): Promise<void> {
    const where = `${this.name}.setWeights`;
    check(Array.isArray(values), "option", () => ({ where, expected: "a list of weights", received: show(values) }));
    const packer = packerFor(where, false);
    await this.connection.call(where, async () => {
      const packed: Parcel[] = [];
      for (const [index, value] of values.entries()) packed.push(await packer.pack(`${where}[${index}]`, value));
      return { call: { name: "setWeights", values: packed }, transfer: packer.transfer };
    });
  }

  /**
   * The model as one safetensors file, as `model.save` makes it.
   * @param path where to write it, on this side, atomically; without one only the bytes are returned.
   * @throws {TensorError} what `model.save` throws; `state` when the worker has ended.
   */
  async save(path?: string, options: SaveOptions = {}): Promise<Uint8Array> {
    const bytes = await this.connection.call(`${this.name}.save`, () => ({ call: { name: "save", options } }));
    if (path !== undefined) await writeFileAtomically(path, bytes as Uint8Array);
    return bytes as Uint8Array;
  }

  /**
   * Brings what was learned back: the weights go into `model`, which is the one that was sent or one made alike. When
   * both are compiled alike the optimizer's state, the epoch and the seed come too, so that training can go on there with
   * the same bits.
   * @throws {TensorError} `shape` for another model, which stays as it was; `state` when the worker has ended.
   */
  async copyTo(model: Model<never, unknown, string>): Promise<void> {
    const where = `${this.name}.copyTo`;
    const bytes = await this.connection.call(where, () => ({ call: { name: "snapshot" } }));
    restoreModel(model, savedWhatCanBe(model).metadata, bytes as Uint8Array, where);
  }

  /** Prints the table of layers, shapes and parameter numbers on this side. @returns the same text. */
  async summary(options: { readonly print?: (text: string) => void } = {}): Promise<string> {
    const text = await this.connection.call(`${this.name}.summary`, () => ({ call: { name: "summary" } }));
    (options.print ?? console.log)(text as string);
    return text as string;
  }

  /** Ends the worker at once; calls under way reject with a TensorError `state`, and so do all later ones. */
  stop(): void {
    forgotten.unregister(this);
    this.connection.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** @throws {TensorError} `unsupported` for a dataset, whose functions cannot be sent. */
function refuseDataset(where: string, data: unknown): void {
  check(!isDataset(data), "unsupported", () => ({
    where,
    expected: "arrays, for a model in a worker",
    received: "a dataset, whose functions cannot be sent",
    remedy: "Train on it with a model of this thread, or send its batches one by one.",
  }));
}

function packerFor(where: string, transfer: unknown): Packer {
  check(transfer === undefined || typeof transfer === "boolean", "option", () => ({
    where: `${where}.transfer`,
    expected: "true or false",
    received: show(transfer),
  }));
  return new Packer(transfer === true);
}

async function packWeights(
  packer: Packer,
  where: string,
  weights: SampleWeight | undefined,
): Promise<{ readonly sampleWeight?: Parcel }> {
  return weights === undefined ? {} : { sampleWeight: await packer.pack(`${where}: sampleWeight`, weights) };
}
