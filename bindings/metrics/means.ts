// How far are predictions from what was wanted, over an epoch?

import { checkOptionNames, checkOptionsObject, toCamelCase } from "../config.ts";
import type { SymbolicTensor } from "../graph.ts";
import {
  binaryCrossentropy as binaryCrossentropyLoss,
  type CrossentropyOptions,
  categoricalCrossentropy as categoricalCrossentropyLoss,
  type SparseCategoricalCrossentropyOptions,
  sparseCategoricalCrossentropy as sparseCategoricalCrossentropyLoss,
} from "../losses/crossEntropy.ts";
import type { Loss, LossOptions } from "../losses/loss.ts";
import * as losses from "../losses/regression.ts";
import { negate } from "../ops/map.ts";
import { byShapes, type Labels } from "./accuracy.ts";
import { checkName, type Metric, makeMetric, meanOf, metricOf, type Named } from "./metric.ts";

type Node = SymbolicTensor;

/** The mean, over an epoch, of the values of a loss. */
function ofLoss<N extends string>(
  className: string,
  defaultName: string,
  options: Named<N>,
  make: (options: object) => Loss,
  change: (values: Node) => Node = (values) => values,
): Metric<N> {
  checkOptionsObject(defaultName, options);
  const { name = defaultName as N, ...rest } = options;
  checkName(defaultName, name);
  const loss = make(rest);
  const { name: _, reduction: __, ...config } = loss.config;
  checkOptionNames(defaultName, options, ["name", ...Object.keys(config).map(toCamelCase)]);
  return metricOf(
    className,
    name,
    config,
    meanOf((yTrue, yPred) => change(loss.values(yTrue, yPred))),
  );
}

/** Mean of (yTrue − yPred)². */
export function meanSquaredError<const N extends string = "meanSquaredError">(options: Named<N> = {}): Metric<N> {
  return ofLoss("MeanSquaredError", "meanSquaredError", options, losses.meanSquaredError);
}

/** Mean of |yTrue − yPred|. */
export function meanAbsoluteError<const N extends string = "meanAbsoluteError">(options: Named<N> = {}): Metric<N> {
  return ofLoss("MeanAbsoluteError", "meanAbsoluteError", options, losses.meanAbsoluteError);
}

/** Mean of 100 · |yTrue − yPred| / max(|yTrue|, 1e-7). */
export function meanAbsolutePercentageError<const N extends string = "meanAbsolutePercentageError">(
  options: Named<N> = {},
): Metric<N> {
  return ofLoss(
    "MeanAbsolutePercentageError",
    "meanAbsolutePercentageError",
    options,
    losses.meanAbsolutePercentageError,
  );
}

/** Mean of (ln(1 + yTrue) − ln(1 + yPred))². */
export function meanSquaredLogarithmicError<const N extends string = "meanSquaredLogarithmicError">(
  options: Named<N> = {},
): Metric<N> {
  return ofLoss(
    "MeanSquaredLogarithmicError",
    "meanSquaredLogarithmicError",
    options,
    losses.meanSquaredLogarithmicError,
  );
}

/** Mean over samples of Σ yTrue · ln(yTrue / yPred). */
export function klDivergence<const N extends string = "klDivergence">(options: Named<N> = {}): Metric<N> {
  return ofLoss("KLDivergence", "klDivergence", options, losses.klDivergence);
}

/** Mean of yPred − yTrue · ln yPred. */
export function poisson<const N extends string = "poisson">(options: Named<N> = {}): Metric<N> {
  return ofLoss("Poisson", "poisson", options, losses.poisson);
}

/** Mean of max(1 − yTrue·yPred, 0); labels −1 and 1, or 0 and 1. */
export function hinge<const N extends string = "hinge">(options: Named<N> = {}): Metric<N> {
  return ofLoss("Hinge", "hinge", options, losses.hinge);
}

/** Mean of max(1 − yTrue·yPred, 0)². */
export function squaredHinge<const N extends string = "squaredHinge">(options: Named<N> = {}): Metric<N> {
  return ofLoss("SquaredHinge", "squaredHinge", options, losses.squaredHinge);
}

/** Mean over samples of max(max (1 − y)·p − Σ y·p + 1, 0). */
export function categoricalHinge<const N extends string = "categoricalHinge">(options: Named<N> = {}): Metric<N> {
  return ofLoss("CategoricalHinge", "categoricalHinge", options, losses.categoricalHinge);
}

/** Mean of ln cosh(yPred − yTrue). */
export function logCoshError<const N extends string = "logCoshError">(options: Named<N> = {}): Metric<N> {
  return ofLoss("LogCoshError", "logCoshError", options, losses.logCosh);
}

/** Mean over samples of the cosine of the angle between yTrue and yPred: 1 for one direction, −1 for opposite ones. */
export function cosineSimilarity<const N extends string = "cosineSimilarity">(
  options: Named<N> & Pick<losses.CosineSimilarityOptions, "axis"> = {},
): Metric<N> {
  return ofLoss("CosineSimilarity", "cosineSimilarity", options, losses.cosineSimilarity, negate);
}

/** √ of the mean of (yTrue − yPred)². */
export function rootMeanSquaredError<const N extends string = "rootMeanSquaredError">(
  options: Named<N> = {},
): Metric<N> {
  const { values } = losses.meanSquaredError();
  return makeMetric("RootMeanSquaredError", "rootMeanSquaredError", options, {}, () => meanOf(values, Math.sqrt));
}

// Cross-entropies -----------------------------------------------------------------------------------------------------

type OwnOptions<O extends LossOptions> = Omit<O, keyof LossOptions>;

/** Mean of −y·ln p − (1 − y)·ln(1 − p). */
export function binaryCrossentropy<const N extends string = "binaryCrossentropy">(
  options: Named<N> & OwnOptions<CrossentropyOptions> = {},
): Metric<N> {
  return ofLoss("BinaryCrossentropy", "binaryCrossentropy", options, binaryCrossentropyLoss);
}

/** Mean over samples of −Σ y·ln p. */
export function categoricalCrossentropy<const N extends string = "categoricalCrossentropy">(
  options: Named<N> & OwnOptions<CrossentropyOptions> = {},
): Metric<N> {
  return ofLoss("CategoricalCrossentropy", "categoricalCrossentropy", options, categoricalCrossentropyLoss);
}

/** Mean over samples of −ln p_label. */
export function sparseCategoricalCrossentropy<const N extends string = "sparseCategoricalCrossentropy">(
  options: Named<N> & OwnOptions<SparseCategoricalCrossentropyOptions> = {},
): Metric<N> {
  const name = "sparseCategoricalCrossentropy";
  return ofLoss("SparseCategoricalCrossentropy", name, options, sparseCategoricalCrossentropyLoss);
}

/** The cross-entropy that follows from the shapes, as for the name "crossentropy" in Keras. */
export function crossentropy<const N extends string = "crossentropy">(options: Named<N> = {}): Metric<N> {
  const choices: Readonly<Record<Labels, (yTrue: Node, yPred: Node) => Node>> = {
    binary: binaryCrossentropyLoss().values,
    sparse: sparseCategoricalCrossentropyLoss().values,
    categorical: categoricalCrossentropyLoss().values,
  };
  return makeMetric("ShapedCrossentropy", "crossentropy", options, {}, () =>
    meanOf((yTrue, yPred) => byShapes(yTrue, yPred, choices)(yTrue, yPred)),
  );
}
