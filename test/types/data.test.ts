// Do the types of elements follow from how a dataset is made? Checked by `npm run types`.

import { expectTypeOf, test } from "vitest";
import { csv, type Dataset, fromArrays, generator, zip } from "../../bindings/data/index.ts";
import { layers, sequential, type Tensor } from "../../bindings/index.ts";

test("elements keep their types through every step", () => {
  const rows = csv("file.csv", { columns: { a: "number", b: "text", c: (text) => text.length > 3 } });
  expectTypeOf(rows).toEqualTypeOf<Dataset<{ readonly a: number; readonly b: string; readonly c: boolean }>>();
  expectTypeOf(csv("file.csv")).toEqualTypeOf<Dataset<Readonly<Record<string, number>>>>();
  const pairs = rows.map(({ a }) => [[a, a], a]).batch(2);
  expectTypeOf(pairs).toExtend<Dataset<readonly [Tensor, Tensor]>>();
  const zipped = zip({ x: fromArrays([1]), y: generator(() => ["a"]) });
  expectTypeOf(zipped).toEqualTypeOf<Dataset<{ readonly x: Tensor; readonly y: string }>>();
  expectTypeOf(fromArrays([1], { a: [1] })).toEqualTypeOf<Dataset<readonly [Tensor, { readonly a: Tensor }]>>();
  // @ts-expect-error no such column
  rows.map(({ d }) => d);
});

test("models take batches, give promises of predictions, and add names for validation", async () => {
  const net = sequential([layers.dense({ units: 1, inputShape: [1] })]).compile({ optimizer: "sgd", loss: "mse" });
  const batches = fromArrays([[1]], [[1]]).batch(1);
  const history = await net.fit(batches, { verbose: 0, validationData: batches });
  expectTypeOf(history.valLoss).toEqualTypeOf<readonly number[]>();
  expectTypeOf(net.predict(batches)).toEqualTypeOf<Promise<Tensor>>();
  expectTypeOf(net.predict([[1]])).toEqualTypeOf<Tensor>();
  expectTypeOf(await net.evaluate(batches)).toEqualTypeOf<{ readonly loss: number }>();
  // @ts-expect-error the dataset has batches
  await net.fit(batches, { batchSize: 3 }).catch(() => undefined);
});
