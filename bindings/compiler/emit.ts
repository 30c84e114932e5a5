// Which words does the machine read? Instructions, tables and constants of one program, with addresses still open.

import { check } from "../errors.ts";
import type { Word } from "./instruction.ts";
import { type Phase, phasesOf } from "./phases.ts";
import { alignment, type Plan } from "./plan.ts";
import { type Buffer, type Schedule, type ScheduledInstruction, syncOpcode } from "./schedule.ts";

/** A word whose value is the address of a buffer plus an offset, known once the program is loaded. */
export interface Relocation {
  /** Position in `words`. */
  readonly at: number;
  readonly buffer: Buffer;
  readonly offset: number;
}

/** A program as data. `words` are the bytes of its block; relocations and self-references are added when it is loaded. */
export interface Code {
  readonly words: Int32Array;
  readonly instructionCount: number;
  readonly relocations: readonly Relocation[];
  /** Positions whose word is an offset into the program's own block. */
  readonly selfReferences: readonly number[];
  /** Where in the block each constant starts, in bytes. */
  readonly constants: ReadonlyMap<Buffer, number>;
  readonly plan: Plan;
  /** Buffer of each node that has memory. */
  readonly buffers: Schedule["buffers"];
  /** What stands at each instruction's place; SYNC has none. */
  readonly listing: readonly (ScheduledInstruction | undefined)[];
  /** One for each SYNC. */
  readonly phases: readonly Phase[];
}

const wordsPerInstruction = 32;
const headerWords = 4;

/** Lays out instructions (a SYNC before each phase), then tables, then constants. */
export function emit(schedule: Schedule, plan: Plan): Code {
  const phases = phasesOf(schedule);
  const listing = phases.flatMap(({ instructions }) => [undefined, ...instructions]);
  const words: number[] = new Array<number>(listing.length * wordsPerInstruction).fill(0);
  const relocations: Relocation[] = [];
  const selfReferences: number[] = [];
  const put = (at: number, word: Word): number => {
    if (typeof word === "number") words[at] = word | 0;
    else if (word.kind === "float") words[at] = floatBits(word.value);
    else if (word.kind === "double") {
      check(at % 2 === 0, "internal", () => ({
        where: "emit",
        expected: "a float64 at an even word",
        received: `word ${at}`,
      }));
      [words[at], words[at + 1]] = doubleBits(word.value);
      return 2;
    } else if (word.kind === "table") {
      const start = Math.ceil(words.length / 4) * 4;
      while (words.length < start + word.words.length) words.push(0);
      word.words.forEach((each, index) => {
        put(start + index, each);
      });
      words[at] = start * 4;
      selfReferences.push(at);
    } else {
      relocations.push({ at, buffer: schedule.buffers.get(word.tensor) as Buffer, offset: word.offset });
      words[at] = 0;
    }
    return 1;
  };
  let phase = 0;
  listing.forEach((instruction, index) => {
    let at = index * wordsPerInstruction;
    if (instruction === undefined) {
      const { instructions, chunks } = phases[phase++] as Phase;
      words[at] = syncOpcode;
      words[at + headerWords] = instructions.length;
      words[at + headerWords + 1] = chunks;
      return;
    }
    words[at] = instruction.opcode;
    words[at + 1] = instruction.units;
    words[at + 2] = instruction.grain;
    at += headerWords;
    for (const operand of Object.values(instruction.operands)) at += put(at, operand);
    check(at <= (index + 1) * wordsPerInstruction, "internal", () => ({
      where: `emit ${instruction.name}`,
      expected: "at most 28 operand words",
      received: String(Object.keys(instruction.operands).length),
    }));
  });
  const { constants, size } = placesOfConstants(words.length, schedule);
  return {
    words: withConstants(words, size, constants),
    instructionCount: listing.length,
    relocations,
    selfReferences,
    constants,
    plan,
    buffers: schedule.buffers,
    listing,
    phases,
  };
}

/** Where in the block each constant starts, in bytes: behind the words, 64-byte aligned and padded; `size` in words. */
function placesOfConstants(begin: number, schedule: Schedule): { constants: Map<Buffer, number>; size: number } {
  const constants = new Map<Buffer, number>();
  const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
  let end = begin * 4;
  for (const buffer of new Set(schedule.buffers.values())) {
    if (buffer.place.kind !== "constant") continue;
    const start = aligned(end);
    constants.set(buffer, start);
    end = start + aligned(Math.max(1, buffer.place.value.data.byteLength));
  }
  return { constants, size: end / 4 };
}

/** The block: words, and the bytes of constants in their places. */
function withConstants(words: readonly number[], size: number, constants: ReadonlyMap<Buffer, number>): Int32Array {
  const block = new Int32Array(size);
  block.set(words);
  const bytes = new Uint8Array(block.buffer);
  for (const [{ place }, start] of constants) {
    if (place.kind !== "constant") continue;
    const { data } = place.value;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  }
  return block;
}

function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] as number;
}

function doubleBits(value: number): [number, number] {
  const bits = new Int32Array(Float64Array.of(value).buffer);
  return [bits[0] as number, bits[1] as number];
}
