// How is a model compiled, trained and measured?

import type { Callback } from "../callbacks/callback.ts";
import { progressBar } from "../callbacks/progress.ts";
import { checkOptionNames } from "../config.ts";
import { check } from "../errors.ts";
import { resolveOptimizer } from "../optimizers.ts";
import { nextSeed } from "../seed.ts";
import type { Tensor } from "../tensor.ts";
import { checkLabels } from "./checkLabels.ts";
import { checkSamples, columnsOf, type DataLike, splitColumns, tensorsOf } from "./data.ts";
import { type Column, commonRows, Feed } from "./feed.ts";
import { runEpochs, runPass, wholeNumber } from "./fit.ts";
import { checkFitOptions, checkSignal } from "./fitOptions.ts";
import type { Model } from "./model.ts";
import { Objective, type ObjectiveOptions } from "./objective.ts";
import { type ClassWeight, type SampleWeight, weightColumns } from "./sampleWeights.ts";
import { Structure } from "./structure.ts";
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

/** Samples of one step when nobody says otherwise. */
export const defaultBatchSize = 32;

/** A structure that learns. */
export class Training<I, O, M extends string> extends Structure {
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
    if (this.known !== undefined || this.className === "Functional")
      new Objective(where, this.topology.outputNames, options as ObjectiveOptions);
    else new Objective(where, undefined, options as ObjectiveOptions);
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
  set learningRate(rate: number) {
    this.trainer.state.setLearningRate(rate);
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
    let columns = this.columnsFor(where, x as DataLike, y, given.sampleWeight, given.classWeight);
    let held: Column[] | undefined;
    if (given.validationSplit !== undefined && given.validationSplit > 0)
      [columns, held] = splitColumns(where, columns, given.validationSplit);
    if (given.validationData !== undefined) {
      const [vx, vy, weight] = given.validationData as readonly [DataLike, DataLike, SampleWeight?];
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
