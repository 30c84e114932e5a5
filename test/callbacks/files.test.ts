// Do callbacks write what can be read again?

import { appendFile, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Logs } from "../../bindings/callbacks/callback.ts";
import { crc32c } from "../../bindings/callbacks/eventFile.ts";
import { csvLogger, modelCheckpoint, tensorBoard } from "../../bindings/callbacks/index.ts";
import { loadModel } from "../../bindings/models/loading.ts";
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

test("checkpoints after every so many batches, counted on over epochs, with what is known then", async () => {
  const written: string[] = [];
  const write = (path: string) => void written.push(path);
  const model = classifier();
  const options = { ...quiet, epochs: 2, batchSize: 10, validationData: [x, y] } as const;
  const all = modelCheckpoint({ path: "{epoch}-{batch}", saveFreq: 4, write });
  await model.fit(x, y, { ...options, callbacks: [all] });
  expect(written).toEqual(["1-4", "2-2", "2-6"]);
  const seen: [number, number | undefined, string][] = [];
  const path = (epoch: number, logs: object, batch?: number): string => {
    seen.push([epoch, batch, Object.keys(logs).join()]);
    return "x";
  };
  const losses: number[] = [];
  const watch = { onBatchEnd: (_: number, { loss }: Logs) => void losses.push(loss as number) };
  const best = modelCheckpoint({ path, saveFreq: 1, saveBestOnly: true, monitor: "loss", write });
  await model.fit(x, y, { ...options, callbacks: [watch, best] });
  const better = losses.flatMap((loss, step) => (losses.slice(0, step).every((each) => loss < each) ? [step] : []));
  expect(seen.map(([epoch, batch]) => epoch * 6 + (batch as number))).toEqual(better);
  expect(seen[0]).toEqual([0, 0, "loss,accuracy"]);
  expect(() => modelCheckpoint({ path: "x", saveFreq: 5, saveBestOnly: true })).toThrow(
    'modelCheckpoint.monitor: expected a number that is there after 5 batches, received "valLoss"',
  );
  expect(() => modelCheckpoint({ path: "x", saveFreq: 0 })).toThrow("modelCheckpoint.saveFreq");
  expect(() => modelCheckpoint({ path: "x", saveFreq: 2, everyEpochs: 2 })).toThrow("modelCheckpoint.everyEpochs");
});

test("folders of checkpoints are made", async () => {
  await classifier().fit(x, y, {
    ...quiet,
    callbacks: [modelCheckpoint({ path: join(folder, "deep", "er", "model") })],
  });
  expect(await readdir(join(folder, "deep", "er"))).toEqual(["model"]);
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
  expect((await rows()).length).toBe(2);
});

test("rows are added to the table, which nobody reads or writes again; one that was torn off ends its line", async () => {
  const path = join(folder, "new", "log.csv");
  const model = classifier();
  // The table is empty from the beginning: a place that cannot be written is found before anything is trained.
  const note = { onEpochEnd: (epoch: number) => (epoch === 0 ? appendFile(path, "a note\n") : undefined) };
  await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [csvLogger({ path }), note] });
  const cells = async () => (await readFile(path, "utf8")).split("\n").map((row) => row.split(",")[0]);
  expect(await cells()).toEqual(["epoch", "0", "a note", "1", ""]);
  await appendFile(path, "2,0.3");
  await model.fit(x, y, { ...quiet, epochs: 3, initialEpoch: 2, callbacks: [csvLogger({ path, append: true })] });
  expect(await cells()).toEqual(["epoch", "0", "a note", "1", "2", "2", ""]);
  const before = model.getWeights();
  await expect(model.fit(x, y, { ...quiet, callbacks: [csvLogger({ path: join(path, "no") })] })).rejects.toThrow(
    "received a file of this name",
  );
  expect(model.getWeights()).toEqual(before);
  await appendFile(join(folder, "empty.csv"), "");
  await model.fit(x, y, { ...quiet, callbacks: [csvLogger({ path: join(folder, "empty.csv"), append: true })] });
  expect(await readFile(join(folder, "empty.csv"), "utf8")).toMatch(/^epoch,loss,accuracy\n0,/);
});

test("event files go elsewhere as a whole each time", async () => {
  const written: [string, number][] = [];
  const write = (path: string, bytes: Uint8Array) => void written.push([path, bytes.length]);
  await classifier().fit(x, y, { ...quiet, epochs: 2, callbacks: [tensorBoard({ logDir: "there", write })] });
  expect(new Set(written.map(([path]) => path)).size).toBe(1);
  const [first, second] = written.map(([, size]) => size) as [number, number];
  expect(second).toBeGreaterThan(first);
});

test("CRC-32C has its check value", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

test("event files hold the curves of training and validation", async () => {
  const logDir = join(folder, "board");
  const [inodes, sizes]: [Set<number>, number[]] = [new Set(), []];
  const inode = {
    onEpochEnd: async () => {
      const [name] = await readdir(join(logDir, "train"));
      const { ino, size } = await stat(join(logDir, "train", name as string));
      inodes.add(ino);
      sizes.push(size);
    },
  };
  const model = classifier();
  const history = await model.fit(x, y, {
    ...quiet,
    epochs: 2,
    validationData: [x, y],
    callbacks: [tensorBoard({ logDir, updateFreq: "batch", writeStepsPerSecond: true }), inode],
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
  expect(epochs[1]?.scalars.epoch_steps_per_second).toBeGreaterThan(0);
  expect([inodes.size, sizes.length], "added to, not replaced").toEqual([1, 2]);
  expect(sizes[1]).toBeGreaterThan(sizes[0] as number);
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
