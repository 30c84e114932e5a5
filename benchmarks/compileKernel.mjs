// How does a kernel written for a measurement become WebAssembly? Compiled here and now, as the machine's own are.

import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

/**
 * The exports of `kernels/<name>.ts`.
 *
 * @param {string} name
 * @param {number} pages of memory that it may use from byte 0 on, of 64 KiB
 */
export async function compileKernel(name, pages = 0) {
  const source = fileURLToPath(new URL(`kernels/${name}.ts`, import.meta.url));
  const written = new Map();
  const { error, stderr } = await main(
    [
      source,
      ...["--baseDir", "/", "--outFile", "kernel.wasm", "-O3", "--noAssert", "--runtime", "stub", "--enable", "simd"],
      ...["--initialMemory", String(pages)],
    ],
    { writeFile: (file, contents) => void written.set(file, contents) },
  );
  if (error) throw new Error(`kernels/${name}.ts does not compile: ${stderr}`);
  const { instance } = await WebAssembly.instantiate(written.get("kernel.wasm"), { env: { abort() {} } });
  return /** @type {any} */ (instance.exports);
}
