// How is a model compiled, trained and measured?

import { untilAborted } from "../aborting.ts";
import type { Callback } from "../callbacks/callback.ts";
import { progressBar } from "../callbacks/progress.ts";
import { checkOptionNames } from "../config.ts";
import type { Dataset } from "../data/dataset.ts";
import { check } from "../errors.ts";
import { resolveOptimizer } from "../optimizers.ts";
import { nextSeed } from "../seed.ts";
import type { Tensor } from "../tensor.ts";
import { checkLabels } from "./checkLabels.ts";
import { checkSamples, columnsOf, type DataLike, isDataset, splitColumns, tensorsOf } from "./data.ts";
import { type BatchReader, feedDataset } from "./datasetFeed.ts";
import { ArrayFeed, type Column, commonRows, type Feed, type Portion } from "./feed.ts";
import { beginningAt, checkEnd, measuringReader, runEpochs, runPass, stepsOption, wholeNumber } from "./fit.ts";
import { checkFitOptions, checkSignal } from "./fitOptions.ts";
import { inTraining } from "./inTraining.ts";
import type { Model } from "./model.ts";
import { Objective, type ObjectiveOptions } from "./objective.ts";
import { type ClassWeight, type SampleWeight, weightColumns } from "./sampleWeights.ts";
import { Structure } from "./structure.ts";
import { type Mode, Trainer } from "./trainer.ts";
import type {
  CompileOptions,
  DatasetEvaluateOptions,
  DatasetFitOptions,
  EvaluateOptions,
  FitOptions,
  History,
  LabelledBatches,
  LogsOf,
  MetricNames,
  MetricsOption,
  Validates,
} from "./types.ts";

/** Samples of one step when nobody says otherwise. */
export const defaultBatchSize = 32;

/** Columns that were checked, or a dataset. */
type Source = readonly Column[] | Dataset<unknown>;

/** A structure that learns. */
export class Training<I, O, M extends string> extends Structure {
  /** What trains; undefined before the first step after `compile`. */
  protected running: Trainer | undefined;
  private compileGiven: CompileOptions<MetricsOption> | undefined;
  private training = false;
  /** Measurements under way, those that wait included. */
  private measuring = 0;
  /** Ends when the last of the measurements asked for has: they share their running sums, so they take turns. */
  private measured: Promise<void> = Promise.resolve();

  /**
   * Sets optimizer, loss and metrics; forgets the state of an earlier optimizer, keeps the weights.
   * @returns the model, typed by its metrics.
   * @throws {TensorError} `name` for unknown names, `option` for bad values.
   */
  compile<const Ms extends MetricsOption = readonly [], const Ws extends MetricsOption = readonly []>(
    options: CompileOptions<Ms, Ws>,
  ): Model<I, O, MetricNames<Ms> | MetricNames<Ws>> {
    const where = `${this.name}.compile`;
    checkOptionNames(where, options, ["optimizer", "loss", "metrics", "weightedMetrics", "lossWeights"]);
    this.checkIdle(where);
    resolveOptimizer(options.optimizer, `${where}.optimizer`);
    const known = this.known !== undefined || this.className === "Functional";
    new Objective(where, known ? this.topology.outputNames : undefined, options as ObjectiveOptions);
    this.running?.dispose();
    this.running = undefined;
    this.compileGiven = options;
    return this as unknown as Model<I, O, MetricNames<Ms> | MetricNames<Ws>>;
  }

  /** What `compile` was given; undefined before. */
  get compileOptions(): CompileOptions<MetricsOption> | undefined {
    return this.compileGiven;
  }

  /**
   * The learning rate: of the next step, or with a schedule that of the last one. Assigning changes it.
   * @throws {TensorError} `state` before `compile`; `option` for what is no number ≥ 0; `unsupported` with a schedule.
   */
  get learningRate(): number {
    return this.trainer.state.learningRate.value.item();
  }
  /** Of the next step on. */
  set learningRate(rate: number) {
    this.trainer.state.setLearningRate(rate);
  }

  /** The optimizer's state, the random seed and the running sums. @throws {TensorError} `state` before `compile`. */
  get trainer(): Trainer {
    return this.trainerFor("trainer");
  }

  /**
   * Trains on x [samples, ...] and y, `epochs` times over all samples in batches; or on the batches [x, y] or
   * [x, y, sampleWeight] of a dataset. Lets other events through every few milliseconds.
   * @returns the loss and the metrics of every epoch.
   * @throws {TensorError} before anything changes: shapes, lengths, NaN, labels out of range, `compile` missing. Of a
   *   dataset only the first batch is known then: a bad one later ends training, after the steps done.
   * @throws the reason of `options.signal` once it is aborted; the steps done are kept and the model can be used.
   */
  fit<const F extends DatasetFitOptions<I>>(
    dataset: LabelledBatches<I>,
    options?: F,
  ): Promise<History<M, Validates<F>>>;
  fit<const F extends FitOptions<I>>(x: I, y: DataLike, options?: F): Promise<History<M, Validates<F>>>;
  async fit(x: unknown, ...rest: readonly unknown[]): Promise<unknown> {
    const where = `${this.name}.fit`;
    const dataset = isDataset(x);
    const [given = {}] = rest.slice(dataset ? 0 : 1) as readonly FitOptions[];
    checkFitOptions(where, given, dataset);
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
    const steps = stepsOption(`${where}.stepsPerEpoch`, given.stepsPerEpoch);
    const heldSteps = stepsOption(`${where}.validationSteps`, given.validationSteps);
    this.training = true;
    const feeds: Feed[] = [];
    const opened = async (feed: Feed | Promise<Feed>): Promise<Feed> => {
      feeds.push(await feed);
      return feed;
    };
    try {
      let held: Source | undefined;
      let source: Source = x as Dataset<unknown>;
      if (!dataset) {
        source = this.columnsFor(where, x as DataLike, rest[0] as DataLike, given.sampleWeight, given.classWeight);
        if (given.validationSplit !== undefined && given.validationSplit > 0)
          [source, held] = splitColumns(where, source, given.validationSplit);
      }
      if (given.validationData !== undefined) {
        const data = given.validationData as Dataset<unknown> | readonly [DataLike, DataLike, SampleWeight?];
        held = isDataset(data) ? data : this.columnsFor(`${where}.validationData`, ...data);
      }
      const feed = await opened(this.feedOf(where, source, { batchSize, shuffle: given.shuffle ?? true }, given));
      checkEnd(where, "stepsPerEpoch", feed, steps);
      const trainer = this.trainerFor("fit");
      const callbacks = [progressBar(given.verbose ?? "auto"), ...(given.callbacks ?? [])];
      const heldSize = wholeNumber(`${where}.validationBatchSize`, given.validationBatchSize ?? batchSize, 1);
      let validate: (() => Promise<Record<string, number>>) | undefined;
      if (held !== undefined) {
        const heldWhere = `${where}.validationData`;
        const heldFeed = await opened(this.feedOf(heldWhere, held, { batchSize: heldSize }, { signal }));
        checkEnd(where, "validationSteps", heldFeed, heldSteps);
        trainer.prepare("test", heldFeed, heldWhere);
        validate = () => this.measure(trainer, heldFeed, callbacks, signal, heldSteps);
      }
      const control = beginningAt(initialEpoch);
      const info = {
        epochs,
        initialEpoch,
        steps: steps ?? feed.steps,
        batchSize: feed.batchSize,
        samples: steps === undefined ? feed.samples : undefined,
      };
      const cut = { batchSize: feed.batchSize, steps };
      const model = inTraining(this as unknown as Model<never, unknown, string>, control, cut);
      return await runEpochs(trainer, { feed, epochs, steps, callbacks, validate, info, control, model, signal });
    } finally {
      this.training = false;
      this.running?.unbind();
      for (const feed of feeds) await feed.release();
    }
  }

  /**
   * The loss and the metrics on x and y, or on the batches of a dataset; nothing is trained.
   * @throws the reason of `options.signal` once it is aborted.
   */
  evaluate(dataset: LabelledBatches<I>, options?: DatasetEvaluateOptions): Promise<LogsOf<M>>;
  evaluate(x: I, y: DataLike, options?: EvaluateOptions): Promise<LogsOf<M>>;
  async evaluate(x: unknown, ...rest: readonly unknown[]): Promise<LogsOf<M>> {
    const where = `${this.name}.evaluate`;
    const dataset = isDataset(x);
    const [options = {}] = rest.slice(dataset ? 0 : 1) as readonly EvaluateOptions[];
    checkOptionNames(where, options, ["steps", "signal", ...(dataset ? [] : ["batchSize", "sampleWeight"])]);
    checkSignal(where, options.signal);
    options.signal?.throwIfAborted();
    const batchSize = wholeNumber(`${where}.batchSize`, options.batchSize ?? defaultBatchSize, 1);
    const steps = stepsOption(`${where}.steps`, options.steps);
    const source = dataset ? x : this.columnsFor(where, x as DataLike, rest[0] as DataLike, options.sampleWeight);
    const feed = await this.feedOf(where, source, { batchSize }, { signal: options.signal });
    try {
      checkEnd(where, "steps", feed, steps);
      return (await this.measure(this.trainerFor("evaluate"), feed, [], options.signal, steps)) as LogsOf<M>;
    } finally {
      this.running?.unbind();
      await feed.release();
    }
  }

  /** The feed of checked columns, or of a dataset, whose batches are checked as they come. */
  private feedOf(
    where: string,
    source: Source,
    arrays: { readonly batchSize: number; readonly shuffle?: boolean },
    { classWeight, signal }: { readonly classWeight?: ClassWeight; readonly signal?: AbortSignal | undefined } = {},
  ): Feed | Promise<Feed> {
    if (!isDataset(source)) return new ArrayFeed(where, source, arrays.batchSize, arrays);
    const training = arrays.shuffle !== undefined;
    const read: BatchReader = (x, y, weight) => this.columnsFor(where, x, y, weight, classWeight);
    const options = { epoch: training ? (this.running?.epochs ?? 0) : 0, samePass: !training, signal };
    return feedDataset(where, source, read, options);
  }

  /** Loss and metrics over a feed, after the measurements that were asked for before. */
  private async measure(
    trainer: Trainer,
    feed: Feed,
    callbacks: readonly Callback[],
    signal: AbortSignal | undefined,
    steps: number | undefined,
  ): Promise<Record<string, number>> {
    const before = this.measured;
    this.measuring++;
    let finish = (): void => {};
    const ended = new Promise<void>((resolve) => {
      finish = resolve;
    });
    // One that is aborted while it waits does not let others pass.
    this.measured = before.then(() => ended);
    try {
      await untilAborted(signal, () => before);
      await runPass(trainer, "test", measuringReader(feed), { callbacks, signal, steps });
      return trainer.logs("test");
    } finally {
      this.measuring--;
      finish();
    }
  }

  /** One training step on one batch, synchronously. @returns loss and metrics of this batch, before the update. */
  trainOnBatch(x: I, y: DataLike, sampleWeight?: SampleWeight): LogsOf<M> {
    return this.runBatch("train", x, y, sampleWeight);
  }

  /** Loss and metrics of one batch, synchronously. */
  testOnBatch(x: I, y: DataLike, sampleWeight?: SampleWeight): LogsOf<M> {
    return this.runBatch("test", x, y, sampleWeight);
  }

  private runBatch(mode: Mode, x: I, y: DataLike, sampleWeight: SampleWeight | undefined): LogsOf<M> {
    const where = `${this.name}.${mode}OnBatch`;
    this.checkIdle(where, mode);
    const columns = this.columnsFor(where, x as DataLike, y, sampleWeight);
    const trainer = this.trainerFor(`${mode}OnBatch`);
    const feed = new ArrayFeed(where, columns, commonRows(where, columns));
    try {
      trainer.begin(mode);
      trainer.run(mode, feed, feed.next() as Portion);
      return trainer.logs(mode) as LogsOf<M>;
    } finally {
      trainer.unbind();
      feed.release();
    }
  }

  // Checks -----------------------------------------------------------------------------------------------------------

  /** Refuses what would disturb a run that is under way: of `mode`, or any. */
  protected checkIdle(where: string, mode?: Mode): void {
    const busy = (mode !== "test" && this.training) || (mode !== "train" && this.measuring > 0);
    check(!busy, "state", () => ({
      where,
      expected: "no fit or evaluate under way",
      received: "one that runs",
      remedy: "Await it first.",
    }));
  }

  /** What trains, made when it is first asked for. @throws {TensorError} `state` before `compile`. */
  protected trainerFor(what: string): Trainer {
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
      this.topology.place();
      const { name, topology, trainableWeights: weights } = this;
      this.running = new Trainer(name, topology, weights, objective, optimizer, nextSeed(), !this.trainable);
    }
    return this.running;
  }

  /** x as tensors, one for each input, their shapes checked. */
  protected inputsFor(where: string, x: DataLike): Tensor[] {
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

  private columnsFor(
    where: string,
    x: DataLike,
    y: DataLike,
    sampleWeight: SampleWeight | undefined,
    classWeight?: ClassWeight,
  ): Column[] {
    check(this.compileGiven !== undefined, "state", () => ({
      where,
      expected: "a compiled model",
      received: "one without optimizer and loss",
      remedy: "Call model.compile({ optimizer, loss }) first.",
    }));
    const inputs = this.inputsFor(where, x);
    const targets = tensorsOf(`${where}: y`, this.topology.outputNames, y);
    const { inputNames, outputNames, outputs } = this.topology;
    const weights = weightColumns(where, outputNames, outputs, targets, sampleWeight, classWeight);
    const columns = columnsOf(inputs, targets, weights, inputNames, outputNames);
    commonRows(where, columns);
    checkLabels(where, this.trainerFor("compile").objective.losses, this.topology.outputs, targets);
    return columns;
  }
}
