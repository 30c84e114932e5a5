// Flags are true or false, never what JavaScript takes for either; options that nobody knows are refused everywhere.

import { describe, expect, test } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import * as constraints from "../../bindings/constraints.ts";
import { fromArrays, generator } from "../../bindings/data/index.ts";
import { loadFashionMnist, loadIdxPair, loadMnist } from "../../bindings/datasets/index.ts";
import { constant, withTrace } from "../../bindings/graph.ts";
import * as initializers from "../../bindings/initializers.ts";
import * as layers from "../../bindings/layers/index.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import * as ops from "../../bindings/ops/index.ts";
import * as optimizers from "../../bindings/optimizers.ts";
import { stringLookup } from "../../bindings/preprocessing/index.ts";
import { tensor, zeros } from "../../bindings/tensor.ts";
import { Variable } from "../../bindings/variable.ts";
import { caught } from "../models/refusal.ts";

type Loose = (...args: unknown[]) => unknown;
const loose = ops as unknown as Readonly<Record<string, Loose>>;

const matrix = [
  [0.25, 0.5],
  [0.5, 0.75],
];
const notFlags: readonly unknown[] = ["false", "true", 0, 1, null, {}, { keepdims: false }, { fromLogits: false }, []];

/** Where a flag stands among the arguments of an operation. */
const flags: readonly (readonly [name: string, before: readonly unknown[]])[] = [
  ...["sum", "mean", "max", "min", "product", "any", "all", "countNonzero", "std", "variance", "logSumExp"].map(
    (name) => [name, [matrix, 1]] as const,
  ),
  ...["moments", "ptp", "nanSum", "nanMean", "nanProduct", "nanMax", "nanMin", "median"].map(
    (name) => [name, [matrix, 1]] as const,
  ),
  ["quantile", [matrix, 0.5, 1]],
  ["percentile", [matrix, 50, 1]],
  ["norm", [matrix, 2, 1]],
  ["binaryCrossentropy", [matrix, matrix]],
  ["categoricalCrossentropy", [matrix, matrix]],
  ["sparseCategoricalCrossentropy", [[0, 1], matrix]],
  ["gelu", [matrix]],
  ["corrcoef", [matrix]],
  ["vander", [[1, 2], 2]],
  ["svd", [matrix]],
  ["solveTriangular", [matrix, matrix]],
  ["choleskyInverse", [matrix]],
  ["argSort", [matrix, 1]],
  ["sort", [matrix, 1]],
];

describe("flags of operations", () => {
  test.each(flags)("%s", async (name, before) => {
    const call = loose[name] as Loose;
    for (const flag of notFlags) {
      const error = await caught(() => call(...before, flag));
      expect(error.code).toBe("option");
      expect(error.message).toContain("expected true or false, received");
      // Traced as well.
      await caught(() =>
        withTrace(() => call(...before.map((each) => (Array.isArray(each) ? constant(each as never) : each)), flag)),
      );
    }
    for (const flag of [true, false, undefined]) call(...before, flag);
  });

  test("options that are flags", async () => {
    for (const flag of notFlags) {
      await caught(() => ops.matMul(matrix, matrix, { transposeA: flag } as never));
      await caught(() => ops.matMul(matrix, matrix, { transposeB: flag } as never));
      await caught(() =>
        ops.scan(
          (carry, x) => [ops.add(carry as never, x as never), x] as never,
          0 as never,
          [1, 2] as never,
          { reverse: flag } as never,
        ),
      );
      await caught(() =>
        ops.associativeScan((a, b) => ops.add(a as never, b as never), tensor([1, 2]), { reverse: flag } as never),
      );
      await caught(() => ops.ctcDecode(zeros([1, 2, 3]), [2], { mergeRepeated: flag } as never));
    }
  });
});

function network(): Model {
  return sequential([layers.dense({ units: 1, inputShape: [2], name: "head" })]).compile({
    optimizer: "sgd",
    loss: "mse",
  }) as unknown as Model;
}

type Any = never;
const x = matrix as Any;
const y = [[1], [0]];
const step = { verbose: 0 } as const;

/** What must be refused, with part of its message. */
const refusals: Readonly<Record<string, readonly [text: string, call: (model: Model) => unknown]>> = {
  "layer.trainable": [
    "head.trainable: expected true or false",
    (model) => Object.assign(model.layers[0] as object, { trainable: "false" }),
  ],
  "model.trainable": ["trainable: expected true or false", (model) => Object.assign(model, { trainable: 0 })],
  "variable.trainable": [
    "trainable: expected true or false",
    () => Object.assign(new Variable("w", zeros([1])), { trainable: "no" }),
  ],
  "apply: training": [
    ".apply.training: expected true or false",
    () => layers.dropout({ rate: 0.5 }).apply(x, { training: "false" } as Any),
  ],
  "apply: unknown": ['received "train"', () => layers.dropout({ rate: 0.5 }).apply(x, { train: true } as Any)],
  "fit: shuffle": [
    ".fit.shuffle: expected true or false",
    (model) => model.fit(x, y, { ...step, shuffle: "false" } as Any),
  ],
  "fit: a map of class weights": [
    "received Map. Give Object.fromEntries(map).",
    (model) => model.fit(x, y, { ...step, classWeight: new Map([[0, 1]]) } as Any),
  ],
  "fit: a promise of class weights": [
    "received Promise",
    (model) => model.fit(x, y, { ...step, classWeight: Promise.resolve({}) } as Any),
  ],
  "fit: class weights of a text": [
    "received : 1",
    (model) => model.fit(x, y, { ...step, classWeight: { "": 1 } } as Any),
  ],
  "fit: lists of callbacks": [
    "Spread the list",
    (model) => model.fit(x, y, { ...step, callbacks: [[{ onTrainEnd() {} }]] } as Any),
  ],
  "fit: a promise of a callback": [
    "Await it.",
    (model) => model.fit(x, y, { ...step, callbacks: [Promise.resolve({})] } as Any),
  ],
  "fit: a map of callbacks": [
    "callbacks[1]: expected a callback: an object of functions such as onEpochEnd, received Map",
    (model) => model.fit(x, y, { ...step, callbacks: [{}, new Map([["onTrainEnd", () => {}]])] } as Any),
  ],
  "fit: a hole for a callback": [
    "callbacks[0]",
    (model) => model.fit(x, y, { ...step, callbacks: new Array(1) } as Any),
  ],
  "save: includeOptimizer": [
    ".save.includeOptimizer: expected true or false",
    (model) => model.save(undefined, { includeOptimizer: "false" } as Any),
  ],
  "save: unknown": ['received "optimizer"', (model) => model.save(undefined, { optimizer: false } as Any)],
  "summary: unknown": ['received "lineLength"', (model) => model.summary({ lineLength: 80 } as Any)],
  "summary: print": [".summary.print: expected a function", (model) => model.summary({ print: true } as Any)],
  "explain: unknown": ['received "batch"', (model) => model.explain({ batch: 3 } as Any)],
  "explain: profile": [".explain.profile: expected true or false", (model) => model.explain({ profile: 1 } as Any)],
  "predict: unknown, the second time": [
    'received "batchsize"',
    (model) => {
      model.predict(tensor(matrix));
      return model.predict(tensor(matrix), { batchsize: 2 } as Any);
    },
  ],
  valueAndGrad: ['received "variable"', () => valueAndGrad((each) => ops.sum(each), { variable: [] } as Any)],
  "valueAndGrad: variables": [
    "expected a list of variables",
    () => valueAndGrad((each) => ops.sum(each), { variables: ["w"] } as Any),
  ],
  "compiled: how often": [
    "expected an integer ≥ 1",
    () =>
      compiled((each) => ops.relu(each))
        .program([1])
        .run("2" as Any),
  ],
  "batch: dropRemainder": [
    "dropRemainder: expected true or false",
    () => fromArrays(tensor(matrix)).batch(1, { dropRemainder: "no" } as Any),
  ],
  "batch: unknown": ['received "drop"', () => fromArrays(tensor(matrix)).batch(1, { drop: true } as Any)],
  generator: ['received "length"', () => generator(() => [], { length: 3 } as Any)],
  loadMnist: ['received "onehot"', () => loadMnist({ onehot: false } as Any)],
  loadFashionMnist: ['received "onehot"', () => loadFashionMnist({ onehot: false } as Any)],
  loadIdxPair: ['received "onehot"', () => loadIdxPair(new Uint8Array(), new Uint8Array(), { onehot: false } as Any)],
  "initializers.zeros": ['expected no options, received "value"', () => (initializers.zeros as Loose)({ value: 1 })],
  "initializers.ones": ['expected no options, received "value"', () => (initializers.ones as Loose)({ value: 1 })],
  "constraints.nonNeg": ['expected no options, received "axis"', () => (constraints.nonNeg as Loose)({ axis: 1 })],
  "pooling: unknown": [
    'received "dilations"',
    () => ops.maxPool(zeros([1, 4, 1]), { poolSize: [2], strides: [1], padding: [[0, 0]], dilations: [2] } as Any),
  ],
  "convolution: unknown": [
    'received "stride"',
    () => ops.conv(zeros([1, 4, 1]), zeros([2, 1, 1]), { stride: 2 } as Any),
  ],
  "matMul: not an object": [
    "expected an object of options, received true",
    () => ops.matMul(matrix, matrix, true as Any),
  ],
  getVocabulary: [
    "includeSpecialTokens: expected true or false",
    () => stringLookup({ vocabulary: ["a"] }).getVocabulary({ includeSpecialTokens: "no" } as Any),
  ],
  "options that are a map": [
    "expected an object of options, received Map",
    () => layers.dense(new Map([["units", 1]]) as Any),
  ],
  "options that are a list": ["expected an object of options, received [3]", () => layers.dense([3] as Any)],
};

describe("options", () => {
  test.each(Object.entries(refusals))("%s", async (_, [text, call]) => {
    const model = network();
    const before = model.getWeights().map(({ data }) => data);
    const error = await caught(() => call(model));
    expect(error.message).toContain(text);
    expect(model.getWeights().map(({ data }) => data)).toEqual(before);
    expect((await model.fit(x, y, step)).loss).toHaveLength(1);
  });

  test("null does not stand for options", async () => {
    const model = network();
    const values = fromArrays(x, y as Any).batch(2);
    const { adam, rmsprop, sgd } = optimizers as unknown as Readonly<Record<string, Loose>>;
    const { fit, predict, evaluate } = model as unknown as Readonly<Record<"fit" | "predict" | "evaluate", Loose>>;
    const calls: readonly (() => unknown)[] = [
      ...[adam, rmsprop, sgd].map((make) => () => make?.(null)),
      ...[fit, evaluate].flatMap((call) => [() => call.call(model, x, y, null), () => call.call(model, values, null)]),
      ...[x, values].map((each) => () => predict.call(model, each, null)),
    ];
    for (const call of calls) {
      const error = await caught(call);
      expect(error.code).toBe("option");
      expect(error.message).toContain("expected an object of options, received null");
    }
  });
});
