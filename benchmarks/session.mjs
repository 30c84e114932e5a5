// How does the runner talk to an engine? A process each, one request a line, answered one at a time.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Inability } from "./inability.mjs";

/** The Python that may have PyTorch: Debian's, which `apt-get install python3-torch` fills, else the first in the path. */
export const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** Node 20 has relaxed SIMD, but switched off. */
const flagsOf = (engine) =>
  engine === "wasmgrad-relaxed" && process.versions.node.startsWith("20.") ? ["--experimental-wasm-relaxed-simd"] : [];

/**
 * @typedef {object} Session
 * @property {string} engine
 * @property {(request: string, task?: object) => Promise<any>} ask
 * @property {() => Promise<void>} stop
 */

/**
 * Starts the process of `engine`.
 *
 * @param {string} engine
 * @param {number} threads
 * @returns {Promise<Session>}
 */
export async function startSession(engine, threads) {
  const [command, path] =
    engine === "torch"
      ? [python, new URL("./torch/engine.py", import.meta.url)]
      : [process.execPath, new URL("./engine-process.mjs", import.meta.url)];
  const child = spawn(command, [...flagsOf(engine), fileURLToPath(path), engine], {
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    env: { ...process.env, ...(engine === "torch" ? torchEnvironment(threads) : {}) },
  });
  let complaints = "";
  child.stderr.on("data", (text) => {
    complaints = (complaints + text).slice(-2000);
  });
  child.stdin.on("error", () => {}); // a process that died is reported by its exit
  /** @type {{ resolve: (value: any) => void, reject: (error: Error) => void } | null} */
  let waiting = null;
  const settle = (answer) => {
    const current = waiting;
    waiting = null;
    if (answer.error === undefined) current?.resolve(answer.value);
    else current?.reject(answer.unable ? new Inability(answer.error) : new Error(answer.error));
  };
  createInterface({ input: /** @type {any} */ (child.stdio[3]) }).on("line", (line) => settle(JSON.parse(line)));
  const ended = new Promise((resolve) => {
    child.on("error", (error) => {
      settle({ error: error.message });
      resolve(undefined);
    });
    child.on("close", (code, signal) => {
      settle({ error: `the process of ${engine} ended (${signal ?? code}).\n${complaints}` });
      resolve(undefined);
    });
  });
  const endChild = () => child.kill();
  process.once("exit", endChild);

  const session = {
    engine,
    ask(request, task = {}) {
      return new Promise((resolve, reject) => {
        if (child.exitCode !== null) return reject(new Error(`the process of ${engine} has ended.`));
        waiting = { resolve, reject };
        child.stdin.write(`${JSON.stringify({ request, task })}\n`);
      });
    },
    async stop() {
      child.stdin.end();
      await ended;
      process.off("exit", endChild);
    },
  };
  try {
    await session.ask("start", { threads });
  } catch (error) {
    await session.stop();
    throw error;
  }
  return session;
}

/** PyTorch's own setting does not bind OpenBLAS, and OpenBLAS does not know every CPU that has AVX-512. */
function torchEnvironment(threads) {
  const wide = existsSync("/proc/cpuinfo") && readFileSync("/proc/cpuinfo", "utf8").includes(" avx512f ");
  return {
    OPENBLAS_NUM_THREADS: String(threads),
    OMP_NUM_THREADS: String(threads),
    PYTHONDONTWRITEBYTECODE: "1",
    ...(wide ? { OPENBLAS_CORETYPE: process.env.OPENBLAS_CORETYPE ?? "SKYLAKEX" } : {}),
  };
}
