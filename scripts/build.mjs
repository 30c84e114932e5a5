// How is the package built? AssemblyScript → Wasm; TypeScript → modules for bundlers, few files for runtimes and edge
// platforms. Types: `npm run build:types`.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { textOf } from "./wasmText.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What can be imported by a name of its own. */
const inference = { inference: "bindings/inference/index.ts" };
const edgeEntries = {
  index: "bindings/index.ts",
  layers: "bindings/layers/index.ts",
  "applications/index": "bindings/applications/index.ts",
  "callbacks/index": "bindings/callbacks/index.ts",
  "data/index": "bindings/data/index.ts",
  "datasets/index": "bindings/datasets/index.ts",
};
const entries = {
  ...edgeEntries,
  ...inference,
  "worker/index": "bindings/worker/index.ts",
  "worker/modelWorker": "bindings/worker/modelWorker.ts",
};

/** Longest line of minified files: an uncaught error prints the line on which it was thrown, before its message. */
const lineLimit = 160;

/** What {@link textsLater} left out, by the mark that stands in its place. */
const leftOut = new Map();

const options = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["pako", "node:*"],
  logLevel: "warning",
};

rmSync(join(root, "dist"), { recursive: true, force: true });
await buildWasm();
// The script of a compute thread: one file without imports, which is also text inside the bundles.
await build({
  ...options,
  entryPoints: ["bindings/platform/thread.ts"],
  outfile: "build/thread.txt",
  minify: true,
  lineLimit,
  // Where it runs from text, stack traces would name all of that text as its place.
  footer: { js: "//# sourceURL=wasmgrad/thread.js" },
});
finishLines("build/thread.txt");
await buildModules();
await buildModelWorker();
await buildForRuntimes();
await buildForEdge("dist/edge", "");
await buildForEdge("dist/edge-light", "?module");
keepBundlerHints();
keepLicence();

/** The machine, unless it was built from the same sources before. */
async function buildWasm() {
  const targets = { release: "index", relaxed: "index", inference: "inference" };
  const files = [
    ...readdirSync(join(root, "assembly"), { recursive: true })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join("assembly", name)),
    "asconfig.json",
    "node_modules/assemblyscript/package.json",
  ];
  const hash = createHash("sha256");
  for (const file of files.sort()) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  const stamp = join(root, "build/wasm.sha256");
  const outputs = Object.values(JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8")).targets).map(
    ({ outFile }) => join(root, outFile),
  );
  const written = () => {
    const each = createHash("sha256").update(hash.copy().digest());
    for (const output of outputs) each.update(readFileSync(output));
    return each.digest("hex");
  };
  if (existsSync(stamp) && outputs.every(existsSync) && readFileSync(stamp, "utf8") === written()) return;
  await Promise.all(
    Object.entries(targets).map(([target, entry]) =>
      run("asc", `assembly/${entry}.ts`, "--config", "asconfig.json", "--target", target, "--disableWarning"),
    ),
  );
  writeFileSync(stamp, written());
}

/** For bundlers: module by module, so that they can leave out what is not used, namespaces such as `layers` included. */
async function buildModules() {
  const sources = readdirSync(join(root, "bindings"), { recursive: true })
    .map((name) => `bindings/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts") && !name.includes("/platform/edge/"));
  await build({
    ...options,
    entryPoints: sources,
    outbase: "bindings",
    outdir: "dist",
    plugins: [wasmAs(textOf), keepModules()],
  });
  copyFileSync(join(root, "build/thread.txt"), join(root, "dist/platform/thread.js"));
}

/**
 * The worker of a model as one file: Rollup makes classic scripts of workers (in Vite up to 7, without configuration), and
 * a classic script cannot load parts of itself.
 */
async function buildModelWorker() {
  await build({
    ...options,
    entryPoints: ["bindings/worker/modelWorker.ts"],
    outfile: "dist/worker/modelWorker.js",
    allowOverwrite: true,
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit,
    plugins: [textsLater(textOf), threadFile("../platform/thread.js")],
  });
  finishLines("dist/worker/modelWorker.js");
}

/**
 * For Node, Deno, Bun and pages without a bundler: few files, in which only the names stay, for stack traces. Reading
 * 390 KB of text costs 7 ms of a cold start.
 */
async function buildForRuntimes() {
  await build({
    ...options,
    entryPoints: entries,
    outdir: "dist/node",
    splitting: true,
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit,
    plugins: [textsLater((bytes) => bytes.toString("hex")), relaxedElsewhere("../platform/relaxedWasm.js")],
  });
  for (const name of readdirSync(join(root, "dist/node"), { recursive: true }))
    if (name.endsWith(".js")) finishLines(join("dist/node", name));
  copyFileSync(join(root, "build/thread.txt"), join(root, "dist/node/thread.js"));
}

/**
 * For an edge platform, whose bundler finds the machine beside the code, by its name and `suffix`. Prediction alone has a
 * machine of its own, half as large; it runs the programs of the whole one.
 */
async function buildForEdge(folder, suffix) {
  const machine = JSON.stringify(await fingerprint(join(root, "build/wasmgrad.wasm")));
  for (const [entryPoints, name] of [
    [edgeEntries, "wasmgrad.wasm"],
    [inference, "wasmgrad-inference.wasm"],
  ]) {
    await build({
      ...options,
      entryPoints,
      outdir: folder,
      splitting: true,
      plugins: [edgePlatform(`./${name}${suffix}`)],
      define: { MACHINE_FINGERPRINT: machine },
    });
    copyFileSync(join(root, "build", name), join(root, folder, name));
  }
  makeNamespacesRemovable(folder);
}

// Plugins -------------------------------------------------------------------------------------------------------------

/** The Wasm as text: base64, which breaks up the bytes, takes 19.4 KB after gzip where hexadecimal digits take 14.1. */
function wasmAs(encode) {
  return {
    name: "wasm-as-text",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: encode(readFileSync(path)), loader: "text" }));
    },
  };
}

/** Texts, the Wasm `encode`d, as marks, in whose place {@link finishLines} puts them. */
function textsLater(encode) {
  return {
    name: "texts-later",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.(wasm|txt)$/ }, ({ path }) => {
        const bytes = readFileSync(path);
        const text = path.endsWith(".wasm") ? encode(bytes) : bytes.toString();
        const mark = `<text ${createHash("sha256").update(text).digest("hex")}>`;
        leftOut.set(mark, text);
        return { contents: mark, loader: "text" };
      });
    },
  };
}

/** Imports of other sources stay imports; only what `assembly` says in numbers is copied in. */
function keepModules() {
  return {
    name: "keep-modules",
    setup: ({ onResolve }) => {
      onResolve({ filter: /^\..*\.ts$/ }, ({ path, kind }) =>
        kind === "entry-point" || path.includes("/assembly/")
          ? undefined
          : { path: path.replace(/\.ts$/, ".js"), external: true },
      );
    },
  };
}

/** The machine with relaxed SIMD is one file for all, loaded only by who asks for it. */
function relaxedElsewhere(path) {
  return {
    name: "relaxed-elsewhere",
    setup: ({ onResolve }) => onResolve({ filter: /\/relaxedWasm\.ts$/ }, () => ({ path, external: true })),
  };
}

/** The script of a compute thread is the file at `path`. */
function threadFile(path) {
  return {
    name: "thread-file",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\/platform\/threadCode\.ts$/ }, ({ path: source }) => ({
        contents: readFileSync(source, "utf8").replaceAll('"./thread.js"', JSON.stringify(path)),
        loader: "ts",
      }));
    },
  };
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

// Finishing -----------------------------------------------------------------------------------------------------------

/** Runs a tool of node_modules/.bin and stops the build when it fails. */
async function run(command, ...args) {
  const [status] = await once(
    spawn(join(root, "node_modules", ".bin", command), args, { cwd: root, stdio: "inherit" }),
    "close",
  );
  if (status !== 0) process.exit(status ?? 1);
}

/** The library's own checksum: Node has one only since 20.15. */
async function fingerprint(path) {
  const entryPoints = [join(root, "bindings/formats/checksum.ts")];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: "esm", write: false });
  const { checksum } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  return checksum(readFileSync(path));
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

/**
 * Puts texts in, each on a line of its own, on which nothing can throw, and joins strings that esbuild has broken up
 * for `lineLimit`: Rollup indents what it wraps in a function, and a tab before a continued line is a part of the string.
 */
function finishLines(name) {
  const path = join(root, name);
  const text = readFileSync(path, "utf8")
    .replace(/(?<!\\)((?:\\\\)*)\\\n/g, "$1")
    .replace(/"(<text [0-9a-f]+>)"/g, (_, mark) => `\n${JSON.stringify(leftOut.get(mark))}\n`);
  if (text.includes("<text ")) throw new Error(`${name}: a text that no line was made for`);
  writeFileSync(path, text);
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

/** relaxedWasm.js holds the feature test of wasm-feature-detect, whose licence has to come along. */
function keepLicence() {
  const detector = createRequire(join(root, "package.json")).resolve("wasm-feature-detect/package.json");
  copyFileSync(join(dirname(detector), "LICENSE"), join(root, "dist", "THIRD-PARTY-LICENSES.txt"));
}
