// Which network do the suites mlp, infer, size and cold run? Flatten → Dense 128 relu → Dense 64 relu → Dense 10 softmax.

import { uniform } from "./random.mjs";

/** Units from the input to the output. */
export const units = [784, 128, 64, 10];

/** Step size of Adam; beta1 0.9, beta2 0.999, epsilon 1e-7 as in Keras. */
export const learningRate = 0.001;
export const beta1 = 0.9;
export const beta2 = 0.999;
export const epsilon = 1e-7;

/**
 * Weights of the network, Glorot uniform, biases zero: `[{ shape, values }]` as kernel [in, out], bias [out], kernel …
 *
 * @param {number} seed
 * @returns {{ shape: number[], values: Float32Array }[]}
 */
export function initialWeights(seed) {
  return units.slice(1).flatMap((outputs, layer) => {
    const inputs = units[layer];
    const limit = Math.sqrt(6 / (inputs + outputs));
    return [
      { shape: [inputs, outputs], values: uniform(inputs * outputs, -limit, limit, seed + layer) },
      { shape: [outputs], values: new Float32Array(outputs) },
    ];
  });
}

/**
 * What the network answers, computed naively in f64: `[batch, 784]` → `[batch, 10]`.
 *
 * @returns {Float64Array}
 */
export function referencePrediction(weights, input, batch) {
  let values = Float64Array.from(input);
  for (let layer = 0; layer < units.length - 1; layer++) {
    const [inputs, outputs] = [units[layer], units[layer + 1]];
    const [kernel, bias] = [weights[2 * layer].values, weights[2 * layer + 1].values];
    const next = new Float64Array(batch * outputs);
    for (let row = 0; row < batch; row++) {
      for (let column = 0; column < outputs; column++) {
        let sum = bias[column];
        for (let k = 0; k < inputs; k++) sum += values[row * inputs + k] * kernel[k * outputs + column];
        next[row * outputs + column] = layer < units.length - 2 ? Math.max(0, sum) : sum;
      }
    }
    values = next;
  }
  const count = units[units.length - 1];
  for (let row = 0; row < batch; row++) {
    const logits = values.subarray(row * count, (row + 1) * count);
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    logits.set(exponentials.map((value) => value / total));
  }
  return values;
}
