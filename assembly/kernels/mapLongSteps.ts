// What do MAP codes of long functions compute? As mapSteps.ts, apart from it: V8 spills registers in loops of a function that
// holds all of them.

import * as code from "../opcodes";
import {
  atan,
  cos,
  erf,
  erfInverse,
  exp,
  expm1,
  floorQuotient,
  intPower,
  log,
  log1p,
  modulo,
  normalCdf,
  power,
  sigmoid,
  silu,
  sin,
  tanh,
} from "../math";

/** One step over a tile: target = code(a, b), `bytes` a multiple of 16. */
export function runLongStep(step: u32, target: usize, a: usize, b: usize, bytes: usize): void {
  switch (step) {
    case code.EXP:
      long<Exp>(target, a, bytes);
      break;
    case code.EXPM1:
      long<Expm1>(target, a, bytes);
      break;
    case code.LOG:
      long<Log>(target, a, bytes);
      break;
    case code.LOG1P:
      long<Log1p>(target, a, bytes);
      break;
    case code.TANH:
      long<Tanh>(target, a, bytes);
      break;
    case code.SIGMOID:
      longest<Sigmoid>(target, a, bytes);
      break;
    case code.ERF:
      long<Erf>(target, a, bytes);
      break;
    case code.ERF_INVERSE:
      long<ErfInverse>(target, a, bytes);
      break;
    case code.SIN:
      long<Sin>(target, a, bytes);
      break;
    case code.COS:
      long<Cos>(target, a, bytes);
      break;
    case code.ATAN:
      long<Atan>(target, a, bytes);
      break;
    case code.NORMAL_CDF:
      long<NormalCdf>(target, a, bytes);
      break;
    case code.SILU:
      longest<Silu>(target, a, bytes);
      break;
    case code.POWER:
      longBinary<Power>(target, a, b, bytes);
      break;
    case code.MODULO:
      lanes<Modulo>(target, a, b, bytes);
      break;
    case code.FLOOR_DIVIDE:
      lanes<FloorDivide>(target, a, b, bytes);
      break;
    case code.INT_POWER:
      lanes<IntPower>(target, a, b, bytes);
      break;
    case code.INT_MODULO:
      lanes<IntModulo>(target, a, b, bytes);
      break;
    case code.INT_FLOOR_DIVIDE:
      lanes<IntFloorDivide>(target, a, b, bytes);
      break;
  }
}

/** target = f(a) for long functions, two vectors at a time: they share the constants, which V8 builds anew in every turn. */
function long<F>(target: usize, a: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + 32 <= bytes; at += 32) {
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at)));
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at, 16)), 16);
  }
  if (at < bytes) v128.store(target + at, changetype<F>(0).f(v128.load(a + at)));
}

/** target = f(a) for functions with so many constants that two vectors would not leave them in registers. */
function longest<F>(target: usize, a: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(target + at, changetype<F>(0).f(v128.load(a + at)));
}

/** target = f(a, b) for functions as long as those of {@link long}. */
function longBinary<F>(target: usize, a: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(target + at, changetype<F>(0).f(v128.load(a + at), v128.load(b + at)));
}

/** target = f(a, b) element by element, as bits. */
function lanes<F>(target: usize, a: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 4)
    store<i32>(target + at, changetype<F>(0).f(load<i32>(a + at), load<i32>(b + at)));
}

@unmanaged
class Exp {
  f(x: v128): v128 {
    return exp(x);
  }
}
@unmanaged
class Expm1 {
  f(x: v128): v128 {
    return expm1(x);
  }
}
@unmanaged
class Log {
  f(x: v128): v128 {
    return log(x);
  }
}
@unmanaged
class Log1p {
  f(x: v128): v128 {
    return log1p(x);
  }
}
@unmanaged
class Tanh {
  f(x: v128): v128 {
    return tanh(x);
  }
}
@unmanaged
class Sigmoid {
  f(x: v128): v128 {
    return sigmoid(x);
  }
}
@unmanaged
class Erf {
  f(x: v128): v128 {
    return erf(x);
  }
}
@unmanaged
class ErfInverse {
  f(x: v128): v128 {
    return erfInverse(x);
  }
}
@unmanaged
class Sin {
  f(x: v128): v128 {
    return sin(x);
  }
}
@unmanaged
class Cos {
  f(x: v128): v128 {
    return cos(x);
  }
}
@unmanaged
class Atan {
  f(x: v128): v128 {
    return atan(x);
  }
}
@unmanaged
class NormalCdf {
  f(x: v128): v128 {
    return normalCdf(x);
  }
}
@unmanaged
class Silu {
  f(x: v128): v128 {
    return silu(x);
  }
}
@unmanaged
class Power {
  f(x: v128, y: v128): v128 {
    return power(x, y);
  }
}
@unmanaged
class Modulo {
  f(x: i32, y: i32): i32 {
    return reinterpret<i32>(modulo(reinterpret<f32>(x), reinterpret<f32>(y)));
  }
}
@unmanaged
class FloorDivide {
  f(x: i32, y: i32): i32 {
    return reinterpret<i32>(floorQuotient(reinterpret<f32>(x), reinterpret<f32>(y)));
  }
}
@unmanaged
class IntPower {
  f(x: i32, y: i32): i32 {
    return intPower(x, y);
  }
}
@unmanaged
class IntModulo {
  f(x: i32, y: i32): i32 {
    // The least number divided by −1 would trap.
    if (y == 0 || y == -1) return 0;
    const rest = x % y;
    return rest != 0 && (rest ^ y) < 0 ? rest + y : rest;
  }
}
@unmanaged
class IntFloorDivide {
  f(x: i32, y: i32): i32 {
    if (y == 0) return 0;
    if (y == -1) return -x;
    const quotient = x / y;
    return (x ^ y) < 0 && quotient * y != x ? quotient - 1 : quotient;
  }
}
