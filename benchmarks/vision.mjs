// Which convolutional networks do the suites cnn, mobilenet and infer run? Lists of steps, the same for every engine. In
// those that only predict, batch normalisation is already folded into weights and biases.

import { uniform } from "./random.mjs";

/**
 * @typedef {object} Step
 * @property {"conv" | "maxPool" | "flatten" | "globalAverage" | "dropout" | "dense"} kind
 * @property {number} [kernel] Taps along each axis.
 * @property {number} [stride]
 * @property {boolean} [depthwise] One kernel for each channel.
 * @property {"same" | "valid"} [padding]
 * @property {number} [filters] Channels, or units of a dense step, that come out.
 * @property {{ epsilon: number, momentum: number }} [normalization] Of the batch, before the activation, instead of a bias.
 * @property {"relu" | "relu6" | "softmax" | "linear"} [activation]
 * @property {number} [rate] Of a dropout.
 * @property {number} [add] The index of an earlier step whose result is added.
 */

/** @param {Step[]} beforeClasses */
function smallNetwork(beforeClasses = []) {
  const conv = (filters) => ({ kind: "conv", kernel: 3, stride: 1, padding: "valid", filters, activation: "relu" });
  const pool = { kind: "maxPool" };
  return {
    shape: [28, 28, 1],
    steps: [conv(32), pool, conv(64), pool, { kind: "flatten" }, ...beforeClasses, classes(10)],
  };
}

function classes(filters) {
  return { kind: "dense", filters, activation: "softmax" };
}

const average = { kind: "globalAverage" };

/** MobileNet: Howard and others, 2017, table 1. */
function mobilenet() {
  const same = { kind: "conv", padding: "same", activation: "relu6" };
  const widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
  const halved = [1, 3, 5, 11];
  const blocks = widths.flatMap((filters, index) => [
    { ...same, kernel: 3, stride: halved.includes(index) ? 2 : 1, depthwise: true },
    { ...same, kernel: 1, stride: 1, filters },
  ]);
  return {
    shape: [224, 224, 3],
    steps: [{ ...same, kernel: 3, stride: 2, filters: 32 }, ...blocks, average, classes(1000)],
  };
}

/** MobileNetV2: Sandler and others, 2018, table 2. */
function mobilenetV2(size, units, options = {}) {
  const same = { kind: "conv", padding: "same", activation: "relu6", stride: 1, ...options };
  const rows = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ];
  const steps = [{ ...same, kernel: 3, stride: 2, filters: 32 }];
  let channels = 32;
  for (const [expansion, filters, count, firstStride] of rows) {
    for (let block = 0; block < count; block++) {
      const before = steps.length - 1;
      const stride = block === 0 ? firstStride : 1;
      if (expansion > 1) steps.push({ ...same, kernel: 1, filters: channels * expansion });
      steps.push({ ...same, kernel: 3, stride, depthwise: true });
      const residual = stride === 1 && channels === filters ? { add: before } : {};
      steps.push({ ...same, kernel: 1, filters, activation: "linear", ...residual });
      channels = filters;
    }
  }
  steps.push({ ...same, kernel: 1, filters: 1280 });
  return { shape: [size, size, 3], steps: [...steps, average, classes(units)] };
}

/** @type {Readonly<Record<string, { readonly shape: readonly number[], readonly steps: readonly Step[] }>>} */
export const networks = {
  cnn: smallNetwork(),
  "cnn-dropout": smallNetwork([{ kind: "dropout", rate: 0.5 }]),
  "v1-224": mobilenet(),
  "v2-224": mobilenetV2(224, 1000),
  "v2-96": mobilenetV2(96, 10, { normalization: { epsilon: 0.001, momentum: 0.999 } }),
};

/**
 * The steps with the shapes of what goes in and comes out, [rows, columns, channels] or [values], of weights (kernel and
 * bias, or kernel, gamma and beta of a batch normalisation), and the margins.
 *
 * @param {string} name
 */
export function planOf(name) {
  const { shape, steps } = networks[name];
  let current = shape;
  return steps.map((step) => {
    const input = current;
    const [rows, columns, channels] = input;
    if (step.kind === "flatten") current = [input.reduce((size, each) => size * each, 1)];
    else if (step.kind === "globalAverage") current = [channels];
    else if (step.kind === "maxPool") current = [Math.floor(rows / 2), Math.floor(columns / 2), channels];
    else if (step.kind === "dense") {
      current = [step.filters];
      return { ...step, input, output: current, shapes: [[input[0], step.filters], current] };
    } else if (step.kind === "conv") {
      const { kernel, stride, depthwise, padding, normalization } = step;
      const filters = depthwise ? channels : step.filters;
      const size = (length) => Math.ceil((padding === "same" ? length : length - kernel + 1) / stride);
      current = [size(rows), size(columns), filters];
      const total = padding === "same" ? Math.max(0, (size(rows) - 1) * stride + kernel - rows) : 0;
      const before = Math.floor(total / 2);
      const kernelShape = [kernel, kernel, depthwise ? 1 : channels, filters];
      const shapes = [kernelShape, ...Array(normalization === undefined ? 1 : 2).fill([filters])];
      return { ...step, input, output: current, margins: [before, total - before], shapes };
    }
    return { ...step, input, output: current, shapes: [] };
  });
}

/**
 * The weights of each step of a plan, so drawn that values neither grow nor vanish.
 *
 * @returns {{ shape: number[], values: Float32Array }[][]}
 */
export function weightsOf(plan, seed) {
  return plan.map(({ shapes, normalization }, index) =>
    shapes.map((shape, place) => {
      const size = shape.reduce((product, each) => product * each, 1);
      const limit = place === 0 ? Math.sqrt((6 * shape.at(-1)) / size) : 0.1;
      const middle = place === 1 && normalization !== undefined ? 1 : 0; // gamma
      return { shape, values: uniform(size, middle - limit, middle + limit, seed + 3 * index + place) };
    }),
  );
}

const activations = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
};

/** What a plan answers for one image, computed naively in f64; only of plans for prediction. */
export function naiveAnswer(plan, weights, image) {
  let values = Float64Array.from(image);
  const results = [];
  for (const [index, step] of plan.entries()) {
    values = naiveStep[step.kind](step, values, ...weights[index].map((weight) => weight.values));
    if (step.add !== undefined) values = values.map((value, at) => value + results[step.add][at]);
    results.push(values);
  }
  return values;
}

const naiveStep = {
  flatten: (_step, x) => x,
  globalAverage({ input: [rows, columns, channels] }, x) {
    const sums = new Float64Array(channels);
    for (let at = 0; at < x.length; at++) sums[at % channels] += x[at];
    return sums.map((sum) => sum / (rows * columns));
  },
  maxPool({ input: [, columns, channels], output: [down, across] }, x) {
    const y = new Float64Array(down * across * channels).fill(-Infinity);
    for (let at = 0; at < y.length; at++) {
      const [row, column, channel] = [
        Math.floor(at / channels / across),
        Math.floor(at / channels) % across,
        at % channels,
      ];
      for (const [i, j] of [[0, 0], [0, 1], [1, 0], [1, 1]]) // biome-ignore format: cells
        y[at] = Math.max(y[at], x[((2 * row + i) * columns + 2 * column + j) * channels + channel]);
    }
    return y;
  },
  dense({ input: [inputs], output: [outputs] }, x, kernel, bias) {
    const y = Float64Array.from(bias);
    for (let i = 0; i < inputs; i++) for (let j = 0; j < outputs; j++) y[j] += x[i] * kernel[i * outputs + j];
    const largest = Math.max(...y);
    const exponentials = y.map((value) => Math.exp(value - largest));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    return exponentials.map((value) => value / total);
  },
  conv({ input, output, kernel: taps, stride, depthwise, activation, margins: [before] }, x, kernel, bias) {
    const [rows, columns, channels] = input;
    const [down, across, filters] = output;
    const y = new Float64Array(down * across * filters);
    for (let r = 0; r < down; r++)
      for (let q = 0; q < across; q++) {
        const to = (r * across + q) * filters;
        for (let f = 0; f < filters; f++) y[to + f] = bias[f];
        for (let i = 0; i < taps; i++)
          for (let j = 0; j < taps; j++) {
            const [row, column] = [r * stride + i - before, q * stride + j - before];
            if (row < 0 || column < 0 || row >= rows || column >= columns) continue;
            const from = (row * columns + column) * channels;
            const tap = (i * taps + j) * (depthwise ? 1 : channels) * filters;
            if (depthwise) for (let f = 0; f < filters; f++) y[to + f] += x[from + f] * kernel[tap + f];
            else
              for (let c = 0; c < channels; c++)
                for (let f = 0; f < filters; f++) y[to + f] += x[from + c] * kernel[tap + c * filters + f];
          }
      }
    return y.map(activations[activation]);
  },
};
