// How does wasmgrad do each job? As its users write it.

import { classes, copiedBatch, readMnist } from "../mnist.mjs";
import { permutation, uniform } from "../random.mjs";
import { planOf } from "../vision.mjs";
import { compiled, configure, input, layers, mobilenetV2, model, ops, sequential, tensor } from "../wasmgrad.mjs";

/** @type {import("./engine.d.ts").Engine} */
export const engine = {
  start: ({ threads }) => configure({ threads }),

  // The operands are bound once; nothing is packed beforehand.
  matMul({ m, k, n, transposeA, transposeB }, valuesA, valuesB) {
    const a = tensor(valuesA, transposeA ? [k, m] : [m, k]);
    const b = tensor(valuesB, transposeB ? [n, k] : [k, n]);
    const program = compiled((x, y) => ops.matMul(x, y, { transposeA, transposeB })).program(a, b);
    return {
      run: (times) => program.run(times),
      result: () => program.run().data,
      dispose: () => program.dispose(),
    };
  },

  convolution({ direction, shapes, options }, valuesA, valuesB) {
    const [first, second, call] = {
      forward: ["x", "kernel", (x, kernel) => ops.conv(x, kernel, options)],
      input: ["dy", "kernel", (dy, kernel) => ops.convInputGradient(dy, kernel, shapes.x.slice(1, -1), options)],
      kernel: ["x", "dy", (x, dy) => ops.convKernelGradient(x, dy, shapes.kernel.slice(0, -2), options)],
    }[direction];
    const program = compiled(call).program(tensor(valuesA, shapes[first]), tensor(valuesB, shapes[second]));
    return {
      run: (times) => program.run(times),
      result: () => program.run().data,
      dispose: () => program.dispose(),
    };
  },

  prediction({ batchSize, weights, input }) {
    const model = network();
    model.setWeights(weights.map(({ shape, values }) => tensor(values, shape)));
    const predict = () => model.predict(tensor(input, [batchSize, 28, 28])).data;
    return {
      run(times) {
        for (let time = 0; time < times; time++) predict();
      },
      result: predict,
      dispose: () => model.dispose(),
    };
  },

  vision({ network: kind, weights, input }) {
    const plan = planOf(kind);
    const model = visionNetwork(plan);
    model.setWeights(weights.map(({ values }, index) => tensor(values, model.weights[index].shape)));
    const predict = () => model.predict(tensor(input, [1, ...plan[0].input])).data;
    return {
      run(times) {
        for (let time = 0; time < times; time++) predict();
      },
      result: predict,
      dispose: () => model.dispose(),
    };
  },

  training({ network: kind = "mlp", way, batchSize, images, seed, size }) {
    if (kind === "mobilenetV2") return mobilenetTraining(size, batchSize);
    const train = readMnist("train", images);
    const model = kind === "cnn" ? convolutionalNetwork() : network();
    model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
    return {
      epoch: way === "fit" ? fitEpoch(model, train, batchSize) : loopEpoch(model, train, batchSize, seed),
      async accuracy() {
        const test = readMnist("t10k", 10000);
        const x = tensor(test.images, [test.count, 28, 28]);
        const { accuracy } = await model.evaluate(x, tensor(test.oneHot, [test.count, classes]));
        return accuracy;
      },
      dispose: () => model.dispose(),
    };
  },
};

function network() {
  return sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
}

/** The network of a plan: ../vision.mjs. */
function visionNetwork(plan) {
  const x = input({ shape: plan[0].input });
  const results = [];
  for (const step of plan) {
    const before = results.at(-1) ?? x;
    let y = visionLayer(step).apply(before);
    if (step.add !== undefined) y = layers.add().apply([y, results[step.add]]);
    results.push(y);
  }
  return model({ inputs: x, outputs: results.at(-1) });
}

function visionLayer({ kind, kernel: kernelSize, stride: strides, depthwise, padding, filters, activation }) {
  if (kind === "maxPool") return layers.maxPooling2D({ poolSize: 2 });
  if (kind === "flatten") return layers.flatten();
  if (kind === "globalAverage") return layers.globalAveragePooling2D();
  if (kind === "dense") return layers.dense({ units: filters, activation });
  const options = { kernelSize, strides, padding, activation };
  return depthwise ? layers.depthwiseConv2D(options) : layers.conv2D({ ...options, filters });
}

/** An epoch is one step. */
function mobilenetTraining(size, batchSize) {
  const network = mobilenetV2({ inputShape: [size, size, 3], classes: 10 });
  network.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  const x = tensor(uniform(batchSize * size * size * 3, -1, 1, 3), [batchSize, size, size, 3]);
  const y = tensor(Int32Array.from({ length: batchSize }, (_, index) => index % 10));
  network.trainOnBatch(x, y);
  return {
    epoch: () => network.trainOnBatch(x, y),
    accuracy: () => 0,
    dispose: () => network.dispose(),
  };
}

function convolutionalNetwork() {
  return sequential([
    layers.reshape({ targetShape: [28, 28, 1], inputShape: [28, 28] }),
    layers.conv2D({ filters: 32, kernelSize: 3, activation: "relu" }),
    layers.maxPooling2D({ poolSize: 2 }),
    layers.conv2D({ filters: 64, kernelSize: 3, activation: "relu" }),
    layers.maxPooling2D({ poolSize: 2 }),
    layers.flatten(),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
}

function fitEpoch(model, train, batchSize) {
  const x = tensor(train.images, [train.count, 28, 28]);
  const y = tensor(train.oneHot, [train.count, classes]);
  return () => model.fit(x, y, { batchSize, epochs: 1, shuffle: true, verbose: 0 });
}

/** The loop over `trainOnBatch`, with batches copied in JavaScript. */
function loopEpoch(model, train, batchSize, seed) {
  let epochs = 0;
  return async () => {
    const order = permutation(train.count, seed + epochs++);
    for (let begin = 0; begin < train.count; begin += batchSize) {
      const { images, oneHot, size } = copiedBatch(train, order.subarray(begin, begin + batchSize));
      await model.trainOnBatch(tensor(images, [size, 28, 28]), tensor(oneHot, [size, classes]));
    }
  };
}
