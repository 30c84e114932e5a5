// Does this runtime compute the same bits as all others? Every runtime runs this one script; it imports wasmgrad by its
// name, as a user does, and gets the digits from an adapter (inProcess.mjs, inPage.mjs, inWorkerd.mjs).

import {
  configure,
  engine,
  initializers,
  input,
  layers,
  loadModel,
  model,
  optimizers,
  regularizers,
  sequential,
  setSeed,
} from "wasmgrad";
import { trainingImages } from "./trainingImages.mjs";

/**
 * Trains on `threads` threads, evaluates, saves, loads and predicts.
 * @param threads how many are asked for.
 * @param data `train` and `test` as `loadMnist` gives them.
 * @returns what must be equal everywhere (`accuracy`; `sha256` of the weights of the trained network, `variety` of the
 *   weights of a second one, which uses many layers and optimizers), how many `threads` there really were, the
 *   `warnings` that were written, and the `saved` network.
 * @throws {Error} when the runtime contradicts itself.
 */
export async function conform(threads, { train, test }) {
  const { warn } = console;
  const warnings = [];
  console.warn = (...words) => warnings.push(words.join(" "));
  try {
    await configure({ threads });
    setSeed(7);
    const images = train.x.slice(0, trainingImages);
    const labels = train.y.slice(0, trainingImages);
    const network = sequential([
      layers.flatten({ inputShape: [28, 28] }),
      layers.dense({ units: 128, activation: "relu" }),
      layers.dense({ units: 64, activation: "relu" }),
      layers.dense({ units: 10, activation: "softmax" }),
    ]);
    network.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
    const accuracy = await whileTimeStandsStill(async () => {
      await network.fit(images, labels, { batchSize: 32, epochs: 2, verbose: 0 });
      return (await network.evaluate(test.x, test.y)).accuracy;
    });
    const sha256 = await digest(network.getWeights());
    const saved = await network.save();
    // Asking again must not start, stop or say anything.
    await configure({ threads });

    const served = await serve(saved, test);
    expectEqual("the digest of the weights after saving and loading", served.sha256, sha256);
    expectClose("the share of right predictions of the loaded network", served.accuracy, accuracy);
    const few = test.x.slice(0, 33);
    const [before, after] = [network.predict(few), (await loadModel(saved)).predict(few)];
    expectEqual("the digest of the loaded network's predictions", await digest([after]), await digest([before]));

    const variety = await trainVariety(images.slice(0, 1000), labels.slice(0, 1000));
    return { threads: engine().threads, accuracy, sha256, variety, warnings, saved };
  } finally {
    console.warn = warn;
  }
}

/** Loads a saved network and predicts all of `test`: the digest of its weights, and the share of right predictions. */
export async function serve(saved, test) {
  const network = await loadModel(saved);
  const { data, shape } = network.predict(test.x);
  const [rows, classes] = shape;
  let right = 0;
  for (let row = 0; row < rows; row++) {
    let best = 0;
    for (let each = 1; each < classes; each++) if (data[row * classes + each] > data[row * classes + best]) best = each;
    if (best === test.labels.data[row]) right++;
  }
  return { sha256: await digest(network.getWeights()), accuracy: right / rows };
}

/** Branches, noise, penalties, clipping and four optimizers: the digest of the weights after a short training. */
async function trainVariety(images, labels) {
  setSeed(11);
  const pixels = input({ shape: [28, 28] });
  const noisy = layers.gaussianNoise({ stddev: 0.1 }).apply(layers.flatten().apply(pixels));
  const left = layers.dense({ units: 37, activation: "tanh", kernelInitializer: "heNormal" }).apply(noisy);
  const right = layers
    .dense({ units: 23, activation: "gelu", kernelRegularizer: regularizers.l2({ l2: 1e-3 }) })
    .apply(noisy);
  const joined = layers.dropout({ rate: 0.3 }).apply(layers.concatenate().apply([left, right]));
  const wide = layers.dense({ units: 31, kernelInitializer: initializers.truncatedNormal({ stddev: 0.1 }) });
  const summed = layers
    .add()
    .apply([layers.elu().apply(wide.apply(joined)), layers.leakyReLU().apply(wide.apply(joined))]);
  const network = model({
    inputs: pixels,
    outputs: layers.dense({ units: 10, activation: "softmax" }).apply(summed),
  });
  for (const optimizer of [
    optimizers.sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, globalClipnorm: 1 }),
    optimizers.rmsprop({ learningRate: 1e-3 }),
    optimizers.adamw({ learningRate: 1e-3 }),
    optimizers.adam({ learningRate: 1e-3, clipvalue: 0.5 }),
  ]) {
    network.compile({ optimizer, loss: "categoricalCrossentropy" });
    await network.fit(images, labels, { batchSize: 48, epochs: 1, verbose: 0 });
  }
  return digest([...network.getWeights(), network.predict(images)]);
}

/**
 * Programs measure whether threads make them faster, and on a busy machine go on alone. Here nothing seems to take time, so
 * that nearly all of `work` is shared.
 */
export async function whileTimeStandsStill(work) {
  const { now } = performance;
  performance.now = () => 0;
  try {
    return await work();
  } finally {
    performance.now = now;
  }
}

/** SHA-256 over the elements of all tensors in order, little-endian, as hexadecimal digits. */
export async function digest(tensors) {
  const parts = tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function expectEqual(what, received, expected) {
  if (received !== expected) throw new Error(`${what}: expected ${expected}, received ${received}`);
}

function expectClose(what, received, expected) {
  if (!(Math.abs(received - expected) < 1e-6)) throw new Error(`${what}: expected ${expected}, received ${received}`);
}
