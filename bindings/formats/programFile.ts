// How does a compiled model become a file, and how is such a file read without trusting it?
//
// A safetensors file. Metadata: format, version, machine (whose words these are), program (a Description in JSON),
// checksum. Tensors: `weights/<name>` for each weight, and for each batch size `words/<size>` (int32: instructions,
// tables, constants) and `addresses/<size>` (int32 [count, 3]: position in words, base, offset from there in bytes).

import { check, show, TensorError } from "../errors.ts";
import { type DType, elementBytes, type Shape, sizeOf } from "../tensor.ts";
import { alignedBytes } from "../variable.ts";
import { CHECKSUM_KEY, contentChecksum, type Proceed } from "./checksum.ts";
import { isModest } from "./modestJson.ts";
import { decodeSafetensors } from "./readSafetensors.ts";
import { isSize, type StoredTensor } from "./storedTensor.ts";
import { encodeSafetensors } from "./writeSafetensors.ts";

/** What addresses count from: the program's own words, the arena of activations, the block of weights. */
export const base: { readonly words: 0; readonly arena: 1; readonly weights: 2 } = { words: 0, arena: 1, weights: 2 };

/** `offset` bytes from one of the {@link base}s. */
export type Place = readonly [base: number, offset: number];

/** An input or output of the model. */
export interface Port {
  /** null for the only one without a name. */
  readonly name: string | null;
  /** Of one sample, without the batch. */
  readonly shape: Shape;
  /** Of the elements. */
  readonly dtype: DType;
}

/** The program for one number of samples. */
export interface BatchProgram {
  readonly size: number;
  readonly instructions: number;
  /** Bytes of arena that a run takes. */
  readonly arenaBytes: number;
  /** Where each input is read; null for one that the outputs do not depend on. */
  readonly inputs: readonly (Place | null)[];
  readonly outputs: readonly Place[];
  /** For errors: where an instruction belongs and below which number its indices must be. */
  readonly limits: Readonly<Record<string, readonly [where: string, limit: number]>>;
}

/** What the metadata tell about a compiled model. */
export interface Description {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Names of the weights in the order of their block. */
  readonly weights: readonly string[];
  /** Smallest size first. */
  readonly batches: readonly BatchProgram[];
}

/** Words of a program, and triples of position, base and offset: the words that are addresses. */
export interface Words {
  readonly words: Int32Array;
  readonly addresses: Int32Array;
}

/** A compiled model as data. */
export interface ProgramFile {
  readonly description: Description;
  /** For each of the weights: their values. */
  readonly weights: readonly StoredTensor[];
  /** For each of the batches. */
  readonly words: readonly Words[];
}

const formatName = "wasmgrad-program";
const formatVersion = "1";
const wordsPerInstruction = 32;

/** The bytes of a program file for the machine with this fingerprint. */
export function encodeProgram({ description, weights, words }: ProgramFile, machine: string): Uint8Array {
  const tensors: StoredTensor[] = weights.map((weight) => ({ ...weight, name: `weights/${weight.name}` }));
  words.forEach((each, index) => {
    const size = description.batches[index]?.size;
    const addresses = each.addresses.length / 3;
    tensors.push(
      { name: `words/${size}`, dtype: "int32", shape: [each.words.length], data: each.words },
      { name: `addresses/${size}`, dtype: "int32", shape: [addresses, 3], data: each.addresses },
    );
  });
  const program = JSON.stringify(description);
  const metadata: Record<string, string> = { format: formatName, version: formatVersion, machine, program };
  metadata[CHECKSUM_KEY] = contentChecksum(tensors, metadata);
  return encodeSafetensors(tensors, metadata);
}

/**
 * The compiled model in the bytes of a file.
 * @param machine fingerprint of the machine that is to run it.
 * @param proceed what computes the checksum.
 * @throws {TensorError} `format` unless the file is whole, of this format, for this machine, and all addresses in it are
 *   inside what they count from.
 */
export function decodeProgram(bytes: Uint8Array, machine: string, where: string, proceed?: Proceed): ProgramFile {
  const { tensors, metadata } = decodeSafetensors(bytes, where);
  const sound = (condition: boolean, expected: string, received: string, remedy: string): void =>
    check(condition, "format", () => ({ where, expected, received, remedy }));
  const again = "Make the file again with saveProgram of this version of wasmgrad.";
  sound(
    metadata.format === formatName,
    "a program saved by wasmgrad",
    metadata.format === "wasmgrad" ? "a model" : "a safetensors file of another kind",
    "Make the file with saveProgram(model).",
  );
  sound(metadata.version === formatVersion, `version ${formatVersion} of the format`, show(metadata.version), again);
  sound(metadata.machine === machine, `a program for machine ${machine}`, `one for ${show(metadata.machine)}`, again);
  sound(
    metadata[CHECKSUM_KEY] === contentChecksum(tensors.values(), metadata, proceed),
    "contents that match the checksum",
    "contents that were changed",
    "Fetch an intact copy, or make the file again.",
  );
  if (!isModest(metadata.program ?? "")) throw unreadable(where);
  try {
    const description = JSON.parse(metadata.program as string) as Description;
    const weights = description.weights.map((name) => tensors.get(`weights/${name}`) as StoredTensor);
    // Copies: what is checked must be what is loaded later, whatever becomes of the bytes of the file.
    const copy = (name: string): Int32Array => tensors.get(name)?.data.slice() as Int32Array;
    const words = description.batches.map(({ size }) => ({
      words: copy(`words/${size}`),
      addresses: copy(`addresses/${size}`),
    }));
    const file = { description, weights, words };
    if (isSound(file)) return file;
  } catch (cause) {
    throw unreadable(where, cause);
  }
  throw unreadable(where);
}

function unreadable(where: string, cause?: unknown): TensorError {
  const parts = { where, expected: "the description of a program", received: "one that does not fit the data" };
  return new TensorError("format", { ...parts, remedy: "Make the file again with saveProgram." }, { cause });
}

/** Whether all parts are there and nothing points outside them; throws or is false otherwise. */
function isSound({ description, weights, words }: ProgramFile): boolean {
  const { inputs, outputs, batches } = description;
  const weightsBytes = blockBytes(weights);
  let smallest = 1;
  return (
    typeof description.name === "string" &&
    batches.length > 0 &&
    weights.every(({ dtype }) => dtype !== "float64") &&
    areNames(description.weights) &&
    [inputs, outputs].every(arePorts) &&
    batches.every((batch, index) => {
      const { words: code, addresses } = words[index] as Words;
      const room = [code.byteLength, batch.arenaBytes, weightsBytes];
      const inside = ([from, offset]: Place, bytes: number): boolean =>
        isSize(from) && isSize(offset) && offset + bytes <= (room[from] as number);
      const holds = (place: Place, { shape, dtype }: Port): boolean =>
        place[1] % elementBytes[dtype] === 0 && inside(place, batch.size * sizeOf(shape) * elementBytes[dtype]);
      const ordered = batch.size >= smallest;
      smallest = batch.size + 1;
      return (
        ordered &&
        [batch.size, batch.arenaBytes, batch.instructions].every(isSize) &&
        code instanceof Int32Array &&
        addresses instanceof Int32Array &&
        batch.instructions * wordsPerInstruction <= code.length &&
        batch.inputs.length === inputs.length &&
        batch.outputs.length === outputs.length &&
        batch.inputs.every((place, port) => place === null || holds(place, inputs[port] as Port)) &&
        batch.outputs.every((place, port) => holds(place, outputs[port] as Port)) &&
        Object.values(batch.limits).every(([where, limit]) => typeof where === "string" && isSize(limit)) &&
        addresses.length % 3 === 0 &&
        addresses.every((value, at) =>
          at % 3 === 0
            ? value >= 0 && value < code.length
            : at % 3 === 1 || inside([addresses[at - 1] as number, value >>> 0], 0),
        )
      );
    })
  );
}

/** Bytes of one block for `weights`, one after the other. */
export function blockBytes(weights: readonly StoredTensor[]): number {
  return weights.reduce((sum, { data }) => sum + alignedBytes(data.byteLength), 0);
}

/** One without a name, or some whose names differ. */
function arePorts(ports: readonly Port[]): boolean {
  const names = ports.map(({ name }) => name);
  return (
    ports.length > 0 &&
    (areNames(names) || (ports.length === 1 && names[0] === null)) &&
    ports.every(
      ({ shape, dtype }) => shape.every(isSize) && typeof dtype === "string" && Object.hasOwn(elementBytes, dtype),
    )
  );
}

/** Texts that differ. What JSON holds instead may become the same text. */
function areNames(names: readonly unknown[]): boolean {
  return names.every((name) => typeof name === "string") && new Set(names).size === names.length;
}
