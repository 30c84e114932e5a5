// Does compiling a model of twice as many layers take twice the work? Counted, not timed.

import { expect, it } from "vitest";
import { defaultCompileOptions } from "../../bindings/compiler/program.ts";
import { layers, ops, sequential } from "../../bindings/index.ts";
import { Variable } from "../../bindings/variable.ts";

/** How often the compiler asks where a variable lies, for one training step of `depth` dense layers. */
function placesAskedFor(depth: number): number {
  const storage = Object.getOwnPropertyDescriptor(Variable.prototype, "storage") as PropertyDescriptor;
  let asked = 0;
  Object.defineProperty(Variable.prototype, "storage", {
    ...storage,
    get(this: Variable) {
      asked++;
      return storage.get?.call(this);
    },
  });
  // The verifier compares all with all.
  const { verify } = defaultCompileOptions;
  defaultCompileOptions.verify = undefined;
  try {
    const network = sequential([
      layers.inputLayer({ shape: [4] }),
      ...Array.from({ length: depth }, () => layers.dense({ units: 4, activation: "tanh" })),
    ]);
    network.compile({ optimizer: "adam", loss: "meanSquaredError" });
    network.trainOnBatch(ops.ones([2, 4]), ops.ones([2, 4]));
    network.dispose();
  } finally {
    defaultCompileOptions.verify = verify;
    Object.defineProperty(Variable.prototype, "storage", storage);
  }
  return asked;
}

it("asks for the places of variables in proportion to their number", () => {
  const [less, more] = [placesAskedFor(60), placesAskedFor(120)];
  expect(less).toBeGreaterThan(60);
  expect(more / less).toBeLessThan(2.4);
});
