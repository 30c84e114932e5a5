// How is the engine set up?

import { defaultCompileOptions } from "./compiler/program.ts";
import { checkOptionNames } from "./config.ts";
import { check, show } from "./errors.ts";
import { chooseRelaxed } from "./platform/binary.ts";
import { maximumThreads, setThreads } from "./workers.ts";

/** What {@link configure} sets. */
export interface EngineOptions {
  /**
   * Threads that run programs, this one included: 1 to 64. `"auto"`, the default, starts as many as there are processors,
   * at most 8, once `fit` has work that pays for it. The results are the same bits whatever the number.
   */
  readonly threads?: number | "auto";
  /**
   * Whether matrix products may use WebAssembly's relaxed SIMD: multiply and add in one rounding, faster on some CPUs, with
   * results whose last bits depend on CPU and runtime. To be chosen before anything is computed, drawing the weights of a
   * model included. Default: false.
   */
  readonly relaxedSimd?: boolean;
  /**
   * Which algorithms programs use that are made from now on. `"high"`: those with the smallest errors. `"default"`: also
   * Winograd's for 3 × 3 convolutions, up to 2.6 times as fast, with errors about twice as large, and weights that take
   * over the factors of a batch normalisation: docs/reproducibility.md. Default: `"default"`.
   */
  readonly precision?: Precision;
}

/** See {@link EngineOptions.precision}. */
export type Precision = "default" | "high";

const precisions: readonly unknown[] = ["default", "high"] satisfies Precision[];

const known: readonly string[] = ["threads", "relaxedSimd", "precision"] satisfies (keyof EngineOptions)[];

/**
 * Sets up the engine of this thread. Bad options throw at once; what is left out stays as it is.
 * @returns a promise that ends when the engine is as asked for. Where there can be fewer threads it says so once, with
 *   `console.warn`, and goes on with those there are.
 * @throws {TensorError} `name` for an unknown option, `option` for a value that it cannot have; `unsupported` when the runtime has no
 *   relaxed SIMD; `state` for another choice of relaxed SIMD once the engine has started.
 */
export function configure(options: EngineOptions): Promise<void> {
  checkOptionNames("configure", options, known);
  const { threads, relaxedSimd, precision } = options;
  const possible =
    threads === undefined ||
    threads === "auto" ||
    (Number.isInteger(threads) && threads >= 1 && threads <= maximumThreads);
  check(possible, "option", () => ({
    where: "configure.threads",
    expected: `an integer from 1 to ${maximumThreads}, or "auto"`,
    received: show(threads),
  }));
  check(relaxedSimd === undefined || typeof relaxedSimd === "boolean", "option", () => ({
    where: "configure.relaxedSimd",
    expected: "true or false",
    received: show(relaxedSimd),
  }));
  check(precision === undefined || precisions.includes(precision), "option", () => ({
    where: "configure.precision",
    expected: '"default" or "high"',
    received: show(precision),
  }));
  if (precision !== undefined) {
    defaultCompileOptions.algorithms = precision === "default";
    defaultCompileOptions.foldScales = precision === "default";
  }
  const count = (): Promise<void> => (threads === undefined ? Promise.resolve() : setThreads(threads));
  // Threads run the engine's module: it is chosen first.
  return relaxedSimd === undefined ? count() : chooseRelaxed(relaxedSimd).then(count);
}
