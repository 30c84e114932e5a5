// Makes what the worker needs, in dist/: the model as a program, and the worker with wasmgrad/inference in one file.
//
//   node examples/edge-worker/build.mjs [model.safetensors]       without a model: trains one on MNIST for two epochs

import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { layers, loadModel, saveProgram, sequential, setSeed } from "wasmgrad";
import { loadMnist } from "wasmgrad/datasets";

const folder = dirname(fileURLToPath(import.meta.url));
const dist = join(folder, "dist");
mkdirSync(dist, { recursive: true });

const [path] = process.argv.slice(2);
const model = path === undefined ? await train() : await loadModel(path);
await model.save(join(dist, "model.safetensors"), { includeOptimizer: false });
await saveProgram(model, join(dist, "digits.bin"), { batchSizes: [1, 32] });

await build({
  entryPoints: [join(folder, "worker.js")],
  outdir: dist,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  conditions: ["workerd"],
  plugins: [{ name: "files-of-the-platform", setup: leaveToPlatform }],
});
const sizes = ["worker.js", "wasmgrad-inference.wasm"].map(
  (name) => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length,
);
console.log(
  `after gzip: worker.js ${sizes[0]} bytes + wasmgrad-inference.wasm ${sizes[1]} bytes = ${sizes[0] + sizes[1]} bytes`,
);

/** Wasm and weights are imported as files beside the worker, which the platform compiles or reads. */
function leaveToPlatform({ onResolve }) {
  onResolve({ filter: /\.(wasm|bin)$/ }, ({ path: specifier, resolveDir }) => {
    const source = join(resolveDir, specifier);
    if (dirname(source) !== dist) copyFileSync(source, join(dist, basename(source)));
    return { path: `./${basename(source)}`, external: true };
  });
}

async function train() {
  setSeed(7);
  const { train: digits, test } = await loadMnist();
  const network = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  network.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  await network.fit(digits.x, digits.y, { batchSize: 32, epochs: 2, verbose: 0 });
  const { accuracy } = await network.evaluate(test.x, test.y);
  console.log(`test accuracy: ${accuracy.toFixed(4)}`);
  return network;
}
