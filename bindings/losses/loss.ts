// How do the values of samples become the one number that training minimises?

import { type Config, toCamelCase, toSnakeCase } from "../config.ts";
import { check, unknownName } from "../errors.ts";
import { errorPlace, type Operand, type SymbolicTensor } from "../graph.ts";
import { asFloat, divide, equal, multiply, where } from "../ops/map.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { configOf, type OptionRules, settle } from "../optionRules.ts";
import { type DType, type Shape, sizeOf } from "../tensor.ts";
import { toSameRank } from "./shapes.ts";

type Node = SymbolicTensor;

/** The labels that a loss takes for predictions of one shape. */
export interface Labels {
  /** Their shape; where several fit, one of them. */
  readonly shape: Shape;
  /** int32 for numbers, of classes or of groups; they cannot be mixed. */
  readonly dtype: DType;
  /** Numbers of classes are those from 0 to this less 1. Default: any number. */
  readonly classes?: number;
  /** A number beside those. Default none. */
  readonly ignored?: number | null;
}

/** A loss: how values of samples come about, and how they become one. */
export interface Loss {
  /** Its class in Keras. */
  readonly className: string;
  /** Its name in configurations; by default that of its class in snake_case. */
  readonly name: string;
  /** Its options as Keras writes them. */
  readonly config: Config;
  /** The labels that it takes for predictions of this shape. Default: float32 of the same shape. */
  readonly labels?: ((predictions: Shape) => Labels) | undefined;
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

/** Values of samples, and where they count. */
export interface MaskedValues {
  readonly values: Node;
  /** Where values count; undefined means everywhere. */
  readonly mask: Node | undefined;
}

/** Labels and predictions in, values out. */
export type Values = (yTrue: Node, yPred: Node) => Node | MaskedValues;

/**
 * The loss `className` of the options `given`.
 * @param rules what its own options may be.
 * @param measure the values of samples, given the options.
 * @param labels the labels that it takes, given the options, if they are not like predictions.
 */
export function makeLoss<S extends object>(
  className: string,
  given: LossOptions & { readonly [K in keyof S]?: S[K] | undefined },
  rules: OptionRules<S>,
  measure: (settings: S) => Values,
  labels?: (predictions: Shape, settings: S) => Labels,
): Loss {
  const settings = settle(toCamelCase(toSnakeCase(className)), given, rules, ["reduction", "name"]);
  const taken = labels && ((predictions: Shape) => labels(predictions, settings));
  return lossOf(className, given, configOf(settings), measure(settings), taken);
}

/** The loss of values that need no options. */
export function lossOf(
  className: string,
  { name = toSnakeCase(className), reduction: given = "sumOverBatchSize" }: LossOptions,
  config: Config,
  measure: Values,
  labels?: Loss["labels"],
): Loss {
  const reduction = resolveReduction(className, given);
  const valuesOf = (yTrue: Node, yPred: Node): MaskedValues => {
    const found = measure(yTrue, yPred);
    return "values" in found ? found : { values: found, mask: undefined };
  };
  return Object.freeze({
    className,
    name,
    config: Object.freeze({ name, reduction: reduction === "none" ? given : toSnakeCase(reduction), ...config }),
    labels,
    values: (yTrue: Node, yPred: Node) => valuesOf(yTrue, yPred).values,
    call: (yTrue: Node, yPred: Node, sampleWeight?: Node, mask?: Node) => {
      const found = valuesOf(yTrue, yPred);
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
  const found = typeof given === "string" ? reductions.find((each) => each === toCamelCase(given)) : undefined;
  if (found === undefined) throw unknownName(`${className}.reduction`, "a reduction", given, reductions);
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
  if (by === "meanWithSampleWeight" && spread !== undefined) return quotient(total, sum(spread));
  return divide(total, Math.max(1, sizeOf(weighted.shape)));
}

/** sampleWeight · mask; for a mean the mask is scaled up so that dividing by all values gives the mean of the valid ones. */
function combinedWeights(sampleWeight: Node | undefined, mask: Node | undefined, by: KnownReduction): Node | undefined {
  const weights = sampleWeight === undefined ? undefined : asFloat(sampleWeight);
  if (mask === undefined) return weights;
  const averages = by === "mean" || by === "sumOverBatchSize";
  const scaled = averages ? multiply(mask, quotient(mask.size, sum(mask))) : mask;
  return weights === undefined ? scaled : multiply(...expandedToMatch(scaled, weights));
}

/** a / b, and 0 where b is 0: the mean of values none of which counts. */
function quotient(a: Operand, b: Node): Node {
  const none = equal(b, 0);
  return where(none, 0, divide(a, where(none, 1, b)));
}

/**
 * Both with one rank: the lower one gets axes of size 1 behind its own, when its axes are the first of the other.
 * @throws {TensorError} `shape` when they do not fit.
 */
export function expandedToMatch(a: Node, b: Node): [Node, Node] {
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
