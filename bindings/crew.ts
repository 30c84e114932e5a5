// What the engine knows of the threads beside its own.

/** The threads beside this one, as far as the engine cares. */
export interface Crew {
  /** How many of them take part. */
  readonly size: number;
  /** How many of users' kernels all of them have, and a way to replace them by threads that have more. */
  readonly kernels: number;
  readonly renew: () => void;
  /** One of them was lost in the middle of a run: ends all. True until they are gone. */
  readonly disband: () => void;
  readonly leaving: boolean;
}

/** Whether this thread may wait for others asleep: the one that draws a page may not. */
export function maySleep(): boolean {
  try {
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1) === "not-equal";
  } catch {
    return false;
  }
}
