// How is the package built? AssemblyScript → Wasm, TypeScript → one bundle an entry with the Wasm inside, and types.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
function makeNamespacesRemovable() {
  for (const name of readdirSync(join(root, "dist"))) {
    if (!name.endsWith(".js")) continue;
    const path = join(root, "dist", name);
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
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("import(`node:", `import(${hints}\`node:`));
  }
}

rmSync(join(root, "dist"), { recursive: true, force: true });
run("asc", "--config", "asconfig.json", "--target", "release", "--disableWarning");
/** The Wasm as text of hexadecimal digits: 14.5 KB after gzip where base64, which breaks up the bytes, takes 19.4. */
const wasmAsHex = {
  name: "wasm-as-hex",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: readFileSync(path).toString("hex"), loader: "text" }));
  },
};

/** One bundle an entry, in `folder`. */
function bundle(folder, options) {
  return build({
    absWorkingDir: root,
    entryPoints: {
      index: "bindings/index.ts",
      "datasets/index": "bindings/datasets/index.ts",
      "worker/index": "bindings/worker/index.ts",
      "worker/modelWorker": "bindings/worker/modelWorker.ts",
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    plugins: [wasmAsHex],
    external: ["pako", "node:*"],
    logLevel: "warning",
    ...options,
  });
}

// For bundlers: with the annotations by which they leave out what is not used.
await bundle("dist", {});
// For Node, Deno and Bun: only the names stay, for stack traces. Reading 390 KB of text costs 7 ms of a cold start.
await bundle("dist/node", { minifyWhitespace: true, minifySyntax: true });
makeNamespacesRemovable();
keepBundlerHints();
run("tsc", "-p", "tsconfig.build.json");
