// Layers that make sequences and say which of their steps count.

import fc from "fast-check";
import type { SymbolicTensor } from "../../../bindings/graph.ts";
import * as layers from "../../../bindings/layers/index.ts";
import { maskOf } from "../../../bindings/layers/masks.ts";
import type { DType } from "../../../bindings/tensor.ts";
import { at, build, elementwise, type RealArray } from "../array.ts";
import { type Draw, seeds, shapes, sometimes, whole, within } from "../draw.ts";
import { layer } from "../layer.ts";
import { op } from "../op.ts";
import { alongAxis } from "../ops/reductions.ts";
import { exact, type Real } from "../real.ts";
import type { Subject } from "../subject.ts";
import { onSymbols, resultingMask } from "./masks.ts";

interface EmbeddingCase {
  readonly shape: number[];
  readonly dtype: DType;
  readonly inputDim: number;
  readonly outputDim: number;
  /** Whether tokens go beyond those there are. */
  readonly outside: boolean;
  readonly seed: number;
}
const embeddingOf = {
  shape: shapes({ min: 1, max: 3 }, 12, 100),
  dtype: fc.constantFrom<DType>("int32", "int32", "float32"),
  inputDim: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(33, 100)),
  outputDim: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(8, 17)),
  seed: seeds,
};
const tokens = ({ inputDim, outside, seed }: EmbeddingCase): Draw =>
  outside ? (seed % 2 === 0 ? whole(inputDim, inputDim + 3) : whole(-3, -1)) : whole(0, inputDim - 1);

const embedding = layer<EmbeddingCase>({
  name: "embedding",
  cases: fc.record({ ...embeddingOf, outside: fc.nat(15).map((each) => each === 0) }),
  make: ({ inputDim, outputDim }) => layers.embedding({ inputDim, outputDim }),
  inputs: (given) => [{ shape: given.shape, dtype: given.dtype, draw: tokens(given) }],
  shapes: ({ inputDim, outputDim }) => ({ embeddings: [inputDim, outputDim] }),
  refuses: ({ outside, shape }) => outside && !shape.includes(0),
  reference: ({ outputDim }, [x], { embeddings }) =>
    build([...(x as RealArray).shape, outputDim], (position) => {
      const token = at(x as RealArray, position.slice(0, -1)).value;
      return at(embeddings as RealArray, [token, position.at(-1) as number]);
    }),
});

const maskZero = op<Omit<EmbeddingCase, "outside"> & { readonly maskZero: boolean }>({
  name: "embedding, maskZero",
  kind: "layer",
  cases: fc.record({
    ...embeddingOf,
    shape: shapes({ min: 2, max: 2 }, 12, 100),
    maskZero: fc.constantFrom(true, true, false),
  }),
  inputs: ({ shape, dtype, inputDim }) => [{ shape, dtype, draw: sometimes([0], 0.3, whole(0, inputDim - 1)) }],
  call: ({ inputDim, outputDim, maskZero: chosen }, x) =>
    onSymbols(
      (tokensOf) => resultingMask(layers.embedding({ inputDim, outputDim, maskZero: chosen }).apply(tokensOf)),
      [x as SymbolicTensor],
    ),
  reference: ({ maskZero: chosen }, x) =>
    elementwise((token) => exact(!chosen || token.value !== 0 ? 1 : 0), [x as RealArray], "bool"),
  gradient: () => false,
});

interface MaskingCase {
  readonly shape: number[];
  readonly maskValue: number | undefined;
  readonly seed: number;
}
const counts = (line: readonly Real[], maskValue: number): boolean =>
  line.some(({ value }) => value !== Math.fround(maskValue));

/** Steps of nothing but `maskValue` become 0, and do not count. */
const masking = op<MaskingCase>({
  name: "masking",
  kind: "layer",
  cases: fc.record({
    shape: fc.oneof(
      { weight: 9, arbitrary: shapes({ min: 3, max: 4 }, 7, 200) },
      { weight: 1, arbitrary: shapes({ max: 2 }) },
    ),
    maskValue: fc.constantFrom(undefined, 0, -1, 0.1, 0.5),
    seed: seeds,
  }),
  inputs: ({ shape, maskValue = 0 }) => [
    { shape, draw: sometimes([maskValue, maskValue, maskValue, Number.NaN], 0.7, within(-2, 2)) },
  ],
  call: ({ maskValue }, x) =>
    onSymbols(
      (steps) => {
        const y = layers.masking(maskValue === undefined ? {} : { maskValue }).apply(steps);
        return [y, maskOf(y) as SymbolicTensor];
      },
      [x as SymbolicTensor],
    ),
  reference: ({ shape, maskValue = 0 }, x) => {
    if (shape.length < 3) return undefined;
    const given = x as RealArray;
    const kept = alongAxis(given, -1, (line) => (counts(line, maskValue) ? line : line.map(() => exact(0))));
    const mask = build(
      shape.slice(0, -1),
      (position) => {
        const features = shape.at(-1) as number;
        const line = Array.from({ length: features }, (_, feature) => at(given, [...position, feature]));
        return exact(counts(line, maskValue) ? 1 : 0);
      },
      "bool",
    );
    return [kept, mask];
  },
});

export const sequenceSubjects: readonly Subject[] = [embedding, maskZero, masking];
