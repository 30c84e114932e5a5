// How is a safetensors file read without trusting it? Its form is described in writeSafetensors.ts.

import { check, show, TensorError } from "../errors.ts";
import { endOfText } from "./modestJson.ts";
import {
  DAMAGED,
  damagedUnless,
  elementCount,
  isSize,
  LARGEST_HEADER,
  LENGTH_BYTES,
  METADATA,
  placeOf,
  READERS,
  type Reader,
  type StoredTensor,
} from "./storedTensor.ts";

/** Most tensors of a file without data; one more for each so many bytes of data. */
const [MOST_TENSORS, BYTES_FOR_EACH] = [1 << 17, 256];
/** Most fields that describe a tensor: three are known. */
const MOST_FIELDS = 64;
/** Longest description of a tensor. */
const LONGEST_ENTRY = 1 << 14;
/** Deepest nesting within an entry of the header: a list in an object. */
const DEEPEST = 2;

/** What a file holds. */
export interface StoredTensors {
  /** By name, in the order of the file. */
  readonly tensors: Map<string, StoredTensor>;
  /** Free text by key, without a prototype: every key is the file's own. */
  readonly metadata: Record<string, string>;
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
  const { metadata, infos } = header;
  infos.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, StoredTensor>();
  let position = 0;
  for (const { name, reader, shape, begin, end } of infos) {
    const place = placeOf(where, name);
    const range = () => `the range ${begin} … ${end}`;
    damagedUnless(
      begin === position,
      place,
      `bytes that begin at ${position}`,
      () => `${range()}, which ${begin < position ? "overlaps another" : "leaves a hole"}`,
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

function readHeader(
  file: Uint8Array,
  where: string,
): { readonly length: number; readonly metadata: Record<string, string>; readonly infos: Info[] } {
  damagedUnless(file.length >= LENGTH_BYTES, where, "at least 8 bytes", () => `${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, LENGTH_BYTES);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  damagedUnless(length <= LARGEST_HEADER, where, `a header of at most ${LARGEST_HEADER} bytes`, () => `${length}`);
  const available = file.length - LENGTH_BYTES;
  damagedUnless(length <= available, where, `a header of ${length} bytes`, () => `${available} bytes after its length`);

  // `slice` because browsers do not decode shared memory.
  const part = file.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  let text: string;
  try {
    const bytes = part.buffer instanceof ArrayBuffer ? part : part.slice();
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw notJson(where, cause);
  }
  const most = MOST_TENSORS + Math.floor((available - length) / BYTES_FOR_EACH);
  let metadata = Object.create(null) as Record<string, string>;
  const infos = new Map<string, Info>();
  readEntries(text, where, most, (name, part) => {
    if (name === METADATA) metadata = readMetadata(part, `${where}/${METADATA}`);
    else infos.set(name, readInfo(name, part, where));
  });
  return { length, metadata, infos: [...infos.values()] };
}

/**
 * Gives each entry of a JSON object to `use`, its value as text: nothing large is made of what the format does not allow.
 * @throws TensorError `format` for what is not an object, for a name that stands twice, and for more than `most` entries.
 */
function readEntries(text: string, where: string, most: number, use: (name: string, part: string) => void): void {
  const header = (sound: boolean, received: () => string): void =>
    damagedUnless(sound, where, "a header in JSON: a JSON object", received);
  const near = (): string => show(text.slice(at, at + 20));
  const names = new Set<string>();
  let at = 0;
  header(text[at] === "{", near);
  at = skipSpace(text, at + 1);
  if (text[at] === "}") at++;
  else
    for (let more = true; more; ) {
      header(text[at] === '"', () => `${near()} for a name`);
      const end = endOfText(text, at) + 1;
      const name = parsed(text.slice(at, end), where) as string;
      at = skipSpace(text, end);
      header(text[at] === ":", () => `${near()} after ${show(name)}`);
      damagedUnless(!names.has(name), where, "every name once in the header", () => `${show(name)} twice`);
      damagedUnless(names.size < most, where, `at most ${most} entries in a header of such a file`, () => "more");
      names.add(name);
      const begin = skipSpace(text, at + 1);
      at = endOfValue(text, begin, where);
      use(name, text.slice(begin, at));
      more = text[at] === ",";
      at = more ? skipSpace(text, at + 1) : at + 1;
    }
  at = skipSpace(text, at);
  header(at === text.length, () => `${near()} after its end`);
}

/** The place of the comma or brace that ends the value at `begin`. */
function endOfValue(text: string, begin: number, where: string): number {
  let depth = 0;
  for (let at = begin; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfText(text, at);
    else if (code === 0x7b || code === 0x5b) {
      depth++;
      damagedUnless(depth <= DEEPEST, where, `a header in JSON of at most ${DEEPEST} levels in an entry`, () => "more");
    } else if (depth === 0 && (code === 0x2c || code === 0x7d)) return at;
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  damagedUnless(false, where, "a header in JSON", () => "one without an end");
  return text.length;
}

function skipSpace(text: string, begin: number): number {
  let at = begin;
  while (text.charCodeAt(at) === 0x20 || isBreak(text.charCodeAt(at))) at++;
  return at;
}

function isBreak(code: number): boolean {
  return code === 0x09 || code === 0x0a || code === 0x0d;
}

/** The value of JSON. @throws TensorError `format`. */
function parsed(json: string, where: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw notJson(where, cause);
  }
}

function notJson(where: string, cause: unknown): TensorError {
  const received = cause instanceof Error ? cause.message : "something else";
  const parts = { where, expected: "a header in JSON", received: received.replace(/\.$/, "") };
  return new TensorError("format", { ...parts, remedy: DAMAGED }, { cause });
}

function readMetadata(part: string, where: string): Record<string, string> {
  const metadata = Object.create(null) as Record<string, string>;
  damagedUnless(part.startsWith("{"), where, "an object of texts", () => show(parsed(part, where)));
  readEntries(part, where, MOST_TENSORS, (key, value) => {
    const text = parsed(value, where);
    damagedUnless(typeof text === "string", placeOf(where, key), "text", () => show(text));
    metadata[key] = text;
  });
  return metadata;
}

interface Info {
  readonly name: string;
  readonly reader: Reader;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readInfo(name: string, part: string, where: string): Info {
  const place = placeOf(where, name);
  const entry = Object.create(null) as Record<string, unknown>;
  const form = "an object with dtype, shape and data_offsets";
  damagedUnless(part.startsWith("{"), place, form, () => show(parsed(part, place)));
  damagedUnless(part.length <= LONGEST_ENTRY, place, `an entry of at most ${LONGEST_ENTRY} characters`, () => "more");
  readEntries(part, place, MOST_FIELDS, (key, value) => {
    entry[key] = parsed(value, place);
  });
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
