// How is a metric made from its Keras configuration?

import { type Config, checkClassName, ownOptions } from "../config.ts";
import { unknownName } from "../errors.ts";
import * as accuracies from "./accuracy.ts";
import { auc } from "./areaUnderCurve.ts";
import * as scores from "./fScore.ts";
import * as overlaps from "./intersectionOverUnion.ts";
import * as means from "./means.ts";
import type { Metric } from "./metric.ts";
import * as regressions from "./regression.ts";
import * as thresholds from "./thresholds.ts";

/** The factories by Keras' class name; two of them by ours: what Keras chooses by shapes has no class there. */
const factories: Readonly<Record<string, (options: never) => Metric>> = {
  Accuracy: accuracies.exactAccuracy,
  AUC: auc,
  BinaryAccuracy: accuracies.binaryAccuracy,
  BinaryCrossentropy: means.binaryCrossentropy,
  BinaryIoU: overlaps.binaryIoU,
  CategoricalAccuracy: accuracies.categoricalAccuracy,
  CategoricalCrossentropy: means.categoricalCrossentropy,
  CategoricalHinge: means.categoricalHinge,
  ConcordanceCorrelation: regressions.concordanceCorrelation,
  CosineSimilarity: means.cosineSimilarity,
  F1Score: scores.f1Score,
  FalseNegatives: thresholds.falseNegatives,
  FalsePositives: thresholds.falsePositives,
  FBetaScore: scores.fBetaScore,
  Hinge: means.hinge,
  IoU: overlaps.iou,
  KLDivergence: means.klDivergence,
  LogCoshError: means.logCoshError,
  Mean: regressions.mean,
  MeanAbsoluteError: means.meanAbsoluteError,
  MeanAbsolutePercentageError: means.meanAbsolutePercentageError,
  MeanIoU: overlaps.meanIoU,
  MeanSquaredError: means.meanSquaredError,
  MeanSquaredLogarithmicError: means.meanSquaredLogarithmicError,
  OneHotIoU: overlaps.oneHotIoU,
  OneHotMeanIoU: overlaps.oneHotMeanIoU,
  PearsonCorrelation: regressions.pearsonCorrelation,
  Poisson: means.poisson,
  Precision: thresholds.precision,
  PrecisionAtRecall: thresholds.precisionAtRecall,
  R2Score: regressions.r2Score,
  Recall: thresholds.recall,
  RecallAtPrecision: thresholds.recallAtPrecision,
  RootMeanSquaredError: means.rootMeanSquaredError,
  SensitivityAtSpecificity: thresholds.sensitivityAtSpecificity,
  ShapedAccuracy: accuracies.accuracy,
  ShapedCrossentropy: means.crossentropy,
  SparseCategoricalAccuracy: accuracies.sparseCategoricalAccuracy,
  SparseCategoricalCrossentropy: means.sparseCategoricalCrossentropy,
  SparseTopKCategoricalAccuracy: accuracies.sparseTopKCategoricalAccuracy,
  SpecificityAtSensitivity: thresholds.specificityAtSensitivity,
  SquaredHinge: means.squaredHinge,
  Sum: regressions.sum,
  TopKCategoricalAccuracy: accuracies.topKCategoricalAccuracy,
  TrueNegatives: thresholds.trueNegatives,
  TruePositives: thresholds.truePositives,
};

/** The metric of a Keras configuration. @throws {TensorError} `name` or `option` for what is not known. */
export function metricFromConfig(className: string, config: Config = {}): Metric {
  checkClassName("metricFromConfig", "a metric", className);
  if (!Object.hasOwn(factories, className))
    throw unknownName("metricFromConfig", "a metric", className, Object.keys(factories));
  const options: Record<string, unknown> = ownOptions(className, config);
  return (factories[className] as (options: object) => Metric)(options);
}
