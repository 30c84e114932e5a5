// How is the peak of 128-bit SIMD measured? kernels/peak.ts, compiled here and now, run like any other engine.

import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

const rounds = 100_000;

/** @type {import("./engine.d.ts").Engine} */
export const engine = {
  start() {},
  async peak() {
    const { chains, operations } = await compiledKernel();
    return {
      operations: operations.value * rounds,
      run(times) {
        for (let time = 0; time < times; time++) chains(rounds, 1, 0);
      },
    };
  },
};

async function compiledKernel() {
  const source = fileURLToPath(new URL("../kernels/peak.ts", import.meta.url));
  const written = new Map();
  const { error, stderr } = await main(
    [source, "--baseDir", "/", "--outFile", "peak.wasm", "-O3", "--noAssert", "--runtime", "stub", "--enable", "simd"],
    { writeFile: (name, contents) => void written.set(name, contents) },
  );
  if (error) throw new Error(`kernels/peak.ts does not compile: ${stderr}`);
  const { instance } = await WebAssembly.instantiate(written.get("peak.wasm"), { env: { abort() {} } });
  return /** @type {any} */ (instance.exports);
}
