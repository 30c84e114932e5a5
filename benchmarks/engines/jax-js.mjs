// How does jax-js do each job? With compiled (`jit`) functions; its arrays are counted references: `x.ref` keeps x.
// Training is two of them, gradient and update: as one function each gradient would be computed once for every use.

import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { classes, copiedBatch, pixels, readMnist } from "../mnist.mjs";
import { beta1, beta2, epsilon, initialWeights, learningRate } from "../network.mjs";
import { permutation } from "../random.mjs";

/** @type {import("./engine.d.ts").Engine} */
export const engine = {
  async start({ threads }) {
    if (threads !== 1) throw new Error("jax-js has no threads in Node.");
    await init("wasm");
    defaultDevice("wasm");
  },

  matMul({ m, k, n, transposeA, transposeB }, valuesA, valuesB) {
    const a = np.array(valuesA, { shape: transposeA ? [k, m] : [m, k] });
    const b = np.array(valuesB, { shape: transposeB ? [n, k] : [k, n] });
    const product = jit((x, y) => np.matmul(transposeA ? np.transpose(x) : x, transposeB ? np.transpose(y) : y));
    return {
      async run(times) {
        for (let time = 0; time < times; time++) {
          const c = product(a.ref, b.ref);
          await c.blockUntilReady(); // a result that nobody reads is never computed
          c.dispose();
        }
      },
      result: async () => Float32Array.from(await product(a.ref, b.ref).data()),
      dispose() {
        product.dispose();
        a.dispose();
        b.dispose();
      },
    };
  },

  prediction({ batchSize, weights, input }) {
    const arrays = asArrays(weights);
    const probabilities = jit((parameters, x) => nn.softmax(logits(parameters, x), 1));
    const predict = () => probabilities(kept(arrays), np.array(input, { shape: [batchSize, pixels] })).data();
    return {
      async run(times) {
        for (let time = 0; time < times; time++) await predict();
      },
      result: async () => Float32Array.from(await predict()),
      dispose() {
        probabilities.dispose();
        for (const array of arrays) array.dispose();
      },
    };
  },

  training({ batchSize, images, seed }) {
    const train = readMnist("train", images);
    const parameters = asArrays(initialWeights(seed));
    let state = {
      parameters,
      means: parameters.map((array) => np.zeros(array.shape)),
      variances: parameters.map((array) => np.zeros(array.shape)),
      power1: np.array(1),
      power2: np.array(1),
    };
    const gradient = jit(valueAndGrad(batchLoss, { hasAux: true }));
    const update = jit(adam);
    let epochs = 0;
    return {
      async epoch() {
        const order = permutation(train.count, seed + epochs++);
        let right = 0;
        for (let begin = 0; begin < train.count; begin += batchSize) {
          const { images, oneHot, size } = copiedBatch(train, order.subarray(begin, begin + batchSize));
          const x = np.array(images, { shape: [size, pixels] });
          const y = np.array(oneHot, { shape: [size, classes] });
          const [[loss, hits], gradients] = gradient(kept(state.parameters), x, y);
          state = update(state, gradients);
          loss.dispose();
          right += hits.dataSync()[0];
        }
        return right / train.count;
      },
      async accuracy() {
        const test = readMnist("t10k", 10000);
        const x = np.array(test.images, { shape: [test.count, pixels] });
        const answers = await np.argmax(logits(kept(state.parameters), x), 1).data();
        return (
          answers.reduce((right, answer, index) => right + (answer === test.labels[index] ? 1 : 0), 0) / test.count
        );
      },
    };
  },
};

function adam({ parameters, means, variances, power1, power2 }, gradients) {
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
}

/** Mean cross-entropy of the batch, and how many of its answers are right. */
function batchLoss(parameters, x, y) {
  const answer = logits(parameters, x);
  const hits = np.sum(np.equal(np.argmax(answer.ref, 1), np.argmax(y.ref, 1)).astype(np.float32));
  const loss = np.mean(np.sum(nn.logSoftmax(answer, 1).mul(y), 1)).neg();
  return [loss, hits];
}

function logits([kernel1, bias1, kernel2, bias2, kernel3, bias3], x) {
  const hidden1 = nn.relu(np.matmul(x, kernel1).add(bias1));
  const hidden2 = nn.relu(np.matmul(hidden1, kernel2).add(bias2));
  return np.matmul(hidden2, kernel3).add(bias3);
}

function asArrays(weights) {
  return weights.map(({ shape, values }) => np.array(values, { shape: [...shape] }));
}

function kept(arrays) {
  return arrays.map((array) => array.ref);
}
