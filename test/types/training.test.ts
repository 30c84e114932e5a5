// Do the types of fit and of compile follow every way of asking? Checked by `npm run types`.

import { expectTypeOf, test } from "vitest";
import {
  type History,
  input,
  type LogsOf,
  layers,
  losses,
  metrics,
  model,
  optimizers,
  type SymbolicTensor,
  sequential,
} from "../../bindings/index.ts";

const x = [[1, 2]];
const quiet = { verbose: 0 } as const;
const chain = () => sequential([layers.dense({ units: 2, inputShape: [2] })]);

test("validation asked for as data, with weights, or as a share adds its names; nothing else does", async () => {
  const network = chain().compile({ optimizer: optimizers.sgd(), loss: losses.meanSquaredError(), metrics: ["mae"] });
  const weighted = await network.fit(x, x, { ...quiet, validationData: [x, x, [1]] });
  expectTypeOf(weighted).toExtend<{ readonly valMae: readonly number[]; readonly valLoss: readonly number[] }>();
  const share = await network.fit([...x, ...x], [...x, ...x], { ...quiet, validationSplit: 0.5 });
  expectTypeOf(share.valMae).toEqualTypeOf<readonly number[]>();
  const plain = await network.fit(x, x, { ...quiet, epochs: 2, shuffle: false });
  expectTypeOf(plain).toEqualTypeOf<History<"mae", false>>();
  expectTypeOf(plain.epoch).toEqualTypeOf<readonly number[]>();
  // @ts-expect-error no validation was asked for
  plain.valLoss;
});

test("without metrics there is the loss alone; objects and functions are named by text", async () => {
  const bare = chain().compile({ optimizer: "sgd", loss: "mse" });
  expectTypeOf(await bare.evaluate(x, x)).toEqualTypeOf<{ readonly loss: number }>();
  expectTypeOf(bare.trainOnBatch(x, x)).toEqualTypeOf<LogsOf<never>>();
  // @ts-expect-error accuracy was not asked for
  bare.testOnBatch(x, x).accuracy;
  const named = chain().compile({ optimizer: "sgd", loss: "mse", metrics: [metrics.accuracy({ name: "right" })] });
  expectTypeOf(named.testOnBatch(x, x).right).toEqualTypeOf<number>();
  const largest = (_: SymbolicTensor, yPred: SymbolicTensor): SymbolicTensor => yPred;
  chain().compile({ optimizer: "sgd", loss: "mse", metrics: [largest, "mae"] });
});

test("a custom loss is a function of symbols", () => {
  chain().compile({
    optimizer: "adam",
    loss: (yTrue, yPred) => {
      expectTypeOf(yTrue).toEqualTypeOf<SymbolicTensor>();
      return losses.meanSquaredError().call(yTrue, yPred);
    },
  });
});

test("models say which data they take", async () => {
  const [a, b] = [input({ shape: [1] }), input({ shape: [1] })];
  const sum = layers.add().apply([a, b]);
  const pair = model({ inputs: { a, b }, outputs: sum }).compile({ optimizer: "sgd", loss: "mse" });
  await pair.fit({ a: [[1]], b: [[2]] }, [[3]], quiet);
  const evaluate = (): unknown => [
    // @ts-expect-error names are needed
    pair.evaluate([[1]], [[3]]),
    // @ts-expect-error no such input
    pair.predict({ a: [[1]], c: [[2]] }),
    // @ts-expect-error no such option
    pair.fit({ a: [[1]], b: [[2]] }, [[3]], { batchsize: 3 }),
    // @ts-expect-error a number, not text
    pair.fit({ a: [[1]], b: [[2]] }, [[3]], { epochs: "3" }),
    // @ts-expect-error text is no data
    chain().predict([["1", "2"]]),
    // @ts-expect-error units are needed
    layers.dense({}),
    // @ts-expect-error no such option of an optimizer
    optimizers.adam({ lr: 0.1 }),
  ];
  expectTypeOf(evaluate).returns.toBeUnknown();
});
