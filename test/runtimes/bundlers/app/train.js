// The small application that every bundler builds: it trains an MLP on generated data and reports what came out.

import { configure, engine, layers, sequential, setSeed } from "wasmgrad";

const samples = 512;
const features = 16;
const classes = 3;

/** Points in a cube; the class of each is the largest of three sums of its coordinates. Integers only, so always equal. */
export function makeData() {
  const x = new Float32Array(samples * features);
  const y = new Float32Array(samples * classes);
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  };
  for (let row = 0; row < samples; row++) {
    const sums = [0, 0, 0];
    for (let column = 0; column < features; column++) {
      const value = next();
      x[row * features + column] = value / 65536;
      sums[column % classes] += value;
    }
    y[row * classes + sums.indexOf(Math.max(...sums))] = 1;
  }
  const rows = (flat, width) => Array.from({ length: samples }, (_, row) => flat.slice(row * width, (row + 1) * width));
  return { x: rows(x, features).map((row) => [...row]), y: rows(y, classes).map((row) => [...row]) };
}

export async function hashOf(tensors) {
  const bytes = tensors.flatMap(({ data }) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The network before training, with the same weights at every call. */
export function makeModel() {
  setSeed(7);
  const model = sequential([
    layers.flatten({ inputShape: [features] }),
    layers.dense({ units: 32, activation: "relu" }),
    layers.dense({ units: classes, activation: "softmax" }),
  ]);
  return model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
}

/** What every training here is told. */
export const options = { batchSize: 32, epochs: 40, verbose: 0 };

async function train() {
  const threads = globalThis.wasmgradThreads ?? 1;
  if (threads > 1) await configure({ threads });
  const model = makeModel();
  const { x, y } = makeData();
  await model.fit(x, y, options);
  const { accuracy } = await model.evaluate(x, y);
  const predicted = await hashOf([model.predict(x)]);
  return { accuracy, predicted, hash: await hashOf(model.getWeights()), threads: engine().threads ?? 1 };
}

globalThis.wasmgradResult = train().catch((error) => ({ error: String(error?.stack ?? error) }));
