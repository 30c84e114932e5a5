// How fast is a convolution, forward and backward, and what is that of the peak of 128-bit SIMD, measured in turns with it?

import { timeInTurns } from "../interleave.mjs";
import { uniform } from "../random.mjs";
import { median } from "../report.mjs";
import { startSession } from "../session.mjs";

/** Square images and kernels; "same" padding in the manner of Keras. */
const layers = [
  { name: "3x3-64-64-28", batch: 32, size: 28, taps: 3, cin: 64, cout: 64, stride: 1, groups: 1 },
  { name: "3x3-1-32-28", batch: 128, size: 28, taps: 3, cin: 1, cout: 32, stride: 1, groups: 1 },
  { name: "3x3-256-256-14", batch: 8, size: 14, taps: 3, cin: 256, cout: 256, stride: 1, groups: 1 },
  { name: "5x5-32-64-14", batch: 32, size: 14, taps: 5, cin: 32, cout: 64, stride: 1, groups: 1 },
  { name: "1x1-64-128-28", batch: 32, size: 28, taps: 1, cin: 64, cout: 128, stride: 1, groups: 1 },
  { name: "3x3-64-128-28-stride2", batch: 32, size: 28, taps: 3, cin: 64, cout: 128, stride: 2, groups: 1 },
  { name: "depthwise-3x3-128-28", batch: 32, size: 28, taps: 3, cin: 128, cout: 128, stride: 1, groups: 128 },
];
const directions = ["forward", "input", "kernel"];

/** One direction of one layer, with everything that follows from the layer. */
const convolutions = layers.flatMap((layer) => {
  const { batch, size, taps, cin, cout, stride, groups } = layer;
  const output = Math.ceil(size / stride);
  const padding = Math.max(0, (output - 1) * stride + taps - size);
  const before = Math.floor(padding / 2);
  const shapes = {
    x: [batch, size, size, cin],
    kernel: [taps, taps, cin / groups, cout],
    dy: [batch, output, output, cout],
  };
  const options = {
    strides: [stride, stride],
    dilations: [1, 1],
    padding: [0, 1].map(() => [before, padding - before]),
    groups,
  };
  const work = 2 * batch * output * output * taps * taps * (cin / groups) * cout;
  return directions.map((direction) => ({ direction, shapes, options, work, name: `${layer.name}-${direction}` }));
});

export const suite = {
  title: "Convolutions",
  metric: "gflops",
  unit: "GFLOP/s",
  better: /** @type {const} */ ("higher"),
  cases: convolutions.map(({ name }) => name),

  /** @param {import("../run.mjs").Setting} setting */
  async run({ sessions, quick, cases, scratch, row, fail, note }) {
    const peak = await startSession("simd-peak", 1);
    const { operations } = await peak.ask("preparePeak");
    /** @type {number[]} */
    const peaks = [];
    const pace = quick
      ? { warmUp: 60, rounds: 7, milliseconds: 20, most: 1000 }
      : { warmUp: 250, rounds: 15, milliseconds: 40, most: 10_000 };
    for (const convolution of convolutions.filter(({ name }) => cases.includes(name))) {
      const { name, work } = convolution;
      const contenders = await prepared(convolution, sessions, scratch, (engine, error) => fail(name, engine, error));
      const samples = await timeInTurns([...contenders, peak], pace);
      const peakRates = (samples.get(peak.engine) ?? []).map((milliseconds) => operations / milliseconds / 1e6);
      peaks.push(...peakRates);
      for (const { engine } of contenders) {
        const rates = (samples.get(engine) ?? []).map((milliseconds) => work / milliseconds / 1e6);
        const fraction = median(rates.map((rate, round) => rate / peakRates[round])); // of the same round: clocks drift
        row(name, engine, rates, [{ metric: "peakFraction", title: "of peak", value: fraction, unit: "fraction" }]);
      }
    }
    await peak.stop();
    note(
      `Peak of 128-bit SIMD, one thread, measured in turns: ${median(peaks).toFixed(1)} GFLOP/s.`,
      "Kernel × kernel – channels in – channels out – image size; “same” padding; batch 32, but 128 for 1 channel and 8 for 256. forward, input and kernel: the result and its gradients. All taps count as work, those that see padding included. 100 elements of each result were compared with a naive sum in f64.",
      "Operands are in place, laid out as each engine likes them (torch: the faster of its two orders).",
    );
    return { peakGflops: median(peaks) };
  },
};

/** The sessions that convolved right, ready to be timed. */
async function prepared(convolution, sessions, scratch, fail) {
  const { direction, shapes, options } = convolution;
  const values = {
    x: uniform(count(shapes.x), 0, 1, 1),
    kernel: uniform(count(shapes.kernel), 0, 1, 2),
    dy: uniform(count(shapes.dy), 0, 1, 3),
  };
  const [first, second] = { forward: ["x", "kernel"], input: ["dy", "kernel"], kernel: ["x", "dy"] }[direction];
  const task = {
    convolution: { direction, shapes, options },
    a: scratch.write("a", values[first]),
    b: scratch.write("b", values[second]),
    result: scratch.path("c"),
  };
  const contenders = [];
  for (const session of sessions) {
    try {
      await session.ask("prepareConvolution", task);
      check(scratch.read("c"), convolution, values);
      contenders.push(session);
    } catch (error) {
      fail(session.engine, error);
    }
  }
  return contenders;
}

/** With operands in [0, 1) any order of summation is within terms · 2⁻²⁴, relative (Higham, 2002, section 3.1). */
function check(actual, { direction, shapes, options }, values) {
  const shape = { forward: shapes.dy, input: shapes.x, kernel: shapes.kernel }[direction];
  if (actual.length !== count(shape)) throw new Error(`expected ${count(shape)} values, received ${actual.length}`);
  for (let sample = 0; sample < 100; sample++) {
    const index = Math.floor((sample * (actual.length - 1)) / 99);
    const { sum, terms } = naiveElement(direction, index, shapes, options, values);
    if (!(Math.abs(actual[index] - sum) <= (terms + 1) * 2 ** -24 * sum))
      throw new Error(`wrong result: at ${index} expected ${sum}, received ${actual[index]}`);
  }
}

/** One element of the result: the sum over all triples of positions that contribute. */
function naiveElement(direction, index, { x, kernel, dy }, { strides, padding, groups }, values) {
  const [batch, size, , cin] = x;
  const [taps, , inputs, cout] = kernel;
  const output = dy[1];
  const [stride] = strides;
  const [[before]] = padding;
  const outputs = cout / groups;
  let sum = 0;
  let terms = 0;
  const visit = (n, oh, ow, kh, kw, i, c) => {
    const [h, w] = [oh * stride + kh - before, ow * stride + kw - before];
    if (h < 0 || h >= size || w < 0 || w >= size) return;
    const input = Math.floor(c / outputs) * inputs + i;
    const factors = {
      x: values.x[((n * size + h) * size + w) * cin + input],
      kernel: values.kernel[((kh * taps + kw) * inputs + i) * cout + c],
      dy: values.dy[((n * output + oh) * output + ow) * cout + c],
    };
    terms++;
    if (direction === "forward") sum += factors.x * factors.kernel;
    else if (direction === "input") sum += factors.dy * factors.kernel;
    else sum += factors.x * factors.dy;
  };
  if (direction === "forward") {
    const [n, oh, ow, c] = unravel(index, dy);
    for (let kh = 0; kh < taps; kh++)
      for (let kw = 0; kw < taps; kw++) for (let i = 0; i < inputs; i++) visit(n, oh, ow, kh, kw, i, c);
  } else if (direction === "kernel") {
    const [kh, kw, i, c] = unravel(index, kernel);
    for (let n = 0; n < batch; n++)
      for (let oh = 0; oh < output; oh++) for (let ow = 0; ow < output; ow++) visit(n, oh, ow, kh, kw, i, c);
  } else {
    const [n, h, w, input] = unravel(index, x);
    const group = Math.floor(input / inputs);
    for (let kh = 0; kh < taps; kh++)
      for (let kw = 0; kw < taps; kw++) {
        const [oh, ow] = [(h + before - kh) / stride, (w + before - kw) / stride];
        if (![oh, ow].every((at) => Number.isInteger(at) && at >= 0 && at < output)) continue;
        for (let c = 0; c < outputs; c++) visit(n, oh, ow, kh, kw, input % inputs, group * outputs + c);
      }
  }
  return { sum, terms };
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

function unravel(index, shape) {
  return shape.map((size, axis) => Math.floor(index / count(shape.slice(axis + 1))) % size);
}
