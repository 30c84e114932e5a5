// How many bytes must be downloaded to build, train and evaluate the MLP? programs/train-mlp/<engine>.mjs, bundled and
// minified by esbuild, gzip -9, with the Wasm it needs.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Files that a bundler does not see, and chunks that training on Wasm never loads. */
const extra = { "tfjs-wasm": ["@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm"] };
const notLoaded = { "jax-js": /\/(webgpu|webgl)-/, wasmgrad: /\/relaxedWasm\.js$/ };

export const suite = {
  title: "Size of a script that builds, trains and evaluates the MLP",
  metric: "gzipBytes",
  unit: "bytes",
  better: /** @type {const} */ ("lower"),
  cases: ["train-mlp"],

  /** @param {import("../run.mjs").Setting} setting */
  async run({ engines, row, fail, note }) {
    for (const engine of engines) {
      try {
        checkThatItTrains(engine);
        const files = [...(await bundle(engine)), ...(extra[engine] ?? []).map(installedFile)];
        const bytes = files.reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0);
        row("train-mlp", engine, [bytes]);
      } catch (error) {
        fail("train-mlp", engine, error instanceof Error ? error.message : String(error));
      }
    }
    note(
      "Bundled by esbuild (minified, ES modules, for browsers), gzip -9, Wasm included; each script was run and learned.",
    );
  },
};

async function bundle(engine) {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [programPath(engine)],
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["production"],
    loader: { ".wasm": "file" },
    define: { "process.env.NODE_ENV": '"production"' },
    external: ["node:*"],
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const skipped = notLoaded[engine];
  return outputFiles
    .filter(({ path }) => {
      const output = Object.entries(metafile.outputs).find(([name]) => path.endsWith(name.replaceAll("\\", "/")));
      const inputs = Object.keys(output?.[1].inputs ?? {});
      return skipped === undefined || inputs.length === 0 || !inputs.every((input) => skipped.test(input));
    })
    .map(({ contents }) => contents);
}

function checkThatItTrains(engine) {
  const program = fileURLToPath(new URL("../programs/try-train-mlp.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, engine], { encoding: "utf8" });
  if (status !== 0) throw new Error(`its script does not run: ${stderr.slice(-1000)}`);
  const accuracy = Number(stdout.trim().split("\n").at(-1));
  if (!(accuracy > 0.7))
    throw new Error(`its script does not learn: accuracy ${accuracy} after one epoch of 6,400 images`);
}

function programPath(engine) {
  return fileURLToPath(new URL(`../programs/train-mlp/${engine}.mjs`, import.meta.url));
}

function installedFile(path) {
  return readFileSync(createRequire(import.meta.url).resolve(path));
}
