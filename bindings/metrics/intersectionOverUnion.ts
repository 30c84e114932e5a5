// How well do predicted regions cover the true ones?

import { checkOptionsObject } from "../config.ts";
import { check } from "../errors.ts";
import { errorPlace, type SymbolicTensor } from "../graph.ts";
import { epsilon } from "../losses/shapes.ts";
import { scatterAdd } from "../ops/gather.ts";
import { add, cast, full, greaterEqual, less, logicalAnd, multiply, notEqual, where } from "../ops/map.ts";
import { argMax } from "../ops/reduce.ts";
import { reshape } from "../ops/view.ts";
import { flag, integer, listOf, nullOr, number, type OptionRule } from "../optionRules.ts";
import { checkRoom } from "../tensor.ts";
import { type Metric, type MetricParts, makeMetric, type Named, withWeights } from "./metric.ts";

type Node = SymbolicTensor;

/** Options of {@link oneHotMeanIoU}. */
export interface OneHotMeanIoUOptions<N extends string> extends Named<N> {
  /** Number of classes. */
  readonly numClasses: number;
  /** A label that does not count. Default null. */
  readonly ignoreClass?: number | null;
  /** Predictions are integers, not one number for each class. Default false. */
  readonly sparseYPred?: boolean;
  /** Axis of the classes where there is one. Default -1. */
  readonly axis?: number;
}

/** Options of {@link oneHotIoU}. */
export interface OneHotIoUOptions<N extends string> extends OneHotMeanIoUOptions<N> {
  /** The classes whose mean is taken. */
  readonly targetClassIds: readonly number[];
}

/** Options of {@link meanIoU}. */
export interface MeanIoUOptions<N extends string> extends OneHotMeanIoUOptions<N> {
  /** Labels are integers, not one number for each class. Default true. */
  readonly sparseYTrue?: boolean;
}

/** Options of {@link iou}. */
export interface IoUOptions<N extends string> extends MeanIoUOptions<N> {
  /** The classes whose mean is taken. */
  readonly targetClassIds: readonly number[];
}

/** Options of {@link binaryIoU}. */
export interface BinaryIoUOptions<N extends string> extends Named<N> {
  /** The classes whose mean is taken. Default [0, 1]. */
  readonly targetClassIds?: readonly number[];
  /** Predictions of at least this are class 1; in [0, 1]. Default 0.5. */
  readonly threshold?: number;
}

interface Settings {
  readonly numClasses: number;
  readonly targetClassIds?: readonly number[];
  readonly ignoreClass?: number | null;
  readonly sparseYTrue: boolean;
  readonly sparseYPred: boolean;
  readonly axis: number;
}

const needed = /* @__PURE__ */ integer(Number.NaN, 1);
const classes: OptionRule<readonly number[]> = /* @__PURE__ */ listOf(/* @__PURE__ */ integer(0, 0));

function rulesOf(sparse: boolean) {
  return {
    numClasses: needed,
    ignoreClass: nullOr(integer(0)),
    sparseYPred: flag(sparse),
    axis: integer(-1),
  };
}

/** Intersection over union, the mean over `targetClassIds`: integer labels and predictions of one shape. */
export function iou<const N extends string = "iou">(options: IoUOptions<N>): Metric<N> {
  const rules = { ...rulesOf(true), targetClassIds: classes, sparseYTrue: flag(true) };
  requireOptions("iou", options, { numClasses: needed, targetClassIds: classes });
  return makeMetric("IoU", "iou", options, rules, (settings) => overlap("iou", settings));
}

/** Intersection over union, the mean over all classes that occur: integer labels and predictions of one shape. */
export function meanIoU<const N extends string = "meanIoU">(options: MeanIoUOptions<N>): Metric<N> {
  const rules = { ...rulesOf(true), sparseYTrue: flag(true) };
  requireOptions("meanIoU", options, { numClasses: needed });
  return makeMetric("MeanIoU", "meanIoU", options, rules, (settings) => overlap("meanIoU", settings));
}

/** {@link iou} of one-hot labels and of one prediction for each class: [..., classes]. */
export function oneHotIoU<const N extends string = "oneHotIoU">(options: OneHotIoUOptions<N>): Metric<N> {
  const rules = { ...rulesOf(false), targetClassIds: classes };
  requireOptions("oneHotIoU", options, { numClasses: needed, targetClassIds: classes });
  return makeMetric("OneHotIoU", "oneHotIoU", options, rules, (settings) =>
    overlap("oneHotIoU", { ...settings, sparseYTrue: false }),
  );
}

/** {@link meanIoU} of one-hot labels and of one prediction for each class: [..., classes]. */
export function oneHotMeanIoU<const N extends string = "oneHotMeanIoU">(options: OneHotMeanIoUOptions<N>): Metric<N> {
  requireOptions("oneHotMeanIoU", options, { numClasses: needed });
  return makeMetric("OneHotMeanIoU", "oneHotMeanIoU", options, rulesOf(false), (settings) =>
    overlap("oneHotMeanIoU", { ...settings, sparseYTrue: false }),
  );
}

/** Intersection over union of labels 0 and 1 and predictions against a threshold, of one shape. */
export function binaryIoU<const N extends string = "binaryIoU">(options: BinaryIoUOptions<N> = {}): Metric<N> {
  const rules = { targetClassIds: { ...classes, initial: [0, 1] }, threshold: number(0.5, 0, 1) };
  return makeMetric("BinaryIoU", "binaryIoU", options, rules, ({ targetClassIds, threshold }) => {
    const sparse = { sparseYTrue: true, sparseYPred: true, axis: -1 };
    const parts = overlap("binaryIoU", { numClasses: 2, targetClassIds, ...sparse });
    return {
      ...parts,
      update: (yTrue, yPred, sampleWeight) =>
        parts.update(yTrue, cast(greaterEqual(yPred, threshold), "int32"), sampleWeight),
    };
  });
}

// Parts ---------------------------------------------------------------------------------------------------------------

function requireOptions(name: string, options: object, rules: Readonly<Record<string, OptionRule<unknown>>>): void {
  checkOptionsObject(name, options);
  for (const [option, rule] of Object.entries(rules))
    rule.check(`${name}.${option}`, (options as Readonly<Record<string, unknown>>)[option]);
}

const overlapState = { pairs: ["sum"] } as const;

/** Counts how often each pair of true and predicted class occurs: [classes · classes]. */
function overlap(name: string, settings: Settings): MetricParts<typeof overlapState> {
  const { numClasses, ignoreClass = null, sparseYTrue, sparseYPred, axis } = settings;
  checkRoom(() => `${name}.numClasses`, [numClasses, numClasses], "float32");
  const targets = settings.targetClassIds ?? Array.from({ length: numClasses }, (_, each) => each);
  check(
    targets.every((each) => each < numClasses),
    "option",
    () => ({
      where: `${name}.targetClassIds`,
      expected: `classes below ${numClasses}`,
      received: `[${targets.join(", ")}]`,
    }),
  );
  return {
    state: overlapState,
    update: (yTrue, yPred, sampleWeight) => {
      const truths = sparseYTrue ? cast(yTrue, "int32") : argMax(yTrue, axis);
      const chosen = sparseYPred ? cast(yPred, "int32") : argMax(yPred, axis);
      check(truths.size === chosen.size, "shape", () => ({
        where: errorPlace(name),
        expected: `labels for predictions of shape [${yPred.shape.join(", ")}]`,
        received: `[${yTrue.shape.join(", ")}]`,
      }));
      const flat = (x: Node): Node => reshape(x, [truths.size]);
      const counted = ignoreClass === null ? undefined : notEqual(flat(truths), ignoreClass);
      const place = pairOf(flat(truths), flat(chosen), numClasses);
      const given = withWeights(truths, sampleWeight)?.weights;
      const weights = given === undefined ? full([truths.size], 1) : flat(given);
      const factors = counted === undefined ? weights : where(counted, weights, 0);
      const cells = numClasses * numClasses;
      const rows = reshape(factors, [truths.size, 1]);
      const sums = scatterAdd(rows, counted === undefined ? place : where(counted, place, 0), cells);
      return { pairs: reshape(sums, [cells]) };
    },
    result: ({ pairs }) => {
      let sum = 0;
      let count = 0;
      for (const each of targets) {
        let union = 0;
        for (let other = 0; other < numClasses; other++)
          union += (pairs[each * numClasses + other] as number) + (pairs[other * numClasses + each] as number);
        const shared = pairs[each * numClasses + each] as number;
        union -= shared;
        sum += shared / (union + epsilon);
        if (union > 1e-9) count++;
      }
      return count === 0 ? 0 : sum / count;
    },
  };
}

/** true · classes + predicted; −1, which stops the program, where one of them is no class. */
function pairOf(truths: Node, chosen: Node, numClasses: number): Node {
  const inside = (x: Node): Node => logicalAnd(greaterEqual(x, 0), less(x, numClasses));
  return where(logicalAnd(inside(truths), inside(chosen)), add(multiply(truths, numClasses), chosen), -1);
}
