// How does jax-js train? Optimizers as functions from a state and gradients to the next state; its arrays are counted
// references: `x.ref` keeps x.

import { numpy as np } from "@jax-js/jax";
import { beta1, beta2, epsilon } from "../network.mjs";

export const sgd = (learningRate) => ({
  begin: (parameters) => ({ parameters }),
  update: ({ parameters }, gradients) => ({
    parameters: parameters.map((array, index) => array.sub(gradients[index].mul(learningRate))),
  }),
});

export const adam = (learningRate) => ({
  begin: (parameters) => ({
    parameters,
    means: parameters.map((array) => np.zeros(array.shape)),
    variances: parameters.map((array) => np.zeros(array.shape)),
    power1: np.array(1),
    power2: np.array(1),
  }),
  update({ parameters, means, variances, power1, power2 }, gradients) {
    const next1 = power1.mul(beta1);
    const next2 = power2.mul(beta2);
    const rate = np.sqrt(np.subtract(1, next2.ref)).div(np.subtract(1, next1.ref)).mul(learningRate);
    const nextMeans = means.map((mean, index) => mean.mul(beta1).add(gradients[index].ref.mul(1 - beta1)));
    const nextVariances = variances.map((variance, index) =>
      variance.mul(beta2).add(np.square(gradients[index]).mul(1 - beta2)),
    );
    const nextParameters = parameters.map((array, index) =>
      array.sub(rate.ref.mul(nextMeans[index].ref).div(np.sqrt(nextVariances[index].ref).add(epsilon))),
    );
    rate.dispose();
    return { parameters: nextParameters, means: nextMeans, variances: nextVariances, power1: next1, power2: next2 };
  },
});

export function asArrays(weights) {
  return weights.map(({ shape, values }) => np.array(values, { shape: [...shape] }));
}

export function kept(arrays) {
  return arrays.map((array) => array.ref);
}
