// What does an engine do in its own process? One request a line comes in on standard input, one answer a line leaves on
// file descriptor 3, so that engines share neither heap nor compiler, and what a library prints disturbs nobody.
//
// Requests: start, prepareMatMul, prepareConvolution, preparePrediction,
// prepareVision, prepareTraining, time, epoch, accuracy. torch/engine.py speaks the same.

import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

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

  async prepareVision({ network, weights, input, result }) {
    const arrays = weights.map(({ shape, path }) => ({ shape, values: floats(path) }));
    job = await prepared("vision", { network, weights: arrays, input: floats(input) });
    writeFileSync(result, bytes(await job.result()));
    return { repetitions: 1 };
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

function bytes(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { request, task } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await answers[request](task)) ?? null };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  writeSync(3, `${JSON.stringify(answer)}\n`);
}
process.exit(0);
