// Uses models and operations again and again, and prints how much WebAssembly memory is in use: the child process of
// memory.test.ts, run with --expose-gc.

import { engine, layers, ops, sequential, tensor } from "wasmgrad";

const x = tensor(new Float32Array(32 * 100), [32, 100]);
const y = tensor(Int32Array.from({ length: 32 }, (_, row) => row % 10));

async function collected() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return engine().usage.usedBytes;
}

async function useModels(count) {
  for (let index = 0; index < count; index++) {
    const model = sequential([
      layers.dense({ units: 200, activation: "relu", inputShape: [100] }),
      layers.dense({ units: 10 }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, { verbose: 0 });
    if (index % 25 === 0) await collected();
  }
}

await useModels(10);
const fewModels = await collected();
await useModels(200);
const manyModels = await collected();

const model = sequential([layers.dense({ units: 50, inputShape: [100] })]);
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
const epochs = [];
await model.fit(x, y, {
  epochs: 10,
  verbose: 0,
  batchSize: 5,
  callbacks: [{ onEpochEnd: () => void epochs.push(engine().usage.usedBytes) }],
});

for (let index = 0; index < 300; index++) ops.add(tensor(new Float32Array((index % 300) + 1)), 1);
const beforeOps = await collected();
for (let index = 0; index < 20_000; index++) ops.multiply(ops.add(x, 1), 2);
for (let index = 0; index < 2_000; index++) ops.add(tensor(new Float32Array((index % 1000) + 1)), 1);
const afterOps = await collected();

console.log(JSON.stringify({ fewModels, manyModels, epochs, beforeOps, afterOps }));
