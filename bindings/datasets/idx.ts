// How is a file of the MNIST family read?
//
//   bytes 0, 1       zero
//   byte 2           element type: 0x08 u8, 0x09 i8, 0x0B i16, 0x0C i32, 0x0D f32, 0x0E f64
//   byte 3           number of axes d
//   4·d bytes        sizes, 32-bit big-endian
//   the rest         the elements, row-major, big-endian
//
// Source: LeCun, Cortes, Burges, "The MNIST database", section "The IDX file format" (http://yann.lecun.com/exdb/mnist).

import { Inflate } from "pako";
import { check, formatBytes, show, TensorError } from "../errors.ts";

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

/** Most bytes that an archive may declare. */
const MOST_BYTES = 1 << 30;
/** The best ratio that gzip reaches. */
const BEST_RATIO = 1032;
const DAMAGED = "The file is damaged or is not an IDX file: fetch it again.";

/**
 * The array of any shape in the bytes of an IDX file, raw or compressed with gzip. Bytes stay `uint8`, signed integers
 * become `int32`, floats `float32` (64-bit ones are rounded). The array owns its elements. `where` begins the messages
 * (default `readIdx`). An archive is expanded as far as its header declares, never beyond, and may declare 1 GiB.
 * @throws TensorError `format` for a damaged archive, another kind of file, an unknown element type, or a number of bytes
 *   that does not fit the sizes; `memory` for an archive of more than 1 GiB; `option` for what is not a Uint8Array.
 */
export function readIdx(bytes: Uint8Array, where = "readIdx"): IdxArray {
  check(bytes instanceof Uint8Array, "option", () => ({
    where,
    expected: "the bytes of an IDX file as a Uint8Array",
    received: show(bytes),
  }));
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return arrayOf(expand(bytes, where), where);
  const header = headerOf(bytes, where);
  check(header !== undefined, "format", () => ({
    where,
    expected: "the whole header of an IDX file",
    received: `${bytes.length} bytes`,
    remedy: DAMAGED,
  }));
  return arrayOf({ header, file: bytes }, where);
}

interface Header {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Bytes of the header, and of the whole file. */
  readonly begin: number;
  readonly end: number;
}

/** The header at the beginning of a file; undefined while there are too few bytes of it. */
function headerOf(file: Uint8Array, where: string): Header | undefined {
  check(file.length >= 4 && file[0] === 0 && file[1] === 0, "format", () => ({
    where,
    expected: "an IDX file, which begins with 0, 0",
    received: `${file.length} bytes, first ${show([...file.slice(0, 4)])}`,
    remedy: DAMAGED,
  }));
  const [, , code = 0, axes = 0] = file;
  const type = ELEMENT_TYPES.get(code);
  check(type !== undefined, "format", () => ({
    where,
    expected: "an element type of 0x08, 0x09, 0x0B, 0x0C, 0x0D or 0x0E",
    received: `0x${code.toString(16).toUpperCase().padStart(2, "0")}`,
    remedy: DAMAGED,
  }));
  const begin = 4 + 4 * axes;
  if (file.length < begin) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const bytes = shape.reduce((count, length) => count * length, 1) * type.width;
  return { type, shape, begin, end: begin + bytes };
}

function arrayOf({ header, file }: { readonly header: Header; readonly file: Uint8Array }, where: string): IdxArray {
  const { type, shape, begin, end } = header;
  const size = (end - begin) / type.width;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  check(file.length === end, "format", () => ({
    where,
    expected: `${end - begin} bytes for ${size} elements of shape ${show(shape)}`,
    received: `${file.length - begin}`,
    remedy: DAMAGED,
  }));
  return { shape: Object.freeze(shape), dtype: type.dtype, data: type.read(view, begin, size) };
}

/** An archive, as far as its header declares. @throws TensorError `format` when it is damaged or goes on. */
function expand(bytes: Uint8Array, where: string): { readonly header: Header; readonly file: Uint8Array } {
  const damaged = (received: string, cause?: unknown): TensorError =>
    new TensorError("format", { where, expected: "a sound gzip archive", received, remedy: DAMAGED }, { cause });
  let [header, start]: [Header | undefined, Uint8Array] = [undefined, new Uint8Array(0)];
  let file: Uint8Array | undefined;
  let length = 0;
  const take = (piece: Uint8Array): void => {
    if (file === undefined) {
      const joined = new Uint8Array(start.length + piece.length);
      joined.set(start);
      joined.set(piece, start.length);
      start = joined;
      if (start.length < 4) return;
      header = headerOf(start, where);
      if (header === undefined) return;
      const { end } = header;
      check(end <= bytes.length * BEST_RATIO, "format", () => ({
        where,
        expected: `at most ${bytes.length * BEST_RATIO} bytes from an archive of ${bytes.length}`,
        received: `a header that declares ${end}`,
        remedy: DAMAGED,
      }));
      check(end <= MOST_BYTES, "memory", () => ({
        where,
        expected: `an array of at most ${formatBytes(MOST_BYTES)}`,
        received: `${formatBytes(end)} for shape ${show(header?.shape)}`,
        remedy: "Cut the file into parts.",
      }));
      file = new Uint8Array(end);
      take(start);
      return;
    }
    if (length + piece.length > file.length) throw enough;
    file.set(piece, length);
    length += piece.length;
  };
  const inflater = new Inflate({ chunkSize: 1 << 16 });
  inflater.onData = (piece) => take(piece as Uint8Array);
  inflater.onEnd = () => {};
  try {
    inflater.push(bytes, true);
  } catch (cause) {
    if (cause instanceof TensorError) throw cause;
    if (cause !== enough) throw damaged(cause instanceof Error ? cause.message : String(cause), cause);
    const { begin, end, shape, type } = header as unknown as Header;
    const expected = `${end - begin} bytes for ${(end - begin) / type.width} elements of shape ${show(shape)}`;
    throw new TensorError("format", { where, expected, received: "more", remedy: DAMAGED });
  }
  if (inflater.err !== 0) throw damaged(inflater.msg || `error ${inflater.err}`);
  if (header === undefined || file === undefined) throw damaged(`an archive of ${start.length} bytes`);
  return { header, file: (file as Uint8Array).subarray(0, length) };
}

/** Thrown where an archive goes on behind what its header declares. */
const enough: unique symbol = Symbol("enough");

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
