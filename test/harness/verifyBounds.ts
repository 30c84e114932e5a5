// Do the instructions that a compiler made keep to the bounds that are stated with their operations, tensor by tensor?

import { POOL } from "../../assembly/opcodes.ts";
import type { Code } from "../../bindings/compiler/emit.ts";
import type { Bounds } from "../../bindings/compiler/instruction.ts";
import type { Buffer } from "../../bindings/compiler/schedule.ts";
import { base } from "../../bindings/formats/programFile.ts";
import { type BoundsByOpcode, inferenceBounds, verified } from "../../bindings/inference/verifyProgram.ts";
import { poolBounds } from "../../bindings/ops/pool.ts";

/** Instructions of which nothing is stated: they are for training, or users' own. */
const unstated: Bounds = () => 0;

/** All opcodes that there are, as programs that train use them. */
export const allBounds: BoundsByOpcode = {
  ...Object.fromEntries(Array.from({ length: 64 }, (_, opcode) => [opcode, inferenceBounds[opcode] ?? unstated])),
  [POOL]: poolBounds,
};

/**
 * Throws unless all that an instruction touches lies inside one tensor, addressed from where that begins: every tensor is a
 * block of its own here.
 */
export function verifyBounds(code: Code): void {
  const places = new Map<Buffer, number>();
  const room = [code.words.byteLength, 0];
  const addresses = code.selfReferences.flatMap((at) => [at, base.words, code.words[at] as number]);
  for (const { at, buffer, offset } of code.relocations) {
    const constant = code.constants.get(buffer);
    if (constant !== undefined) {
      addresses.push(at, base.words, constant + offset);
      continue;
    }
    if (!places.has(buffer)) places.set(buffer, room.push(buffer.bytes) - 1);
    addresses.push(at, places.get(buffer) as number, offset);
  }
  const batch = { instructions: code.instructionCount, arenaBytes: 0 };
  const program = { words: code.words, addresses: Int32Array.from(addresses), batch, room, given: [], taken: [] };
  if (verified(program, allBounds) !== undefined) return;
  throw new Error(`an instruction reaches beyond its tensors:\n${code.listing.map((each) => each?.name).join("\n")}`);
}
