// How is a convolution cut into units of work?
//
// A convolution is a product of matrices that are never written down: rows are output positions, k runs over taps and
// over the input channels of a group, columns are the output channels of the group.
//
//   unit     one block of output positions (convWindows.ts) × 16 columns, over all of k. Numbered group by group; in a
//            group with BY_ROWS block by block, from the first panel of columns to the last; else panel by panel.
//   run      the units [begin, end) are merged into the largest rectangles they contain.
//   k        is cut into parts of `tapPart` taps × `channelPart` channels, up to 576 steps. For a block of positions a part
//            packs the windows of its taps: once for all panels.
//
// Every part of an output is one running sum, tap by tap and channel by channel (with fewer than four columns see dotPieces);
// these are added in order, so the error is at most (576 + number of parts) · 2⁻²⁴ · Σ|x · kernel|. Then + bias, then the
// activation: its bits do not depend on the cut. Taps that see nothing but zeros outside the input along the first two axes
// are left out, except where patches are packed. Zeros outside the input contribute nothing, whatever the kernel holds:
// convSeen.ts.
//
// With DEPTHWISE see convDepthwise.ts; the kernel's gradient is in convKernelGradient.ts. Up to 12 bytes behind the last
// element of every operand are read and must lie inside the memory. Nothing outside the output is written.

import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { BY_ROWS, DEPTHWISE, HAS_ACTIVATION, HAS_BIAS, RELU } from "../opcodes";
import { depthwise } from "./convDepthwise";
import { depthwiseKernelGradient } from "./convDepthwiseGradient";
import { kernelGradient } from "./convKernelGradient";
import { areFinite, mendBlock } from "./convSeen";
import { dotPieces, multiplyPieces } from "./convTiles";
import {
  addPiece,
  axisOf,
  BEHIND_WINDOWS,
  blocksOfRow,
  clearPieces,
  count,
  forgetWindows,
  locate,
  outputPosition,
  packPatches,
  packTaps,
  patchStep,
  PIECE_BYTES,
  piecesEnd,
} from "./convWindows";
import { applyUnary } from "./map";
import { IN_PLACE_BYTES, PANEL } from "./matMulBlocks";
import { PACKED_STEP, packPanels } from "./matMulPack";
import { BIAS, CLAMP, CONTINUE } from "./matMulTiles";

/** With fewer channels the pieces of a position are copied side by side: loops of three steps cost more than the copy. */
const PATCH_DEPTH: u32 = 8;
/** Three columns of B, one after the other. */
const NARROW_BYTES: usize = 8 * 1024;
/** Rows of a kernel that cost as much to look at as the edges of a block. */
const LOOKS: u32 = 16;
/** Rows of B that are packed at once: 128 KB. */
const PACKED_ROWS: u32 = 2048;

@unmanaged
export class Conv extends Instruction {
  /** [batch, …input, channels]. */
  x: usize;
  /** [taps, channels / groups, columns]. */
  kernel: usize;
  /** [batch, …output, columns]. */
  out: usize;
  /** [columns], read with HAS_BIAS. */
  bias: usize;
  /** Three of convWindows.ts' Axis. */
  geometry: usize;
  batch: u32;
  channels: u32;
  columns: u32;
  groups: u32;
  /** Output positions of a block. */
  positions: u32;
  /** Taps and channels of a part of k; several taps only with all channels of the group. */
  tapPart: u32;
  channelPart: u32;
  flags: u32;
  /** A unary MAP code, applied with HAS_ACTIVATION. */
  activation: u32;
}

@unmanaged
export class ConvKernelGradient extends Instruction {
  /** [batch, …input, channels]. */
  x: usize;
  /** [batch, …output, columns]. */
  dy: usize;
  /** [taps, channels / groups, columns]. */
  out: usize;
  /** Three of convWindows.ts' Axis, with quotient 1. */
  geometry: usize;
  batch: u32;
  channels: u32;
  columns: u32;
  groups: u32;
  /** Output positions of a block. */
  positions: u32;
  /** Blocks whose products are summed before they are added to the total. */
  blocks: u32;
  /** Neighbouring taps and channels that make up the rows of a unit; several taps only with all channels of a group. */
  tapPart: u32;
  channelPart: u32;
  /** With MENDS `out` holds the result of another algorithm, right where it is finite. */
  flags: u32;
}

/** out = act(conv(x, kernel) + bias), units as above. */
export function conv(instruction: usize, begin: u32, end: u32): void {
  const it = changetype<Conv>(instruction);
  if (it.flags & DEPTHWISE) {
    depthwise(it, begin, end);
    return;
  }
  const blocks =
    it.batch * axisOf(it.geometry, 0).output * axisOf(it.geometry, 1).output * blocksOfRow(it.geometry, it.positions);
  const columns = it.columns / it.groups;
  const panels = (columns + PANEL - 1) / PANEL;
  const byRows = (it.flags & BY_ROWS) != 0;
  while (begin < end) {
    const group = begin / (blocks * panels);
    const unit = begin % (blocks * panels);
    const units = end - begin;
    let panel: u32, block: u32, panelCount: u32, blockCount: u32;
    if (byRows) {
      block = unit / panels;
      panel = unit % panels;
      blockCount = 1;
      panelCount = min(panels - panel, units);
      if (panel == 0 && units >= panels) blockCount = min(blocks - block, units / panels);
    } else {
      panel = unit / blocks;
      block = unit % blocks;
      panelCount = 1;
      blockCount = min(blocks - block, units);
      if (block == 0 && units >= blocks) panelCount = min(panels - panel, units / blocks);
    }
    begin += panelCount * blockCount;
    const column = panel * PANEL;
    convRectangle(it, group, block, blockCount, column, min(panelCount * PANEL, columns - column));
  }
}

/** Blocks [block, block + blocks) × columns [column, column + width) of a group. */
function convRectangle(it: Conv, group: u32, block: u32, blocks: u32, column: u32, width: u32): void {
  const geometry = it.geometry;
  const taps: u32 = axisOf(geometry, 0).taps * axisOf(geometry, 1).taps * axisOf(geometry, 2).taps;
  const channels = it.channels / it.groups;
  const kernelRow = (<usize>it.columns) << 2;
  const narrow = it.columns / it.groups < 4;
  const inPlace = narrow || <usize>(taps * channels) * kernelRow <= IN_PLACE_BYTES;
  const patched = inPlace && channels < PATCH_DEPTH && axisOf(geometry, 2).quotient == 1;
  const outRow = (<usize>axisOf(geometry, 2).quotient * it.columns) << 2;
  const partRows = it.tapPart * it.channelPart;
  const zeros = scratch + BEHIND_WINDOWS;
  const packed = zeros + 64;
  const patches = packed + NARROW_BYTES; // only where the kernel is read in place
  const positionBytes = (<usize>it.channels) << 2;
  memory.fill(zeros, 0, 64);

  let last: u32 = it.flags & HAS_BIAS ? BIAS : 0;
  const activates = (it.flags & HAS_ACTIVATION) != 0;
  const clamps = activates && it.activation == RELU;
  if (clamps) last |= CLAMP;

  // A look at a small kernel costs less than one at the edges of many blocks.
  const firstWeight = it.kernel + ((<usize>(group * (it.columns / it.groups) + column)) << 2);
  const mends = taps * channels > LOOKS * blocks || !areFinite(firstWeight, kernelRow, taps * channels, width);

  const groupWidth = inPlace ? width : (PACKED_ROWS / partRows) * PANEL;
  for (let offset: u32 = 0; offset < width; offset += groupWidth) {
    const firstColumn = group * (it.columns / it.groups) + column + offset;
    const columns = min(width - offset, groupWidth);
    for (let tap: u32 = 0; tap < taps; tap += it.tapPart) {
      const tapEnd = min(taps, tap + it.tapPart);
      for (let channel: u32 = 0; channel < channels; channel += it.channelPart) {
        const depth = min(channels - channel, it.channelPart);
        const rows = (tapEnd - tap) * depth;
        let b = it.kernel + <usize>(tap * channels + channel) * kernelRow + ((<usize>firstColumn) << 2);
        let bStep = kernelRow;
        let bPanel = PACKED_STEP;
        if (narrow) {
          bPanel = ((<usize>rows) << 2) + 16;
          for (let j: u32 = 0; j < columns; j++)
            packColumn(b + ((<usize>j) << 2), kernelRow, rows, packed + j * bPanel);
          b = packed;
          bStep = 4;
        } else if (!inPlace) {
          packPanels(b, kernelRow, rows, columns, packed);
          b = packed;
          bStep = PACKED_STEP;
          bPanel = <usize>rows * PACKED_STEP;
        }
        const ends = tapEnd == taps && channel + depth == channels;
        const mode = (tap + channel > 0 ? CONTINUE : 0) | (ends ? last : 0);
        forgetWindows();
        for (let i: u32 = 0; i < blocks; i++) {
          locate(geometry, it.positions, block + i);
          if (count == 0) continue;
          const first = it.x + ((<usize>(group * channels + channel)) << 2);
          packTaps(geometry, first, positionBytes, depth, tap, tapEnd, b, <usize>depth * bStep, patched);
          let aRow = (<usize>axisOf(geometry, 2).stride * depth) << 2;
          let bOffset = bPanel;
          if (piecesEnd == scratch) {
            if (mode == CONTINUE && !ends) continue;
            aRow = 0;
            addPiece(zeros, zeros, 1);
            bOffset = 0;
          } else if (patched && piecesEnd > scratch + PIECE_BYTES) {
            const step = patchStep(rows);
            packPatches(patches, step, aRow);
            aRow = step;
            clearPieces();
            addPiece(patches, b, rows);
          }
          let out = it.out + ((outputPosition(geometry, 0) * it.columns + firstColumn) << 2);
          if (narrow) {
            for (let j: u32 = 0; j < columns; j++) {
              const bias = it.bias + ((<usize>(firstColumn + j)) << 2);
              dotPieces(scratch, piecesEnd, aRow, j * bOffset, out, outRow, count, bias, mode);
              out += 4;
            }
            if (ends && mends) mendBlock(it, group, firstColumn, columns, patched, true, last);
            continue;
          }
          for (let j: u32 = 0; j < columns; j += PANEL) {
            multiplyPieces(
              scratch,
              piecesEnd,
              aRow,
              4,
              <usize>(j / PANEL) * bOffset,
              bStep,
              out,
              outRow,
              count,
              min(PANEL, columns - j),
              it.bias + ((<usize>(firstColumn + j)) << 2),
              mode,
            );
            out += PANEL << 2;
          }
          if (ends && mends) mendBlock(it, group, firstColumn, columns, patched, false, last);
        }
      }
    }
  }
  if (!activates || clamps) return;
  // The activation sees an element in any lane and any chunk: applyUnary must give it the same bits everywhere.
  const firstColumn = group * (it.columns / it.groups) + column;
  for (let i: u32 = 0; i < blocks; i++) {
    locate(geometry, it.positions, block + i);
    for (let step = 0; step < count; step++) {
      applyUnary(it.activation, it.out + ((outputPosition(geometry, step) * it.columns + firstColumn) << 2), width);
    }
  }
}

/** One column of B, side by side. */
function packColumn(b: usize, bRow: usize, rows: u32, out: usize): void {
  for (; rows > 0; rows--) {
    store<f32>(out, load<f32>(b));
    b += bRow;
    out += 4;
  }
}

/** out = Σ over positions of x ⊗ dy. Units: convKernelGradient.ts. */
export function convKernelGradient(instruction: usize, begin: u32, end: u32): void {
  const it = changetype<ConvKernelGradient>(instruction);
  if (it.flags & DEPTHWISE) depthwiseKernelGradient(it, begin, end);
  else kernelGradient(it, begin, end);
}
