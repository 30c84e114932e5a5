// How does wasmgrad see? Single convolutions, and the networks of ../vision.mjs.

import {
  compiled,
  input as inputOf,
  layers,
  mobilenetV2,
  model as modelOf,
  ops,
  optimizers,
  tensor,
} from "../wasmgrad.mjs";

/** @type {import("./engine.d.ts").Engine["convolution"]} */
export function convolution({ direction, shapes, options }, valuesA, valuesB) {
  const [first, second, call] = {
    forward: ["x", "kernel", (x, kernel) => ops.conv(x, kernel, options)],
    input: ["dy", "kernel", (dy, kernel) => ops.convInputGradient(dy, kernel, shapes.x.slice(1, -1), options)],
    kernel: ["x", "dy", (x, dy) => ops.convKernelGradient(x, dy, shapes.kernel.slice(0, -2), options)],
  }[direction];
  const operands = [tensor(valuesA, shapes[first]), tensor(valuesB, shapes[second])];
  // One element is copied out of what is timed: copies of results are no part of convolutions, in no engine.
  const one = (x) =>
    ops.slice(
      x,
      x.shape.map(() => 0),
      x.shape.map(() => 1),
    );
  const program = compiled((a, b) => one(call(a, b))).program(...operands);
  return {
    run: (times) => program.run(times),
    result: () => compiled(call)(...operands).data,
    dispose: () => program.dispose(),
  };
}

/** @type {import("./engine.d.ts").Engine["vision"]} */
export function vision({ plan, weights, input }) {
  const model = networkOf(plan);
  assign(model, weights);
  const predict = () => model.predict(tensor(input, [1, ...plan[0].input])).data;
  return {
    run(times) {
      for (let time = 0; time < times; time++) predict();
    },
    result: predict,
    dispose: () => model.dispose(),
  };
}

/** Networks of which wasmgrad has a finished one. */
const applications = { "v2-96": mobilenetV2 };

/** @type {import("./engine.d.ts").Engine["visionTraining"]} */
export function visionTraining({ network, plan, weights, optimizer, input, labels, batchSize }) {
  const [shape, classes] = [plan[0].input, plan.at(-1).output[0]];
  const model = applications[network]?.({ inputShape: shape, classes }) ?? networkOf(plan);
  assign(model, weights);
  const { name, learningRate } = optimizer;
  model.compile({ optimizer: optimizers[name]({ learningRate }), loss: "sparseCategoricalCrossentropy" });
  const [x, y] = [tensor(input, [batchSize, ...shape]), tensor(labels)];
  return { step: () => model.trainOnBatch(x, y).loss, dispose: () => model.dispose() };
}

function networkOf(plan) {
  const x = inputOf({ shape: plan[0].input });
  const results = [];
  for (const step of plan) {
    let y = layersOf(step).reduce((before, layer) => layer.apply(before), results.at(-1) ?? x);
    if (step.add !== undefined) y = layers.add().apply([y, results[step.add]]);
    results.push(y);
  }
  return modelOf({ inputs: x, outputs: results.at(-1) });
}

function layersOf({ kind, kernel, stride, depthwise, padding, filters, normalization, activation, rate }) {
  if (kind === "maxPool") return [layers.maxPooling2D({ poolSize: 2 })];
  if (kind === "flatten") return [layers.flatten()];
  if (kind === "globalAverage") return [layers.globalAveragePooling2D()];
  if (kind === "dropout") return [layers.dropout({ rate })];
  if (kind === "dense") return [layers.dense({ units: filters, activation })];
  const convolve = (options) => {
    const all = { kernelSize: kernel, strides: stride, padding, ...options };
    return depthwise ? layers.depthwiseConv2D(all) : layers.conv2D({ ...all, filters });
  };
  if (normalization === undefined) return [convolve({ activation })];
  return [convolve({ useBias: false }), layers.batchNormalization(normalization), layers.activation({ activation })];
}

function assign(model, weights) {
  const all = weights.flat();
  model.trainableWeights.forEach((weight, index) => {
    weight.assign(tensor(all[index].values, weight.shape));
  });
}
