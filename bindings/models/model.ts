// What can be done with a model beyond training: predict, save, look inside, free?
/// <reference lib="esnext.disposable" preserve="true" />

import type { Explanation } from "../compiler/explain.ts";
import { checkOptionNames } from "../config.ts";
import type { Dataset } from "../data/dataset.ts";
import { check, show } from "../errors.ts";
import { checkFlag } from "../graph.ts";
import { sized } from "../layers/apply.ts";
import { type Tensor, type TensorLike, zeros } from "../tensor.ts";
import { columnsOf, type DataLike, isDataset } from "./data.ts";
import { commonRows } from "./feed.ts";
import { wholeNumber } from "./fit.ts";
import { predictBatches } from "./predictDataset.ts";
import { type Outputs, Predictor } from "./prediction.ts";
import { type ExplainOptions, explainPrediction, explainStep } from "./profile.ts";
import { type SaveOptions, savedState } from "./savedState.ts";
import { checkSummaryOptions, type SummaryOptions, summaryText } from "./summary.ts";
import type { Trainer } from "./trainer.ts";
import { defaultBatchSize, Training } from "./training.ts";
import type { DatasetPredictOptions, LabelledBatches } from "./types.ts";

const predictBatchSize = 256;

/** A network of layers. Made by `sequential`, `model` or `loadModel`. */
export class Model<I = TensorLike, O = Tensor, M extends string = never> extends Training<I, O, M> {
  private readonly predictor: Predictor = new Predictor();

  // Prediction --------------------------------------------------------------------------------------------------------

  /**
   * The outputs for x [samples, ...], synchronously: one tensor, or a record of them for named outputs.
   * @param options `batchSize` samples are computed at a time (default 256); the results do not depend on it.
   */
  predict(x: I, options?: { readonly batchSize?: number }): O;
  /** The outputs for all batches of a dataset, one after the other: of elements x, or of [x, …], in which only x counts. */
  predict(dataset: Dataset<I> | LabelledBatches<I, unknown>, options?: DatasetPredictOptions): Promise<O>;
  predict(x: unknown, given?: object): O | Promise<O> {
    const repeated = given === undefined ? this.predictor.repeat(x) : undefined;
    if (repeated !== undefined) return repeated as O;
    const options = given === undefined ? {} : given;
    if (isDataset(x)) return this.predictDataset(x, options as DatasetPredictOptions);
    const where = `${this.name}.predict`;
    checkOptionNames(where, options, ["batchSize"]);
    const inputs = this.inputsFor(where, x as DataLike);
    const rows = commonRows(where, columnsOf(inputs, [], [], this.topology.inputNames));
    const wanted = (options as { readonly batchSize?: number }).batchSize;
    const batchSize = wholeNumber(`${where}.batchSize`, wanted ?? predictBatchSize, 1);
    return this.predictor.predict(this.topology, inputs, rows, batchSize) as O;
  }

  private async predictDataset(dataset: Dataset<unknown>, options: DatasetPredictOptions): Promise<O> {
    const where = `${this.name}.predict`;
    const predictBatch = (x: DataLike): Outputs => {
      const inputs = this.inputsFor(where, x);
      const rows = commonRows(where, columnsOf(inputs, [], [], this.topology.inputNames));
      return this.predictor.predict(this.topology, inputs, rows, rows);
    };
    return (await predictBatches(where, dataset, options, predictBatch)) as O;
  }

  // Saving ------------------------------------------------------------------------------------------------------------

  /**
   * The model as one safetensors file: topology, weights, and what training needs to go on with the same bits.
   * @param path where to write it, atomically; without one only the bytes are returned.
   * @throws {TensorError} `unsupported` without a file system, or for losses and metrics that are functions; `option` for
   *   a model of more than 60 or so in one another.
   */
  async save(path?: string, options: SaveOptions = {}): Promise<Uint8Array> {
    const state = savedState(this as unknown as Model<never, unknown, string>, options);
    const { writeModel } = await import("./saving.ts");
    return writeModel(`${this.name}.save`, state, path);
  }

  // Inspection and memory ---------------------------------------------------------------------------------------------

  /** Prints the table of layers, shapes and parameter numbers. @returns the same text. */
  summary(options: SummaryOptions = {}): string {
    checkSummaryOptions(`${this.name}.summary`, options);
    const slots = this.running === undefined ? 0 : optimizerSize(this.running);
    const text = summaryText(this.name, this.topology, this.className === "Sequential", slots);
    (options.print ?? console.log)(text);
    return text;
  }

  /**
   * The program of one step: instructions, addresses, costs, layer paths; with `profile` times and rates as well.
   * `toString()` of the result is a table.
   */
  explain(options: ExplainOptions = {}): Explanation {
    const where = `${this.name}.explain`;
    checkOptionNames(where, options, ["mode", "batchSize", "profile", "repeats"]);
    checkFlag(where, "profile", options.profile ?? false);
    const batchSize = wholeNumber(`${where}.batchSize`, options.batchSize ?? defaultBatchSize, 1);
    const mode = options.mode ?? "predict";
    check(mode === "predict" || mode === "train" || mode === "test", "option", () => ({
      where: `${where}.mode`,
      expected: '"predict", "train" or "test"',
      received: show(mode),
    }));
    wholeNumber(`${where}.repeats`, options.repeats ?? 1, 1);
    if (mode !== "predict") {
      this.checkIdle(where, mode);
      return explainStep(this.topology, this.trainerFor("explain"), mode, batchSize, options);
    }
    const inputs = this.topology.inputs.map((input) => zeros(sized(input.shape, batchSize), input.dtype));
    return explainPrediction(this.predictor.program(this.topology, inputs), inputs, options);
  }

  /**
   * Gives the memory of weights, optimizer and programs back at once. The model cannot be used afterwards; layers that
   * other models share keep theirs.
   */
  dispose(): void {
    if (this.disposed) return;
    this.checkIdle(`${this.name}.dispose`);
    this.disposed = true;
    this.predictor.clear();
    this.running?.dispose();
    this.running = undefined;
    this.known?.release();
  }

  /** {@link dispose} at the end of a block: `using model = sequential([…])`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Numbers that an optimizer keeps: its slots, the learning rate and the iteration. */
function optimizerSize({ state }: Trainer): number {
  return state.readSlots().reduce((count, { value }) => count + value.size, 2);
}
