// Which 64 bits stand for a text? FarmHash's Fingerprint64, as TensorFlow's and Keras' hash buckets use it.

// BigInt holds the 64-bit words: 1 to 2 µs for a word of text (Node 20), where pairs of 32-bit integers would be faster and
// several times as long. Every product and sum is cut to 64 bits at once.

const k0 = 0xc3a5c85c97cb3127n;
const k1 = 0xb492b66fbe98f273n;
const k2 = 0x9ae16a3b2f90404fn;

const cut = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, right: bigint): bigint => (value >> right) | cut(value << (64n - right));
const fold = (value: bigint): bigint => value ^ (value >> 47n);

/**
 * The fingerprint of `bytes`, 0 to 2⁶⁴ − 1: the same on every machine and for ever. Not for secrets.
 * Source: Geoff Pike, FarmHash 1.1 (2014), farmhashna::Hash64.
 */
export function fingerprint64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length <= 16) return upTo16(view);
  if (bytes.length <= 32) return upTo32(view);
  return bytes.length <= 64 ? upTo64(view) : longer(view);
}

const word = (view: DataView, at: number): bigint => view.getBigUint64(at, true);

/** Mixes two words into one. */
function mix(u: bigint, v: bigint, factor: bigint): bigint {
  const a = fold(cut((u ^ v) * factor));
  return cut(fold(cut((v ^ a) * factor)) * factor);
}

function upTo16(view: DataView): bigint {
  const length = view.byteLength;
  const factor = k2 + BigInt(length * 2);
  if (length >= 8) {
    const a = cut(word(view, 0) + k2);
    const b = word(view, length - 8);
    return mix(cut(rotate(b, 37n) * factor + a), cut((rotate(a, 25n) + b) * factor), factor);
  }
  if (length >= 4) {
    const [first, last] = [view.getUint32(0, true), view.getUint32(length - 4, true)];
    return mix(BigInt(length + first * 8), BigInt(last), factor);
  }
  if (length === 0) return k2;
  const y = view.getUint8(0) + view.getUint8(length >> 1) * 256;
  const z = length + view.getUint8(length - 1) * 4;
  return cut(fold(cut(BigInt(y) * k2) ^ cut(BigInt(z) * k0)) * k2);
}

function upTo32(view: DataView): bigint {
  const length = view.byteLength;
  const factor = k2 + BigInt(length * 2);
  const a = cut(word(view, 0) * k1);
  const b = word(view, 8);
  const c = cut(word(view, length - 8) * factor);
  const d = cut(word(view, length - 16) * k2);
  const u = cut(rotate(cut(a + b), 43n) + rotate(c, 30n) + d);
  return mix(u, cut(a + rotate(cut(b + k2), 18n) + c), factor);
}

function upTo64(view: DataView): bigint {
  const length = view.byteLength;
  const factor = k2 + BigInt(length * 2);
  const a = cut(word(view, 0) * k2);
  const b = word(view, 8);
  const c = cut(word(view, length - 8) * factor);
  const d = cut(word(view, length - 16) * k2);
  const y = cut(rotate(cut(a + b), 43n) + rotate(c, 30n) + d);
  const z = mix(y, cut(a + rotate(cut(b + k2), 18n) + c), factor);
  const e = cut(word(view, 16) * factor);
  const f = word(view, 24);
  const g = cut((y + word(view, length - 32)) * factor);
  const h = cut((z + word(view, length - 24)) * factor);
  const u = cut(rotate(cut(e + f), 43n) + rotate(g, 30n) + h);
  return mix(u, cut(e + rotate(cut(f + a), 18n) + g), factor);
}

/** Seven words of state that take in 64 bytes at a time; the last block overlaps the one before it. */
function longer(view: DataView): bigint {
  const length = view.byteLength;
  let x = 81n;
  let y = cut(x * k1 + 113n);
  let z = cut(fold(cut(y * k2 + 113n)) * k2);
  let v: readonly [bigint, bigint] = [0n, 0n];
  let w: readonly [bigint, bigint] = [0n, 0n];
  x = cut(x * k2 + word(view, 0));
  const takeIn = (at: number, factor: bigint, weight: bigint): void => {
    x = cut(rotate(cut(x + y + v[0] + word(view, at + 8)), 37n) * factor) ^ cut(w[1] * weight);
    y = cut(rotate(cut(y + v[1] + word(view, at + 48)), 42n) * factor + v[0] * weight + word(view, at + 40));
    z = cut(rotate(cut(z + w[0]), 33n) * factor);
    v = with32(view, at, cut(v[1] * factor), cut(x + w[0]));
    w = with32(view, at + 32, cut(z + w[1]), cut(y + word(view, at + 16)));
    [x, z] = [z, x];
  };
  const blocks = Math.floor((length - 1) / 64);
  for (let block = 0; block < blocks; block++) takeIn(block * 64, k1, 1n);
  const factor = k1 + ((z & 0xffn) << 1n);
  const first = cut(w[0] + BigInt((length - 1) % 64));
  v = [cut(v[0] + first), v[1]];
  w = [cut(first + v[0]), w[1]];
  takeIn(length - 64, factor, 9n);
  const u = cut(mix(v[0], w[0], factor) + fold(y) * k0 + z);
  return mix(u, cut(mix(v[1], w[1], factor) + x), factor);
}

/** Two words of state with 32 bytes taken in. */
function with32(view: DataView, at: number, first: bigint, second: bigint): readonly [bigint, bigint] {
  const last = word(view, at + 24);
  const start = cut(first + word(view, at));
  const turned = rotate(cut(second + start + last), 21n);
  const sum = cut(start + word(view, at + 8) + word(view, at + 16));
  return [cut(sum + last), cut(turned + rotate(sum, 44n) + start)];
}
