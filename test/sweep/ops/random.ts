// Random numbers: bits from an independent Philox, ranges, and the same bits however a program is run.

import fc from "fast-check";
import { engine } from "../../../bindings/engine.ts";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as random from "../../../bindings/random.ts";
import { derivedSeed, setSeed } from "../../../bindings/seed.ts";
import type { Shape, Tensor } from "../../../bindings/tensor.ts";
import { erfInverse } from "../../harness/elementary.ts";
import { gapAt } from "../../harness/estimate.ts";
import { uniformElement } from "../../harness/philox.ts";
import { generator } from "../../harness/random.ts";
import { traceGraph } from "../../harness/runGraph.ts";
import { build, type RealArray } from "../array.ts";
import { expectSameBits, expectWithin } from "../compare.ts";
import { seeds, shapes, tensorOf, within } from "../draw.ts";
import { expectRefusal, expectSameCuts, runOnce } from "../op.ts";
import { add, apply, type Curve, exact, multiply, Real, rounded, unknown } from "../real.ts";
import { type Subject, subject, type Tally } from "../subject.ts";

type Node = SymbolicTensor;
const fround = Math.fround;

/** A drawing, once or twice in a program. */
interface RandomSubject<O> {
  readonly name: string;
  readonly options: fc.Arbitrary<O>;
  readonly call: (shape: Shape, options: O, logits: Node) => Node;
  /** From uniform numbers of [0, 1), element by element; undefined: refused. */
  readonly reference: (
    shape: Shape,
    options: O,
    share: (index: number) => number,
    logits: Tensor,
  ) => RealArray | undefined;
  /** Throws unless every number is in its range. */
  readonly range: (options: O, value: number) => boolean;
  readonly logits?: (shape: Shape) => Shape;
}
interface RandomCase<O> {
  readonly shape: number[];
  readonly options: O;
  /** Of setSeed. */
  readonly key: number;
  readonly seed: number;
}

function drawing<O>(of: RandomSubject<O>): Subject {
  return subject<RandomCase<O>>({
    name: of.name,
    kind: "op",
    cases: fc.record({
      shape: shapes({ max: 3 }, 9, 600),
      options: of.options,
      key: fc.oneof(fc.constantFrom(0, 1, 2 ** 31 - 1), fc.nat(2 ** 31 - 1)),
      seed: seeds,
    }),
    check: (given, tally) => check(of, given, tally),
  });
}

function check<O>(of: RandomSubject<O>, { shape, options, key, seed }: RandomCase<O>, tally: Tally): void {
  engine().poisoned = true;
  const logits = tensorOf({ shape: of.logits?.(shape) ?? [], draw: within(-3, 3) }, generator(seed));
  tally.cases++;
  // Each call draws from the stream of its place in the program, one step further. All of them share one derived seed.
  const own = derivedSeed(key, -1);
  const wanted = [0, 1].map((stream) =>
    of.reference(shape, options, (index) => uniformElement(index, own, stream, stream), logits),
  );
  const trace = () =>
    traceGraph([logits], (x) => [of.call(shape, options, x as Node), of.call(shape, options, x as Node)]);
  if (wanted[0] === undefined) {
    expectRefusal(trace);
    tally.refused++;
    return;
  }
  const reset = (): void => setSeed(key);
  const traced = trace();
  reset();
  const found = runOnce(traced, [logits], {});
  found.forEach((each, index) => {
    each.data.forEach((value) => {
      if (!of.range(options, value)) throw new Error(`${value} is out of range`);
    });
    expectWithin(each, wanted[index] as RealArray, `call ${index}`);
  });
  // A second run of the same program draws others, the same after the seed is set again.
  reset();
  expectSameBits(
    runOnce(traced, [logits], { merge: false, fuse: false, hoist: false, reuse: false }),
    found,
    "without any pass",
  );
  expectSameCuts(traced, [logits], {}, found, reset);
}

const few = (low: number, high: number): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: low, max: high }), fc.double({ min: low, max: high, noNaN: true }).map(fround));

const uniform = drawing<{ minval?: number; maxval?: number }>({
  name: "random.uniform",
  options: fc.oneof(
    fc.constant({}),
    fc.tuple(few(-5, 5), few(-5, 5)).map(([minval, maxval]) => ({ minval, maxval })),
    few(0, 3).map((maxval) => ({ maxval })),
    // Ranges in which rounding reaches the bound.
    fc.constantFrom(
      { minval: 1, maxval: fround(1 + 2 ** -23) },
      { minval: 16777216, maxval: 16777220 },
      { minval: 2, maxval: 2 },
    ),
  ),
  call: (shape, options) => random.uniform(shape, options),
  reference: (shape, { minval = 0, maxval = 1 }, share) =>
    maxval < minval
      ? undefined
      : build(shape, (_, index) => {
          const value = add(multiply(exact(share(index)), rounded(fround(maxval - minval))), exact(minval));
          // Kept below the bound.
          return new Real(value.value, value.bound + (value.value + value.bound >= maxval ? 2 * gapAt(maxval) : 0));
        }),
  range: ({ minval = 0, maxval = 1 }, value) => value >= minval && (value < maxval || minval === maxval),
});

/** √2 · erf⁻¹(2u − 1 + 2⁻²⁴), within what float32 makes of the argument. */
const quantileOf: Curve = {
  f: (x) => Math.SQRT2 * erfInverse(x),
  ulps: 8,
  roundings: 2,
  slope: (x) => Math.sqrt(Math.PI / 2) * Math.exp(erfInverse(x) ** 2),
};
const normalOptions = fc.oneof(
  fc.constant({}),
  fc.tuple(few(-5, 5), few(-1, 4)).map(([mean, stddev]) => ({ mean, stddev })),
);
const normal = drawing<{ mean?: number; stddev?: number }>({
  name: "random.normal",
  options: normalOptions,
  call: (shape, options) => random.normal(shape, options),
  reference: (shape, { mean = 0, stddev = 1 }, share) =>
    stddev < 0
      ? undefined
      : build(shape, (_, index) => {
          const centred = exact(2 * share(index) - 1 + 2 ** -24);
          return add(multiply(apply(quantileOf, centred), exact(stddev)), exact(mean));
        }),
  range: (_, value) => Number.isFinite(value),
});

/** erf(2 / √2): the share within two deviations. */
const inside = 0.9544997361036416;
const truncatedNormal = drawing<{ mean?: number; stddev?: number }>({
  name: "random.truncatedNormal",
  options: normalOptions,
  call: (shape, options) => random.truncatedNormal(shape, options),
  reference: (shape, { mean = 0, stddev = 1 }, share) =>
    stddev < 0
      ? undefined
      : build(shape, (_, index) => {
          const centred = multiply(exact(2 * share(index) - 1 + 2 ** -24), rounded(inside));
          return add(multiply(apply(quantileOf, centred), exact(stddev)), exact(mean));
        }),
  range: ({ mean = 0, stddev = 1 }, value) => value >= mean - 2 * stddev && value <= mean + 2 * stddev,
});

const bernoulli = drawing<number>({
  name: "random.bernoulli",
  options: fc.oneof(fc.constantFrom(0, 1, 0.5, 0.1, 1.5, -0.1), fc.double({ min: 0, max: 1, noNaN: true })),
  call: (shape, probability) => random.bernoulli(shape, probability),
  reference: (shape, probability, share) =>
    probability < 0 || probability > 1
      ? undefined
      : build(shape, (_, index) => exact(share(index) < fround(probability) ? 1 : 0)),
  range: (_, value) => value === 0 || value === 1,
});

const integers = drawing<readonly [number, number]>({
  name: "random.integers",
  options: fc.oneof(
    fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 20 })),
    fc.constantFrom<[number, number]>(
      [0, 2 ** 24],
      [0, 2 ** 24 + 1],
      [-(2 ** 31), -(2 ** 31) + 7],
      [2 ** 31 - 5, 2 ** 31],
      [0.5, 3],
    ),
  ),
  call: (shape, [minval, maxval]) => random.integers(shape, minval, maxval),
  reference: (shape, [minval, maxval], share) => {
    const range = maxval - minval;
    if (!Number.isInteger(minval) || !Number.isInteger(maxval) || range <= 0 || range > 2 ** 24) return undefined;
    return build(shape, (_, index) => exact(Math.floor(fround(share(index) * range)) + minval), "int32");
  },
  range: ([minval, maxval], value) => Number.isInteger(value) && value >= minval && value < maxval,
});

interface Classes {
  readonly classes: number;
  readonly count: number | undefined;
}
const categorical = subject<RandomCase<Classes>>({
  name: "random.categorical",
  kind: "op",
  cases: fc.record({
    shape: shapes({ max: 2 }, 5, 20),
    options: fc.record({ classes: fc.integer({ min: 1, max: 9 }), count: fc.constantFrom(undefined, 1, 3, 8) }),
    key: fc.nat(2 ** 31 - 1),
    seed: seeds,
  }),
  check: ({ shape, options: { classes, count }, key, seed }, tally) =>
    check<Classes>(
      {
        name: "random.categorical",
        options: fc.constant({ classes, count }),
        logits: () => [...shape, classes],
        call: (_, __, logits) => random.categorical(logits, count),
        // The largest of logits − ln(−ln(1 − u)); rounding decides where two are as close as both are off.
        reference: (_, __, share, logits) => {
          const samples = count ?? 1;
          return build(
            [...shape, samples],
            (___, index) => {
              const row = Math.floor(index / samples);
              const scores = Array.from({ length: classes }, (____, each) => {
                const drawn = -Math.log(1 - share(index * classes + each));
                const score = (logits.data[row * classes + each] as number) - Math.log(Math.max(drawn, 2 ** -25));
                return score;
              });
              const best = scores.reduce((at, each, place) => (each > (scores[at] as number) ? place : at), 0);
              const close = scores.some(
                (each, place) => place !== best && (scores[best] as number) - each < 2 ** -20 * (4 + Math.abs(each)),
              );
              return new Real(best, close ? unknown : 0);
            },
            "int32",
          );
        },
        range: (_, value) => Number.isInteger(value) && value >= 0 && value < classes,
      },
      { shape, options: { classes, count }, key, seed },
      tally,
    ),
});

export const randomSubjects: readonly Subject[] = [uniform, normal, truncatedNormal, bernoulli, integers, categorical];
