// How is the engine set up?

import { check, show } from "./errors.ts";

/** Most threads that programs can run on. */
export const maximumThreads = 1;

/** What {@link configure} sets. */
export interface EngineOptions {
  /** Threads that run programs. One is what there is today; `"auto"` takes the best there is. */
  readonly threads?: number | "auto";
}

/**
 * Sets up the engine of this thread. Bad options throw at once; the promise ends when the engine is as asked for.
 * @throws {TensorError} `unsupported` for more than one thread, `option` for anything that is not a number of threads.
 */
export function configure(options: EngineOptions): Promise<void> {
  const { threads = "auto" } = options;
  for (const key of Object.keys(options))
    check(key === "threads", "option", () => ({ where: "configure", expected: "the option threads", received: key }));
  const whole = threads === "auto" || (Number.isInteger(threads) && threads >= 1);
  check(whole, "option", () => ({
    where: "configure.threads",
    expected: 'an integer ≥ 1 or "auto"',
    received: show(threads),
  }));
  check(threads === "auto" || threads <= maximumThreads, "unsupported", () => ({
    where: "configure.threads",
    expected: `at most ${maximumThreads} thread`,
    received: String(threads),
    remedy: "This version computes on one thread.",
  }));
  return Promise.resolve();
}
