// What can be done with a model: compile, train, measure, predict?

import { BoundedCache } from "../boundedCache.ts";
import { progressBar } from "../callbacks/progress.ts";
import type { Explanation } from "../compiler/explain.ts";
import { compile, type Program } from "../compiler/program.ts";
import type { Json } from "../config.ts";
import type { Constraint } from "../constraints.ts";
import { engine } from "../engine.ts";
import { check, show } from "../errors.ts";
import { inputNode, type SymbolicTensor, withScope, withTrace } from "../graph.ts";
import {
  type AnyLayer,
  type Applied,
  ambientContext,
  applyLayer,
  assignWeights,
  type CallContext,
  sized,
} from "../layers/layer.ts";
import type { BatchShape, Placeholder } from "../layers/placeholder.ts";
import { resolveOptimizer } from "../optimizers.ts";
import { writeFileAtomically } from "../platform/files.ts";
import { nextSeed } from "../seed.ts";
import { arrayType, type DType, type Shape, sameShape, Tensor, type TensorLike, tensor, zeros } from "../tensor.ts";
import { placeTogether, type Variable } from "../variable.ts";
import { checkLabels } from "./checkLabels.ts";
import { checkSamples, columnsOf, type DataLike, splitColumns, tensorsOf } from "./data.ts";
import { type Column, commonRows, Feed } from "./feed.ts";
import { runEpochs, runPass, wholeNumber } from "./fit.ts";
import { Objective, type ObjectiveOptions } from "./objective.ts";
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
  private disposed = false;
  private readonly predictors: BoundedCache<string, Program> = new BoundedCache(16, (program) =>
    this.forgetProgram(program),
  );
  /** What `predict` did last: the same again takes no checks. */
  private lastPrediction: { readonly shape: Shape; readonly dtype: DType; readonly program: Program } | undefined;

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
    const slots = this.running?.state.variables.reduce((count, variable) => count + variable.size, 0) ?? 0;
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
    for (const key of Object.keys(options))
      check(["optimizer", "loss", "metrics", "lossWeights"].includes(key), "option", () => ({
        where,
        expected: "the options optimizer, loss, metrics and lossWeights",
        received: key,
      }));
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
   */
  async fit<const F extends FitOptions>(x: I, y: DataLike, options?: F): Promise<History<M, Validates<F>>> {
    const where = `${this.name}.fit`;
    const given: FitOptions = options ?? {};
    checkFitOptions(where, given);
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
      const heldFeed = held === undefined ? undefined : new Feed(where, held, commonRows(where, held), batchSize);
      if (heldFeed !== undefined) feeds.push(heldFeed);
      const callbacks = [progressBar(given.verbose ?? "auto"), ...(given.callbacks ?? [])];
      const validate = async (): Promise<Record<string, number>> => {
        await runPass(trainer, "test", heldFeed as Feed, batchSize, []);
        return trainer.logs("test");
      };
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
      });
      return history as unknown as History<M, Validates<F>>;
    } finally {
      this.training = false;
      trainer.unbind();
      for (const feed of feeds) feed.release();
    }
  }

  /** The loss and the metrics on x and y; nothing is trained. */
  async evaluate(x: I, y: DataLike, options: EvaluateOptions = {}): Promise<LogsOf<M>> {
    const where = `${this.name}.evaluate`;
    const batchSize = wholeNumber(`${where}.batchSize`, options.batchSize ?? defaultBatchSize, 1);
    const columns = this.columnsFor(where, x as DataLike, y, options.sampleWeight);
    const trainer = this.trainerFor("evaluate");
    const feed = new Feed(where, columns, commonRows(where, columns), batchSize);
    try {
      await runPass(trainer, "test", feed, batchSize, []);
      return trainer.logs("test") as LogsOf<M>;
    } finally {
      trainer.unbind();
      feed.release();
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
    const last = this.lastPrediction;
    if (last !== undefined && x instanceof Tensor && x.dtype === last.dtype && sameShape(x.shape, last.shape))
      return last.program.run([x])[0] as O;
    const where = `${this.name}.predict`;
    const inputs = this.inputsFor(where, x as DataLike);
    const rows = commonRows(
      where,
      inputs.map((data, index) => ({ name: `x${index}`, data })),
    );
    const batchSize =
      options.batchSize === undefined ? predictBatchSize : wholeNumber(`${where}.batchSize`, options.batchSize, 1);
    const { outputNames } = this.topology;
    if (rows > batchSize) return named(outputNames, this.predictInBatches(inputs, rows, batchSize)) as O;
    const program = this.predictor(inputs, rows);
    const [only] = inputs as [Tensor];
    if (inputs.length === 1 && outputNames === undefined)
      this.lastPrediction = { shape: only.shape, dtype: only.dtype, program };
    return named(outputNames, program.run(inputs)) as O;
  }

  private predictInBatches(inputs: readonly Tensor[], rows: number, batchSize: number): Tensor[] {
    const parts: Tensor[][] = [];
    for (let start = 0; start < rows; start += batchSize) {
      const part = inputs.map((input) => input.slice(start, start + batchSize));
      parts.push(this.predictor(part, (part[0] as Tensor).shape[0] as number).run(part));
    }
    return (parts[0] as Tensor[]).map((first, output) => {
      const data = new (arrayType(first.dtype))(rows * (first.size / (first.shape[0] as number)));
      let offset = 0;
      for (const part of parts) {
        const piece = part[output] as Tensor;
        data.set(piece.data, offset);
        offset += piece.size;
      }
      return Tensor.of(data, [rows, ...first.shape.slice(1)], first.dtype);
    });
  }

  private predictor(inputs: readonly Tensor[], rows: number): Program {
    const key = `${rows} ${inputs.map((input) => input.dtype).join()}`;
    return this.predictors.get(key, () => this.tracePrediction(inputs));
  }

  private forgetProgram(program: Program): void {
    if (this.lastPrediction?.program === program) this.lastPrediction = undefined;
    program.dispose();
  }

  private tracePrediction(inputs: readonly Tensor[]): Program {
    const topology = this.topologyFor(
      inputs.map((input) => input.shape),
      inputs[0]?.dtype,
    );
    placeTogether(topology.trainableWeights);
    return withTrace(() => {
      const symbols = inputs.map((value, index) => inputNode(`x${index}`, value));
      const outputs = withScope(this.name, () => topology.invoke(symbols, ambientContext(false)));
      return compile({ outputs, effects: [] }, symbols);
    });
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
    if (mode !== "predict") return explainStep(this.topology, this.trainerFor("explain"), mode, batchSize, options);
    const inputs = this.topology.inputs.map((input) => zeros(sized(input.shape, batchSize), input.dtype));
    return explainPrediction(this.predictor(inputs, batchSize), inputs, options);
  }

  /** Gives the memory of weights, optimizer and programs back at once. The model cannot be used afterwards. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.predictors.clear();
    this.lastPrediction = undefined;
    this.running?.dispose();
    this.running = undefined;
    const blocks = new Set(
      (this.known?.weights ?? []).filter((weight) => weight.placed).map((weight) => weight.storage.block),
    );
    for (const block of blocks) engine().release(block);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // Checks ------------------------------------------------------------------------------------------------------------

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
      this.running = new Trainer(this.name, this.topology, objective, optimizer, nextSeed());
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
    const weights = sampleWeight === undefined ? undefined : tensor(sampleWeight, undefined, "float32");
    const columns = columnsOf(inputs, targets, weights);
    commonRows(where, columns);
    checkLabels(where, this.trainerFor("compile").objective.losses, this.topology.outputs, targets);
    return columns;
  }
}

/** Outputs as a record under their names, or the only one. */
function named(names: readonly string[] | undefined, outputs: readonly Tensor[]): unknown {
  if (names === undefined) return outputs[0];
  return Object.fromEntries(names.map((name, index) => [name, outputs[index]]));
}

const fitOptionNames = [
  "batchSize",
  "epochs",
  "initialEpoch",
  "shuffle",
  "validationData",
  "validationSplit",
  "sampleWeight",
  "callbacks",
  "verbose",
];

function checkFitOptions(where: string, options: FitOptions): void {
  check(typeof options === "object", "option", () => ({
    where,
    expected: "an object of options",
    received: show(options),
  }));
  for (const key of Object.keys(options))
    check(fitOptionNames.includes(key), "option", () => ({
      where,
      expected: `one of the options ${fitOptionNames.join(", ")}`,
      received: key,
    }));
  const { validationSplit, validationData, verbose, shuffle } = options;
  check(validationSplit === undefined || (validationSplit >= 0 && validationSplit < 1), "option", () => ({
    where: `${where}.validationSplit`,
    expected: "a number from 0 to below 1",
    received: show(validationSplit),
  }));
  check(validationSplit === undefined || validationData === undefined, "option", () => ({
    where,
    expected: "validationData or validationSplit",
    received: "both",
  }));
  check(
    validationData === undefined ||
      (Array.isArray(validationData) && (validationData.length === 2 || validationData.length === 3)),
    "option",
    () => ({
      where: `${where}.validationData`,
      expected: "[x, y] or [x, y, sampleWeight]",
      received: show(validationData),
    }),
  );
  check(
    verbose === undefined || verbose === "auto" || verbose === 0 || verbose === 1 || verbose === 2,
    "option",
    () => ({
      where: `${where}.verbose`,
      expected: '"auto", 0, 1 or 2',
      received: show(verbose),
    }),
  );
  check(shuffle === undefined || typeof shuffle === "boolean", "option", () => ({
    where: `${where}.shuffle`,
    expected: "true or false",
    received: show(shuffle),
  }));
}
