// Do sequences and embeddings match their labels?

import { check } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "../graph.ts";
import { softplus } from "../ops/activations.ts";
import { logSumExp } from "../ops/composed.ts";
import { pad, slice, stack, transpose } from "../ops/copy.ts";
import { gather } from "../ops/gather.ts";
import {
  add,
  asFloat,
  cast,
  equal,
  exp,
  greater,
  less,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  multiply,
  negate,
  notEqual,
  subtract,
  where,
} from "../ops/map.ts";
import { matMul } from "../ops/matMul.ts";
import { sum } from "../ops/reduce.ts";
import { logSoftmax } from "../ops/softmax.ts";
import { expandDims, reshape, stopGradient } from "../ops/view.ts";
import { flag, number } from "../optionRules.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";

type Node = SymbolicTensor;

/** Stands for ln 0: finite, so that no difference of two of them is NaN, and beyond every sum of real logarithms. */
const impossible = -1e30;

// Embeddings ----------------------------------------------------------------------------------------------------------

/** Options of {@link circle}. */
export interface CircleOptions extends LossOptions {
  /** How sharply pairs are told apart. Default 80. */
  readonly gamma?: number;
  /** How far the similarity of a pair may be from the best. Default 0.4. */
  readonly margin?: number;
  /** Leave out the pair of each sample with itself. Default true. */
  readonly removeDiagonal?: boolean;
}

/**
 * Pulls embeddings of one label together and pushes others apart: ln(1 + Σ_n e^(γ·a_n·(s_n − m)) · Σ_p e^(−γ·a_p·(s_p −
 * 1 + m))) over the pairs of a sample with those of the same (p) and of other labels (n), s being their cosine and a = how
 * far it is from the best. Labels [batch], embeddings of length 1 [batch, size] → [batch]; samples of loss 0 do not count
 * (Sun et al., 2020).
 */
export function circle(options: CircleOptions = {}): Loss {
  const rules = { gamma: number(80, 0), margin: number(0.4, 0, 1), removeDiagonal: flag(true) };
  return makeLoss("Circle", options, rules, ({ gamma, margin, removeDiagonal }) => (yTrue, yPred) => {
    const [batch = 0] = yPred.shape;
    check(yPred.shape.length === 2 && yTrue.size === batch, "shape", () => ({
      where: errorPlace("circle"),
      expected: "labels [batch] and embeddings [batch, size]",
      received: `[${yTrue.shape.join(", ")}] and [${yPred.shape.join(", ")}]`,
    }));
    const labels = cast(reshape(yTrue, [batch, 1]), "int32");
    const distances = maximum(subtract(1, matMul(yPred, yPred, { transposeB: true })), 0);
    const same = equal(labels, reshape(labels, [1, batch]));
    const places = Int32Array.from({ length: batch }, (_, index) => index);
    const others = notEqual(expandDims(constant(places), 1), constant(places));
    const positive = removeDiagonal ? logicalAnd(same, others) : same;
    const alike = multiply(multiply(add(distances, margin), subtract(distances, margin)), gamma);
    const unlike = multiply(
      multiply(maximum(subtract(1 + margin, distances), 0), subtract(1 - margin, distances)),
      gamma,
    );
    const values = softplus(
      add(logSumExp(where(positive, alike, impossible), 1), logSumExp(where(logicalNot(same), unlike, impossible), 1)),
    );
    return { values, mask: greater(values, 0) };
  });
}

// Alignment -----------------------------------------------------------------------------------------------------------

/**
 * −ln of the probability that the frames spell the labels, over all alignments: repeated classes count once, class 0 is the
 * blank between. Labels [batch, length] int32, padded with 0 behind; logits [batch, frames, classes] → [batch] (Graves et
 * al., 2006). In logarithms throughout. The recursion over time is unrolled into the program, some fifteen operations a
 * frame, so the gradient is exact. A sequence with fewer frames than its labels need has the value Infinity and no
 * gradient.
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function ctc(options: LossOptions = {}): Loss {
  return makeLoss<object>("CTC", options, {}, () => connectionistTemporal);
}

function connectionistTemporal(yTrue: Node, yPred: Node): Node {
  const [batch = 0, length = 0] = yTrue.shape;
  const [samples] = yPred.shape;
  check(yTrue.shape.length === 2 && yPred.shape.length === 3 && samples === batch, "shape", () => ({
    where: errorPlace("ctc"),
    expected: "labels [batch, length] and logits [batch, frames, classes]",
    received: `[${yTrue.shape.join(", ")}] and [${yPred.shape.join(", ")}]`,
  }));
  const labels = cast(yTrue, "int32");
  const states = 2 * length + 1;
  const [first, ...others] = framesOf(emissions(labels, logSoftmax(asFloat(yPred)), states));
  const jumps = jumpCosts(labels, states);
  const start = Float32Array.from({ length: states }, (_, state) => (state < 2 ? 0 : impossible));
  check(first !== undefined, "shape", () => ({ where: errorPlace("ctc"), expected: "frames", received: "none" }));
  let forward = add(first, constant(start));
  for (const emitted of others) {
    const padded = pad(
      forward,
      [
        [0, 0],
        [2, 0],
      ],
      impossible,
    );
    const from = (behind: number): Node => slice(padded, [0, 2 - behind], [batch, states]);
    forward = add(emitted, logSumOfThree(forward, from(1), add(from(2), jumps)));
  }
  const ends = multiply(cast(sum(cast(notEqual(labels, 0), "int32"), 1, true), "int32"), 2);
  const place = constant(Int32Array.from({ length: states }, (_, state) => state));
  const final = logicalOr(equal(place, ends), equal(add(place, 1), ends));
  const loss = negate(logSumExp(where(final, forward, impossible), 1));
  return where(less(loss, -impossible / 10), loss, Number.POSITIVE_INFINITY);
}

/** ln p of the class of each state at each frame: [frames, batch, states]; states are labels with blanks around. */
function emissions(labels: Node, logarithms: Node, states: number): Node {
  const [batch = 0, frames = 0, classes = 0] = logarithms.shape;
  const blanks = multiply(labels, 0);
  const interleaved = reshape(stack([blanks, labels], 2), [batch, states - 1]);
  const spelled = pad(interleaved, [
    [0, 0],
    [0, 1],
  ]);
  const rows = reshape(transpose(logarithms, [1, 0, 2]), [frames * batch * classes]);
  // A label that is out of range would point into another row: it is made to point nowhere.
  const valid = logicalAnd(less(spelled, classes), greater(spelled, -1));
  const firsts = constant(Int32Array.from({ length: frames * batch }, (_, row) => row * classes));
  const within = reshape(where(valid, spelled, -frames * batch * classes), [1, batch, states]);
  return gather(rows, add(reshape(firsts, [frames, batch, 1]), within));
}

/** 0 where a state may follow the one two before it, a label other than the last; impossible elsewhere: [batch, states]. */
function jumpCosts(labels: Node, states: number): Node {
  const [batch = 0, length = 0] = labels.shape;
  const before = slice(
    pad(labels, [
      [0, 0],
      [1, 0],
    ]),
    [0, 0],
    [batch, length],
  );
  const allowed = logicalAnd(notEqual(labels, before), notEqual(labels, 0));
  const ofLabels = where(allowed, constant(0), impossible);
  const ofBlanks = add(multiply(ofLabels, 0), impossible);
  return pad(
    reshape(stack([ofBlanks, ofLabels], 2), [batch, states - 1]),
    [
      [0, 0],
      [0, 1],
    ],
    impossible,
  );
}

/**
 * The frames of x [frames, batch, states], each [batch, states]. By halves: the gradient of a slice is as large as what it
 * was cut from, so cutting each frame from the whole would take frames² instead of frames · log frames.
 */
function framesOf(x: Node): Node[] {
  const [frames = 0, batch = 0, states = 0] = x.shape;
  if (frames === 0) return [];
  if (frames === 1) return [reshape(x, [batch, states])];
  const half = Math.ceil(frames / 2);
  return [
    ...framesOf(slice(x, [0, 0, 0], [half, batch, states])),
    ...framesOf(slice(x, [half, 0, 0], [frames - half, batch, states])),
  ];
}

/** ln(eᵃ + eᵇ + eᶜ), elementwise. */
function logSumOfThree(a: Node, b: Node, c: Node): Node {
  const largest = stopGradient(maximum(maximum(a, b), c));
  const part = (x: Node): Node => exp(subtract(x, largest));
  return add(largest, log(add(add(part(a), part(b)), part(c))));
}
