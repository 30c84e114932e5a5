// How do gradients change weights, and which options are there?

import {
  type Config,
  checkNumber,
  checkOptionNames,
  isSerialized,
  type Json,
  optionsFromConfig,
  type SerializedObject,
} from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import type { SymbolicTensor } from "./graph.ts";
import { adamStep, rmspropStep, sgdStep } from "./ops/optimize.ts";
import {
  checkedSettings,
  decayRate,
  flag,
  type OptimizerOptions,
  type OptimizerSettings,
} from "./optimizerSettings.ts";
import type { Variable } from "./variable.ts";

export type { OptimizerOptions, OptimizerSettings } from "./optimizerSettings.ts";
export { type OptimizerState, type Slot, type StartOptions, startOptimizer } from "./optimizerState.ts";

/** A rule for changing weights: checked options, and one step over a block of weights. Its state is elsewhere. */
export interface Optimizer {
  /** Its class in Keras. */
  readonly className: string;
  readonly name: string;
  readonly settings: OptimizerSettings;
  /** What it remembers for each weight, by Keras' names. */
  readonly slotNames: readonly string[];
  /** The options as Keras writes them. */
  getConfig(): Record<string, Json>;
  /** Adds one step over a block to the trace; all variables are float32 of one length. */
  update(block: OptimizerBlock): void;
}

/** What one step works on. */
export interface OptimizerBlock {
  readonly parameter: Variable;
  readonly gradient: Variable;
  readonly slots: Readonly<Record<string, Variable>>;
  readonly learningRate: SymbolicTensor;
  /** int32, 1 in the first step. */
  readonly iteration: SymbolicTensor;
  readonly weightDecay: number;
}

export interface SgdOptions extends OptimizerOptions {
  /** In [0, 1]. Default 0. */
  readonly momentum?: number;
  /** Look ahead along the velocity (Sutskever et al., 2013). Default false. */
  readonly nesterov?: boolean;
}
export interface AdamOptions extends OptimizerOptions {
  /** Share of the old mean gradient that stays in each step, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** The same for squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Divide by the largest mean square so far (Reddi et al., 2018). Default false. */
  readonly amsgrad?: boolean;
}
export interface RmspropOptions extends OptimizerOptions {
  /** Share of the old mean squared gradient that stays in each step, in [0, 1). Default 0.9. */
  readonly rho?: number;
  /** In [0, 1]. Default 0. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Divide by the deviation instead of the root mean square (Graves, 2013). Default false. */
  readonly centered?: boolean;
}

/**
 * w ← w − rate·g; with momentum v ← momentum·v − rate·g, w ← w + v (nesterov: w + momentum·v − rate·g).
 * Learning rate 0.01 by default (Robbins & Monro, 1951; Polyak, 1964).
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  checkOptionNames("sgd", options, kinds.sgd[1]);
  const momentum = checkNumber("sgd.momentum", options.momentum ?? 0, 0, 1);
  const nesterov = flag("sgd.nesterov", options.nesterov);
  const slotNames = momentum > 0 ? ["momentum"] : [];
  return makeOptimizer("SGD", "SGD", options, 0.01, slotNames, { momentum, nesterov }, (block) => {
    const { slots, weightDecay, parameter, gradient, learningRate } = block;
    const velocity = slots.momentum === undefined ? {} : { velocity: slots.momentum };
    sgdStep({ parameter, gradient, learningRate, ...velocity }, { momentum, nesterov, weightDecay });
  });
}

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε) in step t.
 * Learning rate 0.001 by default (Kingma & Ba, 2015).
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamRule("Adam", "adam", options);
}

/** {@link adam} with weights moved towards 0 apart from the gradient, by 0.004 by default (Loshchilov & Hutter, 2019). */
export function adamw(options: AdamOptions = {}): Optimizer {
  const { weightDecay = 0.004 } = options;
  check(weightDecay !== null, "option", () => ({
    where: "adamw.weightDecay",
    expected: "a number ≥ 0",
    received: "null",
    remedy: "Use adam without weight decay.",
  }));
  return adamRule("AdamW", "adamw", { ...options, weightDecay });
}

/**
 * v ← ρv + (1 − ρ)g², w ← w − rate·g/√(v + ε); centered subtracts the squared mean gradient from v; with momentum the
 * steps add up: b ← momentum·b + step, w ← w − b. Learning rate 0.001 by default (Tieleman & Hinton, 2012).
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  checkOptionNames("rmsprop", options, kinds.rmsprop[1]);
  const rho = checkNumber("rmsprop.rho", options.rho ?? 0.9, 0, 1);
  const momentum = checkNumber("rmsprop.momentum", options.momentum ?? 0, 0, 1);
  const epsilon = checkNumber("rmsprop.epsilon", options.epsilon ?? 1e-7, 0);
  const centered = flag("rmsprop.centered", options.centered);
  const slotNames = ["velocity", ...(momentum > 0 ? ["momentum"] : []), ...(centered ? ["average_gradient"] : [])];
  const own = { rho, momentum, epsilon, centered };
  return makeOptimizer("RMSprop", "rmsprop", options, 0.001, slotNames, own, (block) => {
    const { velocity, momentum: momentumBuffer, average_gradient: averageGradient } = block.slots;
    const { parameter, gradient, learningRate, weightDecay } = block;
    const buffers = {
      velocity: velocity as Variable,
      ...(momentumBuffer === undefined ? {} : { momentumBuffer }),
      ...(averageGradient === undefined ? {} : { averageGradient }),
    };
    rmspropStep({ parameter, gradient, learningRate, ...buffers }, { ...own, weightDecay });
  });
}

function adamRule(className: "Adam" | "AdamW", name: "adam" | "adamw", options: AdamOptions): Optimizer {
  checkOptionNames(name, options, kinds[name][1]);
  const beta1 = decayRate(`${name}.beta1`, options.beta1 ?? 0.9);
  const beta2 = decayRate(`${name}.beta2`, options.beta2 ?? 0.999);
  const epsilon = checkNumber(`${name}.epsilon`, options.epsilon ?? 1e-7, 0);
  const amsgrad = flag(`${name}.amsgrad`, options.amsgrad);
  const slotNames = ["momentum", "velocity", ...(amsgrad ? ["velocity_hat"] : [])];
  const own = { beta_1: beta1, beta_2: beta2, epsilon, amsgrad };
  return makeOptimizer(className, name, options, 0.001, slotNames, own, (block) => {
    const {
      momentum,
      velocity,
      velocity_hat: maximum,
    } = block.slots as Record<"momentum" | "velocity", Variable> & Record<string, Variable | undefined>;
    const { parameter, gradient, learningRate, iteration, weightDecay } = block;
    const hat = maximum === undefined ? {} : { maximum };
    adamStep(
      { parameter, gradient, momentum, velocity, learningRate, iteration, ...hat },
      { beta1, beta2, epsilon, weightDecay },
    );
  });
}

// By name -------------------------------------------------------------------------------------------------------------

/** Names of optimizers, with their default options. */
export type OptimizerName = "sgd" | "adam" | "adamw" | "rmsprop";
/** What `compile` takes as an optimizer. */
export type OptimizerLike = OptimizerName | Optimizer;

type Factory = (options: Record<string, never>) => Optimizer;

const common: readonly string[] = [
  "learningRate",
  "weightDecay",
  "clipnorm",
  "clipvalue",
  "globalClipnorm",
  "useEma",
  "emaMomentum",
  "emaOverwriteFrequency",
  "lossScaleFactor",
  "gradientAccumulationSteps",
  "name",
];
const adamOptions: readonly string[] = [...common, "beta1", "beta2", "epsilon", "amsgrad"];

/** Each optimizer with the names of its options. */
const kinds: Readonly<Record<OptimizerName, readonly [Factory, readonly string[]]>> = {
  sgd: [sgd, [...common, "momentum", "nesterov"]],
  adam: [adam, adamOptions],
  adamw: [adamw, adamOptions],
  rmsprop: [rmsprop, [...common, "rho", "momentum", "epsilon", "centered"]],
};

/**
 * The optimizer meant by a name, an object or a configuration.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveOptimizer(value: OptimizerLike | SerializedObject | string, where: string): Optimizer {
  if (isSerialized(value)) return optimizerFromConfig(value.class_name, value.config);
  if (typeof value === "object" && value !== null && typeof value.update === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of an optimizer, or an object such as adam({ learningRate: 0.01 })",
    received: show(value),
  }));
  return kindOf(where, value)[0]({});
}

/** The optimizer of a Keras configuration. @throws {TensorError} `name`, `option` or `unsupported`. */
export function optimizerFromConfig(className: string, config: Config = {}): Optimizer {
  const [make, options] = kindOf("optimizerFromConfig", className);
  const { isLegacyOptimizer: _, ...given } = optionsFromConfig<Record<string, never>>(className, config, [
    ...options,
    "isLegacyOptimizer",
  ]);
  return make(given);
}

function kindOf(where: string, name: string): readonly [Factory, readonly string[]] {
  const key = name.toLowerCase();
  if (!Object.hasOwn(kinds, key)) throw unknownName(where, "an optimizer", name, Object.keys(kinds));
  return kinds[key as OptimizerName];
}

// Parts ---------------------------------------------------------------------------------------------------------------

function makeOptimizer(
  className: string,
  name: string,
  options: OptimizerOptions,
  learningRate: number,
  slotNames: readonly string[],
  own: Config,
  update: (block: OptimizerBlock) => void,
): Optimizer {
  const settings = checkedSettings(name.toLowerCase(), options, learningRate);
  const called = options.name ?? name;
  const getConfig = (): Record<string, Json> => ({
    name: called,
    learning_rate: settings.learningRate,
    weight_decay: settings.weightDecay,
    clipnorm: settings.clipnorm,
    global_clipnorm: settings.globalClipnorm,
    clipvalue: settings.clipvalue,
    use_ema: settings.useEma,
    ema_momentum: settings.emaMomentum,
    ema_overwrite_frequency: settings.emaOverwriteFrequency,
    loss_scale_factor: settings.lossScaleFactor,
    gradient_accumulation_steps: settings.gradientAccumulationSteps,
    ...own,
  });
  return Object.freeze({ className, name: called, settings, slotNames: Object.freeze(slotNames), getConfig, update });
}
