// Do strange model files break loading? Descriptions and tensors are changed, and the checksum is made right again.

import { TensorError } from "../../../bindings/errors.ts";
import { CHECKSUM_KEY, contentChecksum } from "../../../bindings/formats/checksum.ts";
import { decodeSafetensors } from "../../../bindings/formats/readSafetensors.ts";
import type { StoredTensor } from "../../../bindings/formats/storedTensor.ts";
import { encodeSafetensors } from "../../../bindings/formats/writeSafetensors.ts";
import { decodeModel } from "../../../bindings/models/loading.ts";
import { savedState } from "../../../bindings/models/savedState.ts";
import { encodeModel } from "../../../bindings/models/saving.ts";
import { subject } from "../../harness/savedPrograms.ts";
import { mutatedBytes } from "../bytes.ts";
import { type Chance, edges } from "../chance.ts";
import type { Reader } from "../reader.ts";
import { type Json, mutatedJson, textOf } from "../structures.ts";
import { withOtherHeader } from "./safetensors.ts";

/** A file of named tensors and texts, some of them JSON, with some parts changed and the checksum made right. */
export function withOtherParts(
  chance: Chance,
  file: Uint8Array,
  other: Uint8Array,
  described: readonly string[],
): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(file.slice());
  const { metadata: others } = decodeSafetensors(other.slice());
  for (let left = 1 + chance.below(3); left > 0; left--) {
    const key = chance.of(described);
    if (metadata[key] !== undefined && !chance.oneIn(4)) {
      const donor = JSON.parse(others[key] ?? "{}") as Json;
      metadata[key] = textOf(chance, mutatedJson(chance, readable(metadata[key]), donor));
    } else if (chance.oneIn(3)) changeMetadata(chance, metadata);
    else changeTensors(chance, tensors);
  }
  return sealed(tensors, metadata) ?? mutatedBytes(chance, file, other);
}

function readable(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** The bytes of the file with the checksum of what it holds; undefined for tensors that no file can hold. */
export function sealed(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Record<string, string>,
): Uint8Array | undefined {
  try {
    metadata[CHECKSUM_KEY] = contentChecksum(tensors.values(), metadata);
    return encodeSafetensors(tensors.values(), metadata);
  } catch (error) {
    if (error instanceof TensorError) return undefined;
    throw error;
  }
}

function changeMetadata(chance: Chance, metadata: Record<string, string>): void {
  const key = chance.of(Object.keys(metadata));
  if (chance.oneIn(2)) delete metadata[key];
  else metadata[key] = chance.of(["", "{", "null", "[]", "0", '"text"', "1", "wasmgrad", "Infinity", "{}{}"]);
}

function changeTensors(chance: Chance, tensors: Map<string, StoredTensor>): void {
  if (tensors.size === 0) return;
  const [name, tensor] = chance.of([...tensors]);
  const { shape, data } = tensor;
  switch (chance.below(6)) {
    case 0:
      tensors.delete(name);
      break;
    case 1: {
      const renamed = chance.of([`${name}x`, "", "__proto__", ...tensors.keys()]);
      tensors.set(renamed, { ...tensor, name: renamed });
      break;
    }
    case 2:
      tensors.set(name, { ...tensor, shape: [...shape].reverse() });
      break;
    case 3:
      tensors.set(name, { ...tensor, shape: [data.length] });
      break;
    case 4:
      tensors.set(name, { ...tensor, dtype: "uint8", shape: [data.byteLength], data: new Uint8Array(data.byteLength) });
      break;
    default: {
      const copy = data.slice();
      for (let left = 1 + chance.below(4); left > 0 && copy.length > 0; left--)
        copy[chance.below(copy.length)] = chance.oneIn(4) ? Number.NaN : chance.of(edges);
      tensors.set(name, { ...tensor, data: copy });
    }
  }
}

export const models: Reader = {
  name: "models",
  corpus: async () =>
    ["dense", "convolutional", "narrow", "depthwise", "branches"].map((name, index) => {
      const { trained } = subject(name, 1);
      const losses = ["meanSquaredError", "categoricalCrossentropy", "huber", "mae", "mse"] as const;
      const optimizers = ["adam", "sgd", "rmsprop", "adagrad", "lion"] as const;
      trained.compile({ optimizer: optimizers[index] as "adam", loss: losses[index] as "mse", metrics: ["mae"] });
      return encodeModel(savedState(trained as never));
    }),
  mutate(chance, corpus) {
    const [file, other] = [chance.of(corpus), chance.of(corpus)];
    if (chance.oneIn(8)) return mutatedBytes(chance, file, other);
    if (chance.oneIn(8)) return withOtherHeader(chance, file, other);
    return withOtherParts(chance, file, other, ["model", "model", "model", "compile", "state"]);
  },
  read(input) {
    const model = decodeModel(input, "fuzz");
    model.dispose();
    return model;
  },
};
