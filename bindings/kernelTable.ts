// How does a kernel that a user compiled apart come into a machine? The same way on every thread.

/** A function of a user's module. */
export interface UserKernel {
  readonly module: WebAssembly.Module;
  /** Name of the export. */
  readonly name: string;
}

/** A kernel with its place in the machine's table of functions: the same place on every thread. */
export interface PlacedKernel extends UserKernel {
  readonly index: number;
}

/** What a machine lends to a kernel: its table of functions, the memory, and this thread's own scratch. */
export interface KernelHost {
  readonly table: WebAssembly.Table;
  readonly memory: WebAssembly.Memory;
  /** First byte of 512 KiB that this thread has for itself. */
  readonly scratch: number;
}

/**
 * Instantiates the module of `kernel` on the machine's memory and puts the function into the machine's table. A module
 * that exports a global variable `scratch` finds the address of this thread's scratch in it.
 * @throws {WebAssembly.LinkError} when the memory is not what the module asks for.
 */
export function installKernel({ table, memory, scratch }: KernelHost, { module, name, index }: PlacedKernel): void {
  const { exports } = new WebAssembly.Instance(module, kernelImports(memory));
  if (exports.scratch instanceof WebAssembly.Global) exports.scratch.value = scratch;
  if (index >= table.length) table.grow(index + 1 - table.length);
  table.set(index, exports[name]);
}

/** All that a user's module may import. */
export function kernelImports(memory: WebAssembly.Memory): {
  readonly env: { readonly memory: WebAssembly.Memory; readonly abort: (...place: number[]) => never };
} {
  const abort = (message = 0, file = 0, line = 0, column = 0): never => {
    throw new Error(`${textAt(memory, message) || "abort"} at ${textAt(memory, file)}:${line}:${column}`);
  };
  return { env: { memory, abort } };
}

/** A string of AssemblyScript: UTF-16, its bytes counted just before it. */
function textAt(memory: WebAssembly.Memory, address: number): string {
  const bytes = new DataView(memory.buffer);
  const last = bytes.byteLength;
  if (address < 4 || address > last) return "";
  const end = Math.min(last, address + Math.min(bytes.getUint32(address - 4, true), 1000));
  let text = "";
  for (let at = address; at + 2 <= end; at += 2) text += String.fromCharCode(bytes.getUint16(at, true));
  return text;
}
