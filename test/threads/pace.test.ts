// Does a program find out whether threads help it, and notice when that changes?

import { expect, test } from "vitest";
import { Pace } from "../../bindings/pace.ts";

/** Runs for so many milliseconds; the share of them that was spent with other threads. */
function shared(pace: Pace, milliseconds: number, alone: (run: number) => number, together: typeof alone): number {
  let all = 0;
  let spent = 0;
  for (let run = 0; all < milliseconds; run++) {
    const share = pace.share();
    const time = share ? together(run) : alone(run);
    pace.record(time, 3);
    all += time;
    if (share) spent += time;
  }
  return spent / all;
}

const always = (time: number) => () => time;

test("threads that help are used nearly always", () => {
  const pace = new Pace();
  expect(pace.share()).toBe(true);
  expect(shared(pace, 20_000, always(12), always(7))).toBeGreaterThan(0.96);
});

test("threads that only disturb are used nearly never", () => {
  expect(shared(new Pace(), 20_000, always(12), always(20))).toBeLessThan(0.05);
});

test("a change is noticed at once where it hurts, within five seconds where it would help", () => {
  const pace = new Pace();
  shared(pace, 20_000, always(12), always(7));
  expect(shared(pace, 1000, always(12), always(30))).toBeLessThan(0.35);
  shared(pace, 20_000, always(12), always(30));
  expect(shared(pace, 10_000, always(12), always(7))).toBeGreaterThan(0.4);
  expect(shared(pace, 20_000, always(12), always(7))).toBeGreaterThan(0.95);
});

test("single slow runs, and slow first ones after a rest, change nothing for long", () => {
  const pace = new Pace();
  let rested = false;
  const together = (run: number): number => {
    const cold = rested;
    rested = false;
    return cold ? 40 : run % 50 === 0 ? 20 : 7;
  };
  const alone = (): number => {
    rested = true;
    return 12;
  };
  expect(shared(pace, 20_000, alone, together)).toBeGreaterThan(0.85);
});

test("long runs are tried alone once in ten at the most", () => {
  expect(shared(new Pace(), 20_000, always(200), always(100))).toBeGreaterThan(0.8);
});
