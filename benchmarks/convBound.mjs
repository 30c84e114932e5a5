// How far are convolutions that do little with each number from what they take at least? Depthwise ones and first layers,
// against their multiplications and additions at the peak of 128-bit SIMD (kernels/peak.ts) and the passage of their
// operands alone (kernels/passage.ts), the larger of the two, in turns: node benchmarks/convBound.mjs [part of a title]

import { compileKernel } from "./compileKernel.mjs";
import { engine as peakEngine } from "./engines/simd-peak.mjs";
import { convolution } from "./engines/wasmgradVision.mjs";
import { uniform } from "./random.mjs";
import { median } from "./report.mjs";

const rounds = 15;
const milliseconds = 20;
const warmUp = 700;
const pageBytes = 65_536;
const [wanted = ""] = process.argv.slice(2);

/** Batch, size of the square image, channels in and out, stride; "same" padding, 3 × 3 taps. */
const layers = [
  { title: "first 1 → 32", batch: 128, size: 28, cin: 1, cout: 32, stride: 1 },
  { title: "first 3 → 32, stride 2", batch: 1, size: 224, cin: 3, cout: 32, stride: 2 },
  ...[
    [32, 28, 128, 1],
    [1, 112, 32, 1],
    [1, 112, 64, 2],
    [1, 56, 128, 1],
    [1, 56, 128, 2],
    [1, 28, 256, 1],
    [1, 28, 256, 2],
    [1, 14, 512, 1],
    [1, 14, 512, 2],
    [1, 7, 1024, 1],
  ].map(([batch, size, channels, stride]) => ({
    title: `depthwise ${batch} × ${size} × ${size} × ${channels}, stride ${stride}`,
    ...{ batch, size, cin: channels, cout: channels, stride, groups: channels },
  })),
];

/** Milliseconds of one run, of as many as fill a measurement. */
function timed(run, times) {
  const begun = performance.now();
  run(times);
  return (performance.now() - begun) / times;
}

/** How many runs fill a measurement, after the warm-up. */
function timesOf(run) {
  const begun = performance.now();
  let times = 0;
  while (performance.now() - begun < warmUp) {
    run(1);
    times++;
  }
  return Math.max(1, Math.round((milliseconds * times) / warmUp));
}

const count = (shape) => shape.reduce((size, each) => size * each, 1);
const whole = (shapes) => Math.ceil(shapes.reduce((sum, shape) => sum + 4 * count(shape), 0) / 64) * 64;
const peak = await peakEngine.peak();

const rows = [];
for (const { title, batch, size, cin, cout, stride, groups = 1 } of layers.filter(({ title: each }) =>
  each.includes(wanted),
)) {
  const output = Math.ceil(size / stride);
  const padding = Math.max(0, (output - 1) * stride + 3 - size);
  const before = Math.floor(padding / 2);
  const shapes = {
    x: [batch, size, size, cin],
    kernel: [3, 3, cin / groups, cout],
    dy: [batch, output, output, cout],
  };
  const axis = [before, padding - before];
  const options = { strides: [stride, stride], dilations: [1, 1], padding: [axis, axis], groups };
  const work = 2 * count(shapes.dy) * 9 * (cin / groups);
  for (const [direction, operands, result] of [
    ["forward", ["x", "kernel"], "dy"],
    ["input", ["dy", "kernel"], "x"],
    ["kernel", ["x", "dy"], "kernel"],
  ]) {
    const [first, second] = operands.map((name, index) => uniform(count(shapes[name]), -1, 1, index + 1));
    const { run, dispose } = convolution({ direction, shapes, options }, first, second);
    const [read, written] = [whole(operands.map((name) => shapes[name])), whole([shapes[result]])];
    const { prepare, passage } = await compileKernel("passage", Math.ceil((64 + read + written) / pageBytes));
    prepare(read + written);
    const jobs = {
      conv: run,
      passage: (times) => {
        for (let time = 0; time < times; time++) passage(read, written);
      },
      peak: (times) => peak.run(times),
    };
    const times = Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, timesOf(job)]));
    const samples = { conv: [], passage: [], peak: [] };
    for (let round = 0; round < rounds; round++)
      for (const [name, job] of Object.entries(jobs)) samples[name].push(timed(job, times[name]));
    dispose();
    const arithmetic = samples.peak.map((each) => (each * work) / peak.operations);
    const bounds = arithmetic.map((each, round) => Math.max(each, samples.passage[round]));
    const least = (values) => Math.min(...values);
    rows.push({
      convolution: title,
      direction,
      µs: (1000 * median(samples.conv)).toFixed(0),
      "arithmetic µs": (1000 * median(arithmetic)).toFixed(0),
      "memory µs": (1000 * median(samples.passage)).toFixed(0),
      "of the bound": `${(100 * median(bounds.map((each, round) => each / samples.conv[round]))).toFixed(0)} %`,
      "least of least": `${((100 * Math.max(least(arithmetic), least(samples.passage))) / least(samples.conv)).toFixed(0)} %`,
    });
  }
}
console.table(rows);
