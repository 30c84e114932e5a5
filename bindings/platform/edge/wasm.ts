// Where is the machine's code on edge platforms? In a file that the platform has compiled: bytes are not allowed there.

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
