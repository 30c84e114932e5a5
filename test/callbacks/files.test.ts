// Do callbacks write what can be read again, and does training go on after a crash with the same bits?

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Callback } from "../../bindings/callbacks/callback.ts";
import { crc32c } from "../../bindings/callbacks/eventFile.ts";
import {
  backupAndRestore,
  csvLogger,
  learningRateScheduler,
  modelCheckpoint,
  tensorBoard,
} from "../../bindings/callbacks/index.ts";
import { type Dataset, fromArrays } from "../../bindings/data/index.ts";
import { loadModel } from "../../bindings/models/loading.ts";
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

test("checkpoints of every second epoch, named by epoch and loss, are models that can be loaded", async () => {
  const model = classifier();
  const path = join(folder, "at-{epoch}-{loss}.safetensors");
  const history = await model.fit(x, y, {
    ...quiet,
    epochs: 4,
    callbacks: [modelCheckpoint({ path, everyEpochs: 2 })],
  });
  const names = (await readdir(folder)).filter((name) => name.startsWith("at-"));
  expect(names).toEqual([1, 3].map((epoch) => `at-${epoch + 1}-${history.loss[epoch]?.toFixed(4)}.safetensors`));
  const loaded = await loadModel(join(folder, names[1] as string));
  expect(loaded.getWeights()).toEqual(model.getWeights());
});

test("only the best is kept, and may go elsewhere than to a file", async () => {
  const written: [string, Uint8Array][] = [];
  const write = (path: string, bytes: Uint8Array) => void written.push([path, bytes]);
  const callback = modelCheckpoint({ path: (epoch) => `best ${epoch}`, monitor: "loss", saveBestOnly: true, write });
  const model = classifier();
  await callback.onTrainBegin?.({} as never, { save: (options: object) => model.save(undefined, options) } as never);
  for (const [epoch, loss] of [3, 2, 4, 1].entries()) await callback.onEpochEnd?.(epoch, { loss });
  expect(written.map(([path]) => path)).toEqual(["best 0", "best 1", "best 3"]);
  expect((await loadModel(written[0]?.[1] as Uint8Array)).getWeights()).toEqual(model.getWeights());
  expect(() => modelCheckpoint({} as never)).toThrow("modelCheckpoint.path");
  const unknown = modelCheckpoint({ path: "{los}", write });
  await unknown.onTrainBegin?.({} as never, { save: async () => new Uint8Array() } as never);
  await expect(unknown.onEpochEnd?.(0, { loss: 1 })).rejects.toThrow("{epoch} or one of loss, received {los}");
});

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

test("a table of all epochs, replaced or continued", async () => {
  const path = join(folder, "log.csv");
  const model = classifier();
  const history = await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [csvLogger({ path })] });
  const rows = async () => (await readFile(path, "utf8")).trim().split("\n");
  expect(await rows()).toEqual([
    "epoch,loss,accuracy",
    ...[0, 1].map((epoch) => `${epoch},${history.loss[epoch]},${history.accuracy[epoch]}`),
  ]);
  await model.fit(x, y, { ...quiet, epochs: 3, initialEpoch: 2, callbacks: [csvLogger({ path, append: true })] });
  expect((await rows()).map((row) => row.split(",")[0])).toEqual(["epoch", "0", "1", "2"]);
  await model.fit(x, y, { ...quiet, callbacks: [csvLogger({ path, separator: ";" })] });
  expect((await rows())[0]).toBe("epoch;loss;accuracy");
});

test("CRC-32C has its check value", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

test("event files hold the curves of training and validation", async () => {
  const logDir = join(folder, "board");
  const model = classifier();
  const history = await model.fit(x, y, {
    ...quiet,
    epochs: 2,
    validationData: [x, y],
    callbacks: [tensorBoard({ logDir, everyBatches: 1 })],
  });
  const read = async (run: string) => {
    const [name] = await readdir(join(logDir, run));
    expect(name).toMatch(/^events\.out\.tfevents\.\d+\./);
    return events(await readFile(join(logDir, run, name as string)));
  };
  const [first, ...train] = await read("train");
  expect(first?.version).toBe("brain.Event:2");
  const epochs = train.filter(({ scalars }) => "epoch_loss" in scalars);
  expect(epochs.map(({ step }) => step)).toEqual([0, 1]);
  expect(epochs.map(({ scalars }) => scalars.epoch_loss)).toEqual(history.loss.map(Math.fround));
  expect(epochs[0]?.scalars.epoch_learning_rate).toBe(Math.fround(0.001));
  expect(train.filter(({ scalars }) => "batch_loss" in scalars).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  const validation = (await read("validation")).slice(1);
  expect(validation.map(({ scalars }) => scalars.epoch_accuracy)).toEqual(history.valAccuracy.map(Math.fround));
});

interface Event {
  version: string;
  step: number;
  readonly scalars: Record<string, number>;
}

/** Reads an event file by the rules of TFRecord and protocol buffers. */
function events(file: Buffer): Event[] {
  const found: Event[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    const unmasked = (place: number) => {
      const turned = (file.readUInt32LE(place) - 0xa282ead8) >>> 0;
      return ((turned >>> 17) | (turned << 15)) >>> 0;
    };
    expect(unmasked(at + 8)).toBe(crc32c(file.subarray(at, at + 8)));
    expect(unmasked(at + 12 + length)).toBe(crc32c(data));
    const event: Event = { version: "", step: 0, scalars: {} };
    for (const { field, value } of fields(data)) {
      if (field === 1) expect(Math.abs((value as Buffer).readDoubleLE() - Date.now() / 1000)).toBeLessThan(600);
      if (field === 2) event.step = value as number;
      if (field === 3) event.version = String(value);
      if (field === 5)
        for (const { value: one } of fields(value as Buffer)) {
          const [tag, number] = fields(one as Buffer);
          event.scalars[String(tag?.value)] = (number as { value: Buffer }).value.readFloatLE();
        }
    }
    found.push(event);
    at += length + 16;
  }
  return found;
}

function fields(data: Buffer): { readonly field: number; readonly value: number | Buffer }[] {
  const found: { readonly field: number; readonly value: number | Buffer }[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (; (data[at] as number) > 127; at++, factor *= 128) value += ((data[at] as number) - 128) * factor;
    return value + (data[at++] as number) * factor;
  };
  while (at < data.length) {
    const key = varint();
    const kind = key & 7;
    if (kind === 0) found.push({ field: key >> 3, value: varint() });
    else {
      const length = kind === 1 ? 8 : kind === 5 ? 4 : varint();
      found.push({ field: key >> 3, value: data.subarray(at, at + length) });
      at += length;
    }
  }
  return found;
}
