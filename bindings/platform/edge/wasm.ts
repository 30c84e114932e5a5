// Where is the machine's code on edge platforms? In a file that the platform has compiled: bytes are not allowed there.

import { TensorError } from "../../errors.ts";
import machine from "./wasmgrad.wasm";

/** {@link machineFingerprint}, put here by the build. */
declare const MACHINE_FINGERPRINT: string;

/** The machine as a WebAssembly module. */
export function wasmModule(): WebAssembly.Module {
  return machine as unknown as WebAssembly.Module;
}

/** CRC-32 of the machine's bytes: programs of one machine are not for another. */
export function machineFingerprint(): string {
  return MACHINE_FINGERPRINT;
}

/** Refused: edge platforms compile nothing. */
export function compileWasm(_bytes: BufferSource): never {
  throw new TensorError("unsupported", {
    where: "WebAssembly",
    expected: "a module that the platform has compiled",
    received: "bytes",
  });
}

/** Refused: edge platforms run the machine that gives the same bits everywhere. */
export function relaxedWasmModule(): Promise<WebAssembly.Module | undefined> {
  const parts = { where: "configure.relaxedSimd", expected: "false on edge platforms", received: "true" };
  return Promise.reject(new TensorError("unsupported", { ...parts, remedy: "Leave the option out." }));
}
