// What does an optimizer keep in memory, and in which order does one step happen?

import type { Constraint } from "./constraints.ts";
import { check } from "./errors.ts";
import { read, type SymbolicTensor } from "./graph.ts";
import { clip } from "./ops/composed.ts";
import {
  add,
  cast,
  divide,
  equal,
  floor,
  greater,
  maximum,
  minimum,
  multiply,
  sqrt,
  square,
  subtract,
  where,
} from "./ops/map.ts";
import { assign } from "./ops/optimize.ts";
import { sum } from "./ops/reduce.ts";
import type { Optimizer, OptimizerSettings } from "./optimizers.ts";
import { sameShape, type Tensor, tensor, zeros } from "./tensor.ts";
import { alignedBytes, placeTogether, Variable } from "./variable.ts";

type Node = SymbolicTensor;

/** A value that the optimizer remembers for a weight: `momentum/<name of the weight>`. */
export interface Slot {
  readonly name: string;
  readonly value: Tensor;
}

/** What {@link startOptimizer} may be told about the weights. */
export interface StartOptions {
  /** Weights that do not decay, such as biases. Default none. */
  readonly excludeFromWeightDecay?: (variable: Variable) => boolean;
  /** Applied after each step. */
  readonly constraints?: ReadonlyMap<Variable, Constraint>;
}

/** The running state of an optimizer over certain weights. */
export interface OptimizerState {
  /** float32 scalar; assign to it to change the rate. */
  readonly learningRate: Variable;
  /** int32 scalar: how often a step was taken, accumulating ones included. */
  readonly iteration: Variable;
  /** Everything that belongs to the state: what to give back when it ends. The weights are not among it. */
  readonly variables: readonly Variable[];
  /** Names of all slots, weight by weight. */
  readonly slotNames: readonly string[];
  /** The values of all slots, copied. */
  readSlots(): Slot[];
  /** Restores what {@link readSlots} gave, to the bit. @throws {TensorError} `format` or `shape`; then nothing changed. */
  writeSlots(slots: readonly Slot[]): void;
  /** The loss to differentiate: times `lossScaleFactor`, by which {@link step} divides the gradients again. */
  scaleLoss(loss: SymbolicTensor): SymbolicTensor;
  /**
   * Adds one step to the trace: clip, store the gradients, count, update each block, constrain.
   * @param gradients one for each weight, in the order given to {@link startOptimizer}.
   */
  step(gradients: readonly SymbolicTensor[]): void;
  /** With `useEma`, replaces the weights by their averages: the end of training. */
  finalize(): void;
}

/** Neighbouring weights that one instruction updates, with their gradients and slots. */
interface Segment {
  readonly parameter: Variable;
  readonly roles: Readonly<Record<string, Variable>>;
  readonly decays: boolean;
}

/**
 * The state of `optimizer` over `variables` (float32): they are placed in one block if they have no place yet; gradients
 * and slots get blocks of the same layout, so that a step is one instruction for each run of neighbours.
 * @throws {TensorError} `dtype` when a variable is not float32.
 */
export function startOptimizer(
  optimizer: Optimizer,
  variables: readonly Variable[],
  options: StartOptions = {},
): OptimizerState {
  const { settings } = optimizer;
  for (const variable of variables)
    check(variable.dtype === "float32", "dtype", () => ({
      where: variable.name,
      expected: "a float32 weight",
      received: variable.dtype,
      remedy: "Make it not trainable.",
    }));
  placeTogether(variables);
  const learningRate = new Variable("learningRate", tensor(settings.learningRate, []));
  const iteration = new Variable("iteration", zeros([], "int32"));
  placeTogether([iteration, learningRate]);

  const remembered = [
    ...optimizer.slotNames,
    ...(settings.useEma ? ["average"] : []),
    ...(settings.gradientAccumulationSteps === null ? [] : ["gradient_accumulator"]),
  ];
  const ordered = inMemoryOrder(variables);
  const roles = new Map(["gradient", ...remembered].map((role) => [role, shadow(role, ordered)]));
  const of = (role: string, variable: Variable): Variable => roles.get(role)?.get(variable) as Variable;
  const decaying = (variable: Variable): boolean =>
    (settings.weightDecay ?? 0) !== 0 && options.excludeFromWeightDecay?.(variable) !== true;
  const segments = runs(ordered, decaying).map((run): Segment => {
    const first = run[0] as Variable;
    return {
      parameter: over("parameters", run),
      roles: Object.fromEntries(
        [...roles].map(([role, each]) => [
          role,
          over(
            role,
            run.map((one) => each.get(one) as Variable),
          ),
        ]),
      ),
      decays: decaying(first),
    };
  });
  const slots = (): [string, Variable][] =>
    variables.flatMap((variable) =>
      remembered.map((role): [string, Variable] => [`${role}/${variable.name}`, of(role, variable)]),
    );

  const step = (gradients: readonly SymbolicTensor[]): void => {
    check(gradients.length === variables.length, "shape", () => ({
      where: "optimizer",
      expected: `${variables.length} gradients`,
      received: `${gradients.length}`,
    }));
    const { lossScaleFactor, gradientAccumulationSteps } = settings;
    const unscaled = lossScaleFactor === null ? gradients : gradients.map((each) => divide(each, lossScaleFactor));
    const steps = gradientAccumulationSteps ?? 1;
    const totals =
      steps === 1
        ? unscaled
        : unscaled.map((each, at) => add(each, of("gradient_accumulator", variables[at] as Variable)));
    const means = steps === 1 ? totals : totals.map((each) => divide(each, steps));
    clipped(means, settings).forEach((gradient, at) => {
      assign(of("gradient", variables[at] as Variable), gradient);
    });
    assign(iteration, add(iteration, 1));
    const calls = read(iteration);
    const updates = steps === 1 ? undefined : isMultiple(calls, steps);
    const count = steps === 1 ? calls : add(wholeQuotient(subtract(calls, 1), steps), 1);
    if (updates !== undefined)
      totals.forEach((total, at) => {
        assign(of("gradient_accumulator", variables[at] as Variable), where(updates, 0, total));
      });
    for (const { parameter, roles: blocks, decays } of segments) {
      const changing = [parameter, ...optimizer.slotNames.map((name) => blocks[name] as Variable)];
      const before = updates === undefined ? [] : changing.map((each) => where(updates, 0, each));
      optimizer.update({
        parameter,
        gradient: blocks.gradient as Variable,
        slots: blocks,
        learningRate: read(learningRate),
        iteration: count,
        weightDecay: decays ? (settings.weightDecay ?? 0) : 0,
      });
      if (updates !== undefined)
        changing.forEach((each, at) => {
          assign(each, where(updates, each, before[at] as Node));
        });
      if (settings.useEma) average(parameter, blocks.average as Variable, count, settings);
    }
    for (const variable of variables) {
      const constraint = options.constraints?.get(variable);
      if (constraint !== undefined) assign(variable, constraint.call(read(variable)));
    }
  };

  return Object.freeze({
    learningRate,
    iteration,
    variables: Object.freeze([learningRate, iteration, ...[...roles.values()].flatMap((each) => [...each.values()])]),
    get slotNames(): readonly string[] {
      return slots().map(([name]) => name);
    },
    readSlots: () => slots().map(([name, variable]) => ({ name, value: variable.value })),
    writeSlots: (given: readonly Slot[]) => {
      writeSlots(slots(), given);
    },
    scaleLoss: (loss: Node) => (settings.lossScaleFactor === null ? loss : multiply(loss, settings.lossScaleFactor)),
    step,
    finalize: () => {
      if (settings.useEma) for (const variable of variables) variable.assign(of("average", variable).value);
    },
  });
}

// Memory --------------------------------------------------------------------------------------------------------------

/** The variables block by block, by address. */
function inMemoryOrder(variables: readonly Variable[]): Variable[] {
  const blocks = [...new Set(variables.map((variable) => variable.storage.block))];
  return blocks.flatMap((block) =>
    variables.filter(({ storage }) => storage.block === block).sort((a, b) => a.storage.offset - b.storage.offset),
  );
}

/** A zero for each variable, in a block with the distances that neighbours have. */
function shadow(role: string, ordered: readonly Variable[]): Map<Variable, Variable> {
  const pairs = ordered.map((variable): [Variable, Variable] => [
    variable,
    new Variable(`${role}/${variable.name}`, zeros(variable.shape)),
  ]);
  placeTogether(pairs.map(([, own]) => own));
  return new Map(pairs);
}

/** Runs of variables that lie one behind the other and are alike. */
function runs(ordered: readonly Variable[], alike: (variable: Variable) => boolean): Variable[][] {
  const found: Variable[][] = [];
  for (const variable of ordered) {
    const run = found[found.length - 1];
    const last = run?.[run.length - 1];
    const follows =
      last !== undefined &&
      last.storage.block === variable.storage.block &&
      last.storage.offset + alignedBytes(last.bytes) === variable.storage.offset &&
      alike(last) === alike(variable);
    if (follows) run?.push(variable);
    else found.push([variable]);
  }
  return found;
}

/** One variable over the memory from the first of `run` to the last, gaps included. */
function over(name: string, run: readonly Variable[]): Variable {
  const first = run[0] as Variable;
  const last = run[run.length - 1] as Variable;
  const bytes = last.storage.offset + last.bytes - first.storage.offset;
  return Variable.over(run.length === 1 ? first.name : name, first.storage, [bytes / 4], "float32");
}

function writeSlots(own: readonly (readonly [string, Variable])[], given: readonly Slot[]): void {
  const values = new Map(given.map(({ name, value }) => [name, value]));
  for (const [name, variable] of own) {
    const value = values.get(name);
    check(value !== undefined, "format", () => ({
      where: "optimizer state",
      expected: `a value for ${name}`,
      received: `values for ${[...values.keys()].slice(0, 8).join(", ") || "nothing"}`,
    }));
    check(sameShape(value.shape, variable.shape) && value.dtype === variable.dtype, "shape", () => ({
      where: `optimizer state, ${name}`,
      expected: `${variable.dtype} [${variable.shape.join(", ")}]`,
      received: `${value.dtype} [${value.shape.join(", ")}]`,
    }));
  }
  for (const [name, variable] of own) variable.assign(values.get(name) as Tensor);
}

// Parts of a step -----------------------------------------------------------------------------------------------------

/** Shortens gradients as Keras does: each by its own norm, all by their common norm, or element by element. */
function clipped(gradients: readonly Node[], settings: OptimizerSettings): readonly Node[] {
  const { clipnorm, clipvalue, globalClipnorm } = settings;
  const squares = (x: Node): Node => sum(square(x));
  if (clipnorm !== null)
    return gradients.map((each) => divide(multiply(each, clipnorm), maximum(sqrt(squares(each)), clipnorm)));
  if (clipvalue !== null) return gradients.map((each) => clip(each, -clipvalue, clipvalue));
  if (globalClipnorm === null || gradients.length === 0) return gradients;
  const norm = sqrt(gradients.map(squares).reduce((a, b) => add(a, b)));
  const factor = multiply(minimum(divide(1, norm), 1 / globalClipnorm), globalClipnorm);
  return gradients.map((each) => multiply(each, factor));
}

/** average ← m·average + (1 − m)·parameter, m = 0 in the first step; every so often the parameter becomes the average. */
function average(parameter: Variable, averages: Variable, count: Node, settings: OptimizerSettings): void {
  const kept = where(greater(count, 1), settings.emaMomentum, 0);
  assign(averages, add(multiply(averages, kept), multiply(parameter, subtract(1, kept))));
  if (settings.emaOverwriteFrequency !== null)
    assign(parameter, where(isMultiple(count, settings.emaOverwriteFrequency), averages, parameter));
}

/** Whole part of count / steps for an int32 scalar: exact, though quotients are float32, as it corrects itself once. */
function wholeQuotient(count: Node, steps: number): Node {
  const rough = cast(floor(divide(count, steps)), "int32");
  return add(rough, cast(floor(divide(subtract(count, multiply(rough, steps)), steps)), "int32"));
}

function isMultiple(count: Node, steps: number): Node {
  return equal(multiply(wholeQuotient(count, steps), steps), count);
}
