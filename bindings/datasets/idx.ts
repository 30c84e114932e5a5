// How is a file of the MNIST family read?
//
//   bytes 0, 1       zero
//   byte 2           element type: 0x08 u8, 0x09 i8, 0x0B i16, 0x0C i32, 0x0D f32, 0x0E f64
//   byte 3           number of axes d
//   4·d bytes        sizes, 32-bit big-endian
//   the rest         the elements, row-major, big-endian
//
// Source: LeCun, Cortes, Burges, "The MNIST database", section "The IDX file format" (http://yann.lecun.com/exdb/mnist).

import { ungzip } from "pako";
import { check, show, TensorError } from "../errors.ts";

/** The array of an IDX file. */
export interface IdxArray {
  /** Sizes of the axes, outermost first: [n, height, width] for images, [n] for labels. */
  readonly shape: readonly number[];
  /** `"uint8"` of bytes, `"int32"` of signed integers, `"float32"` of floats. */
  readonly dtype: "uint8" | "int32" | "float32";
  /** Row-major elements: `Uint8Array`, `Int32Array` or `Float32Array`, as `dtype` says. */
  readonly data: Uint8Array | Int32Array | Float32Array;
}

interface ElementType {
  readonly dtype: IdxArray["dtype"];
  readonly width: number;
  readonly read: (view: DataView, begin: number, size: number) => IdxArray["data"];
}

const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [0x08, { dtype: "uint8", width: 1, read: (v, at, n) => new Uint8Array(v.buffer, v.byteOffset + at, n).slice() }],
  [0x09, { dtype: "int32", width: 1, read: (v, at, n) => int32s(n, (index) => v.getInt8(at + index)) }],
  [0x0b, { dtype: "int32", width: 2, read: (v, at, n) => int32s(n, (index) => v.getInt16(at + 2 * index)) }],
  [0x0c, { dtype: "int32", width: 4, read: (v, at, n) => int32s(n, (index) => v.getInt32(at + 4 * index)) }],
  [0x0d, { dtype: "float32", width: 4, read: (v, at, n) => float32s(n, (index) => v.getFloat32(at + 4 * index)) }],
  [0x0e, { dtype: "float32", width: 8, read: (v, at, n) => float32s(n, (index) => v.getFloat64(at + 8 * index)) }],
]);

const DAMAGED = "The file is damaged or is not an IDX file: fetch it again.";

/**
 * The array of any shape in the bytes of an IDX file, raw or compressed with gzip. Bytes stay `uint8`, signed integers
 * become `int32`, floats `float32` (64-bit ones are rounded). The array owns its elements. `where` begins the messages
 * (default `readIdx`).
 * @throws TensorError `format` for a damaged archive, another kind of file, an unknown element type, or a number of bytes
 *   that does not fit the sizes.
 */
export function readIdx(bytes: Uint8Array, where = "readIdx"): IdxArray {
  check(ArrayBuffer.isView(bytes), "option", () => ({
    where,
    expected: "the bytes of an IDX file as a Uint8Array",
    received: show(bytes),
  }));
  const file = bytes[0] === 0x1f && bytes[1] === 0x8b ? expand(bytes, where) : bytes;
  const damagedUnless = (sound: boolean, expected: string, received: string): void =>
    check(sound, "format", () => ({ where, expected, received, remedy: DAMAGED }));

  const isIdx = file.length >= 4 && file[0] === 0 && file[1] === 0;
  damagedUnless(
    isIdx,
    "an IDX file, which begins with 0, 0",
    `${file.length} bytes, first ${show([...file.slice(0, 4)])}`,
  );
  const [, , code = 0, axes = 0] = file;
  const type = ELEMENT_TYPES.get(code);
  check(type !== undefined, "format", () => ({
    where,
    expected: "an element type of 0x08, 0x09, 0x0B, 0x0C, 0x0D or 0x0E",
    received: `0x${code.toString(16).toUpperCase().padStart(2, "0")}`,
    remedy: DAMAGED,
  }));
  const begin = 4 + 4 * axes;
  damagedUnless(file.length >= begin, `${begin} bytes of header for ${axes} axes`, `${file.length} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((count, length) => count * length, 1);
  const expected = `${size * type.width} bytes for ${size} elements of shape ${show(shape)}`;
  damagedUnless(file.length - begin === size * type.width, expected, `${file.length - begin}`);
  return { shape: Object.freeze(shape), dtype: type.dtype, data: type.read(view, begin, size) };
}

function expand(bytes: Uint8Array, where: string): Uint8Array {
  try {
    return ungzip(bytes);
  } catch (cause) {
    const received = cause instanceof Error ? cause.message : String(cause);
    throw new TensorError("format", { where, expected: "a sound gzip archive", received, remedy: DAMAGED }, { cause });
  }
}

function int32s(size: number, element: (index: number) => number): Int32Array {
  const values = new Int32Array(size);
  for (let index = 0; index < size; index++) values[index] = element(index);
  return values;
}

function float32s(size: number, element: (index: number) => number): Float32Array {
  const values = new Float32Array(size);
  for (let index = 0; index < size; index++) values[index] = element(index);
  return values;
}
