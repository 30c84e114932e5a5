// How does workerd run the conformance script? Bundled for it, with Wasm and digits embedded by its configuration.

import { spawn } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { versionOf } from "./runtimes.mjs";

/** How long one request may take. */
const requestMilliseconds = 120_000;
const bindings = {
  TRAIN_IMAGES: "train-images-idx3-ubyte",
  TRAIN_LABELS: "train-labels-idx1-ubyte",
  TEST_IMAGES: "t10k-images-idx3-ubyte",
  TEST_LABELS: "t10k-labels-idx1-ubyte",
};

/** Bundles the worker in `stage` as deployment tools do; a Wasm file stays a module that the runtime compiles. */
async function bundle(stage) {
  const wasm = new Map();
  await build({
    absWorkingDir: stage,
    entryPoints: ["inWorkerd.mjs"],
    outfile: join(stage, "workerd", "worker.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    logLevel: "error",
    plugins: [
      {
        name: "wasm-as-module",
        setup: ({ onResolve }) =>
          onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
            const name = `module${wasm.size}.wasm`;
            wasm.set(name, join(resolveDir, path));
            return { path: `./${name}`, external: true };
          }),
      },
    ],
  });
  if (wasm.size === 0) throw new Error("the package has no Wasm module for the export condition workerd");
  for (const [name, path] of wasm) await copyFile(path, join(stage, "workerd", name));
  const modules = ["worker.js", ...wasm.keys()].map(
    (name) => `(name = "${name}", ${name.endsWith(".js") ? "esModule" : "wasm"} = embed "${name}")`,
  );
  const data = Object.entries(bindings).map(([name, file]) => `(name = "${name}", data = embed "../data/${file}")`);
  await writeFile(
    join(stage, "workerd", "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .main) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ]
);
const main :Workerd.Worker = (
  modules = [ ${modules.join(", ")} ],
  bindings = [ ${data.join(", ")} ],
  compatibilityDate = "2026-11-01",
);
`,
  );
}

/** Starts workerd. @returns its address, what it wrote, and how to stop it. */
function start(binary, stage) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, ["serve", "config.capnp", "--control-fd=3"], {
      cwd: join(stage, "workerd"),
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    let written = "";
    const ended = new Promise((done) => child.on("close", done));
    const stop = () => {
      child.kill("SIGKILL");
      return ended;
    };
    const fail = (reason) => {
      clearTimeout(limit);
      void stop();
      reject(new Error(`${reason}\n${written}`));
    };
    const limit = setTimeout(() => fail("workerd did not listen within 30 s"), 30_000);
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        written += text;
      });
    child.on("error", (cause) => fail(cause.message));
    child.on("exit", (code) => fail(`workerd ended with ${code}`));
    let control = "";
    child.stdio[3].on("data", (text) => {
      control += text;
      const port = /"event":\s*"listen"[^\n]*"port":\s*(\d+)/.exec(control)?.[1];
      if (port === undefined) return;
      clearTimeout(limit);
      resolve({ address: `http://127.0.0.1:${port}`, stop, written: () => written });
    });
  });
}

async function ask(server, path, options = {}) {
  const signal = AbortSignal.timeout(requestMilliseconds);
  try {
    const answer = await (await fetch(`${server.address}${path}`, { ...options, signal })).json();
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  } catch (cause) {
    throw new Error(`${cause.message}\n${server.written()}`, { cause });
  }
}

/**
 * The outcome of the conformance script in workerd, which has one thread, after it has served the network in `saved`.
 * @throws {Error} when it serves other weights or another accuracy than `expected`, or writes anything.
 */
export async function conformInWorkerd(binary, stage, saved, expected) {
  await bundle(stage);
  const server = await start(binary, stage);
  try {
    const served = await ask(server, "/serve", { method: "POST", body: await readFile(saved) });
    if (served.sha256 !== expected.sha256)
      throw new Error(`loaded weights: expected ${expected.sha256}, received ${served.sha256}`);
    if (!(Math.abs(served.accuracy - expected.accuracy) < 1e-6))
      throw new Error(`accuracy of the loaded network: expected ${expected.accuracy}, received ${served.accuracy}`);
    const outcome = await ask(server, "/conform?threads=1");
    if (server.written() !== "") throw new Error(`workerd wrote\n${server.written()}`);
    return { version: await versionOf(binary), ...outcome };
  } finally {
    await server.stop();
  }
}
