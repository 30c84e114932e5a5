// Bundles the fuzzer with the library's sources and runs it in Node: npm run test:fuzz -- --seconds 60 --seed 7

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const outfile = join(root, "build/fuzz", `fuzz-${process.pid}.mjs`);
mkdirSync(dirname(outfile), { recursive: true });

await build({
  absWorkingDir: root,
  entryPoints: ["test/fuzz/main.ts"],
  outfile,
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "node",
  sourcemap: "inline",
  external: ["pako"],
  logLevel: "warning",
  plugins: [
    {
      name: "wasm-as-digits",
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: readFileSync(path).toString("hex"), loader: "text" }));
        onLoad({ filter: /\.txt$/ }, ({ path }) => ({ contents: readFileSync(path, "utf8"), loader: "text" }));
      },
    },
  ],
});
const { status } = spawnSync(process.execPath, ["--enable-source-maps", outfile, ...process.argv.slice(2)], {
  stdio: "inherit",
  cwd: root,
});
process.exit(status ?? 1);
