// How is a chain of elementwise operations run? Tile by tile: 512 elements pass through all steps while they are in the
// first-level cache. A register is the address of a tile: of the data themselves where they lie as needed, else of a
// tile in scratch.
//
//   source   18 words: mode, type, address, stream, step, rank, six sizes, six strides (in elements)
//   step     two words: code | target << 8 | a << 16 | b << 24, and c; the numbers are registers
//
// Data may be read up to 12 bytes past their end (buffers are padded to 64 bytes), never written past it.

import * as code from "../opcodes";
import { Instruction } from "../instruction";
import { scratch } from "../memory";
import { fillUniform } from "../random";
import { runStep } from "./mapSteps";
import { copyBytes } from "./copy";

/** Elements of a tile. */
const TILE: u32 = 512;
const TILE_BYTES: usize = 2048;
/** Where in scratch the addresses of the registers are: behind 48 tiles. */
const REGISTERS: usize = 48 * TILE_BYTES;
const SOURCE_BYTES: usize = 72;
const STEP_BYTES: usize = 8;

@unmanaged
export class MapInstruction extends Instruction {
  out: usize;
  /** Element type of out. */
  type: u32;
  /** Elements. */
  count: u32;
  sources: usize;
  sourceCount: u32;
  steps: usize;
  stepCount: u32;
  /** Register of the last step. */
  result: u32;
}

@unmanaged
class Source {
  mode: u32;
  type: u32;
  /** The data; with MODE_RANDOM that of the seed (i32). */
  address: usize;
  stream: u32;
  /** Address of the step (i32), with MODE_RANDOM. */
  step: usize;
  rank: u32;
}

/** out[i] = expression of the sources at i, broadcast. count elements. A unit is one tile. */
export function map(instruction: usize, begin: u32, end: u32): void {
  const header = changetype<MapInstruction>(instruction);
  const out = header.out;
  const type = header.type;
  const count = header.count;
  const sources = header.sources;
  const sourceCount = header.sourceCount;
  const steps = header.steps;
  const stepsEnd = steps + header.stepCount * STEP_BYTES;
  const result = header.result;
  const tiles = scratch;
  const registers = scratch + REGISTERS;
  const wide = type == code.FLOAT32 || type == code.INT32;
  for (let register: u32 = 0; register < 48; ++register)
    setRegister(registers, register, tiles + register * TILE_BYTES);
  // Bits of the sources whose tile is the same for every unit: it is filled once.
  let steady: u32 = 0;
  for (let index: u32 = 0; index < sourceCount; ++index) {
    const source = changetype<Source>(sources + index * SOURCE_BYTES);
    const tile = tiles + index * TILE_BYTES;
    if (source.mode == code.MODE_SCALAR) fillScalar(tile, load<u32>(source.address), min(TILE, count));
    else if (source.mode == code.MODE_STRIDED && repeatsInTiles(source)) {
      fillStrided(source, tile, 0, min(TILE, count));
      steady |= 1 << index;
    }
  }
  for (let unit = begin; unit < end; ++unit) {
    const start = unit * TILE;
    const length = min(TILE, count - start);
    for (let index: u32 = 0; index < sourceCount; ++index) {
      const source = changetype<Source>(sources + index * SOURCE_BYTES);
      const tile = tiles + index * TILE_BYTES;
      if (source.mode == code.MODE_DIRECT) setRegister(registers, index, source.address + ((<usize>start) << 2));
      else if (source.mode == code.MODE_STRIDED) {
        if (((steady >> index) & 1) == 0) fillStrided(source, tile, start, length);
      } else if (source.mode == code.MODE_RANDOM)
        fillUniform(tile, start, length, load<u32>(source.address), source.stream, load<u32>(source.step));
    }
    const inPlace = wide && (length & 3) == 0;
    const finished = inPlace ? out + ((<usize>start) << 2) : tiles + result * TILE_BYTES;
    setRegister(registers, result, finished);
    const bytes: usize = ((length + 3) & ~3) << 2;
    for (let step = steps; step < stepsEnd; step += STEP_BYTES) {
      const word = load<u32>(step);
      runStep(
        word & 0xff,
        register(registers, (word >>> 8) & 0xff),
        register(registers, (word >>> 16) & 0xff),
        register(registers, word >>> 24),
        register(registers, load<u32>(step, 4)),
        bytes,
      );
    }
    if (wide) {
      if (!inPlace) copyBytes(out + ((<usize>start) << 2), finished, length << 2);
    } else narrow(out + start, finished, length);
  }
}

/** f(x) in place over `count` float32 from `address`; `unary` is the MAP code of f. The epilogue of other kernels. */
export function applyUnary(unary: u32, address: usize, count: u32): void {
  const whole: usize = (count & ~3) << 2;
  runStep(unary, address, address, address, address, whole);
  const rest: usize = (count & 3) << 2;
  if (rest == 0) return;
  const tile = scratch + REGISTERS - TILE_BYTES;
  copyBytes(tile, address + whole, rest);
  runStep(unary, tile, tile, tile, tile, 16);
  copyBytes(address + whole, tile, rest);
}

function setRegister(registers: usize, index: u32, address: usize): void {
  store<usize>(registers + (index << 2), address);
}

function register(registers: usize, index: u32): usize {
  return load<usize>(registers + (index << 2));
}

function fillScalar(tile: usize, bits: u32, length: u32): void {
  const value = i32x4.splat(bits);
  for (let index: u32 = 0; index < length; index += 4) v128.store(tile + (index << 2), value);
}

/** Whether the source is one row again and again, a whole number of times in a tile. */
function repeatsInTiles(source: Source): bool {
  const base = changetype<usize>(source);
  const last = source.rank - 1;
  const size = sizeAt(base, last);
  if (size == 0 || TILE % size != 0) return false;
  for (let axis: u32 = 0; axis < last; ++axis) if (strideAt(base, axis) != 0) return false;
  return true;
}

/** Elements start … start + length − 1 of the broadcast source, widened to four bytes, into `tile`. */
function fillStrided(source: Source, tile: usize, start: u32, length: u32): void {
  const base = changetype<usize>(source);
  const last = source.rank - 1;
  const address = source.address;
  const bytes: i32 = source.type == code.UINT8 || source.type == code.BOOL ? 1 : 4;
  const innerSize = sizeAt(base, last);
  const innerStride = strideAt(base, last);
  let done: u32 = 0;
  while (done < length) {
    // The position of this run: coordinates from the last axis to the first, by division.
    let rest = start + done;
    const inner = rest % innerSize;
    rest /= innerSize;
    let offset: i32 = inner * innerStride;
    for (let axis: i32 = last - 1; axis >= 0; --axis) {
      const size = sizeAt(base, axis);
      offset += (rest % size) * strideAt(base, axis);
      rest /= size;
    }
    const run = min(innerSize - inner, length - done);
    fillRun(tile + (done << 2), address + offset * bytes, run, innerStride, bytes);
    done += run;
  }
}

function sizeAt(source: usize, axis: u32): u32 {
  return load<u32>(source + (axis << 2), 24);
}

function strideAt(source: usize, axis: u32): i32 {
  return load<i32>(source + (axis << 2), 48);
}

/** `count` elements, `stride` apart. */
function fillRun(to: usize, from: usize, count: u32, stride: i32, bytes: i32): void {
  if (bytes == 4) {
    if (stride == 1) copyBytes(to, from, count << 2);
    else if (stride == 0 && count >= 4) {
      const value = v128.load32_splat(from);
      const lastFour = (<usize>(count - 4)) << 2;
      for (let at: usize = 0; at < lastFour; at += 16) v128.store(to + at, value);
      v128.store(to + lastFour, value);
    } else {
      const step = <usize>(stride << 2);
      for (let index: u32 = 0; index < count; ++index, from += step) store<u32>(to + (index << 2), load<u32>(from));
    }
    return;
  }
  let index: u32 = 0;
  if (stride == 1) {
    for (; index + 8 <= count; index += 8) {
      const halves = v128.load_ext<u8>(from + index);
      v128.store(to + (index << 2), i32x4.extend_low_i16x8_u(halves));
      v128.store(to + (index << 2), i32x4.extend_high_i16x8_u(halves), 16);
    }
  }
  for (; index < count; ++index) store<u32>(to + (index << 2), load<u8>(from + index * stride));
}

/** The low bytes of `count` int32. */
function narrow(to: usize, from: usize, count: u32): void {
  let index: u32 = 0;
  for (; index + 16 <= count; index += 16) {
    const at = from + (index << 2);
    const first = i16x8.narrow_i32x4_u(lowBytes(at), lowBytes(at + 16));
    const second = i16x8.narrow_i32x4_u(lowBytes(at + 32), lowBytes(at + 48));
    v128.store(to + index, i8x16.narrow_i16x8_u(first, second));
  }
  for (; index < count; ++index) store<u8>(to + index, load<u32>(from + (index << 2)));
}

function lowBytes(from: usize): v128 {
  return v128.and(v128.load(from), i32x4.splat(0xff));
}
