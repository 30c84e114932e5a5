// How does a compiled model run: one step, one pass over the data, one batch?

import { BoundedCache } from "../boundedCache.ts";
import { compile, type Program } from "../compiler/program.ts";
import { engine } from "../engine.ts";
import { TensorError } from "../errors.ts";
import { gradients } from "../gradient.ts";
import { inputNode, read, type SymbolicTensor, withScope, withTrace } from "../graph.ts";
import { sized } from "../layers/apply.ts";
import type { CallContext } from "../layers/layer.ts";
import type { MetricState } from "../metrics/state.ts";
import { gatherBatch } from "../ops/gather.ts";
import { add, full } from "../ops/map.ts";
import { assign } from "../ops/optimize.ts";
import { type Optimizer, type OptimizerState, startOptimizer } from "../optimizers.ts";
import { type Tensor, tensor, zeros } from "../tensor.ts";
import { Variable } from "../variable.ts";
import { type Column, type Feed, orderName, type Portion } from "./feed.ts";
import type { Objective } from "./objective.ts";
import type { Topology } from "./topology.ts";

/** What a run does with a batch. */
export type Mode = "train" | "test";

/** Everything that a compiled model keeps between runs. */
export class Trainer {
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly state: OptimizerState;
  /** Key of the model's random numbers: dropout, noise, shuffling. */
  readonly seed: Variable;
  /** How many passes over data `fit` has finished or begun; decides the next order. */
  epochs = 0;
  readonly name: string;
  private readonly topology: Topology;
  /** Whether the whole model was not trainable when it was compiled. */
  private readonly frozen: boolean;
  /** The weights that are trained: those that were trainable when the model was compiled. */
  private readonly weights: readonly Variable[];
  private readonly states: Readonly<Record<Mode, readonly MetricState[]>>;
  private readonly cursors: Readonly<Record<Mode, Variable>>;
  private readonly programs: BoundedCache<string, Program> = new BoundedCache(16, (program) => program.dispose());

  constructor(
    name: string,
    topology: Topology,
    weights: readonly Variable[],
    objective: Objective,
    optimizer: Optimizer,
    seed: number,
    frozen: boolean,
  ) {
    this.frozen = frozen;
    this.name = name;
    this.topology = topology;
    this.weights = weights;
    this.objective = objective;
    this.optimizer = optimizer;
    this.state = startOptimizer(optimizer, weights, { constraints: topology.constraints });
    this.seed = new Variable("seed", tensor(seed, [], "int32"));
    this.states = { train: objective.states(), test: objective.states() };
    this.cursors = {
      train: new Variable("cursor", zeros([], "int32")),
      test: new Variable("cursor", zeros([], "int32")),
    };
  }

  /** Whether these are the weights that it trains. */
  trains(weights: readonly Variable[]): boolean {
    const trained = new Set(this.weights);
    return weights.length === trained.size && weights.every((weight) => trained.has(weight));
  }

  /** Begins a pass: averages start again. */
  begin(mode: Mode): void {
    this.objective.clear(this.states[mode]);
  }

  /** The averages since {@link begin}. */
  logs(mode: Mode): Record<string, number> {
    return this.objective.read(this.states[mode]);
  }

  /** What averages are made of while training: as many as there are once a step was traced. */
  get sums(): readonly Variable[] {
    return this.states.train.flatMap((each) => each.variables);
  }

  /** Runs the batches of a portion that `feed` gave, or some of them. */
  run(mode: Mode, feed: Feed, portion: Portion): void {
    this.ready(mode, feed, portion).run([], portion.steps);
  }

  /** The program for a portion, ready to run its first batch. */
  ready(mode: Mode, feed: Feed, { cursor, batch }: Portion): Program {
    const program = this.program(mode, feed.columns, feed.window, batch);
    for (const [name, block] of feed.blocks) program.bind(name, block);
    this.cursors[mode].assign(tensor(cursor, [], "int32"));
    return program;
  }

  /** The program for one batch of this size; kept for the next time. */
  program(mode: Mode, columns: readonly Column[], window: number, batch: number): Program {
    const key = `${mode} ${batch} ${window} ${columns.map(({ name, data }) => `${name}:${data.dtype}[${data.shape.slice(1).join()}]`).join(" ")}`;
    return this.programs.get(key, () => this.trace(mode, columns, window, batch));
  }

  /** Arithmetic operations of one step on `feed` that threads can share. */
  operations(mode: Mode, feed: Feed): number {
    return this.programFor(mode, feed).sharedFlops;
  }

  /** Makes the program for a feed, so that data which do not fit are found now. @throws {TensorError} at `where`. */
  prepare(mode: Mode, feed: Feed, where: string): void {
    try {
      this.programFor(mode, feed);
    } catch (cause) {
      if (!(cause instanceof TensorError)) throw cause;
      throw new TensorError(cause.code, { ...cause, where: `${where}: ${cause.where}` }, { cause });
    }
  }

  /** Copies everything that a step changes. @returns what puts it back. */
  remember(): () => void {
    const touched = [...this.topology.weights, ...this.state.variables, ...this.sums];
    const before = touched.map((variable) => variable.value);
    return () => {
      touched.forEach((variable, index) => {
        variable.assign(before[index] as Tensor);
      });
    };
  }

  /** Whether the weights and the mean loss of the pass are finite numbers. */
  finite(): boolean {
    const machine = engine();
    return (
      Number.isFinite(this.logs("train").loss) &&
      this.topology.weights.every(({ dtype, storage: { block, offset }, size }) => {
        return dtype !== "float32" || machine.firstNonFinite(block.address + offset, size) < 0;
      })
    );
  }

  private programFor(mode: Mode, feed: Feed): Program {
    return this.program(mode, feed.columns, feed.window, Math.min(feed.batchSize, feed.window));
  }

  /** Starts again at the first row of the window. */
  rewind(mode: Mode): void {
    this.cursors[mode].assign(zeros([], "int32"));
  }

  /** Lets go of the data of the last run, so that they can be freed. */
  unbind(): void {
    for (const program of this.programs.values()) program.unbind();
  }

  /** Gives all memory back. */
  dispose(): void {
    this.programs.clear();
    const machine = engine();
    const blocks = new Set(
      [
        ...this.state.variables,
        ...[...this.states.train, ...this.states.test].flatMap((each) => each.variables),
        ...Object.values(this.cursors),
        this.seed,
      ]
        .filter((each) => each.placed)
        .map((each) => each.storage.block),
    );
    for (const block of blocks) machine.release(block);
  }

  private trace(mode: Mode, columns: readonly Column[], window: number, batch: number): Program {
    return withTrace((trace) =>
      withScope(this.name, () => {
        const order = inputNode(orderName, { shape: [window], dtype: "int32" }, true);
        const cursor = read(this.cursors[mode]);
        const sources = columns.map(({ name, data }) =>
          inputNode(name, { shape: [window, ...data.shape.slice(1)], dtype: data.dtype }, true),
        );
        const batches = new Map(
          columns.map(({ name }, index) => [name, gatherBatch(sources[index] as SymbolicTensor, order, cursor, batch)]),
        );
        const part = (prefix: string): SymbolicTensor[] =>
          columns.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => batches.get(name) as SymbolicTensor);
        const targets = part("y");
        const weights = targets.map((_, output) => batches.get(`weight${output}`) ?? batches.get("weight"));
        this.traceBatch(mode, part("x"), targets, weights, batch);
        assign(this.cursors[mode], add(cursor, batch));
        return compile({ outputs: [], effects: trace.effects }, [order, ...sources]);
      }),
    );
  }

  private traceBatch(
    mode: Mode,
    inputs: SymbolicTensor[],
    labels: SymbolicTensor[],
    sampleWeights: readonly (SymbolicTensor | undefined)[],
    batch: number,
  ): void {
    const added: SymbolicTensor[] = [];
    let targets = labels;
    const context: CallContext = {
      training: mode === "train",
      seed: read(this.seed),
      step: read(this.state.iteration),
      frozen: this.frozen,
      addLoss: (loss) => {
        added.push(loss);
      },
      mixLabels: (mix) => {
        const shapes = this.topology.outputs.map(({ shape }) => sized(shape, batch));
        this.objective.checkMixable(targets, shapes);
        targets = targets.map(mix);
      },
    };
    const outputs = this.topology.invoke(inputs, context);
    const loss = this.objective.loss(targets, outputs, sampleWeights, added);
    if (mode === "train") {
      const { weights } = this;
      const found = gradients(this.state.scaleLoss(loss.total), weights);
      this.state.step(found.map((gradient, index) => gradient ?? full((weights[index] as Variable).shape, 0)));
    }
    this.objective.measure(this.states[mode], loss, targets, outputs, sampleWeights, batch);
  }
}
