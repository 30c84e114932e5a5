// Is everything installed that the package.json of a folder names? If not, npm installs it.
//
//   node scripts/installFolder.mjs test/runtimes

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, platform } from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * Installs what `folder` (relative to the repository) depends on, unless all of it is there in the versions that it
 * names. Packages for other platforms may be missing. Scripts of packages are not run.
 * @throws {Error} when npm fails.
 */
export function installFolder(folder) {
  const { dependencies = {} } = readJson(join(root, folder, "package.json"));
  const missing = Object.entries(dependencies).filter(([name, version]) => installedVersion(folder, name) !== version);
  if (missing.length > 0) install(folder, missing);
  linkOurselves(folder);
}

function install(folder, missing) {
  console.log(`installing ${missing.map(([name, version]) => `${name}@${version}`).join(", ")} in ${folder}`);
  const { status } = spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: join(root, folder),
    stdio: ["ignore", "inherit", "inherit"],
    shell: platform === "win32",
  });
  if (status !== 0) throw new Error(`npm install in ${folder} ended with ${status}`);
}

/** A folder with a package.json is a package of its own, where the name wasmgrad would lead nowhere. */
function linkOurselves(folder) {
  const link = join(root, folder, "node_modules", "wasmgrad");
  if (existsSync(join(link, "package.json"))) return;
  rmSync(link, { force: true });
  symlinkSync(root, link, "junction");
}

function installedVersion(folder, name) {
  try {
    return readJson(join(root, folder, "node_modules", name, "package.json")).version;
  } catch {
    return undefined;
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

if (argv[1] === fileURLToPath(import.meta.url)) for (const folder of argv.slice(2)) installFolder(folder);
