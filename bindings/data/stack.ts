// How do elements become a batch?

import { check, show, TensorError } from "../errors.ts";
import {
  arrayType,
  type DType,
  isRecord,
  sameShape,
  sizeOf,
  Tensor,
  type TensorData,
  type TensorLike,
  tensor,
} from "../tensor.ts";

/** What stacked elements are: each value a tensor with one more axis, in the same lists and records. */
export type Batched<T> = T extends readonly unknown[]
  ? { readonly [K in keyof T]: BatchedValue<T[K]> }
  : BatchedValue<T>;
/** {@link Batched} for what stands within a list, where a list is a row of numbers. */
export type BatchedValue<T> = T extends TensorLike | readonly unknown[]
  ? Tensor
  : T extends string
    ? never
    : T extends object
      ? { readonly [K in keyof T]: BatchedValue<T[K]> }
      : never;

/**
 * Elements stacked along a new first axis: [x, y] … → [xs, ys], { a, b } … → { a: as, b: bs }.
 * @param first number of the first of them, for the message.
 * @throws {TensorError} `shape` or `dtype` for elements that are not alike, `dtype` for text.
 */
export function stack<T>(elements: readonly T[], first = 0): Batched<T> {
  const [sample] = elements;
  const member = (key: string | number): unknown[] =>
    elements.map((each) => (each as Record<string | number, unknown>)?.[key]);
  if (!Array.isArray(sample)) return stackValues(elements, first, "") as Batched<T>;
  elements.forEach((element, index) => {
    const length = Array.isArray(element) ? element.length : undefined;
    check(length === sample.length, "shape", () => ({
      where: `dataset.batch: element ${first + index}`,
      expected: `a list of ${sample.length}, as the first element of the batch`,
      received: show(element),
    }));
  });
  return sample.map((_, index) => stackValues(member(index), first, `[${index}]`)) as unknown as Batched<T>;
}

function stackValues(values: readonly unknown[], first: number, path: string): unknown {
  const [sample] = values;
  if (!isRecord(sample)) return stackTensors(values as readonly TensorLike[], first, path);
  const names = Object.keys(sample);
  values.forEach((value, index) => {
    check(isRecord(value) && Object.keys(value).join() === names.join(), "shape", () => ({
      where: at(first + index, path),
      expected: `a record of ${names.join(", ")}, as in the first element of the batch`,
      received: isRecord(value) ? Object.keys(value).join(", ") : show(value),
    }));
  });
  return Object.fromEntries(
    names.map((name) => [
      name,
      stackValues(
        values.map((value) => (value as Record<string, unknown>)[name]),
        first,
        `${path}.${name}`,
      ),
    ]),
  );
}

function stackTensors(values: readonly TensorLike[], first: number, path: string): Tensor {
  const { shape, dtype } = asTensor(values[0] as TensorLike, first, path);
  const stride = sizeOf(shape);
  const data: TensorData = new (arrayType(dtype))(values.length * stride);
  values.forEach((given, index) => {
    if (dtype === "float32" && stride === 1 && typeof given === "number") {
      data[index] = given;
      return;
    }
    const value = asTensor(given, first + index, path);
    check(sameShape(value.shape, shape) && value.dtype === dtype, value.dtype === dtype ? "shape" : "dtype", () => ({
      where: at(first + index, path),
      expected: describe(shape, dtype),
      received: describe(value.shape, value.dtype),
      remedy: "Elements of a batch must be alike: pad, cut or convert them with map first.",
    }));
    data.set(value.data, index * stride);
  });
  return Tensor.of(data, [values.length, ...shape], dtype);
}

function asTensor(value: TensorLike, index: number, path: string): Tensor {
  check(typeof value !== "string", "dtype", () => ({
    where: at(index, path),
    expected: "numbers",
    received: `the text ${show(value)}`,
    remedy: "Turn text into numbers with map first.",
  }));
  try {
    return tensor(value);
  } catch (cause) {
    if (!(cause instanceof TensorError)) throw cause;
    throw new TensorError(cause.code, { ...cause, where: at(index, path) }, { cause });
  }
}

function at(index: number, path: string): string {
  return `dataset.batch: element ${index}${path}`;
}

function describe(shape: readonly number[], dtype: DType): string {
  return `${dtype} of shape [${shape.join(", ")}]`;
}
