// How do named arrays become one file that every safetensors reader opens, and how is such a file read without trusting it?
//
//   bytes 0 … 7      n, the length of the header: unsigned 64 bit, little-endian
//   bytes 8 … 8+n    JSON: {"__metadata__":{"key":"text"},"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}
//   the rest         the elements, row-major, little-endian, tensor after tensor without gaps
//
// Source: https://github.com/huggingface/safetensors (README "Format", safetensors/src/tensor.rs), written by the rules of
// its version 0.4: tensors sorted by descending element type, then by name; header padded with spaces to 8 bytes.

import { check, show, TensorError } from "../errors.ts";
import { DAMAGED, damagedUnless, READERS, type Reader, type StoredTensor, WRITERS } from "./storedTensor.ts";

export type { StoredDtype, StoredTensor } from "./storedTensor.ts";

/** What a file holds. */
export interface StoredTensors {
  /** By name, in the order of the file. */
  readonly tensors: Map<string, StoredTensor>;
  /** Free text by key, without a prototype: every key is the file's own. */
  readonly metadata: Record<string, string>;
}

const LENGTH_BYTES = 8;
const LARGEST_HEADER = 100_000_000;
const METADATA = "__metadata__";

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

/**
 * Reads the bytes of a safetensors file into named arrays and metadata. F32, F64, I32, U8 and BOOL are views of `bytes`
 * wherever the alignment allows: copy what must outlive or change independently of `bytes`. F16 and BF16 are widened to
 * `float32` exactly, I64 becomes `int32` when every value fits. `where` begins the messages (default `safetensors`).
 * @throws TensorError `format` for anything that the format does not allow: a header that is too long, not JSON or names
 *   a tensor twice; an element type that is not known; offsets that leave the file, overlap, leave a hole, or do not fit
 *   the shape; bytes left over; a boolean that is neither 0 nor 1.
 */
export function decodeSafetensors(bytes: Uint8Array, where = "safetensors"): StoredTensors {
  check(ArrayBuffer.isView(bytes), "option", () => ({
    where,
    expected: "the bytes of a file as a Uint8Array",
    received: show(bytes),
  }));
  // A plain view: the `slice` of Node's Buffer does not copy.
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(file, where);
  const body = file.subarray(LENGTH_BYTES + header.length);
  const metadata = readMetadata(header.entries.get(METADATA), where);
  header.entries.delete(METADATA);

  const infos = [...header.entries].map(([name, entry]) => readInfo(name, entry, where));
  infos.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, StoredTensor>();
  let position = 0;
  for (const { name, reader, shape, begin, end } of infos) {
    const place = placeOf(where, name);
    const range = () => `the range ${begin} … ${end}`;
    damagedUnless(
      begin >= position,
      place,
      `bytes that begin at ${position}`,
      () => `${range()}, which overlaps another`,
    );
    damagedUnless(
      begin === position,
      place,
      `bytes that begin at ${position}`,
      () => `${range()}, which leaves a hole`,
    );
    damagedUnless(end <= body.length, place, `a range within the ${body.length} bytes of data`, range);
    const part = body.subarray(begin, end);
    const data = reader.read(part.byteOffset % reader.width === 0 ? part : part.slice(), place);
    tensors.set(name, { name, dtype: reader.dtype, shape, data });
    position = end;
  }
  damagedUnless(position === body.length, where, `${position} bytes of data`, () => `${body.length} bytes`);
  return { tensors, metadata };
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

function readHeader(file: Uint8Array, where: string): { length: number; entries: Map<string, unknown> } {
  damagedUnless(file.length >= LENGTH_BYTES, where, "at least 8 bytes", () => `${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, LENGTH_BYTES);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  damagedUnless(length <= LARGEST_HEADER, where, `a header of at most ${LARGEST_HEADER} bytes`, () => `${length}`);
  const available = file.length - LENGTH_BYTES;
  damagedUnless(length <= available, where, `a header of ${length} bytes`, () => `${available} bytes after its length`);

  let text: string;
  let header: unknown;
  try {
    // `slice` also because browsers do not decode shared memory.
    const bytes = file.slice(LENGTH_BYTES, LENGTH_BYTES + length);
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    const received = cause instanceof Error ? cause.message : "something else";
    const parts = { where, expected: "a header in JSON", received: received.replace(/\.$/, "") };
    throw new TensorError("format", { ...parts, remedy: DAMAGED }, { cause });
  }
  damagedUnless(text.startsWith("{") && isRecord(header), where, "a header that is a JSON object", () => show(header));
  const twice = repeatedKey(text);
  damagedUnless(twice === undefined, where, "every name once in the header", () => `${show(twice)} twice`);
  return { length, entries: new Map(Object.entries(header)) };
}

/** The first key that stands twice in one object of `json`, which is valid JSON; `JSON.parse` would keep the last. */
function repeatedKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") objects.push(new Set());
    else if (character === "}") objects.pop();
    else if (character === '"') {
      const begin = at++;
      while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
      let next = at + 1;
      while (json.charCodeAt(next) <= 0x20) next++;
      if (json[next] !== ":") continue;
      const key = JSON.parse(json.slice(begin, at + 1)) as string;
      const keys = objects.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function readMetadata(entry: unknown, where: string): Record<string, string> {
  const metadata = Object.create(null) as Record<string, string>;
  if (entry === undefined) return metadata;
  damagedUnless(isRecord(entry), `${where}/${METADATA}`, "an object of texts", () => show(entry));
  for (const [key, text] of Object.entries(entry)) {
    damagedUnless(typeof text === "string", placeOf(`${where}/${METADATA}`, key), "text", () => show(text));
    metadata[key] = text;
  }
  return metadata;
}

interface Info {
  readonly name: string;
  readonly reader: Reader;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readInfo(name: string, entry: unknown, where: string): Info {
  const place = placeOf(where, name);
  damagedUnless(isRecord(entry), place, "an object with dtype, shape and data_offsets", () => show(entry));
  const { dtype, shape, data_offsets: offsets } = entry;
  const reader = typeof dtype === "string" ? READERS.get(dtype) : undefined;
  check(reader !== undefined, "format", () => ({
    where: place,
    expected: `a dtype of ${[...READERS.keys()].join(", ")}`,
    received: show(dtype),
    remedy: "If the file is sound, convert this tensor to F32 or I32 before saving it.",
  }));
  damagedUnless(Array.isArray(shape) && shape.every(isSize), place, "a shape of whole numbers", () => show(shape));
  damagedUnless(
    Array.isArray(offsets) && offsets.length === 2 && offsets.every(isSize),
    place,
    "data_offsets [begin, end] in whole bytes",
    () => show(offsets),
  );
  const [begin = 0, end = 0] = offsets;
  const size = elementCount(shape) * reader.width;
  damagedUnless(Number.isSafeInteger(size), place, "a shape that can be counted", () => show(shape));
  const expected = `${size} bytes for ${dtype} of shape ${show(shape)}`;
  damagedUnless(end - begin === size, place, expected, () => `${end - begin}`);
  return { name, reader, shape: Object.freeze([...shape]), begin, end };
}

function elementCount(shape: readonly number[]): number {
  // A product beyond the exact integers is refused even when a later 0 would mend it, as the reference does.
  return shape.reduce((count, size) => (Number.isSafeInteger(count * size) ? count * size : Number.NaN), 1);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placeOf(where: string, name: string): string {
  return `${where}/${name.length > 80 ? `${name.slice(0, 79)}…` : name}`;
}
