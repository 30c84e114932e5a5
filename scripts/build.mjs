// How is the package built? AssemblyScript → Wasm; TypeScript → modules for bundlers, one file for runtimes, and types.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { textOf } from "./wasmText.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs a tool of node_modules/.bin and stops the build when it fails. */
function run(command, ...args) {
  const { status } = spawnSync(join(root, "node_modules", ".bin", command), args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** Minifying drops the comments that tell bundlers to leave `import("node:…")` alone. */
function keepBundlerHints() {
  for (const name of readdirSync(join(root, "dist"), { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const path = join(root, "dist", name);
    const hints = "/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ ";
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("import(`node:", `import(${hints}\`node:`));
  }
}

rmSync(join(root, "dist"), { recursive: true, force: true });
run("asc", "--config", "asconfig.json", "--target", "release", "--disableWarning");
/** The Wasm as text: base64, which breaks up the bytes, takes 19.4 KB after gzip where hexadecimal digits take 14.1. */
const wasmAs = (encode) => ({
  name: "wasm-as-text",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: encode(readFileSync(path)), loader: "text" }));
  },
});

/** Imports of other sources stay imports; only what `assembly` says in numbers is copied in. */
const keepModules = {
  name: "keep-modules",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\..*\.ts$/ }, ({ path, kind }) =>
      kind === "entry-point" || path.includes("/assembly/")
        ? undefined
        : { path: path.replace(/\.ts$/, ".js"), external: true },
    );
  },
};

const sources = readdirSync(join(root, "bindings"), { recursive: true })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
  .map((name) => `bindings/${name.replaceAll("\\", "/")}`);

/** What can be imported by a name of its own, in one folder. */
const entries = {
  index: "bindings/index.ts",
  layers: "bindings/layers/index.ts",
  "datasets/index": "bindings/datasets/index.ts",
};

const options = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["pako", "node:*"],
  logLevel: "warning",
};

// For bundlers: module by module, so that they can leave out what is not used, namespaces such as `layers` included.
await build({
  ...options,
  entryPoints: sources,
  outbase: "bindings",
  outdir: "dist",
  plugins: [wasmAs(textOf), keepModules],
});
// For Node, Deno, Bun and pages without a bundler: few files, in which only the names stay, for stack traces. Reading
// 390 KB of text costs 7 ms of a cold start.
await build({
  ...options,
  entryPoints: entries,
  outdir: "dist/node",
  splitting: true,
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [wasmAs((bytes) => bytes.toString("hex"))],
});
keepBundlerHints();
run("tsc", "-p", "tsconfig.build.json");
