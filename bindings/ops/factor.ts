// How are square matrices factored into triangles, and systems with triangles solved?

import * as code from "../../assembly/opcodes.ts";
import { reads, writes } from "../compiler/instruction.ts";
import { constant, defineOp, makeNode, type Operation, type SymbolicTensor } from "../graph.ts";
import { sizeOf, Tensor, zeros } from "../tensor.ts";
import { swapAxes, tril, triu } from "./composedMoves.ts";
import { concat, pad, slice } from "./copy.ts";
import { eye } from "./creation.ts";
import { gather, scatterAdd } from "./gather.ts";
import { abs, add, cast, divide, equal, full, logicalAnd, multiply, negate, sqrt, subtract, where } from "./map.ts";
import { matMul } from "./matMul.ts";
import { argMax, product, sum } from "./reduce.ts";
import { reshape } from "./view.ts";

type Node = SymbolicTensor;

// L·U = P·a -----------------------------------------------------------------------------------------------------------

/**
 * [batch, n, n] → [batch, n + 2, n]: L without its diagonal of ones below U, a row of the numbers of the rows of a that
 * stand in each place, and a row that begins with the sign of that permutation.
 */
const luOp: Operation<object> = defineOp({
  name: "lu",
  infer: ([x]) => {
    const [batch = 1, size = 1] = (x as Node).shape;
    return { shape: [batch, size + 2, size], dtype: "float32" };
  },
  // Pᵀ L⁻ᵀ (tril(Lᵀ dL, −1) + triu(dU Uᵀ)) U⁻ᵀ (de Hoog et al., 2011).
  gradient: (node, dy) => {
    const { factors, order } = luParts(node);
    const given = luParts(dy).factors;
    const lower = add(tril(factors, -1), eye(factors.shape[1] as number));
    const inner = add(
      tril(matMul(lower, tril(given, -1), { transposeA: true }), -1),
      triu(matMul(triu(given), triu(factors), { transposeB: true })),
    );
    const left = triangular(swapAxes(factors, 1, 2), inner, { lower: false, unit: true });
    // left · U⁻ᵀ = (U⁻¹ leftᵀ)ᵀ
    const right = triangular(factors, swapAxes(left, 1, 2), { lower: false });
    const [batch = 1, size = 1] = factors.shape;
    const rows = scatterAdd(reshape(swapAxes(right, 1, 2), [batch * size, size]), flatRows(order), batch * size);
    return [reshape(rows, [batch, size, size])];
  },
  decompose: ([a]) => luInPrimitives(a as Node),
  lower: (node) => [factoring(node, false)],
});

/** L·U with rows of `x` in their places, see {@link luOp}. */
export function lu(x: Node): { readonly factors: Node; readonly order: Node; readonly sign: Node } {
  const [batch = 0, size = 0] = x.shape;
  if (x.size > 0) return luParts(makeNode(luOp, [x], {}));
  return { factors: x, order: constant(zeros([batch, size], "int32")), sign: full([batch], 1) };
}

function luParts(packed: Node): { readonly factors: Node; readonly order: Node; readonly sign: Node } {
  const [batch = 1, rows = 1, size = 1] = packed.shape;
  return {
    factors: slice(packed, [0, 0, 0], [batch, size, size]),
    order: cast(reshape(slice(packed, [0, size, 0], [batch, 1, size]), [batch, size]), "int32"),
    sign: reshape(slice(packed, [0, rows - 1, 0], [batch, 1, 1]), [batch]),
  };
}

/** The rows of b [batch, n, m] in the places that `order` [batch, n] says. */
export function permuted(b: Node, order: Node): Node {
  const [batch = 1, size = 1, width = 1] = b.shape;
  return reshape(gather(reshape(b, [batch * size, width]), flatRows(order)), b.shape);
}

function flatRows(order: Node): Node {
  const [batch = 1, size = 1] = order.shape;
  const firsts = Tensor.of(
    Int32Array.from({ length: batch }, (_, index) => index * size),
    [batch, 1],
    "int32",
  );
  return reshape(add(order, firsts), [batch * size]);
}

/** By elimination, the largest pivot first. */
function luInPrimitives(a: Node): Node {
  const [batch = 1, size = 1] = a.shape;
  const numbers = constant(Float32Array.from({ length: size }, (_, row) => row));
  const column = (place: number): Node => slice(rows, [0, 0, place], [batch, size, 1]);
  let rows = concat([a, add(multiply(slice(a, [0, 0, 0], [batch, size, 1]), 0), reshape(numbers, [1, size, 1]))], 2);
  const signs: Node[] = [];
  for (let step = 0; step < size; step++) {
    const below = mask([size, 1], ([row = 0]) => row > step);
    const place = argMax(
      where(
        mask([size, 1], ([row = 0]) => row >= step),
        abs(column(step)),
        -1,
      ),
      1,
    );
    const places = constant(
      Tensor.of(
        Int32Array.from({ length: size }, (_, row) => row),
        [size, 1],
        "int32",
      ),
    );
    const chosen = equal(places, reshape(place, [batch, 1, 1]));
    const pivotRow = sum(where(chosen, rows, 0), 1, true);
    const own = slice(rows, [0, step, 0], [batch, 1, size + 1]);
    rows = where(
      mask([size, 1], ([row = 0]) => row === step),
      pivotRow,
      where(chosen, own, rows),
    );
    signs.push(reshape(where(equal(place, step), 1, constant(-1)), [batch, 1]));
    const pivot = slice(pivotRow, [0, 0, step], [batch, 1, 1]);
    const shares = where(below, divide(column(step), where(equal(pivot, 0), 1, pivot)), 0);
    const right = mask([1, size + 1], ([, each = 0]) => each > step && each < size);
    rows = where(
      logicalAnd(
        below,
        mask([1, size + 1], ([, each = 0]) => each === step),
      ),
      shares,
      subtract(rows, multiply(shares, where(right, pivotRow, 0))),
    );
  }
  const order = reshape(slice(rows, [0, 0, size], [batch, size, 1]), [batch, 1, size]);
  const sign = pad(reshape(product(concat(signs, 1), 1), [batch, 1, 1]), [
    [0, 0],
    [0, 0],
    [0, size - 1],
  ]);
  return concat([slice(rows, [0, 0, 0], [batch, size, size]), order, sign], 1);
}

// L·Lᵀ = a ------------------------------------------------------------------------------------------------------------

const choleskyOp: Operation<object> = defineOp({
  name: "cholesky",
  infer: ([x]) => ({ shape: (x as Node).shape, dtype: "float32" }),
  // L⁻ᵀ Φ(Lᵀ dL) L⁻¹ with Φ the lower triangle and half of the diagonal (Smith, 1995; Murray, 2016).
  gradient: (node, dy) => {
    const halved = subtract(1, multiply(eye(node.shape[1] as number), 0.5));
    const inner = multiply(tril(matMul(node, tril(dy), { transposeA: true })), halved);
    const upper = swapAxes(node, 1, 2);
    const left = triangular(upper, inner, { lower: false });
    const both = triangular(upper, swapAxes(left, 1, 2), { lower: false });
    // Only the lower triangle is read: what belongs to the upper one comes to it.
    return [multiply(tril(add(both, swapAxes(both, 1, 2))), halved)];
  },
  decompose: ([a]) => {
    let rest = a as Node;
    const [batch = 1, size = 1] = rest.shape;
    const columns: Node[] = [];
    for (let step = 0; step < size; step++) {
      const root = sqrt(slice(rest, [0, step, step], [batch, 1, 1]));
      const below = mask([size, 1], ([row = 0]) => row >= step);
      const column = where(below, divide(slice(rest, [0, 0, step], [batch, size, 1]), root), 0);
      columns.push(column);
      rest = subtract(rest, multiply(column, reshape(column, [batch, 1, size])));
    }
    return concat(columns, 2);
  },
  lower: (node) => [factoring(node, true)],
});

/** The lower triangles L with L·Lᵀ = x [batch, n, n]. */
export function choleskyFactor(x: Node): Node {
  return x.size === 0 ? x : makeNode(choleskyOp, [x], {});
}

function factoring(node: Node, symmetric: boolean): ReturnType<NonNullable<Operation["lower"]>>[number] {
  const x = node.inputs[0] as Node;
  const [batch = 1, size = 1] = x.shape;
  return {
    opcode: code.FACTOR,
    name: node.op.name,
    units: batch,
    grain: Math.max(1, Math.floor(30000 / (size * size * size))),
    operands: { x: reads(x), out: writes(node), size, symmetric: symmetric ? 1 : 0 },
    flops: ((symmetric ? 1 : 2) * batch * size * size * size) / 3,
  };
}

// Triangles -----------------------------------------------------------------------------------------------------------

type Triangle = { readonly lower: boolean; readonly unit: boolean };

const substituteOp: Operation<Triangle> = defineOp({
  name: "substitute",
  infer: ([, b]) => ({ shape: (b as Node).shape, dtype: "float32" }),
  // db = a⁻ᵀ dx, da = −db xᵀ.
  gradient: (node, dx) => {
    const { lower, unit } = node.attributes;
    const db = triangular(swapAxes(node.inputs[0] as Node, 1, 2), dx, { lower: !lower, unit });
    const da = negate(matMul(db, node, { transposeB: true }));
    const offset = unit ? 1 : 0;
    return [lower ? tril(da, -offset) : triu(da, offset), db];
  },
  decompose: ([a, b], { lower, unit }) => {
    const [batch = 1, size = 1, width = 1] = (b as Node).shape;
    const found: Node[] = [];
    let rest = b as Node;
    for (let step = 0; step < size; step++) {
      const place = lower ? step : size - 1 - step;
      const row = slice(rest, [0, place, 0], [batch, 1, width]);
      const own = unit ? row : divide(row, slice(a as Node, [0, place, place], [batch, 1, 1]));
      found[place] = own;
      const others = mask([size, 1], ([each = 0]) => (lower ? each > place : each < place));
      const column = where(others, slice(a as Node, [0, 0, place], [batch, size, 1]), 0);
      rest = subtract(rest, multiply(column, own));
    }
    return concat(found, 1);
  },
  lower: (node) => {
    const [a, b] = node.inputs as [Node, Node];
    const [batch = 1, size = 1, columns = 1] = b.shape;
    const { lower, unit } = node.attributes;
    return [
      {
        opcode: code.SUBSTITUTE,
        name: "substitute",
        units: batch,
        grain: Math.max(1, Math.floor(20000 / (size * size * columns))),
        operands: {
          a: reads(a),
          b: reads(b),
          out: writes(node),
          size,
          columns,
          lower: lower ? 1 : 0,
          unit: unit ? 1 : 0,
        },
        flops: batch * size * size * columns,
      },
    ];
  },
});

/** a⁻¹·b for that triangle of a [batch, n, n], whose diagonal counts as ones with `unit`; b [batch, n, m]. */
export function triangular(a: Node, b: Node, { lower, unit = false }: { lower: boolean; unit?: boolean }): Node {
  return b.size === 0 ? b : makeNode(substituteOp, [a, b], { lower, unit });
}

/** Where `holds`, as bool of that shape. */
function mask(shape: readonly [number, number], holds: (at: readonly number[]) => boolean): Node {
  const columns = shape[1];
  return constant(
    Tensor.of(
      Uint8Array.from({ length: sizeOf(shape) }, (_, place) =>
        holds([Math.floor(place / columns), place % columns]) ? 1 : 0,
      ),
      shape,
      "bool",
    ),
  );
}
