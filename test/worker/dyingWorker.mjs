// A worker that serves a model until it is asked for a prediction of 13 samples, and then dies.

import { parentPort } from "node:worker_threads";
import { serveModels } from "../../dist/node/worker/index.js";

parentPort.on("message", ({ kind, call }) => {
  if (kind === "call" && call.name === "predict" && call.data.parts[0].value.shape[0] === 13)
    setTimeout(() => process.exit(3), 30);
});
await serveModels();
