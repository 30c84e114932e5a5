// Which operations on sequences can users call, on values and on symbols?

import { type Lifted, lift } from "../compiled.ts";
import * as alignments from "./ctc.ts";

/**
 * −ln of the probability that frames spell the labels, summed over all alignments: repeated classes count once, class
 * `maskIndex` (0 by default) is the blank between (Graves et al., 2006). target [batch, length], logits output
 * [batch, frames, classes], targetLength and outputLength [batch]: how many labels and how many frames of each sample
 * count → [batch]. Infinity, and no gradient, where the frames are too few for the labels. At most 9,000 labels.
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1 or a length is too large.
 */
export const ctcLoss: Lifted<typeof alignments.ctcLoss> = /* @__PURE__ */ lift("ctcLoss", alignments.ctcLoss, 4);
/**
 * The labels that frames spell: the largest class of each, equal neighbours merged, without blanks. inputs
 * [batch, frames, classes], sequenceLengths [batch]: how many frames count → labels int32 [1, batch, frames], −1 behind the
 * last, and minus the sum of the largest inputs, [batch, 1].
 * @throws {TensorError} `unsupported` for beam search.
 */
export const ctcDecode: Lifted<typeof alignments.ctcDecode> = /* @__PURE__ */ lift(
  "ctcDecode",
  alignments.ctcDecode,
  2,
);
