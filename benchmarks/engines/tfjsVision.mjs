// How does TensorFlow.js see? Single convolutions, and the networks of ../vision.mjs.

import * as tf from "@tensorflow/tfjs";
import { Inability } from "../inability.mjs";

/** The kernels of the backends that `conv2d`, `depthwiseConv2d` and their gradients call. */
const kernels = {
  plain: { forward: tf.Conv2D, input: tf.Conv2DBackpropInput, kernel: tf.Conv2DBackpropFilter },
  depthwise: {
    forward: tf.DepthwiseConv2dNative,
    input: tf.DepthwiseConv2dNativeBackpropInput,
    kernel: tf.DepthwiseConv2dNativeBackpropFilter,
  },
};

/** @type {import("./engine.d.ts").Engine["convolution"]} */
export function convolution({ direction, shapes, options }, valuesA, valuesB) {
  const { strides, dilations, padding, groups } = options;
  const [rows, columns, , outputs] = shapes.kernel;
  const filterShape = groups === 1 ? shapes.kernel : [rows, columns, outputs, 1]; // a kernel for each channel
  const [first, second] = { forward: ["x", "filter"], input: ["dy", "filter"], kernel: ["x", "dy"] }[direction];
  const allShapes = { ...shapes, filter: filterShape };
  const operands = {
    [first]: tf.tensor(valuesA, allShapes[first]),
    [second]: tf.tensor(valuesB, allShapes[second]),
  };
  const pad = [[0, 0], ...padding, [0, 0]];
  const attributes = { strides, dilations, pad, dataFormat: "NHWC", inputShape: shapes.x, filterShape };
  const name = kernels[groups === 1 ? "plain" : "depthwise"][direction];
  const call = () => tf.engine().runKernel(name, operands, attributes);
  return {
    run(times) {
      for (let time = 0; time < times; time++) call().dispose();
    },
    result: () =>
      orUnable(() => {
        const y = call();
        const values = Float32Array.from(y.dataSync());
        y.dispose();
        return values;
      }),
    dispose: () => tf.dispose(operands),
  };
}

/** @type {import("./engine.d.ts").Engine["vision"]} */
export function vision({ plan, weights, input }) {
  const model = networkOf(plan);
  assign(model, weights);
  const predict = () =>
    tf.tidy(() => Float32Array.from(model.predict(tf.tensor(input, [1, ...plan[0].input])).dataSync()));
  return {
    run(times) {
      for (let time = 0; time < times; time++) predict();
    },
    result: predict,
    dispose: () => model.dispose(),
  };
}

/** @type {import("./engine.d.ts").Engine["visionTraining"]} */
export function visionTraining({ plan, weights, optimizer, input, labels, batchSize }) {
  const model = networkOf(plan);
  assign(model, weights);
  model.compile({ optimizer: tf.train[optimizer.name](optimizer.learningRate), loss: "categoricalCrossentropy" });
  const x = tf.tensor(input, [batchSize, ...plan[0].input]);
  const y = tf.tidy(() => tf.oneHot(tf.tensor1d(labels, "int32"), plan.at(-1).output[0]).toFloat());
  return {
    step: () => orUnable(() => model.trainOnBatch(x, y)),
    dispose() {
      model.dispose();
      tf.dispose([x, y]);
    },
  };
}

function networkOf(plan) {
  const x = tf.input({ shape: plan[0].input });
  const results = [];
  for (const step of plan) {
    let y = layersOf(step).reduce((before, layer) => layer.apply(before), results.at(-1) ?? x);
    if (step.add !== undefined) y = tf.layers.add().apply([y, results[step.add]]);
    results.push(y);
  }
  return tf.model({ inputs: x, outputs: results.at(-1) });
}

function layersOf({ kind, kernel, stride, depthwise, padding, filters, normalization, activation, rate }) {
  if (kind === "maxPool") return [tf.layers.maxPooling2d({ poolSize: 2 })];
  if (kind === "flatten") return [tf.layers.flatten()];
  if (kind === "globalAverage") return [tf.layers.globalAveragePooling2d({})];
  if (kind === "dropout") return [tf.layers.dropout({ rate })];
  if (kind === "dense") return [tf.layers.dense({ units: filters, activation })];
  const convolve = (options) => {
    const all = { kernelSize: kernel, strides: stride, padding, ...options };
    return depthwise ? tf.layers.depthwiseConv2d(all) : tf.layers.conv2d({ ...all, filters });
  };
  if (normalization === undefined) return [convolve({ activation })];
  const { batchNormalization, activation: activate } = tf.layers;
  return [convolve({ useBias: false }), batchNormalization(normalization), activate({ activation })];
}

function assign(model, weights) {
  const all = weights.flat();
  model.trainableWeights.forEach((weight, index) => {
    weight.write(tf.tensor(all[index].values, weight.shape));
  });
}

/** A kernel that a backend has not got is an inability. */
async function orUnable(call) {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && error.message.includes("not registered for backend"))
      throw new Inability(error.message);
    throw error;
  }
}
