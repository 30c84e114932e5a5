// Do strange safetensors files break their reader? Bytes are changed, or the header, whose length is then made right.

import { decodeSafetensors } from "../../../bindings/formats/readSafetensors.ts";
import { encodeSafetensors } from "../../../bindings/formats/writeSafetensors.ts";
import { everyType, fileOf, info } from "../../formats/handmade.ts";
import { mutatedBytes } from "../bytes.ts";
import type { Chance } from "../chance.ts";
import type { Reader } from "../reader.ts";
import { type Json, mutatedJson, textOf } from "../structures.ts";

/** The header of a file as JSON, and what follows; undefined where there is none. */
export function partsOf(file: Uint8Array): { readonly header: Json; readonly body: Uint8Array } | undefined {
  if (file.length < 8) return undefined;
  const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  try {
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Json;
    return { header, body: file.subarray(8 + length) };
  } catch {
    return undefined;
  }
}

/** A file whose header was changed in its structure. */
export function withOtherHeader(chance: Chance, file: Uint8Array, other: Uint8Array): Uint8Array {
  const parts = partsOf(file);
  if (parts === undefined) return file;
  const changed = mutatedJson(chance, parts.header, partsOf(other)?.header ?? {});
  const text = new TextEncoder().encode(textOf(chance, changed));
  return fileOf(text, chance.oneIn(3) ? mutatedBytes(chance, parts.body, other) : parts.body);
}

export const safetensors: Reader = {
  name: "safetensors",
  corpus: async () => [
    encodeSafetensors(everyType, { format: "pt", note: "é" }),
    encodeSafetensors([], {}),
    fileOf(`{"half":${info("F16", "[2,2]", 0, 8)},"brain":${info("BF16", "[4]", 8, 16)}}`, new Uint8Array(16).fill(60)),
    fileOf(`{"long":${info("I64", "[2]", 0, 16)},"mask":${info("BOOL", "[3]", 16, 19)}}`, new Uint8Array(19)),
    encodeSafetensors(
      Array.from({ length: 40 }, (_, index) => ({
        name: `layer_${index}/kernel`,
        dtype: "float32" as const,
        shape: [index, 2],
        data: new Float32Array(2 * index),
      })),
      {},
    ),
  ],
  mutate(chance, corpus) {
    const [file, other] = [chance.of(corpus), chance.of(corpus)];
    return chance.oneIn(2) ? mutatedBytes(chance, file, other) : withOtherHeader(chance, file, other);
  },
  read: (input) => decodeSafetensors(input, "fuzz"),
};
