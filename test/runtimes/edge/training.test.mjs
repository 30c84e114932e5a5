// Does the whole package work in workerd: the same bits from fit, predict, save and load as in Node?

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { conform } from "./trainingWorker.mjs";
import { serve } from "./workerd.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../../../dist");
const folder = mkdtempSync(join(tmpdir(), "wasmgrad-edge-"));
let expected;

before(async () => {
  const start = process.cwd();
  process.chdir(folder);
  expected = await conform().finally(() => process.chdir(start));
  await build({
    entryPoints: [join(here, "trainingWorker.mjs")],
    outfile: join(folder, "worker.js"),
    bundle: true,
    format: "esm",
    conditions: ["workerd"],
    plugins: [
      {
        name: "wasm-of-the-platform",
        setup: ({ onResolve }) =>
          onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
            copyFileSync(join(resolveDir, path), join(folder, basename(path)));
            return { path, external: true };
          }),
      },
    ],
  });
});
after(() => rmSync(folder, { recursive: true }));

/** One without FinalizationRegistry, MessageChannel and Node's names, one with the first two, a recent one. */
for (const date of ["2024-01-01", "2025-09-01", "2026-11-01"])
  test(`trains, measures, saves and predicts with the bits of Node, compatibility date ${date}`, async () => {
    const config = join(folder, `${date}.capnp`);
    writeFileSync(
      config,
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "training", worker = .training)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "training")],
);
const training :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "wasmgrad.wasm", wasm = embed "wasmgrad.wasm"),
    (name = "wasmgrad-inference.wasm", wasm = embed "wasmgrad-inference.wasm"),
  ],
  compatibilityDate = "${date}",
);
`,
    );
    const server = await serve(config);
    try {
      const found = await (await fetch(server.address)).json();
      assert.equal(found.error, undefined);
      const { path, ...results } = found;
      assert.match(path, /expected a runtime with a file system/);
      const { path: written, ...wanted } = expected;
      assert.equal(written, "written");
      assert.deepEqual(results, wanted);
      assert.deepEqual(results.program, results.predicted);
      assert.deepEqual(results.loaded, results.predicted);
      assert.equal(server.written(), "");
    } finally {
      await server.stop();
    }
  });

describe("what the conditions workerd and edge-light name", () => {
  for (const [name, suffix] of [
    ["edge", ""],
    ["edge-light", "?module"],
  ])
    test(`dist/${name} knows no Node, makes no code and has its Wasm beside it`, () => {
      const root = join(dist, name);
      const scripts = readdirSync(root, { recursive: true }).filter((file) => file.endsWith(".js"));
      assert.ok(scripts.length >= 3);
      const imported = new Set();
      for (const script of scripts) {
        const text = readFileSync(join(root, script), "utf8");
        assert.doesNotMatch(text, /["'`]node:|\beval\s*\(|new Function\b|new WebAssembly\.Module\b/, script);
        assert.doesNotMatch(text, /WebAssembly\.(compile|instantiate)/, script);
        for (const [, path] of text.matchAll(/from\s*"([^"]*\.wasm[^"]*)"/g)) {
          assert.equal(dirname(script), ".", "the path of the Wasm holds in the folder itself only");
          imported.add(path);
        }
      }
      const machines = ["wasmgrad-inference.wasm", "wasmgrad.wasm"];
      assert.deepEqual(
        [...imported].sort(),
        machines.map((machine) => `./${machine}${suffix}`),
      );
      for (const machine of machines) assert.ok(WebAssembly.validate(readFileSync(join(root, machine))), machine);
    });
});
