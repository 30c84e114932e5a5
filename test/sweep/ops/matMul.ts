// Matrix products: every transposition, broadcast batches, sizes around every tile, panel and block.

import fc from "fast-check";
import * as ops from "../../../bindings/ops/index.ts";
import { broadcast, build, type RealArray } from "../array.ts";
import { seeds, sizes } from "../draw.ts";
import { op } from "../op.ts";
import { dot, type Real } from "../real.ts";
import type { Subject } from "../subject.ts";

interface MatMulCase {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly batchA: number[];
  readonly batchB: number[];
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly seed: number;
}

const size = fc.oneof(
  { weight: 4, arbitrary: sizes(9) },
  { weight: 2, arbitrary: fc.integer({ min: 10, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(47, 48, 49, 63, 64, 65, 129) },
);
/** From 160 terms on a transposed A is packed. */
const terms = fc.oneof({ weight: 4, arbitrary: size }, { weight: 1, arbitrary: fc.constantFrom(159, 160, 161, 200) });
const batch = fc.constantFrom<[number[], number[]]>(
  [[], []],
  [[], []],
  [[2], [2]],
  [[1], [3]],
  [[3], [1]],
  [[2, 1], [3]],
  [[0], [1]],
  [[2], []],
);

/** A·B over the last two axes of arrays that broadcast in the others. */
export function product(a: RealArray, b: RealArray, transposeA: boolean, transposeB: boolean): RealArray {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const n = transposeB ? rowsB : columnsB;
  const shape = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)) as readonly number[];
  return build([...shape, m, n], (position) => {
    const outer = position.slice(0, -2);
    const [i, j] = position.slice(-2) as [number, number];
    const left: Real[] = [];
    const right: Real[] = [];
    for (let p = 0; p < k; p++) {
      left.push(elementAt(a, outer, transposeA ? [p, i] : [i, p]));
      right.push(elementAt(b, outer, transposeB ? [j, p] : [p, j]));
    }
    return dot(left, right);
  });
}

/** The element at `inner` of the matrix that is broadcast to `outer`. */
function elementAt(array: RealArray, outer: readonly number[], [row, column]: readonly [number, number]): Real {
  const batchShape = array.shape.slice(0, -2);
  const position = batchShape.map((length, axis) =>
    length === 1 ? 0 : (outer[axis + outer.length - batchShape.length] as number),
  );
  // Matrices do not broadcast.
  const index = [...position, row, column].reduce((sum, at, axis) => sum * (array.shape[axis] as number) + at, 0);
  return array.data[index] as Real;
}

export const matMulSubjects: readonly Subject[] = [
  op<MatMulCase>({
    name: "matMul",
    cases: fc
      .record({ m: size, k: terms, n: size, batch, transposeA: fc.boolean(), transposeB: fc.boolean(), seed: seeds })
      .map(({ batch: [batchA, batchB], ...rest }) => ({ ...rest, batchA, batchB }))
      .filter(({ m, k, n }) => m * k * n < 40_000),
    inputs: ({ m, k, n, batchA, batchB, transposeA, transposeB }) => [
      { shape: [...batchA, ...(transposeA ? [k, m] : [m, k])] },
      { shape: [...batchB, ...(transposeB ? [n, k] : [k, n])] },
    ],
    call: ({ transposeA, transposeB }, a, b) => ops.matMul(a as never, b as never, { transposeA, transposeB }) as never,
    reference: ({ transposeA, transposeB }, a, b) => product(a as RealArray, b as RealArray, transposeA, transposeB),
  }),
];
