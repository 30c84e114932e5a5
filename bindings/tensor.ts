// What is a tensor value, and which ordinary data can become one?

import { hasTag, tensorTag } from "./brands.ts";
import { check, formatBytes, show, TensorError } from "./errors.ts";

/** Element types. `bool` holds 0 or 1 in a byte. */
export type DType = "float32" | "int32" | "uint8" | "bool";
/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];
/** What holds the elements: Float32Array for float32, Int32Array for int32, Uint8Array for uint8 and bool. */
export type TensorData = Float32Array | Int32Array | Uint8Array;
/** Nested arrays of numbers or booleans, all rows of one length. */
export type NestedArray = number | boolean | readonly NestedArray[];
/** Any typed array of numbers. */
export type NumericArray =
  | TensorData
  | Float64Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | Uint8ClampedArray;
/** Whatever can become a tensor: a tensor, a typed array (one axis), a number, nested arrays. */
export type TensorLike = Tensor | NumericArray | NestedArray;

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = Object.freeze({ float32: 4, int32: 4, uint8: 1, bool: 1 });

/** Most axes of a tensor. */
export const mostAxes = 64;

/** Whether `value` is a list of sizes, none left out. */
export function isShape(value: unknown): value is Shape {
  if (!Array.isArray(value) || value.length > mostAxes) return false;
  for (let axis = 0; axis < value.length; axis++)
    if (!Number.isSafeInteger(value[axis]) || (value[axis] as number) < 0) return false;
  return true;
}

/** @throws {TensorError} `shape` unless `value` is a list of sizes. */
export function checkShape(where: string, value: unknown): asserts value is Shape {
  check(isShape(value), "shape", () => ({
    where,
    expected: `a list of at most ${mostAxes} sizes, integers ≥ 0`,
    received: show(value),
  }));
}

function isDType(value: unknown): value is DType {
  return value === "float32" || value === "int32" || value === "uint8" || value === "bool";
}

/** @throws {TensorError} `dtype` unless `value` is one of the dtypes. */
export function checkDType(where: string, value: unknown): asserts value is DType {
  check(isDType(value), "dtype", () => ({
    where,
    expected: `a dtype: ${Object.keys(elementBytes).join(", ")}`,
    received: show(value),
  }));
}

/** Number of elements: the product of the sizes, 1 for `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Most bytes of a tensor: WebAssembly memory has no more. */
const largestBytes = 2 ** 32;

/**
 * Refuses what no tensor can be, before anything is made for it.
 * @throws {TensorError} `shape` for sizes that are not integers ≥ 0, `dtype`, `memory` for more than 4 GiB.
 */
export function checkRoom(where: () => string, shape: Shape, dtype: DType): void {
  if (!isShape(shape)) checkShape(where(), shape);
  if (!isDType(dtype)) checkDType(where(), dtype);
  const bytes = sizeOf(shape) * elementBytes[dtype];
  check(bytes <= largestBytes, "memory", () => ({
    where: where(),
    expected: `room for ${formatBytes(bytes)}, ${dtype} [${shape.join(", ")}]`,
    received: `at most ${formatBytes(largestBytes)}`,
    remedy: "Use smaller batches, a smaller model or smaller shapes.",
  }));
}

/** `count` integers from 0 on. @throws {TensorError} `shape` or `memory` where they and as many results have no room. */
export function integersBelow(where: () => string, count: number): Int32Array<ArrayBuffer> {
  checkRoom(where, [count, 2], "int32");
  const numbers = new Int32Array(count);
  for (let place = 0; place < count; place++) numbers[place] = place;
  return numbers;
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/**
 * A value: an immutable shape and dtype over a typed array it owns, row-major. Garbage collection frees it; there is
 * nothing to dispose.
 */
export class Tensor {
  /** Sizes of the axes, outermost first; `[]` for a scalar. */
  readonly shape: Shape;
  /** Of the elements. */
  readonly dtype: DType;
  /** The elements, row-major. */
  readonly data: TensorData;

  private constructor(data: TensorData, shape: Shape, dtype: DType) {
    this.data = data;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** Whether `value` is a tensor, also one of another entry of the package. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return hasTag(value, tensorTag);
  }

  /** A tensor over `data` itself, not a copy. @throws {TensorError} `shape` or `dtype` when they do not fit. */
  static of(data: TensorData, shape: Shape, dtype: DType): Tensor {
    checkDType("tensor", dtype);
    checkShape("tensor", shape);
    check(data instanceof arrayType(dtype), "dtype", () => ({
      where: "tensor",
      expected: `a ${arrayType(dtype).name} for dtype ${dtype}`,
      received: show(data),
    }));
    check(data.length === sizeOf(shape), "shape", () => ({
      where: "tensor",
      expected: `${sizeOf(shape)} elements for shape [${shape.join(", ")}]`,
      received: `${data.length}`,
    }));
    return new Tensor(data, Object.freeze([...shape]), dtype);
  }

  /** Entries of the package that are built apart have a class each: tensors know each other by this. */
  get [Symbol.toStringTag](): string {
    return tensorTag;
  }

  /** Number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** The elements as nested arrays (a plain number or boolean for a scalar). */
  array(): NestedArray {
    const bool = this.dtype === "bool";
    const build = (axis: number, offset: number): NestedArray => {
      if (axis === this.shape.length) {
        const value = this.data[offset] ?? 0;
        return bool ? value !== 0 : value;
      }
      const stride = sizeOf(this.shape.slice(axis + 1));
      return Array.from({ length: this.shape[axis] ?? 0 }, (_, index) => build(axis + 1, offset + index * stride));
    };
    return build(0, 0);
  }

  /** The only element as a number. @throws {TensorError} `shape` unless there is exactly one. */
  item(): number {
    check(this.size === 1, "shape", () => ({
      where: "tensor.item",
      expected: "a tensor of one element",
      received: `shape [${this.shape.join(", ")}]`,
    }));
    return this.data[0] ?? Number.NaN;
  }

  /** Rows `begin` to `end` (exclusive) of the first axis, copied; negative positions count from the end. */
  slice(begin = 0, end?: number): Tensor {
    const [rows, ...inner] = this.shape;
    check(rows !== undefined, "shape", () => ({
      where: "tensor.slice",
      expected: "at least one axis",
      received: "a scalar",
    }));
    const stride = sizeOf(inner);
    const position = (index: number): number => Math.min(rows, Math.max(0, index < 0 ? rows + index : index));
    const from = position(begin);
    const to = Math.max(from, position(end ?? rows));
    return Tensor.of(this.data.slice(from * stride, to * stride), [to - from, ...inner], this.dtype);
  }

  /** The same elements under another shape; one size may be -1. @throws {TensorError} `shape` when they do not fit. */
  reshape(shape: Shape): Tensor {
    return Tensor.of(this.data, completeShape("tensor.reshape", this.size, shape), this.dtype);
  }

  /** dtype, shape and the first six elements: `Tensor float32 [2, 3] { 1, 2, 3, 4, 5, 6 }`. */
  toString(): string {
    const elements = Array.from(this.data.subarray(0, 6)).join(", ");
    return `Tensor ${this.dtype} [${this.shape.join(", ")}] { ${elements}${this.size > 6 ? ", …" : ""} }`;
  }
}

/**
 * A tensor from ordinary data. Typed arrays keep their type where it exists (other integers become int32, Float64Array
 * float32), numbers become float32, booleans bool; `dtype` converts. `shape` gives typed arrays and flat lists a shape.
 * @throws {TensorError} `shape` for ragged rows or a size that does not fit, `dtype` for values that are not numbers, or
 * that the dtype does not hold, and for an unknown dtype.
 */
export function tensor(data: TensorLike, shape?: Shape, dtype?: DType): Tensor {
  if (dtype !== undefined) checkDType("tensor", dtype);
  const value = fromData(data, dtype);
  const shaped = shape === undefined ? value : value.reshape(shape);
  return dtype === undefined || dtype === shaped.dtype ? shaped : convert(shaped, dtype);
}

/** A tensor of zeros. @throws {TensorError} `shape`, `dtype`, or `memory` when there is no room. */
export function zeros(shape: Shape, dtype: DType = "float32"): Tensor {
  checkRoom(() => "zeros", shape, dtype);
  const size = sizeOf(shape);
  try {
    return Tensor.of(new (arrayType(dtype))(size), shape, dtype);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TensorError("memory", {
      where: "zeros",
      expected: `room for ${formatBytes(size * elementBytes[dtype])}`,
      received: `less, for shape [${shape.join(", ")}]`,
      remedy: "Make the tensor smaller.",
    });
  }
}

/** The typed array class that holds elements of `dtype`. */
export function arrayType(dtype: DType): Float32ArrayConstructor | Int32ArrayConstructor | Uint8ArrayConstructor {
  return dtype === "float32" ? Float32Array : dtype === "int32" ? Int32Array : Uint8Array;
}

/** Replaces a single -1 in `shape` so that it holds `size` elements. */
export function completeShape(where: string, size: number, shape: Shape): Shape {
  checkShape(where, Array.isArray(shape) ? Array.from(shape, (length) => (length === -1 ? 0 : length)) : shape);
  const known = shape.reduce((product, length) => (length === -1 ? product : product * length), 1);
  const open = shape.filter((length) => length === -1).length;
  const complete = shape.map((length) => (length === -1 && known > 0 ? size / known : length));
  check(
    open <= 1 && complete.every((length) => Number.isInteger(length) && length >= 0) && sizeOf(complete) === size,
    "shape",
    () => ({
      where,
      expected: `a shape of ${size} elements with at most one -1`,
      received: `[${shape.join(", ")}]`,
    }),
  );
  return complete;
}

/** @throws {TensorError} `dtype` for a number that `dtype` does not hold, even rounded towards zero. */
export function checkFits(where: string, values: ArrayLike<number>, dtype: DType): void {
  if (dtype === "float32" || dtype === "bool") return;
  const [low, high] = dtype === "int32" ? [-(2 ** 31), 2 ** 31] : [0, 256];
  for (let index = 0; index < values.length; index++) {
    const value = Math.trunc(values[index] as number);
    check(value >= low && value < high, "dtype", () => ({
      where,
      expected: `numbers from ${low} to ${high - 1} for dtype ${dtype}`,
      received: `${values[index]} at position ${index}`,
      remedy: "ops.cast limits numbers to the range of int32, and keeps eight bits of it for uint8.",
    }));
  }
}

/** The same values in another dtype: float → int rounds towards zero, anything → bool is `≠ 0`. */
function convert(value: Tensor, dtype: DType): Tensor {
  checkFits("tensor", value.data, dtype);
  if (dtype === "bool")
    return Tensor.of(
      Uint8Array.from(value.data, (element) => (element !== 0 ? 1 : 0)),
      value.shape,
      dtype,
    );
  return Tensor.of(arrayType(dtype).from(value.data as Float32Array), value.shape, dtype);
}

/** @param dtype wanted in the end: plain numbers take it at once, so that large integers stay exact. */
function fromData(data: TensorLike, dtype: DType | undefined): Tensor {
  if (data instanceof Tensor) return whole(data);
  if (ArrayBuffer.isView(data)) return fromTypedArray(data as NumericArray);
  if (typeof data === "number") return fromNumbers(Float64Array.of(data), [], dtype);
  if (typeof data === "boolean") return Tensor.of(Uint8Array.of(data ? 1 : 0), [], "bool");
  check(Array.isArray(data), "dtype", () => ({
    where: "tensor",
    expected: "a tensor, a typed array, a number, a boolean or nested arrays of them",
    received: show(data),
  }));
  return fromNested(data as readonly NestedArray[], dtype);
}

/** Whether the array of a tensor is that of its dtype and holds what its shape says: a tensor is an object like any other. */
export function isWhole({ data, shape, dtype }: Tensor): boolean {
  return isShape(shape) && isDType(dtype) && data instanceof arrayType(dtype) && data.length === sizeOf(shape);
}

/** `value`, checked. @throws {TensorError} `state` or `data` for a tensor whose parts do not fit each other. */
function whole(value: Tensor): Tensor {
  const { data, shape, dtype } = value;
  if (isWhole(value)) return value;
  const emptied = isShape(shape) && ArrayBuffer.isView(data) && data.byteLength === 0;
  throw new TensorError(emptied ? "state" : "data", {
    where: "tensor",
    expected: isShape(shape) ? `the ${sizeOf(shape)} numbers of the tensor, ${show(dtype)}` : "a tensor with a shape",
    received: emptied ? "none: they were handed over to a worker" : `${show(data)} under shape ${show(shape)}`,
    remedy: emptied
      ? "Give data that are used again without { transfer: true }."
      : "A tensor does not change: make another one with tensor(data, shape, dtype).",
  });
}

function fromTypedArray(data: NumericArray): Tensor {
  if (data instanceof Float32Array) return Tensor.of(data, [data.length], "float32");
  if (data instanceof Int32Array) return Tensor.of(data, [data.length], "int32");
  if (data instanceof Uint8Array) return Tensor.of(data, [data.length], "uint8");
  if (data instanceof Float64Array) return Tensor.of(Float32Array.from(data), [data.length], "float32");
  if (data instanceof Uint8ClampedArray) return Tensor.of(Uint8Array.from(data), [data.length], "uint8");
  if (data instanceof Int8Array || data instanceof Int16Array || data instanceof Uint16Array)
    return Tensor.of(Int32Array.from(data), [data.length], "int32");
  if (data instanceof Uint32Array && data.every((value) => value <= 0x7fffffff))
    return Tensor.of(Int32Array.from(data), [data.length], "int32");
  throw new TensorError("dtype", {
    where: "tensor",
    expected: "a typed array whose numbers fit float32, int32 or uint8",
    received: show(data),
    remedy: "Convert it to a Float32Array or an Int32Array first.",
  });
}

function fromNumbers(values: Float64Array, shape: Shape, dtype: DType | undefined): Tensor {
  if (dtype !== "int32") return Tensor.of(Float32Array.from(values), shape, "float32");
  checkFits("tensor", values, dtype);
  return Tensor.of(Int32Array.from(values), shape, dtype);
}

function fromNested(data: readonly NestedArray[], dtype: DType | undefined): Tensor {
  const shape: number[] = [];
  for (let level: NestedArray | undefined = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    checkShape("tensor", shape);
  }
  checkRows(data, shape, 0);
  const values = new Float64Array(sizeOf(shape));
  let position = 0;
  let booleans = 0;
  const fill = (item: NestedArray, axis: number): void => {
    if (axis < shape.length) {
      for (const entry of item as readonly NestedArray[]) fill(entry, axis + 1);
      return;
    }
    check(typeof item === "number" || typeof item === "boolean", "dtype", () => ({
      where: "tensor",
      expected: "numbers or booleans in the nested arrays",
      received: show(item),
    }));
    if (typeof item === "boolean") booleans++;
    values[position++] = Number(item);
  };
  fill(data, 0);
  if (booleans > 0 && booleans === position) return Tensor.of(Uint8Array.from(values), shape, "bool");
  return fromNumbers(values, shape, dtype);
}

/** Checks that all lists are as long as the first of their axis, before memory is taken for as many numbers. */
function checkRows(item: NestedArray, shape: Shape, axis: number): void {
  check(Array.isArray(item) && item.length === shape[axis], "shape", () => ({
    where: "tensor",
    expected: `${shape[axis]} entries in every list of axis ${axis}`,
    received: Array.isArray(item) ? `${item.length}` : show(item),
    remedy: "Nested arrays must be rectangular.",
  }));
  if (axis + 1 < shape.length) for (const entry of item) checkRows(entry, shape, axis + 1);
}

/** Whether `value` is a record of data by name, rather than the data of one tensor. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Tensor)
  );
}
