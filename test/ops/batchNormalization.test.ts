// Is a batch normalised, and is that differentiated, once and twice, as its definition says?

import { expect, test } from "vitest";
import { gradients } from "../../bindings/gradient.ts";
import { type Operand, type SymbolicTensor, toSymbolic } from "../../bindings/graph.ts";
import { batchNormalization } from "../../bindings/ops/batchNormalization.ts";
import { relu, relu6, tanh } from "../../bindings/ops/map.ts";
import { expectSameBits } from "../harness/compare.ts";
import { describeOp, type OpCase, tensorOf } from "../harness/describeOp.ts";
import { generator } from "../harness/random.ts";
import { compileGraph, runGraph, traceGraph } from "../harness/runGraph.ts";

type Node = SymbolicTensor;
const epsilon = 0.01;
const normalized = (x: Node, gamma: Node, beta: Operand): Node => batchNormalization(x, gamma, beta, epsilon).values;
const activated =
  (activation: (x: Operand) => Node): OpCase["apply"] =>
  (...given) =>
    activation(normalized(...(given as [Node, Node, Node])));
const weightsOf = (shape: readonly number[]): OpCase["inputs"] => {
  const features = shape.slice(-1);
  return [{ shape }, { shape: features }, { shape: features }];
};

describeOp(
  "batchNormalization",
  [
    // Fewer than four columns; more than a block of rows; more than a panel of columns; two parts of the rows.
    ...[
      [17, 3],
      [130, 5],
      [3, 37],
      [2, 3, 5, 16],
      [2050, 2],
      [1, 4],
    ].map(
      (shape): OpCase => ({ title: `of [${shape.join(", ")}]`, apply: normalized, inputs: weightsOf(shape), shape }),
    ),
    {
      title: "of more columns than are prepared at once",
      apply: normalized,
      inputs: weightsOf([2, 4101]),
      shape: [2, 4101],
    },
    { title: "and its relu", apply: activated(relu), inputs: weightsOf([9, 7]), shape: [9, 7] },
    { title: "and its relu6", apply: activated(relu6), inputs: weightsOf([9, 7]), shape: [9, 7] },
    { title: "and its tanh", apply: activated(tanh), inputs: weightsOf([9, 7]), shape: [9, 7] },
    {
      title: "differentiated by x",
      apply: (x, gamma, dy) => gradients(normalized(x, gamma, [0, 0, 0]), [x], dy)[0] as Node,
      inputs: [{ shape: [6, 3] }, { shape: [3] }, { shape: [6, 3] }],
      shape: [6, 3],
    },
    {
      title: "differentiated by gamma",
      apply: (x, dy) => {
        const gamma = toSymbolic([1, 2, 3]);
        return gradients(normalized(x, gamma, [0, 0, 0]), [gamma], dy)[0] as Node;
      },
      inputs: [{ shape: [6, 3] }, { shape: [6, 3] }],
      shape: [3],
    },
  ],
  [
    {
      title: "weights of another size",
      call: () => batchNormalization([[1, 2]], [1], [0], epsilon),
      code: "shape",
      text: /batchNormalization: expected .* gamma and beta of its last axis, received \[1, 2\] and \[1\]/,
    },
    {
      title: "a batch without an axis for it",
      call: () => batchNormalization([1, 2], [1, 1], [0, 0], epsilon),
      code: "shape",
      text: "received [2] and [2]",
    },
  ],
);

test.each([relu, relu6])(
  "the gradient of %o after it takes no pass of its own, and has the same bits",
  (activation) => {
    for (const shape of [
      [130, 13],
      [3, 2, 20],
    ]) {
      const features = shape.slice(-1);
      const next = generator(1);
      const values = [shape, features, features, shape].map((each) => tensorOf({ shape: each }, next));
      const traced = traceGraph(values, (x, gamma, beta, dy) => {
        const inputs = [x, gamma, beta] as [Node, Node, Node];
        const y = activation(normalized(...inputs));
        return [y, ...gradients(y, inputs, dy)] as Node[];
      });
      const program = compileGraph(traced, { algorithms: true });
      expect(program.explain().instructions.filter(({ op }) => op === "map")).toEqual([]);
      expectSameBits(program.run(values), runGraph(traced, values), `shape ${shape}`);
      program.dispose();
    }
  },
);
