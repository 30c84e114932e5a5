// How does an epoch remember its mean loss and its metrics?
//
// As two float64 cells, a total and a count, that survive from step to step; the mean is their quotient.

import { Instruction } from "../instruction";

@unmanaged
export class Accumulate extends Instruction {
  values: usize;
  /** 0: every weight is 1. */
  weights: usize;
  /** Address of two float64: total, count. */
  cells: usize;
  count: u32;
}

/**
 * total += Σᵢ values[i] · weights[i], count += Σᵢ weights[i], in float64 and in the order of i. values and weights float32
 * [count]. Units = 1.
 */
export function accumulate(instruction: usize, begin: u32, end: u32): void {
  if (begin >= end) return;
  const overlay = changetype<Accumulate>(instruction);
  const values = overlay.values;
  const weights = overlay.weights;
  const cells = overlay.cells;
  const count = overlay.count;
  let total = load<f64>(cells);
  let mass = load<f64>(cells, 8);
  if (weights == 0) {
    for (let i: u32 = 0; i < count; ++i) total += <f64>load<f32>(values + ((<usize>i) << 2));
    mass += <f64>count;
  } else {
    for (let i: u32 = 0; i < count; ++i) {
      const weight = <f64>load<f32>(weights + ((<usize>i) << 2));
      total += <f64>load<f32>(values + ((<usize>i) << 2)) * weight;
      mass += weight;
    }
  }
  store<f64>(cells, total);
  store<f64>(cells, mass, 8);
}
