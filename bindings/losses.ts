// What does training minimise? One number for a batch, from values for each sample.

import {
  type Config,
  checkNumber,
  checkOptionNames,
  isSerialized,
  optionsFromConfig,
  type SerializedObject,
  toCamelCase,
  toSnakeCase,
} from "./config.ts";
import { check, show, unknownName } from "./errors.ts";
import { errorPlace, type SymbolicTensor } from "./graph.ts";
import {
  absoluteError,
  binaryCrossEntropy,
  categoricalCrossEntropy,
  checkedFunction,
  type LossFunction,
  sparseCategoricalCrossEntropy,
  squaredError,
  toSameRank,
} from "./lossFunctions.ts";
import { add, asFloat, divide, multiply } from "./ops/map.ts";
import { sum } from "./ops/reduce.ts";
import { reshape } from "./ops/view.ts";
import { sizeOf } from "./tensor.ts";

type Node = SymbolicTensor;

/** A loss: how values of samples come about, and how they become one. */
export interface Loss {
  /** Its class in Keras. */
  readonly className: string;
  readonly name: string;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** One value a sample: [batch, ...]. */
  values(yTrue: Node, yPred: Node): Node;
  /**
   * The values reduced to a scalar (or not, with reduction "none").
   * @param sampleWeight [batch], or as many leading axes of the values, or their shape: a factor for each value.
   * @param mask the same shapes; values where it is 0 do not count.
   */
  call(yTrue: Node, yPred: Node, sampleWeight?: Node, mask?: Node): Node;
}

/** How values become one: their mean, sum, or sum over the sum of the weights; "none" (or null) leaves them. */
export type Reduction = "sumOverBatchSize" | "mean" | "sum" | "meanWithSampleWeight" | "none" | null;

/** Options that every loss has. */
export interface LossOptions {
  /** Default "sumOverBatchSize": the mean over all values. Keras' snake_case is accepted. */
  readonly reduction?: Reduction | "sum_over_batch_size" | "mean_with_sample_weight";
  /** Default: the name of the loss in snake_case. */
  readonly name?: string;
}
export interface CrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities. Default false; the last layer's softmax or sigmoid is undone anyway. */
  readonly fromLogits?: boolean;
  /** Share s in [0, 1] of each label that is spread evenly: y·(1 − s) + s/classes. Default 0. */
  readonly labelSmoothing?: number;
  /** Axis of the classes. Default -1. */
  readonly axis?: number;
}
export interface SparseCategoricalCrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities. Default false; the last layer's softmax is undone anyway. */
  readonly fromLogits?: boolean;
  /** A label that does not count, such as -1 for padding. Default null. */
  readonly ignoreClass?: number | null;
  /** Axis of the classes. Default -1. */
  readonly axis?: number;
}

/** Σ (yTrue − yPred)² / n over the last axis: [batch, ..., n] → [batch, ...], then reduced. */
export function meanSquaredError(options: LossOptions = {}): Loss {
  return plainLoss("MeanSquaredError", options, squaredError);
}

/** Σ |yTrue − yPred| / n over the last axis: [batch, ..., n] → [batch, ...], then reduced. */
export function meanAbsoluteError(options: LossOptions = {}): Loss {
  return plainLoss("MeanAbsoluteError", options, absoluteError);
}

/** −y·ln p − (1 − y)·ln(1 − p), mean over `axis`: labels and p of one shape [batch, ..., n] → [batch, ...]. */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  return crossentropy("BinaryCrossentropy", options, binaryCrossEntropy);
}

/** −Σ y·ln p over `axis`: shares y and p of one shape [batch, ..., classes] → [batch, ...]. */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  return crossentropy("CategoricalCrossentropy", options, categoricalCrossEntropy);
}

/**
 * −ln p_label over `axis`: integer labels [batch, ...] or [batch, ..., 1], p [batch, ..., classes] → [batch, ...].
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function sparseCategoricalCrossentropy(options: SparseCategoricalCrossentropyOptions = {}): Loss {
  const where = "sparseCategoricalCrossentropy";
  checkOptionNames(where, options, kinds[where][1]);
  const { fromLogits = false, ignoreClass = null, axis = -1 } = options;
  checkBoolean(`${where}.fromLogits`, fromLogits);
  checkInteger(`${where}.axis`, axis);
  if (ignoreClass !== null) checkInteger(`${where}.ignoreClass`, ignoreClass);
  const rule = { fromLogits, ignoreClass, axis };
  const config = { from_logits: fromLogits, ignore_class: ignoreClass };
  return makeLoss("SparseCategoricalCrossentropy", options, config, (yTrue, yPred) =>
    sparseCategoricalCrossEntropy(yTrue, yPred, rule),
  );
}

// By name -------------------------------------------------------------------------------------------------------------

/** Names of losses, with their default options. */
export type LossName =
  | "meanSquaredError"
  | "mse"
  | "meanAbsoluteError"
  | "mae"
  | "binaryCrossentropy"
  | "categoricalCrossentropy"
  | "sparseCategoricalCrossentropy";

/** A loss of your own, in ops: values for each sample [batch, ...], or a scalar. */
export type { LossFunction } from "./lossFunctions.ts";
/** What `compile` takes as a loss. */
export type LossLike = LossName | Loss | LossFunction;

type Factory = (options: Record<string, never>) => Loss;
const common: readonly string[] = ["reduction", "name"];

/** Each loss with the names of its options. */
const kinds: Readonly<Record<Exclude<LossName, "mse" | "mae">, readonly [Factory, readonly string[]]>> = {
  meanSquaredError: [meanSquaredError, common],
  meanAbsoluteError: [meanAbsoluteError, common],
  binaryCrossentropy: [binaryCrossentropy, [...common, "fromLogits", "labelSmoothing", "axis"]],
  categoricalCrossentropy: [categoricalCrossentropy, [...common, "fromLogits", "labelSmoothing", "axis"]],
  sparseCategoricalCrossentropy: [sparseCategoricalCrossentropy, [...common, "fromLogits", "ignoreClass", "axis"]],
};
const aliases: Readonly<Record<string, string>> = { mse: "meanSquaredError", mae: "meanAbsoluteError" };

/**
 * The loss meant by a name (camelCase, or snake_case as Keras writes it), an object, a configuration or a function.
 * @throws {TensorError} `name` for an unknown name, `option` for another kind of value.
 */
export function resolveLoss(value: LossLike | SerializedObject | string, where: string): Loss {
  if (typeof value === "function") return customLoss(value);
  if (isSerialized(value)) return lossFromConfig(value.class_name, value.config);
  if (typeof value === "object" && value !== null && typeof value.call === "function") return value;
  check(typeof value === "string", "option", () => ({
    where,
    expected: "the name of a loss, an object or a function (yTrue, yPred) => values",
    received: show(value),
  }));
  return kindOf(where, value)[0]({});
}

/** The loss of a Keras configuration. @throws {TensorError} `name` or `option` for what is not known. */
export function lossFromConfig(className: string, config: Config = {}): Loss {
  const [make, options] = kindOf("lossFromConfig", className);
  return make(optionsFromConfig<Record<string, never>>(className, config, [...options, "fn"]));
}

function kindOf(where: string, name: string): readonly [Factory, readonly string[]] {
  const camel = toCamelCase(toSnakeCase(name));
  const key = aliases[camel] ?? camel;
  if (!Object.hasOwn(kinds, key)) throw unknownName(where, "a loss", name, [...Object.keys(kinds), "mse", "mae"]);
  return kinds[key as keyof typeof kinds];
}

/** The loss that a function computes; a scalar it gives is the loss, other values are averaged. */
function customLoss(fn: LossFunction): Loss {
  const name = fn.name === "" ? "custom" : fn.name;
  const checked = checkedFunction("loss", fn);
  return makeLoss(name, { name }, {}, (yTrue, yPred) => ({ values: checked(yTrue, yPred), mask: undefined }));
}

// Parts ---------------------------------------------------------------------------------------------------------------

interface MaskedValues {
  readonly values: Node;
  /** Where values count; undefined means everywhere. */
  readonly mask: Node | undefined;
}

function plainLoss(className: string, options: LossOptions, fn: (yTrue: Node, yPred: Node) => Node): Loss {
  checkOptionNames(toCamelCase(toSnakeCase(className)), options, common);
  return makeLoss(className, options, {}, (yTrue, yPred) => ({ values: fn(yTrue, yPred), mask: undefined }));
}

function crossentropy(
  className: "BinaryCrossentropy" | "CategoricalCrossentropy",
  options: CrossentropyOptions,
  fn: typeof binaryCrossEntropy,
): Loss {
  const where = toCamelCase(toSnakeCase(className)) as "binaryCrossentropy" | "categoricalCrossentropy";
  checkOptionNames(where, options, kinds[where][1]);
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  checkBoolean(`${where}.fromLogits`, fromLogits);
  checkNumber(`${where}.labelSmoothing`, labelSmoothing, 0, 1);
  checkInteger(`${where}.axis`, axis);
  const rule = { fromLogits, labelSmoothing, axis };
  const config = { from_logits: fromLogits, label_smoothing: labelSmoothing, axis };
  return makeLoss(className, options, config, (yTrue, yPred) => ({
    values: fn(yTrue, yPred, rule),
    mask: undefined,
  }));
}

function makeLoss(
  className: string,
  { name = toSnakeCase(className), reduction: given = "sumOverBatchSize" }: LossOptions,
  config: Config,
  measure: (yTrue: Node, yPred: Node) => MaskedValues,
): Loss {
  const reduction = resolveReduction(className, given);
  return Object.freeze({
    className,
    name,
    config: Object.freeze({ name, reduction: reduction === "none" ? given : toSnakeCase(reduction), ...config }),
    values: (yTrue: Node, yPred: Node) => measure(yTrue, yPred).values,
    call: (yTrue: Node, yPred: Node, sampleWeight?: Node, mask?: Node) => {
      const found = measure(yTrue, yPred);
      const masks = [mask, found.mask].filter((each) => each !== undefined).map((each) => asFloat(each));
      const both = masks.length === 2 ? multiply(...expandedToMatch(masks[0] as Node, masks[1] as Node)) : masks[0];
      return reduceValues(found.values, sampleWeight, both, reduction);
    },
  });
}

const reductions = ["sumOverBatchSize", "mean", "sum", "meanWithSampleWeight", "none"] as const;
type KnownReduction = (typeof reductions)[number];

function resolveReduction(className: string, given: LossOptions["reduction"] | null): KnownReduction {
  if (given === null || given === undefined) return "none";
  const found = reductions.find((each) => each === toCamelCase(String(given)));
  if (found === undefined) throw unknownName(`${className}.reduction`, "a reduction", String(given), reductions);
  return found;
}

/** Values times weights, then reduced. Masked values have weight 0, the others count as if there were no mask. */
function reduceValues(values: Node, sampleWeight: Node | undefined, mask: Node | undefined, by: KnownReduction): Node {
  const weights = combinedWeights(sampleWeight, mask, by);
  let weighted = values;
  let spread = weights;
  if (weights !== undefined) {
    const [own, factors] = expandedToMatch(values, weights);
    weighted = multiply(own, factors);
    spread = factors;
  }
  if (by === "none" || weighted.shape.length === 0) return weighted;
  const total = sum(weighted);
  if (by === "sum") return total;
  if (by === "meanWithSampleWeight" && spread !== undefined) return divide(total, sum(spread));
  return divide(total, Math.max(1, sizeOf(weighted.shape)));
}

/** sampleWeight · mask; for a mean the mask is scaled up so that dividing by all values gives the mean of the valid ones. */
function combinedWeights(sampleWeight: Node | undefined, mask: Node | undefined, by: KnownReduction): Node | undefined {
  const weights = sampleWeight === undefined ? undefined : asFloat(sampleWeight);
  if (mask === undefined) return weights;
  const averages = by === "mean" || by === "sumOverBatchSize";
  const scaled = averages ? multiply(mask, divide(mask.size, add(sum(mask), 1e-7))) : mask;
  return weights === undefined ? scaled : multiply(...expandedToMatch(scaled, weights));
}

/** Both with one rank: the lower one gets axes of size 1 behind its own, when its axes are the first of the other. */
function expandedToMatch(a: Node, b: Node): [Node, Node] {
  const [first, second] = toSameRank(a, b);
  const grow = (low: Node, high: Node): Node => {
    const missing = high.shape.length - low.shape.length;
    const leads = missing > 0 && low.shape.every((size, axis) => size === 1 || size === high.shape[axis]);
    return leads ? reshape(low, [...low.shape, ...new Array<number>(missing).fill(1)]) : low;
  };
  const pair: [Node, Node] = [grow(first, second), grow(second, first)];
  const [x, y] = pair;
  const fits = x.shape.every((size, at) => {
    const other = y.shape[at + y.shape.length - x.shape.length];
    return other === undefined || other === size || other === 1 || size === 1;
  });
  check(fits, "shape", () => ({
    where: errorPlace("loss"),
    expected: `sample weights for values of shape [${a.shape.join(", ")}]: one a sample, or one a value`,
    received: `[${b.shape.join(", ")}]`,
  }));
  return pair;
}

function checkBoolean(where: string, value: unknown): void {
  check(typeof value === "boolean", "option", () => ({ where, expected: "true or false", received: show(value) }));
}

function checkInteger(where: string, value: unknown): void {
  check(Number.isInteger(value), "option", () => ({ where, expected: "an integer", received: show(value) }));
}
