// What can be done with a model: compile, train, measure, predict?
/// <reference lib="esnext.disposable" preserve="true" />

import type { Callback } from "../callbacks/callback.ts";
import { progressBar } from "../callbacks/progress.ts";
import type { Explanation } from "../compiler/explain.ts";
import { checkOptionNames, type Json } from "../config.ts";
import type { Constraint } from "../constraints.ts";
import { check, show } from "../errors.ts";
import { type SymbolicTensor, withScope } from "../graph.ts";
import { type AnyLayer, type Applied, applyLayer, assignWeights, type CallContext, sized } from "../layers/layer.ts";
import type { BatchShape, Placeholder } from "../layers/placeholder.ts";
import { resolveOptimizer } from "../optimizers.ts";
import { writeFileAtomically } from "../platform/files.ts";
import { nextSeed } from "../seed.ts";
import { type DType, type Tensor, type TensorLike, zeros } from "../tensor.ts";
import { placeTogether, type Variable } from "../variable.ts";
import { checkLabels } from "./checkLabels.ts";
import { checkSamples, columnsOf, type DataLike, splitColumns, tensorAt, tensorsOf } from "./data.ts";
import { type Column, commonRows, Feed } from "./feed.ts";
import { runEpochs, runPass, wholeNumber } from "./fit.ts";
import { checkFitOptions, checkSignal } from "./fitOptions.ts";
import { Objective, type ObjectiveOptions } from "./objective.ts";
import { Predictor } from "./prediction.ts";
import { type ExplainOptions, explainPrediction, explainStep } from "./profile.ts";
import { encodeModel, type SaveOptions } from "./saving.ts";
import { summaryText } from "./summary.ts";
import type { Topology } from "./topology.ts";
import { type Mode, Trainer } from "./trainer.ts";
import type {
  CompileOptions,
  EvaluateOptions,
  FitOptions,
  History,
  LogsOf,
  MetricNames,
  MetricsOption,
  Validates,
} from "./types.ts";

/** How a model comes to its layers: they are there from the start, or once the shape of the data is known. */
export interface Architecture {
  readonly className: "Sequential" | "Functional";
  /** Layers as given, before the shape is known. */
  readonly layers: readonly AnyLayer[];
  /** @param shape of the data with batch axis; undefined when they are not at hand. */
  readonly build: (where: string, shapes: readonly BatchShape[] | undefined, dtype: DType | undefined) => Topology;
  readonly getConfig: (topology: Topology) => Record<string, Json>;
}

const defaultBatchSize = 32;
const predictBatchSize = 256;

/** A network of layers. Made by `sequential`, `model` or `loadModel`. */
export class Model<I = TensorLike, O = Tensor, M extends string = never> implements AnyLayer {
  readonly className: "Sequential" | "Functional";
  name: string;
  named: boolean;
  trainable = true;
  private readonly architecture: Architecture;
  private known: Topology | undefined;
  private running: Trainer | undefined;
  private compileGiven: CompileOptions<MetricsOption> | undefined;
  private training = false;
  /** Measurements under way, those that wait included. */
  private measuring = 0;
  /** Ends when the last of the measurements asked for has: they share their running sums, so they take turns. */
  private measured: Promise<void> = Promise.resolve();
  private disposed = false;
  private readonly predictor: Predictor = new Predictor();

  constructor(architecture: Architecture, name: string | undefined) {
    this.architecture = architecture;
    this.className = architecture.className;
    this.name = name ?? architecture.className.toLowerCase();
    this.named = name !== undefined;
  }

  // What it is made of ------------------------------------------------------------------------------------------------

  get layers(): readonly AnyLayer[] {
    return (
      this.known?.layers.filter((layer) => this.className === "Functional" || layer.className !== "InputLayer") ??
      this.architecture.layers
    );
  }

  /** Whether the layers have their weights. */
  get built(): boolean {
    return this.known !== undefined;
  }

  /** Inside and connections. @throws {TensorError} `state` while the shape of the input is unknown. */
  get topology(): Topology {
    return this.topologyFor(undefined, undefined);
  }

  get weights(): readonly Variable[] {
    return this.topology.weights;
  }

  get trainableWeights(): readonly Variable[] {
    return this.trainable ? this.topology.trainableWeights : [];
  }

  get nonTrainableWeights(): readonly Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.weights.filter((weight) => !trainable.has(weight));
  }

  get constraints(): ReadonlyMap<Variable, Constraint> {
    return this.topology.constraints;
  }

  /** Number of weights' elements. */
  countParams(): number {
    return this.weights.reduce((count, weight) => count + weight.size, 0);
  }

  /** The layer of this name, or at this position. @throws {TensorError} `name` when there is none. */
  getLayer(nameOrIndex: string | number): AnyLayer {
    const found =
      typeof nameOrIndex === "number"
        ? this.layers.at(nameOrIndex)
        : this.layers.find((layer) => layer.name === nameOrIndex);
    check(found !== undefined, "name", () => ({
      where: `${this.name}.getLayer`,
      expected: `one of ${this.layers.map((layer) => layer.name).join(", ")}`,
      received: show(nameOrIndex),
    }));
    return found;
  }

  /** The values of all weights, copied, layer by layer. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.value);
  }

  /** Replaces the values of all weights, in the order of {@link getWeights}. @throws {TensorError} `shape`. */
  setWeights(values: readonly TensorLike[]): void {
    assignWeights(this.name, this.weights, values);
  }

  /** The configuration as Keras writes it. */
  getConfig(): Record<string, Json> {
    return { name: this.name, trainable: this.trainable, ...this.architecture.getConfig(this.topology) };
  }

  /** Prints the table of layers, shapes and parameter numbers. @returns the same text. */
  summary(options: { readonly print?: (text: string) => void } = {}): string {
    const slots = this.running === undefined ? 0 : optimizerSize(this.running);
    const text = summaryText(this.name, this.topology, this.className === "Sequential", slots);
    (options.print ?? console.log)(text);
    return text;
  }

  // As a layer --------------------------------------------------------------------------------------------------------

  rename(name: string): void {
    this.name = name;
  }

  /** Makes the weights for data of this shape, batch axis (null) first. */
  build(shapes: readonly BatchShape[]): void {
    this.topologyFor(shapes, undefined);
  }

  invoke(inputs: readonly SymbolicTensor[], context: CallContext): SymbolicTensor {
    const topology = this.topologyFor(
      inputs.map((input) => input.shape),
      inputs[0]?.dtype,
    );
    check(topology.outputs.length === 1, "unsupported", () => ({
      where: this.name,
      expected: "a model with one output where a layer is wanted",
      received: `${topology.outputs.length} outputs`,
    }));
    return withScope(this.name, () => topology.invoke(inputs, context)[0] as SymbolicTensor);
  }

  /** The model on values, symbols or placeholders, like a layer. */
  apply<const T extends TensorLike | SymbolicTensor | Placeholder | readonly (SymbolicTensor | Placeholder | Tensor)[]>(
    x: T,
    options: { readonly training?: boolean } = {},
  ): Applied<T> {
    return applyLayer(this, x as never, options.training ?? false) as Applied<T>;
  }

  // Training ----------------------------------------------------------------------------------------------------------

  /**
   * Sets optimizer, loss and metrics; forgets the state of an earlier optimizer, keeps the weights.
   * @returns the model, typed by its metrics.
   * @throws {TensorError} `name` for unknown names, `option` for bad values.
   */
  compile<const Ms extends MetricsOption = readonly []>(options: CompileOptions<Ms>): Model<I, O, MetricNames<Ms>> {
    const where = `${this.name}.compile`;
    checkOptionNames(where, options, ["optimizer", "loss", "metrics", "lossWeights"]);
    this.checkIdle(where);
    resolveOptimizer(options.optimizer, `${where}.optimizer`);
    if (this.known !== undefined || this.className === "Functional")
      new Objective(where, this.topology.outputNames, options as ObjectiveOptions);
    else new Objective(where, undefined, options as ObjectiveOptions);
    this.running?.dispose();
    this.running = undefined;
    this.compileGiven = options;
    return this as unknown as Model<I, O, MetricNames<Ms>>;
  }

  /** What `compile` was given; undefined before. */
  get compileOptions(): CompileOptions<MetricsOption> | undefined {
    return this.compileGiven;
  }

  /** The optimizer's state, the random seed and the running sums. @throws {TensorError} `state` before `compile`. */
  get trainer(): Trainer {
    return this.trainerFor("trainer");
  }

  /**
   * Trains on x [samples, ...] and y, `epochs` times over all samples in batches. Lets other events through every few
   * milliseconds.
   * @returns the loss and the metrics of every epoch.
   * @throws {TensorError} before anything changes: shapes, lengths, NaN, labels out of range, `compile` missing.
   * @throws the reason of `options.signal` once it is aborted; the steps done are kept and the model can be used.
   */
  async fit<const F extends FitOptions>(x: I, y: DataLike, options?: F): Promise<History<M, Validates<F>>> {
    const where = `${this.name}.fit`;
    const given: FitOptions = options ?? {};
    checkFitOptions(where, given);
    const { signal } = given;
    signal?.throwIfAborted();
    check(!this.training, "state", () => ({
      where,
      expected: "one fit at a time",
      received: "a second one",
      remedy: "Await the first.",
    }));
    const batchSize = wholeNumber(`${where}.batchSize`, given.batchSize ?? defaultBatchSize, 1);
    const epochs = wholeNumber(`${where}.epochs`, given.epochs ?? 1, 1);
    const initialEpoch = wholeNumber(`${where}.initialEpoch`, given.initialEpoch ?? 0, 0);
    let columns = this.columnsFor(where, x as DataLike, y, given.sampleWeight);
    let held: Column[] | undefined;
    if (given.validationSplit !== undefined && given.validationSplit > 0)
      [columns, held] = splitColumns(where, columns, given.validationSplit);
    if (given.validationData !== undefined) {
      const [vx, vy, weight] = given.validationData as readonly [DataLike, DataLike, TensorLike?];
      held = this.columnsFor(`${where}.validationData`, vx, vy, weight);
    }
    const trainer = this.trainerFor("fit");
    const samples = commonRows(where, columns);
    this.training = true;
    const feeds: Feed[] = [];
    try {
      const feed = new Feed(where, columns, samples, batchSize);
      feeds.push(feed);
      const heldFeed =
        held === undefined ? undefined : new Feed(`${where}.validationData`, held, commonRows(where, held), batchSize);
      if (heldFeed !== undefined) {
        feeds.push(heldFeed);
        trainer.prepare("test", heldFeed, batchSize, `${where}.validationData`);
      }
      const callbacks = [progressBar(given.verbose ?? "auto"), ...(given.callbacks ?? [])];
      const validate = (): Promise<Record<string, number>> =>
        this.measure(trainer, heldFeed as Feed, batchSize, callbacks, signal);
      const info = { epochs, initialEpoch, steps: Math.ceil(samples / batchSize), batchSize, samples };
      const seed = trainer.seed.value.item();
      const history = await runEpochs(trainer, {
        feed,
        batchSize,
        epochs,
        initialEpoch,
        shuffle: given.shuffle ?? true,
        callbacks,
        validate: heldFeed === undefined ? undefined : validate,
        info,
        seed,
        signal,
      });
      return history as unknown as History<M, Validates<F>>;
    } finally {
      this.training = false;
      trainer.unbind();
      for (const feed of feeds) feed.release();
    }
  }

  /**
   * The loss and the metrics on x and y; nothing is trained.
   * @throws the reason of `options.signal` once it is aborted.
   */
  async evaluate(x: I, y: DataLike, options: EvaluateOptions = {}): Promise<LogsOf<M>> {
    const where = `${this.name}.evaluate`;
    checkOptionNames(where, options, ["batchSize", "sampleWeight", "signal"]);
    checkSignal(where, options.signal);
    options.signal?.throwIfAborted();
    const batchSize = wholeNumber(`${where}.batchSize`, options.batchSize ?? defaultBatchSize, 1);
    const columns = this.columnsFor(where, x as DataLike, y, options.sampleWeight);
    const trainer = this.trainerFor("evaluate");
    const feed = new Feed(where, columns, commonRows(where, columns), batchSize);
    try {
      return (await this.measure(trainer, feed, batchSize, [], options.signal)) as LogsOf<M>;
    } finally {
      trainer.unbind();
      feed.release();
    }
  }

  /** Loss and metrics over a feed, after the measurements that were asked for before. */
  private async measure(
    trainer: Trainer,
    feed: Feed,
    batchSize: number,
    callbacks: readonly Callback[],
    signal: AbortSignal | undefined,
  ): Promise<Record<string, number>> {
    const before = this.measured;
    this.measuring++;
    let finish = (): void => {};
    this.measured = new Promise((resolve) => {
      finish = resolve;
    });
    await before;
    try {
      await runPass(trainer, "test", feed, batchSize, callbacks, signal);
      return trainer.logs("test");
    } finally {
      this.measuring--;
      finish();
    }
  }

  /** One training step on one batch, synchronously. @returns loss and metrics of this batch, before the update. */
  trainOnBatch(x: I, y: DataLike, sampleWeight?: TensorLike): LogsOf<M> {
    return this.runBatch("train", x, y, sampleWeight);
  }

  /** Loss and metrics of one batch, synchronously. */
  testOnBatch(x: I, y: DataLike, sampleWeight?: TensorLike): LogsOf<M> {
    return this.runBatch("test", x, y, sampleWeight);
  }

  private runBatch(mode: Mode, x: I, y: DataLike, sampleWeight: TensorLike | undefined): LogsOf<M> {
    const where = `${this.name}.${mode}OnBatch`;
    this.checkIdle(where, mode);
    const columns = this.columnsFor(where, x as DataLike, y, sampleWeight);
    const rows = commonRows(where, columns);
    const trainer = this.trainerFor(`${mode}OnBatch`);
    const feed = new Feed(where, columns, rows, rows);
    try {
      trainer.begin(mode);
      trainer.run(mode, feed, rows, 0, 1);
      return trainer.logs(mode) as LogsOf<M>;
    } finally {
      trainer.unbind();
      feed.release();
    }
  }

  // Prediction --------------------------------------------------------------------------------------------------------

  /**
   * The outputs for x [samples, ...], synchronously: one tensor, or a record of them for named outputs.
   * @param options `batchSize` samples are computed at a time (default 256); the results do not depend on it.
   */
  predict(x: I, options: { readonly batchSize?: number } = {}): O {
    const repeated = this.predictor.repeat(x);
    if (repeated !== undefined) return repeated as O;
    const where = `${this.name}.predict`;
    checkOptionNames(where, options, ["batchSize"]);
    const inputs = this.inputsFor(where, x as DataLike);
    const rows = commonRows(where, columnsOf(inputs, [], undefined, this.topology.inputNames));
    const batchSize = wholeNumber(`${where}.batchSize`, options.batchSize ?? predictBatchSize, 1);
    return this.predictor.predict(this.topology, inputs, rows, batchSize) as O;
  }

  // Saving ------------------------------------------------------------------------------------------------------------

  /**
   * The model as one safetensors file: topology, weights, and what training needs to go on with the same bits.
   * @param path where to write it, atomically; without one only the bytes are returned.
   * @throws {TensorError} `unsupported` without a file system, or for losses and metrics that are functions.
   */
  async save(path?: string, options: SaveOptions = {}): Promise<Uint8Array> {
    const bytes = encodeModel(this as unknown as Model<never, unknown, string>, options);
    if (path !== undefined) await writeFileAtomically(path, bytes);
    return bytes;
  }

  // Inspection and memory ---------------------------------------------------------------------------------------------

  /**
   * The program of one step: instructions, addresses, costs, layer paths; with `profile` times and rates as well.
   * `toString()` of the result is a table.
   */
  explain(options: ExplainOptions = {}): Explanation {
    const batchSize = wholeNumber(`${this.name}.explain.batchSize`, options.batchSize ?? defaultBatchSize, 1);
    const mode = options.mode ?? "predict";
    check(mode === "predict" || mode === "train" || mode === "test", "option", () => ({
      where: `${this.name}.explain.mode`,
      expected: '"predict", "train" or "test"',
      received: show(mode),
    }));
    wholeNumber(`${this.name}.explain.repeats`, options.repeats ?? 1, 1);
    if (mode !== "predict") {
      this.checkIdle(`${this.name}.explain`, mode);
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

  [Symbol.dispose](): void {
    this.dispose();
  }

  // Checks ------------------------------------------------------------------------------------------------------------

  /** Refuses what would disturb a run that is under way: of `mode`, or any. */
  private checkIdle(where: string, mode?: Mode): void {
    const busy = (mode !== "test" && this.training) || (mode !== "train" && this.measuring > 0);
    check(!busy, "state", () => ({
      where,
      expected: "no fit or evaluate under way",
      received: "one that runs",
      remedy: "Await it first.",
    }));
  }

  private topologyFor(shapes: readonly BatchShape[] | undefined, dtype: DType | undefined): Topology {
    check(!this.disposed, "state", () => ({
      where: this.name,
      expected: "a model that is in use",
      received: "a disposed one",
    }));
    this.known ??= this.architecture.build(this.name, shapes, dtype);
    return this.known;
  }

  private trainerFor(what: string): Trainer {
    const where = `${this.name}.${what}`;
    check(this.compileGiven !== undefined, "state", () => ({
      where,
      expected: "a compiled model",
      received: "one without optimizer and loss",
      remedy: "Call model.compile({ optimizer, loss }) first.",
    }));
    if (this.running === undefined) {
      const optimizer = resolveOptimizer(this.compileGiven.optimizer, `${where}.optimizer`);
      const objective = new Objective(
        `${this.name}.compile`,
        this.topology.outputNames,
        this.compileGiven as ObjectiveOptions,
      );
      placeTogether(this.topology.trainableWeights);
      this.running = new Trainer(this.name, this.topology, this.trainableWeights, objective, optimizer, nextSeed());
    }
    return this.running;
  }

  private inputsFor(where: string, x: DataLike): Tensor[] {
    const names = this.known?.inputNames ?? (this.className === "Functional" ? this.topology.inputNames : undefined);
    const inputs = tensorsOf(`${where}: x`, names, x);
    const topology = this.topologyFor(
      inputs.map((input) => [null, ...input.shape.slice(1)]),
      inputs[0]?.dtype,
    );
    checkSamples(
      `${where}: x`,
      names,
      topology.inputs.map((input) => input.shape),
      inputs,
    );
    return inputs;
  }

  private columnsFor(where: string, x: DataLike, y: DataLike, sampleWeight: TensorLike | undefined): Column[] {
    check(this.compileGiven !== undefined, "state", () => ({
      where,
      expected: "a compiled model",
      received: "one without optimizer and loss",
      remedy: "Call model.compile({ optimizer, loss }) first.",
    }));
    const inputs = this.inputsFor(where, x);
    const targets = tensorsOf(`${where}: y`, this.topology.outputNames, y);
    const weights =
      sampleWeight === undefined ? undefined : tensorAt(`${where}: sampleWeight`, sampleWeight, "float32");
    const rank = Math.max(2, ...this.topology.outputs.map((output) => output.shape.length));
    check(weights === undefined || weights.shape.length < rank, "shape", () => ({
      where: `${where}: sampleWeight`,
      expected: "one weight for each sample, [samples]",
      received: `[${weights?.shape.join(", ")}]`,
      remedy: "Give a flat list.",
    }));
    const { inputNames, outputNames } = this.topology;
    const columns = columnsOf(inputs, targets, weights, inputNames, outputNames);
    commonRows(where, columns);
    checkLabels(where, this.trainerFor("compile").objective.losses, this.topology.outputs, targets);
    return columns;
  }
}

/** Numbers that an optimizer keeps: its slots, the learning rate and the iteration. */
function optimizerSize({ state }: Trainer): number {
  return state.readSlots().reduce((count, { value }) => count + value.size, 2);
}
