// Who takes part in a suite, and is everything there that they need?

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ArgumentError, peers } from "./arguments.mjs";
import { python, startSession } from "./session.mjs";

const everyone = ["wasmgrad", ...peers];

/** Who can do what; those in `onRequest` are left out unless they are asked for. */
export const abilities = {
  gemm: everyone,
  conv: everyone,
  mlp: ["wasmgrad", "tfjs-wasm", "tfjs-cpu", "jax-js", "torch"],
  infer: ["wasmgrad", "tfjs-wasm", "tfjs-cpu", "jax-js", "onnxruntime-web", "onnxruntime-node", "torch"],
  cnn: ["wasmgrad", "tfjs-wasm", "tfjs-cpu", "jax-js", "torch"],
  mobilenet: ["wasmgrad", "tfjs-wasm", "tfjs-cpu", "jax-js", "onnxruntime-web", "onnxruntime-node", "torch"],
  threads: ["wasmgrad"],
  size: ["wasmgrad", "tfjs-wasm", "tfjs-cpu", "jax-js"],
  cold: ["wasmgrad", "tfjs-wasm", "tfjs-cpu", "jax-js", "onnxruntime-web", "onnxruntime-node"],
};
const onRequest = ["tfjs-cpu"];

/**
 * The engines of a suite, wasmgrad first.
 *
 * @param {keyof typeof abilities} suite
 * @param {import("./arguments.mjs").Request} request
 * @param {(text: string) => void} say
 * @returns {string[]}
 */
export function contendersOf(suite, request, say) {
  const able = abilities[suite];
  const wanted = request.peers ?? able.filter((engine) => engine !== "wasmgrad" && !onRequest.includes(engine));
  for (const engine of wanted) if (!able.includes(engine)) say(`${engine} has no ${suite}: left out.`);
  return [...(request.onlyPeers ? [] : ["wasmgrad"]), ...wanted.filter((engine) => able.includes(engine))];
}

/**
 * Starts a process for each engine. A peer that cannot start is left out with a line, unless it was asked for by name.
 *
 * @param {string[]} engines
 * @param {import("./arguments.mjs").Request} request
 * @param {(text: string) => void} say
 * @returns {Promise<import("./session.mjs").Session[]>}
 */
export async function startSessions(engines, request, say) {
  const sessions = [];
  for (const engine of engines) {
    try {
      sessions.push(await startSession(engine, request.threads));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const asked = engine === "wasmgrad" || request.peers?.includes(engine);
      if (asked) {
        await stopSessions(sessions);
        throw new ArgumentError(`${engine}: ${reason}`);
      }
      say(`${engine} is left out: ${reason}`);
    }
  }
  return sessions;
}

/** @param {import("./session.mjs").Session[]} sessions */
export async function stopSessions(sessions) {
  for (const session of sessions) await session.stop();
}

/**
 * Leaves out torch where it is not installed, and installs the others on first use.
 *
 * @param {string[]} engines
 * @param {import("./arguments.mjs").Request} request
 * @param {(text: string) => void} say
 * @returns {string[]} those that are there
 */
export function installed(engines, request, say) {
  const packages = engines.filter((engine) => !["wasmgrad", "wasmgrad-relaxed", "torch"].includes(engine));
  if (packages.length > 0 && !packagesAreThere()) {
    say("Installing the peers into benchmarks/node_modules (once, about 750 MB) …");
    const { status } = spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      stdio: ["ignore", "ignore", "inherit"],
      shell: process.platform === "win32",
    });
    if (status !== 0)
      throw new ArgumentError("the peers could not be installed; --peers none measures wasmgrad alone.");
  }
  if (!engines.includes("torch") || spawnSync(python, ["-c", "import torch"]).status === 0) return engines;
  const remedy = `${python} has no torch (apt-get install python3-torch libopenblas0)`;
  if (request.peers?.includes("torch")) throw new ArgumentError(`torch: ${remedy}.`);
  say(`torch is left out: ${remedy}.`);
  return engines.filter((engine) => engine !== "torch");
}

/** The peers' versions, as installed. */
export function versionOf(engine) {
  const name = packageOf(engine);
  if (name !== null) return JSON.parse(readFileSync(manifestOf(name), "utf8")).version;
  if (engine === "torch")
    return spawnSync(python, ["-c", "import torch; print(torch.__version__)"]).stdout.toString().trim();
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}

function packageOf(engine) {
  if (engine.startsWith("tfjs")) return "@tensorflow/tfjs";
  if (engine === "jax-js") return "@jax-js/jax";
  return engine.startsWith("onnxruntime") ? engine : null;
}

function packagesAreThere() {
  const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  return Object.entries(dependencies).every(([name, version]) => {
    const manifest = manifestOf(name);
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === version;
  });
}

function manifestOf(name) {
  return new URL(`node_modules/${name}/package.json`, import.meta.url);
}
