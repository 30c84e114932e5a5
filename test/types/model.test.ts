// Do the types of a model follow from how it was made and compiled? Checked by `npm run types`.

import { expectTypeOf, test } from "vitest";
import {
  compiled,
  input,
  layers,
  model,
  ops,
  type SymbolicTensor,
  sequential,
  type Tensor,
  valueAndGrad,
} from "../../bindings/index.ts";

const x = [[1, 2]];
const chain = () => sequential([layers.dense({ units: 2, inputShape: [2] })]);

test("predict gives one tensor, evaluate and history the names that were asked for", async () => {
  const compiledChain = chain().compile({ optimizer: "sgd", loss: "mse", metrics: ["mae", "accuracy"] });
  expectTypeOf(compiledChain.predict(x)).toEqualTypeOf<Tensor>();
  const logs = await compiledChain.evaluate(x, x);
  expectTypeOf(logs).toEqualTypeOf<{ readonly loss: number; readonly mae: number; readonly accuracy: number }>();
  const plain = await compiledChain.fit(x, x, { verbose: 0 });
  expectTypeOf(plain.mae).toEqualTypeOf<readonly number[]>();
  // @ts-expect-error no validation was asked for
  plain.valMae;
  // @ts-expect-error no such metric was asked for
  plain.precision;
  const validated = await compiledChain.fit(x, x, { verbose: 0, validationData: [x, x] });
  expectTypeOf(validated.valAccuracy).toEqualTypeOf<readonly number[]>();
  expectTypeOf(validated.valLoss).toEqualTypeOf<readonly number[]>();
});

test("named inputs and outputs are records", () => {
  const [left, right] = [input({ shape: [1] }), input({ shape: [1] })];
  const network = model({
    inputs: { left, right },
    outputs: { sum: layers.add().apply([left, right]), difference: layers.subtract().apply([left, right]) },
  });
  const outputs = network.predict({ left: [[1]], right: [[2]] });
  expectTypeOf(outputs).toEqualTypeOf<{ readonly sum: Tensor; readonly difference: Tensor }>();
  // @ts-expect-error an input is missing
  (() => network.predict({ left: [[1]] })) satisfies () => unknown;
});

test("unknown names are errors of the compiler", () => {
  // @ts-expect-error no such activation
  (() => layers.dense({ units: 2, activation: "rellu" })) satisfies () => unknown;
  // @ts-expect-error no such option
  (() => layers.dense({ unites: 2 })) satisfies () => unknown;
  // @ts-expect-error two sizes for one axis
  (() => layers.conv1D({ filters: 2, kernelSize: [3, 3] })) satisfies () => unknown;
  // @ts-expect-error causal padding is for one axis
  (() => layers.conv2D({ filters: 2, kernelSize: 3, padding: "causal" })) satisfies () => unknown;
  // @ts-expect-error a transposed convolution has no groups
  (() => layers.conv2DTranspose({ filters: 2, kernelSize: 3, groups: 2 })) satisfies () => unknown;
  // @ts-expect-error filters are missing
  (() => layers.separableConv2D({ kernelSize: 3 })) satisfies () => unknown;
  // @ts-expect-error one axis has the features
  (() => layers.batchNormalization({ axis: [1, 2] })) satisfies () => unknown;
  // @ts-expect-error no such optimizer
  (() => chain().compile({ optimizer: "adm", loss: "mse" })) satisfies () => unknown;
  // @ts-expect-error no such loss
  (() => chain().compile({ optimizer: "adam", loss: "mes" })) satisfies () => unknown;
  // @ts-expect-error no such metric
  (() => chain().compile({ optimizer: "adam", loss: "mse", metrics: ["acuracy"] })) satisfies () => unknown;
});

test("sizes of convolutions are one number, or one for each axis", () => {
  expectTypeOf(layers.conv1D).toBeCallableWith({ filters: 2, kernelSize: [3], padding: "causal", strides: 2 });
  expectTypeOf(layers.conv2D).toBeCallableWith({ filters: 2, kernelSize: [3, 5], dilationRate: [1, 2] });
  expectTypeOf(layers.conv3D).toBeCallableWith({ filters: 2, kernelSize: [1, 2, 3], dataFormat: "channelsFirst" });
  expectTypeOf(layers.conv2DTranspose).toBeCallableWith({ filters: 2, kernelSize: 3, outputPadding: [0, 1] });
  expectTypeOf(layers.batchNormalization).toBeCallableWith();
});

test("operations give values for values and symbols for symbols", () => {
  expectTypeOf(ops.add([1], [2])).toEqualTypeOf<Tensor>();
  compiled((symbol) => {
    expectTypeOf(symbol).toEqualTypeOf<SymbolicTensor>();
    expectTypeOf(ops.multiply(symbol, 2)).toEqualTypeOf<SymbolicTensor>();
    return symbol;
  });
  expectTypeOf(compiled((a, b) => ({ sum: ops.add(a, b), both: [a, b] }))([1], [2])).toEqualTypeOf<{
    sum: Tensor;
    both: Tensor[];
  }>();
  const result = valueAndGrad((a) => ops.sum(a))([1, 2]);
  expectTypeOf(result.value).toEqualTypeOf<Tensor>();
  expectTypeOf(result.variableGradients).toEqualTypeOf<readonly Tensor[]>();
});
