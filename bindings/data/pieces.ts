// How does text come piece by piece: from files, addresses, streams?

import { check, show, TensorError } from "../errors.ts";
import { readPieces } from "../platform/files.ts";

/** Bytes or text that comes in pieces. */
export type Pieces = AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array> | ReadableStream<string>;

/**
 * Where text comes from, anew for each pass: the path of a file (Node, Deno, Bun), an address (http:, https:, file:), a
 * Blob or File, or a function that returns text or a stream of it.
 */
export type TextSource = string | URL | Blob | (() => string | Pieces | Promise<string | Pieces>);

/** What messages call a source. */
export function nameOf(source: TextSource): string {
  if (typeof source === "string") return source;
  if (source instanceof URL) return source.href;
  return (typeof File !== "undefined" && source instanceof File && source.name) || "text";
}

/**
 * The text of a source in pieces, as UTF-8; nothing is read before it is asked for.
 * @param place begins the messages of errors: the source, and how far it is read.
 * @throws {TensorError} `data` for what cannot be read, also when that shows in the middle; `format` for bytes that are not
 *   UTF-8. What a generator of the user throws is passed on as it is.
 */
export async function* textOf(place: () => string, source: TextSource): AsyncGenerator<string> {
  // The byte order mark is left to the reader of the text, which sees that of texts as well.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (cause) {
      const received = "bytes that are something else";
      const remedy = "Convert the file, or give a function that returns its text.";
      throw new TensorError("format", { where: place(), expected: "text in UTF-8", received, remedy }, { cause });
    }
  };
  const pieces = await open(place(), source);
  if (typeof pieces === "string") {
    yield pieces;
    return;
  }
  for await (const piece of "getReader" in pieces ? streamed(place, pieces) : pieces) {
    check(typeof piece === "string" || piece instanceof Uint8Array, "data", () => ({
      where: place(),
      expected: "pieces that are text or a Uint8Array",
      received: show(piece),
    }));
    yield typeof piece === "string" ? piece : decode(piece);
  }
  yield decode();
}

async function open(where: string, source: TextSource): Promise<string | Pieces> {
  if (typeof source === "function") {
    const made = await source();
    check(typeof made === "string" || isPieces(made), "option", () => ({
      where,
      expected: "a function that returns text or a stream",
      received: `one that returns ${show(made)}`,
    }));
    return made;
  }
  if (typeof Blob !== "undefined" && source instanceof Blob) return source.stream() as ReadableStream<Uint8Array>;
  check(typeof source === "string" || source instanceof URL, "option", () => ({
    where,
    expected: "a path, an address, a Blob, or a function that returns text or a stream",
    received: show(source),
  }));
  const address = String(source);
  if (address.startsWith("file:")) return readPieces(decodeURIComponent(new URL(address).pathname));
  if (!/^(https?|blob|data):/.test(address) && !(source instanceof URL)) return readPieces(address);
  const response = await fetch(address).catch((cause: unknown) => {
    const remedy = "Check the address and the connection.";
    throw new TensorError("data", { where, expected: "an answer", received: String(cause), remedy }, { cause });
  });
  check(response.ok && response.body !== null, "data", () => ({
    where,
    expected: "an answer with content",
    received: `status ${response.status}`,
    remedy: "Check the address.",
  }));
  return response.body;
}

/** The pieces of a stream, which Safari cannot iterate over. @throws {TensorError} `data` when it breaks off. */
async function* streamed(
  place: () => string,
  stream: ReadableStream<Uint8Array> | ReadableStream<string>,
): AsyncGenerator<Uint8Array | string> {
  const reader = (stream as ReadableStream<Uint8Array | string>).getReader();
  let [read, unit, failed] = [0, "byte", false];
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        failed = true;
        throw cutOff(place(), `${read} ${unit}${read === 1 ? "" : "s"}`, cause);
      });
      if (done) return;
      yield value;
      // Whoever goes on has found that it is a piece.
      read += value.length;
      if (typeof value === "string") unit = "character";
    }
  } finally {
    if (!failed) await reader.cancel();
  }
}

/** The error for a stream that fails in the middle; one that its user aborted is left as it is. */
function cutOff(where: string, read: string, cause: unknown): unknown {
  if (cause instanceof TensorError || (cause instanceof Error && cause.name === "AbortError")) return cause;
  const received = `${read}, then ${cause instanceof Error ? cause.message : show(cause)}`;
  const remedy = "Check the connection and read it again.";
  return new TensorError("data", { where, expected: "the whole text", received, remedy }, { cause });
}

function isPieces(value: unknown): value is Pieces {
  return typeof value === "object" && value !== null && (Symbol.asyncIterator in value || "getReader" in value);
}
