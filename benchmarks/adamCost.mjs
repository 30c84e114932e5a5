// How far is a step of Adam from what it takes at least? Its instruction in a training step, against the divisions and square
// roots alone and the passage of its arrays alone (kernels/adamBound.ts), interleaved: node benchmarks/adamCost.mjs

import { compileKernel } from "./compileKernel.mjs";
import { median } from "./report.mjs";
import { layers, sequential } from "./wasmgrad.mjs";

const rounds = 25;
const times = 20;
const pageBytes = 65_536;

/** Milliseconds of one call. */
function timed(run) {
  const begun = performance.now();
  for (let time = 0; time < times; time++) run();
  return (performance.now() - begun) / times;
}

const rows = [];
for (const hidden of [128, 1024]) {
  const model = sequential([
    layers.dense({ units: hidden, activation: "relu", inputShape: [784] }),
    layers.dense({ units: 64, activation: "relu" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy" });
  const weights = Math.ceil(model.countParams() / 8) * 8;
  const bytes = 4 * weights;
  const { divideAndRoot, stream } = await compileKernel("adamBound", Math.ceil((64 + 4 * bytes) / pageBytes));
  const samples = { adam: [], arithmetic: [], memory: [] };
  for (let round = -3; round < rounds; round++) {
    const { instructions } = model.explain({ mode: "train", batchSize: 32, profile: true });
    const steps = instructions.filter(({ op }) => op === "adam");
    if (steps.length === 0) throw new Error("the training step has no instruction named adam");
    const taken = {
      adam: steps.reduce((sum, { microseconds }) => sum + microseconds, 0),
      arithmetic: 1000 * timed(() => divideAndRoot(weights / 4, 0, 0.5)),
      memory: 1000 * timed(() => stream(bytes)),
    };
    if (round >= 0) for (const name of Object.keys(samples)) samples[name].push(taken[name]);
  }
  const [adam, arithmetic, memory] = [samples.adam, samples.arithmetic, samples.memory].map(median);
  const ratios = samples.adam.map((each, round) => each / Math.max(samples.arithmetic[round], samples.memory[round]));
  rows.push({
    weights,
    "adam µs": adam.toFixed(1),
    "divisions and roots µs": arithmetic.toFixed(1),
    "memory µs": memory.toFixed(1),
    "of the larger": median(ratios).toFixed(2),
  });
}
console.table(rows);
