// What is an optimizer? Options, what it remembers for each weight, and a rule in ops.

import { type Config, checkDefinition, checkOptionsObject, type Json, toSnakeCase } from "../config.ts";
import { check, show } from "../errors.ts";
import type { Operand, SymbolicTensor } from "../graph.ts";
import { flag, number, type OptionRule, type OptionRules, settle } from "../optionRules.ts";
import { serializeSchedule } from "../schedules/schedule.ts";
import type { Shape } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import { checkedSettings, commonOptions, type OptimizerOptions, type OptimizerSettings } from "./settings.ts";

/** A rule for changing weights, with its options. The state is elsewhere: `startOptimizer`. */
export interface Optimizer {
  /** Its class in Keras. */
  readonly className: string;
  /** The option `name`; by default that of the rule. */
  readonly name: string;
  /** The options that every optimizer has, checked and complete. */
  readonly settings: OptimizerSettings;
  /** How it changes weights. */
  readonly rule: OptimizerRule;
  /** The options as Keras writes them. */
  getConfig(): Record<string, Json>;
}

/** What is remembered for a weight: a value of its shape that is 0 at first, or as this says. */
export interface SlotRule {
  /** Default 0. */
  readonly initial?: number;
  /**
   * Only with `perWeight`: the shape for a weight of this shape and name, or null where nothing is to be remembered.
   * Default that of the weight.
   */
  readonly shape?: (shape: Shape, name: string) => Shape | null;
}

/** Slots by name; Keras' names in snake_case are what files use. */
export type Slots = Readonly<Record<string, SlotRule>>;

/** What one step knows. */
export interface OptimizerStep {
  /** The weights before the step, decayed if they decay: a block of them as [elements], or one in its own shape. */
  readonly parameter: SymbolicTensor;
  /** Of the same shape. */
  readonly gradient: SymbolicTensor;
  /** The slots that there are, by name. */
  readonly slots: Readonly<Record<string, SymbolicTensor>>;
  /** Scalars. */
  readonly shared: Readonly<Record<string, SymbolicTensor>>;
  /** Scalar. */
  readonly learningRate: SymbolicTensor;
  /** int32 scalar, 1 in the first step. */
  readonly iteration: SymbolicTensor;
  /** Name of the weight; only with `perWeight`. */
  readonly name: string;
}

/** What one instruction over a block works on: the variables themselves. */
export interface OptimizerBlock {
  /** Weights side by side, [elements]. */
  readonly parameter: Variable;
  /** Of the same layout. */
  readonly gradient: Variable;
  /** Of the same layout, by name. */
  readonly slots: Readonly<Record<string, Variable>>;
  /** Scalar. */
  readonly learningRate: SymbolicTensor;
  /** int32, 1 in the first step. */
  readonly iteration: SymbolicTensor;
  /** 0 where the block does not decay. */
  readonly weightDecay: number;
}

/** The part of an optimizer that changes weights. */
export interface OptimizerRule {
  /** What it remembers for each weight. */
  readonly slots: Slots;
  /** Scalars that belong to all weights together, with their first values. */
  readonly shared: Readonly<Record<string, number>>;
  /** Whether it sees each weight by itself, in its own shape. */
  readonly perWeight: boolean;
  /** The decay of a weight, where it is not that of the settings; undefined there. */
  readonly weightDecayOf?: ((shape: Shape, name: string) => number | null | undefined) | undefined;
  /** The new values of `parameter`, of the slots and of what is shared, by name; what is missing stays. */
  update(step: OptimizerStep): Readonly<Record<string, Operand>>;
  /** The same, weight decay included, as one instruction. */
  readonly kernel?: ((block: OptimizerBlock) => void) | undefined;
}

/** The options of an optimizer of its own: rules, or just the default values. */
export type OwnOptions<S> = { readonly [K in keyof S]: OptionRule<S[K]> | (S[K] & (number | boolean)) };

/** What {@link defineOptimizer} needs to know. */
export interface OptimizerDefinition<S extends object> {
  /** For people, and for the names of its options in messages. */
  readonly name: string;
  /** For files: the name under which `registerOptimizer` knows it. Default: the name. */
  readonly className?: string;
  /** Default learning rate. Default 0.001. */
  readonly learningRate?: number;
  /** Default weight decay. Default none. */
  readonly weightDecay?: number;
  /** Its own options and their default values. */
  readonly options?: OwnOptions<S>;
  /** What it remembers for each weight. */
  readonly slots?: Slots | ((options: S) => Slots);
  /** Scalars that it remembers for all weights together, with their first values. */
  readonly shared?: Readonly<Record<string, number>>;
  /**
   * Whether it must see each weight by itself, in its own shape: for norms, rows and columns. Default false: it sees
   * neighbouring weights as one block, and the whole step is few instructions.
   */
  readonly perWeight?: boolean;
  /** Only with `perWeight`: the decay of a weight of this shape and name, null for none; undefined: as `weightDecay` says. */
  readonly weightDecayOf?: (shape: Shape, name: string, options: S) => number | null | undefined;
  /** The new values of `parameter`, of the slots and of what is shared, in ops. */
  readonly update: (step: OptimizerStep, options: S) => Readonly<Record<string, Operand>>;
}

/** Makes optimizers of one kind. */
export type OptimizerFactory<S extends object> = (options?: OptimizerOptions & Partial<S>) => Optimizer;

/**
 * An optimizer of your own. Weight decay, clipping, averages of weights, accumulation and schedules come with it.
 *
 * ```ts
 * const signMomentum = defineOptimizer({
 *   name: "signMomentum",
 *   options: { beta: 0.9 },
 *   slots: { momentum: {} },
 *   update: ({ parameter, gradient, slots, learningRate }, { beta }) => {
 *     const momentum = ops.add(ops.multiply(slots.momentum, beta), gradient);
 *     return { momentum, parameter: ops.subtract(parameter, ops.multiply(ops.sign(momentum), learningRate)) };
 *   },
 * });
 * model.compile({ optimizer: signMomentum({ learningRate: 1e-3, clipnorm: 1 }), loss: "mse" });
 * ```
 * @throws {TensorError} `option` for a definition that lacks something.
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineOptimizer<S extends object = Record<never, never>>(
  definition: OptimizerDefinition<S>,
): OptimizerFactory<S> {
  checkDefinition("defineOptimizer", definition, { name: "string", update: "function" });
  return (options = {}) => makeOptimizer(definition, options);
}

/**
 * The optimizer of a definition.
 * @param kernel does the same as `definition.update` and the decay of weights in one instruction.
 */
export function makeOptimizer<S extends object>(
  definition: OptimizerDefinition<S>,
  given: OptimizerOptions,
  kernel?: (block: OptimizerBlock, options: S) => void,
): Optimizer {
  const { name, className = name, update, perWeight = false, shared = {}, weightDecayOf } = definition;
  const where = name.toLowerCase();
  checkOptionsObject(where, given);
  const own = settle(where, given, rulesOf(definition.options), commonOptions);
  const settings = checkedSettings(where, given, definition.learningRate ?? 0.001, definition.weightDecay ?? null);
  const slots = typeof definition.slots === "function" ? definition.slots(own) : (definition.slots ?? {});
  check(
    perWeight || (weightDecayOf ?? Object.values(slots).find(({ shape }) => shape)) === undefined,
    "option",
    () => ({
      where: `${where}.perWeight`,
      expected: "true with weightDecayOf or shape",
      received: show(perWeight),
    }),
  );
  const called = given.name ?? name;
  const rule: OptimizerRule = {
    slots,
    shared,
    perWeight,
    weightDecayOf: weightDecayOf && ((shape, weight) => weightDecayOf(shape, weight, own)),
    update: (step) => update(step, own),
    kernel: kernel === undefined ? undefined : (block) => kernel(block, own),
  };
  const getConfig = (): Record<string, Json> => ({ name: called, ...commonConfig(settings), ...ownConfig(own) });
  return Object.freeze({ className, name: called, settings, rule: Object.freeze(rule), getConfig });
}

function rulesOf<S extends object>(options: OwnOptions<S> | undefined): OptionRules<S> {
  const entries = Object.entries<unknown>(options ?? {}).map(([name, value]) => {
    if (typeof value === "number") return [name, number(value)];
    return [name, typeof value === "boolean" ? flag(value) : value];
  });
  return Object.fromEntries(entries) as OptionRules<S>;
}

function commonConfig(settings: OptimizerSettings): Record<string, Json> {
  const { excludeFromWeightDecay: spared } = settings;
  return {
    learning_rate: serializeSchedule(settings.learningRate),
    weight_decay: settings.weightDecay,
    clipnorm: settings.clipnorm,
    global_clipnorm: settings.globalClipnorm,
    clipvalue: settings.clipvalue,
    use_ema: settings.useEma,
    ema_momentum: settings.emaMomentum,
    ema_overwrite_frequency: settings.emaOverwriteFrequency,
    loss_scale_factor: settings.lossScaleFactor,
    gradient_accumulation_steps: settings.gradientAccumulationSteps,
    // Keras has no such option but a call.
    ...(spared.length === 0 ? {} : { exclude_from_weight_decay: spared }),
  };
}

/** Keras writes numbers apart: `beta_1`, `epsilon_2`, `beta_2_decay`. */
function ownConfig(own: object): Config {
  return Object.fromEntries(
    Object.entries(own).map(([name, value]) => [
      toSnakeCase(name).replace(/(beta|epsilon)(\d)/, "$1_$2"),
      value as Json,
    ]),
  );
}
