// Is what a program reads before it writes it found, every byte and no other, in time also for programs made to take long?

import { expect, test } from "vitest";
import * as code from "../../assembly/opcodes.ts";
import { Touched } from "../../bindings/inference/touched.ts";
import { verified } from "../../bindings/inference/verifyProgram.ts";
import { generator } from "../harness/random.ts";

test("the bytes are those that a plain look at each of them finds", () => {
  const next = generator(5);
  const below = (limit: number): number => Math.floor(next() * limit);
  for (let round = 0; round < 500; round++) {
    const room = 1 + below(60);
    const touched = new Touched();
    const [known, expected] = [new Uint8Array(room), new Uint8Array(room)];
    for (let piece = below(20); piece > 0; piece--) {
      const [begin, writes] = [below(room), below(2) === 0];
      const end = Math.min(room, begin + below(12));
      touched.add(begin, end, writes);
      for (let at = begin; at < end; at++) {
        if (known[at] === 0 && !writes) expected[at] = 1;
        known[at] = 1;
      }
    }
    const found = new Uint8Array(room);
    let last = -1;
    for (const { address, bytes } of touched.readFirst()) {
      expect(address, "in order, with others between them").toBeGreaterThan(last);
      last = address + bytes;
      found.fill(1, address, last);
    }
    expect(found).toEqual(expected);
  }
});

/** Instructions of which each writes or reads 4 bytes at a place of its own, and the milliseconds to verify them. */
function timeFor(places: readonly number[], reads: boolean): number {
  const words = new Int32Array(32 * (places.length + 1));
  const addresses = new Int32Array(3 * places.length);
  words.set([code.SYNC, 0, 0, 0, places.length]);
  places.forEach((place, index) => {
    const first = 32 * (index + 1);
    words.set([code.MAP, 1, 1], first);
    addresses.set([first + 4, 1, place], 3 * index);
  });
  const arenaBytes = 8 * places.length;
  const batch = { instructions: places.length + 1, arenaBytes };
  const room = [words.byteLength, arenaBytes, 0];
  const begun = performance.now();
  const found = verified(
    { words, addresses, batch, room, given: [], taken: [] },
    {
      [code.MAP]: (operands) => {
        if (reads) operands.reads(0, 4);
        else operands.writes(0, 4);
        return 1;
      },
    },
  );
  const time = performance.now() - begun;
  expect(found?.cleared).toHaveLength(reads ? places.length : 0);
  return time;
}

test("four times the instructions take four times as long, however the pieces lie", () => {
  const orders = {
    falling: (count: number) => Array.from({ length: count }, (_, index) => 8 * (count - 1 - index)),
    scattered: (count: number) => Array.from({ length: count }, (_, index) => 8 * ((index * 48_271) % count)),
  };
  for (const [name, order] of Object.entries(orders))
    for (const reads of [false, true]) {
      timeFor(order(5000), reads);
      const [few, many] = [timeFor(order(30_000), reads), timeFor(order(120_000), reads)];
      expect(many, `${name}: ${few.toFixed()} ms for a quarter`).toBeLessThan(500 + 10 * few);
    }
});
