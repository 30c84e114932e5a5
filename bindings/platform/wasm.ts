// Where is the machine's code? In this package's bundle, as bytes.

import bytes from "../../build/wasmgrad.wasm";

let compiled: WebAssembly.Module | undefined;

/** The machine as a WebAssembly module, compiled on first use. */
export function wasmModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(bytes);
  return compiled;
}
