// Does training go on after a crash with the same bits, after an epoch or within one?

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Callback } from "../../bindings/callbacks/callback.ts";
import { backupAndRestore, learningRateScheduler } from "../../bindings/callbacks/index.ts";
import { type Dataset, fromArrays } from "../../bindings/data/index.ts";
import * as ops from "../../bindings/ops/index.ts";
import { setSeed } from "../../bindings/seed.ts";
import type { Tensor } from "../../bindings/tensor.ts";
import { classifier, samples } from "../training/problem.ts";

const { x, y } = samples(60);
const quiet = { verbose: 0 } as const;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmgrad-callbacks-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("training that was killed goes on from its backup with the same bits", async () => {
  const path = join(folder, "backup.safetensors");
  const options = { ...quiet, epochs: 5, validationData: [x, y] } as const;
  const whole = classifier();
  const history = await whole.fit(x, y, options);
  const killed = classifier();
  const crash = {
    onEpochEnd: (epoch: number) => {
      if (epoch === 2) throw new Error("killed");
    },
  };
  // The third epoch is backed up, then the process dies.
  await expect(killed.fit(x, y, { ...options, callbacks: [backupAndRestore({ path }), crash] })).rejects.toThrow(
    "killed",
  );
  const again = classifier();
  const rest = await again.fit(x, y, { ...options, callbacks: [backupAndRestore({ path })] });
  expect(rest.epoch).toEqual([3, 4]);
  expect(rest.valLoss).toEqual(history.valLoss.slice(3));
  expect(again.getWeights()).toEqual(whole.getWeights());
  expect(await readdir(folder)).not.toContain("backup.safetensors");
});

describe("training that was killed within an epoch goes on with the same bits", () => {
  const path = () => join(folder, "within.safetensors");
  const batches = fromArrays(x, y).shuffle(60, 4).batch(8) as Dataset<readonly [Tensor, Tensor]>;
  const many = fromArrays(x, y).shuffle(60, 4).batch(1) as typeof batches;
  type Run = (model: ReturnType<typeof classifier>, callbacks: readonly Callback[]) => Promise<Record<string, unknown>>;
  const cases: [string, Run, number, number][] = [
    // what is trained, after how many batches it is backed up, in which step it dies
    ["arrays", (model, callbacks) => model.fit(x, y, { ...options, batchSize: 8, callbacks }), 3, 19],
    ["arrays, in order", (model, callbacks) => model.fit(x, y, { ...options, shuffle: false, callbacks }), 1, 3],
    [
      "arrays, stepsPerEpoch",
      (model, callbacks) => model.fit(x, y, { ...options, batchSize: 8, stepsPerEpoch: 5, callbacks }),
      4,
      13,
    ],
    ["a dataset", (model, callbacks) => model.fit(batches, { ...options, callbacks }), 3, 12],
    ["a dataset, at the end of a pass", (model, callbacks) => model.fit(batches, { ...options, callbacks }), 8, 9],
    [
      "a dataset, stepsPerEpoch",
      (model, callbacks) => model.fit(batches, { ...options, stepsPerEpoch: 6, callbacks }),
      5,
      17,
    ],
    [
      "an endless dataset",
      (model, callbacks) => model.fit(many.repeat(), { ...options, stepsPerEpoch: 50, callbacks }),
      30,
      140,
    ],
  ];
  const options = { ...quiet, epochs: 4, validationData: [x, y] } as const;
  // Sets the rate from the rate so far: once for each epoch, also for that in which training died.
  const slower = () => learningRateScheduler((_, rate) => rate * 0.5);

  test.each(cases)("%s", async (_, run, saveFreq, dies) => {
    const whole = classifier();
    const history = await run(whole, [slower()]);
    let step = 0;
    const crash: Callback = {
      onBatchEnd: () => {
        if (++step === dies) throw new Error("killed");
      },
    };
    const backup = () => backupAndRestore({ path: path(), saveFreq });
    await expect(run(classifier(), [slower(), backup(), crash])).rejects.toThrow("killed");
    const seen: number[] = [];
    const watch: Callback = { onBatchEnd: (batch) => void seen.push(batch) };
    const again = classifier();
    const rest = await run(again, [slower(), backup(), watch]);
    expect(again.getWeights()).toEqual(whole.getWeights());
    for (const name of ["epoch", "loss", "accuracy", "valLoss"])
      expect(rest[name]).toEqual((history[name] as number[]).slice(-(rest[name] as number[]).length));
    const steps = whole.trainer.state.iteration.value.item();
    expect(seen.length, "steps that are done again").toBe(steps - Math.floor(dies / saveFreq) * saveFreq);
    expect(again.trainer.epochs).toBe(whole.trainer.epochs);
    expect(await readdir(folder)).not.toContain("within.safetensors");
  });

  test("killed twice, and while validation data are measured", async () => {
    const run: Run = (model, callbacks) => model.fit(batches, { ...options, stepsPerEpoch: 6, callbacks });
    const whole = classifier();
    await run(whole, []);
    const backup = () => backupAndRestore({ path: path(), saveFreq: 3 });
    const killed = (when: Callback) => run(classifier(), [backup(), when]);
    const die = (): never => {
      throw new Error("killed");
    };
    await expect(killed({ onTestBegin: die })).rejects.toThrow("killed");
    let step = 0;
    await expect(killed({ onBatchEnd: () => void (++step === 8 && die()) })).rejects.toThrow("killed");
    const again = classifier();
    expect((await run(again, [backup()])).epoch).toEqual([1, 2, 3]);
    expect(again.getWeights()).toEqual(whole.getWeights());
  });

  test("a model with a loss that is a function", async () => {
    const own = (): ReturnType<typeof classifier> =>
      classifier().compile({
        optimizer: "adam",
        loss: (yTrue, yPred) => ops.mean(ops.square(ops.subtract(ops.oneHot(yTrue, 3), yPred)), -1),
        metrics: ["accuracy"],
      }) as never;
    setSeed(3);
    const whole = own();
    await whole.fit(x, y, options);
    setSeed(3);
    const first = own();
    const crash = { onEpochEnd: (epoch: number) => (epoch === 2 ? Promise.reject(new Error("killed")) : undefined) };
    const backup = () => backupAndRestore({ path: path() });
    await expect(first.fit(x, y, { ...options, callbacks: [backup(), crash] })).rejects.toThrow("killed");
    // The same model in the same process, too.
    expect((await first.fit(x, y, { ...options, callbacks: [backup()] })).epoch).toEqual([3]);
    expect(first.getWeights()).toEqual(whole.getWeights());
  });

  test("other batches, fewer batches, another file are errors, and the backup stays", async () => {
    const keep = () => backupAndRestore({ path: path(), saveFreq: 3, deleteCheckpoint: false });
    await classifier().fit(batches, { ...quiet, epochs: 1, callbacks: [keep()] });
    const again = { ...quiet, epochs: 2, callbacks: [keep()] };
    const wrong: [() => Promise<unknown>, string][] = [
      [() => classifier().fit(x, y, { ...again, batchSize: 7 }), "expected batches of 8"],
      [() => classifier().fit(batches, { ...again, stepsPerEpoch: 9 }), "received batches of 8, stepsPerEpoch 9"],
      [() => classifier().fit(batches.take(5), again), "fit: expected at least 6 batches, as before the interruption"],
    ];
    for (const [call, message] of wrong) await expect(call()).rejects.toThrow(message);
    await classifier().save(path());
    await expect(classifier().fit(batches, again)).rejects.toThrow(
      "expected a backup of training, received a saved model",
    );
    await rm(path());
    for (const saveFreq of [0, 1.5, "batch", false])
      expect(() => backupAndRestore({ path: "x", saveFreq: saveFreq as never })).toThrow("backupAndRestore.saveFreq");
    expect(() => backupAndRestore({ path: "x", saveFreq: 3, everyEpochs: 2 })).toThrow("backupAndRestore.everyEpochs");
  });
});

test("the backup of a model that is compiled otherwise is refused", async () => {
  const path = join(folder, "other.safetensors");
  await classifier({ optimizer: "sgd" }).fit(x, y, {
    ...quiet,
    callbacks: [backupAndRestore({ path, deleteCheckpoint: false })],
  });
  await expect(classifier().fit(x, y, { ...quiet, callbacks: [backupAndRestore({ path })] })).rejects.toThrow(
    "compiled alike",
  );
});
