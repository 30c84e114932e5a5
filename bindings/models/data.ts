// Which data does a model take, and do they fit?

import { datasetTag, hasTag } from "../brands.ts";
import type { Dataset } from "../data/dataset.ts";
import { check, show, TensorError } from "../errors.ts";
import type { BatchShape } from "../layers/placeholder.ts";
import { type DType, Tensor, type TensorLike, tensor } from "../tensor.ts";
import { type Column, commonRows } from "./feed.ts";

/** Whether `value` is a dataset of `wasmgrad/data`; entries that are built apart have a class each. */
export function isDataset(value: unknown): value is Dataset<unknown> {
  return hasTag(value, datasetTag);
}

/** Data for one port, or for each port by name. */
export type DataLike = TensorLike | Readonly<Record<string, TensorLike>>;

/**
 * `data` as tensors, in the order of `names` (undefined: a single nameless one).
 * @throws {TensorError} `option` when names do not fit, `dtype` when something is not data.
 */
export function tensorsOf(where: string, names: readonly string[] | undefined, data: DataLike): Tensor[] {
  if (names === undefined) {
    check(isData(data), "dtype", () => ({
      where,
      expected: "a tensor, a typed array or nested arrays",
      received: show(data),
      remedy: "The model has one nameless port: give its data as they are.",
    }));
    return [tensorAt(where, data as TensorLike)];
  }
  check(typeof data === "object" && data !== null && !isData(data), "option", () => ({
    where,
    expected: `a record with ${names.map((name) => `"${name}"`).join(", ")}`,
    received: show(data),
    remedy: `Give { ${names.map((name) => `${name}: …`).join(", ")} }.`,
  }));
  const record = data as Readonly<Record<string, TensorLike>>;
  const given = Object.keys(record);
  check(names.every((name) => given.includes(name)) && given.length === names.length, "option", () => ({
    where,
    expected: `exactly ${names.map((name) => `"${name}"`).join(", ")}`,
    received: given.map((name) => `"${name}"`).join(", "),
    remedy: `Give { ${names.map((name) => `${name}: …`).join(", ")} }.`,
  }));
  return names.map((name) => tensorAt(`${where}.${name}`, record[name] as TensorLike));
}

/** `data` as a tensor. @throws {TensorError} what `tensor` throws, at `where`; `state` for data that were handed over. */
export function tensorAt(where: string, data: TensorLike, dtype?: DType): Tensor {
  try {
    return tensor(data, undefined, dtype);
  } catch (cause) {
    if (!(cause instanceof TensorError)) throw cause;
    throw new TensorError(
      cause.code,
      { remedy: "Give numbers in a tensor, a typed array or nested lists.", ...cause, where },
      { cause },
    );
  }
}

function isData(value: unknown): boolean {
  return value instanceof Tensor || ArrayBuffer.isView(value) || Array.isArray(value) || typeof value === "number";
}

/** Checks that each tensor holds samples of the shape that the model takes. @throws {TensorError} `shape`. */
export function checkSamples(
  where: string,
  names: readonly string[] | undefined,
  shapes: readonly BatchShape[],
  tensors: readonly Tensor[],
): void {
  tensors.forEach((value, index) => {
    const wanted = shapes[index] as BatchShape;
    const fits =
      value.shape.length === wanted.length &&
      wanted.every((size, axis) => axis === 0 || size === null || size === value.shape[axis]);
    check(fits, "shape", () => ({
      where: names === undefined ? where : `${where}.${names[index]}`,
      expected:
        `samples of shape [${wanted.slice(1).join(", ")}], so data of shape [samples, ${wanted.slice(1).join(", ")}]`.replace(
          ", ]",
          "]",
        ),
      received: `[${value.shape.join(", ")}]`,
      remedy:
        value.shape.length === wanted.length - 1
          ? "For a single sample add an axis: [sample]."
          : "Reshape the data, or make the model for samples of this shape.",
    }));
  });
}

/** Names of ports; undefined for a single nameless one. */
export type PortNames = readonly string[] | undefined;

/** x, y and sample weights as columns with the names under which programs know them. */
export function columnsOf(
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
  weights: readonly Column[] = [],
  inputNames?: PortNames,
  outputNames?: PortNames,
): Column[] {
  const columns = (prefix: string, names: PortNames, tensors: readonly Tensor[]): Column[] =>
    tensors.map((data, index) => ({
      name: `${prefix}${index}`,
      label: names === undefined ? prefix : `${prefix}.${names[index]}`,
      data,
    }));
  return [...columns("x", inputNames, inputs), ...columns("y", outputNames, targets), ...weights];
}

/** The first part of the columns and the last `fraction` of them, as Keras splits before shuffling. */
export function splitColumns(where: string, columns: readonly Column[], fraction: number): [Column[], Column[]] {
  const rows = commonRows(where, columns);
  const kept = Math.floor(rows * (1 - fraction));
  check(kept > 0 && kept < rows, "option", () => ({
    where: `${where}.validationSplit`,
    expected: `a share that leaves samples on both sides of ${rows}`,
    received: String(fraction),
    remedy: "Choose another share, or pass validationData.",
  }));
  const part = (from: number, to: number): Column[] =>
    columns.map((column) => ({ ...column, data: column.data.slice(from, to) }));
  return [part(0, kept), part(kept, rows)];
}
