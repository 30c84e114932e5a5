// How do Node, Deno and Bun run a script of the stage, within limits of time, and does the process end by itself?

import { spawn } from "node:child_process";

/** How long a process may live on after its last line, in milliseconds. */
const exitMilliseconds = 5000;
const tickMilliseconds = 100;

/**
 * Calls `act` after so many milliseconds in which this process could run: a machine that stands still for a while, as
 * virtual ones do, must not look like a program that hangs. @returns what calls it off.
 */
function afterTime(milliseconds, act) {
  let left = milliseconds / tickMilliseconds;
  const clock = setInterval(() => {
    if (--left > 0) return;
    clearInterval(clock);
    act();
  }, tickMilliseconds);
  return () => clearInterval(clock);
}

/**
 * Runs `binary args` in `folder` until it ends by itself.
 * @param binary path of the runtime.
 * @param args flags, script and arguments.
 * @param options `folder` to run in; `milliseconds` it may take; `finished` says of the output so far whether its last
 *   line is there, after which the process must end within five seconds.
 * @returns what it wrote to its standard output.
 * @throws {Error} with what it wrote to its standard error, when it fails, writes there at all, or does not end.
 */
export function runProcess(binary, args, { folder, milliseconds, finished = () => false }) {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
    const child = spawn(binary, args, { cwd: folder, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    let late;
    let forgetExit;
    const kill = (reason) => {
      late = reason;
      child.kill("SIGKILL");
    };
    const forgetLimit = afterTime(milliseconds, () => kill(`no end after ${milliseconds / 1000} s`));
    child.stdout.on("data", (text) => {
      output += text;
      if (forgetExit === undefined && finished(output))
        forgetExit = afterTime(exitMilliseconds, () =>
          kill(`the process did not end within ${exitMilliseconds / 1000} s after its last line`),
        );
    });
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      forgetLimit();
      forgetExit?.();
      const reason =
        late ??
        (code !== 0 ? `ended with ${signal ?? code}` : errors !== "" ? "wrote to its standard error" : undefined);
      if (reason === undefined) resolve(output);
      else reject(new Error([reason, shortened(errors), shortened(output)].filter((part) => part !== "").join("\n")));
    });
  });
}

/** Runtimes show the line that threw, which in a minified file is the whole file. */
function shortened(text) {
  return text.trim().replace(/^(.{300}).+$/gm, "$1 …");
}

/** The outcome of the conformance script on `threads` threads. `output` is a file for the trained network. */
export async function conformInProcess(binary, flags, stage, threads, output) {
  const args = [...flags, "inProcess.mjs", String(threads), "data", ...(output === undefined ? [] : [output])];
  const isOutcome = (line) => line.startsWith("{");
  const text = await runProcess(binary, args, {
    folder: stage,
    milliseconds: 120_000,
    finished: (so) => so.split("\n").slice(0, -1).some(isOutcome),
  });
  const line = text.split("\n").find(isOutcome);
  if (line === undefined) throw new Error(`no outcome was printed\n${text}`);
  return JSON.parse(line);
}
