// What does the compiler know about an instruction before its addresses are fixed?

import type { SymbolicTensor } from "../graph.ts";

/** One operand of an instruction: an integer, a float32, a float64 (two words), a tensor's address or a table's. */
export type Word = number | Float | Double | Address | Table;
/** A float32 operand. */
export interface Float {
  readonly kind: "float";
  readonly value: number;
}
/** A float64 operand, at a multiple of 8 bytes. */
export interface Double {
  readonly kind: "double";
  readonly value: number;
}
/** Where `tensor` is, plus `offset` bytes. `access` is what the instruction does there. */
export interface Address {
  readonly kind: "address";
  readonly tensor: SymbolicTensor;
  readonly access: "read" | "write" | "update";
  readonly offset: number;
}
/** The address of further words that do not fit into the instruction. */
export interface Table {
  readonly kind: "table";
  readonly words: readonly Word[];
}

/** An instruction with named operands, in the order of the kernel's overlay class. */
export interface Lowering {
  readonly opcode: number;
  /** For people: `matMul`, `map`. */
  readonly name: string;
  /** Amount of work in the kernel's own unit, and how much of it a thread claims at once. */
  readonly units: number;
  readonly grain: number;
  readonly operands: Readonly<Record<string, Word>>;
  /** Arithmetic operations it takes, for `explain`. */
  readonly flops: number;
}

/** The words of an instruction, or of a table of one, while a file is checked. Positions count from its first operand. */
export interface Inspection {
  /** Units of work, at least 1. */
  readonly units: number;
  /** One operand, as an unsigned number. */
  word(at: number): number;
  /** Up to nine operands from `at` on, as unsigned numbers. */
  words(at: number, count: number): Nine;
  /** Refuses the instruction unless `condition` holds. */
  needs(condition: boolean): void;
  /** The operand is an address from which at most `bytes` bytes are read. */
  reads(at: number, bytes: number): void;
  /** The operand is an address from which `bytes` bytes are written, all of them or, with gaps, some. */
  writes(at: number, bytes: number, gaps?: boolean): void;
  /** The operand is the address of a table of `count` words. */
  table(at: number, count: number): Inspection;
}
type Nine = readonly [number, number, number, number, number, number, number, number, number];

/**
 * What the instructions of one opcode may touch, and what their other operands must be, so that the kernel keeps to that.
 * Up to 12 bytes behind what is read may be loaded too, and are not used.
 * @returns about how many multiply-adds take as long as the instruction.
 */
export type Bounds = (it: Inspection) => number;

/** A float32 operand. */
export function float(value: number): Float {
  return { kind: "float", value };
}

/** A float64 operand; takes two words and must fall on an even one. */
export function double(value: number): Double {
  return { kind: "double", value };
}

/** The address of a tensor that the instruction reads. */
export function reads(tensor: SymbolicTensor, offset = 0): Address {
  return { kind: "address", tensor, access: "read", offset };
}

/** The address of a tensor that the instruction writes. */
export function writes(tensor: SymbolicTensor, offset = 0): Address {
  return { kind: "address", tensor, access: "write", offset };
}

/** The address of a tensor that the instruction reads and writes. */
export function updates(tensor: SymbolicTensor, offset = 0): Address {
  return { kind: "address", tensor, access: "update", offset };
}

/** A table of further words. */
export function table(words: readonly Word[]): Table {
  return { kind: "table", words };
}

/** All addresses in `words`, those in tables included. */
export function addressesIn(words: Iterable<Word>): Address[] {
  const found: Address[] = [];
  for (const word of words) {
    if (typeof word === "number") continue;
    if (word.kind === "address") found.push(word);
    else if (word.kind === "table") found.push(...addressesIn(word.words));
  }
  return found;
}
