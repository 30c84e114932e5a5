// Does a network with learned activations learn to read digits?

import { layers, ops, sequential, setSeed, valueAndGrad } from "wasmgrad";
import { loadIdxPair } from "wasmgrad/datasets";
import { splineOf } from "./spline.js";

const trainingImages = 8000;

/**
 * Checks the gradients of the kernels, trains a small network on 8,000 digits and tests it on 2,000 others.
 * @param module the compiled kernels, or their bytes
 * @param images the 10,000 images of MNIST's test set, `labels` their classes: the bytes of the IDX files
 * @param print takes lines of text
 * @returns accuracy, and a number that changes with every bit of the trained weights
 */
export async function trainWithSplines({ module, images, labels, epochs = 5, print = console.log }) {
  const { spline, splineActivation } = splineOf(module);
  const worst = checkGradients(spline);
  print(`gradients against differences: off by ${worst.toExponential(1)} at most`);
  if (!(worst < 1e-4)) throw new Error("the gradients are wrong");

  setSeed(7);
  const digits = loadIdxPair(images, labels);
  const part = (from, to) => [digits.x.slice(from, to), digits.y.slice(from, to)];
  const [trainX, trainY] = part(0, trainingImages);
  const [testX, testY] = part(trainingImages, digits.x.shape[0]);
  const model = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 32 }),
    splineActivation(),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const { loss } = await model.fit(trainX, trainY, { batchSize: 32, epochs, verbose: 0 });
  const { accuracy } = await model.evaluate(testX, testY);
  print(`loss: ${loss.map((value) => value.toFixed(4)).join(" → ")}`);
  print(`test accuracy: ${accuracy.toFixed(4)}`);
  const heights = model.layers[2].getWeights()[0];
  print(
    `curve of the first neuron, on top of relu: ${heights
      .array()[0]
      .map((each) => each.toFixed(2))
      .join(" ")}`,
  );
  const fingerprint = fingerprintOf(model.getWeights());
  print(`fingerprint of the weights: ${fingerprint}`);
  return { accuracy, fingerprint, firstLoss: loss[0], lastLoss: loss.at(-1) };
}

/**
 * The largest difference between the gradients and differences of values (float32: about three digits are right), and
 * between the kernels and what they decompose into.
 */
function checkGradients(spline) {
  const [rows, features, knots] = [5, 7, 6];
  const attributes = { low: -2, density: 1.25 };
  // Away from the knots, where the slope jumps, and some outside them.
  const x = numbers(rows * features, (n) => ((n % 9) - 2 + 0.25 + (n % 5) * 0.12) / attributes.density - 2);
  const heights = numbers(features * knots, (n) => ((n * 37) % 23) / 11 - 1);
  const weights = numbers(rows * features, (n) => ((n * 29) % 17) / 8 - 1);
  const grid = (values, columns) => ops.reshape(values, [-1, columns]);
  const weighted = (apply) => (a, b) =>
    ops.sum(ops.multiply(apply(grid(a, features), grid(b, knots), attributes), grid(weights, features)));
  const value = valueAndGrad(weighted(spline));
  const reference = valueAndGrad(weighted(spline.decomposed))(x, heights);
  const { gradients } = value(x, heights);
  const step = 2 ** -5;
  let worst = 0;
  [x, heights].forEach((input, which) => {
    for (let at = 0; at < input.length; at++) {
      const moved = (by) => {
        const copy = input.slice();
        copy[at] += by;
        return value(...(which === 0 ? [copy, heights] : [x, copy])).value.item();
      };
      const slope = (moved(step) - moved(-step)) / (2 * step);
      const found = gradients[which].data[at];
      worst = Math.max(worst, Math.abs(found - slope), Math.abs(found - reference.gradients[which].data[at]));
    }
  });
  return worst;
}

function numbers(count, of) {
  return Float32Array.from({ length: count }, (_, index) => of(index));
}

/** FNV-1a over all bytes. */
function fingerprintOf(tensors) {
  let hash = 0x811c9dc5;
  for (const { data } of tensors)
    for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}
