// What is done to bytes: flipped, put in, left out, doubled, cut off, joined with those of another file, numbers replaced?

import { type Chance, edges } from "./chance.ts";

/** From one to several changes of `bytes`; pieces may come from `other`. */
export function mutatedBytes(chance: Chance, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let left = chance.oneIn(2) ? 1 : 1 + chance.below(8); left > 0; left--)
    result = chance.of(mutations)(chance, result, other);
  return result;
}

type Mutation = (chance: Chance, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

/** Mostly at the front, where headers are. */
function place(chance: Chance, length: number): number {
  return chance.below(chance.oneIn(2) ? Math.min(length, 64) : length);
}

const flip: Mutation = (chance, bytes) => {
  if (bytes.length === 0) return bytes;
  const at = place(chance, bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << chance.below(8));
  return bytes;
};

const replace: Mutation = (chance, bytes) => {
  const width = chance.of([1, 2, 4, 8]);
  if (bytes.length < width) return bytes;
  const at = place(chance, bytes.length - width + 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, width);
  const value = BigInt(chance.of(edges));
  const little = !chance.oneIn(3);
  if (width === 1) view.setUint8(0, Number(BigInt.asUintN(8, value)));
  else if (width === 2) view.setUint16(0, Number(BigInt.asUintN(16, value)), little);
  else if (width === 4) view.setUint32(0, Number(BigInt.asUintN(32, value)), little);
  else view.setBigUint64(0, BigInt.asUintN(64, value), little);
  return bytes;
};

const insert: Mutation = (chance, bytes) => {
  const count = 1 + chance.below(chance.oneIn(4) ? 300 : 8);
  const filling = Uint8Array.from({ length: count }, () => (chance.oneIn(2) ? chance.below(256) : 0));
  return joined(bytes, place(chance, bytes.length + 1), filling, 0);
};

const remove: Mutation = (chance, bytes) =>
  joined(bytes, place(chance, bytes.length + 1), new Uint8Array(0), 1 + chance.below(chance.oneIn(4) ? 300 : 8));

const repeat: Mutation = (chance, bytes) => {
  const from = place(chance, bytes.length + 1);
  return joined(bytes, place(chance, bytes.length + 1), bytes.slice(from, from + 1 + chance.below(200)), 0);
};

const truncate: Mutation = (chance, bytes) => bytes.slice(0, chance.below(bytes.length + 1));

const splice: Mutation = (chance, bytes, other) => {
  const rest = other.slice(place(chance, other.length + 1));
  return joined(bytes, place(chance, bytes.length + 1), rest, bytes.length);
};

const mutations: readonly Mutation[] = [flip, flip, flip, replace, replace, insert, remove, repeat, truncate, splice];

/** `bytes` with `piece` in the place of `removed` bytes from `at` on. */
function joined(bytes: Uint8Array, at: number, piece: Uint8Array, removed: number): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + removed));
  const result = new Uint8Array(at + piece.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(piece, at);
  result.set(rest, at + piece.length);
  return result;
}
