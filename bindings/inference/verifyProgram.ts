// Do the instructions of a file stay inside the program's own memory, and do they end?
//
// Each opcode's bounds are stated with its operation. Here they are held against the blocks of the program: its words,
// which nothing writes, its part of the arena, and its weights. What the arena holds before a run is somebody else's: what
// is read there and was not written before, every byte of it, is cleared first.

import * as code from "../../assembly/opcodes.ts";
import type { Bounds, Inspection } from "../compiler/instruction.ts";
import { type BatchProgram, base, type Place, type Words } from "../formats/programFile.ts";
import { convBounds } from "../ops/convGeometry.ts";
import { copyBounds } from "../ops/copy.ts";
import { mapBounds } from "../ops/expression.ts";
import { gatherBounds } from "../ops/gather.ts";
import { matMulBounds } from "../ops/matMul.ts";
import { predictedPoolBounds } from "../ops/pool.ts";
import { reduceBounds } from "../ops/reduce.ts";
import { softmaxBounds } from "../ops/softmax.ts";
import { argSortBounds } from "../ops/sort.ts";
import { alignedBytes } from "../variable.ts";
import { type Piece, Touched } from "./touched.ts";

/** For each opcode what its instructions may touch. */
export type BoundsByOpcode = Readonly<Record<number, Bounds>>;

/**
 * Those of the machine that only predicts, which has no other instructions beside SYNC: assembly/machine.ts has them where
 * TRAINS is 1.
 */
export const inferenceBounds: BoundsByOpcode = {
  [code.MAP]: mapBounds,
  [code.MATMUL]: matMulBounds,
  [code.REDUCE]: reduceBounds,
  [code.COPY]: copyBounds,
  [code.GATHER]: gatherBounds,
  [code.SOFTMAX]: softmaxBounds,
  [code.POOL]: predictedPoolBounds,
  [code.CONV]: convBounds,
  [code.ARG_SORT]: argSortBounds,
};

/** Multiply-adds, or what takes as long, that a program may take for each byte of its blocks. */
const workOfByte = 65536;
const wordsPerInstruction = 32;
const headerWords = 4;

/** What is known of a program that may run. */
export interface Verified {
  /** Positions of words that are addresses, and what each counts from. */
  readonly places: ReadonlyMap<number, Place>;
  /** What must be cleared before each run. */
  readonly cleared: readonly Piece[];
}

/** A program to be verified, with the bytes of the blocks that places count from. */
export interface Unverified extends Words {
  readonly batch: Pick<BatchProgram, "instructions" | "arenaBytes">;
  readonly room: readonly number[];
  /** Which bytes of the blocks are given before a run, and which are read after it. */
  readonly given: readonly (readonly [Place, bytes: number])[];
  readonly taken: readonly (readonly [Place, bytes: number])[];
}

/** What is found out of `program`; undefined for a program that must not run. */
export function verified(program: Unverified, bounds: BoundsByOpcode = inferenceBounds): Verified | undefined {
  const verifier = new Verifier(program);
  try {
    verifier.run(program, bounds);
    return verifier;
  } catch (error) {
    if (error === unsound) return undefined;
    throw error;
  }
}

const unsound: unique symbol = Symbol();

function needs(condition: boolean): void {
  if (!condition) throw unsound;
}

/** What a word was taken for; it cannot be both. */
const [numeric, address] = [1, 2];

class Verifier implements Verified {
  readonly places = new Map<number, Place>();
  cleared: readonly Piece[] = [];
  readonly words: Int32Array;
  private readonly roles: Uint8Array;
  private readonly stated = new Map<number, Place>();
  private readonly room: readonly number[];
  /** What is read and written in the arena, one after the other. */
  private readonly touched = new Touched();
  /** What the instruction writes: there from the next instruction on. */
  private written: (readonly [begin: number, end: number])[] = [];
  /** Where the last byte of the arena ends that anything touches. */
  private top = 0;

  constructor({ words, addresses, room }: Unverified) {
    this.words = words;
    this.roles = new Uint8Array(words.length);
    this.room = room;
    for (let at = 0; at < addresses.length; at += 3)
      this.stated.set(addresses[at] as number, [addresses[at + 1] as number, (addresses[at + 2] as number) >>> 0]);
  }

  run({ batch, given, taken }: Unverified, bounds: BoundsByOpcode): void {
    let work = 0;
    let phase: Operands | undefined;
    let [count, chunks] = [0, 0];
    const endPhase = (): void => {
      if (phase === undefined) return;
      const [instructions, cut] = phase.words(0, 2);
      needs(instructions === count && (cut <= 1 || cut === chunks));
    };
    for (const [place, bytes] of given) this.touch(place, bytes, true);
    this.takeOver();
    for (let index = 0; index < batch.instructions; index++) {
      const [opcode, units, grain] = new Operands(this, index * wordsPerInstruction, 0).words(0, 3);
      const operands = new Operands(this, index * wordsPerInstruction + headerWords, units);
      if (opcode === code.SYNC) {
        endPhase();
        [phase, count, chunks] = [operands, 0, 0];
        continue;
      }
      needs(phase !== undefined && Object.hasOwn(bounds, opcode));
      count++;
      if (units === 0) continue;
      needs(grain >= 1 && units + grain < 2 ** 31);
      chunks += Math.ceil(units / grain);
      work += 32 * units + (bounds[opcode] as Bounds)(operands);
      this.takeOver();
    }
    endPhase();
    for (const [place, bytes] of taken) this.touch(place, bytes, false);
    needs(batch.arenaBytes <= alignedBytes(this.top));
    needs(work <= workOfByte * this.room.reduce((sum, bytes) => sum + bytes));
    this.cleared = this.touched.readFirst();
  }

  /** Takes over what was written. */
  private takeOver(): void {
    for (const [begin, end] of this.written) this.touched.add(begin, end, true);
    this.written = [];
  }

  mark(position: number, role: number): void {
    this.roles[position] = (this.roles[position] as number) | role;
    needs((this.roles[position] as number) < numeric + address);
  }

  placeAt(position: number): Place {
    const place = this.stated.get(position);
    needs(place !== undefined);
    this.mark(position, address);
    this.places.set(position, place as Place);
    return place as Place;
  }

  touch([from, offset]: Place, bytes: number, writes: boolean, gaps = false): void {
    const end = offset + bytes;
    needs(bytes >= 0 && end <= (this.room[from] as number) && !(writes && from === base.words));
    if (from !== base.arena) return;
    this.top = Math.max(this.top, end, offset + 1);
    if (writes) {
      if (!gaps) this.written.push([offset, end]);
    } else this.touched.add(offset, end, false);
  }
}

/** Operands from position `first` of the words on. */
class Operands implements Inspection {
  readonly units: number;
  private readonly program: Verifier;
  private readonly first: number;

  constructor(program: Verifier, first: number, units: number) {
    this.program = program;
    this.first = first;
    this.units = units;
  }

  word(at: number): number {
    this.program.mark(this.first + at, numeric);
    return (this.program.words[this.first + at] as number) >>> 0;
  }

  words(at: number, count: number): ReturnType<Inspection["words"]> {
    return Array.from({ length: count }, (_, index) => this.word(at + index)) as never;
  }

  needs(condition: boolean): void {
    needs(condition);
  }

  reads(at: number, bytes: number): void {
    this.program.touch(this.program.placeAt(this.first + at), bytes, false);
  }

  writes(at: number, bytes: number, gaps = false): void {
    this.program.touch(this.program.placeAt(this.first + at), bytes, true, gaps);
  }

  table(at: number, count: number): Operands {
    const [from, offset] = this.program.placeAt(this.first + at);
    needs(from === base.words && offset % 4 === 0 && offset / 4 + count <= this.program.words.length);
    return new Operands(this.program, offset / 4, this.units);
  }
}
