// Which of the two machines does the engine of this thread run: the strict one, or that with relaxed SIMD?

import { check, TensorError } from "../errors.ts";
import { relaxedWasmModule, wasmModule } from "./wasm.ts";

const where = "configure.relaxedSimd";
let relaxed: WebAssembly.Module | undefined;
let loading: Promise<void> | undefined;
let started = false;

/**
 * The machine's code, for the engine that starts now. From here on the choice stands.
 * @throws {TensorError} `state` while the one with relaxed SIMD is being loaded.
 */
export function chosenModule(): WebAssembly.Module {
  check(loading === undefined, "state", () => ({
    where: "engine",
    expected: "no use before configure has ended",
    received: "one while relaxed SIMD is being loaded",
    remedy: "Write await configure(…).",
  }));
  const module = relaxed ?? wasmModule();
  started = true;
  return module;
}

/**
 * Chooses the machine with relaxed SIMD (true) or the strict one (false). Ends when the engine can start.
 * @throws {TensorError} `state`, at once, when the engine already runs the other one or relaxed SIMD is being loaded and not
 * wanted any more; `unsupported` when the runtime or the bundle has no relaxed SIMD: then the strict machine stays.
 */
export function chooseRelaxed(wanted: boolean): Promise<void> {
  if (loading !== undefined && wanted) return loading;
  if (loading === undefined && wanted === (relaxed !== undefined)) return Promise.resolve();
  check(loading === undefined && !started, "state", () => ({
    where,
    expected: "one choice, before the engine starts",
    received: `${wanted} after ${started ? "it started" : "a call that has not ended"}`,
    remedy: "Await configure(…) before anything else.",
  }));
  if (wanted) {
    loading = load().finally(() => {
      loading = undefined;
    });
    return loading;
  }
  relaxed = undefined;
  return Promise.resolve();
}

async function load(): Promise<void> {
  const module = await relaxedWasmModule().catch((cause: unknown) => {
    if (cause instanceof TensorError) throw cause;
    // Says why where no machine at all can be had.
    wasmModule();
    const parts = { where, expected: "the file relaxedWasm.js of this package", received: String(cause) };
    throw new TensorError("unsupported", parts, { cause });
  });
  check(module !== undefined, "unsupported", () => ({
    where,
    expected: "a runtime with WebAssembly relaxed SIMD",
    received: "one without",
    remedy: "Leave the option out, or see docs/performance.md for runtimes that have it.",
  }));
  relaxed = module;
}
