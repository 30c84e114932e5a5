// Where is the machine's code? In this package's bundle, as text; that with relaxed SIMD in a file beside it.

import digits from "../../build/wasmgrad.wasm";
import { checksum } from "../formats/checksum.ts";

let compiled: WebAssembly.Module | undefined;

/** The machine as a WebAssembly module, compiled on first use. */
export function wasmModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(bytesOf(digits));
  return compiled;
}

/**
 * The machine that may multiply and add in one rounding, from a file that is loaded only for this; undefined when the
 * runtime has no relaxed SIMD.
 */
export async function relaxedWasmModule(): Promise<WebAssembly.Module | undefined> {
  const relaxed = await import("./relaxedWasm.ts");
  return (await relaxed.supported()) ? WebAssembly.compile(bytesOf(relaxed.digits)) : undefined;
}

/** CRC-32 of the machine's bytes: programs of one machine are not for another. */
export function machineFingerprint(): string {
  return checksum(bytesOf(digits));
}

/** The module that `bytes` are. */
export function compileWasm(bytes: BufferSource): WebAssembly.Module {
  return new WebAssembly.Module(bytes);
}

interface WithBuffer {
  readonly Buffer?: { from(text: string, encoding: "hex"): Uint8Array<ArrayBuffer> };
}

/** The bytes that hexadecimal digits stand for. Node, Deno and Bun decode them 4 ms faster than a loop that is still cold. */
function bytesOf(hexadecimal: string): Uint8Array<ArrayBuffer> {
  const { Buffer } = globalThis as WithBuffer;
  if (Buffer !== undefined) return Buffer.from(hexadecimal, "hex");
  const value = (index: number): number => {
    const code = hexadecimal.charCodeAt(index);
    return code < 58 ? code - 48 : code - 87;
  };
  const bytes = new Uint8Array(hexadecimal.length / 2);
  for (let index = 0; index < bytes.length; index++) bytes[index] = value(2 * index) * 16 + value(2 * index + 1);
  return bytes;
}
