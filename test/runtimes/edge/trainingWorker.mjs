// What of the whole package works in an isolate? Trains, measures, predicts, saves and loads, and answers with the results.

import { configure, engine, layers, loadModel, ops, saveProgram, sequential, setSeed, tensor } from "wasmgrad";
import { loadProgram } from "wasmgrad/inference";

/** The same in every runtime: one fit of several epochs, one step, and what comes out of it. */
export async function conform() {
  await configure({ threads: "auto" });
  setSeed(11);
  const rows = 500;
  const x = tensor(
    Float32Array.from({ length: rows * 6 }, (_, index) => ((index * 7919) % 101) / 50 - 1),
    [rows, 6],
  );
  const y = tensor(Int32Array.from({ length: rows }, (_, row) => (x.data[row * 6] > 0 ? 1 : 0)));
  const model = sequential([
    layers.dense({ units: 9, activation: "tanh", inputShape: [6] }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 2, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const history = await model.fit(x, y, { epochs: 6, batchSize: 8, verbose: 0, validationSplit: 0.2 });
  const step = model.trainOnBatch(x.slice(0, 16), y.slice(0, 16));
  const { accuracy } = await model.evaluate(x, y);
  const bytes = await model.save();
  const loaded = await loadModel(bytes);
  const program = loadProgram(await saveProgram(loaded));
  const some = x.slice(0, 5);
  return {
    loss: history.loss,
    step,
    accuracy,
    sum: ops.sum(some).item(),
    predicted: model.predict(some).array(),
    loaded: loaded.predict(some).array(),
    program: program.predict(some).array(),
    sameEngine: engine().usage.memoryBytes > 0,
    path: await model.save("model.safetensors").then(
      () => "written",
      (error) => error.message,
    ),
  };
}

export default {
  async fetch() {
    try {
      return Response.json(await conform());
    } catch (error) {
      return Response.json({ error: `${error.stack}` }, { status: 500 });
    }
  },
};
