// Layers that make one tensor of several: elementwise, end to end, by products.

import fc from "fast-check";
import * as layers from "../../../bindings/layers/index.ts";
import { setMask } from "../../../bindings/layers/masks.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, broadcast, broadcastAt, build, type RealArray, reshape } from "../array.ts";
import { seeds, shapes, sizes, sometimes, whole, within } from "../draw.ts";
import { layer } from "../layer.ts";
import { op } from "../op.ts";
import { curves } from "../ops/curves.ts";
import { alongAxis } from "../ops/reductions.ts";
import {
  add,
  apply,
  type Curve,
  divide,
  dot,
  exact,
  extremum,
  multiply,
  type Real,
  rounded,
  subtract,
  sum,
} from "../real.ts";
import type { Subject } from "../subject.ts";
import { onSymbols, resultingMask } from "./masks.ts";

interface MergeCase {
  /** Of samples; batch first is added. */
  readonly shapes: number[][];
  readonly batch: number;
  readonly dtype: DType;
  readonly ties: boolean;
  readonly seed: number;
}
const batch = fc.constantFrom(1, 1, 2, 3, 0);

/** Shapes of samples that mostly broadcast, of several ranks. */
const samples = (most: number): fc.Arbitrary<number[][]> =>
  shapes({ max: 3 }, 7, 60).chain((shape) =>
    fc.array(
      fc
        .tuple(fc.nat(shape.length), fc.array(fc.nat(19), { minLength: 3, maxLength: 3 }))
        .map(([skipped, changes]) =>
          shape
            .map((size, axis) => (changes[axis] === 0 ? size + 1 : (changes[axis] as number) < 5 ? 1 : size))
            .slice((changes[0] as number) < 12 ? 0 : skipped),
        ),
      { minLength: 1, maxLength: most },
    ),
  );

/** The inputs in one rank: axes of size 1 follow the batch. */
function raised(xs: readonly RealArray[]): RealArray[] {
  const rank = Math.max(...xs.map((x) => x.shape.length));
  return xs.map((x) => {
    const [first, ...rest] = x.shape as [number, ...number[]];
    return reshape(x, [first, ...new Array<number>(rank - x.shape.length).fill(1), ...rest]);
  });
}
const lifted = ({ shapes: all, batch: first }: MergeCase): number[][] => {
  const rank = Math.max(...all.map((shape) => shape.length));
  return all.map((shape) => [first, ...new Array<number>(rank - shape.length).fill(1), ...shape]);
};

interface MergeRule {
  readonly fold: (elements: readonly Real[]) => Real;
  readonly exactly?: number;
  /** Whether integers stay what they are. Default true. */
  readonly integers?: boolean;
}
const pairwise =
  (of: (a: Real, b: Real) => Real) =>
  (elements: readonly Real[]): Real =>
    elements.reduce(of);

const { add: addLayer, subtract: subtractLayer, multiply: multiplyLayer, average, maximum, minimum } = layers;
const makers = {
  add: addLayer,
  subtract: subtractLayer,
  multiply: multiplyLayer,
  average,
  maximum,
  minimum,
};

const rules: Readonly<Record<"add" | "subtract" | "multiply" | "average" | "maximum" | "minimum", MergeRule>> = {
  add: { fold: pairwise(add) },
  subtract: { fold: pairwise(subtract), exactly: 2 },
  multiply: { fold: pairwise(multiply) },
  average: { fold: (elements) => divide(elements.reduce(add), exact(elements.length)), integers: false },
  maximum: { fold: pairwise((a, b) => extremum([a, b], (x, y) => x > y, "equal")) },
  minimum: { fold: pairwise((a, b) => extremum([a, b], (x, y) => x < y, "equal")) },
};

function merging(name: keyof typeof rules): Subject {
  const { fold, exactly, integers = true } = rules[name];
  const refuses = (given: MergeCase): boolean =>
    given.shapes.length < 2 ||
    (exactly !== undefined && given.shapes.length !== exactly) ||
    broadcast(...lifted(given)) === undefined;
  return layer<MergeCase>({
    name,
    cases: fc
      .record({
        shapes: samples(exactly === undefined ? 4 : 3),
        batch,
        dtype: fc.constantFrom<DType>("float32", "float32", "float32", "int32"),
        ties: fc.boolean(),
        seed: seeds,
      })
      .filter((given) => !refuses(given) || given.seed % 8 === 0),
    make: () => makers[name](),
    inputs: ({ shapes: all, batch: first, dtype, ties }) =>
      all.map((shape) => ({
        shape: [first, ...shape],
        dtype,
        ...(dtype === "float32" && ties ? { draw: whole(-2, 2) } : {}),
      })),
    refuses,
    reference: ({ dtype }, inputs) => {
      const xs = raised(inputs);
      return build(
        broadcast(...xs.map(({ shape }) => shape)) as number[],
        (position) => fold(xs.map((x) => broadcastAt(x, position))),
        integers ? dtype : "float32",
      );
    },
  });
}

interface JoinCase {
  readonly shapes: number[][];
  readonly axis: number | undefined;
  readonly dtype: DType;
  readonly seed: number;
}
const joinOf = fc
  .tuple(shapes({ min: 2, max: 4 }, 6, 90), fc.array(sizes(4), { minLength: 1, maxLength: 4 }), fc.nat(19), fc.nat(3))
  .map(([shape, lengths, odd, along]) => {
    const axis = along >= shape.length ? undefined : along % 2 === 0 ? along : along - shape.length;
    const place = axis === undefined ? shape.length - 1 : axis < 0 ? axis + shape.length : axis;
    return {
      axis,
      shapes: lengths.map((length, index) => {
        const each = shape.with(place, length);
        return odd === 0 && index === 1 ? each.map((size) => size + 1) : each;
      }),
    };
  });
const placeOf = ({ shapes: [first], axis = -1 }: Pick<JoinCase, "axis" | "shapes">): number =>
  axis < 0 ? axis + (first as number[]).length : axis;
const cannotJoin = (given: Pick<JoinCase, "axis" | "shapes">): boolean => {
  const place = placeOf(given);
  const [first] = given.shapes as [number[]];
  return (
    place === 0 || given.shapes.some((shape) => shape.some((size, axis) => axis !== place && size !== first[axis]))
  );
};

/** One after the other along an axis. */
function joined(xs: readonly RealArray[], axis: number): RealArray {
  const [first] = xs as [RealArray];
  const length = xs.reduce((total, x) => total + (x.shape[axis] as number), 0);
  return build(
    first.shape.with(axis, length),
    (position) => {
      let rest = position[axis] as number;
      const which = xs.findIndex((x) => {
        if (rest < (x.shape[axis] as number)) return true;
        rest -= x.shape[axis] as number;
        return false;
      });
      return at(xs[which] as RealArray, position.with(axis, rest));
    },
    first.dtype,
  );
}

const concatenate = layer<JoinCase>({
  name: "concatenate",
  cases: fc
    .record({
      join: joinOf,
      dtype: fc.constantFrom<DType>("float32", "float32", "float32", "int32", "uint8", "bool"),
      seed: seeds,
    })
    .map(({ join, ...rest }) => ({ ...join, ...rest }))
    .filter((given) => !cannotJoin(given) || given.seed % 8 === 0),
  make: ({ axis }) => layers.concatenate(axis === undefined ? {} : { axis }),
  inputs: ({ shapes: all, dtype }) => all.map((shape) => ({ shape, dtype })),
  refuses: cannotJoin,
  reference: (given, inputs) => joined(inputs, placeOf(given)),
});

// Masks ---------------------------------------------------------------------------------------------------------------

interface MaskCase {
  readonly layer: "add" | "concatenate";
  readonly axis: number;
  readonly shapes: number[][];
  /** Which of the inputs have a mask. */
  readonly masked: boolean[];
  readonly seed: number;
}

/** What a layer makes of the masks of its inputs. */
const masks = op<MaskCase>({
  name: "concatenate, masks",
  kind: "layer",
  cases: fc
    .record({
      layer: fc.constantFrom<MaskCase["layer"]>("add", "concatenate", "concatenate"),
      shape: fc.tuple(batch, sizes(6), sizes(4, 1)),
      lengths: fc.array(sizes(5), { minLength: 2, maxLength: 3 }),
      axis: fc.constantFrom(1, 2, -1, -2),
      masked: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      seed: seeds,
    })
    .map(({ shape, lengths, ...rest }) => ({
      ...rest,
      shapes: lengths.map((length) =>
        rest.layer === "add" ? shape : shape.with(rest.axis < 0 ? rest.axis + 3 : rest.axis, length),
      ),
    })),
  inputs: ({ shapes: all }) => [
    ...all.map((shape) => ({ shape })),
    ...all.map((shape) => ({ shape: shape.slice(0, 2), dtype: "bool" as const })),
  ],
  call: ({ layer: which, axis, shapes: all, masked }, ...inputs) =>
    onSymbols((...symbols) => {
      const xs = symbols.slice(0, all.length);
      xs.forEach((x, index) => {
        if (masked[index] === true) setMask(x, symbols[all.length + index]);
      });
      const made = which === "add" ? layers.add() : layers.concatenate({ axis });
      return resultingMask(made.apply(xs));
    }, inputs),
  reference: ({ layer: which, axis, masked, shapes: all }, ...inputs) => {
    const whole = inputs
      .slice(all.length)
      .map((mask, index) => (masked[index] === true ? mask : build(mask.shape, () => exact(1), "bool")));
    const chosen = masked.slice(0, all.length);
    if (which === "concatenate" && (axis === 1 || axis === -2)) return joined(whole, 1);
    // Side by side a step counts where it counts in any; in a sum, where it counts in all, if all have a mask.
    const counts = (values: readonly boolean[]): boolean =>
      which === "add" ? !chosen.every(Boolean) || values.every(Boolean) : values.some(Boolean);
    const [first] = whole as [RealArray];
    return build(
      first.shape,
      (_, index) => exact(counts(whole.map(({ data }) => (data[index] as Real).value !== 0)) ? 1 : 0),
      "bool",
    );
  },
  gradient: () => false,
});

// Products ------------------------------------------------------------------------------------------------------------

interface DotCase {
  readonly left: number[];
  readonly right: number[];
  readonly axes: number | [number, number];
  readonly normalize: boolean | undefined;
  readonly seed: number;
}
const dotOf = fc
  .record({
    left: shapes({ min: 2, max: 4 }, 5, 60),
    right: shapes({ min: 2, max: 3 }, 5, 60),
    length: sizes(6),
    axes: fc.tuple(fc.nat(2), fc.nat(2)),
    negative: fc.tuple(fc.boolean(), fc.boolean()),
    odd: fc.nat(23),
    normalize: fc.constantFrom(undefined, false, true, true),
    seed: seeds,
  })
  .map(({ left, right, length, axes, negative, odd, ...rest }): DotCase => {
    const [a, b] = [1 + (axes[0] % (left.length - 1)), 1 + (axes[1] % (right.length - 1))];
    const said: [number, number] = [negative[0] ? a - left.length : a, negative[1] ? b - right.length : b];
    return {
      ...rest,
      left: left.with(a, length),
      right: right.with(b, length + (odd === 0 ? 1 : 0)).with(0, left[0] as number),
      axes: odd === 1 ? [0, said[1]] : said[0] === said[1] ? said[0] : said,
    };
  });
const dotAxes = ({ left, right, axes }: DotCase): [number, number] => {
  const [a, b] = typeof axes === "number" ? [axes, axes] : axes;
  return [a < 0 ? a + left.length : a, b < 0 ? b + right.length : b];
};

/** Lines at length 1; those shorter than 10⁻⁶ are divided by that. */
function unit(x: RealArray, axis: number): RealArray {
  return alongAxis(x, axis, (line) => {
    const squares = sum(line.map((each) => multiply(each, each)));
    const limited = extremum([squares, rounded(1e-12)], (a, b) => a > b, "equal");
    const factor = apply(curves.rsqrt as Curve, limited);
    return line.map((each) => multiply(each, factor));
  });
}

const dotLayer = layer<DotCase>({
  name: "dot",
  cases: dotOf,
  make: ({ axes, normalize }) => layers.dot({ axes, ...(normalize === undefined ? {} : { normalize }) }),
  // Some lines are zero.
  inputs: ({ left, right, seed }) => {
    const draw = seed % 8 === 0 ? sometimes([0], 0.8, within(-2, 2)) : within(-2, 2);
    return [
      { shape: left, draw },
      { shape: right, draw },
    ];
  },
  refuses: (given) => {
    const [a, b] = dotAxes(given);
    return a === 0 || b === 0 || given.left[a] !== given.right[b];
  },
  reference: (given, [left, right]) => {
    const [a, b] = dotAxes(given);
    const [x, y] =
      given.normalize === true
        ? [unit(left as RealArray, a), unit(right as RealArray, b)]
        : [left as RealArray, right as RealArray];
    const length = x.shape[a] as number;
    const [kept, more] = [x.shape.toSpliced(a, 1), y.shape.toSpliced(b, 1).slice(1)];
    const result = build([...kept, ...more], (position) => {
      const first = position.slice(0, kept.length);
      const second = [position[0] as number, ...position.slice(kept.length)];
      const places = Array.from({ length }, (_, place) => place);
      return dot(
        places.map((place) => at(x, first.toSpliced(a, 0, place))),
        places.map((place) => at(y, second.toSpliced(b, 0, place))),
      );
    });
    return result.shape.length === 1 ? reshape(result, [...result.shape, 1]) : result;
  },
});

export const mergingSubjects: readonly Subject[] = [
  ...(Object.keys(rules) as (keyof typeof rules)[]).map(merging),
  concatenate,
  masks,
  dotLayer,
];
