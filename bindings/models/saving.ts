// How does the state of a model become a file? One safetensors file, with a checksum.
//
// Loaded by the first `save`: whoever only trains or predicts does without. Imports little, because bundlers that make one
// file wrap everything that is imported from here.

import { check } from "../errors.ts";
import { CHECKSUM_KEY, contentChecksum } from "../formats/checksum.ts";
import { isModest } from "../formats/modestJson.ts";
import { encodeSafetensors } from "../formats/writeSafetensors.ts";
import { writeFileAtomically } from "../platform/atomicFile.ts";
import type { SavedState } from "./savedState.ts";

/**
 * The bytes of a model file, written to `path` as well if there is one.
 * @throws {TensorError} `option` for a model whose description `loadModel` would refuse.
 */
export async function writeModel(where: string, state: SavedState, path: string | undefined): Promise<Uint8Array> {
  check(Object.values(state.metadata).every(isModest), "option", () => ({
    where,
    expected: "metadata of a size and depth that a model can have",
    received: "more",
    remedy: "Nest fewer models or lists in one another.",
  }));
  const bytes = encodeModel(state);
  if (path !== undefined) await writeFileAtomically(path, bytes);
  return bytes;
}

/** The bytes of a model file. */
export function encodeModel({ tensors, metadata }: SavedState): Uint8Array {
  return encodeSafetensors(tensors, { ...metadata, [CHECKSUM_KEY]: contentChecksum(tensors, metadata) });
}
