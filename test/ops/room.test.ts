// Are sizes that no memory has room for an error at once, before anything is made for them?

import { expect, test } from "vitest";
import { generator } from "../../bindings/data/index.ts";
import { TensorError } from "../../bindings/errors.ts";
import {
  compiled,
  model as functional,
  input,
  layers,
  ops,
  random,
  sequential,
  tensor,
  zeros,
} from "../../bindings/index.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";

/** Longest time to refuse, in milliseconds. */
const atOnce = 1500;
// biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
const holed = [1, , 3] as never as number[];
const x = tensor([1, 2]);
const row = tensor([[1, 2, 3]]);
const image = tensor(new Float32Array(16), [1, 4, 4, 1]);

test.each<[string, () => unknown]>([
  ["repeat", () => ops.repeat([1], 1e9, 0)],
  ["repeat with counts", () => ops.repeat([1, 2], [1, 3e9], 0)],
  ["oneHot", () => ops.oneHot([1, 2], 4e9)],
  ["oneHot of one", () => ops.oneHot([1], 1e9)],
  ["oneHot of half as many", () => ops.oneHot([1, 2], 2 ** 30)],
  ["tile", () => ops.tile(x, [2 ** 31])],
  ["pad", () => ops.pad(x, [[0, 2 ** 40]])],
  ["arange", () => ops.arange(1e12)],
  ["linspace", () => ops.linspace(0, 1, 1e12)],
  ["eye", () => ops.eye(1e6)],
  ["tri", () => ops.tri(1e6)],
  ["full", () => ops.full([1e6, 1e6], 1)],
  ["ones", () => ops.ones([2 ** 31])],
  ["zeros", () => ops.zeros([1e30])],
  ["zeros of tensors", () => zeros([2 ** 40, 0.5 * 2])],
  ["broadcastTo", () => ops.broadcastTo(x, [2 ** 40, 2])],
  ["histogram", () => ops.histogram(x, 1e9)],
  ["bincount", () => ops.bincount(tensor([1, 2], undefined, "int32"), 1e12)],
  ["vander", () => ops.vander(x, 1e9)],
  ["split", () => ops.split(x, 1e9)],
  ["random.normal", () => compiled(() => random.normal([2 ** 31]))()],
  ["random.uniform", () => compiled(() => random.uniform([1e9, 1e9]))()],
  ["random.categorical", () => compiled(() => random.categorical(row, 1e12))()],
  ["upSampling1D", () => layers.upSampling1D({ size: 1e12 }).apply(tensor([[[1]]]))],
  ["upSampling2D", () => layers.upSampling2D({ size: 1e6 }).apply(image)],
  ["zeroPadding2D", () => layers.zeroPadding2D({ padding: 1e6 }).apply(image)],
  ["repeatVector", () => layers.repeatVector({ n: 1e10 }).apply(row)],
  ["categoryEncoding", () => layers.categoryEncoding({ numTokens: 1e10, outputMode: "oneHot" }).apply(tensor([[1]]))],
  ["embedding", () => layers.embedding({ inputDim: 1e9, outputDim: 1e3 }).apply(tensor([[1]]))],
  ["dense", () => layers.dense({ units: 1e12 }).apply(row)],
  [
    "a model of placeholders",
    () =>
      functional({
        inputs: input({ shape: [4] }),
        outputs: layers.repeatVector({ n: 1e12 }).apply(input({ shape: [4] })),
      }),
  ],
  ["sequential", () => sequential([layers.upSampling1D({ size: 2 ** 33, inputShape: [4, 1] })])],
])("%s", (_, run) => {
  const begun = performance.now();
  let error: unknown;
  try {
    run();
  } catch (cause) {
    error = cause;
  }
  expect(error).toBeInstanceOf(TensorError);
  expect(["memory", "shape", "option"]).toContain((error as TensorError).code);
  expect(performance.now() - begun).toBeLessThan(atOnce);
});

test.each<[string, () => unknown]>([
  ["random.normal", () => compiled(() => random.normal(holed))()],
  ["random.bernoulli", () => compiled(() => random.bernoulli(holed, 0.5))()],
  ["zeros", () => zeros(holed)],
  ["ones", () => ops.ones(holed)],
  ["full", () => ops.full(holed, 2)],
  ["reshape", () => ops.reshape(x, holed)],
  ["broadcastTo", () => ops.broadcastTo(x, holed)],
  ["tile", () => ops.tile(x, holed)],
  ["input", () => layers.dense({ units: 2 }).apply(input({ shape: holed }))],
  ["inputShape", () => sequential([layers.dense({ units: 2, inputShape: holed })])],
  ["reshape", () => layers.reshape({ targetShape: holed }).apply(tensor([[1, 2, 3]]))],
  ["tensor", () => tensor(new Float32Array(3), holed)],
])("a hole in the shape of %s", (_, run) => {
  const begun = performance.now();
  expect(run).toThrow(TensorError);
  expect(performance.now() - begun).toBeLessThan(atOnce);
});

test("datasets", async () => {
  const numbers = generator(() => [1, 2, 3]);
  expect(() => numbers.prefetch(1e9)).toThrow(/an integer from 1 to 65536/);
  expect(await numbers.prefetch(65_536).toArray()).toEqual([1, 2, 3]);
  expect(await numbers.shuffle(1e9, 1).toArray()).toHaveLength(3);
  expect(await numbers.batch(1e9).toArray()).toHaveLength(1);
  expect(await numbers.take(1e9).skip(1e15).toArray()).toEqual([]);
});

test("a batch larger than the data", async () => {
  const small = sequential([layers.dense({ units: 1, inputShape: [1] })]).compile({
    optimizer: "sgd",
    loss: "meanSquaredError",
  });
  const [a, b] = [tensor([[1], [2]]), tensor([[1], [2]])];
  await small.fit(a, b, { batchSize: 1e12, verbose: 0 });
  await small.evaluate(a, b, { batchSize: 1e12 });
  expect((small.predict(a, { batchSize: 1e12 }) as { shape: readonly number[] }).shape).toEqual([2, 1]);
});

test("a program whose arena cannot be addressed is not written", async () => {
  const wide = sequential([
    layers.repeatVector({ n: 600, inputShape: [600] }),
    layers.activation({ activation: "softmax" }),
  ]);
  await expect(saveProgram(wide as never, undefined, { batchSizes: [2900] })).rejects.toMatchObject({ code: "memory" });
  const bytes = await saveProgram(wide as never, undefined, { batchSizes: [2] });
  expect(bytes.length).toBeGreaterThan(0);
});

test("what has room is made", () => {
  expect(ops.repeat([1, 2], [2, 0]).array()).toEqual([1, 1]);
  expect(
    ops
      .repeat(
        [
          [1, 2],
          [3, 4],
        ],
        2,
        1,
      )
      .array(),
  ).toEqual([
    [1, 1, 2, 2],
    [3, 3, 4, 4],
  ]);
  expect(ops.oneHot([1], 3).array()).toEqual([[0, 1, 0]]);
  expect(ops.split(x, 2)).toHaveLength(2);
});
