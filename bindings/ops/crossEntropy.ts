// How far are logits from their labels?

import * as code from "../../assembly/opcodes.ts";
import { reads, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import {
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
  toSymbolic,
} from "../graph.ts";
import { checkRoom, integersBelow, sameShape, sizeOf } from "../tensor.ts";
import { checkInteger } from "./arguments.ts";
import { withRule } from "./customGradient.ts";
import {
  abs,
  add,
  asFloat,
  broadcastTo,
  cast,
  equal,
  exp,
  floor,
  greater,
  log1p,
  multiply,
  negate,
  sigmoid,
  subtract,
  where,
} from "./map.ts";
import { sum } from "./reduce.ts";
import { logSoftmax, softmax } from "./softmax.ts";
import { expandDims, reshape } from "./view.ts";

type Node = SymbolicTensor;
type CrossEntropyAttributes = { readonly sparse: boolean };

/** logits [rows, columns], labels [rows, columns] float32 or [rows] int32 → [rows]. */
const crossEntropyOp: Operation<CrossEntropyAttributes> = defineOp({
  name: "crossEntropy",
  infer: ([logits]) => ({ shape: [(logits as Node).shape[0] as number], dtype: "float32" }),
  gradient: (node, dy) => {
    const [logits, labels] = node.inputs as [Node, Node];
    const toLabels = node.attributes.sparse ? null : multiply(negate(expandDims(dy, 1)), logSoftmax(logits));
    return [makeNode(crossEntropyGradientOp, [logits, labels, dy], node.attributes), toLabels];
  },
  decompose: ([logits, labels], { sparse }) => {
    const dense = sparse ? oneHot(labels as Node, (logits as Node).shape[1] as number) : (labels as Node);
    return negate(sum(multiply(dense, logSoftmax(logits as Node)), 1));
  },
  lower: (node) => {
    const [logits, labels] = node.inputs as [Node, Node];
    const [rows = 1, columns = 1] = logits.shape;
    return [
      {
        opcode: code.CROSS_ENTROPY,
        name: "crossEntropy",
        units: rows,
        grain: Math.max(1, Math.floor(2048 / Math.max(1, columns))),
        operands: {
          logits: reads(logits),
          labels: reads(labels),
          out: writes(node),
          rows,
          columns,
          sparse: node.attributes.sparse ? 1 : 0,
        },
        flops: logits.size * 8,
      },
    ];
  },
});

/** upstream·(softmax(logits)·Σ labels − labels): [rows, columns]. */
const crossEntropyGradientOp: Operation<CrossEntropyAttributes> = defineOp({
  name: "crossEntropyGradient",
  infer: ([logits]) => ({ shape: (logits as Node).shape, dtype: "float32" }),
  gradient: (node, dy) => {
    const decomposed = crossEntropyGradientInPrimitives(node.inputs as [Node, Node, Node], node.attributes.sparse);
    return decomposed.gradients(dy);
  },
  decompose: (inputs, { sparse }) => crossEntropyGradientInPrimitives(inputs as [Node, Node, Node], sparse).value,
  lower: (node) => {
    const [logits, labels, upstream] = node.inputs as [Node, Node, Node];
    const [rows = 1, columns = 1] = logits.shape;
    return [
      {
        opcode: code.CROSS_ENTROPY_GRADIENT,
        name: "crossEntropyGradient",
        units: rows,
        grain: Math.max(1, Math.floor(2048 / Math.max(1, columns))),
        operands: {
          logits: reads(logits),
          labels: reads(labels),
          upstream: reads(upstream),
          out: writes(node),
          rows,
          columns,
          sparse: node.attributes.sparse ? 1 : 0,
        },
        flops: logits.size * 10,
      },
    ];
  },
});

interface InPrimitives {
  readonly value: Node;
  readonly gradients: (dy: Node) => (Node | null)[];
}

/** The value g·(p·s − y) with p = softmax(logits), s = Σ y, g = upstream, and what flows back through it. */
function crossEntropyGradientInPrimitives(
  [logits, labels, upstream]: [Node, Node, Node],
  sparse: boolean,
): InPrimitives {
  const y = sparse ? oneHot(labels, logits.shape[1] as number) : labels;
  const p = softmax(logits);
  const s = sum(y, 1, true);
  const g = expandDims(upstream, 1);
  const difference = subtract(multiply(p, s), y);
  return {
    value: multiply(g, difference),
    gradients: (dy) => {
      const weighted = multiply(dy, g);
      const projected = sum(multiply(weighted, p), 1, true);
      const toLogits = multiply(multiply(p, s), subtract(weighted, projected));
      const toLabels = sparse ? null : subtract(projected, weighted);
      return [toLogits, toLabels, sum(multiply(dy, difference), 1)];
    },
  };
}

/**
 * −Σ_c labels_c · ln softmax(logits)_c over the last axis: labels and logits [..., classes] → [...]. Labels need not
 * sum to 1.
 */
export function softmaxCrossEntropy(labels: Operand, logits: Operand): Node {
  const x = asFloat(logits);
  const y = asFloat(labels);
  check(x.shape.length >= 1 && sameShape(x.shape, y.shape), "shape", () => ({
    where: errorPlace("softmaxCrossEntropy"),
    expected: `labels of shape [${x.shape.join(", ")}], one number a class`,
    received: `[${y.shape.join(", ")}]`,
    remedy: "For integer class labels use the sparse loss.",
  }));
  return rowwise(x, y, false);
}

/**
 * −ln softmax(logits)_label over the last axis: integer labels [...], logits [..., classes] → [...].
 * @throws {TensorError} `data` while running, when a label is outside 0 … classes − 1.
 */
export function sparseSoftmaxCrossEntropy(labels: Operand, logits: Operand): Node {
  const x = asFloat(logits);
  const y = classNumbers(labels);
  check(x.shape.length >= 1 && y.size === sizeOf(x.shape.slice(0, -1)), "shape", () => ({
    where: errorPlace("sparseSoftmaxCrossEntropy"),
    expected: `one label a row: shape [${x.shape.slice(0, -1).join(", ")}]`,
    received: `[${y.shape.join(", ")}]`,
  }));
  return rowwise(x, y, true);
}

function rowwise(logits: Node, labels: Node, sparse: boolean): Node {
  const columns = logits.shape[logits.shape.length - 1] as number;
  const rows = sizeOf(logits.shape.slice(0, -1));
  const flat = reshape(labels, sparse ? [rows] : [rows, columns]);
  const loss = makeNode(crossEntropyOp, [reshape(logits, [rows, columns]), flat], { sparse });
  return reshape(loss, logits.shape.slice(0, -1));
}

/**
 * −y·ln σ(x) − (1 − y)·ln(1 − σ(x)) for each element, stable for large |x|; σ is the sigmoid. 0 where x is infinite and y
 * is what it says.
 */
export function sigmoidCrossEntropy(labels: Operand, logits: Operand): Node {
  const [given, x] = [asFloat(labels), asFloat(logits)];
  const shape = add(given, x).shape;
  return withRule(
    (y, each) => {
      const size = abs(each);
      // The share of what the sign of x does not say.
      const wrong = where(greater(each, 0), subtract(1, y), y);
      return [
        add(where(equal(wrong, 0), 0, multiply(size, wrong)), log1p(exp(negate(size)))),
        (dy) => [negate(multiply(dy, each)), multiply(dy, subtract(sigmoid(each), y))],
      ];
    },
    [broadcastTo(given, shape), broadcastTo(x, shape)],
  );
}

/** Integer positions [...] as rows of zeros with a one: [..., depth] float32; a position outside gives zeros. */
export function oneHot(indices: Operand, depth: number): Node {
  const positions = classNumbers(indices);
  checkInteger("oneHot", "depth", depth, 0);
  const here = (): string => errorPlace("oneHot");
  checkRoom(here, [...positions.shape, depth], "float32");
  const classes = toSymbolic(integersBelow(here, depth));
  return cast(equal(expandDims(positions, -1), classes), "float32");
}

/** Class numbers as int32; −1, which is no class, for what is not whole. */
function classNumbers(given: Operand): Node {
  const node = toSymbolic(given, "int32");
  return cast(node.dtype === "float32" ? where(equal(floor(node), node), node, -1) : node, "int32");
}
