// How is the engine set up?

import { check, show } from "./errors.ts";
import { maximumThreads, setThreads } from "./workers.ts";

/** What {@link configure} sets. */
export interface EngineOptions {
  /**
   * Threads that run programs, this one included: 1 to 64. `"auto"`, the default, starts as many as there are processors,
   * at most 8, once `fit` has work that pays for it. The results are the same bits whatever the number.
   */
  readonly threads?: number | "auto";
}

/**
 * Sets up the engine of this thread. Bad options throw at once.
 * @returns a promise that ends when the engine is as asked for. Where there can be fewer threads it says so once, with
 *   `console.warn`, and goes on with those there are.
 * @throws {TensorError} `option` for an unknown option or anything that is not a number of threads.
 */
export function configure(options: EngineOptions): Promise<void> {
  const { threads = "auto" } = options;
  for (const key of Object.keys(options))
    check(key === "threads", "option", () => ({ where: "configure", expected: "the option threads", received: key }));
  const possible = threads === "auto" || (Number.isInteger(threads) && threads >= 1 && threads <= maximumThreads);
  check(possible, "option", () => ({
    where: "configure.threads",
    expected: `an integer from 1 to ${maximumThreads}, or "auto"`,
    received: show(threads),
  }));
  return setThreads(threads);
}
