// What do the two processes of the fuzzer tell each other?

/** What is asked of a child. */
export interface Task {
  readonly reader: string;
  readonly seed: string;
  /** First input, and the one after the last. */
  readonly begin: number;
  readonly end: number;
  /** How long to go on, once all is ready. */
  readonly milliseconds: number;
  /** Where the number of the input in hand is written, 8 bytes. */
  readonly progress: string;
}

/** What went wrong with an input. */
export interface Failure {
  readonly reader: string;
  readonly index: number;
  /** Equal for failures of one cause, as far as one can tell. */
  readonly cause: string;
}

/** What came of a number of inputs. */
export interface Tally {
  inputs: number;
  accepted: number;
  /** By code of the error. */
  readonly refused: Record<string, number>;
  /** Milliseconds of the slowest, and which it was. */
  slowest: number;
  slowestIndex: number;
  /** Bytes by which memory grew most, less what the input declares. */
  growth: number;
}

/** A message of a child: what came of its inputs since the last one. */
export interface Message {
  readonly tally: Tally;
  readonly failures: readonly Failure[];
  /** The first input that is not done. */
  readonly next: number;
  /** Time since the last message, or since all was ready. */
  readonly milliseconds: number;
  /** Why it ends: all is done, or its memory is too large to go on. */
  readonly ends?: "done" | "renew";
}

/** Nothing yet. */
export function emptyTally(): Tally {
  return { inputs: 0, accepted: 0, refused: {}, slowest: 0, slowestIndex: -1, growth: 0 };
}

/** Adds `more` to `sum`. */
export function addTally(sum: Tally, more: Tally): void {
  sum.inputs += more.inputs;
  sum.accepted += more.accepted;
  for (const [code, count] of Object.entries(more.refused)) sum.refused[code] = (sum.refused[code] ?? 0) + count;
  if (more.slowest > sum.slowest) [sum.slowest, sum.slowestIndex] = [more.slowest, more.slowestIndex];
  sum.growth = Math.max(sum.growth, more.growth);
}
