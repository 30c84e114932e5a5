// How does a feature learn the shape of its own activation? As a curve of straight pieces between knots.
//
// The knots lie at low, low + 1/density, low + 2/density … The parameters are the heights of the curve there, one row of
// them for each feature. Outside the knots the first and the last piece go on. With t = (x − low)·density, the piece i
// that t falls on (0 … knots − 2) and f = t − i:
//
//   y = h[i] + f·(h[i + 1] − h[i])     dy/dx = density·(h[i + 1] − h[i])     dy/dh[i] = 1 − f     dy/dh[i + 1] = f
//
// Compiled by AssemblyScript 0.28 and by 0.18 alike.

/** What every instruction begins with: 20 bytes that wasmgrad fills in. */
@unmanaged
class Instruction {
  opcode: u32;
  units: u32;
  grain: u32;
  claimed: u32;
  kernel: u32;
}

/** The operands of all three kernels, in the order in which src/spline.js writes them. 0: not used. */
@unmanaged
class Spline extends Instruction {
  x: usize;
  heights: usize;
  dy: usize;
  out: usize;
  rows: u32;
  features: u32;
  knots: u32;
  low: f32;
  density: f32;
}

/** out[r, j] = y. x [rows, features], heights [features, knots] → out [rows, features]. Unit: a row. */
export function spline(instruction: usize, begin: u32, end: u32): void {
  const call = changetype<Spline>(instruction);
  const features = call.features;
  const stride = (<usize>call.knots) << 2;
  const low = f32x4.splat(call.low);
  const density = f32x4.splat(call.density);
  const last = f32x4.splat(<f32>(call.knots - 2));
  const zero = f32x4.splat(0);
  for (let row = begin; row < end; ++row) {
    let x = call.x + ((<usize>(row * features)) << 2);
    let out = call.out + ((<usize>(row * features)) << 2);
    let heights = call.heights;
    let feature: u32 = 0;
    for (; feature + 4 <= features; feature += 4) {
      const t = f32x4.mul(f32x4.sub(v128.load(x), low), density);
      const piece = f32x4.max(zero, f32x4.min(last, f32x4.floor(t)));
      const f = f32x4.sub(t, piece);
      const index = i32x4.trunc_sat_f32x4_s(piece);
      const a = heights + ((<usize>i32x4.extract_lane(index, 0)) << 2);
      const b = heights + stride + ((<usize>i32x4.extract_lane(index, 1)) << 2);
      const c = heights + 2 * stride + ((<usize>i32x4.extract_lane(index, 2)) << 2);
      const d = heights + 3 * stride + ((<usize>i32x4.extract_lane(index, 3)) << 2);
      let left = f32x4.splat(load<f32>(a));
      left = f32x4.replace_lane(left, 1, load<f32>(b));
      left = f32x4.replace_lane(left, 2, load<f32>(c));
      left = f32x4.replace_lane(left, 3, load<f32>(d));
      let right = f32x4.splat(load<f32>(a, 4));
      right = f32x4.replace_lane(right, 1, load<f32>(b, 4));
      right = f32x4.replace_lane(right, 2, load<f32>(c, 4));
      right = f32x4.replace_lane(right, 3, load<f32>(d, 4));
      v128.store(out, f32x4.add(left, f32x4.mul(f, f32x4.sub(right, left))));
      x += 16;
      out += 16;
      heights += 4 * stride;
    }
    for (; feature < features; ++feature) {
      const t = position(load<f32>(x), call);
      const piece = pieceOf(t, call);
      const at = heights + ((<usize>piece) << 2);
      const left = load<f32>(at);
      store<f32>(out, left + (t - <f32>piece) * (load<f32>(at, 4) - left));
      x += 4;
      out += 4;
      heights += stride;
    }
  }
}

/** out[r, j] = dy[r, j] · dy/dx. Shapes as above; unit: a row. */
export function splineToInput(instruction: usize, begin: u32, end: u32): void {
  const call = changetype<Spline>(instruction);
  const features = call.features;
  const stride = (<usize>call.knots) << 2;
  for (let row = begin; row < end; ++row) {
    const offset = (<usize>(row * features)) << 2;
    for (let feature: u32 = 0; feature < features; ++feature) {
      const own = offset + ((<usize>feature) << 2);
      const piece = pieceOf(position(load<f32>(call.x + own), call), call);
      const at = call.heights + <usize>feature * stride + ((<usize>piece) << 2);
      store<f32>(call.out + own, load<f32>(call.dy + own) * call.density * (load<f32>(at, 4) - load<f32>(at)));
    }
  }
}

/**
 * out[j, k] = Σ_r dy[r, j] · dy/dh[j, k]: [features, knots]. Unit: a feature, so that no two threads add to the same
 * number, and the sum runs over the rows in their order.
 */
export function splineToHeights(instruction: usize, begin: u32, end: u32): void {
  const call = changetype<Spline>(instruction);
  const stride = (<usize>call.knots) << 2;
  const step = (<usize>call.features) << 2;
  for (let feature = begin; feature < end; ++feature) {
    const sums = call.out + <usize>feature * stride;
    memory.fill(sums, 0, stride);
    let x = call.x + ((<usize>feature) << 2);
    let dy = call.dy + ((<usize>feature) << 2);
    for (let row: u32 = 0; row < call.rows; ++row) {
      const t = position(load<f32>(x), call);
      const piece = pieceOf(t, call);
      const f = t - <f32>piece;
      const upstream = load<f32>(dy);
      const at = sums + ((<usize>piece) << 2);
      store<f32>(at, load<f32>(at) + upstream * (1 - f));
      store<f32>(at, load<f32>(at, 4) + upstream * f, 4);
      x += step;
      dy += step;
    }
  }
}

/** Where x lies, counted in pieces. */
function position(x: f32, call: Spline): f32 {
  return (x - call.low) * call.density;
}

/** The piece that t falls on. NaN falls on one, too. */
function pieceOf(t: f32, call: Spline): u32 {
  const last = <f32>(call.knots - 2);
  const floor = Mathf.floor(t);
  return floor >= 0 ? (floor < last ? <u32>floor : <u32>last) : 0;
}
