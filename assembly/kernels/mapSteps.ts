// What does each MAP code compute? One functor a code, inlined into one loop a shape of operands.
//
// bool is 0 or 1 in an int32 lane; comparisons make it of the lane masks.

import * as code from "../opcodes";
import { runLongStep } from "./mapLongSteps";

/** One step over a tile: target = code(a, b, c), `bytes` a multiple of 16. */
export function runStep(step: u32, target: usize, a: usize, b: usize, c: usize, bytes: usize): void {
  switch (step) {
    case code.NEGATE:
      unary<Negate>(target, a, bytes);
      break;
    case code.ABS:
      unary<Abs>(target, a, bytes);
      break;
    case code.SIGN:
      long<Sign>(target, a, bytes);
      break;
    case code.SQUARE:
      unary<Square>(target, a, bytes);
      break;
    case code.SQRT:
      unary<Sqrt>(target, a, bytes);
      break;
    case code.RSQRT:
      unary<Rsqrt>(target, a, bytes);
      break;
    case code.RECIPROCAL:
      unary<Reciprocal>(target, a, bytes);
      break;
    case code.FLOOR:
      unary<Floor>(target, a, bytes);
      break;
    case code.CEIL:
      unary<Ceil>(target, a, bytes);
      break;
    case code.ROUND:
      unary<Round>(target, a, bytes);
      break;
    case code.RELU:
      unary<Relu>(target, a, bytes);
      break;
    case code.RELU6:
      unary<Relu6>(target, a, bytes);
      break;
    case code.COPY_VALUE:
      unary<CopyValue>(target, a, bytes);
      break;
    case code.INT_NEGATE:
      unary<IntNegate>(target, a, bytes);
      break;
    case code.INT_ABS:
      unary<IntAbs>(target, a, bytes);
      break;
    case code.INT_SIGN:
      long<IntSign>(target, a, bytes);
      break;
    case code.LOGICAL_NOT:
      unary<LogicalNot>(target, a, bytes);
      break;
    case code.INT_TO_FLOAT:
      unary<IntToFloat>(target, a, bytes);
      break;
    case code.FLOAT_TO_INT:
      unary<FloatToInt>(target, a, bytes);
      break;
    case code.FLOAT_TO_BOOL:
      unary<FloatToBool>(target, a, bytes);
      break;
    case code.INT_TO_BOOL:
      unary<IntToBool>(target, a, bytes);
      break;
    case code.INT_TO_UINT8:
      unary<IntToUint8>(target, a, bytes);
      break;
    case code.ADD:
      binary<Add>(target, a, b, bytes);
      break;
    case code.SUBTRACT:
      binary<Subtract>(target, a, b, bytes);
      break;
    case code.MULTIPLY:
      binary<Multiply>(target, a, b, bytes);
      break;
    case code.DIVIDE:
      binary<Divide>(target, a, b, bytes);
      break;
    case code.MAXIMUM:
      binary<Maximum>(target, a, b, bytes);
      break;
    case code.MINIMUM:
      binary<Minimum>(target, a, b, bytes);
      break;
    case code.EQUAL:
      binary<Equal>(target, a, b, bytes);
      break;
    case code.NOT_EQUAL:
      binary<NotEqual>(target, a, b, bytes);
      break;
    case code.LESS:
      binary<Less>(target, a, b, bytes);
      break;
    case code.LESS_EQUAL:
      binary<LessEqual>(target, a, b, bytes);
      break;
    case code.GREATER:
      binary<Greater>(target, a, b, bytes);
      break;
    case code.GREATER_EQUAL:
      binary<GreaterEqual>(target, a, b, bytes);
      break;
    case code.INT_ADD:
      binary<IntAdd>(target, a, b, bytes);
      break;
    case code.INT_SUBTRACT:
      binary<IntSubtract>(target, a, b, bytes);
      break;
    case code.INT_MULTIPLY:
      binary<IntMultiply>(target, a, b, bytes);
      break;
    case code.INT_MAXIMUM:
      binary<IntMaximum>(target, a, b, bytes);
      break;
    case code.INT_MINIMUM:
      binary<IntMinimum>(target, a, b, bytes);
      break;
    case code.INT_EQUAL:
      binary<IntEqual>(target, a, b, bytes);
      break;
    case code.INT_NOT_EQUAL:
      binary<IntNotEqual>(target, a, b, bytes);
      break;
    case code.INT_LESS:
      binary<IntLess>(target, a, b, bytes);
      break;
    case code.INT_LESS_EQUAL:
      binary<IntLessEqual>(target, a, b, bytes);
      break;
    case code.INT_GREATER:
      binary<IntGreater>(target, a, b, bytes);
      break;
    case code.INT_GREATER_EQUAL:
      binary<IntGreaterEqual>(target, a, b, bytes);
      break;
    case code.LOGICAL_AND:
      binary<LogicalAnd>(target, a, b, bytes);
      break;
    case code.LOGICAL_OR:
      binary<LogicalOr>(target, a, b, bytes);
      break;
    case code.SELECT:
      select(target, a, b, c, bytes);
      break;
    default:
      runLongStep(step, target, a, b, bytes);
  }
}

/** target = f(a) for short functions, four vectors at a time. */
function unary<F>(target: usize, a: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at)));
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 16)), 16);
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 32)), 32);
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 48)), 48);
  }
  for (; at < bytes; at += 16) v128.store(target + at, changetype<F>(0).f(v128.load(a + at)));
}

/** target = f(a) for functions so long that unrolling gains nothing and costs a kilobyte each. */
function long<F>(target: usize, a: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(target + at, changetype<F>(0).f(v128.load(a + at)));
}

/** target = f(a, b), four vectors at a time. */
function binary<F>(target: usize, a: usize, b: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at), v128.load(b + at)));
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 16), v128.load(b + at, 16)), 16);
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 32), v128.load(b + at, 32)), 32);
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 48), v128.load(b + at, 48)), 48);
  }
  for (; at < bytes; at += 16) v128.store(target + at, changetype<F>(0).f(v128.load(a + at), v128.load(b + at)));
}

/** target = c ≠ 0 ? a : b. */
function select(target: usize, a: usize, b: usize, c: usize, bytes: usize): void {
  const zero = i32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const chosen = i32x4.ne(v128.load(c + at), zero);
    v128.store(target + at, v128.bitselect(v128.load(a + at), v128.load(b + at), chosen));
  }
}

/** A lane mask as 0 or 1. */
function one(mask: v128): v128 {
  return v128.and(mask, i32x4.splat(1));
}

/** −1, 0 or 1; NaN stays. */
function signOf(x: v128): v128 {
  const zero = f32x4.splat(0);
  const positive = v128.and(f32x4.gt(x, zero), f32x4.splat(1));
  const negative = v128.and(f32x4.lt(x, zero), f32x4.splat(1));
  return v128.bitselect(x, f32x4.sub(positive, negative), f32x4.ne(x, x));
}

@unmanaged
class Negate {
  f(x: v128): v128 {
    return f32x4.neg(x);
  }
}
@unmanaged
class Abs {
  f(x: v128): v128 {
    return f32x4.abs(x);
  }
}
@unmanaged
class Sign {
  f(x: v128): v128 {
    return signOf(x);
  }
}
@unmanaged
class Square {
  f(x: v128): v128 {
    return f32x4.mul(x, x);
  }
}
@unmanaged
class Sqrt {
  f(x: v128): v128 {
    return f32x4.sqrt(x);
  }
}
@unmanaged
class Rsqrt {
  f(x: v128): v128 {
    return f32x4.div(f32x4.splat(1), f32x4.sqrt(x));
  }
}
@unmanaged
class Reciprocal {
  f(x: v128): v128 {
    return f32x4.div(f32x4.splat(1), x);
  }
}
@unmanaged
class Floor {
  f(x: v128): v128 {
    return f32x4.floor(x);
  }
}
@unmanaged
class Ceil {
  f(x: v128): v128 {
    return f32x4.ceil(x);
  }
}
@unmanaged
class Round {
  f(x: v128): v128 {
    return f32x4.nearest(x);
  }
}
@unmanaged
export class Relu6 {
  f(x: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), f32x4.splat(6));
  }
}
@unmanaged
export class Relu {
  f(x: v128): v128 {
    return f32x4.max(x, f32x4.splat(0));
  }
}
@unmanaged
export class CopyValue {
  f(x: v128): v128 {
    return x;
  }
}
@unmanaged
class IntNegate {
  f(x: v128): v128 {
    return i32x4.neg(x);
  }
}
@unmanaged
class IntAbs {
  f(x: v128): v128 {
    return i32x4.abs(x);
  }
}
@unmanaged
class IntSign {
  f(x: v128): v128 {
    return i32x4.sub(i32x4.lt_s(x, i32x4.splat(0)), i32x4.gt_s(x, i32x4.splat(0)));
  }
}
@unmanaged
class LogicalNot {
  f(x: v128): v128 {
    return v128.xor(x, i32x4.splat(1));
  }
}
@unmanaged
class IntToFloat {
  f(x: v128): v128 {
    return f32x4.convert_i32x4_s(x);
  }
}
@unmanaged
class FloatToInt {
  f(x: v128): v128 {
    return i32x4.trunc_sat_f32x4_s(x);
  }
}
@unmanaged
class FloatToBool {
  f(x: v128): v128 {
    return one(f32x4.ne(x, f32x4.splat(0)));
  }
}
@unmanaged
class IntToBool {
  f(x: v128): v128 {
    return one(i32x4.ne(x, i32x4.splat(0)));
  }
}
@unmanaged
class IntToUint8 {
  f(x: v128): v128 {
    return v128.and(x, i32x4.splat(255));
  }
}
@unmanaged
class Add {
  f(x: v128, y: v128): v128 {
    return f32x4.add(x, y);
  }
}
@unmanaged
class Subtract {
  f(x: v128, y: v128): v128 {
    return f32x4.sub(x, y);
  }
}
@unmanaged
class Multiply {
  f(x: v128, y: v128): v128 {
    return f32x4.mul(x, y);
  }
}
@unmanaged
class Divide {
  f(x: v128, y: v128): v128 {
    return f32x4.div(x, y);
  }
}
@unmanaged
class Maximum {
  f(x: v128, y: v128): v128 {
    return f32x4.max(x, y);
  }
}
@unmanaged
class Minimum {
  f(x: v128, y: v128): v128 {
    return f32x4.min(x, y);
  }
}
@unmanaged
class Equal {
  f(x: v128, y: v128): v128 {
    return one(f32x4.eq(x, y));
  }
}
@unmanaged
class NotEqual {
  f(x: v128, y: v128): v128 {
    return one(f32x4.ne(x, y));
  }
}
@unmanaged
class Less {
  f(x: v128, y: v128): v128 {
    return one(f32x4.lt(x, y));
  }
}
@unmanaged
class LessEqual {
  f(x: v128, y: v128): v128 {
    return one(f32x4.le(x, y));
  }
}
@unmanaged
class Greater {
  f(x: v128, y: v128): v128 {
    return one(f32x4.gt(x, y));
  }
}
@unmanaged
class GreaterEqual {
  f(x: v128, y: v128): v128 {
    return one(f32x4.ge(x, y));
  }
}
@unmanaged
class IntAdd {
  f(x: v128, y: v128): v128 {
    return i32x4.add(x, y);
  }
}
@unmanaged
class IntSubtract {
  f(x: v128, y: v128): v128 {
    return i32x4.sub(x, y);
  }
}
@unmanaged
class IntMultiply {
  f(x: v128, y: v128): v128 {
    return i32x4.mul(x, y);
  }
}
@unmanaged
class IntMaximum {
  f(x: v128, y: v128): v128 {
    return i32x4.max_s(x, y);
  }
}
@unmanaged
class IntMinimum {
  f(x: v128, y: v128): v128 {
    return i32x4.min_s(x, y);
  }
}
@unmanaged
class IntEqual {
  f(x: v128, y: v128): v128 {
    return one(i32x4.eq(x, y));
  }
}
@unmanaged
class IntNotEqual {
  f(x: v128, y: v128): v128 {
    return one(i32x4.ne(x, y));
  }
}
@unmanaged
class IntLess {
  f(x: v128, y: v128): v128 {
    return one(i32x4.lt_s(x, y));
  }
}
@unmanaged
class IntLessEqual {
  f(x: v128, y: v128): v128 {
    return one(i32x4.le_s(x, y));
  }
}
@unmanaged
class IntGreater {
  f(x: v128, y: v128): v128 {
    return one(i32x4.gt_s(x, y));
  }
}
@unmanaged
class IntGreaterEqual {
  f(x: v128, y: v128): v128 {
    return one(i32x4.ge_s(x, y));
  }
}
@unmanaged
class LogicalAnd {
  f(x: v128, y: v128): v128 {
    return v128.and(x, y);
  }
}
@unmanaged
class LogicalOr {
  f(x: v128, y: v128): v128 {
    return v128.or(x, y);
  }
}
