// What helps when there are few data? The network of the README learns 1,000 digits by heart; some remedies are measured.
//
//   node examples/overfitting.mjs          docs/fighting-overfitting.md shows what it prints

import { configure, layers, regularizers, sequential, setSeed } from "wasmgrad";
import { earlyStopping } from "wasmgrad/callbacks";
import { loadMnist } from "wasmgrad/datasets";

configure({ threads: 1 });
const { train, test } = await loadMnist();
const [x, y] = [train.x.slice(0, 1000), train.y.slice(0, 1000)];
// Digits to choose by; those of the test are for the last column only.
const validationData = [train.x.slice(50_000, 55_000), train.y.slice(50_000, 55_000)];
const epochs = [1, 5, 10, 20, 40, 60];

console.log(`loss on training / validation data after ${epochs.join(", ")} epochs; accuracy on 10,000 test digits`);
const stopping = earlyStopping({ patience: 5, restoreBestWeights: true });
await measure("nothing", {});
await measure("early stopping", {}, [stopping]);
await measure("weight decay (l2 0.001)", { kernelRegularizer: regularizers.l2({ l2: 0.001 }) });
await measure("dropout 0.4", { dropout: 0.4 });
await measure("small shifts and turns", { augment: true });
await measure("shifts, turns and dropout", { augment: true, dropout: 0.2 });

async function measure(name, { kernelRegularizer = null, dropout = 0, augment = false }, callbacks = []) {
  setSeed(7);
  const drop = () => (dropout > 0 ? [layers.dropout({ rate: dropout })] : []);
  const dense = (units) => [layers.dense({ units, activation: "relu", kernelRegularizer }), ...drop()];
  const moved = augment
    ? [
        layers.randomTranslation({ heightFactor: 0.1, widthFactor: 0.1, fillMode: "constant" }),
        layers.randomRotation({ factor: 0.03, fillMode: "constant" }),
      ]
    : [];
  const model = sequential([
    layers.reshape({ targetShape: [28, 28, 1], inputShape: [28, 28] }),
    ...moved,
    layers.flatten(),
    ...dense(128),
    ...dense(64),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const { loss, valLoss } = await model.fit(x, y, { epochs: 60, validationData, callbacks, verbose: 0 });
  const curve = epochs
    .filter((epoch) => epoch <= loss.length)
    .map((epoch) => `${loss[epoch - 1].toFixed(2)}/${valLoss[epoch - 1].toFixed(2)}`);
  const { accuracy } = await model.evaluate(test.x, test.y);
  console.log(`${name.padEnd(26)} ${curve.join("  ")}  ${loss.length} epochs, accuracy ${accuracy.toFixed(4)}`);
}
