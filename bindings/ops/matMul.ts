// How are matrices multiplied, and how is the product differentiated?

import * as code from "../../assembly/opcodes.ts";
import { type Bounds, reads, writes } from "../compiler/instruction.ts";
import { checkOptionNames } from "../config.ts";
import { check } from "../errors.ts";
import {
  checkFlag,
  defineOp,
  errorPlace,
  makeNode,
  type Operand,
  type Operation,
  type SymbolicTensor,
} from "../graph.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import { transpose } from "./copy.ts";
import { lastUnary } from "./expression.ts";
import { asFloat, broadcastTo, full } from "./map.ts";
import { matMulTiling, matMulUnits } from "./matMulTiling.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

/** Which operands are stored transposed. */
export interface MatMulOptions {
  /** a is [k, m]. Default false. */
  readonly transposeA?: boolean;
  /** b is [n, k]. Default false. */
  readonly transposeB?: boolean;
}

/** What a matrix product knows beside its inputs. */
export interface MatMulAttributes extends Readonly<Record<string, unknown>> {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** MAP code of a function applied to the result; set by the compiler. */
  readonly activation?: number;
}

/** a [batch or 1, m, k] × b [batch or 1, k, n] (+ bias [n]) → [batch, m, n]. */
export const matMulOp: Operation<MatMulAttributes> = /* @__PURE__ */ defineOp({
  name: "matMul",
  epilogue: 2,
  infer: (inputs, attributes) => {
    const { batch, m, n } = dimensions(inputs as readonly [Node, Node], attributes);
    return { shape: [batch, m, n], dtype: "float32" };
  },
  gradient: (node, dy) => {
    const [a, b] = node.inputs as [Node, Node];
    const { transposeA, transposeB } = node.attributes;
    const da = transposeA ? product(b, dy, false, true) : product(dy, b, false, !transposeB);
    const db = transposeB ? product(dy, a, true, false) : product(a, dy, !transposeA, false);
    return [sumBatch(da, a), sumBatch(db, b)];
  },
  lower: (node) => {
    const [a, b, bias] = node.inputs as [Node, Node, Node?];
    const { batch, m, n, k } = dimensions([a, b], node.attributes);
    const { transposeA, transposeB, activation } = node.attributes;
    const { units, grain, byRows } = matMulTiling(batch, m, n, k, transposeA, transposeB);
    return [
      {
        opcode: code.MATMUL,
        name: "matMul",
        units,
        grain,
        operands: {
          a: reads(a),
          b: reads(b),
          out: writes(node),
          bias: bias === undefined ? 0 : reads(bias),
          batch,
          m,
          n,
          k,
          strideA: a.shape[0] === 1 ? 0 : m * k,
          strideB: b.shape[0] === 1 ? 0 : k * n,
          strideOut: m * n,
          flags:
            (transposeA ? code.TRANSPOSE_A : 0) |
            (transposeB ? code.TRANSPOSE_B : 0) |
            (byRows ? code.BY_ROWS : 0) |
            (bias === undefined ? 0 : code.HAS_BIAS) |
            (activation === undefined ? 0 : code.HAS_ACTIVATION),
          activation: activation ?? 0,
        },
        flops: 2 * batch * m * n * k,
      },
    ];
  },
});

/** Of MATMUL. */
export const matMulBounds: Bounds = (it) => {
  const [batch, m, n, k, strideA, strideB, strideOut, flags, activation] = it.words(4, 9);
  const both = code.TRANSPOSE_A | code.TRANSPOSE_B;
  it.needs(batch * m * n * k > 0 && strideOut === m * n);
  it.needs((strideA === 0 || strideA === m * k) && (strideB === 0 || strideB === k * n));
  it.needs(flags < 2 * code.BY_ROWS && (flags & both) !== both && activation <= lastUnary);
  it.needs(it.units === matMulUnits(batch, m, n));
  it.reads(0, 4 * (strideA === 0 ? 1 : batch) * m * k);
  it.reads(1, 4 * (strideB === 0 ? 1 : batch) * k * n);
  it.writes(2, 4 * batch * m * n);
  if (flags & code.HAS_BIAS) it.reads(3, 4 * n);
  return 2 * batch * m * n * (k + 32);
};

function dimensions(
  [a, b]: readonly [Node, Node],
  { transposeA, transposeB }: MatMulAttributes,
): Record<"batch" | "m" | "n" | "k", number> {
  const [batchA = 1, rowsA = 1, columnsA = 1] = a.shape;
  const [batchB = 1, rowsB = 1, columnsB = 1] = b.shape;
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const n = transposeB ? rowsB : columnsB;
  return { batch: batchA === 1 ? batchB : batchA, m, n, k };
}

/** The product of batches of matrices. A sum of no products is 0, also in gradients: the kernel wants k ≥ 1. */
function product(a: Node, b: Node, transposeA: boolean, transposeB: boolean): Node {
  const { batch, m, n, k } = dimensions([a, b], { transposeA, transposeB });
  return k === 0 ? full([batch, m, n], 0) : makeNode(matMulOp, [a, b], { transposeA, transposeB });
}

/** The gradient of an operand that was used for the whole batch is the sum over it. */
function sumBatch(gradient: Node, operand: Node): Node {
  return gradient.shape[0] === operand.shape[0] ? gradient : sum(gradient, 0, true);
}

/**
 * C = A·B. a [..., m, k] × b [..., k, n] → [..., m, n]; the leading axes broadcast. float32.
 * @throws {TensorError} `shape` when the inner sizes differ.
 */
export function matMul(a: Operand, b: Operand, options: MatMulOptions = {}): Node {
  const left = asFloat(a);
  const right = asFloat(b);
  checkOptionNames("matMul", options, ["transposeA", "transposeB"]);
  const { transposeA = false, transposeB = false } = options;
  checkFlag("matMul", "transposeA", transposeA);
  checkFlag("matMul", "transposeB", transposeB);
  check(left.shape.length >= 2 && right.shape.length >= 2, "shape", () => ({
    where: errorPlace("matMul"),
    expected: "two tensors of rank 2 or more",
    received: describe(left, right),
  }));
  if (transposeA && transposeB) return matMul(swapLast(left), right, { transposeB });
  const [m, k] = lastTwo(left, transposeA);
  const [inner, n] = lastTwo(right, transposeB);
  check(k === inner, "shape", () => ({
    where: errorPlace("matMul"),
    expected: "equal inner sizes",
    received: `${describe(left, right)}${transposeA ? " with a transposed" : ""}${transposeB ? " with b transposed" : ""}`,
  }));
  const leadA = left.shape.slice(0, -2);
  const leadB = right.shape.slice(0, -2);
  if (leadB.length === 0 && !transposeA) {
    const rows = sizeOf(leadA) * m;
    return reshape(product(reshape(left, [1, rows, k]), asMatrices(right), false, transposeB), [...leadA, m, n]);
  }
  const lead = broadcastLead(leadA, leadB, left, right);
  const batchA = batched(left, leadA, lead);
  const batchB = batched(right, leadB, lead);
  return reshape(product(batchA, batchB, transposeA, transposeB), [...lead, m, n]);
}

function lastTwo(x: Node, swapped: boolean): [number, number] {
  const [rows = 1, columns = 1] = x.shape.slice(-2);
  return swapped ? [columns, rows] : [rows, columns];
}

function swapLast(x: Node): Node {
  const rank = x.shape.length;
  return transpose(
    x,
    [...x.shape.keys()].map((axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis)),
  );
}

function asMatrices(x: Node): Node {
  return reshape(x, [sizeOf(x.shape.slice(0, -2)), ...x.shape.slice(-2)]);
}

/** x as [batch or 1, rows, columns]; repeated in memory only when its leading axes repeat in part. */
function batched(x: Node, own: Shape, lead: Shape): Node {
  if (sizeOf(own) === 1 || sizeOf(own) === sizeOf(lead)) return asMatrices(x);
  return asMatrices(broadcastTo(x, [...lead, ...x.shape.slice(-2)]));
}

function broadcastLead(a: Shape, b: Shape, left: Node, right: Node): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    check(sizeA === sizeB || sizeA === 1 || sizeB === 1, "shape", () => ({
      where: errorPlace("matMul"),
      expected: "leading axes that broadcast",
      received: describe(left, right),
    }));
    return sizeA === 1 ? sizeB : sizeA;
  });
}

function describe(left: Node, right: Node): string {
  return `[${left.shape.join(", ")}] and [${right.shape.join(", ")}]`;
}
