// Elementwise ops of one operand: values of every magnitude, special values, integers, gradients.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { build, elementwise } from "../array.ts";
import { anyMagnitude, type Draw, seeds, shapes, sometimes, special, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { apply, type Curve, exact } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves, predicates } from "./curves.ts";

type Unary = (x: SymbolicTensor) => SymbolicTensor;
const known = ops as unknown as Readonly<Record<string, Unary>>;

interface UnaryCase {
  readonly shape: number[];
  readonly seed: number;
  readonly values: "unit" | "usual" | "large" | "kinks" | "any magnitude" | "special";
}

const draws: Readonly<Record<UnaryCase["values"], Draw>> = {
  unit: within(-1, 1),
  usual: within(-6, 6),
  large: within(-90, 90),
  kinks: sometimes([0, -0, 0.5, -0.5, 1, -1, 3, -3, 6], 0.6, within(-4, 7)),
  "any magnitude": anyMagnitude,
  special,
};

const unaryCases: fc.Arbitrary<UnaryCase> = fc.record({
  shape: shapes({ max: 3 }, 40, 600),
  seed: seeds,
  values: fc.constantFrom<UnaryCase["values"]>("unit", "usual", "large", "kinks", "any magnitude", "special"),
});

/** The subject of an elementwise op; gradients where the values are ordinary. */
function unary(name: string, call: Unary, curve: Curve): Subject {
  return op<UnaryCase>({
    name,
    cases: unaryCases,
    inputs: ({ shape, values }) => [{ shape, draw: draws[values] }],
    call: (_, x) => call(x as SymbolicTensor),
    reference: (_, x) => elementwise((value) => apply(curve, value), [x as never]),
    gradient: ({ values }) => curve.slope !== undefined && values !== "any magnitude" && values !== "special",
  });
}

interface TypedCase {
  readonly shape: number[];
  readonly dtype: DType;
  readonly seed: number;
}
const typedCases: fc.Arbitrary<TypedCase> = fc.record({
  shape: shapes({ max: 3 }, 40, 300),
  dtype: fc.constantFrom<DType>("float32", "float32", "int32", "uint8", "bool"),
  seed: seeds,
});
const anyInteger = sometimes([2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1, 0, 1, -1], 0.3, whole(-(2 ** 31), 2 ** 31 - 1));
const drawOf = (dtype: DType): Draw | undefined =>
  dtype === "float32" ? special : dtype === "int32" ? anyInteger : undefined;

function predicate(name: string, rule: (x: number) => boolean): Subject {
  return op<TypedCase>({
    name,
    cases: typedCases,
    inputs: ({ shape, dtype }) => {
      const draw = drawOf(dtype);
      return [{ shape, dtype, ...(draw === undefined ? {} : { draw }) }];
    },
    call: (_, x) => (known[name] as Unary)(x as SymbolicTensor),
    reference: (_, x) => elementwise((value) => exact(rule(value.value) ? 1 : 0), [x as never], "bool"),
  });
}

/** What a conversion gives: towards zero, saturating, NaN → 0; uint8 keeps eight bits. */
function convert(x: number, from: DType, to: DType): number {
  if (to === "float32") return Math.fround(x);
  if (to === "bool") return x !== 0 ? 1 : 0;
  const integer =
    from !== "float32" ? x : Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), -(2 ** 31)), 2 ** 31 - 1);
  return to === "uint8" ? integer & 255 : integer | 0;
}

const cast = op<TypedCase & { readonly to: DType }>({
  name: "cast",
  cases: fc
    .tuple(typedCases, fc.constantFrom<DType>("float32", "int32", "uint8", "bool"))
    .map(([given, to]) => ({ ...given, to })),
  inputs: ({ shape, dtype }) => {
    const draw = drawOf(dtype);
    return [{ shape, dtype, ...(draw === undefined ? {} : { draw }) }];
  },
  call: ({ to }, x) => ops.cast(x as SymbolicTensor, to),
  reference: ({ dtype, to }, x) =>
    dtype === to
      ? (x as never)
      : build(
          (x as never as { shape: number[] }).shape,
          (_, index) =>
            exact(convert((x as never as { data: { value: number }[] }).data[index]?.value as number, dtype, to)),
          to,
        ),
});

export const elementwiseSubjects: readonly Subject[] = [
  ...Object.entries(curves)
    .filter(([name]) => name !== "erfInverse")
    .map(([name, curve]) =>
      unary(name, name === "gelu exact" ? (x) => ops.gelu(x, false) : (known[name] as Unary), curve),
    ),
  ...Object.entries(predicates).map(([name, rule]) => predicate(name, rule)),
  cast,
];
