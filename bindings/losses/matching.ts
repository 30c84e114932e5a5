// Do sequences and embeddings match their labels?

import { check } from "../errors.ts";
import { constant, errorPlace, type SymbolicTensor } from "../graph.ts";
import { softplus } from "../ops/activations.ts";
import { logSumExp } from "../ops/composed.ts";
import { ctcOf } from "../ops/ctc.ts";
import {
  add,
  asFloat,
  cast,
  equal,
  greater,
  logicalAnd,
  logicalNot,
  maximum,
  multiply,
  notEqual,
  subtract,
  where,
} from "../ops/map.ts";
import { matMul } from "../ops/matMul.ts";
import { sum } from "../ops/reduce.ts";
import { expandDims, reshape } from "../ops/view.ts";
import { flag, number } from "../optionRules.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";

type Node = SymbolicTensor;

/** Stands for the logarithm of 0 where differences of two must not be NaN. */
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
  type Settings = Required<Omit<CircleOptions, keyof LossOptions>>;
  const measure =
    ({ gamma, margin, removeDiagonal }: Settings) =>
    (yTrue: Node, yPred: Node) => {
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
        add(
          logSumExp(where(positive, alike, impossible), 1),
          logSumExp(where(logicalNot(same), unlike, impossible), 1),
        ),
      );
      return { values, mask: greater(values, 0) };
    };
  return makeLoss("Circle", options, rules, measure, ([batch = 0]) => ({ shape: [batch], dtype: "int32" }));
}

// Alignment -----------------------------------------------------------------------------------------------------------

/**
 * −ln of the probability that the frames spell the labels, over all alignments: repeated classes count once, class 0 is the
 * blank between. Labels [batch, length] int32, padded with 0 behind; logits [batch, frames, classes] → [batch] (Graves et
 * al., 2006). A sequence with fewer frames than its labels need has the value Infinity and no gradient. What each frame
 * counts, and another blank: `ops.ctcLoss`.
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function ctc(options: LossOptions = {}): Loss {
  return makeLoss<object>(
    "CTC",
    options,
    {},
    () => connectionistTemporal,
    ([batch = 0, frames = 0, classes = 0]) => ({ shape: [batch, frames], dtype: "int32", classes }),
  );
}

function connectionistTemporal(yTrue: Node, yPred: Node): Node {
  const [samples = 0, frames = 0] = yPred.shape;
  check(yTrue.shape.length === 2 && yPred.shape.length === 3 && samples === yTrue.shape[0], "shape", () => ({
    where: errorPlace("ctc"),
    expected: "labels [batch, length] and logits [batch, frames, classes]",
    received: `[${yTrue.shape.join(", ")}] and [${yPred.shape.join(", ")}]`,
  }));
  const labels = cast(yTrue, "int32");
  const lengths = sum(cast(notEqual(labels, 0), "int32"), 1);
  return ctcOf(asFloat(yPred), labels, lengths, constant(new Int32Array(samples).fill(frames)), 0);
}
