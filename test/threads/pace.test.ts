// Does a program find out whether threads help it, and notice when that changes?

import { expect, test } from "vitest";
import { Pace } from "../../bindings/pace.ts";

/** Runs `count` times; how many of them were shared. */
function shared(pace: Pace, count: number, alone: number, together: number): number {
  let times = 0;
  for (let run = 0; run < count; run++) {
    const share = pace.share();
    pace.record(share, share ? together : alone);
    if (share) times++;
  }
  return times;
}

test("threads that help are used nearly always", () => {
  const pace = new Pace();
  expect(pace.share()).toBe(true);
  expect(shared(pace, 2000, 10, 5)).toBeGreaterThan(2000 - 12);
});

test("threads that only disturb are used nearly never", () => {
  expect(shared(new Pace(), 2000, 10, 15)).toBeLessThan(12);
});

test("a change is noticed within a few runs where it hurts, within 512 where it would help", () => {
  const pace = new Pace();
  shared(pace, 2000, 10, 5);
  expect(shared(pace, 20, 10, 30)).toBeLessThan(8);
  expect(shared(pace, 600, 10, 5)).toBeGreaterThan(60);
  expect(shared(pace, 1000, 10, 5)).toBeGreaterThan(980);
});

test("single slow runs change nothing for long", () => {
  const pace = new Pace();
  let times = 0;
  for (let run = 0; run < 1000; run++) times += shared(pace, 1, 10, run % 50 === 0 ? 12 : 5);
  expect(times).toBeGreaterThan(960);
});
