// How does an epoch remember its loss and its metrics?
//
// As float64 cells that survive from step to step: running sums, largest or smallest values.

import { Instruction } from "../instruction";
import { ACCUMULATE_MAX, ACCUMULATE_SUM } from "../opcodes";

@unmanaged
export class Accumulate extends Instruction {
  values: usize;
  /** Address of `width` float64. */
  cells: usize;
  rows: u32;
  width: u32;
  /** One of the ACCUMULATE codes. */
  kind: u32;
}

/**
 * cells[j] ⊕= values[i][j] for i = 0, 1, … in float64; ⊕ is +, max or min. values float32 [rows, width], cells float64
 * [width]. NaN stays. Units = 1.
 */
export function accumulate(instruction: usize, begin: u32, end: u32): void {
  if (begin >= end) return;
  const overlay = changetype<Accumulate>(instruction);
  const rows = overlay.rows;
  const width = overlay.width;
  const kind = overlay.kind;
  const stride = (<usize>width) << 2;
  for (let column: u32 = 0; column < width; ++column) {
    const cell = overlay.cells + ((<usize>column) << 3);
    let value = overlay.values + ((<usize>column) << 2);
    let result = load<f64>(cell);
    for (let row: u32 = 0; row < rows; ++row, value += stride) {
      const next = <f64>load<f32>(value);
      if (kind == ACCUMULATE_SUM) result += next;
      else result = kind == ACCUMULATE_MAX ? max<f64>(result, next) : min<f64>(result, next);
    }
    store<f64>(cell, result);
  }
}
