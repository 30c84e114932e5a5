// How do named arrays become one file that every safetensors reader opens?
//
//   bytes 0 … 7      n, the length of the header: unsigned 64 bit, little-endian
//   bytes 8 … 8+n    JSON: {"__metadata__":{"key":"text"},"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}
//   the rest         the elements, row-major, little-endian, tensor after tensor without gaps
//
// Source: https://github.com/huggingface/safetensors (README "Format", safetensors/src/tensor.rs), written by the rules of
// its version 0.4: tensors sorted by descending element type, then by name; header padded with spaces to 8 bytes.

import { check, show, TensorError } from "../errors.ts";
import {
  elementCount,
  isSize,
  LARGEST_HEADER,
  LENGTH_BYTES,
  METADATA,
  placeOf,
  type StoredTensor,
  WRITERS,
} from "./storedTensor.ts";

/**
 * Writes named arrays and `metadata` into the bytes of one safetensors file. Equal content gives equal bytes, whatever the
 * order of `tensors`; metadata keep their order. The bytes are the reference library's for the same content.
 * @throws TensorError `name` for a name given twice or reserved, `dtype` or `shape` for data that do not fit, `option` for
 *   metadata that are not text, `memory` when the file does not fit into memory.
 */
export function encodeSafetensors(tensors: Iterable<StoredTensor>, metadata: Record<string, string>): Uint8Array {
  const sorted = [...tensors];
  const names = new Set<string>();
  for (const tensor of sorted) checkStorable(tensor, names);
  sorted.sort((a, b) => WRITERS[a.dtype].rank - WRITERS[b.dtype].rank || (a.name < b.name ? -1 : 1));

  // Written entry by entry: an object would move names that look like numbers to the front.
  const entries: string[] = [];
  const texts = Object.entries(metadata).map(([key, text]) => {
    check(typeof text === "string", "option", () => ({
      where: `encodeSafetensors/metadata.${key}`,
      expected: "text",
      received: show(text),
      remedy: "Store other values as JSON.stringify(value).",
    }));
    return `${JSON.stringify(key)}:${JSON.stringify(text)}`;
  });
  if (texts.length > 0) entries.push(`"${METADATA}":{${texts.join()}}`);
  let end = 0;
  for (const { name, dtype, shape, data } of sorted) {
    const begin = end;
    end += data.byteLength;
    const offsets = `[${begin},${end}]`;
    const dimensions = `[${shape.join()}]`;
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${WRITERS[dtype].tag}","shape":${dimensions},"data_offsets":${offsets}}`,
    );
  }

  const text = new TextEncoder().encode(`{${entries.join()}}`);
  const headerLength = Math.ceil(text.length / 8) * 8;
  check(headerLength <= LARGEST_HEADER, "option", () => ({
    where: "encodeSafetensors",
    expected: `names and metadata of at most ${LARGEST_HEADER} bytes`,
    received: `${headerLength} bytes`,
    remedy: "Shorten the metadata.",
  }));
  const file = allocate(LENGTH_BYTES + headerLength + end);
  new DataView(file.buffer).setUint32(0, headerLength, true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerLength);
  file.set(text, LENGTH_BYTES);
  let position = LENGTH_BYTES + headerLength;
  for (const { data } of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

function checkStorable({ name, dtype, shape, data }: StoredTensor, names: Set<string>): void {
  const where = placeOf("encodeSafetensors", name);
  check(name !== METADATA && !names.has(name), "name", () => ({
    where,
    expected: "a name of its own for every tensor",
    received: name === METADATA ? "the name reserved for metadata" : "a name given twice",
    remedy: "Rename the tensor.",
  }));
  names.add(name);
  const writer = Object.hasOwn(WRITERS, dtype) ? WRITERS[dtype] : undefined;
  check(writer !== undefined, "dtype", () => ({
    where,
    expected: `a dtype of ${Object.keys(WRITERS).join(", ")}`,
    received: show(dtype),
  }));
  check(ArrayBuffer.isView(data) && data[Symbol.toStringTag] === writer.arrayName, "dtype", () => ({
    where,
    expected: `a ${writer.arrayName} for ${dtype}`,
    received: show(data),
  }));
  check(shape.every(isSize) && elementCount(shape) === data.length, "shape", () => ({
    where,
    expected: `as many elements as the shape ${show(shape)} holds`,
    received: `${data.length}`,
  }));
}

function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const parts = { where: "encodeSafetensors", expected: `${length} bytes of memory`, received: "less" };
    throw new TensorError("memory", { ...parts, remedy: "Save fewer tensors in one file." }, { cause });
  }
}
