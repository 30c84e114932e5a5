// How are the built pages served? Files of a folder, with headers that each page chooses.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";

/** What lets a page share memory with its workers. */
export const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
};

/** Serves the files of `folder`. @returns the address and how to stop. */
export function serveFolder(folder, headers = isolation) {
  return listen((incoming, response) => {
    const { pathname } = new URL(incoming.url, "http://localhost");
    let path = join(folder, normalize(decodeURIComponent(pathname)));
    if (existsSync(path) && statSync(path).isDirectory()) path = join(path, "index.html");
    // Browsers ask for it by themselves.
    if (pathname === "/favicon.ico") {
      response.writeHead(204, headers).end();
      return;
    }
    if (!existsSync(path)) {
      response.writeHead(404, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, "Content-Type": types[extname(path)] ?? "application/octet-stream" });
    createReadStream(path).pipe(response);
  });
}

/** Passes requests on to a server on `port` and adds headers to its answers. */
export function serveProxy(port, headers = isolation) {
  return listen((incoming, response) => {
    if (incoming.url === "/favicon.ico") {
      response.writeHead(204, headers).end();
      return;
    }
    const onward = request(
      { host: "localhost", port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode, { ...answer.headers, ...headers });
        answer.pipe(response);
      },
    );
    onward.on("error", () => response.writeHead(502).end());
    incoming.pipe(onward);
  });
}

function listen(handle) {
  return new Promise((resolve) => {
    const server = createServer(handle);
    server.listen(0, "localhost", () => {
      const stop = () => {
        server.closeAllConnections();
        return new Promise((closed) => server.close(closed));
      };
      resolve({ url: `http://localhost:${server.address().port}/`, stop });
    });
  });
}
