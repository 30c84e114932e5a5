// How probable are labels, over all ways in which frames can spell them, and what does each frame add to that?
//
//   states   labels 0 … n − 1 and, around them, blanks 0 … n, in two lines: label i follows itself, blank i or, unless they
//            are of one class, label i − 1; blank i follows itself or label i − 1. In logarithms throughout (Graves et
//            al., 2006); IMPOSSIBLE stands for ln 0.
//   shift    of each frame the largest logarithm is taken off the next one and added up in float64, so that float32 holds
//            differences only, however many frames there are.
//   back     the same from the end is the same of labels and frames in reverse.
//   scratch  4 words of IMPOSSIBLE; labels, blanks; what the frame says of each label; the price of a jump to each label
//            from the one before; places of their classes; two lines of probabilities. Lines of `width` bytes.

import { Instruction } from "../instruction";
import { fault } from "../fault";
import { log, normalExp, normalLog } from "../math";
import { scratch } from "../memory";
import { FAULT_INDEX } from "../opcodes";
import { rowMaximum, sumOfExponentials, sumOfLanes } from "./softmax";

@unmanaged
export class Ctc extends Instruction {
  logits: usize;
  labels: usize;
  /** How many labels of each sample count, and how many frames: int32 [batch]. */
  labelLengths: usize;
  frameLengths: usize;
  out: usize;
  /** What came before each frame, for the gradient: [batch, frames, 2, width / 4]; 0 where it is not wanted. */
  before: usize;
  frames: u32;
  columns: u32;
  /** Labels of a sample. */
  length: u32;
  blank: u32;
}

@unmanaged
export class CtcGradient extends Instruction {
  logits: usize;
  labels: usize;
  labelLengths: usize;
  frameLengths: usize;
  /** [batch]: what Ctc found, and the gradient of that. */
  loss: usize;
  upstream: usize;
  out: usize;
  before: usize;
  frames: u32;
  columns: u32;
  length: u32;
  blank: u32;
}

/** Finite, so that no difference of two of them is NaN, and beyond every sum of logarithms. */
const IMPOSSIBLE: f32 = -1e30;
/** First of the labels in scratch. */
const MARGIN: usize = 16;

/**
 * out[b] = −ln P(labels[b] | logits[b]). logits [batch, frames, columns], labels [batch, length] → out [batch]; Infinity where
 * the frames do not suffice. Unit: one sample. A label outside 0 … columns − 1 is a fault; its out is 0.
 */
export function ctc(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Ctc>(instruction);
  const length = overlay.length;
  const columns = overlay.columns;
  const rowBytes = (<usize>columns) << 2;
  const blank = (<usize>overlay.blank) << 2;
  const before = overlay.before;
  const stride = 2 * widthOf(length);
  for (let sample = begin; sample < end; ++sample) {
    const to = overlay.out + ((<usize>sample) << 2);
    const count = min(load<u32>(overlay.labelLengths + ((<usize>sample) << 2)), length);
    const frames = min(load<u32>(overlay.frameLengths + ((<usize>sample) << 2)), overlay.frames);
    const width = widthOf(count);
    if (!start(overlay.labels, sample * length, count, columns, false)) {
      store<f32>(to, 0);
      continue;
    }
    let x = overlay.logits + <usize>sample * overlay.frames * rowBytes;
    let reached = before == 0 ? 0 : before + <usize>sample * overlay.frames * stride;
    let shift: f32 = 0;
    let total: f64 = 0;
    for (let frame: u32 = 0; frame < frames; ++frame) {
      const largest = rowMaximum(x, columns);
      const logSum = log(f32x4.splat(sumOfExponentials(x, 0, columns, largest)));
      total += <f64>shift;
      shift = advance(x, blank, count, largest, logSum, shift, reached);
      x += rowBytes;
      if (before != 0) reached += stride;
    }
    const last = scratch + MARGIN + ((<usize>count) << 2);
    const ends = logOfTwo(v128.load32_splat(last - 4), v128.load32_splat(last + width));
    const found = <f32>(total + <f64>f32x4.extract_lane(ends, 0));
    store<f32>(to, found < IMPOSSIBLE / 10 ? Infinity : 0 - found);
  }
}

/**
 * out[b, t, c] = upstream[b] · (softmax(logits[b, t])_c − P(class c at frame t | labels[b])); 0 behind the frames that count
 * and where the labels are impossible. Unit: one sample.
 */
export function ctcGradient(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<CtcGradient>(instruction);
  const length = overlay.length;
  const columns = overlay.columns;
  const rowBytes = (<usize>columns) << 2;
  const blank = (<usize>overlay.blank) << 2;
  const stride = 2 * widthOf(length);
  for (let sample = begin; sample < end; ++sample) {
    const count = min(load<u32>(overlay.labelLengths + ((<usize>sample) << 2)), length);
    const frames = min(load<u32>(overlay.frameLengths + ((<usize>sample) << 2)), overlay.frames);
    const factor = load<f32>(overlay.upstream + ((<usize>sample) << 2));
    const first = <usize>sample * overlay.frames;
    const to = overlay.out + first * rowBytes;
    memory.fill(to, 0, overlay.frames * rowBytes);
    if (load<f32>(overlay.loss + ((<usize>sample) << 2)) == Infinity) continue;
    if (!start(overlay.labels, sample * length, count, columns, true)) continue;
    let shift: f32 = 0;
    for (let frame = frames; frame > 0; ) {
      --frame;
      const x = overlay.logits + (first + frame) * rowBytes;
      const out = to + <usize>frame * rowBytes;
      const largest = rowMaximum(x, columns);
      const sum = sumOfExponentials(x, out, columns, largest);
      shift = advance(x, blank, count, largest, log(f32x4.splat(sum)), shift, 0);
      subtractShares(overlay.before + (first + frame) * stride, out, blank, count, sum);
      multiplyRow(out, columns, factor / sum);
    }
  }
}

/** Bytes of a line of `count` + 1 states, in whole vectors. */
function widthOf(count: u32): usize {
  return ((<usize>count + 4) & ~3) << 2;
}

/**
 * Before the first frame: only blank 0 is possible. Writes what does not depend on frames: classes and prices of jumps.
 * @returns whether all labels, from `position` on, are classes.
 */
function start(labels: usize, position: u32, count: u32, columns: u32, backwards: bool): bool {
  const width = widthOf(count);
  const nothing = f32x4.splat(IMPOSSIBLE);
  for (let at: usize = 0; at < MARGIN + 4 * width; at += 16) v128.store(scratch + at, nothing);
  store<f32>(scratch + MARGIN + width, 0);
  let jumps = scratch + MARGIN + 3 * width;
  let previous: u32 = columns;
  for (let i: u32 = 0; i < count; ++i) {
    const place = position + (backwards ? count - 1 - i : i);
    const label = load<u32>(labels + ((<usize>place) << 2));
    if (label >= columns) {
      fault(FAULT_INDEX, place, <i32>label);
      return false;
    }
    if (label != previous) store<f32>(jumps, 0);
    store<u32>(jumps + width, label << 2);
    previous = label;
    jumps += 4;
  }
  return true;
}

/**
 * One frame further: what can be reached, less `shift`, is stored at `reached` (unless that is 0); with what the frame says of
 * each state, x less `largest` and `logSum`, it is the new state.
 * @returns the next shift.
 */
function advance(x: usize, blank: usize, count: u32, largest: v128, logSum: v128, shift: f32, reached: usize): f32 {
  const width = widthOf(count);
  const labels = scratch + MARGIN;
  const spoken = labels + 2 * width;
  const most = f32x4.extract_lane(largest, 0);
  const norm = f32x4.extract_lane(logSum, 0);
  for (let at = spoken, last = spoken + ((<usize>count) << 2); at < last; at += 4)
    store<f32>(at, logarithm(load<f32>(x + load<u32>(at + 2 * width)), most, norm));
  const silent = f32x4.splat(logarithm(load<f32>(x + blank), most, norm));
  const shifts = f32x4.splat(shift);
  let highest = f32x4.splat(-Infinity);
  // From behind: each state follows from those before it.
  for (let at = labels + width; at > labels; ) {
    at -= 16;
    const previous = v128.load(at - 4);
    const pause = v128.load(at + width);
    const jump = f32x4.add(previous, v128.load(at + 3 * width));
    let label = f32x4.sub(logOfThree(v128.load(at), pause, jump), shifts);
    let silence = f32x4.sub(logOfTwo(pause, previous), shifts);
    if (reached != 0) {
      v128.store(reached + (at - labels), label);
      v128.store(reached + (at - labels) + width, silence);
    }
    label = f32x4.add(label, v128.load(at + 2 * width));
    silence = f32x4.add(silence, silent);
    v128.store(at, label);
    v128.store(at + width, silence);
    highest = f32x4.max(highest, f32x4.max(label, silence));
  }
  const next = maximumOfLanes(highest);
  return next > IMPOSSIBLE / 10 ? next : 0;
}

/** x − most − norm; IMPOSSIBLE instead of −Infinity, and NaN as it is. */
function logarithm(x: f32, most: f32, norm: f32): f32 {
  const y = x - most - norm;
  return y < IMPOSSIBLE ? IMPOSSIBLE : y;
}

/** ln(eᵃ + eᵇ); NaN comes through as the larger. */
function logOfTwo(a: v128, b: v128): v128 {
  const most = f32x4.max(a, b);
  const e = share(f32x4.min(a, b), most);
  return f32x4.add(most, normalLog(f32x4.add(e, f32x4.splat(1))));
}

/** ln(eᵃ + eᵇ + eᶜ). */
function logOfThree(a: v128, b: v128, c: v128): v128 {
  const more = f32x4.max(a, b);
  const most = f32x4.max(more, c);
  const sum = f32x4.add(share(f32x4.min(a, b), most), share(f32x4.min(more, c), most));
  return f32x4.add(most, normalLog(f32x4.add(sum, f32x4.splat(1))));
}

/** e^(a − most) for a ≤ most; 0 where that is below e⁻⁸⁷. */
function share(a: v128, most: v128): v128 {
  const x = f32x4.sub(a, most);
  const least = f32x4.splat(-87);
  return v128.andnot(normalExp(f32x4.pmax(x, least)), f32x4.lt(x, least));
}

/** Takes from `out` the share of each class, scaled by `sum`: what came before the frame and what it and those behind say. */
function subtractShares(before: usize, out: usize, blank: usize, count: u32, sum: f32): void {
  const width = widthOf(count);
  const labels = scratch + MARGIN;
  const shares = labels + 5 * width;
  // State i from the front is count − 1 − i of the labels, count − i of the blanks from behind; four of each at once.
  const last = labels + ((<usize>count) << 2) - 16;
  let highest = f32x4.splat(-Infinity);
  for (let at: usize = 0; at < width; at += 16) {
    const label = f32x4.add(v128.load(before + at), reversed(last - at));
    const silence = f32x4.add(v128.load(before + width + at), reversed(last + width + 4 - at));
    v128.store(shares + at, label);
    v128.store(shares + width + at, silence);
    highest = f32x4.max(highest, f32x4.max(label, silence));
  }
  const most = f32x4.splat(maximumOfLanes(highest));
  let total = f32x4.splat(0);
  let silences = total;
  for (let at = shares; at < shares + width; at += 16) {
    const label = share(v128.load(at), most);
    v128.store(at, label);
    total = f32x4.add(total, label);
    silences = f32x4.add(silences, share(v128.load(at + width), most));
  }
  const silent = sumOfLanes(silences);
  const scale = sum / (sumOfLanes(total) + silent);
  store<f32>(out + blank, load<f32>(out + blank) - silent * scale);
  let place = labels + 4 * width + ((<usize>count) << 2);
  for (let at = shares, end = shares + ((<usize>count) << 2); at < end; at += 4) {
    place -= 4;
    const to = out + load<u32>(place);
    store<f32>(to, load<f32>(to) - load<f32>(at) * scale);
  }
}

/** The four numbers at `address` in reverse. */
function reversed(address: usize): v128 {
  const x = v128.load(address);
  return v128.shuffle<u32>(x, x, 3, 2, 1, 0);
}

function maximumOfLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<u32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

function multiplyRow(row: usize, columns: u32, factor: f32): void {
  const end = row + ((<usize>columns) << 2);
  for (; row + 16 <= end; row += 16) v128.store(row, f32x4.mul(v128.load(row), f32x4.splat(factor)));
  for (; row < end; row += 4) store<f32>(row, load<f32>(row) * factor);
}
