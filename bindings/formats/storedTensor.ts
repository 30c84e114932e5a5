// Which element types stand in a safetensors file, and how do their bytes become typed arrays?
// Typed arrays use the byte order of the machine; WebAssembly and every machine with a JavaScript engine are little-endian.

import { check } from "../errors.ts";

/** The remedy for a file that cannot be mended. */
export const DAMAGED: string = "The file is damaged or is not a safetensors file: fetch or save it again.";

/** Length of the number with which a file begins. */
export const LENGTH_BYTES = 8;
/** Longest header that readers accept. */
export const LARGEST_HEADER = 100_000_000;
/** The key in the header that is no tensor. */
export const METADATA = "__metadata__";

/** Element types that wasmgrad writes. */
export type StoredDtype = "float32" | "float64" | "int32" | "uint8" | "bool";

/** One named array of a file. A `bool` is a byte, 0 or 1. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Row-major elements in the array type of `dtype`; `Uint8Array` for `uint8` and `bool`. */
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

/** How each type is written. The order is the file's: the widest elements first, so that every tensor is aligned. */
export const WRITERS: Readonly<Record<StoredDtype, { rank: number; tag: string; arrayName: string }>> = {
  float64: { rank: 0, tag: "F64", arrayName: "Float64Array" },
  float32: { rank: 1, tag: "F32", arrayName: "Float32Array" },
  int32: { rank: 2, tag: "I32", arrayName: "Int32Array" },
  uint8: { rank: 3, tag: "U8", arrayName: "Uint8Array" },
  bool: { rank: 4, tag: "BOOL", arrayName: "Uint8Array" },
};

/** How the bytes of one type are read. */
export interface Reader {
  readonly dtype: StoredDtype;
  readonly width: number;
  /** The elements in `part`, which starts at a multiple of `width` in its buffer. */
  readonly read: (part: Uint8Array, where: string) => StoredTensor["data"];
}

/** How each type is read: a view where the types agree, else a wider copy. */
export const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["F64", { dtype: "float64", width: 8, read: (p) => new Float64Array(p.buffer, p.byteOffset, p.length / 8) }],
  ["F32", { dtype: "float32", width: 4, read: (p) => new Float32Array(p.buffer, p.byteOffset, p.length / 4) }],
  ["I32", { dtype: "int32", width: 4, read: (p) => new Int32Array(p.buffer, p.byteOffset, p.length / 4) }],
  ["U8", { dtype: "uint8", width: 1, read: (p) => p }],
  ["BOOL", { dtype: "bool", width: 1, read: readBooleans }],
  ["F16", { dtype: "float32", width: 2, read: readHalves }],
  ["BF16", { dtype: "float32", width: 2, read: readBrainHalves }],
  ["I64", { dtype: "int32", width: 8, read: readLongs }],
]);

function readBooleans(part: Uint8Array, where: string): Uint8Array {
  const index = part.findIndex((value) => value > 1);
  damagedUnless(index < 0, where, "booleans of 0 or 1", () => `${part[index]} at element ${index}`);
  return part;
}

/** IEEE 754 binary16 → float32, exactly. Subnormal: fraction · 2⁻²⁴; else (1 + fraction / 1024) · 2^(exponent - 15). */
function readHalves(part: Uint8Array): Float32Array {
  const halves = new Uint16Array(part.buffer, part.byteOffset, part.length / 2);
  const words = new Uint32Array(halves.length);
  const floats = new Float32Array(words.buffer);
  halves.forEach((half, index) => {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) floats[index] = (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
    else words[index] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  });
  return floats;
}

/** bfloat16 → float32: the upper half of the word. */
function readBrainHalves(part: Uint8Array): Float32Array {
  const halves = new Uint16Array(part.buffer, part.byteOffset, part.length / 2);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** int64 → int32 when the upper word only repeats the sign. */
function readLongs(part: Uint8Array, where: string): Int32Array {
  const words = new Int32Array(part.buffer, part.byteOffset, part.length / 4);
  return Int32Array.from({ length: words.length / 2 }, (_, index) => {
    const low = words[2 * index] ?? 0;
    const high = words[2 * index + 1] ?? 0;
    check(high === low >> 31, "format", () => ({
      where,
      expected: "I64 values within the range of int32",
      received: `${(BigInt(high) << 32n) | BigInt(low >>> 0)} at element ${index}`,
      remedy: "wasmgrad computes with 32-bit integers: convert this tensor to F32 or I32 before saving it.",
    }));
    return low;
  });
}

/** Throws a `format` error unless what the file states is `sound`. */
export function damagedUnless(sound: boolean, where: string, expected: string, received: () => string): asserts sound {
  check(sound, "format", () => ({ where, expected, received: received(), remedy: DAMAGED }));
}

/** Elements of a shape; NaN when there are more than can be counted. */
export function elementCount(shape: readonly number[]): number {
  // A product beyond the exact integers is refused even when a later 0 would mend it, as the reference does.
  return shape.reduce((count, size) => (Number.isSafeInteger(count * size) ? count * size : Number.NaN), 1);
}

/** Whether this can be a size or an offset. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Where a tensor of a file is, for messages. */
export function placeOf(where: string, name: string): string {
  return `${where}/${name.length > 80 ? `${name.slice(0, 79)}…` : name}`;
}
