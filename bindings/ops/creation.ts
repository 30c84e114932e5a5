// Which tensors are known by their shape alone? Values, which serve as constants in traced functions.

import { check, show } from "../errors.ts";
import type { Operand, TensorType } from "../graph.ts";
import { checkFits, checkRoom, type DType, type Shape, type Tensor, zeros } from "../tensor.ts";

export { zeros } from "../tensor.ts";

/** A tensor of `shape` with one value everywhere. */
export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  check(typeof value === "number" || typeof value === "boolean", "option", () => ({
    where: "full.value",
    expected: "a number",
    received: show(value),
  }));
  checkFits("full", [Number(value)], dtype);
  return filled(shape, dtype, () => Number(value));
}

/** A tensor of ones. */
export function ones(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 1, dtype);
}

/** Anything with a shape and a dtype: a tensor, a symbol, a variable. */
export type Shaped = Extract<Operand, TensorType>;

/** Zeros of the shape and dtype of x. */
export function zerosLike(x: Shaped): Tensor {
  checkShaped("zerosLike", x);
  return zeros(x.shape, x.dtype);
}

/** Ones of the shape and dtype of x. */
export function onesLike(x: Shaped): Tensor {
  checkShaped("onesLike", x);
  return full(x.shape, 1, x.dtype);
}

/** One value everywhere, in the shape and dtype of x. */
export function fullLike(x: Shaped, value: number): Tensor {
  checkShaped("fullLike", x);
  return full(x.shape, value, x.dtype);
}

/** A matrix [rows, columns] of zeros with ones on the diagonal number `offset`; square when `columns` is missing. */
export function eye(rows: number, columns: number = rows, offset = 0, dtype: DType = "float32"): Tensor {
  return matrix("eye", [rows, columns, offset], dtype, (row, column) => column - row === offset);
}

/** A matrix [rows, columns] of ones on and below the diagonal number `offset`, zeros above. */
export function tri(rows: number, columns: number = rows, offset = 0, dtype: DType = "float32"): Tensor {
  return matrix("tri", [rows, columns, offset], dtype, (row, column) => column - row <= offset);
}

/**
 * start, start + step, … as long as they are before `stop`; `arange(n)` is 0 … n − 1. int32 if all three are whole
 * numbers, else float32, unless `dtype` says otherwise.
 * @throws {TensorError} `option` unless the numbers are finite and the step is not 0.
 */
export function arange(start: number, stop?: number, step = 1, dtype?: DType): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  check([from, to, step].every((each) => Number.isFinite(each)) && step !== 0, "option", () => ({
    where: "arange",
    expected: "finite numbers, and a step that is not 0",
    received: [from, to, step].map(show).join(", "),
  }));
  const count = Math.max(0, Math.ceil((to - from) / step));
  const whole = [from, to, step].every(Number.isInteger);
  const type = dtype === undefined ? (whole ? "int32" : "float32") : dtype;
  checkRoom(() => "arange", [count], type);
  checkFits("arange", count > 0 ? [from, from + (count - 1) * step] : [], type);
  return filled([count], type, (index) => from + index * step);
}

/** `count` numbers from `start` to `stop`, both included, at equal distances. float32. */
export function linspace(start: number, stop: number, count = 50): Tensor {
  check(Number.isInteger(count) && count >= 0, "option", () => ({
    where: "linspace",
    expected: "a whole number of values",
    received: show(count),
  }));
  check(typeof start === "number" && typeof stop === "number", "option", () => ({
    where: "linspace",
    expected: "numbers to begin and to end with",
    received: `${show(start)} and ${show(stop)}`,
  }));
  const step = count > 1 ? (stop - start) / (count - 1) : 0;
  return filled([count], "float32", (index) => (index > 0 && index === count - 1 ? stop : start + index * step));
}

function matrix(
  where: string,
  [rows, columns, offset]: readonly [number, number, number],
  dtype: DType,
  one: (row: number, column: number) => boolean,
): Tensor {
  check(Number.isSafeInteger(offset), "option", () => ({
    where: `${where}.offset`,
    expected: "an integer",
    received: show(offset),
  }));
  return filled([rows, columns], dtype, (place) => (one(Math.floor(place / columns), place % columns) ? 1 : 0));
}

function checkShaped(where: string, x: Shaped): void {
  check(typeof x === "object" && x !== null && "shape" in x && "dtype" in x, "dtype", () => ({
    where,
    expected: "a tensor, a symbol or a variable",
    received: show(x),
  }));
}

function filled(shape: Shape, dtype: DType, value: (place: number) => number): Tensor {
  const result = zeros(shape, dtype);
  for (let place = 0; place < result.size; place++)
    result.data[place] = dtype === "bool" ? Number(value(place) !== 0) : value(place);
  return result;
}
