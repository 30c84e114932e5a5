// Which data do the tests of metrics measure?

import { type Tensor, tensor } from "../../bindings/tensor.ts";
import { floats, generator } from "../harness/random.ts";

/** Rows of three numbers, and labels 0 and 1 that follow from them only in part. */
export function seeded(rows: number): { readonly x: Tensor; readonly labels: Tensor; readonly truths: number[] } {
  const next = generator(5);
  const x = floats(next, rows * 3, { low: -2, high: 2 });
  const noise = floats(next, rows, { low: -2, high: 2 });
  const truths = Array.from(noise, (each, row) => ((x[row * 3] as number) + each > 0 ? 1 : 0));
  return { x: tensor(x, [rows, 3]), labels: tensor(Float32Array.from(truths), [rows, 1]), truths };
}
