// Where is each runtime on this machine, and what installs it when it is missing?

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const packages = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const { platform, arch } = process;
const suffix = platform === "win32" ? ".exe" : "";
const npmCommand = "npm install --ignore-scripts --prefix test/runtimes";
const debianCommand = (name) => `apt-get install --no-install-recommends ${name}`;

/** The binaries in the packages for this platform: with --ignore-scripts the links in .bin do not work. */
const denoPlatform = `${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
const bunPlatform = `${platform === "win32" ? "windows" : platform}-${arch === "arm64" ? "aarch64" : arch}`;
const workerdPlatform = `${platform === "win32" ? "windows" : platform}-${arch === "x64" ? "64" : arch}`;

const applications = {
  chromium: [
    process.env.CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ],
  firefox: [
    process.env.FIREFOX,
    "/usr/bin/firefox-esr",
    "/usr/bin/firefox",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
  ],
};

/** Node of npm's package, whose first version number is `major`. */
const otherNode = {
  id: "node26",
  label: "node",
  kind: "process",
  flags: [],
  paths: [join(packages, `node-${platform}-${arch}`, "bin", `node${suffix}`)],
  command: npmCommand,
};

/**
 * All runtimes of the matrix in order. `id` selects one (`--only`), `label` is printed; `kind` says who runs it:
 * processes.mjs, workerd.mjs or browsers.mjs. `paths` are tried in order; `command` installs it.
 */
export const runtimes = [
  {
    id: `node${process.versions.node.split(".")[0]}`,
    label: "node",
    kind: "process",
    flags: [],
    paths: [process.execPath],
    command: "",
  },
  otherNode,
  {
    id: "deno",
    label: "deno",
    kind: "process",
    flags: ["run", "--quiet", "--allow-all", "--no-remote", "--node-modules-dir=manual"],
    paths: [join(packages, "@deno", denoPlatform, `deno${suffix}`)],
    command: npmCommand,
  },
  {
    id: "bun",
    label: "bun",
    kind: "process",
    flags: ["--no-install"],
    paths: [join(packages, "@oven", `bun-${bunPlatform}`, "bin", `bun${suffix}`)],
    command: npmCommand,
  },
  {
    id: "workerd",
    label: "workerd",
    kind: "workerd",
    paths: [join(packages, "@cloudflare", `workerd-${workerdPlatform}`, "bin", `workerd${suffix}`)],
    command: npmCommand,
  },
  browser("chromium", true, "chromium"),
  browser("chromium", false, "chromium"),
  browser("firefox", true, "firefox-esr"),
  browser("firefox", false, "firefox-esr"),
].filter(({ id }, index, all) => all.findIndex((other) => other.id === id) === index);

function browser(name, isolated, debianPackage) {
  const id = isolated ? name : `${name}-not-isolated`;
  return {
    id,
    label: id,
    kind: "browser",
    name,
    isolated,
    paths: applications[name],
    command: debianCommand(debianPackage),
  };
}

/** Path of a runtime's binary, or undefined when it is not on this machine. */
export function binaryOf({ paths }) {
  return paths.find((path) => path !== undefined && existsSync(path));
}

/** What `<binary> --version` says, without the name. */
export async function versionOf(binary) {
  const { stdout } = await run(binary, ["--version"]);
  return /\d[\w.-]*/.exec(stdout)?.[0] ?? stdout.trim();
}
