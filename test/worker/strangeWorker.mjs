// A worker that serves a model until it is asked for a summary, and then posts or throws what it should not.

import { parentPort, workerData } from "node:worker_threads";
import { serveModels } from "../../dist/node/worker/index.js";

parentPort.on("message", ({ kind, call }) => {
  if (kind !== "call" || call.name !== "summary") return;
  if (!workerData.throws) parentPort.postMessage(workerData.message);
  else
    setTimeout(() => {
      throw workerData.message;
    });
});
await serveModels();
