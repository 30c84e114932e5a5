// What does an optimizer keep in memory, and in which order does one step happen?

import { checkNumber } from "../config.ts";
import type { Constraint } from "../constraints.ts";
import { check, show } from "../errors.ts";
import { checkFlag, isVariable, type Operand, read, type SymbolicTensor } from "../graph.ts";
import { clip } from "../ops/composed.ts";
import { add, divide, equal, maximum, minimum, multiply, sqrt, square, subtract, where } from "../ops/map.ts";
import { assign } from "../ops/optimize.ts";
import { sum } from "../ops/reduce.ts";
import { sameShape, type Tensor, tensor, zeros } from "../tensor.ts";
import { discard, placeTogether, Variable } from "../variable.ts";
import { inMemoryOrder, over, runs, shadow } from "./layout.ts";
import type { Optimizer, SlotRule } from "./optimizer.ts";
import { follow, isMultiple, type Segment, spread, updateInOps, wholeQuotient } from "./update.ts";

type Node = SymbolicTensor;

/** A value that the optimizer remembers for a weight, or for all of them. */
export interface Slot {
  /** `momentum/dense/kernel`; `product` for all weights together. */
  readonly name: string;
  /** The value, copied: of the shape of the weight unless its rule says another. */
  readonly value: Tensor;
}

/** What {@link startOptimizer} may be told about the weights. */
export interface StartOptions {
  /** Applied after each step. */
  readonly constraints?: ReadonlyMap<Variable, Constraint>;
}

/** The running state of an optimizer over certain weights. */
export interface OptimizerState {
  /** float32 scalar: the rate of the next step, or with a schedule that of the last one. */
  readonly learningRate: Variable;
  /** Changes the rate from the next step on. @throws {TensorError} `option`; `unsupported` where a schedule decides. */
  setLearningRate(rate: number): void;
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
   * Adds one step to the trace: store the gradients, clip, count, update each block, constrain.
   * @param gradients one for each weight, in the order given to {@link startOptimizer}.
   */
  step(gradients: readonly Operand[]): void;
  /**
   * Puts the averages where the weights are, or back; training must go on with the weights.
   * @throws {TensorError} `state` without `useEma`, unless `use` is false.
   */
  useAverages(use: boolean): void;
  /** With `useEma`, replaces the weights by their averages: the end of training. */
  finalize(): void;
}

/** One variable for each weight. */
type Shadow = ReadonlyMap<Variable, Variable>;

/** Gradients, averages and slots of the variables: all of them, or none when memory does not suffice. */
function shadowsOf({ settings, rule }: Optimizer, ordered: readonly Variable[]) {
  const all: Variable[] = [];
  const placed = (role: string, slot?: SlotRule): Shadow => {
    const made = shadow(role, ordered, slot);
    all.push(...made.values());
    return made;
  };
  try {
    return {
      gradientsOf: placed("gradient"),
      averages: settings.useEma ? placed("average") : undefined,
      accumulators: settings.gradientAccumulationSteps === null ? undefined : placed("gradient_accumulator"),
      slotsOf: Object.entries(rule.slots).map(([role, slot]): [string, Shadow] => [role, placed(role, slot)]),
    };
  } catch (error) {
    discard(all);
    throw error;
  }
}

/**
 * The state of `optimizer` over `variables` (float32): they are placed in one block if they have no place yet; gradients
 * and slots get blocks of the same layout, so that a step is few instructions for each run of neighbours.
 * @throws {TensorError} `dtype` when a variable is not float32; `option` for what is not an optimizer.
 */
export function startOptimizer(
  optimizer: Optimizer,
  variables: readonly Variable[],
  options: StartOptions = {},
): OptimizerState {
  check(typeof optimizer?.rule?.update === "function" && typeof optimizer.settings === "object", "option", () => ({
    where: "startOptimizer",
    expected: "an optimizer, such as optimizers.adam()",
    received: show(optimizer),
  }));
  check(Array.isArray(variables) && variables.every(isVariable), "option", () => ({
    where: "startOptimizer",
    expected: "a list of variables",
    received: show(variables),
  }));
  const { settings, rule } = optimizer;
  for (const variable of variables)
    check(variable.dtype === "float32", "dtype", () => ({
      where: variable.name,
      expected: "a float32 weight",
      received: variable.dtype,
      remedy: "Make it not trainable.",
    }));
  placeTogether(variables);
  const { learningRate: rate, gradientAccumulationSteps } = settings;
  const learningRate = new Variable("learningRate", tensor(typeof rate === "number" ? rate : rate.at(0), []));
  const iteration = new Variable("iteration", zeros([], "int32"));
  const shared = new Map(
    Object.entries(rule.shared).map(([name, value]) => [name, new Variable(name, tensor(value, []))]),
  );
  placeTogether([iteration, learningRate, ...shared.values()]);

  const ordered = inMemoryOrder(variables);
  const { gradientsOf, averages, accumulators, slotsOf } = shadowsOf(optimizer, ordered);
  const remembered: [string, Shadow][] = [
    ...slotsOf,
    ...(averages === undefined ? [] : ([["average", averages]] as [string, Shadow][])),
    ...(accumulators === undefined ? [] : ([["gradient_accumulator", accumulators]] as [string, Shadow][])),
  ];
  const segments = segmentsOf(optimizer, ordered, gradientsOf, averages, slotsOf);
  const slots = (): [string, Variable][] => [
    ...shared,
    ...variables.flatMap((variable) =>
      remembered.flatMap(([role, each]): [string, Variable][] => {
        const slot = each.get(variable);
        return slot === undefined ? [] : [[`${role}/${variable.name}`, slot]];
      }),
    ),
  ];

  /** Whether weights and averages have changed places. */
  let swapped = false;

  /** Puts the gradients into their block, and what is done to them: scaled, summed up, clipped. */
  const prepare = (gradients: readonly Operand[], updating: Node | undefined): void => {
    gradients.forEach((gradient, at) => {
      assign(gradientsOf.get(variables[at] as Variable) as Variable, gradient);
    });
    const block = over("gradients", [...gradientsOf.values()]);
    const { lossScaleFactor, clipnorm, clipvalue, globalClipnorm } = settings;
    const stored = read(block);
    let whole = stored;
    if (lossScaleFactor !== null) whole = divide(whole, lossScaleFactor);
    if (accumulators !== undefined && updating !== undefined) {
      const accumulator = over("accumulators", [...accumulators.values()]);
      const total = add(whole, read(accumulator));
      assign(accumulator, where(spread(updating, total), 0, total));
      whole = divide(total, gradientAccumulationSteps as number);
    }
    if (clipvalue !== null) whole = clip(whole, -clipvalue, clipvalue);
    if (whole !== stored) assign(block, whole);
    if (clipnorm !== null)
      for (const gradient of gradientsOf.values()) {
        const norm = sqrt(sum(square(gradient)));
        assign(gradient, divide(multiply(gradient, clipnorm), maximum(norm, clipnorm)));
      }
    if (globalClipnorm !== null) {
      const norm = sqrt(sum(square(block)));
      const factor = multiply(minimum(divide(1, norm), 1 / globalClipnorm), globalClipnorm);
      // A norm that is NaN must not reach the gaps between weights: it would stay there, and in all later norms.
      assign(block, where(equal(block, 0), 0, multiply(block, factor)));
    }
  };

  const step = (gradients: readonly Operand[]): void => {
    check(gradients.length === variables.length, "shape", () => ({
      where: "optimizer",
      expected: `${variables.length} gradients`,
      received: `${gradients.length}`,
    }));
    // Layers that draw count by it, also where nothing is trained.
    assign(iteration, add(iteration, 1));
    if (variables.length === 0) return;
    const calls = read(iteration);
    const steps = gradientAccumulationSteps ?? 1;
    const updating = steps === 1 ? undefined : isMultiple(calls, steps);
    const count = steps === 1 ? calls : add(wholeQuotient(subtract(calls, 1), steps), 1);
    prepare(gradients, updating);
    if (typeof rate !== "number") assign(learningRate, rate.call(subtract(calls, 1)));
    const common = { learningRate: read(learningRate), iteration: count };
    // The kernel changes weights in each step: where only some steps do, the rule in ops takes its place.
    const { kernel } = rule;
    if (kernel !== undefined && updating === undefined)
      for (const segment of segments) kernel({ ...segment, ...common });
    else updateInOps(optimizer, segments, shared, common, updating);
    if (settings.useEma)
      for (const { parameter, average } of segments) follow(parameter, average as Variable, count, settings);
    for (const variable of variables) {
      const constraint = options.constraints?.get(variable);
      if (constraint !== undefined) assign(variable, constraint.call(read(variable)));
    }
  };

  return Object.freeze({
    learningRate,
    iteration,
    setLearningRate: (value: number) => {
      const place = "learningRate";
      check(typeof rate === "number", "unsupported", () => ({
        where: place,
        expected: "an optimizer whose rate is a number",
        received: "one with a schedule, which decides before each step",
        remedy: "Compile with a number, or put the change into the schedule.",
      }));
      learningRate.assign(tensor(checkNumber(place, value, 0), []));
    },
    variables: Object.freeze([
      learningRate,
      iteration,
      ...shared.values(),
      ...gradientsOf.values(),
      ...remembered.flatMap(([, each]) => [...each.values()]),
    ]),
    get slotNames(): readonly string[] {
      return slots().map(([name]) => name);
    },
    readSlots: () => slots().map(([name, variable]) => ({ name, value: variable.value })),
    writeSlots: (given: readonly Slot[]) => {
      writeSlots(slots(), given);
    },
    scaleLoss: (loss: Node) => (settings.lossScaleFactor === null ? loss : multiply(loss, settings.lossScaleFactor)),
    step,
    useAverages: (use: boolean) => {
      checkFlag("optimizer", "useAverages", use);
      check(averages !== undefined || !use, "state", () => ({
        where: "optimizer",
        expected: "averages of the weights",
        received: "an optimizer that keeps none",
        remedy: "Compile with useEma: true.",
      }));
      if (use === swapped) return;
      swapped = use;
      averages?.forEach((average, variable) => {
        const before = variable.value;
        variable.assign(average.value);
        average.assign(before);
      });
    },
    finalize: () => {
      averages?.forEach((average, variable) => {
        if (swapped) average.assign(variable.value);
        else variable.assign(average.value);
      });
      swapped = false;
    },
  });
}

/** What each update works on: runs of neighbours that decay alike, or each weight by itself. */
function segmentsOf(
  { rule, settings }: Optimizer,
  ordered: readonly Variable[],
  gradients: Shadow,
  averages: Shadow | undefined,
  slots: readonly (readonly [string, Shadow])[],
): Segment[] {
  const { weightDecay, excludeFromWeightDecay: spared } = settings;
  const decays = ({ name }: Variable): boolean => !spared.some((each) => name.includes(each));
  return (rule.perWeight ? ordered.map((variable) => [variable]) : runs(ordered, decays)).map((run): Segment => {
    const first = run[0] as Variable;
    const joined = (role: string, of: (variable: Variable) => Variable): Variable =>
      rule.perWeight ? of(first) : over(role, run.map(of));
    const own = rule.weightDecayOf?.(first.shape, first.name);
    const decay = own === undefined ? weightDecay : own;
    const from = (role: string, each: Shadow): Variable => joined(role, (variable) => each.get(variable) as Variable);
    return {
      name: first.name,
      parameter: joined("parameters", (variable) => variable),
      gradient: from("gradient", gradients),
      average: averages && from("average", averages),
      slots: Object.fromEntries(
        slots.filter(([, each]) => each.has(first)).map(([role, each]) => [role, from(role, each)]),
      ),
      weightDecay: decays(first) ? (decay ?? 0) : 0,
    };
  });
}

// Slots ---------------------------------------------------------------------------------------------------------------

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
