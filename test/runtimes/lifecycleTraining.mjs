// What do the lifecycle checks train? A small network on numbers that every machine computes alike.

import { configure, engine, layers, sequential, setSeed, tensor } from "wasmgrad";
import { digest, whileTimeStandsStill } from "./conformance.mjs";

/** `count` float32 in [0, 1): multiples of 2⁻²⁴. */
function numbers(count, seed) {
  return Float32Array.from({ length: count }, (_, index) => (Math.imul(index + 1, seed) >>> 8) / 2 ** 24);
}

const rows = 512;
const x = tensor(numbers(rows * 128, 0x9e3779b1), [rows, 128]);
const y = tensor(numbers(rows * 8, 0x85ebca6b), [rows, 8]);

/** A new network: 128 inputs, 8 outputs. */
export function makeNetwork(seed) {
  setSeed(seed);
  const network = sequential([
    layers.dense({ units: 256, activation: "relu", inputShape: [128] }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 128, activation: "tanh" }),
    layers.dense({ units: 8 }),
  ]);
  return network.compile({ optimizer: "adam", loss: "mse" });
}

/** Something to run: the predictions of all rows. */
export function predictAll(network) {
  return network.predict(x, { batchSize: 128 });
}

/** Trains a new network on `threads` threads. @returns the digest of its weights. */
export async function trainOnce(seed, threads, epochs = 5) {
  await configure({ threads });
  if (engine().threads !== threads) throw new Error(`threads: expected ${threads}, received ${engine().threads}`);
  const network = makeNetwork(seed);
  await whileTimeStandsStill(() => network.fit(x, y, { batchSize: 64, epochs, verbose: 0 }));
  const weights = await digest(network.getWeights());
  network.dispose();
  return weights;
}
