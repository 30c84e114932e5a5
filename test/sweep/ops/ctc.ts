// Connectionist temporal classification: the plain recursion over states in probabilities (Graves et al., 2006).

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { unit } from "../../harness/estimate.ts";
import { build, type RealArray } from "../array.ts";
import { seeds, sizes, sometimes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { exact, extremum, negate, Real, sum } from "../real.ts";
import type { Subject } from "../subject.ts";

type Node = SymbolicTensor;

interface CtcCase {
  readonly batch: number;
  readonly frames: number;
  readonly classes: number;
  readonly length: number;
  readonly blank: number;
  readonly large: boolean;
  readonly few: boolean;
  readonly seed: number;
}
const cases: fc.Arbitrary<CtcCase> = fc
  .record({
    batch: sizes(3),
    frames: fc.integer({ min: 1, max: 9 }),
    classes: fc.integer({ min: 1, max: 6 }),
    length: sizes(5),
    blank: fc.nat(5),
    large: fc.boolean(),
    few: fc.boolean(),
    seed: seeds,
  })
  .map((given) => ({ ...given, blank: Math.min(given.blank, given.classes - 1) }));

/**
 * −ln P and what each class of each frame has to do with it: P(class at frame | labels). By the forward and backward sums of
 * probabilities, which float64 holds for so few frames.
 */
function aligned(
  logits: readonly (readonly number[])[],
  labels: readonly number[],
  blank: number,
): { probability: number; spoken: number[][]; softmax: number[][] } {
  const softmax = logits.map((row) => {
    const most = Math.max(...row);
    const all = row.map((x) => Math.exp(x - most));
    const total = all.reduce((a, b) => a + b, 0);
    return all.map((x) => x / total);
  });
  const states = [blank, ...labels.flatMap((label) => [label, blank])];
  const mayJump = (state: number): boolean => state >= 2 && state % 2 === 1 && states[state] !== states[state - 2];
  const said = (frame: number, state: number): number => softmax[frame]?.[states[state] as number] as number;
  const forward: number[][] = [];
  const backward: number[][] = [];
  const count = logits.length;
  for (let frame = 0; frame < count; frame++)
    forward.push(
      states.map((_, state) => {
        if (frame === 0) return state < 2 ? said(0, state) : 0;
        const before = forward[frame - 1] as number[];
        const from =
          (before[state] as number) + (before[state - 1] ?? 0) + (mayJump(state) ? (before[state - 2] as number) : 0);
        return from * said(frame, state);
      }),
    );
  // What is said after the frame.
  for (let frame = count - 1; frame >= 0; frame--)
    backward[frame] = states.map((_, state) => {
      if (frame === count - 1) return state >= states.length - 2 ? 1 : 0;
      const after = backward[frame + 1] as number[];
      const to = (next: number): number => (next < states.length ? (after[next] as number) * said(frame + 1, next) : 0);
      return to(state) + to(state + 1) + (state + 2 < states.length && mayJump(state + 2) ? to(state + 2) : 0);
    });
  const last = forward.at(-1);
  const probability =
    last === undefined
      ? labels.length === 0
        ? 1
        : 0
      : (last.at(-1) as number) + (states.length > 1 ? (last.at(-2) as number) : 0);
  const spoken = logits.map((row, frame) => {
    const shares = row.map(() => 0);
    states.forEach((label, state) => {
      shares[label] =
        (shares[label] as number) +
        ((forward[frame]?.[state] as number) * (backward[frame]?.[state] as number)) / probability;
    });
    return shares;
  });
  return { probability, spoken, softmax };
}

const ctcLoss = op<CtcCase>({
  name: "ctcLoss",
  cases,
  inputs: ({ batch, frames, classes, length, large, few }) => [
    { shape: [batch, length], dtype: "int32", draw: whole(0, few ? Math.min(1, classes - 1) : classes - 1) },
    { shape: [batch, frames, classes], draw: large ? within(-20, 20) : within(-2, 2) },
    { shape: [batch], dtype: "int32", draw: whole(0, length) },
    { shape: [batch], dtype: "int32", draw: sometimes([frames], 0.5, whole(0, frames)) },
  ],
  call: ({ blank }, target, output, targetLength, outputLength) =>
    ops.ctcLoss(target as Node, output as Node, targetLength as Node, outputLength as Node, blank),
  reference: ({ batch, frames, classes, length, blank }, target, output, targetLength, outputLength) =>
    build([batch], (_, sample) => {
      const value = (x: RealArray | undefined, index: number): number => ((x as RealArray).data[index] as Real).value;
      const counted = value(outputLength, sample);
      const first = sample * frames * classes;
      const logits = Array.from({ length: counted }, (__, frame) =>
        Array.from({ length: classes }, (___, each) => value(output, first + frame * classes + each)),
      );
      const labels = Array.from({ length: value(targetLength, sample) }, (__, place) =>
        value(target, sample * length + place),
      );
      const { probability, spoken, softmax } = aligned(logits, labels, blank);
      if (probability === 0) return exact(Number.POSITIVE_INFINITY);
      const loss = 0 - Math.log(probability);
      const parents = (output as RealArray).data.slice(first, first + counted * classes);
      // Each frame: the logarithm of softmax (largest, sum of exponentials, its logarithm: 4 roundings of numbers up to its own
      // size), its sum with the state, two of exponentials to 1 ULP and a logarithm, and what is subtracted as the shift: 10
      // of numbers as large as the largest logarithm of the frame.
      const magnitudes = softmax.map((row) => 1 + Math.max(...row.map((p) => Math.abs(Math.log(p)))) + largest(logits));
      const error = magnitudes.reduce((total, each) => total + 10 * unit * each, 0);
      // e^(x − largest) is off by the rounding of the difference. Both directions are that far off, and what is a share of all states then is relatively so.
      const relative = Math.expm1(2 * error + 16 * unit);
      return new Real(
        loss,
        error + 4 * unit * Math.abs(loss),
        parents,
        softmax.flatMap((row, frame) => row.map((p, each) => p - (spoken[frame]?.[each] as number))),
        softmax.flatMap((row, frame) =>
          row.map(
            (p, each) =>
              (16 - Math.log(p)) * unit * p + (relative + 4 * unit) * (spoken[frame]?.[each] as number) + 2 ** -125,
          ),
        ),
      );
    }),
});

/** The largest absolute value. */
function largest(rows: readonly (readonly number[])[]): number {
  return rows.flat().reduce((most, each) => Math.max(most, Math.abs(each)), 0);
}

interface DecodeCase extends CtcCase {
  readonly merge: boolean | undefined;
  readonly ties: boolean;
}
const ctcDecode = op<DecodeCase>({
  name: "ctcDecode",
  cases: fc
    .tuple(cases, fc.constantFrom(undefined, true, false), fc.boolean())
    .map(([given, merge, ties]) => ({ ...given, merge, ties })),
  inputs: ({ batch, frames, classes, ties }) => [
    { shape: [batch, frames, classes], draw: ties ? whole(-1, 1) : within(-2, 2) },
    { shape: [batch], dtype: "int32", draw: sometimes([frames], 0.5, whole(0, frames)) },
  ],
  call: ({ merge, blank }, inputs, lengths) =>
    ops.ctcDecode(inputs as Node, lengths as Node, {
      maskIndex: blank,
      ...(merge === undefined ? {} : { mergeRepeated: merge }),
    }) as unknown as Node[],
  reference: ({ batch, frames, classes, blank, merge }, inputs, lengths) => {
    const found = Array.from({ length: batch }, (_, sample) => {
      const count = ((lengths as RealArray).data[sample] as Real).value;
      const labels: number[] = [];
      const scores: Real[] = [];
      let previous = -1;
      for (let frame = 0; frame < count; frame++) {
        const row = (inputs as RealArray).data.slice((sample * frames + frame) * classes).slice(0, classes);
        const best = row.reduce((at, each, place) => (each.value > (row[at] as Real).value ? place : at), 0);
        scores.push(extremum(row, (a, b) => a > b, "equal"));
        if (best !== blank && !(merge !== false && best === previous)) labels.push(best);
        previous = best;
      }
      while (labels.length < frames) labels.push(-1);
      return { labels, score: negate(sum(scores)) };
    });
    return [
      { shape: [1, batch, frames], dtype: "int32", data: found.flatMap(({ labels }) => labels.map(exact)) },
      { shape: [batch, 1], dtype: "float32", data: found.map(({ score }) => score) },
    ];
  },
});

export const ctcSubjects: readonly Subject[] = [ctcLoss, ctcDecode];
