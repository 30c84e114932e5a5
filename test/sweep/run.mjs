// Bundles the sweep with the library's sources and runs it in Node: npm run test:sweep -- --seconds 60 --seed 7
//
// `--wasm FILE` runs another binary than build/wasmgrad.wasm: test/mutations gives broken ones.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const words = process.argv.slice(2);
const at = words.indexOf("--wasm");
const binary = at < 0 ? join(root, "build/wasmgrad.wasm") : resolve(words.splice(at, 2)[1]);
const outfile = join(root, "build/sweep", `sweep-${process.pid}.mjs`);
mkdirSync(dirname(outfile), { recursive: true });

await build({
  absWorkingDir: root,
  entryPoints: ["test/sweep/main.ts"],
  outfile,
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "node",
  sourcemap: "inline",
  external: ["fast-check", "pako"],
  logLevel: "warning",
  plugins: [
    {
      name: "wasm-as-digits",
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.wasm$/ }, ({ path }) => ({
          contents: readFileSync(path.endsWith("build/wasmgrad.wasm") ? binary : path).toString("hex"),
          loader: "text",
        }));
        onLoad({ filter: /\.txt$/ }, ({ path }) => ({ contents: readFileSync(path, "utf8"), loader: "text" }));
      },
    },
  ],
});
const { status } = spawnSync(process.execPath, ["--enable-source-maps", outfile, ...words], {
  stdio: "inherit",
  cwd: root,
});
process.exit(status ?? 1);
