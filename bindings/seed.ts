// Where do seeds come from when nobody gives one?

import { check, show } from "./errors.ts";

let globalSeed: number | undefined;
let drawn = 0;
const followers: ((seed: number) => void)[] = [];

/**
 * Makes everything random from here on a function of `seed`: initial weights, shuffling, dropout, noise. The same calls
 * after the same `setSeed` give the same bits on every machine.
 * @param seed an integer; its lowest 32 bits count. Without any call it is drawn once from `Math.random`.
 * @throws {TensorError} `option` unless `seed` is an integer.
 */
export function setSeed(seed: number): void {
  check(Number.isSafeInteger(seed), "option", () => ({
    where: "setSeed",
    expected: "an integer",
    received: show(seed),
  }));
  globalSeed = seed | 0;
  drawn = 0;
  for (const follow of followers) follow(derivedSeed(globalSeed, ofFollowers));
}

/** Calls `follow` with a seed now, and with another one whenever {@link setSeed} is called. Draws none of those in between. */
export function followSeed(follow: (seed: number) => void): void {
  globalSeed ??= (Math.random() * 2 ** 32) | 0;
  followers.push(follow);
  follow(derivedSeed(globalSeed, ofFollowers));
}

/** No number of a seed that is drawn. */
const ofFollowers = -1;

/** The next seed, an int32: a function of the global seed and of how many were drawn since it was set. */
export function nextSeed(): number {
  globalSeed ??= (Math.random() * 2 ** 32) | 0;
  return derivedSeed(globalSeed, drawn++);
}

/** A seed for part `index` of what has the seed `seed`: an int32. */
export function derivedSeed(seed: number, index: number): number {
  return mix(mix(seed) ^ index);
}

/** A bijection of the 32-bit integers in which every bit of x reaches every bit of the result (MurmurHash3, Appleby). */
function mix(x: number): number {
  let bits = (x + 0x9e3779b9) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) | 0;
}
