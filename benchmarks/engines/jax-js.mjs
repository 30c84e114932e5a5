// How does jax-js do each job? With compiled (`jit`) functions; its arrays are counted references: `x.ref` keeps x.
// Training is two of them, gradient and update: as one function each gradient would be computed once for every use.

import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { classes, copiedBatch, pixels, readMnist } from "../mnist.mjs";
import { initialWeights, learningRate } from "../network.mjs";
import { permutation } from "../random.mjs";
import { adam, asArrays, kept } from "./jaxTraining.mjs";
import * as vision from "./jaxVision.mjs";

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

  ...vision,

  training({ batchSize, images, seed }) {
    const train = readMnist("train", images);
    const { begin, update } = adam(learningRate);
    let state = begin(asArrays(initialWeights(seed)));
    const gradient = jit(valueAndGrad(batchLoss, { hasAux: true }));
    const next = jit(update);
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
          state = next(state, gradients);
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
