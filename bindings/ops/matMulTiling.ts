// Into how many units is a matrix product cut, and how many does a thread take at a time?
//
// The unit is the kernel's (assembly/kernels/matMul.ts): 8 rows × 16 columns of the result over all of k, numbered matrix
// by matrix, panel by panel (16 columns), top to bottom. The grain decides speed only, never a bit of the result.

const UNIT_ROWS = 8;
const UNIT_COLUMNS = 16;
/** Multiply-adds of the smallest chunk: about 10 µs of one thread. */
const SMALLEST_CHUNK = 128 * 1024;
/** Chunks of a large product: enough to share out evenly, few enough to read A seldom. */
const CHUNKS = 32;
/** The same when A is packed, which costs less over more panels (1024³: 77–78 % of peak over two, 79–84 % over four). */
const CHUNKS_PACKING_A = 16;
/** Unit rows that pay for packing a panel of B. */
const PACKED_ROW_BLOCKS = 8;
/** Panels of a few rows: B is then read row by row (1 × 1024 × 1024 by 16, 32, 64 panels: 39, 44, 51 % of peak). */
const STREAMED_PANELS = 32;
/** The kernel's IN_PLACE_BYTES, PACK_ROWS and PACK_A_DEPTH. */
const IN_PLACE_BYTES = 512 * 1024;
const PACK_ROWS = 4;
const PACK_A_DEPTH = 160;

/** Units and grain of a product, and whether the units are numbered by rows (BY_ROWS). */
export interface MatMulTiling {
  readonly units: number;
  readonly grain: number;
  readonly byRows: boolean;
}

/** How many blocks of 8 rows × 16 columns C has; a single column counts as a row. */
export function matMulUnits(batch: number, m: number, n: number): number {
  if (n === 1 && m > 1) return matMulUnits(batch, 1, m);
  return batch * Math.ceil(n / UNIT_COLUMNS) * Math.ceil(m / UNIT_ROWS);
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
  if (n === 1 && m > 1) return matMulTiling(batch, 1, m, k, false, !transposeA); // the kernel computes the row Cᵀ
  const rowBlocks = Math.ceil(m / UNIT_ROWS);
  const panels = Math.ceil(n / UNIT_COLUMNS);
  const units = matMulUnits(batch, m, n);
  if (units === 0) return { units, grain: 1, byRows: false };

  const unitWork = Math.min(m, UNIT_ROWS) * Math.min(n, UNIT_COLUMNS) * k;
  const chunks = transposeA && m > 1 && k >= PACK_A_DEPTH ? CHUNKS_PACKING_A : CHUNKS;
  let wanted = Math.ceil(Math.max(SMALLEST_CHUNK, (units * unitWork) / chunks) / unitWork);
  // The gradient of a weight, which an optimizer goes through row by row.
  if (transposeA && m > 1 && 4 * k * n <= IN_PLACE_BYTES && wanted < panels * rowBlocks) {
    const grain =
      wanted < panels ? inEqualParts(panels, wanted) : inEqualParts(rowBlocks, Math.round(wanted / panels)) * panels;
    return { units, grain, byRows: true };
  }
  if (m < PACK_ROWS) wanted = Math.max(wanted, STREAMED_PANELS);
  else if (transposeB || 4 * k * n > IN_PLACE_BYTES) wanted = Math.max(wanted, Math.min(rowBlocks, PACKED_ROW_BLOCKS));

  const byRows = false;
  if (wanted < rowBlocks) return { units, grain: inEqualParts(rowBlocks, wanted), byRows };
  if (wanted < panels * rowBlocks)
    return { units, grain: inEqualParts(panels, Math.round(wanted / rowBlocks)) * rowBlocks, byRows };
  const matrices = inEqualParts(batch, Math.round(wanted / (panels * rowBlocks)));
  return { units, grain: matrices * panels * rowBlocks, byRows };
}

/** The size of the parts when `total` is cut into parts of at most `size`, as equal as can be. */
function inEqualParts(total: number, size: number): number {
  return Math.ceil(total / Math.ceil(total / size));
}
