// Two networks against each other (Goodfellow et al., 2014): one draws digits, the other tells them from real ones. Each has
// an optimizer of its own, and both steps are one program. A third network, which learned to read digits, says how many
// of the drawn ones it can read, and whether all ten are among them.
//
//   node examples/gan.mjs --epochs 6 --seed 7 --threads 2

import { parseArgs } from "node:util";
import { compiled, configure, layers, ops, optimizers, random, sequential, setSeed, valueAndGrad } from "wasmgrad";
import { loadMnist } from "wasmgrad/datasets";
import { digitRows } from "./shapes/digits.mjs";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "6" },
    samples: { type: "string", default: "60000" },
    seed: { type: "string", default: "7" },
    threads: { type: "string", default: "auto" },
  },
});
configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
setSeed(Number(options.seed));

const [latent, batchSize] = [64, 128];
const { train, test } = await loadMnist();
const batches = Math.floor(Math.min(Number(options.samples), train.x.shape[0]) / batchSize);

const generator = sequential([
  layers.dense({ units: 7 * 7 * 32, useBias: false, inputShape: [latent] }),
  layers.batchNormalization(),
  layers.reLU(),
  layers.reshape({ targetShape: [7, 7, 32] }),
  layers.conv2DTranspose({ filters: 16, kernelSize: 4, strides: 2, padding: "same", useBias: false }),
  layers.batchNormalization(),
  layers.reLU(),
  layers.conv2DTranspose({ filters: 1, kernelSize: 4, strides: 2, padding: "same", activation: "sigmoid" }),
]);
const discriminator = sequential([
  layers.conv2D({ filters: 16, kernelSize: 4, strides: 2, padding: "same", inputShape: [28, 28, 1] }),
  layers.leakyReLU({ negativeSlope: 0.2 }),
  layers.dropout({ rate: 0.3 }),
  layers.conv2D({ filters: 32, kernelSize: 4, strides: 2, padding: "same" }),
  layers.leakyReLU({ negativeSlope: 0.2 }),
  layers.dropout({ rate: 0.3 }),
  layers.flatten(),
  layers.dense({ units: 1 }),
]);

const training = { training: true };
const draw = (count) => generator.apply(random.normal([count, latent]), training);
const judge = (pictures) => discriminator.apply(pictures, training);
/** −ln of the probability that the logits give to being real, or to being drawn. */
const asReal = (logits) => ops.mean(ops.softplus(ops.negate(logits)));
const asDrawn = (logits) => ops.mean(ops.softplus(logits));

// Real pictures count as real with 0.9: too sure a judge teaches nothing (Salimans et al., 2016).
const ofDiscriminator = valueAndGrad(
  (real, drawn) => {
    const logits = judge(real);
    const surprise = ops.add(ops.multiply(asReal(logits), 0.9), ops.multiply(asDrawn(logits), 0.1));
    return ops.add(surprise, asDrawn(judge(drawn)));
  },
  { variables: discriminator.trainableWeights },
);
const ofGenerator = valueAndGrad((count) => asReal(judge(draw(count.shape[0]))), {
  variables: generator.trainableWeights,
});
const rate = { learningRate: 1e-3, beta1: 0.5 };
const discriminatorOptimizer = optimizers.startOptimizer(optimizers.adam(rate), discriminator.trainableWeights);
const generatorOptimizer = optimizers.startOptimizer(optimizers.adam(rate), generator.trainableWeights);

const step = compiled((x) => {
  const real = ops.expandDims(x, -1);
  const first = ofDiscriminator(real, ops.stopGradient(draw(batchSize)));
  discriminatorOptimizer.step(first.variableGradients);
  const second = ofGenerator(real);
  generatorOptimizer.step(second.variableGradients);
  return [first.value, second.value];
});

const reader = sequential([
  layers.flatten({ inputShape: [28, 28] }),
  layers.dense({ units: 128, activation: "relu" }),
  layers.dense({ units: 10, activation: "softmax" }),
]);
reader.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
await reader.fit(train.x, train.y, { epochs: 2, verbose: 0 });
console.log(`the reader reads ${(100 * (await reader.evaluate(test.x, test.y)).accuracy).toFixed(1)} % of real digits`);

const pictures = compiled(() => generator.apply(random.normal([500, latent])));
const started = performance.now();
for (let epoch = 1; epoch <= Number(options.epochs); epoch++) {
  const totals = [0, 0];
  for (let at = 0; at < batches; at++) {
    const losses = step(train.x.slice(at * batchSize, (at + 1) * batchSize));
    losses.forEach((loss, index) => {
      totals[index] += loss.item() / batches;
    });
  }
  const { share, kinds } = read(pictures().data);
  console.log(
    `epoch ${epoch}: loss of the judge ${totals[0].toFixed(3)}, of the painter ${totals[1].toFixed(3)}; ` +
      `${(100 * share).toFixed(0)} % readable, ${kinds} of 10 digits`,
  );
}
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`);
for (const row of digitRows(pictures().data, 5)) console.log(row);

/** The share of pictures that the reader is sure of by 90 %, and how many digits make up at least 2 % of those. */
function read(data) {
  const found = reader.predict(ops.reshape(data, [-1, 28, 28]), { batchSize: 100 });
  const counts = new Array(10).fill(0);
  for (let at = 0; at < found.data.length; at += 10) {
    const row = found.data.subarray(at, at + 10);
    const best = Math.max(...row);
    if (best > 0.9) counts[row.indexOf(best)]++;
  }
  const sure = counts.reduce((sum, count) => sum + count, 0);
  return { share: (10 * sure) / found.data.length, kinds: counts.filter((count) => count >= 0.02 * sure).length };
}
