// Starts, writes the MLP with jax-js, predicts once and ends.

import { defaultDevice, init, jit, nn, numpy as np, random } from "@jax-js/jax";

await init("wasm");
defaultDevice("wasm");
const dense = (inputs, outputs, seed) => [
  random
    .uniform(random.key(seed), [inputs, outputs])
    .sub(0.5)
    .mul(2 * Math.sqrt(6 / (inputs + outputs))),
  np.zeros([outputs]),
];
const parameters = [...dense(784, 128, 1), ...dense(128, 64, 2), ...dense(64, 10, 3)];
const predict = jit(([kernel1, bias1, kernel2, bias2, kernel3, bias3], x) => {
  const hidden1 = nn.relu(np.matmul(x, kernel1).add(bias1));
  const hidden2 = nn.relu(np.matmul(hidden1, kernel2).add(bias2));
  return nn.softmax(np.matmul(hidden2, kernel3).add(bias3), 1);
});
const probabilities = await predict(parameters, np.zeros([1, 784])).data();
console.log("first prediction", probabilities[0]);
process.exit(0);
