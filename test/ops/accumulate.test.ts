// Does a metric add up exactly, over batches and epochs?

import { expect, it } from "vitest";
import { compiled } from "../../bindings/compiled.ts";
import { setCutting } from "../../bindings/engine.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { accumulate, accumulator, clearAccumulator, readAccumulator } from "../../bindings/ops/accumulate.ts";
import { equal, multiply } from "../../bindings/ops/map.ts";
import { tensor } from "../../bindings/tensor.ts";
import { floats, generator } from "../harness/random.ts";

const next = generator(11);

it.each([1, 3, 4, 5, 17, 1025, 20_000])("sums %i values in float64, in their order", (count) => {
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
  expect(readAccumulator(cells)).toEqual({ total, weight: 3 * count });
});

it("weighs values, with weights that broadcast", () => {
  const cells = accumulator("weighted");
  const add = compiled((x: SymbolicTensor, w: SymbolicTensor) => {
    accumulate(cells, x, w);
    return [];
  });
  const x = floats(next, 15, { low: -2, high: 2 });
  const w = floats(next, 5, { low: 0, high: 1 });
  add(tensor(x, [3, 5]), w);
  let [total, weight] = [0, 0];
  x.forEach((value, index) => {
    total += value * (w[index % 5] as number);
    weight += w[index % 5] as number;
  });
  expect(readAccumulator(cells)).toEqual({ total, weight });
});

it("counts hits and starts anew when cleared", () => {
  const cells = accumulator("accuracy");
  const add = compiled((a: SymbolicTensor, b: SymbolicTensor) => {
    accumulate(cells, equal(a, b));
    return multiply(a, 1);
  });
  add([1, 2, 3], [1, 0, 3]);
  add([1], [1]);
  expect(readAccumulator(cells)).toEqual({ total: 3, weight: 4 });
  clearAccumulator(cells);
  expect(readAccumulator(cells)).toEqual({ total: 0, weight: 0 });
  add([5], [4]);
  expect(readAccumulator(cells)).toEqual({ total: 0, weight: 1 });
});

it("refuses weights that do not broadcast", () => {
  const cells = accumulator("wrong");
  const add = compiled((x: SymbolicTensor, w: SymbolicTensor) => {
    accumulate(cells, x, w);
    return [];
  });
  expect(() => add([1, 2, 3], [1, 2])).toThrow("broadcastTo: expected a shape that broadcasts to [3], received [2]");
});
