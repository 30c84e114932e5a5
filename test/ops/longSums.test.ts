// Are long sums with few results shared among threads, right, and differentiated at once?

import { expect, test } from "vitest";
import { compiled, valueAndGrad } from "../../bindings/compiled.ts";
import type { SymbolicTensor } from "../../bindings/graph.ts";
import { multiply } from "../../bindings/ops/map.ts";
import { sum } from "../../bindings/ops/reduce.ts";
import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { floats, generator } from "../harness/random.ts";

/** x [outer, rows, columns], summed over its rows; in how many parts. */
const cases = [
  { outer: 1, rows: 4400, columns: 17, parts: 55 },
  { outer: 1, rows: 1 << 17, columns: 1, parts: 64 },
  { outer: 3, rows: 8192, columns: 3, parts: 64 },
  { outer: 1, rows: 7919, columns: 16, parts: 1 },
  { outer: 8, rows: 8192, columns: 1, parts: 1 },
  { outer: 1, rows: 4096, columns: 15, parts: 1 },
] as const;

test.each(cases)("%o", ({ outer, rows, columns, parts }) => {
  const size = outer * rows * columns;
  const next = generator(7);
  const x = tensor(floats(next, size, { low: -2, high: 2 }), [outer, rows, columns]);
  const upstream = tensor(floats(next, outer * columns, { low: -2, high: 2 }), [outer, columns]);
  const wanted = new Float64Array(outer * columns);
  const placeOf = (index: number): number => Math.floor(index / (rows * columns)) * columns + (index % columns);
  x.data.forEach((value, index) => {
    wanted[placeOf(index)] = (wanted[placeOf(index)] as number) + value;
  });
  const total = compiled((input: SymbolicTensor) => sum(input, 1));
  total(x).data.forEach((value, index) => {
    expect(Math.abs(value - (wanted[index] as number))).toBeLessThan(1e-6 * rows);
  });
  const program = total.program(x);
  const text = program.explain().toString();
  program.dispose();
  expect(text.includes(`[${outer * parts}, ${columns}]`)).toBe(true);
  expect(text.match(/ sum /g)?.length).toBe(parts === 1 ? 1 : 2);

  const { gradients } = valueAndGrad((input) => sum(multiply(sum(input, 1), upstream)))(x);
  const dx = gradients[0] as Tensor;
  const wrong = Array.from(dx.data, (value, index) => value !== upstream.data[placeOf(index)]);
  expect(wrong.length).toBe(size);
  expect(wrong.includes(true)).toBe(false);
});

test("of integers they are exact", () => {
  const ones = tensor(new Int32Array(1 << 17).fill(3), [1 << 17]);
  expect(compiled((x: SymbolicTensor) => sum(x))(ones).item()).toBe(3 << 17);
});
