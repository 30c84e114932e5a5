// How much does each sample count, for each output?

import { check, show } from "../errors.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import { isRecord, Tensor, type TensorLike } from "../tensor.ts";
import { tensorAt } from "./data.ts";
import type { Column } from "./feed.ts";

/** Weights for all outputs, or for each by name. */
export type SampleWeight = TensorLike | Readonly<Record<string, TensorLike>>;
/** The weight of each class, by its number; those not named weigh 1. */
export type ClassWeight = Readonly<Record<number, number>>;

/**
 * The columns of weights: `weight` for all outputs, `weight0` … for each.
 * @throws {TensorError} `shape`, `option` or `data` for weights that do not fit.
 */
export function weightColumns(
  where: string,
  names: readonly string[] | undefined,
  outputs: readonly Placeholder[],
  targets: readonly Tensor[],
  given: SampleWeight | undefined,
  classWeight: ClassWeight | undefined,
): Column[] {
  const columns = sampleColumns(`${where}: sampleWeight`, names, outputs, given);
  if (classWeight === undefined) return columns;
  check(outputs.length === 1, "unsupported", () => ({
    where: `${where}: classWeight`,
    expected: "a model with one output",
    received: `${outputs.length} outputs`,
    remedy: "Give sampleWeight for each output.",
  }));
  const byClass = classColumn(`${where}: classWeight`, targets[0] as Tensor, outputs[0] as Placeholder, classWeight);
  const [own] = columns;
  if (own === undefined) return [{ name: "weight", label: "classWeight", data: byClass }];
  check(own.data.size === byClass.size, "shape", () => ({
    where: `${where}: sampleWeight`,
    expected: `with classWeight, a weight for each label, [${byClass.shape.join(", ")}]`,
    received: `[${own.data.shape.join(", ")}]`,
  }));
  const products = Float32Array.from(byClass.data, (each, index) => each * (own.data.data[index] as number));
  return [{ ...own, data: Tensor.of(products, byClass.shape, "float32") }];
}

function sampleColumns(
  where: string,
  names: readonly string[] | undefined,
  outputs: readonly Placeholder[],
  given: SampleWeight | undefined,
): Column[] {
  if (given === undefined) return [];
  if (isRecord(given) && names !== undefined)
    return Object.entries(given).map(([name, weights]) => {
      const output = names.indexOf(name);
      check(output >= 0, "name", () => ({
        where,
        expected: `the name of an output (${names.join(", ")})`,
        received: show(name),
      }));
      const data = checkedWeights(`${where}.${name}`, [outputs[output] as Placeholder], weights);
      return { name: `weight${output}`, label: `sampleWeight.${name}`, data };
    });
  return [{ name: "weight", label: "sampleWeight", data: checkedWeights(where, outputs, given as TensorLike) }];
}

/** [samples], [samples, 1], or one for each row of classes of the outputs. */
function checkedWeights(where: string, outputs: readonly Placeholder[], given: TensorLike): Tensor {
  const weights = tensorAt(where, given, "float32");
  const [, ...rest] = weights.shape;
  const fits = outputs.every(({ shape }) => {
    const places = shape.slice(1);
    return rest.every((size, axis) => size === 1 || places[axis] === null || places[axis] === size);
  });
  const rank = Math.max(1, ...outputs.map((output) => output.shape.length - 1));
  const column = rest.length === rank && rest[rest.length - 1] === 1;
  check(weights.shape.length > 0 && fits && (rest.length < rank || column), "shape", () => ({
    where,
    expected: "one weight for each sample, [samples], or for each step or pixel of the output",
    received: `[${weights.shape.join(", ")}]`,
    remedy: "Give a flat list, or the shape of the output without its last axis.",
  }));
  return weights;
}

/** @throws {TensorError} `option` unless `classWeight` is a record, or a list, of weights by class. */
export function checkClassWeight(where: string, classWeight: unknown): void {
  const isObject = typeof classWeight === "object" && classWeight !== null;
  const entries = isObject ? Object.entries(classWeight) : [];
  // A map or a promise has none, and would be ignored.
  check(isObject && (entries.length > 0 || Object.getPrototypeOf(classWeight) === Object.prototype), "option", () => ({
    where,
    expected: "a record of weights by class, such as { 0: 1, 1: 5 }",
    received: show(classWeight),
    ...(classWeight instanceof Map ? { remedy: "Give Object.fromEntries(map)." } : {}),
  }));
  for (const [name, weight] of entries)
    check(/^(0|[1-9]\d*)$/.test(name) && Number.isFinite(weight) && weight >= 0, "option", () => ({
      where,
      expected: "a number ≥ 0 for each class",
      received: `${name}: ${show(weight)}`,
    }));
}

/** The weight of the class of each label: integer labels, or the largest of each row of one-hot ones. */
function classColumn(where: string, labels: Tensor, output: Placeholder, classWeight: ClassWeight): Tensor {
  checkClassWeight(where, classWeight);
  const weightOf = (label: number): number => classWeight[label] ?? 1;
  const last = labels.shape[labels.shape.length - 1] ?? 1;
  const { shape } = output;
  const oneHot = labels.shape.length === shape.length && last > 1;
  if (!oneHot) return Tensor.of(Float32Array.from(labels.data, weightOf), labels.shape, "float32");
  const rows = labels.size / last;
  const classes = Float32Array.from({ length: rows }, (_, row) => {
    const part = labels.data.subarray(row * last, (row + 1) * last) as Float32Array;
    return weightOf(part.indexOf(part.reduce((most, each) => Math.max(most, each))));
  });
  return Tensor.of(classes, labels.shape.slice(0, -1), "float32");
}
