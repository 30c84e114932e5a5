// Does a saved program touch, or depend on, memory that is not its own?
//
// All memory but the program's weights is filled with a pattern before it runs: scratch, the arena, free memory, blocks of
// others. What changes outside its blocks was written by it; what its outputs owe to the pattern was read.

import { engine } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import type { ProgramFile } from "../../bindings/formats/programFile.ts";
import type { Block } from "../../bindings/heap.ts";
import { InferenceProgram } from "../../bindings/inference/program.ts";
import type { Verified } from "../../bindings/inference/verifyProgram.ts";
import { Tensor, type TensorLike } from "../../bindings/tensor.ts";

interface Insides {
  readonly memory: WebAssembly.Memory;
  readonly scratch: Block;
}

interface ProgramInsides {
  readonly weights: Block;
  readonly loaded: ReadonlyMap<{ readonly arenaBytes: number }, { readonly block: Block }>;
}

/** What came of a run. */
export interface Outcome {
  /** The outputs' bits, or the message of what the data did. */
  readonly result: string;
  /** What went wrong: a trap, a byte that is not the program's own. */
  readonly harm?: string;
}

/** Runs a program on x in memory full of `pattern`. */
export function runAmongCanaries(
  file: ProgramFile,
  verified: readonly Verified[],
  x: unknown,
  pattern: number,
): Outcome {
  const { memory, scratch } = engine() as unknown as Insides;
  const program = new InferenceProgram<TensorLike, unknown>(file, verified);
  try {
    const { weights, loaded } = program as unknown as ProgramInsides;
    const first = scratch.address;
    const before = new Uint8Array(memory.buffer);
    before.fill(pattern, first, weights.address);
    before.fill(pattern, weights.address + weights.bytes);
    let result: string;
    try {
      const outputs = program.predict(x as TensorLike);
      const tensors = outputs instanceof Tensor ? [outputs] : Object.values(outputs as Record<string, Tensor>);
      result = tensors
        .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"))
        .join();
    } catch (error) {
      if (!(error instanceof TensorError)) return { result: "", harm: `a bare error: ${String(error)}` };
      if (error.code === "format") return { result: "", harm: `a trap: ${String(error.cause)}` };
      result = error.message;
    }
    const own = [
      [scratch.address, scratch.address + scratch.bytes],
      [weights.address, weights.address + weights.bytes],
      ...[...loaded].flatMap(([{ arenaBytes }, { block }]) => [
        [block.address, block.address + block.bytes],
        [engine().arena, engine().arena + arenaBytes],
      ]),
    ].sort((a, b) => (a[0] as number) - (b[0] as number)) as [number, number][];
    const after = new Uint8Array(memory.buffer);
    let at = first;
    for (const [begin, end] of [...own, [after.length, after.length] as [number, number]]) {
      const place = firstOther(after, pattern, at, Math.min(begin, before.length));
      if (place >= 0)
        return { result, harm: `byte ${place} of ${after.length} was written; own are ${own.join("; ")}` };
      at = Math.max(at, end);
    }
    return { result };
  } finally {
    program.dispose();
  }
}

/** Position of the first byte in [begin, end) that is not `pattern`, or −1. */
function firstOther(bytes: Uint8Array, pattern: number, begin: number, end: number): number {
  if (begin >= end) return -1;
  const part = Buffer.from(bytes.buffer, begin, end - begin);
  if (bytes[begin] === pattern && part.subarray(1).equals(part.subarray(0, -1))) return -1;
  return begin + part.findIndex((byte) => byte !== pattern);
}
