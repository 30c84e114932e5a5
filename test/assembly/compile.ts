// How does a test call an assembly function that the machine does not export?

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import asc from "assemblyscript/asc";

const root = resolve(import.meta.dirname, "../..");

/**
 * Compiles AssemblyScript source (imports are relative to the repository) with the optimizations of asconfig.json, but for a
 * memory of its own that is not shared, and instantiates it.
 */
export async function compileProbe<T>(source: string, memory: WebAssembly.Memory): Promise<T> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const { error, stderr } = await asc.main(
    [
      "probe.ts",
      ...["--outFile", "probe.wasm", "-O3", "--converge", "--noAssert", "--runtime", "stub"],
      ...["--enable", "simd", "--enable", "bulk-memory"],
      ...["--importMemory", "--noExportMemory"],
    ],
    {
      readFile: async (name) => {
        if (name === "probe.ts") return source;
        if (name === "asconfig.json") return null;
        return readFile(resolve(root, name), "utf8").catch(() => null);
      },
      writeFile: async (name, contents) => {
        files.set(name, typeof contents === "string" ? new TextEncoder().encode(contents) : new Uint8Array(contents));
      },
      listFiles: async () => null,
    },
  );
  const binary = files.get("probe.wasm");
  if (error || !binary) throw new Error(stderr.toString(), { cause: error });
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  return instance.exports as T;
}
