// How is a safetensors file read without trusting it? Its form is described in writeSafetensors.ts.

import { check, show, TensorError } from "../errors.ts";
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
