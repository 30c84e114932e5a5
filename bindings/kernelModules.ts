// Is a module that a user compiled fit to be a kernel, and do its data keep out of everybody's way?
//
// Modules share one memory. What they keep in it from the start (constants, tables, texts) goes where the compiler put
// it, so the engine leaves a range free for that, and a trial shows what a module writes there: it is instantiated on
// two small memories of opposite bits, and what is alike afterwards was written by it.

import { check, formatBytes, show, TensorError, unknownName } from "./errors.ts";
import { sharedMemory } from "./heap.ts";
import { kernelImports, type UserKernel } from "./kernelTable.ts";
import { compileWasm } from "./platform/wasm.ts";

/** Where the data of users' modules go: [begin, end). The engine's own are below, the heap above. */
export const kernelData: { readonly begin: number; readonly end: number } = Object.freeze({
  begin: 65536,
  end: 131072,
});

/** Compiled WebAssembly, or its bytes where the runtime allows to compile them. */
export type KernelModule = WebAssembly.Module | ArrayBuffer | Uint8Array;

/** The options of asc that make a kernel. */
const flags = "--importMemory --sharedMemory --initialMemory 2 --maximumMemory 65536 --enable threads";
const defined: UserKernel[] = [];
const dataOf = new Map<WebAssembly.Module, ModuleData>();

/** All kernels of this thread, in the order in which they were defined. */
export function userKernels(): readonly UserKernel[] {
  return defined;
}

/**
 * The kernel that `source` exports as `name`. Nothing of the engine is touched yet.
 * @throws {TensorError} `option` when the module cannot be a kernel, `format` when the bytes are none, `name` when it
 * exports no such function, `memory` when its data lie outside {@link kernelData} or on those of another module.
 */
export function defineKernel(where: string, source: KernelModule, name: string): UserKernel {
  const module = compileModule(where, source);
  const known = defined.find((kernel) => kernel.module === module && kernel.name === name);
  if (known !== undefined) return known;
  checkImports(where, module);
  checkExport(where, module, name);
  if (!dataOf.has(module)) dataOf.set(module, checkData(where, tryOut(where, module, name)));
  const kernel: UserKernel = Object.freeze({ module, name });
  defined.push(kernel);
  return kernel;
}

/** The error for a module that does not link to the engine's memory. */
export function linkError(where: string, cause: unknown): TensorError {
  return new TensorError(
    "option",
    {
      where: `${where}.module`,
      expected: "a module that links to shared memory of 2 pages that may grow to 65536",
      received: `a refusal: ${messageOf(cause)}`,
      remedy: `Compile it with ${flags}.`,
    },
    { cause },
  );
}

/** The text of whatever was thrown, without a full stop. */
export function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
}

// Checks --------------------------------------------------------------------------------------------------------------

function compileModule(where: string, source: KernelModule): WebAssembly.Module {
  if (source instanceof WebAssembly.Module) return source;
  check(source instanceof ArrayBuffer || source instanceof Uint8Array, "option", () => ({
    where: `${where}.module`,
    expected: "a WebAssembly.Module, or the bytes of one",
    received: show(source),
  }));
  try {
    return compileWasm(source as BufferSource);
  } catch (cause) {
    throw new TensorError(
      "format",
      {
        where: `${where}.module`,
        expected: "bytes of WebAssembly that this runtime compiles",
        received: `a refusal: ${messageOf(cause)}`,
        remedy: "Where code must not be compiled at run time, import the file as a WebAssembly.Module and pass that.",
      },
      { cause },
    );
  }
}

function checkImports(where: string, module: WebAssembly.Module): void {
  const imports = WebAssembly.Module.imports(module);
  for (const { module: from, name, kind } of imports)
    check(from === "env" && (name === "memory" || (name === "abort" && kind === "function")), "option", () => ({
      where: `${where}.module`,
      expected: "a module that imports env.memory and at most env.abort",
      received: `the import ${from}.${name}, a ${kind}`,
      remedy: "A kernel reaches nothing but memory: take out what asks for more, and compile without --importTable.",
    }));
  check(imports.some(({ name }) => name === "memory") === true, "option", () => ({
    where: `${where}.module`,
    expected: "a module that works in the engine's memory",
    received: "one that does not import env.memory",
    remedy: `Compile it with ${flags}.`,
  }));
}

function checkExport(where: string, module: WebAssembly.Module, name: string): void {
  const functions = WebAssembly.Module.exports(module).flatMap((each) => (each.kind === "function" ? each.name : []));
  if (!functions.includes(name)) throw unknownName(`${where}.export`, "an exported function", name, functions);
}

/** What a module writes into memory when it is instantiated. */
interface ModuleData {
  readonly begin: number;
  readonly bytes: Uint8Array;
}

/** Instantiates the module where it can do no harm. */
function tryOut(where: string, module: WebAssembly.Module, name: string): ModuleData {
  const [zeros, ones] = [0, 0xff].map((filling) => {
    const memory = sharedMemory(kernelData.end / 65536);
    const bytes = new Uint8Array(memory.buffer).fill(filling);
    try {
      const { length } = new WebAssembly.Instance(module, kernelImports(memory)).exports[name] as () => void;
      check(length === 3, "option", () => ({
        where: `${where}.export`,
        expected: "a function of (instruction, begin, end)",
        received: `${name} of ${length} parameters`,
      }));
    } catch (cause) {
      if (cause instanceof WebAssembly.RuntimeError) throw dataError(where, `a trap: ${messageOf(cause)}`, 0, cause);
      throw cause instanceof TensorError ? cause : linkError(where, cause);
    }
    return bytes;
  }) as [Uint8Array, Uint8Array];
  let [begin, end] = [0, zeros.length];
  while (begin < end && untouched(zeros, ones, begin)) begin++;
  while (end > begin && untouched(zeros, ones, end - 1)) end--;
  return { begin, bytes: zeros.slice(begin, end) };
}

function untouched(zeros: Uint8Array, ones: Uint8Array, at: number): boolean {
  return zeros[at] === 0 && ones[at] === 0xff;
}

function checkData(where: string, data: ModuleData): ModuleData {
  const { begin, bytes } = data;
  if (bytes.length === 0) return data;
  if (begin < kernelData.begin) throw dataError(where, `data from byte ${begin} on`, bytes.length);
  for (const other of dataOf.values()) {
    const first = Math.max(begin, other.begin);
    const last = Math.min(begin + bytes.length, other.begin + other.bytes.length);
    for (let at = first; at < last; at++)
      if (bytes[at - begin] !== other.bytes[at - other.begin])
        throw dataError(where, `data from byte ${begin} on, where another module has its own`, bytes.length);
  }
  return data;
}

/** The error for data in a wrong place; its remedy is a place where `wanted` bytes are free. */
function dataError(where: string, received: string, wanted: number, cause?: unknown): TensorError {
  let base = kernelData.begin;
  const others = [...dataOf.values()].sort((a, b) => a.begin - b.begin);
  for (const { begin, bytes } of others)
    if (bytes.length > 0 && begin < base + wanted) base = Math.ceil((begin + bytes.length) / 1024) * 1024;
  const fits = base + wanted <= kernelData.end;
  return new TensorError(
    "memory",
    {
      where: `${where}.module`,
      expected: `static data between byte ${kernelData.begin} and ${kernelData.end}, apart from those of other modules`,
      received,
      remedy: fits
        ? `Compile it with --memoryBase ${base} --initialMemory 2.`
        : `There is no room left for its ${formatBytes(wanted)}: pass tables as inputs of the operation instead.`,
    },
    cause === undefined ? undefined : { cause },
  );
}
