// A worker file of one's own: a layer and a loss that wasmgrad does not have.

import { defineLayer, ops, registerLayer } from "../../dist/node/index.js";
import { serveModels } from "../../dist/node/worker/index.js";

const swish = defineLayer({
  className: "Swish",
  fields: {},
  inputs: "one",
  call: (x) => ops.multiply(x, ops.sigmoid(x)),
});
registerLayer("Swish", swish);

await serveModels({
  prepare: (model) => {
    if (model.compileOptions !== undefined || model.name !== "own-loss") return;
    model.compile({ optimizer: "sgd", loss: (yTrue, yPred) => ops.abs(ops.subtract(yTrue, yPred)) });
  },
});
