// The sources of bindings/ as one module, for tests: Node reads that in some 50 ms, and 250 modules that Vitest transforms
// and passes to a worker one by one in ten times that, for each of the test files.
//
// Each source has a file of its own name in the folder, which exports from the one module, so that all tests of a worker
// share one instance of the library, whichever parts they import.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const parent = join(root, "build/tests");

/** Days after which the library of other sources is removed. */
const kept = 1;

/**
 * Builds it, unless it was built from the same sources before.
 * @returns the folder; the file `bindings/x/y.ts` is `x/y.js` there.
 */
export async function testLibrary() {
  const sources = filesOf("bindings").filter(
    (name) => name.endsWith(".ts") && !/\.d\.ts$|^bindings\/platform\/edge\//.test(name),
  );
  const hash = createHash("sha256");
  for (const name of [...sources, ...filesOf("assembly"), ...filesOf("build", false), "scripts/testLibrary.mjs"])
    hash.update(`${name}\n`).update(readFileSync(join(root, name)));
  const folder = join(parent, hash.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;
  removeOld();
  const unfinished = `${folder}.${process.pid}`;
  await write(sources, unfinished);
  try {
    renameSync(unfinished, folder);
  } catch {
    // Another run was faster.
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

async function write(sources, folder) {
  const options = {
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["pako", "node:*"],
    logLevel: "warning",
    plugins: [wasmAsDigits],
  };
  // What each of them exports, the names behind `export *` included.
  const { metafile } = await build({
    ...options,
    entryPoints: sources,
    outbase: "bindings",
    outdir: folder,
    splitting: true,
    metafile: true,
    write: false,
  });
  const exported = Object.values(metafile.outputs).flatMap(({ entryPoint, exports }) =>
    entryPoint === undefined ? [] : [{ entryPoint, names: exports }],
  );
  const sheet = exported
    .filter(({ names }) => names.length > 0)
    .map(
      ({ entryPoint, names }, index) =>
        `export { ${names.map((name) => `${name} as _${index}_${name}`).join(", ")} } from "./${entryPoint}";`,
    );
  await build({
    ...options,
    stdin: { contents: sheet.join("\n"), resolveDir: root, sourcefile: "library.ts" },
    outfile: join(folder, "library.js"),
    sourcemap: "inline",
    sourcesContent: false,
  });
  exported
    .filter(({ names }) => names.length > 0)
    .forEach(({ entryPoint, names }, index) => {
      const path = join(folder, relative("bindings", entryPoint).replace(/\.ts$/, ".js"));
      mkdirSync(dirname(path), { recursive: true });
      const library = relative(dirname(path), join(folder, "library.js")).replaceAll("\\", "/");
      const list = names.map((name) => `_${index}_${name} as ${name}`).join(", ");
      writeFileSync(path, `export { ${list} } from "${library.startsWith(".") ? library : `./${library}`}";\n`);
    });
}

const wasmAsDigits = {
  name: "wasm-as-digits",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: readFileSync(path).toString("hex"), loader: "text" }));
  },
};

/** The files in `folder`, relative to the repository, in order. */
function filesOf(folder, recursive = true) {
  return readdirSync(join(root, folder), { recursive, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".wat"))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/"))
    .sort();
}

function removeOld() {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (Date.now() - statSync(path).mtimeMs > kept * 86_400_000) rmSync(path, { recursive: true, force: true });
  }
}
