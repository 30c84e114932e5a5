// Is every mistake a TensorError that says where and what to do, and does the model go on unharmed?

import { describe, expect, test } from "vitest";
import { type ErrorCode, TensorError } from "../../bindings/errors.ts";
import { input } from "../../bindings/layers/core.ts";
import * as layers from "../../bindings/layers/index.ts";
import { model } from "../../bindings/models/functional.ts";
import type { Model } from "../../bindings/models/model.ts";
import { sequential } from "../../bindings/models/sequential.ts";
import { Tensor, tensor } from "../../bindings/tensor.ts";

type Any = never;
const x = [
  [1, 2, 3],
  [4, 5, 6],
];
const oneHot = [
  [1, 0],
  [0, 1],
];

function network(loss = "categoricalCrossentropy"): Model {
  return sequential([
    layers.dense({ units: 4, activation: "relu", inputShape: [3] }),
    layers.dense({ units: 2, activation: "softmax" }),
  ]).compile({ optimizer: "adam", loss: loss as Any, metrics: ["accuracy"] }) as unknown as Model;
}

async function caught(call: () => unknown): Promise<TensorError> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorError);
    return error as TensorError;
  }
  throw new Error("no error");
}

/** `call` on a working network fails as told; the weights stay, and the network trains and predicts afterwards. */
function refused(what: string, code: ErrorCode, text: string, call: (net: Model) => unknown, loss?: string): void {
  test(what, async () => {
    const net = network(loss);
    const good = loss?.startsWith("sparse") === true ? [0, 1] : oneHot;
    net.trainOnBatch(x, good);
    const before = net.getWeights().map((weight) => weight.data);
    const error = await caught(() => call(net));
    expect(error.message).toContain(text);
    expect(error.code).toBe(code);
    expect(net.getWeights().map((weight) => weight.data)).toEqual(before);
    const { loss: value } = net.trainOnBatch(x, good) as { loss: number };
    expect(Number.isFinite(value)).toBe(true);
    expect(net.predict(x).shape).toEqual([2, 2]);
  });
}

const quiet = { verbose: 0 } as const;

describe("data", () => {
  refused("too few features", "shape", "sequential.fit: x: expected samples of shape [3]", (net) =>
    net.fit([[1, 2]], [[1, 0]], quiet),
  );
  refused("a sample without the batch axis", "shape", "For a single sample add an axis: [sample].", (net) =>
    net.predict([1, 2, 3]),
  );
  refused("too many axes", "shape", "received [1, 1, 3]", (net) => net.predict([[[1, 2, 3]]]));
  refused("NaN in x", "data", "sequential.fit: x: expected finite numbers, received NaN in sample 1.", (net) =>
    net.fit([x[0] as number[], [4, Number.NaN, 6]], oneHot, quiet),
  );
  refused("infinity in y", "data", "sequential.trainOnBatch: y: expected finite numbers, received Infinity", (net) =>
    net.trainOnBatch(x, [
      [1, 0],
      [0, Number.POSITIVE_INFINITY],
    ]),
  );
  refused("fewer labels than samples", "shape", "expected 2 samples in y, as in x, received 1", (net) =>
    net.fit(x, [[1, 0]], quiet),
  );
  refused(
    "sample weights of another length",
    "shape",
    "expected 2 samples in sampleWeight, as in x, received 3",
    (net) => net.fit(x, oneHot, { ...quiet, sampleWeight: [1, 2, 3] }),
  );
  refused("no samples", "data", "expected at least one sample, received none", (net) =>
    net.fit(tensor(new Float32Array(0), [0, 3]), tensor(new Float32Array(0), [0, 2]), quiet),
  );
  refused("text", "dtype", 'expected numbers or booleans in the nested arrays, received "a"', (net) =>
    net.fit([["a", "b", "c"]] as Any, [[1, 0]], quiet),
  );
  refused("ragged rows", "shape", "Nested arrays must be rectangular.", (net) =>
    net.predict([
      [1, 2, 3],
      [4, 5],
    ]),
  );
  refused("a record for a single input", "dtype", "expected a tensor, a typed array or nested arrays", (net) =>
    net.predict({ a: x } as Any),
  );
  refused("validation data of another shape", "shape", "sequential.fit.validationData: x", (net) =>
    net.fit(x, oneHot, { ...quiet, validationData: [[[1, 2]], [[1, 0]]] as Any }),
  );
  refused("a split that leaves nothing", "option", "sequential.fit.validationSplit", (net) =>
    net.fit([[1, 2, 3]], [[1, 0]], { ...quiet, validationSplit: 0.5 }),
  );
});

describe("labels", () => {
  const sparse = "sparseCategoricalCrossentropy";
  refused(
    "too large",
    "data",
    "y for dense_1: expected integer labels from 0 to 1, received 2 at position 1.",
    (net) => net.fit(x, [0, 2], quiet),
    sparse,
  );
  refused("negative", "data", "received -1 at position 0", (net) => net.fit(x, [-1, 0], quiet), sparse);
  refused("fractional", "data", "received 0.5 at position 1", (net) => net.evaluate(x, [0, 0.5]), sparse);
  refused("integers for the dense loss", "shape", "For integer labels use sparseCategoricalCrossentropy", (net) =>
    net.fit(x, [0, 1], quiet),
  );
});

describe("options and names", () => {
  refused("an unknown optimizer", "name", 'Did you mean "adam"?', (net) =>
    net.compile({ optimizer: "adm" as Any, loss: "mse" }),
  );
  refused("an unknown loss", "name", "sequential.compile.loss", (net) =>
    net.compile({ optimizer: "adam", loss: "meanSquaredEror" as Any }),
  );
  refused("an unknown metric", "name", 'Did you mean "accuracy"?', (net) =>
    net.compile({ optimizer: "adam", loss: "mse", metrics: ["acuracy"] as Any }),
  );
  refused("an unknown option of fit", "name", 'Did you mean "epochs"?', (net) =>
    net.fit(x, oneHot, { epoch: 3 } as Any),
  );
  refused("a batch of no samples", "option", "sequential.fit.batchSize: expected an integer ≥ 1, received 0.", (net) =>
    net.fit(x, oneHot, { ...quiet, batchSize: 0 }),
  );
  refused("half an epoch", "option", "sequential.fit.epochs", (net) => net.fit(x, oneHot, { ...quiet, epochs: 1.5 }));
  refused("weights of another shape", "shape", "dense/kernel: expected shape [3, 4], received [2, 4].", (net) =>
    net.setWeights(
      net.getWeights().map((weight, index) => (index === 0 ? tensor(new Float32Array(8), [2, 4]) : weight)),
    ),
  );
  refused("a second fit at the same time", "state", "Await the first.", async (net) => {
    const first = net
      .fit(x, oneHot, { ...quiet, epochs: 0x7fffffff, callbacks: [stopper(net)] })
      .catch(() => undefined);
    try {
      await net.fit(x, oneHot, quiet);
    } finally {
      await first;
    }
  });
});

/** Ends a fit after its first epoch, and puts the weights back. */
function stopper(net: Model): { onEpochEnd: () => void } {
  const weights = net.getWeights();
  return {
    onEpochEnd: () => {
      net.setWeights(weights);
      throw new Error("enough");
    },
  };
}

describe("layers", () => {
  const cases: [string, ErrorCode, string, () => unknown][] = [
    [
      "negative units",
      "option",
      "dense.units: expected an integer ≥ 1, received -3.",
      () => layers.dense({ units: -3 }),
    ],
    ["fractional units", "option", "dense.units", () => layers.dense({ units: 1.5 })],
    ["no units", "option", "dense.units", () => layers.dense({} as Any)],
    ["a misspelt option", "name", 'Did you mean "units"?', () => layers.dense({ unts: 3 } as Any)],
    [
      "a misspelt activation",
      "name",
      'Did you mean "relu"?',
      () => layers.dense({ units: 1, activation: "rellu" as Any }),
    ],
    [
      "a misspelt initializer",
      "name",
      'Did you mean "glorotUniform"?',
      () => layers.dense({ units: 1, kernelInitializer: "glorotUnifrm" as Any }),
    ],
    [
      "a rate above 1",
      "option",
      "dropout.rate: expected a number from 0 to 1, received 1.5.",
      () => layers.dropout({ rate: 1.5 }),
    ],
    ["something that is no layer", "option", "Call the factory", () => sequential([layers.dense as Any])],
    ["no layers", "option", "a list of at least one layer", () => sequential([])],
    [
      "neighbours that do not fit",
      "shape",
      "sequential/reshape",
      () => sequential([layers.dense({ units: 4, inputShape: [3] }), layers.reshape({ targetShape: [5] })]),
    ],
    [
      "two layers of one name",
      "name",
      "a different name for each layer",
      () => sequential([layers.dense({ units: 1, inputShape: [1], name: "a" }), layers.dense({ units: 1, name: "a" })]),
    ],
    [
      "an input that is not given",
      "shape",
      "Add it to `inputs`.",
      () => {
        const [a, b] = [input({ shape: [1] }), input({ shape: [1] })];
        return model({ inputs: a, outputs: layers.add().apply([a, b]) });
      },
    ],
    [
      "fit before compile",
      "state",
      "Call model.compile({ optimizer, loss }) first.",
      () => sequential([layers.dense({ units: 1, inputShape: [1] })]).fit([[1]], [[1]]),
    ],
    [
      "a model whose input is unknown",
      "state",
      "Give the first layer inputShape",
      () => sequential([layers.dense({ units: 1 })]).summary(),
    ],
    [
      "memory that there is not",
      "memory",
      "dense/kernel",
      () =>
        sequential([layers.dense({ units: 33_000, inputShape: [33_000], kernelInitializer: "zeros" })]).predict(
          tensor(new Float32Array(33_000), [1, 33_000]),
        ),
    ],
  ];
  for (const [what, code, text, call] of cases)
    test(what, async () => {
      const error = await caught(call);
      expect(error.message).toContain(text);
      expect(error.code).toBe(code);
    });

  test("named inputs: a missing, an extra and a misspelt one", async () => {
    const [a, b] = [input({ shape: [1] }), input({ shape: [1] })];
    const net = model({ inputs: { a, b }, outputs: layers.add().apply([a, b]) });
    for (const given of [{ a: [[1]] }, { a: [[1]], b: [[1]], c: [[1]] }, { a: [[1]], d: [[1]] }, [[1]]])
      expect((await caught(() => net.predict(given as Any))).message).toContain('"a", "b"');
    expect(net.predict({ a: [[1]], b: [[2]] })).toEqual(Tensor.of(Float32Array.of(3), [1, 1], "float32"));
  });
});
