// Does a model that was saved as a program predict the same bits as the model itself, and refuse the same data?

import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import * as code from "../../assembly/opcodes.ts";
import { engine } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { type InferenceProgram, loadProgram } from "../../bindings/inference/index.ts";
import { inferenceBounds } from "../../bindings/inference/verifyProgram.ts";
import { glorotUniform } from "../../bindings/initializers.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { defineLayer, type Layer } from "../../bindings/layers/layer.ts";
import { model } from "../../bindings/models/functional.ts";
import type { Model } from "../../bindings/models/model.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { gather } from "../../bindings/ops/gather.ts";
import { mean } from "../../bindings/ops/reduce.ts";
import { setSeed } from "../../bindings/seed.ts";
import { type Tensor, type TensorLike, tensor } from "../../bindings/tensor.ts";
import { expectSameBits } from "../harness/compare.ts";
import { random } from "../layers/describeLayer.ts";
import { caught } from "./refusal.ts";

beforeEach(() => setSeed(5));

const classifier = (): Model =>
  sequential([
    layers.flatten({ inputShape: [5, 7] }),
    layers.dense({ units: 33, activation: "relu" }),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 17, activation: "tanh" }),
    layers.dense({ units: 10, activation: "softmax" }),
  ]);

/** Two named inputs, three outputs: one computed, one an input as it is, one of weights that both branches share. */
function siamese() {
  const inputs = { left: input({ shape: [4] }), right: input({ shape: [4] }) };
  const shared = layers.dense({ units: 3, activation: "gelu" });
  const difference = layers.subtract().apply([shared.apply(inputs.left), shared.apply(inputs.right)]);
  const outputs = { difference, copy: layers.reshape({ targetShape: [2, 2] }).apply(inputs.right) };
  return model({ inputs, outputs, name: "siamese" });
}

/** Looks up rows of a table of weights: an index out of range stops the program. */
const lookup: (options?: object) => Layer = defineLayer({
  className: "Lookup",
  fields: {},
  inputs: "one",
  weights: () => ({ table: { shape: [4, 3], initializer: glorotUniform() } }),
  call: (x, { weights }) => gather(weights.table as SymbolicTensor, x),
});

const words = (): Model =>
  sequential([
    layers.inputLayer({ shape: [2], dtype: "int32" }),
    lookup(),
    layers.flatten(),
    layers.dense({ units: 2 }),
  ]);

async function reloaded<I, O>(trained: Model<I, O>, batchSizes?: readonly number[]): Promise<InferenceProgram<I, O>> {
  return loadProgram<I, O>(await saveProgram(trained, undefined, batchSizes === undefined ? {} : { batchSizes }));
}

/** Its moving statistics give a factor for each channel, which no sample changes. */
const normalised = (): Model =>
  sequential([
    layers.batchNormalization({ inputShape: [5, 7], momentum: 0.5 }),
    layers.flatten(),
    layers.dense({ units: 3 }),
  ]);

test("what depends on weights alone is computed when the program is saved, once for all batch sizes", async () => {
  const trained = normalised();
  trained.setWeights(
    trained.getWeights().map(({ shape }, index) =>
      tensor(
        Float32Array.from(random(`weight ${index}`, shape).data, (value) => 0.5 + Math.abs(value)),
        shape,
      ),
    ),
  );
  const [one, many] = [await saveProgram(trained, undefined, { batchSizes: [1] }), await saveProgram(trained)];
  const x = random("x", [40, 5, 7]);
  for (const bytes of [one, many]) expectSameBits([loadProgram(bytes).predict(x)], [trained.predict(x)], "outputs");
  expect(trained.explain().instructions.some(({ prepares }) => prepares)).toBe(true);
  const factors = (bytes: Uint8Array): number =>
    new TextDecoder("latin1").decode(bytes).split("batch_normalization/map").length;
  expect(factors(many)).toBe(factors(one));
});

describe("a program predicts the bits of its model", () => {
  test.each([1, 2, 5, 16, 17, 31, 32, 33, 64, 65, 100])("for %i samples, whatever the batch sizes", async (rows) => {
    const trained = classifier();
    const x = random(`x ${rows}`, [rows, 5, 7]);
    const expected = trained.predict(x);
    for (const batchSizes of [undefined, [32], [1], [16, 4, 4], [128]]) {
      const program = await reloaded(trained, batchSizes);
      expectSameBits([program.predict(x), program.predict(x)], [expected, expected], `batches of ${batchSizes}`);
    }
  });

  test("with named inputs and outputs", async () => {
    const trained = siamese();
    const program = await reloaded(trained);
    const x = { left: random("left", [7, 4]), right: random("right", [7, 4]) };
    const result = program.predict(x);
    expect(Object.keys(result)).toEqual(["difference", "copy"]);
    expectSameBits(Object.values(result), Object.values(trained.predict(x)), "siamese");
  });

  test("with normalization, rescaling and small integers", async () => {
    const pixels = random("pixels", [9, 6], "uint8");
    const normalization = layers.normalization();
    normalization.adapt(pixels);
    const trained = sequential([layers.rescaling({ scale: 1 / 255 }), normalization, layers.dense({ units: 3 })]);
    const expected = trained.predict(pixels);
    const program = await reloaded(trained as Model, [1, 4]);
    expect(program.inputs).toEqual([{ name: null, shape: [6], dtype: "uint8" }]);
    expectSameBits([program.predict(pixels)], [expected], "uint8");
    expectSameBits([program.predict(pixels.array())], [expected], "numbers");
  });

  test("with indices", async () => {
    const trained = words();
    const program = await reloaded(trained, [2]);
    const x = tensor([[0, 3], [2, 1], [1, 1]], undefined, "int32"); // biome-ignore format: rows
    expectSameBits([program.predict(x)], [trained.predict(x)], "indices");
  });

  test("after the arena has moved, and beside other programs", async () => {
    const [small, large] = [await reloaded(classifier()), await reloaded(classifier(), [700])];
    const x = random("x", [3, 5, 7]);
    const before = small.predict(x);
    const arena = engine().arena;
    engine().reserveArena(1 << 24);
    expect(engine().arena).not.toBe(arena);
    expectSameBits([small.predict(x), large.predict(x).slice(0, 3)].slice(0, 1), [before], "moved");
    large.predict(random("other", [700, 5, 7]));
    expectSameBits([small.predict(x)], [before], "beside another");
  });

  test("and no longer follows the weights of the model", async () => {
    const trained = classifier();
    const program = await reloaded(trained);
    const x = random("x", [2, 5, 7]);
    const before = trained.predict(x);
    trained.setWeights(
      trained.getWeights().map(({ data, shape }) =>
        tensor(
          data.map((value) => value * 2),
          shape,
        ),
      ),
    );
    expectSameBits([program.predict(x)], [before], "saved earlier");
    expect(Array.from(trained.predict(x).data)).not.toEqual(Array.from(before.data));
  });
});

test("a program tells what it takes and gives", async () => {
  const program = await reloaded(siamese(), [8, 2]);
  expect(program.name).toBe("siamese");
  expect(program.inputs).toEqual(["left", "right"].map((name) => ({ name, shape: [4], dtype: "float32" })));
  expect(program.outputs.map(({ name, shape }) => [name, shape])).toEqual([["difference", [3]], ["copy", [2, 2]]]); // biome-ignore format: pairs
  expect(program.batchSizes).toEqual([2, 8]);
});

test("dispose gives the memory back, once", async () => {
  const bytes = await saveProgram(classifier());
  const before = engine().usage.usedBytes;
  const program = loadProgram(bytes);
  program.predict(random("x", [40, 5, 7]));
  expect(engine().usage.usedBytes).toBeGreaterThan(before);
  program.dispose();
  program.dispose();
  expect(engine().usage.usedBytes).toBe(before);
  expect(await caught(() => program.predict(random("x", [1, 5, 7])))).toMatchObject({ code: "state" });
});

test("saving twice gives equal bytes, and a path gets the same", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-program-"));
  try {
    const trained = classifier();
    const bytes = await saveProgram(trained, join(folder, "program.safetensors"));
    expect(new Uint8Array(await readFile(join(folder, "program.safetensors")))).toEqual(bytes);
    expect(await saveProgram(trained)).toEqual(bytes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe("a program refuses what its model refuses, in the same words:", () => {
  const mistakes: Readonly<Record<string, TensorLike>> = {
    "another shape": random("x", [2, 5, 8]),
    "one axis less": random("x", [5, 7]),
    nothing: random("x", [0, 5, 7]),
    text: "digits" as never,
    "ragged rows": [[[1, 2], [3]]],
    "a record": { x: random("x", [1, 5, 7]) } as never,
  };
  test.each(Object.keys(mistakes))("%s", async (mistake) => {
    const trained = classifier();
    const program = await reloaded(trained);
    const x = mistakes[mistake] as TensorLike;
    const expected = await caught(() => trained.predict(x));
    const found = await caught(() => program.predict(x));
    expect([found.code, found.message]).toEqual([expected.code, expected.message]);
  });

  test("a missing input, and lengths that differ", async () => {
    const trained = siamese();
    const program = await reloaded(trained);
    for (const x of [{ left: [[1, 2, 3, 4]] }, { left: [[1, 2, 3, 4]], right: random("x", [2, 4]) }]) {
      const expected = await caught(() => trained.predict(x as never));
      expect((await caught(() => program.predict(x as never))).message).toBe(expected.message);
    }
  });

  test("an index out of range", async () => {
    const trained = words();
    const program = await reloaded(trained, [2]);
    const x = tensor([[0, 1], [2, 4]], undefined, "int32"); // biome-ignore format: rows
    const expected = await caught(() => trained.predict(x));
    expect(expected.message).toContain("0 to 3");
    expect((await caught(() => program.predict(x))).message).toBe(expected.message);
    const fine = tensor([[0, 3]], undefined, "int32");
    expectSameBits([program.predict(fine)], [trained.predict(fine)], "afterwards");
  });

  test("numbers that are no integers where integers are wanted", async () => {
    const program = await reloaded(words());
    expect(await caught(() => program.predict([[0.5, 1]]))).toMatchObject({ code: "dtype" });
    expect(program.predict([[0, 1]]).shape).toEqual([1, 2]);
  });
});

describe("saveProgram refuses", () => {
  test.each([[[]], [[0]], [[1.5]], ["1"], [[1, -2]]])("the batch sizes %j", async (batchSizes) => {
    await expect(saveProgram(classifier(), undefined, { batchSizes: batchSizes as never })).rejects.toMatchObject({
      code: "option",
      where: "sequential.saveProgram.batchSizes",
    });
  });

  test("options that it does not have", async () => {
    await expect(saveProgram(classifier(), undefined, { batchSize: 1 } as never)).rejects.toMatchObject({
      code: "name",
    });
  });

  test("a model that does not know its input yet", async () => {
    await expect(saveProgram(sequential([layers.dense({ units: 1 })]))).rejects.toMatchObject({ code: "state" });
  });

  test("outputs without a row for each sample", async () => {
    const averaged: (options?: object) => Layer = defineLayer({
      className: "Averaged",
      fields: {},
      inputs: "one",
      call: (x) => mean(x, 0, true),
    });
    const x = input({ shape: [3] });
    const trained = model({ inputs: x, outputs: averaged().apply(x) }) as unknown as Model<never, Tensor>;
    await expect(saveProgram(trained, undefined, { batchSizes: [4] })).rejects.toMatchObject({ code: "unsupported" });
  });
});

test("the machine that only predicts has the instructions that a file may hold, and no others", () => {
  const source = (path: string): string => readFileSync(new URL(`../../assembly/${path}`, import.meta.url), "utf8");
  const cases = [...source("machine.ts").matchAll(/case ([A-Z_0-9]+):\s+(?:\/\/.*\s+)?(if \(TRAINS\))?/g)];
  const opcodes: Readonly<Record<string, number>> = { ...code };
  expect(cases.length).toBeGreaterThan(10);
  const kept = cases.filter(([, , training]) => training === undefined).map(([, name]) => name as string);
  const stated = [code.SYNC, ...Object.keys(inferenceBounds).map(Number)];
  expect(kept.map((name) => opcodes[name]).sort()).toEqual(stated.sort());
});
