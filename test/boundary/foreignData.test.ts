// What stands in JSON never poses as a tensor, a variable or a dataset, and a tensor whose parts were changed never reaches the
// engine: the answer is a TensorError, nobody else's data, and nothing of another model is overwritten.

import { describe, expect, test } from "vitest";
import { compiled, grad, valueAndGrad } from "../../bindings/compiled.ts";
import { fromArrays, generator, zip } from "../../bindings/data/index.ts";
import { engine } from "../../bindings/engine.ts";
import { TensorError } from "../../bindings/errors.ts";
import { loadProgram } from "../../bindings/inference/index.ts";
import * as layers from "../../bindings/layers/index.ts";
import * as metrics from "../../bindings/metrics.ts";
import type { Model } from "../../bindings/models/model.ts";
import { saveProgram } from "../../bindings/models/saveProgram.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import * as ops from "../../bindings/ops/index.ts";
import { hashing } from "../../bindings/preprocessing/index.ts";
import { Tensor, tensor, zeros } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { data as foreign, samples, sent, wasmgrad } from "../worker/library.ts";
import { withHole } from "./junk.ts";

/** A secret that was predicted just before: no answer may hold it. */
const secret = [[1001, 1002, 1003, 1004]];

const eightZeros = "[0,0,0,0,0,0,0,0]";
/** Texts that a client may send. None of them is data of a model. */
const texts: readonly string[] = [
  '{"kind":"tensor","shape":[1,4],"dtype":"float32","data":[0,0,0,0]}',
  `{"kind":"tensor","shape":[1,4],"dtype":"float32","data":${eightZeros}}`,
  '{"kind":"tensor","shape":[1,4],"dtype":"float32","data":[]}',
  '{"kind":"tensor","shape":[1,4],"dtype":"float32","data":{"length":4}}',
  '{"kind":"tensor","shape":[1,4],"dtype":"float32"}',
  '{"kind":"tensor"}',
  '{"kind":"variable","shape":[1,4],"dtype":"float32","name":"x","trainable":true}',
  '{"kind":"dataset"}',
  '{"kind":"dataset","size":1,"then":null}',
  '{"Symbol(Symbol.toStringTag)":"wasmgrad.Tensor","toStringTag":"wasmgrad.Tensor","@@toStringTag":"wasmgrad.Tensor","shape":[1,4]}',
  '{"__proto__":{"shape":[1,4],"dtype":"float32","data":[0,0,0,0]}}',
  '{"constructor":{"name":"Tensor"},"shape":[1,4],"dtype":"float32","data":[0,0,0,0]}',
  '{"op":{"name":"relu"},"inputs":[],"attributes":{},"shape":[1,4],"dtype":"float32","scope":""}',
  '{"0":1,"1":2,"2":3,"3":4,"length":4}',
  '{"length":4}',
  "{}",
  '"1,2,3,4"',
  "null",
  "true",
  "[]",
  "[[]]",
  "[[1,2,3,null]]",
  '[[1,2,3,"4"]]',
  "[[1,2,3,{}]]",
  "[[1,2,3,[4]]]",
  "[[1,2],[3,4]]",
  "[[1,2,3,4],[5]]",
  '[{"kind":"tensor","shape":[4],"dtype":"float32","data":[0,0,0,0]}]',
  `${"[".repeat(100_000)}1${"]".repeat(100_000)}`,
  `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`,
];

type Parts = { shape: unknown; dtype: unknown; data: unknown };

/** A tensor [1, 4] with other parts: what `readonly` keeps the type checker from letting through. */
function altered(change: (parts: Parts) => void): Tensor {
  const value = tensor([[1, 2, 3, 4]]);
  change(value as unknown as Parts);
  return value;
}

/** Tensors that are none any more. */
const alteredTensors: readonly [string, () => unknown][] = [
  ["too short an array", () => altered((parts) => Object.assign(parts, { data: new Float32Array(2) }))],
  ["too long an array", () => altered((parts) => Object.assign(parts, { data: new Float32Array(1 << 16) }))],
  ["an array of another type", () => altered((parts) => Object.assign(parts, { data: new Float64Array(4) }))],
  ["integers in its array", () => altered((parts) => Object.assign(parts, { data: new Int32Array(4) }))],
  ["a list for its array", () => altered((parts) => Object.assign(parts, { data: [1, 2, 3, 4] }))],
  ["no array", () => altered((parts) => Object.assign(parts, { data: undefined }))],
  ["another shape", () => altered((parts) => Object.assign(parts, { shape: [4, 4] }))],
  ["a hole in its shape", () => altered((parts) => Object.assign(parts, { shape: withHole }))],
  ["no shape", () => altered((parts) => Object.assign(parts, { shape: null }))],
  ["another dtype", () => altered((parts) => Object.assign(parts, { dtype: "uint8" }))],
  ["an unknown dtype", () => altered((parts) => Object.assign(parts, { dtype: "float64" }))],
  [
    "an array that was handed over",
    () =>
      altered(({ data }) => {
        structuredClone(data, { transfer: [(data as Float32Array).buffer as ArrayBuffer] });
      }),
  ],
  ["the class without its insides", () => Object.create(Tensor.prototype) as unknown],
  ["a copy of its properties", () => ({ ...tensor([[1, 2, 3, 4]]) })],
  ["a clone without its class", () => structuredClone(tensor([[1, 2, 3, 4]]))],
];

const hostile: readonly [string, () => unknown][] = [
  ...texts.map((text): [string, () => unknown] => [
    text.length > 60 ? `${text.slice(0, 57)}…` : text,
    () => JSON.parse(text) as unknown,
  ]),
  ...alteredTensors,
];

function network(): Model {
  return sequential([layers.dense({ units: 3, inputShape: [4], useBias: false })]).compile({
    optimizer: "sgd",
    loss: "mse",
  }) as unknown as Model;
}

const victim = network();
const model = network();
const program = loadProgram(await saveProgram(model, undefined, { batchSizes: [1] }));
const double = compiled((x) => ops.multiply(x, 2));
const slopes = valueAndGrad((x) => ops.sum(ops.square(x)));
const slope = grad((x) => ops.sum(ops.square(x)));
const y = [[1, 2, 3]];
const weight = new Variable("weight", zeros([1, 4]), true);
const meter = metrics.meter(metrics.meanSquaredError() as never);
const quiet = { verbose: 0, epochs: 1 } as const;

type Path = (data: never) => unknown;

/** Every way by which data come in. */
const paths: Readonly<Record<string, Path>> = {
  "model.predict": (x) => model.predict(x),
  "model.predict in parts": (x) => model.predict(x, { batchSize: 1 }),
  "model.evaluate: x": (x) => model.evaluate(x, y),
  "model.evaluate: y": (x) => model.evaluate([[1, 2, 3, 4]] as never, x),
  "model.fit: x": (x) => model.fit(x, y, quiet),
  "model.fit: y": (x) => model.fit([[1, 2, 3, 4]] as never, x, quiet),
  "model.fit: sampleWeight": (x) => model.fit([[1, 2, 3, 4]] as never, y, { ...quiet, sampleWeight: x ?? 0 }),
  "model.fit: validationData": (x) => model.fit([[1, 2, 3, 4]] as never, y, { ...quiet, validationData: [x, y] }),
  "model.trainOnBatch": (x) => model.trainOnBatch(x, y),
  "model.testOnBatch": (x) => model.testOnBatch(x, y),
  "model.setWeights": (x) => model.setWeights([x]),
  "layer.apply": (x) => layers.dense({ units: 2 }).apply(x),
  "layer.apply to a list": (x) => layers.add().apply([x, tensor([[1, 2, 3, 4]])]),
  "program.predict": (x) => program.predict(x),
  "ops.add": (x) => ops.add(x, 1),
  "ops.add, right": (x) => ops.add([[1, 2, 3, 4]], x),
  "ops.concat": (x) => ops.concat([x, tensor([[1, 2, 3, 4]])], 0),
  "ops.sum": (x) => ops.sum(x),
  "ops.matMul": (x) => ops.matMul([[1, 2, 3, 4]], x),
  "ops.gather": (x) => ops.gather([1, 2, 3], x),
  "ops.cond": (x) =>
    ops.cond(
      true,
      () => x,
      () => x,
    ),
  compiled: (x) => double(x),
  "compiled.program": (x) => double.program(x).run(),
  "compiled, captured": (x) => compiled(() => ops.multiply(x, 2))(),
  valueAndGrad: (x) => slopes(x),
  grad: (x) => slope(x),
  tensor: (x) => tensor(x),
  Variable: (x) => new Variable("weight", x).value,
  "Variable.assign": (x) => weight.assign(x),
  "ops.assign": (x) =>
    compiled(() => {
      ops.assign(weight, x);
      return ops.add(weight, 0);
    })(),
  "metric.update": (x) => meter.update(x, x),
  fromArrays: (x) => fromArrays(x).batch(1).toArray(),
  "fromArrays, a pair": (x) =>
    fromArrays(tensor([[1, 2, 3, 4]]) as never, x)
      .batch(1)
      .toArray(),
  "dataset.batch": (x) =>
    generator(() => [[x, [1, 2, 3]]])
      .batch(1)
      .toArray(),
  "predict of a dataset": (x) => model.predict(generator(() => [[x, y]]) as never),
  "fit of a dataset": (x) => model.fit(generator(() => [[x, y]]) as never, quiet),
  "evaluate of a dataset": (x) => model.evaluate(generator(() => [[x, y]]) as never),
  zip: (x) => zip([x]),
  hashing: (x) => hashing({ numBins: 4 } as never).call(x as never),
};

async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

function numbersIn(value: unknown): number[] {
  if (value instanceof Tensor) return Array.from(value.data);
  if (Array.isArray(value)) return value.flatMap(numbersIn);
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(numbersIn);
  return typeof value === "number" ? [value] : [];
}

/** Fails unless `answer` is a {@link TensorError}, or numbers that are not those of somebody else. */
function checkAnswer(what: string, answer: unknown, error: new (...args: never) => Error): void {
  if (answer instanceof Error) expect(answer, `${what}: ${answer.stack}`).toBeInstanceOf(error);
  else {
    expect(
      alteredTensors.some(([title]) => what.endsWith(title)),
      `${what} was taken`,
    ).toBe(false);
    expect(what).not.toContain("kind");
    for (const each of numbersIn(answer)) expect(Math.abs(each), what).toBeLessThan(1000);
  }
}

describe("hostile data", () => {
  test.each(Object.entries(paths))("%s", async (name, path) => {
    const before = victim.getWeights().map(({ data }) => data);
    for (const [what, make] of hostile) {
      ops.add(secret, 0);
      victim.predict(secret as never);
      checkAnswer(`${name}: ${what}`, await outcome(() => path(make() as never)), TensorError);
    }
    expect(victim.getWeights().map(({ data }) => data)).toEqual(before);
  });

  test("a model in a worker", async () => {
    const remote = await sent();
    const { x } = samples(1);
    const before = await remote.getWeights();
    for (const [what, make] of hostile) {
      await remote.predict(x);
      const { TensorError: RemoteError } = wasmgrad;
      const data = (): never => make() as never;
      checkAnswer(`predict: ${what}`, await outcome(() => remote.predict(data())), RemoteError);
      checkAnswer(`evaluate: ${what}`, await outcome(() => remote.evaluate(x, data())), RemoteError);
      checkAnswer(`fit: ${what}`, await outcome(() => remote.fit(data(), [0], { verbose: 0 })), RemoteError);
      checkAnswer(`setWeights: ${what}`, await outcome(() => remote.setWeights([data()])), RemoteError);
    }
    expect((await remote.getWeights()).map(({ data }) => data)).toEqual(before.map(({ data }) => data));
  });
});

describe("valid data, in whatever form", () => {
  const forms: readonly [string, unknown][] = [
    ["nested lists of JSON", JSON.parse("[[1,2,3,4]]")],
    ["a tensor of another entry of the package", wasmgrad.tensor([[1, 2, 3, 4]])],
    ["shared memory", Tensor.of(shared([1, 2, 3, 4]), [1, 4], "float32")],
    ["a part of a larger array", Tensor.of(Float32Array.of(9, 1, 2, 3, 4, 9).subarray(1, 5), [1, 4], "float32")],
  ];
  test.each(forms)("%s", (_, x) => {
    const wanted = model.predict([[1, 2, 3, 4]] as never) as Tensor;
    expect((model.predict(x as never) as Tensor).data).toEqual(wanted.data);
    expect((program.predict(x as never) as Tensor).data).toEqual(wanted.data);
    expect(ops.add(x as never, 1).data).toEqual(Float32Array.of(2, 3, 4, 5));
    expect((slope(x as never) as Tensor).data).toEqual(Float32Array.of(2, 4, 6, 8));
  });

  test("a dataset of another entry of the package", async () => {
    const x = tensor([[1, 2, 3, 4]]);
    const found = await model.predict(foreign.fromArrays(x).batch(1) as never);
    expect((found as Tensor).data).toEqual((model.predict(x as never) as Tensor).data);
  });
});

function shared(values: readonly number[]): Float32Array<SharedArrayBuffer> {
  const array = new Float32Array(new SharedArrayBuffer(4 * values.length));
  array.set(values);
  return array;
}

test("lists of JSON take no memory before they are known to be rectangular", () => {
  const row = new Array<number>(20_000).fill(0);
  const ragged = [row, ...Array.from({ length: 20_000 }, () => [])];
  const took = process.memoryUsage().arrayBuffers;
  expect(() => tensor(ragged as never)).toThrow("expected 20000 entries in every list of axis 1, received 0");
  expect(process.memoryUsage().arrayBuffers - took).toBeLessThan(1e8);
});

test("the engine writes only what has the dtype and the size of its place", () => {
  const block = engine().allocate(16, "test");
  engine().write(block.address, Float32Array.of(1, 2, 3, 4), "float32", 4);
  const wrong = [new Float32Array(5), new Float32Array(3), new Int32Array(4), new Float64Array(4), [1, 2, 3, 4], null];
  for (const data of wrong)
    expect(() => engine().write(block.address, data as never, "float32", 4)).toThrow(TensorError);
  expect(engine().readTensor(block.address, [4], "float32").data).toEqual(Float32Array.of(1, 2, 3, 4));
  engine().release(block);
});

test("what tracing takes away from an argument is missed", () => {
  const call = (run: (fn: never, x: Tensor) => unknown) => () => {
    const x = tensor([1, 2, 3]);
    const taking = (each: Parameters<typeof ops.add>[0]): unknown => {
      structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] });
      return ops.add(each, 1);
    };
    return run(taking as never, x);
  };
  expect(call((fn, x) => (compiled(fn) as (x: Tensor) => unknown)(x))).toThrow("a Float32Array of 3");
  expect(call((fn, x) => compiled(fn).program(x as never))).toThrow("a Float32Array of 3");
});
