// How much does a page have to load, and what is left out of it? Measured on dist: npm run build comes first.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type OutputFile } from "esbuild";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The network of the README. */
const network = `
  const model = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  export const train = (x, y) => model.fit(x, y, { batchSize: 32, epochs: 10 });
  export const evaluate = (x, y) => model.evaluate(x, y);
  export const predict = (x) => model.predict(x);`;

const programs: Readonly<Record<string, string>> = {
  namespaces: `import { layers, sequential } from "wasmgrad";${network}`,
  layers: `import { sequential } from "wasmgrad"; import * as layers from "wasmgrad/layers";${network}`,
  inference: `import { loadModel } from "wasmgrad";
    const model = await loadModel(new Uint8Array(await (await fetch("model.safetensors")).arrayBuffer()));
    export const predict = (x) => model.predict(x);`,
};

/** What is loaded before the program runs: the entry and all that it imports statically. */
async function loadedFor(program: string, splitting = true): Promise<{ bytes: number; text: string }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: programs[program] as string, resolveDir: root },
    bundle: true,
    minify: true,
    splitting,
    format: "esm",
    target: "es2022",
    outdir: "out",
    write: false,
    metafile: true,
  });
  const loaded = new Map<string, OutputFile>();
  const load = (name: string): void => {
    if (loaded.has(name)) return;
    loaded.set(name, outputFiles.find(({ path }) => path.endsWith(name)) as OutputFile);
    for (const each of metafile.outputs[name]?.imports ?? [])
      if (each.kind === "import-statement" && !each.external) load(each.path);
  };
  load("out/stdin.js");
  const files = [...loaded.values()];
  const bytes = files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  return { bytes, text: files.map(({ text }) => text).join("\n") };
}

/** A text of each part that may be left out: its messages, its class names. */
const markers: Readonly<Record<string, string>> = {
  "the format of files": "data_offsets",
  "reading models": "a model saved by wasmgrad",
  "the file system": "a runtime with a file system",
  "layers by class name": "layerFromConfig",
  "the data sets": "train-images",
  "whole networks": "expanded_conv",
  "the checks of the compiler": "verifier after",
  noise: "GaussianNoise",
  normalization: "Normalization",
  merging: "Concatenate",
  pooling: "MaxPooling",
  "windows of cells": "a window of [",
  "spatial layers": "ZeroPadding",
  resizing: "CenterCrop",
  augmentation: "RandomFlip",
  convolution: "Conv2D",
  recurrence: "LSTM",
  "metrics by class name": "metricFromConfig",
  "lookups of words": "a token of the vocabulary",
  "hashes of words": "a string or an integer",
};

const layersByName = [
  "noise",
  "normalization",
  "merging",
  "pooling",
  "windows of cells",
  "spatial layers",
  "resizing",
  "augmentation",
  "convolution",
  "recurrence",
];

/**
 * Bytes after gzip, a little above what was measured. esbuild takes a re-exported namespace whole: there `layers` of
 * "wasmgrad" holds all layers, `wasmgrad/layers` only those used. `compile` takes losses and metrics by name, so all that
 * have a name are in every program that trains: some 8 KB.
 */
test.each([
  { program: "layers", splitting: true, ceiling: 120_100, keeps: [] },
  {
    program: "layers",
    splitting: false,
    ceiling: 126_100,
    keeps: ["the format of files", "the file system", "reading models"],
  },
  { program: "namespaces", splitting: true, ceiling: 146_300, keeps: layersByName },
  {
    program: "inference",
    splitting: true,
    ceiling: 154_400,
    keeps: [
      "the format of files",
      "reading models",
      "the file system",
      "layers by class name",
      "metrics by class name",
      ...layersByName,
    ],
  },
])("$program, splitting $splitting: at most $ceiling bytes, and nothing that is not used", async (bundle) => {
  const { bytes, text } = await loadedFor(bundle.program, bundle.splitting);
  expect(bytes).toBeLessThanOrEqual(bundle.ceiling);
  // A ceiling far above what is there would find nothing.
  expect(bytes).toBeGreaterThan(bundle.ceiling * 0.9);
  const found = Object.keys(markers).filter((part) => text.includes(markers[part] as string));
  expect(found.filter((part) => !bundle.keeps.includes(part))).toEqual([]);
});

test("the marks stand in the package, so that they would be found", () => {
  const folder = join(root, "dist");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
  const text = names.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  const missing = Object.keys(markers).filter((part) => !text.includes(markers[part] as string));
  // Layers that are still to come.
  expect(missing.filter((part) => part !== "recurrence")).toEqual([]);
});
