// Are the options of callbacks those of Keras, and mistyped ones errors?

import { afterEach, expect, test, vi } from "vitest";
import type { Progress } from "../../bindings/callbacks/callback.ts";
import {
  backupAndRestore,
  csvLogger,
  earlyStopping,
  lambdaCallback,
  learningRateScheduler,
  modelCheckpoint,
  reduceLROnPlateau,
  swapEMAWeights,
  tensorBoard,
  terminateOnNaN,
} from "../../bindings/callbacks/index.ts";
import { fromArrays } from "../../bindings/data/index.ts";
import { classifier, samples } from "../training/problem.ts";

const { x, y } = samples(60);
afterEach(() => void vi.restoreAllMocks());

/** Each callback with the options of Keras in camelCase; where and what to write have names of ours. */
const callbacks: Readonly<Record<string, (more: object) => unknown>> = {
  backupAndRestore: (more) => backupAndRestore({ path: "x", saveFreq: 3, deleteCheckpoint: true, ...more }),
  csvLogger: (more) => csvLogger({ path: "x", separator: ";", append: true, ...more }),
  earlyStopping: (more) =>
    earlyStopping({
      monitor: "valLoss",
      minDelta: 0.1,
      patience: 2,
      verbose: 1,
      mode: "min",
      baseline: 1,
      restoreBestWeights: true,
      startFromEpoch: 1,
      ...more,
    }),
  lambdaCallback: (more) => lambdaCallback({ onEpochBegin: () => {}, ...more }),
  learningRateScheduler: (more) => learningRateScheduler((_, rate) => rate, { verbose: 1, ...more }),
  modelCheckpoint: (more) =>
    modelCheckpoint({
      path: "x",
      monitor: "loss",
      verbose: 1,
      saveBestOnly: true,
      mode: "auto",
      saveFreq: 10,
      initialValueThreshold: 1,
      ...more,
    }),
  reduceLROnPlateau: (more) =>
    reduceLROnPlateau({
      monitor: "loss",
      factor: 0.5,
      patience: 1,
      verbose: 1,
      mode: "min",
      minDelta: 0,
      cooldown: 1,
      minLr: 1e-6,
      ...more,
    }),
  swapEMAWeights: (more) => swapEMAWeights({ swapOnEpoch: true, ...more }),
  tensorBoard: (more) => tensorBoard({ logDir: "x", updateFreq: 100, writeStepsPerSecond: true, ...more }),
  terminateOnNaN: (more) => terminateOnNaN({ report: () => {}, ...more }),
};

test.each(Object.keys(callbacks))("%s takes them, and no other", (name) => {
  const make = callbacks[name] as (more: object) => unknown;
  expect(make({})).toBeTypeOf("object");
  expect(() => make({ patiense: 3 })).toThrow(/"patiense"/);
});

test.each<[string, object, string]>([
  ["earlyStopping", { verbose: true }, "earlyStopping.verbose: expected 0 or 1, received true"],
  ["modelCheckpoint", { write: "x" }, "modelCheckpoint.write: expected a function"],
  ["tensorBoard", { write: 1 }, "tensorBoard.write: expected a function"],
  ["tensorBoard", { updateFreq: "epochs" }, 'tensorBoard.updateFreq: expected "epoch", "batch" or a number of batches'],
  ["terminateOnNaN", { report: 1 }, "terminateOnNaN.report: expected a function"],
  ["csvLogger", { separator: "" }, "csvLogger.separator: expected text"],
])("%s with %o", (name, more, message) => {
  expect(() => callbacks[name]?.(more)).toThrow(message);
});

test("verbose says what is done", async () => {
  const written: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  const write = (): void => {};
  await classifier().fit(x, y, {
    verbose: 0,
    epochs: 3,
    callbacks: [
      learningRateScheduler((epoch) => (epoch === 0 ? 0.01 : 0), { verbose: 1 }),
      modelCheckpoint({
        path: "best-{epoch}",
        monitor: "accuracy",
        mode: "min",
        saveBestOnly: true,
        verbose: 1,
        write,
      }),
      modelCheckpoint({ path: "batch-{batch}", saveFreq: 3, verbose: 1, write }),
      earlyStopping({ monitor: "accuracy", mode: "min", patience: 1, restoreBestWeights: true, verbose: 1 }),
    ],
  });
  vi.restoreAllMocks();
  const said = written.join("");
  expect(said).toMatch(
    /^Epoch 1: learning rate set to 0.01\nEpoch 1: accuracy improved to 0\.\d{4}\nEpoch 1: saved best-1\n/,
  );
  expect(said).toMatch(/Epoch 2: accuracy did not improve from 0\.\d{4}\n/);
  expect(said).toContain("Epoch 2: saved batch-1\n");
  expect(said).toMatch(/Epoch 2: training stopped early\nEpoch 1: the best one, its weights are put back\n$/);
});

test("functions of callbacks that nobody would call are errors", async () => {
  class Watcher {
    onTrainBatchEnd(): void {}
  }
  class Fine {
    once = 1;
    on(): void {}
    onEpochEnd(): void {}
  }
  for (const [callback, name] of [
    [{ onEpochEnded: () => {} }, "onEpochEnded"],
    [{ on_epoch_end: () => {} }, "on_epoch_end"],
    [new Watcher(), "onTrainBatchEnd"],
  ] as const)
    await expect(classifier().fit(x, y, { verbose: 0, callbacks: [callback as never] })).rejects.toThrow(
      new RegExp(`sequential.fit.callbacks: expected the name of a function of callbacks .*received "${name}"`),
    );
  await classifier().fit(x, y, { verbose: 0, callbacks: [new Fine()] });
});

test("validationBatchSize", async () => {
  const steps: number[] = [];
  const onProgress = ({ mode, total }: Progress): void => void (mode === "test" && steps.push(total as number));
  const options = { verbose: 0, callbacks: [{ onProgress }], validationBatchSize: 7 } as const;
  const one = await classifier().fit(x, y, { ...options, validationData: [x, y] });
  const two = await classifier().fit(x, y, { verbose: 0, validationData: [x, y] });
  expect(steps.at(-1)).toBe(9);
  expect(one.valLoss[0]).toBeCloseTo(two.valLoss[0] as number, 5);
  await classifier().fit(x, y, { ...options, validationSplit: 0.5 });
  expect(steps.at(-1)).toBe(5);
  const dataset = fromArrays(x, y).batch(8);
  await expect(classifier().fit(x, y, { ...options, validationData: dataset })).rejects.toThrow(
    "fit.validationBatchSize: expected arrays to validate on, received a dataset",
  );
  await expect(classifier().fit(x, y, { ...options, validationBatchSize: 0 })).rejects.toThrow("validationBatchSize");
});
