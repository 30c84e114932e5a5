// How do Chromium and Firefox run the conformance script? In a page of a server on this machine, which sends the headers
// that isolate a page or does not, with an import map that says what a bundler would find in package.json.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromiumFlags } from "./chromiumFlags.mjs";

/** How long one page may take. */
const pageMilliseconds = 120_000;

const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const quietFirefox = {
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.enabled": false,
};

/** The target of an entry of `exports` for a browser. */
function targetOf(entry) {
  if (typeof entry === "string") return entry;
  for (const [condition, target] of Object.entries(entry ?? {}))
    if (["browser", "import", "default"].includes(condition)) return targetOf(target);
  throw new Error("an entry of exports has nothing for browsers");
}

/** Every name that a page can import: the entries of all packages in `stage`. */
async function importMap(stage) {
  const imports = {};
  for (const name of ["wasmgrad", "pako"]) {
    const { exports } = JSON.parse(await readFile(join(stage, "node_modules", name, "package.json"), "utf8"));
    for (const [entry, target] of Object.entries(exports)) {
      if (entry === "./package.json") continue;
      imports[join(name, entry)] = `/${join("node_modules", name, targetOf(target))}`;
    }
  }
  return { imports };
}

const page = (map) => `<!doctype html>
<meta charset="utf-8">
<title>wasmgrad</title>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify(map)}</script>
<script type="module" src="./inPage.mjs"></script>
`;

/** A server of the files in `stage`, on a free port of this machine alone. */
async function serve(stage, isolated) {
  const html = page(await importMap(stage));
  const server = createServer(async ({ url }, response) => {
    const path = normalize(new URL(url, "http://localhost").pathname);
    try {
      const body = path === "/" ? html : await readFile(join(stage, path));
      response.writeHead(200, {
        "content-type": path === "/" ? types[".html"] : (types[extname(path)] ?? "application/octet-stream"),
        "cache-control": "no-store",
        ...(isolated ? isolation : {}),
      });
      response.end(body);
    } catch {
      response.writeHead(404, isolated ? isolation : {}).end();
    }
  });
  await new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { address: `http://127.0.0.1:${server.address().port}/`, close };
}

/**
 * Opens a browser and a server for it.
 * @returns `conform(threads)`, which runs the script in a new page each time, and `close()`.
 */
export async function openBrowser({ name, isolated }, binary, stage) {
  const { launch } = await import("puppeteer-core");
  const profile = await mkdtemp(join(tmpdir(), "wasmgrad-matrix-"));
  const server = await serve(stage, isolated);
  const closeRest = async () => {
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  let browser;
  try {
    browser = await launch({
      browser: name === "firefox" ? "firefox" : "chrome",
      executablePath: binary,
      headless: true,
      userDataDir: profile,
      args: name === "firefox" ? [] : chromiumFlags,
      ...(name === "firefox" ? { extraPrefsFirefox: quietFirefox } : {}),
      protocolTimeout: pageMilliseconds,
      timeout: 60_000,
    });
  } catch (cause) {
    await closeRest();
    throw cause;
  }
  const version = (await browser.version()).replace(/^[^\d]*/, "");
  return {
    conform: async (threads) => ({ version, ...(await conformInPage(browser, server.address, threads, isolated)) }),
    close: async () => {
      await browser.close();
      await closeRest();
    },
  };
}

async function conformInPage(browser, address, threads, isolated) {
  const tab = await browser.newPage();
  const said = [];
  tab.on("pageerror", (cause) => said.push(`uncaught: ${cause.message ?? cause}`));
  tab.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  tab.on("requestfailed", (request) => said.push(`${request.url()}: ${request.failure()?.errorText}`));
  try {
    await tab.goto(address, { waitUntil: "load", timeout: pageMilliseconds });
    const outcome = await tab.evaluate((count) => globalThis.runConformance(count), threads);
    if (outcome.isolated !== isolated) throw new Error(`isolated: expected ${isolated}, received ${outcome.isolated}`);
    if (said.length > 0) throw new Error("the console was not silent");
    return outcome;
  } catch (cause) {
    throw new Error([cause.message, ...said].join("\n"), { cause });
  } finally {
    await tab.close();
  }
}
