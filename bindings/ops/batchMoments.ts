// What are mean and variance of each column of a batch, and how do threads share such sums?

import * as code from "../../assembly/opcodes.ts";
import { float, type Lowering, reads, writes } from "../compiler/instruction.ts";
import { gradients } from "../gradient.ts";
import { defineOp, makeNode, type NodeOf, type Operation, type SymbolicTensor } from "../graph.ts";
import { concat, slice } from "./copy.ts";
import { add, copyOf, rsqrt, square, subtract } from "./map.ts";
import { mean } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** What operations on the moments of a batch know beside their inputs. */
export type BatchAttributes = {
  /** Added to variances. */
  readonly epsilon: number;
};

const panelColumns = 32;
/** Rows of 32 columns that are worth a part of their own, and elements that a thread claims at once: some 10 µs. */
const rowsOfPart = 1024;
const elementsPerGrain = 32768;
const mostParts = 64;

/** Of a matrix. */
export const sizes = (x: Node): readonly [rows: number, columns: number] => x.shape as readonly [number, number];

/** How many equal parts of the rows are summed apart, for threads to share. */
export function partsOf(rows: number): number {
  let parts = Math.max(1, Math.min(mostParts, Math.floor(rows / rowsOfPart)));
  while (rows % parts !== 0) parts--;
  return parts;
}

/** Instructions that sum each part of the rows, whose units are parts of 32 columns. */
export function sharesOf(rows: number, columns: number): { readonly units: number; readonly grain: number } {
  const parts = partsOf(rows);
  const panels = Math.ceil(columns / panelColumns);
  const perUnit = (rows / parts) * Math.min(columns, panelColumns);
  return { units: parts * panels, grain: Math.max(1, Math.floor(elementsPerGrain / perUnit)) };
}

/** The gradient of a value that is seldom differentiated: that of what it decomposes into. */
export function throughPrimitives<A extends object>(
  node: NodeOf<A>,
  dy: Node,
  decompose: (inputs: readonly Node[], attributes: A) => Node,
): (Node | null)[] {
  // As copies, inputs that are made of each other are told apart.
  const inputs = node.inputs.map(copyOf);
  return gradients(decompose(inputs, node.attributes), inputs, dy);
}

/** x [rows, columns] → mean, variance and 1/√(variance + epsilon) of each column: [3, columns]. */
const momentsOp: Operation<BatchAttributes> = defineOp({
  name: "batchMoments",
  infer: ([x]) => ({ shape: [3, sizes(x as Node)[1]], dtype: "float32" }),
  gradient: (node, dy) => throughPrimitives(node, dy, momentsInPrimitives),
  decompose: momentsInPrimitives,
  // Behind the result stand the moments of the parts.
  trailing: (node) => 2 * partsOf(sizes(node.inputs[0] as Node)[0]) * sizes(node)[1] * 4,
  lower: (node) => {
    const x = node.inputs[0] as Node;
    const [rows, columns] = sizes(x);
    const parts = partsOf(rows);
    const behind = node.size * 4;
    const ofParts: Lowering = {
      opcode: code.BATCH_MOMENTS,
      name: "batchMoments",
      ...sharesOf(rows, columns),
      operands: { x: reads(x), out: writes(node, behind), rows: rows / parts, columns },
      flops: 4 * x.size,
    };
    const ofWhole: Lowering = {
      opcode: code.MERGE_MOMENTS,
      name: "mergeMoments",
      units: Math.ceil(columns / 4),
      grain: Math.max(1, Math.floor(elementsPerGrain / 32 / parts)),
      operands: {
        moments: reads(node, behind),
        out: writes(node),
        parts,
        columns,
        epsilon: float(node.attributes.epsilon),
      },
      flops: 6 * parts * columns,
    };
    return [ofParts, ofWhole];
  },
});

function momentsInPrimitives([x]: readonly Node[], { epsilon }: BatchAttributes): Node {
  const average = mean(x as Node, 0, true);
  const variance = mean(square(subtract(x as Node, average)), 0, true);
  return concat([average, variance, rsqrt(add(variance, epsilon))], 0);
}

/** Mean, variance Σ (x − mean)² / rows and 1/√(variance + epsilon) of each column: x [rows, columns] → [3, columns]. */
export function batchMoments(x: Node, epsilon: number): Node {
  return makeNode(momentsOp, [x], { epsilon });
}

/** One row of a matrix: [columns]. */
export function rowOf(x: Node, row: number): Node {
  const [, columns] = sizes(x);
  return reshape(slice(x, [row, 0], [1, columns]), [columns]);
}
