// Trains, saves every epoch, and goes on from the file when there is one. Run by saving.test.ts in processes of its own.
//
//   node resume.script.mjs <file> <epochs>     prints "epoch <n>" after each save, and the SHA-256 of the weights

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import * as layers from "../../bindings/layers/index.ts";
import { loadModel } from "../../bindings/models/loading.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, type TensorLike, tensor } from "../../bindings/tensor.ts";
import { floats, generator, integers } from "../harness/random.ts";

const [, , file = "", epochs = "1"] = process.argv;
const rows = 3001;
const next = generator(5);
const x = tensor(floats(next, rows * 20, { low: -1, high: 1 }), [rows, 20]);
const y = tensor(integers(next, rows, { low: 0, high: 4 }));

function fresh(): Model<TensorLike, Tensor, string> {
  setSeed(77);
  const model = sequential([
    layers.gaussianNoise({ stddev: 0.1, inputShape: [20] }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 5, activation: "softmax" }),
  ]);
  return model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
}

const model = existsSync(file) ? ((await loadModel(file)) as unknown as Model<TensorLike, Tensor, string>) : fresh();
await model.fit(x, y, {
  initialEpoch: model.trainer.epochs,
  epochs: Number(epochs),
  verbose: 0,
  callbacks: [
    {
      onEpochEnd: async (epoch) => {
        await model.save(file);
        process.stdout.write(`epoch ${epoch}\n`);
      },
    },
  ],
});
const hash = createHash("sha256");
for (const weight of model.getWeights()) hash.update(weight.data);
for (const { value } of model.trainer.state.readSlots()) hash.update(value.data);
process.stdout.write(`${hash.digest("hex")}\n`);
