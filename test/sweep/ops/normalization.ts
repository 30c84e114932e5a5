// Normalisation and cross-entropies.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as ops from "../../../bindings/ops/index.ts";
import { at, build, elementwise, type RealArray, sizeOf } from "../array.ts";
import { seeds, shapes, sizes, whole, within } from "../draw.ts";
import { op } from "../op.ts";
import { add, apply, type Curve, dot, exact, multiply, negate, type Real, rounded, subtract, sum } from "../real.ts";
import type { Subject } from "../subject.ts";
import { curves } from "./curves.ts";
import { logSoftmax, mean, variance } from "./reductions.ts";

type Node = SymbolicTensor;
const rsqrt = curves.rsqrt as Curve;

interface NormCase {
  readonly shape: number[];
  readonly scaled: boolean;
  readonly seed: number;
}
const normCases: fc.Arbitrary<NormCase> = fc.record({
  shape: fc
    .tuple(shapes({ max: 2 }, 6, 30), fc.oneof(sizes(9, 1), fc.constantFrom(16, 17, 33)))
    .map(([outer, last]) => [...outer, last]),
  scaled: fc.boolean(),
  seed: seeds,
});
const lines = (x: RealArray, change: (line: readonly Real[]) => readonly Real[]): RealArray => {
  const length = x.shape.at(-1) as number;
  const rows = Array.from({ length: sizeOf(x.shape.slice(0, -1)) }, (_, row) =>
    change(x.data.slice(row * length, (row + 1) * length)),
  );
  return { ...x, data: rows.flat() };
};
const epsilon = rounded(1e-3);

const layerNormalization = op<NormCase>({
  name: "layerNormalization",
  cases: normCases,
  inputs: ({ shape }) => [{ shape }, { shape: [shape.at(-1) as number] }, { shape: [shape.at(-1) as number] }],
  call: ({ scaled }, x, gamma, beta) =>
    scaled
      ? ops.layerNormalization(x as Node, gamma as Node, beta as Node, -1, 1e-3)
      : ops.add(
          ops.layerNormalization(x as Node, undefined as never, undefined as never, -1, 1e-3),
          ops.multiply(ops.add(gamma as Node, beta as Node), 0),
        ),
  reference: ({ scaled }, x, gamma, beta) =>
    lines(x as RealArray, (line) => {
      const centre = mean(line);
      const factor = apply(rsqrt, add(variance(line), epsilon));
      return line.map((each, index) => {
        const value = multiply(subtract(each, centre), factor);
        const [g, b] = [gamma, beta].map((one) => (one as RealArray).data[index] as Real) as [Real, Real];
        return scaled ? add(multiply(value, g), b) : add(value, multiply(add(g, b), exact(0)));
      });
    }),
});

const rmsNormalization = op<NormCase>({
  name: "rmsNormalization",
  cases: normCases,
  inputs: ({ shape }) => [{ shape }, { shape: [shape.at(-1) as number] }],
  call: (_, x, scale) => ops.rmsNormalization(x as Node, scale as Node, -1, 1e-3),
  reference: (_, x, scale) =>
    lines(x as RealArray, (line) => {
      const factor = apply(rsqrt, add(mean(line.map((each) => multiply(each, each))), epsilon));
      return line.map((each, index) => multiply(multiply(each, factor), (scale as RealArray).data[index] as Real));
    }),
});

const batchNormalization = op<NormCase>({
  name: "batchNormalization",
  cases: normCases,
  inputs: ({ shape }) => {
    const last = [shape.at(-1) as number];
    return [{ shape }, { shape: last }, { shape: last, draw: within(0.1, 3) }, { shape: last }, { shape: last }];
  },
  call: (_, x, mean_, variance_, offset, scale) =>
    ops.batchNormalization(x as Node, mean_ as Node, variance_ as Node, -1, offset as Node, scale as Node, 1e-3),
  reference: ({ shape }, x, means, variances, offset, scale) =>
    build(shape, (position, index) => {
      const channel = [position.at(-1) as number];
      const factor = apply(rsqrt, add(at(variances as RealArray, channel), epsilon));
      const value = multiply(subtract((x as RealArray).data[index] as Real, at(means as RealArray, channel)), factor);
      return add(multiply(value, at(scale as RealArray, channel)), at(offset as RealArray, channel));
    }),
});

interface EntropyCase {
  readonly shape: number[];
  readonly large: boolean;
  readonly seed: number;
}
const entropyCases: fc.Arbitrary<EntropyCase> = fc.record({
  shape: fc
    .tuple(shapes({ max: 2 }, 6, 30), fc.oneof(sizes(9, 1), fc.constantFrom(15, 16, 17, 40)))
    .map(([outer, last]) => [...outer, last]),
  large: fc.boolean(),
  seed: seeds,
});
const logits = ({ shape, large }: EntropyCase) => ({ shape, draw: large ? within(-80, 80) : within(-5, 5) });
const rowsOf = (x: RealArray): Real[][] => {
  const length = x.shape.at(-1) as number;
  return Array.from({ length: sizeOf(x.shape.slice(0, -1)) }, (_, row) =>
    x.data.slice(row * length, (row + 1) * length),
  );
};

const softmaxCrossEntropy = op<EntropyCase>({
  name: "softmaxCrossEntropy",
  cases: entropyCases,
  inputs: (given) => [{ shape: given.shape, draw: within(0, 1) }, logits(given)],
  call: (_, labels, x) => ops.softmaxCrossEntropy(labels as Node, x as Node),
  reference: ({ shape }, labels, x) => {
    const wanted = rowsOf(labels as RealArray);
    return build(shape.slice(0, -1), (_, row) =>
      negate(dot(wanted[row] as Real[], logSoftmax(rowsOf(x as RealArray)[row] as Real[]))),
    );
  },
});

const sparseSoftmaxCrossEntropy = op<EntropyCase>({
  name: "sparseSoftmaxCrossEntropy",
  cases: entropyCases,
  inputs: (given) => [
    { shape: given.shape.slice(0, -1), dtype: "int32", draw: whole(0, (given.shape.at(-1) as number) - 1) },
    logits(given),
  ],
  call: (_, labels, x) => ops.sparseSoftmaxCrossEntropy(labels as Node, x as Node),
  reference: ({ shape }, labels, x) => {
    const rows = rowsOf(x as RealArray);
    return build(shape.slice(0, -1), (_, row) =>
      negate(logSoftmax(rows[row] as Real[])[((labels as RealArray).data[row] as Real).value] as Real),
    );
  },
});

const sigmoidCrossEntropy = op<EntropyCase>({
  name: "sigmoidCrossEntropy",
  cases: entropyCases,
  inputs: (given) => [{ shape: given.shape, draw: within(0, 1) }, logits(given)],
  call: (_, labels, x) => ops.sigmoidCrossEntropy(labels as Node, x as Node),
  // ln(1 + eˣ) − x·y.
  reference: (_, labels, x) =>
    elementwise(
      (y, each) => sum([apply(curves.softplus as Curve, each as Real), negate(multiply(each as Real, y as Real))], 4),
      [labels as RealArray, x as RealArray],
    ),
});

export const normalizationSubjects: readonly Subject[] = [
  layerNormalization,
  rmsNormalization,
  batchNormalization,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  sigmoidCrossEntropy,
];
