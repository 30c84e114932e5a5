// Builds an application with esbuild, Vite 5 to 8, webpack and Rollup, without configuration, and runs it: in pages, with
// threads, in a worker and under a strict content security policy, it must have the same bits as in plain Node.
//
//   node test/runtimes/bundlers/run.mjs [--only TEXT]      cases whose title contains the text

import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { openBrowser } from "./browser.mjs";
import { isolation, serveFolder, serveProxy } from "./server.mjs";

const { only = "" } = parseArgs({ options: { only: { type: "string" } } }).values;

/** The versions of Vite, as package.json names them. */
const vites = ["vite5", "vite6", "vite7", "vite8"];

/** Threads that pages ask for; the engine must have as many then. */
const threads = 2;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const firefox = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

const strict = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'";
const shortest = "script-src 'self' 'wasm-unsafe-eval'";

// Small tools ---------------------------------------------------------------------------------------------------------

function execute(command, args, { cwd, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, NO_COLOR: "1", ...env } });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (output += text));
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${status}:\n${output.slice(-2000)}`));
    });
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "localhost", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

// The application, as a user has it -----------------------------------------------------------------------------------

/** A project in a new folder, with the packed library installed and the bundlers in reach. */
async function makeProject() {
  must(existsSync(join(root, "dist/index.js")), "dist is missing: npm run build");
  const project = mkdtempSync(join(tmpdir(), "wasmgrad-bundlers-"));
  await execute("npm", ["pack", "--ignore-scripts", "--pack-destination", project], { cwd: root });
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(project, "package.json"), '{ "name": "app", "private": true }\n');
  const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", `./${tarball}`];
  await execute("npm", install, { cwd: project });
  for (const name of Object.keys(JSON.parse(readFileSync(join(here, "package.json"), "utf8")).devDependencies)) {
    mkdirSync(dirname(join(project, "node_modules", name)), { recursive: true });
    symlinkSync(join(here, "node_modules", name), join(project, "node_modules", name));
  }
  cpSync(join(here, "app"), join(project, "src"), { recursive: true });
  cpSync(join(here, "app/train.js"), join(project, "src/index.js"));
  writeFileSync(join(project, "index.html"), page("/src/train.js"));
  // A second page, which is the root of a build.
  mkdirSync(join(project, "inWorker"));
  writeFileSync(join(project, "inWorker/main.js"), 'import "../src/inWorker.js";\n');
  writeFileSync(join(project, "inWorker/index.html"), page("/main.js"));
  return project;
}

const page = (script, type = ' type="module"') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>app</title></head><body><script${type} src="${script}"></script></body></html>\n`;

/**
 * Runs one of the tools installed beside this file. Output that would alarm a user is a failure, except for paragraphs
 * that `known` names; its last line may count these as warnings, and no others.
 */
async function tool(project, name, args, known = undefined) {
  const said = await execute(...commandOf(name, args), { cwd: project });
  const paragraphs = said.split(/\n\n+/);
  const rest = paragraphs.filter((each) => known?.test(each) !== true);
  const count = `compiled with ${paragraphs.length - rest.length} warnings`;
  const output = known === undefined ? said : rest.join("\n\n").replace(count, "compiled");
  must(!/\bwarn|\berror\b|deprecat|could not|unable|\(!\)/i.test(output), `${name} complains:\n${output}`);
}

/** The versions of Vite share the name of their command. */
function commandOf(name, args) {
  return vites.includes(name)
    ? [process.execPath, [join(here, "node_modules", name, "bin/vite.js"), ...args]]
    : [join(here, "node_modules/.bin", name), args];
}

/** What the application reports in Node. */
async function inNode(project, file) {
  const code = `import(${JSON.stringify(join(project, file))}).then(async () => console.log("\\n" + JSON.stringify(await globalThis.wasmgradResult)))`;
  const output = await execute(process.execPath, ["-e", code], { cwd: project });
  return JSON.parse(output.trim().split("\n").at(-1));
}

// Cases ---------------------------------------------------------------------------------------------------------------

let passed = 0;
let failed = 0;

async function check(title, action) {
  if (title !== "plain Node" && !title.includes(only)) return;
  const started = performance.now();
  try {
    const note = await action();
    passed++;
    console.log(
      `ok    ${title}${note === undefined ? "" : `: ${note}`} (${Math.round(performance.now() - started)} ms)`,
    );
  } catch (error) {
    failed++;
    console.log(`FAIL  ${title}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function sameAs(reference, result, wantedThreads = 1) {
  must(result.error === undefined, `the application failed: ${result.error}`);
  must(result.hash === reference.hash, `weights differ: ${result.hash} instead of ${reference.hash}`);
  must(result.accuracy === reference.accuracy, `accuracy ${result.accuracy} instead of ${reference.accuracy}`);
  must(result.predicted === reference.predicted, `predictions differ: ${result.predicted}`);
  must(result.threads === wantedThreads, `${result.threads} threads instead of ${wantedThreads}`);
  const { complaints = [], violations = [] } = result;
  must(complaints.length === 0, `the console says: ${complaints.join(" | ")}`);
  must(violations.length === 0, `the policy was violated: ${violations.join(" | ")}`);
}

/** Training in a worker has the bits of training on the page's thread. */
function sameInWorker(reference, { error, inWorker = {} }) {
  must(error === undefined, `the application failed: ${error}`);
  for (const name of ["hash", "accuracy", "predicted"])
    must(inWorker[name] === reference[name], `${name} in the worker: ${inWorker[name]} instead of ${reference[name]}`);
}

/** What must be loaded before the application runs: the script and all that it imports statically. */
function entryOf(folder, name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const text = readFileSync(join(folder, name), "utf8");
  for (const [, next] of text.matchAll(/\b(?:from|import)\s*["']\.\/([^"']+)["']/g)) entryOf(folder, next, seen);
  return seen;
}

/** What the MLP must not load: a text of each part that it does not use. */
const unused = {
  "the format of files": "data_offsets",
  "reading models": "a model saved by wasmgrad",
  "the file system": "a runtime with a file system",
  "layers by class name": "layerFromConfig",
  "the data sets": "train-images",
  "the checks of the compiler": "verifier after",
  noise: "GaussianNoise",
  normalization: "Normalization",
  merging: "Concatenate",
  convolution: "Conv2D",
  recurrence: "LSTM",
};

/** @returns the size of what is loaded. @param except what this bundler cannot leave out. */
function loaded(folder, name, except = []) {
  const files = [...entryOf(folder, name)].map((each) => readFileSync(join(folder, each)));
  const text = files.join("\n");
  for (const [part, marker] of Object.entries(unused))
    must(except.includes(part) || !text.includes(marker), `${part} is in the bundle`);
  const bytes = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  return `${(bytes / 1000).toFixed(1)} kB after gzip`;
}

/** Bytes of webpack's file before compression: 326,891 on 2026-11-26, a third of it WebAssembly as text. */
const largestMain = 376_000;

const started = performance.now();
const project = await makeProject();
// The slowest of them, beside the others.
// It remarks that the file is larger than 244 KiB, as docs/bundlers.md says; how large it may be is checked below.
const sizeHints = /^WARNING in (asset size limit|entrypoint size limit|webpack performance recommendations): /;
const webpack = "webpack --mode production".includes(only)
  ? tool(project, "webpack", ["--mode", "production", "--output-path", "out/webpack"], sizeHints)
  : Promise.resolve();
webpack.catch(() => {});
const browser = await openBrowser("chrome", chromium);
try {
  let reference = { hash: "none", accuracy: 0 };
  await check("plain Node", async () => {
    reference = await inNode(project, "src/train.js");
    must(reference.error === undefined, String(reference.error));
    must(reference.accuracy > 0.9, `it does not learn: accuracy ${reference.accuracy}`);
    return `accuracy ${reference.accuracy.toFixed(3)}, weights ${reference.hash.slice(0, 16)}`;
  });

  /** Opens the page that a bundler made. */
  const inBrowser = async (folder, headers = isolation, visitor = browser, wanted = threads) => {
    const server = await serveFolder(join(project, folder), headers);
    try {
      const result = await visitor.visit(server.url, { threads: wanted });
      sameAs(reference, result, wanted);
      return result;
    } finally {
      await server.stop();
    }
  };

  await check("esbuild --bundle --format=esm", async () => {
    await tool(project, "esbuild", ["src/train.js", "--bundle", "--format=esm", "--outfile=out/esbuild/main.mjs"]);
    sameAs(reference, await inNode(project, "out/esbuild/main.mjs"));
    writeFileSync(join(project, "out/esbuild/index.html"), page("/main.mjs"));
    await inBrowser("out/esbuild");
  });
  await check("esbuild --bundle --minify, a classic script", async () => {
    await tool(project, "esbuild", ["src/train.js", "--bundle", "--minify", "--outfile=out/script/main.js"]);
    sameAs(reference, await inNode(project, "out/script/main.js"));
    writeFileSync(join(project, "out/script/index.html"), page("/main.js", ""));
    await inBrowser("out/script");
  });
  await check("esbuild --bundle --minify --splitting, wasmgrad/layers", async () => {
    const source = readFileSync(join(project, "src/train.js"), "utf8").replace("layers, ", "");
    writeFileSync(join(project, "src/slim.js"), `import * as layers from "wasmgrad/layers";\n${source}`);
    const options = ["--bundle", "--minify", "--splitting", "--format=esm", "--outdir=out/slim"];
    await tool(project, "esbuild", ["src/slim.js", ...options]);
    writeFileSync(join(project, "out/slim/index.html"), page("/slim.js"));
    await inBrowser("out/slim");
    return loaded(join(project, "out/slim"), "slim.js");
  });
  await check("esbuild --bundle --platform=node", async () => {
    await tool(project, "esbuild", ["src/train.js", "--bundle", "--platform=node", "--outfile=out/node/main.cjs"]);
    sameAs(reference, await inNode(project, "out/node/main.cjs"));
  });
  const [newest] = vites.slice(-1);
  await check(`${newest} build`, async () => {
    await tool(project, newest, ["build", "--outDir", "out/vite"]);
    await inBrowser("out/vite");
    const script = readFileSync(join(project, "out/vite/index.html"), "utf8").match(/src="\/assets\/([^"]+)"/)?.[1];
    return loaded(join(project, "out/vite/assets"), script ?? "no script");
  });
  for (const vite of vites) {
    await check(`${vite} build, wasmgrad/worker`, async () => {
      await tool(project, vite, ["build", "inWorker", "--outDir", `../out/${vite}-worker`, "--emptyOutDir"]);
      sameInWorker(reference, await inBrowser(`out/${vite}-worker`));
      sameInWorker(reference, await inBrowser(`out/${vite}-worker`, {}, browser, 1));
    });
    await check(`${vite} dev, wasmgrad/worker`, async () => {
      rmSync(join(project, "node_modules/.vite"), { recursive: true, force: true });
      const port = await freePort();
      const [command, args] = commandOf(vite, ["inWorker", "--port", String(port), "--strictPort"]);
      const server = spawn(command, args, { cwd: project, env: { ...process.env, NO_COLOR: "1" } });
      let output = "";
      server.stdout.on("data", (text) => (output += text));
      server.stderr.on("data", (text) => (output += text));
      const proxy = await serveProxy(port);
      try {
        for (let wait = 0; wait < 200 && !output.includes("Local:"); wait++)
          await new Promise((resolve) => setTimeout(resolve, 100));
        const result = await browser.visit(proxy.url, { threads });
        sameAs(reference, result, threads);
        sameInWorker(reference, result);
        must(!/\bwarn|\berror\b/i.test(output), `${vite} complains:\n${output}`);
      } finally {
        server.kill();
        await proxy.stop();
      }
    });
  }
  await check("webpack --mode production", async () => {
    await webpack;
    writeFileSync(join(project, "out/webpack/index.html"), page("/main.js", ""));
    await inBrowser("out/webpack");
    const { size } = statSync(join(project, "out/webpack/main.js"));
    must(size <= largestMain, `main.js has ${size} bytes before compression, more than ${largestMain}`);
    return loaded(join(project, "out/webpack"), "main.js");
  });
  await check("rollup -p node-resolve", async () => {
    await tool(project, "rollup", ["src/train.js", "-d", "out/rollup", "-p", "@rollup/plugin-node-resolve"]);
    sameAs(reference, await inNode(project, "out/rollup/train.js"));
    writeFileSync(join(project, "out/rollup/index.html"), page("/train.js"));
    await inBrowser("out/rollup");
    loaded(join(project, "out/rollup"), "train.js");
  });

  await check("strict policy, modules without a bundler", async () => {
    const folder = join(project, "out/modules");
    cpSync(join(project, "node_modules/wasmgrad/dist"), join(folder, "wasmgrad"), { recursive: true });
    const source = readFileSync(join(project, "src/train.js"), "utf8");
    writeFileSync(join(folder, "train.js"), source.replace('"wasmgrad"', '"./wasmgrad/index.js"'));
    writeFileSync(join(folder, "index.html"), page("/train.js"));
    await inBrowser("out/modules", { ...isolation, "Content-Security-Policy": strict });
  });
  // Without the file the worker's code would come from a blob:, which these policies refuse.
  if (existsSync(join(project, "out/rollup"))) {
    cpSync(join(project, "out/rollup"), join(project, "out/policy"), { recursive: true });
    cpSync(join(project, "node_modules/wasmgrad/dist/platform/thread.js"), join(project, "out/policy/thread.js"));
  }
  for (const [title, policy] of [
    ["strict policy", strict],
    ["the policy script-src 'self' 'wasm-unsafe-eval'", shortest],
  ])
    await check(`${title}, a bundle`, async () => {
      await inBrowser("out/policy", { ...isolation, "Content-Security-Policy": policy });
    });
  await check("a policy without 'wasm-unsafe-eval' is what stops WebAssembly", async () => {
    const server = await serveFolder(join(project, "out/rollup"), { "Content-Security-Policy": "script-src 'self'" });
    try {
      const { error } = await browser.visit(server.url);
      must(/Content Security Policy|CompileError/.test(error ?? ""), `expected a refusal, received ${error}`);
    } finally {
      await server.stop();
    }
  });
  await check("strict policy, a bundle in Firefox", async () => {
    const other = await openBrowser("firefox", firefox);
    try {
      await inBrowser("out/policy", { ...isolation, "Content-Security-Policy": strict }, other);
    } finally {
      await other.close();
    }
  });
} finally {
  await browser.close();
  rmSync(project, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed (${Math.round((performance.now() - started) / 1000)} s)`);
process.exit(failed === 0 ? 0 : 1);
