// Layers that give values another shape or order, or nothing at all.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, elementwise, type RealArray, reshape, sizeOf } from "../array.ts";
import { seeds, shapes } from "../draw.ts";
import { layer } from "../layer.ts";
import { curves } from "../ops/curves.ts";
import { add, apply, type Curve, multiply, rounded } from "../real.ts";
import type { Subject } from "../subject.ts";
import { channelsLast, type Format, formats, permuted } from "./layout.ts";

interface ShapeCase {
  readonly shape: number[];
  readonly dtype: DType;
  readonly seed: number;
}
const shapeOf = {
  shape: shapes({ min: 1, max: 4 }, 12, 300),
  dtype: fc.constantFrom<DType>("float32", "float32", "float32", "int32", "uint8", "bool"),
  seed: seeds,
};

const flatten = layer<ShapeCase & { readonly format: Format | undefined }>({
  name: "flatten",
  cases: fc.record({ ...shapeOf, format: fc.option(formats, { nil: undefined }) }),
  make: ({ format }) => layers.flatten(format === undefined ? {} : { dataFormat: format }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  reference: ({ shape, format = "channelsLast" }, [x]) => {
    const ordered = shape.length < 3 ? (x as RealArray) : channelsLast(x as RealArray, format);
    return reshape(ordered, [shape[0] as number, sizeOf(shape.slice(1))]);
  },
});

interface ReshapeCase extends ShapeCase {
  readonly target: number[];
}
/** The shape of a sample that is meant; undefined when there is none, or several. */
function targetOf({ shape, target }: ReshapeCase): number[] | undefined {
  const size = sizeOf(shape.slice(1));
  const open = target.filter((each) => each === -1).length;
  const known = sizeOf(target.filter((each) => each !== -1));
  if (open === 0) return known === size ? target : undefined;
  if (open > 1 || known === 0 || size % known !== 0) return undefined;
  return target.map((each) => (each === -1 ? size / known : each));
}
/** Factors of n in random order. */
const factors = (n: number): fc.Arbitrary<number[]> =>
  n === 0
    ? fc.constantFrom([0], [0, 3], [2, 0])
    : fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).map((given) => {
        let rest = n;
        const found = given.filter((each) => {
          if (rest % each !== 0) return false;
          rest /= each;
          return true;
        });
        return [...found, rest];
      });
const reshapeLayer = layer<ReshapeCase>({
  name: "reshape",
  cases: fc.record(shapeOf).chain((given) =>
    fc.tuple(factors(sizeOf(given.shape.slice(1))), fc.nat(3), fc.nat(9)).map(([target, open, odd]): ReshapeCase => {
      const chosen = target.map((each, axis) => (axis === open ? -1 : each));
      // Some do not fit, some leave two sizes open.
      return { ...given, target: odd === 0 ? [...chosen, 5] : odd === 1 ? [...chosen, -1] : chosen };
    }),
  ),
  make: ({ target }) => layers.reshape({ targetShape: target }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  refuses: (given) => targetOf(given) === undefined,
  reference: (given, [x]) => reshape(x as RealArray, [given.shape[0] as number, ...(targetOf(given) as number[])]),
});

interface PermuteCase extends ShapeCase {
  readonly dims: number[];
}
const permute = layer<PermuteCase>({
  name: "permute",
  cases: fc.record(shapeOf).chain((given) => {
    const dims = given.shape.slice(1).map((_, axis) => axis + 1);
    return fc
      .oneof(
        { weight: 9, arbitrary: fc.shuffledSubarray(dims, { minLength: dims.length }) },
        { weight: 1, arbitrary: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }) },
      )
      .map((chosen): PermuteCase => ({ ...given, dims: chosen }));
  }),
  make: ({ dims }) => layers.permute({ dims }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  refuses: ({ shape, dims }) =>
    dims.length !== shape.length - 1 || new Set(dims).size !== dims.length || dims.some((dim) => dim >= shape.length),
  reference: ({ dims }, [x]) => permuted(x as RealArray, [0, ...dims]),
});

const repeatVector = layer<ShapeCase & { readonly n: number }>({
  name: "repeatVector",
  cases: fc.record({
    ...shapeOf,
    shape: fc.oneof(
      { weight: 9, arbitrary: shapes({ min: 2, max: 2 }, 20, 100) },
      { weight: 1, arbitrary: shapes({ min: 1, max: 3 }) },
    ),
    n: fc.integer({ min: 1, max: 6 }),
  }),
  make: ({ n }) => layers.repeatVector({ n }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  refuses: ({ shape }) => shape.length !== 2,
  reference: ({ shape: [batch, features], n, dtype }, [x]) =>
    build(
      [batch as number, n, features as number],
      ([sample, , feature]) => at(x as RealArray, [sample as number, feature as number]),
      dtype,
    ),
});

const identity = layer<ShapeCase>({
  name: "identity",
  cases: fc.record(shapeOf),
  make: () => layers.identity(),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  reference: (_, [x]) => x as RealArray,
});

const lambda = layer<ShapeCase>({
  name: "lambda",
  cases: fc.record({ ...shapeOf, dtype: fc.constant<DType>("float32") }),
  make: () => layers.lambda({ fn: (x) => ops.tanh(ops.add(ops.multiply(x, 0.3), x)) }),
  inputs: ({ shape, dtype }) => [{ shape, dtype }],
  reference: (_, [x]) =>
    elementwise((each) => apply(curves.tanh as Curve, add(multiply(each, rounded(0.3)), each)), [x as RealArray]),
});

export const shapeSubjects: readonly Subject[] = [flatten, reshapeLayer, permute, repeatVector, identity, lambda];
