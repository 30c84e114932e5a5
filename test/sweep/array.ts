// Arrays of Reals: what references read and write. Row-major, loops only.

import type { DType, Shape, Tensor } from "../../bindings/tensor.ts";
import { exact, type Real, zero } from "./real.ts";

/** An n-dimensional array of the reference. */
export interface RealArray {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: readonly Real[];
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** An array whose element at `position` is `element(position, index)`. */
export function build(
  shape: Shape,
  element: (position: readonly number[], index: number) => Real,
  dtype: DType = "float32",
): RealArray {
  return { shape, dtype, data: positionsOf(shape).map(element) };
}

/** All positions of `shape`, in order. */
export function positionsOf(shape: Shape): number[][] {
  const count = sizeOf(shape);
  return Array.from({ length: count }, (_, index) => positionOf(shape, index));
}

/** Position of the element with that index. */
export function positionOf(shape: Shape, index: number): number[] {
  const position = new Array<number>(shape.length);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    position[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return position;
}

/** Index of the element at `position`; undefined outside. */
export function indexAt(shape: Shape, position: readonly number[]): number | undefined {
  let index = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const [size, at] = [shape[axis] as number, position[axis] as number];
    if (at < 0 || at >= size) return undefined;
    index = index * size + at;
  }
  return index;
}

/** The element at `position`, or `outside`. */
export function at(array: RealArray, position: readonly number[], outside: Real = zero): Real {
  const index = indexAt(array.shape, position);
  return index === undefined ? outside : (array.data[index] as Real);
}

/** The values of a tensor, exact. */
export function fromTensor(tensor: Tensor): RealArray {
  return { shape: tensor.shape, dtype: tensor.dtype, data: Array.from(tensor.data, exact) };
}

/** The shape that `shapes` broadcast to; undefined when they do not. */
export function broadcast(...shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    if (sizes.some((size) => size !== sizes[0])) return undefined;
    result.push(sizes[0] ?? 1);
  }
  return result;
}

/** The element of `array` that is broadcast to `position` of a larger shape. */
export function broadcastAt(array: RealArray, position: readonly number[]): Real {
  const missing = position.length - array.shape.length;
  return at(
    array,
    array.shape.map((size, axis) => (size === 1 ? 0 : (position[axis + missing] as number))),
  );
}

/** `rule` on the elements of arrays that broadcast. */
export function elementwise(
  rule: (...elements: Real[]) => Real,
  arrays: readonly RealArray[],
  dtype?: DType,
): RealArray {
  const shape = broadcast(...arrays.map((array) => array.shape)) as Shape;
  return build(
    shape,
    (position) => rule(...arrays.map((array) => broadcastAt(array, position))),
    dtype ?? (arrays.some((array) => array.dtype === "float32") ? "float32" : "int32"),
  );
}

/** The same elements in another shape. */
export function reshape(array: RealArray, shape: Shape): RealArray {
  return { ...array, shape };
}
