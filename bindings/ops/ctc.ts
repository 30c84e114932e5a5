// Which labels do frames spell, and how probable are given ones?

import * as code from "../../assembly/opcodes.ts";
import { type Lowering, reads, writes } from "../compiler/instruction.ts";
import { checkOptionNames } from "../config.ts";
import { check, show } from "../errors.ts";
import { gradients } from "../gradient.ts";
import {
  constant,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
  withScope,
} from "../graph.ts";
import { flag, integer, oneOf, settle } from "../optionRules.ts";
import { throughPrimitives } from "./batchMoments.ts";
import { pad, slice, stack } from "./copy.ts";
import { gather, pickAlongLast } from "./gather.ts";
import {
  add,
  asFloat,
  broadcastTo,
  cast,
  divide,
  equal,
  greater,
  less,
  log,
  logicalAnd,
  logicalOr,
  multiply,
  negate,
  notEqual,
  where,
} from "./map.ts";
import { argMax, max, sum } from "./reduce.ts";
import { softmax } from "./softmax.ts";
import { argSort } from "./sort.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;
type Attributes = { readonly blank: number };

/** Labels of a sample whose seven lines fit into the scratch of a thread. */
const mostLabels = 9000;

/** logits [batch, frames, classes], labels [batch, length], int32 lengths of labels and of frames [batch] → [batch]. */
const ctcOp: Operation<Attributes> = defineOp({
  name: "ctc",
  infer: ([logits]) => ({ shape: [(logits as Node).shape[0] as number], dtype: "float32" }),
  gradient: (node, dy) => [makeNode(gradientOp, [...node.inputs, node, dy], node.attributes), null, null, null],
  decompose: lossInPrimitives,
  // For gradients what came before each frame is kept as well, behind the losses.
  trailing: (node, users) => (wantBefore(users) ? beforeOf(node.inputs).bytes - node.size * 4 : 0),
  lower: (node, users) => {
    const { offset } = beforeOf(node.inputs);
    const given = { out: writes(node), before: wantBefore(users) ? writes(node, offset) : 0 };
    return [{ opcode: code.CTC, ...lowered(node, given) }];
  },
});

/** The same inputs, the losses and their gradient [batch] → [batch, frames, classes]. */
const gradientOp: Operation<Attributes> = defineOp({
  name: "ctcGradient",
  infer: ([logits]) => ({ shape: (logits as Node).shape, dtype: "float32" }),
  gradient: (node, dy) => throughPrimitives(node, dy, gradientInPrimitives),
  decompose: gradientInPrimitives,
  lower: (node) => {
    const [loss, upstream] = node.inputs.slice(4) as [Node, Node];
    const { offset } = beforeOf(node.inputs);
    const given = { loss: reads(loss), upstream: reads(upstream), out: writes(node), before: reads(loss, offset) };
    return [{ opcode: code.CTC_GRADIENT, ...lowered(node, given) }];
  },
});

function wantBefore(users: readonly Node[]): boolean {
  return users.some(({ op }) => (op as unknown) === gradientOp);
}

/** Where what came before the frames is, behind [batch] losses, and the bytes up to its end. */
function beforeOf([logits, labels]: readonly Node[]): { readonly offset: number; readonly bytes: number } {
  const [batch = 0, frames = 0] = (logits as Node).shape;
  const line = 4 * Math.ceil((((labels as Node).shape[1] as number) + 1) / 4);
  const offset = 16 * Math.ceil(batch / 4);
  return { offset, bytes: offset + batch * frames * 2 * line * 4 };
}

/** What both instructions have in common, around the operands in which they differ. */
function lowered(node: Node, given: Lowering["operands"]): Omit<Lowering, "opcode"> {
  const [logits, labels, labelLengths, frameLengths] = node.inputs as [Node, Node, Node, Node];
  const [batch = 0, frames = 0, columns = 0] = logits.shape;
  const length = labels.shape[1] as number;
  const work = frames * (columns + 16 * (length + 1));
  return {
    name: node.op.name,
    units: batch,
    grain: Math.max(1, Math.floor(16384 / work)),
    operands: {
      logits: reads(logits),
      labels: reads(labels),
      labelLengths: reads(labelLengths),
      frameLengths: reads(frameLengths),
      ...given,
      frames,
      columns,
      length,
      blank: (node.attributes as Attributes).blank,
    },
    flops: 4 * batch * work,
  };
}

// In primitives -------------------------------------------------------------------------------------------------------

/**
 * −ln of the sum over all alignments, frame by frame, over states that are the labels with blanks around. Without logarithms:
 * scaled to a sum of 1 at each frame, which the machine does better where probabilities are below 10⁻³⁸.
 */
function lossInPrimitives([logits, labels, lengths, frames]: readonly Node[], { blank }: Attributes): Node {
  const [batch = 0, time = 0] = (logits as Node).shape;
  const states = 2 * ((labels as Node).shape[1] as number) + 1;
  const place = constant(Int32Array.from({ length: states }, (_, state) => state));
  const known = expandDims(lengths as Node, 1);
  const counted = where(less(slice(place, [0], [(states - 1) / 2]), known), labels as Node, blank);
  const pairs = stack([broadcastTo(constant(blank, "int32"), counted.shape), counted], 2);
  const spelled = padded(reshape(pairs, [batch, states - 1]), 0, 1, blank);
  const shifted = (x: Node, by: number): Node => slice(padded(x, by, 0, 0), [0, 0], [batch, states]);
  // From a label to the next, unless they are equal; not from blank to blank, of which two stand before the first.
  const jumps = asFloat(notEqual(spelled, slice(padded(spelled, 2, 0, blank), [0, 0], [batch, states])));
  const everyFrame = broadcastTo(expandDims(spelled, 1), [batch, time, states]);
  const emitted = pickAlongLast(softmax(logits as Node), everyFrame);
  let forward = broadcastTo(constant(Float32Array.from({ length: states }, (_, state) => (state === 0 ? 1 : 0))), [
    batch,
    states,
  ]);
  let logarithms: Node = constant(0);
  for (let frame = 0; frame < time; frame++) {
    const reached = add(add(forward, shifted(forward, 1)), multiply(shifted(forward, 2), jumps));
    const said = multiply(reached, reshape(slice(emitted, [0, frame, 0], [batch, 1, states]), [batch, states]));
    const total = sum(said, 1, true);
    const counts = greater(expandDims(frames as Node, 1), frame);
    forward = where(counts, divide(said, total), forward);
    logarithms = add(logarithms, where(counts, log(total), 0));
  }
  const ends = add(known, known);
  const final = logicalOr(equal(place, ends), equal(add(place, 1), ends));
  const ended = sum(where(final, forward, 0), 1, true);
  const possible = greater(ended, 0);
  const loss = negate(add(log(where(possible, ended, 1)), logarithms));
  return reshape(where(possible, loss, Number.POSITIVE_INFINITY), [batch]);
}

function gradientInPrimitives([logits, labels, lengths, frames, , dy]: readonly Node[], attributes: Attributes): Node {
  const loss = lossInPrimitives([logits, labels, lengths, frames] as Node[], attributes);
  return gradients(loss, [logits as Node], dy)[0] as Node;
}

function padded(x: Node, front: number, back: number, value: number): Node {
  return pad(
    x,
    [
      [0, 0],
      [front, back],
    ],
    value,
  );
}

// For users -----------------------------------------------------------------------------------------------------------

/**
 * −ln of the probability that frames spell the labels, summed over all alignments: repeated classes count once, class
 * `maskIndex` is the blank between (Graves et al., 2006). target [batch, length], logits output [batch, frames, classes],
 * targetLength and outputLength [batch]: how many labels and how many frames of each sample count → [batch]. Infinity,
 * and no gradient, where the frames are too few for the labels. At most 9,000 labels.
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1 or a length is too large.
 */
export function ctcLoss(
  target: Operand,
  output: Operand,
  targetLength: Operand,
  outputLength: Operand,
  maskIndex = 0,
): Node {
  const logits = asFloat(output);
  const labels = wholes(target);
  const [batch, frames = 0, classes = 0] = logits.shape;
  const [samples, length = 0] = labels.shape;
  const lengths = [wholes(targetLength), wholes(outputLength)] as const;
  const fits = logits.shape.length === 3 && labels.shape.length === 2 && samples === batch;
  check(fits && lengths.every(({ shape }) => shape.length === 1 && shape[0] === batch), "shape", () => ({
    where: errorPlace("ctcLoss"),
    expected: "labels [batch, length], logits [batch, frames, classes] and lengths [batch] of both",
    received: [labels, logits, ...lengths].map(({ shape }) => `[${shape.join(", ")}]`).join(", "),
  }));
  checkMask("ctcLoss", maskIndex, classes);
  if (batch === 0) return sum(logits, [1, 2]);
  return ctcOf(
    logits,
    labels,
    atMost("targetLength", lengths[0], length),
    atMost("outputLength", lengths[1], frames),
    maskIndex,
  );
}

/** −ln P(labels | logits): what {@link ctcLoss} does of int32 labels and lengths, when they are known to fit. */
export function ctcOf(logits: Node, labels: Node, lengths: Node, frames: Node, blank: number): Node {
  const [batch, length = 0] = labels.shape;
  check(batch !== 0 && logits.size > 0 && length <= mostLabels, "shape", () => ({
    where: errorPlace("ctc"),
    expected: `frames of at least one sample, and at most ${mostLabels} labels`,
    received: `labels [${labels.shape.join(", ")}] and logits [${logits.shape.join(", ")}]`,
  }));
  return makeNode(ctcOp, [logits, labels, lengths, frames], { blank });
}

/** Options of {@link ctcDecode}. */
export interface CtcDecodeOptions {
  /** The class of each frame is its largest. Default, and the only one: beam search is not supported. */
  readonly strategy?: "greedy";
  /** Count a class that stands in neighbouring frames once. Default true. */
  readonly mergeRepeated?: boolean;
  /** The class that is the blank. Default 0. */
  readonly maskIndex?: number;
}

/**
 * The labels that frames spell: the largest class of each, equal neighbours merged, without blanks. inputs
 * [batch, frames, classes], sequenceLengths [batch]: how many frames count → labels int32 [1, batch, frames], −1 behind the
 * last, and minus the sum of the largest inputs, [batch, 1]. As in Keras, whose first axis is that of the best paths.
 * @throws {TensorError} `unsupported` for beam search.
 */
export function ctcDecode(
  inputs: Operand,
  sequenceLengths: Operand,
  options: CtcDecodeOptions = {},
): readonly [Node, Node] {
  checkOptionNames("ctcDecode", options, ["strategy", "mergeRepeated", "maskIndex"]);
  const given: unknown = options.strategy;
  check(given !== "beamSearch" && given !== "beam_search", "unsupported", () => ({
    where: errorPlace("ctcDecode"),
    expected: 'the strategy "greedy"',
    received: show(given),
    remedy: "What a beam holds depends on the values; search on those that predict returns.",
  }));
  const rules = { strategy: oneOf("greedy", ["greedy"]), mergeRepeated: flag(true), maskIndex: integer(0, 0) };
  const { mergeRepeated, maskIndex } = settle("ctcDecode", options, rules);
  const scores = asFloat(inputs);
  const lengths = wholes(sequenceLengths);
  const [batch = 0, frames = 0, classes = 0] = scores.shape;
  check(scores.shape.length === 3 && lengths.size === batch, "shape", () => ({
    where: errorPlace("ctcDecode"),
    expected: "inputs [batch, frames, classes] and lengths [batch]",
    received: `[${scores.shape.join(", ")}] and [${lengths.shape.join(", ")}]`,
  }));
  checkMask("ctcDecode", maskIndex, classes);
  const place = constant(Int32Array.from({ length: frames }, (_, frame) => frame));
  const counts = less(place, reshape(lengths, [batch, 1]));
  const spoken = where(counts, argMax(scores, -1), maskIndex);
  const earlier = slice(padded(spoken, 1, 0, maskIndex), [0, 0], [batch, frames]);
  const repeated = logicalAnd(equal(spoken, earlier), mergeRepeated);
  const silent = logicalOr(equal(spoken, maskIndex), repeated);
  const order = argSort(cast(silent, "int32"));
  const labels = pickAlongLast(where(silent, -1, spoken), order);
  return [expandDims(labels, 0), negate(sum(where(counts, max(scores, -1), 0), 1, true))];
}

function wholes(x: Operand): Node {
  return cast(toSymbolic(x, "int32"), "int32");
}

/** Lengths, which stop the program where they are not from 0 to `most`. */
function atMost(name: string, lengths: Node, most: number): Node {
  const possible = Int32Array.from({ length: most + 1 }, (_, length) => length);
  return withScope(name, () => gather(constant(possible), lengths));
}

function checkMask(name: string, maskIndex: number, classes: number): void {
  check(Number.isInteger(maskIndex) && maskIndex >= 0 && maskIndex < classes, "option", () => ({
    where: errorPlace(`${name}.maskIndex`),
    expected: `a class below ${classes}`,
    received: String(maskIndex),
  }));
}
