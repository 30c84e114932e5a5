// How does TensorFlow.js do each job? The same code for its Wasm and its plain JavaScript backend.

import * as tf from "@tensorflow/tfjs";
import { classes, copiedBatch, readMnist } from "../mnist.mjs";
import { learningRate, units } from "../network.mjs";
import { permutation } from "../random.mjs";
import * as vision from "./tfjsVision.mjs";

/**
 * @param {"wasm" | "cpu"} backend
 * @returns {import("./engine.d.ts").Engine}
 */
export function tfjsEngine(backend) {
  return {
    async start({ threads }) {
      if (threads !== 1) throw new Error("TensorFlow.js has no threads in Node.");
      if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
      if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js does not start its backend ${backend}.`);
      await tf.ready();
    },

    // The operands stay on the backend; XNNPACK packs B once and keeps it, the best case for it.
    matMul({ m, k, n, transposeA, transposeB }, valuesA, valuesB) {
      const a = tf.tensor(valuesA, transposeA ? [k, m] : [m, k]);
      const b = tf.tensor(valuesB, transposeB ? [n, k] : [k, n]);
      return {
        run(times) {
          for (let time = 0; time < times; time++) tf.matMul(a, b, transposeA, transposeB).dispose();
        },
        result() {
          const c = tf.matMul(a, b, transposeA, transposeB);
          const values = Float32Array.from(c.dataSync());
          c.dispose();
          return values;
        },
        dispose: () => tf.dispose([a, b]),
      };
    },

    prediction({ batchSize, weights, input }) {
      const model = network("softmax");
      model.setWeights(weights.map(({ shape, values }) => tf.tensor(values, shape)));
      const predict = () => {
        const x = tf.tensor(input, [batchSize, 28, 28]);
        const y = model.predict(x);
        const values = y.dataSync();
        x.dispose();
        y.dispose();
        return values;
      };
      return {
        run(times) {
          for (let time = 0; time < times; time++) predict();
        },
        result: () => Float32Array.from(predict()),
        dispose: () => model.dispose(),
      };
    },

    ...vision,

    training({ way, batchSize, images, seed }) {
      const train = readMnist("train", images);
      const model = network(way === "fit" ? "softmax" : "linear", seed);
      const optimizer = tf.train.adam(learningRate);
      model.compile({ optimizer, loss: "categoricalCrossentropy", metrics: ["accuracy"] });
      return {
        epoch: way === "fit" ? fitEpoch(model, train, batchSize) : loopEpoch(model, optimizer, train, batchSize, seed),
        accuracy() {
          const test = readMnist("t10k", 10000);
          return tf.tidy(() => {
            const [, accuracy] = model.evaluate(
              tf.tensor(test.images, [test.count, 28, 28]),
              tf.tensor(test.oneHot, [test.count, 10]),
              { batchSize: 1000 },
            );
            return accuracy.dataSync()[0];
          });
        },
      };
    },
  };
}

function network(lastActivation, seed = 1) {
  const kernelInitializer = (layer) => tf.initializers.glorotUniform({ seed: seed + layer });
  return tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [28, 28] }),
      tf.layers.dense({ units: units[1], activation: "relu", kernelInitializer: kernelInitializer(1) }),
      tf.layers.dense({ units: units[2], activation: "relu", kernelInitializer: kernelInitializer(2) }),
      tf.layers.dense({ units: units[3], activation: lastActivation, kernelInitializer: kernelInitializer(3) }),
    ],
  });
}

function fitEpoch(model, train, batchSize) {
  const x = tf.tensor(train.images, [train.count, 28, 28]);
  const y = tf.tensor(train.oneHot, [train.count, 10]);
  return () => model.fit(x, y, { batchSize, epochs: 1, shuffle: true, verbose: 0 });
}

/** The loop that saves the cost of `fit`: batches copied in JavaScript, logits instead of softmax, `minimize`. */
function loopEpoch(model, optimizer, train, batchSize, seed) {
  let epochs = 0;
  return () => {
    const order = permutation(train.count, seed + epochs++);
    let right = 0;
    for (let begin = 0; begin < train.count; begin += batchSize) {
      const { images, oneHot, size } = copiedBatch(train, order.subarray(begin, begin + batchSize));
      right += tf.tidy(() => {
        const x = tf.tensor(images, [size, 28, 28]);
        const y = tf.tensor2d(oneHot, [size, classes]);
        let logits;
        optimizer.minimize(() => {
          logits = tf.keep(model.apply(x, { training: true }));
          return tf.losses.softmaxCrossEntropy(y, logits);
        });
        const hits = tf.sum(tf.equal(tf.argMax(logits, 1), tf.argMax(y, 1))).dataSync()[0];
        logits.dispose();
        return hits;
      });
    }
    return right / train.count;
  };
}
