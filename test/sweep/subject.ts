// What the sweep runs: anything that can be checked on random cases.

import type fc from "fast-check";

/** Counts of one subject. */
export interface Tally {
  cases: number;
  /** Cases whose gradients were compared as well. */
  gradients: number;
  /** Cases that the library has to refuse, and refused. */
  refused: number;
}

/** One op, layer, optimizer, loss, metric, or kind of random program, with its cases. */
export interface Subject<C = unknown> {
  /** The name under which users know it: `--only` takes it. */
  readonly name: string;
  readonly kind: "op" | "layer" | "loss" | "metric" | "optimizer" | "program" | "network";
  /** Cases as plain data, from which everything else follows: they can be pasted into a test. */
  readonly cases: fc.Arbitrary<C>;
  /** Throws when the library is wrong about `given`. */
  readonly check: (given: C, tally: Tally) => void | Promise<void>;
}

/** The same, with its type of cases forgotten, so that subjects can stand in one list. */
export function subject<C>(of: Subject<C>): Subject {
  return of as unknown as Subject;
}
