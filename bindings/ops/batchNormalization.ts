// How is each column of a batch brought to mean 0 and variance 1, and how is that differentiated?

import * as code from "../../assembly/opcodes.ts";
import { reads, writes } from "../compiler/instruction.ts";
import { check } from "../errors.ts";
import {
  constantScalar,
  defineOp,
  errorPlace,
  makeNode,
  type NodeOf,
  type Operand,
  type Operation,
  type SymbolicTensor,
  type TensorType,
  viewRoot,
} from "../graph.ts";
import { sameShape } from "../tensor.ts";
import {
  type BatchAttributes,
  batchMoments,
  partsOf,
  rowOf,
  sharesOf,
  sizes,
  throughPrimitives,
} from "./batchMoments.ts";
import { concat } from "./copy.ts";
import { add, asFloat, multiply, relu, relu6, rsqrt, square, subtract } from "./map.ts";
import { mean, sum } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;
type Attributes = BatchAttributes & {
  /**
   * MAP code of a function applied to the result; of gradients: that function's, RELU or RELU6, is what is given. Set by the
   * compiler.
   */
  readonly activation?: number;
};
type SumsAttributes = Attributes & { readonly parts: number };

const elementsPerGrain = 32768;

const sameAs = ([x]: readonly Node[]): TensorType => x as Node;

/** Of instructions that work row by row. */
function rowsAtOnce(columns: number): number {
  return Math.max(1, Math.floor(elementsPerGrain / columns));
}

/** x̂ = (x − mean) · r, and r = 1/√(variance + epsilon), of x [rows, columns] in primitives. */
function standardized(x: Node, epsilon: number): { readonly values: Node; readonly factor: Node } {
  const centred = subtract(x, mean(x, 0, true));
  const factor = rsqrt(add(mean(square(centred), 0, true), epsilon));
  return { values: multiply(centred, factor), factor };
}

/** x [rows, columns], gamma, beta [columns] → x̂ · gamma + beta; the moments are those of x, given to be found out once. */
const normalizeOp: Operation<Attributes> = defineOp({
  name: "batchNormalization",
  epilogue: 0,
  infer: sameAs,
  gradient: (node, dy) => {
    const [x, gamma, beta, moments] = node.inputs as [Node, Node, Node, Node];
    const { epsilon } = node.attributes;
    const given = [dy, x, moments, gamma, beta];
    const sums = sum(makeNode(sumsOp, given, { epsilon, parts: partsOf(sizes(x)[0]) }), 0);
    return [makeNode(gradientOp, [...given, sums], { epsilon }), rowOf(sums, 1), rowOf(sums, 0), null];
  },
  decompose: ([x, gamma, beta], { epsilon }) =>
    add(multiply(standardized(x as Node, epsilon).values, gamma as Node), beta as Node),
  lower: (node) => {
    const [x, gamma, beta, moments] = node.inputs as [Node, Node, Node, Node];
    const [rows, columns] = sizes(x);
    const { activation } = node.attributes;
    return [
      {
        opcode: code.BATCH_NORMALIZATION,
        name: "batchNormalization",
        units: rows,
        grain: rowsAtOnce(columns),
        operands: {
          x: reads(x),
          moments: reads(moments),
          gamma: reads(gamma),
          beta: reads(beta),
          out: writes(node),
          columns,
          activation: activation ?? code.COPY_VALUE,
        },
        flops: 3 * x.size,
      },
    ];
  },
});

// Differentiating -----------------------------------------------------------------------------------------------------

/** dy, x [rows, columns] → Σ dy and Σ dy · x̂ over each part of the rows: [parts, 2, columns]. */
const sumsOp: Operation<SumsAttributes> = defineOp({
  name: "batchNormalizationSums",
  infer: ([dy], { parts }) => ({ shape: [parts, 2, sizes(dy as Node)[1]], dtype: "float32" }),
  gradient: (node, upstream) => throughPrimitives(node, upstream, sumsInPrimitives),
  decompose: sumsInPrimitives,
  faster: (node, inputs) => behindRelu(sumsOp, node, inputs),
  lower: (node) => {
    const [dy, x, moments, gamma, beta] = node.inputs as [Node, Node, Node, Node, Node];
    const [rows, columns] = sizes(x);
    const { activation, parts } = node.attributes;
    return [
      {
        opcode: code.BATCH_NORMALIZATION_SUMS,
        name: "batchNormalizationSums",
        ...sharesOf(rows, columns),
        operands: {
          dy: reads(dy),
          x: reads(x),
          moments: reads(moments),
          gamma: activation === undefined ? 0 : reads(gamma),
          beta: activation === undefined ? 0 : reads(beta),
          out: writes(node),
          rows: rows / parts,
          columns,
          activation: activation ?? code.COPY_VALUE,
        },
        flops: 4 * x.size,
      },
    ];
  },
});

function sumsInPrimitives(inputs: readonly Node[], { parts, ...attributes }: SumsAttributes): Node {
  const { dy, values } = partsOfGradient(inputs, attributes);
  const [rows, columns] = sizes(values);
  const ofParts = (each: Node): Node => sum(reshape(each, [parts, rows / parts, columns]), 1, true);
  return concat([ofParts(dy), ofParts(multiply(dy, values))], 1);
}

/** gamma · r · (dy − Σ dy / rows − x̂ · Σ (dy · x̂) / rows): [rows, columns]. */
const gradientOp: Operation<Attributes> = defineOp({
  name: "batchNormalizationGradient",
  infer: sameAs,
  gradient: (node, upstream) => throughPrimitives(node, upstream, gradientInPrimitives),
  decompose: gradientInPrimitives,
  faster: (node, inputs) => behindRelu(gradientOp, node, inputs),
  lower: (node) => {
    const [dy, x, moments, gamma, beta, sums] = node.inputs as [Node, Node, Node, Node, Node, Node];
    const [rows, columns] = sizes(x);
    const { activation } = node.attributes;
    return [
      {
        opcode: code.BATCH_NORMALIZATION_GRADIENT,
        name: "batchNormalizationGradient",
        units: rows,
        grain: rowsAtOnce(columns),
        operands: {
          dy: reads(dy),
          x: reads(x),
          moments: reads(moments),
          gamma: reads(gamma),
          beta: activation === undefined ? 0 : reads(beta),
          sums: reads(sums),
          out: writes(node),
          rows,
          columns,
          activation: activation ?? code.COPY_VALUE,
        },
        flops: 5 * x.size,
      },
    ];
  },
});

function gradientInPrimitives(inputs: readonly Node[], attributes: Attributes): Node {
  const { dy, values, scale } = partsOfGradient(inputs, attributes);
  const average = (each: Node): Node => mean(each, 0, true);
  const along = multiply(values, average(multiply(dy, values)));
  return multiply(subtract(subtract(dy, average(dy)), along), scale);
}

/** The gradient of x̂ · gamma + beta, x̂, and gamma · r. */
function partsOfGradient(
  [dy, x, , gamma, beta]: readonly Node[],
  { epsilon, activation }: Attributes,
): { readonly dy: Node; readonly values: Node; readonly scale: Node } {
  const { values, factor } = standardized(x as Node, epsilon);
  const scale = multiply(factor, gamma as Node);
  if (activation === undefined) return { dy: dy as Node, values, scale };
  const y = (activation === code.RELU ? relu : relu6)(add(multiply(values, gamma as Node), beta as Node));
  return { dy: y.op.gradient(y, dy as Node)[0] as Node, values, scale };
}

/**
 * The same from the gradient behind a relu, which then need not be written: where that is 0 can be told from x. Same bits;
 * nothing but the time of two passes over the batch is saved.
 */
function behindRelu<A extends Attributes>(
  op: Operation<A>,
  node: NodeOf<A>,
  inputs: readonly Node[],
): Node | undefined {
  const [given, x, moments, ...others] = inputs as [Node, Node, Node, ...Node[]];
  const found = node.attributes.activation === undefined ? reluGradient(viewRoot(given)) : undefined;
  if (found === undefined) return undefined;
  const normalized = viewRoot(found.y.inputs[0] as Node);
  if ((normalized.op as unknown) !== normalizeOp || normalized.inputs[0] !== x || normalized.inputs[3] !== moments)
    return undefined;
  const [activation] = found.y.op.elementwise?.(found.y) ?? [];
  const dy = reshape(found.dy, given.shape);
  return makeNode(op, [dy, x, moments, ...others], { ...node.attributes, activation });
}

/** What {@link batchNormalization} gives. */
export interface Normalized {
  /** Shape of x. */
  readonly values: Node;
  /** Of each feature of x: [features]. The variance is that of the batch itself, Σ (x − mean)² / n. */
  readonly mean: Node;
  readonly variance: Node;
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta with mean and variance of each entry of the last axis over all others.
 * x [..., features], gamma, beta [features]. Mean and variance are given along, without a gradient of their own.
 * @throws {TensorError} `shape` when the sizes differ.
 */
export function batchNormalization(x: Operand, gamma: Operand, beta: Operand, epsilon: number): Normalized {
  const node = asFloat(x);
  const features = node.shape.at(-1) ?? 1;
  const weights = [asFloat(gamma), asFloat(beta)];
  for (const { shape } of weights)
    check(node.shape.length >= 2 && node.size > 0 && sameShape(shape, [features]), "shape", () => ({
      where: errorPlace("batchNormalization"),
      expected: "x of rank 2 or more with gamma and beta of its last axis",
      received: `[${node.shape.join(", ")}] and [${shape.join(", ")}]`,
    }));
  const rows = reshape(node, [node.size / features, features]);
  const moments = batchMoments(rows, epsilon);
  return {
    values: reshape(makeNode(normalizeOp, [rows, ...weights, moments], { epsilon }), node.shape),
    mean: rowOf(moments, 0),
    variance: rowOf(moments, 1),
  };
}

/** The gradient dy of y, the result of a relu or relu6, where `node` is that of what went in; undefined for all else. */
function reluGradient(node: Node): { readonly y: Node; readonly dy: Node } | undefined {
  const [dy, zero, condition] = node.inputs as [Node, Node, Node];
  if (node.op.name !== "where" || constantScalar(zero) !== 0 || !sameShape(dy.shape, node.shape)) return undefined;
  const six = condition.op.name === "logicalAnd";
  const [above, below] = (six ? condition.inputs : [condition]) as [Node, Node?];
  const y = above.inputs[0] as Node;
  const compares = (each: Node | undefined, name: string, limit: number): boolean =>
    each?.op.name === name && each.inputs[0] === y && constantScalar(each.inputs[1] as Node) === limit;
  const clips = compares(above, "greater", 0) && (!six || compares(below, "less", 6));
  return clips && y.op.name === (six ? "relu6" : "relu") ? { y, dy } : undefined;
}
