// A variational autoencoder (Kingma & Welling, 2014) learns to draw digits: a training loop of one's own, in which an
// optimizer changes the weights of two models by the gradient of a loss that is not that of any of them.
//
//   node examples/vae.mjs --epochs 10 --latent 16 --seed 7 --threads 2

import { parseArgs } from "node:util";
import { compiled, configure, layers, ops, optimizers, random, sequential, setSeed, valueAndGrad } from "wasmgrad";
import { loadMnist } from "wasmgrad/datasets";
import { digitRows } from "./shapes/digits.mjs";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "10" },
    latent: { type: "string", default: "16" },
    samples: { type: "string", default: "60000" },
    seed: { type: "string", default: "7" },
    threads: { type: "string", default: "auto" },
  },
});
configure({ threads: options.threads === "auto" ? "auto" : Number(options.threads) });
setSeed(Number(options.seed));

const [pixels, latent, batchSize] = [784, Number(options.latent), 128];
const { train, test } = await loadMnist();
const batches = Math.floor(Math.min(Number(options.samples), train.x.shape[0]) / batchSize);

// To the mean and the logarithm of the variance of each latent number, and back to the logits of the pixels.
const encoder = sequential([
  layers.flatten({ inputShape: [28, 28] }),
  layers.dense({ units: 400, activation: "relu" }),
  layers.dense({ units: 2 * latent }),
]);
const decoder = sequential([
  layers.dense({ units: 400, activation: "relu", inputShape: [latent] }),
  layers.dense({ units: pixels }),
]);
const weights = [...encoder.trainableWeights, ...decoder.trainableWeights];

/** Nats that a picture costs: to describe its latent numbers, and its pixels when those are known. */
function cost(x, mean, logVariance, z) {
  const logits = decoder.apply(z);
  const flat = ops.reshape(x, [-1, pixels]);
  // −ln p of each pixel: softplus(logit) − pixel · logit.
  const ofPixels = ops.sum(ops.subtract(ops.softplus(logits), ops.multiply(flat, logits)), -1);
  const spread = ops.add(ops.square(mean), ops.subtract(ops.exp(logVariance), ops.add(logVariance, 1)));
  return ops.add(ops.mean(ofPixels), ops.multiply(ops.mean(ops.sum(spread, -1)), 0.5));
}

function loss(x) {
  const [mean, logVariance] = encode(x);
  const noise = random.normal(mean.shape);
  return cost(x, mean, logVariance, ops.add(mean, ops.multiply(noise, ops.exp(ops.multiply(logVariance, 0.5)))));
}

function encode(x) {
  const code = encoder.apply(x);
  return [ops.slice(code, [0, 0], [-1, latent]), ops.slice(code, [0, latent], [-1, latent])];
}

const lossAndGradients = valueAndGrad(loss, { variables: weights });
const optimizer = optimizers.startOptimizer(optimizers.adam({ learningRate: 1e-3 }), weights);
const step = compiled((x) => {
  const { value, variableGradients } = lossAndGradients(x);
  optimizer.step(variableGradients);
  return value;
});
const measure = compiled(loss);
const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

const started = performance.now();
for (let epoch = 1; epoch <= Number(options.epochs); epoch++) {
  const losses = Array.from({ length: batches }, (_, at) =>
    step(train.x.slice(at * batchSize, (at + 1) * batchSize)).item(),
  );
  const held = Array.from({ length: 20 }, (_, at) => measure(test.x.slice(at * 500, (at + 1) * 500)).item());
  console.log(`epoch ${epoch}: ${mean(losses).toFixed(2)} nats, on test pictures ${mean(held).toFixed(2)}`);
}
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`);

const drawn = compiled(() => ops.sigmoid(decoder.apply(random.normal([5, latent]))))();
console.log("drawn from random numbers:");
for (const row of digitRows(drawn.data, 5)) console.log(row);
