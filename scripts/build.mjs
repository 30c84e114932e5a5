// How is the package built? AssemblyScript → Wasm, TypeScript → one bundle an entry with the Wasm inside, and types.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs a tool of node_modules/.bin and stops the build when it fails. */
function run(command, ...args) {
  const { status } = spawnSync(join(root, "node_modules", ".bin", command), args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * `export * as layers` becomes an object that is filled by a call, and no bundler leaves such a call out. As the value of
 * a call without side effects it goes when nobody uses it.
 */
function makeNamespacesRemovable(folder) {
  for (const name of readdirSync(join(root, folder))) {
    if (!name.endsWith(".js")) continue;
    const path = join(root, folder, name);
    const text = readFileSync(path, "utf8");
    const changed = text.replace(
      /var (\w+) = \{\};\n__export\(\1, (\{[\s\S]*?\n\})\);/g,
      (_, namespace, members) => `var ${namespace} = /* @__PURE__ */ __namespace(${members});`,
    );
    if (changed === text) continue;
    const helper = "var __namespace = (members) => { const names = {}; __export(names, members); return names; };\n";
    const afterImports = changed.search(/^(?!import |\s|\w+,?$|\} from)/m);
    writeFileSync(path, changed.slice(0, afterImports) + helper + changed.slice(afterImports));
  }
}

/** Minifying drops the comments that tell bundlers to leave `import("node:…")` alone. */
function keepBundlerHints() {
  for (const name of readdirSync(join(root, "dist"), { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const path = join(root, "dist", name);
    const hints = "/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ ";
    writeFileSync(path, readFileSync(path, "utf8").replace(/import\(([`"])node:/g, `import(${hints}$1node:`));
  }
}

rmSync(join(root, "dist"), { recursive: true, force: true });
for (const target of ["release", "relaxed"])
  run("asc", "--config", "asconfig.json", "--target", target, "--disableWarning");
/** The script of a compute thread: a file beside the bundles, and text inside them. */
await build({
  absWorkingDir: root,
  entryPoints: ["bindings/platform/thread.ts"],
  outfile: "build/thread.txt",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["node:*"],
  logLevel: "warning",
});
/** The Wasm as text of hexadecimal digits: 14.5 KB after gzip where base64, which breaks up the bytes, takes 19.4. */
const wasmAsHex = {
  name: "wasm-as-hex",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: readFileSync(path).toString("hex"), loader: "text" }));
  },
};

/** The machine with relaxed SIMD is one file for all bundles, loaded only by who asks for it. */
const relaxedElsewhere = (path) => ({
  name: "relaxed-elsewhere",
  setup: ({ onResolve }) => onResolve({ filter: /\/relaxedWasm\.ts$/ }, () => ({ path, external: true })),
});

/** One bundle an entry, in `folder`; `relaxed` is the way from there to the file with relaxed SIMD. */
function bundle(folder, relaxed, options) {
  return build({
    absWorkingDir: root,
    entryPoints: {
      index: "bindings/index.ts",
      inference: "bindings/inference/index.ts",
      "datasets/index": "bindings/datasets/index.ts",
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    plugins: [wasmAsHex, relaxedElsewhere(relaxed)],
    external: ["pako", "node:*"],
    logLevel: "warning",
    ...options,
  });
}

/**
 * What edge platforms have instead of some files of bindings/platform: the files of the same names in platform/edge. There
 * the machine is a module that the platform compiles, imported as `specifier` and left to the user's bundler.
 */
function edgePlatform(specifier) {
  return {
    name: "edge-platform",
    setup: ({ onResolve }) => {
      onResolve({ filter: /\.wasm$/ }, () => ({ path: specifier, external: true }));
      onResolve({ filter: /\/platform\/\w+\.ts$|^\.\/\w+\.ts$/ }, ({ path, resolveDir }) => {
        const [folder, name] = [dirname(join(resolveDir, path)), basename(path)];
        const replacement = join(root, "bindings/platform/edge", name);
        return folder === join(root, "bindings/platform") && existsSync(replacement)
          ? { path: replacement }
          : undefined;
      });
    },
  };
}

/** The library's own checksum: Node has one only since 20.15. */
async function fingerprint(path) {
  const entryPoints = [join(root, "bindings/formats/checksum.ts")];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: "esm", write: false });
  const { checksum } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  return checksum(readFileSync(path));
}

/** One bundle an entry for an edge platform, with the machine beside it. */
async function bundleForEdge(folder, specifier) {
  const wasm = join(root, "build/wasmgrad.wasm");
  await bundle(folder, "../relaxedWasm.js", {
    plugins: [edgePlatform(specifier)],
    define: { MACHINE_FINGERPRINT: JSON.stringify(await fingerprint(wasm)) },
  });
  copyFileSync(wasm, join(root, folder, "wasmgrad.wasm"));
  makeNamespacesRemovable(folder);
}

// For bundlers: with the annotations by which they leave out what is not used.
await bundle("dist", "./relaxedWasm.js", {});
// For Node, Deno and Bun: only the names stay, for stack traces. Reading 390 KB of text costs 7 ms of a cold start.
await bundle("dist/node", "../relaxedWasm.js", { minifyWhitespace: true, minifySyntax: true });
for (const folder of ["dist", "dist/node"])
  copyFileSync(join(root, "build/thread.txt"), join(root, folder, "thread.js"));
await build({
  absWorkingDir: root,
  entryPoints: ["bindings/platform/relaxedWasm.ts"],
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  plugins: [wasmAsHex],
  logLevel: "warning",
});
// It holds the feature test of wasm-feature-detect, whose licence has to come along.
const detector = createRequire(join(root, "bindings/platform/relaxedWasm.ts")).resolve(
  "wasm-feature-detect/package.json",
);
copyFileSync(join(dirname(detector), "LICENSE"), join(root, "dist", "THIRD-PARTY-LICENSES.txt"));
makeNamespacesRemovable("dist");
await bundleForEdge("dist/edge", "./wasmgrad.wasm");
await bundleForEdge("dist/edge-light", "./wasmgrad.wasm?module");
keepBundlerHints();
run("tsc", "-p", "tsconfig.build.json");
