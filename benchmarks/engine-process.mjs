// What does an engine do in its own process? One request a line comes in on standard input, one answer a line leaves on
// file descriptor 3, so that engines share neither heap nor compiler, and what a library prints disturbs nobody.
//
// Requests: start, prepareMatMul, prepareConvolution, preparePrediction, prepareVision, prepareVisionTraining,
// prepareTraining, time, epoch, accuracy. torch/engine.py speaks the same.

import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Inability } from "./inability.mjs";

/** @type {import("./engines/engine.d.ts").Engine} */
const engine = (await import(`./engines/${process.argv[2]}.mjs`)).engine;

/** @type {any} */
let job = null;

const answers = {
  async start({ threads }) {
    return (await engine.start({ threads })) ?? {};
  },

  async prepareMatMul({ product, a, b, result }) {
    job = await prepared("matMul", product, floats(a), floats(b));
    writeFileSync(result, bytes(await job.result()));
    return { repetitions: job.repetitions ?? 1 };
  },

  async prepareConvolution({ convolution, a, b, result }) {
    job = await prepared("convolution", convolution, floats(a), floats(b));
    writeFileSync(result, bytes(await job.result()));
    return { repetitions: job.repetitions ?? 1 };
  },

  async preparePrediction({ batchSize, weights, input, result }) {
    const arrays = weights.map(({ shape, path }) => ({ shape, values: floats(path) }));
    job = await prepared("prediction", { batchSize, weights: arrays, input: floats(input) });
    writeFileSync(result, bytes(await job.result()));
    return { repetitions: job.repetitions ?? 1 };
  },

  async prepareVision({ plan, weights, input, result }) {
    job = await prepared("vision", { plan, weights: arrays(weights), input: floats(input) });
    writeFileSync(result, bytes(await job.result()));
    return { repetitions: 1 };
  },

  /** Takes the first `steps`, whose losses are the result; one run of the job is one more. */
  async prepareVisionTraining({ steps, result, ...task }) {
    const { weights, input, labels } = task;
    const training = await prepared("visionTraining", {
      ...task,
      weights: arrays(weights),
      input: floats(input),
      labels: Int32Array.from(floats(labels)),
    });
    job = {
      async run(times) {
        for (let time = 0; time < times; time++) await training.step();
      },
      dispose: () => training.dispose?.(),
    };
    const losses = new Float32Array(steps);
    for (let step = 0; step < steps; step++) losses[step] = await training.step();
    writeFileSync(result, bytes(losses));
  },

  async preparePeak() {
    job = await prepared("peak");
    return { repetitions: 1, operations: job.operations };
  },

  async prepareTraining(task) {
    job = await prepared("training", task);
  },

  /** Milliseconds that `times` runs of the prepared job take. */
  async time({ times }) {
    const begin = performance.now();
    await job.run(times);
    return performance.now() - begin;
  },

  /** Seconds that one more epoch over the training images takes. */
  async epoch() {
    const begin = performance.now();
    await job.epoch();
    return (performance.now() - begin) / 1000;
  },

  async accuracy() {
    return await job.accuracy();
  },
};

async function prepared(kind, ...task) {
  await job?.dispose?.();
  job = null;
  return await engine[kind](...task);
}

function floats(path) {
  const file = readFileSync(path);
  return new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
}

/** The weights of each step of a plan. */
function arrays(weights) {
  return weights.map((list) => list.map(({ shape, path }) => ({ shape, values: floats(path) })));
}

function bytes(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { request, task } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await answers[request](task)) ?? null };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error), unable: error instanceof Inability };
  }
  writeSync(3, `${JSON.stringify(answer)}\n`);
}
process.exit(0);
