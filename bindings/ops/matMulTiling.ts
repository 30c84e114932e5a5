// Into how many units is a matrix product cut, and how many does a thread take at a time?
//
// The unit is the kernel's (assembly/kernels/matMul.ts): 8 rows × 16 columns of the result over all of k, numbered matrix
// by matrix, panel by panel (16 columns), top to bottom. The grain decides speed only, never a bit of the result.

const UNIT_ROWS = 8;
const UNIT_COLUMNS = 16;
/** Multiply-adds below which claiming a chunk is not worth it: about 5 µs of one thread. */
const SMALLEST_CHUNK = 64 * 1024;
/** Chunks that a large product is cut into, so that the last thread to finish is never far behind. */
const LARGEST_COUNT = 128;

/** Units and grain of a product of [m, k] and [k, n] matrices. */
export interface MatMulTiling {
  readonly units: number;
  readonly grain: number;
}

/** How C = op(A)·op(B), op(A) [batch, m, k] × op(B) [batch, k, n] → [batch, m, n], is shared out among threads. */
export function matMulTiling(
  batch: number,
  m: number,
  n: number,
  k: number,
  transposeA: boolean,
  transposeB: boolean,
): MatMulTiling {
  if (n === 1 && m > 1) return matMulTiling(batch, n, m, k, false, !transposeA); // the kernel computes one row instead
  const rowBlocks = Math.ceil(m / UNIT_ROWS);
  const panels = Math.ceil(n / UNIT_COLUMNS);
  const units = batch * panels * rowBlocks;
  const workOfUnit = Math.min(m, UNIT_ROWS) * Math.min(n, UNIT_COLUMNS) * k;
  const wanted = Math.ceil(Math.max(SMALLEST_CHUNK, (units * workOfUnit) / LARGEST_COUNT) / workOfUnit);
  if (wanted >= rowBlocks) return { units, grain: Math.min(units, Math.round(wanted / rowBlocks) * rowBlocks) };
  return { units, grain: Math.ceil(rowBlocks / Math.ceil(rowBlocks / wanted)) }; // a panel in equal parts
}
