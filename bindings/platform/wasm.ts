// Where is the machine's code? In this package's bundle, as text; that with relaxed SIMD in a file beside it.

import text from "../../build/wasmgrad.wasm";
import { TensorError } from "../errors.ts";
import { checksum } from "../formats/checksum.ts";

let compiled: WebAssembly.Module | undefined;

/**
 * The machine as a WebAssembly module, compiled on first use.
 * @throws {TensorError} `unsupported` where there is no WebAssembly, none with SIMD, or where a policy forbids it.
 */
export function wasmModule(): WebAssembly.Module {
  if (compiled !== undefined) return compiled;
  const bytes = bytesOf(text);
  try {
    compiled = new WebAssembly.Module(bytes);
  } catch (cause) {
    throw unavailable(bytes, cause);
  }
  return compiled;
}

/** Why this runtime does not compile the machine, and what helps. */
function unavailable(bytes: BufferSource, cause: unknown): TensorError {
  const [received, remedy] =
    typeof WebAssembly === "undefined"
      ? ["a runtime without WebAssembly", "Switch off what disables it, such as Lockdown Mode or node --jitless."]
      : WebAssembly.validate(bytes)
        ? [
            `a refusal: ${cause instanceof Error ? cause.message : String(cause)}`,
            "Allow WebAssembly in the Content-Security-Policy of the page: script-src 'self' 'wasm-unsafe-eval'.",
          ]
        : ["a runtime without SIMD", "Use Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or a later version."];
  return new TensorError(
    "unsupported",
    { where: "engine", expected: "WebAssembly with SIMD", received, remedy },
    { cause },
  );
}

/**
 * The machine that may multiply and add in one rounding, from a file that is loaded only for this; undefined when the
 * runtime has no relaxed SIMD.
 */
export async function relaxedWasmModule(): Promise<WebAssembly.Module | undefined> {
  const relaxed = await import("./relaxedWasm.ts");
  return (await relaxed.supported()) ? WebAssembly.compile(bytesOf(relaxed.text)) : undefined;
}

/** CRC-32 of the machine's bytes: programs of one machine are not for another. */
export function machineFingerprint(): string {
  return checksum(bytesOf(text));
}

/** The module that `bytes` are. */
export function compileWasm(bytes: BufferSource): WebAssembly.Module {
  return new WebAssembly.Module(bytes);
}

interface WithBuffer {
  readonly Buffer?: { from(text: string, encoding: "hex"): Uint8Array<ArrayBuffer> };
}

/**
 * The bytes that the text stands for. What runtimes read is in hexadecimal digits, which Node, Deno and Bun decode 4 ms
 * faster than a loop that is still cold; what bundlers read is shorter.
 */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return text.startsWith("00") ? bytesOfDigits(text) : bytesOfText(text);
}

function bytesOfDigits(hexadecimal: string): Uint8Array<ArrayBuffer> {
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

/** What scripts/wasmText.mjs writes; a byte 0, with which all Wasm begins, is not the character 0 there. */
function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  const digits = new Uint8Array(127);
  let count = 0;
  for (let code = 32; code < 127; code++) if (!"\"$'\\`".includes(String.fromCharCode(code))) digits[code] = count++;
  const digit = (index: number): number => digits[text.charCodeAt(index)] as number;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const first = digit(index);
    bytes[length++] = first > 1 ? first - 2 : count - 2 + first * count + digit(++index);
  }
  return bytes.slice(0, length);
}
