// Trains the classic three-layer network on the 60,000 MNIST digits, measures, saves, loads and uses it.
//
//   npm start -- --epochs 10 --batch-size 32 --seed 7 --threads 1 --output mnist.safetensors

import { parseArgs } from "node:util";
import { configure, layers, loadModel, sequential, setSeed } from "wasmgrad";
import { loadMnist } from "wasmgrad/datasets";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "10" },
    "batch-size": { type: "string", default: "32" },
    seed: { type: "string" },
    threads: { type: "string", default: "auto" },
    output: { type: "string", default: "mnist.safetensors" },
  },
});

configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
if (options.seed !== undefined) setSeed(Number(options.seed));

const { train, test } = await loadMnist();

const model = sequential([
  layers.flatten({ inputShape: [28, 28] }),
  layers.dense({ units: 128, activation: "relu" }),
  layers.dense({ units: 64, activation: "relu" }),
  layers.dense({ units: 10, activation: "softmax" }),
]);
model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
model.summary();

const started = performance.now();
await model.fit(train.x, train.y, {
  batchSize: Number(options["batch-size"]),
  epochs: Number(options.epochs),
  validationData: [test.x, test.y],
});
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`);

const { loss, accuracy } = await model.evaluate(test.x, test.y);
console.log(`test loss: ${loss.toFixed(4)}`);
console.log(`test accuracy: ${accuracy.toFixed(4)}`);

await model.save(options.output);
const served = await loadModel(options.output);
console.log(`saved to ${options.output} and loaded again`);

const shown = 5;
const probabilities = served.predict(test.x.slice(0, shown));
drawDigits(test.x.slice(0, shown));
const guesses = probabilities.array().map((row) => row.indexOf(Math.max(...row)));
const labels = Array.from(test.labels.slice(0, shown).data);
console.log(guesses.map((guess, index) => caption(guess, labels[index], probabilities, index)).join(""));

/** Draws images [count, 28, 28] side by side, two rows of pixels in a line of text. */
function drawDigits(images) {
  const [count, height, width] = images.shape;
  const shades = " ░▒▓█";
  for (let row = 0; row < height; row += 2) {
    let line = "";
    for (let image = 0; image < count; image++) {
      for (let column = 0; column < width; column++) {
        const at = (image * height + row) * width + column;
        const brightness = (images.data[at] + images.data[at + width]) / 2;
        line += shades[Math.min(shades.length - 1, Math.round(brightness * (shades.length - 1)))];
      }
    }
    console.log(line.trimEnd());
  }
}

function caption(guess, label, probabilities, index) {
  const certainty = Math.round(Math.max(...probabilities.slice(index, index + 1).data) * 100);
  return `   a ${guess} (${certainty} %)${guess === label ? "" : `, is a ${label}`}`.padEnd(28);
}
