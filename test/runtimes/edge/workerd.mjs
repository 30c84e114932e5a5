// Where is the real workerd, and how does a test start it on a configuration?

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** The binary: of the environment's WORKERD, or of the package installed in test/runtimes. */
export function findWorkerd() {
  const given = process.env.WORKERD;
  if (given !== undefined) {
    if (existsSync(given)) return given;
    throw new Error(`WORKERD names a file that does not exist: ${given}`);
  }
  try {
    return createRequire(import.meta.url)("workerd").default;
  } catch (cause) {
    throw new Error("workerd is not installed: npm install --prefix test/runtimes, or set WORKERD to its binary", {
      cause,
    });
  }
}

/**
 * Serves a configuration whose socket is `http`, on a free port.
 * @returns its address, what it wrote, and how to stop it.
 */
export function serve(config) {
  return new Promise((resolve, reject) => {
    const args = ["serve", config, "--socket-addr", "http=127.0.0.1:0", "--control-fd=3"];
    const child = spawn(findWorkerd(), args, {
      cwd: dirname(config),
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    let written = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        written += text;
      });
    const ended = new Promise((done) => child.once("close", done));
    const stop = async () => {
      child.kill("SIGKILL");
      await ended;
    };
    const fail = (reason) => {
      clearTimeout(limit);
      child.kill("SIGKILL");
      reject(new Error(`${reason}\n${written}`));
    };
    const limit = setTimeout(() => fail("workerd did not listen within 30 s"), 30_000);
    child.once("error", (cause) => fail(cause.message));
    child.once("exit", (code) => fail(`workerd ended with ${code}`));
    let control = "";
    child.stdio[3].on("data", (text) => {
      control += text;
      const port = /"port":\s*(\d+)/.exec(control)?.[1];
      if (port === undefined) return;
      clearTimeout(limit);
      resolve({ address: `http://127.0.0.1:${port}`, processId: child.pid, stop, written: () => written });
    });
  });
}
