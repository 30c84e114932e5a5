// Layers that normalise: by the batch, by sample, by group, by length, and by the singular value of a kernel.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import { at, build, positionsOf, type RealArray, sizeOf } from "../array.ts";
import { type Drawn, seeds, shapes, sizes, within } from "../draw.ts";
import { layer, type Weights } from "../layer.ts";
import { curves } from "../ops/curves.ts";
import { mean } from "../ops/reductions.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  dot,
  exact,
  extremum,
  multiply,
  negate,
  Real,
  rounded,
  subtract,
  sum,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { dense } from "./core.ts";

const rsqrt = curves.rsqrt as Curve;
const inputs = fc.oneof(
  shapes({ min: 2, max: 4 }, 7, 200),
  fc.tuple(sizes(4), fc.constantFrom(15, 16, 17, 33)).map((shape) => [...shape]),
);

/** Calls `change` on the elements of each group; groups have a key. */
function byGroup(
  x: RealArray,
  keyOf: (position: readonly number[]) => string,
  change: (elements: readonly Real[], indices: readonly number[]) => readonly Real[],
): RealArray {
  const groups = new Map<string, number[]>();
  positionsOf(x.shape).forEach((position, index) => {
    const key = keyOf(position);
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  const data: Real[] = [...x.data];
  for (const indices of groups.values())
    change(
      indices.map((index) => x.data[index] as Real),
      indices,
    ).forEach((value, place) => {
      data[indices[place] as number] = value;
    });
  return { ...x, data };
}

/** Whether `axis` counts from either end. */
const resolved = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const deviations = (elements: readonly Real[], centre: Real): Real[] => elements.map((each) => subtract(each, centre));
const squares = (elements: readonly Real[]): Real[] => elements.map((each) => multiply(each, each));

/** y · gamma + beta, each where there is one, at `place` of them. */
function affine(y: Real, { gamma, beta }: Weights, place: readonly number[]): Real {
  const scaled = gamma === undefined ? y : multiply(y, at(gamma, place));
  return beta === undefined ? scaled : add(scaled, at(beta, place));
}

interface AffineCase {
  readonly shape: number[];
  readonly axes: number[];
  readonly center: boolean;
  readonly scale: boolean;
  readonly rmsScaling: boolean;
  readonly epsilon: number;
  readonly seed: number;
}

/** Some axes of a shape, the batch axis in a few cases, in the order they stand. */
const axesOf = (shape: readonly number[]): fc.Arbitrary<number[]> =>
  fc
    .tuple(
      fc.subarray([...shape.keys()].slice(1), { minLength: 1 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 24 }).map((each) => each === 0),
    )
    .map(([axes, negative, withBatch]) =>
      (withBatch ? [0, ...axes] : axes).map((axis) => (negative ? axis - shape.length : axis)),
    );

const affineCases: fc.Arbitrary<AffineCase> = inputs.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.oneof({ weight: 2, arbitrary: fc.constant<number[]>([-1]) }, { weight: 3, arbitrary: axesOf(shape) }),
    center: fc.boolean(),
    scale: fc.boolean(),
    rmsScaling: fc.integer({ min: 0, max: 4 }).map((each) => each === 0),
    epsilon: fc.constantFrom(1e-3, 1e-3, 1e-5, 0.25),
    seed: seeds,
  }),
);

const touchesBatch = ({ shape, axes }: { readonly shape: number[]; readonly axes: number[] }): boolean =>
  axes.some((axis) => resolved(axis, shape.length) === 0);

/** The place in weights, whose axes are `axes`, of the element at `position`. */
const placeIn = (position: readonly number[], axes: readonly number[]): number[] =>
  axes.map((axis) => position[resolved(axis, position.length)] as number);

/** Which group an element is in, when all along `axes` are in one. */
const outside =
  (axes: readonly number[]) =>
  (position: readonly number[]): string => {
    const inside = new Set(axes.map((axis) => resolved(axis, position.length)));
    return position.filter((_, axis) => !inside.has(axis)).join();
  };

const layerNormalization = layer<AffineCase>({
  name: "layerNormalization",
  cases: affineCases,
  make: ({ axes, center, scale, rmsScaling, epsilon }) =>
    layers.layerNormalization({ axis: axes, center, scale, rmsScaling, epsilon }),
  inputs: ({ shape }) => [{ shape }],
  refuses: touchesBatch,
  reference: ({ axes, epsilon, rmsScaling, scale, center }, [x], weights) => {
    const positions = positionsOf((x as RealArray).shape);
    const used: Weights = {
      ...(scale || rmsScaling ? { gamma: weights.gamma as RealArray } : {}),
      ...(center && !rmsScaling ? { beta: weights.beta as RealArray } : {}),
    };
    return byGroup(x as RealArray, outside(axes), (elements, indices) => {
      const away = deviations(elements, mean(elements));
      const factor = apply(rsqrt, add(mean(squares(away)), rounded(epsilon)));
      return (rmsScaling ? elements : away).map((each, index) =>
        affine(multiply(each, factor), used, placeIn(positions[indices[index] as number] as number[], axes)),
      );
    });
  },
});

const rmsNormalization = layer<AffineCase>({
  name: "rmsNormalization",
  cases: affineCases,
  make: ({ axes, epsilon }) => layers.rmsNormalization({ axis: axes, epsilon }),
  inputs: ({ shape }) => [{ shape }],
  refuses: touchesBatch,
  reference: ({ axes, epsilon }, [x], { scale }) => {
    const positions = positionsOf((x as RealArray).shape);
    return byGroup(x as RealArray, outside(axes), (elements, indices) => {
      const factor = apply(rsqrt, add(mean(squares(elements)), rounded(epsilon)));
      return elements.map((each, index) =>
        multiply(
          multiply(each, factor),
          at(scale as RealArray, placeIn(positions[indices[index] as number] as number[], axes)),
        ),
      );
    });
  },
});

interface UnitCase extends AffineCase {
  readonly zeros: boolean;
}
const unitNormalization = layer<UnitCase>({
  name: "unitNormalization",
  cases: fc.tuple(affineCases, fc.boolean()).map(([given, zeros]) => ({ ...given, zeros })),
  make: ({ axes }) => layers.unitNormalization({ axis: axes }),
  inputs: ({ shape, zeros }) => [{ shape, draw: (next) => (zeros && next() < 0.7 ? 0 : 4 * next() - 2) }],
  refuses: touchesBatch,
  reference: ({ axes }, [x]) =>
    byGroup(x as RealArray, outside(axes), (elements) => {
      const length = extremum([sum(squares(elements)), rounded(1e-24)], (a, b) => a > b, "first");
      const factor = apply(rsqrt, length);
      return elements.map((each) => multiply(each, factor));
    }),
});

interface GroupCase extends Omit<AffineCase, "axes" | "rmsScaling"> {
  readonly axis: number;
  readonly groups: number;
}
const groupNormalization = layer<GroupCase>({
  name: "groupNormalization",
  cases: inputs
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.oneof(fc.constant(-1), fc.integer({ min: -shape.length, max: shape.length - 1 })),
        groups: fc.constantFrom(1, 2, 3, 4, -1, -1),
        fits: fc.integer({ min: 0, max: 5 }).map((each) => each > 0),
        center: fc.boolean(),
        scale: fc.boolean(),
        epsilon: fc.constantFrom(1e-3, 0.25),
        seed: seeds,
      }),
    )
    .map(({ fits, shape, axis, groups, ...rest }) => ({
      ...rest,
      axis,
      groups,
      // Mostly so many channels that groups divide them.
      shape: shape.map((size, each) =>
        fits && groups > 1 && each === resolved(axis, shape.length) ? Math.ceil(size / groups) * groups : size,
      ),
    })),
  make: ({ axis, groups, center, scale, epsilon }) =>
    layers.groupNormalization({ axis, groups, center, scale, epsilon }),
  inputs: ({ shape }) => [{ shape }],
  refuses: ({ shape, axis, groups }) => {
    const channels = shape[resolved(axis, shape.length)] as number;
    return resolved(axis, shape.length) === 0 || (groups === -1 ? channels === 0 : channels % groups !== 0);
  },
  reference: ({ shape, axis, groups, epsilon, center, scale }, [x], weights) => {
    const channelAxis = resolved(axis, shape.length);
    const channels = shape[channelAxis] as number;
    const size = channels / (groups === -1 ? channels : groups);
    const positions = positionsOf(shape);
    const used: Weights = {
      ...(scale ? { gamma: weights.gamma as RealArray } : {}),
      ...(center ? { beta: weights.beta as RealArray } : {}),
    };
    const groupOf = (position: readonly number[]): string =>
      `${position[0]} ${Math.floor((position[channelAxis] as number) / size)}`;
    return byGroup(x as RealArray, groupOf, (elements, indices) => {
      const away = deviations(elements, mean(elements));
      const factor = apply(rsqrt, add(mean(squares(away)), rounded(epsilon)));
      return away.map((each, index) =>
        affine(multiply(each, factor), used, [
          (positions[indices[index] as number] as number[])[channelAxis] as number,
        ]),
      );
    });
  },
});

interface BatchCase extends Omit<AffineCase, "axes" | "rmsScaling"> {
  readonly axis: number;
  readonly momentum: number;
  readonly training: boolean;
  readonly trainable: boolean;
  /** Share of the steps that count; undefined: there is no mask. */
  readonly counted: number | undefined;
}

const isMasked = ({ counted, shape }: BatchCase): boolean => counted !== undefined && shape.length > 2;

/** Whether the batch's own mean and variance are used. */
const usesBatch = ({ training, trainable, shape }: BatchCase): boolean => training && trainable && sizeOf(shape) > 0;

interface Moments {
  readonly means: readonly Real[];
  readonly variances: readonly Real[];
  /** Of which features anything counts. */
  readonly known: readonly boolean[];
}

/** Mean and variance of each feature, of the steps that count; 0 where none does. */
function momentsOf({ axis, shape }: BatchCase, x: RealArray, mask: RealArray | undefined): Moments {
  const features = resolved(axis, shape.length);
  const positions = positionsOf(shape);
  const counted = (index: number): boolean =>
    mask === undefined || at(mask, (positions[index] as number[]).slice(0, 2)).value !== 0;
  const groups: Real[][] = Array.from({ length: shape[features] as number }, () => []);
  x.data.forEach((each, index) => {
    if (counted(index)) groups[(positions[index] as number[])[features] as number]?.push(each);
  });
  const known = groups.map((group) => group.length > 0);
  const means = groups.map((group) => (group.length > 0 ? mean(group) : exact(0)));
  const variances = groups.map((group, index) =>
    group.length > 0 ? mean(squares(deviations(group, means[index] as Real))) : exact(0),
  );
  return { means, variances, known };
}

/** Sums of more than 128 samples are joined from blocks. */
const batches = fc.oneof(
  { weight: 15, arbitrary: inputs },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(127, 128, 129, 257), sizes(5, 1)).map((shape): number[] => shape) },
);
const batchNormalization = layer<BatchCase>({
  name: "batchNormalization",
  cases: batches.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.oneof(
        { weight: 2, arbitrary: fc.constant(-1) },
        { weight: 2, arbitrary: fc.integer({ min: 1 - shape.length, max: shape.length - 1 }) },
      ),
      momentum: fc.constantFrom(0.99, 0.9, 0.5, 0, 1),
      center: fc.boolean(),
      scale: fc.boolean(),
      epsilon: fc.constantFrom(1e-3, 0.25),
      training: fc.integer({ min: 0, max: 2 }).map((each) => each > 0),
      trainable: fc.integer({ min: 0, max: 5 }).map((each) => each > 0),
      counted: fc.option(fc.constantFrom(0, 0.5, 0.8, 1), { nil: undefined, freq: 2 }),
      seed: seeds,
    }),
  ),
  make: ({ axis, momentum, center, scale, epsilon, trainable }) =>
    layers.batchNormalization({ axis, momentum, center, scale, epsilon, trainable }),
  inputs: (given): Drawn[] => [
    { shape: given.shape },
    ...(isMasked(given)
      ? [
          {
            shape: given.shape.slice(0, 2),
            dtype: "bool" as const,
            draw: (next: () => number) => Number(next() < (given.counted as number)),
          },
        ]
      : []),
  ],
  masked: isMasked,
  weights: () => ({ moving_variance: within(0.1, 3) }),
  training: ({ training }) => training,
  refuses: ({ axis, shape }) => resolved(axis, shape.length) === 0,
  reference: (given, [x, mask], weights) => {
    const { axis, epsilon, shape } = given;
    const features = resolved(axis, shape.length);
    const used: Weights = {
      ...(given.scale ? { gamma: weights.gamma as RealArray } : {}),
      ...(given.center ? { beta: weights.beta as RealArray } : {}),
    };
    const source = x as RealArray;
    if (usesBatch(given)) {
      const { means, variances, known } = momentsOf(given, source, isMasked(given) ? mask : undefined);
      // Where nothing counts the result is beta.
      const factors = variances.map((each, feature) =>
        known[feature] === true ? apply(rsqrt, add(each, rounded(epsilon))) : exact(0),
      );
      return build(shape, (position, index) => {
        const feature = position[features] as number;
        const away = subtract(source.data[index] as Real, means[feature] as Real);
        return affine(multiply(away, factors[feature] as Real), used, [feature]);
      });
    }
    const { moving_mean, moving_variance } = weights as { moving_mean: RealArray; moving_variance: RealArray };
    const factors = moving_variance.data.map((each, feature) => {
      const factor = apply(rsqrt, add(each, rounded(epsilon)));
      return used.gamma === undefined ? factor : multiply(factor, used.gamma.data[feature] as Real);
    });
    return build(shape, (position, index) => {
      const feature = position[features] as number;
      // As one factor and one shift for each feature, so that roundings are as large as these are, not as x − mean.
      return sum([
        multiply(source.data[index] as Real, factors[feature] as Real),
        negate(multiply(moving_mean.data[feature] as Real, factors[feature] as Real)),
        ...(used.beta === undefined ? [] : [used.beta.data[feature] as Real]),
      ]);
    });
  },
  after: (given, [x, mask], weights) => {
    if (!usesBatch(given)) return {};
    const { means, variances, known } = momentsOf(given, x as RealArray, isMasked(given) ? mask : undefined);
    const moved = (from: RealArray, to: readonly Real[]): RealArray =>
      build(from.shape, (_, index) =>
        known[index] === true
          ? add(
              multiply(from.data[index] as Real, rounded(given.momentum)),
              multiply(to[index] as Real, rounded(1 - given.momentum)),
            )
          : (from.data[index] as Real),
      );
    return {
      moving_mean: moved(weights.moving_mean as RealArray, means),
      moving_variance: moved(weights.moving_variance as RealArray, variances),
    };
  },
});

interface SpectralCase {
  readonly shape: number[];
  readonly units: number;
  readonly powerIterations: number;
  readonly training: boolean;
  readonly useBias: boolean;
  readonly zeros: boolean;
  readonly seed: number;
}

/** x / √Σx², or x / √1e-14 where that is more. */
function unitVector(x: readonly Real[]): Real[] {
  const length = extremum([sum(squares(x)), rounded(1e-14)], (a, b) => a > b, "first");
  const factor = apply(rsqrt, length);
  return x.map((each) => multiply(each, factor));
}

/** The kernel divided by its largest singular value, as the power method finds it from u, and the next u. */
function normalised(kernel: RealArray, u: RealArray, iterations: number): { kernel: RealArray; u: RealArray } {
  const [rows, columns] = kernel.shape as [number, number];
  if (kernel.data.every(({ value }) => value === 0)) return { kernel, u };
  const row = (index: number): Real[] => Array.from({ length: columns }, (_, each) => at(kernel, [index, each]));
  const column = (index: number): Real[] => Array.from({ length: rows }, (_, each) => at(kernel, [each, index]));
  let right: readonly Real[] = u.data;
  let left: readonly Real[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    left = unitVector(Array.from({ length: rows }, (_, index) => dot(right, row(index))));
    right = unitVector(Array.from({ length: columns }, (_, index) => dot(left, column(index))));
  }
  const sigma = dot(
    Array.from({ length: columns }, (_, index) => dot(left, column(index))),
    right,
  );
  return {
    // No gradient goes through σ, nor through the division: what is trained is the kernel after it.
    kernel: build(kernel.shape, (_, index) => {
      const before = kernel.data[index] as Real;
      const { value, bound } = divide(before, sigma);
      return new Real(value, bound, [before], [1], [0]);
    }),
    u: build(u.shape, (_, index) => {
      const { value, bound } = right[index] as Real;
      return new Real(value, bound);
    }),
  };
}

const spectralNormalization = layer<SpectralCase>({
  name: "spectralNormalization",
  cases: fc.record({
    shape: fc.tuple(sizes(4), sizes(9, 1)).map((shape) => [...shape]),
    units: sizes(17, 1),
    powerIterations: fc.integer({ min: 1, max: 4 }),
    training: fc.integer({ min: 0, max: 3 }).map((each) => each > 0),
    useBias: fc.boolean(),
    zeros: fc.integer({ min: 0, max: 9 }).map((each) => each === 0),
    seed: seeds,
  }),
  make: ({ units, powerIterations, useBias }) =>
    layers.spectralNormalization({ layer: layers.dense({ units, useBias }), powerIterations }),
  inputs: ({ shape }) => [{ shape }],
  weights: ({ zeros }) => (zeros ? { kernel: () => 0 } : {}),
  training: ({ training }) => training,
  reference: ({ powerIterations, training, useBias }, [x], { kernel, vector_u, bias }) =>
    dense(
      x as RealArray,
      training ? normalised(kernel as RealArray, vector_u as RealArray, powerIterations).kernel : (kernel as RealArray),
      useBias ? bias : undefined,
      "linear",
    ),
  after: ({ powerIterations }, _, { kernel, vector_u }) => {
    const next = normalised(kernel as RealArray, vector_u as RealArray, powerIterations);
    return { kernel: next.kernel, vector_u: next.u };
  },
});

export const normalizingSubjects: readonly Subject[] = [
  layerNormalization,
  rmsNormalization,
  unitNormalization,
  groupNormalization,
  batchNormalization,
  spectralNormalization,
];
