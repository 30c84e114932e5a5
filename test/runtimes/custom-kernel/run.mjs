// Does the example of a kernel of one's own work, by asc 0.28 and by webpack with as-loader, and do both give the same
// bits? `node test/runtimes/custom-kernel/run.mjs [--no-page]`, after `npm run build`.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromiumFlags } from "../chromiumFlags.mjs";

const { values: options } = parseArgs({ options: { "no-page": { type: "boolean", default: false } } });
const root = resolve(import.meta.dirname, "../../..");
const example = join(root, "examples/custom-kernel");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const minutes = 60_000;

/** Runs a command in the example to its end. @returns what it printed. @throws {Error} when it fails. */
function run(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: example, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    const limit = setTimeout(() => child.kill("SIGKILL"), 5 * minutes);
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.on("error", fail);
    child.on("close", (status, signal) => {
      clearTimeout(limit);
      if (status === 0) done(output);
      else fail(new Error(`${command} ${args.join(" ")} ended with ${signal ?? status}\n${errors}\n${output}`));
    });
  });
}

/** What the example's page prints in Chromium. */
async function runPage() {
  const folder = join(example, "dist/page");
  const profile = await mkdtemp(join(tmpdir(), "custom-kernel-"));
  const files = { "/main.js": "text/javascript", "/t10k-images-idx3-ubyte": "", "/t10k-labels-idx1-ubyte": "" };
  let report;
  const reported = new Promise((done) => {
    report = done;
  });
  const watch = `<script>
    const lines = document.querySelector("pre");
    const ended = () => /^(done|failed)/m.test(lines.textContent);
    const timer = setInterval(() => {
      if (!ended()) return;
      clearInterval(timer);
      fetch("/report", { method: "POST", body: lines.textContent });
    }, 100);
  </script>`;
  const server = createServer(async (request, response) => {
    if (request.url === "/report") {
      let text = "";
      for await (const part of request) text += part;
      response.end();
      report(text);
    } else if (request.url === "/") {
      response.setHeader("content-type", "text/html");
      response.end((await readFile(join(folder, "index.html"), "utf8")) + watch);
    } else if (request.url in files) {
      response.setHeader("content-type", files[request.url] || "application/octet-stream");
      response.end(await readFile(join(folder, request.url)));
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const address = `http://127.0.0.1:${server.address().port}/`;
  const browser = spawn(chromium, [...chromiumFlags, `--user-data-dir=${profile}`, address], { stdio: "ignore" });
  const closed = new Promise((done) => browser.on("close", done));
  let limit;
  const late = new Promise((_, fail) => {
    limit = setTimeout(() => fail(new Error("the page did not come to its end in two minutes")), 2 * minutes);
  });
  try {
    const text = await Promise.race([reported, late]);
    if (!/^done$/m.test(text)) throw new Error(`the page said: ${text}`);
    return text.replace(/done\n$/, "");
  } finally {
    clearTimeout(limit);
    browser.kill("SIGKILL");
    await closed;
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Fails unless two runs printed the same: losses, accuracy, the curve, the fingerprint of all weights. */
function expectSame(found, expected, what) {
  if (found !== expected)
    throw new Error(`${what} differs from the build by asc.\nasc:\n${expected}\n${what}:\n${found}`);
}

if (!existsSync(join(root, "dist/node/index.js"))) throw new Error("npm run build comes first");
console.log("npm install --ignore-scripts");
await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
console.log("build by asc 0.28 and by webpack with as-loader");
for (const folder of ["build", "dist"]) await rm(join(example, folder), { recursive: true, force: true });
await run("npm", ["run", "--silent", "build:asc"]);
await run("npm", ["run", "--silent", "build:webpack"]);
const expected = await run("npm", ["run", "--silent", "train"]);
process.stdout.write(expected);
const accuracy = Number(/test accuracy: (\S+)/.exec(expected)?.[1]);
if (!(accuracy > 0.92)) throw new Error(`expected more than 0.92 of the digits to be read, received ${accuracy}`);
if (!/fingerprint of the weights: [0-9a-f]{8}\n/.test(expected)) throw new Error("no fingerprint of the weights");
expectSame(await run("npm", ["run", "--silent", "train:webpack"]), expected, "webpack in Node");
console.log("webpack in Node: the same bits");
if (options["no-page"]) console.log("webpack in a page: left out");
else {
  expectSame(await runPage(), expected, "webpack in Chromium");
  console.log("webpack in Chromium: the same bits");
}
