// How do elements move without changing: transposed, sliced, concatenated, padded, broadcast?
//
// One strided copy does it all. The lowering merges neighbouring dimensions where it can; what remains is at most six
// dimensions with two strides each. The kernel walks runs of rows (the second-innermost dimension), so that the index
// arithmetic with its divisions is paid once a run.

import { Instruction } from "../instruction";

@unmanaged
export class Copy extends Instruction {
  input: usize;
  out: usize;
  /** Bytes of an element: 1 or 4. */
  bytes: u32;
  /** 1 … 6; dimension rank - 1 is the innermost. */
  rank: u32;
  size0: u32;
  size1: u32;
  size2: u32;
  size3: u32;
  size4: u32;
  size5: u32;
  /** In elements; 0 repeats one element, negative walks backwards. */
  inputStride0: i32;
  inputStride1: i32;
  inputStride2: i32;
  inputStride3: i32;
  inputStride4: i32;
  inputStride5: i32;
  outStride0: i32;
  outStride1: i32;
  outStride2: i32;
  outStride3: i32;
  outStride4: i32;
  outStride5: i32;
}

/** From here on the call behind `memory.copy` is no dearer than a loop (measured on Node 20: 8 ns a row at 128 bytes). */
const BULK_BYTES: usize = 128;

/** Rows of a transposition done together: sixteen float32 are one cache line of the input. */
const BAND: u32 = 16;

/**
 * out[i₀ …] = input[i₀ …] with sizes s₀ … and one stride per dimension and side. Unit: one row, that is all elements of
 * the innermost dimension; units = s₀ · … · s(rank-2). `input` and `out` must not overlap.
 */
export function copy(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Copy>(instruction);
  const bytes = overlay.bytes;
  const rank = <i32>overlay.rank;
  const input = overlay.input;
  const out = overlay.out;
  const sizes = instruction + offsetof<Copy>("size0");
  const inputStrides = instruction + offsetof<Copy>("inputStride0");
  const outStrides = instruction + offsetof<Copy>("outStride0");

  const innermost: usize = (<usize>(rank - 1)) << 2;
  const columns = load<u32>(sizes + innermost);
  const inputStep: isize = <isize>(load<i32>(inputStrides + innermost) * <i32>bytes);
  const outStep: isize = <isize>(load<i32>(outStrides + innermost) * <i32>bytes);
  let run: u32 = 1;
  let inputJump: isize = 0;
  let outJump: isize = 0;
  if (rank > 1) {
    run = load<u32>(sizes + innermost - 4);
    inputJump = <isize>(load<i32>(inputStrides + innermost - 4) * <i32>bytes);
    outJump = <isize>(load<i32>(outStrides + innermost - 4) * <i32>bytes);
  }

  for (let row = begin; row < end; ) {
    let rest = row / run;
    const first = row - rest * run;
    let from = input + <usize>(<isize>first * inputJump);
    let to = out + <usize>(<isize>first * outJump);
    for (let dimension = rank - 3; dimension >= 0; --dimension) {
      const word = (<usize>dimension) << 2;
      const size = load<u32>(sizes + word);
      const quotient = rest / size;
      const index = <i32>((rest - quotient * size) * bytes);
      rest = quotient;
      from += <usize>(index * load<i32>(inputStrides + word));
      to += <usize>(index * load<i32>(outStrides + word));
    }
    const rows = min(run - first, end - row);
    copyRows(from, to, rows, columns, bytes, inputStep, outStep, inputJump, outJump);
    row += rows;
  }
}

/** Copies `rows` rows; steps (between columns) and jumps (between rows) are in bytes. */
function copyRows(
  from: usize,
  to: usize,
  rows: u32,
  columns: u32,
  bytes: u32,
  inputStep: isize,
  outStep: isize,
  inputJump: isize,
  outJump: isize,
): void {
  const packed = outStep == <isize>bytes;
  if (packed && inputStep == <isize>bytes) {
    for (; rows > 0; --rows) {
      copyBytes(to, from, <usize>(columns * bytes));
      from += <usize>inputJump;
      to += <usize>outJump;
    }
    return;
  }
  if (packed && inputStep == 0) {
    for (; rows > 0; --rows) {
      if (bytes == 1) memory.fill(to, load<u8>(from), <usize>columns);
      else fillWords(to, load<u32>(from), columns);
      from += <usize>inputJump;
      to += <usize>outJump;
    }
    return;
  }
  if (packed && bytes == 4 && inputJump == 4 && columns >= 4) {
    while (rows >= 4) {
      const band = min(BAND, rows & ~3);
      transposeBand(from, to, band, columns, inputStep, outJump);
      from += (<usize>band) << 2;
      to += <usize>(<isize>band * outJump);
      rows -= band;
    }
  }
  for (; rows > 0; --rows) {
    let source = from;
    let target = to;
    if (bytes == 1) {
      for (let column: u32 = 0; column < columns; ++column) {
        store<u8>(target, load<u8>(source));
        source += <usize>inputStep;
        target += <usize>outStep;
      }
    } else {
      for (let column: u32 = 0; column < columns; ++column) {
        store<u32>(target, load<u32>(source));
        source += <usize>inputStep;
        target += <usize>outStep;
      }
    }
    from += <usize>inputJump;
    to += <usize>outJump;
  }
}

/** `band` (a multiple of 4) rows of out from columns of input, in blocks of 4 × 4 words; input[c][r] → out[r][c]. */
function transposeBand(from: usize, to: usize, band: u32, columns: u32, inputStep: isize, outJump: isize): void {
  const step = <usize>inputStep;
  const jump = <usize>outJump;
  let column: u32 = 0;
  for (; column + 4 <= columns; column += 4) {
    let target = to;
    for (let row: u32 = 0; row < band; row += 4) {
      const source = from + ((<usize>row) << 2);
      const a = v128.load(source);
      const b = v128.load(source + step);
      const c = v128.load(source + 2 * step);
      const d = v128.load(source + 3 * step);
      const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
      const cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
      const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
      const gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
      v128.store(target, v128.shuffle<u64>(ab, cd, 0, 2));
      v128.store(target + jump, v128.shuffle<u64>(ab, cd, 1, 3));
      v128.store(target + 2 * jump, v128.shuffle<u64>(ef, gh, 0, 2));
      v128.store(target + 3 * jump, v128.shuffle<u64>(ef, gh, 1, 3));
      target += 4 * jump;
    }
    from += 4 * step;
    to += 16;
  }
  for (; column < columns; ++column) {
    let target = to;
    for (let row: u32 = 0; row < band; ++row) {
      store<u32>(target, load<u32>(from + ((<usize>row) << 2)));
      target += jump;
    }
    from += step;
    to += 4;
  }
}

function fillWords(to: usize, value: u32, count: u32): void {
  const end = to + ((<usize>count) << 2);
  const vector = i32x4.splat(<i32>value);
  for (; to + 16 <= end; to += 16) v128.store(to, vector);
  for (; to < end; to += 4) store<u32>(to, value);
}

/** Copies any number of bytes between places that do not overlap. */
export function copyBytes(to: usize, from: usize, bytes: usize): void {
  if (bytes >= BULK_BYTES) {
    memory.copy(to, from, bytes);
    return;
  }
  const end = to + bytes;
  for (; to + 16 <= end; to += 16, from += 16) v128.store(to, v128.load(from));
  for (; to + 4 <= end; to += 4, from += 4) store<u32>(to, load<u32>(from));
  for (; to < end; ++to, ++from) store<u8>(to, load<u8>(from));
}

/** The first `count` (1 … 3) words at `address`; the other lanes are those of `filler`. Reads nothing beyond. */
export function loadPartial(address: usize, count: u32, filler: v128): v128 {
  if (count == 1) return v128.load_lane<u32>(address, filler, 0);
  const pair = v128.load_lane<u64>(address, filler, 0);
  return count == 2 ? pair : v128.load_lane<u32>(address, pair, 2, 8);
}

/** Writes the first `count` (1 … 3) lanes and nothing beyond. */
export function storePartial(address: usize, count: u32, value: v128): void {
  if (count == 1) {
    v128.store_lane<u32>(address, value, 0);
    return;
  }
  v128.store_lane<u64>(address, value, 0);
  if (count == 3) v128.store_lane<u32>(address, value, 2, 8);
}
