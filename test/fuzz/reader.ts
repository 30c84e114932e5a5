// What is a reader under fuzzing? Something that takes bytes from outside, with examples of what it takes.

import type { Chance } from "./chance.ts";

/** One reader. Inputs are bytes, so that each can be kept and read again. */
export interface Reader {
  readonly name: string;
  /** Sound inputs. */
  corpus(): Promise<readonly Uint8Array[]>;
  /** An input that is not, most of the time. */
  mutate(chance: Chance, corpus: readonly Uint8Array[]): Uint8Array;
  /** Reads it. @throws {TensorError} when it is refused; anything else is a fault. */
  read(input: Uint8Array): unknown;
  /** Bytes of the tensors that the input declares, as far as the reader may believe it. */
  declared?(input: Uint8Array): number;
}

/** What is wrong although no error says so: memory of others that was touched. */
export class Harm extends Error {}
