// What do the tests of file formats share: tensors of every kind, and files of any soundness written by hand?

import { TensorError } from "../../bindings/errors.ts";
import type { StoredTensor } from "../../bindings/formats/storedTensor.ts";

/** One tensor of each dtype, a scalar and an empty one, with awkward values. */
export const everyType: readonly StoredTensor[] = [
  { name: "mask", dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "dense/kernel", dtype: "float32", shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-40, Infinity, NaN, -0) },
  { name: "pixels", dtype: "uint8", shape: [1, 5], data: Uint8Array.of(0, 1, 127, 128, 255) },
  { name: "double", dtype: "float64", shape: [2], data: Float64Array.of(Math.PI, -1e-310) },
  { name: "tokens", dtype: "int32", shape: [2, 1], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  { name: "scalar", dtype: "float32", shape: [], data: Float32Array.of(7) },
  { name: "empty", dtype: "float32", shape: [0, 4], data: new Float32Array(0) },
];

/** A file with the given header text and data, of any soundness. */
export function fileOf(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** The header entry of one tensor. */
export function info(dtype: string, shape: string, begin: number, end: number): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
}

/** The TensorError that `action` throws; any other error fails the test. */
export function errorOf(action: () => unknown): TensorError {
  try {
    action();
  } catch (error) {
    if (error instanceof TensorError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
