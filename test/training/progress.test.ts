// What does a person see: the bar in a terminal, the lines elsewhere, the table of a model?

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Callback, ModelInTraining, Progress } from "../../bindings/callbacks/callback.ts";
import { formatNumber, progressBar, type Verbosity } from "../../bindings/callbacks/progress.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { model } from "../../bindings/models/functional.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { zeros } from "../../bindings/tensor.ts";
import { classifier, samples } from "./problem.ts";

let now = 0;
beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The bar does nothing with the model. */
const nobody = {} as ModelInTraining;

/** What a fit of 200 steps an epoch would write, told of every 50 steps, a tenth of a second apart. */
async function written(verbosity: Verbosity, interactive: boolean, columns = 100): Promise<string[]> {
  const texts: string[] = [];
  const bar: Callback = progressBar(verbosity, { interactive, columns, write: (text) => texts.push(text) });
  const logs = { loss: 0.51234, accuracy: 0.875 };
  const progress = (mode: Progress["mode"], done: number): void => {
    now += 100;
    bar.onProgress?.({ mode, done, total: 200, logs: () => logs });
  };
  await bar.onTrainBegin?.({ epochs: 12, initialEpoch: 2, steps: 200, batchSize: 32, samples: 6400 }, nobody);
  await bar.onEpochBegin?.(2);
  for (const done of [50, 100, 150, 200]) progress("train", done);
  progress("test", 200);
  await bar.onEpochEnd?.(2, { ...logs, valLoss: 0.00012 });
  await bar.onTrainEnd?.();
  return texts;
}

test("a terminal shows a bar that grows, with the time left, and keeps one line an epoch", async () => {
  const texts = await written("auto", true);
  expect(texts[0]).toBe("Epoch 3/12\n");
  expect(texts.slice(1, 5).map((text) => text.trimEnd())).toEqual([
    "\r 50/200 ━━━━━━────────────────── 0.3s left - 500 steps/s - loss: 0.5123 - accuracy: 0.8750",
    "\r100/200 ━━━━━━━━━━━━──────────── 0.2s left - 500 steps/s - loss: 0.5123 - accuracy: 0.8750",
    "\r150/200 ━━━━━━━━━━━━━━━━━━────── 0.1s left - 500 steps/s - loss: 0.5123 - accuracy: 0.8750",
    "\r200/200 ━━━━━━━━━━━━━━━━━━━━━━━━ 0.0s left - 500 steps/s - loss: 0.5123 - accuracy: 0.8750",
  ]);
  expect(texts.at(-1)).toMatch(
    /^\r200\/200 ━{24} 0\.5s - 500 steps\/s - loss: 0\.5123 - accuracy: 0\.8750 - valLoss: 1\.2000e-4\n$/,
  );
  // Every line fills the width, so that it covers what stood there, and none is longer, so that none wraps.
  for (const text of texts.slice(1, 5)) expect(text.replace(/[\r\n]/g, "").length).toBe(99);
});

test("a bar that stays unfinished, because training was stopped, gets its line break", async () => {
  const texts: string[] = [];
  const bar = progressBar(1, { interactive: true, columns: 80, write: (text) => texts.push(text) });
  await bar.onTrainBegin?.({ epochs: 1, initialEpoch: 0, steps: 9, batchSize: 1, samples: 9 }, nobody);
  await bar.onEpochBegin?.(0);
  now += 100;
  bar.onProgress?.({ mode: "train", done: 3, total: 9, logs: () => ({ loss: 1 }) });
  await bar.onTrainEnd?.();
  expect(texts.at(-1)).toBe("\n");
});

test("a narrow terminal cuts the lines that are drawn over, but not what stays", async () => {
  const texts = await written(1, true, 40);
  for (const text of texts.slice(1, -1)) expect(text.replace(/[\r\n]/g, "").length).toBe(39);
  expect(texts.at(-1)).toMatch(/valLoss: 1\.2000e-4\n$/);
});

test("elsewhere, and when asked, there is one line an epoch; or nothing", async () => {
  const line = "Epoch 3/12 - 200 steps - 0.5s - 500 steps/s - loss: 0.5123 - accuracy: 0.8750 - valLoss: 1.2000e-4\n";
  expect(await written("auto", false)).toEqual([line]);
  expect(await written(1, false)).toEqual([line]);
  expect(await written(2, true)).toEqual([line]);
  expect(await written(0, true)).toEqual([]);
});

test("fit writes to standard output what verbose says", async () => {
  vi.restoreAllMocks();
  const write = vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const { x, y } = samples(10);
  const network = classifier();
  await network.fit(x, y, { verbose: 2, epochs: 2 });
  const lines = write.mock.calls.map(([text]) => String(text));
  await network.fit(x, y, { verbose: 0 });
  expect(write.mock.calls.length).toBe(lines.length);
  write.mockRestore();
  expect(lines.length).toBe(2);
  expect(lines[0]).toMatch(/^Epoch 1\/2 - 1 steps - \d.*s - .* steps\/s - loss: \d\.\d{4} - accuracy: \d\.\d{4}\n$/);
});

test("numbers keep four digits, small and large ones as powers of ten", () => {
  expect([0, 0.5, 12.34567, 0.00012, 123456.7, -0.0001].map(formatNumber)).toEqual([
    "0.0000",
    "0.5000",
    "12.3457",
    "1.2000e-4",
    "1.2346e+5",
    "-1.0000e-4",
  ]);
});

test("the summary of a sequential model", () => {
  vi.restoreAllMocks();
  const network = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense({ units: 128, activation: "relu" }),
    layers.dense({ units: 10, name: "digits", trainable: false }),
  ]);
  const printed: string[] = [];
  expect(network.summary({ print: (text) => printed.push(text) })).toBe(printed[0]);
  expect(printed[0]?.split("\n")).toEqual([
    'Model: "sequential"',
    "┏━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┓",
    "┃ Layer (type)      ┃ Output Shape ┃ Param # ┃",
    "┡━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━┩",
    "│ flatten (Flatten) │ (None, 784)  │       0 │",
    "├───────────────────┼──────────────┼─────────┤",
    "│ dense (Dense)     │ (None, 128)  │ 100,480 │",
    "├───────────────────┼──────────────┼─────────┤",
    "│ digits (Dense)    │ (None, 10)   │   1,290 │",
    "└───────────────────┴──────────────┴─────────┘",
    " Total params: 101,770 (398 KiB)",
    " Trainable params: 100,480 (393 KiB)",
    " Non-trainable params: 1,290 (5.04 KiB)",
  ]);
  network.compile({ optimizer: "adam", loss: "mse" });
  network.trainOnBatch(zeros([1, 28, 28]), zeros([1, 10]));
  expect(network.summary({ print: () => {} })).toMatch(/Optimizer params: 200,962 \(785 KiB\)$/);
});

test("the summary of connected layers tells what each is connected to", () => {
  const [a, b] = [input({ shape: [3], name: "a" }), input({ shape: [4], name: "b" })];
  const shared = layers.dense({ units: 2, name: "shared" });
  const twice = shared.apply(shared.apply(layers.dense({ units: 2 }).apply(a)));
  const outputs = layers.add().apply([twice, layers.dense({ units: 2 }).apply(b)]);
  const network = model({ inputs: { a, b }, outputs, name: "both" });
  expect(network.summary({ print: () => {} }).split("\n")).toEqual([
    'Model: "both"',
    "┏━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓",
    "┃ Layer (type)    ┃ Output Shape ┃ Param # ┃ Connected to    ┃",
    "┡━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩",
    "│ a (InputLayer)  │ (None, 3)    │       0 │ -               │",
    "├─────────────────┼──────────────┼─────────┼─────────────────┤",
    "│ b (InputLayer)  │ (None, 4)    │       0 │ -               │",
    "├─────────────────┼──────────────┼─────────┼─────────────────┤",
    "│ dense (Dense)   │ (None, 2)    │       8 │ a               │",
    "├─────────────────┼──────────────┼─────────┼─────────────────┤",
    "│ shared (Dense)  │ (None, 2)    │       6 │ dense           │",
    "├─────────────────┼──────────────┼─────────┼─────────────────┤",
    "│ shared (Dense)  │ (None, 2)    │       6 │ shared          │",
    "├─────────────────┼──────────────┼─────────┼─────────────────┤",
    "│ dense_1 (Dense) │ (None, 2)    │      10 │ b               │",
    "├─────────────────┼──────────────┼─────────┼─────────────────┤",
    "│ add (Add)       │ (None, 2)    │       0 │ shared, dense_1 │",
    "└─────────────────┴──────────────┴─────────┴─────────────────┘",
    " Total params: 24 (96 B)",
    " Trainable params: 24 (96 B)",
    " Non-trainable params: 0 (0 B)",
  ]);
});
