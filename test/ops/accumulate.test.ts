// Does a metric add up exactly, over batches and epochs?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { setCutting } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import {
  accumulate,
  accumulator,
  type Combination,
  clearAccumulator,
  readAccumulator,
} from "../../bindings/ops/accumulate.ts";
import { equal } from "../../bindings/ops/map.ts";
import { tensor } from "../../bindings/tensor.ts";
import { floats, generator } from "../harness/random.ts";

const next = generator(11);

it.each([1, 3, 17, 1025, 20_000])("sums %i values in float64, in their order", (count) => {
  const cells = accumulator("total");
  const add = compiled((x: SymbolicTensor) => {
    accumulate(cells, x);
    return [];
  });
  const values = floats(next, count, { low: -1, high: 1e6 });
  let total = 0;
  for (const threads of [1, 2, 3]) {
    setCutting(threads);
    add(values);
    for (const value of values) total += value;
  }
  setCutting(1);
  expect(readAccumulator(cells)).toEqual([total]);
});

it.each(["sum", "max", "min"] as const)("keeps the %s of each column of rows", (combination: Combination) => {
  const cells = accumulator("columns", 3, combination);
  const add = compiled((x: SymbolicTensor) => {
    accumulate(cells, x, combination);
    return [];
  });
  const x = floats(next, 30, { low: -2, high: 2 });
  const join = { sum: (a: number, b: number) => a + b, max: Math.max, min: Math.min }[combination];
  add(tensor(x.subarray(0, 12), [2, 2, 3]));
  add(tensor(x.subarray(12), [6, 3]));
  const columns = [0, 1, 2].map((column) => Array.from(x.filter((_, index) => index % 3 === column)));
  expect(readAccumulator(cells)).toEqual(columns.map((values) => values.reduce((a, b) => join(a, b))));
});

it("counts hits, keeps NaN and starts anew when cleared", () => {
  const cells = accumulator("hits");
  const add = compiled((a: SymbolicTensor, b: SymbolicTensor) => {
    accumulate(cells, equal(a, b));
    return [];
  });
  add([1, 2, 3], [1, 0, 3]);
  add([1], [1]);
  expect(readAccumulator(cells)).toEqual([3]);
  clearAccumulator(cells);
  expect(readAccumulator(cells)).toEqual([0]);
  const largest = accumulator("largest", 1, "max");
  const keep = compiled((x: SymbolicTensor) => {
    accumulate(largest, x, "max");
    return [];
  });
  keep([1, Number.NaN, 3]);
  expect(readAccumulator(largest)).toEqual([Number.NaN]);
});

it("refuses rows of another length", () => {
  const cells = accumulator("wrong", 2);
  const add = compiled((x: SymbolicTensor) => {
    accumulate(cells, x);
    return [];
  });
  expect(() => add([1, 2, 3])).toThrow("wrong: expected values of shape [..., 2], received [3]");
});
