// How do gradients move parameters?
//
// An optimizer step is one instruction over the whole block of parameters: parameter, gradient and slots lie in blocks
// of equal layout, so element i of one belongs to element i of the others. Formulas: Keras 3, keras/src/optimizers.
//
// The last elements of a block go through the same vector operations as the body with three lanes idle, so both round
// alike: `Four` and `One` are the two ways to load and store that a formula is written over.

import { Instruction } from "../instruction";

@unmanaged
export class Sgd extends Instruction {
  parameter: usize;
  gradient: usize;
  /** 0 where momentum is 0. */
  velocity: usize;
  /** Address of a float32. */
  learningRate: usize;
  count: u32;
  momentum: f32;
  weightDecay: f32;
  nesterov: u32;
}

@unmanaged
export class Adam extends Instruction {
  parameter: usize;
  gradient: usize;
  momentum: usize;
  velocity: usize;
  /** AMSGrad's running maximum of velocity; 0 without. */
  maximum: usize;
  /** Address of a float32. */
  learningRate: usize;
  /** Address of an int32: 1 in the first step. */
  iteration: usize;
  count: u32;
  beta1: f64;
  beta2: f64;
  epsilon: f32;
  weightDecay: f32;
}

@unmanaged
export class RmsProp extends Instruction {
  parameter: usize;
  gradient: usize;
  velocity: usize;
  /** 0 where momentum is 0. */
  momentumBuffer: usize;
  /** 0 unless centered. */
  averageGradient: usize;
  /** Address of a float32. */
  learningRate: usize;
  count: u32;
  /** Keeps rho at a multiple of eight bytes. */
  pad: u32;
  rho: f64;
  epsilon: f32;
  momentum: f32;
  weightDecay: f32;
}

/** 2⁻¹⁰⁰. */
const TINY: f32 = 7.888609052210118e-31;
/** Adam looks for smaller means in every so many steps: a mean that is halved in each stays normal for 26. */
const SETTLING_STEPS: i32 = 16;

/** Elements of a unit; a multiple of four, so that only the end of the block has a tail. */
const UNIT: u32 = 1024;

@unmanaged
class Four {
  step(): usize {
    return 16;
  }
  load(address: usize): v128 {
    return v128.load(address);
  }
  store(address: usize, value: v128): void {
    v128.store(address, value);
  }
}

@unmanaged
class One {
  step(): usize {
    return 4;
  }
  load(address: usize): v128 {
    return v128.load_zero<u32>(address);
  }
  store(address: usize, value: v128): void {
    v128.store_lane<u32>(address, value, 0);
  }
}

/**
 * p -= p·lr·decay; then p -= lr·g, or with momentum v = momentum·v - lr·g and p += v, or (Nesterov) p += momentum·v - lr·g.
 * parameter, gradient, velocity float32 [count]. Unit: 1024 elements.
 */
export function sgd(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Sgd>(instruction);
  const from = <usize>begin * UNIT;
  const to = <usize>min(end * UNIT, overlay.count);
  const body = to & ~3;
  sgdOver<Four>(overlay, from << 2, body << 2);
  sgdOver<One>(overlay, body << 2, to << 2);
}

function sgdOver<L>(overlay: Sgd, from: usize, to: usize): void {
  const lanes = changetype<L>(0);
  const parameter = overlay.parameter;
  const gradient = overlay.gradient;
  const velocity = overlay.velocity;
  const nesterov = overlay.nesterov != 0;
  const learningRate = load<f32>(overlay.learningRate);
  const rate = f32x4.splat(learningRate);
  const momentum = f32x4.splat(overlay.momentum);
  const decays = overlay.weightDecay != 0;
  const decay = f32x4.splat(learningRate * overlay.weightDecay);
  for (let at = from; at < to; at += lanes.step()) {
    let p = lanes.load(parameter + at);
    const step = f32x4.mul(rate, lanes.load(gradient + at));
    if (decays) p = f32x4.sub(p, f32x4.mul(p, decay));
    if (velocity == 0) {
      p = f32x4.sub(p, step);
    } else {
      const v = settled(f32x4.sub(f32x4.mul(momentum, lanes.load(velocity + at)), step));
      lanes.store(velocity + at, v);
      p = f32x4.add(p, nesterov ? f32x4.sub(f32x4.mul(momentum, v), step) : v);
    }
    lanes.store(parameter + at, p);
  }
}

/**
 * p -= p·lr·decay; m += (g - m)(1 - β₁); v += (g² - v)(1 - β₂); p -= m·α / (√v + ε) with
 * α = lr·√(1 - β₂ᵗ) / (1 - β₁ᵗ); AMSGrad replaces v by its running maximum. All float32 [count]. Unit: 1024 elements.
 * Kingma and Ba 2015, algorithm 1 in the order of section 2; decay: Loshchilov and Hutter 2019; AMSGrad: Reddi 2018.
 */
export function adam(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<Adam>(instruction);
  const parameter = overlay.parameter;
  const gradient = overlay.gradient;
  const momentum = overlay.momentum;
  const velocity = overlay.velocity;
  const maximum = overlay.maximum;
  const learningRate = load<f32>(overlay.learningRate);
  const t = load<i32>(overlay.iteration);
  const correction = Math.sqrt(1 - power(overlay.beta2, t)) / (1 - power(overlay.beta1, t));
  const alpha = f32x4.splat(<f32>(<f64>learningRate * correction));
  const rest1 = f32x4.splat(<f32>(1 - overlay.beta1));
  const rest2 = f32x4.splat(<f32>(1 - overlay.beta2));
  const epsilon = f32x4.splat(overlay.epsilon);
  const decays = overlay.weightDecay != 0;
  const decay = f32x4.splat(learningRate * overlay.weightDecay);
  const stop = (<usize>min(end * UNIT, overlay.count)) << 2;
  let at = (<usize>begin * UNIT) << 2;

  // Two vectors a turn: with one, the loop is bound by the number of its instructions, not by divide and square root.
  for (; at + 32 <= stop; at += 32) {
    const ga = v128.load(gradient + at);
    const gb = v128.load(gradient + at, 16);
    const ma = approach(v128.load(momentum + at), ga, rest1);
    const mb = approach(v128.load(momentum + at, 16), gb, rest1);
    let va = approach(v128.load(velocity + at), f32x4.mul(ga, ga), rest2);
    let vb = approach(v128.load(velocity + at, 16), f32x4.mul(gb, gb), rest2);
    let pa = v128.load(parameter + at);
    let pb = v128.load(parameter + at, 16);
    v128.store(momentum + at, ma);
    v128.store(momentum + at, mb, 16);
    v128.store(velocity + at, va);
    v128.store(velocity + at, vb, 16);
    if (maximum != 0) {
      va = f32x4.max(va, v128.load(maximum + at));
      vb = f32x4.max(vb, v128.load(maximum + at, 16));
      v128.store(maximum + at, va);
      v128.store(maximum + at, vb, 16);
    }
    if (decays) {
      pa = f32x4.sub(pa, f32x4.mul(pa, decay));
      pb = f32x4.sub(pb, f32x4.mul(pb, decay));
    }
    v128.store(parameter + at, f32x4.sub(pa, adamStep(ma, va, alpha, epsilon)));
    v128.store(parameter + at, f32x4.sub(pb, adamStep(mb, vb, alpha, epsilon)), 16);
  }
  for (; at < stop; at += 4) {
    const g = v128.load_zero<u32>(gradient + at);
    const m = approach(v128.load_zero<u32>(momentum + at), g, rest1);
    let v = approach(v128.load_zero<u32>(velocity + at), f32x4.mul(g, g), rest2);
    let p = v128.load_zero<u32>(parameter + at);
    v128.store_lane<u32>(momentum + at, m, 0);
    v128.store_lane<u32>(velocity + at, v, 0);
    if (maximum != 0) {
      v = f32x4.max(v, v128.load_zero<u32>(maximum + at));
      v128.store_lane<u32>(maximum + at, v, 0);
    }
    if (decays) p = f32x4.sub(p, f32x4.mul(p, decay));
    v128.store_lane<u32>(parameter + at, f32x4.sub(p, adamStep(m, v, alpha, epsilon)), 0);
  }
  if (t % SETTLING_STEPS == 0 || min(overlay.beta1, overlay.beta2) < 0.5) {
    const begins = (<usize>begin * UNIT) << 2;
    settle(momentum + begins, momentum + stop);
    settle(velocity + begins, velocity + stop);
  }
}

/** The running mean moves a part of the way towards x. */
function approach(mean: v128, x: v128, part: v128): v128 {
  return f32x4.add(mean, f32x4.mul(f32x4.sub(x, mean), part));
}

/**
 * 0 where |x| < 2⁻¹⁰⁰, else x; NaN stays. Running means of weights whose gradient has become 0 (a dark pixel, a dead unit)
 * decay into subnormal numbers and stay there; these cost some 150 cycles an operation on Intel: 550 µs a step instead of
 * 90 for the MNIST network.
 */
function settled(x: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(TINY)));
}

/** The same for all elements from address `at` to `end`. */
function settle(at: usize, end: usize): void {
  for (; at + 16 <= end; at += 16) v128.store(at, settled(v128.load(at)));
  for (; at < end; at += 4) v128.store_lane<u32>(at, settled(v128.load_zero<u32>(at)), 0);
}

function adamStep(m: v128, v: v128, alpha: v128, epsilon: v128): v128 {
  return f32x4.div(f32x4.mul(m, alpha), f32x4.add(f32x4.sqrt(v), epsilon));
}

/** baseᵉ for e ≥ 0 by repeated squaring: the same bits in every engine, unlike Math.pow. */
function power(base: f64, exponent: i32): f64 {
  let result: f64 = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

/**
 * p -= p·lr·decay; v = ρ·v + (1 - ρ)·g²; d = v + ε, or centered a = ρ·a + (1 - ρ)·g and d = v - a² + ε;
 * s = lr·g / √d; p -= s, or with momentum b = momentum·b + s and p -= b. All float32 [count]. Unit: 1024 elements.
 * Tieleman and Hinton 2012; centered: Graves 2013.
 */
export function rmsProp(instruction: usize, begin: u32, end: u32): void {
  const overlay = changetype<RmsProp>(instruction);
  const from = <usize>begin * UNIT;
  const to = <usize>min(end * UNIT, overlay.count);
  const body = to & ~3;
  rmsPropOver<Four>(overlay, from << 2, body << 2);
  rmsPropOver<One>(overlay, body << 2, to << 2);
}

function rmsPropOver<L>(overlay: RmsProp, from: usize, to: usize): void {
  const lanes = changetype<L>(0);
  const parameter = overlay.parameter;
  const gradient = overlay.gradient;
  const velocity = overlay.velocity;
  const buffer = overlay.momentumBuffer;
  const average = overlay.averageGradient;
  const learningRate = load<f32>(overlay.learningRate);
  const rate = f32x4.splat(learningRate);
  const rho = f32x4.splat(<f32>overlay.rho);
  const rest = f32x4.splat(<f32>(1 - overlay.rho));
  const epsilon = f32x4.splat(overlay.epsilon);
  const momentum = f32x4.splat(overlay.momentum);
  const decays = overlay.weightDecay != 0;
  const decay = f32x4.splat(learningRate * overlay.weightDecay);
  for (let at = from; at < to; at += lanes.step()) {
    const g = lanes.load(gradient + at);
    let p = lanes.load(parameter + at);
    let d = settled(f32x4.add(f32x4.mul(rho, lanes.load(velocity + at)), f32x4.mul(rest, f32x4.mul(g, g))));
    lanes.store(velocity + at, d);
    if (average != 0) {
      const a = settled(f32x4.add(f32x4.mul(rho, lanes.load(average + at)), f32x4.mul(rest, g)));
      lanes.store(average + at, a);
      d = f32x4.sub(d, f32x4.mul(a, a));
    }
    let step = f32x4.div(f32x4.mul(rate, g), f32x4.sqrt(f32x4.add(d, epsilon)));
    if (buffer != 0) {
      step = settled(f32x4.add(f32x4.mul(momentum, lanes.load(buffer + at)), step));
      lanes.store(buffer + at, step);
    }
    if (decays) p = f32x4.sub(p, f32x4.mul(p, decay));
    lanes.store(parameter + at, f32x4.sub(p, step));
  }
}
