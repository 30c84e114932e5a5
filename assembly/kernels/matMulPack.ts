// How does a panel of B become contiguous?
//
// A tile reads 16 columns of B for every step of k. In place those reads are n · 4 bytes apart, and n · 4 = 4 KB puts all
// of them in one set of the first-level cache. Packed, a panel is [k][16], 64 bytes a row, read in order.

/** Bytes from one row of a packed panel to the next. */
export const PACKED_STEP: usize = 64;

/**
 * panels[j / 16][p][j % 16] = b[p][j], j < columns, p < k. Rows of b are bRow bytes apart, the panels k · 64 bytes.
 * A last panel narrower than 16 is filled to the next multiple of four with what follows in b; no tile stores that.
 */
export function packPanels(b: usize, bRow: usize, k: u32, columns: u32, panels: usize): void {
  const panelBytes = <usize>k * PACKED_STEP;
  const whole = (<usize>(columns & ~15)) << 2;
  const bytes = (<usize>columns) << 2;
  const end = panels + panelBytes;
  for (; panels < end; panels += PACKED_STEP) {
    let out = panels;
    let offset: usize = 0;
    for (; offset < whole; offset += 64) {
      const from = b + offset;
      v128.store(out, v128.load(from));
      v128.store(out, v128.load(from, 16), 16);
      v128.store(out, v128.load(from, 32), 32);
      v128.store(out, v128.load(from, 48), 48);
      out += panelBytes;
    }
    for (; offset < bytes; offset += 16) {
      v128.store(out, v128.load(b + offset));
      out += 16;
    }
    b += bRow;
  }
}

/**
 * panels[j / 16][p][j % 16] = b[j][p], j < columns, p < k: the panels of a B stored [n, k], rows bRow bytes apart.
 * Blocks of 4 × 4, eight shuffles each. Missing columns of the last block repeat the last column, and up to three rows
 * beyond k are written (the next panel covers them); no tile stores the first or reads the second.
 */
export function packTransposedPanels(b: usize, bRow: usize, k: u32, columns: u32, panels: usize): void {
  const panelBytes = <usize>k * PACKED_STEP;
  for (let column: u32 = 0; column < columns; column += 4) {
    const last = columns - column - 1;
    let b0 = b + <usize>column * bRow;
    let b1 = b0 + <usize>min<u32>(1, last) * bRow;
    let b2 = b0 + <usize>min<u32>(2, last) * bRow;
    let b3 = b0 + <usize>min<u32>(3, last) * bRow;
    let out = panels + <usize>(column >> 4) * panelBytes + ((<usize>(column & 15)) << 2);
    for (let p: u32 = 0; p < k; p += 4) {
      const row0 = v128.load(b0);
      const row1 = v128.load(b1);
      const row2 = v128.load(b2);
      const row3 = v128.load(b3);
      const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
      const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
      const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
      v128.store(out, v128.shuffle<f64>(low01, low23, 0, 2));
      v128.store(out, v128.shuffle<f64>(low01, low23, 1, 3), 64);
      v128.store(out, v128.shuffle<f64>(high01, high23, 0, 2), 128);
      v128.store(out, v128.shuffle<f64>(high01, high23, 1, 3), 192);
      b0 += 16;
      b1 += 16;
      b2 += 16;
      b3 += 16;
      out += 4 * PACKED_STEP;
    }
  }
}
